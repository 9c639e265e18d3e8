"""The rows of the Luzhou regulation (LZ) that are behaviour of a matter: reported to the village's agency first, passed
on from there, handled in time, and told to the agency of the department's own level; emergencies; who goes on duty."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from engine import cases, directory
from engine.errors import Forbidden, Invalid, Refused
from handlers.city import FOUNDER
from tests.articles.proof import Data, Edit, Setting, Without, article
from tests.places import Place

PACK = "luzhou/2024-10-01"

MAY = 'listed and performer == "grid_worker" and not requires_enforcement_power'
"""What the diagram asks before a worker is given a matter to handle."""


def reported(place: Place, **answer: Any) -> int:
    """A finding that the worker has reported and the village's agency has to pass on."""
    case = place.report(place.worker(), **{"matter_type": "safety_hazard", **answer})
    place.complete(case, "escalate", by=place.worker())
    return case


def at_township(place: Place) -> int:
    """A finding that the village's agency has passed to the township's."""
    case = reported(place)
    place.complete(case, "circulate", circulate_outcome="to_township")
    return case


def given(*units: str) -> list[dict[str, Any]]:
    """What an agency orders: the first unit in the lead."""
    return [{"unit": u, "duty": "co_handler" if n else "lead", "limit": "handle"} for n, u in enumerate(units)]


def dispatched(place: Place) -> int:
    """A finding that the township's agency has given to a department of the county."""
    case = at_township(place)
    units = given(place.department("emergency_management"))
    place.complete(case, "triage", triage_outcome="dispatch", assignments=units)
    return case


def handled(place: Place) -> int:
    """A finding that a department of the county has handled and not yet fed back."""
    case = dispatched(place)
    place.complete(case, "accept")
    place.complete(case, "handle")
    return case


def officer(place: Place) -> str:
    """Somebody of the village's agency."""
    return place.person("duty_officer", place.village)


# -- four levels (LZ-5) ------------------------------------------------------------------------------


def at_circulate(unit: str) -> Edit:
    words = 'wangge:role="triage_officer" wangge:unit="{}" wangge:form="circulate"'
    return Edit("matter.bpmn", words.format("village_agency"), words.format(unit))


@article("LZ-5", off=at_circulate("township"))
def test_the_agency_of_a_village_receives_what_is_its_own(place: Place) -> None:
    case = reported(place)
    with place.engine.look() as work:
        agency = work.directory.unit(place.step(case, "circulate").unit)
    assert (agency.id, agency.kind, agency.level) == (place.village, "governance_agency", "village")
    for stranger in (place.township, place.county):
        person = place.person("triage_officer", stranger)
        with pytest.raises(Forbidden):
            place.complete(case, "circulate", by=person, circulate_outcome="handle_here")


@article("LZ-5", off=Edit("upward.bpmn", "level = level + 1", "level = level + 2"))
def test_a_matter_goes_up_through_four_levels_one_by_one(place: Place) -> None:
    """That it goes up like this is a reading."""
    case = reported(place)
    seen = [place.step(case, "circulate").unit]
    place.complete(case, "circulate", circulate_outcome="to_township")
    seen.append(place.step(case, "triage").unit)
    place.complete(case, "triage", triage_outcome="ask_higher")
    seen.append(place.step(case, "coordinate_higher").unit)
    place.complete(case, "coordinate_higher", coordinate_higher_outcome="send_up")
    seen.append(place.step(case, "coordinate_higher").unit)
    assert seen == [place.village, place.township, place.county, place.city.agency]
    place.complete(case, "coordinate_higher", coordinate_higher_outcome="send_back")
    assert place.step(case, "coordinate_higher").unit == place.county
    place.complete(case, "coordinate_higher", coordinate_higher_outcome="send_back")
    assert place.step(case, "triage").unit == place.township


@article("LZ-5", off=Setting("agency_levels", ["city", "county", "township"]))
def test_the_village_is_a_level_of_its_own(place: Place) -> None:
    case = reported(place)
    assert place.facts(case)["agencies"] == [place.village, place.township, place.county, place.city.agency]


