"""The rows of the Jiangsu measures (JS) that are behaviour of a matter, under the provincial pack: requests and what
becomes of them, tasks entrusted to a grid, what nobody may ask of a worker, emergencies."""

from typing import Any

import pytest

from engine import cases, queries
from engine.errors import Forbidden, Invalid, Refused
from handlers import intake
from tests.articles.proof import Data, Edit, Setting, Without, article
from tests.places import FOUND, Place

PACK = "jiangsu/2021-01-01"

MAY = 'listed and performer == "grid_worker" and not requires_enforcement_power'
"""What the diagram asks before anything is put to a worker."""

REQUESTER = {"requester_name": "张小明", "requester_contact": "13800000000"}
HAZARD = {"emergency_type": "hazard"}


def officer(place: Place) -> str:
    return place.person("duty_officer", place.township)


def request(place: Place, **answer: Any) -> int:
    """A request that somebody made through the platform."""
    return place.report(officer(place), "request_received", **{**REQUESTER, **answer})


def told(place: Place, **answer: Any) -> int:
    """A request that somebody made through the worker of the grid."""
    return place.report(place.worker(), "request_through_worker", **{**REQUESTER, **answer})


def entrust(place: Place, unit: str, role: str, **answer: Any) -> int:
    """A task that somebody of a unit wants done by the grid."""
    return place.report(place.person(role, unit), "task_entrusted", instructing_unit=unit, **answer)


def dispatch(place: Place, case: int, *units: str) -> None:
    """The agency gives a matter to units, the first of them in the lead."""
    duties = ["lead", *["co_handler"] * len(units)]
    given = [{"unit": unit, "duty": duty, "limit": "handle"} for unit, duty in zip(units, duties, strict=False)]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=given)


def dispatched(place: Place, case: int) -> int:
    """A matter that the urban management has signed for."""
    dispatch(place, case, place.department("urban_management"))
    place.complete(case, "accept")
    return case


def outcome(place: Place, case: int) -> tuple[str, Any]:
    """How a matter ended and why its task was refused, if it was."""
    return place.case(case).status, place.facts(case).get("refused_because")


def inform(place: Place, case: int, node: str = "inform") -> None:
    moment = place.now.isoformat()
    place.complete(case, node, inform_outcome="informed", channel="telephone", informed_at=moment, content="已办好")


def not_required(form: dict[str, Any], *fields: str) -> None:
    """Takes fields away from what a form asks for."""
    form["required"] = [name for name in form["required"] if name not in fields]


# -- what may be asked of a worker (JS-16.3) ---------------------------------------------------------


@article("JS-16.3(1)", off=Edit("matter.bpmn", MAY, "not requires_enforcement_power"))
def test_whoever_asks_a_worker_gets_only_what_the_list_gives_to_workers(place: Place) -> None:
    askers = (
        (place.department("urban_management"), "receiver"),
        (place.township, "triage_officer"),
        (place.government, "government_decider"),
    )
    for unit, role in askers:
        allowed = entrust(place, unit, role, matter_type="base_data_update")
        assert place.step(allowed, "verify").unit == place.grid
        off_list = entrust(place, unit, role, matter_type="other")
        assert outcome(place, off_list) == ("returned", "off_list")
        for_others = entrust(place, unit, role, matter_type="worker_complaint")
        assert outcome(place, for_others) == ("returned", "not_for_workers")
    assert place.records(off_list)[-1].kind == "decided"


@article("JS-16.3(1)", off=Without("triage.lawful"))
def test_the_agency_itself_cannot_give_a_worker_what_the_list_does_not(place: Place) -> None:
    for matter_type in ("other", "worker_complaint"):
        case = request(place, matter_type=matter_type)
        with pytest.raises(Refused) as caught:
            dispatch(place, case, place.grid)
        assert caught.value.code == "triage.off-list"
    dispatch(place, request(place, matter_type="base_data_update"), place.grid)


@article("JS-16.3(1)", off=Edit("matter.bpmn", MAY, "not requires_enforcement_power"))
def test_a_finding_that_is_not_for_workers_goes_up_and_is_not_lost(place: Place) -> None:
    for matter_type in ("other", "worker_complaint"):
        case = place.report(place.worker(), matter_type=matter_type)
        place.complete(case, "verify", verify_outcome="substantiated")
        place.complete(case, "escalate")
        assert place.step(case, "triage").unit == place.township


def power_for_nobody(matter_list: dict[str, Any]) -> None:
    for item in matter_list["items"]:
        item["requires_enforcement_power"] = False


@article("JS-16.3(2)", off=Data("list.json", power_for_nobody))
def test_a_task_that_takes_officials_goes_back_from_the_worker(place: Place) -> None:
    case = entrust(place, place.department("urban_management"), "receiver", matter_type="illegal_construction")
    assert outcome(place, case) == ("returned", "enforcement")


