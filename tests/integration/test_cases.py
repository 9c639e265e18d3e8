"""Every verb of a case, on both databases: what it does, what it refuses, and that a refusal writes nothing; several
people at once; clocks, extensions and suspensions; what people say and where it must never be.

After each test the records of every case are verified and replayed: they must lead to the state that is stored.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event, insert, select

from engine import bpmn as reader
from engine import cases, records, tables
from engine.casework import Ask
from engine.decisions import Table
from engine.decisions import read as read_tables
from engine.directory import Actor
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Refused, WanggeError
from engine.library import Pack
from engine.limits import Basis, Limit
from engine.model import Messaged, decode, encode, replace
from engine.records import Head
from engine.store import Store
from engine.work import Call, Handler, Work
from tests.diagrams import bpmn
from tests.packs import _row, recorded
from tests.towns import AT, FORMS, LIMITS, NORTH, PEOPLE, ROLES, ROUTING, Town, _pack_row, form

HOUR = timedelta(hours=1)
SLOW = Handler("effect", lambda *_: {})
"""Called after the commit, by others than these tests."""
MARKER = "MARKER7731"

MATTER = """
    start found
    user verify role=worker unit=grid form=verify limit=day status=to_verify
    user triage role=officer unit=agency form=triage limit=day status=to_triage
    user handle role=handler unit=department form=handle limit=day status=handling
    boundary back on=handle escalation=return
    boundary taken on=handle escalation=withdraw
    user check role=officer unit=agency form=check status=to_check
    end done status=archived
    found -> verify
    verify -> triage
    triage -> handle
    handle -> check
    back -> triage
    taken -> triage
    check -> done
    event supervision {
        start supervised message=supervise interrupting=no
        user reply role=handler unit=supervised_unit form=reply limit=day status=replying
        end replied
        supervised -> reply
        reply -> replied
    }
    event alarm {
        start alarmed message=emergency interrupting=no
        user rescue role=officer unit=agency form=check limit=day status=emergency
        end rescued
        alarmed -> rescue
        rescue -> rescued
    }
    event voiding {
        start void_granted message=void
        user tell role=officer unit=agency form=check status=to_inform
        end voided status=voided
        void_granted -> tell
        tell -> voided
    }
"""

BRANCHES = """
    start s
    parallel fork
    user a role=handler unit="'water'" form=handle status=handling
    user b role=handler unit="'roads'" form=handle status=handling
    parallel join
    user check role=officer unit=agency form=check status=to_check
    end e
    s -> fork
    fork -> a
    fork -> b
    a -> join
    b -> join
    join -> check
    check -> e
"""

FORKED = """
    start s
    user ask role=worker unit=grid form=choose
    exclusive g
    user one role=worker unit=grid form=check
    user two role=worker unit=grid form=check
    end e
    end f
    s -> ask
    ask -> g
    g -> one [x == 1]
    g -> two [x == 2]
    one -> e
    two -> f
