"""What anybody may know of a grid, without signing in: as JSON and as a plain page (ZJ-7, JS-19.1, X3-10, LZ-10).
The fields are those that the pack in force lists, and no others."""

from collections.abc import Mapping
from typing import Any

from engine.errors import NotFound, Words
from handlers import publicity, workers
from web import http, shapes
from web.http import APIBlueprint, Response

routes = APIBlueprint("public_grids", __name__, tag="grids")

OPEN = frozenset({"public_grids.told", "public_grids.page"})
"""The endpoints that want nobody signed in."""


@routes.get("/api/public/grids/<code>")
@routes.output(shapes.PublicGrid)
def told(code: str) -> dict[str, Any]:
    """网格公示 What the public is told of the grid with this code"""
    return _content(code)


@routes.get("/public/grids/<code>")
@routes.doc(hide=True)
def page(code: str) -> Response:
    """The same as a page that needs no script."""
    try:
        return http.page("public/grid.html", told=_content(code), code=code, labels=LABELS, kinds=workers.KINDS)
    except NotFound as error:
        return http.page("public/missing.html", error.status, refused=error.words)


def _content(code: str) -> dict[str, Any]:
    with http.site().engine.look() as work:
        found = publicity.shown(work, code)
    if found is None:
        raise NotFound(
            "grid.unknown",
            "没有这个编码的网格，请核对编码。",
            "No grid has this code: check the code.",
        )
    return found


LABELS: Mapping[str, Words] = {
    "area_range": Words("区域范围", "Area"),
    "supervision_phone": Words("监督电话", "Supervision telephone"),
    "contact": Words("工作联系方式", "Work contact"),
    "duties": Words("工作职责", "Duties"),
}
"""What the fields are called that a pack may let the public see."""