# -- what a worker does (LZ-11.1) --------------------------------------------------------------------


@article("LZ-11.1", off=Edit("matter.bpmn", MAY, "False"))
def test_a_worker_handles_what_the_list_gives_to_workers(place: Place) -> None:
    for kind in ("full_time", "part_time"):
        case = place.report(place.worker(kind), matter_type="corridor_clutter")
        place.complete(case, "escalate", by=place.worker(kind))
        assert place.step(case, "self_handle").due_at is not None
        place.complete(case, "self_handle", by=place.worker(kind), self_handle_outcome="handled")
        assert {node: row[0].unit for node, row in place.steps(case).items()} == {"check": place.village}


@article(
    "LZ-11.1",
    off=Edit("matter.bpmn", 'sourceRef="self_handled" targetRef="check"', 'sourceRef="self_handled" targetRef="close"'),
)
def test_what_a_worker_handled_is_fed_back_to_the_village_agency(place: Place) -> None:
    case = reported(place, matter_type="corridor_clutter")
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="handled")
    person = place.complete(case, "check", check_outcome="passed")
    assert place.actor(person).unit == place.village
    place.complete(case, "close", closing_kind="normal", solved=True)
    assert place.case(case).status == "archived"


# -- situations (LZ-14(3)) ---------------------------------------------------------------------------


def without_observation(form: dict[str, Any]) -> None:
    form["required"].remove("discovered_at")
    del form["properties"]["discovered_at"]


@article("LZ-14(3)", off=Data("forms/situation_reported.json", without_observation))
def test_observation_and_receipt_of_a_situation_are_both_on_record(place: Place) -> None:
    observed = place.now - timedelta(hours=2, minutes=5)
    words = {"discovered_at": observed.isoformat(), "delay_reason": "山区没有信号"}
    case = place.report(place.worker(), "situation_reported", matter_type="stability_risk", **words)
    row, first = place.case(case), place.records(case)[0]
    assert (row.discovered_at, row.opened_at, first.at) == (observed, place.now, place.now)
    assert "delay_reason" in first.sealed


@article(
    "LZ-14(3)",
    off=Edit(
        "matter.bpmn",
        'sourceRef="situation_reported" targetRef="propose_triage"',
        'sourceRef="situation_reported" targetRef="escalate"',
    ),
)
def test_each_situation_reaches_the_village_agency_at_once(place: Place) -> None:
    for number in range(2):
        case = place.report(place.worker(), "situation_reported", matter_type="stability_risk")
        row = place.step(case, "circulate")
        assert (row.unit, row.opened_at) == (place.village, place.now), number


# -- the list (LZ-15.3) ------------------------------------------------------------------------------


def penalties_on_the_list(matter_list: dict[str, Any]) -> None:
    like = next(item for item in matter_list["items"] if item["key"] == "corridor_clutter")
    matter_list["items"].append(like | {"key": "illegal_construction", "requires_enforcement_power": True})


@article("LZ-15.3", off=Data("list.json", penalties_on_the_list))
def test_what_is_reserved_to_authorities_is_not_on_the_list(place: Place) -> None:
    case = reported(place, matter_type="illegal_construction")
    assert place.facts(case)["listed"] is False
    assert not [key for key, item in place.pack.items.items() if item["requires_enforcement_power"]]


@article("LZ-15.3", off=Without("triage.lawful"))
def test_what_is_reserved_to_authorities_is_never_given_to_a_worker(place: Place) -> None:
    case = reported(place, matter_type="illegal_construction")
    with pytest.raises(Refused) as caught:
        place.complete(case, "circulate", circulate_outcome="to_department", assignments=given(place.grid))
    assert caught.value.code == "triage.off-list"
    units = given(place.department("urban_management"))
    place.complete(case, "circulate", circulate_outcome="to_department", assignments=units)
    assert place.step(case, "accept").unit == place.department("urban_management")


# -- reporting to the village (LZ-16.1) --------------------------------------------------------------

UNREPORTED = Edit(
    "matter.bpmn",
    'sourceRef="found" targetRef="escalate"',
    'sourceRef="found" targetRef="may_self_handle"',
)


