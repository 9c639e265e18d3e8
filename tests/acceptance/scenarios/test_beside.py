"""What happens beside the way of a matter, or before it may end: disputes over who is responsible, emergencies, and
telling the requester. Scenarios 9 to 11."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.publishing import PACKS
from tests.acceptance.scenarios.town import Person, TownApi, refused

ZJ, ZJD = "zhenjiang/2026-01-01", "zhenjiang/2025-draft"
JS, LZ = "jiangsu/2021-01-01", "luzhou/2024-10-01"

Towns = Callable[[str], TownApi]


def dispatched(town: TownApi) -> int:
    """A finding that a department has been given."""
    case = town.report(town.worker(), matter_type="other")
    if "verify" in town.steps(case):
        town.verify(case)
    if "register" in town.steps(case):
        town.complete(case, "register", by=town.worker(), urgency="ordinary")
    town.complete(case, "escalate", by=town.worker())
    if town.place.pack.key == LZ:
        town.complete(case, "circulate", circulate_outcome="to_township")
    town.dispatch(case, town.place.department("urban_management"))
    return case


# -- 9: disputes -------------------------------------------------------------------------------------


@pytest.mark.article("ZJ-13.4")
def test_a_dispute_that_the_agency_cannot_settle_is_decided_by_the_government(town_api: Towns) -> None:
    """ZJ-13.4. That the decision binds, and that no second dispute follows, are product defaults."""
    town = town_api(ZJ)
    case = dispatched(town)
    town.leave(case, "accept", "dispute", claim="（测试）不属本部门职责", grounds="（测试）三定规定")
    assert town.at(case) == {"mediate": town.place.township}
    assert "disputed" in town.matter(case)["flags"]
    town.complete(case, "mediate", mediate_outcome="failed")
    assert town.at(case) == {"decide": town.place.government}
    housing = town.place.department("housing")
    row = town.step(case, "decide")
    with refused("form.answer", "document_number"):
        town.holder(row).post(
            f"steps/{row['id']}/complete",
            {"revision": row["revision"], "answer": {"decided_unit": housing, "decided_on": "2026-03-02"}},
        )
    with refused("step.wrong-post"):
        town.complete(case, "decide", by=town.someone("mediator"), decided_unit=housing)
    town.complete(case, "decide", decided_unit=housing, document_number="（测试）〔2026〕1号")
    assert town.at(case) == {"accept": housing}
    assert town.told(case, "decide", "document_number") == "（测试）〔2026〕1号"
    town.leave(case, "accept", "dispute", unit=housing)
    assert town.at(case) == {"accept": housing}  # nothing to mediate: it has been decided
    manifest = json.loads((PACKS / ZJ / "manifest.json").read_text(encoding="utf-8"))
    assert any("决定后不再受理争议是产品默认" in reading["zh"] for reading in manifest["readings"])
    for node in ("accept", "handle", "feedback"):
        town.complete(case, node, unit=housing, handling_outcome="completed")
    assert town.at(case) == {"check": town.place.township}


@pytest.mark.article("ZJD-14")
@pytest.mark.parametrize(
    ("decider", "node"), [("party_committee", "decide_by_party_committee"), ("government", "decide_by_government")]
)
@pytest.mark.parametrize("already_dispatched", [True, False])
def test_in_the_draft_the_party_committee_or_the_government_decides(
    town_api: Towns, decider: str, node: str, already_dispatched: bool
) -> None:
    """ZJD-14: which of them is on record; no dispatch need come before."""
    town = town_api(ZJD)
    if already_dispatched:
        case = dispatched(town)
        town.leave(case, "accept", "dispute")
    else:
        duty = town.someone("duty_officer")
        case = town.report(duty, "request_received", channel="platform", has_requester=False)
        town.complete(case, "triage", triage_outcome="dispute")
    with refused("form.answer", "decider"):
        town.complete(case, "mediate", mediate_outcome="failed")
    town.complete(case, "mediate", mediate_outcome="failed", decider=decider)
    seat = {"party_committee": f"party-{town.place.city.townships[0]}", "government": town.place.government}[decider]
    assert town.at(case) == {node: seat}
    housing = town.place.department("housing")
    town.complete(case, node, decided_unit=housing)
    assert town.at(case) == {"accept": housing}


# -- 10: emergencies ---------------------------------------------------------------------------------


def alarm(town: TownApi, person: Person, **more: Any) -> int:
    """Somebody reports an emergency while a department handles the matter."""
    case = dispatched(town)
    town.complete(case, "accept")
    town.send(case, "emergency", person, emergency_type="hazard", **more)
    assert "emergency" in town.matter(case)["flags"]
    return case


def minutes(town: TownApi, case: int, node: str) -> float:
    """How long a step may take."""
    due = town.due(case, node)
    assert due is not None
    return (due - town.place.now).total_seconds() / 60


@pytest.mark.article("ZJ-14.b", "ZJ-14.c", "JS-30.a", "JS-30.b")
def test_in_zhenjiang_agency_and_government_act_and_the_department_goes_on(town_api: Towns) -> None:
    """ZJ-14, with the legs of JS-30 beside."""
    town = town_api(ZJ)
    case = alarm(town, town.worker())
    urban, township = town.place.department("urban_management"), town.place.township
    assert town.at(case) == {"handle": urban, "report_to_township": town.place.grid}
    town.complete(case, "report_to_township", by=town.worker())
    legs = ("report_to_government", "assist", "township_handles", "report_to_departments")
    assert town.at(case) == {"handle": urban, **dict.fromkeys(legs, township)}
    assert minutes(town, case, "report_to_government") == 30
    town.complete(case, "report_to_government")
    assert town.at(case)["government_receipt"] == town.place.government
    for node in ("government_receipt", "township_handles", "report_to_departments", "handle"):
        town.complete(case, node)
    assert set(town.at(case)) == {"assist", "feedback"}
    town.send(case, "emergency_lifted", town.someone("duty_officer"))
    assert set(town.at(case)) == {"feedback"}
    assert "emergency" not in town.matter(case)["flags"]


def test_who_reports_an_emergency_is_looked_up_and_cannot_be_claimed(town_api: Towns) -> None:
    town = town_api(ZJ)
    case = alarm(town, town.worker("part_time"), reporter="agency")
    assert "chief_forwards" in town.at(case)


@pytest.mark.article("JS-30.a", "JS-30.b")
@pytest.mark.parametrize(
    ("kind", "node"),
    [("grid_chief", "chief_reports"), ("full_time", "report_to_township"), ("part_time", "chief_forwards")],
)
def test_in_jiangsu_chief_or_full_time_worker_tell_the_township_which_handles_and_reports(
    town_api: Towns, kind: str, node: str
) -> None:
    """JS-30; that a part-timer's report goes through the chief is a reading."""
    town = town_api(JS)
    case = alarm(town, town.worker(kind))
    urban, township = town.place.department("urban_management"), town.place.township
    assert town.at(case) == {"handle": urban, node: town.place.grid}
    town.complete(case, node)
    assert town.at(case) == {"handle": urban, "township_handles": township, "report_to_departments": township}
    town.complete(case, "township_handles")
    town.complete(case, "report_to_departments")
    assert town.at(case) == {"handle": urban}


