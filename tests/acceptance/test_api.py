"""The JSON API as a portal uses it, on both databases: signing in, the verbs, one answer for what is missing and what
is out of sight, nothing done twice, refusals on record, problem documents, and files that mean harm."""

import io
import json
import logging
import re
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel
from werkzeug.test import TestResponse

from engine import attachments, casework, queries, records, tables
from engine.errors import Invalid
from engine.store import Store
from tests.towns import PEOPLE, Town
from web import sessions, shapes
from web.app import create_app
from web.http import APIFlask
from web.logs import JsonFormatter
from web.settings import Settings

PASSWORD = "correct horse battery"  # noqa: S105


@pytest.fixture(scope="session")
def password() -> str:
    """Hashed once: argon2 is slow on purpose."""
    return sessions.HASHER.hash(PASSWORD)


@pytest.fixture
def town(store: Store, password: str) -> Town:
    town = Town(store)
    with town.engine.work() as work:
        rows = [{"login": id, "person": id, "password": password, "created_at": work.now} for id in PEOPLE]
        work.connection.execute(tables.account.insert(), rows)
    return town


@pytest.fixture
def app(town: Town, tmp_path: Path) -> APIFlask:
    return create_app(town.engine, Settings(tmp_path / "data", refusal_seconds=0, largest_attachment=200_000))


class Person:
    """Somebody who is signed in with a bearer token."""

    def __init__(self, app: APIFlask, town: Town, login: str) -> None:
        self.client = app.test_client(use_cookies=False)
        with town.engine.work() as work:
            token, _ = sessions.begin(work, Settings(Path()), login, login)
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(f"/api/{path}", headers={**self.headers, **headers}, buffered=True)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"/api/{path}", json=body or {}, headers={**self.headers, **given})

    def upload(self, path: str, name: str, content: bytes, **headers: str) -> TestResponse:
        form = {"file": (io.BytesIO(content), name)}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"/api/{path}", data=form, headers={**self.headers, **given})


class People:
    """Everybody, signed in when first asked for."""

    def __init__(self, app: APIFlask, town: Town) -> None:
        self._app, self._town, self._known = app, town, dict[str, Person]()

    def __getattr__(self, login: str) -> Person:
        if login not in self._known:
            self._known[login] = Person(self._app, self._town, login)
        return self._known[login]


@pytest.fixture
def people(app: APIFlask, town: Town) -> People:
    return People(app, town)


def problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, with everything RFC 9457 and the console want."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    told: dict[str, Any] = answer.get_json()
    assert told["type"] == f"urn:wangge:problem:{code}"
    assert told["status"] == status
    assert told["instance"] == f"urn:wangge:request:{answer.headers['X-Request-Id']}"
    assert all(told[name] for name in ("title", "title_en", "detail", "detail_en", "request_id"))
    assert {"code", "findings", "details", "article"} <= told.keys()
    assert "Traceback" not in answer.text
    return told


def chain(town: Town, case: int) -> list[str]:
    with town.engine.look() as work:
        return [record.kind for record in records.chain(work.connection, f"case/{case}")]


# -- a matter from end to end ------------------------------------------------------------------------


def test_a_matter_through_the_api(people: People, town: Town) -> None:
    report = {"way_in": "discovered", "grid": "north-grid", "answer": {"title": "路面积水", "requester": "张三丰"}}
    number = people.wang.post("matters", report).get_json()["matter"]
    answers = [("wang", {"opinion": "属实"}), ("ou", {"department": "water"}), ("han", {"result": "好"}), ("ou", {})]
    for who, answer in answers:
        row = getattr(people, who).get("inbox").get_json()["rows"][0]
        assert row["matter"]["number"] == number
        claimed = getattr(people, who).post(f"steps/{row['id']}/claim", {"revision": row["revision"]}).get_json()
        done = {"revision": claimed["revision"], "answer": answer}
        assert getattr(people, who).post(f"steps/{row['id']}/complete", done).status_code == 200
    matter = people.ou.get(f"matters/{number}").get_json()
    assert matter["status"]["zh"] == "已办结"
    timeline = people.ou.get(f"matters/{number}/timeline")
    kinds = [one["kind"] for one in timeline.get_json()["records"]]
    assert kinds == ["opened", *["claimed", "completed"] * 4]
    assert "张三丰" not in timeline.text
    assert people.ou.get(f"matters/{number}/diagram").get_json()["visited"]["done"] == 1
    with town.engine.look() as work:
        assert records.proves(work.connection, 1) == []