@article("LZ-16.1a", off=UNREPORTED)
@pytest.mark.parametrize("matter_type", ["corridor_clutter", "safety_hazard", "other"])
def test_whatever_a_worker_finds_is_reported_to_the_village_agency_first(place: Place, matter_type: str) -> None:
    """What the worker handles too: nothing is hidden from the agency."""
    case = place.report(place.worker(), matter_type=matter_type)
    assert {node: row[0].unit for node, row in place.steps(case).items()} == {"escalate": place.grid}
    assert place.case(case).unit == place.village
    place.complete(case, "escalate", by=place.worker())
    assert list(place.steps(case)) == ["self_handle" if matter_type == "corridor_clutter" else "circulate"]


@article("LZ-16.1a", off=Setting("escalation_target", "township"))
def test_the_village_agency_is_in_charge_of_what_was_reported(place: Place) -> None:
    assert place.case(reported(place)).unit == place.village


@article("LZ-16.1a", off=Edit("matter.bpmn", 'wangge:limit="escalate"', ""))
def test_the_report_of_a_worker_is_timed(place: Place) -> None:
    case = place.report(place.worker())
    assert place.step(case, "escalate").due_at is not None
    place.pass_(hours=5)
    assert place.step(case, "escalate").light == "red"


@article("LZ-16.1a", off=Data("forms/escalate.json", lambda form: form["required"].remove("reason")))
def test_the_report_says_what_was_found(place: Place) -> None:
    case = place.report(place.worker())
    row = place.step(case, "escalate")
    with pytest.raises(Invalid) as caught:
        place.act(cases.complete, place.actor(place.worker()), row.id, row.revision, {"ground": "other"})
    assert [finding.element for finding in caught.value.findings] == ["reason"]


@article(
    "LZ-16.1a",
    off=Edit(
        "matter.bpmn",
        'sourceRef="entered_by_worker" targetRef="escalate"',
        'sourceRef="entered_by_worker" targetRef="close"',
    ),
)
def test_a_request_that_a_worker_hears_is_reported_to_the_village_agency(place: Place) -> None:
    case = place.report(place.worker(), "request_received", matter_type="resident_request", channel="grid_worker")
    place.complete(case, "escalate", by=place.worker())
    assert place.step(case, "circulate").unit == place.village


@article("LZ-16.1b", off=Edit("matter.bpmn", 'wangge:limit="circulate"', ""))
def test_the_village_agency_passes_a_matter_on_in_time(place: Place) -> None:
    case = reported(place)
    row = place.step(case, "circulate")
    assert (row.unit, row.due_at) == (place.village, place.now + timedelta(hours=6))  # four working hours
    place.pass_(hours=7)
    assert place.step(case, "circulate").light == "red"


HERE = 'circulate_outcome == "handle_here"'


@article("LZ-16.1b", off=Edit("matter.bpmn", HERE, "False"))
def test_the_village_agency_handles_what_it_can(place: Place) -> None:
    case = reported(place)
    place.complete(case, "circulate", circulate_outcome="handle_here")
    assert place.step(case, "handle_in_village").due_at is not None
    place.complete(case, "handle_in_village")
    assert place.step(case, "check").unit == place.village


@article("LZ-16.1b", off=Edit("matter.bpmn", 'circulate_outcome == "to_township"', HERE))
def test_the_village_agency_passes_a_matter_up(place: Place) -> None:
    assert place.step(at_township(place), "triage").unit == place.township


@article("LZ-16.1b", off=Edit("matter.bpmn", 'circulate_outcome == "to_department"', HERE))
def test_the_village_agency_passes_a_matter_to_a_department(place: Place) -> None:
    case = reported(place)
    with pytest.raises(Invalid):
        place.complete(case, "circulate", circulate_outcome="to_department")
    urban = place.department("urban_management")
    place.complete(case, "circulate", circulate_outcome="to_department", assignments=given(urban))
    assert place.step(case, "accept").unit == urban