"""

DAY = Limit("day", Basis("product_default"), 24, "natural_hour")
WIDE = {
    "reply": form(["reply"], reply={"type": "string"}),
    "choose": form(x={"type": "integer", "x-wangge": "routing"}),
}


class Scene:
    """The small city (see `towns.py`) with a pack of one's own, and a word for everything the tests do in it."""

    def __init__(self, store: Store) -> None:
        self.town = Town(store)
        self.engine = self.town.engine
        self.store = store
        self.people = {**PEOPLE, "ye": ("officer", "north-agency")}
        held = {"valid_from": "2026-01-01", "recorded_at": AT - timedelta(days=30)}
        with store.transaction() as connection:
            connection.execute(insert(tables.person), {"id": "ye", "name": "ye某", **held})
            post = {"id": "post-ye", "person": "ye", "unit": "north-agency", "role": "officer"}
            connection.execute(insert(tables.post), {**post, **held})

    def draw(
        self,
        text: str,
        *,
        limits: Mapping[str, Limit] | None = None,
        properties: Mapping[str, Mapping[str, str]] | None = None,
        decisions: Mapping[str, Table] | None = None,
        overall: Limit | None = None,
        **forms: dict[str, Any],
    ) -> None:
        """Puts a pack in force whose matter is this diagram; `properties` are added to nodes."""
        xml = with_properties(bpmn(text), properties or {})
        reading = reader.read(xml, decisions=decisions or {})
        assert [finding for finding in reading.findings if finding.level == "error"] == []
        definition = reading.definition()
        row = _pack_row(definition.digest)
        pack = replace(
            _pack(row),
            key="drawn/2026-01-01",
            limits={"day": DAY, **LIMITS, **(limits or {}), **({"matter": overall} if overall else {})},
            forms={**FORMS, **WIDE, **forms},
            roles=ROLES,
            decisions=dict(decisions or {}),
        )
        with self.store.transaction() as connection:
            connection.execute(insert(tables.definition), _row(definition, xml))
            connection.execute(insert(tables.pack), {**row, "key": pack.key, "body": encode(pack)})

    def handlers(self, **handlers: Handler) -> None:
        self.engine.handlers = handlers

    def actor(self, person: str) -> Actor:
        role, unit = self.people[person]
        return Actor(person, f"post-{person}", role, unit, NORTH if person == "ye" else self.town.actor(person).area)

    def pass_(self, **time: float) -> None:
        self.town.pass_(**time)

    @property
    def now(self) -> datetime:
        return self.town.now

    def open(self, title: str = "路面积水", said: Mapping[str, Any] | None = None, **facts: Any) -> int:
        units = {"grid": "north-grid", "agency": "north-agency", "department": "water", **facts}
        with self.engine.work() as work:
            opening = cases.Opening(
                "drawn/2026-01-01", f"{NORTH}g1/", "north-agency", title, work.now, facts=units, said=dict(said or {})
            )
            return cases.open_(work, self.actor("wang"), opening)

    def steps(self, case: int) -> dict[str, Any]:
        """The open steps by node."""
        query = select(tables.step).where(tables.step.c.case == case, tables.step.c.status == "open")
        with self.engine.look() as work:
            return {row.node: row for row in work.connection.execute(query.order_by(tables.step.c.token))}

    def step(self, case: int, node: str) -> Any:
        return self.steps(case)[node]

    def case(self, case: int) -> Any:
        with self.engine.look() as work:
            return work.connection.execute(select(tables.case).where(tables.case.c.id == case)).one()

    def rows(self, table: Any, **where: Any) -> list[Any]:
        query = select(table).where(*(table.c[name] == value for name, value in where.items()))
        with self.engine.look() as work:
            return list(work.connection.execute(query.order_by(table.c.id)))

    def act(self, verb: Callable[..., Any], person: str, step: Any, *said: Any) -> Any:
        """A verb on a step as it was seen."""
        with self.engine.work() as work:
            return verb(work, self.actor(person), step.id, step.revision, *said)

    def do(self, verb: Callable[..., Any], person: str, *said: Any) -> Any:
        """A verb on a case, a request or an incident."""
        with self.engine.work() as work:
            return verb(work, self.actor(person), *said)

    def complete(self, person: str, case: int, node: str, waiver: str = "", **answer: Any) -> None:
        self.act(cases.complete, person, self.step(case, node), answer, waiver)

    def handling(self) -> int:
        """A case that the water department has on its desk."""
        case = self.open()
        self.complete("wang", case, "verify", opinion="属实")
        self.complete("ou", case, "triage", department="water")
        return case

    def suspend(self, case: int) -> None:
        request = self.do(cases.ask, "han", case, Ask("suspension", "等", ground="施工", ceiling_days=30))
        self.do(cases.decide, "ou", request, True, "同意")

    def resume(self, case: int) -> None:
        request = self.do(cases.ask, "han", case, Ask("resumption", "可以了"))
        self.do(cases.decide, "ou", request, True, "同意")

    def announce(self, case: int) -> int:
        with self.engine.work() as work:
            return cases.announce(work, case)

    def fire(self) -> int:
        """Fires what is due."""
        fired = 0
        for timer in self.rows(tables.timer, status="waiting"):
            with self.engine.work() as work:
                fired += cases.fire_due(work, timer.id)
        return fired

    def kinds(self, case: int) -> list[str]:
        with self.engine.look() as work:
            return [record.kind for record in records.chain(work.connection, f"case/{case}")]

    def said(self, case: int) -> list[Any]:
        with self.engine.look() as work:
            return [v for fields in records.said(work.connection, f"case/{case}").values() for v in fields.values()]

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the database holds."""
        with self.engine.look() as work:
            return {
                table.name: sorted((tuple(row) for row in work.connection.execute(select(table))), key=repr)
                for table in tables.metadata.sorted_tables
            }

    def faults(self) -> list[Any]:
        with self.engine.look() as work:
            ids = work.connection.execute(select(tables.case.c.id)).scalars().all()
            return [
                fault
                for id in ids
                for fault in (
                    *records.verify(work.connection, f"case/{id}"),
                    *records.proves(work.connection, id),
                )
            ]


def _pack(row: Mapping[str, Any]) -> Pack:
    return decode(row["body"], Pack)


def with_properties(xml: bytes, properties: Mapping[str, Mapping[str, str]]) -> bytes:
    text = xml.decode()
    for node, values in properties.items():
        start = text.index(f' id="{node}"')
        end = text.index(">", start) + 1
        inner = "".join(f'<wangge:property name="{name}" value="{value}"/>' for name, value in values.items())
        text = f"{text[:end]}<extensionElements>{inner}</extensionElements>{text[end:]}"
    return text.encode()


@pytest.fixture
def scene(store: Store) -> Iterator[Scene]:
    scene = Scene(store)
    yield scene
    assert scene.faults() == []


@pytest.fixture
def matter(scene: Scene) -> Scene:
    scene.draw(MATTER, overall=Limit("matter", Basis("product_default"), 10, "working_day"))
    return scene


@contextmanager
def refused(scene: Scene, kind: type[WanggeError], code: str) -> Iterator[pytest.ExceptionInfo[WanggeError]]:
    """The act is refused with this code, in both languages, and has left no trace."""
    before = scene.everything()
    with pytest.raises(kind) as caught:
        yield caught
    assert caught.value.code == code
    assert any("\u4e00" <= letter <= "\u9fff" for letter in caught.value.words.zh)
    assert any("a" <= letter <= "z" for letter in caught.value.words.en)
    assert scene.everything() == before


# -- opening, claiming, completing -------------------------------------------------------------------


def test_opening_begins_the_first_step_for_the_unit_that_the_diagram_names(matter: Scene) -> None:
    case = matter.open()
    row, step = matter.case(case), matter.step(case, "verify")
    assert (row.number, row.status, row.way_in, row.records) == (f"2026-{case:06d}", "to_verify", "found", 1)
    assert (step.role, step.unit, step.person, step.due_at) == ("worker", "north-grid", None, AT + 24 * HOUR)
    assert (step.sender, step.sender_person) == ("north-grid", "wang")
    (record,) = recorded(matter.engine, case, "opened")
    assert (record.actor, record.post, record.detail["definition"]) == ("wang", "post-wang", row.definition)


def test_claiming_and_putting_back(matter: Scene) -> None:
    case = matter.open()
    step = matter.step(case, "verify")
    assert matter.act(cases.claim, "wang", step) == 2
    held = matter.step(case, "verify")
    assert (held.person, held.revision, held.seen_at) == ("wang", 2, AT)
    assert matter.act(cases.claim, "wang", held) == 2  # once more changes nothing
    with refused(matter, Conflict, "step.held") as caught:
        matter.act(cases.claim, "wei", held)
    assert caught.value.details == {"person": "wang"}
    with refused(matter, Conflict, "step.held"):
        matter.act(cases.complete, "wei", held, {"opinion": "属实"})
    with refused(matter, Forbidden, "step.not-yours"):
        matter.act(cases.release, "wei", held)
    assert matter.act(cases.release, "wang", held) == 3
    assert matter.step(case, "verify").person is None
    assert matter.act(cases.claim, "wei", matter.step(case, "verify")) == 4
    assert matter.kinds(case) == ["opened", "claimed", "released", "claimed"]


def test_only_the_post_of_the_step_in_its_unit_may_work_on_it(matter: Scene) -> None:
    case = matter.open()
    step = matter.step(case, "verify")
    for stranger in ("shi", "ou", "han"):
        with refused(matter, Forbidden, "step.wrong-post"):
            matter.act(cases.claim, stranger, step)
        with refused(matter, Forbidden, "step.wrong-post"):
            matter.act(cases.complete, stranger, step, {"opinion": "属实"})


def test_a_step_without_role_is_for_its_unit_and_one_without_unit_for_the_area(scene: Scene) -> None:
    scene.draw("""
        start s
        parallel p
        user ours unit="'water'"
        user anybody role=worker
        user free
        end e
        s -> p
        p -> ours
        p -> anybody
        p -> free
        ours -> e
        anybody -> e
        free -> e
    """)
    case = scene.open()
    with refused(scene, Forbidden, "step.wrong-post"):
        scene.complete("ren", case, "ours")
    with refused(scene, Forbidden, "step.wrong-post"):
        scene.complete("song", case, "free")
    scene.complete("han", case, "ours")
    scene.complete("ou", case, "free")
    outside = replace(scene.actor("shi"), area="/32/3211/321103/")
    with refused(scene, Forbidden, "step.wrong-post"), scene.engine.work() as work:
        step = scene.step(case, "anybody")
        cases.complete(work, outside, step.id, step.revision, {})
    inside = replace(scene.actor("wang"), area=f"{NORTH}g1/")
    with scene.engine.work() as work:
        cases.complete(work, inside, step.id, step.revision, {})
    assert scene.case(case).closed_at


def test_an_answer_has_to_fit_the_form(matter: Scene) -> None:
    case = matter.open()
    with refused(matter, Invalid, "form.answer") as caught:
        matter.complete("wang", case, "verify")
    assert isinstance(caught.value, Invalid)
    assert [finding.element for finding in caught.value.findings] == ["opinion"]
    with refused(matter, Invalid, "form.answer"):
        matter.complete("wang", case, "verify", opinion="属实", more=1)


def test_completing_hands_on_and_tells_who_sent_it(matter: Scene) -> None:
    case = matter.open()
    matter.complete("wang", case, "verify", opinion="属实")
    triage = matter.step(case, "triage")
    assert (triage.sender, triage.sender_person, matter.case(case).status) == ("north-grid", "wang", "to_triage")
    (done,) = matter.rows(tables.step, node="verify")
    assert (done.status, done.closed_by, done.closed_at) == ("completed", "wang", AT)
    assert {row.unit: row.status for row in matter.rows(tables.assignment)} == {
        "north-grid": "passed_on",
        "north-agency": "to_triage",
    }
    matter.complete("ou", case, "triage", department="water")
    matter.complete("han", case, "handle", result="已修好")
    matter.complete("ye", case, "check")
    row = matter.case(case)
    assert (row.status, row.outcome, row.closed_at) == ("archived", "done", AT)
    assert matter.kinds(case) == ["opened", *["completed"] * 4]


def test_what_is_closed_names_who_was_first_and_when(matter: Scene) -> None:
    case = matter.open()
    step = matter.step(case, "verify")
    matter.pass_(minutes=5)
    matter.complete("wang", case, "verify", opinion="属实")
    for verb, said in (
        (cases.complete, ({"opinion": "属实"},)),
        (cases.claim, ()),
        (cases.return_, ({"reason": "r"},)),
    ):
        with refused(matter, Conflict, "step.closed") as caught:
            matter.act(verb, "wei", step, *said)
        at = AT + timedelta(minutes=5)
        assert caught.value.details == {"by": "wang", "at": at.isoformat(), "status": "completed"}


def test_unknown_steps_cases_requests_and_incidents(matter: Scene) -> None:
    case = matter.open()
    with refused(matter, NotFound, "step.unknown"):
        matter.do(cases.claim, "wang", 999, 1)
    with refused(matter, NotFound, "case.unknown"):
        matter.do(cases.urge, "ou", 999, None, "请快办")
    with refused(matter, NotFound, "request.unknown"):
        matter.do(cases.decide, "ou", 999, True, "同意")
    with refused(matter, NotFound, "incident.unknown"):
        matter.do(cases.retry, "ou", 999, {})
    other = matter.open()
    with refused(matter, NotFound, "step.unknown"):  # a step of another case
        matter.do(cases.urge, "ou", case, matter.step(other, "verify").id, "请快办")


def test_a_person_never_answers_for_a_handler(scene: Scene) -> None:
    scene.handlers(slow=SLOW)
    scene.draw("""
        start s
        service call handler=slow
        end e
        s -> call
        call -> e
    """)
    case = scene.open()
    step = scene.step(case, "call")
    for verb, said in ((cases.complete, ({},)), (cases.claim, ()), (cases.reassign, ("han", "r"))):
        with refused(scene, Refused, "step.automatic"):
            scene.act(verb, "han", step, *said)


# -- several at once ---------------------------------------------------------------------------------


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Does the acts in threads that begin at the same moment; what each gave or raised."""
    barrier = Barrier(len(acts))

    def begin(act: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return act()
        except WanggeError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(begin, acts))


def test_two_who_finish_parallel_steps_see_no_error(scene: Scene) -> None:
    scene.draw(BRANCHES)
    for _ in range(20):
        case = scene.open()
        a, b = scene.step(case, "a"), scene.step(case, "b")
        done = at_once(
            partial(scene.act, cases.complete, "han", a, {"result": "a"}),
            partial(scene.act, cases.complete, "ren", b, {"result": "b"}),
        )
        assert done == [None, None]
        assert list(scene.steps(case)) == ["check"]
        assert scene.kinds(case) == ["opened", "completed", "completed"]
        assert {record.actor for record in recorded(scene.engine, case, "completed")} == {"han", "ren"}


