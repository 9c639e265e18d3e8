"""Every way a case can take through a diagram, as one graph: what the rules of law ask their questions of.

Sub-processes and called processes are unfolded in their place. Each step has two points: coming to it and, when it is
done, going on. A way may break off: by a boundary event, or by an event sub-process that interrupts. An activity
that repeats over a list is done at least once: an empty list is the form's affair. Conditions may turn out either way,
unless facts are assumed that decide them; a join of parallel branches is reached when all of them arrive.
"""

import ast
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from engine.definition import Body, Definition, Flow, Node, Process
from engine.expressions import ExpressionError, compile_expression

Point = str
"""A step's key: coming to it. With `>` behind it: going on from it. `""` and `>` are the beginning and the end."""

WAITS = frozenset({"user", "manual", "task", "receive", "catch", "event_gateway"})
"""What holds a case up until a person answers, a time comes or something is heard; so does a join."""


class Step(NamedTuple):
    """A node where it is unfolded. `key` has the ids on the way in (`settle_dispute/decide`), `scope` is the key of
    what it lies in, empty for the process a case begins with."""

    key: str
    scope: str
    node: Node
    process: Process

    @property
    def joins(self) -> bool:
        return self.node.kind == "parallel" and len(self.node.incoming) > 1

    @property
    def waits(self) -> bool:
        return self.joins or (self.node.kind in WAITS and self.node.trigger.kind != "link")


def after(key: str) -> Point:
    """The point at which a step is done."""
    return key + ">"


def step_of(point: Point) -> str:
    return point.removesuffix(">")


def decided(condition: str, facts: Mapping[str, Any]) -> bool | None:
    """Whether a condition holds given these facts; None where they do not decide it, or it cannot be read."""
    try:
        return _truth(compile_expression(condition).tree, facts)
    except ExpressionError:
        return None


