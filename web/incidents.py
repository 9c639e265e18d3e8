"""Incidents: what failed, to be tried again or given up."""

from typing import Any

from engine import outbox, queries
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look
from web.requests import Page

routes = APIBlueprint("incidents", __name__, tag="incidents", url_prefix="/api")


class Retry(Body):
    """Variables to set before trying again, if that is what was missing."""

    facts: dict[str, Any] = {}


class GiveUp(Body):
    """Why it cannot be mended."""

    reason: str = Field(min_length=1)


@routes.get("/incidents")
@routes.input(Page, location="query")
@routes.output(shapes.Incidents)
@routes.doc(security=SECURED)
def incidents(query_data: Page) -> dict[str, Any]:
    """异常 Open incidents, the oldest first"""
    return look(lambda work, who: queries.incidents(work, who, query_data.cursor, query_data.size))


@routes.post("/incidents/<int:id>/retry")
@routes.input(Retry)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def retry(id: int, json_data: Retry) -> dict[str, Any]:
    """重试 Try again"""
    return act(
        "retry",
        json_data.model_dump(),
        lambda work, who, _: outbox.retry(work, who, id, json_data.facts),
        lambda work, who: queries.seen_incident(work, who, id),
    )


@routes.post("/incidents/<int:id>/give-up")
@routes.input(GiveUp)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def give_up(id: int, json_data: GiveUp) -> dict[str, Any]:
    """终止 Give up: a step that is stuck ends the matter; a message or job stays undone"""
    return act(
        "give_up",
        json_data.model_dump(),
        lambda work, who, _: outbox.give_up(work, who, id, json_data.reason),
        lambda work, who: queries.seen_incident(work, who, id),
    )
