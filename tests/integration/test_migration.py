"""Running matters go over to another version, on both databases: what keeps its place keeps its row, its holder and its
due time; what cannot move stays and says why; a trial leaves no trace; going back puts everything as it was; whoever
is killed in the middle, each case moves once.

After each test the records of every case are verified and replayed: they must lead to the state that is stored.
"""

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from engine import cases, casework, migration, queries, records, signing, tables
from engine.casework import Ask
from engine.clock import Clock
from engine.directory import Actor
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Refused, Words
from engine.library import Pack, Role
from engine.limits import Limit
from engine.migration import Migrator
from engine.migration.moving import move
from engine.model import Fired, decode, encode, encode_sorted, replace
from engine.store import Store
from engine.work import MACHINE, Work
from tests.diagrams import bpmn, define
from tests.integration.test_cases import BRANCHES, DAY, HOUR, MATTER, WIDE, Scene
from tests.packs import _row, recorded, wait_until
from tests.strategies import Play
from tests.towns import AT, CITY, FORMS, LIMITS, NORTH, ROLES, SOUTH, _pack_row, form
from tests.versions import Pair, pairs

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW = "drawn/2026-01-01", "drawn/2026-02-01"

ADMINISTRATORS = {
    "designer": Role("designer", Words("设计", "designer"), permissions=("design",)),
    "publisher": Role("publisher", Words("审定", "publisher"), permissions=("design", "publish")),
}


