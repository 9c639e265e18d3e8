"""Procedures beside matters (a change of the list, of grids, a worker's appointment, a complaint, …) and registers."""

from datetime import date
from typing import Any

from engine import queries, registers
from engine.directory import Actor
from engine.library import day_of
from engine.model import plain
from engine.queries import Seen
from engine.work import Work
from handlers import procedures
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look

routes = APIBlueprint("procedures", __name__, tag="procedures", url_prefix="/api")


class Beginning(Body):
    """What somebody begins a procedure with: the answer to its form, and the unit it is about (empty: their area). Only
    where the installation is for training may another `pack` be named than the one in force."""

    answer: dict[str, Any] = {}
    about: str = Field(default="", max_length=60)
    pack: str | None = Field(default=None, max_length=120)


class Asked(Body):
    """Which entries of a register: about something, on a day (today, unless said)."""

    about: str = Field(default="", max_length=120)
    day: date | None = None


@routes.get("/procedures")
@routes.output(shapes.Procedures)
@routes.doc(security=SECURED)
def offered() -> dict[str, Any]:
    """可发起的程序 The procedures that this post may begin, with their forms"""
    return look(lambda work, who: {"procedures": _offered(work, who)})


def _offered(work: Work, who: Actor) -> list[dict[str, Any]]:
    pack = work.library.in_force(work.connection, who.area, day_of(work.now))
    return procedures.offered(pack, who.role)


@routes.post("/procedures/<event>")
@routes.input(Beginning)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def begin(event: str, json_data: Beginning) -> dict[str, Any]:
    """发起程序 Begin a procedure; its case is then handled like a matter"""

    def do(work: Work, who: Actor, _: Seen) -> dict[str, Any]:
        case = procedures.begin(work, who, event, json_data.answer, about=json_data.about, pack=json_data.pack)
        return {"matter": queries.seen_matter(work, who, case).number}

    return act("begin", {"event": event, **json_data.model_dump()}, do)


@routes.get("/registers/<kind>")
@routes.input(Asked, location="query")
@routes.output(shapes.Registered)
@routes.doc(security=SECURED)
def registered(kind: str, query_data: Asked) -> dict[str, Any]:
    """登记簿 The entries of a register that hold here on a day"""

    def found(work: Work, who: Actor) -> dict[str, Any]:
        entries = registers.holding(work, kind, day=query_data.day, about=query_data.about, near=who.area)
        return {"entries": [plain(entry) for entry in entries]}

    return look(found)
