"""What counts as an ISO 8601 time, and what is refused instead of guessed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import iso8601
from engine.iso8601 import ZONE, Duration

NOON = datetime(2026, 1, 31, 12, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("text", "months", "rest"),
    [
        ("PT5S", 0, timedelta(seconds=5)),
        ("PT0S", 0, timedelta()),
        ("P2W", 0, timedelta(days=14)),
        ("P1DT2H30M", 0, timedelta(days=1, hours=2, minutes=30)),
        ("PT1,5H", 0, timedelta(minutes=90)),
        ("PT36H", 0, timedelta(hours=36)),
        ("P1Y2M3D", 14, timedelta(days=3)),
        ("P1M", 1, timedelta()),
        ("PT1M", 0, timedelta(minutes=1)),
    ],
)
def test_durations(text: str, months: int, rest: timedelta) -> None:
    assert iso8601.duration(text) == Duration(months, rest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "5",
        "PT5",
        "P1",
        "-P1D",
        "+P1D",
        " PT5S",
        "PT5S\n",
        "${x}",
        "timedelta(hours=1)",
        "pt5s",
        "P0.5M",
        "P1.5Y",
        "PT1H2D",
        "P1H",
        "P101Y",
        "P36526D",
        "P9999999999D",
        "P" + "9" * 400 + "Y",
        "PT５S",
        "1 day",
    ],
)
def test_what_is_not_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an|longer than|never"):
        iso8601.duration(text)


def test_months_stay_in_the_month_they_name() -> None:
    assert NOON + iso8601.duration("P1M") == datetime(2026, 2, 28, 12, tzinfo=ZONE)
    assert NOON + iso8601.duration("P1M") * 2 == datetime(2026, 3, 31, 12, tzinfo=ZONE)
    assert NOON + iso8601.duration("P11M1D") == datetime(2027, 1, 1, 12, tzinfo=ZONE)
    assert NOON + iso8601.duration("P2Y1M") == datetime(2028, 2, 29, 12, tzinfo=ZONE)


def test_a_length_of_days_and_hours_is_just_added() -> None:
    assert NOON + iso8601.duration("P1DT1H") * 3 == NOON + timedelta(days=3, hours=3)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-01T09:00:00+08:00", datetime(2026, 5, 1, 1, tzinfo=UTC)),
        ("2026-05-01T01:00:00Z", datetime(2026, 5, 1, 1, tzinfo=UTC)),
        ("2026-05-01T09:00:00", datetime(2026, 5, 1, 1, tzinfo=UTC)),
        ("2026-05-01T09:00", datetime(2026, 5, 1, 1, tzinfo=UTC)),
        ("20260501T090000+0800", datetime(2026, 5, 1, 1, tzinfo=UTC)),
        ("2026-05-01T09:00:00.25+08", datetime(2026, 5, 1, 1, 0, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_instants(text: str, moment: datetime) -> None:
    found = iso8601.instant(text)
    assert found == moment
    assert found.utcoffset() is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-05-01",
        "09:00",
        "2026-13-01T00:00:00",
        "2026-02-30T00:00:00",
        "2026-05-01T25:00:00",
        "now()",
        "2026-05-01 09:00:00",
        "2026-05-01T09:00:00+08:00 ",
        "2026-05-01T09:00:00+99:00",
        "1777597200",
        "R3/PT1H",
    ],
)
def test_what_is_not_an_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an|longer than|never"):
        iso8601.instant(text)


def test_a_text_without_zone_is_given_one() -> None:
    assert iso8601.zoned("2026-05-01T09:00:00") == "2026-05-01T09:00:00+08:00"
    for text in ("2026-05-01T09:00:00Z", "2026-05-01T09:00:00-05:00", "20260501T0900+08"):
        assert iso8601.zoned(text) == text
    with pytest.raises(ValueError, match="instant"):
        iso8601.zoned("tomorrow")


def test_cycles() -> None:
    assert iso8601.cycle("R3/PT10H") == (3, None, Duration(rest=timedelta(hours=10)))
    assert iso8601.cycle("R/P1M") == (None, None, Duration(1))
    start = datetime(2026, 5, 1, 1, tzinfo=UTC)
    assert iso8601.cycle("R2/2026-05-01T09:00:00+08:00/P1D") == (2, start, Duration(rest=timedelta(days=1)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "R",
        "R/",
        "PT1H",
        "R3",
        "R0/PT1H",
        "R3/PT0S",
        "R-1/PT1H",
        "r3/PT1H",
        "0 0 9 * * ?",
        "R3/PT1H/PT1H",
        "R1/2026-05-01T09:00:00/P1D/x",
        "R1/PT1H/2026-05-01T09:00:00",
        "R3 / PT1H",
        "R/2026-05-01/P1D",
    ],
)
def test_what_is_not_a_cycle(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an|longer than|never"):
        iso8601.cycle(text)


ALPHABET = st.text(alphabet="PTRYMWDHSZ0123456789/:+-., 五\n", max_size=24)


READERS: tuple[Callable[[str], object], ...] = (
    iso8601.duration,
    iso8601.instant,
    iso8601.cycle,
    iso8601.zoned,
)


@given(ALPHABET)
def test_nothing_but_value_errors(text: str) -> None:
    for read in READERS:
        outcome: object = None
        try:
            outcome = read(text)
        except ValueError as error:
            outcome = error
        assert outcome is not None
