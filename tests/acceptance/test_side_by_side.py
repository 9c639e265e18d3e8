"""Two packs in one installation: each place is governed by its own, and neither sees the other's matters."""

from datetime import date, datetime
from typing import Any

import pytest

from engine import queries
from engine.directory import Actor
from engine.errors import Forbidden, NotFound
from engine.iso8601 import ZONE
from engine.publishing import PACKS, publish, publish_year, read_calendars
from engine.store import Store
from engine.work import Engine
from handlers import city, intake
from handlers.city import City, Plan
from handlers.registry import HANDLERS
from tests.places import read

MORNING = datetime(2026, 3, 2, 9, tzinfo=ZONE)
JIANGSU, ZHENJIANG, LUZHOU = "jiangsu/2021-01-01", "zhenjiang/2026-01-01", "luzhou/2024-10-01"
PLAN = Plan(counties=1, townships=1, grids=1, departments=("housing",))
ANSWER = {
    "title": "路面积水", "description": "积水", "place": "路口", "matter_type": "other", "urgency": "ordinary",
    "area_kind": "urban",
}  # fmt: skip


class Province:
    """Three packs, of which two apply in one province: a city with a regulation of its own, and one without."""

    def __init__(self, store: Store) -> None:
        self.engine = Engine(store, HANDLERS, now=lambda: MORNING)
        self.cities: dict[str, City] = {}
        with self.engine.work() as work:
            for year in read_calendars():
                publish_year(work, year)
            for key in (JIANGSU, ZHENJIANG, LUZHOU):
                publish(work, read(PACKS / key))
        for key in (ZHENJIANG, LUZHOU):
            with self.engine.work() as work:
                self.cities[key] = city.found(work, PLAN, read(PACKS / key).pack)

    def worker(self, key: str) -> Actor:
        grid = self.cities[key].grids[0]
        with self.engine.look() as work:
            person = work.directory.holders("grid_worker", grid)[0]
            return next(actor for actor in work.directory.actors(person) if actor.unit == grid)

    def report(self, key: str, where: str = "", **answer: Any) -> int:
        grid = self.cities[where or key].grids[0]
        with self.engine.work() as work:
            given = {"way_in": "discovered", "grid": grid, "answer": {**ANSWER, **answer}}
            return intake.report(work, self.worker(key), given)


@pytest.fixture
def province(store: Store) -> Province:
    return Province(store)


def test_each_place_is_governed_by_its_own_pack(province: Province) -> None:
    for key, first in ((ZHENJIANG, "verify"), (LUZHOU, "escalate")):
        case = province.report(key)
        with province.engine.look() as work:
            shown = queries.matter(work, province.worker(key), case)
        assert [step["node"] for step in shown["steps"]] == [first]
        assert shown["pack"] == key


def test_nobody_sees_or_brings_in_matters_of_the_other_place(province: Province) -> None:
    case = province.report(ZHENJIANG)
    with province.engine.look() as work, pytest.raises(NotFound):
        queries.matter(work, province.worker(LUZHOU), case)
    with pytest.raises(Forbidden):
        province.report(LUZHOU, where=ZHENJIANG)


def test_before_the_city_had_its_regulation_the_provinces_rules_applied(province: Province) -> None:
    case = province.report(ZHENJIANG, discovered_at="2025-12-31T18:00:00+08:00")
    with province.engine.look() as work:
        assert queries.matter(work, province.worker(ZHENJIANG), case)["pack"] == JIANGSU
        area = province.worker(ZHENJIANG).area
        assert work.library.in_force(work.connection, area, date(2025, 12, 31)).key == JIANGSU
        assert work.library.in_force(work.connection, area, date(2026, 1, 1)).key == ZHENJIANG
