"""Every verb of a case: open this file first.

Each verb takes the transaction it works in (`Work`), who acts (`Actor`), what it acts on and what is said, and
makes one change of state:

    open_         -> a case, its first steps                        nobody had it before
    claim         step: open -> open, held by the actor             release puts it back
    complete      step: open -> completed; what follows opens
    return_       step: open -> cancelled; the sender has it again, with a reason
    withdraw      step: open -> cancelled, by the sender, before the receiver signed for it
    escalate      step: leaves by the way the diagram has for this code (dispute, …)
    reassign      step: open -> open, held by somebody else in the unit; delegate: by the holder
    interrupt     a message reaches the case: whatever waits for it goes on
    ask, decide   a request (extension, suspension, resumption, void, consultation): open -> granted or denied;
                  -> withdrawn by itself, when its step closes or the case ends
    urge          a reminder on record;  supervise: one with a duty to reply
    merge         a duplicate ends, joined to the main case; both remember
    fire_due      a timer that fell due: the event it stands for
    announce      a light that changed: recorded, and at the third one supervised
    follow        what a unit that is no more had to do passes to the unit that follows it
    deliver, answer_call, fail_call, retry, give_up                  what handlers, messages and incidents do

A verb locks the case (that only serialises: the chain of records stays linear), then looks at the *step*: two who
finish parallel steps never see an error; of two who finish the same step the second learns who was first and when.
Everything is written in the caller's transaction, or nothing is: state, steps, timers, records, outbox.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from engine import forms, tables, timers
from engine.casework import (
    ASKS,
    GRANTS,
    SAID_IN_ASKING,
    VERBS,
    Ask,
    Case,
    fields,
    iso,
    take,
    take_incident,
    take_step,
    told,
)
from engine.directory import Actor
from engine.errors import Conflict, Forbidden, NotFound, Refused
from engine.library import Pack, day_of
from engine.machine import variables
from engine.model import (
    Assigned,
    Began,
    Cancelled,
    Completed,
    Failed,
    Fired,
    Messaged,
    Retried,
    State,
    Value,
    decode,
    encode,
)
from engine.running import begin_clock, clock_columns, stored
from engine.work import MACHINE, Call, Work


class Opening(Value, frozen=True):
    """What a case begins with. `facts` are routing values, `said` what people said (`record` values).
    `governing_day` says how the pack was chosen (`discovery` or `opening`); `start` names the start event (empty: the
    plain one)."""

    pack: str
    area: str
    unit: str
    title: str
    discovered_at: datetime
    governing_day: str = "discovery"
    process: str = "matter"
    start: str = ""
    matter_type: str = ""
    facts: dict[str, Any] = {}
    said: dict[str, Any] = {}
    cause: str = ""


# -- opening and answering ---------------------------------------------------------------------------


def open_(work: Work, actor: Actor, opening: Opening) -> int:
    """Opens a case on the definition its pack names for the process. Returns its id."""
    pack = work.library.pack(work.connection, opening.pack)
    hash = pack.processes[opening.process]
    definition = work.library.definition(work.connection, hash)
    start = opening.start or next(iter(definition.levels[definition.root].starts), "")
    overall = begin_clock(pack.limits.get(opening.process), work.now)
    row = {
        "definition": hash,
        "pack": pack.key,
        "area": opening.area,
        "unit": opening.unit,
        "title": opening.title,
        "matter_type": opening.matter_type or None,
        "way_in": start,
        "outcome": None,
        "discovered_at": opening.discovered_at,
        "opened_at": work.now,
        "closed_at": None,
        "active_at": work.now,
        "status": "new",
        "disputed": False,
        "emergency": False,
        "suspended": False,
        "clock": stored(overall),
        "merged_into": None,
        "state": encode(State()),
        "revision": 0,
        "head": "",
        "records": 0,
        **clock_columns(work, overall),
    }
    id = work.connection.execute(insert(tables.case).returning(tables.case.c.id), row).scalar_one()
    case = Case(work, {**row, "id": id, "number": None}, {})
    case.row["number"] = f"{day_of(work.now).year}-{id:06d}"
    said = {"title": opening.title, **opening.said}
    detail = {"definition": hash, "pack": pack.key, "discovered_at": iso(opening.discovered_at)}
    detail["governing_day"] = opening.governing_day
    case.happen(actor, "opened", Began(opening.start, dict(opening.facts)), said, detail, opening.cause)
    case.save()
    return int(id)


def claim(work: Work, actor: Actor, step: int, revision: int) -> int:
    """Signs for a step: the actor holds it. Returns the step's new revision."""
    case, row = take_step(work, step, revision, "claim")
    case.may_work(actor, row)
    if row["person"] == actor.person:
        return int(row["revision"])
    case.change_step(row, person=actor.person, seen_at=row["seen_at"] or work.now)
    case.note(actor, "claimed", {"step": row["token"], "node": row["node"]})
    case.save()
    return int(row["revision"])


