"""Migrations over HTTP: impact, mapping, trial, the move, the report and back, by who may, each in their own area."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import drafts, tables
from engine.store import Store
from tests.acceptance.test_api import PASSWORD, Person, problem
from tests.integration.test_cases import MATTER
from tests.integration.test_migration import NEW, OLD, REDRAWN, Moving
from tests.towns import CITY, SOUTH
from tests.versions import version
from web import sessions
from web.app import create_app
from web.http import APIFlask
from web.settings import Settings

POSTS = {
    "de": ("designer", "office"),
    "pu": ("publisher", "office"),
    "ps": ("publisher", "south"),
    "ou": ("officer", "north-agency"),
}
"""Who asks, in which post; `ps` sees the south alone."""


@pytest.fixture
def moving(store: Store, tmp_path: Path) -> Iterator[Moving]:
    moving = Moving(store, tmp_path)
    moving.versions(MATTER, REDRAWN)
    held = {"valid_from": "2026-01-01", "recorded_at": moving.now}
    with moving.engine.work() as work:
        for person, (role, unit) in POSTS.items():
            if person != "ou":
                work.connection.execute(tables.person.insert(), {"id": person, "name": f"{person}某", **held})
                post = {"id": f"post-{person}", "person": person, "unit": unit, "role": role}
                work.connection.execute(tables.post.insert(), {**post, **held})
            account = {"login": person, "person": person, "password": HASHED, "created_at": work.now}
            work.connection.execute(tables.account.insert(), account)
    yield moving
    assert moving.faults() == []


HASHED = sessions.HASHER.hash(PASSWORD)


@pytest.fixture
def app(moving: Moving, tmp_path: Path) -> APIFlask:
    return create_app(moving.engine, Settings(tmp_path / "data", refusal_seconds=0))


class People(dict[str, Person]):
    """Everybody, signed in when first asked for."""

    def __init__(self, app: APIFlask, moving: Moving) -> None:
        super().__init__()
        self.app, self.moving = app, moving

    def __missing__(self, login: str) -> Person:
        self[login] = Person(self.app, self.moving.town, login)
        return self[login]


@pytest.fixture
def people(app: APIFlask, moving: Moving) -> People:
    return People(app, moving)


def test_from_the_impact_to_the_report_and_back(people: People, moving: Moving) -> None:
    stays, moves = moving.open(), moving.open()
    moving.complete("wang", stays, "verify", opinion="属实")
    before = moving.kept(moves)
    moving.pass_(hours=30)
    designer, publisher = people["de"], people["pu"]
    impact = designer.get(f"impact?from={OLD}&to={NEW}").get_json()
    assert (impact["from"], impact["to"], impact["area"], impact["open"]) == (OLD, NEW, CITY, 2)
    assert (impact["movable"], impact["choose"], impact["stays"], impact["exact"]) == (1, 1, 0, True)
    assert impact["late"] == {"now": 2, "under_new_limits": 1, "exact": True}
    rows = {row["node"]: row for row in impact["nodes"]}
    assert (rows["verify"]["to"], rows["verify"]["count"], rows["triage"]["choose"]) == ("verify", 1, 1)
    id = designer.post("migrations", {"from": OLD, "to": NEW}).get_json()["migration"]
    shown = designer.get(f"migrations/{id}").get_json()
    assert (shown["status"], shown["counts"]["waiting"]) == ("prepared", 2)
    assert [row["from"] for row in shown["mapping"]] == ["triage", "verify"]
    assert designer.post(f"migrations/{id}/trial").get_json()["status"] == "trying"
    moving.migrator.run()
    shown = designer.get(f"migrations/{id}").get_json()
    assert (shown["counts"]["movable"], shown["counts"]["stays"]) == (1, 1)
    assert "triage" in shown["reasons"][0]["zh"]
    chosen = designer.post(f"migrations/{id}/mapping", {"process": "matter", "from": "triage", "to": "sort"})
    assert {row["from"]: row["ground"] for row in chosen.get_json()["mapping"]}["triage"] == "chosen"
    taken_back = designer.post(f"migrations/{id}/mapping", {"process": "matter", "from": "triage", "to": None})
    assert {row["from"]: row["ground"] for row in taken_back.get_json()["mapping"]}["triage"] == "none"
    problem(designer.post(f"migrations/{id}/start"), 403, "migration.not-permitted")
    assert publisher.post(f"migrations/{id}/start").get_json()["status"] == "running"
    moving.migrator.run()
    shown = publisher.get(f"migrations/{id}").get_json()
    assert (shown["status"], shown["counts"]["moved"], shown["progress"]) == ("done", 1, {"done": 2, "of": 2})
    listed = publisher.get(f"migrations/{id}/cases?status=stays").get_json()
    assert [row["matter"] for row in listed["rows"]] == [f"2026-{stays:06d}"]
    assert listed["total"]["count"] == 1
    report = publisher.get(f"migrations/{id}/report").get_json()["migration"]
    assert (report["signed"]["counts"]["moved"], report["algorithm"]) == (1, "ed25519")
    assert moving.case(moves).pack == NEW
    assert publisher.post(f"migrations/{id}/undo").get_json()["status"] == "undoing"
    moving.migrator.run()
    assert publisher.get(f"migrations/{id}").get_json()["counts"]["undone"] == 1
    assert {**moving.kept(moves), "steps": 0} == {**before, "steps": 0}
    assert [one["id"] for one in publisher.get("migrations").get_json()["migrations"]] == [id]


def test_stopping_and_going_on(people: People, moving: Moving) -> None:
    for _ in range(3):
        moving.open()
    publisher = people["pu"]
    id = publisher.post("migrations", {"from": OLD, "to": NEW}).get_json()["migration"]
    problem(publisher.post(f"migrations/{id}/stop"), 409, "migration.status")
    publisher.post(f"migrations/{id}/start")
    moving.migrator.run_once(limit=1)
    assert publisher.post(f"migrations/{id}/stop").get_json()["progress"] == {"done": 1, "of": 3}
    problem(publisher.post(f"migrations/{id}/start"), 409, "migration.status")
    assert publisher.post(f"migrations/{id}/resume").get_json()["status"] == "running"
    moving.migrator.run()
    first = publisher.get(f"migrations/{id}/cases?size=2").get_json()
    second = publisher.get(f"migrations/{id}/cases?size=2&cursor={first['next']}").get_json()
    assert [row["status"] for row in first["rows"] + second["rows"]] == ["moved"] * 3
    assert second["next"] == ""


def test_who_may_not_and_who_does_not_see(people: People, moving: Moving) -> None:
    moving.open()
    id = people["pu"].post("migrations", {"from": OLD, "to": NEW}).get_json()["migration"]
    for verb in ("trial", "start", "stop", "resume", "undo"):
        problem(people["ou"].post(f"migrations/{id}/{verb}"), 403, "migration.not-permitted")
        problem(people["ps"].post(f"migrations/{id}/{verb}"), 404, "migration.unknown")
    for path in (f"migrations/{id}", f"migrations/{id}/cases", f"migrations/{id}/report"):
        problem(people["ps"].get(path), 404, "migration.unknown")
        problem(people["ou"].get(path), 403, "migration.not-permitted")
    assert people["ps"].get("migrations").get_json()["migrations"] == []
    problem(people["ou"].get("migrations"), 403, "migration.not-permitted")
    problem(people["ou"].get(f"impact?from={OLD}&to={NEW}"), 403, "migration.not-permitted")
    south = people["ps"].get(f"impact?from={OLD}&to={NEW}").get_json()
    assert (south["area"], south["open"]) == (SOUTH, 0)
    problem(people["ps"].post("migrations", {"from": OLD, "to": NEW, "area": CITY}), 422, "migration.area")
    problem(people["pu"].post("migrations", {"from": OLD, "to": "nowhere/2026-01-01"}), 404, "pack.unknown")
    problem(people["pu"].get("migrations/999"), 404, "migration.unknown")
    given = {"process": "matter", "from": "verify", "to": "nowhere"}
    problem(people["pu"].post(f"migrations/{id}/mapping", given), 422, "migration.no-such-node")


def test_the_impact_of_a_draft(people: People, moving: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft is read by others; here one is at hand."""
    moving.open()
    renamed = (
        MATTER.replace("user verify ", "user look name=verify ")
        .replace("verify ->", "look ->")
        .replace("-> verify", "-> look")
    )
    drawn = version(renamed)
    draft = drawn._replace(
        pack=drawn.pack.__class__(**{**_fields(drawn.pack), "key": "drawn/2026-09-01", "area": CITY})
    )
    monkeypatch.setattr(drafts, "standing", lambda *_: {"base": OLD})
    monkeypatch.setattr(drafts, "folder", lambda *_: draft)
    impact = people["de"].get("drafts/1/impact").get_json()
    (row,) = impact["nodes"]
    assert (impact["to"], row["node"], row["to"], row["ground"]) == ("drawn/2026-09-01", "verify", "look", "renamed")


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def test_the_document_names_every_endpoint(app: APIFlask) -> None:
    spec = json.loads(app.test_client().get("/openapi.json").data)
    given = spec["paths"]["/api/impact"]["get"]["parameters"]
    assert {"from", "to"} <= {one["name"] for one in given}
    for name in ("trial", "start", "stop", "resume", "undo", "mapping"):
        assert "post" in spec["paths"][f"/api/migrations/{{id}}/{name}"]
