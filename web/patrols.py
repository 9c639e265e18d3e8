"""Plans of patrols, screenings and visits, and what a township's workers have to do."""

from typing import Any, Literal

from engine import registers
from engine.directory import Actor
from engine.model import plain
from engine.queries import Seen
from engine.work import Work
from handlers import patrols
from handlers.patrols import Plan
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look

routes = APIBlueprint("patrols", __name__, tag="patrols", url_prefix="/api")


class Planned(Body):
    """A plan: for which grid, what, where, and on which weekdays (1 is Monday) or every how many working days."""

    grid: str = Field(max_length=60)
    kind: Literal["regular", "screening", "visit", "security", "care", "special_group"]
    route: str = Field(min_length=1, max_length=4000)
    weekdays: list[int] = Field(default=[], max_length=7)
    every: int = Field(default=0, ge=0, le=260)
    window: str = Field(default="", max_length=200)
    pack: str = Field(default="", max_length=120)

    def plan(self) -> Plan:
        """As the domain takes it."""
        return Plan(**{**self.model_dump(), "weekdays": tuple(self.weekdays)})


class Of(Body):
    """The plans of one grid, or of all in sight."""

    grid: str = Field(default="", max_length=60)


class Reason(Body):
    """Why a plan ends."""

    reason: str = Field(min_length=1, max_length=2000)


class Duties(Body):
    """What workers have to do."""

    text: str = Field(min_length=1, max_length=20_000)


@routes.get("/patrol-plans")
@routes.input(Of, location="query")
@routes.output(shapes.Registered)
@routes.doc(security=SECURED)
def plans(query_data: Of) -> dict[str, Any]:
    """巡查计划 The plans that hold here"""

    def found(work: Work, who: Actor) -> dict[str, Any]:
        entries = registers.holding(work, patrols.PLAN, inside=who.area, about=query_data.grid)
        return {"entries": [plain(entry) for entry in entries]}

    return look(found)


@routes.post("/patrol-plans")
@routes.input(Planned)
@routes.output(shapes.Kept)
@routes.doc(security=SECURED)
def plan(json_data: Planned) -> dict[str, Any]:
    """制定巡查计划 A new plan, from tomorrow on"""
    return act(
        "plan",
        json_data.model_dump(),
        lambda work, who, _: {"entry": patrols.plan(work, who, json_data.plan()).id},
    )


@routes.post("/patrol-plans/<name>/end")
@routes.input(Reason)
@routes.output(shapes.Kept)
@routes.doc(security=SECURED)
def end(name: str, json_data: Reason) -> dict[str, Any]:
    """停止巡查计划 No patrols by this plan after today"""

    def do(work: Work, who: Actor, _: Seen) -> dict[str, Any]:
        patrols.end(work, who, name, json_data.reason)
        return {"entry": f"{patrols.PLAN}/{name}"}

    return act("end-plan", {"plan": name, **json_data.model_dump()}, do)


@routes.post("/duty-statements")
@routes.input(Duties)
@routes.output(shapes.Kept)
@routes.doc(security=SECURED)
def duties(json_data: Duties) -> dict[str, Any]:
    """制定网格员工作职责 What the workers of this township have to do, from today on"""
    return act(
        "state-duties",
        json_data.model_dump(),
        lambda work, who, _: {"entry": patrols.state_duties(work, who, json_data.text).id},
    )
