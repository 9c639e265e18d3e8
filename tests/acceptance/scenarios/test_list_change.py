"""How an item comes onto a matter list: four chains of approval, and a matter keeps the list of its day.
Scenario 15."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.acceptance.scenarios.town import TownApi, refused

ZJ, ZJD = "zhenjiang/2026-01-01", "zhenjiang/2025-draft"
X3, LZ = "unnamed-2023/2023-01-01", "luzhou/2024-10-01"

Towns = Callable[..., TownApi]

TREES: dict[str, Any] = {
    "item_key": "tree_trimming",
    "title": "（测试）行道树修剪",
    "performer": "grid_worker",
    "requires_enforcement_power": False,
    "village_work_item": "（测试）村（社区）绿化养护",
    "lead_department": "urban_management",
}
"""Something that is on no list."""


def zhenjiang(town: TownApi, **said: Any) -> tuple[int, list[str]]:
    """ZJ-8: by the city agency's method; until it has one, the steps are a product default."""
    units = [town.place.department("urban_management"), town.place.department("housing")]
    case = town.begin(town.someone("handler", units[0]), "list_admission", **TREES)
    town.complete(case, "list_review", list_review_outcome="consult", consulted=units)
    for unit in units:
        town.complete(case, "list_opinion", unit=unit)
    town.complete(case, "list_decide", list_decide_outcome="adopt", handling_mode="self_handle", **said)
    return case, ["list_review", "list_opinion", "list_opinion", "list_decide"]


def draft(town: TownApi) -> tuple[int, list[str]]:
    """ZJD-8.2: the department applies, party committee or government approves."""
    department = town.place.department("urban_management")
    case = town.begin(town.someone("handler", department), "list_admission", **TREES)
    town.complete(case, "list_accept", decider="party_committee")
    assert town.at(case) == {"list_approve_by_party_committee": f"party-{town.place.city.counties[0]}"}
    town.complete(case, "list_approve_by_party_committee", list_approve_outcome="approved")
    return case, ["list_accept", "list_approve_by_party_committee"]


def unnamed(town: TownApi) -> tuple[int, list[str]]:
    """X3-19.3: the department applies, the agency of its level approves, and no government does."""
    department = town.place.department("urban_management")
    case = town.begin(town.someone("handler", department), "list_admission", **TREES)
    assert town.at(case) == {"list_approve": town.place.county}
    town.complete(case, "list_approve", list_approve_outcome="approved")
    return case, ["list_approve"]


def luzhou(town: TownApi) -> tuple[int, list[str]]:
    """LZ-15.2: departments and experts study it, the county's government approves."""
    officer = town.someone("triage_officer", town.place.county)
    units = [town.place.department("urban_management")]
    case = town.begin(officer, "list_admission", consulted=units, **TREES)
    town.complete(case, "list_research")
    town.complete(case, "list_expert_opinion")
    town.complete(case, "list_evaluate", list_evaluate_outcome="submit")
    assert town.at(case) == {"list_approve": f"gov-{town.place.city.counties[0]}"}
    town.complete(case, "list_approve", list_approve_outcome="approved")
    return case, ["list_research", "list_expert_opinion", "list_evaluate", "list_approve"]


def listed(town: TownApi) -> dict[str, str]:
    """What is on the lists that hold for the grid, with the level of the nearest that says so."""
    return {
        item["key"]: item["list"]["level"] for item in town.supervisor.get(f"lists?grid={town.place.grid}")["items"]
    }


@pytest.mark.article("ZJ-8.2", "ZJD-8.2", "X3-19.3", "LZ-15.2")
@pytest.mark.parametrize(
    ("pack", "chain"), [(ZJ, zhenjiang), (ZJD, draft), (X3, unnamed), (LZ, luzhou)], ids=["ZJ", "ZJD", "X3", "LZ"]
)
def test_each_place_has_a_chain_of_its_own(
    town_api: Towns, pack: str, chain: Callable[[TownApi], tuple[int, list[str]]]
) -> None:
    town = town_api(pack)
    if pack == ZJD:
        city_lists(town)
    else:
        assert TREES["item_key"] not in listed(town)
    assert listed(town).get(TREES["item_key"], "city") == "city"
    case, nodes = chain(town)
    done = [one["detail"]["node"] for one in town.records(case) if one["kind"] == "completed"]
    assert done == nodes
    assert listed(town)[TREES["item_key"]] == "county"
    assert list(town.at(case)) == ["list_publish"]
    assert town.due(case, "list_publish") is not None
    town.complete(case, "list_publish", published_where="（测试）政府门户网站")
    assert town.status(case) == "enacted"


def city_lists(town: TownApi) -> None:
    """ZJD-7.2: the county's list stays within the city's, so the item comes onto that first."""
    department = f"dep-{town.place.city.agency.removeprefix('ga-')}-urban_management"
    case = town.begin(town.someone("handler", department), "list_admission", **{**TREES, "list_kind": "basic"})
    town.complete(case, "list_accept", decider="government")
    town.complete(case, "list_approve_by_government", list_approve_outcome="approved")


@pytest.mark.article("ZJ-10.a")
def test_a_matter_keeps_the_list_of_the_day_it_was_discovered(town_api: Towns) -> None:
    """ZJ-10.a, a reading."""
    town = town_api(ZJ)
    type_: str = TREES["item_key"]
    running = town.report(town.worker(), matter_type=type_)
    first = town.place.now + timedelta(days=7)
    zhenjiang(town, valid_from=first.date().isoformat())
    discovered = first - timedelta(hours=12)
    town.pass_(days=7)
    late = town.report(town.worker(), matter_type=type_, discovered_at=discovered.isoformat())
    new = town.report(town.worker(), matter_type=type_)
    facts = [town.matter(case)["facts"] for case in (running, late, new)]
    assert [one["listed"] for one in facts] == [False, False, True]
    assert facts[0]["list_version"] < facts[2]["list_version"]
    for case, node in ((running, "escalate"), (new, "self_handle")):  # what was under way stays as it was
        town.verify(case)
        assert node in town.steps(case)


@pytest.mark.article("LZ-15.3")
def test_what_takes_enforcement_power_cannot_come_onto_the_list_of_luzhou(town_api: Towns) -> None:
    """LZ-15.3."""
    town = town_api(LZ)
    officer = town.someone("triage_officer", town.place.county)
    units = [town.place.department("urban_management")]
    with refused("list.no-enforcement", article="LZ-15.3"):
        taking = {**TREES, "requires_enforcement_power": True}
        town.begin(officer, "list_admission", consulted=units, **taking)
