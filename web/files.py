"""What commands read from disk: a diagram with what lies around it, a script of actions, an imported document.

A diagram refers to things outside itself: processes it calls, decision tables, limits. They are taken from the
pack that was named, else from the files beside it. Whatever cannot be read is refused with a sentence that names
the file; what can be read but is wrong comes back as findings.
"""

import json
import os
import stat
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from engine import bpmn, decisions, publishing
from engine.bpmn import Reading
from engine.decisions import Table
from engine.definition import Process
from engine.errors import Finding, Invalid, NotFound, Refused
from engine.library import Pack
from engine.limits import Limit
from engine.xml import LARGEST_FILE
from handlers.registry import HANDLERS
from web.terminal import readable

MANIFEST = "manifest.json"
TEXTS = frozenset({"complete", "advance", "message", "signal", "error", "escalate", "at"})
"""What an action says in words; `facts` is an object and `key` may be anything."""


class Around(NamedTuple):
    """What a diagram can refer to outside itself. `faulty` are the tables' files that were left out, with why."""

    processes: Mapping[str, Process]
    tables: Mapping[str, Table]
    limits: Mapping[str, Limit]
    pack: Pack | None = None
    faulty: Mapping[str, tuple[Finding, ...]] = {}


# -- files -------------------------------------------------------------------------------------------


