"""Is what is kept what happened? Every chain is checked link by link, and every case replayed from its records.

`records.py` checks one chain and proves one case; here is which there are, so that nothing is left out: a case
whose records are gone, or records whose case is gone, are found too.
"""

from collections.abc import Sequence
from typing import NamedTuple

from engine import census, records
from engine.errors import Finding, NotFound
from engine.work import Work


class Chain(NamedTuple):
    """A chain to check; `case` is the case that it tells of, None where it tells of none or the case is gone."""

    subject: str
    case: int | None = None


def chains(work: Work, named: Sequence[str] = ()) -> list[Chain]:
    """The chains of the cases named (`17`, `case/17` or the number `2026-000017`), else all there are or should be.

    Raises `NotFound` naming a case that is not there.
    """
    cases = {f"case/{id}": id for id in census.all_cases(work.connection)}
    if not named:
        subjects = {*census.subjects(work.connection), *cases}
        return [Chain(subject, cases.get(subject)) for subject in sorted(subjects)]
    found = {one: _subject(one) for one in named}
    for one, subject in found.items():
        if subject not in cases:
            raise NotFound("case.unknown", f"没有事项“{one}”。", f"There is no case “{one}”.")
    return [Chain(subject, cases[subject]) for subject in found.values()]


def faults(work: Work, chain: Chain) -> list[Finding]:
    """Every fault of a chain; of a case also when its records do not lead to the state that is stored for it."""
    found = records.verify(work.connection, chain.subject)
    if chain.case is not None:
        return found or records.proves(work.connection, chain.case)
    return [*found, _gone(chain.subject)] if chain.subject.startswith("case/") else found


def _subject(case: str) -> str:
    """A number ends in the id of its case: see `cases.open_`."""
    id = case.removeprefix("case/").rpartition("-")[2]
    return f"case/{int(id)}" if id.isascii() and id.isdecimal() and len(id) < 19 else ""


def _gone(subject: str) -> Finding:
    return Finding(
        "record.no-case",
        "error",
        subject,
        f"{subject} 有记录，事项本身却不在：它被删除了。 {subject} has records but is not there: it was removed.",
    )