def test_of_two_who_finish_the_same_step_one_learns_who_was_first(matter: Scene) -> None:
    for _ in range(5):
        case = matter.handling()
        step = matter.step(case, "handle")
        done = at_once(
            partial(matter.act, cases.complete, "han", step, {"result": "1"}),
            partial(matter.act, cases.complete, "hu", step, {"result": "2"}),
        )
        (conflict,) = [one for one in done if one is not None]
        winner = ("han", "hu")[done.index(None)]
        assert isinstance(conflict, Conflict)
        assert conflict.details == {"by": winner, "at": AT.isoformat(), "status": "completed"}
        assert [record.actor for record in recorded(matter.engine, case, "completed")][-1] == winner


def test_of_two_who_claim_the_same_step_one_learns_who_was_first(matter: Scene) -> None:
    for _ in range(5):
        case = matter.handling()
        step = matter.step(case, "handle")
        done = at_once(
            partial(matter.act, cases.claim, "han", step),
            partial(matter.act, cases.claim, "hu", step),
        )
        (conflict,) = [one for one in done if one != 2]
        winner = ("han", "hu")[done.index(2)]
        assert isinstance(conflict, Conflict)
        assert conflict.code == "step.changed"
        assert conflict.details == {"revision": 2, "person": winner, "by": winner, "at": AT.isoformat()}
        assert matter.step(case, "handle").person == winner


def test_two_merges_in_opposite_directions_do_not_wait_for_each_other(matter: Scene) -> None:
    for _ in range(10):
        one, two = matter.open(), matter.open()
        done = at_once(
            partial(matter.do, cases.merge, "ou", one, two, "重复"),
            partial(matter.do, cases.merge, "ye", two, one, "重复"),
        )
        (refusal,) = [each for each in done if each is not None]
        assert isinstance(refusal, Refused)
        assert refusal.code == "case.closed"


def test_a_stale_view_of_a_step_conflicts_but_other_steps_do_not_matter(scene: Scene) -> None:
    scene.draw(BRANCHES)
    case = scene.open()
    a, b = scene.step(case, "a"), scene.step(case, "b")
    scene.act(cases.complete, "ren", b, {"result": "b"})
    scene.act(cases.claim, "han", a)
    with refused(scene, Conflict, "step.changed") as caught:
        scene.act(cases.complete, "han", a, {"result": "a"})
    assert caught.value.details == {"revision": 2, "person": "han", "by": "han", "at": AT.isoformat()}
    assert "han某" in caught.value.words.zh
    scene.complete("han", case, "a", result="a")
    assert list(scene.steps(case)) == ["check"]


def test_a_light_that_changes_spoils_no_answer(matter: Scene) -> None:
    case = matter.handling()
    step = matter.step(case, "handle")
    matter.pass_(hours=20)
    assert matter.announce(case) == 1
    assert matter.step(case, "handle").light == "yellow"
    matter.act(cases.complete, "han", step, {"result": "已修好"})


# -- back, away, to others ---------------------------------------------------------------------------


def test_returning_gives_it_back_with_a_reason(matter: Scene) -> None:
    case = matter.handling()
    with refused(matter, Invalid, "form.answer"):
        matter.act(cases.return_, "han", matter.step(case, "handle"), {})
    with refused(matter, Forbidden, "step.wrong-post"):
        matter.act(cases.return_, "ou", matter.step(case, "handle"), {"reason": "不归我们"})
    matter.act(cases.return_, "han", matter.step(case, "handle"), {"reason": "不归我们"})
    triage = matter.step(case, "triage")
    assert (triage.sender, triage.sender_person) == ("water", "han")
    assert {row.unit: row.status for row in matter.rows(tables.assignment)}["water"] == "returned"
    assert matter.kinds(case)[-1] == "return"
    assert "不归我们" in matter.said(case)


def test_a_way_the_diagram_does_not_have_is_refused(matter: Scene) -> None:
    case = matter.open()
    with refused(matter, Refused, "machine.uncaught-escalation"):
        matter.act(cases.escalate, "wang", matter.step(case, "verify"), "dispute", {})


def test_withdrawing_before_and_after_it_was_signed_for(matter: Scene) -> None:
    case = matter.handling()
    step = matter.step(case, "handle")
    for person in ("han", "wang", "song"):
        with refused(matter, Forbidden, "step.not-sender"):
            matter.act(cases.withdraw, person, step, {"reason": "r"})
    with refused(matter, Forbidden, "step.not-sender"):  # nor by the back door
        matter.act(cases.escalate, "han", step, "withdraw", {"reason": "r"})
    matter.act(cases.claim, "han", step)
    with refused(matter, Refused, "step.signed-for"):
        matter.act(cases.withdraw, "ou", matter.step(case, "handle"), {"reason": "r"})
    matter.act(cases.release, "han", matter.step(case, "handle"))
    matter.act(cases.withdraw, "ye", matter.step(case, "handle"), {"reason": "分错了"})  # the unit's, not the person's
    assert list(matter.steps(case)) == ["triage"]
    assert {row.unit: row.status for row in matter.rows(tables.assignment)}["water"] == "withdrawn"


def test_what_a_table_decided_in_between_does_not_hide_the_sender(scene: Scene) -> None:
    table = """<?xml version="1.0" encoding="UTF-8"?>
        <definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="urn:t">
        <decision id="propose" name="propose"><decisionTable id="t" hitPolicy="FIRST">
        <input id="i"><inputExpression id="ie" typeRef="string"><text>kind</text></inputExpression></input>
        <output id="o" name="lead" typeRef="string"/>
        <rule id="r1"><inputEntry id="e1"><text>"leak"</text></inputEntry>
        <outputEntry id="o1"><text>"water"</text></outputEntry></rule>
        </decisionTable></decision></definitions>"""
    decisions, findings = read_tables(table.encode())
    assert findings == []
    scene.draw("""
        start s
        user a role=worker unit=grid form=kind
        rule propose decision=propose
        user b role=handler unit=lead
        boundary back on=b escalation=withdraw
        user c role=worker unit=grid
        end e
        s -> a
        a -> propose
        propose -> b
        b -> e
        back -> c
        c -> e
    """, decisions=decisions, kind=form(kind=ROUTING))  # fmt: skip
    case = scene.open()
    scene.complete("wang", case, "a", kind="leak")
    assert scene.step(case, "b").unit == "water"
    (decided,) = recorded(scene.engine, case, "decided")
    assert (decided.actor, decided.cause) == ("", f"case/{case}#2")
    assert decided.event is not None
    assert decided.event["matched"] == ["r1"]
    scene.act(cases.withdraw, "wang", scene.step(case, "b"), {"reason": "r"})
    assert list(scene.steps(case)) == ["c"]


def test_reassigning_and_delegating(matter: Scene) -> None:
    case = matter.handling()
    step = matter.step(case, "handle")
    with refused(matter, Forbidden, "case.not-permitted"):
        matter.act(cases.reassign, "wang", step, "hu", "出差")
    with refused(matter, Forbidden, "case.not-permitted"):  # an officer, but of another place
        matter.act(cases.reassign, "song", step, "hu", "出差")
    for person in ("ren", "ou", "nobody"):
        with refused(matter, Refused, "step.cannot-hold"):
            matter.act(cases.reassign, "ou", step, person, "出差")
    with refused(matter, Forbidden, "step.not-yours"):
        matter.act(cases.delegate, "han", step, "hu", "出差")
    matter.act(cases.reassign, "ou", step, "han", "由其承办")
    assert matter.step(case, "handle").person == "han"
    with refused(matter, Refused, "step.cannot-hold"):
        matter.act(cases.delegate, "han", matter.step(case, "handle"), "ren", "出差")
    matter.act(cases.delegate, "han", matter.step(case, "handle"), "hu", "出差")
    step = matter.step(case, "handle")
    assert (step.person, step.revision, step.status) == ("hu", 3, "open")
    assert [record.detail["to"] for record in recorded(matter.engine, case, "delegated")] == ["hu"]
    assert matter.kinds(case)[-2:] == ["reassigned", "delegated"]
    matter.act(cases.complete, "hu", step, {"result": "已修好"})


# -- clocks ------------------------------------------------------------------------------------------


def extension(step: Any, amount: int = 6, unit: str = "natural_hour") -> Ask:
    return Ask("extension", "需要更多时间", step.id, amount=amount, unit=unit)


