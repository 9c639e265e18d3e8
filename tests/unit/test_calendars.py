"""The working calendar: shipped years against a second source, arithmetic against counting on fingers."""

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import chinese_calendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendars import (
    OFFICE_HOURS,
    SHANGHAI,
    Calendar,
    Change,
    Day,
    Schedule,
    Year,
    changes,
    local,
    read_year,
)
from engine.errors import Invalid
from engine.model import decode, encode

FOLDER = Path(__file__).parents[2] / "processes" / "calendars"
FILES = sorted(FOLDER.glob("*.json"))
CALENDAR = Calendar.from_years(read_year(file.read_bytes(), int(file.stem)) for file in FILES)

NAMES = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "National Day": "国庆节",
    "Mid-autumn Festival": "中秋节",
    "Anti-Fascist 70th Day": "中国人民抗日战争暨世界反法西斯战争胜利70周年纪念日",
}


def days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


# ---------------------------------------------------------------------------------------- the shipped years


def test_every_year_from_2004_is_shipped() -> None:
    assert [int(file.stem) for file in FILES] == list(range(2004, 2028))
    assert set(range(2004, 2027)) == CALENDAR.confirmed


@pytest.mark.parametrize("year", range(2004, 2027))
def test_a_shipped_year_agrees_with_the_second_source_on_every_day(year: int) -> None:
    for day in days(date(year, 1, 1), date(year, 12, 31)):
        assert CALENDAR.is_workday(day) == chinese_calendar.is_workday(day), day


@pytest.mark.parametrize("year", range(2004, 2027))
def test_a_shipped_year_lists_exactly_the_named_days(year: int) -> None:
    listed = {
        date.fromisoformat(day): (rule.kind, rule.name) for one in CALENDAR.years for day, rule in one.days.items()
    }
    expected = {
        day: (kind, NAMES[name])
        for kind, table in (("holiday", chinese_calendar.holidays), ("workday", chinese_calendar.workdays))
        for day, name in table.items()
    }
    assert {day: rule for day, rule in listed.items() if day.year == year} == {
        day: rule for day, rule in expected.items() if day.year == year
    }


def test_2026_has_248_working_days_and_6_make_up_days() -> None:
    assert CALENDAR.workdays_between(date(2025, 12, 31), date(2026, 12, 31)) == 248
    make_up = [day for day in days(date(2026, 1, 1), date(2026, 12, 31)) if CALENDAR.kind(day) == "make_up"]
    assert make_up == [
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    ]


def test_every_confirmed_year_names_its_notice() -> None:
    for one in CALENDAR.years:
        if one.status == "confirmed":
            assert one.source is not None
            assert one.source.title == f"国务院办公厅关于{one.year}年部分节假日安排的通知"


def test_2027_is_provisional_and_knows_only_the_days_fixed_by_law() -> None:
    assert CALENDAR.is_provisional(date(2027, 1, 4))
    assert not CALENDAR.is_provisional(date(2026, 12, 31))
    year = next(one for one in CALENDAR.years if one.year == 2027)
    assert {rule.kind for rule in year.days.values()} == {"holiday"}
    assert len(year.days) == 13  # 1 + 4 + 1 + 2 + 1 + 1 + 3 days


def test_a_year_without_data_follows_monday_to_friday_and_is_provisional() -> None:
    empty = Calendar()
    for day in days(date(2030, 9, 25), date(2030, 10, 10)):
        assert empty.is_workday(day) == (day.weekday() < 5)
        assert empty.is_provisional(day)


# ------------------------------------------------------------------------------------------------ kinds


@pytest.mark.parametrize(
    ("day", "kind", "name"),
    [
        (date(2026, 9, 30), "workday", ""),
        (date(2026, 10, 1), "holiday", "国庆节"),
        (date(2026, 10, 3), "holiday", "国庆节"),  # a Saturday within the holiday
        (date(2026, 10, 10), "make_up", "国庆节"),
        (date(2026, 10, 11), "weekend", ""),
    ],
)
def test_a_day_is_of_one_kind_and_knows_its_holiday(day: date, kind: str, name: str) -> None:
    assert (CALENDAR.kind(day), CALENDAR.name(day)) == (kind, name)