@pytest.mark.article("LZ-16.1c")
@pytest.mark.parametrize("reporting", ["worker", "village"])
def test_in_luzhou_worker_or_village_agency_tell_the_competent_department_directly(
    town_api: Towns, reporting: str
) -> None:
    """LZ-16.1: the text names no subject."""
    town = town_api(LZ)
    person = town.worker() if reporting == "worker" else town.someone("duty_officer", town.place.village)
    competent = town.place.department("emergency_management")
    case = alarm(town, person, competent_department=competent)
    assert town.at(case)["handle"] == town.place.department("urban_management")
    assert minutes(town, case, f"report_by_{reporting}") == 30
    town.complete(case, f"report_by_{reporting}", by=person if reporting == "worker" else None)
    assert town.at(case)["department_receipt"] == competent
    noting = {row["unit"]["id"] for row in town.steps(case)["take_note"]}
    assert noting <= {town.place.village, town.place.township}


# -- 11: the requester is told -----------------------------------------------------------------------


@pytest.mark.article("JS-29.1b", "JS-29.2a", "JS-29.2b")
@pytest.mark.parametrize("pack", [JS, ZJ])
def test_a_request_through_a_worker_is_entered_and_answered_before_it_ends(town_api: Towns, pack: str) -> None:
    """JS-29, which holds in Zhenjiang too."""
    town = town_api(pack)
    way = "request_through_worker" if pack == JS else "request_received"
    told: dict[str, Any] = {"requester_name": "张三丰", "requester_contact": "13800138000", "has_requester": True}
    case = town.report(town.worker(), way, matter_type="other", **told)
    assert town.matter(case)["way_in"] == way
    town.verify(case)
    town.complete(case, "escalate", by=town.worker())
    town.dispatch(case, town.place.department("urban_management"))
    for node in ("accept", "handle", "feedback"):
        town.complete(case, node, handling_outcome="completed")
    town.complete(case, "check", check_outcome="passed")
    assert town.at(case) == {"inform": town.place.township}
    with refused("form.answer", "reason"):
        town.complete(case, "inform", inform_outcome="cannot_be_informed")
    words: dict[str, Any] = {
        "channel": "telephone",
        "informed_at": town.place.now.isoformat(),
        "content": "（测试）已处理",
    }
    town.complete(case, "inform", inform_outcome="informed", **words)
    town.complete(case, "close", closing_kind="normal", solved=True)
    assert town.status(case) == "archived"
    done = [one["detail"]["node"] for one in town.records(case) if one["kind"] == "completed"]
    assert done.index("inform") < done.index("close")
