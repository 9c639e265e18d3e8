"""Grid workers under each text: who may be appointed, what comes before duty, complaints about them, what comes of
supervision, who answers for damage, and how they leave."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import cases, directory, queries, registers
from engine.errors import Forbidden, Invalid, NotFound, Refused
from engine.library import day_of
from handlers import complaints, workers
from handlers.city import FOUNDER
from tests.articles.proof import Data, Edit, Patched, Setting, Without, article
from tests.places import Place
from web import sessions
from web.app import create_app
from web.settings import Settings

ZJ, ZJD, JS, X3, LZ = (
    "zhenjiang/2026-01-01",
    "zhenjiang/2025-draft",
    "jiangsu/2021-01-01",
    "unnamed-2023/2023-01-01",
    "luzhou/2024-10-01",
)
PACK = JS

ONBOARDING = "procedures/worker_onboarding/worker_onboarding.bpmn"
ELIGIBILITY = "procedures/worker_onboarding/forms/check_eligibility.json"
EXIT = "shared/worker_exit/1/worker_exit.bpmn"
LIABILITY = "shared/liability/1/liability.bpmn"
COMPLAINT = "shared/complaint/1/complaint.bpmn"
BARS = ("bar_crime", "bar_detention", "bar_dismissal", "bar_credit", "bar_other")
CONDITIONS = ("condition_conduct", "condition_citizen", "condition_ability", "condition_health", "condition_adult")
OF_AGE, TOO_YOUNG = "2008-03-02", "2008-03-03"
"""Born eighteen years before the Monday of the tests, and a day later."""

NO_GATE = Data("manifest.json", lambda manifest: manifest["settings"].pop("training_gate"))


def duty(place: Place) -> str:
    """The duty officer of the township's agency."""
    return place.person("duty_officer", place.township)


def proposed(place: Place, kind: str, **answer: Any) -> int:
    """Somebody is to become a worker of the grid."""
    return place.begin(duty(place), "worker_proposed", about=place.grid, worker_kind=kind, **answer)


def checked(place: Place, case: int, outcome: str = "eligible", **answer: Any) -> None:
    """The conditions are gone through: all met and no bar, unless said otherwise."""
    fields = place.pack.forms["check_eligibility"]["properties"]
    fine = {name: name.startswith("condition_") for name in fields if name.startswith(("condition_", "bar_"))}
    given = {**fine, "birth_date": "1990-05-01", "check_eligibility_outcome": outcome, **answer}
    place.complete(case, "check_eligibility", **given)


def appointed(place: Place, case: int) -> str:
    """The appointment is decided, from today on. Returns the new worker."""
    today = day_of(place.now).isoformat()
    place.complete(case, "decide_appointment", decide_appointment_outcome="appointed", begins_on=today)
    assert place.case(case).status == "enacted"
    return str(place.facts(case)["appointed"])


def trained(place: Place, case: int, outcome: str = "passed", **more: Any) -> None:
    place.complete(case, "train_worker", training_outcome=outcome, **more)


def given_post(place: Place, person: str, unit: str, role: str) -> None:
    """A post beside those of the demonstration city."""
    with place.engine.work() as work:
        directory.give_post(
            work.connection, f"{person}-{role}-more", person=person, unit=unit, role=role,
            valid_from=day_of(place.now), roles={role: (work.directory.unit(unit).kind,)}, by=FOUNDER, at=place.now,
        )  # fmt: skip


def said(place: Place, case: int) -> set[str]:
    """The fields of which a case has kept what was said."""
    return {field for record in place.records(case) for field in record.sealed}


def held(place: Place, kind: str, **where: Any) -> list[registers.Registered]:
    with place.engine.look() as work:
        return registers.holding(work, kind, **where)


def entered(place: Place, kind: str, **where: Any) -> registers.Registered:
    """The one entry of a register."""
    found = held(place, kind, **where)
    assert len(found) == 1
    return found[0]