def test_an_extension_asked_in_time_moves_the_due_time(matter: Scene) -> None:
    case = matter.handling()
    step = matter.step(case, "handle")
    with refused(matter, Forbidden, "step.wrong-post"):
        matter.do(cases.ask, "ou", case, extension(step))
    matter.pass_(hours=24)  # exactly at the due time is in time
    request = matter.do(cases.ask, "han", case, extension(step))
    matter.pass_(hours=3)
    with refused(matter, Forbidden, "request.own"):
        matter.do(cases.decide, "han", request, True, "同意")
    for person in ("wang", "song", "du"):
        with refused(matter, Forbidden, "case.not-permitted"):
            matter.do(cases.decide, person, request, True, "同意")
    matter.do(cases.decide, "ou", request, True, "同意")
    assert matter.step(case, "handle").due_at == AT + 30 * HOUR
    assert matter.kinds(case)[-2:] == ["extension-asked", "extension-granted"]
    with refused(matter, Conflict, "request.decided") as caught:
        matter.do(cases.decide, "ye", request, False, "不同意")
    assert caught.value.details == {"by": "ou", "at": (AT + 27 * HOUR).isoformat(), "status": "granted"}
    assert matter.step(case, "handle").light == "yellow"


def test_an_extension_asked_too_late_or_without_a_limit(matter: Scene) -> None:
    case = matter.handling()
    step = matter.step(case, "handle")
    matter.pass_(hours=24, seconds=1)
    with refused(matter, Refused, "extension.too-late"):
        matter.do(cases.ask, "han", case, extension(step))
    matter.complete("han", case, "handle", result="已修好")
    with refused(matter, Refused, "extension.no-limit"):
        matter.do(cases.ask, "ou", case, extension(matter.step(case, "check")))
    with refused(matter, Refused, "extension.no-limit"):
        matter.do(cases.ask, "ou", case, Ask("extension", "r"))
    with refused(matter, Conflict, "step.closed"):
        matter.do(cases.ask, "han", case, extension(step))


@pytest.mark.parametrize(
    ("amount", "unit"), [(0, "natural_hour"), (-3, "natural_hour"), (1, "day"), (10**6, "working_day")]
)
def test_an_extension_has_to_say_how_long(matter: Scene, amount: int, unit: str) -> None:
    case = matter.handling()
    with refused(matter, Invalid, "extension.amount"):
        matter.do(cases.ask, "han", case, extension(matter.step(case, "handle"), amount, unit))


def test_extensions_together_stay_within_what_the_limit_allows(scene: Scene) -> None:
    scene.draw(MATTER, limits={"day": replace(DAY, extension_max=8)})
    case = scene.handling()
    step = scene.step(case, "handle")
    with refused(scene, Refused, "limit.extension"):
        scene.do(cases.ask, "han", case, extension(step, 9))
    first, second = (scene.do(cases.ask, "han", case, extension(step, 5)) for _ in range(2))
    scene.do(cases.decide, "ou", first, True, "同意")
    with refused(scene, Refused, "limit.extension"):
        scene.do(cases.decide, "ou", second, True, "同意")
    scene.do(cases.decide, "ou", second, False, "超出上限")
    assert scene.step(case, "handle").due_at == AT + 29 * HOUR


def withdrawals(scene: Scene, case: int) -> list[tuple[str, str, str, dict[str, Any]]]:
    """The records of requests that were withdrawn: kind, who, why, and what is said of it."""
    with scene.engine.look() as work:
        found = [one for one in records.chain(work.connection, f"case/{case}") if one.kind.endswith("-withdrawn")]
    return [(one.kind, one.actor + one.post, one.cause, one.detail) for one in found]


def test_what_was_asked_for_a_step_is_withdrawn_when_it_closes(matter: Scene) -> None:
    case = matter.handling()
    step = matter.step(case, "handle")
    request = matter.do(cases.ask, "han", case, extension(step))
    other = matter.do(cases.ask, "han", case, Ask("void", "误报"))
    matter.pass_(hours=1)
    matter.complete("han", case, "handle", result="已修好")
    of_step, of_case = matter.rows(tables.request)
    assert (of_step.status, of_step.decided_at, of_step.decided_by) == ("withdrawn", AT + HOUR, None)
    assert (of_case.id, of_case.status) == (other, "open")
    detail = {"request": request, "why": "step-closed"}
    assert withdrawals(matter, case) == [("extension-withdrawn", "", f"case/{case}#6", detail)]
    for grant in (True, False):
        with refused(matter, Conflict, "request.withdrawn"):
            matter.do(cases.decide, "ou", request, grant, "已办完")


@pytest.mark.parametrize("way", ["return", "escalation by a timer"])
def test_what_was_asked_for_a_step_that_somebody_left_is_withdrawn_too(scene: Scene, way: str) -> None:
    scene.draw(MATTER.replace("boundary taken", "boundary late on=handle timer=PT9H\n    boundary taken") + """
        late -> triage
    """)  # fmt: skip
    case = scene.handling()
    scene.do(cases.ask, "han", case, Ask("consultation", "怎么办", scene.step(case, "handle").id, to_unit="roads"))
    if way == "return":
        scene.act(cases.return_, "han", scene.step(case, "handle"), {"reason": "不归我们"})
    else:
        scene.pass_(hours=9)
        assert scene.fire() == 1
    assert [row.status for row in scene.rows(tables.request)] == ["withdrawn"]
    assert [kind for kind, *_ in withdrawals(scene, case)] == ["consultation-withdrawn"]


def test_whatever_is_still_asked_is_withdrawn_when_the_case_ends(matter: Scene) -> None:
    case, untouched = matter.handling(), matter.handling()
    asked = [matter.do(cases.ask, "han", one, Ask("void", "误报")) for one in (case, untouched, case)]
    matter.do(cases.decide, "ou", asked[2], False, "不是误报")
    suspension = matter.do(cases.ask, "han", case, Ask("suspension", "等", ground="施工", ceiling_days=9))
    matter.complete("han", case, "handle", result="已修好")
    assert withdrawals(matter, case) == []
    matter.complete("ou", case, "check")
    last = matter.case(case).records
    assert [row.status for row in matter.rows(tables.request)] == ["withdrawn", "open", "denied", "withdrawn"]
    assert withdrawals(matter, case) == [
        (f"{kind}-withdrawn", "", f"case/{case}#{last - 2}", {"request": id, "why": "case-closed"})
        for kind, id in (("void", asked[0]), ("suspension", suspension))
    ]


def test_a_void_that_is_granted_withdraws_the_other_one(scene: Scene) -> None:
    scene.draw(TIMED, limits={"week": WEEK})
    case = scene.open()
    first, second = (scene.do(cases.ask, "han", case, Ask("void", "误报")) for _ in range(2))
    scene.do(cases.decide, "ou", second, True, "同意")
    assert {row.id: row.status for row in scene.rows(tables.request)} == {first: "withdrawn", second: "granted"}
    assert len(withdrawals(scene, case)) == 1


def test_a_duplicate_takes_its_requests_along(matter: Scene) -> None:
    duplicate, main = matter.handling(), matter.handling()
    for case in (duplicate, main):
        matter.do(cases.ask, "han", case, Ask("void", "误报"))
    matter.do(cases.merge, "ou", duplicate, main, "重复")
    assert [row.status for row in matter.rows(tables.request)] == ["withdrawn", "open"]


def test_a_denied_request_changes_nothing_but_is_on_record(matter: Scene) -> None:
    case = matter.handling()
    request = matter.do(cases.ask, "han", case, extension(matter.step(case, "handle")))
    matter.do(cases.decide, "ou", request, False, "不必")
    assert matter.step(case, "handle").due_at == AT + 24 * HOUR
    assert matter.kinds(case)[-1] == "extension-denied"
    assert [row.status for row in matter.rows(tables.request)] == ["denied"]


def test_an_answer_in_writing_survives_the_extension(matter: Scene) -> None:
    case = matter.handling()
    step = matter.step(case, "handle")
    request = matter.do(cases.ask, "han", case, extension(step))
    matter.do(cases.decide, "ou", request, True, "同意")
    matter.act(cases.complete, "han", step, {"result": "已修好"})


TIMED = """
    start s
    sub desk limit=week {
        start d
        user work role=handler unit="'water'" form=handle limit=day status=handling
        boundary late on=work timer=PT24H interrupting=no
        user note role=handler unit="'water'" form=check status=handling
        end de
        end ne
        d -> work
        work -> de
        late -> note
        note -> ne
    }
    end e
    s -> desk
    desk -> e
"""
WEEK = Limit("week", Basis("product_default"), 7 * 24, "natural_hour")


