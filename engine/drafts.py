"""Drafts: versions that may come, drawn by administrators, checked at every pause, and published by somebody else.

A draft is files over a published version. Whoever saves a file presents the hash they have seen, so that nobody
overwrites silently; each save is kept as a change that can be gone back to. Submitting hands it to a reviewer, who
returns it with a reason or publishes it from a day on: never a person who drew, changed or submitted it. Each act is on
record in the chain `draft/<id>`, with ids and hashes alone.

Who sees a draft: a post with the permission `design` or `publish` in whose area the draft's area lies.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update

from engine import manifests, packs, publishing, queries, readings, records, signing, sources, tables
from engine.calendars import local
from engine.directory import Actor
from engine.errors import Conflict, Finding, Forbidden, Invalid, NotFound, Refused, Words
from engine.library import Pack, day_of
from engine.manifests import MANIFEST
from engine.model import decode, encode_sorted
from engine.publishing import Folder
from engine.readings import Read
from engine.records import Entry
from engine.sources import Files, Manifest
from engine.work import Work

DESIGN, PUBLISH = "design", "publish"
"""The permissions: to draw, try out and submit; to review and publish."""

LARGEST_FILE = 5 * 1024 * 1024
LARGEST_DRAFT = 20 * 1024 * 1024
"""Bytes; of a draft without what comes with the product."""

MOST_FILES = 1000
MOST_TOLD = 1000
PRESENT = timedelta(seconds=30)
"""Who was seen so recently is still there."""

KEY = re.compile(r"(?P<place>[a-z0-9-]{1,80})/(?P<day>\d{4}-\d{2}-\d{2})(?P<suffix>(-[a-z0-9]{1,20}){0,2})")
PATH = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,79}/){0,6}[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}\.(bpmn|dmn|json)")

_draft, _change, _presence = tables.draft.c, tables.draft_change.c, tables.draft_presence.c


# -- looking -----------------------------------------------------------------------------------------


def listed(work: Work, actor: Actor, *, ended: bool = False) -> list[dict[str, Any]]:
    """The drafts in the actor's area, the newest first; those that are published or dropped too with `ended`."""
    _permit(work, actor, DESIGN, PUBLISH)
    query = select(tables.draft).where(queries.inside(work.connection, _draft.area, actor.area))
    going = query if ended else query.where(_draft.ended_at.is_(None))
    return [_told(work, row) for row in work.connection.execute(going.order_by(_draft.id.desc()))]


def shown(work: Work, actor: Actor, id: int) -> dict[str, Any]:
    """A draft with its files, who changed each of them, which are gone, and who is looking at it. Raises `NotFound`."""
    row = _seen(work, actor, id)
    now, base = _files_of(row), packs.manifest(work, row.base)
    return {
        **_told(work, row),
        "files": _listed_files(work, row, now, base),
        "removed": sorted(base.keys() - now.keys()),
        "present": _present(work, id),
    }


def standing(work: Work, actor: Actor, id: int) -> dict[str, Any]:
    """A draft without its files. Raises `NotFound`."""
    return _told(work, _seen(work, actor, id))


def read(work: Work, actor: Actor, id: int, path: str) -> dict[str, Any]:
    """A file: path, hash and text. Raises `NotFound`."""
    row = _seen(work, actor, id)
    return packs.file_of(work, _files_of(row), path)


def texts(work: Work, actor: Actor, id: int) -> list[dict[str, Any]]:
    """Every file that is drawn or read beside the diagrams, at once: all but the example cases. Raises `NotFound`."""
    found = {path: hash for path, hash in _files_of(_seen(work, actor, id)).items() if manifests.kind(path) != "case"}
    loaded = sources.load(work.connection, found)
    return [{"path": path, "hash": hash, "text": loaded[path].decode(errors="replace")} for path, hash in found.items()]


