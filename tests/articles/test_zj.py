"""The rows of the Zhenjiang regulation (ZJ) that are the way of a matter: found, verified, handled or escalated,
coordinated or dispatched, fed back; emergencies beside it; and since when the regulation governs."""

from datetime import timedelta
from typing import Any

import pytest

from engine import cases
from engine.errors import Forbidden, Invalid, Refused
from tests.articles.proof import Data, Edit, Setting, article
from tests.places import Place

PACK = "zhenjiang/2026-01-01"

LEGS = {"township_handles", "report_to_departments", "assist", "report_to_government"}
"""What begins once an emergency has reached the agency."""


def at_worker(place: Place, **answer: Any) -> int:
    """A finding that the worker has verified."""
    case = place.report(place.worker(), **answer)
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    return case


def escalated(place: Place) -> int:
    """A finding that the worker could not handle and the agency has to triage."""
    case = at_worker(place)
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
    place.complete(case, "escalate", by=place.worker())
    return case


def dispatched(place: Place) -> int:
    """A finding that a department of the county has been given."""
    case = escalated(place)
    orders = [{"unit": place.department("urban_management"), "duty": "lead", "limit": "handle"}]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=orders)
    return case


def finish(place: Place, case: int) -> None:
    place.complete(case, "check", check_outcome="passed")
    place.complete(case, "close", closing_kind="normal", solved=True)
    assert place.case(case).status == "archived"


def not_required(*fields: str) -> Any:
    """Takes fields away from what a form asks for."""

    def change(form: dict[str, Any]) -> None:
        form["required"] = [name for name in form["required"] if name not in fields]

    return change


def lacks(place: Place, case: int, node: str, field: str, **answer: Any) -> None:
    """A step cannot be answered without a field."""
    row = place.step(case, node)
    actor = place.acting(place.person(row.role, row.unit), row)
    whole = place.filled(place.form(case, row), answer)
    with pytest.raises(Invalid) as caught:
        place.act(cases.complete, actor, row.id, row.revision, {k: v for k, v in whole.items() if k != field})
    assert [finding.element for finding in caught.value.findings] == [field]


# -- the stages (ZJ-13.1) ----------------------------------------------------------------------------


@article("ZJ-13.1", off=Edit("matter.bpmn", 'sourceRef="handle" targetRef="feedback"', 'sourceRef="handle" targetRef="fed_back"'))  # fmt: skip
def test_a_matter_is_collected_found_true_dispatched_handled_and_fed_back(place: Place) -> None:
    case = dispatched(place)
    place.complete(case, "accept")
    place.complete(case, "handle")
    assert list(place.steps(case)) == ["feedback"]
    place.complete(case, "feedback", handling_outcome="completed")
    finish(place, case)
    done = [record.detail["node"] for record in place.records(case) if record.kind == "completed"]
    assert done == [
        "verify", "self_handle", "escalate", "triage", "accept", "handle", "feedback", "check", "close",
    ]  # fmt: skip
    assert place.case(case).definition == place.pack.processes["matter"]


@article("ZJ-13.1", off=Data("limits.json", lambda limits: limits.remove(next(x for x in limits if x["key"] == "matter"))))  # fmt: skip
def test_the_whole_way_has_one_clock_that_no_detour_begins_anew(place: Place) -> None:
    case = dispatched(place)
    due = place.case(case).due_at
    assert due is not None
    place.pass_(days=1)
    place.leave(case, "accept", "return")
    assert place.case(case).due_at == due


# -- the worker (ZJ-13.2) ----------------------------------------------------------------------------


@article("ZJ-13.2a", off=Edit("matter.bpmn", 'wangge:limit="verify"', ""))
def test_a_finding_is_verified_in_time_before_the_worker_handles_it(place: Place) -> None:
    case = place.report(place.worker())
    assert list(place.steps(case)) == ["verify"]
    assert place.step(case, "verify").due_at is not None
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    assert list(place.steps(case)) == ["self_handle"]


