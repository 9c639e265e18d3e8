"""Whether the gate finds changes of status that the engine would refuse, by the shortest way, and no others."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine import lifecycle
from engine.checks.statuses import check
from engine.errors import Finding
from tests.diagrams import define


def step(id: str, status: str, unit: str = "office", more: str = "") -> str:
    return f"user {id} unit={unit} status={status} {more}"


def row(*statuses: str) -> str:
    """Steps of one unit, one after the other."""
    steps = [step(f"a{number}", status) for number, status in enumerate(statuses)]
    ids = ["s", *(f"a{number}" for number in range(len(statuses))), "e"]
    return "\n".join(["start s", *steps, "end e", *(f"{one} -> {two}" for one, two in pairwise(ids))])


def told(text: str, *others: str) -> list[tuple[str, str]]:
    return [(one.element, one.level) for one in check(define(text, *others))]


def first(text: str) -> Finding:
    return check(define(text))[0]


# -- one after the other -----------------------------------------------------------------------------------


def test_the_ordinary_way_is_lawful() -> None:
    assert told(row("to_verify", "to_escalate")) == []
    assert told(row("to_triage", "coordinating", "to_check", "to_close", "to_archive")) == []
    assert told(row("to_sign_for", "handling", "handling", "to_feed_back")) == []


@pytest.mark.parametrize(
    ("statuses", "element"),
    [
        (("to_feed_back",), "a0"),
        (("to_archive",), "a0"),
        (("handling", "to_sign_for"), "a1"),
        (("to_close", "handling"), "a1"),
        (("to_check", "to_close", "to_archive", "to_check"), "a3"),
    ],
)
def test_a_change_that_would_be_refused_is_found(statuses: tuple[str, ...], element: str) -> None:
    assert told(row(*statuses)) == [(element, "error")]


def test_the_finding_says_which_change_what_instead_and_the_way() -> None:
    finding = first(row("to_sign_for", "handling", "to_sign_for"))
    assert (finding.rule, finding.element, finding.name) == ("statuses.unlawful", "a2", "a2")
    assert finding.path == ("s", "a0", "a1", "a2")
    assert "要从“办理中”变为“待签收”" in finding.message
    assert "from “handling” to “to sign for”" in finding.message
    assert "s → a0 → a1 → a2" in finding.message
    assert "Lawful then: disputed, to feed back" in finding.message


def test_what_two_units_do_is_two_things() -> None:
    two = row("to_sign_for", "handling", "to_sign_for").replace("a1 unit=office", "a1 unit=other")
    assert told(two) == []
    assert told(two.replace("a1 unit=other", "a1")) == []


def test_who_had_it_and_comes_to_rest_begins_anew() -> None:
    """Between two steps another one is waited for: the assignment is passed on, and then not disputed from closing."""
    text = row("handling", "to_feed_back", "to_triage").replace("a1 unit=office status=to_feed_back", "a1")
    assert told(text) == []


def test_closing_is_for_good_unless_somebody_reopens() -> None:
    text = f"start s\n{step('a', 'to_close')}\nuser other\n{step('b', 'to_triage')}\nend e\ns -> a\na -> other\nother -> b\nb -> e"
    assert told(text) == [("b", "error")]
    assert lifecycle.lawful("closed", "to_triage")  # by the verb alone


def test_the_shortest_way_is_told() -> None:
    text = f"""
        start s
        exclusive g
        {step("long", "to_verify")}
        {step("way", "to_escalate")}
        {step("b", "to_feed_back")}
        end e
        s -> g
        g -> long [x]
        g => b
        long -> way
        way -> b
        b -> e
        """
    paths = [one.path for one in check(define(text))]
    assert ("s", "g", "b") in paths
    assert ("s", "g", "long", "way", "b") in paths


def test_circles_end_and_are_looked_at() -> None:
    text = f"start s\n{step('a', 'to_sign_for')}\n{step('b', 'handling')}\nexclusive g\nend e\ns -> a\na -> b\nb -> g\ng -> {{}} [x]\ng => e"
    assert told(text.replace("{}", "b")) == []
    assert told(text.replace("{}", "a")) == [("a", "error")]


def test_a_circle_of_scripts_is_no_trap() -> None:
    text = f"start s\n{step('a', 'handling')}\nexclusive m\nscript x script='n = 1'\nexclusive g\nend e\ns -> a\na -> m\nm -> x\nx -> g\ng -> m [y]\ng => e"
    assert told(text) == []


# -- beside each other -------------------------------------------------------------------------------------


def parallel(one: str, two: str, after: str) -> str:
    return f"""
        start s
        parallel f
        {step("a", one)}
        {two}
        parallel j
        {step("c", after)}
        end e
        s -> f
        f -> a
        f -> b
        a -> j
        b -> j
        j -> c
        c -> e
        """


def test_the_first_open_step_gives_the_status() -> None:
    """`a` comes first: when it is done before `b`, its status gives way to that of `b`; never the other way."""
    assert told(parallel("to_sign_for", step("b", "handling"), "to_feed_back")) == [("c", "error")]
    assert told(parallel("to_sign_for", step("b", "handling"), "handling")) == []
    assert told(parallel("handling", step("b", "to_sign_for"), "to_feed_back")) == [("b", "error")]


def test_a_step_opened_later_may_come_first() -> None:
    """Which step counts goes by the token that came into being first, not by when the step was opened."""
    text = parallel("to_sign_for", step("b", "handling"), "handling")
    assert told(text) == []
    assert told(text.replace("f -> a", "user x\nf -> x\nx -> a")) == [("a", "error")]


def test_waiting_for_a_branch_of_somebody_else_is_coming_to_rest() -> None:
    text = parallel("to_close", "user b", "to_archive")
    assert told(text.replace("s -> f", f"{step('z', 'to_check')}\ns -> z\nz -> f")) == []


# -- what may come between ---------------------------------------------------------------------------------


def left_by(status: str, event: str, goal: str = "e") -> str:
    back = f"{step('b', 'to_sign_for')}\nb -> e" if goal == "b" else ""
    return f"""
        start s
        {step("z", "to_sign_for")}
        {step("h", "handling")}
        {step("a", status)}
        boundary x on=a {event}
        end e
        {back}
        s -> z
        z -> h
        h -> a
        a -> e
        x -> {goal}
        """


def test_an_act_that_is_refused_is_a_warning_and_what_happens_by_itself_an_error() -> None:
    assert told(left_by("handling", "escalation=return")) == []
    assert told(left_by("to_feed_back", "escalation=return")) == [("a", "warning")]
    assert told(left_by("to_feed_back", "escalation=withdraw")) == [("a", "warning")]
    assert told(left_by("to_feed_back", "escalation")) == [("a", "warning")] * 2
    assert told(left_by("to_feed_back", "error=broken")) == []
    assert told(left_by("handling", "escalation=dispute", "b")) == [("b", "warning")]
    assert told(left_by("handling", "timer=P1D", "b")) == [("b", "error")]


def test_a_reminder_takes_nothing_away() -> None:
    text = left_by("to_feed_back", "timer=P1D interrupting=no", "b")
    assert told(text.replace("user b unit=office", "user b unit=other")) == []


@pytest.mark.parametrize("event", ["message=m", "timer=PT1H"])
def test_events_are_waited_for(event: str) -> None:
    text = f"start s\n{step('a', 'handling')}\nfirst g\ncatch m {event}\ncatch n message=other\n{step('b', 'to_feed_back')}\nend e\ns -> a\na -> g\ng -> m\ng -> n\nm -> b\nn -> e\nb -> e"
    assert told(text) == []
    assert told(text.replace("status=handling", "status=to_close")) == [("b", "error")]


# -- levels ------------------------------------------------------------------------------------------------


def inside(body: str, more: str = "", after: str = "S -> e") -> str:
    return f"start s\nsub S {more} {{\n{body}\n}}\nend e\ns -> S\n{after}"


def test_each_level_is_a_track_of_its_own() -> None:
    """What is closed around a sub-process is nothing to the same unit's part in it."""
    part = f"start t\n{step('b', 'to_triage')}\nend u\nt -> b\nb -> u"
    text = inside(part).replace("s -> S", f"{step('z', 'to_close')}\ns -> z\nz -> S")
    assert told(text) == []


