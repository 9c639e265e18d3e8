"""The rows of the regulation of 2023 (X3) that are behaviour of a matter."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from engine import archive, cases, directory, drafts
from engine.casework import Ask
from engine.errors import Forbidden, Invalid, Refused
from handlers.city import FOUNDER
from tests.articles.proof import Data, Edit, Patched, Setting, Without, article
from tests.places import Place

PACK = "unnamed-2023/2023-01-01"

OFF_LIST = {"matter_type": "other", "instruction": "（测试）清单外的工作"}
AT_TOWNSHIP = 'wangge:unit="township" wangge:form="triage"'
AT_COUNTY = 'wangge:unit="agencies[1]" wangge:form="triage"'
CITES = '(exception_cited == "law" or exception_cited == "regulation")'
TO_ARCHIVE = 'sourceRef="close" targetRef="archive"'
TO_END = 'sourceRef="close" targetRef="archived"'


def choices(form: Any, field: str) -> list[str]:
    """What can be chosen in a field of a form."""
    found: list[str] = form["properties"][field]["enum"]
    return found


def assignment_of(form: Any) -> dict[str, Any]:
    """What one assignment of a form consists of."""
    found: dict[str, Any] = form["properties"]["assignments"]["items"]
    return found


def nobody_inspects(roles: Any) -> None:
    """Takes urging and supervising away from all roles."""
    for role in roles:
        role["permissions"] = [one for one in role.get("permissions", ()) if one not in ("urge", "supervise")]


# -- in the grid -------------------------------------------------------------------------------------


@article("X3-20.1a", off=Edit("matter.bpmn", 'wangge:limit="self_handle"', ""))
def test_what_is_found_is_handled_by_the_worker_within_a_limit(place: Place) -> None:
    case = place.report(place.worker())
    assert list(place.steps(case)) == ["self_handle"]  # nothing comes before it
    row = place.step(case, "self_handle")
    assert row.unit == place.grid
    assert row.due_at is not None


@article("X3-20.1a", off=Edit("matter.bpmn", ">verify_first<", ">False<"))
def test_the_worker_may_choose_to_verify_first(place: Place) -> None:
    case = place.report(place.worker(), verify_first=True)
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    assert list(place.steps(case)) == ["self_handle"]


@article("X3-20.1b", off=Edit("matter.bpmn", 'wangge:limit="escalate"', ""))
def test_what_the_worker_cannot_handle_is_reported_within_a_limit(place: Place) -> None:
    case = place.report(place.worker())
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
    row = place.step(case, "escalate")
    assert row.unit == place.grid
    assert row.due_at is not None


@article("X3-20.1b", "X3-6.4a", off=Edit("matter.bpmn", AT_TOWNSHIP, AT_COUNTY))
def test_a_report_goes_to_the_township_agency_which_dispatches(place: Place) -> None:
    case = reported(place)
    row = place.step(case, "triage")
    assert (row.unit, row.role) == (place.township, "triage_officer")
    with pytest.raises(Forbidden):
        triage(place, case, "coordinate", by=place.person("triage_officer", place.county))
    dispatch(place, case)
    assert place.step(case, "accept").unit == place.department("housing")


@article("X3-14.3", off=Setting("training_gate", {}))
def test_who_has_not_passed_the_training_does_no_work_of_a_worker(place: Place) -> None:
    place.act(hire, "untrained", place.grid, place.now)
    case = place.report(place.worker())
    row = place.step(case, "self_handle")
    with pytest.raises(Refused) as refusal:
        place.act(cases.claim, place.actor("untrained"), row.id, row.revision)
    assert refusal.value.article == "X3-14.3"
    officer = place.actor(place.person("triage_officer", place.township))
    with pytest.raises(Refused):
        place.act(cases.reassign, officer, row.id, row.revision, "untrained", "（测试）")


# -- the list ----------------------------------------------------------------------------------------


@article("X3-19.4", off=Edit("matter.bpmn", CITES, "True"))
def test_an_instruction_off_the_list_goes_back_whatever_else_it_cites(place: Place) -> None:
    for cited in ("none", "rule", "document"):
        case = instruct(place, exception_cited=cited)
        assert place.case(case).status == "returned"
        assert place.steps(case) == {}
        opened, refused = place.records(case)
        assert opened.actor == place.person("duty_officer", place.township)
        assert refused.detail["node"] == "refuse_instruction"


@article("X3-19.4", off=Edit("matter.bpmn", CITES, "False"))
def test_an_instruction_off_the_list_that_cites_a_law_or_regulation_reaches_the_worker(place: Place) -> None:
    for cited in ("law", "regulation"):
        case = instruct(place, exception_cited=cited, citation="（测试）某法第一条")
        assert place.step(case, "self_handle").unit == place.grid
        assert "citation" in place.records(case)[0].sealed


@article("X3-19.4", off=Data("forms/instruction_pushed.json", lambda form: form.pop("allOf")))
def test_the_law_has_to_be_named(place: Place) -> None:
    with pytest.raises(Invalid):
        instruct(place, exception_cited="law")


@article("X3-19.4", off=Without("triage.lawful"))
def test_what_is_off_the_list_is_not_dispatched_to_a_worker(place: Place) -> None:
    case = reported(place, matter_type="other")
    with pytest.raises(Refused) as refusal:
        dispatch(place, case, place.grid)
    assert refusal.value.article == "X3-19.4"


# -- dispatch ----------------------------------------------------------------------------------------


@article("X3-20.2a", off=Edit("matter.bpmn", 'wangge:limit="triage"', ""))
def test_the_township_dispatches_in_time_or_a_light_says_so(place: Place) -> None:
    case = reported(place)
    assert place.step(case, "triage").light == "green"
    place.now = place.step(case, "triage").due_at
    place.pass_(minutes=1)
    assert place.step(case, "triage").light == "red"
    dispatch(place, case)
    assert place.step(case, "accept").unit == place.department("housing")


@article("X3-20.3a", off=Data("forms/triage.json", lambda form: assignment_of(form)["required"].remove("limit")))
def test_nothing_is_dispatched_without_a_time_limit(place: Place) -> None:
    case = reported(place)
    unlimited = [{"unit": place.department("housing"), "duty": "lead"}]
    with pytest.raises(Invalid):
        triage(place, case, "dispatch", assignments=unlimited)
    dispatch(place, case)
    place.complete(case, "accept")
    assert place.step(case, "handle").due_at is not None


@article("X3-20.3a", off=Edit("matter.bpmn", 'name="supervise"', 'name="nobody_waits_for_this"'))
def test_a_department_that_is_urged_owes_a_reply(place: Place) -> None:
    case = reported(place)
    dispatch(place, case)
    inspector = place.actor(place.person("supervisor", place.township))
    place.act(cases.supervise, inspector, case, place.department("housing"), "（测试）请按时办结")
    row = place.step(case, "reply_supervision")
    assert row.unit == place.department("housing")
    assert row.due_at is not None
    assert place.step(case, "accept").unit == place.department("housing")  # the work goes on beside it


# -- level by level ----------------------------------------------------------------------------------


@article("X3-20.2b", off=Edit("matter.bpmn", "level = level + 1", "level = level + 2"))
def test_a_matter_goes_up_one_level_at_a_time(place: Place) -> None:
    case = sent_up(place)
    assert [(node, row.unit) for node, (row,) in place.steps(case).items()] == [("coordinate_county", place.county)]
    at_level(place, case, "county", "send_up")
    assert [(node, row.unit) for node, (row,) in place.steps(case).items()] == [("coordinate_city", place.city.agency)]


@article("X3-20.2b", off=Data("forms/triage.json", lambda form: choices(form, "triage_outcome").append("ask_city")))
def test_the_township_cannot_name_the_city(place: Place) -> None:
    """There is nothing to name a level with: the township can only ask for the next one."""
    case = reported(place)
    row = place.step(case, "triage")
    officer = place.actor(place.person(row.role, row.unit))
    for skipping in ({"triage_outcome": "ask_city"}, {"triage_outcome": "ask_higher", "level": 1}):
        with pytest.raises(Invalid):
            place.act(cases.complete, officer, row.id, row.revision, {"opinion": "（测试）", **skipping})


@article(
    "X3-20.2b", off=Data("forms/coordinate_city.json", lambda form: choices(form, "level_outcome").append("send_up"))
)
def test_nothing_is_above_the_city(place: Place) -> None:
    case = sent_up(place)
    at_level(place, case, "county", "send_up")
    with pytest.raises(Invalid):
        at_level(place, case, "city", "send_up")


@article("X3-20.2b", off=Edit("coordinate_level.bpmn", 'wangge:limit="coordinate_county"', ""))
def test_the_county_has_a_limit_of_its_own(place: Place) -> None:
    assert place.step(sent_up(place), "coordinate_county").due_at is not None


@article("X3-20.2b", off=Edit("coordinate_level.bpmn", 'wangge:limit="coordinate_city"', ""))
def test_the_city_has_a_limit_of_its_own(place: Place) -> None:
    case = sent_up(place)
    county = place.step(case, "coordinate_county").due_at
    at_level(place, case, "county", "send_up")
    assert place.step(case, "coordinate_city").due_at not in (None, county)


@article("X3-20.2b", off=Edit("matter.bpmn", "level = level - 1", "level = level - 2"))
def test_a_matter_comes_back_one_level_at_a_time(place: Place) -> None:
    """Sending back is a reading; here too no level is passed over."""
    case = sent_up(place)
    at_level(place, case, "county", "send_up")
    at_level(place, case, "city", "send_back")
    assert list(place.steps(case)) == ["coordinate_county"]
    at_level(place, case, "county", "send_back")
    assert list(place.steps(case)) == ["triage"]


@article("X3-6.3b", off=Edit("coordinate_level.bpmn", ">level == 1<", ">level == 2<"))
def test_the_county_agency_settles_what_a_township_sends_up(place: Place) -> None:
    case = sent_up(place)
    assert at_level(place, case, "county", "handled") == place.person("triage_officer", place.county)
    assert place.step(case, "check").unit == place.township


@article("X3-6.2c", off=Edit("coordinate_level.bpmn", ">level == 1<", ">level >= 1<"))
def test_the_city_agency_settles_what_a_county_sends_up(place: Place) -> None:
    case = sent_up(place)
    at_level(place, case, "county", "send_up")
    assert at_level(place, case, "city", "handled") == place.person("triage_officer", place.city.agency)
    assert place.step(case, "check").unit == place.township


# -- feedback ----------------------------------------------------------------------------------------


@article("X3-20.3b", off=Edit("matter.bpmn", 'wangge:limit="feedback"', ""))
def test_feedback_has_a_limit_of_its_own(place: Place) -> None:
    case = reported(place)
    dispatch(place, case)
    place.complete(case, "accept")
    handling = place.step(case, "handle").due_at
    place.complete(case, "handle")
    assert place.step(case, "feedback").due_at not in (None, handling)


@article("X3-20.3b", off=Without("feedback.recipient"))
def test_a_county_department_feeds_back_to_the_county_whoever_dispatched(place: Place) -> None:
    case = reported(place)
    dispatch(place, case)
    handle(place, case)
    assert place.step(case, "relay_feedback").unit == place.county
    place.complete(case, "relay_feedback")
    assert place.step(case, "check").unit == place.township


@article("X3-20.3b", off=Edit("matter.bpmn", ">feedback_to != township<", ">False<"))
def test_a_city_department_feeds_back_to_the_city_which_relays_down(place: Place) -> None:
    case = sent_up(place)
    at_level(place, case, "county", "send_up")
    housing = f"dep-{place.city.agency.removeprefix('ga-')}-housing"
    at_level(place, case, "city", "dispatch", assignments=to(housing))
    handle(place, case)
    assert place.step(case, "relay_feedback").unit == place.city.agency
    place.complete(case, "relay_feedback")
    assert place.step(case, "check").unit == place.township


# -- the archive and the platform --------------------------------------------------------------------


@article("X3-21.b", off=Patched("engine.archive._said", lambda *_: []))
def test_the_archive_holds_every_step_with_who_when_and_what_they_said(place: Place) -> None:
    case = finished(place)
    files = place.act(archive.package, case)
    records = [json.loads(line.split(" ", 1)[1]) for line in files["records.jsonl"].decode().splitlines()]
    steps = [record for record in records if record["kind"] == "completed"]
    done = [record["detail"]["node"] for record in steps]
    assert done == [
        "self_handle", "escalate", "triage", "accept", "handle", "feedback", "relay_feedback", "check", "close",
    ]  # fmt: skip
    assert all(record["actor"] and record["post"] and record["at"] for record in steps)
    said = {value["field"]: value["value"] for value in json.loads(files["said.json"])}
    assert {"measures", "opinion", "result", "findings"} <= said.keys()


@article("X3-21.b", off=Edit("matter.bpmn", TO_ARCHIVE, TO_END))
def test_no_matter_ends_before_its_archive_was_made(place: Place) -> None:
    case = finished(place)
    assert place.case(case).status == "archived"
    last = place.records(case)[-1]
    assert (last.kind, last.detail["node"]) == ("decided", "archive")


@article("X3-25.2a", off=Edit("matter.bpmn", 'triage_outcome == "dispatch"', "False"))
def test_intake_and_dispatch_are_one_line(place: Place) -> None:
    """A request gets its number and its file when it comes in, and goes on to triage and dispatch."""
    duty = place.person("duty_officer", place.township)
    case = place.report(duty, "request_received", channel="platform", has_requester=True)
    assert place.case(case).number
    assert place.records(case)[0].kind == "opened"
    dispatch(place, case)
    handle(place, case)
    assert list(place.steps(case)) == ["relay_feedback"]


@article("X3-25.2a", off=Data("roles.json", nobody_inspects))
def test_inspecting_and_urging_belong_to_the_platform(place: Place) -> None:
    case = reported(place)
    dispatch(place, case)
    inspector = place.actor(place.person("supervisor", place.county))
    place.act(cases.urge, inspector, case, place.step(case, "accept").id, "（测试）请尽快签收")
    place.act(cases.supervise, inspector, case, place.department("housing"), "（测试）请说明情况")
    kinds = [record.kind for record in place.records(case)]
    assert kinds[-2:] == ["urged", "supervised"]


@article("X3-25.2b", off=Patched("engine.cases.decide"))
def test_a_handler_consults_another_office_and_the_matter_stays(place: Place) -> None:
    case = reported(place)
    dispatch(place, case)
    place.complete(case, "accept")
    expert = place.department("emergency_management")
    asking = place.actor(place.person("handler", place.department("housing")))
    row = place.step(case, "handle")
    question = Ask("consultation", "（测试）如何加固？", row.id, to_unit=expert)
    request = place.act(cases.ask, asking, case, question)
    assert place.step(case, "handle").unit == place.department("housing")
    answering = place.actor(place.person("handler", expert))
    place.act(cases.decide, answering, request, True, "（测试）先支护后拆除")
    assert list(place.steps(case)) == ["handle"]
    answered = place.records(case)[-1]
    assert (answered.kind, answered.actor, list(answered.sealed)) == (
        "consultation-answered", answering.person, ["reason"],
    )  # fmt: skip


@article("X3-30", off=Data("manifest.json", lambda manifest: manifest.update(in_force_from="2020-01-01")))
def test_the_regulation_governs_from_the_first_of_january_2023(place: Place) -> None:
    with pytest.raises(Refused):
        place.report(place.worker(), discovered_at="2022-12-31T23:59:59+08:00")
    case = place.report(place.worker(), discovered_at="2023-01-01T00:00:00+08:00")
    assert place.case(case).pack == PACK


# -- what people do ----------------------------------------------------------------------------------


def reported(place: Place, **answer: Any) -> int:
    """A finding that a worker could not handle or was not to: the township has it."""
    case = place.report(place.worker(), **answer)
    if "self_handle" in place.steps(case):
        place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
    place.complete(case, "escalate", by=place.worker())
    return case


def instruct(place: Place, **answer: Any) -> int:
    """The township pushes an instruction to a worker."""
    duty = place.person("duty_officer", place.township)
    return place.report(duty, "instruction_pushed", **{"instructing_unit": place.township, **OFF_LIST, **answer})


def triage(place: Place, case: int, outcome: str, **more: Any) -> str:
    return place.complete(case, "triage", triage_outcome=outcome, **more)


def dispatch(place: Place, case: int, unit: str = "") -> None:
    triage(place, case, "dispatch", assignments=to(unit or place.department("housing")))


def to(unit: str) -> list[dict[str, str]]:
    return [{"unit": unit, "duty": "lead", "limit": "handle"}]


def sent_up(place: Place) -> int:
    case = reported(place)
    triage(place, case, "ask_higher")
    return case


def at_level(place: Place, case: int, level: str, outcome: str, **more: Any) -> str:
    return place.complete(case, f"coordinate_{level}", level_outcome=outcome, **more)


def handle(place: Place, case: int) -> None:
    place.complete(case, "accept")
    place.complete(case, "handle")
    place.complete(case, "feedback", handling_outcome="completed")


def finished(place: Place) -> int:
    """A matter from discovery to archive by way of a department."""
    case = reported(place)
    dispatch(place, case)
    handle(place, case)
    place.complete(case, "relay_feedback")
    place.complete(case, "check", check_outcome="passed")
    place.complete(case, "close", closing_kind="normal", solved=True)
    return case


def hire(work: Any, person: str, grid: str, at: Any) -> None:
    """Somebody gets a worker's post in a grid without any training."""
    day = date(2026, 1, 1)
    area = work.directory.unit(grid).area
    directory.put_person(
        work.connection,
        person,
        name="未培训网格员",
        worker_kind="full_time",
        valid_from=day,
        by=FOUNDER,
        at=at,
        area=area,
    )
    directory.give_post(
        work.connection, f"{person}-1", person=person, unit=grid, role="grid_worker", valid_from=day,
        roles={"grid_worker": ("grid",)}, by=FOUNDER, at=at,
    )  # fmt: skip


