"""Packs: read from a folder, checked, written into the database by hash. Once published, bytes never change.

A folder `processes/<place>/<date>/` holds manifest.json, diagrams (*.bpmn), tables (*.dmn), limits.json,
roles.json, articles.json, list.json, forms/*.json and cases/*.json. The folder is read only here; a running case
reads the database.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import insert, select

from engine import bpmn, checks, decisions, sources, tables
from engine.bpmn import Reading
from engine.calendars import Year, read_year
from engine.checks.waivers import standing
from engine.decisions import Table
from engine.definition import SEMANTICS, Definition, Process
from engine.directory import Actor
from engine.errors import Conflict, Finding, Invalid, Words
from engine.library import Pack, Role
from engine.limits import Limit, check_limit
from engine.model import encode, encode_sorted, plain, replace
from engine.records import Entry
from engine.sources import RULES, SHARED, Files, read_json, stem, under
from engine.work import MACHINE, Handler, Work

COMPILER = "wangge-1"
"""Name of what compiles diagrams; stored with each definition."""

PACKS = Path(__file__).resolve().parent.parent / "processes"
"""The packs that come with the product."""


class Drawn(NamedTuple):
    """A diagram of a pack: the file's bytes, the definition with everything it calls linked in, the file's path, and
    the ids of what is drawn in it."""

    xml: bytes
    definition: Definition
    file: str = ""
    own: frozenset[str] = frozenset()


class Folder(NamedTuple):
    """A pack as read from its folder: what will be published, and what is wrong with it."""

    pack: Pack
    drawn: dict[str, Drawn]
    examples: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]
    files: Files = {}


def folders(root: Path = PACKS) -> list[Path]:
    """The folders of all packs under a root, by place and date."""
    return sorted(path.parent for path in root.glob("*/*/manifest.json"))


def read_folder(folder: Path, handlers: Mapping[str, Handler] | None = None) -> Folder:
    """Reads and checks the pack of a folder, see `read_pack`."""
    return read_pack(sources.read(folder), handlers)


def read_pack(files: Files, handlers: Mapping[str, Handler] | None = None) -> Folder:
    """Reads and checks a pack; the names of handlers too, where it is told which there are. Raises `Invalid` when
    something a pack cannot be without is missing or unreadable; every other fault is among the findings."""
    findings: list[Finding] = []
    manifest = read_json(files, "manifest.json")
    parts = _parts(files, manifest)
    found = _tables(files, findings)
    drawn = _diagrams(files, _drawings(files, manifest, parts), found, findings)
    pack = Pack(
        key=manifest["key"],
        place=manifest["place"],
        title=_words(manifest["title"]),
        area=manifest["area"],
        force=manifest["force"],
        in_force_from=_day(manifest["in_force_from"]),
        in_force_to=_day(manifest.get("in_force_to")),
        processes={name: one.definition.digest for name, one in drawn.items()},
        limits=_limits(files, parts, findings),
        forms=_forms(files, manifest, parts, findings),
        roles={role["key"]: _role(role) for role in read_json(files, "roles.json")},
        decisions=found,
        articles={article["key"]: article for article in read_json(files, "articles.json")},
        items={item["key"]: item for item in read_json(files, "list.json")["items"]},
        departments={one["key"]: one for one in read_json(files, "list.json")["departments"]},
        statuses={status["key"]: _words(status) for status in manifest["statuses"]},
        ways_in=_ways_in(manifest),
        settings=_settings(files, manifest, parts),
        procedures={
            start["event"]: {**start, "process": part.content["process"]}
            for part in parts
            for start in part.content["starts"]
        },
        registries=_registries(files, manifest),
    )
    findings.extend(
        _located(finding, one, drawn, pack, files)
        for one in drawn.values()
        for finding in checks.check(one.definition, pack, handlers)
    )
    places = ("", *(part.folder for part in parts))
    examples = tuple(read_json(files, path) for place in places for path in under(files, f"{place}cases/", ".json"))
    return Folder(pack, drawn, examples, tuple(dict.fromkeys(findings)), files)


def publish(work: Work, folder: Folder, actor: Actor = MACHINE, signature: str | None = None) -> bool:
    """Writes a pack with its files into the database. False: it is there already, byte for byte.

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
    hash = digest(folder.pack)
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
    _write_pack(work, folder, hash, actor, signature)
    waived = [{"rule": one.rule, "document": one.document} for one in standing(folder.pack).values()]
    files = files_digest(folder.files)
    detail = {"hash": hash, "files": files, "processes": folder.pack.processes, "waivers": waived}
    entry = Entry("published", actor.person, actor.post, detail=detail)
    work.record(f"pack/{folder.pack.key}", [entry], folder.pack.area)
    return True


