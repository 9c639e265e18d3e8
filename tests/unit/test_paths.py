"""The ways through a diagram: what can come next, what cannot be got round, what holds a case up."""

from collections.abc import Mapping
from typing import Any

import pytest

from engine.checks.paths import Paths, after, decided, elements
from engine.definition import Definition
from engine.model import replace
from tests.diagrams import define

FORK = """
start s
parallel split
user a
user b
parallel join
user c
end e
s -> split
split -> a
split -> b
a -> join
b -> join
join -> c
c -> e
"""

CHOICE = """
start s
exclusive g
user a
user b
end e
s -> g
g -> a [x > 1 and y]
g => b
a -> e
b -> e
"""


def paths(text: str, *called: str, **facts: Any) -> Paths:
    return Paths(define(text, *called), facts)


def can_avoid(here: Paths, goal: str, *past: str) -> bool:
    return goal in here.avoiding("", past)


@pytest.mark.parametrize(
    ("condition", "facts", "expected"),
    [
        ("a", {"a": True}, True),
        ("a", {}, None),
        ("not a", {"a": True}, False),
        ("a and b", {"a": False}, False),
        ("a and b", {"a": True}, None),
        ("a or b", {"b": True}, True),
        ("a or b", {"b": False}, None),
        ("a == 'x' and not b", {"a": "y"}, False),
        ("contains(r, 'back') or not contains(r, 'done')", {"r": ["done"]}, False),
        ("a > 1", {"a": "text"}, None),
        ("a +", {}, None),
        ("default(a, True)", {}, None),
    ],
)
def test_a_condition_is_decided_as_far_as_the_facts_go(
    condition: str, facts: Mapping[str, Any], expected: bool | None
) -> None:
    assert decided(condition, facts) is expected


def test_a_join_waits_for_all_branches_so_none_can_be_avoided() -> None:
    here = paths(FORK)
    assert not can_avoid(here, "c", "a")
    assert not can_avoid(here, "c", "b")
    assert can_avoid(here, "b", "a")
    assert can_avoid(here, "c", "e")


def test_a_choice_can_be_avoided_unless_facts_decide_it() -> None:
    assert can_avoid(paths(CHOICE), "e", "a")
    assert can_avoid(paths(CHOICE), "e", "b")
    assert not can_avoid(paths(CHOICE, x=1), "e", "b")
    assert not can_avoid(paths(CHOICE, x=2, y=True), "e", "a")
    assert can_avoid(paths(CHOICE, x=2), "e", "a")


def test_an_exclusive_gateway_looks_no_further_than_what_certainly_holds() -> None:
    text = CHOICE.replace("g => b", "g -> b [z]\ng => e")
    assert [*paths(text, x=2, y=True).onward(after("g"))] == ["a"]
    assert [*paths(text, x=2).onward(after("g"))] == ["a", "b", "e"]
    assert [*paths(text, x=1, z=True).onward(after("g"))] == ["b"]
    inclusive = text.replace("exclusive g", "inclusive g")
    assert [*paths(inclusive, x=2, y=True).onward(after("g"))] == ["a", "b"]


def test_the_way_is_the_shortest_one() -> None:
    here = paths(CHOICE)
    assert here.way(here.avoiding("", {"a"}), "e") == ["s", "g", "b", "e"]


def test_a_way_round_in_a_circle_ends() -> None:
    here = paths("start s\nexclusive g\nuser a\nend e\ns -> a\na -> g\ng -> a [again]\ng => e")
    assert here.way(here.reach(after("a")), "e") == ["a", "g", "e"]
    assert "a" in here.reach(after("a"))


def test_a_boundary_event_leaves_its_step_before_it_is_done() -> None:
    text = "start s\nuser a\nboundary late on=a timer=PT1H\nuser b\nend e\ns -> a\na -> b\nb -> e\nlate -> b"
    assert can_avoid(paths(text), "b", "a")
    assert not can_avoid(paths(text), "e", "b")


def test_a_sub_process_can_be_left_from_any_of_its_steps() -> None:
    here = paths("""
start s
sub S {
  start si
  user x
  user y
  end ei
  si -> x
  x -> y
  y -> ei
}
boundary off on=S message=stop
end e
end broken
s -> S
S -> e
off -> broken
""")
    assert not can_avoid(here, "e", "S/y")
    assert can_avoid(here, "broken", "S/x")
    assert "broken" in here.reach(after("S/x"))
    assert "broken" not in here.reach(after("S"))


