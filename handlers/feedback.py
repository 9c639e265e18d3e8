"""Who hears what a department did (ZJ-13.3, X3-20.3, LZ-16.2): a question where the law asks for the agency of the
department's own level, whoever dispatched the matter."""

from collections.abc import Mapping
from typing import Any

from engine.work import Call, Work
from handlers import facts


def recipient(work: Work, call: Call) -> Mapping[str, Any]:
    """The agency of the department's own level for the grid of the matter; nothing where that level has none, and
    whoever dispatched it is told."""
    known = facts.of(work, call)
    unit, grid = work.directory.unit(known["unit"]), work.directory.unit(known["grid"])
    agency = work.directory.agency_of(grid.area, unit.level)
    return {"feedback_to": agency.id} if agency is not None else {}
