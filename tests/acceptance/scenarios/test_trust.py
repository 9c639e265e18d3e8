"""What can be relied on: which rules govern, records that nobody changes, and somebody who sees what does not move.
Scenarios 17, 18 and 22."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from engine import archive, inspection, verification
from engine.publishing import PACKS, publish, read_folder
from tests.acceptance.scenarios.town import TownApi, refused

ZJ, ZJD = "zhenjiang/2026-01-01", "zhenjiang/2025-draft"
X3, LZ = "unnamed-2023/2023-01-01", "luzhou/2024-10-01"

Towns = Callable[..., TownApi]


# -- 17: versions ------------------------------------------------------------------------------------


def published(town: TownApi, folder: Path, key: str, in_force_from: str | None) -> None:
    """A new version of the Zhenjiang pack, in which verifying is called otherwise."""
    new = folder / "processes" / key
    shutil.copytree(PACKS / ZJ, new)
    shutil.copytree(PACKS / "shared", folder / "processes" / "shared", dirs_exist_ok=True)
    manifest = json.loads((new / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {"key": key, "in_force_from": in_force_from}
    (new / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    drawn = (new / "matter.bpmn").read_text(encoding="utf-8")
    assert '"verify" name="核实"' in drawn
    (new / "matter.bpmn").write_text(
        drawn.replace('"verify" name="核实"', '"verify" name="现场核实"'), encoding="utf-8"
    )
    with town.place.engine.work() as work:
        publish(work, read_folder(new)._replace(findings=()))


@pytest.mark.article("ZJ-26")
def test_a_new_version_is_for_what_is_found_from_its_day_on(town_api: Towns, tmp_path: Path) -> None:
    """ZJ-26. That the day of discovery decides is a reading."""
    town = town_api(ZJ)
    running = town.report(town.worker())
    published(town, tmp_path, "zhenjiang/2026-04-01", "2026-04-01")
    before = town.report(town.worker())
    town.place.now = town.place.now.replace(month=4, day=1)
    after = town.report(town.worker())
    found_before = town.report(town.worker(), discovered_at="2026-03-31T23:59:00+08:00")
    for case, pack, name in (
        (running, ZJ, "核实"), (before, ZJ, "核实"), (found_before, ZJ, "核实"),
        (after, "zhenjiang/2026-04-01", "现场核实"),
    ):  # fmt: skip
        assert (town.matter(case)["pack"], town.step(case, "verify")["name"]) == (pack, name)
    town.verify(running)  # and goes on under what it began with
    assert list(town.steps(running)) == ["self_handle"]


@pytest.mark.article("ZJD-31")
def test_what_has_no_day_of_effect_is_never_activated(town_api: Towns, tmp_path: Path) -> None:
    """ZJD-31: neither a draft nor a pack that calls itself law."""
    town = town_api(ZJ)
    published(town, tmp_path, "zhenjiang/2026-undated", None)
    with town.place.engine.work() as work:
        publish(work, read_folder(PACKS / ZJD)._replace(findings=()))
    assert town.matter(town.report(town.worker()))["pack"] == ZJ
    for key, code in (("zhenjiang/2026-undated", "pack.not-in-force"), (ZJD, "intake.draft")):
        town.place.draft = key
        with refused(code):
            town.report(town.worker())


# -- 18: records -------------------------------------------------------------------------------------


def test_nobody_changes_or_deletes_a_record_through_the_application(town_api: Towns) -> None:
    town = town_api(ZJ)
    rules = [rule for rule in town.app.url_map.iter_rules() if rule.rule.startswith("/api/")]
    changing = {
        (rule.rule, method) for rule in rules for method in (rule.methods or set()) & {"PUT", "PATCH", "DELETE"}
    }
    assert changing == {("/api/sessions/current", "DELETE")}
    case = town.report(town.worker())
    before = town.records(case)
    step = town.step(case, "verify")
    for person in (town.someone("duty_officer"), town.supervisor):  # nor somebody who may do more than others
        with refused("step.wrong-post"):
            answer = {"verify_outcome": "substantiated", "findings": "（测试）"}
            person.post(f"steps/{step['id']}/complete", {"revision": step["revision"], "answer": answer})
    town.verify(case)
    assert town.records(case)[: len(before)] == before
    with refused("step.closed"):
        body = {"revision": step["revision"], "answer": {"verify_outcome": "unsubstantiated", "findings": "（测试）"}}
        town.worker().post(f"steps/{step['id']}/complete", body)


@pytest.mark.parametrize("act", ["UPDATE record SET body = '{}' WHERE number = 1", "DELETE FROM record"])
def test_the_database_itself_keeps_records(town_api: Towns, act: str) -> None:
    town = town_api(ZJ)
    town.report(town.worker())
    with pytest.raises(DatabaseError), town.place.engine.work() as work:
        work.connection.execute(text(act))


def test_a_row_that_was_tampered_with_is_found_by_its_chain(town_api: Towns) -> None:
    town = town_api(ZJ)
    case = town.report(town.worker())
    town.verify(case)
    assert town.place.faults() == []
    town.tampered = True
    with town.place.engine.work() as work:
        work.connection.execute(text("DROP TRIGGER record_unchanged"))
        changed = "UPDATE record SET body = replace(body, 'substantiated', 'unsubstantiated') WHERE subject = :subject"
        assert work.connection.execute(text(changed), {"subject": f"case/{case}"}).rowcount
    with town.place.engine.look() as work:
        chain = next(one for one in verification.chains(work) if one.subject == f"case/{case}")
        rules = {fault.rule for fault in verification.faults(work, chain)}
    assert rules


def test_the_archive_of_a_matter_says_of_each_file_what_it_holds(town_api: Towns) -> None:
    """X3-21: who keeps the package can hold it against its own manifest."""
    town = town_api(X3)
    case = town.report(town.worker())
    town.complete(case, "self_handle", by=town.worker(), self_handle_outcome="handled")
    town.complete(case, "check", check_outcome="passed")
    town.complete(case, "close", closing_kind="normal", solved=True)
    files = town.place.act(archive.package, case)
    manifest = json.loads(files["manifest.json"])
    assert set(manifest["files"]) == set(files) - {"manifest.json", "inspection.json"}


def test_the_package_check_lists_the_four_properties(town_api: Towns) -> None:
    """X3-21, after DA/T 70: authentic, complete, usable, safe; a changed byte offends at least one of them."""
    town = town_api(X3)
    case = town.report(town.worker())
    town.complete(case, "self_handle", by=town.worker(), self_handle_outcome="handled")
    town.complete(case, "check", check_outcome="passed")
    town.complete(case, "close", closing_kind="normal", solved=True)
    files = town.place.act(archive.package, case)
    told = json.loads(files["inspection.json"])
    assert told == {"good": True, "properties": {key: [] for key in inspection.PROPERTIES}}
    assert [words.zh for words in inspection.PROPERTIES.values()] == ["真实性", "完整性", "可用性", "安全性"]
    files["records.jsonl"] = files["records.jsonl"].replace(b'"kind":"completed"', b'"kind":"complated"', 1)
    assert not inspection.inspect(files).good


# -- 22: who looks after what does not move ----------------------------------------------------------


@pytest.mark.article("ZJ-13.3b", "X3-20.3a", "LZ-16.2a")
@pytest.mark.parametrize("pack", [ZJ, X3, LZ])
def test_a_supervisor_finds_what_is_late_and_what_stands_still_and_a_department_has_to_reply(
    town_api: Towns, pack: str
) -> None:
    """ZJ-13.3, X3-20.3, LZ-16.2."""
    town = town_api(pack)
    housing, supervisor = town.place.department("housing"), town.supervisor
    duty = town.someone("duty_officer", town.place.village if pack == LZ else "")
    case = town.report(duty, "request_received", channel="platform", has_requester=False, matter_type="other")
    if pack == LZ:
        town.complete(case, "circulate", circulate_outcome="to_township")
    town.dispatch(case, housing)
    number = town.number(case)
    assert supervisor.get("overdue")["rows"] == []
    town.pass_(days=1, hours=10)
    for narrowed in ("", f"?unit={housing}", "?node=accept", f"?area={area(town)}"):
        late = supervisor.get(f"overdue{narrowed}")["rows"]
        assert [(row["matter"]["number"], row["node"]) for row in late] == [(number, "accept")]
        causes = {one["cause"]: one for one in supervisor.get(f"stuck{narrowed}")["causes"]}
        assert [row["matter"]["number"] for row in causes["unclaimed"]["rows"]] == [number]
    assert supervisor.get(f"overdue?unit={town.place.department('urban_management')}")["rows"] == []
    step = town.step(case, "accept")["id"]
    supervisor.post(f"matters/{number}/urge", {"text": "（测试）请抓紧", "step": step})
    with refused("case.not-permitted"):
        town.someone("receiver", housing).post(f"matters/{number}/urge", {"text": "（测试）", "step": step})
    supervisor.post(f"matters/{number}/supervise", {"unit": housing, "opinion": "（测试）请说明原因"})
    reply = town.step(case, "reply_supervision")
    assert (reply["unit"]["id"], reply["due_at"] is not None) == (housing, True)
    handler = town.someone("handler", housing)
    with refused("form.answer", "reply"):
        handler.post(f"steps/{reply['id']}/complete", {"revision": reply["revision"], "answer": {}})
    town.complete(case, "reply_supervision", by=handler)
    kinds = [one["kind"] for one in town.records(case)]
    assert kinds.index("urged") < kinds.index("supervised")
    assert list(town.steps(case)) == ["accept"]


def area(town: TownApi) -> str:
    return str(town.place.act(lambda work: work.directory.unit(town.place.township).area))
