"""The card of a grid worker: for the worker and the agencies, and for anybody at a door who wants to know whether a
card is good. The public check wants nobody signed in and tells nothing of the person."""

from html import escape
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
        told = _checked(work, number)
    return Response(_html(told), mimetype="text/html")


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


def _html(told: dict[str, Any]) -> str:
    if told["valid"]:
        phones = "；".join(f"{one['agency']} {one['phone']}" for one in told["supervision_phones"])
        lines = [f"有效 Valid · {told['kind']['zh']} {told['kind']['en']} · {told['grid']}"]
        lines += [f"监督电话 Supervision telephone: {phones}"] if phones else []
    else:
        lines = ["无效：没有此证，或者已经收回。 Not valid: there is no such card, or it has been taken back."]
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>核验网格员工作证</title></head>'
        f"<body><h1>网格员工作证 {escape(told['number'])}</h1>{body}</body></html>"
    )