# -- before duty (ZJ-23, ZJD-27.2, X3-14.3, LZ-21) ---------------------------------------------------


def training_comes_first(place: Place, kind: str, trainer: str) -> None:
    """Who has to pass something before duty gets no post before; who has passed it gets one."""
    failed = ready(place, kind)
    assert {node: row[0].unit for node, row in place.steps(failed).items()} == {"train_worker": trainer}
    trained(place, failed, "failed", assessment_outcome="failed", assessment_score=40)
    assert (place.case(failed).status, place.facts(failed).get("appointed")) == ("rejected", None)
    case = ready(place, kind)
    trained(place, case, assessment_outcome="passed", assessment_score=80)
    person = appointed(place, case)
    with place.engine.look() as work:
        role = workers.role(place.pack, kind)
        assert person in work.directory.holders(role, place.grid)
        assert work.directory.untrained(person, role, {"roles": {role: ["pre_job"]}}) is None
    given = [record for record in place.chain(f"person/{person}") if record.kind == "training-recorded"]
    assert {record.detail["given_by"] for record in given} == {trainer}


def ready(place: Place, kind: str) -> int:
    """Somebody new whose conditions, where there are any, have been found met."""
    case = proposed(place, kind)
    if "consult_village_on_chief" in place.steps(case):
        place.complete(case, "consult_village_on_chief", party_organisation_agrees=True, committee_agrees=True)
        place.complete(case, "determine_chief", determine_chief_outcome="determined", chief_capacity="committee_member")
    if "check_eligibility" in place.steps(case):
        checked(place, case)
    return case


@article("ZJ-23.b", off=NO_GATE, pack=ZJ)
@pytest.mark.parametrize("kind", ["grid_chief", "full_time", "part_time"])
def test_in_zhenjiang_the_township_trains_every_worker_before_duty(place: Place, kind: str) -> None:
    training_comes_first(place, kind, place.government)


@article("ZJD-27.2", off=NO_GATE, pack=ZJD)
@pytest.mark.parametrize("kind", ["grid_chief", "full_time", "part_time"])
def test_in_the_draft_the_township_trains_every_worker_before_duty(place: Place, kind: str) -> None:
    training_comes_first(place, kind, place.government)


@article("X3-14.3", off=NO_GATE, pack=X3)
@pytest.mark.parametrize("kind", ["full_time", "part_time"])
def test_in_x3_the_township_agency_trains_every_worker_before_duty(place: Place, kind: str) -> None:
    training_comes_first(place, kind, place.township)


@article("LZ-21", off=NO_GATE, pack=LZ)
@pytest.mark.parametrize("kind", ["full_time", "part_time"])
def test_in_luzhou_a_new_worker_is_trained_and_assessed_before_duty(place: Place, kind: str) -> None:
    training_comes_first(place, kind, place.township)


@article("LZ-21", off=Edit(ONBOARDING, ' and assessment_outcome == "passed"', ""), pack=LZ)
def test_in_luzhou_the_assessment_has_to_be_passed_too(place: Place) -> None:
    case = proposed(place, "full_time")
    trained(place, case, assessment_outcome="failed", assessment_score=59)
    assert place.case(case).status == "rejected"


@article("ZJ-23.b", off=Patched("handlers.workers._may_begin"), pack=ZJ)
def test_no_post_begins_for_who_is_not_trained_when_it_is_given(place: Place) -> None:
    """A training that was good when the case began, and is over when it is decided."""
    person, today = "lapsed", day_of(place.now)
    with place.engine.work() as work:
        known: dict[str, Any] = {"by": FOUNDER, "at": place.now, "valid_from": today}
        area = work.directory.unit(place.grid).area
        directory.put_person(work.connection, person, name="旧网格员", area=area, **known)
        directory.record_training(
            work.connection, "lapsed-1", person=person, kind="pre_job", passed=True, given_by=place.government,
            valid_to=today, **known,
        )  # fmt: skip
    case = proposed(place, "part_time", worker=person)
    assert list(place.steps(case)) == ["decide_appointment"]
    place.pass_(days=2)
    with pytest.raises(Refused) as caught:
        appointed(place, case)
    assert (caught.value.code, caught.value.article) == ("person.not-trained", "ZJ-23")


