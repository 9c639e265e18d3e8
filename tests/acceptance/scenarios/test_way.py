"""The way of a matter: handled by who found it, or escalated, level by level, to departments and back.

Scenarios 2 to 5."""

import json
from collections.abc import Callable
from datetime import datetime

import pytest

from engine import archive
from engine.iso8601 import ZONE
from tests.acceptance.scenarios.town import TownApi, refused

ZJ, ZJD = "zhenjiang/2026-01-01", "zhenjiang/2025-draft"
JS, X3, LZ = "jiangsu/2021-01-01", "unnamed-2023/2023-01-01", "luzhou/2024-10-01"

Towns = Callable[[str], TownApi]


def finish(town: TownApi, case: int) -> None:
    town.complete(case, "check", check_outcome="passed")
    town.complete(case, "close", closing_kind="normal", solved=True)
    assert town.status(case) == "archived"


def cannot_handle(town: TownApi) -> int:
    """A finding that the worker cannot handle and has to escalate; in Luzhou everything is reported first."""
    if town.place.pack.key == LZ:
        return town.report(town.worker(), matter_type="safety_hazard")
    case = town.report(town.worker())
    for node in ("verify", "register"):
        if node in town.steps(case):
            town.complete(case, node, by=town.worker(), verify_outcome="substantiated", urgency="ordinary")
    town.complete(case, "self_handle", by=town.worker(), self_handle_outcome="cannot_handle")
    return case


# -- 2: handled by who found it ----------------------------------------------------------------------


@pytest.mark.article("ZJ-13.2a", "X3-20.1a", "X3-21.b")
@pytest.mark.parametrize(("pack", "verified"), [(ZJ, True), (X3, False)])
def test_a_worker_handles_what_the_worker_found(town_api: Towns, pack: str, verified: bool) -> None:
    """ZJ-13.2, X3-20.1, X3-21: verified, handled, checked, closed, kept; each step timed, every act in the archive."""
    town = town_api(pack)
    case = town.report(town.worker())
    done = ["verify"] if verified else []
    if verified:
        assert town.due(case, "verify") is not None
        town.verify(case)
    assert town.due(case, "self_handle") is not None
    town.complete(case, "self_handle", by=town.worker(), self_handle_outcome="handled")
    for node in ("check", "close"):
        assert town.due(case, node) is not None
        town.complete(case, node, check_outcome="passed", closing_kind="normal", solved=True)
    assert town.status(case) == "archived"
    files = town.place.act(archive.package, case)
    kept = [json.loads(line.split(" ", 1)[1]) for line in files["records.jsonl"].decode().splitlines()]
    assert [one["detail"]["node"] for one in kept if one["kind"] == "completed"] == [
        *done, "self_handle", "check", "close",
    ]  # fmt: skip
    assert [one["hash"] for one in town.records(case)] == [
        line.split(" ", 1)[0] for line in files["records.jsonl"].decode().splitlines()
    ]
    said = {one["field"] for one in json.loads(files["said.json"])}
    assert {"title", "measures", "findings"} <= said


# -- 3: escalated ------------------------------------------------------------------------------------


@pytest.mark.article("ZJ-13.2b", "X3-20.1b", "LZ-16.1a")
@pytest.mark.parametrize(("pack", "node", "level"), [(ZJ, "triage", "township"), (X3, "triage", "township"), (LZ, "circulate", "village")])  # fmt: skip
def test_what_a_worker_cannot_handle_reaches_the_agency_with_the_reason(
    town_api: Towns, pack: str, node: str, level: str
) -> None:
    """ZJ-13.2, X3-20.1, LZ-16.1."""
    town = town_api(pack)
    case = cannot_handle(town)
    step = town.step(case, "escalate")
    given = town.place.filled(town.place.pack.forms["escalate"], {})
    del given["reason"]
    with refused("form.answer", "reason"):
        town.worker().post(f"steps/{step['id']}/complete", {"revision": step["revision"], "answer": given})
    town.complete(case, "escalate", by=town.worker(), reason="（测试）没有工具")
    assert town.at(case) == {node: {"township": town.place.township, "village": town.place.village}[level]}
    assert town.told(case, "escalate", "reason") == "（测试）没有工具"