INNER = f"start t\n{step('b', 'to_close')}\n{step('c', 'to_archive')}\nend u\nt -> b\nb -> c\nc -> u"


def test_a_level_entered_again_goes_on_from_what_it_left() -> None:
    assert told(inside(INNER)) == []
    again = inside(INNER, after="exclusive g\nS -> g\ng -> S [x]\ng => e")
    assert told(again) == [("b", "error")]
    assert told(inside(INNER, "sequential collection=list item=one")) == [("b", "error")]
    handled = INNER.replace("to_close", "handling").replace("to_archive", "to_feed_back")
    assert told(again.replace(INNER, handled)) == []


def test_a_level_left_by_an_act_from_inside() -> None:
    handled = INNER.replace("to_close", "handling").replace("to_archive", "to_feed_back")
    left = "boundary x on=S escalation=return\nx -> e\nS -> e"
    assert told(inside(handled, after=left)) == [("c", "warning")]
    assert told(inside(handled, after=left.replace("return", "dispute"))) == []


def test_a_process_that_is_called_is_a_level() -> None:
    called = f"process other\n{row('to_feed_back')}"
    assert told("start s\ncall c calls=other\nend e\ns -> c\nc -> e", called) == [("a0", "error")]


def test_a_level_that_is_too_large_is_said_so() -> None:
    branches = "\n".join(f"user b{n}\nf -> b{n}\nb{n} -> j" for n in range(8))
    text = f"start s\n{step('a', 'handling')}\nparallel f\nparallel j\nend e\ns -> a\na -> f\n{branches}\nj -> e"
    (finding,) = check(define(text), states=50)
    assert (finding.rule, finding.level, finding.element) == ("statuses.undecided", "warning", "main")
    assert check(define(text), states=1000) == []


# -- against the table -------------------------------------------------------------------------------------


def by_answering(before: str | None, after: str) -> bool:
    """Lawful without a verb of its own: nobody reopens by answering a step."""
    change = lifecycle.LAWFUL.get((before, after))
    return change is not None and not change.act


@example(["to_close", "to_archive", "to_triage"])
@given(st.lists(st.sampled_from(sorted(lifecycle.OPEN)), min_size=1, max_size=5))
def test_a_row_of_steps_is_lawful_exactly_if_each_change_is(statuses: list[str]) -> None:
    changes = list(zip([None, *statuses], [*statuses, lifecycle.rests_as(statuses[-1])], strict=True))
    wrong = [number for number, (one, two) in enumerate(changes) if one != two and not by_answering(one, two)]
    found = check(define(row(*statuses)))
    assert [one.element for one in found] == [f"a{min(number, len(statuses) - 1)}" for number in wrong[:1]]


def test_coming_to_rest_is_always_lawful() -> None:
    """So what an event around a level takes away needs no look of its own."""
    assert all(lifecycle.lawful(status, lifecycle.rests_as(status)) for status in lifecycle.OPEN)