def release(work: Work, actor: Actor, step: int, revision: int) -> int:
    """Puts a step back that the actor holds, for others of the unit. Returns its new revision."""
    case, row = take_step(work, step, revision, "release")
    if row["person"] != actor.person:
        raise Forbidden("step.not-yours", "此环节不在您名下。", "You do not hold this step.")
    case.change_step(row, person=None)
    case.note(actor, "released", {"step": row["token"], "node": row["node"]})
    case.save()
    return int(row["revision"])


def complete(work: Work, actor: Actor, step: int, revision: int, answer: Mapping[str, Any], waiver: str = "") -> None:
    """Answers a step by its form. `waiver` gives the reason when somebody checks or closes what they handled
    themselves; without one that is refused (separation of duties: product default, not law)."""
    case, row = take_step(work, step, revision, "complete")
    case.may_work(actor, row)
    node = case.node(row)
    case.keep_apart(actor, node, waiver)
    given = forms.read(case.form(node), answer)
    case.ask_guards(actor, row, node, {**answer, **given.routing, **given.record})
    said = {**given.record, **({"waiver": waiver} if waiver.strip() else {})}
    case.happen(actor, "completed", Completed(row["token"], given.routing), said, {"node": row["node"]})
    case.save()


def escalate(work: Work, actor: Actor, step: int, revision: int, code: str, answer: Mapping[str, Any]) -> None:
    """Leaves an open step by the way the diagram has for `code` (`dispute`, …), with the form of that name.
    `withdraw` belongs to the sender."""
    if code == "withdraw":
        withdraw(work, actor, step, revision, answer)
        return
    case, row = take_step(work, step, revision, code)
    case.may_work(actor, row)
    case.leave_by(actor, row, code, answer)
    case.save()


def return_(work: Work, actor: Actor, step: int, revision: int, answer: Mapping[str, Any]) -> None:
    """Returns a step to whoever sent it, with the reason the form `return` asks for."""
    escalate(work, actor, step, revision, "return", answer)


def withdraw(work: Work, actor: Actor, step: int, revision: int, answer: Mapping[str, Any]) -> None:
    """Takes back what the actor's unit sent, as long as nobody has signed for it."""
    case, row = take_step(work, step, revision, "withdraw")
    if row["sender"] != actor.unit:
        raise Forbidden("step.not-sender", "只有交办单位可以撤回。", "Only the unit that sent it can withdraw it.")
    if row["person"]:
        raise Refused(
            "step.signed-for",
            "对方已签收，不能撤回；可与对方联系由其退回。",
            "It has been signed for and cannot be withdrawn; ask the receiver to return it.",
        )
    case.leave_by(actor, row, "withdraw", answer)
    case.save()


def reassign(work: Work, actor: Actor, step: int, revision: int, person: str, reason: str) -> None:
    """Gives a step to another person of the unit; by somebody who may reassign there."""
    case, row = take_step(work, step, revision, "reassign")
    if actor.unit != row["unit"]:
        case.permit(actor, "reassign")
    case.hand_over(actor, row, person, reason, "reassigned")


def delegate(work: Work, actor: Actor, step: int, revision: int, person: str, reason: str) -> None:
    """The holder of a step gives it to a colleague who may do it as well."""
    case, row = take_step(work, step, revision, "delegate")
    if row["person"] != actor.person:
        raise Forbidden("step.not-yours", "只能委托您名下的环节。", "You can delegate only a step you hold.")
    case.hand_over(actor, row, person, reason, "delegated")


