"""Registries, on both databases: who may write and see what, where, what is masked, what has expired, and versions."""

from datetime import timedelta
from typing import Any

import pytest

from engine import directory, records, registers
from engine.directory import Actor
from engine.errors import Forbidden, Invalid, NotFound, Refused
from engine.publishing import PACKS
from engine.store import Store
from engine.work import Work
from handlers import registries
from handlers.city import FOUNDER
from tests.places import Place, read, settle

ZJ = PACKS / "zhenjiang" / "2026-01-01"
ZJD = PACKS / "zhenjiang" / "2025-draft"

INSURED = {"insured_from": "2026-01-01", "insured_until": "2026-12-31", "insurer": "（保险公司）"}
DELIBERATED = {
    "held_on": "2026-03-02", "topic": "楼道清理", "result": "轮值打扫", "adopted": "yes", "carried_out": "under_way",
}  # fmt: skip


@pytest.fixture
def place(store: Store) -> Place:
    folder = read(ZJ)
    return Place(store, folder.pack, settle(store, folder))


@pytest.fixture
def draft(store: Store) -> Place:
    folder = read(ZJD)
    return Place(store, folder.pack, settle(store, folder))


def officer(place: Place, agency: str = "") -> Actor:
    """The duty officer of the township, or of another agency."""
    unit = agency or place.township
    return place.actor(place.person("duty_officer", unit), "duty_officer", unit)


def enter(place: Place, actor: Actor, kind: str, about: str, name: str = "", **answer: Any) -> registers.Registered:
    entry: registers.Registered = place.act(registries.enter, actor, kind, about, answer, name, place.draft)
    return entry


def shown(place: Place, actor: Actor, kind: str, about: str = "", past: bool = False) -> list[dict[str, Any]]:
    with place.engine.look() as work:
        return registries.shown(work, actor, kind, about, past)


def due(place: Place, actor: Actor) -> list[tuple[str, str, str | None]]:
    with place.engine.look() as work:
        return [(one["kind"], one["about"], one["last_day"]) for one in registries.due(work, actor, place.draft)]


# -- who may, and where ------------------------------------------------------------------------------


def test_only_the_posts_that_a_kind_names_write_it_and_others_read_it(place: Place) -> None:
    part_time, chief = place.worker("part_time"), place.actor(place.person("checker", place.township), "checker")
    with pytest.raises(Forbidden):
        enter(place, chief, "insurance", part_time, **INSURED)
    enter(place, officer(place), "insurance", part_time, **INSURED)
    assert [one["about"] for one in shown(place, chief, "insurance")] == [part_time]
    assert shown(place, place.actor(place.person("handler", place.department("housing"))), "insurance") == []
    assert [one["about"] for one in shown(place, place.actor(part_time), "insurance")] == [part_time]
    assert shown(place, place.actor(place.worker()), "insurance") == []


def test_a_kind_belongs_to_the_levels_that_it_names(place: Place) -> None:
    with pytest.raises(Forbidden):
        enter(place, officer(place, place.county), "insurance", place.worker("part_time"), **INSURED)
    scheme: dict[str, Any] = {"cycle": "year", "subject": "workers", "indicators": ["走访 40%", "办结 60%"]}
    with pytest.raises(Forbidden):
        enter(place, officer(place), "evaluation_scheme", place.township, **scheme)
    assert enter(place, officer(place, place.county), "evaluation_scheme", place.county, **scheme).unit == place.county


def test_nobody_writes_about_what_lies_elsewhere(place: Place) -> None:
    held = {"part": "drill", "content": "演练"}
    with pytest.raises(Forbidden):
        enter(place, officer(place), "emergency_preparedness", place.county, **held)
    with pytest.raises(Forbidden):
        enter(place, officer(place), "insurance", place.person("checker", place.county), **INSURED)
    with pytest.raises(Forbidden):  # not a grid
        enter(place, officer(place), "team_member", place.township, capacity="volunteer", member_name="李四")
    enter(place, officer(place, place.county), "emergency_preparedness", place.township, **held)
    assert len(shown(place, officer(place, place.county), "emergency_preparedness", place.township)) == 1


def test_a_matter_is_written_about_by_who_sees_it(place: Place) -> None:
    case = place.report(place.worker(), title="楼道堆物")
    number = place.case(case).number
    stranger = place.actor(place.person("handler", place.department("housing")))
    with pytest.raises(NotFound):
        enter(place, stranger, "referral", number, target="mediation", referred_on="2026-03-02",
              their_number="调2026-1", referral_status="referred")  # fmt: skip
    entry = enter(place, officer(place), "deliberation", number, **DELIBERATED)
    assert (entry.case, entry.about) == (case, f"case/{case}")
    assert [one["answer"]["topic"] for one in shown(place, officer(place), "deliberation", number)] == [
        {"value": "楼道清理"}
    ]
    with pytest.raises(NotFound):
        shown(place, stranger, "deliberation", number)
    referred = {"target": "mediation", "referred_on": "2026-03-02", "their_number": "1", "referral_status": "referred"}
    enter(place, officer(place), "referral", number, **referred)
    assert len(shown(place, officer(place), "referral")) == 1
    assert shown(place, stranger, "referral") == []


