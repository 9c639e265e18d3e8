"""The rows of the draft of the Zhenjiang regulation (ZJD), which never came into force, that are the way of a matter:
verified, registered, handled or reported within 24 hours, dispatched to a named receiver. It serves training only."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from engine import directory, registers
from engine.errors import Forbidden, Refused
from engine.iso8601 import ZONE
from handlers import intake
from handlers.city import FOUNDER
from tests.articles.proof import Data, Edit, Setting, Without, article
from tests.places import FOUND, Place

PACK = "zhenjiang/2025-draft"

BEFORE_HOLIDAYS = datetime(2026, 9, 30, 16, tzinfo=ZONE)
"""The afternoon before a week without working days."""


def registered(place: Place, **answer: Any) -> int:
    """A finding that the worker has verified and registered."""
    urgency = answer.pop("urgency", "ordinary")
    case = place.report(place.worker(), **answer)
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    place.complete(case, "register", by=place.worker(), urgency=urgency)
    return case


def to_escalate(place: Place, **answer: Any) -> int:
    """A finding that the worker cannot handle and has to report."""
    case = registered(place, **answer)
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
    return case


def reported(place: Place) -> int:
    """A finding that the agency of the township has to triage."""
    case = to_escalate(place)
    place.complete(case, "escalate", by=place.worker())
    return case


def dispatched(place: Place, limit: str = "handle") -> int:
    """A finding that a department of the county has been given."""
    case = reported(place)
    orders = [{"unit": place.department("housing"), "duty": "lead", "limit": limit}]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=orders)
    return case


def flow(old: str, new: str) -> Edit:
    """A flow of the diagram that leads elsewhere."""
    source, target = old.split(" ")
    words = 'sourceRef="{}" targetRef="{}"'
    return Edit("matter.bpmn", words.format(source, target), words.format(source, new))


# -- verifying, registering, handling (ZJD-13.1) -----------------------------------------------------


@article("ZJD-13.1a", off=flow("found verify", "register"))
def test_a_finding_is_verified_first_in_its_limit(place: Place) -> None:
    case = place.report(place.worker())
    assert list(place.steps(case)) == ["verify"]
    assert place.step(case, "verify").due_at is not None


@article("ZJD-13.1a", off=Edit("matter.bpmn", 'targetRef="register"', 'targetRef="worker_handles"'))
def test_then_it_is_registered_in_a_step_of_its_own(place: Place) -> None:
    case = place.report(place.worker())
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    assert list(place.steps(case)) == ["register"]
    assert place.step(case, "register").due_at is not None


@article("ZJD-13.1a", off=Edit("matter.bpmn", "listed and performer", "False and performer"))
def test_what_the_worker_can_handle_is_handled_in_its_limit(place: Place) -> None:
    case = registered(place)
    assert list(place.steps(case)) == ["self_handle"]
    assert place.step(case, "self_handle").due_at is not None
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="handled")
    assert list(place.steps(case)) == ["check"]


def working_days(limits: list[dict[str, Any]]) -> None:
    limit = next(limit for limit in limits if limit["key"] == "escalate")
    limit.update(amount=1, unit="working_day")


@article("ZJD-13.1b", off=Data("limits.json", working_days))
def test_a_worker_reports_within_24_hours_that_run_through_the_national_holidays(place: Place) -> None:
    place.now = BEFORE_HOLIDAYS
    case = to_escalate(place)
    due = place.step(case, "escalate").due_at
    assert due == datetime(2026, 10, 1, 16, tzinfo=ZONE)
    place.now = due
    place.beat()
    assert place.step(case, "escalate").light != "red"  # exactly at the due time is in time
    place.pass_(microseconds=1)
    assert place.step(case, "escalate").light == "red"
    place.complete(case, "escalate", by=place.worker())  # the duty remains
    assert place.step(case, "triage").unit == place.township


TIMER = '<bpmn:timeDuration xsi:type="bpmn:tFormalExpression">PT24H<'


@article("ZJD-13.1b", off=Edit("matter.bpmn", TIMER, TIMER.replace("PT24H", "PT48H")))
def test_that_the_24_hours_are_over_is_on_record_with_the_moment(place: Place) -> None:
    place.now = BEFORE_HOLIDAYS
    case = to_escalate(place)
    place.pass_(hours=30)
    fired = [record for record in place.records(case) if record.kind == "timer-fired"]
    assert [record.detail["due_at"] for record in fired] == ["2026-10-01T08:00:00+00:00"]
    assert "escalate" in place.steps(case)


@article("ZJD-13.1b", off=Setting("escalation_clock_starts", "step"))
def test_the_24_hours_run_from_discovery(place: Place) -> None:
    """A reading: the draft does not say from when."""
    found = place.now - timedelta(hours=3)
    case = to_escalate(place, discovered_at=found.isoformat())
    assert place.step(case, "escalate").due_at == found + timedelta(hours=24)


@article("ZJD-13.1b", off=Setting("escalation_target", "county"))
def test_it_is_the_agency_of_the_township_that_hears_of_it(place: Place) -> None:
    assert place.step(reported(place), "triage").unit == place.township


@article("ZJD-13.1c", off=Edit("matter.bpmn", ' and urgency != "urgent"', ""))
def test_what_is_urgent_is_reported_before_anything_else(place: Place) -> None:
    case = registered(place, urgency="urgent")
    assert list(place.steps(case)) == ["escalate"]


@article("ZJD-13.1c", off=Edit("matter.bpmn", '"escalate_urgent" if urgency == "urgent" else "escalate"', '"escalate"'))
def test_at_once_is_a_matter_of_minutes(place: Place) -> None:
    """The number is a product default: the draft has none."""
    case = registered(place, urgency="urgent")
    assert place.step(case, "escalate").due_at == place.now + timedelta(minutes=30)


@article("ZJD-13.1c", off=Setting("escalation_target", "county"))
def test_what_is_urgent_goes_to_the_same_agency(place: Place) -> None:
    case = registered(place, urgency="urgent")
    place.complete(case, "escalate", by=place.worker())
    assert place.step(case, "triage").unit == place.township


# -- the agency and the departments (ZJD-13.2) -------------------------------------------------------


@article("ZJD-13.2a", off=Edit("matter.bpmn", 'wangge:limit="triage" wangge:status="to_triage"', 'wangge:status="to_triage"'))  # fmt: skip
def test_the_limit_of_the_agency_begins_when_it_gets_the_report(place: Place) -> None:
    case = to_escalate(place)
    place.pass_(hours=2)
    place.complete(case, "escalate", by=place.worker())
    row = place.step(case, "triage")
    assert (row.opened_at, row.due_at) == (place.now, place.now.replace(hour=17))


@article("ZJD-13.2a", off=Edit("matter.bpmn", 'triage_outcome == "coordinate"', "False"))
def test_the_agency_coordinates(place: Place) -> None:
    case = reported(place)
    place.complete(case, "triage", triage_outcome="coordinate")
    assert place.step(case, "coordinate").unit == place.township


@article("ZJD-13.2a", off=Edit("matter.bpmn", 'triage_outcome == "dispatch"', "False"))
def test_or_the_agency_dispatches(place: Place) -> None:
    assert place.step(dispatched(place), "accept").unit == place.department("housing")


@article("ZJD-13.2b", off=flow("find_receiver accept", "handle"))
def test_somebody_named_for_it_signs_for_what_a_department_is_given(place: Place) -> None:
    case = dispatched(place)
    assert list(place.steps(case)) == ["accept"]
    handler = place.person("handler", place.department("housing"))
    with pytest.raises(Forbidden):
        place.complete(case, "accept", by=handler)
    person = place.complete(case, "accept")
    assert place.actor(person).role == "receiver"


@article("ZJD-13.2b", off=Without("receiver.find"))
def test_without_a_named_receiver_the_head_signs_and_the_agency_is_shown_the_finding(place: Place) -> None:
    """A reading: the draft does not say what happens then."""
    housing = place.department("housing")
    person = place.person("receiver", housing)
    day = place.now.date()
    with place.engine.work() as work:
        last_day = day - timedelta(days=1)
        directory.end_post(work.connection, f"{person}-1", last_day=last_day, by=FOUNDER, at=place.now)
    case = dispatched(place)
    assert place.actor(place.complete(case, "accept")).role == "department_head"
    agency = place.actor(place.person("triage_officer", place.township))
    shown = place.act(lambda work: registers.holding(work, "receiver_finding", near=agency.area))
    assert [(entry.unit, entry.body) for entry in shown] == [
        (place.township, {"department": housing, "named": False}),
    ]  # fmt: skip
    with place.engine.work() as work:
        directory.give_post(
            work.connection, "named", person=person, unit=housing, role="receiver", valid_from=day,
            roles={"receiver": ("department",)}, by=FOUNDER, at=place.now,
        )  # fmt: skip
    place.now += timedelta(minutes=1)
    assert place.actor(place.complete(dispatched(place), "accept")).role == "receiver"
    entry = place.act(lambda work: registers.get(work, f"receiver_finding/{housing}"))
    assert entry.body["named"] is True


@article("ZJD-13.2b", off=Edit("matter.bpmn", 'wangge:limit="accept"', ""))
def test_signing_has_a_limit(place: Place) -> None:
    assert place.step(dispatched(place), "accept").due_at is not None


@article("ZJD-13.2c", off=Edit("matter.bpmn", '<wangge:property name="limit_from" value="limit_key" />', ""))
def test_the_limit_of_the_department_begins_when_it_has_received(place: Place) -> None:
    case = dispatched(place, "handle_urgent")
    place.pass_(hours=3)
    place.complete(case, "accept")
    assert place.step(case, "handle").due_at == place.now + timedelta(hours=4)


# -- never in force (ZJD-31) -------------------------------------------------------------------------


def in_force(manifest: dict[str, Any]) -> None:
    manifest.update(in_force_from="2026-01-01", force="law")


@article("ZJD-31", off=Data("manifest.json", in_force))
def test_no_day_brings_the_draft_into_force(place: Place) -> None:
    """It has no day of effect: it is found for no day, and runs only where somebody asks for training with it."""
    worker = place.actor(place.worker())
    given = {"way_in": "discovered", "grid": place.grid, "answer": place.filled(place.pack.forms["discovered"], FOUND)}
    with pytest.raises(Refused) as caught:
        place.act(intake.report, worker, given)
    assert caught.value.code == "pack.none-in-force"
    assert place.case(place.report(place.worker())).pack == PACK


@article("ZJD-31", off=Data("manifest.json", in_force))
def test_the_draft_carries_nothing_where_there_is_no_training(place: Place) -> None:
    with place.engine.work() as work:
        work.connection.exec_driver_sql("DELETE FROM setting WHERE key = 'training'")
    with pytest.raises(Refused) as caught:
        place.report(place.worker())
    assert caught.value.code == "intake.draft"