@pytest.mark.parametrize("place", [(JS, ())], indirect=True)
def test_the_measures_of_jiangsu_know_no_training_before_duty(place: Place) -> None:
    case = proposed(place, "part_time")
    assert list(place.steps(case)) == ["decide_appointment"]
    appointed(place, case)


# -- who may be a worker (JS-12.2, JS-14, X3-12) -----------------------------------------------------


@article("JS-12.2", off=Without("worker.chief"))
@pytest.mark.parametrize("capacity", ["principal_leader", "other", "full_time_worker"])
def test_nobody_else_becomes_chief(place: Place, capacity: str) -> None:
    """Somebody new is no recorded full-time worker either."""
    case = proposed(place, "grid_chief")
    place.complete(case, "consult_village_on_chief", party_organisation_agrees=True, committee_agrees=True)
    with pytest.raises(Refused) as caught:
        place.complete(case, "determine_chief", determine_chief_outcome="determined", chief_capacity=capacity)
    assert (caught.value.code, caught.value.article) == ("worker.no-chief", "JS-12.2")


@article("JS-12.2", off=Edit(ONBOARDING, 'worker_kind == "grid_chief"', "False"))
def test_the_township_agency_determines_the_chief_with_both_bodies_of_the_village(place: Place) -> None:
    case = proposed(place, "grid_chief", worker=place.worker("full_time"))
    committee = f"vc-c{place.grid[1:13]}"
    assert {node: row[0].unit for node, row in place.steps(case).items()} == {"consult_village_on_chief": committee}
    place.complete(case, "consult_village_on_chief", party_organisation_agrees=True, committee_agrees=True)
    assert place.step(case, "determine_chief").unit == place.township
    place.complete(case, "determine_chief", determine_chief_outcome="determined", chief_capacity="full_time_worker")
    assert appointed(place, case) == place.worker("full_time")
    done = [record.detail["node"] for record in place.records(case) if record.kind == "completed"]
    assert done == ["consult_village_on_chief", "determine_chief", "decide_appointment"]


@article("JS-12.2", off=Without("worker.chief"))
def test_a_chief_is_determined_only_together(place: Place) -> None:
    case = proposed(place, "grid_chief")
    place.complete(case, "consult_village_on_chief", party_organisation_agrees=True, committee_agrees=False)
    with pytest.raises(Refused) as caught:
        place.complete(case, "determine_chief", determine_chief_outcome="determined", chief_capacity="committee_member")
    assert caught.value.code == "worker.chief-not-agreed"


@article("JS-14.1", off=Without("worker.eligible"))
@pytest.mark.parametrize("unmet", CONDITIONS)
def test_a_full_time_worker_meets_every_condition(place: Place, unmet: str) -> None:
    _refused(place, "full_time", "worker.conditions", "JS-14.1", **{unmet: False})


@article("X3-12", off=Without("worker.eligible"), pack=X3)
@pytest.mark.parametrize("kind", ["full_time", "part_time"])
@pytest.mark.parametrize("unmet", [*CONDITIONS, "condition_other"])
def test_in_x3_every_worker_meets_every_condition(place: Place, kind: str, unmet: str) -> None:
    _refused(place, kind, "worker.conditions", "X3-12", **{unmet: False})


@article("JS-14.1", off=Without("worker.eligible"))
def test_nobody_younger_than_eighteen_is_a_full_time_worker(place: Place) -> None:
    _refused(place, "full_time", "worker.conditions", "JS-14.1", birth_date=TOO_YOUNG)
    checked(place, proposed(place, "full_time"), birth_date=OF_AGE)