def history(work: Work, actor: Actor, id: int) -> list[dict[str, Any]]:
    """The changes of a draft, the newest first, so many as people look through; every one is kept."""
    row = _seen(work, actor, id)
    query = select(tables.draft_change).where(_change.draft == row.id).order_by(_change.id.desc()).limit(MOST_TOLD)
    changes = work.connection.execute(query).all()
    people = {person: _person(work, person) for person in {change.person for change in changes}}
    return [_told_change(change, people[change.person]) for change in changes]


def _told(work: Work, row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "key": row.key,
        "base": row.base,
        "area": row.area,
        "title": row.title,
        "status": row.status,
        "revision": row.revision,
        "in_force_from": row.in_force_from,
        "created_by": _person(work, row.created_by),
        "created_at": _moment(row.created_at),
        "submitted_by": _person(work, row.submitted_by),
        "submitted_at": _moment(row.submitted_at),
        "returned": row.returned,
        "ended_at": _moment(row.ended_at),
    }


def _listed_files(work: Work, row: Row[Any], now: Manifest, base: Manifest) -> list[dict[str, Any]]:
    sizes, last = packs.sizes(work, now), _last_changes(work, row.id)
    return [
        {
            "path": path,
            "hash": hash,
            "size": sizes[hash],
            "kind": manifests.kind(path),
            "changed": base.get(path) != hash,
            "changed_by": _person(work, last[path].person) if path in last else None,
            "changed_at": _moment(last[path].at) if path in last else None,
        }
        for path, hash in sorted(now.items())
    ]


def _last_changes(work: Work, id: int) -> dict[str, Row[Any]]:
    newest = select(func.max(_change.id)).where(_change.draft == id).group_by(_change.path)
    query = select(tables.draft_change).where(_change.id.in_(newest))
    return {row.path: row for row in work.connection.execute(query)}


def _told_change(change: Row[Any], person: dict[str, str] | None) -> dict[str, Any]:
    return {
        "id": change.id,
        "revision": change.revision,
        "path": change.path,
        "before": change.before,
        "after": change.after,
        "person": person,
        "at": _moment(change.at),
    }


def _person(work: Work, id: str | None) -> dict[str, str] | None:
    return {"id": id, "name": work.directory.name(id)} if id else None


def _moment(at: datetime | None) -> str | None:
    return local(at).isoformat() if at else None


# -- drawing -----------------------------------------------------------------------------------------


def create(work: Work, actor: Actor, base: str, key: str, title: str, area: str | None = None) -> int:
    """A draft over a published version, under a key of its own (`<place>/<day>`). Its area is what the actor's area and
    the base's have in common, or a smaller one that is named.

    Raises `NotFound` for a base that is out of sight, `Invalid` on a key that is none, `Conflict` on one that is taken,
    `Forbidden` for an area outside.
    """
    _permit(work, actor, DESIGN)
    on = packs.row(work, actor, base)
    day = _key_day(key, on["place"])
    _free(work, key)
    files = decode(on["files"], dict[str, str])
    if not files:
        raise Refused(
            "draft.no-files",
            f"版本“{base}”发布时没有保存文件，不能据此起草；请由维护人员重新发布后再试。",
            f"The version “{base}” was published without its files: have it published again, then draw.",
        )
    values = {
        "key": key,
        "base": base,
        "area": _area(actor, on["area"], area),
        "title": title,
        "status": "open",
        "files": encode_sorted(files).decode(),
        "revision": 0,
        "in_force_from": day.isoformat(),
        "created_by": actor.person,
        "created_at": work.now,
    }
    row = work.connection.execute(insert(tables.draft).values(values).returning(tables.draft)).one()
    _record(work, actor, row, "draft-created", {"base": base, "key": key, "hash": on["hash"]})
    return int(row.id)


