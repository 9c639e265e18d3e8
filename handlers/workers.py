"""Grid workers: who may be appointed (JS-12.2, JS-14, X3-12), what comes before duty (ZJ-23, ZJD-27.2, X3-14.3, LZ-21),
their card, and how they leave (X3-15, ZJD-29.2).

Register `worker_card`, named by its number, about the person: person, grid, worker_kind, post. It is issued with the
appointment and ends with the last day in the post. What stood against somebody is never kept: only who checked and
what came of it.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from engine import cases, directory, registers
from engine.directory import Actor
from engine.errors import NotFound, Refused, Words
from engine.library import Pack, day_of
from engine.model import Value
from engine.registers import Registered
from engine.work import Call, Work
from handlers import facts, publicity

ADULT = 18
"""Years of age, from the birthday on (JS-14.1, X3-12)."""

KINDS: Mapping[str, Words] = {
    "grid_chief": Words("网格长", "grid chief"),
    "full_time": Words("专职网格员", "full-time worker"),
    "part_time": Words("兼职网格员", "part-time worker"),
}
ROLES = ("grid_worker", "grid_chief")
"""The posts of a worker in a grid."""

CHIEFS = frozenset({"party_organisation_member", "committee_member", "full_time_worker"})
"""Who may be chief (JS-12.2); the heads of both bodies may not."""

CARD = "worker_card"


class Card(Value, frozen=True):
    """The identity card of a worker. `case` issued it; `valid`: it holds today."""

    number: str
    person: str
    name: str
    work_contact: str
    grid: str
    grid_name: str
    kind: str
    case: int
    valid: bool


# -- appointment -------------------------------------------------------------------------------------


def eligible(work: Work, call: Call) -> Mapping[str, Any]:
    """Guard of the step that checks the conditions: “eligible” takes every condition met, no bar, and eighteen years by
    the date of birth. The date and the bars are looked at here and nowhere kept."""
    answer = call.arguments
    if answer["check_eligibility_outcome"] != "eligible":
        return {}
    met = all(value for name, value in answer.items() if name.startswith("condition_"))
    if not met or age(date.fromisoformat(answer["birth_date"]), day_of(work.now)) < ADULT:
        raise Refused(
            "worker.conditions",
            "任职条件没有全部具备（须年满十八周岁），不能选“符合”。",
            "Not every condition is met (eighteen years among them): the person is not eligible.",
            article=facts.cited(work, call, "JS-14.1", "X3-12"),
        )
    if any(value for name, value in answer.items() if name.startswith("bar_")):
        raise Refused(
            "worker.barred",
            "有不得任职的情形，不能选“符合”。",
            "There is a bar to the appointment: the person is not eligible.",
            article=facts.cited(work, call, "JS-14.2"),
        )
    return {}


def age(birth: date, day: date) -> int:
    """Full years on a day."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def chief(work: Work, call: Call) -> Mapping[str, Any]:
    """Guard of the step that determines a chief (JS-12.2): a member of the village's party organisation or committee
    other than its head, or a full-time worker; and both bodies agreed (reading of “together with”)."""
    if call.arguments["determine_chief_outcome"] != "determined":
        return {}
    known, article = facts.of(work, call), facts.cited(work, call, "JS-12.2")
    capacity = call.arguments["chief_capacity"]
    if capacity not in CHIEFS or (capacity == "full_time_worker" and not _full_time(work, known)):
        raise Refused(
            "worker.no-chief",
            "网格长只能由村（社区）党组织、村（居）委会除主要负责人以外的成员或者登记在册的专职网格员担任。",
            "Chief can be a member of the village's party organisation or committee other than its head, or a recorded "
            "full-time worker, and nobody else.",
            article=article,
        )
    if not (known["party_organisation_agrees"] and known["committee_agrees"]):
        raise Refused(
            "worker.chief-not-agreed",
            "村（社区）党组织和村（居）委会尚未都同意，请会同商定后再确定。",
            "The village's party organisation and committee have not both agreed: settle it with them first.",
            article=article,
        )
    return {}


def _full_time(work: Work, known: Mapping[str, Any]) -> bool:
    return work.directory.worker_kind(known.get("worker", "")) == "full_time"


def gate(work: Work, call: Call) -> Mapping[str, Any]:
    """Whether the person still has to pass a training before duty in the role."""
    known, pack = facts.of(work, call), cases.pack_of(work, call.case)
    lacking = work.directory.untrained(known.get("worker", ""), role(pack, known["worker_kind"]), _gate(pack))
    return {"training_needed": lacking is not None}


def appoint(work: Work, call: Call) -> Mapping[str, Any]:
    """Records the person, the trainings passed and the post, and issues the card. A post begins only for who has passed
    what the pack wants before duty, and not on a day that is over. Returns the person's id."""
    known, pack = facts.of(work, call), cases.pack_of(work, call.case)
    begins = _not_over(work, call.said["begins_on"])
    person = _person(work, call, known, begins)
    _trained(work, call, person, known, pack)
    _may_begin(work, person, role(pack, known["worker_kind"]), pack)
    post = f"post-{call.case}"
    directory.give_post(
        work.connection,
        post,
        person=person,
        unit=known["subject"],
        role=role(pack, known["worker_kind"]),
        valid_from=begins,
        roles={key: one.unit_kinds for key, one in pack.roles.items()},
        by=call.actor,
        at=work.now,
    )
    _issue(work, call, {"person": person, "grid": known["subject"], "worker_kind": known["worker_kind"], "post": post})
    publicity.changed(work, known["subject"], "worker_changed", f"case/{call.case}", begins)
    return {"appointed": person}