@pytest.mark.parametrize("pack", [ZJ, X3, LZ, ZJD])
def test_the_light_of_an_escalation_turns_red_exactly_at_the_limit(town_api: Towns, pack: str) -> None:
    town = town_api(pack)
    case = cannot_handle(town)
    due = town.due(case, "escalate")
    assert due is not None
    town.place.now = due
    town.place.beat()
    assert town.light(case, "escalate") in ("green", "yellow")
    town.pass_(microseconds=1)
    assert town.light(case, "escalate") == "red"
    late = town.supervisor.get("overdue")["rows"]
    assert [row["matter"]["id"] for row in late if row["node"] == "escalate"] == [case]


@pytest.mark.article("ZJD-13.1b")
def test_in_the_draft_24_hours_run_through_the_national_holidays(town_api: Towns) -> None:
    """ZJD-13.1."""
    town = town_api(ZJD)
    town.place.now = datetime(2026, 9, 30, 16, tzinfo=ZONE)
    case = cannot_handle(town)
    step = town.step(case, "escalate")
    assert datetime.fromisoformat(step["due_at"]) == datetime(2026, 10, 1, 16, tzinfo=ZONE)
    assert step["clock"]["basis"]["kind"] == "draft"


# -- 4: level by level -------------------------------------------------------------------------------


@pytest.mark.article("X3-20.2b")
def test_a_matter_goes_up_one_level_at_a_time(town_api: Towns) -> None:
    """X3-20.2."""
    town = town_api(X3)
    case = cannot_handle(town)
    town.complete(case, "escalate", by=town.worker())
    with refused("form.answer", "triage_outcome"):
        town.complete(case, "triage", triage_outcome="ask_city")
    step = town.step(case, "triage")
    skipping = {"triage_outcome": "ask_higher", "opinion": "（测试）", "level": 2}
    with refused("form.answer", "level"):
        town.someone("triage_officer").post(
            f"steps/{step['id']}/complete", {"revision": step["revision"], "answer": skipping}
        )
    city = town.someone("triage_officer", town.place.city.agency)
    with refused("step.wrong-post"):
        town.complete(case, "triage", by=city, triage_outcome="ask_higher")
    town.complete(case, "triage", triage_outcome="ask_higher")
    assert town.at(case) == {"coordinate_county": town.place.county}
    town.complete(case, "coordinate_county", level_outcome="send_up")
    assert town.at(case) == {"coordinate_city": town.place.city.agency}
    with refused("form.answer", "level_outcome"):
        town.complete(case, "coordinate_city", level_outcome="send_up")
    town.complete(case, "coordinate_city", level_outcome="send_back")
    assert town.at(case) == {"coordinate_county": town.place.county}


# -- 5: dispatched -----------------------------------------------------------------------------------


@pytest.mark.article("ZJ-13.3c", "X3-20.3a", "X3-20.3b", "LZ-16.2a", "LZ-16.2b")
@pytest.mark.parametrize("pack", [ZJ, X3, LZ])
def test_a_department_is_given_a_limit_owes_a_result_and_tells_the_right_agency(town_api: Towns, pack: str) -> None:
    """ZJ-13.3: back to the agency that dispatched; X3-20.3, LZ-16.2: to the agency of the department's own level."""
    town = town_api(pack)
    housing = town.place.department("housing")
    case = cannot_handle(town)
    town.complete(case, "escalate", by=town.worker())
    if pack == LZ:
        town.complete(case, "circulate", circulate_outcome="to_township")
    unlimited = [{"unit": housing, "duty": "lead"}]
    with refused("form.answer", "assignments"):
        town.complete(case, "triage", triage_outcome="dispatch", assignments=unlimited)
    town.dispatch(case, housing)
    town.complete(case, "accept")
    assert town.due(case, "handle") is not None
    town.complete(case, "handle")
    step = town.step(case, "feedback")
    handler = town.someone("handler", housing)
    given = town.place.filled(town.place.pack.forms["feedback"], {"handling_outcome": "completed"})
    for field in ("result", "handling_outcome"):
        partial = {name: value for name, value in given.items() if name != field}
        with refused("form.answer", field):
            handler.post(f"steps/{step['id']}/complete", {"revision": step["revision"], "answer": partial})
    town.complete(case, "feedback", handling_outcome="completed", result="（测试）已加固")
    if pack == ZJ:
        assert town.at(case) == {"check": town.place.township}
        reader = town.someone("checker")
    else:
        node = {X3: "relay_feedback", LZ: "receive_feedback"}[pack]
        assert town.at(case) == {node: town.place.county}
        reader = town.holder(town.step(case, node))
    assert town.told(case, "feedback", "result", reader) == "（测试）已加固"