@article("LZ-16.1b", off=Edit("matter.bpmn", ">agency == village_agency<", ">False<"))
def test_what_comes_back_is_passed_on_again_by_the_village_agency(place: Place) -> None:
    case = reported(place)
    urban = place.department("urban_management")
    place.complete(case, "circulate", circulate_outcome="to_department", assignments=given(urban))
    place.leave(case, "accept", "return")
    assert place.step(case, "circulate").unit == place.village


# -- emergencies (LZ-16.1) ---------------------------------------------------------------------------


def alarm(place: Place, person: str) -> int:
    """A matter under way, in which somebody reports an emergency to the emergency management."""
    case = dispatched(place)
    place.send(case, "emergency", person, competent_department=place.department("emergency_management"))
    return case


RECEIPT = 'wangge:role="receiver" wangge:unit="{}" wangge:form="department_receipt"'


@article(
    "LZ-16.1c",
    off=Edit("emergency.bpmn", RECEIPT.format("competent_department"), RECEIPT.format("township")),
)
def test_an_emergency_goes_straight_to_the_competent_department(place: Place) -> None:
    for kind in ("full_time", "part_time"):
        case = alarm(place, place.worker(kind))
        assert place.step(case, "report_by_worker").unit == place.grid
        place.complete(case, "report_by_worker", by=place.worker(kind))
        receipt = place.step(case, "department_receipt")
        assert (receipt.unit, receipt.due_at) == (
            place.department("emergency_management"),
            place.now + timedelta(minutes=30),
        )
        assert place.case(case).emergency


@article("LZ-16.1c", off=Edit("emergency.bpmn", 'reporter == "agency"', "False"))
def test_the_village_agency_may_report_an_emergency_too(place: Place) -> None:
    """The text does not say who reports: both may."""
    case = alarm(place, officer(place))
    assert place.step(case, "report_by_village").unit == place.village
    place.complete(case, "report_by_village")
    assert place.step(case, "department_receipt").unit == place.department("emergency_management")


@article("LZ-16.1c", off=Edit("emergency.bpmn", 'wangge:limit="emergency_report"', ""))
def test_an_emergency_is_reported_at_once(place: Place) -> None:
    """Thirty minutes are a product default: the text names no number."""
    for person, node in ((place.worker(), "report_by_worker"), (officer(place), "report_by_village")):
        assert place.step(alarm(place, person), node).due_at == place.now + timedelta(minutes=30)


@article("LZ-16.1c", off=Data("forms/emergency.json", lambda form: form["required"].remove("competent_department")))
def test_the_report_of_an_emergency_names_the_department(place: Place) -> None:
    case = dispatched(place)
    with pytest.raises(Invalid) as caught:
        place.send(case, "emergency", place.worker())
    assert [finding.element for finding in caught.value.findings] == ["competent_department"]


@article("LZ-16.1c", off=Edit("matter.bpmn", '"情况紧急" isInterrupting="false"', '"情况紧急" isInterrupting="true"'))
def test_agencies_take_note_of_an_emergency_and_handling_goes_on(place: Place) -> None:
    """Both a reading: the text stops nothing."""
    case = alarm(place, place.worker())
    place.complete(case, "report_by_worker", by=place.worker())
    assert {row.unit for row in place.steps(case)["take_note"]} == {place.village, place.township}
    assert place.step(case, "accept").unit == place.department("emergency_management")


# -- in time (LZ-16.2) -------------------------------------------------------------------------------


def limits_may_be_left_out(form: dict[str, Any]) -> None:
    form["properties"]["assignments"]["items"]["required"].remove("limit")


@article("LZ-16.2a", off=Data("forms/triage.json", limits_may_be_left_out))
def test_nothing_is_dispatched_without_a_limit(place: Place) -> None:
    case = at_township(place)
    units = [{"unit": place.department("housing"), "duty": "lead"}]
    with pytest.raises(Invalid):
        place.complete(case, "triage", triage_outcome="dispatch", assignments=units)


@article("LZ-16.2a", off=Edit("matter.bpmn", '"limit_from"', '"limit_was"'))
def test_a_department_has_the_time_that_was_ordered(place: Place) -> None:
    case = at_township(place)
    units = [{**given(place.department("housing"))[0], "limit": "handle_simple"}]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=units)
    place.complete(case, "accept")
    row = place.step(case, "handle")
    assert row.due_at == datetime(2026, 3, 3, 18, tzinfo=place.now.tzinfo)
    place.pass_(days=2)
    assert place.step(case, "handle").light == "red"


