"""What settled disputes propose for the triage table, and what people make of it: nothing learns by itself.

Register `triage_proposal`, one entry per settled dispute, kept in the area of the unit it names: `matter_type`,
`department` (unit id), `functions` (what that unit is competent for), `dispute` (entry it comes from), `status`
(open, approved, rejected) and `decided_by` (a post).
"""

from engine import registers
from engine.directory import Actor, Unit
from engine.errors import Conflict, Forbidden
from engine.registers import Registered
from engine.work import Call, Work

KIND = "triage_proposal"
DECIDES = "duty_officer"
"""The role that approves or rejects."""


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
    """Approves or rejects a proposal, once. Raises `NotFound`, `Forbidden` for who may not decide here, `Conflict` when
    it has been decided."""
    known = registers.get(work, f"{KIND}/{name}")
    if actor.role != DECIDES or not known.area.startswith(actor.area):
        raise Forbidden(
            "proposal.not-yours",
            "分流建议由该部门所在层级或以上机构的值班长决定。",
            "The duty officer of an agency whose area covers the department decides on this proposal.",
        )
    if known.body["status"] != "open":
        raise Conflict("proposal.decided", "此分流建议已有决定。", "This proposal has been decided.")
    body = {**known.body, "status": "approved" if approve else "rejected", "decided_by": actor.post}
    return registers.put(
        work, actor, KIND, name, body, area=known.area, unit=known.unit, about=known.about or "", case=known.case
    )


def settled(work: Work, matter_type: str, area: str) -> Unit | None:
    """The unit that the newest approved proposal names for a type in an area; None where nobody has approved one."""
    found = [
        one
        for one in registers.holding(work, KIND, around=area)
        if (one.body["matter_type"], one.body["status"]) == (matter_type, "approved")
    ]
    newest = max(found, key=lambda one: (one.recorded_at, one.row), default=None)
    return work.directory.unit(newest.body["department"]) if newest else None