def test_return_urge_and_requests(people: People, town: Town) -> None:
    case = town.open()
    town.hand_to("water", case)
    number, step = f"2026-{case:06d}", town.step(case)
    asked = {"kind": "extension", "reason": "材料未到", "step": step, "amount": 1, "unit": "working_day"}
    request = people.han.post(f"matters/{number}/requests", asked).get_json()["request"]
    assert [row["kind"] for row in people.ou.get("requests").get_json()["rows"]] == ["extension"]
    problem(people.han.post(f"requests/{request}/decide", {"grant": True, "reason": "好"}), 403, "request.own")
    assert people.ou.post(f"requests/{request}/decide", {"grant": True, "reason": "好"}).status_code == 200
    again = people.ou.post(f"requests/{request}/decide", {"grant": True, "reason": "好"})
    assert problem(again, 409, "request.decided")["details"]["by"] == "ou"
    assert people.ou.post(f"matters/{number}/urge", {"text": "请抓紧", "step": step}).status_code == 200
    revision = people.han.get(f"steps/{step}").get_json()["revision"]
    returned = people.han.post(f"steps/{step}/return", {"revision": revision, "answer": {"reason": "不属本单位"}})
    assert returned.status_code == 200
    assert chain(town, case)[3:] == ["extension-asked", "extension-granted", "urged", "return"]


def test_hand_over_withdraw_and_release(people: People, town: Town) -> None:
    case = town.open()
    town.hand_to("water", case)
    step = town.step(case)
    assert people.han.post(f"steps/{step}/claim", {"revision": 1}).get_json()["revision"] == 2
    assert people.han.post(f"steps/{step}/release", {"revision": 2}).get_json()["revision"] == 3
    give = {"revision": 3, "person": "hu", "reason": "出差"}
    problem(people.han.post(f"steps/{step}/delegate", give), 403, "step.not-yours")
    assert people.ou.post(f"steps/{step}/reassign", give).status_code == 200
    taken = {"revision": 4, "answer": {"reason": "派错"}}
    assert people.hu.post(f"steps/{step}/release", {"revision": 4}).status_code == 200
    problem(people.han.post(f"steps/{step}/withdraw", {**taken, "revision": 5}), 403, "step.not-sender")
    assert people.ou.post(f"steps/{step}/escalate/withdraw", {**taken, "revision": 5}).status_code == 200
    assert chain(town, case)[-1] == "withdraw"


# -- out of sight ------------------------------------------------------------------------------------

WRITES = [
    ("steps/{step}/claim", {"revision": 1}),
    ("steps/{step}/release", {"revision": 1}),
    ("steps/{step}/complete", {"revision": 1, "answer": {"opinion": "好"}}),
    ("steps/{step}/return", {"revision": 1, "answer": {"reason": "好"}}),
    ("steps/{step}/withdraw", {"revision": 1, "answer": {"reason": "好"}}),
    ("steps/{step}/escalate/dispute", {"revision": 1}),
    ("steps/{step}/reassign", {"revision": 1, "person": "wei", "reason": "好"}),
    ("steps/{step}/delegate", {"revision": 1, "person": "wei", "reason": "好"}),
    ("matters/{number}/messages/emergency", {}),
    ("matters/{number}/urge", {"text": "好"}),
    ("matters/{number}/supervise", {"unit": "water", "opinion": "好"}),
    ("matters/{number}/merge", {"main": "2026-000001", "reason": "好"}),
    ("matters/{number}/requests", {"kind": "void", "reason": "好"}),
    ("requests/{request}/decide", {"grant": True, "reason": "好"}),
    ("incidents/{incident}/retry", {}),
    ("incidents/{incident}/give-up", {"reason": "好"}),
]
READS = [
    "matters/{number}",
    "matters/{number}/timeline",
    "matters/{number}/diagram",
    "steps/{step}",
    "attachments/{file}",
]


