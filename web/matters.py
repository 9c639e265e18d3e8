"""Matters: lists, whole matters, what happened, and the verbs on a matter as a whole."""

from datetime import datetime
from typing import Any, Literal

from engine import cases, queries
from engine.directory import Actor
from engine.library import day_of
from engine.queries import PAGE, PAGES, Filters, Light, Seen, Tab
from engine.work import Work
from handlers import intake, messages
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look

routes = APIBlueprint("matters", __name__, tag="matters", url_prefix="/api")


class Narrowed(Body):
    """What a list is narrowed to, and its page."""

    area: str = ""
    unit: str = Field(default="", max_length=60)
    node: str = ""
    matter_type: str = ""
    flag: Literal["", "disputed", "emergency", "suspended"] = ""
    basis: Literal["", "statute", "local_rule", "draft", "product_default"] = ""
    text: str = Field(default="", max_length=100)
    cursor: str = Field(default="", max_length=500)
    size: int = Field(default=PAGE, ge=1, le=PAGES)

    def filters(self) -> Filters:
        """The filters the queries know."""
        names = set(Filters.__struct_fields__)
        return Filters(**{name: value for name, value in self.model_dump().items() if name in names})


class InTab(Narrowed):
    """A tab of the inbox."""

    scope: Tab = "mine"


class UnderLight(Narrowed):
    """What stands under a light."""

    light: Light = "overdue"


class Matters(Narrowed):
    """A list of matters."""

    status: str = ""
    way_in: str = ""
    closed: Literal["open", "closed", "all"] = "open"


@routes.get("/inbox")
@routes.input(InTab, location="query")
@routes.output(shapes.Steps)
@routes.doc(security=SECURED)
def inbox(query_data: InTab) -> dict[str, Any]:
    """待办 What to do, what runs out first on top"""
    asked = query_data
    return look(lambda work, who: queries.inbox(work, who, asked.scope, asked.filters(), asked.cursor, asked.size))


@routes.get("/overdue")
@routes.input(UnderLight, location="query")
@routes.output(shapes.Steps)
@routes.doc(security=SECURED)
def overdue(query_data: UnderLight) -> dict[str, Any]:
    """超期 What is late, or will be"""
    asked = query_data
    return look(lambda work, who: queries.overdue(work, who, asked.light, asked.filters(), asked.cursor, asked.size))


class Where(Body):
    """Which steps that do not move: in an area, of a unit, at a node."""

    area: str = ""
    unit: str = Field(default="", max_length=60)
    node: str = ""

    def filters(self) -> Filters | None:
        """The filters the queries know; None: no narrowing."""
        return Filters(**self.model_dump()) if any(self.model_dump().values()) else None


@routes.get("/stuck")
@routes.input(Where, location="query")
@routes.output(shapes.Stuck)
@routes.doc(security=SECURED)
def stuck(query_data: Where) -> dict[str, Any]:
    """滞留 What does not move, and why"""
    return look(lambda work, who: {"causes": queries.stuck(work, who, filters=query_data.filters())})


@routes.get("/matters")
@routes.input(Matters, location="query")
@routes.output(shapes.Matters)
@routes.doc(security=SECURED)
def matters(query_data: Matters) -> dict[str, Any]:
    """事项 Matters in sight, the newest first"""
    asked = query_data
    return look(lambda work, who: queries.matters(work, who, asked.filters(), asked.cursor, asked.size))


@routes.get("/matters/<number>")
@routes.output(shapes.WholeMatter)
@routes.doc(security=SECURED)
def matter(number: str) -> dict[str, Any]:
    """一件事项 One matter, whole"""
    return look(lambda work, who: queries.matter(work, who, number))


@routes.get("/matters/<number>/timeline")
@routes.output(shapes.Timeline)
@routes.doc(security=SECURED)
def timeline(number: str) -> dict[str, Any]:
    """办理记录 What happened"""
    return look(lambda work, who: {"records": queries.timeline(work, who, number)})


