"""Backups of an installation on SQLite, and bringing one back: the database, the files that it speaks of, and the
register of erasures, which says what must not come back.

A backup is a folder: `database.sqlite` (copied while people work), `attachments/` (as in the installation),
`erasures.json`, and `backup.json`, which says when it was taken and the hash of each file. What was erased after a
backup is still in it: bringing it back erases that again, by a register of erasures that is kept apart from backups.
PostgreSQL has tools of its own for its database; erasures are the same there.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, func, select

import migrations
from engine import attachments, records, tables
from engine.errors import Conflict, Finding, Invalid, Refused, Unavailable
from engine.model import Value, decode, encode_sorted
from engine.records import Entry
from engine.store import Store
from engine.work import MACHINE, Engine, Work

DATABASE, FILES, ERASURES, MANIFEST = "database.sqlite", "attachments", "erasures.json", "backup.json"
CHAIN = "installation"
"""The chain on which backups and restorations stand."""


class Erasure(Value, frozen=True):
    """A value that was erased: in which field of which record, and when. Nothing of the value."""

    subject: str
    number: int
    field: str
    erased_at: datetime


class Kept(Value, frozen=True):
    """A file of a backup."""

    path: str
    sha256: str
    size: int


class Manifest(Value, frozen=True):
    """What a backup says of itself. `schema` is the version of the tables; `missing` are attachments (SHA-256) that
    were not on disk when it was taken."""

    taken_at: datetime
    schema: str
    records: int
    files: tuple[Kept, ...]
    missing: tuple[str, ...] = ()


class Restored(Value, frozen=True):
    """What bringing a backup back did: when it was taken, how many records and attachments it has, what was erased
    again."""

    taken_at: datetime
    records: int
    attachments: int
    erased: tuple[Erasure, ...]


# -- taking ------------------------------------------------------------------------------------------


def take(engine: Engine, kept: Path, folder: Path) -> Manifest:
    """Writes a backup into a new folder: the database as it is at one moment, then the attachments it speaks of (of the
    folder `kept`), which never change. People can go on working; that it was taken is on record afterwards.

    Raises `Refused` on PostgreSQL, `Conflict` when the folder is there, `Unavailable` when it cannot be written.
    """
    _must_be_sqlite(engine.store)
    if folder.exists():
        raise Conflict(
            "backup.there", f"“{folder}”已存在，请换一个文件夹。", f"“{folder}” is there already: name another folder."
        )
    part, now = folder.with_name(f"{folder.name}.part"), engine.now()
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700, parents=True)
        manifest = _fill(part, Path(engine.store.url.database or ""), kept, now)
        part.rename(folder)
    except (OSError, sqlite3.Error) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise _failed("备份没有完成", "The backup was not completed", error) from error
    with engine.work() as work:
        _note(work, "backed-up", {"records": manifest.records, "files": len(manifest.files)})
    return manifest


def _fill(folder: Path, database: Path, kept: Path, now: datetime) -> Manifest:
    _copy_database(database, folder / DATABASE)
    schema, count, hashes, erased = _told(folder / DATABASE)
    (folder / ERASURES).write_bytes(written(erased))
    missing = tuple(one for one in hashes if not attachments.path(kept, one).is_file())
    for sha256 in (one for one in hashes if one not in missing):
        _copy(attachments.path(kept, sha256), attachments.path(folder / FILES, sha256))
    files = tuple(_kept(folder, path) for path in sorted(folder.rglob("*")) if path.is_file())
    manifest = Manifest(now, schema, count, files, missing)
    (folder / MANIFEST).write_bytes(encode_sorted(manifest))
    return manifest


def _copy_database(source: Path, target: Path) -> None:
    """The whole database at one moment, by SQLite's own online backup."""
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.execute("PRAGMA query_only = 1")
        here.backup(there)
    target.chmod(0o600)


def _told(copy: Path) -> tuple[str, int, list[str], list[Erasure]]:
    """What a copied database says: version of its tables, how many records, which attachments, what was erased.
    Afterwards it is a single sound file."""
    store = Store(f"sqlite:///{copy}")
    with store.reading() as connection:
        schema = migrations.current(connection) or ""
        count = connection.execute(select(func.count()).select_from(tables.record)).scalar_one()
        hashes = sorted(set(connection.execute(select(tables.attachment.c.sha256)).scalars()))
        erased = erasures(connection)
    store.close()
    _make_single(copy)
    return schema, count, hashes, erased