def digest(pack: Pack) -> str:
    """SHA-256 of a pack as it is stored, in hexadecimal: the identity of this version. Names stand in the order of the
    files, because people see the fields of a form in it."""
    return hashlib.sha256(encode(pack)).hexdigest()


def files_digest(files: Files) -> str:
    """SHA-256 over the paths of files with the hash of each, as they are stored with a pack."""
    return sources.hashed(encode_sorted({path: sources.hashed(content) for path, content in files.items()}))


def drawings(files: Files) -> dict[str, str]:
    """The path of each process of a pack, by its name. Raises `Invalid`, `KeyError` on a manifest that lacks them."""
    manifest = read_json(files, "manifest.json")
    return _drawings(files, manifest, _parts(files, manifest))


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
    """A procedure beside matters: its folder (`procedures/list_change/`), and what `procedure.json` says (process,
    starts, limits)."""

    folder: str
    content: dict[str, Any]


def _parts(files: Files, manifest: Mapping[str, Any]) -> list[_Part]:
    """The procedures of a pack: drawn for it in `procedures/<name>/`, or shared ones that the manifest names with their
    version (`patrol/1`)."""
    told = (path for path in sorted(files) if path.startswith("procedures/") and path.endswith("/procedure.json"))
    own = [path.removesuffix("procedure.json") for path in told]
    shared = [f"{SHARED}{name}/" for name in manifest.get("shared", [])]
    return [_Part(folder, read_json(files, f"{folder}procedure.json")) for folder in (*own, *shared)]


def _settings(files: Files, manifest: Mapping[str, Any], parts: Sequence[_Part]) -> dict[str, Any]:
    """The configurable readings of a pack, and what its checks need to be repeated later."""
    checked = {
        "governing_day": manifest.get("governing_day", "discovery"),
        "rules": _rules(files),
        "waivers": read_json(files, "waivers.json") if "waivers.json" in files else [],
        "without_basis": _without_basis(manifest, parts),
    }
    return {**manifest.get("settings", {}), **checked}


def _without_basis(manifest: Mapping[str, Any], parts: Sequence[_Part]) -> list[str]:
    """The steps that no text knows, named as such by the pack and its procedures."""
    named = (manifest, *(part.content for part in parts))
    return sorted({node for one in named for node in one.get("without_basis", [])})


def _rules(files: Files) -> list[dict[str, Any]]:
    """What the diagrams are held to (`checks/law.py`): the rules of each law the pack names, the product's, and in
    `rules.json` those of the place itself. They are published with the pack, so that its check can be repeated."""
    own = ["rules.json"] if "rules.json" in files else []
    return [rule for path in (*under(files, RULES, ".json"), *own) for rule in read_json(files, path)]


def _drawings(files: Files, manifest: Mapping[str, Any], parts: Sequence[_Part]) -> dict[str, str]:
    """The path of each process."""
    named: dict[str, str] = dict(manifest["processes"])
    return named | {stem(path): path for part in parts for path in under(files, part.folder, ".bpmn")}


def _diagrams(
    files: Files, drawings: Mapping[str, str], found: Mapping[str, Table], findings: list[Finding]
) -> dict[str, Drawn]:
    for path in drawings.values():
        if path not in files:
            raise Invalid("pack.incomplete", f"流程包缺少文件“{path}”。", f"The pack lacks the file “{path}”.")
    readings = {name: bpmn.read(files[path], decisions=found) for name, path in drawings.items()}
    for name, reading in readings.items():
        findings.extend(_in_file(finding, drawings[name]) for finding in reading.findings)
    processes: dict[str, Process] = {}
    for reading in readings.values():
        processes.update(reading.processes)
    drawn, refusals = dict[str, Drawn](), list[Invalid]()
    for name, reading in readings.items():
        path = drawings[name]
        try:
            drawn[name] = Drawn(files[path], reading.definition(others=processes), path, _drawn_in(reading))
        except Invalid as refused:
            refusals.append(refused)
            findings.extend(_in_file(finding, path) for finding in refused.findings)
    if refusals:
        first = refusals[0]
        raise Invalid(first.code, first.words.zh, first.words.en, dict.fromkeys(findings))
    return drawn