EVENTS = """
start s
user a
user b
end e
event E {
  start es message=m interrupting=%s
  user h
  end ee
  es -> h
  h -> ee
}
s -> a
a -> b
b -> e
"""


def test_an_interrupting_event_sub_process_may_begin_anywhere_and_ends_the_case() -> None:
    here = paths(EVENTS % "yes")
    assert "E/h" in here.reach(after("a"))
    assert can_avoid(here, after(""), "b")
    assert not can_avoid(here, after(""), "b", "E/h")


def test_one_that_does_not_interrupt_ends_nothing() -> None:
    here = paths(EVENTS % "no")
    assert "E/h" in here.reach("")
    assert "E/h" not in here.reach(after("a"))
    assert not can_avoid(here, after(""), "b")


def test_called_processes_are_unfolded_where_they_are_called() -> None:
    inner = "process inner\nstart s\nuser x\nend e\ns -> x\nx -> e"
    here = paths("start s\ncall C calls=inner\nend e\ns -> C\nC -> e", inner)
    assert not can_avoid(here, "e", "C/x")
    assert [*elements(here.way(here.reach(""), "e"))] == ["s", "C", "s", "x", "e", "C", "e"]


def test_a_process_that_calls_itself_is_unfolded_once() -> None:
    inner = "process inner\nstart s\nuser x\nend e\ns -> x\nx -> e"
    drawn = define("start s\ncall C calls=inner\nend e\ns -> C\nC -> e", inner)
    itself = replace(drawn.process, id="inner")
    assert set(Paths(Definition("main", {"main": drawn.process, "inner": itself})).steps) >= {"C/C", "C/e", "e"}


def test_a_link_leads_on_and_an_error_does_not_end_the_process() -> None:
    text = "start s\nthrow t link=there\ncatch c link=there\nuser a\nend e\ns -> t\nc -> a\na -> e"
    assert not can_avoid(paths(text), "e", "a")
    thrown = "start s\nexclusive g\nend e\nend bad error=E1\ns -> g\ng -> bad [x]\ng => e"
    assert not can_avoid(paths(thrown), after(""), "e")


def test_what_waits_holds_up() -> None:
    here = paths(FORK)
    assert here.held_up(after("s"), {"a"}) is None
    assert here.held_up(after("s"), {"c"}) == ["s", "split", "a"]
    assert here.held_up(after("a"), {"c"}) == ["a", "join"], "the other branch is waited for"


def test_every_choice_has_to_lead_there_at_once() -> None:
    assert paths(CHOICE).held_up(after("s"), {"a"}) == ["s", "g", "b"]
    assert paths(CHOICE).held_up(after("s"), {"a", "b"}) is None
    assert paths(CHOICE, x=2, y=True).held_up(after("s"), {"a"}) is None
    assert paths(CHOICE).held_up(after("s"), {"e"}, through={"a", "b"}) is None


def test_a_timer_holds_up_too_and_a_circle_leads_nowhere() -> None:
    timed = "start s\ncatch t timer=PT1H\nuser a\nend e\ns -> t\nt -> a\na -> e"
    assert paths(timed).held_up(after("s"), {"a"}) == ["s", "t"]
    round_ = "start s\nexclusive m\nexclusive g\nuser a\nend e\ns -> m\nm -> g\ng -> m [x]\ng => a\na -> e"
    assert paths(round_).held_up(after("s"), {"a"}) is not None


def test_only_what_stands_in_two_branches_is_beside() -> None:
    assert paths(FORK).beside("a", "b")
    assert not paths(FORK).beside("a", "c")
    assert not paths(CHOICE).beside("a", "b")
    in_line = "start s\nparallel f\nuser a\nuser b\nuser d\nend e\ns -> f\nf -> a\na -> b\nb -> e\nf -> d\nd -> e"
    assert not paths(in_line).beside("a", "b")
    assert paths(in_line).beside("b", "d")


def test_a_reminder_beside_the_flow_does_not_let_a_step_be_passed() -> None:
    text = """
start s
user a
boundary late on=a timer=PT1H interrupting=no
end told
end e
s -> a
a -> e
late -> told
"""
    assert not can_avoid(paths(text), "e", "a")
    assert can_avoid(paths(text), "told", "a")