@article("ZJ-13.2a", off=Edit("matter.bpmn", 'sourceRef="found" targetRef="verify"', 'sourceRef="found" targetRef="verified"'))  # fmt: skip
def test_whatever_way_a_finding_comes_it_is_verified_first(place: Place) -> None:
    officer = place.person("triage_officer", place.township)
    ways = {"discovered": place.worker(), "patrol_found": place.worker(), "clue_pushed": officer}
    for way, person in ways.items():
        case = place.report(person, way, clue_source=place.township, patrol_task="p-1")
        assert list(place.steps(case)) == ["verify"]


@article("ZJ-13.2a", off=Edit("matter.bpmn", 'wangge:limit="self_handle"', ""))
def test_the_worker_handles_in_a_limit_of_its_own(place: Place) -> None:
    case = at_worker(place)
    assert place.step(case, "self_handle").due_at is not None
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="handled")
    finish(place, case)


@article("ZJ-13.2a", off=[Data(f"forms/{form}.json", not_required("findings", "measures")) for form in ("verify", "self_handle")])  # fmt: skip
def test_what_was_found_and_what_was_done_are_on_record(place: Place) -> None:
    case = place.report(place.worker())
    lacks(place, case, "verify", "findings", verify_outcome="substantiated")
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    lacks(place, case, "self_handle", "measures", self_handle_outcome="handled")


@article("ZJ-13.2b", off=Data("forms/escalate.json", not_required("reason")))
def test_a_worker_escalates_with_the_reason(place: Place) -> None:
    case = at_worker(place)
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
    lacks(place, case, "escalate", "reason")
    place.complete(case, "escalate", by=place.worker())
    assert "reason" in place.records(case)[-2].sealed


@article("ZJ-13.2b", off=Setting("escalation_target", "county"))
def test_what_is_escalated_reaches_the_township_agency(place: Place) -> None:
    assert place.step(escalated(place), "triage").unit == place.township


@article("ZJ-13.2b", off=Edit("matter.bpmn", 'wangge:limit="escalate"', ""))
def test_escalating_has_a_limit(place: Place) -> None:
    case = at_worker(place)
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
    assert place.step(case, "escalate").due_at == place.now + timedelta(hours=24)


@article("ZJ-13.2b", off=Edit("matter.bpmn", 'self_handle_outcome == "handled"', "True"))
def test_what_could_not_be_handled_has_to_be_escalated(place: Place) -> None:
    case = at_worker(place)
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
    assert list(place.steps(case)) == ["escalate"]


# -- the agency (ZJ-13.3) ----------------------------------------------------------------------------


@article("ZJ-13.3a", off=Edit("matter.bpmn", 'triage_outcome == "coordinate"', "False"))
def test_the_agency_coordinates_itself(place: Place) -> None:
    case = escalated(place)
    place.complete(case, "triage", triage_outcome="coordinate")
    assert place.step(case, "coordinate").unit == place.township
    assert place.step(case, "coordinate").due_at is not None
    place.complete(case, "coordinate")
    finish(place, case)


@article("ZJ-13.3a", off=Edit("matter.bpmn", 'triage_outcome == "dispatch"', "False"))
def test_or_the_agency_dispatches_to_departments(place: Place) -> None:
    assert place.step(dispatched(place), "accept").unit == place.department("urban_management")


@article("ZJ-13.3a", off=Edit("matter.bpmn", 'wangge:limit="triage"', ""))
def test_the_agency_has_a_limit(place: Place) -> None:
    case = escalated(place)
    due = place.step(case, "triage").due_at
    assert due is not None
    place.now = due
    place.pass_(seconds=1)
    assert place.step(case, "triage").light == "red"


