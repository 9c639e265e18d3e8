"""What example cases exercise, and whether they come out as they say."""

from typing import Any

import pytest

from engine.coverage import coverage, exercised, run
from engine.player import Player
from tests.diagrams import define
from tests.small_pack import MATTER, pack

LIGHT: dict[str, Any] = {
    "name": "light",
    "title": {"zh": "路灯", "en": "Light"},
    "process": "matter",
    "start": {"event": "found", "facts": {"kind": "light", "agency": "agency-1"}},
    "actions": [{"advance": "P1D"}, {"complete": "handle"}, {"complete": "inspect"}],
    "expect": {
        "status": "ended",
        "end": "handled",
        "visited": ["handle", "late", "inspect"],
        "not_visited": ["units"],
        "counts": {"remind": 1},
        "variables": {"reminded": True},
    },
}
WATER: dict[str, Any] = {
    "name": "water",
    "process": "matter",
    "start": {"event": "found", "facts": {"kind": "water", "units_asked": ["a", "b"]}},
    "actions": [{"advance": "P2D"}],
    "expect": {"status": "ended", "end": "handled"},
}


def covered(*cases: Any) -> dict[str, Any]:
    return coverage(pack(more={f"cases/{number}.json": case for number, case in enumerate(cases)}))


def changed(case: dict[str, Any], **expect: Any) -> dict[str, Any]:
    return {**case, "expect": {**case["expect"], **expect}}


def test_what_no_case_touches_is_missing() -> None:
    told = covered()
    assert told["cases"] == []
    matter, inspection = told["processes"]
    assert matter["missing"]["timers"] == ["late"]
    assert matter["missing"]["rules"] == ["triage/r1", "triage/r2", "triage/r3"]
    assert set(matter["missing"]["flows"]) == {*(f"f{number}" for number in range(1, 11)), "u1", "u2"}
    assert inspection["missing"]["nodes"] == ["begin", "inspect", "done", "inspection_late", "not_done"]


def test_each_thing_names_the_cases_that_exercise_it() -> None:
    told = covered(LIGHT, WATER)
    matter, inspection = told["processes"]
    assert [(case["name"], case["status"], case["good"]) for case in told["cases"]] == [
        ("light", "ended", True),
        ("water", "ended", True),
    ]
    assert matter["nodes"]["triage"] == ["light", "water"]
    assert matter["nodes"]["tell"] == ["water"]
    assert matter["flows"]["f3"] == ["light"]
    assert matter["flows"]["f4"] == ["water"]
    assert matter["timers"] == {"late": ["light"]}
    assert matter["rules"] == {"triage/r1": ["light"], "triage/r2": ["water"], "triage/r3": []}
    assert inspection["timers"] == {"inspection_late": ["water"]}
    assert inspection["flows"] == {"f1": ["light", "water"], "f2": ["light"], "f3": ["water"]}
    assert matter["missing"] == {"nodes": ["urged"], "flows": ["f9"], "timers": [], "rules": ["triage/r3"]}