def test_a_kind_of_another_place_does_not_exist_here(place: Place) -> None:
    with pytest.raises(NotFound) as caught:
        enter(place, officer(place), "worker_grade", place.worker(), grade=3, since="2026-03-02")
    assert caught.value.code == "registry.unknown"


# -- what is written ---------------------------------------------------------------------------------


def test_a_wrong_answer_is_refused_and_nothing_is_kept(place: Place) -> None:
    with pytest.raises(Invalid) as caught:
        enter(place, officer(place), "insurance", place.worker("part_time"), insured_from="gestern")
    assert {finding.element for finding in caught.value.findings} == {"insured_from", "insured_until", "insurer"}
    assert place.chain(f"insurance/{place.worker('part_time')}") == []


def test_what_people_say_is_never_in_the_register(place: Place) -> None:
    entry = enter(place, officer(place), "insurance", place.worker("part_time"), policy_number="P-77", **INSURED)
    assert entry.body == {
        "insured_from": "2026-01-01", "insured_until": "2026-12-31", "pack": place.pack.key, "record": 1,
    }  # fmt: skip
    assert "P-77" not in "".join(record.body for record in place.chain(entry.id))
    with place.engine.look() as work:
        assert records.verify(work.connection, entry.id) == []


def test_entries_stand_in_versions(place: Place) -> None:
    worker = place.worker("part_time")
    enter(place, officer(place), "personnel_file", worker, stage="trained", since="2026-03-02")
    place.now += timedelta(days=1)
    enter(place, officer(place), "personnel_file", worker, stage="on_duty", since="2026-03-03")
    assert [one["answer"]["stage"]["value"] for one in shown(place, officer(place), "personnel_file")] == ["on_duty"]
    past = shown(place, officer(place), "personnel_file", worker, past=True)
    assert [(one["answer"]["stage"]["value"], one["valid_from"]) for one in past] == [
        ("on_duty", "2026-03-03"), ("trained", "2026-03-02"),
    ]  # fmt: skip


def test_a_known_entry_is_changed_by_its_name_and_only_about_the_same(place: Place) -> None:
    member = {"capacity": "volunteer", "member_name": "李四"}
    first = enter(place, officer(place), "team_member", place.grid, **member)
    place.now += timedelta(minutes=1)
    second = enter(place, officer(place), "team_member", place.grid, **member)
    assert [entry.id for entry in (first, second)] == [f"team_member/{place.grid}-{number}" for number in (1, 2)]
    place.now += timedelta(minutes=1)
    name = first.id.partition("/")[2]
    enter(place, officer(place), "team_member", place.grid, name, capacity="mediator", member_name="李四")
    assert len(shown(place, officer(place), "team_member", place.grid)) == 2
    post = enter(place, officer(place), "personnel_file", place.worker(), stage="on_duty", since="2026-03-02")
    with pytest.raises(NotFound):
        enter(place, officer(place), "team_member", place.grid, post.id.partition("/")[2], **member)


def test_an_entry_ends_and_no_stranger_ends_it(place: Place) -> None:
    entry = enter(place, officer(place), "team_member", place.grid, capacity="volunteer", member_name="李四")
    name = entry.id.partition("/")[2]
    checker = place.actor(place.person("checker", place.township), "checker")
    with pytest.raises(Forbidden):
        place.act(registries.end, checker, "team_member", name, "搬走")
    drill = enter(
        place, officer(place, place.county), "emergency_preparedness", place.county, part="drill", content="…"
    )
    with pytest.raises(Forbidden):
        place.act(registries.end, officer(place), "emergency_preparedness", drill.id.partition("/")[2], "不再需要")
    place.act(registries.end, officer(place), "team_member", name, "搬走")
    place.now += timedelta(days=1)
    assert shown(place, officer(place), "team_member") == []


# -- masked, and shown for a reason ------------------------------------------------------------------


