"""What a place may set aside of its own rules, and that it says who did, why and by which document."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine import records, sources, tables
from engine.checks import law, waivers
from engine.errors import Finding, Invalid
from engine.publishing import PACKS, publish, read_pack
from engine.store import Store
from engine.work import Engine
from handlers.registry import HANDLERS
from tests.diagrams import define
from tests.unit.test_law_rules import LINE, pack, rule

WAIVER = {
    "rule": "r",
    "name": "王五",
    "reason": "试点期间由县里直接办理",
    "document": "某网格办〔2026〕7号",
    "day": "2026-01-15",
}


def told(*entries: Any, force: str = "local") -> list[Finding]:
    given = pack([rule("never", of={"id": "a"}, force=force)], settings={"waivers": list(entries)})
    return [*waivers.check(given), *law.check(define(LINE), given)]


def test_a_waived_local_rule_advises_and_says_who_why_and_by_what() -> None:
    (one,) = told(WAIVER)
    assert (one.rule, one.level, one.element) == ("law.r", "advice", "a")
    for said in ("王五", "试点期间由县里直接办理", "某网格办〔2026〕7号", "2026-01-15"):
        assert one.message.count(said) == 2


def test_what_is_not_waived_blocks() -> None:
    assert [one.level for one in told()] == ["error"]


@pytest.mark.parametrize(("force", "level"), [("law", "error"), ("draft", "advice"), ("product", "warning")])
def test_nothing_but_the_places_own_rules_can_be_waived(force: str, level: str) -> None:
    refused, broken = told(WAIVER, force=force)
    assert (refused.rule, refused.level, refused.element) == ("waivers.not-local", "error", "r")
    assert (broken.rule, broken.level) == ("law.r", level)
    assert "王五" not in broken.message


def test_a_rule_of_law_stays_even_where_a_local_one_bears_its_name() -> None:
    both = [rule("never", of={"id": "a"}, force=force) for force in ("local", "law")]
    given = pack(both, settings={"waivers": [WAIVER]})
    assert [one.rule for one in waivers.check(given)] == ["waivers.not-local"]
    assert "error" in {one.level for one in law.check(define(LINE), given)}


def test_a_rule_that_is_not_there_cannot_be_waived() -> None:
    unknown, broken = told(WAIVER | {"rule": "other"})
    assert (unknown.rule, unknown.level, unknown.element) == ("waivers.unknown-rule", "error", "other")
    assert broken.level == "error"


@pytest.mark.parametrize("field", WAIVER)
@pytest.mark.parametrize("value", [None, "", " ", 7])
def test_a_waiver_says_everything(field: str, value: Any) -> None:
    lacking, broken = told(WAIVER | {field: value})
    assert (lacking.rule, lacking.level) == ("waivers.incomplete", "error")
    assert field in lacking.message
    assert broken.level == "error"


@pytest.mark.parametrize("entry", [{}, "r", None, WAIVER | {"day": "15.1.2026"}])
def test_a_waiver_of_another_shape_is_none(entry: Any) -> None:
    assert [one.rule for one in told(entry)] == ["waivers.incomplete", "law.r"]


def test_waivers_that_are_no_list_are_none() -> None:
    given = pack([], settings={"waivers": WAIVER})
    assert [one.rule for one in waivers.check(given)] == ["waivers.unknown-rule"]
    assert waivers.check(None) == []


# -- in a pack -----------------------------------------------------------------------------------------------

LOCAL = rule("never", key="local-no-coordination", process="matter", of={"form": "coordinate"}, force="local")


def files(*entries: dict[str, Any]) -> dict[str, bytes]:
    """A shipped pack with a local rule that it breaks, and with waivers."""
    own = {"rules.json": [LOCAL], "waivers.json": list(entries)}
    return {**sources.read(PACKS / "jiangsu" / "2021-01-01"), **{k: json.dumps(v).encode() for k, v in own.items()}}


def test_publication_writes_every_waiver_into_the_records_and_no_name(store: Store) -> None:
    folder = read_pack(files(WAIVER | {"rule": LOCAL["key"]}), HANDLERS)
    engine = Engine(store, HANDLERS, now=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    with engine.work() as work:
        assert publish(work, folder)
        subject = f"pack/{folder.pack.key}"
        (entry,) = records.chain(work.connection, subject)
        stored = work.connection.execute(select(tables.record).where(tables.record.c.subject == subject)).one()
    assert entry.detail["waivers"] == [{"rule": LOCAL["key"], "document": WAIVER["document"]}]
    assert WAIVER["name"] not in str(stored)


def test_without_the_waiver_nothing_is_published(store: Store) -> None:
    engine = Engine(store, HANDLERS, now=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    with engine.work() as work:
        with pytest.raises(Invalid) as caught:
            publish(work, read_pack(files(), HANDLERS))
        assert work.connection.execute(select(tables.pack)).all() == []
    assert [one.rule for one in caught.value.findings] == ["law.local-no-coordination"]


def test_waivers_are_published_with_the_pack() -> None:
    given = WAIVER | {"rule": LOCAL["key"]}
    assert read_pack(files(given)).pack.settings["waivers"] == [given]


def test_no_shipped_pack_waives_anything() -> None:
    assert not list(Path(PACKS).rglob("waivers.json"))
