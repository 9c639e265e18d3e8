"""What may be asked of a grid worker, and who fixes how an item is handled. Scenarios 6 to 8."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.scenarios.town import Person, TownApi, orders, refused

ZJ, ZJD = "zhenjiang/2026-01-01", "zhenjiang/2025-draft"
JS, X3, LZ = "jiangsu/2021-01-01", "unnamed-2023/2023-01-01", "luzhou/2024-10-01"

Towns = Callable[[str], TownApi]

INSTRUCTED = {ZJ: "instruction_pushed", ZJD: "instruction_pushed", JS: "task_entrusted", X3: "instruction_pushed"}
"""How somebody asks a worker to do something."""

LISTED = {ZJ: "base_data_update", ZJD: "base_data_update", JS: "base_data_update", X3: "corridor_clutter"}
NOT_FOR_WORKERS = "worker_complaint"


def instruct(town: TownApi, asker: Person, unit: str, **answer: Any) -> int:
    """Somebody asks a worker of the grid to do something."""
    return town.report(asker, INSTRUCTED[town.place.pack.key], instructing_unit=unit, **answer)


def at_triage(town: TownApi, matter_type: str) -> int:
    """A request of a citizen that the agency has to triage; in Luzhou it has come up from the village."""
    officer = town.someone("duty_officer", town.place.village if town.place.pack.key == LZ else "")
    requester = town.place.pack.key == JS  # there is always one
    case = town.report(
        officer, "request_received", matter_type=matter_type, channel="platform", has_requester=requester
    )  # fmt: skip
    if town.place.pack.key == LZ:
        town.complete(case, "circulate", circulate_outcome="to_township")
    return case


# -- 6: off the list ---------------------------------------------------------------------------------


@pytest.mark.article("ZJ-10.b", "JS-16.3(1)")
@pytest.mark.parametrize("pack", [ZJ, JS])
@pytest.mark.parametrize("asking", ["receiver", "triage_officer"])
def test_what_is_off_the_list_or_not_for_workers_goes_back_and_is_on_record(
    town_api: Towns, pack: str, asking: str
) -> None:
    """ZJ-10 binds departments, JS-16.3 everybody."""
    town = town_api(pack)
    unit = town.place.department("urban_management") if asking == "receiver" else town.place.township
    asker = town.someone(asking, unit)
    for matter_type, because in (("other", "off_list"), (NOT_FOR_WORKERS, "not_for_workers")):
        case = instruct(town, asker, unit, matter_type=matter_type)
        assert (town.status(case), town.steps(case)) == ("returned", {})
        opened, returned = town.records(case)
        assert (opened["kind"], opened["actor"]["id"]) == ("opened", asker.id)
        assert returned["detail"]["node"] in ("refuse_instruction", "return_task")
        assert town.matter(case)["facts"]["refused_because"] == because
    case = instruct(town, asker, unit, matter_type=LISTED[pack])
    assert town.at(case) == {"verify": town.place.grid}


@pytest.mark.article("ZJ-10.b", "JS-16.3(1)", "X3-19.4")
@pytest.mark.parametrize("pack", [ZJ, JS, X3])
@pytest.mark.parametrize("assisting", [False, True])
def test_the_agency_cannot_dispatch_it_to_a_worker_either_and_the_attempt_is_on_record(
    town_api: Towns, pack: str, assisting: bool
) -> None:
    """ZJ-10: asking for help with it is asking too."""
    town = town_api(pack)
    case = at_triage(town, "other")
    units = [town.place.department("housing"), town.place.grid] if assisting else [town.place.grid]
    with refused("triage.off-list", article={ZJ: "ZJ-10", JS: "JS-16.3", X3: "X3-19.4"}[pack]):
        town.dispatch(case, *units)
    last = town.records(case)[-1]
    assert (last["kind"], last["detail"]["code"]) == ("refused", "triage.off-list")
    assert list(town.steps(case)) == ["triage"]


@pytest.mark.article("X3-19.4")
@pytest.mark.parametrize(
    ("cited", "reaches"), [("law", True), ("regulation", True), ("rule", False), ("document", False), ("none", False)]
)
def test_only_a_cited_law_or_regulation_makes_an_exception(town_api: Towns, cited: str, reaches: bool) -> None:
    """X3-19.4."""
    town = town_api(X3)
    duty = town.someone("duty_officer")
    words = {"citation": "（测试）某法第一条"} if cited != "none" else {}
    if reaches:
        with refused("form.answer", "citation"):
            instruct(town, duty, town.place.township, matter_type="other", exception_cited=cited)
    case = instruct(town, duty, town.place.township, matter_type="other", exception_cited=cited, **words)
    assert town.at(case) == ({"self_handle": town.place.grid} if reaches else {})
    assert town.status(case) == ("self_handling" if reaches else "returned")


@pytest.mark.article("ZJD-8.4")
def test_in_the_draft_the_worker_may_refuse_and_a_refusal_is_never_late(town_api: Towns) -> None:
    """ZJD-8.4: a right of the worker and of the agency, not a duty."""
    town = town_api(ZJD)
    duty = town.someone("duty_officer")
    case = instruct(town, duty, town.place.township, matter_type="other")
    with refused("form.answer", "reason"):
        row = town.step(case, "verify")
        town.worker().post(f"steps/{row['id']}/escalate/refuse", {"revision": row["revision"], "answer": {}})
    town.leave(case, "verify", "refuse", by=town.worker(), reason="（测试）不在清单内")
    assert town.at(case) == {"triage": town.place.township}
    town.complete(case, "triage", triage_outcome="refuse")
    town.complete(case, "refuse_matter", reason="（测试）不在清单内")
    town.complete(case, "close", closing_kind="special", solved=False, summary="（测试）依法拒绝处置")
    assert town.status(case) == "archived"
    town.pass_(days=30)
    assert town.supervisor.get("overdue")["rows"] == []


# -- 7: enforcement ----------------------------------------------------------------------------------


@pytest.mark.article("JS-16.3(2)")
@pytest.mark.parametrize("pack", [ZJ, JS])
def test_what_takes_enforcement_power_never_reaches_a_worker(town_api: Towns, pack: str) -> None:
    """JS-16.3(2), which holds in Zhenjiang too."""
    town = town_api(pack)
    urban = town.place.department("urban_management")
    case = instruct(town, town.someone("receiver", urban), urban, matter_type="illegal_construction")
    assert (town.status(case), town.matter(case)["facts"]["refused_because"]) == ("returned", "enforcement")
    found = town.report(town.worker(), matter_type="illegal_construction")
    town.verify(found)
    assert list(town.steps(found)) == ["escalate"]
    town.complete(found, "escalate", by=town.worker())
    with refused("triage.enforcement", article="JS-16.3"):
        town.dispatch(found, urban, town.place.grid)
    town.dispatch(found, urban)
    assert town.at(found) == {"accept": urban}


@pytest.mark.article("LZ-15.3")
def test_in_luzhou_it_is_not_on_the_list_and_goes_to_the_department(town_api: Towns) -> None:
    """LZ-15.3."""
    town = town_api(LZ)
    case = town.report(town.worker(), matter_type="illegal_construction")
    assert town.matter(case)["facts"]["listed"] is False
    town.complete(case, "escalate", by=town.worker())
    with refused("triage.off-list"):
        given = orders(town.place.grid)
        town.complete(case, "circulate", circulate_outcome="to_department", assignments=given)


# -- 8: how an item is handled -----------------------------------------------------------------------


@pytest.mark.article("ZJ-10.c")
def test_a_department_cannot_change_how_an_item_is_handled(town_api: Towns) -> None:
    """ZJ-10: no form has a place for it, at no step, and reporting takes it from the list."""
    town = town_api(ZJ)
    duty, urban = town.someone("duty_officer"), town.place.department("urban_management")
    case = at_triage(town, "corridor_clutter")
    assert town.matter(case)["facts"]["handling_mode"] == "self_handle"
    town.dispatch(case, urban)
    for node in ("accept", "handle", "feedback"):
        row = town.step(case, node)
        person = town.holder(row)
        answer = town.place.filled(person.get(f"steps/{row['id']}")["form"], {"handling_outcome": "completed"})
        changed = {"revision": row["revision"], "answer": {**answer, "handling_mode": "dispatch"}}
        with refused("form.answer", "handling_mode"):
            person.post(f"steps/{row['id']}/complete", changed)
        town.complete(case, node, handling_outcome="completed")
    assert town.matter(case)["facts"]["handling_mode"] == "self_handle"
    typed = town.report(
        duty, "request_received", channel="platform", has_requester=False, handling_mode="dispatch"
    )  # fmt: skip
    assert town.matter(typed)["facts"]["handling_mode"] == "self_handle"
