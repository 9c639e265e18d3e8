"""What differs between two versions or drafts: `/api/comparisons`."""

from typing import Any

from engine import comparison, drafts
from engine.directory import Actor
from engine.work import Work
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, look

routes = APIBlueprint("comparisons", __name__, tag="drafts", url_prefix="/api/comparisons")


class Compared(Body):
    """The older and the newer side: the key of a version (`zhenjiang/2026-01-01`) or a draft (`draft:7`)."""

    old: str = Field(alias="from", min_length=1, max_length=120)
    new: str = Field(alias="to", min_length=1, max_length=120)


@routes.get("")
@routes.input(Compared, location="query")
@routes.output(shapes.Comparison)
@routes.doc(security=SECURED)
def compared(query_data: Compared) -> dict[str, Any]:
    """版本比对 What differs, in words; how it is laid out is counted apart"""

    def found(work: Work, who: Actor) -> dict[str, Any]:
        old, new = (drafts.folder_of(work, who, name) for name in (query_data.old, query_data.new))
        return comparison.told(old, new)

    return look(found)