def content(path: Path, most: int = LARGEST_FILE + 1) -> bytes:
    """The bytes of a file: one more than `LARGEST_FILE` at most, so that whoever reads them can say "too large".

    Raises `NotFound` and `Refused`.
    """
    name = readable(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Refused(
                "file.not-a-file", f"“{name}”不是文件。请指定一个文件。", f"“{name}” is no file. Name a file."
            )
        with path.open("rb") as file:
            return file.read(most)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(
            "file.unknown", f"没有文件“{name}”。请核对路径。", f"There is no file “{name}”. Check the path."
        ) from error
    except (OSError, ValueError) as error:
        raise Refused(
            "file.unreadable",
            f"无法读取文件“{name}”：{error}。请检查文件和权限。",
            f"The file “{name}” cannot be read: {error}. Check the file and its permissions.",
        ) from error


def json_value(text: str | bytes) -> Any:
    """What a JSON text says. Raises `ValueError`, also for what is no JSON though Python reads it (NaN, 1e999)."""
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def script(path: Path) -> list[dict[str, Any]]:
    """The actions of a script: a JSON list of objects. Raises `Refused` naming the action that cannot be one."""
    name = readable(path)
    data = content(path)
    if len(data) > LARGEST_FILE:
        raise _no_script(name, "文件过大", "it is too large")
    try:
        actions = json_value(data)
    except ValueError as error:
        raise _no_script(name, f"不是有效的JSON（{error}）", f"it is not valid JSON ({error})") from error
    if not isinstance(actions, list):
        raise _no_script(name, "内容应为操作的列表 […]", "it has to hold a list […] of actions")
    for number, action in enumerate(actions, 1):
        if not _is_action(action):
            shown = json.dumps(action, ensure_ascii=False)[:80]
            raise _no_script(
                name,
                f'第{number}个操作 {shown} 应写成 {{"complete": "环节", "facts": {{}}}} 这样的对象',
                f'action {number}, {shown}, has to be an object such as {{"complete": "step", "facts": {{}}}}',
            )
    return actions


def _is_action(action: object) -> bool:
    return (
        isinstance(action, dict)
        and all(isinstance(value, str) for name, value in action.items() if name in TEXTS)
        and isinstance(action.get("facts", {}), dict)
        and ("at" in action or not action.keys() & {"error", "escalate"})
    )


def _no_script(name: str, zh: str, en: str) -> Refused:
    return Refused("file.script", f"操作脚本“{name}”无法使用：{zh}。", f"The script “{name}” cannot be used: {en}.")


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _finite(word: str) -> float:
    number = float(word)
    if not isfinite(number):
        raise ValueError(f"{word} is too large a number")
    return number


# -- diagrams and what lies around them --------------------------------------------------------------


def is_table(path: Path) -> bool:
    """Whether a file holds decision tables, by its name."""
    return path.suffix.lower() == ".dmn"


class Beside:
    """The files beside diagrams, each read once."""

    def __init__(self) -> None:
        self._readings: dict[Path, Reading] = {}

    def processes(self, path: Path, reading: Reading) -> dict[str, Process]:
        """What the diagrams beside `path` offer to one that calls processes it does not hold; those with errors
        offer nothing. Where two have a process of the same name, the first file by name counts."""
        found: dict[str, Process] = {}
        for neighbour in _others(path, ".bpmn") if reading.calls else ():
            if not _errors(self.reading(neighbour).findings):
                found = dict(self.reading(neighbour).processes) | found
        return found

    def reading(self, path: Path) -> Reading:
        if path not in self._readings:
            self._readings[path] = bpmn.read(content(path))
        return self._readings[path]

    def around(self, path: Path, reading: Reading) -> Around:
        """All that the files beside a diagram offer."""
        tables: dict[str, Table] = {}
        faulty: dict[str, tuple[Finding, ...]] = {}
        for neighbour in _others(path, ".dmn"):
            found, findings = decisions.read(content(neighbour))
            tables = found | tables
            if _errors(findings):
                faulty[readable(neighbour.name)] = _errors(findings)
        return Around(self.processes(path, reading), tables, {}, None, faulty)


def in_pack(name: str) -> Around:
    """What a pack that came with the product offers. Raises `NotFound`, and `Invalid` on a pack beyond reading."""
    folder = read_pack(pack_folder(name))
    processes = {id: process for one in folder.drawn.values() for id, process in one.definition.processes.items()}
    return Around(processes, folder.pack.decisions, folder.pack.limits, folder.pack)


def read_pack(folder: Path) -> publishing.Folder:
    """A pack from its folder. Raises `Invalid`, also on a file that lacks a field or has another shape."""
    try:
        return publishing.read_folder(folder, HANDLERS)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        name = f"{folder.parent.name}/{folder.name}"
        raise Invalid(
            "pack.unreadable",
            f"流程包“{name}”的文件内容不完整或类型不对：{error!r}。请对照其他流程包修改。",
            f"The files of the pack “{name}” are incomplete or of another shape: {error!r}. Compare with other packs.",
        ) from error


def pack_folder(name: str) -> Path:
    """The folder of the pack `place/date`, or of the newest dated pack of a `place`. Raises `NotFound`."""
    packs = {f"{folder.parent.name}/{folder.name}": folder for folder in publishing.folders()}
    dated = [key for key in packs if key.startswith(f"{name}/") and key.removeprefix(f"{name}/")[:10].count("-") == 2]
    key = name if name in packs else max(dated, default="")
    if not key:
        raise NotFound(
            "pack.unknown",
            f"没有流程包“{name}”。现有：{'、'.join(packs)}。",
            f"There is no pack “{name}”. There are: {', '.join(packs)}.",
        )
    return packs[key]


def pack_or_folder(name: str) -> Path:
    """The folder of a pack that came with the product, by its name, or any other by its path. Raises `NotFound`."""
    folder = Path(name)
    return folder.resolve() if (folder / MANIFEST).is_file() else pack_folder(name)


def _others(path: Path, suffix: str) -> list[Path]:
    """The other files of a kind in the same folder, by name; what cannot be opened there is nobody's concern."""
    try:
        found = sorted(one for one in path.resolve().parent.iterdir() if one.suffix.lower() == suffix)
    except OSError:
        return []
    others = (one for one in found if one != path.resolve() and one.is_file() and os.access(one, os.R_OK))
    return [one for one in others if one.stat().st_size <= LARGEST_FILE]


def faults(error: Invalid) -> tuple[Finding, ...]:
    """The findings of an error, or the error itself as one."""
    return tuple(error.findings) or (Finding(error.code, "error", "", str(error.words)),)


def _errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.level == "error")
