"""Limits, due times and lights: the published examples, and a second opinion that counts minute by minute.

The second opinion knows nothing of the engine: it asks `chinese_calendar` about each day and walks forward
one minute (for hours) or one day (for days) at a time.
"""

from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import chinese_calendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendars import OFFICE_HOURS, SHANGHAI, Calendar, Day, Schedule, Source, Year, changes, read_year
from engine.errors import Invalid, Refused
from engine.limits import (
    Basis,
    Due,
    Extension,
    Limit,
    Pause,
    Unit,
    check_extensions,
    check_limit,
    clock,
    due,
    explain,
    light,
    merge,
    remaining,
)
from engine.model import decode, encode, plain

FOLDER = Path(__file__).parents[2] / "processes" / "calendars"
YEARS = {int(file.stem): read_year(file.read_bytes()) for file in sorted(FOLDER.glob("*.json"))}
CALENDAR = Calendar.from_years(YEARS.values())
UNTIL_2026 = Calendar.from_years(one for number, one in YEARS.items() if number < 2027)

BASIS = Basis("product_default")
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def limit(amount: int, unit: Unit, **more: Any) -> Limit:
    return Limit("handle", BASIS, amount, unit, **more)


# ------------------------------------------------------------------------------------ published examples


@pytest.mark.parametrize(
    ("start", "amount", "unit", "end"),
    [
        ("2026-09-30T16:00", 1, "working_day", "2026-10-08T18:00"),
        ("2026-09-30T16:00", 3, "working_day", "2026-10-10T18:00"),  # a make-up Saturday
        ("2026-02-13T17:30", 1, "working_day", "2026-02-14T18:00"),
        ("2026-02-13T17:30", 5, "working_day", "2026-02-27T18:00"),
        ("2026-02-14T09:00", 1, "working_day", "2026-02-24T18:00"),
        ("2026-04-30T18:00", 2, "working_day", "2026-05-07T18:00"),
        ("2026-05-08T10:00", 1, "working_day", "2026-05-09T18:00"),
        ("2026-09-19T10:00", 1, "working_day", "2026-09-20T18:00"),
        ("2026-09-20T10:00", 5, "working_day", "2026-09-28T18:00"),
        ("2026-09-24T20:00", 3, "working_day", "2026-09-30T18:00"),
        ("2026-11-21T18:47", 5, "working_day", "2026-11-27T18:00"),
        ("2026-09-26T10:00", 7, "natural_day", "2026-10-08T18:00"),
        ("2026-02-10T10:00", 7, "natural_day", "2026-02-24T18:00"),
        ("2026-05-02T10:00", 7, "natural_day", "2026-05-09T18:00"),
        ("2026-09-30T16:00", 24, "natural_hour", "2026-10-01T16:00"),
        ("2026-10-01T00:10", 30, "natural_minute", "2026-10-01T00:40"),
        ("2026-09-30T16:00", 2, "working_hour", "2026-09-30T18:00"),
        ("2026-09-30T16:00", 4, "working_hour", "2026-10-08T10:00"),
        ("2026-09-30T11:00", 4, "working_hour", "2026-09-30T17:00"),
        ("2026-10-03T03:00", 8, "working_hour", "2026-10-08T18:00"),
    ],
)
def test_published_examples(start: str, amount: int, unit: Unit, end: str) -> None:
    found = due(limit(amount, unit), at(start), CALENDAR)
    assert (found.due_at, found.provisional) == (at(end), False)


def test_what_crosses_into_a_year_without_notice_is_provisional() -> None:
    found = due(limit(1, "working_day"), at("2026-12-31T09:00"), UNTIL_2026)
    assert (found.due_at, found.provisional) == (at("2027-01-01T18:00"), True)
    known = due(limit(1, "working_day"), at("2026-12-31T09:00"), CALENDAR)
    assert (known.due_at, known.provisional) == (at("2027-01-04T18:00"), True)


