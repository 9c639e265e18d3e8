"""Published versions: which there are, what is in force where and when, what each holds: `/api/packs`."""

from datetime import date
from typing import Any

from engine import packs
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look

routes = APIBlueprint("packs", __name__, tag="packs", url_prefix="/api/packs")


class LastDay(Body):
    """The last day on which a version applies, and why."""

    last_day: date
    reason: str = Field(min_length=1, max_length=2000)


@routes.get("")
@routes.output(shapes.Packs)
@routes.doc(security=SECURED)
def listed() -> dict[str, Any]:
    """流程版本 The versions that apply here or lie here, with their status today and when each applies"""
    return look(
        lambda work, who: {"packs": packs.versions(work, who), "confirmed_years": sorted(work.calendar.confirmed)}
    )


@routes.get("/<place>/<day>")
@routes.output(shapes.PackWhole)
@routes.doc(security=SECURED)
def shown(place: str, day: str) -> dict[str, Any]:
    """一个版本 A version with its processes, limits, forms, decisions and files"""
    return look(lambda work, who: packs.shown(work, who, f"{place}/{day}"))


@routes.get("/<place>/<day>/files/<path:path>")
@routes.output(shapes.PackFile)
@routes.doc(security=SECURED)
def file(place: str, day: str, path: str) -> dict[str, Any]:
    """版本中的文件 A file of a version"""
    return look(lambda work, who: packs.file(work, who, f"{place}/{day}", path))


@routes.post("/<place>/<day>/retire")
@routes.input(LastDay)
@routes.output(shapes.Retired)
@routes.doc(security=SECURED)
def retire(place: str, day: str, json_data: LastDay) -> dict[str, Any]:
    """停用版本 The version applies for the last time on a day"""
    key, asked = f"{place}/{day}", json_data
    return act(
        "retire",
        {"key": key, **asked.model_dump(mode="json")},
        lambda work, who, _: packs.retire(work, who, key, asked.last_day, asked.reason),
    )