def test_a_suspension_stops_every_clock_and_a_resumption_goes_on(scene: Scene) -> None:
    scene.draw(TIMED, limits={"week": WEEK}, overall=replace(WEEK, key="matter", amount=30 * 24))
    case = scene.open()
    scene.pass_(hours=4)
    scene.suspend(case)
    assert (scene.case(case).suspended, scene.case(case).due_at) == (True, None)
    assert (scene.step(case, "work").due_at, scene.step(case, "work").light) == (None, "paused")
    assert [row.due_at for row in scene.rows(tables.assignment)] == [None]
    scene.pass_(hours=100)
    assert scene.fire() == 0
    assert scene.announce(case) == 0
    with refused(scene, Refused, "matter.suspended"):
        scene.complete("han", case, "work", result="已修好")
    scene.resume(case)
    assert (scene.case(case).suspended, scene.case(case).due_at) == (False, AT + (720 + 100) * HOUR)
    assert (scene.step(case, "work").due_at, scene.step(case, "work").light) == (AT + 124 * HOUR, "green")
    assert [row.due_at for row in scene.rows(tables.assignment)] == [AT + (168 + 100) * HOUR]
    assert [row.due_at for row in scene.rows(tables.timer)] == [AT + 124 * HOUR]
    scene.pass_(hours=19, minutes=59)
    assert scene.fire() == 0
    scene.pass_(minutes=1)
    assert scene.fire() == 1
    assert list(scene.steps(case)) == ["work", "note"]


def test_timers_stand_still_even_where_nothing_has_a_limit(scene: Scene) -> None:
    scene.draw("""
        start s
        user work role=handler unit="'water'"
        boundary late on=work timer=PT24H
        end e
        end f
        s -> work
        work -> e
        late -> f
    """)
    case = scene.open()
    scene.suspend(case)
    scene.pass_(hours=30)
    scene.resume(case)
    assert [row.due_at for row in scene.rows(tables.timer)] == [AT + 54 * HOUR]
    scene.pass_(hours=2)
    scene.suspend(case)  # and a second time
    scene.pass_(hours=10)
    scene.resume(case)
    assert [row.due_at for row in scene.rows(tables.timer)] == [AT + 64 * HOUR]


def test_what_opens_during_a_suspension_stands_too(matter: Scene) -> None:
    case = matter.handling()
    matter.suspend(case)
    matter.pass_(hours=10)
    matter.do(cases.supervise, "ou", case, "water", "请答复")
    assert matter.step(case, "reply").due_at is None
    matter.pass_(hours=10)
    matter.resume(case)
    assert matter.step(case, "reply").due_at == AT + 44 * HOUR
    assert matter.step(case, "handle").due_at == AT + 44 * HOUR


def test_a_timer_that_begins_during_a_suspension_begins_with_the_resumption(scene: Scene) -> None:
    scene.draw("""
        start s
        user work role=handler unit="'water'"
        end e
        s -> work
        work -> e
        event asked {
            start hello message=hello interrupting=no
            catch wait timer=PT24H
            end over
            hello -> wait
            wait -> over
        }
    """)
    case = scene.open()
    scene.suspend(case)
    scene.pass_(hours=10)
    scene.do(cases.interrupt, "han", case, "hello", {})
    scene.pass_(hours=40)
    assert scene.fire() == 0
    scene.resume(case)
    assert [row.due_at for row in scene.rows(tables.timer)] == [AT + 74 * HOUR]


def test_the_emergency_of_a_suspended_case_has_clocks_that_run(matter: Scene) -> None:
    case = matter.handling()
    matter.suspend(case)
    matter.do(cases.interrupt, "wang", case, "emergency", {})
    rescue = matter.step(case, "rescue")
    assert rescue.due_at == AT + 24 * HOUR
    matter.pass_(hours=25)
    assert matter.announce(case) == 1
    assert matter.step(case, "rescue").light == "red"
    matter.complete("ou", case, "rescue")
    with refused(matter, Refused, "matter.suspended"):
        matter.complete("han", case, "handle", result="已修好")
    matter.resume(case)
    assert matter.step(case, "handle").due_at == AT + 49 * HOUR


def test_what_a_suspension_needs_and_when_it_is_refused(matter: Scene) -> None:
    case = matter.handling()
    for ground, days in (("", 9), ("施工", None), ("施工", 0), ("施工", 10**7)):
        with refused(matter, Invalid, "suspension.incomplete"):
            matter.do(cases.ask, "han", case, Ask("suspension", "等", ground=ground, ceiling_days=days))
    with refused(matter, Refused, "resumption.not-suspended"):
        matter.do(cases.ask, "han", case, Ask("resumption", "r"))
    asked = Ask("suspension", "等", ground="施工", ceiling_days=9)
    first, second = (matter.do(cases.ask, "han", case, asked) for _ in range(2))
    matter.do(cases.decide, "ou", first, True, "同意")
    with refused(matter, Refused, "matter.suspended"):
        matter.do(cases.decide, "ou", second, True, "同意")
    with refused(matter, Refused, "matter.suspended"):
        matter.do(cases.ask, "han", case, asked)
    with refused(matter, Refused, "matter.suspended"):
        matter.do(cases.ask, "han", case, extension(matter.step(case, "handle")))
    with refused(matter, Refused, "matter.suspended"):
        matter.act(cases.return_, "han", matter.step(case, "handle"), {"reason": "r"})
    again, twice = (matter.do(cases.ask, "han", case, Ask("resumption", "r")) for _ in range(2))
    matter.do(cases.decide, "ou", again, True, "同意")
    with refused(matter, Refused, "resumption.not-suspended"):
        matter.do(cases.decide, "ou", twice, True, "同意")


def test_nothing_is_suspended_in_an_emergency_or_after_the_end(matter: Scene) -> None:
    case = matter.handling()
    asked = Ask("suspension", "等", ground="施工", ceiling_days=9)
    before = matter.do(cases.ask, "han", case, asked)
    matter.do(cases.interrupt, "wang", case, "emergency", {})
    assert matter.case(case).emergency
    with refused(matter, Refused, "matter.emergency"):
        matter.do(cases.ask, "han", case, asked)
    with refused(matter, Refused, "matter.emergency"):
        matter.do(cases.decide, "ou", before, True, "同意")
    matter.complete("ou", case, "rescue")
    assert not matter.case(case).emergency
    matter.complete("han", case, "handle", result="已修好")
    matter.complete("ou", case, "check")
    with refused(matter, Conflict, "request.withdrawn"):
        matter.do(cases.decide, "ou", before, True, "同意")
    with refused(matter, Refused, "case.closed"):
        matter.do(cases.ask, "han", case, asked)


def test_an_emergency_puts_every_step_of_its_case_first_and_its_end_back_in_line(scene: Scene) -> None:
    binding = Limit("handle", Basis("statute", article="ZJ-13.3"), 3, "working_day")
    scene.draw(MATTER.replace("form=handle limit=day", "form=handle limit=handle"), limits={"handle": binding})
    case = scene.handling()
    assert precedences(scene, case) == {"handle": 1}
    scene.do(cases.interrupt, "wang", case, "emergency", {})
    assert precedences(scene, case) == {"handle": 0, "rescue": 0}
    scene.complete("ou", case, "rescue")
    assert precedences(scene, case) == {"handle": 1}
    scene.complete("han", case, "handle", result="已修好")
    assert precedences(scene, case) == {"check": 2}


def precedences(scene: Scene, case: int) -> dict[str, int]:
    step = tables.step
    query = select(step.c.node, step.c.precedence).where(step.c.case == case, step.c.status == "open")
    with scene.engine.look() as work:
        return {row.node: row.precedence for row in work.connection.execute(query)}


def test_a_return_resets_neither_the_overall_clock_nor_the_units(scene: Scene) -> None:
    scene.draw("""
        start s
        user triage role=officer unit=agency form=triage limit=day status=to_triage
        sub desk limit=week {
            start d
            user handle role=handler unit=department form=handle limit=day status=handling
            end de
            d -> handle
            handle -> de
        }
        boundary back on=desk escalation=return
        end e
        s -> triage
        triage -> desk
        desk -> e
        back -> triage
    """, limits={"week": WEEK}, overall=replace(WEEK, key="matter", amount=300))  # fmt: skip
    case = scene.open()
    scene.complete("ou", case, "triage", department="water")
    for _ in range(3):
        scene.pass_(hours=20)
        scene.act(cases.return_, "han", scene.step(case, "handle"), {"reason": "r"})
        scene.pass_(hours=1)
        scene.complete("ou", case, "triage", department="water")
    assert scene.step(case, "handle").due_at == AT + (63 + 24) * HOUR
    assert scene.case(case).due_at == AT + 300 * HOUR
    (desk,) = scene.rows(tables.assignment, unit="water")
    assert (desk.due_at, desk.status, desk.closed_at) == (AT + 168 * HOUR, "handling", None)
    scene.act(cases.return_, "han", scene.step(case, "handle"), {"reason": "r"})
    scene.suspend(case)
    scene.pass_(hours=50)
    scene.resume(case)
    scene.complete("ou", case, "triage", department="water")
    (desk,) = scene.rows(tables.assignment, unit="water")
    assert desk.due_at == AT + 218 * HOUR  # also what the unit had before stood still


