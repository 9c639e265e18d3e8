"""The matter both engines walk: the diagram, the facts it begins with, what is answered on the way.

A route says what deviates from the usual answers, in order: at this node this answer, this escalation, or this
message first. Both engines take the open task that comes first in `TURN`, so that a route is one sequence of tasks.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

DIAGRAM = Path(__file__).with_name("matter.bpmn")
PROCESS = "matter"

FACTS: Mapping[str, Any] = {
    "listed": True,
    "performer": "grid_worker",
    "handling_mode": "self_handle",
    "requires_enforcement_power": False,
    "has_requester": True,
    "through_worker": False,
    "reporter": "grid_chief",
    "assignments": [
        {"unit": "first", "duty": "lead", "limit": "handle"},
        {"unit": "second", "duty": "co_handler", "limit": "handle"},
    ],
}

ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "verify": {"verify_outcome": "substantiated"},
    "self_handle": {"self_handle_outcome": "cannot_handle"},
    "triage": {"triage_outcome": "dispatch"},
    "feedback": {"handling_outcome": "completed"},
    "check": {"check_outcome": "passed"},
    "mediate": {"mediate_outcome": "agreed", "decided_unit": "third"},
    "decide": {"decided_unit": "third"},
}
"""What is usually answered at a node; nothing at the others."""


class Turn(NamedTuple):
    """What happens at a node instead of the usual answer: another answer, or an escalation from it, or a message
    that comes while it is open."""

    node: str
    answer: Mapping[str, Any] | None = None
    escalation: str = ""
    message: str = ""


USUAL: tuple[Turn, ...] = ()
"""Thirteen user tasks, two departments in parallel: what the measurements walk."""

ROUTES: Mapping[str, tuple[Turn, ...]] = {
    "usual": USUAL,
    "unsubstantiated": (Turn("verify", {"verify_outcome": "unsubstantiated"}),),
    "handled by the worker": (Turn("self_handle", {"self_handle_outcome": "handled"}),),
    "verified again": (Turn("triage", {"triage_outcome": "verify_again"}),),
    "coordinated": (Turn("triage", {"triage_outcome": "coordinate"}),),
    "coordinated higher up": (Turn("triage", {"triage_outcome": "ask_higher"}),),
    "disputed, agreed": (Turn("accept", escalation="dispute"),),
    "disputed, decided": (
        Turn("handle", escalation="dispute"),
        Turn("mediate", {"mediate_outcome": "failed", "decided_unit": None}),
    ),
    "emergency": (Turn("escalate", message="emergency"),),
    "supervised": (Turn("triage", message="supervise"),),
}

TURN = (
    "report_to_township", "township_handles", "report_to_departments", "assist", "report_to_government",
    "government_receipt", "reply_supervision", "verify", "self_handle", "escalate", "triage", "coordinate",
    "coordinate_higher", "mediate", "decide", "accept", "handle", "feedback", "check", "inform", "close",
)  # fmt: skip
"""Which of several open tasks is answered first."""


def first(open_: Iterable[str]) -> str:
    """The node whose turn it is."""
    return min(open_, key=TURN.index)
