"""Packs: read from a folder, checked, written into the database by hash. Once published, bytes never change.

A folder `processes/<place>/<date>/` holds manifest.json, diagrams (*.bpmn), tables (*.dmn), limits.json,
roles.json, articles.json, list.json, forms/*.json and cases/*.json. The folder is read only here; a running case
reads the database.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import insert, select

from engine import bpmn, checks, decisions, tables
from engine.calendars import Year, read_year
from engine.decisions import Table
from engine.definition import SEMANTICS, Definition, Process
from engine.directory import Actor
from engine.errors import Conflict, Finding, Invalid, Words
from engine.library import Pack, Role
from engine.limits import Limit, check_limit
from engine.model import encode_sorted, plain
from engine.records import Entry
from engine.work import MACHINE, Handler, Work

COMPILER = "wangge-1"
"""Name of what compiles diagrams; stored with each definition."""

PACKS = Path(__file__).resolve().parent.parent / "processes"
"""The packs that come with the product."""


class Drawn(NamedTuple):
    """A diagram of a pack: the file's bytes and the definition with everything it calls linked in."""

    xml: bytes
    definition: Definition


class Folder(NamedTuple):
    """A pack as read from its folder: what will be published, and what is wrong with it."""

    pack: Pack
    drawn: dict[str, Drawn]
    examples: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]


def folders(root: Path = PACKS) -> list[Path]:
    """The folders of all packs under a root, by place and date."""
    return sorted(path.parent for path in root.glob("*/*/manifest.json"))


def read_folder(folder: Path, handlers: Mapping[str, Handler] | None = None) -> Folder:
    """Reads and checks a pack; the names of handlers too, where it is told which there are. Raises `Invalid` when
    something a pack cannot be without is missing or unreadable; every other fault is among the findings."""
    findings: list[Finding] = []
    manifest = _json(folder / "manifest.json")
    parts = _parts(folder, manifest)
    found = _tables(folder, findings)
    drawn = _diagrams(_files(folder, manifest, parts), found, findings)
    pack = Pack(
        key=manifest["key"],
        place=manifest["place"],
        title=_words(manifest["title"]),
        area=manifest["area"],
        force=manifest["force"],
        in_force_from=_day(manifest["in_force_from"]),
        in_force_to=_day(manifest.get("in_force_to")),
        processes={name: one.definition.digest for name, one in drawn.items()},
        limits=_limits(folder, parts, findings),
        forms=_forms(folder, manifest, parts, findings),
        roles={role["key"]: _role(role) for role in _json(folder / "roles.json")},
        decisions=found,
        articles={article["key"]: article for article in _json(folder / "articles.json")},
        items={item["key"]: item for item in _json(folder / "list.json")["items"]},
        departments={one["key"]: one for one in _json(folder / "list.json")["departments"]},
        statuses={status["key"]: _words(status) for status in manifest["statuses"]},
        ways_in=_ways_in(manifest),
        settings=manifest.get("settings", {})
        | {"governing_day": manifest.get("governing_day", "discovery"), "rules": _rules(folder, manifest)}
        | {"without_basis": _without_basis(manifest, parts)},
        procedures={
            start["event"]: {**start, "process": part.content["process"]}
            for part in parts
            for start in part.content["starts"]
        },
        registries=_registries(folder, manifest),
    )
    findings.extend(finding for one in drawn.values() for finding in checks.check(one.definition, pack, handlers))
    places = (folder, *(part.folder for part in parts))
    examples = tuple(_json(path) for place in places for path in sorted((place / "cases").glob("*.json")))
    return Folder(pack, drawn, examples, tuple(dict.fromkeys(findings)))


def publish(work: Work, folder: Folder, actor: Actor = MACHINE) -> bool:
    """Writes a pack into the database. False: it is there already, byte for byte.

    Raises `Invalid` when the pack has error findings, `Conflict` when another pack has its key: what has been
    published never changes, a changed pack needs another date.
    """
    errors = [finding for finding in folder.findings if finding.level == "error"]
    if errors:
        raise Invalid(
            "pack.not-publishable",
            f"流程包“{folder.pack.key}”有{len(errors)}处错误，未发布：{errors[0].message}",
            f"The pack “{folder.pack.key}” has {len(errors)} errors and was not published.",
            errors,
        )
    body = encode_sorted(folder.pack)
    hash = hashlib.sha256(body).hexdigest()
    known = work.connection.execute(select(tables.pack.c.hash).where(tables.pack.c.key == folder.pack.key)).scalar()
    if known == hash:
        return False
    if known is not None:
        raise Conflict(
            "pack.changed",
            f"流程包“{folder.pack.key}”已发布，内容不能改变；请以新的施行日期发布新版本。",
            f"The pack “{folder.pack.key}” has been published and cannot change: publish the change under a new date.",
        )
    for name, drawn in folder.drawn.items():
        _write_definition(work, f"{folder.pack.key}/{name}", drawn)
    _write_pack(work, folder.pack, body, hash)
    entry = Entry("published", actor.person, actor.post, detail={"hash": hash, "processes": folder.pack.processes})
    work.record(f"pack/{folder.pack.key}", [entry], folder.pack.area)
    return True