@article("X3-12", off=Without("worker.eligible"), pack=X3)
def test_in_x3_nobody_younger_than_eighteen_is_a_worker(place: Place) -> None:
    _refused(place, "part_time", "worker.conditions", "X3-12", birth_date=TOO_YOUNG)
    checked(place, proposed(place, "part_time"), birth_date=OF_AGE)


def _refused(place: Place, kind: str, code: str, article: str, **answer: Any) -> None:
    """Not found eligible, but may be found not to be."""
    case = proposed(place, kind)
    with pytest.raises(Refused) as caught:
        checked(place, case, **answer)
    assert caught.value.code == code
    assert article in caught.value.article
    checked(place, case, "not_eligible", **answer)
    assert place.case(case).status == "rejected"


@article("JS-14.2", off=Without("worker.eligible"))
@pytest.mark.parametrize("bar", BARS)
def test_nobody_with_a_bar_is_a_full_time_worker(place: Place, bar: str) -> None:
    _refused(place, "full_time", "worker.barred", "JS-14.2", **{bar: True})


@article("JS-14.1", "JS-14.2", off=Edit(ONBOARDING, 'worker_kind == "full_time"', 'worker_kind != "grid_chief"'))
def test_conditions_and_bars_are_for_full_time_workers_only(place: Place) -> None:
    assert "check_eligibility" not in place.steps(proposed(place, "part_time"))
    assert "check_eligibility" not in place.steps(proposed(place, "grid_chief"))
    assert "check_eligibility" in place.steps(proposed(place, "full_time"))


def kept(form: dict[str, Any]) -> None:
    """Keeps everything that is said in the form."""
    for field in form["properties"].values():
        field.pop("x-kept", None)


@article("JS-14.1", "JS-14.2", off=Data(ELIGIBILITY, kept))
def test_the_result_is_kept_and_who_checked_but_no_date_of_birth_and_no_bar(place: Place) -> None:
    case = proposed(place, "full_time")
    checked(place, case)
    assert said(place, case) >= {*CONDITIONS, "checked_by"}
    assert not said(place, case) & {"birth_date", *BARS}
    assert place.facts(case)["check_eligibility_outcome"] == "eligible"
    assert not {"birth_date", *BARS} & place.facts(case).keys()


@article("JS-14.2", off=Data(ELIGIBILITY, lambda form: form["required"].clear()))
@pytest.mark.parametrize("left_out", [*BARS, "checked_by"])
def test_all_five_bars_are_asked_about_and_who_checked_them(place: Place, left_out: str) -> None:
    case = proposed(place, "full_time")
    row, answer = place.step(case, "check_eligibility"), dict.fromkeys(BARS, False) | dict.fromkeys(CONDITIONS, True)
    given = {**answer, "check_eligibility_outcome": "eligible", "birth_date": OF_AGE, "checked_by": "（测试）"}
    del given[left_out]
    with pytest.raises(Invalid) as caught:
        place.act(cases.complete, place.actor(place.person("checker", place.township)), row.id, row.revision, given)
    assert [finding.element for finding in caught.value.findings] == [left_out]


# -- the card and the public -------------------------------------------------------------------------


@pytest.mark.parametrize("place", [(JS, ())], indirect=True)
def test_anybody_can_check_a_card_and_learns_nothing_of_the_person(place: Place, tmp_path: Path) -> None:
    person = appointed(place, proposed(place, "part_time", worker_name="某某", work_contact="0511-0000"))
    with place.engine.look() as work:
        card = workers.card(work, person)
    assert (card.name, card.work_contact, card.grid, card.valid) == ("某某", "0511-0000", place.grid, True)
    client = create_app(place.engine, Settings(tmp_path)).test_client()
    told = client.get(f"/api/public/workers/{card.number}")
    assert told.json is not None
    assert (told.json["valid"], told.json["kind"]["key"]) == (True, "part_time")
    page = client.get(f"/public/workers/{card.number}")
    for answer in (told, page):
        assert answer.status_code == 200
        assert not {one for one in (person, "某某", "0511-0000") if one in answer.text}
    unknown = client.get("/api/public/workers/1<b>").json
    assert unknown is not None
    assert (unknown["number"], unknown["valid"]) == ("1<b>", False)
    assert "<b>" not in client.get("/public/workers/1<b>").text


