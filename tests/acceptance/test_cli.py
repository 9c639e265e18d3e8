"""The program `wangge` as its users meet it: what it prints, in which shape, and with which exit status."""

import json
import os
import pty
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine import cases, diagnosis, publishing, records, tables
from engine.cases import Opening
from engine.clock import Clock
from engine.iso8601 import instant
from engine.store import Store
from engine.work import MACHINE, Engine
from handlers import calendar as calendar_year
from tests.diagrams import bpmn
from web import files
from web.cli import cli
from web.terminal import readable

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("wangge")

ONE_STEP = """
start s
user a name=核实
end e
s -> a
a -> e
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def told(*arguments: object) -> Any:
    """What a command prints with --json; nothing else may stand on standard output."""
    return json.loads(run(*arguments, "--json").stdout)


def file(folder: Path, name: str, content: str | bytes | object) -> Path:
    """A file with a text, bytes, or anything else as JSON."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, str | bytes):
        content = json.dumps(content, ensure_ascii=False)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def diagram(folder: Path, text: str = ONE_STEP, name: str = "case.bpmn") -> Path:
    return file(folder, name, bpmn(text))


def entered(play: Mapping[str, Any]) -> list[str]:
    return [row["node"] for row in play["trace"] if row["event"] == "entered"]


def refused(result: Result, *words: str) -> None:
    """It could not run: said on standard error in a Chinese line and an English one, and nothing else is shown."""
    assert result.exit_code == 2
    assert result.stdout == ""
    zh, en = result.stderr.splitlines()[:2]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    assert any("a" <= letter <= "z" for letter in en)
    for word in words:
        assert word in zh, (word, zh)
        assert word in en, (word, en)


# -- play --------------------------------------------------------------------------------------------


def test_a_play_tells_its_whole_story_as_json(tmp_path: Path) -> None:
    result = run("play", diagram(tmp_path), "--json", "--var", "urgent=true")
    at = "2026-01-05T09:00:00+08:00"
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "status": "ended",
        "trace": [
            {"at": at, "node": "s", "event": "entered"},
            {"at": at, "node": "s", "event": "completed"},
            {"at": at, "node": "a", "event": "entered"},
            {"at": at, "node": "a", "event": "completed"},
            {"at": at, "node": "e", "event": "entered"},
            {"at": at, "node": "e", "event": "completed"},
        ],
        "open": [],
        "variables": {"urgent": True},
    }


def test_a_play_for_people_shows_steps_status_and_variables(tmp_path: Path) -> None:
    result = run("play", diagram(tmp_path), "--var", "place=桥头")
    assert result.exit_code == 0
    assert "2026-01-05T09:00:00+08:00\ta\tcompleted\n" in result.stdout
    assert "已结束 / ended" in result.stdout
    assert '{"place": "桥头"}' in result.stdout


def test_steps_are_completed_in_the_order_they_opened_before_time_moves(tmp_path: Path) -> None:
    path = diagram(
        tmp_path,
        """
        start s
        parallel p
        user slow
        user quick
        catch wait timer=PT2H
        parallel q
        end e
        s -> p
        p -> slow
        p -> wait
        p -> quick
        slow -> q
        wait -> q
        quick -> q
        q -> e
        """,
    )
    play = told("play", path, "--at", "2026-03-01T08:00:00Z")
    completed = [(row["node"], row["at"]) for row in play["trace"] if row["event"] == "completed"]
    assert [node for node, _ in completed if node in ("slow", "quick", "wait")] == ["slow", "quick", "wait"]
    assert dict(completed)["quick"] == "2026-03-01T16:00:00+08:00"
    assert dict(completed)["wait"] == "2026-03-01T18:00:00+08:00"


def test_a_script_is_done_action_by_action(tmp_path: Path) -> None:
    path = diagram(
        tmp_path,
        """
        start s
        user a
        boundary sent_back on=a escalation=return
        boundary broken on=a error=fault
        user repair
        receive m message=news
        catch g signal=all_clear
        catch t timer=PT24H
        end e
        s -> a
        sent_back -> a
        broken -> repair
        repair -> m
        a -> m
        m -> g
        g -> t
        t -> e
        """,
    )
    script = file(
        tmp_path,
        "script.json",
        [
            {"escalate": "return", "at": "a"},
            {"error": "fault", "at": "a", "facts": {"why": 1}},
            {"complete": "repair", "facts": {"mended": True}},
            {"message": "news", "facts": {"heard": [1, 2]}},
            {"signal": "all_clear"},
            {"advance": "PT23H"},
        ],
    )
    play = told("play", path, "--script", script)
    assert entered(play).count("a") == 2
    assert play["status"] == "ended"
    assert play["variables"] == {"why": 1, "mended": True, "heard": [1, 2]}
    assert play["trace"][-1]["at"] == "2026-01-06T09:00:00+08:00"


