"""Indicators of evaluation."""

from datetime import date
from typing import Any

from engine import indicators
from engine.directory import Actor
from engine.indicators import Asked
from engine.library import day_of
from engine.work import Work
from handlers import evaluation
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, look

routes = APIBlueprint("indicators", __name__, tag="indicators", url_prefix="/api")


class Of(Body):
    """For what: an area, a unit, a role; and days, both included: this month unless said."""

    area: str = Field(default="", max_length=200)
    unit: str = Field(default="", max_length=60)
    role: str = Field(default="", max_length=60)
    first: date | None = Field(default=None, alias="from")
    last: date | None = Field(default=None, alias="to")


@routes.get("/indicators")
@routes.input(Of, location="query")
@routes.output(shapes.Indicators)
@routes.doc(security=SECURED)
def figures(query_data: Of) -> dict[str, Any]:
    """考核指标 The indicators, each with its numerator and denominator"""
    return look(lambda work, who: indicators.indicators(work, who, _asked(work, who, query_data)))


def _asked(work: Work, who: Actor, of: Of) -> Asked:
    today = day_of(work.now)
    last = of.last or today
    found, requested = evaluation.origins(work, who.area)
    return Asked(of.first or last.replace(day=1), last, of.area, of.unit, of.role, found, requested)
