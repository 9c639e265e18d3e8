"""Published versions as people look at them: which there are, what each holds, where and when each is in force, and
whether what is stored is still what was published.

A version applies in its area from a day on until the next one of the same area, or until it is retired; the choice
for a matter is `Library.in_force`, and the periods told here follow the same rule. Whoever is signed in sees the
versions that apply to their area or lie in it. Retiring is the one act that changes anything about a published
version: its last day, on record, never its content.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, func, literal, or_, select, update

from engine import manifests, publishing, queries, readings, records, signing, sources, tables
from engine.calendars import local
from engine.definition import Definition
from engine.directory import Actor
from engine.errors import Finding, Forbidden, Invalid, NotFound, Refused, Words
from engine.library import Pack, day_of
from engine.model import decode, plain
from engine.publishing import Folder
from engine.records import Entry
from engine.sources import Manifest
from engine.work import Work

_pack, _source, _definition = tables.pack.c, tables.source.c, tables.definition.c

ONE_DAY = timedelta(days=1)


# -- which there are ---------------------------------------------------------------------------------


class Period(NamedTuple):
    """Days on which a version applies in its area, both included; without a last day until further notice."""

    first: date
    last: date | None


def versions(work: Work, actor: Actor) -> list[dict[str, Any]]:
    """The versions in sight, by place and day: what each is, its status today, and when it applies."""
    query = select(tables.pack).where(_in_sight(work, actor)).order_by(_pack.place, _pack.in_force_from, _pack.key)
    rows = work.connection.execute(query).mappings().all()
    open_matters = _open_matters(work, actor)
    return [_told(work, row, rows, open_matters) for row in rows]


def shown(work: Work, actor: Actor, key: str) -> dict[str, Any]:
    """A version with its processes and their nodes, limits, forms, decisions and files. Raises `NotFound`."""
    found = row(work, actor, key)
    pack, files = work.library.pack(work.connection, key), decode(found["files"], dict[str, str])
    neighbours = work.connection.execute(select(tables.pack).where(_pack.area == found["area"])).mappings().all()
    of_files = sizes(work, files)
    return {
        **_told(work, found, neighbours, _open_matters(work, actor)),
        "processes": _processes(work, pack, files),
        "limits": [plain(limit) for _, limit in sorted(pack.limits.items())],
        "forms": [_form(name, form) for name, form in sorted(pack.forms.items())],
        "decisions": [{"key": key, "name": table.name or key} for key, table in sorted(pack.decisions.items())],
        "files": [
            {"path": path, "hash": hash, "size": of_files[hash], "kind": manifests.kind(path)}
            for path, hash in sorted(files.items())
        ],
    }


def row(work: Work, actor: Actor, key: str) -> RowMapping:
    """The row of a version in sight. Raises `NotFound`."""
    query = select(tables.pack).where(_pack.key == key, _in_sight(work, actor))
    found = work.connection.execute(query).mappings().first()
    if found is None:
        raise NotFound("pack.unknown", "未找到此版本，或不在您的查看范围内。", "Not found, or outside your scope.")
    return found


def file(work: Work, actor: Actor, key: str, path: str) -> dict[str, Any]:
    """A file of a version: path, hash and text. Raises `NotFound`."""
    return file_of(work, decode(row(work, actor, key)["files"], dict[str, str]), path)


def file_of(work: Work, files: Manifest, path: str) -> dict[str, Any]:
    """One of these files: path, hash and text. Raises `NotFound`."""
    if path not in files:
        raise NotFound("file.unknown", f"没有文件“{path}”。", f"There is no file “{path}”.")
    content = sources.load(work.connection, {path: files[path]})[path]
    return {"path": path, "hash": files[path], "text": content.decode(errors="replace")}


def folder(work: Work, actor: Actor, key: str) -> Folder:
    """A version read again from its files. Raises `NotFound`, and `Invalid` when that cannot be done."""
    files = sources.load(work.connection, decode(row(work, actor, key)["files"], dict[str, str]))
    found = readings.read(files, work.handlers)
    if found.folder is None:
        raise Invalid(
            "pack.unreadable",
            f"版本“{key}”的文件读不出来：它发布时没有保存文件，或由别的程序版本发布。",
            f"The files of “{key}” cannot be read: they were not kept, or belong to another release of the program.",
            found.findings,
        )
    return found.folder


def manifest(work: Work, key: str) -> dict[str, str]:
    """The files of a version: hash by path."""
    return decode(work.connection.execute(select(_pack.files).where(_pack.key == key)).scalar_one(), dict[str, str])


def sizes(work: Work, files: Manifest) -> dict[str, int]:
    """Bytes of each of these files, by hash."""
    query = select(_source.hash, func.length(_source.content).label("size")).where(
        _source.hash.in_(set(files.values()))
    )
    return {row.hash: row.size for row in work.connection.execute(query)}


def _in_sight(work: Work, actor: Actor) -> ColumnElement[bool]:
    """Versions that lie in the actor's area, or apply there."""
    return or_(
        queries.inside(work.connection, _pack.area, actor.area),
        func.substr(literal(actor.area), 1, func.length(_pack.area)) == _pack.area,
    )


