"""Whom and which places one can name: areas with their names, units to give something to, colleagues of one's unit."""

from typing import Any

from engine import queries
from engine.directory import TERRITORIES, Actor
from engine.work import Work
from web import shapes
from web.http import SECURED, APIBlueprint, look

routes = APIBlueprint("directory", __name__, tag="directory", url_prefix="/api")


@routes.get("/areas")
@routes.output(shapes.Areas)
@routes.doc(security=SECURED)
def areas() -> dict[str, Any]:
    """区域和网格 Areas and grids of one's scope, with the areas around it"""

    def ask(work: Work, who: Actor) -> dict[str, Any]:
        found = work.directory.in_reach(who.area)
        return {
            "areas": [
                {"id": one.id, "name": one.name, "kind": one.kind, "area": one.area}
                for one in found
                if one.kind in TERRITORIES
            ]
        }

    return look(ask)


@routes.get("/units")
@routes.output(shapes.Units)
@routes.doc(security=SECURED)
def units() -> dict[str, Any]:
    """单位 Units that work in one's scope: governments, agencies, departments, committees"""

    def ask(work: Work, who: Actor) -> dict[str, Any]:
        found = work.directory.in_reach(who.area)
        return {
            "units": [
                {"id": one.id, "name": one.name, "kind": one.kind, "level": one.level}
                for one in found
                if one.kind not in TERRITORIES
            ]
        }

    return look(ask)


@routes.get("/colleagues")
@routes.output(shapes.Colleagues)
@routes.doc(security=SECURED)
def colleagues() -> dict[str, Any]:
    """本单位人员 Who has a post in one's unit"""

    def ask(work: Work, who: Actor) -> dict[str, Any]:
        return {
            "colleagues": [
                {"id": one.post, "person": {"id": one.person, "name": one.name}, "role": _role(work, one.role)}
                for one in work.directory.posted(who.unit)
            ]
        }

    return look(ask)


def _role(work: Work, key: str) -> dict[str, str]:
    role = queries.role(work, key)
    return {"key": key, "zh": role.label.zh, "en": role.label.en} if role else {"key": key, "zh": key, "en": key}