def test_lights_change_once_each_and_the_third_supervises(matter: Scene) -> None:
    case = matter.handling()
    lights = []
    for hours in (19, 1, 4, 1, 11, 1):
        matter.pass_(hours=hours)
        matter.announce(case)
        assert matter.announce(case) == 0
        lights.append(matter.step(case, "handle").light)
    assert lights == ["green", "yellow", "yellow", "red", "red", "supervise"]
    changes = [record.detail["light"] for record in recorded(matter.engine, case, "light-changed")]
    assert changes[:3] == ["yellow", "red", "supervise"]
    reply = matter.step(case, "reply")
    assert (reply.unit, reply.sender, reply.lifecycle) == ("water", None, "replying")
    (record,) = recorded(matter.engine, case, "supervised")
    assert (record.actor, record.cause) == ("", f"case/{case}/{matter.step(case, 'handle').token}")
    matter.pass_(hours=37)
    assert matter.announce(case) > 0
    assert matter.step(case, "reply").light == "supervise"
    assert len(recorded(matter.engine, case, "supervised")) == 1  # a late reply brings no further duty to reply
    matter.complete("hu", case, "reply", reply="正在办")
    assert "reply" not in matter.steps(case)


def test_a_light_is_no_sign_of_life(matter: Scene) -> None:
    case = matter.handling()
    matter.pass_(hours=20)
    assert matter.announce(case) == 1
    assert matter.case(case).active_at == AT
    matter.do(cases.urge, "ou", case, None, "请快办")
    assert matter.case(case).active_at == matter.now


def test_a_diagram_without_supervision_only_shows_the_light(scene: Scene) -> None:
    scene.draw(TIMED, limits={"week": WEEK})
    case = scene.open()
    scene.pass_(hours=40)
    assert scene.announce(case) == 1
    assert scene.step(case, "work").light == "supervise"
    assert scene.kinds(case) == ["opened", "light-changed"]


def test_the_overall_light_is_announced_too(scene: Scene) -> None:
    scene.draw(MATTER, overall=replace(DAY, key="matter", amount=10))
    case = scene.open()
    scene.pass_(hours=11)
    assert scene.announce(case) == 1
    assert scene.case(case).light == "red"
    (record,) = recorded(scene.engine, case, "light-changed")
    assert record.detail == {"light": "red", "due_at": (AT + 10 * HOUR).isoformat()}


def test_due_times_are_counted_again_when_the_calendar_changes(matter: Scene) -> None:
    case = matter.handling()
    with matter.engine.work() as work:
        assert cases.recompute(work, case, "calendar/2026#2") == 0
    before = matter.case(case).due_at
    with matter.store.transaction() as connection:
        year = tables.calendar_year
        row = connection.execute(select(year).where(year.c.year == 2026)).one()
        body = json.loads(row.body)
        body["days"]["2026-03-04"] = {"kind": "holiday", "name": "假"}
        connection.execute(insert(year), {**row._mapping, "version": 2, "body": json.dumps(body), "recorded_at": AT})
    with matter.engine.work() as work:
        changed = cases.recompute(work, case, "calendar/2026#2")
    assert (changed, matter.case(case).due_at) == (1, before + timedelta(days=1))
    (record,) = recorded(matter.engine, case, "due-recomputed")
    assert record.cause == "calendar/2026#2"


# -- timers ------------------------------------------------------------------------------------------


def test_a_timer_of_a_step_that_ended_at_once_leaves_no_row(scene: Scene) -> None:
    scene.handlers(quick=Handler("decide", lambda *_: {"x": 1}))
    scene.draw("""
        start s
        service quick handler=quick
        boundary late on=quick timer=PT1H
        user a role=worker unit=grid
        end e
        s -> quick
        quick -> a
        late -> a
        a -> e
    """)
    case = scene.open()
    assert list(scene.steps(case)) == ["a"]
    assert [row for row in scene.rows(tables.timer) if row.status == "waiting"] == []
    scene.pass_(hours=2)
    assert scene.fire() == 0


def test_a_step_swept_away_in_the_act_that_opened_it(scene: Scene) -> None:
    scene.draw("""
        start s
        user a role=worker unit=grid
        parallel p
        user b role=worker unit=grid limit=day status=to_verify
        boundary late on=b timer=PT1H
        end stop terminate
        end e
        s -> a
        a -> p
        p -> b
        p -> stop
        b -> e
        late -> e
    """)
    case = scene.open()
    scene.complete("wang", case, "a")
    assert scene.case(case).closed_at == AT
    assert {row.node: row.status for row in scene.rows(tables.step)} == {"a": "completed", "b": "cancelled"}
    assert scene.rows(tables.timer) == []


def test_a_timer_that_is_over_does_not_fire_again(scene: Scene) -> None:
    scene.draw(TIMED, limits={"week": WEEK})
    case = scene.open()
    (timer,) = scene.rows(tables.timer)
    scene.pass_(hours=24)
    for expected in (True, False):
        with scene.engine.work() as work:
            assert cases.fire_due(work, timer.id) is expected
    other = scene.open()
    scene.complete("han", other, "work", result="已修好")
    (timer,) = scene.rows(tables.timer, case=other)
    assert timer.status == "cancelled"
    assert list(scene.steps(case)) == ["work", "note"]


# -- words to each other -----------------------------------------------------------------------------


def test_urging_is_on_record_and_changes_nothing(matter: Scene) -> None:
    case = matter.handling()
    step = matter.step(case, "handle")
    for person in ("han", "wang", "song"):
        with refused(matter, Forbidden, "case.not-permitted"):
            matter.do(cases.urge, person, case, step.id, "请快办")
    matter.do(cases.urge, "du", case, step.id, "请快办")
    assert matter.step(case, "handle") == step
    (record,) = recorded(matter.engine, case, "urged")
    assert record.detail == {"step": step.token, "node": "handle", "unit": "water"}
    assert "请快办" in matter.said(case)
    matter.complete("han", case, "handle", result="已修好")
    matter.complete("ou", case, "check")
    with refused(matter, Refused, "case.closed"):
        matter.do(cases.urge, "du", case, None, "请快办")


def test_supervision_is_answered_by_the_unit(matter: Scene) -> None:
    case = matter.handling()
    with refused(matter, Forbidden, "case.not-permitted"):
        matter.do(cases.supervise, "han", case, "water", "请答复")
    with refused(matter, NotFound, "directory.unknown-unit"):
        matter.do(cases.supervise, "du", case, "nowhere", "请答复")
    matter.do(cases.supervise, "du", case, "water", "请答复")
    reply = matter.step(case, "reply")
    assert (reply.unit, reply.sender_person, reply.due_at) == ("water", "du", AT + 24 * HOUR)
    assert matter.case(case).status == "handling"  # a reply does not hide the work
    with refused(matter, Forbidden, "step.wrong-post"):
        matter.complete("ren", case, "reply", reply="在办")
    matter.complete("han", case, "reply", reply="在办")
    matter.do(cases.supervise, "du", case, "water", "再答复")
    assert "reply" in matter.steps(case)
    plain = "start s\nuser a\nend e\ns -> a\na -> e"
    with matter.store.transaction() as connection:
        connection.exec_driver_sql("SELECT 1")
    assert plain


def test_controlled_messages_want_their_permission(matter: Scene) -> None:
    case = matter.handling()
    for message in ("supervise", "void"):
        with refused(matter, Forbidden, "case.not-permitted"):
            matter.do(cases.interrupt, "han", case, message, {})
    with refused(matter, Refused, "machine.nobody-waits"):
        matter.do(cases.interrupt, "han", case, "hello", {})
    with refused(matter, Invalid, "form.answer"):
        matter.do(cases.interrupt, "han", case, "emergency", {"more": 1})


def test_consultation_is_answered_by_whom_was_asked(matter: Scene) -> None:
    case = matter.handling()
    step = matter.step(case, "handle")
    with refused(matter, Invalid, "consultation.nobody"):
        matter.do(cases.ask, "han", case, Ask("consultation", "怎么办", step.id))
    with refused(matter, NotFound, "directory.unknown-unit"):
        matter.do(cases.ask, "han", case, Ask("consultation", "怎么办", step.id, to_unit="nowhere"))
    with refused(matter, Forbidden, "step.wrong-post"):
        matter.do(cases.ask, "ou", case, Ask("consultation", "怎么办", step.id, to_unit="roads"))
    request = matter.do(
        cases.ask, "han", case, Ask("consultation", "怎么办", step.id, to_unit="roads", to_person="ren")
    )
    for person in ("ou", "han"):
        with refused(matter, Forbidden, "request.not-asked"):
            matter.do(cases.decide, person, request, True, "先封路")
    matter.do(cases.decide, "ren", request, True, "先封路")
    assert matter.kinds(case)[-2:] == ["consultation-asked", "consultation-answered"]
    assert matter.step(case, "handle") == step


