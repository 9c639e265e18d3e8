"""The rows of the regulations: each once, in both languages, counted; what carries them is there; and which of those
that have to be proved are still open."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.errors import Words
from engine.publishing import PACKS, folders, read_folder
from engine.store import Store
from engine.work import Engine
from handlers import articles
from handlers.articles import Row
from handlers.registry import HANDLERS
from web.app import create_app
from web.cli import cli
from web.settings import Settings

TESTS = Path(__file__).parents[1]

COUNTED = {
    ("ZJ", "A"): 29, ("ZJ", "B"): 20, ("ZJ", "C"): 5,
    ("ZJD", "A"): 22, ("ZJD", "B"): 20, ("ZJD", "C"): 6,
    ("JS", "A"): 24, ("JS", "B"): 26, ("JS", "C"): 10,
    ("X3", "A"): 26, ("X3", "B"): 16, ("X3", "C"): 10,
    ("LZ", "A"): 17, ("LZ", "B"): 16, ("LZ", "C"): 6,
}  # fmt: skip
"""How many rows each regulation has: 118 of them have to be proved."""

OPEN: frozenset[str] = frozenset()
"""The rows that have to be proved and are not."""

ROWS = articles.rows()


def test_every_row_is_there_once_and_counted() -> None:
    twice = [id for id, times in Counter(row.id for row in ROWS).items() if times > 1]
    assert twice == []
    assert Counter((articles.law(row), row.priority) for row in ROWS) == COUNTED
    assert sum(row.priority == "A" for row in ROWS) == 118


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_says_in_both_languages_what_it_asks_of_whom(row: Row) -> None:
    assert row.id.startswith(row.article)
    assert re.search("[\u4e00-\u9fff]", row.what.zh)
    assert re.search("[a-z]", row.what.en)
    assert row.what.zh.endswith("。")
    assert row.what.en.endswith(".")
    assert row.actor.zh
    assert row.actor.en
    assert ("（理解）" in row.what.zh) == ("(reading)" in row.what.en)


def test_every_element_that_is_named_exists() -> None:
    packs = {folder.pack.key: folder for folder in map(read_folder, folders())}
    there = articles.elements(packs, HANDLERS)
    missing = {row.id: found for row in ROWS if (found := articles.stand(row, there, {}).missing)}
    assert missing == {}


def test_no_row_that_has_to_be_proved_is_open() -> None:
    """What is open is named here; whoever proves a row takes it off the list."""
    proofs = articles.proofs(TESTS)
    standing = [articles.stand(row, (), proofs) for row in ROWS if row.priority == "A"]
    assert {one.row.id for one in standing if one.status == "open"} == OPEN


def test_a_row_that_has_to_be_proved_has_a_test_that_fails_once_the_rule_is_off() -> None:
    """Those that `tests/articles/proof.py` runs twice; a scenario alone proves nothing of the kind."""
    proofs = articles.proofs(TESTS)
    proved = {id for id, tests in proofs.items() if any(test.startswith("tests/articles/") for test in tests)}
    assert {row.id for row in ROWS if row.priority == "A"} - proved == OPEN


def test_a_test_names_only_rows_that_there_are() -> None:
    assert set(articles.proofs(TESTS)) - {row.id for row in ROWS} == set()


# -- reading tests -----------------------------------------------------------------------------------

MODULE = """
import pytest

@article("ZJ-1", "ZJ-2", off=Without("ZJ-3"))
@pytest.mark.parametrize("x", [1])
def test_one(): ...

@pytest.mark.article("ZJ-2")
def test_two(): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.article("ZJ-4"))])
def test_three(): ...

@article("ZJ-5")
def proved(): ...

def test_four():
    article("ZJ-6")
