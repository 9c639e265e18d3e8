"""The way to a fault in the words of the drawing. A finding carries it as ids, for the diagram to play; people read the
names: of what is passed, and in brackets of the flow that is taken where a choice was."""

from collections.abc import Iterable, Iterator

from engine.definition import GATEWAYS, Definition
from engine.errors import Words

SHOWN = 12
"""Of a longer way only the beginning and the end are told."""


class Drawing:
    """The names of all that a definition draws."""

    def __init__(self, definition: Definition) -> None:
        self.nodes = {node.id: node for _, node in definition.nodes()}
        self.flows = {id: flow.name for _, body in definition.bodies() for id, flow in body.flows.items()}

    def way(self, path: Iterable[str]) -> Words:
        """`经过：甲 → 乙（是） → 丙。`, with the English frame; empty where there is no way."""
        told = list(self._told(path))
        if len(told) > SHOWN:
            told = [*told[: SHOWN // 2], "…", *told[-SHOWN // 2 :]]
        way = " → ".join(told)
        return Words(f"经过：{way}。", f"The way there: {way}.") if told else Words("", "")

    def _told(self, path: Iterable[str]) -> Iterator[str]:
        """Gateways and flows without a name say nothing; where a choice is passed its answer comes behind it."""
        before = ""
        for id in path:
            if id in self.flows:
                before += f"（{self.flows[id]}）" if self.flows[id] and before else ""
                continue
            if before:
                yield before
            before = self._name(id)
        if before:
            yield before

    def _name(self, id: str) -> str:
        node = self.nodes.get(id)
        return node.name or ("" if node.kind in GATEWAYS else id) if node else id