@pytest.mark.parametrize(
    ("amount", "unit", "provisional"),
    [
        (1, "working_day", False),
        (2, "working_day", True),
        (8, "working_hour", False),
        (12, "working_hour", False),
        (13, "working_hour", True),
        (1, "natural_day", False),
        (2, "natural_day", True),
        (300, "natural_hour", False),  # hours run through: no notice can move them
        (3000, "natural_minute", False),
    ],
)
def test_only_what_rests_on_the_unknown_year_is_provisional(amount: int, unit: Unit, provisional: bool) -> None:
    found = due(limit(amount, unit), at("2026-12-30T14:00"), CALENDAR)
    assert found.provisional is provisional


def test_working_days_rest_on_every_year_they_cross() -> None:
    only_2026 = Calendar.from_years([YEARS[2026]])
    for unit in ("working_day", "working_hour"):
        found = due(limit(5, unit), at("2025-12-31T17:00"), only_2026)
        assert found.provisional
    assert not due(limit(5, "natural_day"), at("2025-12-31T17:00"), only_2026).provisional


def test_confirming_a_year_moves_the_due_time_and_settles_it() -> None:
    notice = {
        "2027-01-01": Day("holiday", "元旦"),
        "2027-01-02": Day("holiday", "元旦"),
        "2027-01-03": Day("workday", "元旦"),
    }
    year = Year(2027, "confirmed", notice, Source("国务院办公厅关于2027年部分节假日安排的通知"))
    confirmed = Calendar.from_years([YEARS[2026], year])
    before = due(limit(1, "working_day"), at("2026-12-31T09:00"), CALENDAR)
    after = due(limit(1, "working_day"), at("2026-12-31T09:00"), confirmed)
    assert (before.due_at, before.provisional) == (at("2027-01-04T18:00"), True)
    assert (after.due_at, after.provisional) == (at("2027-01-03T18:00"), False)
    assert date(2027, 1, 3) in [one.day for one in changes(CALENDAR, confirmed)]


def test_the_office_hours_of_the_last_day_decide_when_it_ends() -> None:
    summer = Schedule(date(2026, 7, 1), ((time(8), time(12)), (time(15), time(18, 30))))
    calendar = Calendar.from_years(YEARS.values(), [OFFICE_HOURS, summer])
    assert due(limit(1, "working_day"), at("2026-06-30T09:00"), calendar).due_at == at("2026-07-01T18:30")


def test_a_start_in_another_zone_begins_on_the_day_it_is_in_shanghai() -> None:
    start = datetime.fromisoformat("2026-09-29T17:00:00+00:00")  # 30 September, 01:00 in Shanghai
    assert due(limit(1, "working_day"), start, CALENDAR).due_at == at("2026-10-08T18:00")


# ----------------------------------------------------------------------------- counting one minute at a time


@cache
def works(day: date) -> bool:
    return bool(chinese_calendar.is_workday(day))


def stopped(moment: datetime, pauses: list[tuple[datetime, datetime]]) -> bool:
    return any(since <= moment < until for since, until in pauses)


def counts(unit: str, minute: datetime, pauses: list[tuple[datetime, datetime]]) -> bool:
    """Whether the minute that begins here counts for a limit in hours or minutes."""
    if stopped(minute, pauses):
        return False
    return unit.startswith("natural") or (works(minute.date()) and minute.hour in (8, 9, 10, 11, 14, 15, 16, 17))


def day_counts(unit: str, day: date, pauses: list[tuple[datetime, datetime]]) -> bool:
    """Whether the day counts: its last minute before 18:00 decides."""
    last = datetime(day.year, day.month, day.day, 17, 59, 30, tzinfo=SHANGHAI)
    return not stopped(last, pauses) and (unit == "natural_day" or works(day))


def after_minutes(unit: str, start: datetime, minutes: int, pauses: list[tuple[datetime, datetime]]) -> datetime:
    now = start
    while minutes:
        minutes -= counts(unit, now, pauses)
        now += MINUTE
    return now


def after_days(unit: str, start: datetime, amount: int, pauses: list[tuple[datetime, datetime]]) -> datetime:
    day = start.date()
    while amount:
        day += DAY
        amount -= day_counts(unit, day, pauses)
    while not (works(day) and day_counts(unit, day, pauses)):
        day += DAY
    return datetime(day.year, day.month, day.day, 18, tzinfo=SHANGHAI)


