"""Matter lists in all places: who keeps one, how an item enters and leaves it, what may not be on it, and what a list
means for a matter (ZJ-8 to ZJ-10, ZJD-7, ZJD-8, JS-10, JS-16.3, X3-19, LZ-15)."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from engine import cases, directory, registers, tables
from engine.errors import Forbidden, Invalid, Refused
from engine.registers import Registered
from engine.work import Work
from handlers import lists, procedures
from handlers.city import FOUNDER
from tests.articles.proof import Data, Edit, Patched, Setting, Without, article
from tests.places import Place

PACK = ZJ = "zhenjiang/2026-01-01"
ZJD, JS, X3, LZ = "zhenjiang/2025-draft", "jiangsu/2021-01-01", "unnamed-2023/2023-01-01", "luzhou/2024-10-01"

FOLDER = "procedures/list_change/"
DIAGRAM = FOLDER + "list_change.bpmn"

TREES: dict[str, Any] = {
    "item_key": "tree_trimming",
    "title": "行道树修剪",
    "performer": "grid_worker",
    "requires_enforcement_power": False,
    "village_work_item": "村（社区）绿化养护",
    "lead_department": "urban_management",
}
"""Something new that a list may hold."""

UNTIMED = Edit(DIAGRAM, 'wangge:limit="list_publish"', "")


def flow(source: str, target: str, instead: str) -> Edit:
    """A way of the diagram that leads somewhere else."""
    words = 'sourceRef="{}" targetRef="{}"'
    return Edit(DIAGRAM, words.format(source, target), words.format(source, instead))


def without(**rules: str) -> Setting:
    """Only these rules for what may be on a list."""
    return Setting("list_rules", rules)


# -- who takes part ----------------------------------------------------------------------------------


def department(place: Place, key: str = "urban_management") -> str:
    return place.department(key)


def of_city(place: Place, key: str = "urban_management") -> str:
    """A department of the city."""
    return f"dep-{place.city.agency.removeprefix('ga-')}-{key}"


def handler(place: Place) -> str:
    """Somebody of a department of the county."""
    return place.person("handler", department(place))


def officer(place: Place, agency: str = "") -> str:
    """Who begins things at the county's agency, or at another."""
    return place.person("triage_officer", agency or place.county)


def government(place: Place) -> str:
    return f"gov-{place.city.counties[0]}"


# -- what is on a list -------------------------------------------------------------------------------


def held(place: Place, day: date | None = None) -> Mapping[str, lists.Held]:
    """What holds for the grid."""
    with place.engine.look() as work:
        return lists.items(work, work.directory.unit(place.grid), day or place.now.date())


def kept(place: Place) -> dict[tuple[str, str], Registered]:
    """All lists, by level and kind."""
    with place.engine.look() as work:
        found = registers.holding(work, lists.KIND)
    return {(one.body["level"], one.body["list_kind"]): one for one in found}


def versions(place: Place, owner: str = "", kind: str = "own") -> list[Registered]:
    """Every version of a list, the newest first."""
    with place.engine.look() as work:
        return list(registers.history(work, f"{lists.KIND}/{owner or place.county}-{kind}"))


# -- the chains --------------------------------------------------------------------------------------


def zhenjiang(place: Place, event: str = "list_admission", **answer: Any) -> int:
    """An application in Zhenjiang, up to the agency's decision."""
    case = place.begin(handler(place), event, **{**TREES, **answer})
    units = [department(place), department(place, "housing")]
    place.complete(case, "list_review", list_review_outcome="consult", consulted=units)
    for unit in units:
        place.complete(case, "list_opinion", unit=unit)
    return case


def decided(place: Place, event: str = "list_admission", **answer: Any) -> int:
    """An application in Zhenjiang that the agency has agreed to: what it says in deciding is taken out of the rest."""
    said = {name: answer.pop(name) for name in ("valid_from", "method_document", "document") if name in answer}
    mode = answer.pop("handling_mode", "assist")
    case = zhenjiang(place, event, **answer)
    fixed = {"handling_mode": mode} if event == "list_admission" and mode else {}
    place.complete(case, "list_decide", list_decide_outcome="adopt", **fixed, **said)
    return case


def draft(place: Place, by: str = "", event: str = "list_admission", **answer: Any) -> int:
    """An application under the draft that the government has approved."""
    case = place.begin(by or handler(place), event, **{**TREES, **answer})
    place.complete(case, "list_accept", decider="government")
    place.complete(case, "list_approve_by_government", list_approve_outcome="approved")
    return case


def jiangsu(place: Place, event: str = "list_admission", **answer: Any) -> int:
    """A change of the list in Jiangsu, adopted by the county's agency."""
    units = [department(place), department(place, "housing")]
    case = place.begin(officer(place), event, **{**TREES, "consulted": units, **answer})
    for unit in units:
        place.complete(case, "list_opinion", unit=unit)
    place.complete(case, "list_adopt", list_adopt_outcome="adopt")
    return case


def unnamed(place: Place, event: str = "list_admission", **answer: Any) -> int:
    """An application that the agency of the county has approved."""
    case = place.begin(handler(place), event, **{**TREES, **answer})
    place.complete(case, "list_approve", list_approve_outcome="approved")
    return case