def save(work: Work, actor: Actor, id: int, path: str, text: str | None, based_on: str | None) -> dict[str, Any]:
    """Writes a file, or takes it away (`text` None), if it still is as the actor has seen it: `based_on` is its hash,
    None where there was none. Returns its path and hash, and the draft's revision.

    Raises `Conflict` (`draft.changed`, with who and when), `Refused` for a file of the product, `Invalid` on a path or
    a size that is not allowed.
    """
    _permit(work, actor, DESIGN)
    row = _open(work, actor, id)
    _check_path(path)
    files = _files_of(row)
    if files.get(path) != based_on:
        raise _overtaken(work, row, path, files.get(path))
    content = None if text is None else _content(path, text)
    return _put(work, actor, row, path, content)


def revert(work: Work, actor: Actor, id: int, change: int, based_on: str | None = None) -> dict[str, Any]:
    """Puts a file back to what it was before a change, as a new change. What others have saved since is not lost
    silently: then `based_on` has to be the hash the file has now. Raises `NotFound`, `Conflict`."""
    _permit(work, actor, DESIGN)
    row = _open(work, actor, id)
    query = select(tables.draft_change).where(_change.draft == id, _change.id == change)
    found = work.connection.execute(query).first()
    if found is None:
        raise NotFound("draft.no-change", f"没有第{change}号修改。", f"There is no change {change}.")
    files = _files_of(row)
    since = select(_change.id).where(_change.draft == id, _change.path == found.path, _change.id > change)
    others = work.connection.execute(since.where(_change.person != actor.person).limit(1)).first()
    if others is not None and files.get(found.path) != based_on:
        raise _overtaken(work, row, found.path, files.get(found.path))
    before = sources.load(work.connection, {found.path: found.before})[found.path] if found.before else None
    return _put(work, actor, row, found.path, before)


def look_at(work: Work, actor: Actor, id: int, path: str) -> dict[str, Any]:
    """The actor has this file on the screen. Returns who else was here lately, and the revision."""
    row = _seen(work, actor, id, lock=True)
    work.after_waiting()
    mine = delete(tables.draft_presence).where(_presence.draft == id, _presence.person == actor.person)
    work.connection.execute(mine)
    seen = {"draft": id, "person": actor.person, "path": path, "seen_at": work.now}
    work.connection.execute(insert(tables.draft_presence), seen)
    return {"present": _present(work, id), "revision": row.revision}


def drop(work: Work, actor: Actor, id: int) -> None:
    """The draft is given up; nothing of it is lost."""
    _permit(work, actor, DESIGN)
    row = _going(work, actor, id)
    _end(work, row, "dropped")
    _record(work, actor, row, "draft-dropped", {"revision": row.revision})


def _put(work: Work, actor: Actor, row: Row[Any], path: str, content: bytes | None) -> dict[str, Any]:
    """Writes or takes away a file whose present content the actor knows."""
    files = _files_of(row)
    before, after = files.get(path), None if content is None else sources.hashed(content)
    if before == after:
        return {"path": path, "hash": after, "revision": row.revision}
    kept = {name: hash for name, hash in files.items() if name != path}
    if content is not None:
        kept |= sources.keep(work.connection, {path: content})
    _check_size(work, kept)
    revision = row.revision + 1
    values = {"files": encode_sorted(kept).decode(), "revision": revision}
    work.connection.execute(update(tables.draft).where(_draft.id == row.id).values(values))
    change = {"draft": row.id, "revision": revision, "path": path, "before": before, "after": after}
    work.connection.execute(insert(tables.draft_change), {**change, "person": actor.person, "at": work.now})
    _record(work, actor, row, "draft-changed", {name: change[name] for name in ("revision", "path", "before", "after")})
    return {"path": path, "hash": after, "revision": revision}


def _present(work: Work, id: int) -> list[dict[str, Any]]:
    query = select(tables.draft_presence).where(_presence.draft == id, _presence.seen_at > work.now - PRESENT)
    return [
        {"person": _person(work, row.person), "path": row.path, "seen_at": _moment(row.seen_at)}
        for row in work.connection.execute(query.order_by(_presence.person))
    ]


# -- checking ----------------------------------------------------------------------------------------


def check(work: Work, actor: Actor, id: int, path: str = "", text: str | None = None) -> Read:
    """Everything that is wrong with a draft; with the text of one file as it is on somebody's screen, stored or not."""
    return _read(work, _seen(work, actor, id), path, text)