class Moving(Scene):
    """The small city with two versions of a pack, an administrator, and a word for what the tests do."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store)
        self.engine.signing_key = folder / "signing.pem"
        self.migrator = Migrator(self.engine)

    def publish(
        self,
        key: str,
        text: str,
        *,
        limits: Mapping[str, Limit] | None = None,
        first: str = "2026-01-01",
        forms: Mapping[str, dict[str, Any]] | None = None,
    ) -> str:
        """A version whose matter is this diagram. The hash of the diagram."""
        definition = define(text)
        row = _pack_row(definition.digest)
        pack = replace(
            decode(row["body"], Pack),
            key=key,
            limits={"day": DAY, **LIMITS, **(limits or {})},
            forms={**FORMS, **WIDE, **(forms or {})},
            roles={**ROLES, **ADMINISTRATORS},
        )
        with self.store.transaction() as connection:
            known = connection.execute(
                select(func.count()).where(tables.definition.c.hash == definition.digest)
            ).scalar_one()
            if not known:
                connection.execute(insert(tables.definition), _row(definition, bpmn(text)))
            written = {**row, "key": key, "body": encode(pack), "in_force_from": first}
            connection.execute(insert(tables.pack), written)
        return definition.digest

    def versions(self, old: str, new: str, **more: Any) -> None:
        self.publish(OLD, old)
        self.publish(NEW, new, **more)

    def administrator(self, role: str = "publisher", area: str = CITY) -> Actor:
        return Actor("du", "post-du", role, "office", area)

    def prepare(self, old: str = OLD, new: str = NEW, area: str = "", by: Actor | None = None) -> int:
        actor = by or self.administrator()
        with self.engine.look() as work:
            foreseen = migration.foresee(work, actor, old, new, area)
        with self.engine.work() as work:
            return migration.prepare(work, actor, old, new, foreseen)

    def choose(self, id: int, node: str, to: str | None, process: str = "matter") -> None:
        with self.engine.look() as work:
            foreseen = migration.reconsider(work, self.administrator(), id, process, node, to)
        with self.engine.work() as work:
            migration.choose(work, self.administrator(), id, process, node, to, foreseen)

    def tell(self, verb: Any, id: int, by: Actor | None = None) -> None:
        with self.engine.work() as work:
            verb(work, by or self.administrator(), id)

    def carry_out(self, verb: Any, id: int) -> dict[str, Any]:
        self.tell(verb, id)
        self.migrator.run()
        return self.shown(id)

    def move(self, **more: Any) -> dict[str, Any]:
        """Prepares and carries out."""
        return self.carry_out(migration.start, self.prepare(**more))

    def shown(self, id: int) -> dict[str, Any]:
        with self.engine.look() as work:
            return migration.shown(work, self.administrator(), id)

    def cases_of(self, id: int) -> dict[str, dict[str, Any]]:
        """The cases of a migration by number."""
        with self.engine.look() as work:
            rows = migration.cases(work, self.administrator(), id, size=200)["rows"]
        return {row["matter"]: row for row in rows}

    def child(self) -> "subprocess.Popen[bytes]":
        """Another process that works on migrations."""
        url = self.store.url.render_as_string(hide_password=False)
        words = [sys.executable, "-c", CHILD, url, self.now.isoformat(), str(self.engine.signing_key)]
        return subprocess.Popen(words, cwd=ROOT)

    def wait_for_more(self, id: int, done: int, child: "subprocess.Popen[bytes]") -> None:
        wait_until(lambda: child.poll() is not None or self.progress(id) > done, 60)

    def progress(self, id: int) -> int:
        return int(self.shown(id)["progress"]["done"])

    def case_count(self) -> int:
        with self.engine.look() as work:
            return int(work.connection.execute(select(func.count()).select_from(tables.pack)).scalar_one())

    def faults_of(self, case: int) -> list[Any]:
        with self.engine.look() as work:
            found = records.verify(work.connection, f"case/{case}")
            return found or records.proves(work.connection, case)

    def played(self, pack: str, chance: random.Random) -> int:
        """A case of a version to which a few things happen by chance."""
        facts = {"x": chance.randrange(4), "items": [1, 2]}
        with self.engine.work() as work:
            opening = cases.Opening(pack, f"{NORTH}g1/", "north-agency", "t", work.now, facts=facts)
            case = cases.open_(work, self.actor("wang"), opening)
        for _ in range(chance.randrange(7)):
            self.pass_(minutes=chance.randrange(90))
            self.happen_by_chance(case, chance)
        return case

    def happen_by_chance(self, case: int, chance: random.Random) -> bool:
        """Something that a case waits for comes. False: it waits for nothing."""
        with self.engine.work() as work:
            taken = casework.take(work, case)
            play = Play.__new__(Play)
            play.definition, play.state, play.chance = taken.definition, taken.state, chance
            if taken.row["closed_at"] or not play.waiting:
                return False
            token = chance.choice(play.waiting)
            event = play.event_for(token, play.node(token))
            if isinstance(event, Fired):
                timer = self.timer(work, case, event.clock)
                self.town.now = max(self.now, timer.due_at)
                work.now = self.now
                return cases.fire_due(work, timer.id)
            taken.happen(MACHINE, "played", event, {}, {})
            taken.save()
            return True

    def timer(self, work: Work, case: int, clock: int) -> Any:
        timer = tables.timer.c
        query = select(tables.timer).where(timer.case == case, timer.clock == clock, timer.status == "waiting")
        return work.connection.execute(query).one()

    def goes_on(self, case: int, chance: random.Random) -> bool:
        """Whether a case comes to its end, or to an incident that a person has to see."""
        for _ in range(200):
            if not self.happen_by_chance(case, chance):
                break
            if self.case(case).closed_at is None and chance.random() < 0.1:
                with self.engine.work() as work:
                    cases.assign(work, self.actor("wang"), case, {"x": chance.randrange(3)}, "corrected")
        return self.case(case).closed_at is not None or bool(self.rows(tables.incident, case=case))

    def state(self, case: int) -> bytes:
        return encode_sorted(json.loads(self.case(case).state))

    def kept(self, case: int) -> dict[str, Any]:
        """Everything beside the records that must be the same after going there and back."""
        row = self.case(case)._asdict()
        for name in ("state", "revision", "head", "records", "active_at"):
            del row[name]
        timers = [(t.clock, t.node, t.due_at, t.period) for t in self.rows(tables.timer, case=case, status="waiting")]
        steps = [s._asdict() for s in self.rows(tables.step, case=case, status="open")]
        for step in steps:
            del step["revision"]
        assignments = [a._asdict() for a in self.rows(tables.assignment, case=case)]
        return {"case": row, "state": self.state(case), "timers": timers, "steps": steps, "assignments": assignments}


@pytest.fixture
def moving(store: Store, tmp_path: Path) -> Iterator[Moving]:
    moving = Moving(store, tmp_path)
    yield moving
    assert moving.faults() == []


WITH_TIMER = """
    start s
    user verify role=worker unit=grid form=verify limit=day status=to_verify
    boundary late on=verify interrupting=no timer=PT10H
    user remind role=officer unit=agency form=check limit=day status=to_check
    end reminded
    late -> remind
    remind -> reminded
    user triage role=officer unit=agency form=triage limit=day status=to_triage
    end e
    s -> verify
    verify -> triage
    triage -> e
