"""What a matter must contain before it is kept (JS-29.2, X3-21): the last look at a matter before its archive."""

from collections.abc import Mapping
from typing import Any

from engine.errors import Refused
from engine.work import Call, Work
from handlers import facts


def keep(work: Work, call: Call) -> Mapping[str, Any]:
    """Checks that nothing is missing and keeps the matter. Raises `Refused` naming what is missing."""
    known = facts.of(work, call)
    if known.get("has_requester") and "inform_outcome" not in known and call.node == "archive":
        raise Refused(
            "archive.requester-not-informed",
            "归档前请告知诉求人，或写明无法告知的原因。",
            "Inform the requester first, or record why it is impossible.",
            article=facts.cited(work, call, "JS-29.2"),
        )
    return {}