def _told(
    work: Work, found: RowMapping, all: Sequence[RowMapping], open_matters: Mapping[str, int] | None
) -> dict[str, Any]:
    pack, today = work.library.pack(work.connection, found["key"]), day_of(work.now)
    applies = periods(found["key"], [one for one in all if one["area"] == found["area"]])
    person = found["published_by"]
    return {
        "key": found["key"],
        "place": found["place"],
        "title": {"zh": pack.title.zh, "en": pack.title.en},
        "area": found["area"],
        "force": found["force"],
        "in_force_from": found["in_force_from"],
        "in_force_to": found["in_force_to"],
        "status": status(found, applies, today),
        "periods": [
            {"first": one.first.isoformat(), "last": one.last.isoformat() if one.last else None} for one in applies
        ],
        "hash": found["hash"],
        "published_at": local(found["published_at"]).isoformat(),
        "published_by": {"id": person, "name": work.directory.name(person)} if person else None,
        "signed": found["signature"] is not None,
        "open_matters": None if open_matters is None else open_matters.get(found["key"], 0),
    }


def _open_matters(work: Work, actor: Actor) -> dict[str, int] | None:
    """How many matters are open by each version in the actor's area; None for whoever does not see all of it."""
    who, case = queries.scope(work, actor), tables.case.c
    if not who.whole_area:
        return None
    here = queries.inside(work.connection, case.area, actor.area)
    query = select(case.pack, func.count().label("open")).where(case.closed_at.is_(None), here).group_by(case.pack)
    return {row.pack: row.open for row in work.connection.execute(query)}


def _processes(work: Work, pack: Pack, files: Manifest) -> list[dict[str, Any]]:
    drawn = publishing.drawings(sources.load(work.connection, _told_where(files))) if files else {}
    definitions = {name: work.library.definition(work.connection, hash) for name, hash in pack.processes.items()}
    return [
        {
            "name": name,
            "title": definition.process.name or name,
            "file": drawn.get(name),
            "nodes": _nodes(definition),
        }
        for name, definition in definitions.items()
    ]


def _told_where(files: Manifest) -> dict[str, str]:
    """The files that say which diagrams there are, and the diagrams."""
    wanted = ("manifest.json", "procedure.json", ".bpmn")
    return {path: hash for path, hash in files.items() if path.endswith(wanted)}


def _nodes(definition: Definition) -> list[dict[str, Any]]:
    """The nodes of the process itself, on every level, with the words of the pack."""
    own = Definition(definition.root, {definition.root: definition.process})
    return [
        {"id": node.id, "name": node.name, "kind": node.kind, "called": node.called, "properties": node.properties}
        for _, node in own.nodes()
    ]


