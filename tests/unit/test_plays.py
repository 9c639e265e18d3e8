"""Trying a pack out: what is open, what runs, and what else may happen after a list of acts."""

import itertools
from datetime import datetime
from typing import Any

import pytest

from engine.errors import NotFound, Refused, WanggeError
from engine.iso8601 import ZONE
from engine.player import Player
from engine.plays import tried
from tests.diagrams import bpmn, define
from tests.small_pack import pack

FOUND = {"kind": "light", "agency": "agency-1"}
FAILING = """
process matter
start s
service ask handler=h
boundary refused on=ask error=refused
user sign form=handle role=officer
boundary back on=sign escalation=return
boundary heard on=sign message=hurry key=number interrupting=no
event chase {
start chased message=urged interrupting=no
end noted
chased -> noted
}
end e
end f
s -> ask
ask -> sign
sign -> e
refused -> f
back -> f
heard -> f
"""


def play(*actions: dict[str, Any], facts: dict[str, Any] = FOUND, **more: Any) -> dict[str, Any]:
    return tried(pack(), "matter", facts=facts, actions=actions, **more)


def failing(*actions: dict[str, Any]) -> dict[str, Any]:
    folder = pack(more={"matter.bpmn": bpmn(FAILING).decode()})
    return tried(folder, "matter", facts={"number": 7}, actions=actions)


def test_a_play_stops_where_the_acts_end_and_says_what_is_open() -> None:
    told = play()
    assert (told["status"], told["open"], told["incidents"], told["stopped"]) == ("open", ["handle"], [], False)
    (step,) = told["steps"]
    assert (step["node"], step["name"], step["process"], step["kind"], step["automatic"]) == (
        "handle",
        "办理",
        "matter",
        "user",
        False,
    )
    assert step["form"]["title"] == "办理"
    assert step["properties"]["limit"] == "handle"
    assert told["clocks"] == [{"node": "late", "name": "超时", "process": "matter", "due": "2026-01-06T09:00:00+08:00"}]
    assert told["now"] == "2026-01-05T09:00:00+08:00"
    assert told["variables"]["by"] == "agency"


def test_the_same_acts_give_the_same_play() -> None:
    acts = ({"advance": "P2D"}, {"complete": "handle", "facts": {"opinion": "好"}})
    assert play(*acts) == play(*acts)


def test_time_jumps_to_the_next_timer() -> None:
    told = play({"advance": "next"})
    assert told["now"] == "2026-01-06T09:00:00+08:00"
    assert told["clocks"] == []
    assert [row["node"] for row in told["trace"] if row["event"] == "fired"] == ["late"]
    with pytest.raises(Refused) as caught:
        play({"advance": "next"}, {"advance": "next"})
    assert caught.value.words.zh.endswith("无法执行：没有正在运行的定时器。")


def test_a_step_of_a_called_process_names_its_process_and_its_law_time() -> None:
    told = play({"complete": "handle"}, at=datetime(2026, 1, 5, 9, tzinfo=ZONE))
    (step,) = told["steps"]
    assert (step["node"], step["process"]) == ("inspect", "inspection")
    assert [(one["node"], one["process"]) for one in told["clocks"]] == [("inspection_late", "inspection")]
    assert play({"complete": "handle"}, {"advance": "next"})["status"] == "ended"


def test_what_else_may_happen_at_a_step_or_anywhere_is_offered_as_an_act_that_can_be_done() -> None:
    told = failing()
    (ask,) = told["steps"]
    assert (ask["node"], ask["automatic"]) == ("ask", True)
    assert [way["action"] for way in ask["ways"]] == [{"error": "refused", "at": "ask"}]
    assert [way["action"] for way in told["ways"]] == [{"message": "urged"}]
    assert failing(ask["ways"][0]["action"])["status"] == "ended"
    signing = failing({"complete": "ask"})
    (sign,) = signing["steps"]
    assert sign["form"]["title"] == "办理"
    assert [way["action"] for way in sign["ways"]] == [
        {"escalate": "return", "at": "sign"},
        {"message": "hurry", "at": "sign", "key": 7},
    ]
    for way in (*sign["ways"], *signing["ways"]):
        passed = {row["node"] for row in failing({"complete": "ask"}, way["action"])["trace"]}
        assert way["node"] in passed


