"""Grid workers: before their duty, complained of, and leaving; and what is known of people. Scenarios 1, 12, 19 and 24."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from engine import directory
from handlers.city import FOUNDER
from tests.acceptance.scenarios.town import Person, TownApi, refused

ZJ, ZJD = "zhenjiang/2026-01-01", "zhenjiang/2025-draft"
JS, X3, LZ = "jiangsu/2021-01-01", "unnamed-2023/2023-01-01", "luzhou/2024-10-01"

Towns = Callable[..., TownApi]


# -- 1: before duty ----------------------------------------------------------------------------------


def proposed(town: TownApi, kind: str = "part_time", **answer: Any) -> int:
    """Somebody is to become a worker of the grid, and meets the conditions where there are any."""
    duty = town.someone("duty_officer")
    case = town.begin(duty, "worker_proposed", about=town.place.grid, worker_kind=kind, **answer)
    if "check_eligibility" in town.steps(case):
        fields = town.place.pack.forms["check_eligibility"]["properties"]
        fine = {name: name.startswith("condition_") for name in fields if name.startswith(("condition_", "bar_"))}
        met = {**fine, "birth_date": "1990-05-01", "check_eligibility_outcome": "eligible"}
        town.complete(case, "check_eligibility", **met)
    return case


def appointed(town: TownApi, case: int) -> str:
    """The appointment is decided, from today on. Returns the new worker."""
    today = town.place.now.date().isoformat()
    town.complete(case, "decide_appointment", decide_appointment_outcome="appointed", begins_on=today)
    assert town.status(case) == "enacted"
    return str(town.matter(case)["facts"]["appointed"])


@pytest.mark.article("ZJ-23.b", "ZJD-27.2", "X3-14.3", "LZ-21")
@pytest.mark.parametrize("pack", [ZJ, ZJD, X3, LZ])
def test_nobody_goes_on_duty_before_passing_the_training(town_api: Towns, pack: str) -> None:
    """ZJ-23, ZJD-27.2, X3-14.3, LZ-21."""
    town = town_api(pack)
    failed = proposed(town)
    assert list(town.at(failed)) == ["train_worker"]
    given: dict[str, Any] = {"assessment_outcome": "failed", "assessment_score": 40}
    town.complete(failed, "train_worker", training_outcome="failed", **given)
    assert (town.status(failed), town.steps(failed)) == ("rejected", {})
    case = proposed(town)
    town.complete(case, "train_worker", training_outcome="passed", assessment_outcome="passed", assessment_score=80)
    worker = town.person(appointed(town, case))
    found = town.report(town.worker())
    node = next(iter(town.steps(found)))
    step = town.step(found, node)
    worker.post(f"steps/{step['id']}/claim", {"revision": step["revision"]})


@pytest.mark.article("LZ-21")
def test_in_luzhou_the_assessment_has_to_be_passed_too_by_who_is_new(town_api: Towns) -> None:
    """LZ-21."""
    town = town_api(LZ)
    case = proposed(town)
    town.complete(case, "train_worker", training_outcome="passed", assessment_outcome="failed", assessment_score=59)
    assert town.status(case) == "rejected"
    again = proposed(town, worker=town.place.worker("full_time"))  # who served before needs none
    assert "train_worker" not in town.steps(again)


@pytest.mark.parametrize("pack", [ZJ, ZJD, X3, LZ])
def test_who_was_never_trained_neither_acts_nor_is_assigned_anything(town_api: Towns, pack: str) -> None:
    town = town_api(pack)
    untrained(town)
    case = town.report(town.worker())
    node = next(iter(town.steps(case)))
    step = town.step(case, node)
    with refused("person.not-trained"):
        town.person("untrained").post(f"steps/{step['id']}/claim", {"revision": step["revision"]})
    with refused("person.not-trained"):
        give = {"revision": step["revision"], "person": "untrained", "reason": "（测试）"}
        town.someone("duty_officer", holding(town)).post(f"steps/{step['id']}/reassign", give)


def holding(town: TownApi) -> str:
    """The agency that may reassign what a worker has."""
    return town.place.village if town.place.pack.key == LZ else town.place.township


def untrained(town: TownApi) -> None:
    """Somebody who holds a post on record and was never trained."""
    place, day = town.place, date(2026, 1, 1)
    with place.engine.work() as work:
        area = work.directory.unit(place.grid).area
        directory.put_person(
            work.connection, "untrained", name="未培训网格员", worker_kind="full_time", valid_from=day, area=area,
            by=FOUNDER, at=place.now,
        )  # fmt: skip
        directory.give_post(
            work.connection, "untrained-1", person="untrained", unit=place.grid, role="grid_worker", valid_from=day,
            roles={"grid_worker": ("grid",)}, by=FOUNDER, at=place.now,
        )  # fmt: skip


def test_under_the_measures_of_jiangsu_alone_the_gate_is_open(town_api: Towns) -> None:
    town = town_api(JS)
    case = proposed(town)
    assert "train_worker" not in town.steps(case)
    appointed(town, case)
    untrained(town)
    found = town.report(town.worker())
    step = town.step(found, "verify")
    town.person("untrained").post(f"steps/{step['id']}/claim", {"revision": step["revision"]})


# -- 12: complained of -------------------------------------------------------------------------------


@pytest.mark.article("JS-19.2")
def test_a_complaint_about_a_worker_goes_to_another_and_is_dealt_with_in_time(town_api: Towns) -> None:
    """JS-19.2. That the complainant gets a reply is a reading."""
    town = town_api(JS)
    words = {"channel": "supervision_phone", "complainant_name": "投诉人甲", "complainant_contact": "13800001234"}
    duty = town.someone("duty_officer")
    case = town.begin(duty, "complaint_received", about=town.place.grid, worker=town.place.worker(), **words)
    assert town.at(case) == {"examine_complaint": town.place.township}
    assert town.due(case, "examine_complaint") is not None
    with refused("matter.unknown"):
        town.matter(case, town.worker())
    opened = town.records(case)[0]["said"]
    assert all(opened[name].get("masked") for name in ("complainant_name", "complainant_contact"))
    town.complete(case, "examine_complaint", examine_complaint_outcome="substantiated")
    town.complete(case, "take_measures", complaint_measure="education")
    town.complete(case, "reply_to_complainant", reply_outcome="replied", reply_way="phone", reply_text="（测试）已处理")
    assert town.status(case) == "completed"


# -- 19: what is known of people ---------------------------------------------------------------------


@pytest.mark.article("ZJ-12.2", "X3-17", "X3-25.2c", "LZ-17(1)")
@pytest.mark.parametrize("pack", [ZJ, X3, LZ])
def test_personal_data_are_masked_and_a_look_takes_admission_and_a_reason_and_is_on_record(
    town_api: Towns, pack: str
) -> None:
    """ZJ-12.2, X3-17, X3-25.2, LZ-17."""
    town = town_api(pack)
    with town.place.engine.look() as work:
        code = work.directory.unit(town.place.grid).code
    asked = {"grid": code, "what": "（测试）楼道堵了", "name": "张三丰", "contact": "13812345600"}
    assert town.client.post("/api/public/requests", json=asked).status_code == 200
    case = 1
    duty = town.someone("duty_officer")
    said = town.records(case, duty)[0]["said"]
    assert said["requester_name"] == {"value": "张**", "masked": True, "erased": False}
    assert said["requester_contact"] == {"value": "138****00", "masked": True, "erased": False}
    look = {"record": 1, "field": "requester_contact", "reason": "（测试）核实地点"}
    address = f"matters/{town.number(case)}/reveal"
    with refused("access.not-admitted"):
        duty.post(address, look)
    admission = town.begin(duty, "admission_asked", member=duty.id, classes=["sensitive"])
    town.complete(admission, "approve_admission", approve_admission_outcome="approved")
    with refused("request.fields", "reason"):
        duty.post(address, {**look, "reason": ""})
    assert duty.post(address, look)["value"] == "13812345600"
    last = town.records(case, duty)[-1]
    assert (last["kind"], last["actor"]["id"], last["detail"]["field"]) == ("revealed", duty.id, "requester_contact")
    assert last["said"]["reason"]["value"] == "（测试）核实地点"
    with refused("matter.unknown"):  # who may not see the matter may not look either
        town.someone("handler", town.place.department("housing")).post(address, look)


@pytest.mark.article("ZJ-12.2")
def test_who_takes_part_from_outside_sees_only_what_is_theirs(town_api: Towns) -> None:
    """ZJ-12.2: that a department needs no more of a matter than its own part is a reading."""
    town = town_api(ZJ)
    lead, helper = town.place.department("urban_management"), town.place.department("housing")
    case = town.report(town.worker(), matter_type="illegal_construction")
    town.verify(case)
    town.complete(case, "escalate", by=town.worker())
    town.dispatch(case, lead, helper)
    other = town.report(town.worker())
    person: Person = town.someone("receiver", helper)
    assert [row["id"] for row in person.get("matters")["rows"]] == [case]
    assert {step["unit"]["id"] for step in town.matter(case, person)["steps"]} == {helper}
    with refused("matter.unknown"):
        town.matter(other, person)
    with refused("matter.unknown"):
        person.get(f"steps/{town.step(case, 'accept', lead)['id']}")
    assert len(town.records(case, person)) < len(town.records(case))


# -- 24: leaving -------------------------------------------------------------------------------------


@pytest.mark.article("X3-15", "X3-11")
def test_who_leaves_hands_over_what_is_open_first_and_a_grid_without_workers_raises_an_alert(town_api: Towns) -> None:
    """X3-15, X3-11."""
    town = town_api(X3)
    case = town.report(town.worker())
    step = town.step(case, "self_handle")
    town.worker().post(f"steps/{step['id']}/claim", {"revision": step["revision"]})
    leaving = exit_approved(town, town.place.worker())
    with refused("worker.open-steps", article="X3-15"):
        handed_over(town, leaving)
    step = town.step(case, "self_handle")
    give = {"revision": step["revision"], "person": town.place.worker("part_time"), "reason": "（测试）交接"}
    town.worker().post(f"steps/{step['id']}/delegate", give)
    handed_over(town, leaving)
    assert town.status(leaving) == "enacted"
    county = town.someone("duty_officer", town.place.county)
    assert county.get("grids/alerts")["alerts"] == []
    step = town.step(case, "self_handle")
    part_timer = town.worker("part_time")
    town.complete(case, "self_handle", by=part_timer, self_handle_outcome="cannot_handle")
    town.complete(case, "escalate", by=part_timer)
    for kind in ("part_time", "grid_chief"):
        if kind == "part_time" or town.place.worker(kind) in posted(town):
            handed_over(town, exit_approved(town, town.place.worker(kind)))
    town.pass_(days=1)
    alerts = county.get("grids/alerts")["alerts"]
    assert [(one["grid"], one["alert"]) for one in alerts if one["alert"] == "no_worker"] == [
        (town.place.grid, "no_worker")
    ]


def posted(town: TownApi) -> set[str]:
    with town.place.engine.look() as work:
        return {one.person for one in work.directory.posted(town.place.grid)}


def exit_approved(town: TownApi, worker: str) -> int:
    """Somebody is to leave, and the county has agreed where it has to."""
    duty = town.someone("duty_officer")
    case = town.begin(duty, "exit_proposed", about=town.place.grid, worker=worker, exit_ground="unfit")
    if "review_exit" in town.steps(case):
        town.complete(case, "review_exit", review_exit_outcome="approved")
    return case


def handed_over(town: TownApi, case: int) -> None:
    today = town.place.now.date().isoformat()
    town.complete(case, "hand_over_work", hand_over_list=["（测试）台账"], last_day=today)