def _form(name: str, form: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": name, "zh": form.get("title", name), "en": form.get("x-en", name)}


# -- when each applies -------------------------------------------------------------------------------


def periods(key: str, rivals: Sequence[RowMapping]) -> list[Period]:
    """When a version applies, among all versions of law of one area: on each day the newest that has begun and is not
    retired (as `Library.in_force` chooses)."""
    dated = [one for one in rivals if one["force"] == "law" and one["in_force_from"]]
    found: list[Period] = []
    for first, last in _stretches(dated):
        if _newest(dated, first) == key:
            if found and found[-1].last and found[-1].last + ONE_DAY == first:
                found[-1] = Period(found[-1].first, last)
            else:
                found.append(Period(first, last))
    return found


def _stretches(dated: Sequence[RowMapping]) -> Iterator[Period]:
    """The days between which nothing begins or ends, in order."""
    begins = {date.fromisoformat(one["in_force_from"]) for one in dated}
    after = {date.fromisoformat(one["in_force_to"]) + ONE_DAY for one in dated if one["in_force_to"]}
    days = sorted(begins | after)
    for first, following in zip_longest(days, days[1:]):
        yield Period(first, following - ONE_DAY if following else None)


def _newest(dated: Sequence[RowMapping], day: date) -> str | None:
    told = day.isoformat()
    holding = [
        one for one in dated if one["in_force_from"] <= told and (not one["in_force_to"] or one["in_force_to"] >= told)
    ]
    newest = max(holding, key=lambda one: one["in_force_from"], default=None)
    return newest["key"] if newest else None


def status(found: RowMapping, applies: Sequence[Period], today: date) -> str:
    """draft_law (never applies), upcoming, in_force, superseded by a newer one, or retired."""
    if found["force"] != "law" or not found["in_force_from"]:
        return "draft_law"
    if found["in_force_to"] and found["in_force_to"] < today.isoformat():
        return "retired"
    if found["in_force_from"] > today.isoformat():
        return "upcoming"
    here = any(one.first <= today and (one.last is None or one.last >= today) for one in applies)
    return "in_force" if here else "superseded"


# -- retiring ----------------------------------------------------------------------------------------


def retire(work: Work, actor: Actor, key: str, last_day: date, reason: str) -> dict[str, Any]:
    """The version applies for the last time on a day, today or later. Returns what to be warned of: an area in which
    nothing is in force afterwards.

    Raises `NotFound`, `Forbidden` without the permission or for an area beyond one's own, `Refused` on a draft of law,
    one that has ended, or a day that cannot be.
    """
    row(work, actor, key)
    locked = select(tables.pack).where(_pack.key == key).with_for_update()
    found = work.connection.execute(locked).mappings().one()
    work.after_waiting()
    _may_retire(work, actor, found)
    _check_last_day(work, found, last_day)
    told = {"last_day": last_day.isoformat(), "before": found["in_force_to"], "hash": found["hash"]}
    work.connection.execute(update(tables.pack).where(_pack.key == key).values(in_force_to=last_day.isoformat()))
    entry = Entry("retired", actor.person, actor.post, detail=told, secret={"reason": reason})
    work.record(f"pack/{key}", [entry], found["area"])
    warned = [{"zh": one.zh, "en": one.en} for one in _gap(work, found["area"], last_day + ONE_DAY)]
    return {"key": key, "last_day": last_day.isoformat(), "warnings": warned}


def _may_retire(work: Work, actor: Actor, found: RowMapping) -> None:
    role = queries.role(work, actor.role, actor.area)
    allowed = role is not None and "publish" in role.permissions
    if not allowed or not found["area"].startswith(actor.area):
        raise Forbidden(
            "pack.not-permitted",
            "您的岗位不含此操作，或此版本的适用范围超出您的范围。",
            "Your post does not allow this, or the version applies beyond your area.",
        )


def _check_last_day(work: Work, found: RowMapping, last_day: date) -> None:
    today = day_of(work.now)
    if found["force"] != "law" or (found["in_force_to"] and found["in_force_to"] < today.isoformat()):
        raise Refused(
            "pack.not-in-force",
            "此版本不是法规版本，或已经停用，不需要停用。",
            "This version is no law, or has been retired: there is nothing to retire.",
        )
    if last_day < today or last_day.isoformat() < found["in_force_from"]:
        raise Refused(
            "pack.last-day",
            f"最后一天应不早于今天（{today}）和施行日（{found['in_force_from']}）。",
            f"The last day cannot be before today ({today}) or the day it takes effect ({found['in_force_from']}).",
        )


def _gap(work: Work, area: str, day: date) -> list[Words]:
    try:
        work.library.in_force(work.connection, area, day)
    except Refused:
        return [
            Words(
                f"自{day}起，这一区域没有任何生效的版本，届时不能受理新事项；请先发布后续版本。",
                f"From {day} nothing is in force in this area and no matter can be taken in: publish what follows.",
            )
        ]
    return []


# -- the product's folder ----------------------------------------------------------------------------


class Difference(NamedTuple):
    """A pack of the product's folder and what the database has of it: same, missing, or different in these files."""

    key: str
    standing: str
    files: tuple[str, ...] = ()


def differences(work: Work, root: Path = publishing.PACKS) -> list[Difference]:
    """Each pack of the folder, compared with the database file by file."""
    stored = {row.key: row.files for row in work.connection.execute(select(_pack.key, _pack.files))}
    return [_difference(path, stored) for path in publishing.folders(root)]


def _difference(path: Path, stored: Mapping[str, str]) -> Difference:
    key = f"{path.parent.name}/{path.name}"
    if key not in stored:
        return Difference(key, "missing")
    here = {name: sources.hashed(content) for name, content in sources.read(path).items()}
    there = decode(stored[key], dict[str, str])
    other = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    return Difference(key, "different", tuple(other)) if other else Difference(key, "same")


# -- is it still what was published ------------------------------------------------------------------


def faults(work: Work) -> list[Finding]:
    """Every published version and definition that is not, byte for byte, what was published, recorded and signed."""
    rows = work.connection.execute(select(tables.pack).order_by(_pack.key)).mappings().all()
    of_packs = [fault for found in rows for fault in _pack_faults(work, found)]
    return [*of_packs, *_definition_faults(work.connection)]


def _pack_faults(work: Work, found: RowMapping) -> Iterator[Finding]:
    key, subject = found["key"], f"pack/{found['key']}"
    if sources.hashed(bytes(found["body"])) != found["hash"]:
        yield _fault("pack.body-altered", key, "的内容与其摘要不符", "does not match its hash")
        return
    pack, chain = decode(found["body"], Pack), list(records.chain(work.connection, subject))
    published = next((one for one in chain if one.kind == "published"), None)
    if published is None or published.detail.get("hash") != found["hash"]:
        yield _fault("pack.not-recorded", key, "与发布记录不符", "is not what the record of its publication says")
    elif published.actor != (found["published_by"] or ""):
        yield _fault("pack.publisher", key, "的发布人与发布记录不符", "has another publisher than its record says")
    yield from _column_faults(found, pack, chain)
    yield from _source_faults(work.connection, found, published.detail.get("files") if published else None)
    yield from _signature_faults(work, found, pack)
    for name, hash in pack.processes.items():
        if work.connection.execute(select(_definition.hash).where(_definition.hash == hash)).first() is None:
            yield _fault("definition.lost", f"{key}/{name}", "的流程定义丢失", "has lost its definition")


def _column_faults(found: RowMapping, pack: Pack, chain: Sequence[records.Record]) -> Iterator[Finding]:
    """Where and when a version applies is what it says itself; its last day what was recorded last."""
    retired = [one.detail["last_day"] for one in chain if one.kind == "retired"]
    last = retired[-1] if retired else (pack.in_force_to.isoformat() if pack.in_force_to else None)
    told = {
        "key": pack.key,
        "place": pack.place,
        "area": pack.area,
        "force": pack.force,
        "in_force_from": pack.in_force_from.isoformat() if pack.in_force_from else None,
        "in_force_to": last,
    }
    for name, value in told.items():
        if found[name] != value:
            yield _fault("pack.altered", found["key"], f"的“{name}”被改动", f"has an altered “{name}”")


def _source_faults(connection: Connection, found: RowMapping, recorded: str | None) -> Iterator[Finding]:
    if recorded is not None and sources.hashed(found["files"].encode()) != recorded:
        yield _fault("pack.files-altered", found["key"], "的文件目录被改动", "has an altered list of files")
    files = decode(found["files"], dict[str, str])
    query = select(_source.hash, _source.content).where(_source.hash.in_(set(files.values())))
    good = {hash for hash, content in connection.execute(query) if sources.hashed(bytes(content)) == hash}
    for path, hash in files.items():
        if hash not in good:
            name = f"{found['key']}: {path}"
            yield _fault("source.altered", name, "的内容缺失或被改动", "is missing or altered")


def _signature_faults(work: Work, found: RowMapping, pack: Pack) -> Iterator[Finding]:
    """What a person published is signed; what came with the installation is not."""
    if found["signature"] is None:
        if found["published_by"]:
            yield _fault("pack.unsigned", found["key"], "没有签名", "is not signed")
        return
    expected = {
        "pack": found["key"],
        "hash": found["hash"],
        "files": sources.hashed(found["files"].encode()),
        "publisher": found["published_by"],
        "in_force_from": pack.in_force_from.isoformat() if pack.in_force_from else None,
    }
    words = signing.fault(work.connection, found["signature"], expected)
    if words is not None:
        yield _fault("pack.signature", found["key"], f"的签名无效：{words.zh}", f"is not validly signed: {words.en}")


def _definition_faults(connection: Connection) -> Iterator[Finding]:
    for found in connection.execute(select(tables.definition).order_by(_definition.key)):
        if sources.hashed(bytes(found.compiled)) != found.hash:
            yield _fault("definition.altered", found.key, "的流程定义与其摘要不符", "has a definition that was altered")
        if sources.hashed(bytes(found.xml)) != found.xml_hash:
            yield _fault("definition.drawing-altered", found.key, "的流程图与其摘要不符", "has an altered diagram")


def _fault(rule: str, element: str, zh: str, en: str) -> Finding:
    return Finding(rule, "error", element, f"{element} {zh}。 {element} {en}.")