def folder(work: Work, actor: Actor, id: int, path: str = "", text: str | None = None) -> Folder:
    """A draft as a pack, with its findings. Raises `NotFound`, and `Invalid` when it cannot be read at all."""
    found = check(work, actor, id, path, text)
    if found.folder is None:
        raise Invalid(
            "draft.unreadable",
            "草稿还不能读成完整的流程包，请先处理检查结果中的错误。",
            "The draft cannot be read as a pack yet: settle the errors that the check found.",
            found.findings,
        )
    return found.folder


def folder_of(work: Work, actor: Actor, name: str) -> Folder:
    """What `draft:<id>` or the key of a published version stands for. Raises `NotFound`, `Invalid`."""
    kind, colon, id = name.partition(":")
    if not colon:
        return packs.folder(work, actor, name)
    if kind != "draft" or not id.isascii() or not id.isdecimal() or len(id) > 15:
        raise _unknown()
    return folder(work, actor, int(id))


def _read(
    work: Work, row: Row[Any], path: str = "", text: str | None = None, *, key: str = "", day: date | None = None
) -> Read:
    """A draft as it would be published: under its key and from its day, unless others are given."""
    stored = sources.load(work.connection, _files_of(row))
    if path and text is not None:
        _check_path(path)
        stored[path] = _content(path, text)
    day = day or (date.fromisoformat(row.in_force_from) if row.in_force_from else None)
    files = manifests.settled(stored, key=key or row.key, area=row.area, base=row.base, day=day)
    base = sources.load(work.connection, packs.manifest(work, row.base))
    found = readings.read(files, work.handlers, _changed(files, base))
    weakened = manifests.weakened(base, files)
    newer = _newer(work, row, day)
    return Read(found.folder, tuple(dict.fromkeys([*newer, *weakened, *found.findings])))


def _newer(work: Work, row: Row[Any], day: date | None) -> list[Finding]:
    """A warning when its base is no longer what the draft comes after: what was published since is not in it."""
    pack = tables.pack.c
    base = work.connection.execute(select(pack.area, pack.in_force_from).where(pack.key == row.base)).one()
    since = (
        select(pack.key)
        .where(pack.force == "law", or_(pack.area == row.area, pack.area == base.area))
        .where(pack.in_force_from > (base.in_force_from or ""), pack.in_force_from <= (day.isoformat() if day else ""))
        .where(pack.key != row.key)
        .order_by(pack.in_force_from.desc(), pack.key)
    )
    key = work.connection.execute(since.limit(1)).scalar()
    if key is None:
        return []
    words = (
        f"本草稿基于“{row.base}”，此后已发布“{key}”，其内容不在本草稿中；请比对，或以它为基础重新起草。 "
        f"This draft is based on “{row.base}”; “{key}” was published since and is not in it. Compare the two, or begin "
        "from that one."
    )
    return [Finding("draft.base-overtaken", "warning", key, words)]


def _changed(files: Files, base: Files) -> list[str]:
    """The data files that differ from the base, without the manifest's own settled words."""
    data = (path for path in files if path.endswith(".json") and path != MANIFEST)
    return sorted(path for path in data if files[path] != base.get(path))


# -- review ------------------------------------------------------------------------------------------


def submit(work: Work, actor: Actor, id: int) -> None:
    """Hands the draft over to be reviewed. Raises `Invalid` while it has errors."""
    _permit(work, actor, DESIGN)
    row = _open(work, actor, id)
    _must_be_publishable(_read(work, row))
    values = {"status": "in_review", "submitted_by": actor.person, "submitted_at": work.now, "returned": None}
    work.connection.execute(update(tables.draft).where(_draft.id == id).values(values))
    _record(work, actor, row, "draft-submitted", {"revision": row.revision, "files": _hash(row)})