def studied(place: Place, event: str = "list_admission", **answer: Any) -> int:
    """A change of the list in Luzhou that departments and experts have studied."""
    case = place.begin(officer(place), event, **{**TREES, "consulted": [department(place)], **answer})
    place.complete(case, "list_research")
    place.complete(case, "list_expert_opinion")
    return case


def luzhou(place: Place, event: str = "list_admission", **answer: Any) -> int:
    """A change of the list in Luzhou that the government has approved."""
    case = studied(place, event, **answer)
    place.complete(case, "list_evaluate", list_evaluate_outcome="submit")
    place.complete(case, "list_approve", list_approve_outcome="approved")
    return case


CHAINS: Mapping[str, Callable[..., int]] = {ZJ: decided, ZJD: draft, JS: jiangsu, X3: unnamed, LZ: luzhou}


def comes_and_goes(place: Place) -> None:
    """An item enters the list and leaves it, each by the chain of the place."""
    chain = CHAINS[place.pack.key]
    assert TREES["item_key"] not in held(place)
    place.complete(chain(place), "list_publish")
    assert held(place)[TREES["item_key"]].item["label"]["zh"] == TREES["title"]
    case = chain(place, event="list_exit")
    place.complete(case, "list_publish")
    assert TREES["item_key"] not in held(place)
    assert place.case(case).status == "enacted"


def is_published_in_time(place: Place) -> None:
    """The new version is to be published, with a limit, and that it was is on record."""
    case = CHAINS[place.pack.key](place)
    row = place.step(case, "list_publish")
    assert (place.case(case).status, row.due_at is not None) == ("to_publish", True)
    place.pass_(days=8)
    assert place.step(case, "list_publish").light == "red"
    place.complete(case, "list_publish", published_where="政府门户网站")
    assert "published_where" in place.records(case)[-1].sealed


def city_and_county_keep_one(place: Place) -> None:
    assert {key: one.unit for key, one in kept(place).items()} == {
        ("city", "own"): place.city.agency,
        ("county", "own"): place.county,
    }


def only_the_county_keeps_one(place: Place) -> None:
    assert {key: one.unit for key, one in kept(place).items()} == {("county", "own"): place.county}
    with pytest.raises(Refused) as caught:
        place.begin(officer(place, place.city.agency), "list_admission", consulted=[of_city(place)], **TREES)
    assert caught.value.code == "list.level"


def each_change_is_a_version(place: Place) -> None:
    """The one before can still be read, under the number that a matter keeps of it."""
    first = versions(place)[0]
    CHAINS[place.pack.key](place)
    newest = versions(place)[0]
    with place.engine.look() as work:
        before = registers.version(work, first.row).body["items"]
    assert (newest.row > first.row, TREES["item_key"] in newest.body["items"]) == (True, True)
    assert TREES["item_key"] not in before


BOTH = ["city", "county"]

# -- Zhenjiang: who keeps a list, and how it changes (ZJ-8, ZJ-9) ------------------------------------


@article("ZJ-8.1", off=Setting("list_levels", ["city"]), pack=ZJ)
def test_city_and_county_each_keep_a_list(place: Place) -> None:
    city_and_county_keep_one(place)


@article("ZJ-8.1", off=flow("list_reviewed", "list_opinion", "list_decide"), pack=ZJ)
def test_the_agency_draws_up_the_list_with_departments(place: Place) -> None:
    case = place.begin(handler(place), "list_admission", **TREES)
    units = [department(place), department(place, "housing")]
    place.complete(case, "list_review", list_review_outcome="consult", consulted=units)
    assert {row.unit: row.due_at is not None for row in place.steps(case)["list_opinion"]} == dict.fromkeys(units, True)
    place.complete(case, "list_opinion", unit=units[0])
    assert "list_decide" not in place.steps(case)
    place.complete(case, "list_opinion", unit=units[1])
    assert place.step(case, "list_decide").unit == place.county


@article("ZJ-8.1", off=UNTIMED, pack=ZJ)
def test_the_list_is_published_promptly(place: Place) -> None:
    is_published_in_time(place)


@article("ZJ-8.2", off=Without("list.enact"), pack=ZJ)
def test_items_enter_and_leave_by_a_procedure(place: Place) -> None:
    comes_and_goes(place)


def without_method(form: dict[str, Any]) -> None:
    del form["properties"]["method_document"]


@article("ZJ-8.2", off=Data(f"{FOLDER}forms/list_decide.json", without_method), pack=ZJ)
def test_a_list_says_by_whose_method_it_was_changed(place: Place) -> None:
    """Until the city agency's document is entered, the steps are a product default."""
    decided(place)
    assert versions(place)[0].body["method"] == ""
    decided(place, title="行道树养护", method_document="市网格〔2026〕3号")
    assert versions(place)[0].body["method"] == "市网格〔2026〕3号"


