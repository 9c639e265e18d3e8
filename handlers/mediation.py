"""Platforms that mediate conflicts (综治中心, ZJ-16.2; with stations in villages, ZJD-17.2): departments with the
function `mediation`, to which a matter is dispatched like to any other. What came of the mediation is then part of the
result.
"""

from collections.abc import Mapping
from typing import Any

from engine.errors import Refused
from engine.work import Call, Work
from handlers import facts

FUNCTION = "mediation"


def outcome(work: Work, call: Call) -> Mapping[str, Any]:
    """Guard of the step in which a department reports its result: a mediation platform says whether there was an
    agreement, and by which kind of mediation."""
    unit = work.directory.unit(facts.of(work, call)["unit"])
    told = call.arguments.get("mediation_outcome") and call.arguments.get("mediation_kind")
    if FUNCTION in unit.attributes.get("functions", ()) and not told:
        raise Refused(
            "mediation.no-outcome",
            "请填写调解结果（是否达成协议）和调解方式。",
            "Say whether the mediation led to an agreement, and what kind of mediation it was.",
            article=facts.cited(work, call, "ZJ-16.2", "ZJD-17.2"),
        )
    return {}