def interrupt(work: Work, actor: Actor, case_id: int, message: str, answer: Mapping[str, Any], cause: str = "") -> None:
    """A message reaches the case (an emergency, a revocation, …), with the form of that name."""
    case = take(work, case_id)
    case.guard(message)
    if message in CONTROLLED:
        case.permit(actor, message)
    case.must_be_offered("message", message)
    given = forms.read(case.pack.forms.get(message), answer)
    detail = {"message": message}
    case.happen(actor, "interrupted", Messaged(message, facts=given.routing), given.record, detail, cause)
    case.save()


# -- asking and deciding -----------------------------------------------------------------------------

CONTROLLED = frozenset({"void", "supervise"})
"""Messages with a verb of their own, which asks first: `interrupt` wants the permission of that name."""


def ask(work: Work, actor: Actor, case_id: int, asked: Ask) -> int:
    """Opens a request. An extension has to be asked for before expiry. Returns the request's id."""
    case = take(work, case_id)
    case.guard(VERBS.get(asked.kind, asked.kind))
    row = case.step_row(asked.step) if asked.step is not None else None
    ASKS[asked.kind](case, actor, asked, row)
    detail = {n: v for n, v in fields(asked).items() if n not in SAID_IN_ASKING and v is not None}
    id = work.connection.execute(
        insert(tables.request).returning(tables.request.c.id),
        {
            "case": case_id,
            "step": asked.step,
            "kind": asked.kind,
            "area": case.row["area"],
            "asked_by": actor.person,
            "asked_unit": actor.unit,
            "asked_at": work.now,
            "to_unit": asked.to_unit or case.row["unit"],
            "to_person": asked.to_person,
            "detail": encode(detail).decode(),
            "status": "open",
        },
    ).scalar_one()
    said = {"reason": asked.reason, **({"ground": asked.ground} if asked.ground else {})}
    case.note(actor, f"{asked.kind}-asked", {"request": id, **detail}, said)
    case.save()
    return int(id)


def decide(work: Work, actor: Actor, request: int, grant: bool, reason: str) -> None:
    """Grants or denies a request, or answers a consultation. Nobody decides what they asked for."""
    query = select(tables.request).where(tables.request.c.id == request)
    found = work.connection.execute(query).mappings().first()
    if found is None:
        raise NotFound("request.unknown", "未找到此申请，或不在您的查看范围内。", "Not found, or outside your scope.")
    case = take(work, found["case"])
    found = work.connection.execute(query.with_for_update()).mappings().one()
    if found["status"] == "withdrawn":
        raise Conflict(
            "request.withdrawn",
            f"事项或环节已于{told(found['decided_at'])}办结，此申请已随之撤回，无须再作决定。",
            f"Its matter or step ended at {told(found['decided_at'])}, and the request with it: nothing to decide.",
            details={"by": None, "at": iso(found["decided_at"]), "status": "withdrawn"},
        )
    if found["status"] != "open":
        who, when = work.directory.name(found["decided_by"]), told(found["decided_at"])
        raise Conflict(
            "request.decided",
            f"{who}已于{when}作出决定。",
            f"{who} decided this at {when}.",
            details={"by": found["decided_by"], "at": iso(found["decided_at"]), "status": found["status"]},
        )
    asked = dict(found)
    case.may_decide(actor, asked)
    if grant:
        case.guard(VERBS.get(found["kind"], found["kind"]))
    outcome = "answered" if found["kind"] == "consultation" else "granted" if grant else "denied"
    work.connection.execute(
        update(tables.request).where(tables.request.c.id == request),
        {"status": outcome, "decided_by": actor.person, "decided_at": work.now},
    )
    case.note(actor, f"{found['kind']}-{outcome}", {"request": request}, {"reason": reason})
    if outcome == "granted":
        GRANTS[found["kind"]](case, actor, asked, decode(found["detail"], dict))
    case.save()


