"""Whether a finding tells its way in the words of the drawing, and whether it depends on data."""

from engine import bpmn as reader
from engine.checks import law, soundness, statuses
from engine.checks.way import SHOWN, Drawing
from engine.errors import Words
from tests.diagrams import bpmn, define
from tests.unit.test_law_rules import pack, rule

CHOICE = """
start s name=发现
exclusive g name=属实吗
parallel j name=""
user a name=核实
user b name=""
end e
s -> g
g -> a [x]
g => b
a -> j
b -> j
j -> e
"""


def test_a_way_tells_names_the_answer_behind_a_choice_and_ids_where_nothing_is_named() -> None:
    named = bpmn(CHOICE).replace(b'id="g_a_1"', 'id="g_a_1" name="是"'.encode())
    here = Drawing(reader.read(named).definition())
    assert here.way(["s", "s_g_0", "g", "g_a_1", "a", "a_j_3", "j"]).zh == "经过：发现 → 属实吗（是） → 核实。"
    assert here.way(["a", "j", "b"]).en == "The way there: 核实 → b."
    assert here.way([]) == here.way(["j"]) == Words("", "")


def test_of_a_long_way_beginning_and_end_are_told() -> None:
    ids = [f"a{number}" for number in range(40)]
    steps = "\n".join(f"user {id}" for id in ids)
    flows = "\n".join(f"{one} -> {two}" for one, two in zip(["s", *ids], [*ids, "e"], strict=True))
    here = Drawing(define(f"start s\n{steps}\nend e\n{flows}"))
    told = here.way(["s", *ids]).zh
    assert told.startswith("经过：s → a0 → ")
    assert told.endswith(" → a38 → a39。")
    assert told.count("→") == SHOWN
    assert "…" in told


def test_what_gets_stuck_says_where_it_came_from_and_that_it_depends_on_a_choice() -> None:
    stuck = next(one for one in soundness.check(define(CHOICE)) if one.rule == "soundness.deadlock")
    assert "经过：发现 → 属实吗 → 核实。（是否发生取决于条件的结果。）" in stuck.message
    assert "The way there: 发现 → 属实吗 → 核实. (Whether it happens depends on conditions.)" in stuck.message


def test_what_gets_stuck_whatever_is_chosen_says_so() -> None:
    text = (
        "start s name=发现\nparallel f\nuser a\nuser b\nuser z\nend e\ns -> f\nf -> a\nf -> b\na -> z\nb -> z\nz -> e"
    )
    (twice,) = soundness.check(define(text))
    assert "（无论条件结果如何都可能发生。）" in twice.message
    assert "The way there: 发现 → " in twice.message


def test_a_broken_rule_of_law_tells_its_way() -> None:
    asked = rule("precedes", of={"id": "b"}, by={"id": "a"})
    (one,) = law.check(define(CHOICE), pack([asked]))
    assert "经过：发现 → 属实吗 → b。" in one.message
    assert one.message.endswith("The way there: 发现 → 属实吗 → b.")


def test_a_rule_without_a_way_tells_none() -> None:
    (one,) = law.check(define(CHOICE), pack([rule("never", of={"id": "a"})]))
    assert "经过" not in one.message
    assert one.message.endswith("Correct it.")


def test_an_unlawful_change_tells_its_way() -> None:
    text = "start s name=发现\nuser a unit=u status=handling name=办理\nuser b unit=u status=to_sign_for\nend e\ns -> a\na -> b\nb -> e"
    (one,) = statuses.check(define(text))
    assert "经过：发现 → 办理 → b。请修改" in one.message
