"""Requests of citizens and organisations: through the portal without a name, through a worker, followed with a code,
graded and rejected once (JS-29.1, ZJD-12(2), scenario 11)."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from engine import queries, registers
from engine.errors import Invalid, NotFound, Refused
from handlers import citizens
from handlers.citizens import Asked, Taken
from tests.articles.proof import Data, Edit, article
from tests.places import Place
from web.app import create_app
from web.problems import TooMany
from web.public_requests import Throttle
from web.settings import Settings

ZJ, ZJD, JS = "zhenjiang/2026-01-01", "zhenjiang/2025-draft", "jiangsu/2021-01-01"
X3, LZ = "unnamed-2023/2023-01-01", "luzhou/2024-10-01"
PACKS = (ZJ, ZJD, JS, X3, LZ)

every_pack = pytest.mark.parametrize("place", [pytest.param((key, ()), id=key) for key in PACKS], indirect=True)


def submit(place: Place, what: str = "楼道堵了，请清理", **more: str) -> Taken:
    """Somebody brings something in."""
    with place.engine.look() as work:
        code = work.directory.unit(place.grid).code
    taken: Taken = place.act(lambda work: citizens.submit(work, Asked(code, what, **more), pack=place.draft))
    return taken


def progress(place: Place, code: str) -> dict[str, Any]:
    with place.engine.look() as work:
        return citizens.progress(work, code)


ANSWERS: dict[str, dict[str, Any]] = {
    "verify": {"verify_outcome": "substantiated"},
    "triage": {"triage_outcome": "coordinate"},
    "circulate": {"circulate_outcome": "handle_here"},
    "coordinate": {"coordinate_outcome": "completed"},
    "check": {"check_outcome": "passed"},
    "close": {"closing_kind": "normal", "solved": True},
}


def work_through(place: Place, case: int, until: str) -> None:
    """Whoever's turn it is answers, by the shortest way, until a step is open."""
    for _ in range(12):
        open_ = place.steps(case)
        if until in open_ or not open_:
            break
        node = next(iter(open_))
        place.complete(case, node, **ANSWERS.get(node, {}))
    assert until in place.steps(case) or until == "", place.steps(case).keys()


def inform(place: Place, case: int, content: str = "已清理完毕") -> None:
    work_through(place, case, "inform")
    place.complete(case, "inform", inform_outcome="informed", channel="platform", content=content,
                   informed_at=place.now.isoformat())  # fmt: skip


# -- everybody may, without a name -------------------------------------------------------------------


def no_requests(manifest: dict[str, Any]) -> None:
    manifest["ways_in"] = [way for way in manifest["ways_in"] if way["event"] != "request_received"]


@article("JS-29.1a", off=Data("manifest.json", no_requests), pack=JS)
def test_anybody_brings_in_a_request_through_the_portal(place: Place) -> None:
    taken = submit(place)
    assert place.case(taken.case).way_in == "request_received"
    assert place.facts(taken.case)["has_requester"] is True
    assert not {"requester_name", "requester_contact"} & place.records(taken.case)[0].sealed.keys()
    assert place.records(taken.case)[0].actor == "portal"
    told = progress(place, taken.code)
    assert [step["office"]["zh"] for step in told["steps"]] == ["镇街网格化治理机构"]


@article("JS-29.1a", off=Data("manifest.json", no_requests), pack=ZJ)
def test_a_request_off_the_list_reaches_the_agency_in_zhenjiang(place: Place) -> None:
    case = submit(place, matter_type="something_else").case
    assert place.facts(case)["listed"] is False
    assert {row.unit for rows in place.steps(case).values() for row in rows} == {place.township}


NOT_BY_WORKER = Edit("matter.bpmn", ">through_worker<", ">through_worker and urgency == 'none'<")


@article("JS-29.1b", off=NOT_BY_WORKER, pack=ZJ)
def test_what_is_told_to_a_worker_is_entered_and_verified_by_the_worker(place: Place) -> None:
    case = place.report(place.worker(), "request_received", request="要求装路灯", has_requester=True)
    first = place.records(case)[0]
    assert (first.actor, place.facts(case)["through_worker"]) == (place.worker(), True)
    assert place.step(case, "verify").unit == place.grid


@article("ZJD-12(2)", off=NOT_BY_WORKER, pack=ZJD)
def test_a_worker_collects_needs_settles_what_can_be_and_reports_the_rest(place: Place) -> None:
    for outcome, ends in (("handled", "check"), ("cannot_handle", "escalate")):
        need = {"matter_type": "corridor_clutter", "request": "楼道堵了", "has_requester": True}
        case = place.report(place.worker(), "request_received", **need)
        place.complete(case, "verify", verify_outcome="substantiated")
        place.complete(case, "register", urgency="ordinary")
        place.complete(case, "self_handle", self_handle_outcome=outcome)
        assert ends in place.steps(case), place.steps(case).keys()
    place.complete(case, "escalate")
    assert {row.unit for rows in place.steps(case).values() for row in rows} == {place.township}


# -- the code ----------------------------------------------------------------------------------------