def test_voiding_is_asked_for_and_granted_by_another(matter: Scene) -> None:
    case = matter.handling()
    asked = Ask("void", "重复登记")
    request = matter.do(cases.ask, "ou", case, asked)
    with refused(matter, Forbidden, "request.own"):
        matter.do(cases.decide, "ou", request, True, "同意")
    matter.do(cases.decide, "ye", request, True, "同意")
    assert list(matter.steps(case)) == ["tell"]
    assert {row.unit: row.status for row in matter.rows(tables.assignment)}["water"] == "voided"
    matter.complete("ye", case, "tell")
    row = matter.case(case)
    assert (row.status, row.outcome, row.closed_at) == ("voided", "voided", AT)
    assert matter.kinds(case)[-4:] == ["void-asked", "void-granted", "voided", "completed"]
    with refused(matter, Refused, "case.closed"):
        matter.do(cases.ask, "ou", case, asked)


def test_voiding_waits_for_the_end_of_an_emergency(matter: Scene) -> None:
    case = matter.handling()
    request = matter.do(cases.ask, "han", case, Ask("void", "误报"))
    matter.do(cases.interrupt, "wang", case, "emergency", {})
    with refused(matter, Refused, "matter.emergency"):
        matter.do(cases.decide, "ou", request, True, "同意")
    matter.do(cases.decide, "ou", request, False, "紧急处置中")


def test_a_diagram_without_a_way_for_voids_just_ends(scene: Scene) -> None:
    scene.draw(TIMED, limits={"week": WEEK})
    case = scene.open()
    request = scene.do(cases.ask, "han", case, Ask("void", "误报"))
    scene.suspend(case)
    scene.do(cases.decide, "ou", request, True, "同意")
    row = scene.case(case)
    assert (row.status, row.outcome, row.suspended, row.light_at) == ("voided", "cancelled", False, None)
    assert [timer.status for timer in scene.rows(tables.timer)] == ["cancelled"]
    assert [step.status for step in scene.rows(tables.step)] == ["cancelled"]


# -- merging -----------------------------------------------------------------------------------------


def test_a_duplicate_joins_the_main_case_and_both_remember(matter: Scene) -> None:
    duplicate, main = matter.handling(), matter.handling()
    with refused(matter, Refused, "case.merge-itself"):
        matter.do(cases.merge, "ou", main, main, "重复")
    for person in ("han", "song"):
        with refused(matter, Forbidden, "case.not-permitted"):
            matter.do(cases.merge, person, duplicate, main, "重复")
    matter.do(cases.merge, "ou", duplicate, main, "重复")
    row = matter.case(duplicate)
    assert (row.merged_into, row.outcome, row.status, row.closed_at) == (main, "merged", "closed", AT)
    assert recorded(matter.engine, duplicate, "merged")[0].detail["into"] == f"case/{main}"
    assert recorded(matter.engine, main, "took-in-duplicate")[0].detail == {"from": f"case/{duplicate}"}
    assert {one.status for one in matter.rows(tables.assignment, case=duplicate)} == {"passed_on"}
    assert list(matter.steps(main)) == ["handle"]
    with refused(matter, Refused, "case.closed"):
        matter.do(cases.merge, "ou", duplicate, main, "重复")


@pytest.mark.parametrize("which", [0, 1])
def test_what_is_suspended_or_in_an_emergency_is_not_merged(matter: Scene, which: int) -> None:
    pair = (matter.handling(), matter.handling())
    matter.suspend(pair[which])
    with refused(matter, Refused, "matter.suspended"):
        matter.do(cases.merge, "ou", *pair, "重复")
    matter.resume(pair[which])
    matter.do(cases.interrupt, "wang", pair[which], "emergency", {})
    with refused(matter, Refused, "matter.emergency"):
        matter.do(cases.merge, "ou", *pair, "重复")


# -- separation and guards ---------------------------------------------------------------------------


def test_who_handled_it_does_not_check_it_without_a_reason(scene: Scene) -> None:
    apart = {"check": {"separate_from": "handle triage"}}
    scene.draw(MATTER, properties=apart)
    case = scene.handling()
    scene.complete("han", case, "handle", result="已修好")
    for waiver in ("", "   "):
        with refused(scene, Refused, "step.same-person"):
            scene.complete("ou", case, "check", waiver)
    scene.complete("ou", case, "check", "只有一人值班")
    assert "只有一人值班" in scene.said(case)
    other = scene.handling()
    scene.complete("han", other, "handle", result="已修好")
    scene.complete("ye", other, "check")


def test_what_somebody_only_took_away_they_did_not_do(scene: Scene) -> None:
    scene.draw(MATTER, properties={"check": {"separate_from": "handle"}})
    case = scene.handling()
    scene.act(cases.withdraw, "ou", scene.step(case, "handle"), {"reason": "r"})
    scene.complete("ye", case, "triage", department="water")
    scene.complete("han", case, "handle", result="已修好")
    scene.complete("ou", case, "check")


def test_guards_are_asked_before_anything_happens(scene: Scene) -> None:
    asked: list[Call] = []

    def lawful(work: Work, call: Call) -> Mapping[str, Any]:
        asked.append(call)
        if call.arguments["department"] == "roads":
            raise Refused("test.not-roads", "不归道路部门。", "Not for roads.", article="ZJ-10")
        return {"ignored": True}

    scene.handlers(lawful=Handler("guard", lawful))
    scene.draw(MATTER, properties={"triage": {"guard": "lawful"}, "check": {"guard": "missing"}})
    case = scene.open()
    scene.complete("wang", case, "verify", opinion="属实")
    with refused(scene, Invalid, "form.answer"):
        scene.complete("ou", case, "triage")
    assert asked == []  # what does not fit the form is not worth asking
    with refused(scene, Refused, "test.not-roads") as caught:
        scene.complete("ou", case, "triage", department="roads")
    assert isinstance(caught.value, Refused)
    with scene.engine.work() as work:
        cases.note_refusal(work, scene.actor("ou"), case, caught.value, "complete")
    (record,) = recorded(scene.engine, case, "refused")
    assert record.detail == {"verb": "complete", "code": "test.not-roads", "article": "ZJ-10"}
    scene.complete("ou", case, "triage", department="water")
    assert "ignored" not in scene.case(case).state.decode()
    assert (asked[-1].case, asked[-1].node, dict(asked[-1].arguments)) == (case, "triage", {"department": "water"})
    scene.complete("han", case, "handle", result="已修好")
    with refused(scene, Refused, "handler.unknown"):
        scene.complete("ou", case, "check")


# -- handlers ----------------------------------------------------------------------------------------


def test_a_handler_that_decides_sees_the_case_as_it_is_and_may_refuse_the_whole_act(scene: Scene) -> None:
    def keep(work: Work, call: Call) -> Mapping[str, Any]:
        known = cases.facts_at(work, call.case, call.step)
        if known["department"] == "roads":
            raise Refused("test.not-kept", "不能归档。", "Cannot be kept.")
        return {"kept": known["department"]}

    scene.handlers(keep=Handler("decide", keep))
    text = """
        start s
        service first handler=keep
        user triage role=officer unit=agency form=triage status=to_triage
        service second handler=keep
        end e
        s -> first
        first -> triage
        triage -> second
        second -> e
    """
    scene.draw(text)
    with refused(scene, Refused, "test.not-kept"):
        scene.open(department="roads")
    case = scene.open()
    with refused(scene, Refused, "test.not-kept"):
        scene.complete("ou", case, "triage", department="roads")
    scene.complete("ou", case, "triage", department="lights")
    assert json.loads(scene.case(case).state)[1]["1"][6]["kept"] == "lights"
    assert scene.kinds(case) == ["opened", "decided", "completed", "decided"]


def test_decisions_without_end_are_refused(scene: Scene) -> None:
    scene.handlers(again=Handler("decide", lambda *_: {}))
    scene.draw("""
        start s
        user a role=worker unit=grid
        service again handler=again
        service more handler=again
        end e
        s -> a
        a -> again
        again -> more
        more -> again [department == "water"]
        more => e
    """)
    case = scene.open()
    with refused(scene, Refused, "case.endless-decisions"):
        scene.complete("wang", case, "a")


CALLING = """
    start s
    service call handler=slow
    user after role=worker unit=grid
    end e
    s -> call
    call -> after
    after -> e
"""


def call_of(scene: Scene, case: int) -> Call:
    """The call that waits in the outbox."""
    (job,) = scene.rows(tables.outbox, case=case)[-1:]
    return Call(case, scene.step(case, "call").token, "call", {}, job.key)


def test_the_answer_of_an_effect_moves_the_case_once(scene: Scene) -> None:
    scene.handlers(slow=SLOW)
    scene.draw(CALLING)
    case = scene.open()
    (job,) = scene.rows(tables.outbox)
    call = call_of(scene, case)
    assert (job.key, job.kind, job.status) == (call.key, "call", "waiting")
    for expected in (True, False):
        with scene.engine.work() as work:
            assert cases.answer_call(work, call, {"found": 7}) is expected
    assert list(scene.steps(case)) == ["after"]
    (record,) = recorded(scene.engine, case, "handled")
    assert (record.actor, record.cause) == ("", call.key)
    with scene.engine.work() as work:
        cases.fail_call(work, call, "late", "太晚了 too late")
    assert scene.rows(tables.incident) == []