def test_what_is_of_a_class_is_masked_and_a_look_takes_admission(place: Place) -> None:
    who = officer(place)
    member = {"capacity": "volunteer", "member_name": "李四方", "member_contact": "13812345678"}
    name = enter(place, who, "team_member", place.grid, **member).id.partition("/")[2]
    answer = shown(place, who, "team_member")[0]["answer"]
    assert answer["capacity"] == {"value": "volunteer"}
    assert answer["member_contact"] == {"value": "138****78", "masked": True}

    def look(work: Work, actor: Actor, field: str = "member_contact") -> Any:
        return registries.reveal(work, actor, "team_member", name, field, "联系志愿者")

    with pytest.raises(Refused) as caught:
        place.act(look, who)
    assert caught.value.code == "access.not-admitted"
    with place.engine.work() as work:
        registers.put(work, FOUNDER, "grade", who.person, {"classes": ["sensitive"]}, area=who.area, unit=who.unit,
                      about=who.person)  # fmt: skip
    assert place.act(look, who) == "13812345678"
    with pytest.raises(NotFound):
        place.act(look, who, "capacity")
    with pytest.raises(NotFound):
        place.act(look, place.actor(place.person("handler", place.department("housing"))))
    look_on_record = place.chain(f"team_member/{name}")[-1]
    assert (look_on_record.kind, look_on_record.detail["field"]) == ("revealed", "member_contact")


def test_other_registers_of_the_name_are_not_shown(place: Place) -> None:
    with place.engine.work() as work:
        registers.put(work, FOUNDER, "resource", "x", {"secret": 1}, area=place.actor(place.worker()).area, unit="x")
    assert shown(place, officer(place), "resource") == []


# -- what is due -------------------------------------------------------------------------------------


def test_part_time_workers_without_valid_insurance_are_listed(place: Place) -> None:
    part_time = place.worker("part_time")
    assert ("insurance", part_time, None) in due(place, officer(place))
    enter(place, officer(place), "insurance", part_time, **INSURED)
    assert due(place, officer(place)) == []
    place.now = place.now.replace(month=12, day=31)
    assert due(place, officer(place)) == []
    place.now += timedelta(days=1)
    assert due(place, officer(place)) == [("insurance", part_time, "2026-12-31")]
    assert due(place, place.actor(place.worker())) == []


def test_under_the_draft_every_worker_is_insured_and_a_micro_grid_has_its_people(draft: Place) -> None:
    workers = {draft.worker(kind) for kind in ("full_time", "part_time", "grid_chief")}
    assert {about for kind, about, _ in due(draft, officer(draft)) if kind == "insurance"} == workers
    with draft.engine.work() as work:
        directory.put_unit(
            work.connection, "micro", kind="micro_grid", level="micro_grid", code=f"{draft.grid[1:]}01", name="第1微网格",
            parent=draft.grid, valid_from=draft.now.date(), by=FOUNDER, at=work.now,
        )  # fmt: skip
    for capacity in ("liaison", "volunteer"):
        enter(draft, officer(draft), "team_member", "micro", capacity=capacity, member_name="李四")
        draft.now += timedelta(minutes=1)
    assert ("team_member", "micro", None) in due(draft, officer(draft))
    enter(draft, officer(draft), "team_member", "micro", capacity="volunteer", member_name="王五")
    assert ("team_member", "micro", None) not in due(draft, officer(draft))


# -- what is summed up -------------------------------------------------------------------------------


def test_scores_are_averaged_by_worker_and_ratings_counted_by_department(place: Place) -> None:
    period: dict[str, Any] = {"year": 2026, "cycle": "month", "figures": "办结率"}
    for number, score in enumerate((80, 91), 1):
        enter(place, officer(place), "evaluation", place.worker(), number=number, score=score, **period)
        place.now += timedelta(minutes=1)
    with place.engine.look() as work:
        sums = registries.summed(work, officer(place), "evaluation")
    assert sums == [{"by": place.worker(), "entries": 2, "mean": 85.5, "counts": {}}]
    worker, housing = place.actor(place.worker()), place.department("housing")
    for rating in ("satisfied", "dissatisfied", "satisfied"):
        number = place.case(place.report(place.worker())).number
        enter(place, worker, "handling_rating", number, department=housing, rating=rating)
    with place.engine.look() as work:
        sums = registries.summed(work, officer(place), "handling_rating")
    assert sums == [{"by": housing, "entries": 3, "mean": None, "counts": {"satisfied": 2, "dissatisfied": 1}}]


def test_a_worker_puts_an_oral_demand_on_record(place: Place) -> None:
    """JS-16.3: what was demanded is there for who inspects, and whoever demanded it does not see it."""
    demand = {
        "demanded_by": "department", "demanding_unit": place.department("housing"), "manner": "oral",
        "reason": "unlawful", "demanded_on": "2026-03-02", "demand": "代为上门罚款",
    }  # fmt: skip
    enter(place, place.actor(place.worker()), "worker_refusal", place.grid, **demand)
    supervisor = place.actor(place.person("supervisor", place.county), "supervisor")
    assert [one["answer"]["reason"]["value"] for one in shown(place, supervisor, "worker_refusal")] == ["unlawful"]
    assert shown(place, place.actor(place.person("handler", place.department("housing"))), "worker_refusal") == []
