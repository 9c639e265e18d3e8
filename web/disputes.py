"""What earlier disputes say about a matter, what they propose for the triage table, and what a triage is proposed."""

from typing import Any

from engine import cases, queries, registers
from engine.directory import Actor
from engine.model import plain
from engine.work import Work
from handlers import disputes, proposals, triage
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look

routes = APIBlueprint("disputes", __name__, tag="disputes", url_prefix="/api")


class Decision(Body):
    """Whether a proposal is approved."""

    approve: bool


class Ending(Body):
    """Why a row of the triage ends."""

    reason: str = Field(min_length=1, max_length=4000)


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


@routes.get("/triage-rows")
@routes.output(shapes.Registered)
@routes.doc(security=SECURED)
def rows() -> dict[str, Any]:
    """分流建议行 What has been approved out of disputes and holds here: proposed before the triage table is asked"""
    return look(lambda work, who: {"entries": [plain(entry) for entry in proposals.rows(work, who)]})


@routes.post("/triage-rows/<name>/end")
@routes.input(Ending)
@routes.output(shapes.Kept)
@routes.doc(security=SECURED)
def end(name: str, json_data: Ending) -> dict[str, Any]:
    """停用分流建议行 From tomorrow on the table proposes again"""

    def ended(work: Work, who: Actor, _: object) -> dict[str, Any]:
        proposals.end(work, who, name, json_data.reason)
        return {"entry": f"{proposals.ROW}/{name}"}

    return act("end-triage-row", {"row": name, **json_data.model_dump()}, ended)


@routes.get("/matters/<number>/triage-proposal")
@routes.output(shapes.TriageProposal)
@routes.doc(security=SECURED)
def proposal(number: str) -> dict[str, Any]:
    """分流建议及其来源 What is proposed to the triage of a matter, and where that comes from"""
    return look(lambda work, who: triage.told(work, cases.facts_at(work, queries.seen_matter(work, who, number).id, 0)))