def test_a_play_that_waits_for_what_never_comes_is_open(tmp_path: Path) -> None:
    path = diagram(tmp_path, "start s\ncatch c message=never\nend e\ns -> c\nc -> e")
    result = run("play", path, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["status"] == "open"
    assert "incidents" not in json.loads(result.stdout)


def test_a_play_that_cannot_go_on_names_the_incident(tmp_path: Path) -> None:
    path = diagram(tmp_path, "start s\nexclusive x\nend e\nend f\ns -> x\nx -> e [urgent]\nx -> f [not urgent]")
    result = run("play", path, "--json")
    play = json.loads(result.stdout)
    assert result.exit_code == 1
    assert play["status"] == "incident"
    assert [(one["node"], one["code"]) for one in play["incidents"]] == [("x", "expression.missing-name")]
    assert run("play", path, "--var", "urgent=false").exit_code == 0


def test_a_play_without_end_stops_after_ten_thousand_events(tmp_path: Path) -> None:
    path = diagram(tmp_path, "start s\nuser a\nexclusive x\nend e\ns -> a\na -> x\nx -> a [1 == 1]\nx => e")
    play = told("play", path)
    assert (play["status"], play["open"]) == ("open", ["a"])
    assert entered(play).count("a") == 10_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ('"3"', "3"),
        ("null", None),
        ('{"a": [1.5]}', {"a": [1.5]}),
        ("urgent", "urgent"),
        ("", ""),
        ("a=b", "a=b"),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_a_variable_is_json_or_else_text(tmp_path: Path, text: str, value: object) -> None:
    assert told("play", diagram(tmp_path), "--var", f"x={text}")["variables"] == {"x": value}


def test_a_variable_nobody_can_encode_is_shown_escaped(tmp_path: Path) -> None:
    for options in ([], ["--json"]):
        result = run("play", diagram(tmp_path), "--var", r'x="\ud800"', *options)
        assert result.exit_code == 0
        assert r'"x": "\ud800"' in result.stdout


@pytest.mark.parametrize("text", ["urgent", "=1", ""])
def test_a_variable_without_name_or_value_is_refused(tmp_path: Path, text: str) -> None:
    refused(run("play", diagram(tmp_path), "--var", text), "--var")


@pytest.mark.parametrize("text", ["yesterday", "2026-01-05", "2026-13-01T00:00:00Z"])
def test_a_time_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    refused(run("play", diagram(tmp_path), "--at", text), text)


@pytest.mark.parametrize("step", ["P100Y", "P36500D"])
def test_a_play_beyond_the_end_of_time_is_refused(tmp_path: Path, step: str) -> None:
    script = file(tmp_path, "script.json", [{"advance": step}] * 81)
    refused(run("play", diagram(tmp_path), "--script", script), "advance")
    loop = f"start s\ncatch c timer={step}\nexclusive x\nend e\ns -> c\nc -> x\nx -> c [1 == 1]\nx => e"
    refused(run("play", diagram(tmp_path, loop)), "advance")


WAYS_IN = """
start by_phone message=call
start by_siren signal=siren
user a
end e
by_phone -> a
by_siren -> a
a -> e
"""


def test_the_play_begins_where_the_script_begins(tmp_path: Path) -> None:
    path = diagram(tmp_path, WAYS_IN)
    siren = file(tmp_path, "siren.json", [{"signal": "siren", "facts": {"loud": 1}}, {"complete": "a"}])
    play = told("play", path, "--script", siren, "--var", "quiet=1")
    assert entered(play) == ["by_siren", "a", "e"]
    assert play["variables"] == {"quiet": 1, "loud": 1}
    call = file(tmp_path, "call.json", [{"message": "call"}])
    assert entered(told("play", path, "--script", call)) == ["by_phone", "a", "e"], "the call is not heard twice"
    assert entered(told("play", path)) == ["by_phone", "a", "e"]
    assert entered(told("play", path, "--start", "by_siren")) == ["by_siren", "a", "e"]


def test_a_plain_start_event_goes_before_what_the_script_begins_with(tmp_path: Path) -> None:
    path = diagram(tmp_path, WAYS_IN + "start plain\nuser b\nplain -> b\nb -> e\n")
    assert entered(told("play", path)) == ["plain", "b", "e"]
    script = file(tmp_path, "script.json", [{"message": "call"}])
    refused(run("play", path, "--script", script), "call")


def test_an_unknown_start_event_or_process_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = diagram(tmp_path, WAYS_IN)
    refused(run("play", path, "--start", "by_fax"), "by_fax", "by_phone")
    refused(run("play", path, "--start", "a"), "“a”")
    refused(run("play", path, "--process", "other"), "other", "main")


def two_processes(folder: Path) -> Path:
    first, second = (bpmn(f"process {name}\nstart s_{name}\nend e_{name}\ns_{name} -> e_{name}") for name in "ab")
    body = second.decode().split("<process", 1)[1].removesuffix("</definitions>")
    return file(folder, "two.bpmn", first.decode().replace("</definitions>", f"<process{body}</definitions>"))


def test_the_first_executable_process_is_played_unless_another_is_named(tmp_path: Path) -> None:
    path = two_processes(tmp_path)
    assert entered(told("play", path)) == ["s_a", "e_a"]
    assert entered(told("play", path, "--process", "b")) == ["s_b", "e_b"]
    path.write_bytes(path.read_bytes().replace(b'isExecutable="true"', b'isExecutable="false"', 1))
    assert entered(told("play", path)) == ["s_b", "e_b"]


def test_tables_and_called_processes_are_found_beside_the_file(tmp_path: Path) -> None:
    file(tmp_path, "rules.dmn", (ROOT / "tests/data/dmn/dispatch.dmn").read_bytes())
    diagram(tmp_path, "process inner\nstart si\nrule r decision=dispatch\nend ei\nsi -> r\nr -> ei", "inner.bpmn")
    path = diagram(tmp_path, "start s\ncall c calls=inner\nend e\ns -> c\nc -> e")
    play = told("play", path, "--var", 'matter={"kind": "fire"}', "--var", "severity=5")
    assert play["status"] == "ended"
    assert play["variables"]["unit"] == "rescue"
    (tmp_path / "inner.bpmn").unlink()
    result = run("play", path, "--json")
    assert result.exit_code == 1
    assert [one["rule"] for one in json.loads(result.stdout)["findings"]] == ["form.called-missing"]


def test_tables_with_errors_beside_the_file_are_left_out_and_named(tmp_path: Path) -> None:
    file(tmp_path, "rules.dmn", b"<nonsense/>")
    result = run("play", diagram(tmp_path, "start s\nrule r decision=dispatch\nend e\ns -> r\nr -> e"))
    assert "rules.dmn" in result.stderr
    assert "rules.dmn" not in run("play", diagram(tmp_path)).stderr


def test_a_file_with_errors_is_not_played_but_checked(tmp_path: Path) -> None:
    path = diagram(tmp_path, "start s\ncatch c timer=PT5X\nend e\ns -> c\nc -> e")
    result = run("play", path, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == told("check", path)
    assert json.loads(result.stdout)["findings"][0]["rule"] == "form.timer-unreadable"


# -- scripts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("not json", "JSON"),
        (b"\xff\xfe\x00\x01", "JSON"),
        ("[" * 100_000, "JSON"),
        ('[{"complete": "a", "facts": {"x": NaN}}]', "NaN"),
        ({"complete": "a"}, "[…]"),
        (3, "[…]"),
        (["complete"], "1"),
        ([{"complete": "a"}, {"complete": ["a"]}], "2"),
        ([{"complete": "a", "facts": [1]}], "facts"),
        ([{"advance": 5}], "5"),
        ([{"error": "E", "at": 7}], "7"),
        ([{}], "1"),
        ([{"explode": "a"}], "explode"),
        ([{"complete": "a", "colour": "red"}], "colour"),
        ([{"complete": "a", "advance": "PT1H"}], "advance"),
        ([{"complete": "nowhere"}], "nowhere"),
        ([{"advance": "tomorrow"}], "tomorrow"),
        ([{"error": "E"}], "E"),
    ],
)
def test_a_script_that_cannot_be_done_is_refused(tmp_path: Path, content: object, word: str) -> None:
    refused(run("play", diagram(tmp_path), "--script", file(tmp_path, "script.json", content)), word)


