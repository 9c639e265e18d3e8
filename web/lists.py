"""What is on the matter lists: the items that hold for a grid on a day, each with the version of the list it is on."""

from datetime import date
from typing import Any

from engine.directory import Actor
from engine.library import day_of
from engine.work import Work
from handlers import lists
from handlers.lists import Held
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, look

routes = APIBlueprint("lists", __name__, tag="lists", url_prefix="/api")


class Asked(Body):
    """For which grid (its id), and on which day (today, unless said)."""

    grid: str = Field(min_length=1, max_length=60)
    day: date | None = None


@routes.get("/lists")
@routes.input(Asked, location="query")
@routes.output(shapes.Items)
@routes.doc(security=SECURED)
def items(query_data: Asked) -> dict[str, Any]:
    """事项清单 The items that hold for a grid on a day"""

    def found(work: Work, _: Actor) -> dict[str, Any]:
        grid, day = work.directory.unit(query_data.grid), query_data.day or day_of(work.now)
        held = lists.items(work, grid, day)
        return {"grid": grid.id, "day": day.isoformat(), "items": [_item(work, one) for one in held.values()]}

    return look(found)


def _item(work: Work, held: Held) -> dict[str, Any]:
    on = held.list
    return {
        **held.item,
        "key": held.key,
        "list": {
            "row": on.row,
            "level": on.body["level"],
            "list_kind": on.body["list_kind"],
            "title": on.body["title"],
            "document": on.body["document"],
            "sample": on.body["sample"],
            "unit": {"id": on.unit, "name": work.directory.unit_name(on.unit)},
            "valid_from": on.valid_from.isoformat(),
        },
    }
