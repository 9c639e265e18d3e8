"""Could the new version have come to this state by itself? A state put together node by node is taken only if it could:
then joins get what they wait for, nothing is under way twice, and the case can end as the diagram was checked to end.

Each level is looked at on its own, with what is inside its activities closed: all its markings are visited once, by the
same machine that runs cases, and kept. What begins beside a level's main flow and never comes back to it (reminders)
says nothing about that and is left out.
"""

from engine.checks.soundness import markings
from engine.definition import Body, Definition, Flow, Kind, Level, Node, Process, Trigger
from engine.migration.places import NoPlace, named
from engine.model import Scope, State, replace
from engine.reduction import closure

LIMIT = 5_000
"""So many markings of a level are visited."""

Marking = tuple[tuple[str, ...], tuple[tuple[str, int], ...]]
"""The nodes of a level at which tokens stand, and what waits at its joins."""


class Markings:
    """The markings that the levels of a definition can come to, visited when first asked for."""

    def __init__(self, definition: Definition, limit: int = LIMIT) -> None:
        self.definition = definition
        self.limit = limit
        self._known: dict[tuple[str, frozenset[str]], tuple[frozenset[Marking], bool]] = {}

    def must_be_reachable(self, state: State) -> None:
        """Raises `NoPlace` when a level of the state stands as the definition never lets it stand."""
        for scope in state.scopes.values():
            if scope.kind in ("process", "body", "event"):
                self._level(state, scope)

    def _level(self, state: State, scope: Scope) -> None:
        level = self.definition.levels[scope.body]
        beside = _beside(level)
        here = [token for token in state.tokens.values() if token.scope == scope.id and token.node not in beside]
        joins = tuple(sorted((flow, n) for flow, n in scope.joins.items() if level.flows[flow].target not in beside))
        marking = tuple(sorted(token.node for token in here)), joins
        if not here and not joins:
            return
        stuck = frozenset(token.node for token in here if token.incident and token.mode != "hosting")
        found, complete = self._visited(level, beside, stuck)
        if marking not in found:
            raise _unreachable([level.nodes[token.node] for token in here], complete)

    def _visited(self, level: Level, beside: set[str], stuck: frozenset[str]) -> tuple[frozenset[Marking], bool]:
        key = level.key, stuck
        if key not in self._known:
            alone = Definition(level.key, {level.key: Process(level.key, _closed(level, beside, stuck))})
            states, complete = markings(alone, states=self.limit)
            self._known[key] = frozenset(map(_marking, states)), complete
        return self._known[key]


def _marking(state: State) -> Marking:
    joins = state.scopes[1].joins.items() if 1 in state.scopes else ()
    return tuple(sorted(token.node for token in state.tokens.values())), tuple(sorted(joins))


def _beside(level: Level) -> set[str]:
    """The nodes that only non-interrupting boundary events lead to."""
    marked = [node.id for node in level.nodes.values() if node.kind == "boundary" and not node.interrupting]
    if not marked:
        return set()
    inside = {"boundary", "event_subprocess"}
    first = [node.id for node in level.nodes.values() if not node.incoming and node.kind not in inside]
    main = closure(Body(level.nodes, level.flows), first, without=marked)
    return closure(Body(level.nodes, level.flows), marked) - main


def _closed(level: Level, beside: set[str], stuck: frozenset[str]) -> Body:
    """The level alone: activities are steps whatever is inside, every event comes when it wants, nothing has data."""
    gone = beside | {node.id for node in level.nodes.values() if node.kind == "event_subprocess"}
    flows = {id: flow for id, flow in level.flows.items() if not {flow.source, flow.target} & gone}
    kept = (node for node in level.nodes.values() if node.id not in gone)
    return Body({node.id: _alone(node, gone, flows, stuck) for node in kept}, flows)


def _alone(node: Node, gone: set[str], flows: dict[str, Flow], stuck: frozenset[str]) -> Node:
    kept: dict[str, tuple[str, ...]] = {
        "incoming": tuple(flow for flow in node.incoming if flow in flows),
        "outgoing": tuple(flow for flow in node.outgoing if flow in flows),
        "boundaries": tuple(id for id in node.boundaries if id not in gone),
    }
    bare = replace(node, **kept, loop=None, body=None, called="", script="", parameters={}, trigger=_event(node))
    return replace(bare, kind=_kind(node, stuck))


def _kind(node: Node, stuck: frozenset[str]) -> Kind:
    if node.id in stuck or node.kind in ("subprocess", "call", "service", "rule", "receive", "user", "manual"):
        return "task"
    return "script" if node.kind == "send" else node.kind


def _event(node: Node) -> Trigger:
    if node.trigger.kind in ("link", "terminate"):
        return node.trigger
    return Trigger("message", node.id) if node.kind in ("catch", "boundary") else Trigger()


def _unreachable(nodes: list[Node], complete: bool) -> NoPlace:
    zh, en = "、".join(map(named, nodes)), ", ".join(map(named, nodes))
    if complete:
        return NoPlace(
            "migration.unreachable",
            f"新版本自己走不到“{zh}”这样的情形（并行分支不齐或无法汇合），迁移后会卡住，整件事项留在原版本。",
            f"The new version can never stand at “{en}” like this (branches are missing or cannot join): the matter "
            "would get stuck and stays.",
        )
    return NoPlace(
        "migration.undecided",
        f"新版本的情形太多，不能断定停在“{zh}”的事项迁移后不会卡住，故留在原版本。",
        f"The new version has too many situations to be sure that a matter at “{en}” would not get stuck: it stays.",
    )
