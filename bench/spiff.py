"""Stock SpiffWorkflow on the bench diagram: the other side of the comparisons."""

import io
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.specs.event_definitions.message import MessageEventDefinition
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

from bench.matter import ANSWERS, DIAGRAM, FACTS, PROCESS, Turn, first

logging.getLogger("spiff").setLevel(logging.WARNING)

Specification = tuple[Any, Mapping[str, Any]]
"""The process, and what it calls or holds."""


def specification() -> Specification:
    parser = BpmnParser()
    parser.add_bpmn_xml(etree.parse(io.BytesIO(DIAGRAM.read_bytes())), filename=str(DIAGRAM))
    return parser.get_spec(PROCESS), parser.get_subprocess_specs(PROCESS)


def begin(specification: Specification) -> BpmnWorkflow:
    process, others = specification
    workflow = BpmnWorkflow(process, others)
    workflow.task_tree.data.update(FACTS)
    workflow.do_engine_steps()
    return workflow


def ready(workflow: BpmnWorkflow) -> list[Any]:
    return list(workflow.get_tasks(state=TaskState.READY, manual=True))


def node(task: Any) -> str:
    """A repeated task is called `accept [child]`."""
    return str(task.task_spec.bpmn_id)


def answer(workflow: BpmnWorkflow, task: Any, facts: Mapping[str, Any] | None = None) -> None:
    task.data.update(ANSWERS.get(node(task), {}) if facts is None else facts)
    task.run()
    workflow.do_engine_steps()


def complete(workflow: BpmnWorkflow) -> bool:
    """Answers the first user task that waits. False: there is none."""
    tasks = ready(workflow)
    if tasks:
        answer(workflow, tasks[0])
    return bool(tasks)


def walk(route: Sequence[Turn]) -> list[str]:
    """The user tasks of a route, to its end."""
    workflow, turns, walked = begin(specification()), list(route), list[str]()
    while tasks := {node(task): task for task in reversed(ready(workflow))}:
        here = first(tasks)
        turn = turns.pop(0) if turns and turns[0].node == here else Turn(here)
        if turn.message:
            workflow.catch(BpmnEvent(MessageEventDefinition(turn.message), dict(FACTS)))
            workflow.do_engine_steps()
            continue
        walked.append(here)
        if turn.escalation:
            _escalate(workflow, tasks[here], turn.escalation)
        else:
            answer(workflow, tasks[here], turn.answer)
    return [*walked, "completed" if workflow.completed else "open"]


def _escalate(workflow: BpmnWorkflow, task: Any, code: str) -> None:
    """Triggers the boundary event for the code at this very task: an event sent to the workflow would reach both
    departments."""
    beside = (one for one in task.parent.children if hasattr(one.task_spec, "event_definition"))
    event = next(one for one in beside if getattr(one.task_spec.event_definition, "code", None) == code)
    event.task_spec.catch(event, BpmnEvent(event.task_spec.event_definition, None))
    event.task_spec._update(event)
    workflow.do_engine_steps()


class Stored:
    """A naive loop: load, answer one task, dump. `answers` by node: what is answered instead of the usual."""

    def __init__(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        self.serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure())
        self.spec = specification()
        self.answers = {**ANSWERS, **answers}

    def fresh(self) -> str:
        return str(self.serializer.serialize_json(begin(self.spec)))

    def step(self, stored: str) -> str:
        workflow = self.serializer.deserialize_json(stored)
        task = ready(workflow)[0]
        answer(workflow, task, self.answers.get(node(task), {}))
        return str(self.serializer.serialize_json(workflow))