@article("ZJ-13.3a", off=Edit("matter.bpmn", '<wangge:property name="clock_until" value="coordinate accept" />', ""))
def test_asking_back_or_asking_above_does_not_stop_the_clock_of_the_agency(place: Place) -> None:
    """A reading. Once the agency has dispatched, another triage has a limit of its own again."""
    case = escalated(place)
    due = place.step(case, "triage").due_at
    place.pass_(hours=1)
    place.complete(case, "triage", triage_outcome="ask_higher")
    place.complete(case, "coordinate_higher")
    assert place.step(case, "triage").due_at == due
    place.pass_(hours=1)
    place.complete(case, "triage", triage_outcome="verify_again")
    place.complete(case, "verify", by=place.worker(), verify_outcome="cannot_verify")
    place.complete(case, "escalate", by=place.worker())
    assert place.step(case, "triage").due_at == due
    orders = [{"unit": place.department("housing"), "duty": "lead", "limit": "handle"}]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=orders)
    place.leave(case, "accept", "return")
    assert place.step(case, "triage").due_at > due


# -- the department (ZJ-13.3) ------------------------------------------------------------------------


@article("ZJ-13.3c", off=Edit("matter.bpmn", '<wangge:property name="limit_from" value="limit_key" />', ""))
def test_a_department_completes_in_the_limit_that_it_was_given(place: Place) -> None:
    case = escalated(place)
    orders = [{"unit": place.department("housing"), "duty": "lead", "limit": "handle_urgent"}]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=orders)
    place.complete(case, "accept")
    assert place.step(case, "handle").due_at == place.now + timedelta(hours=4)


@article("ZJ-13.3c", off=Data("forms/feedback.json", not_required("result", "handling_outcome")))
def test_nothing_is_completed_without_a_result(place: Place) -> None:
    case = dispatched(place)
    place.complete(case, "accept")
    place.complete(case, "handle")
    assert list(place.steps(case)) == ["feedback"]
    for field in ("result", "handling_outcome"):
        lacks(place, case, "feedback", field, handling_outcome="completed")


def check_at(unit: str) -> Edit:
    words = 'wangge:role="checker" wangge:unit="{}"'
    return Edit("matter.bpmn", words.format("agency"), words.format(unit))


@article("ZJ-13.3c", off=check_at("higher_agency"))
def test_the_result_comes_to_the_agency_that_dispatched(place: Place) -> None:
    """That it is the dispatching one is a reading."""
    case = dispatched(place)
    place.complete(case, "accept")
    place.complete(case, "handle")
    place.complete(case, "feedback", handling_outcome="completed")
    assert place.step(case, "check").unit == place.township
    with pytest.raises(Forbidden):
        place.complete(case, "check", by=place.person("checker", place.county), check_outcome="passed")


# -- emergencies (ZJ-14) -----------------------------------------------------------------------------


def alarmed(place: Place, case: int) -> None:
    """The agency raises an emergency."""
    duty = place.person("duty_officer", place.township)
    place.send(case, "emergency", duty, emergency_type="mass_incident")


ANYTIME = 'id="emergency_raised" name="发生紧急情况" isInterrupting="false"'


@article("ZJ-14.b", off=Edit("matter.bpmn", ANYTIME, ANYTIME.replace("false", "true")))
def test_an_emergency_can_be_raised_at_any_stage_and_the_normal_course_goes_on(place: Place) -> None:
    at_verify = place.report(place.worker())
    at_triage = escalated(place)
    at_handle = dispatched(place)
    place.complete(at_handle, "accept")
    for case, node in ((at_verify, "verify"), (at_triage, "triage"), (at_handle, "handle")):
        alarmed(place, case)
        assert set(place.steps(case)) == {node, *LEGS}
    place.complete(at_handle, "handle")
    assert "feedback" in place.steps(at_handle)