class Paths:
    """The ways through a definition. `assuming` narrows them to those that some facts leave open."""

    def __init__(self, definition: Definition, facts: Mapping[str, Any] | None = None) -> None:
        self.definition = definition
        self.facts = facts or {}
        self.steps: dict[str, Step] = {}
        self.forks: set[Point] = set()
        self._natural: dict[Point, list[Point]] = {}
        self._broken: dict[Point, list[Point]] = {}
        self._late: list[tuple[str, str]] = []
        root = definition.process
        starts = [node.id for node in root.body.nodes.values() if node.kind == "start"]
        self._unfold(root, root.body, "", starts or definition.levels[root.id].starts, (root.id,))
        for scope, key in self._late:
            self._break_off(scope, key)

    def assuming(self, facts: Mapping[str, Any]) -> "Paths":
        return Paths(self.definition, facts) if facts else self

    def onward(self, point: Point) -> Iterable[Point]:
        """Where a case can be next, whether all goes well or something breaks in."""
        return (*self._natural.get(point, ()), *self._broken.get(point, ()))

    def reach(self, point: Point, without: Collection[str] = ()) -> dict[Point, Point]:
        """Each point that can come after this one without coming to the steps `without`, with the one before it."""
        came: dict[Point, Point] = {}
        pending = deque([point])
        while pending:
            here = pending.popleft()
            for there in self.onward(here):
                if there not in came and there != point and there not in without:
                    came[there] = here
                    pending.append(there)
        return came

    def avoiding(self, point: Point, past: Collection[str]) -> dict[Point, Point]:
        """Each point that a case can get to from this one with none of the steps `past` done, with the one before
        it. Behind a join everything counts that was done in any of its branches."""
        region = {point, *self.reach(point)}
        due = {join: len({p for p in self._before.get(join, ()) if p in region}) for join in self._joins}
        done = {after(key) for key in past}
        came: dict[Point, Point] = {}
        pending = deque([point])
        while pending:
            here = pending.popleft()
            for there in dict.fromkeys(self.onward(here)):
                if there in came or there in done or there == point:
                    continue
                if there in due:
                    due[there] -= 1
                    if due[there] > 0:
                        continue
                came[there] = here
                pending.append(there)
        return came

    def held_up(self, point: Point, goal: Collection[str], through: Collection[str] = ()) -> list[str] | None:
        """None when a case that is here comes to a step of `goal` at once, whatever it chooses, with nothing to
        wait for but steps of `through`; else the steps up to the one that holds it up."""
        return self._held_up(point, goal, through, ())

    def beside(self, one: str, other: str) -> bool:
        """Whether the two steps stand in different branches of a parallel split, so that neither waits."""
        return any(self._split(fork, one, other) for fork in self.forks)

    def way(self, came: Mapping[Point, Point], point: Point) -> list[str]:
        """The steps of the way by which a point was reached, in order."""
        keys = [step_of(point)]
        while point in came:
            point = came[point]
            if step_of(point) != keys[-1]:
                keys.append(step_of(point))
        return [key for key in reversed(keys) if key]

    # -- unfolding -----------------------------------------------------------------------------------

    def _unfold(self, process: Process, body: Body, scope: str, starts: Iterable[str], calls: tuple[str, ...]) -> None:
        self._natural.setdefault(scope, []).extend(_key(scope, id) for id in starts)
        links = {n.trigger.ref: id for id, n in body.nodes.items() if n.kind == "catch" and n.trigger.kind == "link"}
        for node in body.nodes.values():
            step = Step(_key(scope, node.id), scope, node, process)
            self.steps[step.key] = step
            self._enter(step, calls)
            self._leave(step, body, links)

    def _enter(self, step: Step, calls: tuple[str, ...]) -> None:
        node = step.node
        if node.body is not None:
            if node.kind == "event_subprocess":
                starts: Iterable[str] = [one.id for one in node.body.nodes.values() if one.kind == "start"]
            else:
                starts = _plain_starts(node.body)
            self._unfold(step.process, node.body, step.key, starts, calls)
        elif node.kind == "call" and node.called not in calls:
            called = self.definition.processes[node.called]
            starts = self.definition.levels[called.id].starts
            self._unfold(called, called.body, step.key, starts, (*calls, called.id))
        else:
            self._natural[step.key] = [after(step.key)]

    def _leave(self, step: Step, body: Body, links: Mapping[str, str]) -> None:
        node, point = step.node, after(step.key)
        if node.kind == "event_subprocess":
            self._listen(step)
            return
        if node.kind == "boundary":
            self._late.append((_key(step.scope, node.host), step.key))
        flows = _open(node, [body.flows[id] for id in node.outgoing], self.facts)
        self._natural[point] = [_key(step.scope, flow.target) for flow in flows]
        if node.trigger.kind == "link" and node.kind == "throw" and node.trigger.ref in links:
            self._natural[point] = [_key(step.scope, links[node.trigger.ref])]
        elif not node.outgoing and not (node.kind == "end" and node.trigger.kind == "error"):
            self._natural[point] = [after(step.scope)]
        if len(flows) > 1 and not _chooses(node, body):
            self.forks.add(point)

    def _listen(self, step: Step) -> None:
        """An event sub-process that interrupts may begin at any point of what it lies in, and ends it; another
        may begin once that has begun, and nothing comes after it."""
        interrupting = interrupts(step.node)
        self._natural[after(step.key)] = [after(step.scope)] if interrupting else []
        if interrupting:
            self._late.append((step.scope, step.key))
        else:
            self._broken.setdefault(step.scope, []).append(step.key)

    def _break_off(self, scope: str, key: str) -> None:
        """From wherever a case is inside `scope` (or at it), it may go to `key`."""
        inside = [one for one in self.steps if _lies_in(one, scope) and one != key and not _lies_in(one, key)]
        for point in dict.fromkeys((scope, *inside)):
            self._broken.setdefault(point, []).append(key)

    # -- joins, splits, waiting ----------------------------------------------------------------------

    @cached_property
    def _before(self) -> dict[Point, set[Point]]:
        before: dict[Point, set[Point]] = {}
        for point in (*self._natural, *self._broken):
            for there in self.onward(point):
                before.setdefault(there, set()).add(point)
        return before

    @cached_property
    def _joins(self) -> list[str]:
        return [step.key for step in self.steps.values() if step.joins]

    def _split(self, fork: Point, one: str, other: str) -> bool:
        gateway = step_of(fork)
        branches = [{there, *self.reach(there, {gateway})} for there in self._natural[fork]]
        apart = any(one in mine and other in theirs for mine in branches for theirs in branches if mine is not theirs)
        return apart and not any(
            later in self.reach(after(earlier), {gateway}) for earlier, later in ((one, other), (other, one))
        )

    def _held_up(
        self, point: Point, goal: Collection[str], through: Collection[str], trail: tuple[Point, ...]
    ) -> list[str] | None:
        if point in goal:
            return None
        here = (*trail, point)
        blocked = [step_of(one) for one in dict.fromkeys(map(step_of, here)) if one]
        step = self.steps.get(point)
        if point in trail or (step is not None and step.waits and point not in through):
            return blocked
        results = [self._held_up(there, goal, through, here) for there in self._natural.get(point, ())]
        held = [one for one in results if one is not None]
        if not results or (len(held) == len(results) if point in self.forks else held):
            return held[0] if held else blocked
        return None


