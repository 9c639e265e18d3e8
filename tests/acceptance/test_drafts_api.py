"""Drafts and versions over HTTP: from a version in force to the next one, by people in their posts; one answer for what
is missing and what is out of sight; answers as described; and the command line that checks what was published."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel
from sqlalchemy import update
from werkzeug.test import TestResponse

from engine import tables
from engine.drafts import LARGEST_FILE
from engine.store import Store
from tests.acceptance.test_api import problem, undescribed
from tests.studios import BASE, KEY, Studio
from web import sessions, shapes
from web.app import create_app
from web.cli import cli
from web.settings import Settings

People = Callable[[str], FlaskClient]


@pytest.fixture
def studio(store: Store, tmp_path: Path) -> Studio:
    return Studio(store, tmp_path)


@pytest.fixture
def people(studio: Studio, tmp_path: Path) -> People:
    """Everybody, signed in."""
    settings = Settings(tmp_path / "data")
    app = create_app(studio.engine, settings)

    def signed_in(name: str) -> FlaskClient:
        client = app.test_client(use_cookies=False)
        with studio.engine.work() as work:
            token, _ = sessions.begin(work, settings, name, name)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    return signed_in


def good(answer: TestResponse) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def begun(client: FlaskClient, key: str = KEY) -> int:
    return int(good(client.post("/api/drafts", json={"base": BASE, "key": key, "title": "核实时限"}))["draft"])


def test_from_the_version_in_force_to_the_next_one(people: People, studio: Studio) -> None:
    designer, colleague, publisher = people("a1"), people("a2"), people("a3")
    assert [one["key"] for one in good(designer.get("/api/packs"))["packs"]] == [BASE]
    draft = begun(designer)
    limits = good(designer.get(f"/api/drafts/{draft}/files/limits.json"))
    data = json.loads(limits["text"])
    next(limit for limit in data if limit["key"] == "verify")["amount"] = 3
    text = json.dumps(data, ensure_ascii=False)
    broken = good(designer.post(f"/api/drafts/{draft}/check", json={"path": "limits.json", "text": "["}))
    assert (broken["publishable"], {one["file"] for one in broken["findings"]}) == (False, {"limits.json"})
    given = {"path": "limits.json", "text": text, "based_on": limits["hash"]}
    saved = good(designer.post(f"/api/drafts/{draft}/files", json=given))
    told = problem(colleague.post(f"/api/drafts/{draft}/files", json=given), 409, "draft.changed")
    assert (told["details"]["by"]["id"], told["details"]["hash"]) == ("a1", saved["hash"])
    present = good(colleague.post(f"/api/drafts/{draft}/presence", json={"path": "limits.json"}))
    assert [one["person"]["id"] for one in present["present"]] == ["a2"]
    assert good(designer.post(f"/api/drafts/{draft}/check", json={}))["publishable"]
    assert good(designer.post(f"/api/drafts/{draft}/submit", json={}))["status"] == "in_review"
    returned = good(publisher.post(f"/api/drafts/{draft}/return", json={"reason": "写明依据"}))
    assert (returned["status"], returned["returned"]) == ("open", "写明依据")
    good(colleague.post(f"/api/drafts/{draft}/submit", json={}))
    done = good(publisher.post(f"/api/drafts/{draft}/publish", json={"in_force_from": "2026-06-01"}))
    assert done["key"] == KEY
    versions = {one["key"]: one for one in good(designer.get("/api/packs"))["packs"]}
    assert (versions[KEY]["status"], versions[KEY]["signed"]) == ("upcoming", True)
    assert versions[KEY]["published_by"] == {"id": "a3", "name": "甲区流程审定员"}
    held = good(designer.get(f"/api/packs/{KEY}/files/limits.json"))
    assert json.loads(held["text"]) == data
    retired = good(publisher.post(f"/api/packs/{KEY}/retire", json={"last_day": "2026-12-31", "reason": "期满"}))
    assert retired["last_day"] == "2026-12-31"


def test_one_key_saves_once(people: People) -> None:
    designer = people("a1")
    draft = begun(designer)
    given = {"path": "forms/extra.json", "text": "{}", "based_on": None}
    answers = [
        good(designer.post(f"/api/drafts/{draft}/files", json=given, headers={"Idempotency-Key": "k1"})) for _ in "12"
    ]
    assert answers[0] == answers[1]
    assert len(good(designer.get(f"/api/drafts/{draft}/history"))["changes"]) == 1


ACTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("files", {"path": "x.json", "text": "{}"}),
    ("revert", {"change": 1}),
    ("presence", {}),
    ("check", {}),
    ("submit", {}),
    ("return", {"reason": "x"}),
    ("drop", {}),
    ("publish", {"in_force_from": "2026-06-01"}),
)


def test_without_the_permission_nothing_and_elsewhere_not_even_its_existence(people: People) -> None:
    draft = begun(people("a1"))
    worker, elsewhere = people("worker"), people("b3")
    problem(worker.get("/api/drafts"), 403, "draft.not-permitted")
    problem(worker.post("/api/drafts", json={"base": BASE, "key": KEY, "title": "x"}), 403, "draft.not-permitted")
    for path in ("", "/history", "/files/limits.json"):
        problem(worker.get(f"/api/drafts/{draft}{path}"), 403, "draft.not-permitted")
        told = [problem(elsewhere.get(f"/api/drafts/{id}{path}"), 404, "draft.unknown") for id in (draft, 999)]
        assert told[0]["detail"] == told[1]["detail"] == "未找到此草稿，或不在您的查看范围内。"
        assert told[0]["detail_en"] == "Not found, or outside your scope."
    for act, given in ACTS:
        problem(worker.post(f"/api/drafts/{draft}/{act}", json=given), 403, "draft.not-permitted")
        problem(elsewhere.post(f"/api/drafts/{draft}/{act}", json=given), 404, "draft.unknown")
    assert good(elsewhere.get("/api/drafts")) == {"drafts": []}


def test_only_the_publisher_approves_and_a_version_is_retired_only_at_home(people: People, studio: Studio) -> None:
    draft = studio.submitted()
    day = {"in_force_from": "2026-06-01"}
    problem(people("a2").post(f"/api/drafts/{draft}/publish", json=day), 403, "draft.not-permitted")
    good(people("a3").post(f"/api/drafts/{draft}/publish", json=day))
    given = {"last_day": "2026-12-31", "reason": "x"}
    problem(people("a1").post(f"/api/packs/{KEY}/retire", json=given), 403, "pack.not-permitted")
    problem(people("b3").post(f"/api/packs/{KEY}/retire", json=given), 404, "pack.unknown")
    problem(people("a3").post(f"/api/packs/{BASE}/retire", json=given), 403, "pack.not-permitted")
    for path in ("", "/files/limits.json"):
        told = problem(people("b1").get(f"/api/packs/{KEY}{path}"), 404, "pack.unknown")
        assert told["detail_en"] == "Not found, or outside your scope."


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_file_may_be_large_and_not_too_large(people: People) -> None:
    designer = people("a1")
    draft = begun(designer)
    content = "字" * (LARGEST_FILE // 3)
    given = {"path": "forms/large.json", "text": content}
    assert good(designer.post(f"/api/drafts/{draft}/files", json=given))["revision"] == 1
    more = designer.post(
        f"/api/drafts/{draft}/files", json={**given, "path": "forms/more.json", "text": content + "字"}
    )
    problem(more, 422, "draft.too-large")
    most = {**given, "path": "forms/most.json", "text": "x" * (LARGEST_FILE + 1)}
    problem(designer.post(f"/api/drafts/{draft}/files", json=most), 422, "request.fields")
    over = {**given, "path": "forms/over.json", "text": "x" * (17 * 1024 * 1024)}
    problem(designer.post(f"/api/drafts/{draft}/files", json=over), 413, "http.413")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_answers_hold_what_is_described_and_nothing_else(people: People, studio: Studio) -> None:
    designer, publisher = people("a1"), people("a3")
    studio.published()
    draft = begun(designer, "zhenjiang/2027-06-01")
    studio.redraw(draft)
    described: dict[str, type[BaseModel]] = {
        "packs": shapes.Packs,
        f"packs/{KEY}": shapes.PackWhole,
        f"packs/{KEY}/files/limits.json": shapes.PackFile,
        "drafts?ended=true": shapes.Drafts,
        f"drafts/{draft}": shapes.DraftWhole,
        f"drafts/{draft}/files/limits.json": shapes.PackFile,
        f"drafts/{draft}/history": shapes.DraftHistory,
    }
    acts: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
        "check": (shapes.DraftChecked, {"path": "roles.json", "text": "["}),
        "presence": (shapes.DraftPresence, {"path": "limits.json"}),
        "files": (shapes.DraftSaved, {"path": "forms/extra.json", "text": "{}"}),
        "revert": (shapes.DraftSaved, {"change": 2}),
        "submit": (shapes.DraftStanding, {}),
    }
    for path, shape in described.items():
        answer = designer.get(f"/api/{path}")
        assert list(undescribed(shape.model_validate_json(answer.data))) == [], path
    for act, (shape, given) in acts.items():
        answer = designer.post(f"/api/drafts/{draft}/{act}", json=given)
        assert list(undescribed(shape.model_validate_json(answer.data))) == [], act
    done = publisher.post(f"/api/drafts/{draft}/publish", json={"in_force_from": "2027-06-01"})
    assert list(undescribed(shapes.Published.model_validate_json(done.data))) == []


# -- the command line --------------------------------------------------------------------------------


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    return int(ended.value.code or 0), json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_verify_and_doctor_say_what_was_altered(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    studio.published()
    url = studio.store.url.render_as_string(hide_password=False)
    assert ran(capsys, "verify", "--json", "--database", url)[1]["findings"] == []
    with studio.engine.work() as work:
        mine = update(tables.pack).where(tables.pack.c.key == KEY)
        work.connection.execute(mine.values(in_force_from="2026-04-01"))
    status, told = ran(capsys, "verify", "--json", "--database", url)
    assert (status, [one["rule"] for one in told["findings"]]) == (1, ["pack.altered"])
    signs = ran(capsys, "doctor", "--json", "--database", url)[1]["signs"]
    packs = {one["value"]: one["level"] for one in signs if one["key"] == "pack"}
    assert (packs[BASE], packs["luzhou/2024-10-01"]) == ("good", "warning")
