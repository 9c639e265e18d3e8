"""Grids of one's area, and what is wrong with them: `/api/grids`, `/api/grids/alerts`."""

from typing import Any

from handlers import grids, publicity
from web import shapes
from web.http import SECURED, APIBlueprint, look

routes = APIBlueprint("grids", __name__, tag="grids", url_prefix="/api/grids")


@routes.get("")
@routes.output(shapes.Grids)
@routes.doc(security=SECURED)
def listed() -> dict[str, Any]:
    """本辖区的网格 The grids of one's area, with kind and number of workers"""
    return look(lambda work, who: {"grids": grids.overview(work, who.area)})


@routes.get("/alerts")
@routes.output(shapes.GridAlerts)
@routes.doc(security=SECURED)
def alerts() -> dict[str, Any]:
    """网格提醒 Grids without the workers they need, and grids of which something else is published than is so"""
    return look(
        lambda work, who: {"alerts": grids.alerts(work, who.area), "stale": publicity.stale(work, who.area)},
    )