@article("LZ-16.2a", off=Edit("matter.bpmn", 'wangge:unit="supervised_unit"', 'wangge:unit="agency"'))
def test_a_department_is_urged_and_answers_to_supervision(place: Place) -> None:
    case = dispatched(place)
    unit = place.department("emergency_management")
    agent = place.actor(place.person("duty_officer", place.township), "duty_officer")
    place.act(cases.urge, agent, case, place.step(case, "accept").id, "请抓紧")
    assert place.records(case)[-1].kind == "urged"
    place.act(cases.supervise, agent, case, unit, "请三日内办结")
    reply = place.step(case, "reply_supervision")
    assert (reply.unit, reply.due_at is not None) == (unit, True)
    place.complete(case, "reply_supervision", by=place.person("handler", unit))
    assert list(place.steps(case)) == ["accept"]


@article("LZ-16.2b", off=Without("feedback.recipient"))
def test_feedback_goes_to_the_agency_of_the_level_of_the_department(place: Place) -> None:
    """A department of the county tells the county's agency, though the township dispatched the matter."""
    case = handled(place)
    place.complete(case, "feedback", handling_outcome="completed")
    assert {node: row[0].unit for node, row in place.steps(case).items()} == {"receive_feedback": place.county}
    place.complete(case, "receive_feedback")
    assert place.step(case, "check").unit == place.township


@article("LZ-16.2b", off=Edit("matter.bpmn", 'wangge:limit="feedback"', ""))
def test_feedback_is_timed(place: Place) -> None:
    case = handled(place)
    assert place.step(case, "feedback").due_at is not None
    place.pass_(days=1, hours=11)
    assert place.step(case, "feedback").light == "red"


@article("LZ-16.2b", off=Data("forms/feedback.json", lambda form: form["required"].remove("result")))
def test_feedback_says_what_the_result_is(place: Place) -> None:
    case = handled(place)
    row = place.step(case, "feedback")
    actor = place.acting(place.person(row.role, row.unit), row)
    answer = {"handling_outcome": "completed", "finished_on": "2026-03-02"}
    with pytest.raises(Invalid) as caught:
        place.act(cases.complete, actor, row.id, row.revision, answer)
    assert [finding.element for finding in caught.value.findings] == ["result"]


# -- going on duty (LZ-21) ---------------------------------------------------------------------------

BEFORE = date(2021, 6, 1)
TODAY = date(2026, 3, 1)


def newcomer(place: Place, *passed: str, served: bool = False) -> str:
    """A new worker of the grid with these trainings; `served`: who held such a post before."""
    with place.engine.work() as work:
        say: dict[str, Any] = {"by": FOUNDER, "at": place.now}
        person = "new-worker"
        area = work.directory.unit(place.grid).area
        directory.put_person(
            work.connection, person, name="新任网格员", worker_kind="full_time", valid_from=BEFORE, area=area, **say
        )
        terms: list[tuple[str, date, date | None]] = [("new-worker-2", TODAY, None)]
        if served:
            terms.insert(0, ("new-worker-1", BEFORE, date(2025, 12, 31)))
        for id, begin, end in terms:
            directory.give_post(
                work.connection, id, person=person, unit=place.grid, role="grid_worker", valid_from=begin,
                valid_to=end, roles={"grid_worker": ("grid",)}, **say,
            )  # fmt: skip
    for kind in passed:
        _train(place, person, kind, passed=True)
    return person


NO_GATE = Data("manifest.json", lambda manifest: manifest["settings"].pop("training_gate"))
NO_ASSESSMENT = Data(
    "manifest.json",
    lambda manifest: manifest["settings"]["training_gate"]["roles"]["grid_worker"].remove("assessment"),
)


@article("LZ-21", off=NO_GATE)
@pytest.mark.parametrize("passed", [(), ("assessment",)])
def test_a_new_worker_needs_the_training_before_duty(place: Place, passed: tuple[str, ...]) -> None:
    _refused(place, newcomer(place, *passed))


