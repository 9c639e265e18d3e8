"""The card of a grid worker: for the worker and the agencies, and for anybody at a door who wants to know whether a
card is good. The public check wants nobody signed in and tells nothing of the person."""

from typing import Any

from engine import cases
from engine.directory import Actor, covers
from engine.errors import NotFound
from engine.model import plain
from engine.work import Work
from handlers import complaints, workers
from web import http, shapes
from web.http import SECURED, APIBlueprint, Response, look

routes = APIBlueprint("public_workers", __name__, tag="workers")

OPEN = frozenset({"public_workers.check", "public_workers.page"})
"""The endpoints that want nobody signed in."""


@routes.get("/api/public/workers/<number>")
@routes.output(shapes.CheckedCard)
def check(number: str) -> dict[str, Any]:
    """核验工作证 Whether a worker's card is valid; of which kind and grid, if it is"""
    with http.site().engine.look() as work:
        return _checked(work, number)


@routes.get("/public/workers/<number>")
@routes.doc(hide=True)
def page(number: str) -> Response:
    """The same as a page, for whoever scans a card."""
    with http.site().engine.look() as work:
        return http.page("public/worker.html", told=_checked(work, number))


@routes.get("/api/workers/<person>/card")
@routes.output(shapes.Card)
@routes.doc(security=SECURED)
def card(person: str) -> dict[str, Any]:
    """工作证 The card of a worker: one's own, or of a grid in one's area"""
    return look(lambda work, who: _card(work, who, person))


def _card(work: Work, who: Actor, person: str) -> dict[str, Any]:
    found = workers.card(work, person)
    if who.person != person and not covers(who.area, work.directory.unit(found.grid).area):
        raise NotFound("worker.no-card", "此人没有有效的工作证。", "This person has no valid worker's card.")
    told: dict[str, Any] = plain(found)
    return told


def _checked(work: Work, number: str) -> dict[str, Any]:
    found = workers.checked(work, number)
    if found is None or not found.valid:
        return {"number": number, "valid": False}
    kind, area = workers.KINDS[found.kind], work.directory.unit(found.grid).area
    return {
        "number": number,
        "valid": True,
        "kind": {"key": found.kind, "zh": kind.zh, "en": kind.en},
        "grid": found.grid_name,
        "supervision_phones": complaints.telephones(work, cases.pack_of(work, found.case), area),
    }