"""


REDRAWN = (
    MATTER.replace("user triage ", "user sort ")
    .replace("-> triage", "-> sort")
    .replace("triage ->", "sort ->")
    .replace("form=triage", "form=verify")
    .replace("found -> verify", "user register role=worker unit=grid form=check\n    found -> register\n"
             "    register -> verify")
)  # fmt: skip
"""A step comes before all others, so that no past leads through; and `triage` is another step now."""


# -- what keeps its place ----------------------------------------------------------------------------


def test_a_step_keeps_its_row_its_holder_and_its_due_time(moving: Moving) -> None:
    later = (
        MATTER.replace("user verify role=worker", 'user verify name="上门核实" role=worker')
        .replace(
            "user check role=officer unit=agency form=check status=to_check",
            "user audit role=officer unit=agency form=check status=to_check\n    user check role=officer unit=agency "
            "form=check status=to_check",
        )
        .replace("handle -> check", "handle -> audit\n    audit -> check")
    )
    moving.versions(MATTER, later, limits={"day": replace(DAY, amount=5)})
    case = moving.open()
    moving.act(cases.claim, "wang", moving.step(case, "verify"))
    before = moving.step(case, "verify")
    moving.pass_(hours=3)
    shown = moving.move()
    assert (shown["status"], shown["counts"]["moved"], shown["counts"]["stays"]) == ("done", 1, 0)
    after, row = moving.step(case, "verify"), moving.case(case)
    assert (after.id, after.token, after.person, after.name) == (before.id, before.token, "wang", "上门核实")
    assert (after.due_at, after.clock, after.opened_at) == (before.due_at, before.clock, before.opened_at)
    assert after.revision == before.revision + 1  # whoever has the old form on the screen has to look again
    assert (row.pack, row.active_at) == (NEW, AT)
    moving.complete("wang", case, "verify", opinion="属实")
    moving.complete("ou", case, "triage", department="water")
    moving.complete("han", case, "handle", result="好")
    assert moving.step(case, "audit").due_at is None
    moving.complete("ou", case, "audit")
    moving.complete("ou", case, "check")
    assert moving.case(case).closed_at is not None
    (record,) = recorded(moving.engine, case, "migrated")
    assert (record.actor, record.cause, record.detail["to"]) == ("", f"migration/{shown['id']}", NEW)


def test_who_can_no_longer_hold_a_step_loses_it_and_gets_it_back(moving: Moving) -> None:
    later = MATTER.replace("user verify role=worker unit=grid", "user verify role=officer unit=agency")
    moving.versions(MATTER, later)
    case = moving.open()
    moving.act(cases.claim, "wang", moving.step(case, "verify"))
    before = moving.kept(case)
    id = moving.move()["id"]
    step = moving.step(case, "verify")
    assert (step.role, step.unit, step.person, step.due_at) == ("officer", "north-agency", None, AT + 24 * HOUR)
    assert moving.carry_out(migration.undo, id)["status"] == "undone"
    assert moving.kept(case) == before


def test_timers_run_on_new_ones_count_from_when_the_step_began_and_old_ones_are_cancelled(moving: Moving) -> None:
    later = WITH_TIMER.replace("boundary late on=verify interrupting=no timer=PT10H",
                               "boundary late on=verify interrupting=no timer=PT50H\n"
                               "    boundary soon on=verify interrupting=no timer=PT4H").replace(
        "late -> remind", "late -> remind\n    soon -> remind")  # fmt: skip
    moving.versions(WITH_TIMER, later)
    case = moving.open()
    before = moving.kept(case)
    moving.pass_(hours=5)
    id = moving.move()["id"]
    waiting = {t.node: t.due_at for t in moving.rows(tables.timer, case=case, status="waiting")}
    assert waiting == {"late": AT + 10 * HOUR, "soon": AT + 4 * HOUR}
    moving.carry_out(migration.undo, id)
    assert moving.kept(case) == before
    assert [t.status for t in moving.rows(tables.timer, case=case)] == ["waiting", "cancelled"]
    other = moving.move(old=OLD, new=NEW)["id"]
    assert moving.fire() == 1
    assert sorted(moving.steps(case)) == ["remind", "verify"]
    shown = moving.carry_out(migration.undo, other)
    assert (shown["counts"]["kept"], shown["reasons"][0]["code"]) == (1, "migration.moved-on")


def test_a_timer_that_is_no_more_is_cancelled_and_one_that_has_fired_does_not_fire_again(moving: Moving) -> None:
    without = """
        start s
        user verify role=worker unit=grid form=verify limit=day status=to_verify
        user triage role=officer unit=agency form=triage limit=day status=to_triage
        end e
        s -> verify
        verify -> triage
        triage -> e
    """
    moving.publish(OLD, WITH_TIMER)
    moving.publish(NEW, without)
    moving.publish("drawn/2026-02-15", WITH_TIMER.replace("user triage", 'user triage name="分流"'))
    running, fired = moving.open(), moving.open()
    before = moving.kept(running)
    moving.pass_(hours=11)
    with moving.engine.work() as work:
        cases.fire_due(work, moving.rows(tables.timer, case=fired)[0].id)
    there = moving.move()
    assert {c: row["status"] for c, row in moving.cases_of(there["id"]).items()} == {
        f"2026-{running:06d}": "moved", f"2026-{fired:06d}": "stays",
    }  # fmt: skip
    assert moving.rows(tables.timer, case=running, status="waiting") == []
    assert moving.cases_of(there["id"])[f"2026-{fired:06d}"]["reason"]["code"] == "migration.no-place"
    moving.carry_out(migration.undo, there["id"])
    assert moving.kept(running) == before
    moving.move(new="drawn/2026-02-15")
    assert moving.rows(tables.timer, case=fired, status="waiting") == []
    assert [t.node for t in moving.rows(tables.timer, case=running, status="waiting")] == ["late"]


def test_a_branch_that_is_new_opens_with_its_limit_from_now(moving: Moving) -> None:
    later = """
        start s
        user verify role=worker unit=grid form=verify limit=day status=to_verify
        parallel fork
        user triage role=officer unit=agency form=triage limit=day status=to_triage
        user photo role=handler unit="'water'" form=handle limit=day status=handling
        parallel join
        end e
        s -> verify
        verify -> fork
        fork -> triage
        fork -> photo
        triage -> join
        photo -> join
        join -> e
    """
    moving.versions(WITH_TIMER.split("boundary", maxsplit=1)[0] + WITH_TIMER.split("remind -> reminded")[1], later)
    waits, verified = moving.open(), moving.open()
    moving.complete("wang", verified, "verify", opinion="属实")
    before = moving.kept(verified)
    moving.pass_(hours=2)
    id = moving.move()["id"]
    assert list(moving.steps(waits)) == ["verify"]
    steps = moving.steps(verified)
    assert {node: step.due_at for node, step in steps.items()} == {"triage": AT + 24 * HOUR, "photo": AT + 26 * HOUR}
    assert moving.cases_of(id)[f"2026-{verified:06d}"]["reason"] == {"how": "path"}
    moving.carry_out(migration.undo, id)
    assert moving.kept(verified) == before
    moving.move()
    moving.complete("han", verified, "photo", result="好")
    moving.complete("ou", verified, "triage", department="water")
    assert moving.case(verified).closed_at is not None


def test_branches_move_together_or_stay(moving: Moving) -> None:
    without_b = """
        start s
        user a role=handler unit="'water'" form=handle status=handling
        user check role=officer unit=agency form=check status=to_check
        end e
        s -> a
        a -> check
        check -> e
    """
    moving.versions(BRANCHES, without_b)
    both, joined, at_check = moving.open(), moving.open(), moving.open()
    moving.complete("han", joined, "a", result="好")
    moving.complete("han", at_check, "a", result="好")
    moving.complete("ren", at_check, "b", result="好")
    before = {case: moving.kept(case) for case in (both, joined)}
    shown = moving.move()
    listed = moving.cases_of(shown["id"])
    assert {int(number[-6:]): row["status"] for number, row in listed.items()} == {
        both: "stays", joined: "stays", at_check: "moved",
    }  # fmt: skip
    assert {case: moving.kept(case) for case in (both, joined)} == before
    assert (shown["counts"]["stays"], shown["counts"]["moved"]) == (2, 1)
    moving.complete("ou", at_check, "check")
    assert moving.case(at_check).closed_at is not None


def test_a_step_put_into_a_sub_process_takes_its_unit_s_clock_along(moving: Moving) -> None:
    later = MATTER.replace(
        """    user handle role=handler unit=department form=handle limit=day status=handling
    boundary back on=handle escalation=return
    boundary taken on=handle escalation=withdraw
