"""Working days and working hours as the State Council orders them, year by year.

A `Year` is data with its source: the days on which the yearly notice departs from Monday to Friday. A
`Calendar` is several years and a working schedule, and answers every question by bisection in two sorted
lists built once. A year for which no notice is known follows Monday to Friday and is *provisional*: whatever
is computed with it is recomputed when the year is confirmed. China has one time zone and, in the years
covered here, no summer time.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta, timezone
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Literal, NamedTuple

from engine.errors import Finding, Invalid
from engine.model import Value, revive

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The zone in which days begin and end: UTC+8 throughout."""

FIRST_YEAR, LAST_YEAR = 2000, 2100
"""The years a calendar can count in, with or without data of their own."""

Status = Literal["confirmed", "provisional"]
DayKind = Literal["workday", "make_up", "weekend", "holiday"]
TICK = timedelta(microseconds=1)


class Source(Value, frozen=True):
    """The document a year comes from; `number` and `published` are None where they are not known."""

    title: str
    number: str | None = None
    published: date | None = None


class Day(Value, frozen=True):
    """What the notice says of one day: off, or worked to make up for the named holiday."""

    kind: Literal["holiday", "workday"]
    name: str


class Year(Value, frozen=True):
    """One year of the working calendar: only the named holidays and the departures from Monday to Friday.

    `days` is keyed by date as written (2026-10-01), so that a year is JSON as it stands.
    `amendments` are later notices that changed it; the notice of the next year may move its last days.
    """

    year: int
    status: Status
    days: dict[str, Day]
    source: Source | None = None
    amendments: tuple[Source, ...] = ()


class Schedule(Value, frozen=True, dict=True):
    """Office hours from `effective_from` on: shifts (opens, closes) of one day, local time, ascending."""

    effective_from: date
    shifts: tuple[tuple[time, time], ...]

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """The shifts in microseconds since midnight."""
        return tuple((_since_midnight(opens), _since_midnight(closes)) for opens, closes in self.shifts)

    @property
    def closes(self) -> time:
        """Close of business (民法典 203.2)."""
        return self.shifts[-1][1]


OFFICE_HOURS = Schedule(date(FIRST_YEAR, 1, 1), ((time(8), time(12)), (time(14), time(18))))
"""Product default: 08:00-12:00 and 14:00-18:00."""


class Change(NamedTuple):
    """A day that is of another kind in the new calendar."""

    day: date
    before: DayKind
    after: DayKind


class _Index(NamedTuple):
    """Working days as ordinals, ascending; ticks worked before each of them (one more: after the last)."""

    days: Sequence[int]
    worked: Sequence[int]