def test_a_missing_script_is_refused(tmp_path: Path) -> None:
    refused(run("play", diagram(tmp_path), "--script", tmp_path / "none.json"), "none.json")
    refused(run("play", diagram(tmp_path), "--script", tmp_path), tmp_path.name)


# -- check -------------------------------------------------------------------------------------------


def test_one_file_gives_one_object_several_give_a_list(tmp_path: Path) -> None:
    good = diagram(tmp_path)
    bad = diagram(tmp_path, "start s\nuser a name=核实\nexclusive x\nend e\ns -> a\na -> x", "bad.bpmn")
    assert told("check", good) == {"file": str(good), "publishable": True, "findings": []}
    assert run("check", good).exit_code == 0
    both = told("check", good, bad)
    assert [(one["file"], one["publishable"]) for one in both] == [(str(good), True), (str(bad), False)]
    for finding in both[1]["findings"]:
        assert list(finding) == ["rule", "level", "element", "name", "message", "article", "path"]
        assert isinstance(finding["path"], list)
    assert run("check", good, bad).exit_code == 1
    assert run("check", bad, "--json").exit_code == 1


def test_findings_are_read_by_people_line_by_line(tmp_path: Path) -> None:
    path = diagram(tmp_path, "start s\ncatch c timer=PT5X name=等待\nend e\ns -> c\nc -> e")
    result = run("check", path)
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{path}: 不能发布 / not publishable")
    assert second.startswith("错误 error form.timer-unreadable c: ")
    assert result.stderr == ""


def test_advice_alone_forbids_nothing(tmp_path: Path) -> None:
    path = diagram(tmp_path, "start s\ncatch c timer=2026-05-01T09:00:00\nend e\ns -> c\nc -> e")
    checked = told("check", path)
    assert [one["level"] for one in checked["findings"]] == ["advice"]
    assert checked["publishable"] is True
    assert run("check", path).exit_code == 0


def test_a_diagram_that_can_get_stuck_is_found_with_the_way_there(tmp_path: Path) -> None:
    path = diagram(
        tmp_path,
        "start s\nexclusive x\nuser a\nuser b\nparallel j\nend e\n"
        "s -> x\nx -> a [urgent]\nx => b\na -> j\nb -> j\nj -> e",
    )
    findings = told("check", path)["findings"]
    deadlock = next(one for one in findings if one["rule"] == "soundness.deadlock")
    assert deadlock["level"] == "error"
    assert "j" in deadlock["path"]


def test_what_is_wrong_in_a_called_file_is_told_there_only(tmp_path: Path) -> None:
    stuck = (
        "process inner\nstart si\nexclusive x\nuser a\nuser b\nparallel j\nend ei\n"
        "si -> x\nx -> a [urgent]\nx => b\na -> j\nb -> j\nj -> ei"
    )
    inner = diagram(tmp_path, stuck, "inner.bpmn")
    outer = diagram(tmp_path, "start s\ncall c calls=inner\nend e\ns -> c\nc -> e")
    of_inner, of_outer = told("check", inner, outer)
    assert {one["element"] for one in of_inner["findings"]} >= {"j"}
    assert not {one["element"] for one in of_outer["findings"]} & {"si", "x", "a", "b", "j", "ei"}


