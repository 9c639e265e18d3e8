"""What a handler may know of the case that asks: its variables, and what its pack cites."""

from collections.abc import Mapping
from typing import Any

from engine import cases
from engine.work import Call, Work


def of(work: Work, call: Call) -> Mapping[str, Any]:
    """The routing variables that can be read at the step of a call."""
    return cases.facts_at(work, call.case, call.step)


def cited(work: Work, call: Call, *articles: str) -> str:
    """The first of these articles that the pack of the case cites; empty where it knows none of them."""
    known = cases.pack_of(work, call.case).articles
    return next((article for article in articles if article in known), "")