@article("JS-16.3(2)", off=Without("triage.lawful"))
def test_what_takes_officials_is_given_to_departments_only(place: Place) -> None:
    case = place.report(place.worker(), matter_type="illegal_construction")
    place.complete(case, "verify", verify_outcome="substantiated")
    place.complete(case, "escalate")
    urban = place.department("urban_management")
    with pytest.raises(Refused) as caught:
        dispatch(place, case, urban, place.grid)
    assert (caught.value.code, caught.value.article) == ("triage.enforcement", "JS-16.3")
    dispatch(place, case, urban)
    assert place.step(case, "accept").unit == urban


# -- secrecy (JS-17) ---------------------------------------------------------------------------------


def not_sensitive(form: dict[str, Any]) -> None:
    for field in form["properties"].values():
        field.pop("x-class", None)


@article(
    "JS-17(1)",
    off=[Data(f"forms/{form}.json", not_sensitive) for form in ("request_received", "request_through_worker")],
)
def test_who_made_a_request_is_masked(place: Place) -> None:
    for case in (request(place), told(place)):
        with place.engine.look() as work:
            first = queries.timeline(work, place.actor(officer(place)), case)[0]["said"]
        assert first["requester_name"] == {"value": "张**", "masked": True}
        assert first["requester_contact"] == {"value": "138****00", "masked": True}


# -- departments (JS-21) -----------------------------------------------------------------------------


@article("JS-21.a", off=Data("forms/feedback.json", lambda form: not_required(form, "result", "handling_outcome")))
def test_a_department_completes_and_says_what_came_of_it(place: Place) -> None:
    case = dispatched(place, request(place))
    place.complete(case, "handle")
    assert list(place.steps(case)) == ["feedback"]
    row = place.step(case, "feedback")
    actor = place.acting(place.person(row.role, row.unit), row)
    whole = {"handling_outcome": "completed", "result": "已修好", "finished_on": "2026-03-02"}
    for field in ("handling_outcome", "result"):
        answer = {name: value for name, value in whole.items() if name != field}
        with pytest.raises(Invalid) as caught:
            place.act(cases.complete, actor, row.id, row.revision, answer)
        assert [finding.element for finding in caught.value.findings] == [field]
    place.complete(case, "feedback", handling_outcome="completed")
    assert list(place.steps(case)) == ["check"]


@article("JS-21.a", off=Edit("matter.bpmn", ' or not contains(results, "completed")', ""))
def test_what_no_department_completed_is_not_done(place: Place) -> None:
    case = dispatched(place, request(place))
    place.complete(case, "handle")
    place.complete(case, "feedback", handling_outcome="not_completed")
    assert list(place.steps(case)) == ["triage"]


@article("JS-21.b", off=Data("forms/task_entrusted.json", lambda form: not_required(form, "guidance")))
def test_a_task_entrusted_to_a_grid_carries_guidance(place: Place) -> None:
    unit = place.department("urban_management")
    actor = place.actor(place.person("receiver", unit))
    said = {"title": "核对房屋信息", "description": "逐户核对", "place": "第1网格", "task": "核对房屋信息"}
    answer = {**FOUND, **said, "matter_type": "base_data_update", "instructing_unit": unit}
    given = {"way_in": "task_entrusted", "grid": place.grid, "answer": answer}
    with pytest.raises(Invalid) as caught:
        place.act(intake.report, actor, given)
    assert [finding.element for finding in caught.value.findings] == ["guidance"]
    case = place.act(intake.report, actor, {**given, "answer": {**answer, "guidance": "先看登记表，再入户"}})
    assert place.case(case).way_in == "task_entrusted"
    assert place.facts(case)["instructing_unit"] == unit
    assert "guidance" in place.records(case)[0].sealed
    assert place.step(case, "verify").unit == place.grid


# -- requests (JS-29) --------------------------------------------------------------------------------


def no_requests(manifest: dict[str, Any]) -> None:
    manifest["ways_in"] = [way for way in manifest["ways_in"] if not way["event"].startswith("request")]


@article("JS-29.1a", off=Data("manifest.json", no_requests))
def test_requests_come_through_the_platform_and_through_workers(place: Place) -> None:
    assert place.step(request(place), "triage").unit == place.township
    assert place.step(told(place), "verify").unit == place.grid


@article(
    "JS-29.1a",
    off=Edit("matter.bpmn", 'sourceRef="request_received" targetRef="propose_triage"',
             'sourceRef="request_received" targetRef="worker_may_act"'),
)  # fmt: skip
def test_a_request_is_not_dropped_for_being_off_the_list(place: Place) -> None:
    case = dispatched(place, request(place, matter_type="other"))
    assert place.step(case, "handle").unit == place.department("urban_management")