def give_back(work: Work, actor: Actor, id: int, reason: str) -> None:
    """The reviewer returns the draft with a reason, or who submitted it takes it back."""
    row = _in_review(work, actor, id)
    if actor.person != row.submitted_by:
        _permit(work, actor, PUBLISH)
    values = {"status": "open", "returned": reason}
    work.connection.execute(update(tables.draft).where(_draft.id == id).values(values))
    _record(work, actor, row, "draft-returned", {"revision": row.revision}, {"reason": reason})


def publish(work: Work, actor: Actor, id: int, day: date) -> dict[str, Any]:
    """Publishes a draft in force from a day on, signed. Returns key, hash, day and what to be warned of.

    Raises `Forbidden`, `Refused` for whoever had a part in the draft and on a day that cannot be, `Invalid` with every
    error that the check finds, `Conflict` when there is such a version already.
    """
    _permit(work, actor, PUBLISH)
    row = _in_review(work, actor, id)
    if actor.person in _authors(work, row):
        raise Refused(
            "draft.same-person",
            "系统规则：起草人不能审定本人的版本，请交他人。",
            "System rule: another person must approve.",
        )
    key = _key_from(row.key, day)
    found = _read(work, row, key=key, day=day)
    _must_be_publishable(found)
    assert found.folder is not None  # noqa: S101 - publishable
    _must_be_of_level(work, actor, found.folder.pack)
    _check_day(work, found.folder, day)
    _free(work, key)
    signature = signing.sign(work, _signed(work, found.folder, row, actor, day))
    publishing.publish(work, found.folder, actor, signature)
    _end(work, row, "published", key=key, in_force_from=day.isoformat())
    hash = publishing.digest(found.folder.pack)
    _record(work, actor, row, "draft-published", {"pack": key, "hash": hash, "in_force_from": day.isoformat()})
    warned = [{"zh": one.zh, "en": one.en} for one in _warnings(work, day)]
    return {"key": key, "hash": hash, "in_force_from": day.isoformat(), "warnings": warned}


def _must_be_of_level(work: Work, actor: Actor, pack: Pack) -> None:
    """Where the place keeps publication to units of some levels (setting `publishers`: `levels`, `basis`), only they
    publish."""
    rule = pack.setting("publishers", {})
    if rule and work.directory.unit(actor.unit).level not in rule["levels"]:
        raise Refused(
            "draft.level",
            f"“{pack.title.zh}”只由规定层级的机构发布，请交其流程审定员。",
            f"“{pack.title.en}” is published by agencies of the level that is laid down: pass it to their publisher.",
            article=rule["basis"],
        )


def _signed(work: Work, folder: Folder, row: Row[Any], actor: Actor, day: date) -> dict[str, Any]:
    """What the signature of a published version says."""
    return {
        "pack": folder.pack.key,
        "hash": publishing.digest(folder.pack),
        "files": publishing.files_digest(folder.files),
        "publisher": actor.person,
        "draft": row.id,
        "in_force_from": day.isoformat() if folder.pack.in_force_from else None,
        "at": tables.written(work.now),
    }


def _authors(work: Work, row: Row[Any]) -> set[str]:
    """Who drew, changed or submitted a draft."""
    changed = select(_change.person).where(_change.draft == row.id).distinct()
    return {row.created_by, row.submitted_by, *work.connection.execute(changed).scalars()}


def _must_be_publishable(found: Read) -> None:
    errors = [finding for finding in found.findings if finding.level == "error"]
    if errors:
        raise Invalid(
            "draft.not-publishable",
            f"草稿有{len(errors)}处错误，请先更正：{errors[0].message}",
            f"The draft has {len(errors)} errors: correct them first.",
            errors,
        )


def _check_day(work: Work, folder: Folder, day: date) -> None:
    today = day_of(work.now)
    if day < today:
        raise Refused(
            "draft.day-past",
            f"施行日期{day}已过，请选今天（{today}）或以后的日期。",
            f"The day {day} has passed: choose today ({today}) or a later one.",
        )
    earliest = manifests.begins_at_the_earliest(folder.files)
    if earliest is not None and day < earliest:
        raise Refused(
            "draft.before-law",
            f"所依据的法规自{earliest}起施行，版本不能更早生效，请改期。",
            f"The laws it rests on are in force from {earliest}: choose that day or a later one.",
        )


