"""What SpiffWorkflow runs rightly, it and our machine must run alike.

Two engines that share no code, on random diagrams of the part of BPMN 2.0 where the other one is right:
exclusive and parallel blocks, tasks, scripts and sub-processes, no block passed twice. After every answer the
same steps must be open in both, and both must end at the same moment.
"""

import logging
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.util.task import TaskState

from engine import bpmn as reader
from tests.diagrams import bpmn
from tests.game import Game
from tests.strategies import SIMPLE, blocks

RIGHT_IN_BOTH = (*SIMPLE, "script", "sub")


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Left alone, its loggers put the whole data of a case into every record."""
    logger = logging.getLogger("spiff")
    before = logger.level
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(before)


class Other:
    """The other engine, driven by the names of its open user tasks."""

    def __init__(self, xml: bytes, **facts: Any) -> None:
        parser = BpmnParser()
        parser.add_bpmn_str(xml)
        spec = parser.get_spec("main")
        self.workflow = BpmnWorkflow(spec, parser.get_subprocess_specs("main"))
        self.workflow.data.update(facts)
        for task in self.workflow.get_tasks(state=TaskState.READY):
            task.data.update(facts)
        self.workflow.do_engine_steps()

    def ready(self) -> list[Any]:
        return list(self.workflow.get_tasks(state=TaskState.READY, manual=True))

    @property
    def open(self) -> Counter[str]:
        return Counter(task.task_spec.bpmn_id for task in self.ready())

    @property
    def ended(self) -> bool:
        return bool(self.workflow.is_completed())

    def complete(self, node: str) -> None:
        next(task for task in self.ready() if task.task_spec.bpmn_id == node).run()
        self.workflow.do_engine_steps()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(blocks(kinds=RIGHT_IN_BOTH, size=12), st.integers(0, 3), st.integers(0, 2**32))
def test_both_engines_open_the_same_steps_and_end_at_the_same_moment(text: str, x: int, seed: int) -> None:
    xml = bpmn(text)
    ours, other = Game(reader.read(xml).definition(), x=x), Other(xml, x=x)
    chance = random.Random(seed)
    while True:
        assert Counter(ours.open) == other.open
        assert ours.ended == other.ended
        if not ours.open:
            break
        node = chance.choice(ours.open)
        ours.complete(node)
        other.complete(node)
    assert ours.ended


def test_the_other_engine_sees_a_difference_when_there_is_one() -> None:
    """The comparison itself: one gateway drawn otherwise, and the two disagree."""
    text = "start s\nparallel f\nuser a\nuser b\nend e\ns -> f\nf -> a\nf -> b\na -> e\nb -> e"
    ours = Game(reader.read(bpmn(text)).definition(), x=1)
    other = Other(
        bpmn(
            text.replace("parallel f", "exclusive f").replace("f -> a", "f -> a [x == 1]").replace("f -> b", "f => b")
        ),
        x=1,
    )
    assert Counter(ours.open) == Counter("ab")
    assert other.open == Counter("a")