# -- the platform is the city's (X3-6.2) --------------------------------------------------------------


@article("X3-6.2b", off=Patched("engine.drafts._must_be_of_level"))
def test_a_version_is_published_by_the_agency_of_the_city_alone(place: Place, tmp_path: Path) -> None:
    """Also one for a county only: the county's own publisher is refused."""
    place.engine.signing_key = tmp_path / "signing.key"
    city, county = place.city.agency, place.county
    with place.engine.work() as work:
        roles = {key: role.unit_kinds for key, role in place.pack.roles.items()}
        for unit in (city, county):
            for role, person in (("process_publisher", f"{unit}-1"), ("process_designer", f"{unit}-2")):
                directory.give_post(
                    work.connection, f"{person}-{role}", person=person, unit=unit, role=role,
                    valid_from=place.now.date(), roles=roles, by=FOUNDER, at=place.now,
                )  # fmt: skip
    designer = place.actor(f"{county}-2", "process_designer")
    draft = place.act(drafts.create, designer, PACK, "unnamed-2023/2026-04-01", "缩短时限", None)
    place.act(drafts.submit, designer, draft)
    day = date(2026, 4, 1)
    with pytest.raises(Refused) as caught:
        place.act(drafts.publish, place.actor(f"{county}-1", "process_publisher"), draft, day)
    assert (caught.value.code, caught.value.article) == ("draft.level", "X3-6.2")
    place.act(drafts.publish, place.actor(f"{city}-1", "process_publisher"), draft, day)
