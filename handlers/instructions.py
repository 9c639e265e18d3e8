"""Work instructions to a grid worker: what is off the list goes back to whoever sent it (ZJ-10, JS-16.3)."""

from collections.abc import Mapping
from typing import Any

from engine.work import Call, Work
from handlers import facts


def refuse(work: Work, call: Call) -> Mapping[str, Any]:
    """Says why an instruction does not reach the worker; the refusal itself is on record as this step."""
    known = facts.of(work, call)
    if known.get("requires_enforcement_power"):
        return {"refused_because": "enforcement"}
    return {"refused_because": "off_list" if not known.get("listed") else "not_for_workers"}
