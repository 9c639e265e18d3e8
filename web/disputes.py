"""What earlier disputes say about a matter, and what they propose for the triage table."""

from typing import Any

from engine import queries, registers
from engine.directory import Actor
from engine.model import plain
from engine.work import Work
from handlers import disputes, proposals
from web import shapes
from web.http import SECURED, APIBlueprint, Body, act, look

routes = APIBlueprint("disputes", __name__, tag="disputes", url_prefix="/api")


class Decision(Body):
    """Whether a proposal is approved."""

    approve: bool


@routes.get("/matters/<number>/precedents")
@routes.output(shapes.Precedents)
@routes.doc(security=SECURED)
def precedents(number: str) -> dict[str, Any]:
    """同类争议 Who was held responsible before for the same type in the same area"""
    return look(lambda work, who: disputes.comparable(work, queries.seen_matter(work, who, number).id))


@routes.get("/triage-proposals")
@routes.output(shapes.Registered)
@routes.doc(security=SECURED)
def proposed() -> dict[str, Any]:
    """分流建议 What settled disputes propose for the triage, here"""

    def found(work: Work, who: Actor) -> dict[str, Any]:
        return {"entries": [plain(entry) for entry in registers.holding(work, proposals.KIND, near=who.area)]}

    return look(found)


@routes.post("/triage-proposals/<name>/decide")
@routes.input(Decision)
@routes.output(shapes.Kept)
@routes.doc(security=SECURED)
def decide(name: str, json_data: Decision) -> dict[str, Any]:
    """决定分流建议 Approve or reject what a settled dispute proposes"""
    return act(
        "decide-proposal",
        {"proposal": name, **json_data.model_dump()},
        lambda work, who, _: {"entry": proposals.decide(work, who, name, json_data.approve).id},
    )
