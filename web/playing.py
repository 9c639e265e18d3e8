"""A play from the command line: which process of a file, from which start event, and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from engine import iso8601, publishing
from engine.bpmn import Reading
from engine.calendars import Calendar
from engine.definition import Definition, Node
from engine.errors import NotFound, Refused
from engine.player import Player
from web.files import Around

Actions = Sequence[Mapping[str, Any]]


class Beginning(NamedTuple):
    """The start event, the facts it brings, and the actions that are left."""

    start: str
    facts: dict[str, Any]
    actions: Actions


def definition(reading: Reading, process: str | None, around: Around) -> Definition:
    """The process to play with everything it calls: the one named, else the first executable one.

    Raises `NotFound` when it was named and is not there, `Invalid` when it cannot run.
    """
    if process is not None and process not in reading.processes:
        raise _unknown("process", process, list(reading.processes), "流程", "process")
    return reading.definition(process or next(iter(reading.executable), None), around.processes)


def run(
    definition: Definition,
    around: Around,
    *,
    start: str | None,
    facts: Mapping[str, Any],
    actions: Actions,
    at: datetime,
) -> dict[str, Any]:
    """Plays it through and says what happened (`result`). Raises `NotFound` and `Refused`."""
    begin = beginning(definition, start, facts, actions)
    try:
        player = Player(
            definition,
            facts=begin.facts,
            start=begin.start,
            at=at.astimezone(iso8601.ZONE),
            tables=around.tables,
            limits=around.limits,
            calendar=Calendar.from_years(publishing.read_calendars()),
        )
        return result(player.play(begin.actions))
    except (OverflowError, ValueError) as error:
        raise Refused(
            "play.beyond-time",
            "推演的时间超出了日历范围。请检查开始时间、定时器和 advance。",
            "The play ran out of the calendar. Check the starting time, the timers and each advance.",
        ) from error


def beginning(definition: Definition, start: str | None, facts: Mapping[str, Any], actions: Actions) -> Beginning:
    """Where the play begins: at the event named; at the plain start event; at the one that catches the message or
    signal with which the script begins; else at the first start event. Raises `NotFound`."""
    events = {id: node for id, node in definition.process.body.nodes.items() if node.kind == "start"}
    if start is not None and start not in events:
        raise _unknown("start", start, list(events), "开始事件", "start event")
    if start is not None:
        return Beginning(start, dict(facts), actions)
    if not events or any(node.trigger.kind == "none" for node in events.values()):
        return Beginning("", dict(facts), actions)
    first = actions[0] if actions else {}
    caught = next((id for id, node in events.items() if _catches(node, first)), None)
    if caught is None:
        return Beginning(next(iter(events)), dict(facts), actions)
    return Beginning(caught, {**facts, **first.get("facts", {})}, actions[1:])


def result(player: Player) -> dict[str, Any]:
    """The contract of `wangge play --json`; `incidents` is there only when there are some."""
    told = {"status": player.status, "trace": player.trace, "open": player.open, "variables": player.variables}
    return told | ({"incidents": player.incidents} if player.incidents else {})


def _catches(event: Node, action: Mapping[str, Any]) -> bool:
    return event.trigger.kind in ("message", "signal") and action.get(event.trigger.kind) == event.trigger.ref


def _unknown(kind: str, name: str, known: Sequence[str], zh: str, en: str) -> NotFound:
    return NotFound(
        f"play.no-such-{kind}",
        f"文件中没有{zh}“{name}”。现有：{'、'.join(known) or '无'}。",
        f"The file has no {en} “{name}”. There are: {', '.join(known) or 'none'}.",
    )