def test_another_township_sees_nothing_and_changes_nothing(people: People, town: Town) -> None:
    case = town.open()
    number = f"2026-{case:06d}"
    file = people.wang.upload(f"matters/{number}/attachments", "a.txt", b"abc").get_json()["attachment"]
    request = people.wang.post(f"matters/{number}/requests", {"kind": "void", "reason": "好"}).get_json()["request"]
    with town.engine.work() as work:
        row = {"case": case, "node": "verify", "code": "x", "text": "错误", "opened_at": town.now, "token": 1}
        work.connection.execute(tables.incident.insert(), row)
    here = {"number": number, "step": town.step(case), "file": file, "request": request, "incident": 1}
    nowhere = dict.fromkeys(here, 4711)
    before = chain(town, case)
    for path in READS:
        assert people.ou.get(path.format(**here)).status_code == 200, path
        unseen = problem(people.song.get(path.format(**here)), 404, "matter.unknown")
        missing = problem(people.song.get(path.format(**nowhere)), 404, "matter.unknown")
        assert unseen["detail"] == missing["detail"] == "未找到此事项，或不在您的查看范围内。"
    for path, body in WRITES:
        problem(people.song.post(path.format(**here), body), 404, "matter.unknown")
        problem(people.song.post(path.format(**nowhere), body), 404, "matter.unknown")
    problem(people.song.upload(f"matters/{number}/attachments", "a.txt", b"abc"), 404, "matter.unknown")
    for listing in ("inbox", "inbox?scope=unit", "inbox?scope=others", "overdue", "matters", "requests", "incidents"):
        page = people.song.get(listing).get_json()
        assert (page["rows"], page["total"]["count"]) == ([], 0), listing
        assert all(one["count"] == 0 for one in page.get("counts", {}).values())
    assert all(one["total"]["count"] == 0 for one in people.song.get("stuck").get_json()["causes"])
    assert chain(town, case) == before


def test_every_address_wants_somebody_signed_in(app: APIFlask) -> None:
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<int:id>", "1").replace("<number>", "1").replace("<name>", "x").replace("<code>", "x")
        if not path.startswith("/api/") or path == "/api/sessions" or path.startswith("/api/public/"):
            continue
        for method in (rule.methods or set()) & {"GET", "POST", "DELETE"}:
            for headers in ({}, {"Authorization": "Bearer x"}, {"Cookie": "wangge_session=x"}):
                answer = client.open(path, method=method, headers=headers, json=None if method == "GET" else {})
                problem(answer, 401, "session.none")


MATTER = {"way_in": "discovered", "grid": "north-grid", "answer": {"title": "路面积水"}}


# -- once, in order, on record -----------------------------------------------------------------------


def test_the_same_key_does_nothing_twice(people: People, town: Town) -> None:
    first = people.wang.post("matters", MATTER, Idempotency_Key="k-1")
    again = people.wang.post("matters", MATTER, Idempotency_Key="k-1")
    assert first.status_code == again.status_code == 200
    assert first.get_json() == again.get_json()
    assert first.get_json()["matter"] == "2026-000001"
    other = {**MATTER, "answer": {"title": "别的"}}
    told = problem(people.wang.post("matters", other, Idempotency_Key="k-1"), 422, "request.key-reused")
    assert "Idempotency-Key" in told["detail"]
    assert people.wei.post("matters", MATTER, Idempotency_Key="k-1").get_json()["matter"] == "2026-000002"
    assert people.ou.get("matters").get_json()["total"]["count"] == 2
    problem(people.wang.post("matters", MATTER, Idempotency_Key="k" * 121), 422, "request.key-length")


def test_the_same_key_at_the_same_moment_does_nothing_twice(people: People, town: Town) -> None:
    with ThreadPoolExecutor(4) as pool:
        wang = people.wang
        answers = list(pool.map(lambda _: wang.post("matters", MATTER, Idempotency_Key="k"), range(4)))
    assert {answer.get_json()["matter"] for answer in answers} == {"2026-000001"}
    assert people.ou.get("matters").get_json()["total"]["count"] == 1


def test_a_key_of_something_that_failed_can_be_used_again(people: People, town: Town) -> None:
    case = town.open()
    step = town.step(case)
    wrong = people.wang.post(f"steps/{step}/complete", {"revision": 1, "answer": {}}, Idempotency_Key="k")
    assert [one["element"] for one in problem(wrong, 422, "form.answer")["findings"]] == ["opinion"]
    right = {"revision": 1, "answer": {"opinion": "属实"}}
    assert people.wang.post(f"steps/{step}/complete", right, Idempotency_Key="k").status_code == 200
    assert people.wang.post(f"steps/{step}/complete", right, Idempotency_Key="k").status_code == 200
    assert chain(town, case) == ["opened", "completed"]


