"""How an article is proved: a test that names the row, and the same test failing once the rule is switched off.

    PACK = "jiangsu/2021-01-01"

    @article("JS-29.2b", off=Without("archive.keep"))
    def test_nothing_is_kept_before_the_requester_was_told(place: Place) -> None: ...

The test runs twice. First under the pack as it is: it must pass. Then under a copy in which the one thing that carries
the rule is taken away: it must fail, or it proves nothing. `off` says what is taken away; a list takes several.
"""

import functools
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.errors import WanggeError
from engine.publishing import PACKS
from engine.work import Handler
from handlers.registry import HANDLERS

FAILS = (AssertionError, WanggeError, LookupError, pytest.fail.Exception)
"""What a test raises when a rule does not hold."""


@dataclass
class Copy:
    """A pack under test that may be changed: its folder, the handlers, and what is patched in the program."""

    folder: Path
    handlers: dict[str, Handler]
    patch: pytest.MonkeyPatch


class Off(ABC):
    """Something that can be switched off in a copy."""

    @abstractmethod
    def apply(self, copy: Copy) -> None:
        """Takes it away."""


@dataclass(frozen=True)
class Edit(Off):
    """Replaces text in a file of the pack (`shared/…` for a shared part); the text must be there."""

    file: str
    old: str
    new: str

    def apply(self, copy: Copy) -> None:
        path = copy.folder.parents[1] / self.file if self.file.startswith("shared/") else copy.folder / self.file
        text = path.read_text(encoding="utf-8")
        assert self.old in text, f"{self.file} does not contain {self.old!r}"
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True)
class Data(Off):
    """Changes a JSON file of the pack: the function gets what is in it and changes that."""

    file: str
    change: Callable[[Any], object]

    def apply(self, copy: Copy) -> None:
        path = copy.folder / self.file
        data = json.loads(path.read_text(encoding="utf-8"))
        self.change(data)
        path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


@dataclass(frozen=True)
class Setting(Off):
    """Gives a setting of the manifest another value."""

    name: str
    value: Any

    def apply(self, copy: Copy) -> None:
        Data("manifest.json", lambda manifest: manifest["settings"].update({self.name: self.value})).apply(copy)


@dataclass(frozen=True)
class Without(Off):
    """A handler or guard that does nothing."""

    handler: str

    def apply(self, copy: Copy) -> None:
        copy.handlers[self.handler] = copy.handlers[self.handler]._replace(run=_silent)


@dataclass(frozen=True)
class Patched(Off):
    """A function of the program replaced: `Patched("engine.casework.Case.keep_apart")` by one that does nothing."""

    name: str
    by: Callable[..., Any] | None = None

    def apply(self, copy: Copy) -> None:
        copy.patch.setattr(self.name, self.by or _nothing)


def _silent(*_: Any) -> dict[str, Any]:
    return {}


def _nothing(*_: Any, **__: Any) -> None:
    return None


Test = Callable[..., None]


def article(*rows: str, off: Off | Sequence[Off], pack: str = "") -> Callable[[Test], Test]:
    """Marks a test as the proof of these rows, and runs it also with the rule switched off. `pack`: the pack's key;
    the module's `PACK` unless it is named here. One test may have several: in other packs, or with another rule off."""

    def decorate(test: Test) -> Test:
        proofs = [(rows, pack, (off,) if isinstance(off, Off) else tuple(off)), *getattr(test, "proofs", ())]
        plain = getattr(test, "__wrapped__", test) if len(proofs) > 1 else test

        @functools.wraps(plain)
        def proof(place: Any, **fixtures: Any) -> None:
            if not place.off:
                plain(place, **fixtures)
                return
            with pytest.raises(FAILS):
                plain(place, **fixtures)

        params = [
            param
            for number, (named, key, offs) in enumerate(proofs, 1)
            for param in _runs(named, key, offs, f"-{number}" if number > 1 else "")
        ]
        marked: Test = pytest.mark.parametrize("place", params, indirect=True)(proof)
        marked.proofs = proofs  # type: ignore[attr-defined]  # for a further one above
        return marked

    return decorate


def _runs(rows: Sequence[str], pack: str, offs: Sequence[Off], number: str) -> Iterator[Any]:
    """The two runs of a proof."""
    for name, switched_off in (("rule", ()), ("switched-off", tuple(offs))):
        yield pytest.param((pack, switched_off), id=f"{name}{number}", marks=pytest.mark.article(*rows))


def switched(
    key: str, offs: Sequence[Off], into: Path, patch: pytest.MonkeyPatch
) -> tuple[Path, Mapping[str, Handler]]:
    """A copy of a pack with these things switched off: its folder, and the handlers to run it with."""
    folder = into / key
    shutil.copytree(PACKS / key, folder)
    shutil.copytree(PACKS / "shared", into / "shared", dirs_exist_ok=True) if (PACKS / "shared").is_dir() else None
    copy = Copy(folder, dict(HANDLERS), patch)
    for one in offs:
        one.apply(copy)
    return folder, copy.handlers


def rows_of(item: Any) -> Iterator[str]:
    """The rows that a collected test proves."""
    for mark in item.iter_markers("article"):
        yield from mark.args
