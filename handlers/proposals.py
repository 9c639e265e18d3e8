"""What settled disputes propose for the triage table, and what people make of it: nothing learns by itself.

Register `triage_proposal`, one entry per settled dispute, kept in the area of the unit it names: `matter_type`,
`department` (unit id), `functions` (what that unit is competent for), `dispute` (entry it comes from), `status`
(open, approved, rejected) and `decided_by` (a post).

Register `triage_row`, what has been approved: one row per item and area, which the triage proposes before its table is
asked: `item`, `unit` (its id), `functions`, `dispute`, `proposal` (entries it comes from), `decided_by` (a post). It
holds since the day of its approval, until it is ended or another is approved in its place.
"""

from engine import registers
from engine.directory import Actor, Unit
from engine.errors import Conflict, Forbidden, Invalid
from engine.library import day_of
from engine.registers import Registered
from engine.work import Call, Work

KIND = "triage_proposal"
ROW = "triage_row"
DECIDES = "duty_officer"
"""The role that approves or rejects, and ends what was approved."""


def propose(work: Work, call: Call, matter_type: str, bound: Unit, dispute: str) -> Registered:
    """A proposal out of a settled dispute; open until somebody decides."""
    body = {
        "matter_type": matter_type,
        "department": bound.id,
        "functions": bound.attributes.get("functions", []),
        "dispute": dispute,
        "status": "open",
        "decided_by": "",
    }
    return registers.put(
        work, call.actor, KIND, f"{call.case}-{call.step}", body, area=bound.area, unit=bound.id,
        about=dispute, case=call.case,
    )  # fmt: skip


def decide(work: Work, actor: Actor, name: str, approve: bool) -> Registered:
    """Approves or rejects a proposal, once; what is approved is a row of the triage from today on. Raises `NotFound`,
    `Forbidden` for who may not decide here, `Conflict` when it has been decided."""
    known = registers.get(work, f"{KIND}/{name}")
    _must_decide(actor, known)
    if known.body["status"] != "open":
        raise Conflict("proposal.decided", "此分流建议已有决定。", "This proposal has been decided.")
    body = {**known.body, "status": "approved" if approve else "rejected", "decided_by": actor.post}
    decided = registers.put(
        work, actor, KIND, name, body, area=known.area, unit=known.unit, about=known.about or "", case=known.case
    )
    if approve:
        _enter(work, actor, decided)
    return decided


def row(work: Work, item: str, area: str) -> Registered | None:
    """The approved row for an item in an area: of the smallest area that contains it; None where there is none."""
    found = [one for one in registers.around(work, ROW, area) if one.body["item"] == item]
    return max(found, key=lambda one: len(one.area), default=None)


def settled(work: Work, item: str, area: str) -> Unit | None:
    """The unit that the approved row for an item in an area names; None where nobody has approved one."""
    found = row(work, item, area)
    return work.directory.unit(found.body["unit"]) if found else None


def rows(work: Work, actor: Actor) -> list[Registered]:
    """The approved rows that hold where the actor is."""
    return registers.holding(work, ROW, near=actor.area)


def end(work: Work, actor: Actor, name: str, reason: str) -> None:
    """The row holds until today; from tomorrow on the table proposes again. Raises `NotFound`, `Forbidden`, and
    `Invalid` without a reason."""
    known = registers.get(work, f"{ROW}/{name}")
    _must_decide(actor, known)
    if not reason.strip():
        raise Invalid("proposal.no-reason", "请写明停用的理由。", "Give the reason for ending it.")
    registers.end(work, actor, known.id, day_of(work.now), reason, known.case)


def _enter(work: Work, actor: Actor, proposal: Registered) -> None:
    """The row that an approved proposal becomes, in the place of what held for its item and area before."""
    body = {
        "item": proposal.body["matter_type"],
        "unit": proposal.body["department"],
        "functions": proposal.body["functions"],
        "dispute": proposal.body["dispute"],
        "proposal": proposal.id,
        "decided_by": proposal.body["decided_by"],
    }
    known = row(work, body["item"], proposal.area)
    name = (known if known and known.area == proposal.area else proposal).id.partition("/")[2]
    registers.put(
        work, actor, ROW, name, body, area=proposal.area, unit=proposal.unit, about=proposal.id, case=proposal.case
    )


def _must_decide(actor: Actor, known: Registered) -> None:
    if actor.role != DECIDES or not known.area.startswith(actor.area):
        raise Forbidden(
            "proposal.not-yours",
            "分流建议由该部门所在层级或以上机构的值班长决定。",
            "The duty officer of an agency whose area covers the department decides on this proposal.",
        )