"""


def test_rows_are_read_from_decorators_without_importing(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    (tests / "deep").mkdir(parents=True)
    (tests / "deep" / "test_x.py").write_text(MODULE, encoding="utf-8")
    (tests / "helping.py").write_text(MODULE, encoding="utf-8")
    file = "tests/deep/test_x.py"
    assert articles.proofs(tests) == {
        "ZJ-1": [f"{file}::test_one"],
        "ZJ-2": [f"{file}::test_one", f"{file}::test_two"],
        "ZJ-4": [f"{file}::test_three"],
    }


# -- the command -------------------------------------------------------------------------------------


def row(id: str, priority: str, *elements: str) -> Row:
    return Row(id, id, priority, Words("机构", "agency"), Words("做这件事。", "Does this."), elements)


CARRIED = "handler/archive.keep"


@pytest.mark.parametrize(
    ("rows", "tests", "status", "exit_code"),
    [
        ([row("ZJ-1", "A", CARRIED)], ["ZJ-1"], ["proved"], 0),
        ([row("ZJ-1", "A", CARRIED)], [], ["open"], 1),
        ([row("ZJ-1", "A", "handler/nobody")], ["ZJ-1"], ["proved"], 1),
        ([row("ZJ-1", "B", CARRIED), row("ZJ-2", "B"), row("ZJ-3", "C")], [], ["held", "open", "none"], 0),
        ([row("ZJ-1", "B", "register/anything", "page/any", "api/any")], [], ["held"], 0),
        ([row("ZJ-1", "B", f"{PACKS.name}/none#limit/verify")], [], ["held"], 1),
    ],
)
def test_the_command_says_how_rows_stand(
    rows: list[Row],
    tests: list[str],
    status: list[str],
    exit_code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marks = "".join(f'@article("{id}")\ndef test_{n}(): ...\n' for n, id in enumerate(tests))
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text(marks, encoding="utf-8")
    monkeypatch.setattr("engine.publishing.PACKS", tmp_path / "processes")
    monkeypatch.setattr("handlers.articles.rows", lambda: rows)
    result = CliRunner().invoke(cli, ["articles", "--json"])
    told = json.loads(result.stdout)
    assert told["tests_at_hand"] is True
    assert [one["status"] for one in told["rows"]] == status
    assert result.exit_code == exit_code


def test_without_tests_only_the_elements_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.publishing.PACKS", tmp_path / "processes")
    monkeypatch.setattr("handlers.articles.rows", lambda: [row("ZJ-1", "A", CARRIED)])
    result = CliRunner().invoke(cli, ["articles"])
    assert result.exit_code == 0
    assert "Tests are not at hand" in result.stderr
    told = json.loads(CliRunner().invoke(cli, ["articles", "--json"]).stdout)
    assert (told["tests_at_hand"], told["rows"][0]["status"]) == (False, None)
    monkeypatch.setattr("handlers.articles.rows", lambda: [row("ZJ-1", "A", "handler/nobody")])
    result = CliRunner().invoke(cli, ["articles"])
    assert result.exit_code == 1
    assert "handler/nobody" in result.stderr


def test_the_command_lists_by_pack_and_priority() -> None:
    told = json.loads(CliRunner().invoke(cli, ["articles", "--pack", "luzhou", "--priority", "A", "--json"]).stdout)
    assert len(told["rows"]) == COUNTED["LZ", "A"]
    assert {one["id"].split("-")[0] for one in told["rows"]} == {"LZ"}
    shown = CliRunner().invoke(cli, ["articles", "--pack", "zhenjiang", "--priority", "C"]).stdout.splitlines()
    assert len(shown) == COUNTED["ZJ", "C"] + COUNTED["JS", "C"] + 1
    assert shown[0].startswith("ZJ-1\tC\t") or shown[0].startswith("JS-1\tC\t")


def test_an_address_that_a_row_names_is_there(tmp_path: Path) -> None:
    app = create_app(Engine(Store(f"sqlite:///{tmp_path}/none.sqlite"), {}), Settings(tmp_path))
    there = {rule.rule for rule in app.url_map.iter_rules()}
    named = {f"/{element}" for row in ROWS for element in row.elements if element.startswith("api/")}
    assert named - there == set()