@article("ZJ-14.b", off=Edit("emergency.bpmn", 'wangge:limit="report_to_government"', ""))
def test_the_agency_reports_to_the_government_at_once(place: Place) -> None:
    """The number of minutes is a product default."""
    case = dispatched(place)
    alarmed(place, case)
    report = place.step(case, "report_to_government")
    assert (report.unit, report.due_at) == (place.township, place.now + timedelta(minutes=30))
    with pytest.raises(Forbidden):
        place.complete(case, "report_to_government", by=place.worker())


@article("ZJ-14.b", off=Edit("emergency.bpmn", 'wangge:role="government_duty" wangge:unit="government"', 'wangge:role="triage_officer" wangge:unit="township"'))  # fmt: skip
def test_the_government_of_the_same_level_signs_for_the_report(place: Place) -> None:
    case = dispatched(place)
    alarmed(place, case)
    place.complete(case, "report_to_government")
    assert place.step(case, "government_receipt").unit == place.government
    assert place.actor(place.complete(case, "government_receipt")).unit == place.government


@article("ZJ-14.b", off=Data("forms/emergency.json", lambda form: form.pop("allOf")))
def test_another_major_emergency_is_described_and_confirmed_by_a_leader(place: Place) -> None:
    """The regulation names four kinds and leaves the list open; that a leader confirms is a product default."""
    duty = place.person("duty_officer", place.township)
    for kind in ("major_dispute", "hazard", "mass_incident", "sudden_incident"):
        place.send(dispatched(place), "emergency", duty, emergency_type=kind)
    case = dispatched(place)
    with pytest.raises(Invalid):
        place.send(case, "emergency", duty, emergency_type="other_major")
    place.send(
        case,
        "emergency",
        duty,
        emergency_type="other_major",
        other_description="（测试）化工园区停电",
        confirmed_by=duty,
    )
    assert place.case(case).emergency


@article("ZJ-14.c", off=Edit("emergency.bpmn", 'sourceRef="respond" targetRef="assist"', 'sourceRef="respond" targetRef="assistance_over"'))  # fmt: skip
def test_the_agency_assists_until_the_emergency_is_lifted(place: Place) -> None:
    """That it lasts until then is a reading."""
    case = dispatched(place)
    alarmed(place, case)
    assert place.step(case, "assist").unit == place.township
    for node in ("report_to_government", "government_receipt", "township_handles", "report_to_departments"):
        place.complete(case, node)
    place.complete(case, "accept")
    place.complete(case, "handle")
    place.complete(case, "feedback", handling_outcome="completed")
    place.complete(case, "check", check_outcome="passed")
    assert sorted(place.steps(case)) == ["assist", "close"]
    with pytest.raises(Refused) as caught:
        place.complete(case, "close", closing_kind="normal", solved=True)
    assert caught.value.code == "matter.emergency"


LIFTED = 'id="lifted_elsewhere_message" messageRef="message_emergency_lifted"'


@article("ZJ-14.c", off=Edit("emergency.bpmn", LIFTED, LIFTED.replace('_lifted"', '_revoked"')))
def test_assisting_ends_when_the_emergency_is_lifted(place: Place) -> None:
    case = dispatched(place)
    alarmed(place, case)
    place.send(case, "emergency_lifted", place.person("duty_officer", place.township))
    assert "assist" not in place.steps(case)
    assert LEGS - {"assist"} < set(place.steps(case))


# -- since when (ZJ-26) ------------------------------------------------------------------------------


@article("ZJ-26", off=Data("manifest.json", lambda manifest: manifest.update(in_force_from="2020-01-01")))
def test_the_regulation_governs_from_the_first_of_january_2026(place: Place) -> None:
    """That what was found earlier does not run under it is a reading: the text has no transitional rule."""
    with pytest.raises(Refused) as caught:
        place.report(place.worker(), discovered_at="2025-12-31T23:59:59+08:00")
    assert caught.value.code == "pack.none-in-force"
    case = place.report(place.worker(), discovered_at="2026-01-01T00:00:00+08:00")
    assert place.case(case).pack == PACK
