"""Times as diagrams write them: ISO 8601 instants, durations and repetitions, and nothing else.

A text outside the standard is an error here, never a guess: other engines evaluate `PT5S` as code or give a
date without a zone the server's. Years and months stay what they are until a moment is known to add them to.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import isodate

ZONE = ZoneInfo("Asia/Shanghai")
"""The zone of a text that names none."""

LONGEST = timedelta(days=36_525)
"""A hundred years: a longer duration is a slip of the pen and would leave the calendar."""

_DURATION = re.compile(
    r"P(?=[\dT])(\d+Y)?(\d+M)?(\d+W)?(\d+([.,]\d+)?D)?(T(?=\d)(\d+([.,]\d+)?H)?(\d+([.,]\d+)?M)?(\d+([.,]\d+)?S)?)?",
    re.ASCII,
)
_REPETITION = re.compile(r"R(\d{0,9})", re.ASCII)
_INSTANT = re.compile(r"[\dW-]{8,10}T[\d:.,]{2,18}(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: calendar months, and days to microseconds. Add it to an aware `datetime`.

    Months keep the day of the month, or take the last one of a shorter month, in the zone of the moment.
    """

    months: int = 0
    rest: timedelta = timedelta()

    def __radd__(self, moment: datetime) -> datetime:
        years, month = divmod(moment.month - 1 + self.months, 12)
        year, month = moment.year + years, month + 1
        return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1])) + self.rest

    def __mul__(self, times: int) -> "Duration":
        """As long, so many times; months are counted from the first moment, so month ends do not drift."""
        return Duration(self.months * times, self.rest * times)


def duration(text: str) -> Duration:
    """`P1Y2M`, `P2W`, `PT1H30M`, … as a `Duration`, zero included. Raises `ValueError`."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"not an ISO 8601 duration: {text!r}")
    try:
        return _at_most_a_century(_as_duration(isodate.parse_duration(text.replace(",", "."))))
    except (OverflowError, ValueError) as error:
        raise ValueError(f"not an ISO 8601 duration: {text!r}") from error


def instant(text: str) -> datetime:
    """`2026-05-01T09:00:00+08:00` as an aware moment, in Asia/Shanghai if no zone is named.

    Raises `ValueError`, also for a date without a time of day.
    """
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"not an ISO 8601 instant: {text!r}")
    try:
        moment: datetime = isodate.parse_datetime(text)
        offset = moment.utcoffset()
    except (OverflowError, ValueError) as error:
        raise ValueError(f"not an ISO 8601 instant: {text!r}") from error
    return moment.replace(tzinfo=ZONE if offset is None else timezone(offset))


def cycle(text: str) -> tuple[int | None, datetime | None, Duration]:
    """`R3/PT10H` or `R/2026-05-01T09:00:00+08:00/P1D` as (repetitions, start, interval).

    No number of repetitions (`R/…`) is None: without end. Raises `ValueError`, also for no repetition and for
    an interval of nothing.
    """
    head, *parts = text.split("/")
    found = _REPETITION.fullmatch(head)
    if found is None or len(parts) not in (1, 2):
        raise ValueError(f"not an ISO 8601 repetition: {text!r}")
    repetitions = int(found[1]) if found[1] else None
    interval = duration(parts[-1])
    if repetitions == 0 or interval == Duration():
        raise ValueError(f"a repetition that never ends or never begins: {text!r}")
    return repetitions, instant(parts[0]) if len(parts) == 2 else None, interval


def zoned(text: str) -> str:
    """An instant as text with its zone: unchanged if it names one, else with Asia/Shanghai's offset added.

    Raises `ValueError`.
    """
    found = _INSTANT.fullmatch(text)
    offset = instant(text).isoformat()[-6:]
    return text if found is not None and found[1] else text + offset


def _as_duration(parsed: Any) -> Duration:
    """isodate gives a timedelta, or its own type where years or months occur."""
    if isinstance(parsed, timedelta):
        return Duration(rest=parsed)
    return Duration(int(Decimal(parsed.years) * 12 + Decimal(parsed.months)), parsed.tdelta)


def _at_most_a_century(length: Duration) -> Duration:
    if length.rest > LONGEST or length.months > 1200:
        raise ValueError("longer than a hundred years")
    return length
