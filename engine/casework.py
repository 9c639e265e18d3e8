"""A case in hand: locked, with its open steps, advanced by events and written back at once.

`cases.py` has the verbs; here is what they have in common. `take` locks, `Case.happen` advances the machine and takes
in its effects, `Case.save` writes everything. Reading order: taking, what may be done, what happens, effects, whose
turn it is, clocks, requests, writing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import RowMapping, and_, bindparam, exists, insert, literal_column, or_, select, update

from engine import forms, lifecycle, limits, records, tables, timers
from engine.calendars import local
from engine.decisions import DecisionError, evaluate
from engine.definition import Definition, Node
from engine.directory import Actor
from engine.errors import Conflict, Finding, Forbidden, Invalid, NotFound, Refused
from engine.expressions import ExpressionError, compile_expression
from engine.library import Pack
from engine.limits import Extension, Limit
from engine.machine import advance, variables
from engine.model import (
    Armed,
    Cancelled,
    Clock,
    Closed,
    Completed,
    Disarmed,
    Effect,
    Ended,
    Escalated,
    Event,
    Failed,
    Messaged,
    Opened,
    Passed,
    Sent,
    State,
    Stuck,
    Value,
    decode,
    encode,
    replace,
)
from engine.records import Entry, Head
from engine.running import Pauses, Running, clock_columns, due_of, stored
from engine.store import Prepared, together
from engine.work import MACHINE, Call, Handler, Work

CHANGING = (
    "number",
    "definition",
    "pack",
    "outcome",
    "closed_at",
    "status",
    "suspended",
    "due_at",
    "clock",
    "light",
    "light_at",
    "merged_into",
)
"""The columns of a case that verbs change, beside those every act changes."""

RESTS = {"return": "returned", "withdraw": "withdrawn", "voided": "voided", "merged": "passed_on"}
"""How an assignment comes to rest when not by its own answer: by the kind of the act."""

ROUNDS = 100
"""So many decisions may follow from one act inside its transaction."""

BY_PEOPLE = frozenset({"task", "user", "manual"})
"""The kinds of steps that a person answers. All others wait for a handler, a table or a message."""

PRECEDENCES = FIRST_OF_ALL, BINDING, BY_DEFAULT = 0, 1, 2
"""What has to be looked at first: an emergency, a limit that binds, a product default (or no limit at all)."""

VERBS = {"extension": "extend", "suspension": "suspend"}
"""The verb that a request asks to be done, where it is not called like the request."""

RequestKind = Literal["extension", "suspension", "resumption", "void", "consultation"]


class Ask(Value, frozen=True):
    """What is asked for. An extension names amount and unit for a step; a suspension its ground and how many
    natural days it may last at most; a consultation whom to ask. `reason` and `ground` are what people said."""

    kind: RequestKind
    reason: str
    step: int | None = None
    amount: int | None = None
    unit: str | None = None
    ground: str = ""
    ceiling_days: int | None = None
    to_unit: str | None = None
    to_person: str | None = None


SAID_IN_ASKING = frozenset({"reason", "ground", "kind", "step"})
"""What is not routing values of a request: what people said, and what has a column of its own."""


# -- taking a case in hand ---------------------------------------------------------------------------

_CASE = Prepared(select(tables.case).where(tables.case.c.id == bindparam("id")).with_for_update())
_WHERE = select(tables.step.c.case).where(tables.step.c.id == bindparam("step")).scalar_subquery()
_CASE_OF_STEP = Prepared(select(tables.case).where(tables.case.c.id == _WHERE).with_for_update())
_ASKED = (
    exists().where(tables.request.c.case == bindparam("case"), tables.request.c.status == literal_column("'open'"))
).label("asked")
_STEPS = Prepared(
    select(tables.step, _ASKED)
    .where(tables.step.c.case == bindparam("case"), tables.step.c.status == "open")
    .order_by(tables.step.c.token)
)
_STEP = select(tables.step).where(tables.step.c.id == bindparam("id"))
_ASSIGNMENTS = Prepared(select(tables.assignment).where(tables.assignment.c.case == bindparam("case")))
_CHANGE_CASE = Prepared(update(tables.case).where(tables.case.c.id == bindparam("key")))
_CHANGE_STEP = Prepared(update(tables.step).where(tables.step.c.id == bindparam("key")))
_CHANGE_ASSIGNMENT = Prepared(update(tables.assignment).where(tables.assignment.c.id == bindparam("key")))
_CHANGE_TIMER = Prepared(update(tables.timer).where(tables.timer.c.id == bindparam("key")))
_CHANGE_CLOCK = Prepared(
    update(tables.timer).where(
        tables.timer.c.case == bindparam("of_case"),
        tables.timer.c.clock == bindparam("of_clock"),
        tables.timer.c.status == "waiting",
    )
)
_NEW_STEP = Prepared(insert(tables.step).inline())
_NEW_ASSIGNMENT = Prepared(insert(tables.assignment).inline())
_NEW_TIMER = Prepared(insert(tables.timer).inline())
_NEW_INCIDENT = Prepared(insert(tables.incident).inline())
_NEW_JOB = insert(tables.outbox).returning(tables.outbox.c.id)


@cache
def _last_time(ends: int) -> Prepared:
    """When a case was last at a step of a unit, or at one of so many others."""
    step = tables.step.c
    there = and_(step.node == bindparam("node"), step.unit.is_not_distinct_from(bindparam("unit")))
    ended = (step.node == bindparam(f"end_{place}") for place in range(ends))
    query = select(step.node, step.clock).where(step.case == bindparam("case"), or_(there, *ended))
    return Prepared(query.order_by(step.id.desc()).limit(literal_column("1")))


def take(work: Work, id: int) -> "Case":
    """The case, locked until the transaction ends. Raises `NotFound`."""
    row = _CASE.first(work.connection, {"id": id})
    if row is None:
        raise NotFound("case.unknown", "未找到此事项，或不在您的查看范围内。", "Not found, or outside your scope.")
    return _taken(work, row)


def _taken(work: Work, row: dict[str, Any]) -> "Case":
    """A case that has just been locked, with its open steps."""
    work.after_waiting()
    steps = _STEPS.all(work.connection, {"case": row["id"]})
    return Case(work, row, {step["token"]: step for step in steps}, asked=not steps or steps[0]["asked"])


def take_step(work: Work, id: int, revision: int, verb: str) -> "tuple[Case, dict[str, Any]]":
    """The case of a step and the step, which must be open and as the caller saw it."""
    found = _CASE_OF_STEP.first(work.connection, {"step": id})
    if found is None:
        raise NotFound("step.unknown", "未找到此环节，或不在您的查看范围内。", "Not found, or outside your scope.")
    case = _taken(work, found)
    row = case.step_row(id)
    if row["revision"] != revision:
        raise case.changed(row)
    if row["kind"] not in BY_PEOPLE:
        raise Refused(
            "step.automatic", "此环节由系统自动办理，无须操作。", "The system answers this step: nothing to do here."
        )
    case.guard(verb, row["lifecycle"] or "")
    return case, row


def take_incident(work: Work, id: int) -> "tuple[Case, dict[str, Any]]":
    query = select(tables.incident).where(tables.incident.c.id == id)
    row = work.connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("incident.unknown", "未找到此异常，或不在您的查看范围内。", "Not found, or outside your scope.")
    case = take(work, row["case"])
    row = work.connection.execute(query).mappings().one()
    if row["settled_at"] is not None:
        raise Conflict("incident.settled", "此异常已处理。", "This incident has been dealt with.")
    return case, dict(row)


def open_incident(work: Work, case: int, node: str, code: str, text: str, outbox: int | None = None) -> None:
    """Something around a case failed (a message, what was due): for a person to see, and on record. It takes nothing
    of the case in hand, so that it can be said also where the case itself cannot be read."""
    row = {"case": case, "node": node, "code": code, "text": text, "outbox": outbox, "opened_at": work.now}
    work.connection.execute(insert(tables.incident), row)
    tell(work, case, "incident-opened", {"node": node, "code": code})


def tell(work: Work, case: int, kind: str, detail: Mapping[str, Any]) -> None:
    """A record of the machine in the chain of a case, whatever state that is in. Locks the case."""
    row = _CASE.first(work.connection, {"id": case})
    if row is None:
        raise NotFound("case.unknown", "未找到此事项，或不在您的查看范围内。", "Not found, or outside your scope.")
    work.after_waiting()
    before, entry = Head(row["records"], row["head"]), Entry(kind, detail=dict(detail))
    head = records.append(work.connection, f"case/{case}", before, [entry], at=work.now, area=row["area"])
    values = {"head": head.hash, "records": head.number, "revision": row["revision"] + 1}
    _CHANGE_CASE.run(work.connection, {"key": case, **values})


class Change(NamedTuple):
    """What an act did, for its record: steps that opened and closed, the status it led to."""

    opened: list[dict[str, Any]]
    closed: list[dict[str, Any]]


class Case:
    """A case in hand: locked, with its open steps by token, and everything an act will write. `asked`: requests may be
    open."""

    def __init__(self, work: Work, row: dict[str, Any], steps: dict[int, dict[str, Any]], asked: bool = False) -> None:
        self.work = work
        self.row = row
        self.stored = dict(row)  # as it stands in the database: what did not change is not written, nor its indexes
        self.steps = steps
        self.asked = asked
        self.left: set[int] = set()
        self.pack: Pack = work.library.pack(work.connection, row["pack"])
        self.definition: Definition = work.library.definition(work.connection, row["definition"])
        self.state = decode(row["state"], State)
        self.entries: list[Entry] = []
        self.new_steps: list[dict[str, Any]] = []
        self.step_changes: list[dict[str, Any]] = []
        self.new_timers: list[dict[str, Any]] = []
        self.timer_changes: list[dict[str, Any]] = []
        self.new_jobs: list[dict[str, Any]] = []
        self.new_incidents: list[dict[str, Any]] = []
        self.notes: dict[int, str] = {}
        self.fired: dict[str, Any] | None = None
        self.sender = MACHINE
        self._assignments: dict[tuple[str, str], dict[str, Any]] | None = None

    @property
    def subject(self) -> str:
        return f"case/{self.row['id']}"

    # what may be done

    def guard(self, verb: str, status: str = "") -> None:
        """Refuses what the flags of the case forbid."""
        lifecycle.guard([flag for flag in lifecycle.FLAGS if self.row[flag]], verb, status=status)

    def must_be_open(self) -> None:
        if self.row["closed_at"]:
            raise Refused("case.closed", "此事项已办结。", "This case is closed.")

    def step_row(self, id: int) -> dict[str, Any]:
        """The open step with this id. Raises `Conflict` naming who closed it and when."""
        for row in self.steps.values():
            if row["id"] == id:
                return row
        gone = self.work.connection.execute(_STEP, {"id": id}).mappings().first()
        if gone is None or gone["case"] != self.row["id"]:
            raise NotFound("step.unknown", "未找到此环节，或不在您的查看范围内。", "Not found, or outside your scope.")
        who = self.work.directory.name(gone["closed_by"]) if gone["closed_by"] else "系统 / the engine"
        when = told(gone["closed_at"])
        raise Conflict(
            "step.closed",
            f"{who}已于{when}办理此环节。",
            f"{who} dealt with this step at {when}.",
            details={"by": gone["closed_by"], "at": iso(gone["closed_at"]), "status": gone["status"]},
        )

    def changed(self, row: Mapping[str, Any]) -> Conflict:
        """Somebody was first: who, when, and who holds the step now."""
        last = self.last_act(row["token"])
        who = self.work.directory.name(row["person"]) if row["person"] else ""
        return Conflict(
            "step.changed",
            f"此环节已有变化{f'，现由{who}办理' if who else ''}，请刷新后再办。",
            f"This step has changed{f': {who} holds it' if who else ''}. Reload and look again.",
            details={
                "revision": row["revision"],
                "person": row["person"],
                "by": last.actor if last else None,
                "at": iso(last.at) if last else None,
            },
        )

    def last_act(self, token: int) -> records.Record | None:
        """The last record in which a person did something with this open step."""
        acts = [
            record
            for record in records.chain(self.work.connection, self.subject)
            if record.actor and record.detail.get("step") == token
        ]
        return acts[-1] if acts else None

    def may_work(self, actor: Actor, row: Mapping[str, Any]) -> None:
        """Only the step's post in its unit, or who stands in for it; a step that is held, only its holder."""
        if not self.has_post(actor, row):
            unit = self.work.directory.unit_name(row["unit"]) if row["unit"] else "—"
            raise Forbidden(
                "step.wrong-post",
                f"您的岗位不含此操作，可联系{unit}。",
                f"Your post does not allow this; contact {unit}.",
            )
        self.must_be_trained(actor.person, row["role"] or actor.role)
        if row["person"] and row["person"] != actor.person:
            who = self.work.directory.name(row["person"])
            raise Conflict(
                "step.held",
                f"此环节已由{who}签收，如需接手请先改派。",
                f"{who} has signed for this step; have it reassigned to take over.",
                details={"person": row["person"]},
            )

    def must_be_trained(self, person: str, role: str) -> None:
        """Refuses who lacks a training that the pack wants of the role before duty."""
        gate = self.pack.setting("training_gate", {})
        lacking = self.work.directory.untrained(person, role, gate)
        if lacking is not None:
            who = self.work.directory.name(person)
            raise Refused(
                "person.not-trained",
                f"{who}{lacking.zh.rstrip('。')}，请先安排培训。",
                f"{who}: {lacking.en} Arrange the training first.",
                article=gate.get("basis", ""),
            )

    def has_post(self, actor: Actor, row: Mapping[str, Any]) -> bool:
        """A step without a role is for everybody in its unit; one without a unit, for whoever has the place in
        their area."""
        if not row["unit"] and not self.work.directory.covers(actor.area, row["area"]):
            return False
        if row["role"]:
            return self.work.directory.stands_in(actor, row["role"], row["unit"] or actor.unit)
        return row["unit"] in (None, "", actor.unit)

    def keep_apart(self, actor: Actor, node: Node, waiver: str) -> None:
        """Who handled a matter does not check or close it (product default, not law)."""
        others = node.properties.get("separate_from", "").split()
        if not others or waiver.strip():
            return
        done = tables.step.c
        query = select(done.name).where(
            done.case == self.row["id"],
            done.node.in_(others),
            done.status == "completed",
            done.closed_by == actor.person,
        )
        name = self.work.connection.execute(query.limit(1)).scalar()
        if name is not None:
            raise Refused(
                "step.same-person",
                f"您办理过“{name}”，不能再办“{node.name}”，请交由他人；确需本人办理的请写明理由"
                "（产品默认规则，非法律规定）。",
                f"You did “{name}”, so somebody else has to do “{node.name}”; if it must be you, give a reason "
                "(product default, not law).",
            )

    def ask_guards(self, actor: Actor, row: Mapping[str, Any], node: Node, answer: Mapping[str, Any]) -> None:
        """What the domain has to say before a step is answered, or left by an event on it: each guard of the node may
        refuse."""
        for name in node.properties.get("guard", "").split():
            call = Call(self.row["id"], row["token"], row["node"], answer, "", actor)
            self.handler(name, node).run(self.work, call)

    def handler(self, name: str, node: Node) -> Handler:
        if name not in self.work.handlers:
            raise Refused(
                "handler.unknown",
                f"环节“{node.name}”的处理器“{name}”没有登记，请联系流程管理员。",
                f"The handler “{name}” of “{node.name}” is not registered.",
            )
        return self.work.handlers[name]

    def permit(self, actor: Actor, permission: str) -> None:
        """Refuses what the actor's role may not do, or not here."""
        role = self.pack.roles.get(actor.role)
        here = self.work.directory.covers(actor.area, self.row["area"])
        if role is None or permission not in role.permissions or not here:
            raise Forbidden(
                "case.not-permitted",
                "您的岗位不含此操作，或此事项不在您的范围内。",
                "Your post does not allow this, or the matter is outside your area.",
            )

    def may_decide(self, actor: Actor, request: Mapping[str, Any]) -> None:
        if request["kind"] == "consultation":
            if actor.unit != request["to_unit"] or request["to_person"] not in (None, actor.person):
                raise Forbidden("request.not-asked", "此咨询不是向您提出的。", "You were not asked this.")
            return
        if request["asked_by"] == actor.person:
            raise Forbidden("request.own", "不能审批本人提出的申请。", "Nobody decides what they asked for.")
        self.permit(actor, f"decide_{request['kind']}")

    # what happens

    def happen(
        self,
        actor: Actor,
        kind: str,
        event: Event,
        said: Mapping[str, Any],
        detail: Mapping[str, Any],
        cause: str = "",
    ) -> None:
        """One event and every decision that follows from it, each with its own record."""
        self.sender = actor
        pending = self.step_event(actor, kind, event, said, detail, cause)
        for _ in range(ROUNDS):
            if not pending:
                return
            opened = pending.pop(0)
            if opened.step in self.steps:
                answer, facts = self.decided(opened)
                pending += self.step_event(MACHINE, answer, facts, {}, {"node": opened.node}, self.here())
        raise Refused(
            "case.endless-decisions",
            f"一次操作引发了超过{ROUNDS}次自动决定，流程图可能有循环，请联系流程管理员。",
            f"One act led to more than {ROUNDS} decisions: the diagram may run in a circle.",
        )

    def step_event(
        self,
        actor: Actor,
        kind: str,
        event: Event,
        said: Mapping[str, Any],
        detail: Mapping[str, Any],
        cause: str,
    ) -> list[Opened]:
        """Advances the machine by one event, takes in the effects and notes the record. Returns the steps that
        are decided inside this transaction."""
        event = records.settled(event)
        stuck, known = _stuck(self.state), len(self.new_incidents)
        self.state, effects = advance(self.definition, self.state, event)
        gone = stuck - _stuck(self.state)
        settled = self.settle_incidents(gone, actor) if gone else []
        change = Change([], [])
        pending: list[Opened] = []
        for effect in effects:
            self.take_in(actor, effect, change, pending)
        self.settle_assignments(change, kind)
        if not pending:
            self.row["status"] = self.status()
        facts = {**detail, **{n: v for n, v in change._asdict().items() if v}}
        self.entries.append(
            Entry(kind, actor.person, actor.post, cause, event, {**facts, "status": self.row["status"]}, dict(said))
        )
        self.note_incidents("incident-settled", settled)
        self.note_incidents("incident-opened", self.new_incidents[known:])
        return pending

    def note_incidents(self, kind: str, found: Sequence[Mapping[str, Any]]) -> None:
        """What became of incidents by the act that is on record just before."""
        here = self.here()
        for row in found:
            self.note(MACHINE, kind, {"node": row["node"], "code": row["code"]}, cause=here)

    def here(self) -> str:
        """The record of the act in hand, as the cause of what follows from it."""
        return f"{self.subject}#{self.row['records'] + len(self.entries)}"

    def take_in(self, actor: Actor, effect: Effect, change: Change, pending: list[Opened]) -> None:
        if isinstance(effect, Opened):
            self.open_step(effect, change, pending)
        elif isinstance(effect, Closed):
            self.close_step(actor, effect, change)
        elif isinstance(effect, Armed):
            self.arm(effect)
        elif isinstance(effect, Disarmed):
            self.disarm(effect.clock)
        elif isinstance(effect, Sent):
            self.send(effect)
        elif isinstance(effect, Stuck):
            self.stick(effect)
        elif isinstance(effect, Passed):
            if effect.what == "completed":
                self.passed_end(effect.node)
        elif isinstance(effect, Ended):
            self.end(effect)

    def note(
        self,
        actor: Actor,
        kind: str,
        detail: Mapping[str, Any],
        said: Mapping[str, Any] | None = None,
        cause: str = "",
    ) -> None:
        """A record of an act that does not move the machine."""
        self.entries.append(Entry(kind, actor.person, actor.post, cause, None, dict(detail), dict(said or {})))

    def decided(self, opened: Opened) -> tuple[str, Event]:
        """What a decision table or a `decide` handler answers to a step. A handler reads the database: there it
        finds the case as this act has left it so far. Where a step has both, the handler gets what the table answers
        as its arguments and has the last word."""
        node = self.definition.levels[opened.body].nodes[opened.node]
        arguments, matched = opened.arguments, tuple[str, ...]()
        try:
            if node.kind == "rule":
                names = variables(self.state, opened.scope)
                outcome = evaluate(self.pack.decisions[node.decision], names)
                found = outcome.outputs if isinstance(outcome.outputs, dict) else {node.decision: outcome.outputs}
                arguments, matched = found, outcome.matched
                if not node.handler:
                    return "decided", Completed(opened.step, found, matched)
            self.stored["state"] = encode(self.state)
            _CHANGE_CASE.run(self.work.connection, {"key": self.row["id"], "state": self.stored["state"]})
            handler = self.handler(node.handler, node)
            said = self.said() if handler.kind == "enact" else {}
            call = Call(self.row["id"], opened.step, opened.node, arguments, "", self.sender, said)
            return "decided", Completed(opened.step, dict(handler.run(self.work, call)), matched)
        except DecisionError as error:
            self.notes[opened.step] = str(error.words)
            return "decision-failed", Failed(opened.step, error.code)

    def said(self) -> dict[str, Any]:
        """What people have said in the case so far, in this act too: the last word on each field."""
        found: dict[str, Any] = {}
        for _, values in sorted(records.said(self.work.connection, self.subject).items()):
            found.update(values)
        for entry in self.entries:
            found.update(entry.secret)
        return found

    def leave_by(self, actor: Actor, row: Mapping[str, Any], code: str, answer: Mapping[str, Any]) -> None:
        self.must_be_offered("escalation", code)
        given = forms.read(self.pack.forms.get(code), answer)
        for event in self.ways_out(row, code):
            self.ask_guards(actor, row, event, {**answer, **given.routing, **given.record})
        detail = {"node": row["node"], "code": code}
        self.happen(actor, code, Escalated(row["token"], code, given.routing), given.record, detail)

    def ways_out(self, row: Mapping[str, Any], code: str) -> Iterator[Node]:
        """The events that catch a code, on the step itself and on what is around it."""
        level, host = self.track(row), row["node"]
        while level:
            for node in self.definition.levels[level].nodes.values():
                if node.host == host and (node.trigger.kind, node.trigger.ref) == ("escalation", code):
                    yield node
            level, _, host = level.rpartition("/")

    def must_be_offered(self, trigger: str, ref: str) -> None:
        """Refuses a way that the diagram has for choice and this place has not switched on."""
        for _, node in self.definition.nodes():
            if (node.trigger.kind, node.trigger.ref) == (trigger, ref) and not self.pack.offers(node):
                raise Refused(
                    "case.not-offered",
                    f"本地没有启用“{node.name or ref}”；如需使用，请管理员在流程包设置中启用。",
                    f"“{node.name or ref}” is not switched on here; an administrator can do so in the pack's settings.",
                )

    def supervise(self, actor: Actor, unit: str, said: Mapping[str, Any], cause: str = "") -> None:
        message = Messaged("supervise", facts={"supervised_unit": unit})
        self.happen(actor, "supervised", message, said, {"unit": unit}, cause)

    def hand_over(self, actor: Actor, row: dict[str, Any], person: str, reason: str, kind: str) -> None:
        if row["role"] and person not in self.work.directory.holders(row["role"], row["unit"]):
            raise Refused(
                "step.cannot-hold",
                "此人在该单位没有相应岗位，或不在岗。",
                "This person has no such post in the unit, or is not on duty.",
            )
        self.must_be_trained(person, row["role"] or "")
        self.change_step(row, person=person)
        self.note(actor, kind, {"step": row["token"], "node": row["node"], "to": person}, {"reason": reason})
        self.save()

    # effects

    def open_step(self, effect: Opened, change: Change, pending: list[Opened]) -> None:
        node = self.definition.levels[effect.body].nodes[effect.node]
        names = variables(self.state, effect.scope) if effect.scope in self.state.scopes else {}
        status = node.properties.get("status")
        unit = unit_of(node, names)
        clock = self.step_clock(node, unit, self.limit(node, names), status)
        row = {
            "id": None,
            "case": self.row["id"],
            "token": effect.step,
            "node": effect.node,
            "name": node.name or node.id,
            "kind": node.kind,
            "area": self.row["area"],
            "role": role_of(node, names),
            "unit": unit,
            "person": None,
            "sender": self.sender.unit or None,
            "sender_person": self.sender.person or None,
            "status": "open",
            "lifecycle": status,
            "opened_at": self.work.now,
            "seen_at": None,
            "closed_at": None,
            "closed_by": None,
            "clock": stored(clock),
            "precedence": BY_DEFAULT,
            "revision": 1,
            "track": effect.body,
            **clock_columns(self.work, clock),
        }
        self.steps[effect.step] = row
        self.new_steps.append(row)
        if node.kind == "rule" or (node.kind == "service" and self.decides(node)):
            pending.append(effect)
        elif node.kind == "service":
            self.call(effect, node)
        due = row["due_at"]
        change.opened.append(
            {
                "step": effect.step,
                "node": effect.node,
                **{n: row[n] for n in ("role", "unit") if row[n]},
                **({"due_at": iso(due)} if due else {}),
            }
        )

    def decides(self, node: Node) -> bool:
        handler = self.work.handlers.get(node.handler)
        return handler is not None and handler.kind in ("decide", "enact")

    def close_step(self, actor: Actor, effect: Closed, change: Change) -> None:
        row = self.steps.pop(effect.step)
        closed = {"status": effect.how, "closed_at": self.work.now, "closed_by": actor.person or None}
        if row["id"] is None:
            row.update(closed)
        else:
            self.left.add(row["id"])
            self.change_step(row, **closed)
        change.closed.append({"step": effect.step, "node": effect.node, "how": effect.how})

    def arm(self, effect: Armed) -> None:
        node = self.event_node(effect.body, effect.node)
        timer = node.trigger.timer
        if timer is None:
            return
        if effect.again and self.fired is not None:
            due = timers.following(timer, self.fired["due_at"], self.fired["missed"] + 1)
            base: datetime | None = due
        else:
            begin = self.beginning(self.event_node(effect.body, effect.node))
            base = timers.due_at(timer, begin, self.pack.limits, self.work.calendar)
            base = base and base + self.stood_still(begin)
        if base is not None:
            self.new_timers.append(
                {
                    "case": self.row["id"],
                    "clock": effect.clock,
                    "node": effect.node,
                    "due_at": base,
                    "period": timer.text if timer.kind == "cycle" else None,
                    "status": "waiting",
                }
            )

    def disarm(self, clock: int) -> None:
        """A timer that began and ended in this very act leaves no trace."""
        if any(row["clock"] == clock for row in self.new_timers):
            self.new_timers = [row for row in self.new_timers if row["clock"] != clock]
        else:
            self.timer_changes.append({"clock": clock, "status": "cancelled"})

    def timer_node(self, clock: Clock) -> Node:
        """The timer event that a clock of the state stands for, on the level of its owner (a token or a scope)."""
        token = self.state.tokens.get(clock.owner)
        return self.event_node(self.state.scopes[token.scope if token else clock.owner].body, clock.node)

    def event_node(self, body: str, id: str) -> Node:
        return self.definition.levels[body].event(id)

    def call(self, effect: Opened, node: Node) -> None:
        self.handler(node.handler, node)
        number = self.row["records"] + len(self.entries) + 1
        self.job("call", f"{self.subject}#{number}/{effect.step}", {
            "handler": node.handler, "step": effect.step, "node": effect.node, "arguments": effect.arguments,
        })  # fmt: skip

    def send(self, effect: Sent) -> None:
        number = self.row["records"] + len(self.entries) + 1
        body = {"name": effect.name, "key": effect.key, "facts": effect.facts, "node": effect.node}
        self.job("message", f"{self.subject}#{number}/{effect.node}/{len(self.new_jobs)}", body)

    def job(self, kind: str, key: str, body: Mapping[str, Any]) -> None:
        self.new_jobs.append(
            {
                "key": key,
                "case": self.row["id"],
                "kind": kind,
                "body": encode(body).decode(),
                "status": "waiting",
                "attempts": 0,
                "due_at": self.work.now,
            }
        )

    def stick(self, effect: Stuck) -> None:
        self.new_incidents.append(
            {
                "case": self.row["id"],
                "token": effect.token,
                "node": effect.node,
                "code": effect.code,
                "text": self.notes.get(effect.token, effect.text),
                "opened_at": self.work.now,
            }
        )

    def settle_incident(self, row: Mapping[str, Any], actor: Actor) -> None:
        self.work.connection.execute(
            update(tables.incident).where(tables.incident.c.id == row["id"]),
            {"settled_at": self.work.now, "settled_by": actor.person},
        )

    def settle_incidents(self, tokens: set[int], actor: Actor) -> list[dict[str, Any]]:
        """What was stuck went on, or was taken away by something else: nobody has to mend it any more. Returns what
        was not settled before."""
        incident = tables.incident.c
        open_ = (incident.case == self.row["id"], incident.token.in_(tokens), incident.settled_at.is_(None))
        settled = update(tables.incident).where(*open_).returning(incident.node, incident.code)
        values = {"settled_at": self.work.now, "settled_by": actor.person}
        return [dict(row) for row in self.work.connection.execute(settled.values(values)).mappings()]

    def passed_end(self, id: str) -> None:
        node = self.end_node(id)
        if node is not None and node.kind == "end":
            self.row["outcome"] = id

    def end_node(self, id: str) -> Node | None:
        """An end of the process itself, or of an event sub-process that takes its place."""
        root, levels = self.definition.root, self.definition.levels
        instead = [levels[f"{root}/{node.id}"] for node, start in levels[root].listeners if start.interrupting]
        return next((level.nodes[id] for level in (levels[root], *instead) if id in level.nodes), None)

    def end(self, effect: Ended) -> None:
        self.row["closed_at"] = self.work.now
        if self.row["suspended"]:
            self.run_again(self.work.now)
        self.row["light_at"] = None
        if effect.how == "cancelled":
            self.row["outcome"] = "merged" if self.row["merged_into"] else "cancelled"

    # whose turn it is

    @property
    def assignments(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What each unit has to do with the case, by unit and level of the diagram."""
        if self._assignments is None:
            found = _ASSIGNMENTS.all(self.work.connection, {"case": self.row["id"]})
            self._assignments = {(row["unit"], row["track"]): row for row in found}
        return self._assignments

    def settle_assignments(self, change: Change, kind: str) -> None:
        """Brings each unit's assignment to what its open steps say; every change has to be lawful."""
        if change.opened or change.closed or self.row["closed_at"]:
            wanted: dict[tuple[str, str], str] = {}
            for row in self.steps.values():
                if row["unit"] and row["lifecycle"]:
                    wanted.setdefault((row["unit"], row.get("track") or self.track(row)), row["lifecycle"])
            for key in {**self.assignments, **wanted}:
                self.move_assignment(key, wanted.get(key), kind)

    def track(self, row: Mapping[str, Any]) -> str:
        token = self.state.tokens[row["token"]]
        return self.state.scopes[token.scope].body

    def rest(self, before: str, kind: str) -> str:
        """What an assignment becomes in which nothing is open any more."""
        return RESTS[kind] if kind in RESTS and before in lifecycle.OPEN else lifecycle.rests_as(before)

    def move_assignment(self, key: tuple[str, str], status: str | None, kind: str) -> None:
        row = self.assignments.get(key)
        before = row["status"] if row else None
        after = status or (self.rest(before, kind) if before else None)
        if after is None or after == before:
            return
        lifecycle.change(before, after, where=f"{key[0]} @ {key[1]}")
        if row is None:
            clock = self.begin_clock(self.unit_limit(key[1]), status)
            row = {
                "id": None,
                "case": self.row["id"],
                "unit": key[0],
                "track": key[1],
                "opened_at": self.work.now,
                "clock": stored(clock),
                "due_at": None,
            }
            self.assignments[key] = row
        row.update(status=after, closed_at=None if status else self.work.now, changed=True)
        if status and row["clock"]:
            row["due_at"] = due_of(self.work, decode(row["clock"], Running)).due_at

    def unit_limit(self, track: str) -> Limit | None:
        """The unit's clock: the limit of the sub-process around its steps. It begins with the unit's first
        step there and goes on when the matter comes back to it."""
        level, _, id = track.rpartition("/")
        node = self.definition.levels[level].nodes[id] if level else None
        return self.pack.limits.get(node.properties.get("limit", "")) if node else None

    def status(self) -> str:
        if self.row["closed_at"]:
            node = self.end_node(self.row["outcome"] or "")
            return (node.properties.get("status") if node else None) or (
                "voided" if self.row["outcome"] == "cancelled" else "closed"
            )
        open_ = [row["status"] for row in self.assignments.values() if row["closed_at"] is None]
        return lifecycle.matter_status(open_, ended=None)

    # clocks

    def begin_clock(self, limit: Limit | None, status: str | None) -> Running | None:
        """A clock that begins now; in a case that is suspended it stands, but for what an emergency needs."""
        stands = self.row["suspended"] and status != "emergency"
        return None if limit is None else Running(limit, self.work.now, ((self.work.now, None),) if stands else ())

    def step_clock(self, node: Node, unit: str | None, limit: Limit | None, status: str | None) -> Running | None:
        """The clock of a step that opens: a new one, or the one of its last time where that goes on."""
        begin = self.beginning(node)
        if limit is not None and begin < self.work.now:
            return Running(limit, begin, self.pauses())
        return (limit and self.last_clock(node, unit)) or self.begin_clock(limit, status)

    def last_clock(self, node: Node, unit: str | None) -> Running | None:
        """The clock of the step's last time with this unit. Property `clock_until` lists the steps that end it: until
        one of them was opened, going elsewhere and coming back does not begin it anew."""
        ends = node.properties.get("clock_until", "").split()
        if not ends:
            return None
        named = {f"end_{place}": end for place, end in enumerate(ends)}
        here = {"case": self.row["id"], "node": node.id, "unit": unit}
        row = _last_time(len(ends)).first(self.work.connection, here | named)
        if row is None or row["node"] != node.id or row["clock"] is None:
            return None
        return replace(decode(row["clock"], Running), pauses=self.pauses())

    def beginning(self, node: Node) -> datetime:
        """When the clock of a step or timer begins: now; or with the discovery of the matter, where the setting that
        its property `clock_from` names says so."""
        name = node.properties.get("clock_from")
        discovery: datetime = self.row["discovered_at"]
        return discovery if name and self.pack.setting(name, "") == "discovery" else self.work.now

    def pauses(self) -> Pauses:
        """When the case stood still."""
        return decode(self.row["clock"], Running).pauses if self.row["clock"] else ()

    def stood_still(self, begin: datetime) -> timedelta:
        """How long the case stood still since `begin`; less what the resumption will add too much, when it stands
        still now: that adds the whole suspension."""
        over = (until - max(since, begin) for since, until in self.pauses() if until is not None and until > begin)
        ahead = begin - self.suspension()["decided_at"] if self.row["suspended"] else timedelta()
        return sum(over, timedelta()) - max(ahead, timedelta())

    def node(self, row: Mapping[str, Any]) -> Node:
        token = self.state.tokens[row["token"]]
        return self.definition.levels[self.state.scopes[token.scope].body].nodes[token.node]

    def form(self, node: Node) -> dict[str, Any] | None:
        key = node.properties.get("form")
        return self.pack.forms[key] if key else None

    def limit(self, node: Node, names: Mapping[str, Any]) -> Limit | None:
        key = _value(node.properties.get("limit_from"), names) or node.properties.get("limit")
        return self.pack.limits.get(key) if key else None

    def change_step(self, row: dict[str, Any], **values: Any) -> None:
        row.update(values, revision=row["revision"] + 1)
        self.step_changes.append({"key": row["id"], "revision": row["revision"], "values": values})

    def pass_on(self, unit: str, follower: str) -> list[dict[str, Any]]:
        """Gives the open steps of a unit that is no more to the one that follows it, and its assignments. Who holds a
        step keeps it, if they can act for the follower."""
        moved = [row for row in self.steps.values() if row["unit"] == unit]
        for row in moved:
            stays = row["person"] in self.work.directory.holders(row["role"] or "", follower)
            self.change_step(row, unit=follower, person=row["person"] if stays else None)
        self.work.connection.execute(
            update(tables.assignment)
            .where(tables.assignment.c.case == self.row["id"], tables.assignment.c.unit == unit)
            .values(unit=follower)
        )
        return [{"step": row["token"], "node": row["node"]} for row in moved]

    def change_light(self, row: dict[str, Any]) -> int:
        due = due_of(self.work, decode(row["clock"], Running))
        light = limits.light(due, self.work.now)
        if light == row["light"]:
            return 0
        self.change_clock(row, decode(row["clock"], Running))
        detail = {"step": row["token"], "node": row["node"], "light": light, "due_at": iso(row["due_at"])}
        self.note(MACHINE, "light-changed", detail, {}, "clock")
        if light == "supervise" and row["unit"]:
            self.supervise_automatically(row)
        return 1

    def supervise_automatically(self, row: Mapping[str, Any]) -> None:
        """A step far beyond its limit is supervised without anybody asking, where the diagram has the reply."""
        if row["lifecycle"] == "replying":
            return
        try:
            self.supervise(MACHINE, row["unit"], {}, f"{self.subject}/{row['token']}")
        except Refused as refusal:
            if refusal.code != "machine.nobody-waits":
                raise

    def change_overall_light(self) -> int:
        running = decode(self.row["clock"], Running)
        light = limits.light(due_of(self.work, running), self.work.now)
        changed = light != self.row["light"]
        self.row.update(clock_columns(self.work, running))
        if changed:
            self.note(MACHINE, "light-changed", {"light": light, "due_at": iso(self.row["due_at"])}, {}, "clock")
        return int(changed)

    def change_clock(self, row: dict[str, Any], running: Running) -> None:
        """Time is nobody's act: the step's revision stays, and an answer that is being written stays good."""
        values = {"clock": stored(running), **clock_columns(self.work, running)}
        row.update(values)
        self.step_changes.append({"key": row["id"], "revision": row["revision"], "values": values})

    def each_clock(self) -> "list[tuple[dict[str, Any], Running]]":
        return [(row, decode(row["clock"], Running)) for row in self.steps.values() if row["clock"]]

    def count_again(self) -> list[dict[str, Any]]:
        changes: list[dict[str, Any]] = []
        if self.row["closed_at"]:
            return changes
        for row, running in self.each_clock():
            before = row["due_at"]
            due = due_of(self.work, running).due_at
            if due != before:
                self.change_clock(row, running)
                changes.append({"step": row["token"], "node": row["node"], "was": iso(before), "is": iso(due)})
        for row in self.unit_clocks():
            before, due = row["due_at"], due_of(self.work, decode(row["clock"], Running)).due_at
            if row["closed_at"] is None and due != before:
                row.update(due_at=due, changed=True)
                changes.append({"unit": row["unit"], "was": iso(before), "is": iso(due)})
        if self.row["clock"]:
            before, over = self.row["due_at"], self.row["light_at"] if self.row["suspended"] else None
            self.row.update(clock_columns(self.work, decode(self.row["clock"], Running)))
            self.row["light_at"] = over or self.row["light_at"]
            if self.row["due_at"] != before:
                changes.append({"was": iso(before), "is": iso(self.row["due_at"])})
        return changes

    # what a request wants, and what granting it does

    def ask_extension(self, actor: Actor, asked: Ask, row: dict[str, Any] | None) -> None:
        if row is None or not row["clock"] or row["due_at"] is None:
            raise Refused("extension.no-limit", "此环节没有可延长的时限。", "This step has no limit to extend.")
        self.may_work(actor, row)
        if row["due_at"] < self.work.now:
            raise Refused(
                "extension.too-late",
                f"时限已于{told(row['due_at'])}届满，延期须在届满前申请（产品默认规则，非法律规定）。",
                f"The limit expired at {told(row['due_at'])}; an extension has to be asked for before "
                "(product default, not law).",
            )
        self.extended(row, fields(asked))

    def grant_extension(self, actor: Actor, request: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        row = self.step_row(request["step"])
        self.change_clock(row, self.extended(row, detail))

    def extended(self, row: Mapping[str, Any], detail: Mapping[str, Any]) -> Running:
        """The step's clock with the extension; what was granted since it was asked for counts too."""
        running = decode(row["clock"], Running)
        extensions = (*running.extensions, extension_of(detail))
        limits.check_extensions(running.limit, extensions)
        return replace(running, extensions=extensions)

    def ask_suspension(self, actor: Actor, asked: Ask, row: dict[str, Any] | None) -> None:
        self.must_be_open()
        most = limits.LONGEST["natural_day"]
        if not asked.ground or not asked.ceiling_days or not 1 <= asked.ceiling_days <= most:
            raise Invalid(
                "suspension.incomplete",
                f"请写明挂起事由和最长天数（1至{most}天）。",
                f"Give the ground of the suspension and how many days it may last at most (1 to {most}).",
                [Finding("form.field", "error", "ceiling_days", "请填写最长天数。 Give the most days.")],
            )

    def grant_suspension(self, actor: Actor, request: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        self.must_be_open()
        self.row["suspended"] = True
        self.pause_clocks(lambda pauses: (*pauses, (self.work.now, None)))
        self.row["light_at"] = suspended_until(self.work.now, detail)

    def end_suspension(self) -> None:
        """What was granted for so many natural days at most ends when the last one is over: all clocks go on from that
        very moment, whenever the machine gets to it, and nobody has to ask. It is on record as the machine's act; the
        ground stands with the request it names. (Product default: no text says what comes after the days granted. To
        let a matter stand still on nobody's decision would be the other choice; whoever needs more days asks again.)"""
        granted = self.suspension()
        until = suspended_until(granted["decided_at"], decode(granted["detail"], dict))
        if self.work.now < until:
            self.row["light_at"] = until
            return
        self.shift_timers(until)
        self.run_again(until)
        late = int((self.work.now - until).total_seconds())
        detail = {"request": granted["id"], "why": "ceiling", "until": iso(until), "late_seconds": late}
        self.note(MACHINE, "suspension-ended", detail, {}, f"request/{granted['id']}")

    def ask_resumption(self, actor: Actor, asked: Ask, row: dict[str, Any] | None) -> None:
        self.must_be_suspended()

    def must_be_suspended(self) -> None:
        if not self.row["suspended"]:
            raise Refused("resumption.not-suspended", "此事项没有挂起。", "This case is not suspended.")

    def grant_resumption(self, actor: Actor, request: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        self.must_be_suspended()
        self.shift_timers(self.work.now)
        self.run_again(self.work.now)

    def run_again(self, moment: datetime) -> None:
        """All clocks go on from a moment; the time they stood still does not count."""

        def close(pauses: Pauses) -> Pauses:
            if not pauses or pauses[-1][1] is not None:
                return pauses
            return (*pauses[:-1], (pauses[-1][0], max(pauses[-1][0], moment)))

        self.row.update(suspended=False, light_at=None)
        self.pause_clocks(close)

    def suspension(self) -> RowMapping:
        """The suspension that holds now: `id`, when it was granted (`decided_at`), `detail`."""
        request = tables.request.c
        query = select(request.id, request.decided_at, request.detail).where(
            request.case == self.row["id"], request.kind == "suspension", request.status == "granted"
        )
        newest = query.order_by(request.decided_at.desc(), request.id.desc()).limit(1)
        return self.work.connection.execute(newest).mappings().one()

    def pause_clocks(self, change: Callable[[Pauses], Pauses]) -> None:
        """Changes the pauses of every clock: also of units that have nothing to do now, for they may again."""
        for row, running in self.each_clock():
            self.change_clock(row, replace(running, pauses=change(running.pauses)))
        for row in self.unit_clocks():
            running = decode(row["clock"], Running)
            running = replace(running, pauses=change(running.pauses))
            row.update(clock=stored(running), changed=True)
            if row["closed_at"] is None:
                row["due_at"] = due_of(self.work, running).due_at
        if self.row["clock"]:
            running = decode(self.row["clock"], Running)
            running = replace(running, pauses=change(running.pauses))
            self.row.update(clock=stored(running), **clock_columns(self.work, running))

    def unit_clocks(self) -> list[dict[str, Any]]:
        return [row for row in self.assignments.values() if row["clock"]]

    def shift_timers(self, moment: datetime) -> None:
        """Timers of the diagram stood still as well, until a moment: they fall due later by as much."""
        timer, since = tables.timer.c, self.suspension()["decided_at"]
        query = select(timer.id, timer.due_at).where(timer.case == self.row["id"], timer.status == "waiting")
        for row in self.work.connection.execute(query):
            later = row.due_at + (moment - since)
            self.timer_changes.append({"key": row.id, "status": "waiting", "due_at": later})

    def ask_void(self, actor: Actor, asked: Ask, row: dict[str, Any] | None) -> None:
        self.must_be_open()

    def grant_void(self, actor: Actor, request: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        """The way the diagram has for `void`; where it has none, the case ends."""
        cause = f"request/{request['id']}"
        try:
            self.happen(actor, "voided", Messaged("void"), {}, {}, cause)
        except Refused as refusal:
            if refusal.code != "machine.nobody-waits":
                raise
            self.happen(actor, "voided", Cancelled("void"), {}, {}, cause)

    def ask_consultation(self, actor: Actor, asked: Ask, row: dict[str, Any] | None) -> None:
        if row is not None:
            self.may_work(actor, row)
        if not asked.to_unit:
            raise Invalid("consultation.nobody", "请选择向谁咨询。", "Choose whom to consult.")
        self.work.directory.unit(asked.to_unit)

    def nothing(self, actor: Actor, request: Mapping[str, Any], detail: Mapping[str, Any]) -> None:
        """A consultation moves nothing."""

    def withdraw_requests(self) -> None:
        """What was asked for a step that closed, or in a case that ended, waits for no decision any more. That is
        nobody's act: the record says what ended, and names no person."""
        ended, request = self.row["closed_at"] is not None, tables.request.c
        if not self.asked or not (ended or self.left):
            return
        found = select(request.id, request.kind, request.step).where(
            request.case == self.row["id"], request.status == "open"
        )
        over = [
            row for row in self.work.connection.execute(found.order_by(request.id)) if ended or row.step in self.left
        ]
        if over:
            self.work.connection.execute(
                update(tables.request).where(request.id.in_([row.id for row in over])),
                {"status": "withdrawn", "decided_at": self.work.now},
            )
        here = self.here()
        for row in over:
            why = "case-closed" if ended else "step-closed"
            self.note(MACHINE, f"{row.kind}-withdrawn", {"request": row.id, "why": why}, cause=here)

    # writing

    def save(self) -> None:
        """Writes everything at once: records first, so that a broken rule of the chain writes nothing."""
        connection = self.work.connection
        self.withdraw_requests()
        with together(connection):
            self.write_case(self.write_records())
            self.write_steps()
            self.write_timers()
            self.write_assignments()
            _NEW_INCIDENT.run(connection, *self.new_incidents)
        if self.new_jobs:
            self.work.enqueue(connection, connection.execute(_NEW_JOB, self.new_jobs).scalars().all())
            self.work.afterwards(self.work.idle)
        self.entries = []

    def write_records(self) -> Head:
        before = Head(self.row["records"], self.row["head"])
        return records.append(
            self.work.connection, self.subject, before, self.entries, at=self.work.now, area=self.row["area"]
        )

    def write_case(self, head: Head) -> None:
        values = {
            **{n: self.row[n] for n in CHANGING},
            "disputed": self.has("disputed", "deciding"),
            "emergency": self.has("emergency"),
            "state": encode(self.state),
            "revision": self.row["revision"] + 1,
            "head": head.hash,
            "records": head.number,
            "active_at": self.work.now if any(map(_moves, self.entries)) else self.row["active_at"],
        }
        self.rank_steps(values["emergency"])
        changed = {n: value for n, value in values.items() if value != self.stored[n]}
        _CHANGE_CASE.run(self.work.connection, {"key": self.row["id"], **changed})
        self.row.update(values)
        self.stored = dict(self.row)

    def rank_steps(self, emergency: bool) -> None:
        """What has to be looked at first: emergencies, then limits that bind, then product defaults."""
        for row in self.steps.values():
            precedence = FIRST_OF_ALL if emergency else BINDING if _binds(row["clock"]) else BY_DEFAULT
            if row["precedence"] != precedence:
                row["precedence"] = precedence
                if row["id"] is not None:
                    change = {"key": row["id"], "revision": row["revision"], "values": {"precedence": precedence}}
                    self.step_changes.append(change)

    def has(self, *statuses: str) -> bool:
        """Whether something open stands in one of these statuses."""
        return not self.row["closed_at"] and any(row["lifecycle"] in statuses for row in self.steps.values())

    def write_steps(self) -> None:
        connection = self.work.connection
        for change in self.step_changes:
            _CHANGE_STEP.run(connection, {"key": change["key"], "revision": change["revision"], **change["values"]})
        _NEW_STEP.run(
            connection, *({n: v for n, v in row.items() if n not in ("id", "track")} for row in self.new_steps)
        )
        self.step_changes, self.new_steps = [], []

    def write_timers(self) -> None:
        for change in self.timer_changes:
            if "key" in change:
                _CHANGE_TIMER.run(self.work.connection, change)
            else:
                where = {"of_case": self.row["id"], "of_clock": change["clock"]}
                _CHANGE_CLOCK.run(self.work.connection, {**where, "status": change["status"]})
        _NEW_TIMER.run(self.work.connection, *self.new_timers)
        self.timer_changes, self.new_timers = [], []

    def write_assignments(self) -> None:
        new: list[dict[str, Any]] = []
        moved: list[dict[str, Any]] = []
        for row in (self._assignments or {}).values():
            if row.pop("changed", False):
                values = {n: row[n] for n in ("status", "closed_at", "due_at", "clock")}
                if row["id"] is None:
                    new.append({**values, **{n: row[n] for n in ("case", "unit", "track", "opened_at")}})
                else:
                    moved.append({"key": row["id"], **values})
        _CHANGE_ASSIGNMENT.run(self.work.connection, *moved)
        _NEW_ASSIGNMENT.run(self.work.connection, *new)


ASKS = {
    "extension": Case.ask_extension,
    "suspension": Case.ask_suspension,
    "resumption": Case.ask_resumption,
    "void": Case.ask_void,
    "consultation": Case.ask_consultation,
}
GRANTS = {
    "extension": Case.grant_extension,
    "suspension": Case.grant_suspension,
    "resumption": Case.grant_resumption,
    "void": Case.grant_void,
    "consultation": Case.nothing,
}


def suspended_until(granted: datetime, detail: Mapping[str, Any]) -> datetime:
    """The moment at which a suspension is over: the end of the last of its natural days (Asia/Shanghai); the day on
    which it was granted does not count."""
    day = local(granted).replace(hour=0, minute=0, second=0, microsecond=0)
    return (day + timedelta(days=detail["ceiling_days"] + 1)).astimezone(UTC)


def extension_of(detail: Mapping[str, Any]) -> Extension:
    amount: Any = detail.get("amount")
    unit: Any = detail.get("unit")
    if not amount or unit not in limits.UNITS or not 1 <= amount <= limits.LONGEST[unit]:
        raise Invalid(
            "extension.amount",
            f"请写明延长多久（至少1）及其单位，单位可用：{'、'.join(limits.UNITS)}。",
            f"Say how much longer (at least 1), with its unit, one of: {', '.join(limits.UNITS)}.",
        )
    return Extension(amount, unit)


def unit_of(node: Node, names: Mapping[str, Any]) -> str | None:
    """The unit that has a step at a node, as the diagram and the variables say."""
    return _value(node.properties.get("unit"), names) or None


def role_of(node: Node, names: Mapping[str, Any]) -> str | None:
    """The role whose step it is."""
    return _value(node.properties.get("role_from"), names) or node.properties.get("role")


def ran_by(work: Work, case: Mapping[str, Any]) -> list[tuple[Pack, Definition]]:
    """The versions that a case (its row) has run by, what it runs by now last."""
    library, connection = work.library, work.connection
    pack, definition = library.pack(connection, case["pack"]), library.definition(connection, case["definition"])
    name = next((name for name, hash in pack.processes.items() if hash == case["definition"]), "")
    earlier = (library.pack(connection, key) for key in _earlier_packs(work, case["id"]) if key != pack.key)
    drawn = ((one, one.processes[name]) for one in earlier if name in one.processes)
    return [*((one, library.definition(connection, hash)) for one, hash in drawn), (pack, definition)]


def _earlier_packs(work: Work, case: int) -> list[str]:
    moved = tables.migration_case.join(tables.migration, tables.migration.c.id == tables.migration_case.c.migration)
    query = select(tables.migration.c.from_pack, tables.migration.c.to_pack).select_from(moved)
    mine = tables.migration_case.c.case == case, tables.migration_case.c.record.is_not(None)
    return sorted({key for row in work.connection.execute(query.where(*mine)) for key in row})


def _value(source: str | None, names: Mapping[str, Any]) -> Any:
    """The value of a step's expression (its unit, its limit); None where the diagram or the data has none."""
    if not source:
        return None
    try:
        return compile_expression(source)(names)
    except ExpressionError:
        return None


def _stuck(state: State) -> set[int]:
    return {token.id for token in state.tokens.values() if token.incident}


def _binds(clock: str | None) -> bool:
    """Whether a stored clock rests on more than a product default."""
    return clock is not None and '"basis":{"kind":"product_default"' not in clock


def _moves(entry: Entry) -> bool:
    """Whether somebody acted or the case moved; a light that changes is no sign of life, nor is another version."""
    return bool(entry.actor) or not (entry.event is None or isinstance(entry.event, records.Migrated))


def iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def told(moment: datetime) -> str:
    """A moment in words for people: the time on their wall."""
    return f"{local(moment):%Y-%m-%d %H:%M}"


def fields(value: Value) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}