def by_anybody(form: dict[str, Any]) -> None:
    del form["properties"]["through_worker"]["const"]


def by_whoever(manifest: dict[str, Any]) -> None:
    for way in manifest["ways_in"]:
        if way["event"] == "request_through_worker":
            del way["by"]


@article("JS-29.1b", off=[Data("forms/request_through_worker.json", by_anybody), Data("manifest.json", by_whoever)])
def test_what_a_worker_is_told_the_worker_enters(place: Place) -> None:
    case = told(place)
    assert place.case(case).way_in == "request_through_worker"
    assert place.facts(case)["through_worker"] is True
    assert place.records(case)[0].actor == place.worker()
    assert {"request", "requester_name", "requester_contact"} <= set(place.records(case)[0].sealed)
    with pytest.raises(Forbidden) as caught:
        place.report(officer(place), "request_through_worker", **REQUESTER)
    assert caught.value.code == "intake.not-worker"


@article(
    "JS-29.2a",
    off=Edit("matter.bpmn", 'sourceRef="handle" targetRef="feedback"', 'sourceRef="handle" targetRef="fed_back"'),
)
def test_a_department_answers_a_request_through_the_platform_only(place: Place) -> None:
    case = dispatched(place, request(place))
    place.complete(case, "handle")
    assert place.step(case, "feedback").unit == place.department("urban_management")
    place.complete(case, "feedback", handling_outcome="completed", result="路灯已修好")
    assert list(place.steps(case)) == ["check"]
    assert place.records(case)[-1].detail["node"] == "feedback"
    assert "result" in place.records(case)[-1].sealed


@article(
    "JS-29.2a",
    off=[Edit("matter.bpmn", 'wangge:limit="handle"', ""), Edit("matter.bpmn", '"limit_from"', '"limit_was"'),
         Edit("matter.bpmn", 'wangge:limit="feedback"', "")],
)  # fmt: skip
def test_handling_and_feedback_of_a_request_are_timed(place: Place) -> None:
    case = dispatched(place, request(place))
    assert place.step(case, "handle").due_at is not None
    place.complete(case, "handle")
    assert place.step(case, "feedback").due_at is not None


NOBODY_TO_TELL = Edit("matter.bpmn", ">has_requester<", ">has_requester and False<")


@article("JS-29.2b", off=NOBODY_TO_TELL)
def test_the_requester_is_told_before_a_matter_is_closed(place: Place) -> None:
    case = dispatched(place, request(place))
    place.complete(case, "handle")
    place.complete(case, "feedback", handling_outcome="completed")
    place.complete(case, "check", check_outcome="passed")
    assert list(place.steps(case)) == ["inform"]
    assert place.step(case, "inform").due_at is not None
    inform(place, case)
    place.complete(case, "close", closing_kind="normal", solved=True)
    assert place.case(case).status == "archived"


@article("JS-29.2b", off=NOBODY_TO_TELL)
def test_the_requester_is_told_of_every_result(place: Place) -> None:
    unfounded = told(place)
    place.complete(unfounded, "verify", verify_outcome="unsubstantiated")
    assert list(place.steps(unfounded)) == ["inform"]
    settled = told(place, matter_type="resident_service")
    place.complete(settled, "verify", verify_outcome="substantiated")
    place.complete(settled, "self_handle", self_handle_outcome="handled")
    place.complete(settled, "check", check_outcome="passed")
    assert list(place.steps(settled)) == ["inform"]


@article("JS-29.2b", off=Data("forms/inform.json", lambda form: form.pop("allOf")))
def test_telling_says_how_when_and_what_or_why_it_was_impossible(place: Place) -> None:
    case = told(place)
    place.complete(case, "verify", verify_outcome="unsubstantiated")
    for said, missing in (("informed", {"channel", "informed_at", "content"}), ("cannot_be_informed", {"reason"})):
        for field in missing:
            words = {"channel": "telephone", "informed_at": place.now.isoformat(), "content": "不属实", "reason": "无"}
            with pytest.raises(Invalid):
                place.complete(case, "inform", inform_outcome=said, **{k: v for k, v in words.items() if k != field})
    place.complete(case, "inform", inform_outcome="cannot_be_informed", reason="未留联系方式")
    assert list(place.steps(case)) == ["close"]


# -- emergencies (JS-30) -----------------------------------------------------------------------------


def alarm(place: Place, kind: str) -> int:
    """A finding in which a worker of this kind reports an emergency."""
    case = place.report(place.worker(), matter_type="safety_hazard")
    place.send(case, "emergency", place.worker(kind), **HAZARD)
    return case