@every_pack
def test_a_request_can_be_followed_to_its_end(place: Place) -> None:
    taken = submit(place, name="张三丰", contact="13812345600")
    before = progress(place, taken.code)
    assert before["result"] is None
    assert not before["may_grade"]
    assert all(step["since"] == place.now.isoformat() for step in before["steps"])
    place.now += timedelta(hours=1)
    inform(place, taken.case)
    after = progress(place, taken.code.lower()[:4] + "-" + taken.code[4:])
    assert after["result"] == {"informed": True, "at": place.now.isoformat(), "content": "已清理完毕"}
    work_through(place, taken.case, "")
    done = progress(place, taken.code)
    assert (done["finished_at"], done["steps"]) == (place.now.isoformat(), [])
    words = str(before) + str(after) + str(done)
    names = ["张三丰", "138", "duty", "ga-", place.person("duty_officer", place.township), "opinion"]
    assert not [name for name in names if name in words]


@every_pack
def test_only_the_hash_of_a_code_is_kept(place: Place) -> None:
    taken = submit(place)
    assert len(taken.code) == 12
    assert not set("01OIL") & set(taken.code)
    with place.engine.look() as work:
        kept = registers.holding(work, "query_code")
        timeline = queries.timeline(work, place.actor(place.person("duty_officer", place.township)), taken.case)
    assert [entry.case for entry in kept] == [taken.case]
    assert taken.code not in str(kept) + str(timeline)
    assert submit(place).code != taken.code


@every_pack
def test_a_wrong_code_gets_one_answer(place: Place) -> None:
    code = submit(place).code
    said = set()
    for wrong in ("", "x", code[:-1], code[::-1], "2" * 12):
        with pytest.raises(NotFound) as caught:
            progress(place, wrong)
        said.add(caught.value.words)
    assert len(said) == 1


@every_pack
def test_who_left_no_way_to_be_reached_cannot_be_informed_and_that_is_said(place: Place) -> None:
    taken = submit(place)
    work_through(place, taken.case, "inform")
    with pytest.raises(Invalid):
        place.complete(taken.case, "inform", inform_outcome="cannot_be_informed")
    place.complete(taken.case, "inform", inform_outcome="cannot_be_informed", reason="匿名，未留联系方式")
    told = progress(place, taken.code)["result"]
    assert (told["informed"], told["content"]) == (False, None)
    work_through(place, taken.case, "")
    assert place.case(taken.case).closed_at is not None


# -- satisfied, and not ------------------------------------------------------------------------------


@every_pack
def test_a_result_is_graded_once_and_solved_is_another_thing(place: Place) -> None:
    taken = submit(place)
    with pytest.raises(Refused) as early:
        place.act(citizens.grade, taken.code, "satisfied", True)
    assert early.value.code == "public.not-yet"
    inform(place, taken.case)
    place.act(citizens.grade, taken.code, "unsatisfied", True)
    assert progress(place, taken.code)["satisfaction"] == {"grade": "unsatisfied", "solved": True}
    with pytest.raises(Refused) as again:
        place.act(citizens.grade, taken.code, "satisfied", True)
    assert again.value.code == "public.graded"
    with place.engine.look() as work:
        (entry,) = registers.holding(work, "satisfaction", about=f"case/{taken.case}")
    assert (entry.body, entry.case) == ({"grade": "unsatisfied", "solved": True}, taken.case)


@every_pack
def test_a_result_is_rejected_once_and_a_matter_follows_that_names_the_first(place: Place) -> None:
    taken = submit(place, name="张三丰", contact="13812345600")
    inform(place, taken.case)
    with pytest.raises(Invalid):
        place.act(citizens.reject, taken.code, " ")
    again: Taken = place.act(citizens.reject, taken.code, "垃圾还在")
    assert place.records(again.case)[0].cause == f"case/{taken.case}"
    with place.engine.look() as work:
        (entry,) = registers.holding(work, "rejection", about=f"case/{taken.case}")
        officer = place.actor(place.person("duty_officer", place.township))
        first = queries.timeline(work, officer, again.case)[0]
    assert entry.body == {"by": again.case}
    assert first["cause"] == f"case/{taken.case}"
    assert first["said"]["requester_name"] == {"value": "张**", "masked": True}
    for code in (taken.code, again.code):
        if code == again.code:
            inform(place, again.case)
        with pytest.raises(Refused) as second:
            place.act(citizens.reject, code, "还是不行")
        assert second.value.code == "public.rejected"
        assert not progress(place, code)["may_reject"]


def test_the_title_of_a_list_tells_no_telephone() -> None:
    assert citizens._title("请致电 13812345600\n尽快处理" + "。" * 40) == "请致电 **** 尽快处理" + "。" * 17


# -- the doors ---------------------------------------------------------------------------------------


@pytest.fixture
def client(place: Place, tmp_path: Path) -> FlaskClient:
    app = create_app(place.engine, Settings(tmp_path, public_writes=3, public_reads=6))
    return app.test_client()


