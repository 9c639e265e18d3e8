"""Registries: what is kept beside matters, by kinds that are data of the pack: `/api/registries`."""

from typing import Any

from engine.directory import Actor
from engine.queries import Seen
from engine.work import Work
from handlers import registries
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look

routes = APIBlueprint("registries", __name__, tag="registries", url_prefix="/api/registries")


class In(Body):
    """Only where the installation is for training: another pack than the one in force."""

    pack: str | None = Field(default=None, max_length=120)


class Entering(In):
    """What is entered: about a unit or a person (id) or a matter (number); `name`: a known entry that this changes."""

    about: str = Field(min_length=1, max_length=120)
    answer: dict[str, Any] = {}
    name: str = Field(default="", max_length=120)


class About(Body):
    """Entries about what; every version of them, or those that hold today."""

    about: str = Field(default="", max_length=120)
    past: bool = False


class Reason(Body):
    """Why an entry ends."""

    reason: str = Field(min_length=1, max_length=2000)


class Look(Body):
    """Which field of an entry, and why."""

    field: str = Field(min_length=1, max_length=80)
    reason: str = Field(min_length=1, max_length=1_000)


@routes.get("")
@routes.input(In, location="query")
@routes.output(shapes.Registries)
@routes.doc(security=SECURED)
def kinds(query_data: In) -> dict[str, Any]:
    """登记种类 The kinds that this post may write or see, with their forms"""
    return look(lambda work, who: {"kinds": registries.kinds(work, who, query_data.pack)})


@routes.get("/due")
@routes.input(In, location="query")
@routes.output(shapes.Expired)
@routes.doc(security=SECURED)
def due(query_data: In) -> dict[str, Any]:
    """到期和缺少的登记 What has expired here, and of whom an entry is missing"""
    return look(lambda work, who: {"due": registries.due(work, who, query_data.pack)})


@routes.post("/<kind>")
@routes.input(Entering)
@routes.output(shapes.Kept)
@routes.doc(security=SECURED)
def enter(kind: str, json_data: Entering) -> dict[str, Any]:
    """登记 A new entry, or how a known one is from today on"""
    given = json_data.model_dump()
    return act(
        "enter",
        {"kind": kind, **given},
        lambda work, who, _: {"entry": registries.enter(work, who, kind, **given).id},
    )


@routes.get("/<kind>")
@routes.input(About, location="query")
@routes.output(shapes.RegistryEntries)
@routes.doc(security=SECURED)
def shown(kind: str, query_data: About) -> dict[str, Any]:
    """查看登记 The entries that this post may see"""
    return look(lambda work, who: {"entries": registries.shown(work, who, kind, query_data.about, query_data.past)})


@routes.get("/<kind>/summary")
@routes.output(shapes.Summed)
@routes.doc(security=SECURED)
def summed(kind: str) -> dict[str, Any]:
    """汇总 Means and counts of the entries that this post may see"""
    return look(lambda work, who: {"sums": registries.summed(work, who, kind)})


@routes.post("/<kind>/<name>/end")
@routes.input(Reason)
@routes.output(shapes.Kept)
@routes.doc(security=SECURED)
def end(kind: str, name: str, json_data: Reason) -> dict[str, Any]:
    """终止登记 The entry does not hold after today"""

    def do(work: Work, who: Actor, _: Seen) -> dict[str, Any]:
        registries.end(work, who, kind, name, json_data.reason)
        return {"entry": f"{kind}/{name}"}

    return act("end-entry", {"kind": kind, "name": name, **json_data.model_dump()}, do)


@routes.post("/<kind>/<name>/reveal")
@routes.input(Look)
@routes.output(shapes.Revealed)
@routes.doc(security=SECURED)
def reveal(kind: str, name: str, json_data: Look) -> dict[str, Any]:
    """查看一项遮蔽内容 Look at one hidden field of an entry; the look stays on record"""
    asked, value = json_data, dict[str, Any]()

    def do(work: Work, who: Actor, _: Seen) -> None:
        value["value"] = registries.reveal(work, who, kind, name, asked.field, asked.reason)

    done = act("reveal", {"kind": kind, "name": name, **asked.model_dump()}, do)
    return {**done, **value}