@article("JS-30.a", off=Edit("emergency.bpmn", 'reporter == "full_time"', 'reporter != "grid_chief"'))
def test_who_reports_an_emergency_is_chief_or_full_time_worker(place: Place) -> None:
    """A part-time worker's report goes through the chief: a reading."""
    steps = {"full_time": "report_to_township", "grid_chief": "chief_reports", "part_time": "chief_forwards"}
    roles = {"full_time": "grid_worker", "grid_chief": "grid_chief", "part_time": "grid_chief"}
    for kind, node in steps.items():
        case = alarm(place, kind)
        row = place.step(case, node)
        assert (row.unit, row.role) == (place.grid, roles[kind])
        assert "township_handles" not in place.steps(case)
        place.complete(case, node)
        assert place.step(case, "township_handles").unit == place.township


@article("JS-30.a", off=Edit("emergency.bpmn", 'wangge:limit="emergency_report"', ""))
def test_the_report_of_an_emergency_is_timed(place: Place) -> None:
    for kind, node in (("full_time", "report_to_township"), ("part_time", "chief_forwards")):
        assert place.step(alarm(place, kind), node).due_at is not None


@article(
    "JS-30.b",
    off=Edit("emergency.bpmn", 'sourceRef="respond" targetRef="report_to_departments"',
             'sourceRef="respond" targetRef="response_over"'),
)  # fmt: skip
def test_the_township_handles_an_emergency_and_reports_it_to_departments(place: Place) -> None:
    case = alarm(place, "full_time")
    place.complete(case, "report_to_township")
    both = ("township_handles", "report_to_departments")
    assert {place.step(case, node).unit for node in both} == {place.township}
    place.complete(case, "township_handles")
    assert place.case(case).emergency
    place.complete(case, "report_to_departments", reported_to="应急管理部门")
    assert list(place.steps(case)) == ["verify"]
    assert not place.case(case).emergency


@article(
    "JS-30.b",
    off=[Edit("emergency.bpmn", 'wangge:limit="township_handles"', ""),
         Edit("emergency.bpmn", 'wangge:limit="report_to_departments"', "")],
)  # fmt: skip
def test_both_duties_of_the_township_are_timed(place: Place) -> None:
    case = alarm(place, "full_time")
    place.complete(case, "report_to_township")
    for node in ("township_handles", "report_to_departments"):
        assert place.step(case, node).due_at is not None


# -- entry into force (JS-44) ------------------------------------------------------------------------


@article("JS-44", off=Data("manifest.json", lambda manifest: manifest.update(in_force_from="2020-12-31")))
def test_the_measures_govern_what_was_discovered_from_2021_on(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        place.report(place.worker(), discovered_at="2020-12-31T23:59:00+08:00")
    assert caught.value.code == "pack.none-in-force"
    case = place.report(place.worker(), discovered_at="2021-01-01T00:00:00+08:00")
    assert place.case(case).pack == PACK


# -- what the measures do not know, and a place may switch on ----------------------------------------


@pytest.mark.parametrize("place", [(PACK, ())], indirect=True)
def test_disputes_are_not_offered_by_default(place: Place) -> None:
    case = request(place)
    dispatch(place, case, place.department("urban_management"))
    with pytest.raises(Refused) as caught:
        place.leave(case, "accept", "dispute")
    assert caught.value.code == "case.not-offered"


@pytest.mark.parametrize("place", [(PACK, (Setting("dispute", True),))], indirect=True)
def test_a_place_that_wants_disputes_gets_the_shared_part(place: Place) -> None:
    case = request(place)
    urban, housing = place.department("urban_management"), place.department("housing")
    dispatch(place, case, urban)
    place.leave(case, "accept", "dispute")
    place.complete(case, "mediate", mediate_outcome="failed")
    assert place.step(case, "decide").unit == place.government
    place.complete(case, "decide", decided_unit=housing)
    place.leave(case, "accept", "dispute", unit=housing)
    assert place.step(case, "accept").unit == housing  # decided: no second dispute (product default)


@pytest.mark.parametrize("place", [(PACK, ())], indirect=True)
def test_false_alarms_are_revoked_and_emergencies_lifted(place: Place) -> None:
    case = alarm(place, "full_time")
    place.send(case, "emergency_revoked", officer(place))
    assert place.step(case, "report_revocation").unit == place.township
    place.complete(case, "report_revocation")
    assert list(place.steps(case)) == ["verify"]
    place.send(case, "emergency", place.worker(), **HAZARD)
    place.complete(case, "report_to_township")
    place.send(case, "emergency_lifted", officer(place))
    assert sorted(place.steps(case)) == ["report_to_departments", "verify"]