def _drawn_in(reading: Reading) -> frozenset[str]:
    """The ids of what is drawn in a file: processes, lanes, nodes and flows of every level."""
    own = Definition("", reading.processes)
    bodies = (ids for _, body in own.bodies() for ids in (body.nodes, body.flows))
    lanes = (process.lanes for process in reading.processes.values())
    return frozenset(id for ids in (reading.processes, *lanes, *bodies) for id in ids)


def _located(finding: Finding, asked: Drawn, drawn: Mapping[str, Drawn], pack: Pack, files: Files) -> Finding:
    """A finding with the file that it lies in, where that can be told: the diagram that was checked or one that it
    calls, a file named like the element or the rule's group, the limits."""
    diagrams = (one.file for one in (asked, *drawn.values()) if finding.element in one.own)
    names = {finding.element, finding.rule.partition(".")[0]}
    named = (path for path in files if stem(path) in names)
    limits = ("limits.json" for key in pack.limits if key == finding.element)
    return replace(finding, file=finding.file or next(chain(diagrams, named, limits), ""))


def _forms(
    files: Files, manifest: Mapping[str, Any], parts: Sequence[_Part], findings: list[Finding]
) -> dict[str, dict[str, Any]]:
    """The pack's forms, those of its procedures and of the shared parts it calls, each name once."""
    shared = (path for path in manifest["processes"].values() if path.startswith(SHARED))
    called = {path.rpartition("/")[0] + "/" for path in shared}
    found: dict[str, dict[str, Any]] = {}
    for folder in ("", *(part.folder for part in parts), *sorted(called)):
        for path in under(files, f"{folder}forms/", ".json"):
            name = stem(path)
            if name in found:
                findings.append(
                    Finding(
                        "pack.form-twice",
                        "error",
                        name,
                        f"表单“{name}”重复：“{path}”与另一表单同名，不能相互覆盖，请改名。 "
                        f"“{path}” has the name of another form: none overrides another. Rename it.",
                    )
                )
            found[name] = read_json(files, path)
    return found


def _registries(files: Files, manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The kinds of registers: shared ones that the manifest names with their version (`1/insurance`), and the pack's
    own in `registries/`."""
    shared = [f"{SHARED}registries/{name}.json" for name in manifest.get("registries", [])]
    return {stem(path): read_json(files, path) for path in (*shared, *under(files, "registries/", ".json"))}


def _tables(files: Files, findings: list[Finding]) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for path in under(files, "", ".dmn"):
        tables_of_file, faults = decisions.read(files[path])
        found |= tables_of_file
        findings.extend(_in_file(finding, path) for finding in faults)
    return found


def _limits(files: Files, parts: Sequence[_Part], findings: list[Finding]) -> dict[str, Limit]:
    found: dict[str, Limit] = {}
    of_parts = [data for part in parts for data in part.content.get("limits", [])]
    for data in (*read_json(files, "limits.json"), *of_parts):
        try:
            limit = check_limit(data)
            found[limit.key] = limit
        except Invalid as error:
            findings.extend(_in_file(finding, "limits.json") for finding in error.findings)
    return found


def _in_file(finding: Finding, file: str) -> Finding:
    return Finding(
        finding.rule,
        finding.level,
        finding.element,
        f"{file}: {finding.message}",
        finding.name,
        finding.article,
        finding.path,
        file,
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


def _write_pack(work: Work, folder: Folder, hash: str, actor: Actor, signature: str | None) -> None:
    pack = folder.pack
    row = {
        "key": pack.key,
        "place": pack.place,
        "area": pack.area,
        "force": pack.force,
        "in_force_from": pack.in_force_from.isoformat() if pack.in_force_from else None,
        "in_force_to": pack.in_force_to.isoformat() if pack.in_force_to else None,
        "hash": hash,
        "body": encode(pack),
        "files": encode_sorted(sources.keep(work.connection, folder.files)).decode(),
        "published_at": work.now,
        "published_by": actor.person or None,
        "signature": signature,
    }
    work.connection.execute(insert(tables.pack), row)
