"""The variables of a case as a handler may read them: those visible at the step that asks."""

from collections.abc import Mapping
from typing import Any

from engine import cases
from engine.work import Call, Work


def of(work: Work, call: Call) -> Mapping[str, Any]:
    """The routing variables that can be read at the step of a call."""
    return cases.facts_at(work, call.case, call.step)
