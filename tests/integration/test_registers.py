"""Registers of the domain, on both databases: what holds on which day, what was known when, and that each version is on
record."""

from datetime import date, timedelta
from typing import Any

import pytest

from engine import records, registers
from engine.errors import NotFound
from engine.store import Store
from engine.work import Work
from tests.towns import CITY, NORTH, SOUTH, Town

MARCH = date(2026, 3, 1)


@pytest.fixture
def town(store: Store) -> Town:
    return Town(store)


def put(town: Town, name: str, day: date, area: str = NORTH, **body: object) -> registers.Registered:
    with town.engine.work() as work:
        return registers.put(
            work, town.actor("ou"), "patrol_plan", name, body, area=area, unit="north-agency", about="north-grid",
            valid_from=day,
        )  # fmt: skip


def names(work: Work, **where: Any) -> list[str]:
    return [entry.id.removeprefix("patrol_plan/") for entry in registers.holding(work, "patrol_plan", **where)]


def test_an_entry_holds_from_its_day_until_the_next_version(town: Town) -> None:
    put(town, "a", MARCH, every="day")
    town.pass_(minutes=1)
    put(town, "a", date(2026, 3, 10), every="week")
    with town.engine.look() as work:
        assert registers.get(work, "patrol_plan/a", date(2026, 3, 9)).body == {"every": "day"}
        assert registers.get(work, "patrol_plan/a", date(2026, 3, 9)).valid_to == date(2026, 3, 9)
        assert registers.get(work, "patrol_plan/a", date(2026, 3, 10)).body == {"every": "week"}
        assert [one.body["every"] for one in registers.history(work, "patrol_plan/a")] == ["week", "day"]
        with pytest.raises(NotFound):
            registers.get(work, "patrol_plan/a", date(2026, 2, 28))


def test_what_was_known_before_can_still_be_read_by_its_number(town: Town) -> None:
    first = put(town, "a", MARCH, every="day")
    town.pass_(minutes=1)
    put(town, "a", MARCH, every="week")
    with town.engine.look() as work:
        assert registers.version(work, first.row).body == {"every": "day"}
        assert registers.get(work, "patrol_plan/a").body == {"every": "week"}


def test_each_version_is_on_record_and_the_chain_holds(town: Town) -> None:
    put(town, "a", MARCH, every="day")
    town.pass_(minutes=1)
    with town.engine.work() as work:
        registers.end(work, town.actor("ou"), "patrol_plan/a", date(2026, 3, 31), "不再需要")
    with town.engine.look() as work:
        chain = list(records.chain(work.connection, "patrol_plan/a"))
        assert [(one.kind, one.actor) for one in chain] == [("registered", "ou"), ("ended", "ou")]
        assert chain[0].detail["body"] == {"every": "day"}
        assert records.verify(work.connection, "patrol_plan/a") == []
        assert registers.holding(work, "patrol_plan", day=date(2026, 3, 31))
        assert registers.holding(work, "patrol_plan", day=date(2026, 4, 1)) == []


def test_entries_are_found_by_place_unit_and_subject(town: Town) -> None:
    for name, area in (("city", CITY), ("north", NORTH), ("south", SOUTH), ("grid", f"{NORTH}g1/")):
        put(town, name, MARCH, area)
    with town.engine.look() as work:
        assert names(work, inside=NORTH) == ["grid", "north"]
        assert names(work, around=NORTH) == ["city", "north"]
        assert names(work, near=NORTH) == ["city", "grid", "north"]
        assert names(work, unit="south-agency") == []
        assert names(work, about="north-grid") == ["city", "grid", "north", "south"]
        assert registers.holding(work, "matter_list") == []


def test_nothing_is_written_behind_a_later_record(town: Town) -> None:
    put(town, "a", MARCH, every="day")
    town.now -= timedelta(hours=1)
    with pytest.raises(Exception, match="later") as caught:
        put(town, "a", MARCH, every="week")
    assert getattr(caught.value, "code", "") == "directory.later"
