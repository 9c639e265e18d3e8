"""Whether the gate adds up limits as the law counts them, and names the path that cannot be in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checks.time import HOURS, check
from engine.definition import Definition, Timer
from engine.errors import Finding
from engine.limits import Basis, BasisKind, Limit, Unit
from engine.model import replace
from tests.diagrams import define
from tests.unit.test_checks_form import changed, form, pack, worded


def days(amount: int, unit: Unit = "working_day", kind: BasisKind = "local_rule", article: str = "") -> Limit:
    return Limit(f"{unit}{amount}", Basis(kind, article), amount, unit)


def found(drawn: Definition | str, **limits: Limit) -> list[Finding]:
    definition = define(drawn) if isinstance(drawn, str) else drawn
    return check(definition, pack(limits=limits))


def needed(drawn: Definition | str, **limits: Limit) -> list[str]:
    """What the longest path is said to take, against limits too short for anything."""
    return [
        one.message.split("takes ")[1].split(":")[0] for one in found(drawn, main=days(1, "natural_minute"), **limits)
    ]


A, B, C = days(2), days(3), days(5)
ROW = "start s\nuser a limit=a\nuser b limit=b\nend e\ns -> a\na -> b\nb -> e"


# -- adding up ---------------------------------------------------------------------------------------------


def test_steps_one_after_the_other_add_up() -> None:
    assert found(ROW, main=C, a=A, b=B) == []
    (finding,) = found(ROW, main=days(4), a=A, b=B)
    assert (finding.rule, finding.level, finding.element) == ("time.too-long", "warning", "main")
    assert finding.path == ("s", "a", "b", "e")
    assert "a 2 working days (working_day2) → b 3 working days (working_day3)" in finding.message
    assert "要 5 工作日" in finding.message
    assert "把working_day4放宽到至少 5 工作日" in finding.message
    assert "widen working_day4 to at least 5 working days" in finding.message
    assert "8 working hours" not in finding.message


def test_without_limit_or_pack_there_is_nothing_to_say() -> None:
    none = Limit("main", Basis("local_rule", document="x", set_by="y"), none=True)
    assert found(ROW, a=A, b=B) == []
    assert found(ROW, main=none, a=A, b=B) == []
    assert check(define(ROW), None) == []
    assert found(ROW, main=days(3), a=none, b=B) == []


def test_of_branches_the_longest_counts() -> None:
    text = "start s\n{0} f\nuser a limit=a\nuser b limit=b\nuser c limit=c\n{0} j\nend e\ns -> f\nf -> a{1}\nf {2} b\na -> c\nc -> j\nb -> j\nj -> e"
    for kind, condition, arrow in (("parallel", "", "->"), ("exclusive", " [x]", "=>")):
        drawn = text.format(kind, condition, arrow)
        assert found(drawn, main=days(7), a=A, b=B, c=C) == []
        (finding,) = found(drawn, main=days(6), a=A, b=B, c=C)
        assert finding.path == ("s", "f", "a", "c", "j", "e")


def test_a_loop_is_taken_once() -> None:
    text = "start s\nexclusive m\nuser a limit=a\nexclusive g\nuser b limit=b\nend e\ns -> m\nm -> a\na -> g\ng -> b [again]\ng => e\nb -> m"
    assert found(text, main=C, a=A, b=B) == []
    (finding,) = found(text, main=days(4), a=A, b=B)
    assert finding.path == ("s", "m", "a", "g", "b")


def test_each_beginning_is_tried() -> None:
    text = ROW + "\nstart other message=m\nuser c limit=c\nother -> c\nc -> b"
    assert found(text, main=days(8), a=A, b=B, c=C) == []
    assert found(text, main=days(7), a=A, b=B, c=C)[0].path == ("other", "c", "b", "e")


def test_events_on_the_edge_and_links_lead_on() -> None:
    text = "start s\nuser a limit=a\nboundary x on=a timer=P1D\nuser b limit=b\nthrow t link=l\ncatch u link=l\nuser c limit=c\nend e\ns -> a\na -> e\nx -> b\nb -> t\nu -> c\nc -> e"
    assert found(text, main=days(10), a=A, b=B, c=C) == []
    assert found(text, main=days(9), a=A, b=B, c=C)[0].path == ("s", "a", "x", "b", "t", "u", "c", "e")


def test_a_timer_that_waits_for_a_limit_takes_it() -> None:
    drawn = define("start s\ncatch w timer=P1D\nuser a limit=a\nend e\ns -> w\nw -> a\na -> e")
    waiting = drawn.process.body.nodes["w"].trigger
    drawn = changed(drawn, "w", trigger=replace(waiting, timer=Timer("limit", "c")))
    assert needed(drawn, a=A, c=C) == [needed(ROW, a=A, b=C)[0]]


# -- units -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "amount"), [("working_hour", 40), ("working_day", 5), ("natural_day", 7), ("natural_hour", 168)]
)
def test_a_week_is_a_week(unit: Unit, amount: int) -> None:
    one = "start s\nuser a limit=a\nend e\ns -> a\na -> e"
    assert HOURS[unit] * amount == HOURS["natural_minute"] * 7 * 24 * 60 == 40
    assert found(one, main=days(5), a=days(amount, unit)) == []
    (finding,) = found(one, main=days(5), a=days(amount + 1, unit))
    assert ("8 working hours" in finding.message) == (unit != "working_day")


def test_what_is_said_is_never_less_than_what_is_needed() -> None:
    (finding,) = found(ROW, main=days(1), a=days(1), b=days(1, "natural_minute"))
    assert "takes 1.1:" in finding.message


# -- sub-processes -----------------------------------------------------------------------------------------

SUB = "start s\nsub S limit=sub {\nstart t\nuser a limit=a\nuser b limit=b\nend u\nt -> a\na -> b\nb -> u\n}\nuser c limit=c\nend e\ns -> S\nS -> c\nc -> e"


def test_a_sub_process_has_a_limit_of_its_own() -> None:
    assert found(SUB, sub=C, a=A, b=B, c=C) == []
    (finding,) = found(SUB, sub=days(4), a=A, b=B, c=C)
    assert (finding.element, finding.path) == ("S", ("t", "a", "b", "u"))


def test_a_sub_process_takes_what_its_steps_take_but_no_more_than_its_limit() -> None:
    assert found(SUB, main=days(10), a=A, b=B, c=C) == []
    assert found(SUB, main=days(9), a=A, b=B, c=C)[0].path == ("s", "S", "t", "a", "b", "u", "c", "e")
    assert [one.element for one in found(SUB, main=days(9), sub=days(4), a=A, b=B, c=C)] == ["S"]
    assert found(SUB, main=days(8), sub=days(4), a=A, b=B, c=C)[0].path == ("s", "S", "c", "e")
    assert found(SUB, main=days(9), sub=days(6), a=A, b=B, c=C)[0].path == ("s", "S", "t", "a", "b", "u", "c", "e")
    assert found(SUB, main=days(9), sub=C, c=C)[0].path == ("s", "S", "c", "e")


def test_a_process_that_is_called_is_added_too() -> None:
    main = "start s\ncall c calls=other\nuser b limit=b\nend e\ns -> c\nc -> b\nb -> e"
    drawn = define(main, "process other\nstart t\nuser a limit=a\nend u\nt -> a\na -> u")
    assert found(drawn, main=C, a=A, b=B) == []
    assert found(drawn, main=days(4), a=A, b=B)[0].path == ("s", "c", "t", "a", "u", "b", "e")
    assert [one.element for one in found(drawn, other=days(1), a=A, b=B)] == ["c"]


# -- chosen limits -----------------------------------------------------------------------------------------


def test_of_limits_to_choose_from_the_longest_counts() -> None:
    known = pack({"f": form(speed={"type": "string", "enum": ["a", "c"]})}, {"main": days(4), "a": A, "b": B, "c": C})
    drawn = worded(define("start s\nuser x limit=a form=f\nend e\ns -> x\nx -> e"), "x", limit_from="speed")
    (finding,) = check(drawn, known)
    assert "x 5 working days" in finding.message
    assert check(worded(drawn, "x", limit_from="anything"), known) == []


# -- whose word it is --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "level"),
    [
        (("product_default", "product_default", "product_default"), "advice"),
        (("draft", "product_default", "draft"), "advice"),
        (("product_default", "local_rule", "product_default"), "warning"),
        (("statute", "product_default", "product_default"), "warning"),
    ],
)
def test_where_nothing_binds_it_is_advice(kinds: tuple[BasisKind, BasisKind, BasisKind], level: str) -> None:
    outer, one, two = kinds
    limits = {"main": days(1, kind=outer, article="ZJ-13.1"), "a": days(2, kind=one), "b": days(3, kind=two)}
    (finding,) = found(ROW, **limits)
    assert (finding.level, finding.article) == (level, "ZJ-13.1")


# -- against trying every path -----------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] < p[1]), unique=True),
    st.lists(st.integers(1, 9), min_size=8, max_size=8),
)
def test_the_longest_path_is_the_longest_of_all(edges: list[tuple[int, int]], amounts: list[int]) -> None:
    edges = sorted(
        {*edges, *((number, number + 1) for number in range(7) if not any(two == number + 1 for _, two in edges))}
    )
    steps = "\n".join(f"user n{number} limit=l{number}" for number in range(8))
    flows = "\n".join(f"n{one} -> n{two}" for one, two in edges)
    ends = "\n".join(f"n{number} -> e" for number in range(8))
    limits = {f"l{number}": days(amount) for number, amount in enumerate(amounts)}

    def longest(number: int) -> int:
        return amounts[number] + max((longest(two) for one, two in edges if one == number), default=0)

    drawn = define(f"start s\n{steps}\nend e\ns -> n0\n{flows}\n{ends}")
    assert found(drawn, main=days(longest(0)), **limits) == []
    if longest(0) > 1:
        (finding,) = found(drawn, main=days(longest(0) - 1), **limits)
        told = sum(amounts[int(id[1:])] for id in finding.path if id.startswith("n"))
        assert told == longest(0)
