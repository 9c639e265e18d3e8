"""From one version of a place's rules to another: which process is which, what was renamed, what was chosen, and what
becomes of a case of each."""

from collections.abc import Mapping

from engine.definition import Definition
from engine.library import Pack
from engine.migration.places import NoPlace
from engine.migration.proposal import Proposals
from engine.publishing import Drawn, Folder
from engine.renames import renames
from engine.work import Work

Chosen = Mapping[str, Mapping[str, str]]
"""Where what stands at a place goes, by process and address."""


def version(work: Work, key: str) -> Folder:
    """A published version as running cases use it: the rules and the compiled diagrams. Raises `NotFound`."""
    pack = work.library.pack(work.connection, key)
    drawn = {name: Drawn(b"", work.library.definition(work.connection, one)) for name, one in pack.processes.items()}
    return Folder(pack, drawn, (), ())


class Transfer:
    """What happens to the cases of a version that go over to another, by what somebody chose."""

    def __init__(self, old: Folder, new: Folder, chosen: Chosen | None = None) -> None:
        self.old = old
        self.new = new
        self.chosen = chosen or {}
        self.renamed = renames(old, new).elements
        self.names = {one.definition.digest: name for name, one in old.drawn.items()}
        self._proposals: dict[str, Proposals] = {}

    @property
    def pack(self) -> Pack:
        """The rules that the cases go over to."""
        return self.new.pack

    def name(self, definition: str) -> str:
        """The process that a definition is in the old version. Raises `NoPlace` when it is none of them."""
        if definition not in self.names:
            raise NoPlace(
                "migration.other-version",
                "此事项不按所选的原版本办理。",
                "This matter does not run under the version that was chosen.",
            )
        return self.names[definition]

    def target(self, name: str) -> Definition:
        """The same process in the new version. Raises `NoPlace` when it has none."""
        if name not in self.new.drawn:
            raise NoPlace(
                "migration.no-process",
                f"新版本中没有流程“{name}”，其事项留在原版本。",
                f"The new version has no process “{name}”: its matters stay.",
            )
        return self.new.drawn[name].definition

    def proposals(self, definition: str) -> Proposals:
        """What becomes of the cases of a definition. Raises `NoPlace`."""
        name = self.name(definition)
        if name not in self._proposals:
            old, new = self.old.drawn[name].definition, self.target(name)
            self._proposals[name] = Proposals(old, new, self.renamed, self.chosen.get(name))
        return self._proposals[name]