def counted_due(unit: str, start: datetime, amount: int, pauses: list[tuple[datetime, datetime]]) -> datetime:
    if unit.endswith("day"):
        return after_days(unit, start, amount, pauses)
    return after_minutes(unit, start, amount * (1 if unit == "natural_minute" else 60), pauses)


def minutes_between(unit: str, start: datetime, end: datetime, pauses: list[tuple[datetime, datetime]]) -> int:
    minutes = (end - start) // MINUTE
    return sum(counts(unit, start + one * MINUTE, pauses) for one in range(minutes))


HOLIDAYS = sorted(day for day in chinese_calendar.holidays if day.year < 2026)
DATES = st.one_of(
    st.dates(date(2004, 1, 1), date(2026, 5, 1)),
    st.builds(lambda day, off: day + off * DAY, st.sampled_from(HOLIDAYS), st.integers(-9, 9)),
)
STARTS = st.builds(
    lambda day, minute: datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + minute * MINUTE,
    DATES,
    st.one_of(st.integers(0, 1439), st.sampled_from([0, 480, 720, 840, 1079, 1080, 1081])),
)
AMOUNTS: list[tuple[Unit, int]] = [
    ("natural_minute", 300),
    ("natural_hour", 120),
    ("working_hour", 30),
    ("working_day", 20),
    ("natural_day", 25),
]
LIMITS = st.sampled_from(AMOUNTS).flatmap(lambda one: st.integers(1, one[1]).map(lambda amount: limit(amount, one[0])))
MINUTES = st.one_of(st.integers(0, 20_000), st.integers(0, 14).map(lambda days: days * 1440))


@st.composite
def starts_and_pauses(draw: st.DrawFn) -> tuple[datetime, list[tuple[datetime, datetime]]]:
    """A start, and up to three pauses that may begin before it, overlap, adjoin or be empty."""
    start = draw(STARTS)
    closing = start.replace(hour=18, minute=0)
    pauses = []
    for _ in range(draw(st.integers(0, 3))):
        since = draw(st.sampled_from([start, closing])) + (draw(MINUTES) - 1440) * MINUTE
        pauses.append((since, since + draw(MINUTES) * MINUTE))
    return start, pauses


@settings(max_examples=250, deadline=None)
@given(one=LIMITS, situation=starts_and_pauses())
def test_the_due_time_is_what_counting_gives(
    one: Limit, situation: tuple[datetime, list[tuple[datetime, datetime]]]
) -> None:
    start, pauses = situation
    assert one.unit is not None
    assert one.amount is not None
    found = clock(one, start, CALENDAR, pauses)
    assert found.due_at == counted_due(one.unit, start, one.amount, pauses)


