"""Backups: taken while people work, brought back whole or not at all, and nothing comes back that was erased since."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from engine import attachments, backup, records, tables, verification
from engine.backup import Erasure
from engine.errors import Conflict, Invalid, Refused
from engine.publishing import PACKS
from engine.store import Store
from engine.work import Engine
from tests.places import Place, read, settled
from web import sessions
from web.settings import Settings

PACK = "zhenjiang/2026-01-01"
PHOTO = b"\xff\xd8\xff\xe0" + b"photo" * 100


@pytest.fixture(scope="module")
def _templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("places")


@pytest.fixture
def place(_templates: Path, tmp_path: Path) -> Iterator[Place]:
    """A city in a database of its own, with one matter and a photo of it."""
    template, city = settled(PACK, _templates)
    shutil.copyfile(template, tmp_path / "place.sqlite")
    place = Place(Store(f"sqlite:///{tmp_path}/place.sqlite"), read(PACKS / PACK).pack, city)
    place.report(place.worker(), title="楼道堆物", description="三楼拐角")
    kept = attachments.keep(io.BytesIO(PHOTO), tmp_path / "attachments")
    place.act(attachments.attach, place.actor(place.worker()), 1, kept, "现场.jpg")
    yield place
    place.store.close()


def taken(place: Place, tmp_path: Path) -> Path:
    backup.take(place.engine, tmp_path / "attachments", tmp_path / "backup")
    return tmp_path / "backup"


def restored(place: Place, folder: Path, into: Path, *known: Erasure) -> Engine:
    """The installation that a backup is brought back to."""
    backup.restore(folder, into / "new" / "back.sqlite", into / "new" / "attachments", known, place.engine)
    return Engine(Store(f"sqlite:///{into}/new/back.sqlite"), place.engine.handlers, place.engine.now)


def count(engine: Engine) -> int:
    with engine.look() as work:
        return int(work.connection.execute(select(func.count()).select_from(tables.record)).scalar_one())


def description(engine: Engine) -> object:
    """What was said of the matter when it was reported."""
    with engine.look() as work:
        return records.said(work.connection, "case/1")[1]["description"]


def faults(engine: Engine) -> list[object]:
    with engine.look() as work:
        return [fault for chain in verification.chains(work) for fault in verification.faults(work, chain)]


def erase(place: Place) -> list[Erasure]:
    """Erases the description, and gives the register of erasures."""
    with place.engine.work() as work:
        assert records.erase(work.connection, "case/1", 1, "description", at=work.now) == 1
    with place.engine.look() as work:
        return backup.erasures(work.connection)


def test_everything_comes_back_and_proves_itself(place: Place, tmp_path: Path) -> None:
    before = count(place.engine)
    folder = taken(place, tmp_path)
    place.report(place.worker(), title="后来的事项")
    back = restored(place, folder, tmp_path)
    assert count(back) == before + 1
    assert description(back) == "三楼拐角"
    assert faults(back) == []
    assert back.store.check() == []
    with back.look() as work:
        (sha256,) = work.connection.execute(select(tables.attachment.c.sha256)).scalars()
        kinds = [one.kind for one in records.chain(work.connection, backup.CHAIN)]
    assert attachments.path(tmp_path / "new" / "attachments", sha256).read_bytes() == PHOTO
    assert kinds == ["restored"]
    assert [one.kind for one in place.chain(backup.CHAIN)] == ["backed-up"]


def test_a_backup_is_of_one_moment_while_somebody_writes(place: Place, tmp_path: Path) -> None:
    before = count(place.engine)
    with place.engine.work() as work:
        records.erase(work.connection, "case/1", 1, "description", at=work.now)
        manifest = backup._fill(new(tmp_path / "now"), tmp_path / "place.sqlite", tmp_path / "attachments", work.now)
    assert manifest.records == before
    assert json.loads((tmp_path / "now" / backup.ERASURES).read_bytes()) == []


def new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_what_was_erased_since_is_erased_again(place: Place, tmp_path: Path) -> None:
    folder = taken(place, tmp_path)
    known = erase(place)
    assert [(one.subject, one.number, one.field) for one in known] == [("case/1", 1, "description")]
    back = restored(place, folder, tmp_path, *known, Erasure("case/99", 1, "title", place.now))
    assert description(back) is None
    assert faults(back) == []
    with back.look() as work:
        (record,) = records.chain(work.connection, backup.CHAIN)
        assert backup.erasures(work.connection) == known
    assert record.detail["erased_again"] == ["case/1#1/description"]
    assert "三楼拐角".encode() not in (tmp_path / "new" / "back.sqlite").read_bytes()


def test_what_was_erased_before_stays_erased_without_a_register(place: Place, tmp_path: Path) -> None:
    known = erase(place)
    back = restored(place, taken(place, tmp_path), tmp_path)
    assert description(back) is None
    with back.look() as work:
        assert backup.erasures(work.connection) == known


def test_a_register_travels_as_a_file_and_is_applied_to_any_database(store: Store, place: Place) -> None:
    """PostgreSQL too: what pg_restore brought back."""
    known = backup.read_erasures(backup.written(erase(place)))
    with Engine(store, {}).work() as work:
        work.record("case/1", [records.Entry("opened", "", "", secret={"description": "三楼拐角"})], "/")
        assert len(backup.erase_again(work, known)) == 1
        assert backup.erase_again(work, known) == []
        assert records.said(work.connection, "case/1")[1]["description"] is None
    with pytest.raises(Invalid):
        backup.read_erasures(b'[{"subject": 1}]')


def test_sessions_do_not_come_back(place: Place, tmp_path: Path) -> None:
    with place.engine.work() as work:
        sessions.begin(work, Settings(tmp_path), place.worker(), place.worker())
    back = restored(place, taken(place, tmp_path), tmp_path)
    with back.look() as work:
        assert work.connection.execute(select(func.count()).select_from(tables.session)).scalar() == 0


@pytest.mark.parametrize("harm", ["changed", "gone", "manifest", "outside"])
def test_a_backup_that_is_not_what_it_says_brings_nothing_back(place: Place, tmp_path: Path, harm: str) -> None:
    folder = taken(place, tmp_path)
    photo = next((folder / backup.FILES).rglob("*/*/*"))
    if harm == "changed":
        photo.write_bytes(PHOTO[:-1] + b"!")
    elif harm == "gone":
        photo.unlink()
    elif harm == "manifest":
        (folder / backup.MANIFEST).write_text("{}")
    else:
        told = json.loads((folder / backup.MANIFEST).read_bytes())
        shutil.copyfile(folder / backup.ERASURES, tmp_path / "elsewhere.json")
        listed = next(one for one in told["files"] if one["path"] == backup.ERASURES)
        listed["path"] = "../elsewhere.json"
        (folder / backup.MANIFEST).write_text(json.dumps(told))
    with pytest.raises(Invalid):
        restored(place, folder, tmp_path)
    assert not (tmp_path / "new").exists()


def test_nothing_is_written_over(place: Place, tmp_path: Path) -> None:
    folder = taken(place, tmp_path)
    with pytest.raises(Conflict):
        taken(place, tmp_path)
    with pytest.raises(Conflict):
        backup.restore(folder, tmp_path / "place.sqlite", tmp_path / "attachments", [], place.engine)
    (tmp_path / "left.sqlite-wal").write_bytes(b"of another database")
    with pytest.raises(Conflict):
        backup.restore(folder, tmp_path / "left.sqlite", tmp_path / "attachments", [], place.engine)
    assert description(place.engine) == "三楼拐角"


def test_an_attachment_that_is_not_on_disk_is_named(place: Place, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "attachments")
    manifest = backup.take(place.engine, tmp_path / "attachments", tmp_path / "backup")
    assert len(manifest.missing) == 1


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_postgresql_has_tools_of_its_own(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="pg_dump"):
        backup.take(Engine(store, {}), tmp_path, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
