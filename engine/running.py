"""Clocks as they are stored: a limit with what stopped and lengthened it, in one column, and what follows from it.

The step's clock, the unit's and the overall one are all stored like this; `limits.py` does the counting.
"""

from datetime import datetime
from typing import Any

from engine import limits
from engine.limits import Due, Extension, Limit, Pause
from engine.model import Value, encode
from engine.work import Work

Pauses = tuple[Pause, ...]


class Running(Value, frozen=True):
    """A clock as it is stored: its limit, when it began, when it stood still, what was granted on top."""

    limit: Limit
    start: datetime
    pauses: Pauses = ()
    extensions: tuple[Extension, ...] = ()


def begin_clock(limit: Limit | None, start: datetime) -> Running | None:
    return None if limit is None else Running(limit, start)


def stored(running: Running | None) -> str | None:
    return None if running is None else encode(running).decode()


def due_of(work: Work, running: Running) -> Due:
    return limits.clock(running.limit, running.start, work.calendar, running.pauses, running.extensions)


def clock_columns(work: Work, running: Running | None) -> dict[str, Any]:
    """The columns a clock fills: when it runs out, its light now and when that changes next."""
    if running is None:
        return {"due_at": None, "light": None, "light_at": None}
    due = due_of(work, running)
    light = limits.light(due, work.now)
    following = {"green": due.warn_at, "yellow": due.due_at, "red": due.supervise_at}.get(light)
    return {"due_at": due.due_at, "light": light, "light_at": following}
