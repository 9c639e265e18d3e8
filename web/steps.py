"""Steps: one step with its form, and the verbs on it. Each verb names the revision of the step that was seen."""

from collections.abc import Callable, Mapping
from typing import Any

from engine import cases, queries
from engine.directory import Actor
from engine.work import Work
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look

routes = APIBlueprint("steps", __name__, tag="steps", url_prefix="/api")


class Step(Body):
    """Which version of the step the asker saw."""

    revision: int = Field(ge=0)


class Answer(Step):
    """The answer to the step's form, or to the form of the way out."""

    answer: dict[str, Any] = {}


class Complete(Answer):
    """An answer; `waiver` gives the reason when somebody checks what they did themselves."""

    waiver: str = ""


class HandOver(Step):
    """To whom, and why."""

    person: str = Field(max_length=60)
    reason: str = Field(min_length=1)


def on_step(verb: str, id: int, given: Body, do: Callable[[Work, Actor], Mapping[str, Any] | None]) -> dict[str, Any]:
    """One verb on one step in sight."""
    return act(
        verb,
        given.model_dump(),
        lambda work, who, _: {"step": id, **(do(work, who) or {})},
        lambda work, who: queries.seen_step(work, who, id),
    )


@routes.get("/steps/<int:id>")
@routes.output(shapes.WholeStep)
@routes.doc(security=SECURED)
def step(id: int) -> dict[str, Any]:
    """一个环节 One step, its form, and what may be done with it"""
    return look(lambda work, who: queries.step(work, who, id))


@routes.post("/steps/<int:id>/claim")
@routes.input(Step)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def claim(id: int, json_data: Step) -> dict[str, Any]:
    """签收 Sign for"""
    seen = json_data.revision
    return on_step("claim", id, json_data, lambda work, who: {"revision": cases.claim(work, who, id, seen)})


@routes.post("/steps/<int:id>/release")
@routes.input(Step)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def release(id: int, json_data: Step) -> dict[str, Any]:
    """放回 Put back"""
    seen = json_data.revision
    return on_step("release", id, json_data, lambda work, who: {"revision": cases.release(work, who, id, seen)})


@routes.post("/steps/<int:id>/complete")
@routes.input(Complete)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def complete(id: int, json_data: Complete) -> dict[str, Any]:
    """办结本环节 Complete"""
    given = json_data
    return on_step(
        "complete",
        id,
        given,
        lambda work, who: cases.complete(work, who, id, given.revision, given.answer, given.waiver),
    )


@routes.post("/steps/<int:id>/return")
@routes.input(Answer)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def return_(id: int, json_data: Answer) -> dict[str, Any]:
    """退回 Return with reason"""
    seen, answer = json_data.revision, json_data.answer
    return on_step("return", id, json_data, lambda work, who: cases.return_(work, who, id, seen, answer))


@routes.post("/steps/<int:id>/withdraw")
@routes.input(Answer)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def withdraw(id: int, json_data: Answer) -> dict[str, Any]:
    """撤回 Withdraw, before it is signed for"""
    seen, answer = json_data.revision, json_data.answer
    return on_step("withdraw", id, json_data, lambda work, who: cases.withdraw(work, who, id, seen, answer))


@routes.post("/steps/<int:id>/escalate/<code>")
@routes.input(Answer)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def escalate(id: int, code: str, json_data: Answer) -> dict[str, Any]:
    """按流程图的其他去向办理 Leave by the way the diagram has for this code (dispute, …)"""
    seen, answer = json_data.revision, json_data.answer
    if code == "withdraw":
        return on_step(code, id, json_data, lambda work, who: cases.withdraw(work, who, id, seen, answer))
    return on_step(code, id, json_data, lambda work, who: cases.escalate(work, who, id, seen, code, answer))


@routes.post("/steps/<int:id>/reassign")
@routes.input(HandOver)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def reassign(id: int, json_data: HandOver) -> dict[str, Any]:
    """改派 Give it to somebody else of the unit"""
    to = json_data
    return on_step(
        "reassign", id, to, lambda work, who: cases.reassign(work, who, id, to.revision, to.person, to.reason)
    )


@routes.post("/steps/<int:id>/delegate")
@routes.input(HandOver)
@routes.output(shapes.Done)
@routes.doc(security=SECURED)
def delegate(id: int, json_data: HandOver) -> dict[str, Any]:
    """委托 Give it to a colleague"""
    to = json_data
    return on_step(
        "delegate", id, to, lambda work, who: cases.delegate(work, who, id, to.revision, to.person, to.reason)
    )