def publish_year(work: Work, year: Year, actor: Actor = MACHINE) -> int:
    """Writes a calendar year as its next version, unless the newest version says the same. Returns the version."""
    column = tables.calendar_year.c
    newest = work.connection.execute(
        select(column.version, column.body).where(column.year == year.year).order_by(column.version.desc()).limit(1)
    ).first()
    body = encode_sorted(year).decode()
    if newest is not None and newest.body == body:
        return int(newest.version)
    version = newest.version + 1 if newest else 1
    row = {"year": year.year, "version": version, "status": year.status, "body": body, "recorded_at": work.now}
    work.connection.execute(insert(tables.calendar_year), row)
    detail = {"version": version, "status": year.status, "source": plain(year.source)}
    work.record(f"calendar/{year.year}", [Entry("calendar-year", actor.person, actor.post, detail=detail)], "/")
    return version


def read_calendars(root: Path = PACKS) -> Iterator[Year]:
    """The years that come with the product."""
    for path in sorted((root / "calendars").glob("*.json")):
        yield read_year(path.read_bytes(), int(path.stem))


# -- reading -----------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """A procedure beside matters: its folder, and what `procedure.json` says (process, starts, limits)."""

    folder: Path
    content: dict[str, Any]


def _parts(folder: Path, manifest: Mapping[str, Any]) -> list[_Part]:
    """The procedures of a pack: drawn for it in `procedures/<name>/`, or shared ones that the manifest names with their
    version (`patrol/1`)."""
    own = sorted(path.parent for path in (folder / "procedures").glob("*/procedure.json"))
    shared = [folder.parents[1] / SHARED / name for name in manifest.get("shared", [])]
    return [_Part(place, _json(place / "procedure.json")) for place in (*own, *shared)]


def _without_basis(manifest: Mapping[str, Any], parts: Sequence[_Part]) -> list[str]:
    """The steps that no text knows, named as such by the pack and its procedures."""
    named = (manifest, *(part.content for part in parts))
    return sorted({node for one in named for node in one.get("without_basis", [])})


def _files(folder: Path, manifest: Mapping[str, Any], parts: Sequence[_Part]) -> dict[str, Path]:
    """The file of each process."""
    drawn = {name: _place(folder, file) for name, file in manifest["processes"].items()}
    return drawn | {file.stem: file for part in parts for file in sorted(part.folder.glob("*.bpmn"))}


def _diagrams(files: Mapping[str, Path], found: Mapping[str, Table], findings: list[Finding]) -> dict[str, Drawn]:
    data = {name: file.read_bytes() for name, file in files.items()}
    readings = {name: bpmn.read(xml, decisions=found) for name, xml in data.items()}
    for name, reading in readings.items():
        findings.extend(_in_file(finding, files[name].name) for finding in reading.findings)
    processes: dict[str, Process] = {}
    for reading in readings.values():
        processes.update(reading.processes)
    return {name: Drawn(data[name], reading.definition(others=processes)) for name, reading in readings.items()}


SHARED = "shared/"
"""Parts that several packs call stand in `processes/shared/<name>/<version>/`. A pack names part and version in its
manifest and never changes anything in it: who needs it otherwise draws their own."""


def _place(folder: Path, file: str) -> Path:
    """Where a diagram of a pack stands: in its folder, or with the shared parts."""
    return folder.parents[1] / file if file.startswith(SHARED) else folder / file