@pytest.mark.parametrize("place", [(JS, ())], indirect=True)
def test_a_card_is_for_the_worker_and_for_who_has_the_grid_in_their_area(place: Place, tmp_path: Path) -> None:
    person = appointed(place, proposed(place, "part_time"))
    settings = Settings(tmp_path)
    client = create_app(place.engine, settings).test_client(use_cookies=False)
    told = {}
    stranger = f"vc-{place.city.townships[0]}002-1"
    for who in (person, duty(place), stranger):
        with place.engine.work() as work:
            token, _ = sessions.begin(work, settings, who, who)
        told[who] = client.get(f"/api/workers/{person}/card", headers={"Authorization": f"Bearer {token}"})
    own = told[person].json
    assert own is not None
    assert (own["person"], own) == (person, told[duty(place)].json)
    assert told[stranger].status_code == 404


@pytest.mark.parametrize("place", [(JS, ())], indirect=True)
def test_a_card_is_not_valid_before_the_first_and_after_the_last_day(place: Place) -> None:
    case = proposed(place, "part_time")
    tomorrow = day_of(place.now) + timedelta(days=1)
    place.complete(case, "decide_appointment", decide_appointment_outcome="appointed", begins_on=tomorrow.isoformat())
    number = f"{place.now.year}{case:06d}"
    assert not valid(place, number)
    place.pass_(days=1)
    assert valid(place, number)
    left = place.begin(duty(place), "exit_proposed", about=place.grid, worker=f"worker-{case}", exit_ground="resigned")
    place.complete(left, "hand_over_work", hand_over_list=["（测试）台账"], last_day=tomorrow.isoformat())
    assert valid(place, number)
    place.pass_(days=1)
    assert not valid(place, number)


def valid(place: Place, number: str) -> bool:
    with place.engine.look() as work:
        found = workers.checked(work, number)
    return found is not None and found.valid


@pytest.mark.parametrize("place", [(JS, ())], indirect=True)
def test_a_post_does_not_begin_on_a_day_that_is_over(place: Place) -> None:
    case = proposed(place, "part_time")
    with pytest.raises(Refused) as caught:
        place.complete(case, "decide_appointment", decide_appointment_outcome="appointed", begins_on="2026-03-01")
    assert caught.value.code == "worker.day-over"


# -- leaving (X3-15, ZJD-29.2) -----------------------------------------------------------------------


def leaving(place: Place, ground: str = "unfit") -> int:
    """The full-time worker of the grid is to leave, and the county has agreed where it has to."""
    words = {"worker": place.worker(), "exit_ground": ground}
    case = place.begin(duty(place), "exit_proposed", about=place.grid, **words)
    if "review_exit" in place.steps(case):
        place.complete(case, "review_exit", review_exit_outcome="approved")
    return case


def handed_over(place: Place, case: int) -> None:
    today = day_of(place.now).isoformat()
    place.complete(case, "hand_over_work", hand_over_list=["（测试）台账"], last_day=today)


@article("X3-15", off=Without("worker.nothing_open"), pack=X3)
def test_who_leaves_hands_over_what_is_open_first(place: Place) -> None:
    open_ = place.report(place.worker())
    node = next(iter(place.steps(open_)))
    row, worker = place.step(open_, node), place.actor(place.worker())
    place.act(cases.claim, worker, row.id, row.revision)
    case = leaving(place)
    with pytest.raises(Refused) as caught:
        handed_over(place, case)
    assert (caught.value.code, caught.value.article) == ("worker.open-steps", "X3-15")
    assert place.case(open_).number in str(caught.value)
    row = place.step(open_, node)
    place.act(cases.delegate, worker, row.id, row.revision, place.worker("part_time"), "交接")
    handed_over(place, case)
    assert place.case(case).status == "enacted"
    place.pass_(days=1)
    with place.engine.look() as work:
        assert place.worker() not in work.directory.holders("grid_worker", place.grid)