# ----------------------------------------------------------------------------------------- working days


def test_the_next_working_day_is_later_and_the_one_from_here_may_be_here() -> None:
    assert CALENDAR.next_workday(date(2026, 9, 29)) == date(2026, 9, 30)
    assert CALENDAR.next_workday(date(2026, 9, 30)) == date(2026, 10, 8)
    assert CALENDAR.workday_from(date(2026, 9, 30)) == date(2026, 9, 30)
    assert CALENDAR.workday_from(date(2026, 10, 1)) == date(2026, 10, 8)


@settings(max_examples=150, deadline=None)
@given(start=st.dates(date(2004, 1, 1), date(2025, 6, 1)), count=st.integers(1, 120))
def test_adding_working_days_is_counting_them_one_by_one(start: date, count: int) -> None:
    day, left = start, count
    while left:
        day += timedelta(days=1)
        left -= chinese_calendar.is_workday(day)
    assert CALENDAR.add_working_days(start, count) == day
    assert CALENDAR.workdays_between(start, day) == count


def test_counting_working_days_needs_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        CALENDAR.add_working_days(date(2026, 1, 5), 0)


@pytest.mark.parametrize("day", [date(1999, 12, 31), date(2101, 1, 1)])
def test_a_day_outside_the_calendar_is_refused_in_words(day: date) -> None:
    with pytest.raises(Invalid, match="日历范围"):
        CALENDAR.add_working_days(day, 1)


def test_counting_past_the_end_of_the_calendar_is_refused() -> None:
    with pytest.raises(Invalid, match="outside the calendar"):
        CALENDAR.add_working_days(date(2100, 12, 1), 40)


# ---------------------------------------------------------------------------------------- working hours


def worked(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    return timedelta(microseconds=calendar.worked_until(end) - calendar.worked_until(start))


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-09-30T16:00", "2026-09-30T18:00", 2),
        ("2026-09-30T11:00", "2026-09-30T15:00", 2),  # the lunch break does not count
        ("2026-09-30T16:00", "2026-10-08T09:00", 3),  # nor does the National Day holiday
        ("2026-10-10T00:00", "2026-10-11T00:00", 8),  # a make-up Saturday does
        ("2026-10-01T08:00", "2026-10-07T18:00", 0),
        ("2026-09-30T18:00", "2026-09-30T16:00", -2),
    ],
)
def test_time_worked_between_two_moments(start: str, end: str, hours: int) -> None:
    assert worked(CALENDAR, at(start), at(end)) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-09-30T16:00", 2, "2026-09-30T18:00"),  # the first moment: not the next morning
        ("2026-09-30T16:00:30", 2, "2026-10-08T08:00:30"),
        ("2026-09-30T20:00", 1, "2026-10-08T09:00"),
        ("2026-09-30T09:00", 3, "2026-09-30T12:00"),
        ("2026-09-30T09:00", 4, "2026-09-30T15:00"),
        ("2026-09-30T20:00", 0, "2026-09-30T20:00"),
    ],
)
def test_adding_time_worked_gives_the_first_such_moment(start: str, hours: int, end: str) -> None:
    assert CALENDAR.add_working_time(at(start), timedelta(hours=hours)) == at(end)


@settings(max_examples=150, deadline=None)
@given(
    start=st.datetimes(datetime(2004, 1, 1), datetime(2026, 6, 1)),
    amount=st.timedeltas(timedelta(microseconds=1), timedelta(hours=300)),
)
def test_adding_and_measuring_time_worked_agree(start: datetime, amount: timedelta) -> None:
    begun = start.replace(tzinfo=SHANGHAI)
    end = CALENDAR.add_working_time(begun, amount)
    assert worked(CALENDAR, begun, end) == amount
    assert worked(CALENDAR, begun, end - timedelta(microseconds=1)) < amount