def _warnings(work: Work, day: date) -> list[Words]:
    if day.year in work.calendar.confirmed:
        return []
    return [
        Words(
            f"{day.year}年日历暂定，待放假通知公布后，这一年的期限会重算。",
            f"The calendar of {day.year} is provisional: due times will be computed again when it is confirmed.",
        )
    ]


# -- what stands behind ------------------------------------------------------------------------------


def _permit(work: Work, actor: Actor, *permissions: str) -> None:
    """Refuses whose role has none of these permissions."""
    role = queries.role(work, actor.role, actor.area)
    if role is None or set(permissions).isdisjoint(role.permissions):
        raise Forbidden(
            "draft.not-permitted",
            "您的岗位不含此操作，可联系流程管理员。",
            "Your post does not allow this: ask whoever administers the processes.",
        )


def _seen(work: Work, actor: Actor, id: int, *, lock: bool = False) -> Row[Any]:
    """A draft that the actor may see. Raises `Forbidden`, `NotFound`."""
    _permit(work, actor, DESIGN, PUBLISH)
    query = select(tables.draft).where(_draft.id == id, queries.inside(work.connection, _draft.area, actor.area))
    row = work.connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise _unknown()
    return row


def _unknown() -> NotFound:
    return NotFound("draft.unknown", "未找到此草稿，或不在您的查看范围内。", "Not found, or outside your scope.")


def _going(work: Work, actor: Actor, id: int) -> Row[Any]:
    """A draft that has not ended, locked: who comes second waits, and acts later."""
    row = _seen(work, actor, id, lock=True)
    work.after_waiting()
    if row.ended_at is not None:
        raise Refused(
            "draft.ended",
            "此草稿已发布或已放弃，不能再改；请从现行版本新建草稿。",
            "This draft has been published or dropped: begin a new one from the version in force.",
        )
    return row


def _open(work: Work, actor: Actor, id: int) -> Row[Any]:
    row = _going(work, actor, id)
    if row.status != "open":
        raise Refused(
            "draft.in-review",
            "草稿正在审定，不能修改；请先退回或撤回。",
            "The draft is being reviewed and cannot change: return it or take it back first.",
        )
    return row


def _in_review(work: Work, actor: Actor, id: int) -> Row[Any]:
    row = _going(work, actor, id)
    if row.status != "in_review":
        raise Refused(
            "draft.not-submitted",
            "草稿尚未送审，请先送请审定。",
            "The draft has not been submitted: submit it first.",
        )
    return row


def _end(work: Work, row: Row[Any], status: str, **more: Any) -> None:
    values = {"status": status, "ended_at": work.now, **more}
    work.connection.execute(update(tables.draft).where(_draft.id == row.id).values(values))
    work.connection.execute(delete(tables.draft_presence).where(_presence.draft == row.id))


def _files_of(row: Row[Any]) -> dict[str, str]:
    return decode(row.files, dict[str, str])


def _hash(row: Row[Any]) -> str:
    return sources.hashed(row.files.encode())


def _record(
    work: Work,
    actor: Actor,
    row: Row[Any],
    kind: str,
    detail: Mapping[str, Any],
    secret: Mapping[str, Any] | None = None,
) -> None:
    entry = Entry(kind, actor.person, actor.post, detail=dict(detail), secret=dict(secret or {}))
    work.record(f"draft/{row.id}", [entry], row.area)


def _overtaken(work: Work, row: Row[Any], path: str, hash: str | None) -> Conflict:
    """Somebody else has saved the file meanwhile."""
    last = _last_changes(work, row.id).get(path)
    by = _person(work, last.person if last else row.created_by) or {}
    at = _moment(last.at if last else row.created_at)
    return Conflict(
        "draft.changed",
        f"“{path}”已由{by['name']}于{at}改过，您的内容没有写入；请比对后再保存。",
        f"{by['name']} changed “{path}” at {at}. Yours was not written: compare, then save again.",
        details={"by": by, "at": at, "hash": hash},
    )


