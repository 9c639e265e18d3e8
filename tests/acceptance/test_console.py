"""How the console reaches a browser, and what it asks of a pack: pages, and the ways in that a post may use."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from engine.publishing import folders
from handlers import intake
from tests.places import read
from web import pages
from web.app import create_app, make_engine
from web.settings import Settings


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[FlaskClient]:
    engine = make_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    yield create_app(engine, Settings(data=tmp_path)).test_client()
    engine.store.close()


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A console as a build leaves it."""
    console = tmp_path / "dist"
    (console / "assets").mkdir(parents=True)
    (console / "index.html").write_text("<!doctype html>the console", encoding="utf-8")
    (console / "icon.svg").write_text("<svg/>", encoding="utf-8")
    (console / "assets" / "index-1a2b.js").write_text("export {}", encoding="utf-8")
    (tmp_path / "secret").write_text("not for the world", encoding="utf-8")
    monkeypatch.setattr(pages, "CONSOLE", console)
    return console


@pytest.mark.usefixtures("built")
def test_the_first_page_is_the_console_and_always_fresh(browser: FlaskClient) -> None:
    answer = browser.get("/", buffered=True)
    assert "the console" in answer.text
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert browser.get("/icon.svg", buffered=True).status_code == 200


@pytest.mark.usefixtures("built")
def test_its_parts_last_and_nothing_else_is_given(browser: FlaskClient) -> None:
    part = browser.get("/assets/index-1a2b.js", buffered=True)
    assert "immutable" in part.headers["Cache-Control"]
    assert part.mimetype == "text/javascript"
    for name in ("../../secret", "%2e%2e/%2e%2e/secret", "../index.html", "missing.js"):
        assert browser.get(f"/assets/{name}").status_code == 404, name


def test_without_a_console_the_page_for_developers_says_what_to_do(
    browser: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "CONSOLE", tmp_path / "nowhere")
    for path in ("/", "/developers"):
        answer = browser.get(path)
        assert "script/setup" in answer.text
        assert "openapi.json" in answer.text


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_each_way_in_is_either_a_workers_or_everybody_elses(folder: Path) -> None:
    pack = read(folder).pack
    workers, others = (intake.offered(pack, worker) for worker in (True, False))
    assert workers
    assert sorted(one["key"] for one in (*workers, *others)) == sorted(pack.ways_in)
    assert all(one["zh"] and one["en"] and one["form"]["properties"] for one in (*workers, *others))
