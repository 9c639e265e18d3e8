"""Messages that people send to a running matter, with what the domain knows filled in: an emergency says who
reports it (JS-30: chiefs and full-time workers; a part-timer's report goes through the chief)."""

from collections.abc import Callable, Mapping
from typing import Any

from engine import cases
from engine.directory import Actor
from engine.work import Work


def send(work: Work, actor: Actor, case_id: int, name: str, answer: Mapping[str, Any]) -> None:
    """Sends a message to a case. Raises what `cases.interrupt` raises."""
    known = KNOWN[name](work, actor) if name in KNOWN else {}
    cases.interrupt(work, actor, case_id, name, {**answer, **known})


def _reporter(work: Work, actor: Actor) -> dict[str, Any]:
    """Who reports an emergency: the kind of worker, or the agency."""
    return {"reporter": work.directory.worker_kind(actor.person) or "agency"}


KNOWN: Mapping[str, Callable[[Work, Actor], dict[str, Any]]] = {"emergency": _reporter}