@article("X3-15", off=Edit(EXIT, 'exit_ground in ["unfit", "dismissed", "adjusted"]', "False"), pack=X3)
def test_who_is_unfit_leaves_by_the_rules_of_the_county(place: Place) -> None:
    case = place.begin(duty(place), "exit_proposed", about=place.grid, worker=place.worker(), exit_ground="unfit")
    assert {node: row[0].unit for node, row in place.steps(case).items()} == {"review_exit": place.county}
    place.complete(case, "review_exit", review_exit_outcome="approved")
    assert "rule_applied" in said(place, case)
    handed_over(place, case)
    assert place.case(case).status == "enacted"


@article("ZJD-29.2", off=Without("worker.leave"), pack=ZJD)
@pytest.mark.parametrize("ground", ["adjusted", "dismissed"])
def test_unfit_workers_are_moved_or_dismissed(place: Place, ground: str) -> None:
    case = leaving(place, ground)
    handed_over(place, case)
    place.pass_(days=1)
    with place.engine.look() as work:
        assert work.directory.actors(place.worker()) == []


@pytest.mark.parametrize("place", [(LZ, ())], indirect=True)
def test_the_county_may_keep_a_worker(place: Place) -> None:
    case = place.begin(duty(place), "exit_proposed", about=place.grid, worker=place.worker(), exit_ground="dismissed")
    place.complete(case, "review_exit", review_exit_outcome="not_approved")
    assert place.case(case).status == "rejected"
    assert place.actors(place.worker())


# -- what comes of supervision (ZJD-29.2) ------------------------------------------------------------


@article("ZJD-29.2", off=Without("supervision.record"), pack=ZJD)
@pytest.mark.parametrize("outcome", ["notice", "talk", "accountability"])
def test_what_comes_of_supervision_is_recorded_against_department_and_person(place: Place, outcome: str) -> None:
    department, matter = place.department("urban_management"), place.case(place.report(place.worker())).number
    person = place.person("handler", department)
    case = supervised(place, outcome, responsible_person=person, matter_number=matter)
    assert place.step(case, "decide_supervision_outcome").unit == f"gov-{place.city.counties[0]}"
    decided(place, case, outcome)
    entry = entered(place, "supervision_outcome", about=department)
    told = ("outcome", "responsible_person", "matter", "ground")
    assert [entry.body[name] for name in told] == [outcome, person, matter, "slow"]


@article(
    "ZJD-29.2",
    off=Edit(
        "procedures/supervision_outcome/supervision_outcome.bpmn",
        'wangge:unit="county_government"',
        'wangge:unit="against_unit"',
    ),
    pack=ZJD,
)
def test_the_county_government_decides_what_comes_of_supervision(place: Place) -> None:
    case = supervised(place, "talk")
    row = place.step(case, "decide_supervision_outcome")
    assert (row.role, row.unit) == ("government_decider", f"gov-{place.city.counties[0]}")
    with pytest.raises(Forbidden):
        decided(place, case, "talk", by=place.person("supervisor", place.county))


@pytest.mark.parametrize("place", [(JS, ()), (ZJ, ()), (X3, ()), (LZ, ())], indirect=True)
def test_elsewhere_it_is_a_product_default(place: Place) -> None:
    case = supervised(place, "notice")
    place.complete(case, "decide_supervision_outcome", decide_supervision_outcome_outcome="dropped")
    assert place.case(case).status == "rejected"
    assert held(place, "supervision_outcome") == []


