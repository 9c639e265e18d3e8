"""Who answers for damage that a worker did on duty (JS-40): the township; where it thinks it is not for it to bear, the
county government may be asked to determine who is.

Register `liability`, named by its case, about the worker: worker, bearer and determined_by (units), matter (number,
empty where none was named), acts (numbers of the records in that matter's chain that are the worker's),
document_number (empty where the township bears it itself).
"""

from collections.abc import Mapping
from typing import Any

from engine import queries, records, registers
from engine.work import Call, Work
from handlers import facts


def attribute(work: Work, call: Call) -> Mapping[str, Any]:
    """The acts of the worker in the matter that was named: the numbers of their records in its chain. Raises `NotFound`
    for a matter that whoever reports it may not see."""
    number = call.said.get("matter_number", "")
    if not number:
        return {"acts": []}
    matter, worker = queries.seen_matter(work, call.actor, number), facts.of(work, call)["worker"]
    chain = records.chain(work.connection, f"case/{matter.id}")
    return {"acts": [record.number for record in chain if record.actor == worker]}


def record(work: Work, call: Call) -> Mapping[str, Any]:
    """Registers who bears it: whom the county determined, or the township itself."""
    known = facts.of(work, call)
    asked = known["bear_or_ask_outcome"] == "ask_county"
    body = {
        "worker": known["worker"],
        "bearer": known["bearer"] if asked else known["township_government"],
        "determined_by": known["county_government"] if asked else known["township_government"],
        "matter": call.said.get("matter_number", ""),
        "acts": known["acts"],
        "document_number": call.said["document_number"] if asked else "",
    }
    area = work.directory.unit(known["subject"]).area
    registers.put(
        work, call.actor, "liability", str(call.case), body,
        area=area, unit=body["determined_by"], about=body["worker"], case=call.case,
    )  # fmt: skip
    return {}