@article("LZ-21", off=NO_ASSESSMENT)
def test_a_new_worker_needs_to_pass_the_assessment_too(place: Place) -> None:
    person = newcomer(place, "pre_job")
    _refused(place, person)
    _train(place, person, "assessment", passed=False)
    _refused(place, person)
    _train(place, person, "assessment", passed=True)
    place.complete(place.report(place.worker()), "escalate", by=person)


def _train(place: Place, person: str, kind: str, *, passed: bool) -> None:
    with place.engine.work() as work:
        directory.record_training(
            work.connection, f"{person}-{kind}-{passed}", person=person, kind=kind, passed=passed,
            given_by=place.township, valid_from=TODAY, by=FOUNDER, at=place.now,
        )  # fmt: skip


def _refused(place: Place, person: str) -> None:
    """The person neither answers a step nor is given one."""
    case = place.report(place.worker())
    with pytest.raises(Refused) as caught:
        place.complete(case, "escalate", by=person)
    assert (caught.value.code, caught.value.article) == ("person.not-trained", "LZ-21")
    row, worker = place.step(case, "escalate"), place.actor(place.worker())
    place.act(cases.claim, worker, row.id, row.revision)
    row = place.step(case, "escalate")
    with pytest.raises(Refused):
        place.act(cases.delegate, worker, row.id, row.revision, person, "交接")


@article("LZ-21", off=Data("manifest.json", lambda m: m["settings"]["training_gate"].update(first_time_only=False)))
def test_the_gate_is_for_those_who_begin(place: Place) -> None:
    """The text speaks of workers who are new to it; who served before is not (reading)."""
    case = place.report(place.worker())
    place.complete(case, "escalate", by=newcomer(place, served=True))


# -- entry into force (LZ-26) ------------------------------------------------------------------------


@article("LZ-26", off=Data("manifest.json", lambda manifest: manifest.update(in_force_from="2024-09-30")))
def test_the_regulation_governs_what_was_discovered_from_october_2024_on(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        place.report(place.worker(), discovered_at="2024-09-30T23:59:00+08:00")
    assert caught.value.code == "pack.none-in-force"
    case = place.report(place.worker(), discovered_at="2024-10-01T00:00:00+08:00")
    assert place.case(case).pack == PACK


# -- what the regulation does not know, and a place may switch on --------------------------------------


@pytest.mark.parametrize("place", [(PACK, ())], indirect=True)
def test_disputes_are_not_offered_by_default(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        place.leave(dispatched(place), "accept", "dispute")
    assert caught.value.code == "case.not-offered"


@pytest.mark.parametrize("place", [(PACK, (Setting("dispute", True),))], indirect=True)
def test_a_place_that_wants_disputes_settles_them_in_a_joint_deliberation(place: Place) -> None:
    case = dispatched(place)
    place.leave(case, "accept", "dispute")
    assert place.step(case, "mediate").unit == place.township
    place.complete(case, "mediate", mediate_outcome="failed")
    assert place.step(case, "deliberate").unit == f"gov-{place.city.counties[0]}"
    housing = place.department("housing")
    place.complete(case, "deliberate", decided_unit=housing)
    place.leave(case, "accept", "dispute", unit=housing)
    assert place.step(case, "accept").unit == housing  # decided: no second dispute (product default)


@pytest.mark.parametrize("place", [(PACK, ())], indirect=True)
def test_false_alarms_are_revoked_and_emergencies_lifted(place: Place) -> None:
    case = alarm(place, place.worker())
    place.send(case, "emergency_revoked", officer(place))
    place.complete(case, "report_revocation", unit=place.village)
    assert list(place.steps(case)) == ["accept"]
    place.send(case, "emergency", officer(place), competent_department=place.department("emergency_management"))
    for node in ("report_by_village", "department_receipt", "take_note"):
        place.complete(case, node)
    place.send(case, "emergency_lifted", officer(place))
    assert list(place.steps(case)) == ["accept"]
    assert not place.case(case).emergency
