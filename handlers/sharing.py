"""Departments' data brought in and shared (ZJ-11.2), and base data pushed to the worker of a grid and to departments
(ZJ-11.3, ZJD-10.3).

Register `shared_data`, about a grid, an entry per number of a source: `source` (unit), `number`, `kind`, `class`,
`collected_at`, `provenance`, `to` (departments that get it too), `pack`, and `record`: the record of its own chain that
holds the data themselves, which lie among the erasable values and never in the register. What is of a class of the pack
is masked like in a matter, and revealed like there.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from engine import access, forms, queries, records, registers
from engine.directory import Actor, Unit
from engine.errors import Finding, Forbidden, Invalid, NotFound
from engine.library import Pack, day_of
from engine.records import Entry
from engine.registers import Registered
from engine.work import Work
from handlers import governing

KIND = "shared_data"


class Line(NamedTuple):
    """One line of a file: a number that the source gives it, the grid (id or code), what kind of data, and the data by
    field; `class_` of the pack, `to` departments that get it beside the worker."""

    number: str
    grid: str
    kind: str
    data: dict[str, Any]
    class_: str
    to: tuple[str, ...]


LINE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "title": "编号 number", "minLength": 1, "maxLength": 100},
        "grid": {"type": "string", "title": "网格 grid", "minLength": 1, "maxLength": 60},
        "kind": {"type": "string", "title": "种类 kind", "minLength": 1, "maxLength": 60},
        "data": {"type": "object", "title": "数据 data", "minProperties": 1, "propertyNames": {"maxLength": 80}},
        "class": {"type": "string", "title": "类别 class", "default": "internal"},
        "to": {"type": "array", "title": "推送部门 to", "items": {"type": "string"}, "default": []},
    },
    "required": ["number", "grid", "kind", "data"],
    "additionalProperties": False,
}
"""What a line has to look like (JSON Schema)."""


class Batch(NamedTuple):
    """Where lines come from: the department, when the data were true, and out of which system or document."""

    source: str
    collected_at: datetime
    provenance: str


# -- bringing in -------------------------------------------------------------------------------------


def read(lines: Iterable[str]) -> list[Line]:
    """Lines of JSON as lines of data; empty ones are left out. Raises `Invalid` naming the first that is wrong."""
    return [_line(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _line(number: int, line: str) -> Line:
    try:
        read = forms.read(LINE, json.loads(line)).record
    except (ValueError, TypeError, AttributeError, Invalid) as error:
        findings = error.findings if isinstance(error, Invalid) else ()
        raise Invalid(
            "import.line",
            f"第{number}行不符合约定，未导入任何一行。",
            f"Line {number} is not as agreed; no line was taken in.",
            findings,
        ) from error
    return Line(read["number"], read["grid"], read["kind"], read["data"], read["class"], tuple(read["to"]))


def bring_in(
    work: Work, actor: Actor, batch: Batch, lines: Sequence[Line], *, pack: str | None = None
) -> dict[str, int]:
    """Takes in all lines or none. The same number of the same source comes in once; with other content it is a new
    version. Returns how many were `new`, `changed` and the `same`.

    Raises `Forbidden` for who may not bring in data of this source, `Invalid` with a finding per line that is wrong.
    """
    source = work.directory.unit(batch.source)
    _may_bring_in(work, actor, source)
    governs = governing.pack(work, source.area, day_of(work.now), pack)
    grids = [_grid(work, line.grid) for line in lines]
    findings = [
        finding
        for number, (line, grid) in enumerate(zip(lines, grids, strict=True), 1)
        for finding in _faults(work, governs, source, number, line, grid)
    ]
    if findings:
        raise Invalid(
            "import.lines",
            f"有{len(findings)}处需要更正，未导入任何一行：{findings[0].message}",
            f"{len(findings)} corrections are needed; no line was taken in.",
            findings,
        )
    counts = {"new": 0, "changed": 0, "same": 0}
    for line, grid in zip(lines, grids, strict=True):
        if grid is not None:
            counts[_take_in(work, actor, batch, governs, line, grid)] += 1
    return counts


def _may_bring_in(work: Work, actor: Actor, source: Unit) -> None:
    """A department its own data; the agency of the place those of a department there."""
    agency = work.directory.unit(actor.unit).kind == "governance_agency" and source.area.startswith(actor.area)
    if actor.unit != source.id and not agency:
        raise Forbidden(
            "import.not-yours",
            "只能汇入本单位的数据，或由当地网格化治理机构代为汇入。",
            "A unit brings in its own data; for others the governance agency of the place does.",
        )


def _grid(work: Work, named: str) -> Unit | None:
    """The grid with this id or code."""
    try:
        found: Unit | None = work.directory.unit(named)
    except NotFound:
        found = work.directory.coded(named)
    return found if found is not None and found.kind == "grid" else None


def _faults(work: Work, pack: Pack, source: Unit, number: int, line: Line, grid: Unit | None) -> Iterator[Finding]:
    known = access.OPEN | {key for key, one in access.classes(pack).items() if one.get("kept", True)}
    if grid is None or not grid.area.startswith(source.area):
        yield _fault(number, "grid", "没有这个网格，或不在来源部门范围内", "no such grid, or outside its source")
    if line.class_ not in known:
        yield _fault(number, "class", "没有这个数据类别，或不得录入", "no such class of data, or not to be kept")
    if any(not _is_department(work, id) for id in line.to):
        yield _fault(number, "to", "推送对象不是登记的部门", "not a registered department")


def _is_department(work: Work, id: str) -> bool:
    try:
        return work.directory.unit(id).kind == "department"
    except NotFound:
        return False


def _fault(number: int, field: str, zh: str, en: str) -> Finding:
    return Finding("import.line", "error", f"{number}.{field}", f"第{number}行：{zh}。 Line {number}: {en}.")


def _take_in(work: Work, actor: Actor, batch: Batch, pack: Pack, line: Line, grid: Unit) -> str:
    """One line; says what became of it."""
    name = hashlib.sha256(f"{batch.source}\n{line.number}".encode()).hexdigest()[:40]
    subject = f"{KIND}/{name}"
    about = {
        "source": batch.source,
        "number": line.number,
        "kind": line.kind,
        "class": line.class_,
        "collected_at": batch.collected_at.isoformat(),
        "provenance": batch.provenance,
        "to": list(line.to),
        "pack": pack.key,
    }
    before = _known(work, subject)
    same = before is not None and (before.about, before.body | {"record": 0}) == (grid.id, about | {"record": 0})
    if same and before is not None and _data(work, before) == line.data:
        return "same"
    imported = Entry("imported", actor.person, actor.post, detail={"source": batch.source}, secret=dict(line.data))
    head = work.record(subject, [imported], grid.area)
    registers.put(
        work, actor, KIND, name, {**about, "record": head.number}, area=grid.area, unit=batch.source, about=grid.id
    )
    return "new" if before is None else "changed"


def _known(work: Work, id: str) -> Registered | None:
    try:
        return registers.get(work, id)
    except NotFound:
        return None


def _data(work: Work, entry: Registered) -> dict[str, Any]:
    return records.said(work.connection, entry.id).get(entry.body["record"], {})


# -- looking -----------------------------------------------------------------------------------------


def shown(work: Work, actor: Actor, grid: str = "") -> list[dict[str, Any]]:
    """The data that are there for somebody, of one grid or of all: their worker's, their department's, the source's,
    and everything in the area of who oversees it."""
    found = registers.holding(work, KIND, about=grid) if grid else registers.holding(work, KIND, near=actor.area)
    return [_entry(work, entry) for entry in found if _is_for(work, actor, entry)]


def _is_for(work: Work, actor: Actor, entry: Registered) -> bool:
    if actor.unit in (entry.about, entry.unit) or actor.unit in entry.body["to"]:
        return True
    return queries.scope(work, actor).whole_area and entry.area.startswith(actor.area)


def _entry(work: Work, entry: Registered) -> dict[str, Any]:
    hidden = entry.body["class"] in access.classes(_pack(work, entry))
    data = _data(work, entry)
    told = {name: value for name, value in entry.body.items() if name not in ("record", "pack")}
    return {
        "id": entry.id.partition("/")[2],
        "grid": entry.about,
        **told,
        "data": {field: _value(value, hidden) for field, value in data.items()},
    }


def _value(value: Any, hidden: bool) -> dict[str, Any]:
    if value is None:
        return {"erased": True}
    return {"value": access.mask(value), "masked": True} if hidden else {"value": value}


def _pack(work: Work, entry: Registered) -> Pack:
    return work.library.pack(work.connection, entry.body["pack"])


def reveal(work: Work, actor: Actor, name: str, field: str, reason: str) -> Any:
    """Shows one hidden field of an entry to somebody for whom it is there and who is admitted to its class; on record
    in the chain of the entry. Raises `NotFound`, `Invalid` without a reason, `Refused`."""
    access.must_give_reason(reason)
    entry = _known(work, f"{KIND}/{name}")
    value = _data(work, entry).get(field) if entry and _is_for(work, actor, entry) else None
    if entry is None or value is None:
        raise NotFound("import.unknown", "没有这项数据，或不在您的范围内。", "No such data, or outside your scope.")
    key = entry.body["class"]
    access.must_be_admitted(work, _pack(work, entry), actor, key)
    detail = {"record": entry.body["record"], "field": field, "class": key}
    look = Entry("revealed", actor.person, actor.post, detail=detail, secret={"reason": reason})
    work.record(entry.id, [look], entry.area)
    return value
