"""Which element of one pack is which of another, where ids differ: an element that was only given another id is the
same element. Ids that both packs know are taken for the same thing; the rest is matched by what it says and where it
stands, and only where exactly one on each side answers to the description.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from engine.decisions import Table
from engine.definition import Definition, Flow, Node, Process
from engine.model import encode_sorted, replace
from engine.publishing import Folder

Ids: TypeAlias = dict[str, str]
"""Old id -> new id."""

LOOKS, FEWEST = 200_000, 20
"""So many nodes are looked at, in so many rounds at least."""

UNKNOWN = ""
"""What stands for a neighbour of which nobody knows yet what it is on the other side."""


class Renames(NamedTuple):
    """What has another id: elements by process, rows by decision table."""

    elements: Mapping[str, Ids]
    rows: Mapping[str, Ids]


NONE = Renames({}, {})


def renames(old: Folder, new: Folder) -> Renames:
    """The ids under which the elements and rows of `old` stand in `new`, where they are others."""
    one, two = processes(old), processes(new)
    tables = new.pack.decisions
    return Renames(
        {id: _elements(one[id], two[id]) for id in one if id in two},
        {key: _rows(table, tables[key]) for key, table in old.pack.decisions.items() if key in tables},
    )


def processes(folder: Folder) -> dict[str, Process]:
    """Every process of a pack once, by id, in the order of its diagrams."""
    found: dict[str, Process] = {}
    for drawn in folder.drawn.values():
        for id, process in drawn.definition.processes.items():
            found.setdefault(id, process)
    return found


def nodes(process: Process) -> dict[str, tuple[str, Node]]:
    """Every node of a process with the key of its level, by id."""
    return {node.id: (level, node) for level, node in Definition(process.id, {process.id: process}).nodes()}


def flows(process: Process) -> dict[str, Flow]:
    """Every sequence flow of a process, by id."""
    levels = Definition(process.id, {process.id: process}).bodies()
    return {flow.id: flow for _, body in levels for flow in body.flows.values()}


# -- matching ----------------------------------------------------------------------------------------


def _rows(old: Table, new: Table) -> Ids:
    """Rows with the same cells."""
    one = {rule.id: encode_sorted(replace(rule, id="")) for rule in old.rules}
    two = {rule.id: encode_sorted(replace(rule, id="")) for rule in new.rules}
    return _pairs(_without(one, two), _without(two, one))


def _elements(old: Process, new: Process) -> Ids:
    """What is found helps to find more: each way of looking is tried from the surest to the boldest, and from the
    start again after each success. In a huge diagram not for ever: what is not matched by then is new, or gone."""
    lanes = {id: (lane.name, lane.role) for id, lane in old.lanes.items()}
    others = {id: (lane.name, lane.role) for id, lane in new.lanes.items()}
    ids = _pairs(_without(lanes, others), _without(others, lanes))
    one, two = _Side(old), _Side(new)
    for _ in range(max(FEWEST, LOOKS // (len(one.nodes) + len(two.nodes) + 1))):
        found = next(filter(None, (_look(way, one, two, ids) for way in WAYS)), None)
        if found is None:
            break
        ids |= found
    return ids


class _Side:
    """One of the two versions. `names` says what an id is called on the new side, once that is known."""

    def __init__(self, process: Process) -> None:
        self.nodes = {id: node for id, (_, node) in nodes(process).items()}
        self.flows = flows(process)
        self.contents = {id: _content(node) for id, node in self.nodes.items()}
        self.names: Mapping[str, str] = {}

    def named(self, id: str) -> str:
        return self.names.get(id, UNKNOWN)

    def unnamed(self) -> Iterator[Node]:
        return (node for id, node in self.nodes.items() if id not in self.names)


def _look(way: "Way", old: _Side, new: _Side, ids: Ids) -> Ids:
    """What is matched by looking in one way at what is not yet matched."""
    both = (old.nodes.keys() & new.nodes.keys()) | (old.flows.keys() & new.flows.keys())
    old.names = {**{id: id for id in both}, **ids}
    new.names = {name: name for name in old.names.values()}
    return _pairs(dict(way(old)), dict(way(new)))


Looks = Iterator[tuple[str, Hashable]]
"""Ids with how the thing looks; what cannot be looked at so is left out."""

Way = Callable[[_Side], Looks]


def _flows_as_they_are(side: _Side) -> Looks:
    return ((flow.id, (*ends, flow.name, flow.condition)) for flow, ends in _between_known(side))


def _flows_by_name(side: _Side) -> Looks:
    return ((flow.id, (*ends, flow.name)) for flow, ends in _between_known(side))


def _between_known(side: _Side) -> Iterator[tuple[Flow, tuple[str, str]]]:
    """The flows not yet matched that lead from one known node to another."""
    for flow in side.flows.values():
        ends = (side.named(flow.source), side.named(flow.target))
        if flow.id not in side.names and all(ends):
            yield flow, ends


def _nodes_at_flows(side: _Side) -> Looks:
    """Nodes all of whose flows are known."""
    for node in side.unnamed():
        place = (_names(side, node.incoming), _names(side, node.outgoing))
        if UNKNOWN not in (*place[0], *place[1]):
            yield node.id, (side.contents[node.id], place)


def _nodes_by_neighbours(side: _Side) -> Looks:
    """Nodes of whose neighbours one at least is known."""
    for node in side.unnamed():
        before = _names(side, (side.flows[flow].source for flow in node.incoming))
        after = _names(side, (side.flows[flow].target for flow in node.outgoing))
        place = (before, after, side.named(node.host))
        if any((*before, *after, place[2])):
            yield node.id, (side.contents[node.id], place)


def _nodes_by_name(side: _Side) -> Looks:
    return ((node.id, side.contents[node.id]) for node in side.unnamed() if node.name)


WAYS: tuple[Way, ...] = (
    _flows_as_they_are,
    _nodes_at_flows,
    _nodes_by_neighbours,
    _flows_by_name,
    _nodes_by_name,
)


def _names(side: _Side, ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(map(side.named, ids)))


def _content(node: Node) -> bytes:
    """What a node says, without its id, what it hangs on and what is inside it."""
    apart = {"id": "", "default": "", "host": "", "lane": "", "body": None}
    return encode_sorted(replace(node, incoming=(), outgoing=(), boundaries=(), **apart))


def _pairs(one: Mapping[str, Hashable], two: Mapping[str, Hashable]) -> Ids:
    """Those that look the same, and like no other on their side."""
    left, right = _by_look(one), _by_look(two)
    return {ids[0]: right[look][0] for look, ids in left.items() if len(ids) == len(right.get(look, ())) == 1}


def _by_look(things: Mapping[str, Hashable]) -> dict[Hashable, list[str]]:
    found: defaultdict[Hashable, list[str]] = defaultdict(list)
    for id, look in things.items():
        found[look].append(id)
    return found


def _without(one: Mapping[str, Hashable], other: Mapping[str, Hashable]) -> dict[str, Hashable]:
    return {id: look for id, look in one.items() if id not in other}
