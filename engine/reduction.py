"""Makes a diagram smaller without changing what can go wrong in it, so that every marking can be visited.

Two steps one after the other, parallel branches that do the same kind of nothing, choices that meet again: a
token game over them multiplies markings and finds no new fault. Each rule here keeps the verdict (can it get
stuck, run in circles for ever, mark a step twice, leave something unvisited) and remembers which elements of
the drawing a remaining element stands for. The tests compare explorations with and without it on random
diagrams. What a rule relies on is said where the rule is.

Words: a *rest* is a node where a token waits for an answer or an event; it is *plain* when nothing but that
answer leads away from it, by one flow. All other nodes are passed at once.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from engine.definition import CHOOSING, Body, Definition, Flow, Node, Trigger
from engine.machine import WAITING
from engine.model import replace

FREE = "?"
"""The condition of a flow that exploration may take or leave."""


Meaning: TypeAlias = tuple["str | Meaning", ...]
"""Elements of the drawing, and what others stand for in their turn. Told flat at the end only: along a row of steps
that go into one another the lists would else grow with the square of its length."""


class Reduced(NamedTuple):
    """A smaller definition, and for its elements what they stand for (absent: for themselves)."""

    definition: Definition
    stands: Mapping[str, tuple[str, ...]]


def reduce(given: Reduced) -> Reduced:
    """The smaller definition of one that comes from `normal`."""
    definition = given.definition
    habits = _Habits.of(definition)
    stands: dict[str, Meaning] = dict(given.stands)
    processes = {
        id: replace(process, body=_reduced(process.body, habits, stands))
        for id, process in definition.processes.items()
    }
    small = replace(definition, processes=processes)
    left = {id for _, body in small.bodies() for id in (*body.nodes, *body.flows)}
    return Reduced(small, {id: _flat(meaning) for id, meaning in stands.items() if id in left})


def normal(definition: Definition) -> Reduced:
    """The definition with link events drawn as flows and a rest in every circle that has none: a circle
    without waiting cannot be explored move by move, and one rest more changes no verdict."""
    stands: dict[str, Meaning] = {}
    processes = {
        id: replace(process, body=_normal(process.body, stands)) for id, process in definition.processes.items()
    }
    return Reduced(replace(definition, processes=processes), {id: _flat(meaning) for id, meaning in stands.items()})


def ways(node: Node, flows: tuple[Flow, ...]) -> tuple[Flow, ...]:
    """The flows an exclusive gateway can take, whatever its conditions turn out to be: nothing after the
    first one without a condition."""
    possible: list[Flow] = []
    for flow in flows:
        if flow.id == node.default:
            continue
        possible.append(flow)
        if not flow.condition:
            return tuple(possible)
    return (*possible, *(flow for flow in flows if flow.id == node.default))


def _flat(meaning: Meaning) -> tuple[str, ...]:
    """Each element once, in order. What several share is gone through once."""
    found: dict[str, None] = {}
    seen: set[int] = set()
    pending: list[str | Meaning] = [meaning]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            found[one] = None
        elif id(one) not in seen:
            seen.add(id(one))
            pending.extend(reversed(one))
    return tuple(found)


def deep(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes and all that lies inside them."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        if node.body is not None:
            pending.extend(node.body.nodes.values())


def closure(body: Body, seeds: Iterable[str], without: Iterable[str] = ()) -> set[str]:
    """The nodes of a level that tokens beginning at `seeds` can reach: along flows, links, boundary events."""
    seen, pending = set(without), list(seeds)
    links = {n.trigger.ref: n.id for n in body.nodes.values() if n.kind == "catch" and _links(n)}
    while pending:
        id = pending.pop()
        if id in seen:
            continue
        seen.add(id)
        node = body.nodes[id]
        pending.extend(body.flows[flow].target for flow in node.outgoing)
        pending.extend(node.boundaries)
        if _links(node) and node.kind == "throw" and node.trigger.ref in links:
            pending.append(links[node.trigger.ref])
    return seen.difference(without)


def _links(node: Node) -> bool:
    return node.trigger.kind == "link"


# -- the normal form ---------------------------------------------------------------------------------------


def _normal(body: Body, stands: dict[str, Meaning]) -> Body:
    graph = Graph(body, stands)
    for node in list(graph.nodes.values()):
        if node.body is not None:
            graph.nodes[node.id] = replace(node, body=_normal(node.body, stands))
    graph.draw_links()
    for flow in _closing_circles(graph):
        graph.rest_on(flow)
    return graph.body()


def _closing_circles(graph: "Graph") -> list[str]:
    """Flows of which each circle of passing nodes has one: the back edges of a depth-first search."""
    found: list[str] = []
    done: set[str] = set()
    for root in graph.nodes:
        trail: set[str] = set()
        pending = [(root, False)]
        while pending:
            id, leaving = pending.pop()
            if leaving:
                trail.discard(id)
                done.add(id)
            elif id not in done and id not in trail and not _rests(graph.nodes[id]):
                trail.add(id)
                pending.append((id, True))
                for flow in _onward(graph, id):
                    target = graph.flows[flow].target
                    if target in trail:
                        found.append(flow)
                    elif target not in done:
                        pending.append((target, False))
    return found


def _onward(graph: "Graph", id: str) -> Iterator[str]:
    """The flows a token can be on right after this node: an error thrown inside it may come out at once."""
    node = graph.nodes[id]
    yield from node.outgoing
    for boundary in node.boundaries:
        yield from graph.nodes[boundary].outgoing


def _rests(node: Node) -> bool:
    """Whether a token always waits here before it goes on."""
    if node.loop is not None and node.loop.test_before:
        return False
    return node.kind in WAITING or node.kind == "event_gateway" or _catches(node)


def _catches(node: Node) -> bool:
    return node.kind == "catch" and node.trigger.kind not in ("link", "none")


# -- a level as a graph that can be changed ----------------------------------------------------------------


class Graph:
    """The nodes and flows of one level, with the few changes that rules are made of."""

    def __init__(self, body: Body, stands: dict[str, Meaning]) -> None:
        self.nodes = dict(body.nodes)
        self.flows = dict(body.flows)
        self.stands = stands

    def body(self) -> Body:
        return Body(self.nodes, self.flows)

    def meaning(self, *ids: str) -> Meaning:
        """The elements of the drawing that these stand for."""
        return tuple(self.stands.get(id, id) for id in ids)

    def take_over(self, heir: str, *ids: str) -> None:
        self.stands[heir] = self.meaning(heir, *ids)

    def set(self, id: str, **changes: Any) -> None:
        self.nodes[id] = replace(self.nodes[id], **changes)

    def target(self, flow: str) -> Node:
        return self.nodes[self.flows[flow].target]

    def connect(self, id: str, source: str, target: str) -> None:
        """A new flow that stands for nothing drawn."""
        self.flows[id] = Flow(id, source, target)
        self.set(source, outgoing=(*self.nodes[source].outgoing, id))
        self.set(target, incoming=(*self.nodes[target].incoming, id))
        self.stands[id] = ()

    def add(self, node: Node) -> None:
        """A new node that stands for nothing drawn."""
        self.nodes[node.id] = node
        self.stands[node.id] = ()

    def drop_flow(self, id: str) -> None:
        flow = self.flows.pop(id)
        if flow.source in self.nodes:
            source = self.nodes[flow.source]
            outgoing = tuple(one for one in source.outgoing if one != id)
            self.set(source.id, outgoing=outgoing, default="" if source.default == id else source.default)
        if flow.target in self.nodes:
            target = self.nodes[flow.target]
            self.set(target.id, incoming=tuple(one for one in target.incoming if one != id))

    def drop_node(self, id: str) -> None:
        node = self.nodes.pop(id)
        for flow in {*node.incoming, *node.outgoing}:
            if flow in self.flows:
                self.drop_flow(flow)
        if node.host in self.nodes:
            host = self.nodes[node.host]
            self.set(host.id, boundaries=tuple(one for one in host.boundaries if one != id))

    def bypass(self, id: str) -> None:
        """Takes a node with one way out from its flows: what led to it leads to where it leads."""
        node = self.nodes[id]
        (out,) = node.outgoing
        target = self.target(out)
        position = target.incoming.index(out)
        incoming = (*target.incoming[:position], *node.incoming, *target.incoming[position + 1 :])
        for flow in node.incoming:
            self.take_over(flow, id, out)
            self.flows[flow] = replace(self.flows[flow], target=target.id)
        self.set(target.id, incoming=incoming)
        self.set(id, incoming=(), outgoing=())
        del self.flows[out], self.nodes[id]

    def rest_on(self, flow: str) -> None:
        """A rest in the middle of a flow."""
        id, target = f"{flow}~", self.target(flow)
        self.add(Node(id, "task", incoming=(flow,), outgoing=(id,)))
        self.flows[flow] = replace(self.flows[flow], target=id)
        self.flows[id] = Flow(id, id, target.id)
        self.set(target.id, incoming=tuple(id if one == flow else one for one in target.incoming))

    def draw_links(self) -> None:
        catches = {n.trigger.ref: n.id for n in self.nodes.values() if n.kind == "catch" and _links(n)}
        for node in list(self.nodes.values()):
            if node.kind == "throw" and _links(node) and node.trigger.ref in catches:
                self.connect(f"{node.id}~", node.id, catches[node.trigger.ref])
                self.set(node.id, trigger=Trigger())
                self.set(catches[node.trigger.ref], trigger=Trigger())


# -- what holds for a whole definition ---------------------------------------------------------------------


class _Habits(NamedTuple):
    """What rules have to know about the rest of the definition.

    `fallible`: somewhere errors or escalations are caught, so a step (that can fail) is more than another
    rest. `outer`: kinds of these that are caught around other nodes. `shared`: signals that the diagram itself
    throws or listens for in several places, so that one of them may be swept away by another. `still`: nodes
    that must stay because the order of simultaneous moves counts there (see `_Wake`).
    """

    fallible: bool
    outer: frozenset[str]
    shared: frozenset[str]
    still: frozenset[str]

    @staticmethod
    def of(definition: Definition) -> "_Habits":
        nodes = [node for _, node in definition.nodes()]
        around = {n.id for n in nodes if n.body is not None or n.kind == "call"}
        catching = [n for n in nodes if n.trigger.kind in ("error", "escalation") and n.kind not in THROWING]
        return _Habits(
            fallible=bool(catching),
            outer=frozenset(n.trigger.kind for n in catching if n.kind != "boundary" or n.host in around),
            shared=frozenset(_shared_signals(nodes)),
            still=_Wake(definition).still(),
        )


def _shared_signals(nodes: Iterable[Node]) -> Iterator[str]:
    signals = [node for node in nodes if node.trigger.kind == "signal"]
    count = Counter(node.trigger.ref for node in signals)
    for node in signals:
        if node.kind in THROWING or count[node.trigger.ref] > 1:
            yield node.trigger.ref


THROWING = frozenset({"end", "throw"})
ACTING = frozenset({"terminate", "signal", "error", "escalation"})
"""Events that act on other tokens the moment they are thrown."""


class _Wake:
    """Where several tokens move in one go and one of them acts on the others: there, what happens depends on
    who is first, and a shorter way would change it."""

    def __init__(self, definition: Definition) -> None:
        self.levels = definition.levels
        self.nodes = {node.id: node for _, node in definition.nodes()}
        self.goals: dict[str, list[str]] = {id: [] for id in self.nodes}
        for key, level in self.levels.items():
            for node in level.nodes.values():
                self.goals[node.id] = list(self.onward(key, node))

    def onward(self, key: str, node: Node) -> Iterator[str]:
        """Where a token goes right after this node: into what it holds, or along its flows."""
        level = self.levels[key]
        yield from self.inside(key, node)
        for flow in chain(node.outgoing, *(level.nodes[id].outgoing for id in node.boundaries)):
            yield level.flows[flow].target

    def inside(self, key: str, node: Node) -> tuple[str, ...]:
        if node.kind == "call":
            return self.levels[node.called].starts
        return self.levels[f"{key}/{node.id}"].starts if node.kind == "subprocess" else ()

    def still(self) -> frozenset[str]:
        found: set[str] = set()
        if any(self.acts(node) for node in self.nodes.values()):
            for seeds in chain(self.forks(), self.thrown()):
                wake = self.closure(seeds)
                if any(self.acts(self.nodes[id]) for id in wake):
                    found |= wake
        return frozenset(found)

    def acts(self, node: Node) -> bool:
        return node.kind in THROWING and node.trigger.kind in ACTING

    def forks(self) -> Iterator[list[str]]:
        for level in self.levels.values():
            if len(level.starts) > 1:
                yield list(level.starts)
            for node in level.nodes.values():
                if len(node.outgoing) > 1 and node.kind not in ("exclusive", "event_gateway"):
                    yield [node.id, *self.goals[node.id]]
                if node.loop is not None and node.loop.kind == "parallel":
                    yield [node.id, *self.goals[node.id]]

    def thrown(self) -> Iterator[list[str]]:
        """Who throws goes on while all who hear it begin to move."""
        heard = [n for n in self.nodes.values() if n.trigger.kind in ("signal", "escalation")]
        for kind in ("signal", "escalation"):
            yield [goal for node in heard if node.trigger.kind == kind for goal in self.goals[node.id]]

    def closure(self, seeds: list[str]) -> set[str]:
        """All that tokens come to from here before they rest, and where they rest."""
        pending, seen = list(seeds), set[str]()
        first = seeds[:1]
        while pending:
            id = pending.pop()
            if id not in seen:
                seen.add(id)
                if id in first or not _rests(self.nodes[id]):
                    pending.extend(self.goals[id])
        return seen


# -- the rules ---------------------------------------------------------------------------------------------


def _reduced(body: Body, habits: _Habits, stands: dict[str, Meaning]) -> Body:
    rules = _Rules(body, habits, stands)
    for node in list(rules.nodes.values()):
        if node.body is not None:
            rules.nodes[node.id] = replace(node, body=_reduced(node.body, habits, stands))
    rules.tidy()
    rules.run()
    return rules.body()


HUB = 12
"""A node with more flows than this is not looked around from when something beside it changed."""


class _Rules(Graph):
    """Rewrites one level until no rule applies. A rule looks at one node and says whether it did something."""

    def __init__(self, body: Body, habits: _Habits, stands: dict[str, Meaning]) -> None:
        super().__init__(body, stands)
        self.habits = habits
        self.still = habits.still
        self.all: tuple[Callable[[Node], bool], ...] = (
            self.pass_through,
            self.rest_before_rest,
            self.rest_after_rest,
            self.come_back,
            self.nested_choice,
            self.meet_again,
            self.block,
            self.boundary,
            self.first_event,
        )

    def run(self) -> None:
        """Looks again around what was changed; when nothing is left there, at everything, until nothing changes."""
        everywhere, pending = True, list(self.nodes)
        while pending:
            before = dict(self.nodes)
            for id in pending:
                if id in self.nodes:
                    any(rule(self.nodes[id]) for rule in self.all)
            changed = {id for id in before.keys() | self.nodes.keys() if self.nodes.get(id) is not before.get(id)}
            near = self.near(changed, before) if changed else set()
            pending = [id for id in self.nodes if id in near] if near or everywhere else list(self.nodes)
            everywhere = not near

    def near(self, changed: set[str], before: Mapping[str, Node]) -> set[str]:
        """What a rule that looks at a change may begin with: two steps around it. What many flows meet at is not
        followed further; the last look at everything makes up for it."""
        found = set(changed)
        for _ in range(2):
            nodes = [node for id in found for node in (self.nodes.get(id), before.get(id)) if node is not None]
            small = [node for node in nodes if len(node.incoming) + len(node.outgoing) <= HUB]
            found |= {one for node in small for one in self.beside(node)}
        return found

    def beside(self, node: Node) -> Iterator[str]:
        flows = (self.flows[flow] for flow in (*node.incoming, *node.outgoing) if flow in self.flows)
        yield from (id for flow in flows for id in (flow.source, flow.target))
        yield from (node.host, *node.boundaries)

    # what nodes are

    def plain(self, node: Node) -> bool:
        """A rest that only its own answer leads away from, by one flow."""
        return (
            _rests(node)
            and node.kind != "event_gateway"
            and len(node.outgoing) == 1
            and bool(node.incoming)
            and not node.boundaries
            and node.loop is None
            and node.id not in self.still
            and not self.awaited(node)
            and not self.called(node)
        )

    def awaited(self, node: Node) -> bool:
        """Whether the node is one of the events behind an event-based gateway."""
        return any(self.nodes[self.flows[flow].source].kind == "event_gateway" for flow in node.incoming)

    def called(self, node: Node) -> bool:
        """Whether what the node waits for is not its own affair."""
        return node.trigger.kind == "signal" and node.trigger.ref in self.habits.shared

    def joins(self, node: Node) -> bool:
        return node.kind in ("parallel", "inclusive") and len(node.incoming) > 1

    def forks(self, node: Node) -> bool:
        """Whether the node always leaves by all its flows."""
        if node.kind in CHOOSING or node.kind == "event_gateway" or node.default:
            return node.kind == "parallel"
        return node.kind == "parallel" or not any(self.flows[flow].condition for flow in node.outgoing)

    def free(self, node: Node) -> bool:
        """An exclusive gateway that can take each of its flows."""
        flows = tuple(self.flows[flow] for flow in node.outgoing)
        return node.kind == "exclusive" and len(ways(node, flows)) == len(flows)

    def weaker(self, node: Node, other: Node) -> bool:
        """Whether the node could fail where the other cannot, or with another effect, so that the other cannot
        stand for it."""
        if not self.habits.fallible or node.kind not in WAITING:
            return False
        caught = {self.nodes[id].trigger.kind for id in other.boundaries}
        return other.kind not in WAITING or bool(caught & self.habits.outer)

    # before the rules: the same things drawn in the same way

    def tidy(self) -> None:
        self.tidy_start()
        self.tidy_loops()
        self.tidy_ends()

    def tidy_start(self) -> None:
        """A level without start event gets one, because rules change which nodes nothing leads to."""
        if any(node.kind == "start" for node in self.nodes.values()):
            return
        first = [
            node.id
            for node in self.nodes.values()
            if not node.incoming and node.kind not in ("boundary", "event_subprocess") and not _links(node)
        ]
        if first:
            id = f"~{first[0]}"
            self.add(Node(id, "start"))
            for node in first:
                self.connect(f"~{node}", id, node)

    def tidy_loops(self) -> None:
        """Rounds of one task are the task once more: they cannot get in each other's way."""
        for node in list(self.nodes.values()):
            if node.loop is not None and node.body is None and node.kind != "call":
                self.set(node.id, loop=None)

    def tidy_ends(self) -> None:
        """All plain ends of a level are one: a token that reaches any of them is gone."""
        ends = [n for n in self.nodes.values() if _plain_end(n) and n.incoming and n.id not in self.still]
        id = f"~{ends[0].id}" if ends else f"~end~{next(iter(self.nodes), '')}"
        loose = [node for node in self.nodes.values() if self.loose(node)]
        if not ends and not loose:
            return
        self.add(Node(id, "end"))
        for end in ends:
            for flow in end.incoming:
                self.take_over(flow, end.id)
                self.flows[flow] = replace(self.flows[flow], target=id)
            self.set(id, incoming=(*self.nodes[id].incoming, *end.incoming))
            del self.nodes[end.id]
        for node in loose:
            self.connect(f"{node.id}~", node.id, id)

    def loose(self, node: Node) -> bool:
        """Whether a token is consumed when it leaves the node."""
        return (
            not node.outgoing
            and node.kind not in ("end", "event_gateway", "event_subprocess")
            and (bool(node.incoming) or node.kind in ("start", "boundary"))
        )

    # rules

    def pass_through(self, node: Node) -> bool:
        """A node that only passes tokens on. In front of what joins, one flow must stay one flow."""
        if len(node.outgoing) != 1 or not node.incoming or node.id in self.still or not self.passes(node):
            return False
        target = self.target(node.outgoing[0])
        many = len(node.incoming) > 1 and target.kind in ("parallel", "inclusive")
        if target.id == node.id or self.awaited(node) or many:
            return False
        self.bypass(node.id)
        return True

    def passes(self, node: Node) -> bool:
        if node.boundaries or node.loop is not None or self.joins(node):
            return False
        if node.kind in ("throw", "catch"):
            return node.trigger.kind == "none" or (node.kind == "throw" and node.trigger.kind == "message")
        return node.kind in ("exclusive", "parallel", "inclusive", "script", "send")

    def rest_before_rest(self, node: Node) -> bool:
        """Two rests in a row, the first plain: whatever is true while a token is at the first can be true
        while it is at the second, where it can go at any time."""
        if not self.plain(node):
            return False
        target = self.target(node.outgoing[0])
        if target.id == node.id or not _rests(target) or target.loop is not None or self.awaited(target):
            return False
        if target.kind == "event_gateway" and self.habits.fallible:
            return False
        if self.weaker(node, target):
            return False
        self.bypass(node.id)
        return True

    def rest_after_rest(self, node: Node) -> bool:
        """Two plain rests in a row, nothing else leading to the second: a token can wait at the first for as
        long as it would be at the second."""
        if not self.plain(node) or len(node.incoming) != 1:
            return False
        before = self.nodes[self.flows[node.incoming[0]].source]
        if before.id == node.id or not self.plain(before) or self.weaker(node, before):
            return False
        self.bypass(node.id)
        return True

    def come_back(self, node: Node) -> bool:
        """A choice right behind a rest that leads back to it: once more the same marking."""
        if len(node.incoming) != 1 or len(node.outgoing) < 2 or not self.free(node) or node.id in self.still:
            return False
        before = self.flows[node.incoming[0]].source
        back = [flow for flow in node.outgoing if self.flows[flow].target == before]
        if not back or len(back) == len(node.outgoing) or not self.steady(self.nodes[before]):
            return False
        for flow in back:
            self.take_over(node.incoming[0], flow)
            self.drop_flow(flow)
        return True

    def steady(self, node: Node) -> bool:
        return _rests(node) and node.loop is None and len(node.outgoing) == 1 and not self.called(node)

    def nested_choice(self, node: Node) -> bool:
        """A choice right behind a choice is one choice."""
        if not self.free(node) or node.id in self.still:
            return False
        for flow in node.outgoing:
            inner = self.target(flow)
            if inner.id != node.id and self.free(inner) and inner.incoming == (flow,) and inner.outgoing:
                self.merge_choice(node, flow, inner)
                return True
        return False

    def merge_choice(self, node: Node, flow: str, inner: Node) -> None:
        for one in inner.outgoing:
            self.stands[one] = self.meaning(flow, inner.id, one)
            self.flows[one] = replace(self.flows[one], source=node.id)
        outgoing = tuple(x for f in node.outgoing for x in (inner.outgoing if f == flow else (f,)))
        self.set(node.id, outgoing=outgoing, default="")
        for one in outgoing:
            self.flows[one] = replace(self.flows[one], condition=FREE)
        del self.flows[flow], self.nodes[inner.id]

    def meet_again(self, node: Node) -> bool:
        """Ways of a choice that meet at once, or of a fork that meet at a join or all end: one of them is
        enough, one with a rest if there is any."""
        if len(node.outgoing) < 2 or node.id in self.still:
            return False
        free, forks = self.free(node), self.forks(node)
        if not free and not forks:
            return False
        for target, arms in self.arms(node).items():
            end = self.nodes[target]
            fine = self.joins(end) != free
            if len(arms) > 1 and target != node.id and (fine or (forks and _plain_end(end))):
                self.keep_one(arms)
                return True
        return False

    def arms(self, node: Node) -> "dict[str, list[_Arm]]":
        """The ways out of a node, by where they lead, over one plain rest or none."""
        found: dict[str, list[_Arm]] = {}
        for flow in node.outgoing:
            arm = self.arm(flow)
            found.setdefault(arm.target, []).append(arm)
        return found

    def arm(self, flow: str) -> "_Arm":
        target = self.target(flow)
        if self.plain(target) and len(target.incoming) == 1 and self.target(target.outgoing[0]) is not target:
            return _Arm(flow, target, self.target(target.outgoing[0]).id)
        return _Arm(flow, None, target.id)

    def keep_one(self, arms: "list[_Arm]") -> None:
        kept, *others = sorted(arms, key=_by_weight)
        for arm in others:
            self.drop_arm(arm, kept.flow)

    def drop_arm(self, arm: "_Arm", heir: str) -> None:
        self.take_over(heir, arm.flow)
        if arm.rest is None:
            self.drop_flow(arm.flow)
        else:
            self.take_over(heir, arm.rest.id, *arm.rest.outgoing)
            self.drop_node(arm.rest.id)

    def block(self, node: Node) -> bool:
        """A split whose ways all meet at one inclusive join, however many are taken: one way is enough."""
        if len(node.outgoing) < 2 or node.id in self.still or not self.open(node):
            return False
        met = self.arms(node)
        if len(met) != 1:
            return False
        ((target, arms),) = met.items()
        if self.nodes[target].kind != "inclusive" or target == node.id:
            return False
        self.keep_one(arms)
        return True

    def open(self, node: Node) -> bool:
        """An inclusive gateway that can take each of its flows. (The default is taken only if no other is.)"""
        conditional = all(self.flows[flow].condition or flow == node.default for flow in node.outgoing)
        return node.kind == "inclusive" and conditional

    def boundary(self, node: Node) -> bool:
        """A boundary event that leads where its step leads anyway, back to the step, or nowhere."""
        if node.kind != "boundary" or self.habits_forbid(node):
            return False
        host = self.nodes[node.host]
        if host.kind not in WAITING or host.loop is not None or not host.incoming:
            return False
        if not node.interrupting:
            return self.reminder(node, host)
        if len(node.outgoing) != 1 or len(host.outgoing) != 1:
            return False
        arm = self.arm(node.outgoing[0])
        goal = self.target(host.outgoing[0])
        if arm.target != host.id and (arm.target != goal.id or self.joins(goal)):
            return False
        self.drop_arm(arm, host.outgoing[0])
        self.take_over(host.outgoing[0], node.id)
        self.drop_node(node.id)
        return True

    def habits_forbid(self, node: Node) -> bool:
        """An error not caught here would go on outwards; a signal the diagram throws is no free choice."""
        others = [self.nodes[id].trigger for id in self.nodes[node.host].boundaries if id != node.id]
        shadowed = node.trigger in others and node.trigger.kind != "timer"
        return shadowed or self.called(node) or node.trigger.kind in self.habits.outer

    def reminder(self, node: Node, host: Node) -> bool:
        if len(node.outgoing) > 1 or any(not _plain_end(self.target(flow)) for flow in node.outgoing):
            return False
        self.take_over(host.id, node.id, *node.outgoing)
        self.drop_node(node.id)
        return True

    def first_event(self, node: Node) -> bool:
        """Events behind an event-based gateway that meet at once are one; a single one needs no gateway."""
        if node.kind != "event_gateway" or not node.incoming:
            return False
        events = [self.target(flow) for flow in node.outgoing]
        if not all(self.simple_event(event) for event in events):
            return False
        for event in events:
            for other in events:
                if event.id != other.id and self.same_goal(event, other):
                    self.take_over(event.incoming[0], other.id, *other.incoming, *other.outgoing)
                    self.drop_node(other.id)
                    return True
        if len(events) != 1 or (events[0].kind == "receive" and self.habits.fallible):
            return False
        self.bypass(node.id)
        return True

    def simple_event(self, event: Node) -> bool:
        return (
            _rests(event)
            and event.kind in ("catch", "receive")
            and len(event.incoming) == len(event.outgoing) == 1
            and not event.boundaries
            and event.loop is None
            and not self.called(event)
        )

    def same_goal(self, event: Node, other: Node) -> bool:
        goal = self.target(event.outgoing[0])
        return goal is self.target(other.outgoing[0]) and not self.joins(goal)


class _Arm(NamedTuple):
    """A way out of a node: its first flow, the plain rest on it if there is one, where it leads."""

    flow: str
    rest: Node | None
    target: str


def _by_weight(arm: _Arm) -> int:
    """Steps before other rests before nothing."""
    return 2 if arm.rest is None else int(arm.rest.kind not in WAITING)


def _plain_end(node: Node) -> bool:
    return node.kind == "end" and node.trigger.kind in ("none", "message")
