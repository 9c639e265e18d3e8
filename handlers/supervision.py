"""What comes of supervision: a notice, a talk, being held accountable; of a department or of who is responsible there
(ZJD-29.2; a product default under the other texts). That they are a ladder is a reading, so none needs another first.

Register `supervision_outcome`, named by its case, about the unit: outcome (notice | talk | accountability), ground,
responsible_person (empty: the unit as such), matter (number, empty where none was named), document_number.
"""

from collections.abc import Mapping
from typing import Any

from engine import queries, registers
from engine.work import Call, Work
from handlers import facts


def record(work: Work, call: Call) -> Mapping[str, Any]:
    """Registers what was decided. Raises `NotFound` for a unit or a matter that is not there."""
    known = facts.of(work, call)
    unit, number = work.directory.unit(known["against_unit"]), call.said.get("matter_number", "")
    body = {
        "outcome": known["supervision_outcome"],
        "ground": known["supervision_ground"],
        "responsible_person": known.get("responsible_person", ""),
        "matter": queries.seen_matter(work, call.actor, number).number if number else "",
        "document_number": call.said["document_number"],
    }
    registers.put(
        work, call.actor, "supervision_outcome", str(call.case), body,
        area=unit.area, unit=known["county_government"], about=unit.id, case=call.case,
    )  # fmt: skip
    return {}
