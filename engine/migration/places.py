"""Where a token can stand in a process, and which place of a new version is which of an old one.

A place has an address: the ids of the nodes around it and its own, from the outside in (`handle`, `talks/meeting`).
Rounds of a repeating activity share one address. Pure: definitions in, places out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from engine.casework import BY_PEOPLE
from engine.definition import Definition, Loop, Node
from engine.errors import Refused, Words

Ground = Literal["path", "same_id", "renamed", "chosen", "none"]
"""Why a place goes where it goes: by the path walked, by its id, by what renamed it, or because somebody said so."""

STAY = ""
"""Chosen as a target: what stands here stays."""


class NoPlace(Refused):
    """Something of a case has no place in the new version."""


class Place(NamedTuple):
    """A node, the key of the level it stands in, and of the level inside it (empty: there is none)."""

    node: Node
    level: str
    inside: str


class Target(NamedTuple):
    """Where a place goes (None: nowhere), and why."""

    to: str | None
    ground: Ground


def places(definition: Definition) -> dict[str, Place]:
    """Every place of a definition by address, those of called processes once per call."""
    return dict(_within(definition, definition.root, "", (definition.root,)))


def _within(definition: Definition, level: str, around: str, calls: tuple[str, ...]) -> Iterator[tuple[str, Place]]:
    for node in definition.levels[level].nodes.values():
        inside = f"{level}/{node.id}" if node.body is not None else node.called
        address = f"{around}{node.id}"
        yield address, Place(node, level, inside)
        if node.body is not None:
            yield from _within(definition, inside, f"{address}/", calls)
        elif inside in definition.processes and inside not in calls:
            yield from _within(definition, inside, f"{address}/", (*calls, inside))


def last(address: str) -> str:
    """The id of the node at an address."""
    return address.rpartition("/")[2]


def prefixes(address: str) -> list[str]:
    """The addresses of what is around a place, from the outside in."""
    parts = address.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


class Crossing:
    """From one definition to another. `renamed` holds ids that became others, by process; `chosen` the targets that
    somebody chose, by address."""

    def __init__(
        self,
        old: Definition,
        new: Definition,
        renamed: Mapping[str, Mapping[str, str]] | None = None,
        chosen: Mapping[str, str] | None = None,
    ) -> None:
        self.old = old
        self.new = new
        self.renamed = renamed or {}
        self.chosen = chosen or {}
        self.before = places(old)
        self.after = places(new)
        self.by_id: dict[str, list[str]] = {}
        for address in self.after:
            self.by_id.setdefault(last(address), []).append(address)
        self._targets: dict[str, Target] = {}

    def target(self, address: str) -> Target:
        """Where what stands at a place of the old version goes."""
        if address not in self._targets:
            self._targets[address] = self._found(address)
        return self._targets[address]

    def id(self, level: str, id: str) -> str:
        """What an element of a level of the old version is called in the new one."""
        return self.renamed.get(level.partition("/")[0], {}).get(id, id)

    def _found(self, address: str) -> Target:
        if address in self.chosen:
            return Target(self.chosen[address], "chosen")
        head, _, id = address.rpartition("/")
        found = self.id(self.before[address].level, id)
        ground: Ground = "same_id" if found == id else "renamed"
        around = self.target(head).to if head else ""
        here = [f"{around}/{found}" if around else found] if around is not None else []
        if any(one in self.after and self.fits(address, one) for one in here):
            return Target(here[0], ground)
        elsewhere = [one for one in self.by_id.get(found, ()) if self.fits(address, one)]
        return Target(elsewhere[0], ground) if len(elsewhere) == 1 else Target(None, "none")

    def fits(self, address: str, target: str) -> bool:
        """Whether what stands at the one place can stand at the other."""
        try:
            self.must_fit(address, target)
        except NoPlace:
            return False
        return True

    def must_fit(self, address: str, target: str) -> None:
        """Raises `NoPlace` saying why what stands at the one place cannot stand at the other."""
        if target not in self.after:
            raise NoPlace(
                "migration.no-such-node",
                f"新版本中没有节点“{target}”，请从列出的节点中选择。",
                f"The new version has no node “{target}”: choose one that is listed.",
            )
        old, new = self.before[address].node, self.after[target].node
        if waits_as(old) != waits_as(new) or (old.kind == "service" and old.id != new.id):
            raise NoPlace(
                "migration.other-kind",
                f"“{named(old)}”与“{named(new)}”等待的方式不同（须同为人工环节、同一种事件或同一处理器），不能对应。",
                f"“{named(old)}” and “{named(new)}” do not wait in the same way (both for people, for the same kind "
                "of event, or for the same handler).",
            )
        if not _same_rounds(old.loop, new.loop):
            raise NoPlace(
                "migration.rounds-changed",
                f"“{named(old)}”的多次办理方式在新版本中改变了，正在办理的各次无处可放。",
                f"How “{named(old)}” repeats has changed: its rounds have no place in the new version.",
            )
        self.plan(address, target)

    def plan(self, address: str, target: str) -> "Sequence[tuple[str, str]]":
        """What is around the target, from the outside in, each with what it is taken over from of what is around the
        old place (empty: it is built anew). Raises `NoPlace`."""
        images = {one: self.target(one).to for one in prefixes(address)}
        taken = {to: one for one, to in images.items() if to in prefixes(target)}
        around = [(one, taken.get(one, "")) for one in prefixes(target)]
        if [one for _, one in around if one] != sorted((one for _, one in around if one), key=len):
            raise _level(self.after[target].node)
        for one, origin in around:
            if not origin and not _plain(self.after[one].node):
                raise _cannot_build(self.after[one].node)
        for one in images:
            if one not in taken.values() and not _plain(self.before[one].node):
                raise _cannot_leave(self.before[one].node)
        return around


def named(node: Node) -> str:
    """What people call a node."""
    return node.name or node.id


def label(node: Node) -> Words:
    """A node for a list."""
    return Words(named(node), named(node))


def waits_as(node: Node) -> str:
    if node.kind in BY_PEOPLE:
        return "people"
    if node.kind == "catch":
        return f"catch {node.trigger.kind}"
    return f"service {node.handler}" if node.kind == "service" else node.kind


def _same_rounds(old: Loop | None, new: Loop | None) -> bool:
    """Whether rounds under way mean the same in both: their order, their items, and what they gather."""
    if old is None or new is None:
        return old is new

    def meaning(loop: Loop) -> tuple[object, ...]:
        return loop.kind, bool(loop.collection), loop.item, loop.output, loop.output_item

    return meaning(old) == meaning(new)


def _plain(node: Node) -> bool:
    """A sub-process that tokens can enter and leave in thought: it has no variables, rounds or cause of its own."""
    return node.kind == "subprocess" and node.loop is None


def _level(node: Node) -> NoPlace:
    return NoPlace(
        "migration.level",
        f"“{named(node)}”所在的层级与原来相反，不能对应。",
        f"“{named(node)}” stands in levels of the opposite order.",
    )


def _cannot_build(node: Node) -> NoPlace:
    return NoPlace(
        "migration.cannot-build",
        f"“{named(node)}”须由流程自己启动（调用、事件子流程或多次办理），不能凭空放入正在办理的事项。",
        f"“{named(node)}” has to be begun by the process itself (a call, an event sub-process, rounds): "
        "nothing can be put inside.",
    )


def _cannot_leave(node: Node) -> NoPlace:
    return NoPlace(
        "migration.cannot-leave",
        f"新版本中没有与“{named(node)}”对应的部分，其中正在办理的内容无处可放。",
        f"The new version has nothing for “{named(node)}”: what is under way inside has no place.",
    )
