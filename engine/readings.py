"""Files read as a pack, whatever they hold: what is wrong with them comes back as findings, also where reading breaks
off. What was read is kept by the hash of the files, so that asking again costs nothing while nothing has changed.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import NamedTuple

from engine import publishing
from engine.errors import Finding, Invalid
from engine.manifests import MANIFEST
from engine.publishing import Folder
from engine.sources import Files
from engine.work import Handler

MOST = 12
"""So many are kept; one takes a few megabytes."""


class Read(NamedTuple):
    """What reading came to: the pack, unless something stands against even reading it, and every finding."""

    folder: Folder | None
    findings: tuple[Finding, ...]

    @property
    def publishable(self) -> bool:
        return self.folder is not None and all(finding.level != "error" for finding in self.findings)


_kept: OrderedDict[tuple[str, frozenset[str]], Read] = OrderedDict()
_lock = Lock()


def read(files: Files, handlers: Mapping[str, Handler], suspects: Iterable[str] = ()) -> Read:
    """Reads and checks files; never raises for what they hold. `suspects` are the files to name when nothing tells
    which one it is."""
    key = (publishing.files_digest(files), frozenset(handlers))
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    found = _read(files, handlers, list(suspects))
    with _lock:
        _kept[key] = found
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return found


def _read(files: Files, handlers: Mapping[str, Handler], suspects: list[str]) -> Read:
    try:
        found = publishing.read_pack(files, handlers)
        publishing.digest(found.pack)  # whatever cannot be stored is found here, not when it is published
    except Invalid as refused:
        return Read(None, tuple(refused.findings) or (_broken(str(refused.words), ""),))
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        where = "、".join(suspects) or MANIFEST
        words = (
            f"内容不完整或类型不对（{error!r}），请核对：{where}。 "
            f"Something is missing or of another type ({error!r}). Look at: {where}."
        )
        return Read(None, (_broken(words, where if len(suspects) < 2 else ""),))
    return Read(found, found.findings)


def _broken(words: str, file: str) -> Finding:
    return Finding("pack.unreadable", "error", "", words, file=file)