class Calendar(Value, frozen=True, dict=True):
    """Working days and hours of several years. Build it with `from_years`, which checks what it is given."""

    years: tuple[Year, ...] = ()
    schedules: tuple[Schedule, ...] = (OFFICE_HOURS,)

    @classmethod
    def from_years(cls, years: Iterable[Year], schedules: Iterable[Schedule] = (OFFICE_HOURS,)) -> "Calendar":
        """The calendar of these years. Raises `Invalid` on a year given twice or impossible office hours."""
        chosen = tuple(sorted(years, key=lambda one: one.year))
        hours = tuple(sorted(schedules, key=lambda one: one.effective_from))
        findings = [*_year_findings(chosen), *_schedule_findings(hours)]
        if findings:
            raise Invalid("calendar.invalid", "日历有误。", "The calendar has faults.", findings)
        return cls(chosen, hours)

    def is_workday(self, day: date) -> bool:
        """Whether people work on this day, make-up days included."""
        return self.kind(day) in ("workday", "make_up")

    def kind(self, day: date) -> DayKind:
        """What the day is; a day off that the notice names is a holiday even on a weekend."""
        rule = self._days.get(day)
        if rule is not None and rule.kind == "holiday":
            return "holiday"
        if day.weekday() < 5:
            return "workday"
        return "make_up" if rule is not None else "weekend"

    def name(self, day: date) -> str:
        """The holiday that the day belongs to or makes up for, "" for an ordinary day."""
        rule = self._days.get(day)
        return rule.name if rule is not None else ""

    @cached_property
    def confirmed(self) -> frozenset[int]:
        """The years of which the notice is known."""
        return frozenset(one.year for one in self.years if one.status == "confirmed")

    def is_provisional(self, day: date) -> bool:
        """Whether no notice confirms the year of this day."""
        return day.year not in self.confirmed

    def next_workday(self, day: date) -> date:
        """The first working day after this one."""
        return self.add_working_days(day, 1)

    def workday_from(self, day: date) -> date:
        """This day if people work on it, else the next working day (民法典 203.1)."""
        return self._workday(bisect_left(self._index.days, _ordinal(day)))

    def add_working_days(self, day: date, count: int) -> date:
        """The `count`-th (>= 1) working day after `day`, which itself is not counted (民法典 201.1)."""
        if count < 1:
            raise ValueError("count must be at least 1")
        return self.nth_workday(self.workdays_until(day) + count)

    def workdays_until(self, day: date) -> int:
        """How many working days there are up to and including this day, since the calendar begins."""
        return bisect_right(self._index.days, _ordinal(day))

    def nth_workday(self, number: int) -> date:
        """The day at which `workdays_until` reaches `number` (>= 1)."""
        return self._workday(number - 1)

    def workdays_between(self, after: date, through: date) -> int:
        """Working days later than `after`, up to and including `through`."""
        return self.workdays_until(through) - self.workdays_until(after)

    def schedule(self, day: date) -> Schedule:
        """The office hours in force on this day; before the first schedule the first one applies."""
        place = bisect_right(self.schedules, day, key=lambda one: one.effective_from)
        return self.schedules[max(place - 1, 0)]

    def close_of(self, day: date) -> datetime:
        """Close of business on this day; on a day off the hour at which business would close."""
        return datetime.combine(day, self.schedule(day).closes, SHANGHAI)

    def closed_through(self, moment: datetime) -> date:
        """The last day whose close of business is not later than this moment."""
        day = local(moment).date()
        return day if self.close_of(day) <= moment else day - timedelta(days=1)

    def add_working_time(self, start: datetime, amount: timedelta) -> datetime:
        """The first moment by which `amount` (not negative) has been worked since `start`."""
        if amount < timedelta(0):
            raise ValueError("amount must not be negative")
        return self.moment_worked(self.worked_until(start) + amount // TICK) if amount else local(start)

    def worked_until(self, moment: datetime) -> int:
        """Microseconds of office hours from the beginning of the calendar to this moment."""
        here = local(moment)
        day = _ordinal(here.date())
        place = bisect_left(self._index.days, day)
        before = self._index.worked[place]
        if place == len(self._index.days) or self._index.days[place] != day:
            return before
        return before + _worked(self.schedule(here.date()), _since_midnight(here.time()))

    def moment_worked(self, ticks: int) -> datetime:
        """The first moment at which `worked_until` reaches `ticks` (>= 1 microsecond)."""
        place = bisect_left(self._index.worked, ticks) - 1
        day = self._workday(place)
        rest = ticks - self._index.worked[place]
        midnight = datetime.combine(day, time(), SHANGHAI)
        return midnight + _clock_time(self.schedule(day), rest) * TICK

    @cached_property
    def _days(self) -> dict[date, Day]:
        return {date.fromisoformat(day): rule for one in self.years for day, rule in one.days.items()}

    @cached_property
    def _index(self) -> _Index:
        first, last = date(FIRST_YEAR, 1, 1).toordinal(), date(LAST_YEAR, 12, 31).toordinal()
        special = {day.toordinal(): rule.kind == "workday" for day, rule in self._days.items()}
        # Day 1 of the proleptic calendar is a Monday, so 6 and 0 modulo 7 are Saturday and Sunday.
        days = [one for one in range(first, last + 1) if special.get(one, one % 7 not in (6, 0))]
        lengths = (_length(self.schedule(date.fromordinal(one))) for one in days)
        return _Index(days, list(accumulate(lengths, initial=0)))

    def _workday(self, place: int) -> date:
        if not 0 <= place < len(self._index.days):
            raise _out_of_range()
        return date.fromordinal(self._index.days[place])


def changes(old: Calendar, new: Calendar) -> tuple[Change, ...]:
    """The days that are of another kind in the new calendar, in order: whatever counts over them moves."""
    days = sorted(old._days.keys() | new._days.keys())
    compared = (Change(day, old.kind(day), new.kind(day)) for day in days)
    return tuple(one for one in compared if one.before != one.after)


def local(moment: datetime) -> datetime:
    """The moment in the zone of the product. Raises `Invalid` on a moment without zone."""
    if moment.tzinfo is None:
        raise Invalid(
            "time.no-zone",
            f"时间 {moment.isoformat()} 未注明时区，请加上时区，例如 +08:00。",
            f"The time {moment.isoformat()} names no zone: add one, for example +08:00.",
        )
    return moment.astimezone(SHANGHAI)


def read_year(data: bytes, expected: int | None = None) -> Year:
    """The year that an imported file (JSON) describes; `expected` is the year the importer asked for.

    Raises `Invalid` with all findings; `Finding.element` is the day or the field at fault.
    """
    repeated: list[str] = []
    try:
        content = json.loads(data, object_pairs_hook=lambda pairs: _object(pairs, repeated))
    except (ValueError, RecursionError) as fault:
        content, findings = (
            None,
            [_finding("format", "", f"不是有效的 JSON：{fault}。", f"Not JSON: {fault}.")],
        )
    else:
        findings = [*_repeated_findings(repeated), *_file_findings(content, expected)]
    if findings:
        raise Invalid("calendar.invalid", "日历文件有误，未导入。", "The calendar file was not imported.", findings)
    return revive(content, Year)


def _object(pairs: list[tuple[str, Any]], repeated: list[str]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    repeated.extend(sorted({name for name in names if names.count(name) > 1}))
    return dict(pairs)


def _repeated_findings(names: Iterable[str]) -> Iterator[Finding]:
    for name in names:
        yield _finding("repeated", name, f"“{name}”出现两次，请只留一个。", f'"{name}" occurs twice: keep one.')


def _file_findings(content: Any, expected: int | None) -> Iterator[Finding]:
    if not isinstance(content, dict):
        yield _finding("format", "", "文件须为一个 JSON 对象。", "The file must hold one JSON object.")
        return
    for name in sorted(content.keys() - {"year", "status", "source", "amendments", "days"}):
        yield _finding("field", name, f"没有“{name}”这一项，请删除。", f'There is no field "{name}": remove it.')
    yield from _number_findings(content.get("year"), expected)
    yield from _status_findings(content)
    yield from _all_days_findings(content)


def _number_findings(year: Any, expected: int | None) -> Iterator[Finding]:
    if not _is_year(year):
        yield _finding(
            "year",
            "year",
            f"年份须为 {FIRST_YEAR} 至 {LAST_YEAR} 的整数。",
            f"The year must be a whole number from {FIRST_YEAR} to {LAST_YEAR}.",
        )
    elif expected is not None and year != expected:
        yield _finding(
            "year",
            "year",
            f"文件是 {year} 年的，应为 {expected} 年。",
            f"The file is for {year}, not for {expected}.",
        )


def _status_findings(content: dict[str, Any]) -> Iterator[Finding]:
    status, source = content.get("status"), content.get("source")
    if status not in ("confirmed", "provisional"):
        yield _finding(
            "status",
            "status",
            "状态须为 confirmed（已公布）或 provisional（暂定）。",
            "The status must be confirmed or provisional.",
        )
    if status == "confirmed" and source is None:
        yield _finding(
            "source",
            "source",
            "已公布的年份须写明通知名称。",
            "A confirmed year must name its notice as source.",
        )
    if source is not None:
        yield from _source_findings(source, "source")
    if status == "confirmed" and isinstance(source, dict) and str(content.get("year")) not in str(source.get("title")):
        yield _finding(
            "source",
            "source",
            "通知名称中没有该年份，请核对。",
            "The notice's title does not name this year: check it.",
        )
    yield from _amendment_findings(content.get("amendments", []))


def _amendment_findings(amendments: Any) -> Iterator[Finding]:
    if not isinstance(amendments, list):
        yield _finding("source", "amendments", "amendments 须为列表。", "amendments must be a list.")
        return
    for one in amendments:
        yield from _source_findings(one, "amendments")


def _source_findings(source: Any, place: str) -> Iterator[Finding]:
    if not isinstance(source, dict) or not _is_text(source.get("title")):
        yield _finding("source", place, "来源须写明文件名称。", "A source must have the title of the document.")
        return
    for name in sorted(source.keys() - {"title", "number", "published"}):
        yield _finding("field", name, f"来源没有“{name}”这一项。", f'A source has no field "{name}".')
    if source.get("number") is not None and not _is_text(source["number"]):
        yield _finding(
            "source", place, "文号须为文字；不知道时写 null。", "The number must be text, or null if unknown."
        )
    if source.get("published") is not None and _as_date(source["published"]) is None:
        yield _finding("source", place, "公布日期须写成 2025-11-04。", "Write the date of publication as 2025-11-04.")


def _all_days_findings(content: dict[str, Any]) -> Iterator[Finding]:
    days = content.get("days")
    if not isinstance(days, dict):
        yield _finding("days", "days", "缺少 days（日期表）。", "The days are missing.")
        return
    for text, rule in days.items():
        yield from _day_findings(text, rule, content.get("year"))
    kinds = {rule.get("kind") for rule in days.values() if isinstance(rule, dict)}
    if content.get("status") == "confirmed" and "holiday" not in kinds:
        yield _finding("days", "days", "已公布的年份没有任何放假日。", "A confirmed year has no holiday at all.")


def _day_findings(text: str, rule: Any, year: Any) -> Iterator[Finding]:
    day = _as_date(text)
    if day is None:
        yield _finding(
            "date", text, f"“{text}”不是日期，请写成 2026-10-01。", f'"{text}" is no date: write 2026-10-01.'
        )
    elif _is_year(year) and day.year != year:
        yield _finding("date", text, f"{text} 不在 {year} 年内。", f"{text} does not lie in {year}.")
    if not isinstance(rule, dict):
        yield _finding("day", text, f"{text} 须写明 kind 和 name。", f"{text} must have a kind and a name.")
        return
    for name in sorted(rule.keys() - {"kind", "name"}):
        yield _finding("field", text, f"{text} 没有“{name}”这一项。", f'{text} has no field "{name}".')
    yield from _rule_findings(text, rule, day)


def _rule_findings(text: str, rule: dict[str, Any], day: date | None) -> Iterator[Finding]:
    kind = rule.get("kind")
    if kind not in ("holiday", "workday"):
        yield _finding(
            "kind",
            text,
            f"{text} 的 kind 须为 holiday（放假）或 workday（上班）。",
            f"The kind of {text} must be holiday or workday.",
        )
    if kind == "workday" and day is not None and day.weekday() < 5:
        yield _finding(
            "kind",
            text,
            f"{text} 本来就是工作日，调休上班日应在周末，请核对。",
            f"{text} is a weekday anyway; a make-up workday falls on a weekend: check the date.",
        )
    if not _is_text(rule.get("name")):
        yield _finding("name", text, f"{text} 须写明节日名称。", f"{text} must name its holiday.")


def _year_findings(years: Sequence[Year]) -> Iterator[Finding]:
    numbers = [one.year for one in years]
    for number in sorted({one for one in numbers if numbers.count(one) > 1}):
        yield _finding("repeated", str(number), f"{number} 年给了两次。", f"The year {number} is given twice.")
    for one in years:
        if not _is_year(one.year) or not all(_lies_in(day, one.year) for day in one.days):
            yield _finding("date", str(one.year), f"{one.year} 年的日期有误。", f"A day of {one.year} is out of place.")


def _schedule_findings(schedules: Sequence[Schedule]) -> Iterator[Finding]:
    if not schedules:
        yield _finding("hours", "", "须有至少一套作息时间。", "There must be at least one working schedule.")
    starts = [one.effective_from for one in schedules]
    for start in sorted({one for one in starts if starts.count(one) > 1}):
        yield _finding("repeated", str(start), f"{start} 起有两套作息时间。", f"Two schedules begin on {start}.")
    for one in schedules:
        edges = [edge for shift in one.shifts for edge in shift]
        if not edges or any(later <= earlier for earlier, later in pairwise(edges)):
            yield _finding(
                "hours",
                str(one.effective_from),
                "作息时间须从早到晚，时段不重叠，至少一段。",
                "Office hours must ascend without overlap, and there must be some.",
            )


def _finding(rule: str, element: str, zh: str, en: str) -> Finding:
    return Finding(f"calendar.{rule}", "error", element, f"{zh} {en}")


def _is_year(value: Any) -> bool:
    return type(value) is int and FIRST_YEAR <= value <= LAST_YEAR


def _lies_in(text: str, year: int) -> bool:
    day = _as_date(text)
    return day is not None and day.year == year


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _as_date(text: Any) -> date | None:
    """The date written 2026-10-01; the other ISO notations are refused, so that one day has one name."""
    try:
        day = date.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return day if day.isoformat() == text else None


def _ordinal(day: date) -> int:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise _out_of_range()
    return day.toordinal()


def _out_of_range() -> Invalid:
    return Invalid(
        "calendar.range",
        f"日期超出日历范围（{FIRST_YEAR} 至 {LAST_YEAR} 年），请核对日期与时限。",
        f"The date lies outside the calendar ({FIRST_YEAR} to {LAST_YEAR}): check the date and the limit.",
    )


def _since_midnight(moment: time) -> int:
    seconds = (moment.hour * 60 + moment.minute) * 60 + moment.second
    return seconds * 1_000_000 + moment.microsecond


def _length(schedule: Schedule) -> int:
    return sum(closes - opens for opens, closes in schedule.spans)


def _worked(schedule: Schedule, now: int) -> int:
    """Ticks of office hours between midnight and `now` (ticks since midnight)."""
    return sum(min(now, closes) - opens for opens, closes in schedule.spans if now > opens)


def _clock_time(schedule: Schedule, worked: int) -> int:
    """Ticks since midnight at which `worked` ticks (1 to a day's length) of the day have been worked."""
    for opens, closes in schedule.spans:
        if worked <= closes - opens:
            return opens + worked
        worked -= closes - opens
    raise ValueError("more than a day's work")
