"""A play from the command line: which process of a file, from which start event, and what came of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine import iso8601, publishing
from engine.bpmn import Reading
from engine.calendars import Calendar
from engine.definition import Definition
from engine.player import Player
from engine.plays import Actions, beginning, in_time, result, unknown
from web.files import Around


def definition(reading: Reading, process: str | None, around: Around) -> Definition:
    """The process to play with everything it calls: the one named, else the first executable one.

    Raises `NotFound` when it was named and is not there, `Invalid` when it cannot run.
    """
    if process is not None and process not in reading.processes:
        raise unknown("process", process, list(reading.processes), "流程", "process")
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
    """Plays it through and says what happened (`plays.result`). Raises `NotFound` and `Refused`."""
    begin = beginning(definition, start, facts, actions)
    return result(
        in_time(
            lambda: Player(
                definition,
                facts=begin.facts,
                start=begin.start,
                at=at.astimezone(iso8601.ZONE),
                tables=around.tables,
                limits=around.limits,
                calendar=Calendar.from_years(publishing.read_calendars()),
            ).play(begin.actions)
        )
    )
