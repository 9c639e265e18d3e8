"""What is hidden, and data that departments share: one look at one field, data brought in, data there for me."""

from datetime import datetime
from typing import Any

from engine import access, queries
from engine.directory import Actor
from engine.errors import Invalid
from engine.queries import Seen
from engine.work import Work
from handlers import sharing
from handlers.sharing import Batch, Line
from web import http, shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look

routes = APIBlueprint("access", __name__, tag="access", url_prefix="/api")

MOST = 5_000
"""Lines of one import."""

LINES = {
    "content": {
        "application/x-ndjson": {
            "schema": {
                "type": "string",
                "description": "每行一个JSON对象 One JSON object per line: number, grid, kind, data, class, to",
            }
        }
    }
}


class Look(Body):
    """Which field of which record, and why."""

    record: int = Field(ge=1)
    field: str = Field(min_length=1, max_length=80)
    reason: str = Field(min_length=1, max_length=1_000)


class LookAtData(Body):
    """Which field of an entry, and why."""

    field: str = Field(min_length=1, max_length=80)
    reason: str = Field(min_length=1, max_length=1_000)


class Import(Body):
    """Where the lines come from."""

    source: str = Field(min_length=1, max_length=60)
    collected_at: datetime
    provenance: str = Field(min_length=1, max_length=500)
    pack: str | None = Field(default=None, max_length=120)


class Grid(Body):
    """Of which grid (id); empty: of all that concern me."""

    grid: str = Field(default="", max_length=60)


@routes.post("/matters/<number>/reveal")
@routes.input(Look)
@routes.output(shapes.Revealed)
@routes.doc(security=SECURED)
def reveal(number: str, json_data: Look) -> dict[str, Any]:
    """查看一项遮蔽内容 Look at one hidden field; the look stays on record

    The value is in this answer alone: the same Idempotency-Key is answered again without it.
    """
    asked, value = json_data, dict[str, Any]()

    def do(work: Work, who: Actor, matter: Seen) -> None:
        value["value"] = access.reveal(work, who, matter.id, asked.record, asked.field, asked.reason)

    done = act("reveal", asked.model_dump(), do, lambda work, who: queries.seen_record(work, who, number, asked.record))
    return {**done, **value}


@routes.post("/imports")
@routes.input(Import, location="query")
@routes.output(shapes.Imported)
@routes.doc(security=SECURED, extensions={"requestBody": LINES})
def import_(query_data: Import) -> dict[str, Any]:
    """汇入部门数据 Bring in data of a department, one JSON object per line; a number comes in once"""
    batch = Batch(query_data.source, query_data.collected_at, query_data.provenance)
    text = http.request.get_data(as_text=True)
    lines = _lines(text)
    return act(
        "import",
        {**query_data.model_dump(mode="json"), "lines": text},
        lambda work, who, _: sharing.bring_in(work, who, batch, lines, pack=query_data.pack),
    )


def _lines(text: str) -> list[Line]:
    found = sharing.read(text.splitlines())
    if not 0 < len(found) <= MOST:
        raise Invalid(
            "import.size",
            f"一次汇入1至{MOST}行，本次{len(found)}行，请分批。",
            f"An import has 1 to {MOST} lines, this one has {len(found)}: split it.",
        )
    return found


@routes.get("/shared-data")
@routes.input(Grid, location="query")
@routes.output(shapes.SharedData)
@routes.doc(security=SECURED)
def shared_data(query_data: Grid) -> dict[str, Any]:
    """共享数据 Data that were pushed to me: of my grid, or of my area"""
    return look(lambda work, who: {"entries": sharing.shown(work, who, query_data.grid)})


@routes.post("/shared-data/<name>/reveal")
@routes.input(LookAtData)
@routes.output(shapes.Revealed)
@routes.doc(security=SECURED)
def reveal_data(name: str, json_data: LookAtData) -> dict[str, Any]:
    """查看一项遮蔽数据 Look at one hidden field of shared data; the look stays on record"""
    asked, value = json_data, dict[str, Any]()

    def do(work: Work, who: Actor, _: Seen) -> None:
        value["value"] = sharing.reveal(work, who, name, asked.field, asked.reason)

    done = act("reveal", {"name": name, **asked.model_dump()}, do)
    return {**done, **value}