""", """    sub work {
        start begun
        user handle role=handler unit=department form=handle limit=day status=handling
        end worked
        begun -> handle
        handle -> worked
    }
    boundary back on=work escalation=return
    boundary taken on=work escalation=withdraw
""").replace("triage -> handle", "triage -> work").replace("handle -> check", "work -> check")  # fmt: skip
    moving.versions(MATTER, later)
    case = moving.handling()
    before = moving.kept(case)
    id = moving.move()["id"]
    water = next(a for a in moving.rows(tables.assignment, case=case) if a.unit == "water")
    assert (water.track, water.status) == ("main/work", "handling")
    moving.carry_out(migration.undo, id)
    assert moving.kept(case) == before
    moving.move()
    moving.act(cases.return_, "han", moving.step(case, "handle"), {"reason": "不属我单位"})
    assert list(moving.steps(case)) == ["triage"]


def test_what_was_hidden_stays_hidden_under_a_version_that_would_show_it(moving: Moving) -> None:
    bare = form(["reason"], reason={"type": "string"}, requester={"type": "string"})
    moving.publish(OLD, MATTER)
    moving.publish(NEW, MATTER.replace("user check", 'user check name="核查"'), forms={"return": bare})
    case = moving.handling()
    moving.act(cases.return_, "han", moving.step(case, "handle"), {"reason": "不属我单位", "requester": "张三丰"})
    moving.move()
    with moving.engine.look() as work:
        told = queries.timeline(work, moving.actor("ou"), case)
    shown = [record["said"]["requester"] for record in told if "requester" in record["said"]]
    assert [(one["value"], one["masked"]) for one in shown] == [("张**", True)]


def test_a_timeline_names_the_steps_that_only_the_version_before_had(moving: Moving) -> None:
    named = MATTER.replace("user verify", 'user verify name="现场核实"')
    moving.publish(OLD, named)
    moving.publish(NEW, named.replace("verify", "look"))
    case = moving.open()
    moving.complete("wang", case, "verify", opinion="属实")
    moving.move()
    with moving.engine.look() as work:
        told = queries.timeline(work, moving.actor("ou"), case)
    assert "现场核实" in [one["node"] for one in told if one["kind"] == "completed"]


# -- what stays, and says why ------------------------------------------------------------------------


def test_a_node_that_is_gone_wants_a_choice_and_a_change_of_it_wants_another_trial(moving: Moving) -> None:
    moving.versions(MATTER, REDRAWN)
    gone, _ = moving.open(), moving.open()
    moving.complete("wang", gone, "verify", opinion="属实")
    id = moving.prepare()
    rows = {row["from"]: row for row in moving.shown(id)["mapping"]}
    assert (rows["triage"]["to"], rows["triage"]["ground"], rows["triage"]["choose"]) == (None, "none", 1)
    assert (rows["verify"]["to"], rows["verify"]["ground"], rows["verify"]["movable"]) == ("verify", "same_id", 1)
    assert {"sort", "check"} <= {one["node"] for one in rows["triage"]["choices"]}
    shown = moving.carry_out(migration.trial, id)
    assert (shown["status"], shown["counts"]["movable"], shown["counts"]["stays"]) == ("prepared", 1, 1)
    assert shown["reasons"][0]["code"] == "migration.no-place"
    with pytest.raises(Refused) as caught:
        moving.choose(id, "triage", "done")
    assert caught.value.code == "migration.other-kind"
    for process, node, to in (("matter", "nothing", "sort"), ("nothing", "triage", "sort")):
        with pytest.raises(Invalid):
            moving.choose(id, node, to, process)
    moving.choose(id, "triage", "sort")
    shown = moving.shown(id)
    row = next(row for row in shown["mapping"] if row["from"] == "triage")
    assert (row["to"], row["ground"], row["movable"]) == ("sort", "chosen", 1)
    assert shown["counts"]["waiting"] == 2  # what was tried before counts no more
    shown = moving.carry_out(migration.start, id)
    assert (shown["counts"]["moved"], shown["counts"]["stays"]) == (2, 0)
    assert list(moving.steps(gone)) == ["sort"]


def test_what_is_chosen_to_stay_stays(moving: Moving) -> None:
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    case = moving.open()
    id = moving.prepare()
    moving.choose(id, "verify", "")
    shown = moving.carry_out(migration.start, id)
    assert (shown["counts"]["stays"], shown["reasons"][0]["code"]) == (1, "migration.chosen-to-stay")
    assert moving.case(case).pack == OLD


def test_an_unlawful_change_of_status_keeps_the_case_where_it_is(moving: Moving) -> None:
    later = MATTER.replace("form=verify limit=day status=to_verify", "form=verify limit=day status=to_archive")
    moving.versions(MATTER, later)
    case = moving.open()
    before = moving.kept(case)
    shown = moving.move()
    assert shown["counts"]["stays"] == 1
    assert moving.kept(case) == before
    assert moving.kinds(case) == ["opened"]


def test_a_process_that_is_gone_and_a_closed_case(moving: Moving) -> None:
    moving.versions(WITH_TIMER, MATTER)
    case = moving.open()
    id = moving.prepare()
    moving.complete("wang", case, "verify", opinion="属实")
    moving.complete("ou", case, "triage", department="water")
    shown = moving.carry_out(migration.start, id)
    assert [one["code"] for one in shown["reasons"]] == ["migration.closed"]


def test_what_the_records_do_not_prove_does_not_move(store: Store, tmp_path: Path) -> None:
    moving = Moving(store, tmp_path)
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    case = moving.open()
    with store.transaction() as connection:
        forged = moving.case(case).state.replace(b'"north-agency"', b'"water"')
        connection.execute(update(tables.case).where(tables.case.c.id == case).values(state=forged))
    shown = moving.move()
    assert (shown["counts"]["stays"], shown["reasons"][0]["code"]) == (1, "migration.unproven")
    assert [fault.rule for fault in moving.faults()] == ["record.state"]


# -- a trial, the report, permissions ----------------------------------------------------------------


def test_a_trial_leaves_no_trace(moving: Moving) -> None:
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    moving.open()
    moving.handling()
    id = moving.prepare()
    moving.tell(migration.trial, id)
    before = moving.everything()
    moving.migrator.run()
    after = moving.everything()
    told = {"migration", "migration_case", "record"}
    assert {name: rows for name, rows in after.items() if name not in told} == {
        name: rows for name, rows in before.items() if name not in told
    }
    assert moving.shown(id)["counts"]["movable"] == 2
    assert len(after["record"]) == len(before["record"]) + 1  # that the trial has ended


def test_the_report_is_signed_and_says_who_stays(moving: Moving) -> None:
    moving.versions(MATTER, REDRAWN)
    stays, moves = moving.open(), moving.open()
    moving.complete("wang", stays, "verify", opinion="属实")
    id = moving.prepare()
    with pytest.raises(NotFound), moving.engine.look() as work:
        migration.report(work, moving.administrator(), id)
    moving.carry_out(migration.start, id)
    with moving.engine.look() as work:
        told = migration.report(work, moving.administrator(), id)["migration"]
        assert signing.fault(work.connection, encode(told).decode(), {"migration": id}) is None
        forged = {**told, "signed": {**told["signed"], "counts": {}}}
        assert signing.fault(work.connection, encode(forged).decode(), {}) is not None
    assert (told["signed"]["counts"]["moved"], told["signed"]["counts"]["stays"]) == (1, 1)
    assert [one["matter"] for one in told["signed"]["stays"]] == [f"2026-{stays:06d}"]
    with moving.engine.look() as work:
        kinds = [record.kind for record in records.chain(work.connection, f"migration/{id}")]
    assert kinds == ["prepared", "started", "ended"]
    assert moving.case(moves).pack == NEW


def test_who_may_do_what_and_where(moving: Moving) -> None:
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    moving.open()
    id = moving.prepare(by=moving.administrator("designer"), area=NORTH)
    for verb in (migration.start, migration.undo, migration.resume):
        with pytest.raises(Forbidden):
            moving.tell(verb, id, moving.administrator("designer"))
    with pytest.raises(Forbidden):
        moving.tell(migration.trial, id, moving.actor("ou"))
    with pytest.raises(NotFound):
        moving.tell(migration.start, id, moving.administrator(area=SOUTH))
    with moving.engine.look() as work:
        assert migration.listed(work, moving.administrator(area=SOUTH)) == []
        assert [one["id"] for one in migration.listed(work, moving.administrator(area=NORTH))] == [id]
    with pytest.raises(Invalid):
        moving.prepare(by=moving.administrator(area=SOUTH), area=NORTH)
    with pytest.raises(Invalid):
        moving.prepare(new=OLD)
    with pytest.raises(Conflict):
        moving.tell(migration.resume, id)


def test_only_cases_of_the_area_move(moving: Moving) -> None:
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    north = moving.open()
    with moving.engine.work() as work:
        facts = {"grid": "south-grid", "agency": "south-agency", "department": "water"}
        opening = cases.Opening(OLD, f"{SOUTH}g2/", "south-agency", "路灯", work.now, facts=facts)
        south = cases.open_(work, moving.actor("shi"), opening)
    moving.move(area=NORTH)
    assert (moving.case(north).pack, moving.case(south).pack) == (NEW, OLD)


def test_a_version_that_is_not_in_force_yet_takes_no_case(moving: Moving) -> None:
    moving.publish(OLD, MATTER)
    moving.publish(NEW, MATTER.replace("user check", 'user check name="核查"'), first="2026-02-01")
    with moving.store.transaction() as connection:
        pack = decode(connection.execute(select(tables.pack.c.body).where(tables.pack.c.key == NEW)).scalar_one(), Pack)
        later = replace(pack, key="drawn/2027-01-01", in_force_from=AT.date().replace(year=2027))
        row = {"key": later.key, "place": "test", "area": CITY, "force": "law", "in_force_from": "2027-01-01"}
        connection.execute(insert(tables.pack), {**row, "hash": "", "body": encode(later), "published_at": AT})
    id = moving.prepare(new="drawn/2027-01-01")
    with pytest.raises(Refused) as caught:
        moving.tell(migration.start, id)
    assert caught.value.code == "migration.not-in-force"


# -- others at work, stopping, going on --------------------------------------------------------------


def test_a_case_that_moved_on_since_the_trial_is_tried_afresh(moving: Moving) -> None:
    moving.versions(MATTER, REDRAWN)
    first, second = moving.open(), moving.open()
    id = moving.prepare()
    assert moving.carry_out(migration.trial, id)["counts"]["movable"] == 2
    moving.complete("wang", first, "verify", opinion="属实")
    late = moving.open()
    shown = moving.carry_out(migration.start, id)
    assert {int(n[-6:]): row["status"] for n, row in moving.cases_of(id).items()} == {
        first: "stays", second: "moved", late: "moved",
    }  # fmt: skip
    assert shown["reasons"][0]["code"] == "migration.no-place"


def test_it_stops_and_goes_on(moving: Moving) -> None:
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    numbers = [moving.open() for _ in range(5)]
    id = moving.prepare()
    moving.tell(migration.start, id)
    assert moving.migrator.run_once(limit=2) == 2
    with pytest.raises(Conflict):
        moving.prepare()
    (running,) = moving.rows(tables.migration)
    moving.tell(migration.stop, id)
    assert moving.migrator.run() == 0
    assert moving.migrator.work_on(running._asdict(), 10) == 0  # stopped after it was looked for
    shown = moving.shown(id)
    assert (shown["status"], shown["progress"]) == ("stopped", {"done": 2, "of": 5})
    shown = moving.carry_out(migration.resume, id)
    assert (shown["status"], shown["counts"]["moved"]) == ("done", 5)
    assert all(moving.kinds(case) == ["opened", "migrated"] for case in numbers)


def test_several_at_once_move_each_case_once(moving: Moving) -> None:
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    numbers = [moving.open() for _ in range(12)]
    id = moving.prepare()
    moving.tell(migration.start, id)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: Migrator(moving.engine).run(), range(3)))
    assert all(moving.kinds(case) == ["opened", "migrated"] for case in numbers)
    assert moving.shown(id)["status"] == "done"
    moving.tell(migration.undo, id)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: Migrator(moving.engine).run(), range(3)))
    assert all(moving.kinds(case) == ["opened", "migrated", "migration-undone"] for case in numbers)


def test_a_clock_that_beats_carries_it_out(moving: Moving) -> None:
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    case = moving.open()
    moving.tell(migration.start, moving.prepare())
    clock = Clock(moving.engine, timedelta(milliseconds=50))
    clock.start()
    try:
        wait_until(lambda: moving.case(case).pack == NEW)
    finally:
        clock.stop()


def test_what_goes_wrong_in_one_case_stops_no_other(moving: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    bad, good = moving.open(), moving.open()

    def failing(work: Any, id: int, *rest: Any) -> Any:
        if id == bad:
            raise ZeroDivisionError
        return move(work, id, *rest)

    monkeypatch.setattr("engine.migration.background.move", failing)
    shown = moving.move()
    assert (moving.case(bad).pack, moving.case(good).pack) == (OLD, NEW)
    assert shown["reasons"][0]["code"] == "migration.failed"


# -- going back --------------------------------------------------------------------------------------


def test_what_moved_on_stays_and_what_was_only_signed_for_goes_back(moving: Moving) -> None:
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    idle, claimed, acted, stopped = (moving.open() for _ in range(4))
    states = {case: moving.state(case) for case in (idle, claimed)}
    id = moving.move()["id"]
    moving.act(cases.claim, "wang", moving.step(claimed, "verify"))
    moving.complete("wang", acted, "verify", opinion="属实")
    moving.suspend(stopped)
    shown = moving.carry_out(migration.undo, id)
    assert (shown["status"], shown["counts"]["undone"], shown["counts"]["kept"]) == ("undone", 2, 2)
    assert {one["code"] for one in shown["reasons"]} == {"migration.moved-on", "migration.stood-still"}
    assert {case: moving.state(case) for case in (idle, claimed)} == states
    assert moving.step(claimed, "verify").person == "wang"
    assert [moving.case(case).pack for case in (idle, claimed, acted, stopped)] == [OLD, OLD, NEW, NEW]
    with moving.engine.look() as work:
        assert migration.report(work, moving.administrator(), id).keys() == {"migration", "undo"}


def test_a_suspended_case_and_one_with_a_request_move(moving: Moving) -> None:
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    case, asking = moving.handling(), moving.handling()
    moving.suspend(case)
    asked = Ask("extension", "r", moving.step(asking, "handle").id, amount=6, unit="natural_hour")
    request = moving.do(cases.ask, "han", asking, asked)
    moving.pass_(hours=5)
    moving.move()
    moving.resume(case)
    moving.do(cases.decide, "ou", request, True, "同意")
    assert moving.step(case, "handle").due_at == AT + 29 * HOUR
    assert moving.step(asking, "handle").due_at == AT + 30 * HOUR


def test_what_was_taken_out_goes_on_where_the_past_leads(moving: Moving) -> None:
    without = MATTER.replace("    user triage role=officer unit=agency form=triage limit=day status=to_triage\n", "")
    without = without.replace("verify -> triage\n    triage -> handle", "verify -> handle").replace(
        "-> triage", "-> verify"
    )
    moving.versions(MATTER, without)
    case = moving.open()
    moving.complete("wang", case, "verify", opinion="属实")
    before = moving.kept(case)
    id = moving.prepare()
    (row,) = moving.shown(id)["mapping"]
    assert (row["from"], row["to"], row["ground"], row["movable"]) == ("triage", "handle", "path", 1)
    moving.carry_out(migration.start, id)
    step = moving.step(case, "handle")
    assert (step.id, step.unit, step.due_at) == (before["steps"][0]["id"], "water", before["steps"][0]["due_at"])
    moving.carry_out(migration.undo, id)
    assert moving.kept(case) == before


# -- any versions, any cases -------------------------------------------------------------------------


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(pair=pairs(size=7, changes=3), seeds=st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_whatever_is_redrawn_nothing_is_lost_there_and_back(moving: Moving, pair: Pair, seeds: list[int]) -> None:
    """Every case either moved, with each of its open steps, or is listed with a reason; what is recorded proves what is
    stored; going back gives the very state; and after moving again a case goes on to its end."""
    number = moving.case_count()
    old, new = f"drawn/a{number}", f"drawn/b{number}"
    moving.publish(old, pair.old)
    moving.publish(new, pair.new)
    started = [moving.played(old, random.Random(seed)) for seed in seeds]
    open_ = [case for case in started if moving.case(case).closed_at is None]
    before = {case: moving.kept(case) for case in open_}
    id = moving.move(old=old, new=new)["id"]
    listed = {int(number[-6:]): row for number, row in moving.cases_of(id).items()}
    assert listed.keys() == set(open_)
    for case, row in listed.items():
        after = moving.kept(case)
        assert row["status"] in ("moved", "stays")
        if row["status"] == "stays":
            assert row["reason"]["zh"]
            assert after == before[case]
            continue
        steps = {step["id"]: step for step in after["steps"]}
        for step in before[case]["steps"]:
            same = ("token", "due_at", "clock", "opened_at", "person")
            assert {n: steps[step["id"]][n] for n in same} == {n: step[n] for n in same}
        assert after["case"]["due_at"] == before[case]["case"]["due_at"]
    assert [fault for case in open_ for fault in moving.faults_of(case)] == []
    moved = [case for case, row in listed.items() if row["status"] == "moved"]
    shown = moving.carry_out(migration.undo, id)
    assert shown["counts"]["undone"] == len(moved)
    assert {case: moving.kept(case) for case in open_} == before
    assert [fault for case in open_ for fault in moving.faults_of(case)] == []
    again = moving.move(old=old, new=new)
    assert again["counts"]["moved"] == len(moved)
    for case in moved:
        assert moving.goes_on(case, random.Random(case))
    assert [fault for case in moved for fault in moving.faults_of(case)] == []


# -- killed in the middle ----------------------------------------------------------------------------

CHILD = """
import sys
from datetime import datetime
from pathlib import Path
from engine.migration import Migrator
from engine.store import Store
from engine.work import MACHINE, Work
from engine.work import Engine
from handlers.registry import HANDLERS
now = datetime.fromisoformat(sys.argv[2])
Migrator(Engine(Store(sys.argv[1]), HANDLERS, now=lambda: now, signing_key=Path(sys.argv[3]))).run()
"""


def test_killed_in_the_middle_each_case_moves_exactly_once(moving: Moving) -> None:
    moving.versions(MATTER, MATTER.replace("user check", 'user check name="核查"'))
    numbers = [moving.open() for _ in range(60)]
    id = moving.prepare()
    moving.tell(migration.start, id)
    kills = 0
    for _ in range(5):
        done, child = moving.progress(id), moving.child()
        moving.wait_for_more(id, done, child)
        kills += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert kills > 1, "nothing was cut off"
    moving.migrator.run()
    shown = moving.shown(id)
    assert (shown["status"], shown["counts"]["moved"]) == ("done", 60)
    assert all(moving.kinds(case) == ["opened", "migrated"] for case in numbers)
    with moving.engine.look() as work:
        assert records.verify(work.connection, f"migration/{id}") == []