def _make_single(database: Path) -> None:
    """A database that nobody uses becomes one file, which is sound."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        if (said := connection.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(said)


# -- bringing back -----------------------------------------------------------------------------------


def restore(folder: Path, database: Path, kept: Path, known: Iterable[Erasure], engine: Engine) -> Restored:
    """Brings a backup back to where no database is: `database` is its file, `kept` the folder of attachments, `known`
    what has been erased since. `engine` gives the clock and the handlers.

    Everything is checked and made ready beside the place first: its tables are brought to the newest version, what was
    erased is erased again, sessions are over, and that it was brought back is on record. Raises `Conflict` when a
    database is there, `Invalid` when the backup is not what it says it is, `Unavailable` when it cannot be written.
    """
    if any(database.with_name(database.name + end).exists() for end in ("", "-wal", "-shm")):
        raise Conflict(
            "backup.database-there",
            f"“{database}”已有数据库，恢复不覆盖任何内容；请先把它移走，或指定另一个位置。",
            f"There is a database at “{database}”, and nothing is written over: move it away, or name another place.",
        )
    manifest = _checked(folder)
    part = database.with_name(f"{database.name}.part")
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        _copy(folder / DATABASE, part)
        brought = _bring_up(part, manifest, [*read_erasures((folder / ERASURES).read_bytes()), *known], engine)
        for file in manifest.files:
            if file.path.startswith(f"{FILES}/"):
                _copy(folder / file.path, attachments.path(kept, file.sha256))
        part.rename(database)
    except (OSError, sqlite3.Error) as error:
        raise _failed("没有恢复", "Nothing was restored", error) from error
    return brought


def _checked(folder: Path) -> Manifest:
    """What the backup says of itself, once each of its files is what it says."""
    try:
        manifest = decode((folder / MANIFEST).read_bytes(), Manifest)
    except (OSError, ValueError) as error:
        raise Invalid(
            "backup.none",
            f"“{folder}”不是完整的备份：{MANIFEST}无法读取。",
            f"“{folder}” is no complete backup: its {MANIFEST} cannot be read.",
        ) from error
    faults = [file.path for file in manifest.files if not _is(folder, file)]
    if faults:
        raise Invalid(
            "backup.changed",
            f"备份中有{len(faults)}个文件缺失或被改动，没有恢复：{faults[0]}",
            f"{len(faults)} files of the backup are missing or changed; nothing was restored: {faults[0]}",
            [Finding("backup.changed", "error", path, f"缺失或被改动。 Missing or changed: {path}") for path in faults],
        )
    return manifest


def _is(folder: Path, file: Kept) -> bool:
    path = folder / file.path
    inside = path.resolve().is_relative_to(folder.resolve())
    return inside and path.is_file() and _kept(folder, path) == file


def _bring_up(part: Path, manifest: Manifest, known: Sequence[Erasure], engine: Engine) -> Restored:
    """Makes a copied database ready for work."""
    store = Store(f"sqlite:///{part}")
    store.prepare()
    with Engine(store, engine.handlers, engine.now).work() as work:
        erased = tuple(_erase_again(work, known))
        work.connection.execute(delete(tables.session))
        told = [f"{one.subject}#{one.number}/{one.field}" for one in erased]
        _note(work, "restored", {"taken_at": manifest.taken_at.isoformat(), "erased_again": told})
    store.close()
    _make_single(part)
    files = sum(file.path.startswith(f"{FILES}/") for file in manifest.files)
    return Restored(manifest.taken_at, manifest.records, files, erased)


# -- erasures ----------------------------------------------------------------------------------------


def erasures(connection: Connection) -> list[Erasure]:
    """The register of erasures: what has been erased, first to last."""
    payload = tables.payload.c
    wanted = select(payload.subject, payload.number, payload.field, payload.erased_at).where(
        payload.erased_at.is_not(None)
    )
    ordered = wanted.order_by(payload.erased_at, payload.subject, payload.number, payload.field)
    return [Erasure(*row) for row in connection.execute(ordered)]


def erase_again(work: Work, known: Iterable[Erasure]) -> list[Erasure]:
    """Erases what a register of erasures names and a restored database still has; on record. Returns what that was."""
    erased = _erase_again(work, known)
    if erased:
        told = [f"{one.subject}#{one.number}/{one.field}" for one in erased]
        _note(work, "erased-again", {"erased_again": told})
    return erased


def written(known: Iterable[Erasure]) -> bytes:
    """A register of erasures as a file."""
    return encode_sorted(list(known))


def read_erasures(data: bytes) -> list[Erasure]:
    """The register of erasures in a file. Raises `Invalid`."""
    try:
        return list(decode(data, tuple[Erasure, ...]))
    except ValueError as error:
        raise Invalid(
            "backup.erasures",
            "清除登记文件无法读取，请使用 wangge erasures export 导出的文件。",
            "The register of erasures cannot be read: use the file that wangge erasures export wrote.",
        ) from error


def _erase_again(work: Work, known: Iterable[Erasure]) -> list[Erasure]:
    return [
        one
        for one in dict.fromkeys(known)
        if records.erase(work.connection, one.subject, one.number, one.field, at=one.erased_at)
    ]


# -- what stands behind ------------------------------------------------------------------------------


def _note(work: Work, kind: str, detail: dict[str, object]) -> None:
    work.record(CHAIN, [Entry(kind, MACHINE.person, MACHINE.post, detail=detail)], MACHINE.area)


def _kept(folder: Path, path: Path) -> Kept:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Kept(path.relative_to(folder).as_posix(), digest, path.stat().st_size)


def _copy(source: Path, target: Path) -> None:
    """Copies a file whole or not at all, and onto the disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, part)
    part.chmod(0o600)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)


def _must_be_sqlite(store: Store) -> None:
    if store.dialect != "sqlite":
        raise Refused(
            "backup.postgresql",
            "PostgreSQL数据库请用 pg_dump 备份，附件和清除登记另行备份，做法见 docs/backup.md。",
            "A database on PostgreSQL is backed up with pg_dump, attachments and erasures beside it: see "
            "docs/backup.md.",
        )


def _failed(zh: str, en: str, error: Exception) -> Unavailable:
    return Unavailable(
        "backup.failed", f"{zh}：{error}。请检查权限和磁盘空间。", f"{en}: {error}. Check permissions and disk space."
    )