def role(pack: Pack, kind: str) -> str:
    """The role of a kind of worker: a chief's where the pack knows chiefs."""
    return "grid_chief" if kind == "grid_chief" and "grid_chief" in pack.roles else "grid_worker"


def _gate(pack: Pack) -> dict[str, Any]:
    found: dict[str, Any] = pack.setting("training_gate", {})
    return found


def _not_over(work: Work, day: str) -> date:
    found = date.fromisoformat(day)
    if found < day_of(work.now):
        raise Refused(
            "worker.day-over",
            f"{day}已过，任期的起止不能早于今天。",
            f"{day} is over: a post neither begins nor ends before today.",
        )
    return found


def _person(work: Work, call: Call, known: Mapping[str, Any], begins: date) -> str:
    """The person appointed, recorded as what they now are; somebody new gets an id of the case."""
    person = known.get("worker", "")
    if person and work.directory.name(person) == person:
        raise NotFound("worker.unknown", f"没有登记人员“{person}”。", f"Nobody is recorded as “{person}”.")
    grid = work.directory.unit(known["subject"])
    directory.put_person(
        work.connection,
        person or f"worker-{call.case}",
        name=call.said["worker_name"],
        contact=call.said["work_contact"],
        worker_kind=known["worker_kind"],
        valid_from=begins if person else day_of(work.now),
        by=call.actor,
        at=work.now,
        area=grid.area,
    )
    return person or f"worker-{call.case}"


def _trained(work: Work, call: Call, person: str, known: Mapping[str, Any], pack: Pack) -> None:
    """What the person passed in this case, given by whom the pack's gate says."""
    outcomes = {"pre_job": known.get("training_outcome"), "assessment": known.get("assessment_outcome")}
    for kind, outcome in outcomes.items():
        if outcome is not None:
            directory.record_training(
                work.connection,
                f"{person}-{kind}-{call.case}",
                person=person,
                kind=kind,
                passed=outcome == "passed",
                given_by=known[_gate(pack).get("given_by", "township_agency")],
                valid_from=day_of(work.now),
                by=call.actor,
                at=work.now,
            )


def _may_begin(work: Work, person: str, role: str, pack: Pack) -> None:
    lacking = work.directory.untrained(person, role, _gate(pack))
    if lacking is not None:
        raise Refused("person.not-trained", *lacking, article=_gate(pack).get("basis", ""))


def _issue(work: Work, call: Call, body: Mapping[str, Any]) -> None:
    grid = work.directory.unit(body["grid"])
    registers.put(
        work,
        call.actor,
        CARD,
        f"{work.now.year}{call.case:06d}",
        body,
        area=grid.area,
        unit=grid.id,
        about=body["person"],
        case=call.case,
        valid_from=date.fromisoformat(call.said["begins_on"]),
    )


# -- leaving -----------------------------------------------------------------------------------------


def nothing_open(work: Work, call: Call) -> Mapping[str, Any]:
    """Guard of the handing over: what the person still holds has to be reassigned first (X3-15, reading)."""
    held = work.directory.held(facts.of(work, call)["worker"])
    if held:
        named = "、".join(f"{one.number}“{one.name}”" for one in held)
        raise Refused(
            "worker.open-steps",
            f"该网格员名下还有未办完的环节：{named}。请先改派，再移交。",
            f"The worker still holds open steps: {named}. Reassign them before handing over.",
            article=facts.cited(work, call, "X3-15"),
            details={"steps": [one._asdict() for one in held]},
        )
    return {}


def leave(work: Work, call: Call) -> Mapping[str, Any]:
    """Ends every post the worker has in grids, and the card, after the last day."""
    person, last_day = facts.of(work, call)["worker"], _not_over(work, call.said["last_day"])
    posts = list(_posts(work, person))
    if not posts:
        raise Refused("worker.no-post", "此人没有网格员岗位。", "This person has no worker's post.")
    for post in posts:
        directory.end_post(work.connection, post.post, last_day=last_day, by=call.actor, at=work.now)
        publicity.changed(work, post.unit, "worker_changed", f"case/{call.case}", last_day + timedelta(days=1))
    for one in registers.holding(work, CARD, day=last_day, about=person):
        registers.end(work, call.actor, one.id, last_day, "left", call.case)
    return {}


def _posts(work: Work, person: str) -> Iterator[Actor]:
    return (post for post in work.directory.actors(person) if post.role in ROLES)


# -- the card ----------------------------------------------------------------------------------------


def card(work: Work, person: str) -> Card:
    """The card that a worker has today. Raises `NotFound` when there is none."""
    found = registers.holding(work, CARD, about=person)
    if not found:
        raise NotFound("worker.no-card", "此人没有有效的工作证。", "This person has no valid worker's card.")
    return _card(work, found[0])


def checked(work: Work, number: str) -> Card | None:
    """The card with this number, also one that is over; None where none was ever issued."""
    issued = next(registers.history(work, f"{CARD}/{number}"), None)
    return None if issued is None else _card(work, issued)


def _card(work: Work, found: Registered) -> Card:
    posted = {one.person: one.contact for one in work.directory.posted(found.body["grid"])}
    person, today = found.body["person"], day_of(work.now)
    return Card(
        number=found.id.removeprefix(f"{CARD}/"),
        person=person,
        name=work.directory.name(person),
        work_contact=posted.get(person, ""),
        grid=found.body["grid"],
        grid_name=work.directory.unit_name(found.body["grid"]),
        kind=found.body["worker_kind"],
        case=found.case or 0,
        valid=found.valid_from <= today and (found.valid_to is None or today <= found.valid_to),
    )
