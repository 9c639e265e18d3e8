"""What anybody may know of a grid, without signing in: as JSON and as a plain page (ZJ-7, JS-19.1, X3-10, LZ-10).
The fields are those that the pack in force lists, and no others."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from engine.errors import NotFound
from handlers import publicity
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
    return Response(_html(_content(code)), mimetype="text/html")


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


LABELS: Mapping[str, str] = {
    "area_range": "区域范围 Area",
    "supervision_phone": "监督电话 Supervision telephone",
    "contact": "工作联系方式 Work contact",
    "duties": "工作职责 Duties",
}
KINDS: Mapping[str, str] = {
    "grid_chief": "网格长 Grid chief",
    "full_time": "专职网格员 Full-time worker",
    "part_time": "兼职网格员 Part-time worker",
}
STYLE = (
    "body{font:17px/1.6 system-ui,sans-serif;max-width:40em;margin:0 auto;padding:1em;overflow-wrap:anywhere}"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin-top:1.5em}dt{color:#555;font-size:.85em}dd{margin:0 0 .6em}"
)


def _html(told: Mapping[str, Any]) -> str:
    name = escape(str(told.get("grid_name", "")))
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{STYLE}</style></head><body><h1>{name}</h1>"
        f"{''.join(_sections(told))}</body></html>"
    )


def _sections(told: Mapping[str, Any]) -> Iterator[str]:
    yield _list({name: told[name] for name in ("area_range", "supervision_phone") if told.get(name)})
    if told.get("workers"):
        yield "<h2>网格员 Grid workers</h2>"
    for worker in told.get("workers", []):
        kind = KINDS.get(worker.get("kind", ""), "")
        yield f"<h3>{escape(worker.get('name', ''))}{f' · {kind}' if kind else ''}</h3>"
        yield _list({name: worker[name] for name in ("contact", "duties") if worker.get(name)})
    if told.get("micro_grids"):
        yield "<h2>微网格 Micro-grids</h2>"
    for inner in told.get("micro_grids", []):
        yield f"<h3>{escape(inner['name'])}</h3>" + _list({"area_range": inner["area_range"]})


def _list(values: Mapping[str, str]) -> str:
    rows = "".join(f"<dt>{LABELS[name]}</dt><dd>{escape(value)}</dd>" for name, value in values.items())
    return f"<dl>{rows}</dl>" if rows else ""