def test_tables_are_checked_too(tmp_path: Path) -> None:
    good = file(tmp_path, "good.dmn", (ROOT / "tests/data/dmn/dispatch.dmn").read_bytes())
    bad = file(tmp_path, "bad.DMN", good.read_bytes().replace(b"&gt;= 4", b"four or more"))
    assert told("check", good)["publishable"] is True
    assert told("check", bad)["findings"][0]["rule"] == "dmn.cell"


@pytest.mark.parametrize("command", ["play", "check"])
def test_files_that_are_none_could_not_run(tmp_path: Path, command: str) -> None:
    refused(run(command, tmp_path / "none.bpmn"), "none.bpmn")
    refused(run(command, tmp_path), tmp_path.name)
    refused(run(command, diagram(tmp_path) / "inside.bpmn"), "inside.bpmn")
    refused(run(command, "/dev/zero"), "/dev/zero")
    refused(run(command, "x" * 5000), "x" * 100)


def test_one_missing_file_among_several_stops_the_check(tmp_path: Path) -> None:
    refused(run("check", diagram(tmp_path), tmp_path / "none.bpmn", "--json"), "none.bpmn")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "xml.not-xml"),
        (bytes(range(256)) * 50, "xml.encoding"),
        (b"PK\x03\x04" + b"\x00" * 1000, "xml.not-xml"),
        (b"<a>" * 5000, "xml.too-deep"),
        (b" " * (20 * 1024 * 1024 + 1), "xml.too-large"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "xml.doctype"),
        (b"<html><body>no diagram</body></html>", "form.wrong-root"),
    ],
    ids=["empty", "bytes", "archive", "deep", "large", "entity", "web page"],
)
def test_hostile_files_are_findings(tmp_path: Path, content: bytes, rule: str) -> None:
    path = file(tmp_path, "hostile.bpmn", content)
    for command in ("check", "play"):
        result = run(command, path, "--json")
        assert result.exit_code == 1
        assert json.loads(result.stdout)["publishable"] is False
        assert [one["rule"] for one in json.loads(result.stdout)["findings"]] == [rule]