def interrupts(node: Node) -> bool:
    """Whether an event sub-process ends what it lies in when it begins."""
    return any(one.kind == "start" and one.interrupting for one in (node.body.nodes.values() if node.body else ()))


def _key(scope: str, id: str) -> str:
    return f"{scope}/{id}" if scope else id


def _lies_in(key: str, scope: str) -> bool:
    return not scope or key.startswith(scope + "/")


def _plain_starts(body: Body) -> list[str]:
    starts = [node.id for node in body.nodes.values() if node.kind == "start"]
    fixed = ("boundary", "event_subprocess")
    return starts[:1] or [n.id for n in body.nodes.values() if not n.incoming and n.kind not in fixed]


# -- conditions --------------------------------------------------------------------------------------


def _chooses(node: Node, body: Body) -> bool:
    """Whether a token takes some of the flows that lead away, not all of them."""
    conditional = bool(node.default) or any(body.flows[id].condition for id in node.outgoing)
    return node.kind != "parallel" and (conditional or node.kind in ("exclusive", "inclusive", "event_gateway"))


def _open(node: Node, flows: list[Flow], facts: Mapping[str, Any]) -> list[Flow]:
    """The flows that can be taken, given the facts. An exclusive gateway looks no further than the first that
    certainly holds; everywhere else only a default flow is shut by one that does."""
    if node.kind in ("parallel", "event_gateway"):
        return flows
    found: list[Flow] = []
    certain = False
    for flow in flows:
        if flow.id == node.default:
            continue
        holds = decided(flow.condition, facts) if flow.condition else True
        if holds is not False:
            found.append(flow)
        certain = certain or holds is True
        if certain and node.kind == "exclusive":
            break
    return found if certain else [*found, *(flow for flow in flows if flow.id == node.default)]


def _truth(tree: ast.expr, facts: Mapping[str, Any]) -> bool | None:
    """Kleene's logic: an unknown part counts only where the known ones leave the whole open."""
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        inner = _truth(tree.operand, facts)
        return None if inner is None else not inner
    if isinstance(tree, ast.BoolOp):
        parts = {_truth(part, facts) for part in tree.values}
        deciding = isinstance(tree.op, ast.Or)
        return deciding if deciding in parts else None if None in parts else not deciding
    return _evaluated(ast.unparse(tree), facts)


def _evaluated(source: str, facts: Mapping[str, Any]) -> bool | None:
    expression = compile_expression(source)
    return expression.holds(facts) if expression.names | expression.optional <= facts.keys() else None


def elements(keys: Iterable[str]) -> Iterator[str]:
    """The BPMN ids of steps."""
    return (key.rsplit("/", 1)[-1] for key in keys)
