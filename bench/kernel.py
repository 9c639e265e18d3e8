"""The kernel in memory: against stock SpiffWorkflow, and after 400 returns."""

from statistics import median

from bench import spiff
from bench.figures import Figure, interleaved, ratio
from engine import bpmn
from engine.definition import Definition
from engine.machine import advance
from engine.model import Began, Completed, Escalated, State, encode

FACTS = {"outcome": "substantiated", "has_requester": True}

RETURNS = b"""<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:w="urn:wangge:bpmn:1">
  <escalation id="r" escalationCode="return"/>
  <process id="p"><startEvent id="s"/><exclusiveGateway id="m"/><userTask id="triage" name="triage"/>
  <userTask id="handle" name="handle"/>
  <boundaryEvent id="back" attachedToRef="handle"><escalationEventDefinition escalationRef="r"/></boundaryEvent>
  <endEvent id="e"/>
  <sequenceFlow id="1" sourceRef="s" targetRef="m"/><sequenceFlow id="2" sourceRef="m" targetRef="triage"/>
  <sequenceFlow id="3" sourceRef="triage" targetRef="handle"/><sequenceFlow id="4" sourceRef="handle" targetRef="e"/>
  <sequenceFlow id="5" sourceRef="back" targetRef="m"/></process></definitions>"""


def matter() -> Definition:
    return bpmn.read(spiff.DIAGRAM.read_bytes()).definition()


def run(definition: Definition) -> int:
    """One matter from start to end; how many user tasks it had."""
    state, _ = advance(definition, State(), Began("", FACTS))
    tasks = 0
    while state.status == "open":
        state, _ = advance(definition, state, Completed(next(iter(state.tokens)), FACTS))
        tasks += 1
    return tasks


def against_spiff(rounds: int = 30) -> Figure:
    definition, spec = matter(), spiff.specification()
    tasks = run(definition)

    def theirs() -> None:
        workflow = spiff.begin(spec)
        while spiff.complete(workflow):
            pass

    def ours() -> None:
        for _ in range(20):
            run(definition)

    theirs()
    ours()
    times = interleaved((theirs, ours), rounds)
    value = ratio(times, 0, 1) * 20
    return Figure(
        "advance",
        "advance per user task against stock SpiffWorkflow in memory",
        round(value, 1),
        "×",
        "≥ 50",
        value >= 50,
        {"our_microseconds_per_task": round(median(times[1]) / 20 / tasks * 1e6, 1), "tasks": tasks},
    )


def after_returns(returns: int = 400) -> list[Figure]:
    """A case sent back 400 times: how large its state is, and what a step costs then against the first."""
    definition = bpmn.read(RETURNS).definition()
    first, _ = advance(definition, State(), Began("", FACTS))
    late = first
    for _ in range(returns):
        late = _sent_back(definition, late)

    def steps(state: State) -> None:
        for _ in range(200):
            advance(definition, state, Completed(next(iter(state.tokens)), FACTS))

    times = interleaved((lambda: steps(late), lambda: steps(first)), 15)
    size, cost = len(encode(late)), ratio(times, 0, 1)
    return [
        Figure("returns-size", f"state of a case sent back {returns} times", size, "bytes", "≤ 4096", size <= 4096),
        Figure("returns-cost", "step cost then against the first", round(cost, 2), "×", "≤ 1.2", cost <= 1.2),
    ]


def _sent_back(definition: Definition, state: State) -> State:
    state, _ = advance(definition, state, Completed(next(iter(state.tokens)), FACTS))
    state, _ = advance(definition, state, Escalated(next(iter(state.tokens)), "return"))
    return state