def test_office_hours_change_on_the_day_they_take_effect() -> None:
    summer = Schedule(date(2026, 7, 1), ((time(8), time(12)), (time(15), time(18, 30))))
    calendar = Calendar.from_years(CALENDAR.years, [summer, OFFICE_HOURS])
    assert calendar.close_of(date(2026, 6, 30)) == at("2026-06-30T18:00")
    assert calendar.close_of(date(2026, 7, 1)) == at("2026-07-01T18:30")
    assert worked(calendar, at("2026-06-30T14:00"), at("2026-07-01T15:00")) == timedelta(hours=8)
    assert calendar.add_working_time(at("2026-06-30T17:00"), timedelta(hours=6)) == at("2026-07-01T16:00")


def test_a_day_has_closed_from_its_close_of_business_on() -> None:
    assert CALENDAR.closed_through(at("2026-09-30T17:59:59")) == date(2026, 9, 29)
    assert CALENDAR.closed_through(at("2026-09-30T18:00")) == date(2026, 9, 30)


def test_days_begin_at_midnight_in_shanghai() -> None:
    assert local(datetime.fromisoformat("2026-09-30T16:30:00+00:00")) == at("2026-10-01T00:30")
    assert local(datetime.fromisoformat("2026-09-30T16:30:00+00:00")).date() == date(2026, 10, 1)


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(Invalid, match="names no zone"):
        local(datetime(2026, 1, 1))


# ------------------------------------------------------------------------------------------- comparing


def test_changes_are_the_days_of_another_kind() -> None:
    old = Calendar((Year(2027, "provisional", {"2027-01-01": Day("holiday", "元旦")}),))
    notice = {
        "2027-01-01": Day("holiday", "元旦"),
        "2027-01-02": Day("holiday", "元旦"),
        "2027-01-04": Day("holiday", "元旦"),
        "2027-01-09": Day("workday", "元旦"),
    }
    new = Calendar((Year(2027, "confirmed", notice),))
    assert changes(old, new) == (
        Change(date(2027, 1, 2), "weekend", "holiday"),
        Change(date(2027, 1, 4), "workday", "holiday"),
        Change(date(2027, 1, 9), "weekend", "make_up"),
    )
    assert [one.day for one in changes(new, old)] == [one.day for one in changes(old, new)]
    assert changes(new, new) == ()


# ------------------------------------------------------------------------------------ reading a year file


def good() -> dict[str, Any]:
    return {
        "year": 2027,
        "status": "confirmed",
        "source": {"title": "关于2027年放假的通知", "number": None, "published": "2026-11-05"},
        "days": {
            "2027-01-01": {"kind": "holiday", "name": "元旦"},
            "2027-01-09": {"kind": "workday", "name": "元旦"},
        },
    }


def faults(data: bytes, expected: int | None = None) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        read_year(data, expected)
    return [(one.rule, one.element) for one in caught.value.findings]


def test_a_good_file_is_read_and_written_again() -> None:
    year = read_year(json.dumps(good()).encode(), 2027)
    assert year.days["2027-01-09"] == Day("workday", "元旦")
    assert year.source is not None
    assert year.source.published == date(2026, 11, 5)
    assert decode(encode(year), Year) == year
    assert read_year(encode(year)) == year


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"year": "2027"}, ("calendar.year", "year")),
        ({"year": True}, ("calendar.year", "year")),
        ({"year": 1999}, ("calendar.year", "year")),
        ({"status": "final"}, ("calendar.status", "status")),
        ({"source": None}, ("calendar.source", "source")),
        ({"source": {"title": " "}}, ("calendar.source", "source")),
        ({"source": {"title": "关于2026年的通知"}}, ("calendar.source", "source")),
        ({"source": {"title": "2027", "number": 7}}, ("calendar.source", "source")),
        ({"source": {"title": "2027", "published": "5.11.2026"}}, ("calendar.source", "source")),
        ({"source": {"title": "2027", "by": "x"}}, ("calendar.field", "by")),
        ({"amendments": {}}, ("calendar.source", "amendments")),
        ({"amendments": [{}]}, ("calendar.source", "amendments")),
        ({"note": "x"}, ("calendar.field", "note")),
        ({"days": None}, ("calendar.days", "days")),
        ({"days": {}}, ("calendar.days", "days")),
        ({"days": {"2027-01-09": {"kind": "workday", "name": "元旦"}}}, ("calendar.days", "days")),
    ],
)
def test_a_fault_in_the_file_is_named(change: dict[str, Any], fault: tuple[str, str]) -> None:
    assert fault in faults(json.dumps(good() | change).encode())


