"""Matter lists over the API: what holds for a grid, and who may ask."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from engine.publishing import PACKS
from engine.store import Store
from tests.places import Place, read, settle
from web import sessions
from web.app import create_app
from web.settings import Settings

PACK = "zhenjiang/2026-01-01"


@pytest.fixture
def place(store: Store) -> Place:
    folder = read(PACKS / PACK)
    return Place(store, folder.pack, settle(store, folder))


@pytest.fixture
def client(place: Place, tmp_path: Path) -> FlaskClient:
    settings = Settings(tmp_path / "data")
    client = create_app(place.engine, settings).test_client(use_cookies=False)
    with place.engine.work() as work:
        token, _ = sessions.begin(work, settings, place.worker(), place.worker())
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def test_what_holds_for_a_grid_on_a_day(place: Place, client: FlaskClient) -> None:
    answer = client.get("/api/lists", query_string={"grid": place.grid})
    assert answer.status_code == 200
    told = answer.get_json()
    assert (told["grid"], told["day"]) == (place.grid, "2026-03-02")
    assert {item["key"] for item in told["items"]} == place.pack.items.keys()
    first = next(item for item in told["items"] if item["key"] == "law_publicity")
    assert (first["label"], first["handling_mode"]) == (
        {"zh": "普法和政策宣传", "en": "Legal and policy publicity"},
        "self_handle",
    )
    assert (first["list"]["unit"]["id"], first["list"]["sample"]) == (place.county, True)
    before = client.get("/api/lists", query_string={"grid": place.grid, "day": "2020-12-31"})
    assert before.get_json()["items"] == []


def test_a_grid_has_to_be_named_and_known(client: FlaskClient) -> None:
    assert client.get("/api/lists").status_code == 422
    assert client.get("/api/lists", query_string={"grid": "g0"}).status_code == 404


def test_who_is_not_signed_in_is_not_answered(place: Place, client: FlaskClient) -> None:
    client.environ_base.pop("HTTP_AUTHORIZATION")
    assert client.get("/api/lists", query_string={"grid": place.grid}).status_code == 401