def test_an_effect_that_failed_is_an_incident_and_can_be_retried(scene: Scene) -> None:
    scene.handlers(slow=SLOW)
    scene.draw(CALLING)
    case = scene.open()
    with scene.engine.work() as work:
        cases.fail_call(work, call_of(scene, case), "broken", "坏了 broken")
    (incident,) = scene.rows(tables.incident)
    assert (incident.node, incident.text, incident.settled_at) == ("call", "坏了 broken", None)
    assert scene.steps(case) == {}
    scene.do(cases.retry, "ou", incident.id, {})
    assert [job.status for job in scene.rows(tables.outbox)][-1] == "waiting"
    with scene.engine.work() as work:
        assert cases.answer_call(work, call_of(scene, case), {})
    assert list(scene.steps(case)) == ["after"]


def test_a_service_nobody_registered_is_refused(scene: Scene) -> None:
    scene.draw(CALLING)
    with refused(scene, Refused, "handler.unknown"):
        scene.open()


def test_messages_between_cases(scene: Scene) -> None:
    scene.draw("""
        start s
        send tell message=told
        receive hear message=answer
        user after role=worker unit=grid
        end e
        s -> tell
        tell -> hear
        hear -> after
        after -> e
    """)
    case = scene.open()
    (job,) = scene.rows(tables.outbox)
    assert (job.kind, json.loads(job.body)["name"]) == ("message", "told")
    with refused(scene, Refused, "step.automatic"):
        scene.complete("wang", case, "hear")
    with refused(scene, Refused, "machine.nobody-waits"), scene.engine.work() as work:
        cases.deliver(work, case, Messaged("question"), "case/9#1")
    with scene.engine.work() as work:
        cases.deliver(work, case, Messaged("answer"), "case/9#1")
    assert list(scene.steps(case)) == ["after"]
    assert recorded(scene.engine, case, "message-received")[0].cause == "case/9#1"


# -- incidents ---------------------------------------------------------------------------------------


def test_an_incident_is_retried_with_what_was_missing(scene: Scene) -> None:
    scene.draw(FORKED)
    case = scene.open()
    scene.complete("wang", case, "ask", x=3)
    (incident,) = scene.rows(tables.incident)
    assert (incident.node, incident.code, incident.settled_at) == ("g", "machine.no-way-out", None)
    with refused(scene, Forbidden, "case.not-permitted"):
        scene.do(cases.retry, "wang", incident.id, {"x": 1})
    scene.do(cases.retry, "ou", incident.id, {"x": 4})  # still no way: another incident
    first, second = scene.rows(tables.incident)
    assert (first.settled_by, second.settled_at) == ("ou", None)
    assert scene.kinds(case)[-4:] == ["completed", "incident-opened", "retried", "incident-opened"]
    last = scene.case(case).records
    assert [one.cause for one in recorded(scene.engine, case, "incident-opened")] == [
        f"case/{case}#{number}" for number in (last - 3, last - 1)
    ]
    with refused(scene, Conflict, "incident.settled"):
        scene.do(cases.retry, "ou", first.id, {"x": 1})
    scene.do(cases.retry, "ou", second.id, {"x": 1})
    assert list(scene.steps(case)) == ["one"]
    assert scene.kinds(case)[-1] == "retried"


def test_what_cannot_be_mended_is_given_up(scene: Scene) -> None:
    scene.draw(FORKED)
    case = scene.open()
    scene.complete("wang", case, "ask")
    (incident,) = scene.rows(tables.incident)
    with refused(scene, Forbidden, "case.not-permitted"):
        scene.do(cases.give_up, "wang", incident.id, "r")
    scene.do(cases.give_up, "ou", incident.id, "无法处理")
    row = scene.case(case)
    assert (row.outcome, row.status, row.closed_at) == ("cancelled", "voided", AT)
    with refused(scene, Conflict, "incident.settled"):
        scene.do(cases.give_up, "ou", incident.id, "r")


def test_an_incident_that_something_else_took_away_waits_for_nobody(scene: Scene) -> None:
    scene.draw(FORKED)
    case = scene.open()
    scene.complete("wang", case, "ask", x=3)
    request = scene.do(cases.ask, "wang", case, Ask("void", "误报"))
    scene.do(cases.decide, "ou", request, True, "同意")
    (incident,) = scene.rows(tables.incident)
    assert (incident.settled_at, incident.settled_by) == (AT, "ou")
    (settled,) = recorded(scene.engine, case, "incident-settled")
    assert (settled.actor, settled.detail) == ("", {"node": "g", "code": "machine.no-way-out"})


def test_assigning_from_outside_sets_variables(scene: Scene) -> None:
    scene.draw(FORKED)
    case = scene.open()
    with scene.engine.work() as work:
        cases.assign(work, scene.actor("ou"), case, {"y": 5}, "corrected", "list/1")
    with scene.engine.look() as work:
        assert cases.facts_at(work, case, scene.step(case, "ask").token)["y"] == 5
    assert scene.kinds(case)[-1] == "corrected"


# -- what people say ---------------------------------------------------------------------------------


def test_what_people_say_is_nowhere_but_in_the_payload(scene: Scene) -> None:
    scene.draw(MATTER, properties={"check": {"separate_from": "triage"}})
    word = MARKER
    case = scene.open("TITLE7731", said={"requester": word})
    scene.complete("wang", case, "verify", opinion=word)
    scene.complete("ou", case, "triage", department="water")
    scene.do(cases.urge, "ou", case, None, word)
    scene.do(cases.supervise, "ou", case, "water", word)
    scene.complete("hu", case, "reply", reply=word)
    step = scene.step(case, "handle")
    scene.act(cases.reassign, "ou", step, "han", word)
    request = scene.do(cases.ask, "han", case, Ask("extension", word, step.id, amount=1, unit="natural_hour"))
    scene.do(cases.decide, "ou", request, True, word)
    request = scene.do(cases.ask, "han", case, Ask("suspension", word, ground=word, ceiling_days=3))
    scene.do(cases.decide, "ou", request, True, word)
    request = scene.do(cases.ask, "han", case, Ask("resumption", word))
    scene.do(cases.decide, "ou", request, True, word)
    scene.act(cases.delegate, "han", scene.step(case, "handle"), "hu", word)
    scene.act(cases.return_, "hu", scene.step(case, "handle"), {"reason": word})
    scene.complete("ou", case, "triage", department="water")
    scene.act(cases.withdraw, "ou", scene.step(case, "handle"), {"reason": word})
    scene.complete("ou", case, "triage", department="water")
    scene.complete("han", case, "handle", result=word)
    scene.complete("ou", case, "check", word)
    other = scene.open()
    scene.do(cases.merge, "ou", other, scene.open(), word)
    assert places(scene, word) == {("payload", "value")}
    assert places(scene, "TITLE7731") == {("payload", "value"), ("case", "title")}  # a title names no person
    assert scene.said(case).count(word) == 18


def places(scene: Scene, word: str) -> set[tuple[str, str]]:
    """The columns of the database in which a word stands."""
    return {
        (name, column)
        for name, rows in scene.everything().items()
        for row in rows
        for column, value in zip(tables.metadata.tables[name].c.keys(), row, strict=True)
        if word in (value.decode("latin-1") if isinstance(value, bytes) else str(value))
    }


def test_erasing_what_was_said_leaves_everything_verifiable(matter: Scene) -> None:
    case = matter.open(said={"requester": MARKER})
    matter.complete("wang", case, "verify", opinion=MARKER)
    with matter.engine.work() as work:
        for number in (1, 2):
            assert records.erase(work.connection, f"case/{case}", number, at=work.now) > 0
    assert places(matter, MARKER) == set()
    assert matter.faults() == []
    matter.complete("ou", case, "triage", department="water")


# -- far along ---------------------------------------------------------------------------------------


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    statements: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(store._writer, "before_cursor_execute", count)
    yield statements
    event.remove(store._writer, "before_cursor_execute", count)


def test_a_case_sent_back_400_times_is_as_cheap_as_a_new_one(matter: Scene) -> None:
    case = matter.open()
    matter.complete("wang", case, "verify", opinion="属实")
    sizes, costs = [], []
    for _ in range(400):
        with counted(matter.store) as statements:
            matter.complete("ou", case, "triage", department="water")
            matter.act(cases.return_, "han", matter.step(case, "handle"), {"reason": "不归我们"})
        matter.pass_(minutes=1)
        costs.append(len(statements))
        sizes.append(len(matter.case(case).state))
    assert max(costs[1:]) == min(costs[1:])
    assert max(sizes) - min(sizes) <= 24  # the numbers of tokens grow by some digits
    assert matter.case(case).records == 802
    with matter.engine.look() as work:
        last = list(records.chain(work.connection, f"case/{case}"))[-1]
    assert Head(last.number, last.hash) == Head(matter.case(case).records, matter.case(case).head)
