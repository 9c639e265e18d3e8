"""Pairs of versions: a random diagram and the same one redrawn, as administrators redraw: a step put in, taken out, given
another id; a gateway, a branch beside, a reminder added; steps put together into a sub-process."""

import re
from datetime import date
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from engine.definition import Definition
from engine.errors import Words
from engine.library import Pack
from engine.publishing import Drawn, Folder
from tests.diagrams import bpmn, define
from tests.strategies import blocks

FLOW = re.compile(r"(\S+) (->|=>) (\S+)(?: \[(.*)\])?$")
STEP = re.compile(r"user (\S+)$")


class Pair(NamedTuple):
    """Two versions in the short notation, and what was done to the first."""

    old: str
    new: str
    changes: tuple[str, ...]


@st.composite
def pairs(draw: DrawFn, size: int = 7, changes: int = 3) -> Pair:
    """A version and a later one."""
    old = draw(blocks(size=size))
    lines, done = old.splitlines(), list[str]()
    for number in range(draw(st.integers(0, changes))):
        change = draw(st.sampled_from(sorted(CHANGES)))
        changed = CHANGES[change](draw, lines, f"x{number}")
        if changed is not None:
            lines, done = changed, [*done, change]
    return Pair(old, "\n".join(lines), tuple(done))


def _flow(draw: DrawFn, lines: list[str]) -> tuple[int, str, str, str, str] | None:
    """A flow: its line, source, arrow, target, condition."""
    matches = [(place, match) for place, line in enumerate(lines) if (match := FLOW.match(line))]
    found = [(place, one[1], one[2], one[3], one[4] or "") for place, one in matches]
    return draw(st.sampled_from(found)) if found else None


def _arrow(source: str, arrow: str, target: str, condition: str = "") -> str:
    return f"{source} {arrow} {target}" + (f" [{condition}]" if condition else "")


def _put(draw: DrawFn, lines: list[str], node: str, id: str) -> list[str] | None:
    """A node in the middle of a flow."""
    flow = _flow(draw, lines)
    if flow is None:
        return None
    place, source, arrow, target, condition = flow
    new = [node, _arrow(source, arrow, id, condition), _arrow(id, "->", target)]
    return [*lines[:place], *new, *lines[place + 1 :]]


def _insert(draw: DrawFn, lines: list[str], id: str) -> list[str] | None:
    return _put(draw, lines, f"user {id}", id)


def _gateway(draw: DrawFn, lines: list[str], id: str) -> list[str] | None:
    return _put(draw, lines, f"exclusive {id}", id)


def _beside(draw: DrawFn, lines: list[str], id: str) -> list[str] | None:
    """A block of two parallel steps in the middle of a flow."""
    flow = _flow(draw, lines)
    if flow is None:
        return None
    place, source, arrow, target, condition = flow
    fork, join = f"{id}fork", f"{id}join"
    new = [f"parallel {fork}", f"parallel {join}", f"user {id}a", f"user {id}b"]
    new += [_arrow(source, arrow, fork, condition), _arrow(join, "->", target)]
    new += [_arrow(fork, "->", f"{id}{one}") for one in "ab"] + [_arrow(f"{id}{one}", "->", join) for one in "ab"]
    return [*lines[:place], *new, *lines[place + 1 :]]


def _step(draw: DrawFn, lines: list[str]) -> tuple[int, str] | None:
    """A plain step: its line and id; not one that something hangs on."""
    hosts = {word[3:] for line in lines for word in line.split() if word.startswith("on=")}
    found = [(place, match[1]) for place, line in enumerate(lines) if (match := STEP.match(line))]
    free = [one for one in found if one[1] not in hosts]
    return draw(st.sampled_from(free)) if free else None


def _remove(draw: DrawFn, lines: list[str], _: str) -> list[str] | None:
    """A step is taken out; what led to it leads on."""
    step = _step(draw, lines)
    if step is None:
        return None
    place, id = step
    out = [match for line in lines if (match := FLOW.match(line)) and match[1] == id]
    if len(out) != 1 or out[0][3] == id:
        return None
    kept = []
    for number, line in enumerate(lines):
        match = FLOW.match(line)
        if number == place or (match and match[1] == id):
            continue
        to_it = match is not None and match[3] == id
        kept.append(_arrow(match[1], match[2], out[0][3], match[4] or "") if match and to_it else line)
    return kept


def _rename(draw: DrawFn, lines: list[str], id: str) -> list[str] | None:
    step = _step(draw, lines)
    return None if step is None else [re.sub(rf"\b{step[1]}\b", id, line) for line in lines]


def _remind(draw: DrawFn, lines: list[str], id: str) -> list[str] | None:
    """A reminder by the clock at a step."""
    step = _step(draw, lines)
    if step is None:
        return None
    new = [f"boundary {id} on={step[1]} interrupting=no timer=PT3H", f"user {id}r", f"end {id}e"]
    new += [f"{id} -> {id}r", f"{id}r -> {id}e"]
    return [*lines[: step[0] + 1], *new, *lines[step[0] + 1 :]]


def _enclose(draw: DrawFn, lines: list[str], id: str) -> list[str] | None:
    """A step is put into a sub-process of its own."""
    step = _step(draw, lines)
    if step is None:
        return None
    place, inner = step
    new = [f"sub {id} {{", f"start {id}s", f"user {inner}", f"end {id}e", f"{id}s -> {inner}", f"{inner} -> {id}e", "}"]
    kept = [
        _arrow(id if match[1] == inner else match[1], match[2], id if match[3] == inner else match[3], match[4] or "")
        if (match := FLOW.match(line))
        else line
        for line in lines
    ]
    return [*kept[:place], *new, *kept[place + 1 :]]


CHANGES = {
    "insert": _insert,
    "remove": _remove,
    "rename": _rename,
    "gateway": _gateway,
    "beside": _beside,
    "remind": _remind,
    "enclose": _enclose,
}


def folder(definition: Definition, key: str = "test/2026-01-01", text: str = "") -> Folder:
    """A version whose one process is `matter`."""
    pack = Pack(
        key=key,
        place="test",
        title=Words("测试", "test"),
        area="/",
        force="law",
        in_force_from=date(2026, 1, 1),
        in_force_to=None,
        processes={"matter": definition.digest},
        limits={},
        forms={},
        roles={},
        decisions={},
        articles={},
        items={},
        departments={},
        statuses={},
        ways_in={},
        settings={},
    )
    return Folder(pack, {"matter": Drawn(bpmn(text) if text else b"", definition)}, (), ())


def version(text: str, key: str = "test/2026-01-01") -> Folder:
    """A version in the short notation."""
    return folder(define(text), key, text)
