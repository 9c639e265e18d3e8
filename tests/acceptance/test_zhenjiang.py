"""Matters in Zhenjiang from discovery to archive, done by people of the right posts in a small city: what the city
regulation (ZJ) and the provincial measures (JS) say, seen through the verbs that everybody else uses too."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from engine import cases, directory, records, tables
from engine.casework import Ask
from engine.clock import Clock
from engine.directory import Actor
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from engine.iso8601 import ZONE
from engine.library import Pack
from engine.publishing import PACKS, publish, publish_year, read_calendars, read_folder
from engine.store import Store
from engine.work import Engine
from handlers import city, intake, messages
from handlers.city import FOUNDER, Plan
from handlers.registry import HANDLERS

MORNING = datetime(2026, 3, 2, 9, tzinfo=ZONE)
LAW, DRAFT = "zhenjiang/2026-01-01", "zhenjiang/2025-draft"
DEPARTMENTS = ("urban_management", "housing", "emergency_management")

GRID = "g321102001001001"
AGENCY, HIGHER, GOVERNMENT = "ga-c321102001", "ga-c321102", "gov-c321102001"
URBAN, HOUSING = "dep-c321102-urban_management", "dep-c321102-housing"

WORKER = f"w{GRID[1:]}-full_time"
PART_TIMER = f"w{GRID[1:]}-part_time"
CHIEF = f"w{GRID[1:]}-grid_chief"
TRIAGE, CHECKER, DUTY = f"{AGENCY}-1", f"{AGENCY}-2", f"{AGENCY}-3"

FOUND = {"matter_type": "corridor_clutter", "urgency": "ordinary", "area_kind": "urban"}


class Zhenjiang:
    """The city at work."""

    def __init__(self, store: Store) -> None:
        self.now = MORNING
        self.engine = Engine(store, HANDLERS, now=lambda: self.now)
        with self.engine.work() as work:
            for year in read_calendars():
                publish_year(work, year)
            for key in (LAW, DRAFT):
                publish(work, read_folder(PACKS / key))
            self.pack = work.library.pack(work.connection, LAW)
            self.drafted = work.library.pack(work.connection, DRAFT)
            city.found(work, Plan(counties=1, townships=1, grids=1, departments=DEPARTMENTS), self.pack)

    def actor(self, person: str, role: str = "") -> Actor:
        with self.engine.look() as work:
            return next(one for one in work.directory.actors(person) if role in ("", one.role))

    def report(self, person: str, way: str = "discovered", *, pack: str | None = None, **answer: Any) -> int:
        """Somebody brings a matter in."""
        form = (self.drafted if pack == DRAFT else self.pack).forms[way]
        given = {"way_in": way, "grid": GRID, "pack": pack, "answer": self.filled(form, {**FOUND, **answer})}
        with self.engine.work() as work:
            return intake.report(work, self.actor(person), given)

    def filled(self, form: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """An answer with words in every field that is wanted and only tells something."""
        told = {
            name: self.words(field)
            for name, field in form["properties"].items()
            if name in form["required"] and field["x-wangge"] == "record" and not field.get("readOnly")
        }
        return {**told, **{name: value for name, value in given.items() if name in form["properties"]}}

    def words(self, field: Mapping[str, Any]) -> Any:
        if "enum" in field:
            return field["enum"][0]
        if field.get("format") == "date-time":
            return self.now.isoformat()
        return self.now.date().isoformat() if field.get("format") == "date" else "（测试）" + field["title"]

    def steps(self, case: int) -> dict[str, list[Any]]:
        """The open steps that people answer, by node."""
        step = tables.step.c
        query = select(tables.step).where(step.case == case, step.status == "open").order_by(step.token)
        found: dict[str, list[Any]] = {}
        with self.engine.look() as work:
            for row in work.connection.execute(query):
                found.setdefault(row.node, []).append(row)
        return found

    def step(self, case: int, node: str, unit: str = "") -> Any:
        return next(row for row in self.steps(case)[node] if unit in ("", row.unit))

    def holder(self, row: Any) -> str:
        """Somebody whose post the step is."""
        with self.engine.look() as work:
            return work.directory.holders(row.role, row.unit)[0]

    def complete(self, case: int, node: str, *, by: str = "", unit: str = "", waiver: str = "", **answer: Any) -> str:
        """Answers a step; by the first who holds its post unless `by` names somebody. Returns who did it."""
        row = self.step(case, node, unit)
        person = by or self.holder(row)
        pack = self.case(case).pack
        with self.engine.work() as work:
            known = work.library.pack(work.connection, pack)
            actor = self.acting(person, row)
            cases.complete(work, actor, row.id, row.revision, self.filled(self.form(known, row), answer), waiver)
        return person

    def acting(self, person: str, row: Any) -> Actor:
        """The person in the post that the step asks for, if they have it."""
        with self.engine.look() as work:
            actors = work.directory.actors(person)
        return next((one for one in actors if (one.role, one.unit) == (row.role, row.unit)), actors[0])

    def form(self, pack: Pack, row: Any) -> Mapping[str, Any]:
        return pack.forms[{"inform_void": "inform"}.get(row.node, row.node)]

    def leave(self, case: int, node: str, code: str, person: str = "") -> None:
        """Leaves a step by another way (return, dispute, withdraw)."""
        row = self.step(case, node)
        answer = self.filled(self.pack.forms[code], {})
        with self.engine.work() as work:
            actor = self.acting(person or self.holder(row), row)
            cases.escalate(work, actor, row.id, row.revision, code, answer)

    def send(self, case: int, message: str, person: str, **answer: Any) -> None:
        with self.engine.work() as work:
            given = self.filled(self.pack.forms[message], answer)
            messages.send(work, self.actor(person), case, message, given)

    def dispatch(self, case: int, *units: str, **more: Any) -> None:
        duties = [{"unit": u, "duty": "co_handler" if n else "lead", "limit": "handle"} for n, u in enumerate(units)]
        self.complete(case, "triage", triage_outcome="dispatch", assignments=duties, **more)

    def dispatched(self, *units: str) -> int:
        """A found matter that departments have been given."""
        case = self.report(WORKER, matter_type="illegal_construction")
        self.complete(case, "verify", by=WORKER, verify_outcome="substantiated")
        self.complete(case, "escalate", by=WORKER)
        self.dispatch(case, *(units or (URBAN,)))
        return case

    def handle(self, case: int, unit: str = URBAN) -> None:
        self.complete(case, "accept", unit=unit)
        self.complete(case, "handle", unit=unit)
        self.complete(case, "feedback", unit=unit, handling_outcome="completed")

    def finish(self, case: int) -> None:
        self.complete(case, "check", check_outcome="passed")
        self.complete(case, "close", closing_kind="normal", solved=True)
        assert self.case(case).status == "archived"

    def case(self, case: int) -> Any:
        with self.engine.look() as work:
            return work.connection.execute(select(tables.case).where(tables.case.c.id == case)).one()

    def records(self, case: int) -> list[records.Record]:
        with self.engine.look() as work:
            return list(records.chain(work.connection, f"case/{case}"))

    def faults(self) -> list[Any]:
        with self.engine.look() as work:
            ids = work.connection.execute(select(tables.case.c.id)).scalars().all()
            verified = [fault for id in ids for fault in records.verify(work.connection, f"case/{id}")]
            return verified + [fault for id in ids for fault in records.proves(work.connection, id)]


@pytest.fixture
def town(store: Store) -> Iterator[Zhenjiang]:
    town = Zhenjiang(store)
    yield town
    assert town.faults() == []


# -- the whole way -----------------------------------------------------------------------------------


def test_a_matter_from_discovery_to_archive(town: Zhenjiang) -> None:
    """ZJ-13: verified, escalated, triaged, handled by a department, fed back, checked, closed, kept."""
    case = town.report(WORKER, matter_type="street_light_out")
    row = town.case(case)
    assert (row.pack, row.unit, row.way_in, row.matter_type) == (LAW, AGENCY, "discovered", "street_light_out")
    seen = [(row.status, WORKER)]

    def then(node: str, **answer: Any) -> None:
        person = town.complete(case, node, **answer)
        seen.append((town.case(case).status, person))

    then("verify", by=WORKER, verify_outcome="substantiated")
    then("escalate", by=WORKER)
    facts = town.case(case).state.decode()
    assert '"lead_department":"urban_management"' in facts  # what the table proposes
    then("triage", triage_outcome="dispatch", assignments=[{"unit": URBAN, "duty": "lead", "limit": "handle_simple"}])
    then("accept")
    assert town.step(case, "handle").due_at == datetime(2026, 3, 3, 18, tzinfo=ZONE)  # the limit triage chose
    then("handle")
    then("feedback", handling_outcome="completed")
    then("check", check_outcome="passed")
    then("close", closing_kind="normal", solved=True)
    assert seen == [
        ("to_verify", WORKER),
        ("to_escalate", WORKER),
        ("to_triage", WORKER),
        ("to_sign_for", TRIAGE),
        ("handling", f"{URBAN}-1"),
        ("to_feed_back", f"{URBAN}-2"),
        ("to_check", f"{URBAN}-2"),
        ("to_close", CHECKER),
        ("archived", DUTY),
    ]
    row = town.case(case)
    assert (row.outcome, row.closed_at, row.due_at) == ("archived", town.now, datetime(2026, 3, 30, 18, tzinfo=ZONE))
    assert all(record.post for record in town.records(case) if record.kind == "completed")
    assert [record.actor for record in town.records(case) if record.kind == "decided"] == ["", ""]


def test_nobody_does_what_is_anothers(town: Zhenjiang) -> None:
    case = town.dispatched()
    for stranger in (WORKER, TRIAGE, f"{URBAN}-2", f"{HOUSING}-1", f"{GOVERNMENT}-1"):
        with pytest.raises(Forbidden) as caught:
            town.complete(case, "accept", by=stranger)
        assert caught.value.code == "step.wrong-post"


def test_what_a_worker_handles_is_checked_by_the_agency(town: Zhenjiang) -> None:
    case = town.report(WORKER)
    town.complete(case, "verify", by=WORKER, verify_outcome="substantiated")
    assert town.case(case).status == "self_handling"
    town.complete(case, "self_handle", by=WORKER, self_handle_outcome="handled")
    assert town.step(case, "check").unit == AGENCY
    town.finish(case)


def test_lead_and_co_handlers_all_feed_back(town: Zhenjiang) -> None:
    case = town.dispatched(URBAN, HOUSING)
    town.handle(case, URBAN)
    assert "check" not in town.steps(case)
    town.handle(case, HOUSING)
    town.finish(case)


def test_what_a_department_returns_is_triaged_again(town: Zhenjiang) -> None:
    case = town.dispatched()
    due = town.case(case).due_at
    unit_due = unit_due_at(town, case)
    town.now += timedelta(hours=5)
    town.leave(case, "accept", "return")
    assert list(town.steps(case)) == ["triage"]
    town.dispatch(case, URBAN)
    town.leave(case, "accept", "withdraw", TRIAGE)
    town.dispatch(case, URBAN)
    assert town.case(case).due_at == due
    assert unit_due_at(town, case) == unit_due
    town.handle(case)
    town.finish(case)


def unit_due_at(town: Zhenjiang, case: int) -> datetime:
    """The clock of the department, over all its steps."""
    assignment = tables.assignment.c
    query = select(assignment.due_at).where(assignment.case == case, assignment.unit == URBAN)
    with town.engine.look() as work:
        due: datetime = work.connection.execute(query).scalar_one()
    return due


def test_rework_goes_back_to_the_same_department(town: Zhenjiang) -> None:
    case = town.dispatched()
    town.handle(case)
    with pytest.raises(Invalid):
        town.complete(case, "check", check_outcome="rework")
    again = [{"unit": URBAN, "duty": "lead", "limit": "rework"}]
    town.complete(case, "check", check_outcome="rework", assignments=again)
    town.handle(case)
    town.finish(case)


def test_the_agency_coordinates_or_asks_the_one_above(town: Zhenjiang) -> None:
    case = town.report(WORKER, matter_type="safety_hazard")
    town.complete(case, "verify", by=WORKER, verify_outcome="cannot_verify")
    town.complete(case, "escalate", by=WORKER)
    town.complete(case, "triage", triage_outcome="ask_higher")
    assert town.step(case, "coordinate_higher").unit == HIGHER
    town.complete(case, "coordinate_higher")
    town.complete(case, "triage", triage_outcome="coordinate")
    town.complete(case, "coordinate")
    town.finish(case)


def test_who_coordinated_does_not_check_without_a_reason(town: Zhenjiang) -> None:
    with town.engine.work() as work:
        directory.give_post(
            work.connection, "second", person=TRIAGE, unit=AGENCY, role="checker", valid_from=date(2026, 1, 1),
            roles={"checker": ("governance_agency",)}, by=FOUNDER, at=town.now,
        )  # fmt: skip
    case = town.report(WORKER, matter_type="safety_hazard")
    town.complete(case, "verify", by=WORKER, verify_outcome="substantiated")
    town.complete(case, "escalate", by=WORKER)
    town.complete(case, "triage", triage_outcome="coordinate")
    town.complete(case, "coordinate")
    with pytest.raises(Refused) as caught:
        town.complete(case, "check", by=TRIAGE, check_outcome="passed")
    assert caught.value.code == "step.same-person"
    town.complete(case, "check", by=TRIAGE, waiver="核查员休假", check_outcome="passed")
    town.complete(case, "close", closing_kind="normal", solved=True)


# -- ways in -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "person", "first", "unit"),
    [
        ("discovered", WORKER, "verify", GRID),
        ("patrol_found", WORKER, "verify", GRID),
        ("clue_pushed", TRIAGE, "verify", GRID),
        ("instruction_pushed", TRIAGE, "verify", GRID),
        ("request_received", WORKER, "verify", GRID),
        ("request_received", DUTY, "triage", AGENCY),
    ],
)
def test_each_way_in_begins_where_it_should(town: Zhenjiang, way: str, person: str, first: str, unit: str) -> None:
    channel: dict[str, Any] = {"channel": "platform", "has_requester": True} if way == "request_received" else {}
    case = town.report(person, way, instructing_unit=AGENCY, clue_source=AGENCY, patrol_task="p-1", **channel)
    assert {node: row[0].unit for node, row in town.steps(case).items()} == {first: unit}
    assert town.case(case).way_in == way


def test_only_a_worker_of_the_grid_reports_a_finding(town: Zhenjiang) -> None:
    with pytest.raises(Forbidden) as caught:
        town.report(TRIAGE)
    assert caught.value.code == "intake.not-worker"
    with pytest.raises(Forbidden) as caught:
        town.report(f"{GOVERNMENT}-1", "patrol_found", patrol_task="p-1")
    assert caught.value.code == "intake.not-worker"


def test_a_requester_is_told_before_anything_is_closed(town: Zhenjiang) -> None:
    """JS-29.2."""
    case = town.report(DUTY, "request_received", channel="hotline", has_requester=True, matter_type="pollution")
    town.dispatch(case, URBAN)
    town.handle(case)
    town.complete(case, "check", check_outcome="passed")
    assert (list(town.steps(case)), town.case(case).status) == (["inform"], "to_inform")
    informed = {"channel": "telephone", "informed_at": town.now.isoformat(), "content": "（测试）"}
    town.complete(case, "inform", inform_outcome="informed", **informed)
    town.complete(case, "close", closing_kind="normal", solved=True)
    assert town.case(case).status == "archived"


def test_a_day_before_the_regulation_has_no_law_to_go_by(town: Zhenjiang) -> None:
    with pytest.raises(Refused) as caught:
        town.report(WORKER, discovered_at="2025-12-31T23:59:00+08:00")
    assert caught.value.code == "pack.none-in-force"
    assert "2025-12-31" in caught.value.words.zh
    assert town.report(WORKER, discovered_at="2026-01-01T00:00:00+08:00")
    with pytest.raises(Invalid) as future:
        town.report(WORKER, discovered_at="2026-03-02T09:01:00+08:00")
    assert future.value.code == "intake.future"


def test_which_day_governs_is_a_reading_that_can_be_set_and_is_on_record(town: Zhenjiang) -> None:
    last_year = datetime(2025, 12, 31, 9, tzinfo=ZONE)
    with pytest.raises(Refused):
        town.report(WORKER, discovered_at=last_year.isoformat())
    with town.engine.work() as work:
        work.connection.execute(insert(tables.setting), {"key": "governing_day", "value": '"opening"'})
    case = town.report(WORKER, discovered_at=last_year.isoformat())
    assert town.case(case).pack == LAW
    with town.engine.look() as work:
        first = next(iter(records.chain(work.connection, f"case/{case}")))
    assert first.detail["governing_day"] == "opening"


def test_who_has_not_passed_the_training_does_no_step(town: Zhenjiang) -> None:
    """ZJ-23: a worker who was never trained holds the post and still may not act in it."""
    with town.engine.work() as work:
        directory.put_person(
            work.connection,
            "untrained",
            name="未培训网格员",
            worker_kind="full_time",
            valid_from=date(2026, 1, 1),
            by=FOUNDER,
            at=work.now,
            area="/32/3211/",
        )
        directory.give_post(
            work.connection,
            "untrained-1",
            person="untrained",
            unit=GRID,
            role="grid_worker",
            valid_from=date(2026, 1, 1),
            roles={"grid_worker": ("grid",)},
            by=FOUNDER,
            at=work.now,
        )
    case = town.report(WORKER)
    row = town.step(case, "verify")
    with town.engine.work() as work, pytest.raises(Refused) as refusal:
        cases.claim(work, town.actor("untrained"), row.id, row.revision)
    assert refusal.value.code == "person.not-trained"
    assert refusal.value.article == "ZJ-23"
    with town.engine.work() as work, pytest.raises(Refused) as refusal:
        cases.complete(work, town.actor("untrained"), row.id, row.revision, {})
    assert refusal.value.code == "person.not-trained"


def test_a_draft_carries_no_real_matter_but_serves_training(town: Zhenjiang) -> None:
    with pytest.raises(Refused) as caught:
        town.report(WORKER, pack=DRAFT)
    assert caught.value.code == "intake.draft"
    with town.engine.work() as work:
        work.connection.execute(insert(tables.setting), {"key": "training", "value": "true"})
        directory.put_unit(
            work.connection, "committee", kind="party_committee", level="township", code="PC1", name="党工委",
            parent="c321102001", valid_from=date(2026, 1, 1), by=FOUNDER, at=town.now,
        )  # fmt: skip
    case = town.report(WORKER, pack=DRAFT)
    assert town.case(case).pack == DRAFT
    town.complete(case, "verify", by=WORKER, verify_outcome="substantiated")
    assert town.steps(case)


# -- the list ----------------------------------------------------------------------------------------


def test_an_instruction_off_the_list_goes_back_with_its_record(town: Zhenjiang) -> None:
    """ZJ-10, JS-16.3: it never reaches the worker."""
    for matter_type, because in (
        ("other", "off_list"),
        ("illegal_construction", "enforcement"),
        ("worker_complaint", "not_for_workers"),
    ):
        case = town.report(TRIAGE, "instruction_pushed", instructing_unit=AGENCY, matter_type=matter_type)
        row = town.case(case)
        assert (row.status, row.outcome, town.steps(case)) == ("returned", "instruction_returned", {})
        opened, decided = town.records(case)
        assert (opened.actor, decided.kind, decided.actor) == (TRIAGE, "decided", "")
        assert decided.event is not None
        assert decided.event["facts"] == {"refused_because": because}


def test_a_finding_off_the_list_goes_to_the_agency(town: Zhenjiang) -> None:
    case = town.report(WORKER, matter_type="other")
    town.complete(case, "verify", by=WORKER, verify_outcome="substantiated")
    assert list(town.steps(case)) == ["escalate"]  # not self_handle
    town.complete(case, "escalate", by=WORKER)
    assert town.step(case, "triage").unit == AGENCY


def test_what_takes_enforcement_power_never_goes_to_a_worker(town: Zhenjiang) -> None:
    """JS-16.3(2), ZJ-10."""
    for matter_type, code in (("illegal_construction", "triage.enforcement"), ("other", "triage.off-list")):
        case = town.report(WORKER, matter_type=matter_type)
        town.complete(case, "verify", by=WORKER, verify_outcome="substantiated")
        assert "self_handle" not in town.steps(case)
        town.complete(case, "escalate", by=WORKER)
        before = town.case(case)
        with pytest.raises(Refused) as caught:
            town.dispatch(case, GRID)
        assert caught.value.code == code
        with pytest.raises(Refused) as caught:
            town.dispatch(case, URBAN, GRID)
        assert caught.value.code == code
        assert town.case(case) == before
        town.dispatch(case, URBAN)
        town.handle(case)
        again = [{"unit": GRID, "duty": "lead", "limit": "rework"}]
        with pytest.raises(Refused) as caught:
            town.complete(case, "check", check_outcome="rework", assignments=again)
        assert caught.value.code == code


def test_a_dispatch_names_units_that_exist_each_once(town: Zhenjiang) -> None:
    case = town.report(WORKER, matter_type="other")
    town.complete(case, "verify", by=WORKER, verify_outcome="substantiated")
    town.complete(case, "escalate", by=WORKER)
    with pytest.raises(Refused) as caught:
        town.dispatch(case, URBAN, URBAN)
    assert caught.value.code == "triage.unit-twice"
    with pytest.raises(NotFound):
        town.dispatch(case, "nowhere")
    with pytest.raises(Invalid):
        town.complete(case, "triage", triage_outcome="dispatch")


# -- disputes ----------------------------------------------------------------------------------------


def test_a_dispute_that_is_agreed(town: Zhenjiang) -> None:
    """ZJ-13.4: the agency coordinates first."""
    case = town.dispatched()
    town.leave(case, "accept", "dispute")
    assert (list(town.steps(case)), town.case(case).status, town.case(case).disputed) == (["mediate"], "disputed", True)
    assert town.complete(case, "mediate", mediate_outcome="agreed", decided_unit=HOUSING) == CHECKER
    assert (town.step(case, "accept").unit, town.case(case).disputed) == (HOUSING, False)
    town.handle(case, HOUSING)
    town.finish(case)


def test_a_dispute_that_the_government_decides(town: Zhenjiang) -> None:
    """ZJ-13.4: the government of the same level decides; that this binds is a product default."""
    case = town.dispatched()
    town.complete(case, "accept")
    town.leave(case, "handle", "dispute")
    town.complete(case, "mediate", mediate_outcome="failed")
    assert (town.step(case, "decide").unit, town.case(case).status) == (GOVERNMENT, "deciding")
    with pytest.raises(Forbidden):
        town.complete(case, "decide", by=CHECKER, decided_unit=HOUSING)
    assert town.complete(case, "decide", decided_unit=HOUSING) == f"{GOVERNMENT}-1"
    town.leave(case, "accept", "dispute")
    assert list(town.steps(case)) == ["accept"]  # nothing to mediate: it has been decided
    assert not town.case(case).disputed
    town.handle(case, HOUSING)
    town.finish(case)


def test_one_dispute_at_a_time(town: Zhenjiang) -> None:
    case = town.dispatched(URBAN, HOUSING)
    town.leave(case, "accept", "dispute")
    with pytest.raises(Refused) as caught:
        town.leave(case, "accept", "dispute")
    assert caught.value.code == "matter.disputed"


# -- emergencies -------------------------------------------------------------------------------------


def test_an_emergency_while_a_department_handles(town: Zhenjiang) -> None:
    """ZJ-14 and JS-30 together: a part-timer's report goes through the chief, the township handles and tells
    departments, the agency tells the government and assists; the department goes on."""
    case = town.dispatched()
    town.complete(case, "accept")
    town.send(case, "emergency", PART_TIMER, emergency_type="hazard")
    assert (town.case(case).emergency, town.case(case).status) == (True, "emergency")
    assert sorted(town.steps(case)) == ["chief_forwards", "handle"]
    assert town.complete(case, "chief_forwards") == CHIEF
    assert town.step(case, "report_to_township").unit == GRID
    town.complete(case, "report_to_township", by=WORKER)
    legs = {node: rows[0].unit for node, rows in town.steps(case).items()}
    assert legs == {
        "handle": URBAN,
        "township_handles": AGENCY,
        "report_to_departments": AGENCY,
        "assist": AGENCY,
        "report_to_government": AGENCY,
    }
    due = town.now + timedelta(minutes=30)
    assert {town.step(case, leg).due_at for leg in ("report_to_departments", "report_to_government")} == {due}
    town.complete(case, "handle")
    town.complete(case, "report_to_government")
    assert town.complete(case, "government_receipt") == f"{GOVERNMENT}-1"
    town.complete(case, "township_handles")
    town.complete(case, "report_to_departments")
    town.complete(case, "feedback", handling_outcome="completed")
    town.complete(case, "check", check_outcome="passed")
    with pytest.raises(Refused) as caught:
        town.complete(case, "close", closing_kind="normal", solved=True)
    assert caught.value.code == "matter.emergency"
    town.send(case, "emergency_lifted", DUTY)
    assert not town.case(case).emergency
    town.complete(case, "close", closing_kind="normal", solved=True)
    assert town.case(case).status == "archived"


def test_a_false_alarm_is_revoked_and_leaves_a_trace(town: Zhenjiang) -> None:
    case = town.dispatched()
    town.send(case, "emergency", WORKER, emergency_type="sudden_incident")
    assert list(town.steps(case)) == ["accept", "report_to_township"]
    town.complete(case, "report_to_township", by=WORKER)
    town.send(case, "emergency_revoked", DUTY)
    assert sorted(town.steps(case)) == ["accept", "report_revocation"]
    town.complete(case, "report_revocation")
    assert not town.case(case).emergency
    told = [record.detail.get("message") for record in town.records(case) if record.kind == "interrupted"]
    assert told == ["emergency", "emergency_revoked"]
    town.handle(case)
    town.finish(case)


def test_another_major_emergency_wants_a_description_and_a_leader(town: Zhenjiang) -> None:
    case = town.dispatched()
    with pytest.raises(Invalid):
        town.send(case, "emergency", WORKER, emergency_type="other_major")
    town.send(
        case, "emergency", WORKER, emergency_type="other_major", other_description="（测试）", confirmed_by="post-1"
    )


# -- supervision, voiding, time ----------------------------------------------------------------------


def test_a_supervised_department_owes_a_reply(town: Zhenjiang) -> None:
    """ZJ-13.3."""
    case = town.dispatched()
    with town.engine.work() as work:
        cases.supervise(work, town.actor(f"{AGENCY}-4"), case, URBAN, "请说明进展")
    row = town.step(case, "reply_supervision")
    assert (row.unit, row.due_at) == (URBAN, datetime(2026, 3, 4, 18, tzinfo=ZONE))
    with pytest.raises(Forbidden):
        town.complete(case, "reply_supervision", by=f"{HOUSING}-2")
    town.complete(case, "reply_supervision", by=f"{URBAN}-2")
    town.handle(case)
    town.finish(case)


def test_an_agency_that_is_late_can_answer_for_it_too(town: Zhenjiang) -> None:
    case = town.report(WORKER, matter_type="other")
    town.complete(case, "verify", by=WORKER, verify_outcome="substantiated")
    town.complete(case, "escalate", by=WORKER)
    town.now += timedelta(days=3)
    assert Clock(town.engine).run_once().announced > 0
    assert town.step(case, "reply_supervision").unit == AGENCY
    town.complete(case, "reply_supervision", by=TRIAGE)
    assert list(town.steps(case)) == ["triage"]


def test_a_matter_is_voided_by_request_and_the_requester_told(town: Zhenjiang) -> None:
    case = town.report(DUTY, "request_received", channel="platform", has_requester=True)
    with town.engine.work() as work:
        request = cases.ask(work, town.actor(TRIAGE), case, Ask("void", "重复登记"))
    with pytest.raises(Forbidden), town.engine.work() as work:
        cases.decide(work, town.actor(TRIAGE), request, True, "同意")
    with town.engine.work() as work:
        cases.decide(work, town.actor(DUTY, "duty_officer"), request, True, "同意")
    assert list(town.steps(case)) == ["inform_void"]
    informed = {"channel": "telephone", "informed_at": town.now.isoformat(), "content": "（测试）"}
    town.complete(case, "inform_void", inform_outcome="informed", **informed)
    row = town.case(case)
    assert (row.status, row.outcome) == ("voided", "voided_archived")


def test_two_receivers_of_one_department(town: Zhenjiang) -> None:
    case = town.dispatched()
    row = town.step(case, "accept")
    town.complete(case, "accept")
    with pytest.raises(Conflict) as caught, town.engine.work() as work:
        cases.complete(work, town.actor(f"{URBAN}-1"), row.id, row.revision, {"signed_by": "x"})
    assert isinstance(caught.value.details, dict)
    assert caught.value.details["by"] == f"{URBAN}-1"
