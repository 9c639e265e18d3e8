"""The first list of a place, from an empty database: a sample that says so, then the published list; never over one."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine import directory, registers
from engine.publishing import PACKS
from engine.store import Store
from engine.work import MACHINE, Engine
from handlers import lists
from handlers.registry import HANDLERS
from web.cli import cli

AREA = "/32/3211/321102/"
PLACES = (
    ("p32", "division", "province", "32", None),
    ("c3211", "division", "city", "3211", "p32"),
    ("c321102", "division", "county", "321102", "c3211"),
    ("c321102001", "division", "township", "321102001", "c321102"),
    ("c321102001001", "division", "village", "321102001001", "c321102001"),
    ("g1", "grid", "grid", "321102001001001", "c321102001001"),
    ("ga-c3211", "governance_agency", "city", "GA3211", "c3211"),
    ("ga-c321102", "governance_agency", "county", "GA321102", "c321102"),
    ("ga-c321102001", "governance_agency", "township", "GA321102001", "c321102001"),
)
SAMPLE = json.loads((PACKS / "zhenjiang" / "2026-01-01" / "list.json").read_text(encoding="utf-8"))

Import = Callable[..., Result]


@pytest.fixture(scope="module")
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `wangge init` makes, and after it agencies and one grid."""
    file = tmp_path_factory.mktemp("new") / "new.sqlite"
    made = CliRunner().invoke(cli, ["init", "--database", f"sqlite:///{file}"])
    assert made.exit_code == 0
    assert "wangge lists import" in made.stderr
    store = Store(f"sqlite:///{file}")
    with Engine(store, HANDLERS).work() as work:
        for id, kind, level, code, parent in PLACES:
            directory.put_unit(
                work.connection, id, kind=kind, level=level, code=code, name=id, parent=parent,
                valid_from=date(2026, 1, 1), attributes={}, by=MACHINE, at=work.now,
            )  # fmt: skip
    store.close()
    return file


@pytest.fixture
def installed(_installed: Path, tmp_path: Path) -> Iterator[Store]:
    """The same for one test alone."""
    shutil.copyfile(_installed, tmp_path / "place.sqlite")
    store = Store(f"sqlite:///{tmp_path}/place.sqlite")
    yield store
    store.close()


@pytest.fixture
def take(installed: Store, tmp_path: Path) -> Import:
    """Runs the command on a file with these items, or on none."""

    def take(*arguments: str, items: Any = None) -> Result:
        file = tmp_path / "list.json"
        file.write_text(json.dumps({"items": items}), encoding="utf-8")
        given = [str(file)] if items is not None else []
        database = installed.url.render_as_string()
        return CliRunner().invoke(cli, ["lists", "import", *given, "--database", database, *arguments])

    return take


def held(store: Store) -> dict[str, lists.Held]:
    with Engine(store, HANDLERS).look() as work:
        return lists.items(work, work.directory.unit("g1"), date(2030, 1, 1))


def test_without_a_file_the_sample_of_the_pack_is_taken_and_says_so(installed: Store, take: Import) -> None:
    assert held(installed) == {}
    told = json.loads(take("--area", AREA, "--json").stdout)
    assert [(one["id"], one["sample"], one["items"]) for one in told["lists"]] == [
        ("matter_list/ga-c321102-own", True, len(SAMPLE["items"]))
    ]
    assert {key: one.list.body["sample"] for key, one in held(installed).items()} == dict.fromkeys(
        (item["key"] for item in SAMPLE["items"]), True
    )


def test_the_published_list_takes_the_place_of_the_sample_and_nothing_that_of_the_published(
    installed: Store, take: Import
) -> None:
    take("--area", AREA)
    one = SAMPLE["items"][:1]
    assert take("--area", AREA, items=one).exit_code == 2
    assert len(held(installed)) == len(SAMPLE["items"])
    result = take("--area", AREA, "--document", "某网格〔2026〕1号", items=one)
    assert (result.exit_code, "某网格〔2026〕1号" in result.stdout) == (0, True)
    (kept,) = held(installed).values()
    assert (kept.key, kept.list.body["sample"], kept.list.body["document"]) == (
        one[0]["key"],
        False,
        "某网格〔2026〕1号",
    )
    again = take("--area", AREA, "--document", "某网格〔2026〕2号", items=SAMPLE["items"])
    assert (again.exit_code, "procedure" in again.stderr) == (2, True)
    assert take("--area", AREA).exit_code == 2
    assert len(held(installed)) == 1
    with Engine(installed, HANDLERS).look() as work:
        assert len(list(registers.history(work, "matter_list/ga-c321102-own"))) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": "Upper"}, "key"),
        ({"label": {"zh": "一"}}, "label"),
        ({"performer": "anybody"}, "performer"),
        ({"requires_enforcement_power": "no"}, "requires_enforcement_power"),
        ({"lead_department": "nobody"}, "lead_department"),
        ({"co_handlers": [{}]}, "lead_department"),
        ({"handling_limit": "soon"}, "handling_limit"),
        ({"secret": 1}, "secret"),
    ],
)
def test_a_list_that_is_not_right_is_not_taken_in_and_every_fault_is_named(
    change: dict[str, Any], field: str, installed: Store, take: Import
) -> None:
    result = take("--area", AREA, "--document", "1", items=[SAMPLE["items"][0], {**SAMPLE["items"][1], **change}])
    assert result.exit_code == 2
    assert f"“{field}” of item 2" in result.stderr
    assert held(installed) == {}


@pytest.mark.parametrize("items", [[], {}, ["x"], [SAMPLE["items"][0], SAMPLE["items"][0]]])
def test_what_is_no_list_is_refused(items: Any, installed: Store, take: Import) -> None:
    assert take("--area", AREA, "--document", "1", items=items).exit_code == 2
    assert held(installed) == {}


def test_the_rules_of_the_place_hold_for_the_first_list_too(installed: Store, take: Import) -> None:
    without = {name: value for name, value in SAMPLE["items"][0].items() if name != "village_work_item"}
    result = take("--area", AREA, "--document", "1", items=[without])
    assert (result.exit_code, held(installed)) == (2, {})
    assert "village work item" in result.stderr


@pytest.mark.parametrize("area", ["/32/3211/321103/", "/32/3211/321102", "321102"])
def test_an_area_without_an_agency_is_told(area: str, take: Import) -> None:
    result = take("--area", area)
    assert (result.exit_code, area in result.stderr) == (2, True)


def test_a_level_that_keeps_no_list_is_told(installed: Store, take: Import) -> None:
    result = take("--area", f"{AREA}321102001/")
    assert (result.exit_code, "keeps no matter list" in result.stderr) == (2, True)
    assert held(installed) == {}


def test_the_city_keeps_a_list_of_its_own_beside_that_of_the_county(installed: Store, take: Import) -> None:
    assert take("--area", "/32/3211/").exit_code == 0
    take("--area", AREA, "--document", "某网格〔2026〕1号", items=SAMPLE["items"][:1])
    by = {key: one.list.unit for key, one in held(installed).items()}
    assert by.pop(SAMPLE["items"][0]["key"]) == "ga-c321102"
    assert set(by.values()) == {"ga-c3211"}
