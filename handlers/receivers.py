"""Who signs for what a department is given (ZJD-13.2): somebody named for it. Where a department has nobody the text
orders no refusal: its head receives meanwhile, and the agency that dispatched is shown the finding (both a reading).

Register `receiver_finding`, one entry for each department that was once found without, by its unit id: `department`,
`named` (false: there was nobody when it was last given something). `unit` is the agency that dispatched.
"""

from collections.abc import Mapping
from typing import Any

from engine import registers
from engine.work import Call, Work
from handlers import facts

KIND = "receiver_finding"
RECEIVER, HEAD = "receiver", "department_head"


def find(work: Work, call: Call) -> Mapping[str, Any]:
    """The role that signs for the department of this step; notes where it has nobody named, and when it has again."""
    known = facts.of(work, call)
    unit, named = known["unit"], bool(work.directory.holders(RECEIVER, known["unit"]))
    noted = registers.holding(work, KIND, about=unit)
    if named != (not noted or noted[0].body["named"]):
        _note(work, call, known, named)
    return {"receiver_role": RECEIVER if named else HEAD}


def _note(work: Work, call: Call, known: Mapping[str, Any], named: bool) -> None:
    unit, agency = known["unit"], work.directory.unit(known["agency"])
    body = {"department": unit, "named": named}
    registers.put(
        work, call.actor, KIND, unit, body, area=agency.area, unit=agency.id, about=unit, case=call.case
    )  # fmt: skip