def _forms(
    folder: Path, manifest: Mapping[str, Any], parts: Sequence[_Part], findings: list[Finding]
) -> dict[str, dict[str, Any]]:
    """The pack's forms, those of its procedures and of the shared parts it calls, each name once."""
    called = {_place(folder, file).parent for file in manifest["processes"].values() if file.startswith(SHARED)}
    found: dict[str, dict[str, Any]] = {}
    for place in (folder, *(part.folder for part in parts), *sorted(called)):
        for path in sorted((place / "forms").glob("*.json")):
            if path.stem in found:
                findings.append(
                    Finding(
                        "pack.form-twice",
                        "error",
                        path.stem,
                        f"表单“{path.stem}”重复：“{place.name}”中另有同名表单，不能相互覆盖，请改名。 "
                        f"There is another form “{path.stem}” in “{place.name}”: none overrides another. Rename it.",
                    )
                )
            found[path.stem] = _json(path)
    return found


def _registries(folder: Path, manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The kinds of registers: shared ones that the manifest names with their version (`1/insurance`), and the pack's
    own in `registries/`."""
    shared = [folder.parents[1] / SHARED / "registries" / f"{name}.json" for name in manifest.get("registries", [])]
    own = sorted((folder / "registries").glob("*.json"))
    return {path.stem: _json(path) for path in (*shared, *own)}


def _tables(folder: Path, findings: list[Finding]) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for path in sorted(folder.glob("*.dmn")):
        tables_of_file, faults = decisions.read(path.read_bytes())
        found |= tables_of_file
        findings.extend(_in_file(finding, path.name) for finding in faults)
    return found


def _limits(folder: Path, parts: Sequence[_Part], findings: list[Finding]) -> dict[str, Limit]:
    found: dict[str, Limit] = {}
    of_parts = [data for part in parts for data in part.content.get("limits", [])]
    for data in (*_json(folder / "limits.json"), *of_parts):
        try:
            limit = check_limit(data)
            found[limit.key] = limit
        except Invalid as error:
            findings.extend(_in_file(finding, "limits.json") for finding in error.findings)
    return found


def _rules(folder: Path, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the diagrams are held to (`checks/law.py`): the rules of each law the pack names, the product's, and in
    `rules.json` those of the place itself. They are published with the pack, so that its check can be repeated."""
    names = [*(law["key"] for law in manifest.get("laws", [])), "product"]
    files = [*(folder.parents[1] / "rules" / f"{name}.json" for name in names), folder / "rules.json"]
    return [rule for file in files if file.exists() for rule in _json(file)]


def _in_file(finding: Finding, file: str) -> Finding:
    return Finding(
        finding.rule,
        finding.level,
        finding.element,
        f"{file}: {finding.message}",
        finding.name,
        finding.article,
        finding.path,
    )


def _role(data: Mapping[str, Any]) -> Role:
    kinds = data.get("unit_kinds") or ([data["unit_kind"]] if "unit_kind" in data else [])
    return Role(
        data["key"], _words(data["label"]), tuple(kinds), tuple(data.get("permissions", ())), data.get("group", "")
    )


def _ways_in(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["event"]: dict(one) for one in manifest["ways_in"]}


def _words(data: Mapping[str, Any]) -> Words:
    label = data.get("label", data)
    return Words(label["zh"], label["en"])


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Invalid(
            "pack.incomplete", f"流程包缺少文件“{path.name}”。", f"The pack lacks the file “{path.name}”."
        ) from error
    except ValueError as error:
        raise Invalid(
            "pack.unreadable",
            f"文件“{path.name}”不是有效的JSON：{error}",
            f"The file “{path.name}” is not valid JSON: {error}",
        ) from error


# -- writing -----------------------------------------------------------------------------------------


def _write_definition(work: Work, key: str, drawn: Drawn) -> None:
    hash = drawn.definition.digest
    there = select(tables.definition.c.hash).where(tables.definition.c.hash == hash)
    if work.connection.execute(there).first() is None:
        row = {
            "hash": hash,
            "key": key,
            "semantics": SEMANTICS,
            "compiler": COMPILER,
            "compiled": encode_sorted(drawn.definition),
            "xml": drawn.xml,
            "xml_hash": hashlib.sha256(drawn.xml).hexdigest(),
            "published_at": work.now,
        }
        work.connection.execute(insert(tables.definition), row)


def _write_pack(work: Work, pack: Pack, body: bytes, hash: str) -> None:
    row = {
        "key": pack.key,
        "place": pack.place,
        "area": pack.area,
        "force": pack.force,
        "in_force_from": pack.in_force_from.isoformat() if pack.in_force_from else None,
        "in_force_to": pack.in_force_to.isoformat() if pack.in_force_to else None,
        "hash": hash,
        "body": body,
        "published_at": work.now,
    }
    work.connection.execute(insert(tables.pack), row)
