"""What a day brings by itself, on both databases: grids that change, what is to be published, and what that costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from engine import directory, queries, records, registers
from engine.clock import Clock
from engine.errors import Refused
from engine.library import day_of
from engine.publishing import PACKS
from engine.store import Store
from engine.work import Work
from handlers import grids, patrols, publicity
from handlers.city import FOUNDER
from handlers.patrols import Plan
from handlers.registry import DUTIES
from tests.places import Place, read, settle

PACK = "zhenjiang/2026-01-01"


@pytest.fixture
def place(store: Store) -> Place:
    folder = read(PACKS / PACK)
    return Place(store, folder.pack, settle(store, folder))


def village(place: Place) -> str:
    return f"c{place.grid[1:13]}"


def put(work: Work, place: Place, id: str, kind: str, parent: str, **attributes: str) -> None:
    directory.put_unit(
        work.connection, id, kind=kind, level=kind, code=id[1:], name=id, parent=parent,
        valid_from=day_of(place.now), attributes=attributes, by=FOUNDER, at=work.now,
    )  # fmt: skip


# -- a change of grids that cannot be carried out ----------------------------------------------------


def pending(place: Place) -> registers.Registered:
    """A change that is decided, and holds from tomorrow on."""
    case = place.report(place.worker())
    body = {"kind": "adjust", "ended": [], "made": [], "follower": "", "unit": place.township, "open": True}
    with place.engine.work() as work:
        area, tomorrow = work.directory.unit(place.grid).area, day_of(place.now) + timedelta(days=1)
        return registers.put(
            work, FOUNDER, "grid_pending", str(case), body, area=area, unit=place.township, case=case,
            valid_from=tomorrow,
        )  # fmt: skip


def open_changes(place: Place) -> list[str]:
    with place.engine.look() as work:
        return [one.id for one in registers.holding(work, "grid_pending") if one.body["open"]]


def incidents(place: Place) -> list[dict[str, Any]]:
    with place.engine.look() as work:
        actor = work.directory.actor(place.person("duty_officer", place.township))
        return list(queries.incidents(work, actor)["rows"])


def test_a_change_that_is_refused_on_its_day_holds_up_no_other_and_is_seen(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = pending(place), pending(place)
    carry_out = grids._carry_out

    def refusing(work: Work, actor: Any, entry: registers.Registered) -> None:
        carry_out(work, actor, entry)
        if entry.id == first.id:
            raise Refused("test.posts", "还有未办完的环节。", "There are open steps.")

    monkeypatch.setattr(grids, "_carry_out", refusing)
    place.now += timedelta(days=1)
    clock = Clock(place.engine, duties=DUTIES)
    clock.run_once(place.now)
    assert open_changes(place) == [first.id]
    for _ in range(3):
        place.now += timedelta(minutes=1)
        clock.run_once(place.now)
    (incident,) = incidents(place)
    assert (incident["case"], incident["node"], incident["code"]) == (first.case, "grids", "clock.failed")
    assert "还有未办完的环节" in incident["text"]
    with place.engine.look() as work:
        assert [one.kind for one in records.chain(work.connection, first.id)] == ["registered"]
    monkeypatch.setattr(grids, "_carry_out", carry_out)
    place.now += timedelta(hours=1)
    clock.run_once(place.now)
    assert (open_changes(place), incidents(place)) == ([], [])


def test_a_change_is_carried_out_once_whoever_looked_before(place: Place) -> None:
    entry = pending(place)
    place.now += timedelta(days=1)
    with place.engine.look() as work:
        (thing,) = grids.due(work)
    assert (thing.id, thing.case) == (entry.id, entry.case)
    for _ in range(2):
        place.act(grids.take_effect, thing)
    with place.engine.look() as work:
        assert [one.kind for one in records.chain(work.connection, entry.id)] == ["registered", "registered"]


def test_a_plan_that_no_law_knows_is_on_record_and_the_others_are_opened(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner = place.actor(place.person("duty_officer", place.township), "duty_officer")
    lost, good = (
        place.act(patrols.plan, planner, Plan(place.grid, "regular", "沿主路", every=1, pack=key))
        for key in ("x/y", "")
    )
    place.now += timedelta(days=1)
    clock = Clock(place.engine, duties=DUTIES)
    for _ in range(4):
        clock.run_once(place.now)
        place.now += timedelta(minutes=1)
    with place.engine.look() as work:
        assert [one.about for one in registers.holding(work, "patrol", day=day_of(place.now))] == [good.id]
        last = list(records.chain(work.connection, lost.id))[-1]
    assert (last.kind, last.detail["duty"]) == ("duty-failed", "patrols")


# -- what the public is told of many grids -----------------------------------------------------------


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """The statements that are executed meanwhile by who writes."""
    statements: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(store._writer, "before_cursor_execute", count)
    yield statements
    event.remove(store._writer, "before_cursor_execute", count)


def cost(place: Place, number: int) -> int:
    """How many statements it takes to find what is told wrongly of so many grids."""
    with place.engine.work() as work:
        with counted(place.store) as statements:
            assert len(publicity.stale(work, "/")) == number
        return len(statements)


def published(work: Work, place: Place, grid: str, channel: str) -> None:
    unit = work.directory.unit(grid)
    told = publicity.content(work, unit, place.pack)
    body = {"channels": [{"channel": channel}], "published_at": "2026-03-02T09:00:00+08:00", "version": 1}
    body["content_hash"] = publicity._hash(told)
    registers.put(work, FOUNDER, "publication", grid, body, area=unit.area, unit=place.township, about=grid)


def test_looking_for_what_is_told_wrongly_costs_the_same_however_many_grids_there_are(place: Place) -> None:
    with place.engine.work() as work:
        published(work, place, place.grid, "place")
    cost(place, 0)  # what is asked once only
    before = cost(place, 0)
    others = [f"{place.grid[:-3]}{number:03d}" for number in range(50, 65)]
    with place.engine.work() as work:
        for id in others:
            put(work, place, id, "grid", village(place), boundary=f"第{id}片")
    assert cost(place, 15) == before
    with place.engine.work() as work:
        for id in others:
            published(work, place, id, "place")
    assert cost(place, 0) == before


def test_each_grid_is_told_with_what_lies_in_it_and_nothing_of_its_neighbours(place: Place) -> None:
    other = f"{place.grid[:-3]}077"
    with place.engine.work() as work:
        put(work, place, other, "grid", village(place), boundary="河西")
        for grid, code in ((place.grid, "01"), (other, "02")):
            put(work, place, f"m{grid[1:]}{code}", "micro_grid", grid, boundary=f"楼栋{code}")
    with place.engine.work() as work:
        for grid in (place.grid, other):
            published(work, place, grid, "place")
        content = publicity.content(work, work.directory.unit(place.grid), place.pack)
    assert content["supervision_phone"] == "000-0000-0000"
    assert [one["area_range"] for one in content["micro_grids"]] == ["楼栋01"]
    assert len(content["workers"]) == 3
    with place.engine.look() as work:
        assert publicity.stale(work, "/") == []
        assert publicity.stale(work, work.directory.unit(other).area) == []
    with place.engine.work() as work:
        put(work, place, f"m{other[1:]}03", "micro_grid", other, boundary="新楼")
    with place.engine.look() as work:
        assert [one["grid"] for one in publicity.stale(work, "/")] == [other]
        assert publicity.stale(work, work.directory.unit(place.grid).area) == []