def test_who_comes_second_learns_who_was_first(people: People, town: Town) -> None:
    case = town.open()
    step = town.step(case)
    assert people.wang.post(f"steps/{step}/complete", {"revision": 1, "answer": {"opinion": "属实"}}).status_code == 200
    told = problem(
        people.wei.post(f"steps/{step}/complete", {"revision": 1, "answer": {"opinion": "不"}}), 409, "step.closed"
    )
    assert "wang某已于" in told["detail"]
    assert told["details"]["by"] == "wang"
    assert told["details"]["at"].startswith("2026-03-02T")


def test_a_stale_revision_is_a_conflict(people: People, town: Town) -> None:
    step = town.step(town.open())
    assert people.wang.post(f"steps/{step}/claim", {"revision": 1}).status_code == 200
    told = problem(people.wei.post(f"steps/{step}/claim", {"revision": 1}), 409, "step.changed")
    assert told["details"]["person"] == "wang"


def test_a_refusal_is_on_record_and_nothing_else(people: People, town: Town) -> None:
    case = town.open()
    town.hand_to("water", case)
    step = town.step(case)
    people.han.post(f"steps/{step}/claim", {"revision": 1})
    before = chain(town, case)
    told = people.ou.post(f"steps/{step}/withdraw", {"revision": 2, "answer": {"reason": "派错"}}, Idempotency_Key="k")
    problem(told, 422, "step.signed-for")
    assert chain(town, case) == [*before, "refused"]
    with town.engine.look() as work:
        last = list(records.chain(work.connection, f"case/{case}"))[-1]
        assert last.detail == {"verb": "withdraw", "code": "step.signed-for", "article": ""}
        assert last.actor == "ou"
        assert queries.seen_step(work, town.actor("han"), step).id == case
        assert work.connection.execute(tables.answer.select()).all() == []


def test_a_missing_form_field_is_not_a_refusal(people: People, town: Town) -> None:
    case = town.open()
    people.wang.post(f"steps/{town.step(case)}/complete", {"revision": 1, "answer": {}})
    assert chain(town, case) == ["opened"]


# -- signing in --------------------------------------------------------------------------------------


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    return app.test_client()


def sign_in(client: FlaskClient, login: str, password: str = PASSWORD) -> TestResponse:
    return client.post("/api/sessions", json={"login": login, "password": password})


def test_sign_in_and_out(client: FlaskClient, town: Town) -> None:
    answer = sign_in(client, "wang")
    assert answer.status_code == 201
    cookie = answer.headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/", "wangge_session="))
    token = answer.get_json()["token"]
    me = client.get("/api/me", headers={"Authorization": f"Bearer {token}"}).get_json()
    assert me["person"] == {"id": "wang", "name": "wang某"}
    assert [post["id"] for post in me["posts"]] == ["post-wang"]
    assert me["post"]["role"]["zh"] == "网格员"
    assert me["post"]["whole_area"] is False
    with town.engine.look() as work:
        assert token not in str(work.connection.execute(tables.session.select()).all())
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.delete("/api/sessions/current", headers=bearer).status_code == 200
    problem(client.get("/api/me", headers=bearer), 401, "session.none")


def test_a_session_ends(client: FlaskClient, town: Town) -> None:
    token = sign_in(client, "wang").get_json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    town.pass_(hours=11, minutes=59)
    assert client.get("/api/me", headers=bearer).status_code == 200
    town.pass_(minutes=1)
    problem(client.get("/api/me", headers=bearer), 401, "session.none")


def test_whatever_is_wrong_gets_one_answer(client: FlaskClient) -> None:
    wrong = problem(sign_in(client, "wang", "x"), 401, "session.refused")
    unknown = problem(sign_in(client, "nobody", "x"), 401, "session.refused")
    assert wrong["detail"] == unknown["detail"]


