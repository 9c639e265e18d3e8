"""The data dictionary: nothing that is held is left out, everything is labelled and classed, and it travels as a table."""

import csv
import io
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from engine import tables
from engine.directory import Actor
from engine.publishing import PACKS
from engine.store import Store
from engine.work import Engine
from handlers import dictionary
from handlers.dictionary import Field
from handlers.registry import HANDLERS
from tests.places import Place, read, settle
from web import dictionary as dictionary_web
from web import sessions
from web.app import create_app
from web.settings import Settings

PACK = "zhenjiang/2026-01-01"
ZHENJIANG = Actor(person="reader", post="", role="", unit="", area="/32/3211/")


@pytest.fixture
def place(store: Store) -> Place:
    folder = read(PACKS / PACK)
    return Place(store, folder.pack, settle(store, folder))


@pytest.fixture
def client(place: Place, tmp_path: Path) -> FlaskClient:
    client = create_app(place.engine, Settings(tmp_path / "data")).test_client(use_cookies=False)
    with place.engine.work() as work:
        token, _ = sessions.begin(work, Settings(tmp_path), place.worker(), place.worker())
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


@pytest.fixture
def fields(place: Place) -> list[Field]:
    with place.engine.look() as work:
        return dictionary.fields(work, ZHENJIANG)[1]


one_database = pytest.mark.parametrize("dialect", ["sqlite"])


@one_database
def test_every_table_is_told_or_withheld_and_every_column_of_what_is_told(fields: list[Field]) -> None:
    told = {(one.holder, one.name) for one in fields if one.kind == "table"}
    assert {holder for holder, _ in told} | dictionary.withheld().keys() == tables.metadata.tables.keys()
    assert {holder for holder, _ in told} & dictionary.withheld().keys() == set()
    for holder in {holder for holder, _ in told}:
        assert {name for one, name in told if one == holder} == set(tables.metadata.tables[holder].c.keys())


@one_database
def test_every_field_of_every_form_and_registry_is_told(place: Place, fields: list[Field]) -> None:
    told = {(one.kind, one.holder, one.name) for one in fields}
    forms = {("form", name, field) for name, form in place.pack.forms.items() for field in form["properties"]}
    kept = {
        ("registry", name, field)
        for name, kind in place.pack.registries.items()
        for field in kind["form"]["properties"]
    }
    items = {("list", "item", name) for item in place.pack.items.values() for name in item}
    assert forms | kept | items <= told
    assert len({one.id for one in fields}) == len(fields)


@one_database
def test_every_field_has_its_label_type_and_a_class_that_is_explained(place: Place, fields: list[Field]) -> None:
    classes = dictionary.classes(place.pack).keys()
    for one in fields:
        assert one.zh, one.id
        assert one.en, one.id
        assert one.data_class in classes, one.id
        assert one.kept in dictionary.KEPT, one.id
    by_id = {one.id: one for one in fields}
    name = by_id[f"{PACK}/form/request_received/requester_name"]
    assert (name.data_class, name.kept, name.type) == ("sensitive", "record", "string")
    birth = by_id[f"{PACK}/form/check_eligibility/birth_date"]
    assert (birth.data_class, birth.kept, birth.type) == ("sensitive", "never", "string (date)")
    urgency = by_id[f"{PACK}/form/discovered/urgency"]
    assert (urgency.kept, [one.value for one in urgency.choices]) == ("routing", ["ordinary", "urgent"])
    assert by_id["wangge/table/case/due_at"].type == "string (date-time)"
    assert by_id[f"{PACK}/registry/insurance/insured_until"].basis


def test_the_registers_of_a_city_at_work_are_all_told(demonstration: str) -> None:
    with sqlite3.connect(demonstration.removeprefix("sqlite:///")) as database:
        held = {kind for (kind,) in database.execute("SELECT DISTINCT kind FROM register")}
    with Engine(Store(demonstration), HANDLERS).look() as work:
        pack, fields = dictionary.fields(work, ZHENJIANG)
    assert held - {one.holder for one in fields if one.kind in ("register", "registry")} == set()
    assert held
    assert pack.key == PACK


def test_it_is_read_over_the_api_and_claims_no_conformity(client: FlaskClient) -> None:
    answer = client.get("/api/data-dictionary")
    told: dict[str, Any] = answer.get_json()
    assert (answer.status_code, told["pack"]) == (200, PACK)
    assert "no conformity" in told["conformity"]["en"]
    assert {"account", "session"} <= {one["key"] for one in told["withheld"]}
    assert client.get("/api/data-dictionary?pack=nowhere/2026-01-01").status_code == 404
    client.environ_base.pop("HTTP_AUTHORIZATION")
    assert client.get("/api/data-dictionary").status_code == 401
    assert client.get("/api/data-dictionary.csv").status_code == 401


def test_it_travels_as_a_table(client: FlaskClient) -> None:
    answer = client.get("/api/data-dictionary.csv")
    assert answer.mimetype == "text/csv"
    assert answer.text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == len(client.get("/api/data-dictionary").get_json()["fields"])
    row = next(one for one in rows if one["地址 id"] == f"{PACK}/form/request_received/requester_contact")
    assert (row["名称"], row["数据分类 class"].split()[0]) == ("联系方式", "个人信息和隐私")


@pytest.mark.parametrize("label", ["=1+1", "+86", "-1", "@a", "\t=1"])
def test_no_label_becomes_a_formula(label: str) -> None:
    field = {**dictionary_web.LEFT_OUT, **dict.fromkeys(dictionary_web.COLUMNS, "a"), "zh": label}
    field |= {"kind": next(iter(dictionary.KINDS)), "kept": next(iter(dictionary.KEPT))}
    field |= {"required": False, "choices": [], "basis": []}
    text = dictionary_web._table({"classes": [], "fields": [field]}).removeprefix("\ufeff")
    assert next(iter(csv.DictReader(io.StringIO(text))))["名称"] == f"'{label}"
