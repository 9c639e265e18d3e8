"""Stock SpiffWorkflow on the bench diagram: the other side of the comparisons."""

import io
import logging
from pathlib import Path
from typing import Any

from lxml import etree
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

DIAGRAM = Path(__file__).with_name("matter.bpmn")
logging.getLogger("spiff").setLevel(logging.WARNING)


def specification() -> Any:
    parser = BpmnParser()
    parser.add_bpmn_xml(etree.parse(io.BytesIO(DIAGRAM.read_bytes())), filename=str(DIAGRAM))
    return parser.get_spec("matter")


def begin(spec: Any) -> BpmnWorkflow:
    workflow = BpmnWorkflow(spec)
    workflow.data.update(outcome="substantiated", has_requester=True)
    workflow.task_tree.data.update(workflow.data)
    workflow.do_engine_steps()
    return workflow


def ready(workflow: BpmnWorkflow) -> list[Any]:
    return list(workflow.get_tasks(state=TaskState.READY, manual=True))


def complete(workflow: BpmnWorkflow) -> bool:
    """Answers the first user task that waits. False: there is none."""
    tasks = ready(workflow)
    if not tasks:
        return False
    tasks[0].data.update(outcome="substantiated", has_requester=True)
    tasks[0].run()
    workflow.do_engine_steps()
    return True


class Stored:
    """A naive loop: load, answer one task, dump."""

    def __init__(self) -> None:
        self.serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure())
        self.spec = specification()

    def fresh(self) -> str:
        return str(self.serializer.serialize_json(begin(self.spec)))

    def step(self, stored: str) -> str:
        workflow = self.serializer.deserialize_json(stored)
        if not complete(workflow):
            return self.fresh()
        return str(self.serializer.serialize_json(workflow))
