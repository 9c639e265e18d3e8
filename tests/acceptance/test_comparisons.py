"""A designer compares a draft, tries it out and sees what its cases cover, through the API; and `wangge compare`."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from engine import directory, drafts, tables
from engine.publishing import PACKS
from engine.store import Store
from handlers.city import FOUNDER
from tests.places import Place, read, settled
from web import sessions
from web.app import create_app
from web.cli import cli
from web.settings import Settings

PACK = "zhenjiang/2026-01-01"
SHORTER = ('"key": "handle",\n    "amount": 5', '"key": "handle",\n    "amount": 3')


class Desk:
    """A designer at work on one draft."""

    def __init__(self, place: Place, client: FlaskClient, token: str, draft: int) -> None:
        self.place, self.client, self.draft = place, client, draft
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.client.get(f"/api/{path}", headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = self.client.post(f"/api/{path}", json=body, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def play(self, *actions: dict[str, Any], status: int = 200, **more: Any) -> Any:
        case = json.loads((PACKS / PACK / "cases/found_and_self_handled.json").read_text())
        body = {"process": "matter", **case["start"], "actions": list(actions)}
        body["start"] = body.pop("event")
        return self.post(f"drafts/{self.draft}/plays", {**body, **more}, status)


@pytest.fixture(scope="session")
def _templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("places")


@pytest.fixture
def desk(tmp_path: Path, _templates: Path) -> Iterator[Desk]:
    template, city = settled(PACK, _templates)
    file = tmp_path / "place.sqlite"
    shutil.copyfile(template, file)
    place = Place(Store(f"sqlite:///{file}"), read(PACKS / PACK).pack, city)
    person = f"{place.county}-1"
    settings = Settings(tmp_path / "data")
    with place.engine.work() as work:
        roles = {key: role.unit_kinds for key, role in place.pack.roles.items()}
        directory.give_post(
            work.connection, "designing", person=person, unit=place.county, role="process_designer",
            valid_from=place.now.date(), roles=roles, by=FOUNDER, at=place.now,
        )  # fmt: skip
        account = {"login": person, "person": person, "password": "none", "created_at": work.now}
        work.connection.execute(tables.account.insert(), account)
        token, _ = sessions.begin(work, settings, person, person)
    with place.engine.work() as work:
        draft = drafts.create(work, place.actor(person, "process_designer"), PACK, "zhenjiang/2026-06-01", "缩短时限")
    client = create_app(place.engine, settings).test_client(use_cookies=False)
    found = Desk(place, client, token, draft)
    found.headers["X-Wangge-Post"] = "designing"
    yield found
    place.store.close()


def save(desk: Desk, path: str, old: str, new: str) -> None:
    seen = desk.get(f"drafts/{desk.draft}/files/{path}")
    assert old in seen["text"]
    given = {"path": path, "text": seen["text"].replace(old, new), "based_on": seen["hash"]}
    desk.post(f"drafts/{desk.draft}/files", given)


def test_a_draft_is_compared_with_the_version_it_is_based_on(desk: Desk) -> None:
    save(desk, "limits.json", *SHORTER)
    told = desk.get(f"comparisons?from={PACK}&to=draft:{desk.draft}")
    sentences = [change["zh"] for change in told["changes"]]
    assert "“办理”的时限由5个工作日改为3个工作日" in sentences
    assert "流程包的施行日期由2026-01-01改为2026-06-01" in sentences
    change = next(change for change in told["changes"] if change["what"] == "limit")
    assert change.keys() == {"kind", "what", "process", "element", "name", "field", "before", "after", "zh", "en"}
    assert (change["process"], change["element"]) == ("matter", "handle")
    assert told["layout_only"] == 0
    matter = next(one for one in told["diagrams"] if one["process"] == "matter")
    assert (matter["old"], matter["new"], matter["redrawn"]) == ("matter.bpmn", "matter.bpmn", [])
    assert matter["changes"] == len([change for change in told["changes"] if change["process"] == "matter"])
    assert desk.get(f"comparisons?from={PACK}&to={PACK}")["changes"] == []


def test_what_is_only_moved_is_counted_apart(desk: Desk) -> None:
    save(desk, "matter.bpmn", '<dc:Bounds x="', '<dc:Bounds x="1')
    told = desk.get(f"comparisons?from={PACK}&to=draft:{desk.draft}")
    assert [change for change in told["changes"] if change["process"]] == []
    matter = next(one for one in told["diagrams"] if one["process"] == "matter")
    assert told["layout_only"] == len(matter["redrawn"]) > 20
    assert matter["changes"] == 0


def test_what_is_out_of_sight_cannot_be_compared(desk: Desk) -> None:
    desk.get(f"comparisons?from={PACK}&to=draft:99", 404)
    desk.get(f"comparisons?from={PACK}&to=draft:x", 404)
    desk.get(f"comparisons?from=nowhere/2026-01-01&to={PACK}", 404)
    desk.get(f"comparisons?from={PACK}", 422)


def test_a_draft_is_tried_out_step_by_step_and_nothing_is_stored(desk: Desk) -> None:
    before = desk.get(f"drafts/{desk.draft}")["revision"]
    told = desk.play()
    (step,) = told["steps"]
    assert (step["node"], step["form"]["title"]) == ("verify", desk.place.pack.forms["verify"]["title"])
    assert {way["action"].get("message") for way in told["ways"]} >= {"supervise", "void"}
    assert desk.play(told["ways"][0]["action"])["trace"] != told["trace"]
    assert "第1个操作" in desk.play({"complete": "archive"}, status=422)["detail"]
    desk.play(status=404, process="nothing")
    desk.play(status=422, actions=[{"advance": "PT1S"}] * 1001)
    assert desk.get(f"drafts/{desk.draft}")["revision"] == before


def test_the_text_on_the_screen_is_played_though_it_is_not_saved(desk: Desk) -> None:
    text = desk.get(f"drafts/{desk.draft}/files/matter.bpmn")["text"]
    named = desk.play(path="matter.bpmn", text=text.replace('name="核实"', 'name="现场核实"'))
    assert named["steps"][0]["name"] == "现场核实"
    assert desk.play()["steps"][0]["name"] == "核实"
    assert desk.play(path="matter.bpmn", text="<no", status=422)["code"] == "draft.unreadable"


def test_the_cases_of_a_draft_cover_what_they_cover(desk: Desk) -> None:
    told = desk.get(f"drafts/{desk.draft}/coverage")
    assert told["cases"]
    assert all(case["good"] for case in told["cases"])
    matter = next(one for one in told["processes"] if one["process"] == "matter")
    assert matter["missing"]["nodes"] == matter["missing"]["flows"] == []
    assert "found_and_self_handled" in matter["nodes"]["self_handle"]
    save(desk, "cases/found_and_self_handled.json", '"status": "ended"', '"status": "open"')
    case = next(
        one for one in desk.get(f"drafts/{desk.draft}/coverage")["cases"] if one["name"] == "found_and_self_handled"
    )
    assert (case["good"], case["faults"][0]["zh"]) == (False, "结束状态应为 open，实际为 ended。")


# -- on the command line -----------------------------------------------------------------------------------


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)])


def copied(folder: Path, *edits: tuple[str, str, str]) -> Path:
    """A pack's folder with the parts it shares, and these edits."""
    for part in ("shared", "rules", PACK):
        shutil.copytree(PACKS / part, folder / part)
    for name, old, new in edits:
        file = folder / PACK / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")
    return folder / PACK


def test_two_packs_are_compared_by_name_or_folder(tmp_path: Path) -> None:
    folder = copied(tmp_path, ("limits.json", *SHORTER), ("matter.bpmn", '<dc:Bounds x="', '<dc:Bounds x="1'))
    answer = compare(PACK, folder)
    assert answer.exit_code == 0
    assert "matter\thandle\t“办理”的时限由5个工作日改为3个工作日" in answer.stdout
    assert "仅排版 / layout only: matter" in answer.stdout
    told = json.loads(compare(PACK, folder, "--json").stdout)
    assert [change["zh"] for change in told["changes"]] == ["“办理”的时限由5个工作日改为3个工作日"]
    assert told["layout_only"] > 20
    same = compare("zhenjiang", PACK)
    assert (same.exit_code, same.stdout) == (0, "没有区别 / no difference\n")


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    answer = compare("zhenjiang", "nowhere")
    assert answer.exit_code == 2
    assert "没有流程包“nowhere”" in answer.stderr
    broken = copied(tmp_path, ("matter.bpmn", "</bpmn:definitions>", ""))
    answer = compare("zhenjiang", broken)
    assert answer.exit_code == 2
    assert "matter.bpmn" in answer.stderr