def test_a_handler_whose_errors_nobody_knows_answers_at_once_also_while_others_wait() -> None:
    both = "start s\nparallel p\nservice a handler=h\nboundary x on=a error=e\nservice b handler=h\nend e\nend f\nend g\ns -> p\np -> a\np -> b\na -> e\nb -> f\nx -> g"
    assert Player(define(both)).follow().open == ["a"]
    assert Player(define(both)).follow([{"error": "e", "at": "a"}]).status == "ended"


def test_handlers_answer_what_the_acts_give_them() -> None:
    told = play(facts={"kind": "water", "units_asked": ["a"]})
    assert told["open"] == ["inspect"]
    answered = play({"complete": "tell", "facts": {"told": True}}, facts={"kind": "water", "units_asked": ["a"]})
    assert [row["node"] for row in answered["trace"]] == [row["node"] for row in told["trace"]]


def test_each_unit_sees_its_own_variables_and_is_answered_by_number() -> None:
    each = "start s\nuser a collection=units item=unit output=said output_item=word\nend e\ns -> a\na -> e"
    player = Player(define(each), facts={"units": ["north", "south"]})
    numbers = [one.id for one in player.waiting]
    player.follow(
        [{"complete": "a", "step": numbers[1], "facts": {"word": "S"}}, {"complete": "a", "facts": {"word": "N"}}]
    )
    assert player.variables["said"] == ["N", "S"]
    folder = pack(more={"matter.bpmn": bpmn(f"process matter\n{each}").decode()})
    told = tried(folder, "matter", facts={"units": ["north", "south"]})
    assert [step["local"] for step in told["steps"]] == [
        {"unit": "north", "loopCounter": 0},
        {"unit": "south", "loopCounter": 1},
    ]
    with pytest.raises(Refused):
        tried(folder, "matter", facts={"units": ["north"]}, actions=[{"complete": "a", "step": 999}])


def test_what_is_stuck_is_told_and_goes_on_once_the_variable_is_there() -> None:
    stuck = play(facts={"kind": "water"})
    assert (stuck["status"], [one["node"] for one in stuck["incidents"]]) == ("incident", ["units"])
    told = play({"retry": "units", "facts": {"units_asked": []}}, facts={"kind": "water"})
    assert (told["status"], told["incidents"], told["open"]) == ("open", [], ["inspect"])
    with pytest.raises(Refused):
        play({"retry": "handle"})


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"dance": "now"},
        {"complete": 7},
        {"complete": "handle", "facts": []},
        {"complete": "handle", "step": "1"},
        {"complete": "handle", "colour": "red"},
        {"error": "x"},
        {"error": "x", "at": "handle"},
        {"escalate": "x"},
        {"escalate": "x", "at": "handle"},
        {"advance": "a day"},
        {"complete": "units"},
    ],
)
def test_an_act_that_is_none_is_refused_with_its_number(action: dict[str, Any]) -> None:
    if action == {"error": "x", "at": "handle"}:
        assert play(action)["status"] == "incident"
        return
    with pytest.raises(Refused) as caught:
        play(action)
    assert caught.value.words.zh.startswith("第1个操作")


def test_a_process_or_start_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(NotFound):
        tried(pack(), "nothing")
    with pytest.raises(NotFound):
        play(start="nothing")
    assert play(start="found")["open"] == ["handle"]
    assert tried(pack(), "inspection")["open"] == ["inspect"]


def test_a_play_is_bounded_in_acts_events_and_time() -> None:
    with pytest.raises(Refused):
        play(*[{"advance": "PT1S"}] * 1001)
    ticking = "process matter\nstart s\nuser a\nboundary b on=a timer=R/PT1S interrupting=no\nend e\nend f\ns -> a\na -> e\nb -> f"
    folder = pack(more={"matter.bpmn": bpmn(ticking).decode()})
    assert tried(folder, "matter", actions=[{"advance": "P1D"}])["stopped"]
    counter = itertools.count()
    short = tried(folder, "matter", actions=[{"advance": "P1D"}], enough=lambda: next(counter) > 20)
    assert short["stopped"]
    assert len(short["trace"]) < 100
    with pytest.raises(WanggeError) as caught:
        play(*[{"advance": "P90Y"}] * 100)
    assert caught.value.code in ("play.action", "play.beyond-time")
