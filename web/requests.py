"""Requests: extension, suspension, resumption, void, consultation; asked for on a matter, decided by another."""

from typing import Any

from engine import cases, casework, queries
from engine.casework import RequestKind
from engine.limits import Unit
from engine.queries import PAGE, PAGES
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look

routes = APIBlueprint("requests", __name__, tag="requests", url_prefix="/api")


class Page(Body):
    """A page of a list."""

    cursor: str = Field(default="", max_length=500)
    size: int = Field(default=PAGE, ge=1, le=PAGES)


class Ask(Body):
    """What is asked for, and why."""

    kind: RequestKind
    reason: str = Field(min_length=1)
    step: int | None = None
    amount: int | None = Field(default=None, ge=1, le=10_000)
    unit: Unit | None = None
    ground: str = ""
    ceiling_days: int | None = None
    to_unit: str | None = None
    to_person: str | None = None


class Decision(Body):
    """Granted or not, and why."""

    grant: bool
    reason: str = Field(min_length=1)


@routes.get("/requests")
@routes.input(Page, location="query")
@routes.output(shapes.Requests)
@routes.doc(security=SECURED)
def requests(query_data: Page) -> dict[str, Any]:
    """待决定 Open requests, the oldest first"""
    return look(lambda work, who: queries.requests(work, who, query_data.cursor, query_data.size))


@routes.post("/matters/<number>/requests")
@routes.input(Ask)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def ask(number: str, json_data: Ask) -> dict[str, Any]:
    """提出申请 Ask for an extension, a suspension, …"""
    asked = casework.Ask(**json_data.model_dump())
    return act(
        asked.kind,
        json_data.model_dump(),
        lambda work, who, matter: {"request": cases.ask(work, who, matter.id, asked)},
        lambda work, who: queries.seen_matter(work, who, number),
    )


@routes.post("/requests/<int:id>/decide")
@routes.input(Decision)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def decide(id: int, json_data: Decision) -> dict[str, Any]:
    """审批 Grant or deny"""
    return act(
        "decide",
        json_data.model_dump(),
        lambda work, who, _: cases.decide(work, who, id, json_data.grant, json_data.reason),
        lambda work, who: queries.seen_request(work, who, id),
    )
