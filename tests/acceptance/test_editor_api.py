"""What the editor is told at once: what diagrams can call, and all texts of a draft."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from engine import drafts
from engine.expressions import FUNCTIONS
from engine.store import Store
from handlers.registry import HANDLERS
from tests.acceptance.test_api import undescribed
from tests.studios import Studio
from web import sessions, shapes
from web.app import create_app
from web.settings import Settings


@pytest.fixture
def studio(store: Store, tmp_path: Path) -> Studio:
    return Studio(store, tmp_path)


@pytest.fixture
def designer(studio: Studio, tmp_path: Path) -> FlaskClient:
    settings = Settings(tmp_path / "data")
    client = create_app(studio.engine, settings).test_client(use_cookies=False)
    with studio.engine.work() as work:
        token, _ = sessions.begin(work, settings, "a1", "a1")
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def told(client: FlaskClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_every_handler_and_function_is_offered_with_its_words(designer: FlaskClient) -> None:
    found = told(designer, "/api/vocabulary")
    assert {one["name"]: one["kind"] for one in found["handlers"]} == {name: one.kind for name, one in HANDLERS.items()}
    assert all(one["doc"] for one in found["handlers"])
    assert {one["name"] for one in found["functions"]} == FUNCTIONS.keys()
    assert list(undescribed(shapes.Vocabulary.model_validate(found))) == []


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_texts_of_a_draft_come_together_without_its_cases(designer: FlaskClient, studio: Studio) -> None:
    draft = studio.draft()
    files = told(designer, f"/api/drafts/{draft}/files")["files"]
    shown = studio.look(drafts.shown, "a1", draft)["files"]
    assert {one["path"]: one["hash"] for one in files} == {
        one["path"]: one["hash"] for one in shown if one["kind"] != "case"
    }
    alone = told(designer, f"/api/drafts/{draft}/files/matter.bpmn")
    assert alone in files
    assert designer.get("/api/drafts/999/files").status_code == 404