def supervised(place: Place, outcome: str, **more: str) -> int:
    """The county's agency proposes something against a department."""
    given = {"against_unit": place.department("urban_management"), "supervision_ground": "slow", **more}
    person = place.person("supervisor", place.county)
    return place.begin(person, "supervision_outcome_proposed", outcome_proposed=outcome, **given)


def decided(place: Place, case: int, outcome: str, by: str = "") -> None:
    given = {"supervision_outcome": outcome, "document_number": "（测试）1号"}
    place.complete(case, "decide_supervision_outcome", by=by, decide_supervision_outcome_outcome="decided", **given)


# -- complaints (JS-19.2) ----------------------------------------------------------------------------


def complained(place: Place, by: str = "", **more: Any) -> int:
    """Somebody complains about the full-time worker; by telephone to the township's duty officer, unless `by`."""
    words = {"channel": "supervision_phone", "complainant_name": "投诉人甲", "complainant_contact": "13800001234"}
    given = {"worker": place.worker(), **words, **more}
    return place.begin(by or duty(place), "complaint_received", about=place.grid, **given)


@article("JS-19.2", off=Edit("shared/complaint/1/procedure.json", '"by": ["duty_officer"', '"by": ["nobody"'))
@pytest.mark.parametrize("level", ["township", "county"])
def test_complaints_are_taken_in_by_telephone(place: Place, level: str) -> None:
    agency = place.township if level == "township" else place.county
    case = complained(place, place.person("duty_officer", agency), handled_at=level)
    assert place.step(case, "examine_complaint").unit == agency


@article("JS-19.2", off=Edit("shared/complaint/1/procedure.json", '"handler"', '"nobody"'))
def test_units_complain_too(place: Place) -> None:
    case = complained(place, place.person("handler", place.department("housing")), channel="unit")
    assert list(place.steps(case)) == ["examine_complaint"]


@article("JS-19.2", off=Edit(COMPLAINT, 'wangge:limit="examine_complaint"', ""))
def test_a_complaint_is_dealt_with_in_time(place: Place) -> None:
    case = complained(place)
    assert place.step(case, "examine_complaint").due_at is not None
    place.pass_(days=20)
    assert place.step(case, "examine_complaint").light in ("red", "supervise")


@article("JS-19.2", off=Without("complaint.not_accused"))
def test_nobody_deals_with_a_complaint_about_themselves_or_their_own_post(place: Place) -> None:
    """Reading: the text does not say who deals with it."""
    given_post(place, place.worker(), place.township, "supervisor")
    case, given = complained(place), {"examine_complaint_outcome": "unsubstantiated"}
    for person, code in ((place.worker(), "complaint.accused"), (f"{place.township}-4", "complaint.same-post")):
        with pytest.raises(Refused) as caught:
            place.complete(case, "examine_complaint", by=person, **given)
        assert caught.value.code == code
    place.complete(case, "examine_complaint", by=f"{place.township}-4", examine_complaint_outcome="pass_to_county")
    assert place.step(case, "examine_complaint").unit == place.county
    place.complete(case, "examine_complaint", **given)
    assert list(place.steps(case)) == ["reply_to_complainant"]


def workers_see_all(roles: list[dict[str, Any]]) -> None:
    next(role for role in roles if role["key"] == "grid_worker")["permissions"] = ["see_area"]


@article("JS-19.2", off=Data("roles.json", workers_see_all))
def test_the_worker_complained_of_sees_nothing_of_it(place: Place) -> None:
    case = complained(place)
    with place.engine.look() as work, pytest.raises(NotFound):
        queries.matter(work, place.actor(place.worker()), case)


@article(
    "JS-19.2",
    off=Edit("shared/complaint/1/forms/complaint_received.json", '"x-class": "sensitive"', '"x-class": "open"'),
)
def test_who_complained_is_masked_for_everybody(place: Place) -> None:
    case = complained(place)
    with place.engine.look() as work:
        told = queries.timeline(work, place.actor(duty(place), "duty_officer"), case)[0]["said"]
    assert all(told[name].get("masked") for name in ("complainant_name", "complainant_contact", "complaint"))