def urge(work: Work, actor: Actor, case_id: int, step: int | None, text: str) -> None:
    """Reminds whoever has the matter: on record, without changing anything."""
    case = take(work, case_id)
    case.permit(actor, "urge")
    case.must_be_open()
    row = case.step_row(step) if step is not None else None
    detail = {"step": row["token"], "node": row["node"], "unit": row["unit"]} if row else {}
    case.note(actor, "urged", detail, {"text": text})
    case.save()


def supervise(work: Work, actor: Actor, case_id: int, unit: str, opinion: str) -> None:
    """Formal supervision of a unit: the diagram opens a step in which it has to reply."""
    case = take(work, case_id)
    case.permit(actor, "supervise")
    work.directory.unit(unit)
    case.supervise(actor, unit, {"opinion": opinion})
    case.save()


def merge(work: Work, actor: Actor, duplicate: int, main: int, reason: str) -> None:
    """Ends a duplicate and joins it to the main case. Both keep their archive and remember each other."""
    if duplicate == main:
        raise Refused("case.merge-itself", "不能与自身并案。", "A case cannot be merged into itself.")
    taken = {id: take(work, id) for id in sorted((duplicate, main))}
    for case in taken.values():
        case.permit(actor, "merge")
        case.must_be_open()
        case.guard("merge")
    taken[duplicate].row["merged_into"] = main
    taken[duplicate].happen(actor, "merged", Cancelled("merged"), {"reason": reason}, {"into": taken[main].subject})
    taken[main].note(actor, "took-in-duplicate", {"from": taken[duplicate].subject}, {"reason": reason})
    for case in taken.values():
        case.save()


# -- what time, handlers and messages do -------------------------------------------------------------


def fire_due(work: Work, timer: int) -> bool:
    """The event of a timer that fell due. It happens once, with the true due time and the engine's own lateness
    on record. False: it has been dealt with, or the case stands still."""
    row = work.connection.execute(select(tables.timer).where(tables.timer.c.id == timer)).mappings().one()
    case = take(work, row["case"])
    row = work.connection.execute(select(tables.timer).where(tables.timer.c.id == timer)).mappings().one()
    if row["status"] != "waiting" or row["due_at"] > work.now or case.row["suspended"]:
        return False
    clock = case.state.clocks[row["clock"]]
    drawn = case.timer_node(clock).trigger.timer
    passed = timers.missed(drawn, row["due_at"], work.now) if drawn else 0
    case.timer_changes.append({"key": timer, "status": "fired", "fired_at": work.now, "due_at": row["due_at"]})
    case.fired = {"clock": clock.id, "due_at": row["due_at"], "missed": passed}
    late = max(0.0, (work.now - row["due_at"]).total_seconds())
    detail = {"node": clock.node, "due_at": iso(row["due_at"]), "late_seconds": int(late)}
    case.happen(MACHINE, "timer-fired", Fired(clock.id, passed), {}, detail, "timer")
    case.save()
    return True


def announce(work: Work, case_id: int) -> int:
    """Records the lights of a case that have changed (warning, overdue, to be supervised). The third light of a
    step supervises its unit. A suspension whose days are over ends. Returns how many lights changed."""
    case = take(work, case_id)
    if case.row["closed_at"]:
        return 0
    changed = 0
    if case.row["suspended"] and case.row["light_at"] is not None and case.row["light_at"] <= work.now:
        case.end_suspension()
    for row in list(case.steps.values()):
        if row["light_at"] is not None and row["light_at"] <= work.now:
            changed += case.change_light(row)
    if case.row["clock"] and case.row["light_at"] is not None and case.row["light_at"] <= work.now:
        changed += case.change_overall_light()
    case.save()
    return changed


def deliver(work: Work, case_id: int, message: Messaged, cause: str) -> None:
    """A message from another case reaches this one. Raises `Refused` when nothing waits for it (yet)."""
    case = take(work, case_id)
    case.happen(MACHINE, "message-received", message, {}, {"message": message.name}, cause)
    case.save()


def answer_call(work: Work, call: Call, facts: Mapping[str, Any]) -> bool:
    """The result of an effect handler. False: the step is gone meanwhile, and the result with it."""
    case = take(work, call.case)
    row = case.steps.get(call.step)
    if row is None or row["node"] != call.node:
        return False
    case.happen(MACHINE, "handled", Completed(call.step, dict(facts)), {}, {"node": call.node}, call.key)
    case.save()
    return True