@routes.get("/matters/<number>/diagram")
@routes.output(shapes.Diagram)
@routes.doc(security=SECURED)
def diagram(number: str) -> dict[str, Any]:
    """流程图 The drawing it runs by, and where it stands"""
    return look(lambda work, who: queries.diagram(work, who, number))


@routes.get("/ways-in")
@routes.output(shapes.WaysIn)
@routes.doc(security=SECURED)
def ways_in() -> dict[str, Any]:
    """来源 The ways in that this post may report by, with their forms"""

    def found(work: Work, who: Actor) -> dict[str, Any]:
        pack = work.library.in_force(work.connection, who.area, day_of(work.now))
        return {"ways_in": intake.offered(pack, work.directory.unit(who.unit).kind == "grid")}

    return look(found)


class Report(Body):
    """A matter that comes in."""

    way_in: str = Field(max_length=60)
    grid: str = Field(max_length=60)
    answer: dict[str, Any]
    title: str = Field(default="", max_length=200)
    matter_type: str = Field(default="", max_length=60)
    discovered_at: datetime | None = None
    pack: str | None = Field(default=None, max_length=120)

    def given(self) -> dict[str, Any]:
        """As the domain takes it: what stands beside the answer belongs to its form."""
        beside = {"title": self.title, "matter_type": self.matter_type}
        if self.discovered_at is not None:
            beside["discovered_at"] = self.discovered_at.isoformat()
        answer = {**{name: value for name, value in beside.items() if value}, **self.answer}
        return {"way_in": self.way_in, "grid": self.grid, "pack": self.pack, "answer": answer}


@routes.post("/matters")
@routes.input(Report)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def report(json_data: Report) -> dict[str, Any]:
    """上报 Report a matter"""

    def do(work: Work, who: Actor, _: Seen) -> dict[str, Any]:
        return {"matter": queries.seen_matter(work, who, intake.report(work, who, json_data.given())).number}

    return act("report", json_data.given(), do)


class Said(Body):
    """The answer to a form."""

    answer: dict[str, Any] = {}


class Urge(Body):
    """A reminder, of one step or the whole matter."""

    text: str = Field(min_length=1)
    step: int | None = None


class Supervise(Body):
    """Formal supervision of a unit, which has to reply."""

    unit: str = Field(max_length=60)
    opinion: str = Field(min_length=1)


class Merge(Body):
    """Where a duplicate goes."""

    main: str = Field(max_length=40)
    reason: str = Field(min_length=1)


@routes.post("/matters/<number>/messages/<name>")
@routes.input(Said)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def interrupt(number: str, name: str, json_data: Said) -> dict[str, Any]:
    """发送消息 A message reaches the matter (emergency, revocation, …)"""
    return act(
        name,
        json_data.answer,
        lambda work, who, matter: messages.send(work, who, matter.id, name, json_data.answer),
        lambda work, who: queries.seen_matter(work, who, number),
    )


@routes.post("/matters/<number>/urge")
@routes.input(Urge)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def urge(number: str, json_data: Urge) -> dict[str, Any]:
    """催办 Urge"""
    return act(
        "urge",
        json_data.model_dump(),
        lambda work, who, matter: cases.urge(work, who, matter.id, json_data.step, json_data.text),
        lambda work, who: queries.seen_matter(work, who, number),
    )


@routes.post("/matters/<number>/supervise")
@routes.input(Supervise)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def supervise(number: str, json_data: Supervise) -> dict[str, Any]:
    """督办 Supervise a unit"""
    return act(
        "supervise",
        json_data.model_dump(),
        lambda work, who, matter: cases.supervise(work, who, matter.id, json_data.unit, json_data.opinion),
        lambda work, who: queries.seen_matter(work, who, number),
    )


@routes.post("/matters/<number>/merge")
@routes.input(Merge)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def merge(number: str, json_data: Merge) -> dict[str, Any]:
    """并案 Merge this duplicate into its main matter"""

    def do(work: Work, who: Actor, matter: Seen) -> None:
        main = queries.seen_matter(work, who, json_data.main)
        cases.merge(work, who, matter.id, main.id, json_data.reason)

    return act("merge", json_data.model_dump(), do, lambda work, who: queries.seen_matter(work, who, number))
