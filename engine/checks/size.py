"""Whether a diagram is small enough to be looked at. The other checks follow every way through it, with what it calls
unfolded in its place: of a diagram beyond all measure they would not come to an end, so it is refused before."""

from engine.definition import Definition
from engine.errors import Finding
from engine.reduction import deep

LARGEST = 2_000
"""So many elements are looked at; the largest drawing that ships has about a hundred and fifty."""

DEEPEST = 20
"""So many processes may call one another in a row."""


def check(definition: Definition) -> list[Finding]:
    """`size.too-large`, counting the elements of a called process once for each call, or `size.too-deep`: an error."""
    root = definition.process
    size, depth = _measured(definition)[root.id]
    if depth > DEEPEST:
        return [_too_deep(root.id, root.name or root.id, depth)]
    return [_too_large(root.id, root.name or root.id, size)] if size > LARGEST else []


def _measured(definition: Definition) -> dict[str, tuple[int, int]]:
    """How many elements each process has with all it calls, and how deep its calls go. Each is counted once, however
    often it is called; none calls itself: that was refused before."""
    nodes = {key: list(deep(process.body.nodes.values())) for key, process in definition.processes.items()}
    known: dict[str, tuple[int, int]] = {}
    pending = [definition.root]
    while pending:
        calls = [node.called for node in nodes[pending[-1]] if node.called]
        unknown = [key for key in calls if key not in known]
        if unknown:
            pending += unknown
            continue
        key = pending.pop()
        size = len(nodes[key]) + sum(known[one][0] for one in calls)
        known[key] = size, 1 + max((known[one][1] for one in calls), default=0)
    return known


def _too_large(element: str, name: str, size: int) -> Finding:
    told = str(size) if size < 10**6 else f"{10**6}+"
    return Finding(
        "size.too-large",
        "error",
        element,
        f"流程“{name}”连同它调用的流程共有 {told} 个节点，超过 {LARGEST} 个，无法逐一检查各条路径，不能发布。"
        "请拆成几个各自办理的流程，或减少调用。 "
        f"The process “{name}” has {told} elements with all it calls, more than {LARGEST}: its ways cannot all be "
        "checked, so it cannot be published. Split it into several that are handled by themselves, or call less.",
        name,
    )


def _too_deep(element: str, name: str, depth: int) -> Finding:
    return Finding(
        "size.too-deep",
        "error",
        element,
        f"流程“{name}”的调用一层套一层，共 {depth} 层，超过 {DEEPEST} 层，不能发布。请把中间的流程合并。 "
        f"From the process “{name}” calls lead {depth} processes deep, more than {DEEPEST}: it cannot be published. "
        "Merge the processes in between.",
        name,
    )
