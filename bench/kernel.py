"""The kernel in memory: against stock SpiffWorkflow, and after 400 returns."""

from collections.abc import Sequence
from statistics import median

from bench import spiff
from bench.figures import Figure, interleaved, ratio
from bench.matter import ANSWERS, DIAGRAM, FACTS, PROCESS, ROUTES, Turn, first
from engine import bpmn
from engine.definition import Definition
from engine.machine import advance
from engine.model import Began, Completed, Escalated, Messaged, State, Token, encode

RETURNS = b"""<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:w="urn:wangge:bpmn:1">
  <escalation id="r" escalationCode="return"/>
  <process id="p"><startEvent id="s"/><exclusiveGateway id="m"/><userTask id="triage" name="triage"/>
  <userTask id="handle" name="handle"/>
  <boundaryEvent id="back" attachedToRef="handle"><escalationEventDefinition escalationRef="r"/></boundaryEvent>
  <endEvent id="e"/>
  <sequenceFlow id="1" sourceRef="s" targetRef="m"/><sequenceFlow id="2" sourceRef="m" targetRef="triage"/>
  <sequenceFlow id="3" sourceRef="triage" targetRef="handle"/><sequenceFlow id="4" sourceRef="handle" targetRef="e"/>
  <sequenceFlow id="5" sourceRef="back" targetRef="m"/></process></definitions>"""

OURS = 20
"""So many matters of ours in a round, so that both sides take long enough to be timed."""


def matter() -> Definition:
    return bpmn.read(DIAGRAM.read_bytes()).definition(PROCESS)


def open_tasks(state: State) -> list[Token]:
    """The open user tasks (there are no other waiting tokens in this matter)."""
    return [token for token in state.tokens.values() if token.mode == "waiting"]


def run(definition: Definition) -> int:
    """One matter from start to end; how many user tasks it had."""
    state, _ = advance(definition, State(), Began("", dict(FACTS)))
    tasks = 0
    while waiting := open_tasks(state):
        token = waiting[0]
        state, _ = advance(definition, state, Completed(token.id, dict(ANSWERS.get(token.node, {}))))
        tasks += 1
    return tasks


def walk(definition: Definition, route: Sequence[Turn]) -> list[str]:
    """The user tasks of a route, to its end."""
    state, _ = advance(definition, State(), Began("", dict(FACTS)))
    turns, walked = list(route), list[str]()
    while tasks := {token.node: token for token in reversed(open_tasks(state))}:
        here = first(tasks)
        turn = turns.pop(0) if turns and turns[0].node == here else Turn(here)
        if turn.message:
            state, _ = advance(definition, state, Messaged(turn.message))
            continue
        walked.append(here)
        given = dict(ANSWERS.get(here, {}) if turn.answer is None else turn.answer)
        step = tasks[here].id
        said = Escalated(step, turn.escalation) if turn.escalation else Completed(step, given)
        state, _ = advance(definition, state, said)
    return [*walked, "completed" if state.status == "ended" else state.status]


def agree(definition: Definition) -> dict[str, int]:
    """Both engines walk the same tasks on every route; how many they are. Raises `ValueError` otherwise."""
    counts = dict[str, int]()
    for name, route in ROUTES.items():
        ours, theirs = walk(definition, route), spiff.walk(route)
        if ours != theirs or ours[-1] != "completed":
            raise ValueError(f"the two engines walk “{name}” differently: {ours} and {theirs}")
        counts[name] = len(ours) - 1
    return counts


def against_spiff(rounds: int) -> Figure:
    definition, spec = matter(), spiff.specification()
    routes = agree(definition)

    def theirs() -> int:
        workflow, tasks = spiff.begin(spec), 0
        while spiff.complete(workflow):
            tasks += 1
        return tasks

    def ours() -> int:
        return sum(run(definition) for _ in range(OURS))

    tasks = routes["usual"]
    if (theirs(), ours()) != (tasks, OURS * tasks):
        raise ValueError("the two engines did not walk the same number of tasks")
    times = interleaved((theirs, ours), rounds)
    value = ratio(times, 0, 1) * OURS
    details = {
        "our_microseconds_per_task": round(median(times[1]) / OURS / tasks * 1e6, 1),
        "their_microseconds_per_task": round(median(times[0]) / tasks * 1e6, 1),
        "tasks": tasks,
        "rounds": rounds,
        "routes_walked_alike": routes,
        "nodes": sum(len(level.nodes) for level in definition.levels.values()),
    }
    what = "advance per user task against stock SpiffWorkflow in memory"
    return Figure("advance", what, round(value, 1), "×", "≥ 50", value >= 50, details)


def after_returns(returns: int, rounds: int) -> list[Figure]:
    """A case sent back so often: how large its state is, and what a step costs then against the first."""
    definition = bpmn.read(RETURNS).definition()
    first_, _ = advance(definition, State(), Began("", dict(FACTS)))
    late = first_
    for _ in range(returns):
        late = _sent_back(definition, late)

    def steps(state: State) -> None:
        for _ in range(200):
            advance(definition, state, Completed(next(iter(state.tokens)), dict(FACTS)))

    times = interleaved((lambda: steps(late), lambda: steps(first_)), rounds)
    size, cost = len(encode(late)), ratio(times, 0, 1)
    return [
        Figure("returns-size", f"state of a case sent back {returns} times", size, "bytes", "≤ 4096", size <= 4096),
        Figure("returns-cost", "advance then against the first time", round(cost, 2), "×", "≤ 1.2", cost <= 1.2),
    ]


def _sent_back(definition: Definition, state: State) -> State:
    state, _ = advance(definition, state, Completed(next(iter(state.tokens)), dict(FACTS)))
    state, _ = advance(definition, state, Escalated(next(iter(state.tokens)), "return"))
    return state