in_zhenjiang = pytest.mark.parametrize("place", [pytest.param((ZJ, ()), id="zhenjiang")], indirect=True)


def code_of(place: Place) -> str:
    with place.engine.look() as work:
        return work.directory.unit(place.grid).code


@in_zhenjiang
def test_the_api_is_for_everybody(place: Place, client: FlaskClient) -> None:
    sent = client.post("/api/public/requests", json={"grid": code_of(place), "what": "路灯不亮"})
    assert sent.status_code == 200
    address = f"/api/public/requests/{sent.get_json()['code']}"
    inform(place, 1)
    assert client.get(address).get_json()["result"]["content"] == "已清理完毕"
    assert client.post(f"{address}/satisfaction", json={"grade": "fair", "solved": False}).status_code == 200
    again = client.post(f"{address}/reject", json={"reason": "还不亮"})
    assert len(again.get_json()["code"]) == 12
    wrong = client.get("/api/public/requests/XXXXXXXXXXXX")
    assert (wrong.status_code, wrong.get_json()["code"]) == (404, "public.code")
    assert client.post("/api/public/requests", json={"grid": "nowhere", "what": "x"}).status_code == 422
    assert client.get(f"/api/matters/{place.case(1).number}").status_code == 401


@in_zhenjiang
def test_who_sends_too_often_waits(place: Place, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [0.0]
    monkeypatch.setattr("web.public_requests.time.monotonic", lambda: moment[0])
    body = {"grid": code_of(place), "what": "路灯不亮"}
    answers = [client.post("/api/public/requests", json=body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    told = answers[-1].get_json()
    assert (told["code"], "60分钟" in told["detail"]) == ("public.too-many", True)
    elsewhere = {"REMOTE_ADDR": "10.1.1.1"}
    assert client.post("/api/public/requests", json=body, environ_overrides=elsewhere).status_code == 200
    moment[0] = 3601.0
    assert client.post("/api/public/requests", json=body).status_code == 200


def test_addresses_are_forgotten_so_that_memory_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.public_requests.ADDRESSES", 2)
    throttle = Throttle(1, 60)
    for address in ("a", "b", "c"):
        throttle.take(address, 0)
    assert list(throttle.counted) == ["b", "c"]
    throttle.take("a", 1)
    with pytest.raises(TooMany):
        throttle.take("c", 1)


@in_zhenjiang
def test_the_page_works_without_script(place: Place, client: FlaskClient) -> None:
    page = client.get(f"/public/requests?grid={code_of(place)}")
    assert "<script" not in page.text
    assert f'value="{code_of(place)}"' in page.text
    assert 'name="viewport" content="width=device-width' in page.text
    sent = client.post("/public/requests", data={"do": "submit", "grid": code_of(place), "what": "<b>灯</b>不亮"})
    code = re.findall(r'class="code">([A-Z2-9]{12})<', sent.text)[0]
    assert sent.headers["Cache-Control"] == "no-store"
    inform(place, 1, "已换<i>灯</i>泡")
    shown = client.post("/public/requests", data={"do": "progress", "code": code})
    assert "已换&lt;i&gt;灯&lt;/i&gt;泡" in shown.text
    graded = client.post("/public/requests", data={"do": "grade", "code": code, "grade": "satisfied", "solved": "yes"})
    assert "满意 satisfied" in graded.text
    assert 'value="grade"' not in graded.text
    rejected = client.post("/public/requests", data={"do": "reject", "code": code, "reason": "又坏了"})
    assert rejected.text.count('class="code"') == 1
    wrong = client.post("/public/requests", data={"do": "progress", "code": "nothing"})
    assert (wrong.status_code, "没有查到" in wrong.text) == (404, True)
    lost = client.post("/public/requests", data={"do": "submit", "grid": "nowhere", "what": '"><x>'})
    assert "没有这个网格编号" in lost.text
    assert "<x>" not in lost.text
    assert "&lt;x&gt;" in lost.text
    given = {"do": "submit", "grid": "nowhere", "what": "灯", "place": "巷口", "contact": "000"}
    kept = client.post("/public/requests", data=given).text
    assert all(f'value="{given[name]}"' in kept for name in ("grid", "place", "contact"))


@in_zhenjiang
def test_who_asks_for_a_grid_that_is_none_is_told_on_a_page(place: Place, client: FlaskClient) -> None:
    missing = client.get("/public/grids/999<b>")
    assert (missing.status_code, missing.mimetype) == (404, "text/html")
    assert "没有这个编码的网格" in missing.text
    assert "<b>" not in missing.text


@in_zhenjiang
def test_what_is_late_says_so_in_plain_words(place: Place, client: FlaskClient) -> None:
    sent = client.post("/public/requests", data={"do": "submit", "grid": code_of(place), "what": "灯不亮"})
    code = re.findall(r'class="code">([A-Z2-9]{12})<', sent.text)[0]
    assert "已超过预计时间" not in client.post("/public/requests", data={"do": "progress", "code": code}).text
    place.pass_(days=20)
    assert "已超过预计时间" in client.post("/public/requests", data={"do": "progress", "code": code}).text
