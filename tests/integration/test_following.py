"""A unit that is no more and the one that follows it, on both databases: open steps, what comes later, the record."""

import pytest
from sqlalchemy import select

from engine import cases, census, records, tables
from engine.store import Store
from tests.towns import NORTH, SOUTH, Town


@pytest.fixture
def town(store: Store) -> Town:
    return Town(store)


def follow(town: Town, case: int, unit: str = "north-grid", follower: str = "south-grid") -> None:
    town.pass_(minutes=1)
    with town.engine.work() as work:
        cases.follow(work, case, unit, follower, "case/9")


def test_an_open_step_and_its_assignment_go_to_the_follower(town: Town) -> None:
    case = town.open()
    with town.engine.work() as work:
        cases.claim(work, town.actor("wang"), town.step(case), 1)
    follow(town, case)
    with town.engine.look() as work:
        row = work.connection.execute(select(tables.step).where(tables.step.c.case == case)).one()
        assert (row.unit, row.person) == ("south-grid", None)
        assigned = tables.assignment.c
        units = work.connection.execute(select(assigned.unit).where(assigned.case == case)).scalars().all()
        assert units == ["south-grid"]
        last = list(records.chain(work.connection, f"case/{case}"))[-1]
        assert (last.kind, last.cause, last.detail["from"]) == ("passed-on", "case/9", "north-grid")
        assert (records.verify(work.connection, f"case/{case}"), records.proves(work.connection, case)) == ([], [])
    town.complete("shi", case, opinion="属实")


def test_a_later_step_finds_the_follower_and_the_place_stays(town: Town) -> None:
    case = town.open()
    follow(town, case)
    with town.engine.look() as work:
        assert cases.facts_at(work, case, 0)["grid"] == "south-grid"
        assert (
            work.connection.execute(select(tables.case.c.area).where(tables.case.c.id == case))
            .scalar_one()
            .startswith(NORTH)
        )
        assert list(census.open_cases(work.connection, NORTH)) == [case]
        assert list(census.open_cases(work.connection, SOUTH)) == []


def test_nothing_is_recorded_where_the_unit_had_nothing_to_do(town: Town) -> None:
    case = town.open("south")
    follow(town, case)
    with town.engine.look() as work:
        assert [one.kind for one in records.chain(work.connection, f"case/{case}")] == ["opened"]