# -- what is allowed ---------------------------------------------------------------------------------


def _key_day(key: str, place: str) -> date:
    """The day in a key of this place. Raises `Invalid`."""
    found = KEY.fullmatch(key)
    try:
        if found is not None and found["place"] == place:
            return date.fromisoformat(found["day"])
    except ValueError:
        pass
    raise Invalid(
        "draft.key",
        f"版本号“{key}”应写成“{place}/年-月-日”，例如“{place}/2027-03-01”。",
        f"The key “{key}” has to be “{place}/” and a day, such as “{place}/2027-03-01”.",
    )


def _key_from(key: str, day: date) -> str:
    """The key with another day."""
    found = KEY.fullmatch(key)
    return f"{found['place']}/{day.isoformat()}{found['suffix']}" if found else key


def _free(work: Work, key: str) -> None:
    """Refuses a key that is taken. Who comes second with one waits until the first has published it, or has not."""
    records.head(work.connection, f"pack/{key}")
    known = select(tables.pack.c.key).where(tables.pack.c.key == key)
    if work.connection.execute(known).first() is not None:
        raise Conflict(
            "draft.key-taken",
            f"版本“{key}”已发布，内容不能改变；请换一个日期，或在日期后加后缀。",
            f"There is a version “{key}” already: choose another day, or add a suffix to it.",
        )


def _area(actor: Actor, base: str, wanted: str | None) -> str:
    """Where a draft applies: inside the actor's area and inside its base's."""
    area = wanted or (actor.area if actor.area.startswith(base) else base)
    if not (area.startswith(actor.area) and area.startswith(base) and area.endswith("/")):
        raise Forbidden(
            "draft.area",
            f"“{area}”不在您的范围或所基于版本的适用范围内，不能在此起草。",
            f"“{area}” is outside your area, or outside where the base applies.",
        )
    return area


def _check_path(path: str) -> None:
    if path.startswith(sources.PRODUCT):
        raise Refused(
            "draft.product-file",
            f"“{path}”随产品提供，各地共用，不能在草稿中改动；需要不同做法的，请在“procedures/”或本版本的文件中另行绘制，"
            "并在“manifest.json”中改用它。",
            f"“{path}” comes with the product and is shared by all places: draw your own in “procedures/” or beside "
            "it, and name that in “manifest.json”.",
        )
    if len(path) > 300 or not PATH.fullmatch(path):
        raise Invalid(
            "draft.path",
            f"文件名“{path}”不能使用：请用英文字母、数字、“-”“_”和“/”，以 .bpmn、.dmn 或 .json 结尾。",
            f"“{path}” cannot be the name of a file: letters, digits, “-”, “_”, “/”, ending in .bpmn, .dmn or .json.",
        )


def _content(path: str, text: str) -> bytes:
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        raise Invalid(
            "draft.text",
            f"“{path}”含有无法保存的字符，请删去后再保存。",
            f"“{path}” holds characters that cannot be stored: remove them and save again.",
        ) from error
    if len(content) > LARGEST_FILE:
        raise _too_large(path, len(content), LARGEST_FILE)
    return content


def _check_size(work: Work, files: Manifest) -> None:
    sizes = packs.sizes(work, files)
    total = sum(sizes[hash] for path, hash in files.items() if not path.startswith(sources.PRODUCT))
    if total > LARGEST_DRAFT or len(files) > MOST_FILES:
        raise _too_large("全部文件", total, LARGEST_DRAFT)


def _too_large(what: str, size: int, most: int) -> Invalid:
    return Invalid(
        "draft.too-large",
        f"“{what}”有{size}字节，超过{most}字节，请删减或拆分。",
        f"“{what}” has {size} bytes, more than {most}: make it smaller or split it.",
    )
