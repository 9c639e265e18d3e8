"""Published versions: when each applies, retiring, signatures, and that whatever was altered afterwards is found."""

import json
import stat
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from engine import diagnosis, drafts, packs, signing, sources, tables
from engine.errors import Forbidden, NotFound, Refused, Unavailable
from engine.packs import Period
from engine.store import Store
from tests.studios import BASE, JUNE, KEY, Studio

_pack = tables.pack.c


@pytest.fixture
def studio(store: Store, tmp_path: Path) -> Studio:
    return Studio(store, tmp_path)


# -- when each applies -------------------------------------------------------------------------------


def version(key: str, first: str | None, last: str | None = None, force: str = "law") -> Mapping[str, Any]:
    return {"key": key, "force": force, "in_force_from": first, "in_force_to": last, "area": "/32/"}


def told(key: str, *rows: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    found = packs.periods(key, rows)  # type: ignore[arg-type] # a row is read like a mapping
    return [(one.first.isoformat(), one.last.isoformat() if one.last else None) for one in found]


def test_a_version_applies_until_the_next_of_its_area() -> None:
    rows = (version("a", "2026-01-01"), version("b", "2026-06-01"), version("c", "2027-01-01"))
    assert told("a", *rows) == [("2026-01-01", "2026-05-31")]
    assert told("b", *rows) == [("2026-06-01", "2026-12-31")]
    assert told("c", *rows) == [("2027-01-01", None)]


def test_after_the_last_day_of_a_version_the_one_before_applies_again() -> None:
    rows = (version("a", "2026-01-01"), version("b", "2026-06-01", "2026-08-31"))
    assert told("a", *rows) == [("2026-01-01", "2026-05-31"), ("2026-09-01", None)]
    assert told("b", *rows) == [("2026-06-01", "2026-08-31")]


def test_what_never_comes_to_apply_has_no_days() -> None:
    rows = (version("a", "2026-01-01"), version("b", "2026-06-01"), version("d", "2026-02-01", force="draft"))
    assert told("d", *rows) == told("d", rows[2]) == []
    assert told("e", *rows, version("e", None)) == []
    over = (version("a", "2026-01-01"), version("b", "2026-06-01", "2026-06-30"), version("c", "2026-06-10"))
    assert told("b", *over) == [("2026-06-01", "2026-06-09")]


@pytest.mark.parametrize(
    ("row", "periods", "status"),
    [
        (version("d", None, force="draft"), [], "draft_law"),
        (version("a", "2026-04-01"), [Period(date(2026, 4, 1), None)], "upcoming"),
        (version("a", "2026-03-02"), [Period(date(2026, 3, 2), None)], "in_force"),
        (version("a", "2026-01-01", "2026-03-02"), [Period(date(2026, 1, 1), date(2026, 3, 2))], "in_force"),
        (version("a", "2026-01-01", "2026-03-01"), [Period(date(2026, 1, 1), date(2026, 3, 1))], "retired"),
        (version("a", "2026-01-01"), [Period(date(2026, 1, 1), date(2026, 2, 28))], "superseded"),
    ],
)
def test_the_status_of_a_version_follows_the_day(row: Any, periods: list[Period], status: str) -> None:
    assert packs.status(row, periods, date(2026, 3, 2)) == status


def test_the_periods_told_are_those_that_the_library_chooses_by(studio: Studio) -> None:
    studio.published("zhenjiang/2026-06-01", JUNE)
    studio.published("zhenjiang/2026-08-01", date(2026, 8, 1))
    studio.act(packs.retire, "a3", "zhenjiang/2026-08-01", date(2026, 9, 30), "试行期满")
    versions = {one["key"]: one for one in studio.look(packs.versions, "a1")}
    area = studio.counties[0]
    assert {key: one["status"] for key, one in versions.items()} == {
        BASE: "in_force",
        "zhenjiang/2026-06-01": "upcoming",
        "zhenjiang/2026-08-01": "upcoming",
    }
    with studio.engine.look() as work:
        for day in (JUNE + timedelta(days=n) for n in range(0, 150, 3)):
            chosen = work.library.in_force(work.connection, area, day).key
            assert [key for key, one in versions.items() if one["area"] == area and applies(one, day)] == [chosen], day


def applies(one: Mapping[str, Any], day: date) -> bool:
    periods = ((period["first"], period["last"] or "9999") for period in one["periods"])
    return any(first <= day.isoformat() <= last for first, last in periods)


def test_versions_are_in_sight_where_they_apply(studio: Studio) -> None:
    studio.published()
    assert [one["key"] for one in studio.look(packs.versions, "a1")] == [BASE, KEY]
    assert [one["key"] for one in studio.look(packs.versions, "b1")] == [BASE]
    for query, given in ((packs.shown, ()), (packs.file, ("limits.json",)), (packs.folder, ())):
        with pytest.raises(NotFound):
            studio.look(query, "b1", KEY, *given)


def test_a_version_is_shown_with_what_it_holds(studio: Studio) -> None:
    shown = studio.look(packs.shown, "a1", BASE)
    processes = {one["name"]: one for one in shown["processes"]}
    assert processes["matter"]["file"] == "matter.bpmn"
    assert processes["patrol"]["file"] == "shared/patrol/1/patrol.bpmn"
    verify = next(one for one in processes["matter"]["nodes"] if one["id"] == "verify")
    assert (verify["kind"], verify["properties"]["limit"]) == ("user", "verify")
    assert shown["open_matters"] == 0
    assert studio.look(packs.shown, "worker", BASE)["open_matters"] == 0  # a checker sees the area
    assert {one["key"] for one in shown["limits"]} == studio.pack.limits.keys()


# -- retiring ----------------------------------------------------------------------------------------


def test_retiring_says_the_last_day_and_leaves_the_content_alone(studio: Studio) -> None:
    studio.published()
    before = row(studio, KEY)
    done = studio.act(packs.retire, "a3", KEY, date(2026, 12, 31), "张三说期满")
    assert done == {"key": KEY, "last_day": "2026-12-31", "warnings": []}
    after = row(studio, KEY)
    assert {**before, "in_force_to": "2026-12-31"} == after
    last = studio.chain(f"pack/{KEY}")[-1]
    assert (last.kind, last.actor, last.detail["last_day"]) == ("retired", "a3", "2026-12-31")
    assert "张三" not in last.body
    assert list(last.sealed) == ["reason"]
    assert faults(studio) == []


def test_who_leaves_an_area_without_a_version_is_warned(studio: Studio) -> None:
    with studio.engine.work() as work:
        work.connection.execute(update(tables.pack).where(_pack.key == BASE).values(area="/32/3211/321102/"))
    done = studio.act(packs.retire, "a3", BASE, date(2026, 12, 31), "停用")
    assert ["2027-01-01" in one["zh"] for one in done["warnings"]] == [True]


def test_retiring_wants_the_permission_the_area_and_a_day_to_come(studio: Studio) -> None:
    studio.published()
    with pytest.raises(Forbidden):
        studio.act(packs.retire, "a1", KEY, JUNE, "x")
    with pytest.raises(Forbidden):
        studio.act(packs.retire, "a3", BASE, JUNE, "x")  # of the whole city
    with pytest.raises(NotFound):
        studio.act(packs.retire, "b3", KEY, JUNE, "x")
    for day in (date(2026, 3, 1), date(2026, 5, 31)):
        with pytest.raises(Refused) as error:
            studio.act(packs.retire, "a3", KEY, day, "x")
        assert error.value.code == "pack.last-day"
    studio.act(packs.retire, "a3", KEY, JUNE, "x")
    studio.pass_(days=91 + 10)
    with pytest.raises(Refused):
        studio.act(packs.retire, "a3", KEY, date(2026, 6, 10), "x")
    begun = studio.published("zhenjiang/2026-06-11", date(2026, 6, 11))["key"]
    studio.pass_(days=9)
    with pytest.raises(Refused) as error:
        studio.act(packs.retire, "a3", begun, date(2026, 6, 19), "x")
    assert error.value.code == "pack.last-day"
    studio.act(packs.retire, "a3", begun, date(2026, 6, 20), "x")
    studio.pass_(days=19)
    with pytest.raises(Refused) as error:
        studio.act(packs.retire, "a3", KEY, date(2027, 1, 1), "x")
    assert error.value.code == "pack.not-in-force"


# -- signatures --------------------------------------------------------------------------------------


def test_what_a_person_publishes_is_signed_and_the_key_stays_on_the_server(studio: Studio) -> None:
    done = studio.published()
    key = studio.engine.signing_key
    assert key is not None
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    signature = json.loads(row(studio, KEY)["signature"])
    assert signature["algorithm"] == "ed25519"
    assert signature["signed"] == {
        "pack": KEY,
        "hash": done["hash"],
        "files": sources.hashed(row(studio, KEY)["files"].encode()),
        "publisher": "a3",
        "draft": 1,
        "in_force_from": "2026-06-01",
        "at": "2026-03-02T01:00:00.000000Z",
    }
    assert [one.kind for one in studio.chain(f"signing_key/{signature['key']}")] == ["signing-key-made"]
    content, again = key.read_bytes(), studio.published("zhenjiang/2026-07-01", date(2026, 7, 1))
    assert key.read_bytes() == content
    assert json.loads(row(studio, again["key"])["signature"])["key"] == signature["key"]
    secret = content.decode().splitlines()[1]
    with studio.engine.look() as work:
        stored = work.connection.execute(select(tables.setting.c.value)).scalars().all()
    assert not any(secret in one for one in stored)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_without_a_place_for_the_key_nothing_is_published(studio: Studio, tmp_path: Path) -> None:
    draft = studio.submitted()
    studio.engine.signing_key = None
    with pytest.raises(Unavailable) as error:
        studio.act(drafts.publish, "a3", draft, JUNE)
    assert error.value.code == "signing.no-key"
    studio.engine.signing_key = tmp_path / "broken"
    studio.engine.signing_key.write_text("no key")
    with pytest.raises(Unavailable) as error:
        studio.act(drafts.publish, "a3", draft, JUNE)
    assert error.value.code == "signing.key-unreadable"
    assert studio.look(drafts.shown, "a3", draft)["status"] == "in_review"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_signature_proves_what_was_signed_and_nothing_else(studio: Studio) -> None:
    with studio.engine.work() as work:
        good = signing.sign(work, {"migration": 7, "moved": 120, "名": "甲"})
    given = json.loads(good)

    def fault(**other: Any) -> str:
        with studio.engine.look() as work:
            words = signing.fault(work.connection, json.dumps({**given, **other}), {"migration": 7})
        return words.en if words else ""

    assert fault() == ""
    assert "does not fit" in fault(signed={**given["signed"], "moved": 121})
    proof = bytearray(b64decode(given["signature"]))
    proof[0] ^= 1
    assert "does not fit" in fault(signature=b64encode(proof).decode())
    assert "does not fit" in fault(signature="不是")
    assert "is not known" in fault(key="0" * 32)
    assert "cannot be checked" in fault(algorithm="sm2")
    with studio.engine.look() as work:
        assert "cannot be read" in str(signing.fault(work.connection, "{}", {}))
        assert "another “migration”" in str(signing.fault(work.connection, good, {"migration": 8}))
    with studio.engine.work() as work:
        foreign = json.dumps({"algorithm": "ed25519", "public": b64encode(b"x" * 32).decode()})
        work.connection.execute(
            update(tables.setting).where(tables.setting.c.key == f"signing_key/{given['key']}").values(value=foreign)
        )
    assert "is not known" in fault()


# -- whatever was altered is found -------------------------------------------------------------------


def row(studio: Studio, key: str) -> dict[str, Any]:
    with studio.engine.look() as work:
        return dict(work.connection.execute(select(tables.pack).where(_pack.key == key)).mappings().one())


def faults(studio: Studio) -> list[tuple[str, str]]:
    with studio.engine.look() as work:
        return [(one.rule, one.element) for one in packs.faults(work)]


def altered(studio: Studio, **values: Any) -> None:
    with studio.engine.work() as work:
        work.connection.execute(update(tables.pack).where(_pack.key == KEY).values(**values))


def one_byte(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def test_one_byte_of_a_version_or_a_file_is_found(studio: Studio) -> None:
    studio.published()
    assert faults(studio) == []
    body = row(studio, KEY)["body"]
    altered(studio, body=one_byte(bytes(body)))
    assert faults(studio) == [("pack.body-altered", KEY)]
    altered(studio, body=body)
    with studio.engine.work() as work:
        hash = json.loads(row(studio, KEY)["files"])["limits.json"]
        source = tables.source.c
        content = work.connection.execute(select(source.content).where(source.hash == hash)).scalar_one()
        bad = update(tables.source).where(source.hash == hash).values(content=one_byte(bytes(content)))
        work.connection.execute(bad)
    assert faults(studio) == [("source.altered", f"{KEY}: limits.json")]
    with studio.engine.work() as work:
        work.connection.execute(delete(tables.source).where(tables.source.c.hash == hash))
    assert faults(studio) == [("source.altered", f"{KEY}: limits.json")]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"in_force_from": "2026-05-01"}, {"pack.altered"}),
        ({"in_force_to": "2026-12-31"}, {"pack.altered"}),
        ({"area": "/"}, {"pack.altered"}),
        ({"force": "draft"}, {"pack.altered"}),
        ({"published_by": "a1"}, {"pack.publisher", "pack.signature"}),
        ({"published_by": None, "signature": None}, {"pack.publisher"}),
        ({"signature": None}, {"pack.unsigned"}),
        ({"signature": "{}"}, {"pack.signature"}),
        ({"files": "{}"}, {"pack.files-altered", "pack.signature"}),
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_what_a_version_says_of_itself_is_recorded_and_signed(
    studio: Studio, values: dict[str, Any], found: set[str]
) -> None:
    studio.published()
    altered(studio, **values)
    assert {rule for rule, _ in faults(studio)} == found


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_version_put_in_by_hand_is_not_recorded(studio: Studio) -> None:
    studio.published()
    body = bytes(row(studio, KEY)["body"]).replace(b'"amount":3', b'"amount":9')
    altered(studio, body=body, hash=sources.hashed(body))
    assert {rule for rule, _ in faults(studio)} == {"pack.not-recorded", "pack.signature"}


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_an_altered_definition_is_found_though_its_guard_was_taken_away(studio: Studio) -> None:
    studio.published()
    definition = tables.definition.c
    with studio.engine.work() as work:
        work.connection.execute(text("DROP TRIGGER definition_unchanged"))
        work.connection.execute(text("DROP TRIGGER definition_kept"))
        named = work.connection.execute(select(tables.definition).where(definition.key == f"{BASE}/matter")).one()
        mine = update(tables.definition).where(definition.hash == named.hash)
        work.connection.execute(mine.values(compiled=one_byte(bytes(named.compiled))))
    assert ("definition.altered", f"{BASE}/matter") in faults(studio)
    with studio.engine.work() as work:
        work.connection.execute(mine.values(compiled=named.compiled, xml=b"<x/>"))
    assert faults(studio) == [("definition.drawing-altered", f"{BASE}/matter")]


# -- the product's folder ----------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_folder_and_the_database_agree_or_it_is_said_what_differs(studio: Studio) -> None:
    with studio.engine.look() as work:
        standing = {one.key: one.standing for one in packs.differences(work)}
    assert standing.pop(BASE) == "same"
    assert set(standing.values()) == {"missing"}
    files = json.loads(row(studio, BASE)["files"])
    changed = {**files, "limits.json": files["list.json"], "forms/extra.json": files["list.json"]}
    del changed["triage.dmn"]
    with studio.engine.work() as work:
        work.connection.execute(update(tables.pack).where(_pack.key == BASE).values(files=json.dumps(changed)))
        told = next(one for one in packs.differences(work) if one.key == BASE)
    assert (told.standing, told.files) == ("different", ("forms/extra.json", "limits.json", "triage.dmn"))
    signs = [one for one in diagnosis.examine(studio.engine) if one.key == "pack" and one.value == BASE]
    assert [(one.level, "triage.dmn" in one.words.zh) for one in signs] == [("warning", True)]