@settings(max_examples=120, deadline=None)
@given(one=LIMITS, situation=starts_and_pauses())
def test_warning_and_supervision_come_at_their_share_of_the_running_time(
    one: Limit, situation: tuple[datetime, list[tuple[datetime, datetime]]]
) -> None:
    start, pauses = situation
    found = clock(one, start, CALENDAR, pauses)
    assert found.due_at is not None
    kind = "working" if str(one.unit).startswith("working") else "natural"
    whole = minutes_between(kind, start, found.due_at, pauses)
    for percent, moment in ((80, found.warn_at), (150, found.supervise_at)):
        assert moment is not None
        upper = after_minutes(kind, start, -(-whole * percent // 100), pauses)  # rounded up to whole minutes
        assert upper - MINUTE < moment <= upper


@settings(max_examples=150, deadline=None)
@given(one=LIMITS, situation=starts_and_pauses(), later=st.integers(0, 30_000))
def test_what_remains_is_what_counting_gives(
    one: Limit, situation: tuple[datetime, list[tuple[datetime, datetime]]], later: int
) -> None:
    start, pauses = situation
    now = start + later * MINUTE
    assert one.unit is not None
    ending = clock(one, start, CALENDAR, pauses).due_at
    assert ending is not None
    if one.unit.endswith("day"):

        def between(first: datetime, last: datetime) -> float:
            closes = (datetime.combine(start.date() + n * DAY, time(18), SHANGHAI) for n in range(1, 120))
            days = [one for one in closes if first < one <= last]
            return sum(day_counts(str(one_unit), day.date(), pauses) for day in days)

        one_unit = one.unit
    else:
        size = 1 if one.unit == "natural_minute" else 60

        def between(first: datetime, last: datetime) -> float:
            return minutes_between(str(one.unit), first, last, pauses) / size

    left = between(now, ending) if now <= ending else -between(ending, now)
    assert remaining(one, start, CALENDAR, now, pauses) == pytest.approx(left)


# ------------------------------------------------------------------------------------------------- pauses


@settings(max_examples=150, deadline=None)
@given(one=LIMITS, situation=starts_and_pauses())
def test_a_pause_never_makes_anything_due_earlier(
    one: Limit, situation: tuple[datetime, list[tuple[datetime, datetime]]]
) -> None:
    start, pauses = situation
    dues = [clock(one, start, CALENDAR, pauses[:count]).due_at for count in range(len(pauses) + 1)]
    assert dues == sorted(one for one in dues if one is not None)


@settings(max_examples=100, deadline=None)
@given(one=LIMITS, situation=starts_and_pauses(), cut=st.floats(0, 1))
def test_a_pause_cut_in_two_is_the_same_pause_and_an_empty_one_is_none(
    one: Limit, situation: tuple[datetime, list[tuple[datetime, datetime]]], cut: float
) -> None:
    start, pauses = situation
    middle = [since + (until - since) * cut for since, until in pauses]
    halves = [
        piece
        for (since, until), mid in zip(pauses, middle, strict=True)
        for piece in ((since, mid), (mid, until), (mid, mid))
    ]
    assert clock(one, start, CALENDAR, halves) == clock(one, start, CALENDAR, pauses)


NOON = "2026-11-18T12:00"  # Wednesday


@pytest.mark.parametrize(
    ("since", "until", "end"),
    [
        ("2026-11-18T09:00", "2026-11-18T17:59", "2026-11-18T18:00"),  # over before business closes: no day
        ("2026-11-18T09:00", "2026-11-18T18:00", "2026-11-19T18:00"),  # stood at the close: not counted
        ("2026-11-18T18:00", "2026-11-19T12:00", "2026-11-18T18:00"),  # began when the limit had run out
        ("2026-11-18T17:59", "2026-11-20T18:00", "2026-11-23T18:00"),  # the weekend lies between
    ],
)
def test_a_day_counts_when_the_clock_runs_at_its_close(since: str, until: str, end: str) -> None:
    found = clock(limit(1, "working_day"), at("2026-11-17T10:00"), CALENDAR, [(at(since), at(until))])
    assert found.due_at == at(end)


@pytest.mark.parametrize("until", ["2026-11-18T15:00", None])
@pytest.mark.parametrize("unit", ["natural_hour", "working_hour"])
def test_a_pause_that_begins_when_the_limit_has_run_out_comes_too_late(unit: Unit, until: str | None) -> None:
    pause = (at("2026-11-18T11:00"), at(until) if until else None)
    found = clock(limit(2, unit), at("2026-11-18T09:00"), CALENDAR, [pause])
    assert (found.state, found.due_at) == ("running", at("2026-11-18T11:00"))


@pytest.mark.parametrize(
    ("since", "until", "end"),
    [
        ("2026-10-05T08:00", "2026-10-09T12:00", "2026-10-09T18:00"),
        ("2026-10-08T09:00", "2026-10-08T17:59", "2026-10-08T18:00"),
        ("2026-10-08T09:00", "2026-10-08T18:00", "2026-10-09T18:00"),
        ("2026-10-08T18:00", "2026-10-12T18:00", "2026-10-08T18:00"),
    ],
)
def test_a_last_natural_day_is_moved_past_a_pause_as_well(since: str, until: str, end: str) -> None:
    found = clock(limit(7, "natural_day"), at("2026-09-26T10:00"), CALENDAR, [(at(since), at(until))])
    assert found.due_at == at(end)


def test_a_clock_stopped_while_its_last_day_is_moved_has_no_due_time() -> None:
    found = clock(limit(7, "natural_day"), at("2026-09-26T10:00"), CALENDAR, [(at("2026-10-05T08:00"), None)])
    assert (found.state, found.due_at) == ("paused", None)


@pytest.mark.parametrize(
    ("one", "left"),
    [
        (limit(10, "working_hour"), 8),
        (limit(48, "natural_hour"), 46),
        (limit(90, "natural_minute"), -1),
        (limit(5, "working_day"), 5),
        (limit(5, "natural_day"), 5),
    ],
)
def test_while_the_clock_stands_there_is_no_due_time_but_what_is_left(one: Limit, left: float) -> None:
    start, since = at("2026-11-18T09:00"), at("2026-11-18T11:00")
    found = clock(one, start, CALENDAR, [(since, None)])
    if left < 0:  # it had run out before it was stopped
        assert (found.state, found.due_at) == ("running", at("2026-11-18T10:30"))
        assert light(found, at("2026-11-20T09:00")) == "red"
        return
    assert found == Due("paused", remaining=left, pauses=((since, None),))
    assert light(found, since) == "paused"
    for later in ("2026-11-18T11:00", "2026-11-19T09:00", "2026-12-24T20:00"):
        assert remaining(one, start, CALENDAR, at(later), [(since, None)]) == left


def test_a_clock_that_runs_again_has_what_was_left() -> None:
    start, pause = at("2026-11-18T09:00"), (at("2026-11-18T11:00"), at("2026-11-25T16:00"))
    found = clock(limit(4, "working_hour"), start, CALENDAR, [pause])
    assert (found.state, found.due_at) == ("running", at("2026-11-25T18:00"))
    assert light(found, at("2026-11-20T09:00")) == "paused"
    assert light(found, at("2026-11-25T16:00")) == "green"


def test_pauses_are_merged_in_order() -> None:
    first, second, third = at("2026-11-18T09:00"), at("2026-11-18T11:00"), at("2026-11-18T12:00")
    assert merge([(second, third), (first, second), (third, third)]) == ((first, third),)
    assert merge([(first, None), (second, third)]) == ((first, None),)
    assert merge([(first, second), (third, None)]) == ((first, second), (third, None))


def test_a_pause_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(Invalid, match="before it begins"):
        clock(limit(1, "working_day"), at(NOON), CALENDAR, [(at(NOON), at("2026-11-18T11:00"))])


def test_a_start_without_zone_is_refused() -> None:
    with pytest.raises(Invalid, match="names no zone"):
        due(limit(1, "working_day"), datetime(2026, 1, 5), CALENDAR)


# --------------------------------------------------------------------------------------------- extensions


@pytest.mark.parametrize(
    ("one", "extensions", "end"),
    [
        (limit(3, "working_day"), [Extension(2, "working_day")], "2026-10-13T18:00"),
        (limit(2, "working_hour"), [Extension(1, "working_hour")], "2026-10-08T09:00"),
        (limit(24, "natural_hour"), [Extension(24, "natural_hour")], "2026-10-02T16:00"),
        # Counted from where the limit really ended, the day after the holiday: an extension always extends.
        (limit(3, "natural_day"), [Extension(1, "natural_day")], "2026-10-09T18:00"),
        (limit(2, "working_hour"), [Extension(1, "working_day")], "2026-10-08T18:00"),
        (
            limit(1, "working_day"),
            [Extension(1, "working_day"), Extension(2, "working_hour")],
            "2026-10-10T10:00",
        ),
    ],
)
def test_an_extension_is_counted_from_the_end_of_the_limit(one: Limit, extensions: list[Extension], end: str) -> None:
    assert clock(one, at("2026-09-30T16:00"), CALENDAR, (), extensions).due_at == at(end)


@settings(max_examples=100, deadline=None)
@given(one=LIMITS, situation=starts_and_pauses(), more=st.integers(1, 9))
def test_an_extension_makes_it_later_and_adds_up(
    one: Limit, situation: tuple[datetime, list[tuple[datetime, datetime]]], more: int
) -> None:
    start, pauses = situation
    assert one.unit is not None
    assert one.amount is not None
    plain_due = clock(one, start, CALENDAR, pauses).due_at
    extended = clock(one, start, CALENDAR, pauses, [Extension(more, one.unit)]).due_at
    assert plain_due is not None
    assert extended is not None
    assert extended > plain_due
    if one.unit != "natural_day":
        assert extended == clock(limit(one.amount + more, one.unit), start, CALENDAR, pauses).due_at


def test_extensions_have_a_ceiling() -> None:
    one = limit(5, "working_day", extension_max=3)
    check_extensions(one, [Extension(1, "working_day"), Extension(2, "working_day")])
    check_extensions(limit(5, "working_day"), [Extension(500, "natural_day")])
    for granted in (
        [Extension(4, "working_day")],
        [Extension(1, "natural_day")],
        [Extension(2, "working_day")] * 2,
    ):
        with pytest.raises(Refused, match="延期合计不得超过 3 工作日"):
            check_extensions(one, granted)


def test_an_extension_moves_the_lights_as_well() -> None:
    one, start = limit(10, "natural_hour"), at("2026-11-18T08:00")
    found = clock(one, start, CALENDAR, (), [Extension(10, "natural_hour")])
    assert found.warn_at == start + timedelta(hours=16)
    assert found.supervise_at == start + timedelta(hours=30)
    assert remaining(one, start, CALENDAR, start, (), [Extension(10, "natural_hour")]) == 20


# ------------------------------------------------------------------------------------------------ lights


@pytest.mark.parametrize(
    ("now", "colour"),
    [
        ("2026-11-18T08:00", "green"),
        ("2026-11-18T15:59", "green"),
        ("2026-11-18T16:00", "yellow"),
        ("2026-11-18T18:00", "yellow"),  # done on the stroke is in time
        ("2026-11-18T18:00:01", "red"),
        ("2026-11-18T23:00", "red"),
        ("2026-11-18T23:00:01", "supervise"),
    ],
)
def test_lights_of_ten_natural_hours(now: str, colour: str) -> None:
    found = due(limit(10, "natural_hour"), at("2026-11-18T08:00"), CALENDAR)
    assert light(found, at(now)) == colour


def test_lights_of_working_days_are_shares_of_office_time() -> None:
    # 2 hours on the day of the start and 8 on the next: 8 of 10 have run at 16:00, 15 after 5 more on Friday.
    found = due(limit(1, "working_day"), at("2026-11-18T16:00"), CALENDAR)
    assert (found.due_at, found.warn_at, found.supervise_at) == (
        at("2026-11-19T18:00"),
        at("2026-11-19T16:00"),
        at("2026-11-20T15:00"),
    )


def test_lights_of_natural_days_are_shares_of_natural_time() -> None:
    found = due(limit(1, "natural_day"), at("2026-11-18T08:00"), CALENDAR)  # 34 hours in all
    assert found.warn_at == at("2026-11-19T11:12")
    assert found.supervise_at == at("2026-11-20T11:00")


def test_thresholds_belong_to_the_limit() -> None:
    one = limit(10, "natural_hour", warning_percent=50, supervise_percent=200)
    found = due(one, at("2026-11-18T08:00"), CALENDAR)
    assert (found.warn_at, found.supervise_at) == (at("2026-11-18T13:00"), at("2026-11-19T04:00"))


def test_no_limit_is_never_red() -> None:
    one = Limit("handle", Basis("local_rule", document="〔2026〕1号", set_by="某机构"), none=True)
    found = clock(one, at("2026-11-18T08:00"), CALENDAR)
    assert found == Due("none")
    assert light(found, at("2030-11-18T08:00")) == "none"
    assert remaining(one, at("2026-11-18T08:00"), CALENDAR, at(NOON)) is None
    assert explain(one, at("2026-11-18T08:00"), CALENDAR) == ()


# ----------------------------------------------------------------------------------------- explanations


def told(one: Limit, start: str, pauses: list[Pause] | None = None, *more: Extension) -> list[tuple[str, str, int]]:
    rows = explain(one, at(start), CALENDAR, pauses or [], more)
    return [(row.day.isoformat()[5:], row.kind, row.number) for row in rows]


def test_working_days_are_explained_day_by_day() -> None:
    assert told(limit(3, "working_day"), "2026-09-30T16:00") == [
        ("09-30", "start", 0),
        *((f"10-0{day}", "holiday", 0) for day in range(1, 8)),
        ("10-08", "workday", 1),
        ("10-09", "workday", 2),
        ("10-10", "make_up", 3),
    ]


def test_a_moved_last_day_is_explained() -> None:
    rows = explain(limit(7, "natural_day"), at("2026-09-26T10:00"), CALENDAR)
    assert [(row.day.day, row.kind) for row in rows[-6:]] == [
        (3, "natural_day"),
        (4, "holiday"),
        (5, "holiday"),
        (6, "holiday"),
        (7, "holiday"),
        (8, "rolled"),
    ]
    assert rows[-2].label.zh == "国庆节放假，不计入"
    assert "顺延" in rows[-1].label.zh
    assert "moved" in rows[-1].label.en


def test_pauses_and_extensions_are_explained() -> None:
    pause = (at("2026-11-19T09:00"), at("2026-11-20T09:00"))
    assert told(limit(2, "working_day"), "2026-11-18T10:00", [pause], Extension(1, "working_day")) == [
        ("11-18", "start", 0),
        ("11-19", "paused", 0),
        ("11-20", "workday", 1),
        ("11-21", "weekend", 0),
        ("11-22", "weekend", 0),
        ("11-23", "workday", 2),
        ("11-24", "workday", 3),
    ]


def test_a_standing_clock_is_explained_until_it_was_stopped() -> None:
    pause = (at("2026-11-19T19:00"), None)
    assert told(limit(5, "working_day"), "2026-11-18T10:00", [pause]) == [
        ("11-18", "start", 0),
        ("11-19", "workday", 1),
        ("11-19", "paused", 0),
    ]


def test_hours_are_explained_by_the_minutes_of_each_day() -> None:
    assert told(limit(4, "working_hour"), "2026-09-24T17:00") == [
        ("09-24", "time", 60),
        ("09-25", "holiday", 0),
        ("09-26", "holiday", 0),
        ("09-27", "holiday", 0),
        ("09-28", "time", 180),
    ]
    assert told(limit(24, "natural_hour"), "2026-09-30T16:00") == [
        ("09-30", "time", 480),
        ("10-01", "time", 960),
    ]
    assert told(limit(8, "natural_hour"), "2026-09-30T16:00") == [("09-30", "time", 480)]
    pause = (at("2026-09-28T08:00"), at("2026-09-29T08:00"))
    assert told(limit(1, "working_hour"), "2026-09-27T20:00", [pause]) == [
        ("09-27", "holiday", 0),
        ("09-28", "paused", 0),
        ("09-29", "time", 60),
    ]


@settings(max_examples=150, deadline=None)
@given(one=LIMITS, situation=starts_and_pauses(), more=st.integers(0, 5))
def test_an_explanation_accounts_for_the_whole_limit(
    one: Limit, situation: tuple[datetime, list[tuple[datetime, datetime]]], more: int
) -> None:
    start, pauses = situation
    assert one.unit is not None
    assert one.amount is not None
    extensions = [Extension(more, one.unit)] if more else []
    end = clock(one, start, CALENDAR, pauses, extensions).due_at
    rows = explain(one, start, CALENDAR, pauses, extensions)
    assert end is not None
    last = (end - timedelta(microseconds=1)).date()  # midnight ends the day before
    assert (rows[0].day, rows[-1].day) == (start.date(), last)
    assert [row.day for row in rows] == sorted(row.day for row in rows)
    total = one.amount + more
    if one.unit.endswith("day"):
        assert len({row.day for row in rows}) == len(rows) == (last - start.date()).days + 1
        counted = [row.number for row in rows if row.number]
        assert counted == list(range(1, total + 1))
    else:
        assert sum(row.number for row in rows) == total * (1 if one.unit == "natural_minute" else 60)
    assert all(row.label.zh and row.label.en for row in rows)


# ----------------------------------------------------------------------------------------- checking data


def good() -> dict[str, Any]:
    return {"key": "handle", "amount": 5, "unit": "working_day", "basis": {"kind": "product_default"}}


def faults(data: object) -> list[str]:
    with pytest.raises(Invalid) as caught:
        check_limit(data)
    return [one.rule for one in caught.value.findings]


def test_a_good_limit_is_read_and_written_again() -> None:
    one = check_limit(good())
    assert one == limit(5, "working_day")
    assert check_limit(plain(one)) == one
    full = check_limit(
        good()
        | {
            "warning_percent": 70,
            "supervise_percent": 120,
            "extension_max": 3,
            "basis": {
                "kind": "local_rule",
                "set_by": "某区网格化治理机构",
                "document": "〔2026〕3号",
                "effective_from": "2026-03-01",
            },
        }
    )
    assert full.basis.effective_from == date(2026, 3, 1)
    assert check_limit(plain(full)) == full
    assert decode(encode(full), Limit) == full


def test_a_documented_no_limit_is_accepted() -> None:
    basis = {
        "kind": "local_rule",
        "set_by": "某机构",
        "document": "〔2026〕3号",
        "effective_from": "2026-03-01",
    }
    one = check_limit({"key": "handle", "none": True, "basis": basis})
    assert one.none
    assert one.amount is None
    assert check_limit(plain(one)) == one


@pytest.mark.parametrize("unit", ["day", "days", "天", "日", "小时", "hour"])
def test_a_bare_unit_is_refused_with_the_choice_in_words(unit: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_limit(good() | {"unit": unit})
    (finding,) = caught.value.findings
    assert finding.rule == "limit.unit"
    assert finding.element == "handle"
    assert f"“{unit}”含义不明" in finding.message
    assert "working_" in finding.message
    assert "natural_" in finding.message


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"key": ""}, "limit.key"),
        ({"key": 5}, "limit.key"),
        ({"unit": "week"}, "limit.unit"),
        ({"unit": None}, "limit.unit"),
        ({"unit": ["day"]}, "limit.unit"),
        ({"amount": 0}, "limit.amount"),
        ({"amount": -1}, "limit.amount"),
        ({"amount": 1.5}, "limit.amount"),
        ({"amount": "5"}, "limit.amount"),
        ({"amount": True}, "limit.amount"),
        ({"amount": None}, "limit.amount"),  # forgetting the number is not "no limit"
        ({"amount": 3661}, "limit.amount"),
        ({"extension_max": -1}, "limit.extension"),
        ({"warning_percent": 0}, "limit.lights"),
        ({"warning_percent": 100}, "limit.lights"),
        ({"supervise_percent": 100}, "limit.lights"),
        ({"supervise_percent": "150"}, "limit.lights"),
        ({"ammount": 5}, "limit.field"),
        ({"basis": None}, "limit.basis"),
        ({"basis": {"kind": "custom"}}, "limit.basis"),
        ({"basis": {"kind": ["statute"]}}, "limit.basis"),
        ({"basis": {"kind": "statute"}}, "limit.basis"),
        ({"basis": {"kind": "draft", "document": "x"}}, "limit.basis"),
        ({"basis": {"kind": "local_rule", "set_by": "a", "document": "b"}}, "limit.basis"),
        ({"basis": {"kind": "product_default", "article": 13}}, "limit.basis"),
        ({"basis": {"kind": "product_default", "effective_from": "2026"}}, "limit.basis"),
        ({"basis": {"kind": "product_default", "law": "x"}}, "limit.field"),
        ({"none": True}, "limit.none"),
        ({"none": "yes", "amount": None, "unit": None}, "limit.none"),
    ],
)
def test_a_fault_is_named(change: dict[str, Any], fault: str) -> None:
    assert set(faults(good() | change)) == {fault}


@pytest.mark.parametrize("data", [None, [], "5 days", 5])
def test_what_is_no_limit_at_all_is_refused(data: object) -> None:
    assert faults(data) == ["limit.format"]


@pytest.mark.parametrize("without", ["set_by", "document"])
def test_no_limit_must_be_documented(without: str) -> None:
    basis = {"kind": "local_rule", "set_by": "a", "document": "b", "effective_from": "2026-01-01"}
    del basis[without]
    assert "limit.none" in faults({"key": "x", "none": True, "basis": basis})


def test_all_faults_are_told_at_once() -> None:
    assert faults({"amount": 0, "unit": "天", "warning_percent": 120, "basis": {"kind": "statute"}}) == [
        "limit.key",
        "limit.unit",
        "limit.amount",
        "limit.lights",
        "limit.basis",
    ]


def test_a_due_time_is_json() -> None:
    found = clock(limit(5, "working_day"), at(NOON), CALENDAR, [(at(NOON), at("2026-11-19T12:00"))])
    assert decode(encode(found), Due) == found
