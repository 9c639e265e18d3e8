"""When a timer of a diagram falls due: ISO 8601 dates, durations and repetitions, or a limit in law time."""

from collections.abc import Mapping
from datetime import datetime

from engine import iso8601
from engine.calendars import Calendar
from engine.definition import Timer
from engine.errors import Refused
from engine.limits import Limit, due


def due_at(timer: Timer, base: datetime, limits: Mapping[str, Limit], calendar: Calendar) -> datetime | None:
    """When a timer that begins to run at `base` falls due; None: never (a documented "no limit").

    A repetition falls due one interval after `base`, or at its start if that is still ahead. Raises `Refused`
    when it names a limit the pack does not have.
    """
    if timer.kind == "limit":
        return due(_limit(timer.text, limits), base, calendar).due_at
    if timer.kind == "date":
        return iso8601.instant(timer.text)
    if timer.kind == "duration":
        return base + iso8601.duration(timer.text)
    _, start, interval = iso8601.cycle(timer.text)
    return start if start is not None and start > base else base + interval


def missed(timer: Timer, due: datetime, now: datetime) -> int:
    """How many further periods of a repetition have passed at `now`, after the one that fell due at `due`."""
    if timer.kind != "cycle":
        return 0
    _, _, interval = iso8601.cycle(timer.text)
    count = 0
    while due + interval * (count + 1) <= now:
        count += 1
    return count


def following(timer: Timer, due: datetime, passed: int) -> datetime:
    """When a repetition falls due again, `passed` periods after it fell due at `due`."""
    _, _, interval = iso8601.cycle(timer.text)
    return due + interval * passed


def _limit(key: str, limits: Mapping[str, Limit]) -> Limit:
    if key not in limits:
        raise Refused("timer.no-such-limit", f"流程包中没有时限“{key}”。", f"The pack has no limit “{key}”.")
    return limits[key]
