"""A diagram speaks of limits, roles, forms, statuses and articles by key; the pack must have each of them.

Otherwise a step would open that nobody may do, that never falls due, or that cites a law nobody can look up, and
this would show only when the first case reaches it. Without a pack there is nothing to compare with.
Tables are compared when the file is read: see `bpmn.read`.
"""

from collections.abc import Collection, Iterator, Mapping

from engine.definition import Definition, Node
from engine.errors import Finding, Words
from engine.library import Pack

NAMES: Mapping[str, Words] = {
    "limit": Words("时限", "limit"),
    "role": Words("岗位角色", "role"),
    "form": Words("表单", "form"),
    "status": Words("状态", "status"),
    "article": Words("条文", "article"),
}
"""What is referred to, and what it is called."""


def check(definition: Definition, pack: Pack | None) -> list[Finding]:
    """A finding (`reference.limit`, `reference.role`, …) for each key the pack does not have."""
    if pack is None:
        return []
    known = _known(pack)
    return [
        _finding(node, kind, key, pack)
        for node, lane_role in _nodes(definition)
        for kind, key in dict.fromkeys(_references(node, lane_role))
        if key not in known[kind]
    ]


def _known(pack: Pack) -> Mapping[str, Collection[str]]:
    return {
        "limit": pack.limits,
        "role": pack.roles,
        "form": pack.forms,
        "status": pack.statuses,
        "article": pack.articles,
    }


def _nodes(definition: Definition) -> Iterator[tuple[Node, str]]:
    """Each node with the role that its lane names."""
    for body, node in definition.nodes():
        lane = definition.processes[body.split("/")[0]].lanes.get(node.lane)
        yield node, lane.role if lane else ""


def _references(node: Node, lane_role: str) -> Iterator[tuple[str, str]]:
    for kind in ("limit", "role", "form", "status"):
        if node.properties.get(kind):
            yield kind, node.properties[kind]
    if lane_role:
        yield "role", lane_role
    if node.trigger.timer is not None and node.trigger.timer.kind == "limit":
        yield "limit", node.trigger.timer.text
    for article in node.properties.get("basis", "").split():
        yield "article", article


def _finding(node: Node, kind: str, key: str, pack: Pack) -> Finding:
    zh, en = NAMES[kind]
    return Finding(
        f"reference.{kind}",
        "error",
        node.id,
        f"“{node.name or node.id}”引用的{zh}“{key}”不在流程包“{pack.key}”中。请改正引用，或在流程包中补上。"
        f" “{node.name or node.id}” refers to the {en} “{key}”, which the pack “{pack.key}” does not have."
        " Correct it, or add it to the pack.",
        node.name,
    )