def test_the_same_id_in_a_called_process_is_told_apart() -> None:
    """Both processes have a node `begin` and flows f1, f2, f3: the sub-process of the matter is not entered."""
    matter, inspection = covered(LIGHT)["processes"]
    assert matter["nodes"]["begin"] == []
    assert inspection["nodes"]["begin"] == ["light"]
    assert matter["flows"]["f4"] == []


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (changed(LIGHT, status="open"), "结束状态应为 open，实际为 ended。"),
        (changed(LIGHT, end="reminded"), None),
        (changed(LIGHT, end="told"), "到达结束事件的次数应为 1，实际为 0。"),
        (changed(LIGHT, visited=["units"]), "没有经过“units”。"),
        (changed(LIGHT, not_visited=["late"]), "经过了“late”。"),
        (changed(LIGHT, counts={"remind": 2}), "经过“remind”的次数应为 2，实际为 1。"),
        (changed(LIGHT, variables={"reminded": False}), "变量“reminded”应为 False，实际为 True。"),
        (changed(LIGHT, visited=7), "案例的 expect 写法不对，请对照其他案例。"),
        ({**LIGHT, "actions": LIGHT["actions"][:2]}, "结束状态应为 ended，实际为 open。"),
        ({**LIGHT, "process": "nothing"}, "没有流程“nothing”。现有：matter、inspection。"),
        ({**LIGHT, "actions": [{"dance": "now"}]}, "第1个操作 {'dance': 'now'} 不是可以执行的操作。"),
        ({**LIGHT, "actions": [{"advance": "P90Y"}] * 100}, "第89个操作 {'advance': 'P90Y'} 无法执行：year 10036 is out of range。"),
        ({**WATER, "start": {"event": "found", "facts": {"kind": "water"}}}, "“units”出现异常：表达式「units_asked」"),
        ({"name": "half"}, "案例应写明 name、process、start（event、facts）和 actions，请对照其他案例。"),
        ([], "案例应写明 name、process、start（event、facts）和 actions，请对照其他案例。"),
    ],
)  # fmt: skip
def test_a_case_that_does_not_come_out_as_it_says_is_told(case: Any, words: str | None) -> None:
    faults = [fault.zh for fault in run(pack(), case).faults]
    assert (words is None and faults == []) or any(fault.startswith(str(words)) for fault in faults), faults


def test_two_cases_of_one_name_are_told_apart() -> None:
    matter = covered(LIGHT, {**WATER, "name": "light"})["processes"][0]
    assert matter["nodes"]["triage"] == ["light", "light (2)"]


def test_a_long_play_is_broken_off_and_said_to_be() -> None:
    endless = define(
        "start s\nuser a\nboundary b on=a timer=R/PT1S interrupting=no\nend e\nend f\ns -> a\na -> e\nb -> f"
    )
    player = Player(endless)
    player.do([{"advance": "P1D"}])
    assert player.stopped
    asked = iter([False, False, True, True, True])
    told = coverage(pack(more={"cases/1.json": LIGHT}), enough=lambda: next(asked, True))
    assert "推演太久，未完成。" in [fault["zh"] for fault in told["cases"][0]["faults"]]
    assert [case["stopped"] for case in told["cases"] + covered(LIGHT)["cases"]] == [True, False]


GATEWAYS = """
start s
inclusive split
user a
user b
user c
inclusive join
parallel fork
user d
parallel meet
user each collection=list item=it
first wait
catch soon timer=PT1H
catch heard message=m
end e
end f
s -> split
split -> a [x > 0]
split -> b [x > 1]
split => c
a -> join
b -> join
c -> join
join -> fork
fork -> d
fork -> meet
d -> meet
meet -> each
each -> wait
wait -> soon
wait -> heard
soon -> e
heard -> f
"""


@pytest.mark.parametrize(
    ("facts", "actions", "not_taken"),
    [
        ({"x": 1, "list": [1, 2]}, [{"complete": "a"}, {"complete": "d"}, {"complete": "each"}, {"complete": "each"}, {"advance": "PT1H"}], {"split_b_2", "split_c_3", "b_join_5", "c_join_6", "wait_heard_14", "heard_f_16"}),
        ({"x": 2, "list": []}, [{"complete": "a"}, {"complete": "b"}, {"complete": "d"}, {"message": "m"}], {"split_c_3", "c_join_6", "each_wait_12", "wait_soon_13", "soon_e_15"}),
        ({"x": 0, "list": [1, 2]}, [{"complete": "c"}, {"complete": "d"}, {"complete": "each"}], {"split_a_1", "split_b_2", "a_join_4", "b_join_5", "each_wait_12", "wait_soon_13", "wait_heard_14", "soon_e_15", "heard_f_16"}),
    ],
)  # fmt: skip
def test_a_flow_counts_when_a_token_went_along_it(
    facts: dict[str, Any], actions: list[Any], not_taken: set[str]
) -> None:
    definition = define(GATEWAYS)
    player = Player(definition, facts=facts)
    player.do(actions)
    taken = {id for _, id in exercised(player).flows}
    assert set(definition.process.body.flows) - taken == not_taken


def test_the_matter_of_these_tests_calls_what_has_the_same_ids() -> None:
    assert 'calledElement="inspection"' in MATTER