@pytest.mark.parametrize("place", [(ZJ, (Setting("list_method", "city_document"),))], indirect=True)
def test_a_place_may_ask_for_the_method_of_the_city(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        decided(place)
    assert (caught.value.code, caught.value.article) == ("list.no-method", "ZJ-8.2")
    decided(place, method_document="市网格〔2026〕3号")
    assert TREES["item_key"] in held(place)


@article("ZJ-9.2", off=Edit("matter.bpmn", ' wangge:handler="triage.proposed"', ""), pack=ZJ)
def test_what_is_newly_admitted_is_proposed_as_its_item_says(place: Place) -> None:
    """The table knows nothing of it: the supporting department, in the limit that the list or the table gives. What is
    on no list is nobody's by proposal."""
    decided(place)
    for matter_type, lead, unit, source in (
        (TREES["item_key"], "urban_management", department(place), "list"),
        ("other", None, "", "nothing"),
    ):
        case = place.report(place.worker(), matter_type=matter_type)
        place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
        if "self_handle" in place.steps(case):
            place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
        place.complete(case, "escalate", by=place.worker())
        known = place.facts(case)
        proposed = [known.get(name) for name in ("lead_department", "proposed_unit", "proposed_by")]
        assert proposed == [lead, unit, source]
        assert known["proposal_entry"] == (f"{lists.KIND}/{place.county}-own" if source == "list" else "")
        assert known["handling_limit"] == "handle"


MODE, POWER = {"handling_mode": "ZJ-9.1"}, {"no_enforcement_by_workers": "JS-16.3"}


@article("ZJ-8.3", off=without(**MODE, **POWER), pack=ZJ)
def test_each_item_connects_to_a_village_work_item(place: Place) -> None:
    said = {name: value for name, value in TREES.items() if name != "village_work_item"}
    with pytest.raises(Refused) as caught:
        place.begin(handler(place), "list_admission", **said)
    assert (caught.value.code, caught.value.article) == ("list.village-work-item", "ZJ-8.3")


@article("ZJ-9.1", off=without(village_work_item="ZJ-8.3", **POWER), pack=ZJ)
def test_no_item_is_without_a_handling_mode(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        decided(place, handling_mode="")
    assert (caught.value.code, caught.value.article) == ("list.handling-mode", "ZJ-9.1")
    assert TREES["item_key"] not in held(place)


def by_the_applicant(form: dict[str, Any]) -> None:
    form["properties"]["handling_mode"] = {"type": "string", "x-wangge": "routing"}


@article("ZJ-9.1", off=Data(f"{FOLDER}forms/list_admission.json", by_the_applicant), pack=ZJ)
def test_the_agency_fixes_the_mode_after_the_departments_have_spoken(place: Place) -> None:
    actor = place.actor(handler(place))
    with pytest.raises(Invalid) as caught:
        place.act(procedures.begin, actor, "list_admission", {**admission(place), "handling_mode": "dispatch"})
    assert [finding.element for finding in caught.value.findings] == ["handling_mode"]
    case = zhenjiang(place)
    assert place.step(case, "list_decide").unit == place.county
    place.complete(case, "list_decide", list_decide_outcome="adopt", handling_mode="assist")
    decided(place, handling_mode="report_only")
    bodies = [record.detail["body"] for record in place.chain(f"{lists.KIND}/{place.county}-own")]
    modes = [body["items"].get(TREES["item_key"], {}).get("handling_mode") for body in bodies]
    assert modes == [None, "assist", "report_only"]
    assert held(place)[TREES["item_key"]].item["handling_mode"] == "report_only"


def admission(place: Place) -> dict[str, Any]:
    """What an application says at least."""
    return place.filled(place.pack.forms["list_admission"], TREES)


# -- Zhenjiang: what the list means for a matter (ZJ-10) ---------------------------------------------

ITEMS = lists.items


def whatever_comes(work: Work, grid: directory.Unit, _: date) -> dict[str, lists.Held]:
    """The items of some later day, whenever a matter was discovered."""
    return ITEMS(work, grid, date(2026, 12, 31))


@article("ZJ-10.a", off=Patched("handlers.lists.items", whatever_comes), pack=ZJ)
def test_a_matter_is_judged_by_the_list_of_its_day_of_discovery(place: Place) -> None:
    """A reading; a later change does not touch a matter that is under way."""
    before = versions(place)[0].row
    running = place.report(place.worker(), matter_type=TREES["item_key"])
    decided(place, valid_from=(place.now + timedelta(days=7)).date().isoformat(), handling_mode="self_handle")
    discovered = place.now + timedelta(days=6, hours=8)
    place.pass_(days=7)
    late = place.report(place.worker(), matter_type=TREES["item_key"], discovered_at=discovered.isoformat())
    new = place.report(place.worker(), matter_type=TREES["item_key"])
    after = versions(place)[0].row
    seen = [(place.facts(case)["listed"], place.facts(case)["list_version"]) for case in (running, late, new)]
    assert [one[0] for one in seen] == [False, False, True]
    with place.engine.look() as work:
        assert [TREES["item_key"] in registers.version(work, row).body["items"] for _, row in seen] == [
            False,
            False,
            True,
        ]
    assert (seen[0][1], seen[2][1]) == (before, after)


BY_LIST = 'listed and performer == "grid_worker" and not requires_enforcement_power'


@article("ZJ-10.a", off=Edit("matter.bpmn", f'{BY_LIST} and handling_mode == "self_handle"', "True"), pack=ZJ)
def test_what_is_off_the_list_goes_to_the_agency_and_is_not_dropped(place: Place) -> None:
    case = place.report(place.worker(), matter_type="other")
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    assert list(place.steps(case)) == ["escalate"]
    place.complete(case, "escalate", by=place.worker())
    assert place.step(case, "triage").unit == place.township


@article("ZJ-10.b", off=Edit("matter.bpmn", f">{BY_LIST}<", ">True<"), pack=ZJ)
def test_a_department_cannot_ask_a_worker_for_what_is_off_the_list(place: Place) -> None:
    """The attempt is on record; what left the list cannot be asked for any more."""
    asked = {"matter_type": TREES["item_key"], "instructing_unit": department(place)}
    case = place.report(handler(place), "instruction_pushed", **asked)
    assert (place.case(case).status, place.steps(case)) == ("returned", {})
    assert (place.records(case)[0].kind, place.records(case)[0].actor) == ("opened", handler(place))
    assert place.facts(case)["refused_because"] == "off_list"
    decided(place)
    case = place.report(handler(place), "instruction_pushed", **asked)
    assert list(place.steps(case)) == ["verify"]
    decided(place, event="list_exit")
    case = place.report(handler(place), "instruction_pushed", **asked)
    assert place.case(case).status == "returned"


@article("ZJ-10.b", off=Without("triage.lawful"), pack=ZJ)
@pytest.mark.parametrize("duty", ["lead", "co_handler"])
def test_nor_is_a_worker_told_to_help_with_it(place: Place, duty: str) -> None:
    case = place.report(place.person("triage_officer", place.township), "request_received", matter_type="other")
    units = [{"unit": place.grid, "duty": duty, "limit": "handle"}]
    other = {"unit": department(place), "duty": "co_handler" if duty == "lead" else "lead", "limit": "handle"}
    with pytest.raises(Refused) as caught:
        place.complete(case, "triage", triage_outcome="dispatch", assignments=[*units, other])
    assert (caught.value.code, caught.value.article) == ("triage.off-list", "ZJ-10")


def mode_in_handling(form: dict[str, Any]) -> None:
    form["properties"]["handling_mode"] = {"type": "string", "x-wangge": "routing"}


@article("ZJ-10.c", off=Data("forms/handle.json", mode_in_handling), pack=ZJ)
def test_a_department_cannot_change_the_handling_mode_of_a_matter(place: Place) -> None:
    case = place.report(place.person("triage_officer", place.township), "request_received", matter_type="pollution")
    units = [{"unit": department(place), "duty": "lead", "limit": "handle"}]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=units)
    place.complete(case, "accept")
    row = place.step(case, "handle")
    answer = {"handling_mode": "self_handle", **place.filled(place.form(case, row), {})}
    with pytest.raises(Invalid) as caught:
        place.act(cases.complete, place.acting(handler(place), row), row.id, row.revision, answer)
    assert [finding.element for finding in caught.value.findings] == ["handling_mode"]
    assert place.facts(case)["handling_mode"] == "report_only"


@article("ZJ-10.c", off=Without("list.enact"), pack=ZJ)
def test_only_a_change_of_the_list_changes_the_mode_and_only_for_new_matters(place: Place) -> None:
    asked = {"matter_type": "pollution", "handling_mode": "self_handle", "instructing_unit": department(place)}
    running = place.report(handler(place), "instruction_pushed", **asked)
    decided(place, item_key="pollution", title="环境污染线索", handling_mode="assist")
    new = place.report(handler(place), "instruction_pushed", **asked)
    assert [place.facts(case)["handling_mode"] for case in (running, new)] == ["report_only", "assist"]


# -- the draft of Zhenjiang (ZJD-7, ZJD-8) -----------------------------------------------------------

CITY_RULE, NEGATIVE_RULE = {"inside_city_lists": "ZJD-7.2"}, {"negative_list": "ZJD-7.1"}


def by_city(place: Place, list_kind: str, **answer: Any) -> int:
    """A change of one of the city's lists."""
    return draft(place, place.person("handler", of_city(place)), list_kind=list_kind, **answer)


@article("ZJD-7.1", off=Setting("city_lists", ["own"]), pack=ZJD)
def test_the_city_keeps_a_basic_an_admission_and_a_negative_list(place: Place) -> None:
    kinds = [("city", kind) for kind in ("admission", "basic", "negative")]
    assert sorted(kept(place)) == [*kinds, ("county", "own")]
    assert {kept(place)[key].unit for key in kinds} == {place.city.agency}


@article("ZJD-7.1", off=without(**CITY_RULE), pack=ZJD)
def test_what_is_on_the_negative_list_enters_no_list(place: Place) -> None:
    """A reading."""
    by_city(place, "negative")
    for kind in ("basic", "admission"):
        with pytest.raises(Refused) as caught:
            by_city(place, kind)
        assert (caught.value.code, caught.value.article) == ("list.negative-list", "ZJD-7.1")


@article("ZJD-7.2", off=without(**NEGATIVE_RULE), pack=ZJD)
def test_the_list_of_a_county_stays_inside_those_of_the_city(place: Place) -> None:
    """A reading."""
    with pytest.raises(Refused) as caught:
        draft(place)
    assert (caught.value.code, caught.value.article) == ("list.inside-city-lists", "ZJD-7.2")
    by_city(place, "admission")
    draft(place)
    assert TREES["item_key"] in kept(place)["county", "own"].body["items"]


@article("ZJD-7.3", off=UNTIMED, pack=ZJD)
def test_a_list_of_the_draft_is_published(place: Place) -> None:
    by_city(place, "basic")
    is_published_in_time(place)


@article("ZJD-7.3", off=Without("list.enact"), pack=ZJD)
def test_a_list_of_the_draft_changes_by_version(place: Place) -> None:
    before = versions(place, place.city.agency, "basic")[0]
    by_city(place, "basic")
    after = versions(place, place.city.agency, "basic")[0]
    assert (after.row > before.row, after.body["items"].keys() - before.body["items"].keys()) == (
        True,
        {TREES["item_key"]},
    )
    with place.engine.look() as work:
        assert registers.version(work, before.row).body == before.body


@article("ZJD-8.2", off=flow("list_accept", "list_decider_chosen", "enact_list"), pack=ZJD)
@pytest.mark.parametrize("decider", ["party_committee", "government"])
def test_admission_wants_the_approval_of_party_committee_or_government(place: Place, decider: str) -> None:
    by_city(place, "basic")
    case = place.begin(handler(place), "list_admission", **TREES)
    assert place.complete(case, "list_accept", decider=decider) == officer(place)
    row = place.step(case, f"list_approve_by_{decider}")
    county = place.city.counties[0]
    assert (row.unit, row.status) == (
        {"party_committee": f"party-{county}", "government": f"gov-{county}"}[decider],
        "open",
    )
    assert TREES["item_key"] not in kept(place)["county", "own"].body["items"]
    place.complete(case, row.node, list_approve_outcome="approved", document="〔2025〕8号")
    assert kept(place)["county", "own"].body["document"] == "〔2025〕8号"
    assert place.step(case, "list_publish").unit == place.county
    assert place.facts(case)["decider"] == decider


@article("ZJD-8.2", off=Edit(DIAGRAM, 'list_approve_outcome == "approved"', "True"), pack=ZJD)
def test_what_is_not_approved_does_not_enter(place: Place) -> None:
    by_city(place, "basic")
    case = place.begin(handler(place), "list_admission", **TREES)
    place.complete(case, "list_accept", decider="government")
    place.complete(case, "list_approve_by_government", list_approve_outcome="rejected")
    assert (place.case(case).status, len(versions(place))) == ("rejected", 1)
    assert TREES["item_key"] not in versions(place)[0].body["items"]


def anybody(start: int) -> Data:
    """Agencies may begin it too."""
    return Data(f"{FOLDER}procedure.json", lambda one: one["starts"][start]["by"].append("triage_officer"))


@article("ZJD-8.2", off=anybody(0), pack=ZJD)
def test_it_is_departments_that_apply_for_admission(place: Place) -> None:
    actor = place.actor(officer(place), "triage_officer")
    with pytest.raises(Forbidden):
        _begin(place, actor, "list_admission", {**admission(place), "item_key": "corridor_clutter"})


def _begin(place: Place, actor: directory.Actor, event: str, answer: Mapping[str, Any]) -> int:
    with place.engine.work() as work:
        return procedures.begin(work, actor, event, answer, pack=place.draft)


def nobody_of_agencies(procedure: dict[str, Any]) -> None:
    procedure["starts"][1]["by"] = ["handler"]


@article("ZJD-8.3", off=Data(f"{FOLDER}procedure.json", nobody_of_agencies), pack=ZJD)
def test_agency_and_department_may_apply_for_exit(place: Place) -> None:
    draft(place, handler(place), "list_exit", item_key="corridor_clutter")
    draft(place, officer(place), "list_exit", item_key="street_light_out")
    assert {"corridor_clutter", "street_light_out"}.isdisjoint(kept(place)["county", "own"].body["items"])


@article("ZJD-8.3", off=flow("list_accept", "list_decider_chosen", "enact_list"), pack=ZJD)
def test_an_item_leaves_only_once_that_is_approved(place: Place) -> None:
    case = place.begin(handler(place), "list_exit", item_key="corridor_clutter")
    place.complete(case, "list_accept", decider="party_committee")
    assert "corridor_clutter" in kept(place)["county", "own"].body["items"]
    place.complete(case, "list_approve_by_party_committee", list_approve_outcome="approved")
    assert "corridor_clutter" not in kept(place)["county", "own"].body["items"]


def instructed(place: Place, matter_type: str = "other") -> int:
    """A work instruction to the worker under the draft."""
    return place.report(
        handler(place), "instruction_pushed", matter_type=matter_type, instructing_unit=department(place)
    )


@article(
    "ZJD-8.4",
    off=Edit("matter.bpmn", 'escalationRef="escalation_refuse"', 'escalationRef="escalation_return"'),
    pack=ZJD,
)
def test_a_worker_may_refuse_what_is_off_the_list(place: Place) -> None:
    """It still reaches the agency, and the refusal never counts as overdue: both readings."""
    case = instructed(place)
    step = place.step(case, "verify").id
    place.leave(case, "verify", "refuse", by=place.worker())
    assert place.step(case, "triage").unit == place.township
    place.pass_(days=3)
    with place.engine.look() as work:
        row = work.connection.execute(select(tables.step).where(tables.step.c.id == step)).one()
    assert (row.status, row.light) == ("cancelled", "green")


@article("ZJD-8.4", off=Edit("matter.bpmn", 'triage_outcome == "refuse"', "False"), pack=ZJD)
def test_so_may_the_agency(place: Place) -> None:
    case = instructed(place)
    place.leave(case, "verify", "refuse", by=place.worker())
    place.complete(case, "triage", triage_outcome="refuse")
    place.complete(case, "refuse_matter")
    assert list(place.steps(case)) == ["close"]


@article("ZJD-8.4", off=Data("forms/refuse.json", lambda form: form["required"].remove("reason")), pack=ZJD)
def test_who_refuses_says_why(place: Place) -> None:
    row = place.step(instructed(place), "verify")
    with pytest.raises(Invalid) as caught:
        place.act(cases.escalate, place.actor(place.worker()), row.id, row.revision, "refuse", {})
    assert [finding.element for finding in caught.value.findings] == ["reason"]


@article("ZJD-8.4", off=Without("triage.lawful"), pack=ZJD)
def test_what_is_on_the_list_is_not_refused(place: Place) -> None:
    case = place.report(officer(place, place.township), "request_received", matter_type="pollution")
    with pytest.raises(Refused) as caught:
        place.complete(case, "triage", triage_outcome="refuse")
    assert (caught.value.code, caught.value.article) == ("triage.listed", "ZJD-8.4")


# -- Jiangsu (JS-10.1, JS-16.3) ----------------------------------------------------------------------


@article("JS-10.1", off=Setting("list_levels", BOTH), pack=JS)
def test_in_jiangsu_only_the_county_keeps_a_list(place: Place) -> None:
    only_the_county_keeps_one(place)


@article("JS-10.1", off=flow("check_list_change", "list_opinion", "list_adopt"), pack=JS)
def test_the_county_agency_draws_it_up_with_departments(place: Place) -> None:
    units = [department(place), department(place, "housing")]
    case = place.begin(officer(place), "list_admission", consulted=units, **TREES)
    assert {row.unit for row in place.steps(case)["list_opinion"]} == set(units)
    for unit in units:
        place.complete(case, "list_opinion", unit=unit)
    assert place.step(case, "list_adopt").unit == place.county


@article("JS-10.1", off=UNTIMED, pack=JS)
def test_the_list_of_a_county_is_published(place: Place) -> None:
    is_published_in_time(place)


@article("JS-10.1", off=Without("list.enact"), pack=JS)
def test_the_list_of_a_county_changes_by_version(place: Place) -> None:
    each_change_is_a_version(place)
    comes_back(place)


def comes_back(place: Place) -> None:
    """What left a list may enter it again."""
    CHAINS[place.pack.key](place, event="list_exit")
    comes_and_goes(place)


@article("JS-16.3(1)", off=Edit("matter.bpmn", f">{BY_LIST}<", ">listed<"), pack=JS)
def test_an_item_that_is_not_for_workers_cannot_be_asked_of_them(place: Place) -> None:
    """On the list or not: it has to be marked as one that workers carry out."""
    asked = {"matter_type": TREES["item_key"], "instructing_unit": department(place)}
    jiangsu(place, performer="department")
    case = place.report(handler(place), "task_entrusted", **asked)
    assert (place.case(case).status, place.facts(case)["refused_because"]) == ("returned", "not_for_workers")
    jiangsu(place)
    case = place.report(handler(place), "task_entrusted", **asked)
    assert place.case(case).status != "returned"


# -- the unnamed city (X3-19) ------------------------------------------------------------------------


@article("X3-19.1", off=Setting("list_levels", ["city"]), pack=X3)
def test_city_and_county_each_have_theirs(place: Place) -> None:
    city_and_county_keep_one(place)


@article("X3-19.1", off=UNTIMED, pack=X3)
def test_the_list_is_made_public(place: Place) -> None:
    is_published_in_time(place)


def of_the_city(work: Work, actor: directory.Actor) -> dict[str, str]:
    """The city's agency, whatever the level of the department."""
    agency = work.directory.agency_of(actor.area, "city")
    return {"own_agency": agency.id if agency else ""}


@article("X3-19.3", off=Patched("handlers.authorities.own", of_the_city), pack=X3)
def test_the_agency_of_the_departments_own_level_approves(place: Place) -> None:
    for person, agency in (
        (handler(place), place.county),
        (place.person("handler", of_city(place)), place.city.agency),
    ):
        case = place.begin(person, "list_admission", **TREES)
        assert {node: row[0].unit for node, row in place.steps(case).items()} == {"list_approve": agency}
        place.complete(case, "list_approve", list_approve_outcome="approved")
        assert TREES["item_key"] in versions(place, agency)[0].body["items"]
        assert list(place.steps(case)) == ["list_publish"]  # no government in between


@article("X3-19.3", off=flow("check_list_change", "list_approve", "enact_list"), pack=X3)
@pytest.mark.parametrize("event", ["list_admission", "list_exit"])
def test_nothing_enters_or_leaves_without_approval(place: Place, event: str) -> None:
    given = TREES if event == "list_admission" else {"item_key": "corridor_clutter"}
    before = versions(place)
    case = place.begin(handler(place), event, **given)
    place.complete(case, "list_approve", list_approve_outcome="rejected")
    assert (place.case(case).status, versions(place)) == ("rejected", before)


def by_agencies(procedure: dict[str, Any]) -> None:
    for start in procedure["starts"]:
        start["by"].append("triage_officer")


@article("X3-19.3", off=Data(f"{FOLDER}procedure.json", by_agencies), pack=X3)
def test_departments_and_units_apply(place: Place) -> None:
    actor = place.actor(officer(place), "triage_officer")
    for event, answer in (
        ("list_admission", admission(place)),
        ("list_exit", {"item_key": "pollution", "reason": "…"}),
    ):
        with pytest.raises(Forbidden):
            _begin(place, actor, event, answer)


@article("X3-19.3", off=Without("list.enact"), pack=X3)
def test_approved_items_enter_and_leave(place: Place) -> None:
    comes_and_goes(place)


# -- Luzhou (LZ-15) ----------------------------------------------------------------------------------


@article("LZ-15.1", off=Without("list.enact"), pack=LZ)
def test_the_list_of_luzhou_admits_and_dismisses(place: Place) -> None:
    comes_and_goes(place)


@article("LZ-15.2", off=Setting("list_levels", BOTH), pack=LZ)
def test_in_luzhou_only_the_county_keeps_a_list(place: Place) -> None:
    only_the_county_keeps_one(place)


@article("LZ-15.2", off=flow("list_study", "list_expert_opinion", "list_studied"), pack=LZ)
@pytest.mark.parametrize("event", ["list_admission", "list_exit"])
def test_departments_and_experts_study_it_side_by_side(place: Place, event: str) -> None:
    units = [department(place), department(place, "housing")]
    case = place.begin(officer(place), event, consulted=units, **{**TREES, "item_key": "corridor_clutter"})
    opened = {(node, row.unit) for node, rows in place.steps(case).items() for row in rows}
    assert opened == {("list_research", units[0]), ("list_research", units[1]), ("list_expert_opinion", place.county)}
    for unit in units:
        place.complete(case, "list_research", unit=unit)
    assert list(place.steps(case)) == ["list_expert_opinion"]
    assert place.complete(case, "list_expert_opinion") == place.person("expert", place.county)
    assert list(place.steps(case)) == ["list_evaluate"]


@article("LZ-15.2", off=flow("list_evaluated", "list_approve", "enact_list"), pack=LZ)
def test_the_government_of_the_county_approves_what_was_evaluated(place: Place) -> None:
    case = studied(place)
    place.complete(case, "list_evaluate", list_evaluate_outcome="submit")
    assert (place.step(case, "list_approve").unit, TREES["item_key"] in held(place)) == (government(place), False)
    place.complete(case, "list_approve", list_approve_outcome="approved", document="〔2026〕2号")
    assert (versions(place)[0].body["document"], TREES["item_key"] in held(place)) == ("〔2026〕2号", True)


@article("LZ-15.2", off=flow("list_studied", "list_evaluate", "list_approve"), pack=LZ)
def test_what_is_not_worth_it_is_not_submitted(place: Place) -> None:
    case = studied(place)
    place.complete(case, "list_evaluate", list_evaluate_outcome="decline")
    assert (place.case(case).outcome, place.case(case).status) == ("list_dropped", "rejected")


@article("LZ-15.2", off=UNTIMED, pack=LZ)
def test_the_approved_list_is_published(place: Place) -> None:
    is_published_in_time(place)


@article("LZ-15.3", off=Setting("list_rules", {}), pack=LZ)
def test_what_is_reserved_to_authorities_cannot_enter_the_list(place: Place) -> None:
    for performer in ("grid_worker", "department"):
        with pytest.raises(Refused) as caught:
            studied(place, requires_enforcement_power=True, performer=performer)
        assert (caught.value.code, caught.value.article) == ("list.no-enforcement", "LZ-15.3")
    assert TREES["item_key"] not in held(place)


# -- what no article says ----------------------------------------------------------------------------

ZHENJIANG = pytest.mark.parametrize("place", [(ZJ, ())], indirect=True)


@ZHENJIANG
def test_the_word_of_the_county_prevails_over_that_of_the_city(place: Place) -> None:
    person = place.person("handler", of_city(place))
    case = place.begin(person, "list_admission", **TREES)
    place.complete(case, "list_review", list_review_outcome="consult", consulted=[of_city(place)])
    place.complete(case, "list_opinion")
    place.complete(case, "list_decide", list_decide_outcome="adopt", handling_mode="report_only")
    assert held(place)[TREES["item_key"]].list.unit == place.city.agency
    decided(place, handling_mode="assist")
    one = held(place)[TREES["item_key"]]
    assert (one.list.unit, one.item["handling_mode"]) == (place.county, "assist")
    decided(place, event="list_exit")
    assert held(place)[TREES["item_key"]].item["handling_mode"] == "report_only"


@ZHENJIANG
def test_a_change_reaches_what_is_planned_for_later_days(place: Place) -> None:
    later = place.now.date() + timedelta(days=30)
    decided(place, valid_from=later.isoformat())
    decided(place, item_key="well_covers", title="井盖松动", handling_mode="report_only")
    assert {"well_covers"} == {"well_covers", TREES["item_key"]} & held(place).keys()
    assert {"well_covers", TREES["item_key"]} <= held(place, later).keys()


@ZHENJIANG
def test_a_list_never_changes_for_days_that_are_over(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        decided(place, valid_from=(place.now - timedelta(days=1)).date().isoformat())
    assert caught.value.code == "list.past"


@ZHENJIANG
def test_what_is_on_no_list_cannot_leave_it(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        place.begin(handler(place), "list_exit", item_key="tree_trimming")
    assert caught.value.code == "list.not-on-it"


@ZHENJIANG
def test_what_takes_enforcement_power_is_for_departments(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        place.begin(handler(place), "list_admission", **{**TREES, "requires_enforcement_power": True})
    assert (caught.value.code, caught.value.article) == ("list.no-enforcement-by-workers", "JS-16.3")
    decided(place, requires_enforcement_power=True, performer="department", handling_mode="dispatch")


@ZHENJIANG
def test_only_departments_are_consulted(place: Place) -> None:
    case = place.begin(handler(place), "list_admission", **TREES)
    with pytest.raises(Refused) as caught:
        place.complete(case, "list_review", list_review_outcome="consult", consulted=[place.township])
    assert caught.value.code == "list.not-department"


@pytest.mark.parametrize("place", [(LZ, ())], indirect=True)
@pytest.mark.parametrize("exclusive", [True, False])
def test_an_exclusive_grid_has_a_list_of_its_own(place: Place, exclusive: bool) -> None:
    with place.engine.work() as work:
        grid = work.directory.unit(place.grid)
        directory.put_unit(
            work.connection, grid.id, kind="grid", level="grid", code=grid.code, name=grid.name, parent=grid.parent,
            valid_from=grid.valid_from, by=FOUNDER, at=work.now,
            attributes={"category": "exclusive" if exclusive else "comprehensive"},
        )  # fmt: skip
        item = {"label": {"zh": "厂区巡检", "en": "Rounds of the plant"}, "performer": "grid_worker"}
        body = {"level": "grid", "list_kind": "own", "items": {"plant_rounds": item}}
        registers.put(work, FOUNDER, lists.KIND, f"{grid.id}-own", body, area=grid.area, unit=grid.id)
    assert ("plant_rounds" in held(place)) is exclusive
    assert "corridor_clutter" in held(place)


def exclusive(place: Place) -> None:
    """Makes the grid an exclusive one."""
    with place.engine.work() as work:
        grid = work.directory.unit(place.grid)
        directory.put_unit(
            work.connection, grid.id, kind="grid", level="grid", code=grid.code, name=grid.name, parent=grid.parent,
            valid_from=grid.valid_from, by=FOUNDER, at=work.now, attributes={**grid.attributes, "category": "exclusive"},
        )  # fmt: skip


@pytest.mark.parametrize("place", [(LZ, ())], indirect=True)
def test_the_city_sets_the_list_of_an_exclusive_grid(place: Place) -> None:
    """LZ-9.2: the change goes the way of any other, and concerns this grid alone."""
    exclusive(place)
    begin = officer(place, place.city.agency)
    case = place.begin(begin, "list_admission", about=place.grid, **{**TREES, "consulted": [of_city(place)]})
    place.complete(case, "list_research")
    place.complete(case, "list_expert_opinion")
    place.complete(case, "list_evaluate", list_evaluate_outcome="submit")
    place.complete(case, "list_approve", list_approve_outcome="approved")
    assert held(place)[TREES["item_key"]].list.unit == place.grid
    assert TREES["item_key"] not in kept(place)["county", "own"].body["items"]
    assert set(kept(place)) == {("county", "own"), ("grid", "own")}


@pytest.mark.parametrize("place", [(LZ, ())], indirect=True)
def test_no_other_grid_and_no_other_level_has_such_a_list(place: Place) -> None:
    given = {**TREES, "consulted": [of_city(place)]}
    with pytest.raises(Refused) as comprehensive:
        place.begin(officer(place, place.city.agency), "list_admission", about=place.grid, **given)
    assert comprehensive.value.code == "list.grid"
    exclusive(place)
    with pytest.raises(Refused) as county:
        place.begin(officer(place), "list_admission", about=place.grid, **given)
    assert (county.value.code, county.value.article) == ("list.grid", "LZ-9.2")