def test_five_wrong_passwords_lock_for_a_quarter_of_an_hour(client: FlaskClient, town: Town) -> None:
    for _ in range(4):
        sign_in(client, "wang", "x")
    assert sign_in(client, "wang").status_code == 201
    for _ in range(5):
        problem(sign_in(client, "wang", "x"), 401, "session.refused")
    locked = problem(sign_in(client, "wang"), 401, "session.refused")
    assert locked["detail"] == problem(sign_in(client, "nobody"), 401, "session.refused")["detail"]
    assert sign_in(client, "wei").status_code == 201
    town.pass_(minutes=14)
    problem(sign_in(client, "wang"), 401, "session.refused")
    town.pass_(minutes=1)
    assert sign_in(client, "wang").status_code == 201


def test_a_refused_sign_in_takes_its_time(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("web.sessions.time.sleep", waits.append)
    monkeypatch.setattr("web.sessions.time.monotonic", lambda: 0.0)
    client = create_app(town.engine, Settings(tmp_path)).test_client()
    for login, password in (("wang", "x"), ("nobody", "x")):
        sign_in(client, login, password)
    assert waits == [0.5, 0.5]


def test_the_cookie_alone_does_not_write(client: FlaskClient, town: Town) -> None:
    sign_in(client, "wang")
    url = {"base_url": "https://localhost"}
    assert client.get("/api/inbox", **url).status_code == 200
    problem(client.post("/api/matters", json=MATTER, **url), 403, "session.foreign-page")
    foreign = {"Origin": "https://evil.example"}
    problem(client.post("/api/matters", json=MATTER, headers=foreign, **url), 403, "session.foreign-page")
    for headers in ({"Origin": "https://localhost"}, {"X-Requested-With": "wangge"}):
        assert client.post("/api/matters", json=MATTER, headers=headers, **url).status_code == 200


def test_a_form_of_a_foreign_page_is_not_json(client: FlaskClient) -> None:
    body = json.dumps({"login": "wang", "password": PASSWORD})
    problem(client.post("/api/sessions", data=body, content_type="text/plain"), 415, "http.415")


def test_the_post_can_be_chosen_but_only_ones_own(people: People, town: Town) -> None:
    with town.engine.work() as work:
        held = {"valid_from": "2026-01-01", "recorded_at": work.now - timedelta(days=1)}
        row = {"id": "second", "person": "wang", "role": "handler", "unit": "water", **held}
        work.connection.execute(tables.post.insert(), row)
    case = town.open()
    town.hand_to("water", case)
    assert people.wang.get("inbox").get_json()["rows"] == []
    chosen = {"X-Wangge-Post": "second"}
    assert len(people.wang.get("inbox", **chosen).get_json()["rows"]) == 1
    assert people.wang.get("me", **chosen).get_json()["post"]["id"] == "second"
    problem(people.wang.get("inbox", **{"X-Wangge-Post": "post-ou"}), 403, "directory.no-such-post")


def test_accounts(town: Town) -> None:
    with town.engine.work() as work:
        sessions.create_account(work, "new", "wang", PASSWORD)
        for login, password in (("new", PASSWORD), ("short", "123456789")):
            with pytest.raises(Invalid):
                sessions.create_account(work, login, "wang", password)
        sessions.begin(work, Settings(Path()), "new", "wang")
        sessions.set_password(work, "new", "another password")
        assert work.connection.execute(tables.session.select()).all() == []


# -- files -------------------------------------------------------------------------------------------


def office(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return content.getvalue()


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
DOCX = office("[Content_Types].xml", "word/document.xml")

TAKEN = {
    "照片.png": (PNG, "image/png", "照片.png"),
    "a.jpg": (b"\xff\xd8\xff\xe0" + b"\0" * 20, "image/jpeg", "a.jpg"),
    "b.webp": (b"RIFF\x04\0\0\0WEBPVP8 ", "image/webp", "b.webp"),
    "c.pdf": (b"%PDF-1.7\n...", "application/pdf", "c.pdf"),
    "d.mp4": (b"\0\0\0\x18ftypmp42\0\0\0\0", "video/mp4", "d.mp4"),
    "e.docx": (DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "e.docx"),
    "f.txt": ("积水".encode("gb18030"), "text/plain", "f.txt"),
    "g.exe": (b"only words", "text/plain", "g.exe.txt"),
    "../../etc/passwd": (b"root", "text/plain", "passwd.txt"),
    "gnp.\u202eexe.png": (PNG, "image/png", "gnp.exe.png"),
}


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("name", TAKEN)
def test_files_are_taken_by_what_they_are(people: People, town: Town, tmp_path: Path, name: str) -> None:
    content, media_type, kept = TAKEN[name]
    case = town.open()
    number = f"2026-{case:06d}"
    added = people.wang.upload(f"matters/{number}/attachments", name, content)
    assert added.status_code == 200, added.text
    attachment = people.ou.get(f"matters/{number}").get_json()["attachments"][0]
    assert (attachment["name"], attachment["media_type"], attachment["size"]) == (kept, media_type, len(content))
    fetched = people.ou.get(f"attachments/{added.get_json()['attachment']}")
    assert fetched.data == content
    assert fetched.headers["Content-Disposition"].startswith("attachment")
    assert fetched.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in fetched.headers["Content-Security-Policy"]
    assert fetched.mimetype == media_type
    stored = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert [path.name for path in stored] == [attachment["sha256"]]
    assert chain(town, case) == ["opened", "attached"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("C:\\x\\h.png", "h.png"),
        ("/etc/a.png", "a.png"),
        ("", "附件.png"),
        ("...", "附件.png"),
        ("a\x00\n.PNG", "a.PNG"),
        ("长" * 300 + ".png", "长" * 146 + ".png"),
        ("a.png.", "a.png"),
        ("<b>.png", "b.png"),
    ],
)
def test_names_of_files_mislead_nobody(name: str, kept: str) -> None:
    assert attachments.safe_name(name, "image/png") == kept


HOSTILE = {
    "page.html": b"<!DOCTYPE html><script>alert(1)</script>",
    "page.txt": b"hello <ScRiPt >alert(1)</script>",
    "drawing.svg": b"<svg onload='x'/>",
    "photo.png": b"MZ\x90\0program",
    "photo.jpg": b"GIF89a....\0",
    "empty.txt": b"",
    "archive.zip": office("readme.txt"),
    "macro.docx": office("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
    "broken.docx": DOCX[:-10],
    "quick.mov": b"\0\0\0\x14ftypqt  \0\0\0\0",
    "long.docx": office("[Content_Types].xml", "word/document.xml", *(f"{number:060d}" for number in range(600))),
}


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("name", HOSTILE)
def test_files_that_are_something_else_leave_no_trace(
    people: People, town: Town, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.attachments.LARGEST_DIRECTORY", 50_000)
    case = town.open()
    answer = people.wang.upload(f"matters/2026-{case:06d}/attachments", name, HOSTILE[name])
    code = "attachment.empty" if name == "empty.txt" else "attachment.kind"
    problem(answer, 422, code)
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []
    assert chain(town, case) == ["opened"]


def test_a_file_that_is_too_large(people: People, town: Town, tmp_path: Path) -> None:
    number = f"2026-{town.open():06d}"
    for size, code in ((200_001, "attachment.too-large"), (300_000, "http.413")):
        problem(people.wang.upload(f"matters/{number}/attachments", "a.txt", b"a" * size), 413, code)
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []


def test_the_same_file_twice_lies_there_once(people: People, town: Town, tmp_path: Path) -> None:
    number = f"2026-{town.open():06d}"
    for key in ("a", "a", "b"):
        assert people.wang.upload(f"matters/{number}/attachments", "a.png", PNG, Idempotency_Key=key).status_code == 200
    assert len([path for path in (tmp_path / "data").rglob("*") if path.is_file()]) == 1
    assert len(people.wang.get(f"matters/{number}").get_json()["attachments"]) == 2
    problem(people.wang.post(f"matters/{number}/attachments"), 400, "attachment.none")


# -- the manner of answers ---------------------------------------------------------------------------


def test_lists_answer_304_while_nothing_changes(people: People, town: Town) -> None:
    town.open()
    first = people.ou.get("matters")
    unchanged = people.ou.get("matters", **{"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    town.open()
    assert people.ou.get("matters", **{"If-None-Match": first.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [("size=0", "size"), ("size=201", "size"), ("scope=all", "scope"), ("color=red", "color"), ("flag=x", "flag")],
)
def test_a_query_that_is_not_right_names_its_field(people: People, query: str, field: str) -> None:
    told = problem(people.ou.get(f"inbox?{query}"), 422, "request.fields")
    assert [one["element"] for one in told["findings"]] == [field]
    assert told["findings"][0]["message"].startswith(f"“{field}”")


def test_what_http_itself_refuses_is_a_problem_too(people: People, client: FlaskClient) -> None:
    problem(people.ou.get("nothing"), 404, "http.404")
    problem(people.ou.client.put("/api/inbox", json={}), 405, "http.405")
    problem(client.post("/api/sessions", data="{", content_type="application/json"), 400, "http.400")
    problem(client.post("/api/sessions", json={"login": "x" * 2_000_000}), 413, "http.413")


def test_an_inner_error_tells_nothing(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("张三丰 secret")

    monkeypatch.setattr(queries, "stuck", fail)
    answer = people.ou.get("stuck")
    problem(answer, 500, "http.500")
    assert "secret" not in answer.text


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_log_is_json_and_quotes_nobody(
    people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("张三丰")

    monkeypatch.setattr(queries, "matters", fail)
    with caplog.at_level(logging.INFO, logger="wangge.web"):
        answer = people.ou.get("matters?text=张三丰", **{"X-Request-Id": "abcdefgh"})
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    assert "张三丰" not in json.dumps(lines, ensure_ascii=False)
    failed, asked = lines
    assert failed["error"] == "KeyError"
    assert any(" fail" in place for place in failed["where"])
    assert {line["request_id"] for line in lines} == {answer.headers["X-Request-Id"]} == {"abcdefgh"}
    assert (asked["route"], asked["status"], asked["person"]) == ("/api/matters", 500, "ou")
    assert asked["milliseconds"] > 0


def test_headers_of_every_answer(client: FlaskClient) -> None:
    answer = client.get("/livez", headers={"X-Request-Id": "portal-12345"})
    assert answer.headers["X-Request-Id"] == "portal-12345"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert client.get("/livez", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"] != "a b"


# -- health ------------------------------------------------------------------------------------------


def test_ready_only_while_the_clock_beats(client: FlaskClient, town: Town) -> None:
    assert client.get("/livez").get_json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 503
    with town.engine.work() as work:
        row = {"key": "heartbeat/node", "value": json.dumps({"time": work.now.isoformat(), "every": 5})}
        work.connection.execute(tables.setting.insert(), row)
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["clock"]) == (200, True)
    town.pass_(seconds=61)
    assert client.get("/readyz").status_code == 503


def test_metrics_for_this_computer_or_with_a_token(client: FlaskClient, town: Town, tmp_path: Path) -> None:
    town.open("north", "张三丰家门口")
    client.get("/api/matters/2026-000001")
    told = client.get("/metrics").text
    assert "wangge_open_steps 1.0" in told
    assert 'route="/api/matters/<number>"' in told
    assert "张三丰" not in told
    assert "2026-000001" not in told
    problem(client.get("/metrics", environ_base={"REMOTE_ADDR": "10.0.0.9"}), 404, "http.404")
    problem(client.get("/metrics", headers={"X-Forwarded-For": "1.2.3.4"}), 404, "http.404")
    settings = Settings(tmp_path, metrics_token="m3trics")  # noqa: S106
    guarded = create_app(town.engine, settings).test_client()
    problem(guarded.get("/metrics"), 404, "http.404")
    problem(guarded.get("/metrics", headers={"Authorization": "Bearer 好"}), 404, "http.404")
    assert guarded.get("/metrics", headers={"Authorization": "Bearer m3trics"}).status_code == 200


# -- the document ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_whom_and_which_places_one_can_name(people: People, town: Town) -> None:
    areas = people.ou.get("areas").get_json()["areas"]
    units = people.ou.get("units").get_json()["units"]
    me = people.ou.get("me").get_json()["post"]
    assert {one["kind"] for one in areas} <= {"division", "functional_area", "grid", "micro_grid"}
    assert me["area_name"] == next(one["name"] for one in areas if one["area"] == me["area"])
    assert me["unit"]["id"] in {one["id"] for one in units}
    assert not {one["id"] for one in units} & {one["id"] for one in areas}
    posts = people.ou.get("colleagues").get_json()["colleagues"]
    own = next(one for one in posts if one["id"] == me["id"])
    assert own["role"]["zh"] == me["role"]["zh"]
    foreign = [
        one for one in areas if not one["area"].startswith(me["area"]) and not me["area"].startswith(one["area"])
    ]
    assert foreign == []


def test_the_openapi_document_holds_together(app: APIFlask) -> None:
    document = app.test_client().get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    ids = []
    for path, methods in document["paths"].items():
        named = {part.strip("{}") for part in path.split("/") if part.startswith("{")}
        for method, operation in methods.items():
            ids.append(operation["operationId"])
            declared = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert declared == named, path
            assert any(status.startswith("2") for status in operation["responses"]), (method, path)
            assert all(one.get("description") for one in operation["responses"].values()), path
            assert path.startswith("/api/public/") <= ("security" not in operation), path
            if path.startswith("/api/") and path != "/api/sessions" and not path.startswith("/api/public/"):
                assert operation["security"] == [{"bearer": []}, {"cookie": []}], path
                assert "application/problem+json" in operation["responses"]["401"]["content"]
            if method == "post":
                assert operation["requestBody"]["content"], path
    assert len(ids) == len(set(ids))
    for reference in references(document):
        assert resolves(document, reference), reference
    served = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    assert {path for path in served if path.startswith("/api/")} <= document["paths"].keys()


@pytest.mark.parametrize(("act", "status"), [("retry", "waiting"), ("give-up", "given_up")])
def test_a_message_that_was_not_delivered_is_sent_again_or_left_and_its_matter_goes_on(
    people: People, town: Town, act: str, status: str
) -> None:
    case = town.open()
    job = {"key": "k", "case": case, "kind": "message", "body": "{}", "status": "given_up", "attempts": 9}
    with town.engine.work() as work:
        sent = work.connection.execute(tables.outbox.insert(), {**job, "due_at": town.now}).inserted_primary_key
        casework.open_incident(work, case, "tell", "message.undelivered", "未送达", outbox=sent[0] if sent else None)
    (incident,) = people.ou.get("incidents").get_json()["rows"]
    said = {"reason": "已电话告知"} if act == "give-up" else {}
    assert people.ou.post(f"incidents/{incident['id']}/{act}", said).status_code == 200
    with town.engine.look() as work:
        assert work.connection.execute(tables.outbox.select()).one().status == status
        assert work.connection.execute(tables.case.select()).one().closed_at is None
    assert people.ou.get("incidents").get_json()["rows"] == []
    assert chain(town, case)[-2:] == ["incident-opened", "job-retried" if act == "retry" else "job-given-up"]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_answers_hold_what_is_described_and_nothing_else(people: People, town: Town) -> None:
    case = town.open(requester="张三")
    number, step = f"2026-{case:06d}", town.step(case)
    people.wang.upload(f"matters/{number}/attachments", "a.png", PNG)
    people.wang.post(f"matters/{number}/requests", {"kind": "void", "reason": "好"})
    duplicate = tables.case.update().where(tables.case.c.id == town.open())
    with town.engine.work() as work:
        row = {"case": case, "node": "verify", "code": "x", "text": "错误", "opened_at": town.now, "token": 1}
        work.connection.execute(tables.incident.insert(), row)
        work.connection.execute(duplicate, {"merged_into": case})
    town.pass_(days=9)
    described: dict[str, type[BaseModel]] = {
        "me": shapes.Me,
        "inbox?scope=others": shapes.Steps,
        "overdue": shapes.Steps,
        "matters": shapes.Matters,
        "requests": shapes.Requests,
        "incidents": shapes.Incidents,
        "stuck": shapes.Stuck,
        f"matters/{number}": shapes.WholeMatter,
        f"matters/{number}/timeline": shapes.Timeline,
        f"matters/{number}/diagram": shapes.Diagram,
        f"steps/{step}": shapes.WholeStep,
    }
    for path, shape in described.items():
        answer = people.ou.get(path)
        assert answer.status_code == 200, answer.text
        assert list(undescribed(shape.model_validate_json(answer.data))) == [], path


def undescribed(value: Any) -> Iterator[str]:
    """The fields of an answer that its shape does not know."""
    if isinstance(value, BaseModel):
        yield from value.model_extra or ()
        yield from undescribed([getattr(value, name) for name in type(value).model_fields])
    elif isinstance(value, list):
        for item in value:
            yield from undescribed(item)
    elif isinstance(value, dict):
        yield from undescribed(list(value.values()))


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolves(document: Any, reference: str) -> bool:
    here = document
    for part in reference.removeprefix("#/").split("/"):
        here = here.get(part) if isinstance(here, dict) else None
    return here is not None
