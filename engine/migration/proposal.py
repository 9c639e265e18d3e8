"""What becomes of one case: first the way its recorded past takes through the new version, else node by node as far as
the new version could stand like that. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from engine.definition import Definition
from engine.errors import Refused
from engine.migration.markings import Markings
from engine.migration.places import Crossing, NoPlace
from engine.migration.rebuild import leaves, rebuild, standing
from engine.migration.walk import Past, walk
from engine.model import State

How = Literal["path", "node"]


class Proposal(NamedTuple):
    """The state in the new version, and whether the path walked led there or the mapping of nodes."""

    state: State
    how: How


class Proposals:
    """Proposals for cases of one definition that go over to another."""

    def __init__(
        self,
        old: Definition,
        new: Definition,
        renamed: Mapping[str, Mapping[str, str]] | None = None,
        chosen: Mapping[str, str] | None = None,
    ) -> None:
        self.crossing = Crossing(old, new, renamed, chosen)
        self.unchosen = Crossing(old, new, renamed) if chosen else self.crossing
        self.markings = Markings(new)

    def propose(self, state: State, past: Callable[[], Past]) -> Proposal:
        """Where a case goes; its past is read only when it is asked for. Raises `NoPlace` saying why it stays."""
        if not self.is_chosen(state):
            if self.crossing.old.digest == self.crossing.new.digest:
                return Proposal(state, "node")
            try:
                return Proposal(walk(self.unchosen, past(), state), "path")
            except Refused:  # the past has no way through the new version
                pass
        return self.by_node(state)

    def by_node(self, state: State) -> Proposal:
        """Where a case goes by the mapping of nodes alone. Raises `NoPlace`."""
        found = rebuild(self.crossing, state)
        self.markings.must_be_reachable(found)
        return Proposal(found, "node")

    def is_chosen(self, state: State) -> bool:
        """Whether somebody chose where any of what waits goes."""
        chosen = self.crossing.chosen
        return bool(chosen) and any(standing(state, token).address in chosen for token in leaves(state))

    def lacking(self, state: State) -> list[str]:
        """The addresses at which something waits for which nobody has said where it goes."""
        addresses = (standing(state, token).address for token in leaves(state))
        return [one for one in addresses if self.crossing.target(one).to is None]


__all__ = ["How", "NoPlace", "Proposal", "Proposals"]