def fail_call(work: Work, call: Call, code: str, text: str) -> None:
    """An effect handler gave up for good: an incident that a person can retry or give up."""
    case = take(work, call.case)
    row = case.steps.get(call.step)
    if row is not None and row["node"] == call.node:
        case.notes[call.step] = text
        case.happen(MACHINE, "handler-failed", Failed(call.step, code), {}, {"node": call.node}, call.key)
        case.save()


def retry(work: Work, actor: Actor, incident: int, facts: Mapping[str, Any]) -> None:
    """Tries again what is stuck, after setting variables if that is what was missing. What the clock could not do it
    tries again by itself."""
    case, row = take_incident(work, incident)
    case.permit(actor, "repair")
    case.settle_incident(row, actor)
    detail = {"node": row["node"], "code": row["code"]}
    if row["token"] is not None:
        case.happen(actor, "retried", Retried(row["token"], dict(facts)), {}, detail)
    elif facts:
        case.happen(actor, "retried", Assigned(dict(facts)), {}, detail)
    else:
        case.note(actor, "retried", detail)
    case.save()


def give_up(work: Work, actor: Actor, incident: int, reason: str) -> None:
    """Ends the case because what is stuck cannot be mended. A case that has ended already stays as it is."""
    case, row = take_incident(work, incident)
    case.permit(actor, "repair")
    case.settle_incident(row, actor)
    said, detail = {"reason": reason}, {"node": row["node"], "code": row["code"]}
    if case.row["closed_at"]:
        case.note(actor, "given-up", detail, said)
    else:
        case.happen(actor, "given-up", Cancelled("incident"), said, detail)
    case.save()


def assign(work: Work, actor: Actor, case_id: int, facts: Mapping[str, Any], kind: str, cause: str = "") -> None:
    """Sets variables of a case from outside (a matter type that was corrected, …)."""
    case = take(work, case_id)
    case.happen(actor, kind, Assigned(dict(facts)), {}, {}, cause)
    case.save()


def follow(work: Work, case_id: int, unit: str, follower: str, cause: str) -> list[dict[str, Any]]:
    """What a unit that is no more had to do in a case passes to the one that follows it: its open steps, and the
    variables that name it, so that later steps find somebody. The place of the case stays where it was. Returns the
    steps (`step`, `node`)."""
    case = take(work, case_id)
    named = {name: follower for name, value in case.state.facts.items() if value == unit}
    moved = case.pass_on(unit, follower)
    if named or moved:
        detail = {"from": unit, "to": follower, "steps": moved}
        case.happen(MACHINE, "passed-on", Assigned(named), {}, detail, cause)
    case.save()
    return moved


def note_refusal(work: Work, actor: Actor, case_id: int, refusal: Refused, verb: str) -> None:
    """Records an attempt that the law, the list or the pack forbade; the attempt itself wrote nothing."""
    case = take(work, case_id)
    case.note(actor, "refused", {"verb": verb, "code": refusal.code, "article": refusal.article})
    case.save()


def recompute(work: Work, case_id: int, cause: str) -> int:
    """Counts the open due times of a case again, after the calendar changed; each change is recorded."""
    case = take(work, case_id)
    changes = case.count_again()
    if changes:
        case.note(MACHINE, "due-recomputed", {"changes": changes}, {}, cause)
    case.save()
    return len(changes)


_STATE = select(tables.case.c.state).where(tables.case.c.id == bindparam("id"))


def facts_at(work: Work, case_id: int, step: int) -> Mapping[str, Any]:
    """The variables that can be read at an open step."""
    row = work.connection.execute(_STATE, {"id": case_id}).one()
    state = decode(row.state, State)
    token = state.tokens.get(step)
    return variables(state, token.scope if token else 1)


def pack_of(work: Work, case_id: int) -> Pack:
    """The pack that governs a case."""
    key = work.connection.execute(select(tables.case.c.pack).where(tables.case.c.id == case_id)).scalar_one()
    return work.library.pack(work.connection, key)