@pytest.mark.parametrize(("encoding", "name"), [("gb18030", "事项流程"), ("cp1252", "Prüfung-é"), ("utf-8", "事项")])
def test_files_may_be_named_in_another_encoding(tmp_path: Path, encoding: str, name: str) -> None:
    raw = os.fsencode(tmp_path) + b"/" + f"{name}.bpmn".encode(encoding)
    Path(os.fsdecode(raw)).write_bytes(bpmn(ONE_STEP))
    if encoding != "cp1252":
        assert told("check", os.fsdecode(raw))["file"] == f"{tmp_path}/{name}.bpmn"
    result = subprocess.run([os.fsencode(PROGRAM), b"play", raw, b"--json"], capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
    missing = run("check", os.fsdecode(raw + b".gone"))
    refused(missing, ".bpmn.gone")


def test_a_file_name_is_shown_in_the_first_encoding_that_fits() -> None:
    assert readable(os.fsdecode("事项.bpmn".encode("gb18030"))) == "事项.bpmn"
    assert readable(os.fsdecode("café.bpmn".encode("cp1252"))) == "café.bpmn"


def test_nothing_in_a_file_commands_the_terminal(tmp_path: Path) -> None:
    path = diagram(tmp_path, ONE_STEP, "red\x1b[31m\u202e.bpmn")
    shown = run("check", path).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert len(shown.splitlines()) == 1


# -- packs -------------------------------------------------------------------------------------------


WITH_REFERENCES = """
start s basis=ZJ-13.2
user a limit=verify role=grid_worker form=verify status=to_verify basis=ZJ-13.2
catch c timer=limit:verify
end e
s -> a
a -> c
c -> e
"""


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small pack `place/2026-01-01`, the newest of its place."""
    folder = tmp_path / "processes" / "place" / "2026-01-01"
    write_pack(folder)
    write_pack(folder.with_name("2025-01-01"))
    write_pack(folder.with_name("2027-draft"))
    packs = publishing.folders
    monkeypatch.setattr(publishing, "folders", lambda: packs(tmp_path / "processes"))
    return folder


def write_pack(folder: Path) -> None:
    label = {"zh": "一", "en": "one"}
    manifest = {
        "key": f"place/{folder.name}",
        "place": "place",
        "title": label,
        "area": "/32/",
        "force": "law",
        "in_force_from": "2026-01-01",
        "in_force_to": None,
        "processes": {"matter": "matter.bpmn"},
        "decisions": {},
        "statuses": [{"key": "to_verify", **label}],
        "ways_in": [],
        "settings": {},
    }
    basis = {"kind": "product_default"}
    file(folder, "manifest.json", manifest)
    file(folder, "matter.bpmn", bpmn(WITH_REFERENCES.replace("timer=limit:verify", "timer=PT1H")))
    limits = [{"key": key, "amount": 3, "unit": "working_day", "basis": basis} for key in ("verify", "matter")]
    file(folder, "limits.json", limits)
    file(folder, "roles.json", [{"key": "grid_worker", "label": label}])
    file(folder, "articles.json", [{"key": "ZJ-13.2"}])
    file(folder, "list.json", {"items": [], "departments": []})
    file(folder, "forms/verify.json", {"type": "object", "properties": {}})


def test_what_a_pack_has_is_known_to_its_diagrams(tmp_path: Path, pack: Path) -> None:
    path = diagram(tmp_path, WITH_REFERENCES)
    for name in ("place", "place/2026-01-01"):
        assert told("check", path, "--pack", name)["findings"] == []
    play = told("play", path, "--pack", "place")
    assert play["status"] == "ended"
    assert play["trace"][-1]["at"] == "2026-01-08T18:00:00+08:00", "three working days, by close of business"


@pytest.mark.parametrize(
    ("kind", "written", "instead"),
    [
        ("limit", "limit=verify", "limit=unknown"),
        ("limit", "limit:verify", "limit:unknown"),
        ("role", "role=grid_worker", "role=unknown"),
        ("form", "form=verify", "form=unknown"),
        ("status", "status=to_verify", "status=unknown"),
        ("article", "basis=ZJ-13.2", "basis='ZJ-13.2 unknown'"),
    ],
)
def test_what_a_pack_does_not_have_is_a_finding(
    tmp_path: Path, pack: Path, kind: str, written: str, instead: str
) -> None:
    path = diagram(tmp_path, WITH_REFERENCES.replace(written, instead))
    findings = told("check", path, "--pack", "place")["findings"]
    assert {(one["rule"], one["level"]) for one in findings} == {(f"reference.{kind}", "error")}
    assert all("unknown" in one["message"] for one in findings)
    assert told("check", path)["findings"] == [], "without a pack there is nothing to compare with"


def test_a_table_the_pack_does_not_have_is_a_finding(tmp_path: Path, pack: Path) -> None:
    path = diagram(tmp_path, "start s\nrule r decision=unknown\nend e\ns -> r\nr -> e")
    assert told("check", path)["publishable"] is True
    checked = told("check", path, "--pack", "place")
    errors = [one for one in checked["findings"] if one["level"] == "error"]
    assert (checked["publishable"], {one["element"] for one in errors}) == (False, {"r"})
    assert "form.undefined-decision" in {one["rule"] for one in errors}
    assert run("play", path, "--pack", "place").exit_code == 1


def test_an_unknown_or_broken_pack_could_not_run(tmp_path: Path, pack: Path) -> None:
    path = diagram(tmp_path)
    for name in ("nowhere", "place/1999-01-01", "../..", "place/", ""):
        if name:
            refused(run("check", path, "--pack", name), "place/2026-01-01")
    file(pack, "limits.json", [])
    (pack / "roles.json").unlink()
    refused(run("check", path, "--pack", "place"), "roles.json")
    file(pack, "roles.json", [{"label": 3}])
    refused(run("play", path, "--pack", "place"), "place/2026-01-01")


def test_the_packs_of_the_product_are_found_by_place() -> None:
    assert files.pack_folder("zhenjiang").parent.name == "zhenjiang"
    assert files.pack_folder("zhenjiang").name.startswith("20")


# -- statutes ----------------------------------------------------------------------------------------


STATUTE = ROOT / "tests/data/statutes/draft.txt"


def test_a_regulation_is_read_and_stored_under_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = told("statutes", "import", STATUTE, "--key", "SX")
    stored = tmp_path / "var/statutes/SX.json"
    assert result == {
        "file": str(STATUTE),
        "title": "松溪镇图书馆还书规定",
        "articles": 4,
        "stored": str(stored),
        "findings": [],
    }
    assert len(json.loads(stored.read_text(encoding="utf-8"))["articles"]) == 4
    shown = run("statutes", "import", STATUTE, "--key", "SX").stdout
    assert "松溪镇图书馆还书规定: 4" in shown
    assert str(stored) in shown


def test_without_a_key_a_regulation_is_only_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert told("statutes", "import", STATUTE)["stored"] is None
    assert not (tmp_path / "var").exists()


def test_data_lie_in_the_checkout_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file(tmp_path, "pyproject.toml", "")
    (tmp_path / "deep/inside").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep/inside")
    assert told("statutes", "import", STATUTE, "--key", "SX")["stored"] == str(tmp_path / "var/statutes/SX.json")


def test_what_is_odd_in_a_regulation_is_a_warning(tmp_path: Path) -> None:
    odd = file(tmp_path, "odd.txt", "某镇规定\n第一条 甲。\n第三条 乙。\n")
    result = run("statutes", "import", odd, "--json")
    assert result.exit_code == 0
    assert [(one["rule"], one["level"]) for one in json.loads(result.stdout)["findings"]] == [
        ("statute.article-gap", "warning")
    ]


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("a.txt", b"", "statute.empty-file"),
        ("a.txt", b"no articles here", "statute.no-articles"),
        ("a.pdf", b"%PDF-1.7", "statute.unknown-kind"),
        ("a.txt", b"x" * (20 * 1024 * 1024 + 1), "statute.too-large"),
    ],
)
def test_a_text_that_is_no_regulation_is_a_finding(tmp_path: Path, name: str, content: bytes, rule: str) -> None:
    result = run("statutes", "import", file(tmp_path, name, content), "--json")
    assert result.exit_code == 1
    assert [one["rule"] for one in json.loads(result.stdout)["findings"]] == [rule]
    assert json.loads(result.stdout)["stored"] is None


@pytest.mark.parametrize("key", ["../ZJ", "zj", "1A", "Z J", "镇江", "A" * 21])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    refused(run("statutes", "import", STATUTE, "--key", key), key)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file(tmp_path, "var", "in the way")
    refused(run("statutes", "import", STATUTE, "--key", "SX"), "statutes")


# -- the calendar ------------------------------------------------------------------------------------


def year_file(folder: Path, **changes: object) -> Path:
    """2027 as confirmed: Monday the 4th of January off, Saturday the 9th worked."""
    year = {
        "year": 2027,
        "status": "confirmed",
        "source": {"title": "国务院办公厅关于2027年部分节假日安排的通知", "number": None, "published": None},
        "days": {
            "2027-01-04": {"kind": "holiday", "name": "元旦"},
            "2027-01-09": {"kind": "workday", "name": "元旦"},
        },
    }
    return file(folder, "2027.json", year | changes)


def address(store: Store) -> str:
    return store.url.render_as_string(hide_password=False)


def open_case(engine: Engine, folder: Path) -> int:
    with engine.work() as work:
        publishing.publish(work, publishing.read_folder(folder))
        return cases.open_(work, MACHINE, Opening("place/2026-01-01", "/32/", "agency", "路灯", work.now))


def due(store: Store, case: int) -> str:
    with store.reading() as connection:
        row = connection.execute(tables.case.select().where(tables.case.c.id == case)).one()
        return str(row.due_at.astimezone(instant("2026-01-01T00:00:00+08:00").tzinfo).date())


def test_a_confirmed_year_moves_the_due_times_of_open_cases(tmp_path: Path, pack: Path, store: Store) -> None:
    engine = Engine(store, {}, lambda: instant("2026-12-31T10:00:00+08:00"))
    case = open_case(engine, pack)
    assert due(store, case) == "2027-01-05", "three working days; without a notice Friday is one"
    result = run("--database", address(store), "calendar", "import", year_file(tmp_path), "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report.pop("moved") >= 1
    assert report == {
        "year": 2027,
        "version": 1,
        "status": "confirmed",
        "changes": [
            {"day": "2027-01-04", "before": "workday", "after": "holiday"},
            {"day": "2027-01-09", "before": "weekend", "after": "make_up"},
        ],
        "cases": 1,
        "failed": {},
    }
    assert due(store, case) == "2027-01-06"
    with store.reading() as connection:
        last = list(records.chain(connection, f"case/{case}"))[-1]
    assert (last.kind, last.cause) == ("due-recomputed", "calendar/2027#1")


def test_the_same_year_again_finishes_what_was_cut_short(tmp_path: Path, pack: Path, store: Store) -> None:
    engine = Engine(store, {}, lambda: instant("2026-12-31T10:00:00+08:00"))
    first, second = open_case(engine, pack), open_case(engine, pack)
    data = year_file(tmp_path).read_bytes()

    def cut_short(found: Any) -> Any:
        yield found[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calendar_year.confirm(engine, data, MACHINE, cut_short)
    assert (due(store, first), due(store, second)) == ("2027-01-06", "2027-01-05")
    report = calendar_year.confirm(engine, data, MACHINE)
    assert (report.version, report.changes, report.cases) == (1, (), 2)
    assert (due(store, first), due(store, second)) == ("2027-01-06", "2027-01-06")
    assert calendar_year.confirm(engine, data, MACHINE).moved == 0


def test_an_amended_year_is_a_new_version_and_says_what_changes(tmp_path: Path, store: Store) -> None:
    options = ("--database", address(store), "--json")
    run("calendar", "import", year_file(tmp_path), *options)
    days = {"2027-01-05": {"kind": "holiday", "name": "元旦"}}
    second = json.loads(run("calendar", "import", year_file(tmp_path, days=days), *options).stdout)
    assert second["version"] == 2
    assert second["changes"] == [
        {"day": "2027-01-04", "before": "holiday", "after": "workday"},
        {"day": "2027-01-05", "before": "workday", "after": "holiday"},
        {"day": "2027-01-09", "before": "make_up", "after": "weekend"},
    ]
    with store.reading() as connection:
        assert [one.kind for one in records.chain(connection, "calendar/2027")] == ["calendar-year"] * 2


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_year_changes_no_other_year(tmp_path: Path, store: Store) -> None:
    run("calendar", "import", year_file(tmp_path), "--database", address(store))
    before = told("calendar", "import", ROOT / "processes/calendars/2026.json", "--database", address(store))
    assert {one["day"][:4] for one in before["changes"]} == {"2026"}


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_confirmed_year_does_not_become_provisional_again(tmp_path: Path, store: Store) -> None:
    run("calendar", "import", year_file(tmp_path), "--database", address(store))
    again = year_file(tmp_path, status="provisional")
    refused(run("calendar", "import", again, "--database", address(store)), "2027")


def test_a_faulty_year_is_not_imported(tmp_path: Path) -> None:
    bad = year_file(tmp_path, days={"2027-01-05": {"kind": "workday", "name": "元旦"}})
    result = run("calendar", "import", bad, "--database", f"sqlite:///{tmp_path}/none.sqlite", "--json")
    assert result.exit_code == 1
    assert {one["rule"] for one in json.loads(result.stdout)["findings"]} == {"calendar.kind", "calendar.days"}
    assert not (tmp_path / "none.sqlite").exists()


# -- the database ------------------------------------------------------------------------------------


def test_databases_that_cannot_be_used_could_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(run("verify"), str(tmp_path / "var/wangge.sqlite"), "wangge init")
    refused(run("verify", "--database", "nonsense"), "nonsense")
    refused(run("--database", "mysql://root@localhost/x", "doctor"), "mysql")
    refused(run("verify", "--database", "postgresql://nobody@127.0.0.1:9/none"))
    empty = file(tmp_path, "empty.sqlite", b"")
    refused(run("verify", "--database", f"sqlite:///{empty}"), "wangge init")
    rubbish = file(tmp_path, "rubbish.sqlite", b"rubbish" * 1000)
    refused(run("verify", "--database", f"sqlite:///{rubbish}"), "rubbish.sqlite")
    assert run("verify", "--database", f"sqlite:///{rubbish}").exit_code == 2


def test_the_environment_and_both_places_name_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANGGE_DATABASE", "sqlite:///environment.sqlite")
    refused(run("verify"), "environment.sqlite")
    refused(run("--database", "sqlite:///before.sqlite", "verify"), "before.sqlite")
    refused(run("--database", "sqlite:///before.sqlite", "verify", "--database", "sqlite:///x.sqlite"), "x.sqlite")


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_init_makes_the_database_and_loads_packs_and_calendars(empty: str, pack: Path) -> None:
    first = run("--database", empty, "init", "--json")
    assert first.exit_code == 0, first.stderr
    loaded = json.loads(first.stdout)
    assert {2025, 2026} <= set(loaded["calendars"])
    assert {one["key"]: one["result"] for one in loaded["packs"]}["place/2026-01-01"] == "published"
    again = told("--database", empty, "init")
    assert again["calendars"] == []
    assert {one["result"] for one in again["packs"]} == {"present"}
    assert run("--database", empty, "verify").exit_code == 0


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_init_chooses_how_records_are_hashed(empty: str) -> None:
    def algorithms() -> list[str]:
        store = Store(empty)
        with store.reading() as connection:
            found: list[str] = [one.algorithm for one in records.chain(connection, records.INSTALLATION)]
        with store.transaction() as connection:
            found.append(records.chosen(connection))
        store.close()
        return found

    assert run("--database", empty, "init").exit_code == 0
    assert algorithms() == ["sha256"]
    assert run("--database", empty, "init", "--algorithm", "sm3").exit_code == 0
    assert run("--database", empty, "init").exit_code == 0
    assert algorithms() == ["sm3", "sm3"]
    refused(run("--database", empty, "init", "--algorithm", "md5"), "algorithm")
    assert run("--database", empty, "init", "--algorithm", "sha256").exit_code == 0
    assert algorithms() == ["sm3", "sha256", "sha256"]
    assert run("--database", empty, "verify").exit_code == 0


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_init_refuses_an_algorithm_that_this_python_lacks(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str, data: bytes) -> None:
        raise ValueError(name)

    monkeypatch.setattr("hashlib.new", without)
    result = run("--database", empty, "init", "--algorithm", "sm3")
    assert result.exit_code != 0
    assert "sm3" in result.stderr
    assert "sha256" in result.stderr


def test_init_keeps_the_year_an_administrator_imported(tmp_path: Path, store: Store) -> None:
    run("calendar", "import", year_file(tmp_path), "--database", address(store))
    run("init", "--database", address(store))
    engine = Engine(store, {})
    with engine.look() as work:
        assert 2027 in work.calendar.confirmed
        assert list(work.calendar.years[-1].days) == ["2027-01-04", "2027-01-09"]


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_init_says_which_pack_it_refused(pack: Path, store: Store) -> None:
    run("init", "--database", address(store))
    file(pack, "list.json", {"items": [{"key": "new"}], "departments": []})
    (pack.with_name("2025-01-01") / "roles.json").unlink()
    result = run("init", "--database", address(store), "--json")
    assert result.exit_code == 1
    by_key = {one["key"]: one for one in json.loads(result.stdout)["packs"]}
    results = {"place/2026-01-01": "refused", "place/2025-01-01": "refused", "place/2027-draft": "present"}
    assert {key: one["result"] for key, one in by_key.items()} == results
    assert by_key["place/2026-01-01"]["findings"][0]["rule"] == "pack.changed"
    assert by_key["place/2025-01-01"]["findings"][0]["rule"] == "pack.incomplete"


def test_verify_reads_every_chain_and_replays_every_case(pack: Path, store: Store) -> None:
    case = open_case(Engine(store, {}), pack)
    assert told("verify", "--database", address(store)) == {"chains": 2, "findings": []}
    for name in (case, f"case/{case}"):
        assert told("verify", name, "--database", address(store)) == {"chains": 1, "findings": []}
    refused(run("verify", "99", "--database", address(store)), "99")
    refused(run("verify", "abc", "--database", address(store)), "abc")


def alter(store: Store, trigger_table: str, statement: str) -> None:
    """What somebody with the file in hand could do: take the protections off, then change what happened."""
    connection = sqlite3.connect(store.url.database or "")
    names = connection.execute("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name=?", (trigger_table,))
    for (name,) in names.fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("table", "statement", "rule"),
    [
        ("record", "UPDATE record SET body = replace(body, 'began', 'begun') WHERE subject = 'case/1'", "record.hash"),
        ("record", "DELETE FROM record WHERE subject = 'case/1'", "record.end"),
        ("case", "UPDATE \"case\" SET state = '[]'", "record.state"),
        ("case", 'DELETE FROM "case"', "record.no-case"),
        ("record", "DELETE FROM record WHERE subject = 'calendar/2026'", "record.gap"),
    ],
)
def test_verify_finds_what_was_tampered_with(pack: Path, store: Store, table: str, statement: str, rule: str) -> None:
    engine = Engine(store, {})
    calendar_year.install(engine, [year for year in publishing.read_calendars() if year.year == 2026])
    open_case(engine, pack)
    Clock(engine).run_once()
    assert run("verify", "--database", address(store)).exit_code == 0
    store.close()
    alter(store, table, statement)
    result = run("verify", "--database", address(store), "--json")
    assert result.exit_code == 1
    assert rule in {one["rule"] for one in json.loads(result.stdout)["findings"]}


def signs(store: Store, now: str) -> dict[str, diagnosis.Sign]:
    return {one.key: one for one in diagnosis.examine(Engine(store, {}, lambda: instant(now)))}


def test_the_doctor_says_how_things_are(store: Store) -> None:
    result = run("doctor", "--database", address(store), "--json")
    shown = {one["key"]: one for one in json.loads(result.stdout)["signs"]}
    assert all(list(one) == ["key", "level", "value", "message"] for one in shown.values())
    assert shown["calendar"]["level"] == "error", "no calendar was loaded"
    assert result.exit_code == 1
    assert shown["clock"]["level"] == "warning"
    assert shown["database"]["level"] == {"sqlite": "good", "postgresql": "warning"}[store.dialect], (
        "it owns the tables"
    )
    assert shown["time_zone"]["level"] == "good"
    assert shown["python"]["value"] == ".".join(map(str, sys.version_info[:3]))
    assert int(shown["disk"]["value"]) > 0
    assert (shown["outbox"]["value"], shown["timers"]["value"], shown["incidents"]["value"]) == ("0", "0", "0")


@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize(
    ("today", "level"),
    [("2026-06-01", "good"), ("2026-11-16", "good"), ("2026-11-17", "warning"), ("2027-01-01", "error")],
)
def test_the_doctor_asks_for_the_next_calendar_in_time(store: Store, today: str, level: str) -> None:
    years = [year for year in publishing.read_calendars() if year.year <= 2026]
    calendar_year.install(Engine(store, {}), years)
    sign = signs(store, f"{today}T09:00:00+08:00")["calendar"]
    assert (sign.level, sign.value) == (level, "2026-12-31")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_doctor_hears_whether_the_clock_beats(store: Store) -> None:
    Clock(Engine(store, {})).run_once(instant("2026-06-01T09:00:00+08:00"))
    assert signs(store, "2026-06-01T09:01:00+08:00")["clock"].level == "good"
    assert signs(store, "2026-06-01T09:01:01+08:00")["clock"].level == "error"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_doctor_sees_that_a_protection_is_gone(store: Store) -> None:
    assert "store.trigger" not in run("doctor", "--database", address(store)).stdout
    store.close()
    alter(store, "record", "SELECT 1")
    result = run("doctor", "--database", address(store))
    assert result.exit_code == 1
    assert "错误 error\tdatabase\tstore.trigger" in result.stdout


# -- the program -------------------------------------------------------------------------------------


def program(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [str(PROGRAM), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **environment})


def test_the_installed_program_answers_like_the_runner(tmp_path: Path) -> None:
    path = diagram(tmp_path)
    result = program("play", path, "--json")
    assert result.returncode == 0
    assert json.loads(result.stdout) == told("play", path)
    assert result.stderr == b"", "no progress, no colours where nobody looks"
    assert program("check", tmp_path / "none").returncode == 2
    assert program("check", diagram(tmp_path, "start s\ncatch c timer=x\ns -> c", "b.bpmn")).returncode == 1


@pytest.mark.parametrize("encoding", ["ascii", "gbk"])
def test_output_fits_the_encoding_of_the_terminal(tmp_path: Path, encoding: str) -> None:
    path = diagram(tmp_path, ONE_STEP, "事项.bpmn")
    result = program("check", path, "--json", PYTHONIOENCODING=encoding)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.decode(encoding))["file"] == str(path)
    assert program("check", path, PYTHONIOENCODING=encoding).returncode == 0
    assert program("check", path / "x", PYTHONIOENCODING=encoding).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["dance"], "dance"),
        (["play"], "FILE"),
        (["check"], "FILE"),
        (["play", "--dance", "x"], "--dance"),
        (["play", "a", "b"], "b"),
        (["calendar", "dance"], "dance"),
    ],
)
def test_wrong_usage_is_explained_in_two_languages(arguments: list[str], word: str) -> None:
    result = run(*arguments)
    refused(result, "--help")
    assert word in result.stderr


def test_every_command_has_help_in_two_languages_and_json() -> None:
    for command in (
        ["play"],
        ["check"],
        ["statutes", "import"],
        ["calendar", "import"],
        ["init"],
        ["verify"],
        ["doctor"],
    ):
        shown = run(*command, "--help").stdout
        assert "--json" in shown
        assert " / " in shown
    assert run("--version").exit_code == 0
    assert run().exit_code == 2


def test_an_error_inside_the_program_is_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(files, "content", broken)
    result = run("check", diagram(tmp_path))
    assert result.exit_code == 2
    assert "a fault of ours" in result.stderr


def on_terminal(*arguments: object) -> str:
    """What somebody at a terminal sees."""
    seen, (screen, keyboard) = b"", pty.openpty()
    with subprocess.Popen([str(PROGRAM), *map(str, arguments)], stdout=keyboard, stderr=keyboard) as running:
        os.close(keyboard)
        while part := _read(screen):
            seen += part
        running.wait()
    os.close(screen)
    return seen.decode()


def _read(screen: int) -> bytes:
    """Linux reports the end of a terminal as an error."""
    try:
        return os.read(screen, 4096)
    except OSError:
        return b""


def test_a_terminal_gets_tables_and_progress(tmp_path: Path) -> None:
    path = diagram(tmp_path, ONE_STEP.replace("核实", "'[red]核实'"))
    assert "┏━" in on_terminal("play", path)
    shown = on_terminal("check", path, path)
    assert "检查 checking" in shown
    assert "2/2" in shown
    piped = program("check", path, path)
    assert (b"checking" in piped.stderr, b"\x1b" in piped.stdout) == (False, False)