@article("JS-19.2", off=Edit(COMPLAINT, 'examine_complaint_outcome == "substantiated"', "False"))
def test_what_is_substantiated_has_consequences_and_a_reply(place: Place) -> None:
    case = complained(place)
    place.complete(case, "examine_complaint", examine_complaint_outcome="substantiated")
    place.complete(case, "take_measures", complaint_measure="education")
    place.complete(case, "reply_to_complainant", reply_outcome="replied", reply_way="phone", reply_text="（测试）")
    assert place.case(case).status == "completed"


@article("JS-19.2", off=Setting("supervision_phone", {}))
def test_township_and_county_publish_their_telephone(place: Place) -> None:
    for agency in (place.township, place.county):
        with place.engine.work() as work:
            unit = work.directory.unit(agency)
            known = {name: getattr(unit, name) for name in ("kind", "level", "code", "name", "parent")}
            directory.put_unit(
                work.connection, agency, **known, valid_from=day_of(place.now), by=FOUNDER, at=place.now,
                attributes={**unit.attributes, "supervision_phone": f"0000-{agency}"},
            )  # fmt: skip
    with place.engine.look() as work:
        told = complaints.telephones(work, place.pack, work.directory.unit(place.grid).area)
    assert {one["phone"] for one in told} == {f"0000-{place.township}", f"0000-{place.county}"}


@pytest.mark.parametrize("place", [(X3, ()), (LZ, ()), (ZJD, ())], indirect=True)
def test_elsewhere_complaints_are_a_product_default(place: Place) -> None:
    case = complained(place)
    place.complete(case, "examine_complaint", examine_complaint_outcome="unsubstantiated")
    words = {"reply_outcome": "cannot_reply", "no_reply_reason": "（测试）匿名"}
    place.complete(case, "reply_to_complainant", **words)
    assert place.case(case).status == "completed"


# -- damage (JS-40) ----------------------------------------------------------------------------------


def damaged(place: Place) -> tuple[int, int]:
    """Damage by the full-time worker in a matter: its case and the matter's."""
    matter = place.report(place.worker())
    place.complete(matter, "verify", by=place.worker(), verify_outcome="substantiated")
    given = {"worker": place.worker(), "matter_number": place.case(matter).number}
    return place.begin(duty(place), "damage_reported", about=place.grid, **given), matter


@article("JS-40", off=Without("liability.record"))
def test_the_township_answers_for_damage_by_a_worker_on_duty(place: Place) -> None:
    case, matter = damaged(place)
    assert place.step(case, "bear_or_ask").unit == place.government
    place.complete(case, "bear_or_ask", bear_or_ask_outcome="bear")
    entry = entered(place, "liability", about=place.worker())
    assert (entry.body["bearer"], entry.body["matter"]) == (place.government, place.case(matter).number)


@article("JS-40", off=Edit(LIABILITY, 'wangge:unit="county_government"', 'wangge:unit="township_government"'))
def test_the_township_may_ask_the_county_who_is_to_bear_it(place: Place) -> None:
    case, _ = damaged(place)
    place.complete(case, "bear_or_ask", bear_or_ask_outcome="ask_county")
    county, bearer = f"gov-{place.city.counties[0]}", place.department("urban_management")
    assert place.step(case, "determine_bearer").unit == county
    place.complete(case, "determine_bearer", bearer=bearer, document_number="（测试）2号")
    entry = entered(place, "liability")
    told = ("bearer", "determined_by", "document_number")
    assert [entry.body[name] for name in told] == [bearer, county, "（测试）2号"]


@article("JS-40", off=Without("liability.attribute"))
def test_each_act_of_the_worker_is_found_in_the_matter(place: Place) -> None:
    case, matter = damaged(place)
    acts = place.facts(case).get("acts")
    by = {record.number: record.actor for record in place.records(matter)}
    assert acts
    assert {by[number] for number in acts} == {place.worker()}