@pytest.mark.parametrize(
    ("day", "rule", "fault"),
    [
        ("2028-01-01", {"kind": "holiday", "name": "元旦"}, "calendar.date"),
        ("2027-02-30", {"kind": "holiday", "name": "元旦"}, "calendar.date"),
        ("20270203", {"kind": "holiday", "name": "元旦"}, "calendar.date"),
        ("2027-02-03", {"kind": "rest", "name": "春节"}, "calendar.kind"),
        ("2027-02-03", {"kind": "workday", "name": "春节"}, "calendar.kind"),  # a Wednesday
        ("2027-02-03", {"kind": "holiday"}, "calendar.name"),
        ("2027-02-03", {"kind": "holiday", "name": "春节", "paid": True}, "calendar.field"),
        ("2027-02-03", "holiday", "calendar.day"),
    ],
)
def test_a_fault_in_a_day_is_named(day: str, rule: Any, fault: str) -> None:
    content = good()
    content["days"][day] = rule
    assert faults(json.dumps(content).encode()) == [(fault, day)]


def test_all_faults_are_told_at_once() -> None:
    content = good() | {"status": "?", "days": {"2028-01-01": {"kind": "?", "name": ""}}}
    assert [rule for rule, _ in faults(json.dumps(content).encode(), 2026)] == [
        "calendar.year",
        "calendar.status",
        "calendar.date",
        "calendar.kind",
        "calendar.name",
    ]


def test_a_day_listed_twice_is_a_fault() -> None:
    text = json.dumps(good()).replace('"2027-01-09"', '"2027-01-01"')
    assert ("calendar.repeated", "2027-01-01") in faults(text.encode())


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[]", b"7", b"[" * 100_000])
def test_what_is_no_file_of_a_year_is_refused(data: bytes) -> None:
    assert faults(data) == [("calendar.format", "")]


def test_a_provisional_year_needs_no_source_and_no_days() -> None:
    assert read_year(b'{"year": 2030, "status": "provisional", "days": {}}') == Year(2030, "provisional", {})


def test_a_calendar_refuses_a_year_given_twice() -> None:
    with pytest.raises(Invalid) as caught:
        Calendar.from_years([Year(2030, "provisional", {}), Year(2030, "confirmed", {})])
    assert [one.rule for one in caught.value.findings] == ["calendar.repeated"]


def test_a_calendar_refuses_a_day_of_another_year() -> None:
    with pytest.raises(Invalid) as caught:
        Calendar.from_years([Year(2030, "provisional", {"2031-01-01": Day("holiday", "元旦")})])
    assert [one.rule for one in caught.value.findings] == ["calendar.date"]


@pytest.mark.parametrize(
    "schedules",
    [
        [],
        [Schedule(date(2026, 1, 1), ())],
        [Schedule(date(2026, 1, 1), ((time(12), time(8)),))],
        [Schedule(date(2026, 1, 1), ((time(8), time(12)), (time(11), time(18))))],
        [OFFICE_HOURS, OFFICE_HOURS],
    ],
)
def test_a_calendar_refuses_impossible_office_hours(schedules: list[Schedule]) -> None:
    with pytest.raises(Invalid):
        Calendar.from_years([], schedules)


@settings(max_examples=100, deadline=None)
@given(day=st.dates(date(2004, 1, 2), date(2026, 12, 31)))
def test_the_working_day_from_here_is_the_next_after_yesterday(day: date) -> None:
    assert CALENDAR.workday_from(day) == CALENDAR.next_workday(day - timedelta(days=1))
