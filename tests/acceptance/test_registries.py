"""Registries: every kind of every pack is labelled, cited and written by roles that there are; and over the API."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from engine.library import Pack
from engine.publishing import PACKS, folders
from engine.store import Store
from handlers import articles, registries
from tests.places import Place, read, settle
from web import sessions
from web.app import create_app
from web.cli import cli
from web.settings import Settings

ZJ = PACKS / "zhenjiang" / "2026-01-01"


@pytest.fixture(params=folders(), ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def pack(request: pytest.FixtureRequest) -> Pack:
    """Every pack in turn."""
    return read(request.param).pack


# -- the files ---------------------------------------------------------------------------------------


def test_a_kind_says_in_both_languages_what_it_is_of_what_and_on_which_basis(pack: Pack) -> None:
    laws = articles.laws(pack)
    assert pack.registries
    for name, kind in pack.registries.items():
        assert kind["kind"] == name
        assert kind["about"] in ("unit", "grid", "person", "case"), name
        assert kind["zh"], name
        assert kind["en"], name
        assert kind["by"], name
        assert {*kind["by"], *kind.get("sees", ())} <= pack.roles.keys(), name
        cited = {article for article in kind["basis"] if article.split("-")[0] in laws}
        assert cited, name
        assert cited <= pack.articles.keys(), name


def test_the_form_of_a_kind_is_right_and_every_field_is_labelled(pack: Pack) -> None:
    hiding = {one["key"] for one in pack.settings["data_classes"]}
    for kind, described in pack.registries.items():
        form = described["form"]
        Draft202012Validator.check_schema(form)
        assert form["title"], kind
        assert form["x-en"], kind
        assert set(form["x-submit"]) == {"zh", "en"}, kind
        assert set(form["required"]) <= form["properties"].keys(), kind
        assert registries.KEPT.isdisjoint(form["properties"]), kind
        for name, field in form["properties"].items():
            _check_field(f"{kind}.{name}", field, hiding)


def _check_field(place: str, field: dict[str, Any], hiding: set[str]) -> None:
    assert field["title"], place
    assert field["x-en"], place
    assert field.get("enum", []) == list(field.get("x-labels", {})), place
    assert field["x-wangge"] in ("routing", "record"), place
    if field["x-wangge"] == "routing":
        told = field["type"] != "string" or {"enum", "x-wangge-id"} & field.keys() or field.get("format") == "date"
        assert told, f"{place}: free text is a record"
        assert "x-class" not in field, f"{place}: what is of a class stays out of the register"
    if "x-wangge-personal" in field:
        assert field["x-class"] in hiding, place


def test_what_expires_and_what_is_summed_up_are_fields_of_the_form(pack: Pack) -> None:
    for name, kind in pack.registries.items():
        fields = kind["form"]["properties"]
        if "expires" in kind:
            assert (fields[kind["expires"]]["format"], fields[kind["expires"]]["x-wangge"]) == ("date", "routing"), name
        if "summed" in kind:
            assert kind["summed"]["by"] in (*fields, "about"), name
            assert "x-class" not in fields[kind["summed"]["of"]], name
        if "wanted_in" in kind:
            assert set(kind["wanted_in"]["least"]) <= set(fields[kind["wanted_in"]["field"]]["enum"]), name


def test_every_shared_kind_is_used() -> None:
    used = {name for folder in folders() for name in json.loads((folder / "manifest.json").read_bytes())["registries"]}
    there = PACKS / "shared" / "registries"
    assert {path.relative_to(there).with_suffix("").as_posix() for path in there.glob("*/*.json")} == used


# -- the API -----------------------------------------------------------------------------------------


@pytest.fixture
def place(store: Store) -> Place:
    folder = read(ZJ)
    return Place(store, folder.pack, settle(store, folder))


def client(place: Place, folder: Path, person: str) -> FlaskClient:
    """Somebody signed in."""
    settings = Settings(folder / "data")
    found = create_app(place.engine, settings).test_client(use_cookies=False)
    with place.engine.work() as work:
        token, _ = sessions.begin(work, settings, person, person)
    found.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return found


def test_a_registry_over_the_api(place: Place, tmp_path: Path) -> None:
    officer = client(place, tmp_path, place.person("duty_officer", place.township))
    part_time = place.worker("part_time")
    kinds = {one["kind"]: one for one in officer.get("/api/registries").get_json()["kinds"]}
    assert (kinds["insurance"]["may_enter"], kinds["evaluation_scheme"]["may_enter"]) == (True, False)
    assert kinds["insurance"]["basis"] == ["ZJ-22.2"]
    missing = officer.get("/api/registries/due").get_json()["due"]
    assert [(one["about"], one["entry"]) for one in missing] == [(part_time, None)]
    answer = {"insured_from": "2025-01-01", "insured_until": "2025-12-31", "insurer": "某公司", "policy_number": "P-77"}
    done = officer.post("/api/registries/insurance", json={"about": part_time, "answer": answer})
    assert (done.status_code, done.get_json()["entry"]) == (200, f"insurance/{part_time}")
    told = officer.get("/api/registries/insurance", query_string={"about": part_time}).get_json()["entries"]
    assert told[0]["answer"]["policy_number"] == {"value": "P***", "masked": True, "erased": False}
    expired = officer.get("/api/registries/due").get_json()["due"]
    assert [(one["entry"], one["last_day"]) for one in expired] == [(part_time, "2025-12-31")]
    look = {"field": "policy_number", "reason": "核对保单"}
    refused = officer.post(f"/api/registries/insurance/{part_time}/reveal", json=look)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "access.not-admitted")
    assert officer.get("/api/registries/evaluation/summary").get_json() == {"sums": []}
    ended = officer.post(f"/api/registries/insurance/{part_time}/end", json={"reason": "退出"})
    assert ended.status_code == 200


def test_who_may_not_enter_is_told_so_and_a_wrong_form_names_its_fields(place: Place, tmp_path: Path) -> None:
    worker = client(place, tmp_path, place.worker())
    refused = worker.post("/api/registries/insurance", json={"about": place.worker("part_time"), "answer": {}})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "registry.not-yours")
    wrong = worker.post("/api/registries/worker_refusal", json={"about": place.grid, "answer": {"manner": "x"}})
    assert wrong.status_code == 422
    assert "manner" in {finding["element"] for finding in wrong.get_json()["findings"]}
    assert worker.post("/api/registries/nothing", json={"about": place.grid, "answer": {}}).status_code == 404


# -- what carries rows outside packs -----------------------------------------------------------------


def test_a_command_that_a_row_names_is_there() -> None:
    named = {element for row in articles.rows() for element in row.elements if element.startswith("command/")}
    assert {element.partition("/")[2] for element in named} <= cli.commands.keys()
