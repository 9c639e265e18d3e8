"""Grids: divided and filed, published, lying at a unit of their own, and patrolled. Scenarios 13, 14, 16 and 23."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine import directory, registers
from engine.iso8601 import ZONE
from handlers.city import ESTABLISHED, FOUNDER
from tests.acceptance.scenarios.town import TownApi, refused

ZJ, JS = "zhenjiang/2026-01-01", "jiangsu/2021-01-01"
X3, LZ = "unnamed-2023/2023-01-01", "luzhou/2024-10-01"

Towns = Callable[..., TownApi]


def village(town: TownApi) -> str:
    """The division of the first village of the township."""
    return f"{town.place.city.townships[0]}001"


def drafted(town: TownApi, number: int = 90, **more: Any) -> dict[str, Any]:
    """A grid as it is to be, in the first village."""
    item = town.place.pack.forms["grid_change"]["properties"]["drafts"]["items"]["properties"]
    divided = {"division_unit": "estate"} if "division_unit" in item else {}
    staffed = {"workers": [town.place.worker()]} if town.place.pack.key in (X3, LZ) else {}
    told = {"name": f"新{number}网格", "boundary": "东至大街，西至河", "parent": village(town), **divided, **staffed}
    return {"code": f"{village(town)[1:]}{number:03d}", **told, **more}


def proposed(town: TownApi, *drafts: dict[str, Any], kind: str = "new", level: str = "county", **answer: Any) -> int:
    """A change that an agency proposes, with everybody who has to take part."""
    agency = {"county": town.place.county, "township": town.place.township}[level]
    given = {
        "change_kind": kind,
        "drafts": list(drafts),
        "effective_from": town.place.now.date().isoformat(),
        "joint_units": [town.place.department("urban_management"), town.place.government],
        **answer,
    }
    duty = town.someone("duty_officer", agency)
    return town.begin(duty, "grid_change_proposed", about=town.place.city.townships[0], **given)


def grids(town: TownApi) -> dict[str, Any]:
    """The grids of the county, by code."""
    found = town.someone("duty_officer", town.place.county).get("grids")["grids"]
    return {one["code"]: one for one in found}


# -- 13: divided -------------------------------------------------------------------------------------


@pytest.mark.article("ZJ-6.1b", "ZJ-6.2", "JS-8")
def test_in_zhenjiang_no_division_takes_effect_before_villages_were_asked_and_it_is_filed(town_api: Towns) -> None:
    """ZJ-6, JS-8: that it blocks is a reading."""
    town = town_api(ZJ)
    draft = drafted(town)
    case = proposed(town, draft)
    assert town.at(case) == {"consult": f"vc-{village(town)}"}
    assert draft["code"] not in grids(town)
    town.complete(case, "consult", consult_outcome="disagrees")  # an opinion is no approval
    town.complete(case, "put_in_force", put_in_force_outcome="in_force")
    assert draft["code"] in grids(town)
    assert town.due(case, "file") is not None
    town.complete(case, "file")
    city = town.someone("duty_officer", town.place.city.agency)
    filing = town.register("filing", city, about=f"case/{case}")[0]
    assert (filing["to"], filing["content"]["drafts"][0]["code"]) == (town.place.city.agency, draft["code"])
    with refused("grid.code", article="JS-8"):
        proposed(town, drafted(town))


@pytest.mark.article("ZJ-6.1b")
def test_a_village_that_does_not_reply_is_recorded_as_such(town_api: Towns) -> None:
    """ZJ-6.1."""
    town = town_api(ZJ)
    case = proposed(town, drafted(town))
    town.pass_(days=14)
    assert town.matter(case)["facts"]["opinions"] == ["no_reply"]
    assert list(town.at(case)) == ["put_in_force"]


@pytest.mark.article("X3-8.1", "X3-9")
def test_in_the_unnamed_city_the_county_approves_what_the_township_proposes(town_api: Towns) -> None:
    """X3-8, X3-9."""
    town = town_api(X3)
    draft = drafted(town)
    with refused("grid.divider"):
        proposed(town, draft, level="county")
    case = proposed(town, draft, level="township")
    assert town.at(case) == {"approve": town.place.county}
    assert draft["code"] not in grids(town)
    town.complete(case, "approve", approve_outcome="approved")
    assert draft["code"] in grids(town)
    with refused("grid.code", article="X3-9"):
        proposed(town, drafted(town), level="township")


# -- 14: published -----------------------------------------------------------------------------------


def in_force(town: TownApi, *drafts: dict[str, Any], **answer: Any) -> None:
    """A change, by whatever way leads to it."""
    case = proposed(town, *drafts, level="township" if town.place.pack.key == X3 else "county", **answer)
    while "consult" in town.steps(case):
        town.complete(case, "consult", consult_outcome="agrees")
    if "approve" in town.steps(case):
        town.complete(case, "approve", approve_outcome="approved")
    else:
        town.complete(case, "put_in_force", put_in_force_outcome="in_force")


@pytest.mark.article("ZJ-7.a", "ZJ-7.b", "X3-10", "LZ-10", "JS-19.1")
@pytest.mark.parametrize(
    ("pack", "fields", "phone"),
    [
        (ZJ, {"name", "kind", "contact", "duties"}, False),
        (X3, {"name", "contact"}, True),
        (LZ, {"name", "contact"}, True),
        (JS, {"name", "kind", "contact"}, True),
    ],
)
def test_a_change_is_to_be_published_and_the_public_sees_the_permitted_fields_only(
    town_api: Towns, pack: str, fields: set[str], phone: bool
) -> None:
    """ZJ-7, X3-10, LZ-10, JS-19."""
    town = town_api(pack)
    told = town.everybody(f"/api/public/grids/{town.place.grid[1:]}")
    assert all(set(one) == fields for one in told["workers"])
    assert told["workers"]
    assert bool(told["supervision_phone"]) or not phone
    with town.place.engine.look() as work:
        people = {one.person for one in work.directory.posted(town.place.grid)}
    assert not [id for id in people if id in str(told)]
    changed = {name: value for name, value in drafted(town).items() if name not in ("code", "parent")}
    in_force(town, {**changed, "name": "改名网格"}, kind="adjust", grids=[town.place.grid])
    assert town.everybody(f"/api/public/grids/{town.place.grid[1:]}")["grid_name"] == "改名网格"
    due = next(one for one in town.register("publication_due", about=town.place.grid) if one["open"])
    case = int(due["case"])
    publisher = town.place.government if pack in (ZJ, JS) else town.place.township
    assert town.at(case) == {"publish_grid": publisher}
    assert town.due(case, "publish_grid") is not None
    ways = [{"channel": way, "place": "社区活动中心"} for way in ("place", "board", "online")]
    town.complete(case, "publish_grid", channels=ways, published_at=town.place.now.isoformat())
    assert town.status(case) == "completed"
    assert town.register("publication", about=town.place.grid)[0]["version"] == 1


# -- 16: exclusive -----------------------------------------------------------------------------------


@pytest.mark.article("LZ-10")
@pytest.mark.parametrize("pack", [LZ, JS])
def test_an_exclusive_grid_has_its_host_two_supervisors_and_a_list_of_its_own(town_api: Towns, pack: str) -> None:
    """LZ-9, LZ-10, JS-42."""
    town = town_api(pack)
    host, department = "port", town.place.department("emergency_management")
    put(town, host)
    exclusive: dict[str, Any] = {"category": "exclusive", "host_unit": host}
    if pack == LZ:
        exclusive["exclusive_kind"] = "transport_commerce"
    with refused("grid.exclusive"):
        proposed(town, drafted(town, **exclusive))
    draft = drafted(town, **exclusive, supervising_department=department)
    in_force(town, draft)
    one = grids(town)[draft["code"]]
    assert (one["host_unit"], one["supervising_department"]) == (host, department)
    grid = f"g{draft['code']}"
    with town.place.engine.work() as work:  # the city's own business (LZ-9.2), by whatever method it has
        item = {"label": {"zh": "码头巡检", "en": "Rounds of the port"}, "performer": "grid_worker"}
        body = {
            "level": "grid",
            "list_kind": "own",
            "title": {"zh": "港口", "en": "Port"},
            "document": "",
            "sample": False,
        }
        unit = work.directory.unit(grid)
        registers.put(
            work, FOUNDER, "matter_list", f"{grid}-own", {**body, "items": {"port_rounds": item}}, area=unit.area,
            unit=grid,
        )  # fmt: skip
    person = town.someone("duty_officer", town.place.county)
    for where, listed in ((grid, True), (town.place.grid, False)):
        keys = {item["key"] for item in person.get(f"lists?grid={where}")["items"]}
        assert ("port_rounds" in keys) is listed
    if pack == LZ:  # the host publishes
        due = next(entry for entry in town.register("publication_due", about=grid) if entry["open"])
        assert town.at(int(due["case"])) == {"publish_grid": host}


def put(town: TownApi, id: str) -> None:
    """A unit that a grid may lie at, with somebody who publishes."""
    with town.place.engine.work() as work:
        directory.put_unit(
            work.connection, id, kind="host_unit", level="village", code=id.upper(), name="（测试）港口",
            parent=village(town), valid_from=ESTABLISHED, by=FOUNDER, at=work.now,
        )  # fmt: skip
        roles = {key: one.unit_kinds for key, one in town.place.pack.roles.items()}
        if "host_unit" in roles.get("publicity_officer", ()):
            directory.give_post(
                work.connection, f"{id}-1", person=town.place.worker("grid_chief" if "grid_chief" in roles else "full_time"),
                unit=id, role="publicity_officer", valid_from=ESTABLISHED, roles=roles, by=FOUNDER, at=work.now,
            )  # fmt: skip


# -- 23: patrolled -----------------------------------------------------------------------------------


@pytest.mark.article("ZJ-16.1")
def test_a_plan_makes_tasks_on_working_days_a_missed_one_shows_and_a_finding_opens_a_matter(town_api: Towns) -> None:
    """ZJ-16.1; from Thursday before Labour Day 2026 (1 to 5 May) to the first day after it."""
    town = town_api(ZJ)
    town.place.now = datetime(2026, 4, 29, 9, tzinfo=ZONE)
    duty = town.someone("duty_officer")
    duty.post("patrol-plans", {"grid": town.place.grid, "kind": "regular", "route": "（测试）沿主路", "every": 1})
    patrols = {}
    for day in range(30, 37):  # 30 April to 6 May
        town.place.now = datetime(2026, 4, 1, 0, 0, 5, tzinfo=ZONE) + timedelta(days=day - 1)
        town.place.beat()
        open_ = duty.get("matters")["rows"]
        patrols[town.place.now.strftime("%m-%d")] = [row["id"] for row in open_ if row["way_in"] == "patrol_due"]
    first, second = sorted(patrols["05-06"])
    assert patrols["04-30"] == patrols["05-05"] == [first]
    late = [row["matter"]["id"] for row in duty.get("overdue")["rows"] if row["node"] == "patrol_grid"]
    assert late == [first]
    with refused("form.answer", "reason"):
        town.complete(first, "patrol_grid", by=town.worker(), patrol_grid_outcome="not_done")
    town.complete(first, "patrol_grid", by=town.worker(), patrol_grid_outcome="not_done", reason="（测试）暴雨")
    found = {"patrol_grid_outcome": "finding", "matter_type": "corridor_clutter", "area_kind": "urban"}
    words = {"title": "（测试）楼道堆物", "description": "（测试）三楼", "place": "（测试）3幢"}
    town.complete(second, "patrol_grid", by=town.worker(), **found, **words)
    matter = next(row["id"] for row in duty.get("matters")["rows"] if row["way_in"] == "patrol_found")
    assert town.records(matter)[0]["cause"] == f"case/{second}"
    assert town.at(matter) == {"verify": town.place.grid}
