"""Whether the gate asks a diagram for what people and the engine need, and for nothing twice."""

from collections.abc import Mapping
from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import checks
from engine.checks.form import check
from engine.decisions import Output, Rule, Table
from engine.definition import Definition, Lane, Variable
from engine.errors import Finding, Words
from engine.expressions import compile_expression
from engine.library import Pack
from engine.limits import Limit
from engine.model import replace
from engine.work import Handler
from tests.diagrams import define


def pack(
    forms: Mapping[str, Any] | None = None,
    limits: Mapping[str, Limit] | None = None,
    decisions: Mapping[str, Table] | None = None,
    **settings: Any,
) -> Pack:
    return Pack(
        key="test/2026-01-01",
        place="test",
        title=Words("测试", "test"),
        area="/",
        force="law",
        in_force_from=date(2026, 1, 1),
        in_force_to=None,
        processes={},
        limits=dict(limits or {}),
        forms=dict(forms or {}),
        roles={},
        decisions=dict(decisions or {}),
        articles={},
        items={},
        departments={},
        statuses={},
        ways_in={},
        settings=settings,
    )


def form(**fields: Any) -> dict[str, Any]:
    """A form whose fields become variables."""
    return {"type": "object", "properties": {name: {"x-wangge": "routing", **field} for name, field in fields.items()}}


ANSWER = form(
    answer={"type": "string", "enum": ["yes", "no", "ask"]}, urgent={"type": "boolean"}, amount={"type": "number"}
)
STEP = 'role=worker unit="office" form=answer limit=l status=handling basis=ZJ-1'


def choice(*conditions: str, default: bool = False, kind: str = "exclusive", options: str = STEP) -> Definition:
    """A step, and a choice among as many ends as there are conditions."""
    ends = "\n".join(f"end e{number}" for number in range(len(conditions) + default))
    flows = "\n".join(f"g -> e{number} [{condition}]" for number, condition in enumerate(conditions))
    other = f"g => e{len(conditions)}" if default else ""
    text = f"start s\nuser a {options}\n{kind} g name=如何\n{ends}\ns -> a\na -> g\n{flows}\n{other}"
    drawn = define(text)
    main = replace(drawn.process, variables={"office": Variable("office", type="string")})
    return replace(drawn, processes={"main": main})


def changed(definition: Definition, id: str, **changes: Any) -> Definition:
    """With one node changed."""
    main = definition.process
    nodes = main.body.nodes | {id: replace(main.body.nodes[id], **changes)}
    return replace(definition, processes={"main": replace(main, body=replace(main.body, nodes=nodes))})


def worded(definition: Definition, id: str, **words: str) -> Definition:
    node = definition.process.body.nodes[id]
    return changed(definition, id, properties={n: w for n, w in (node.properties | words).items() if w})


def found(definition: Definition, known: Pack | None, handlers: Mapping[str, Handler] | None = None) -> list[Finding]:
    return check(definition, known, handlers)


def rules(definition: Definition, known: Pack | None = None, **given: Any) -> list[tuple[str, str]]:
    return [(one.rule.removeprefix("form."), one.element) for one in found(definition, known, **given)]


# -- choices -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "conditions",
    [
        ('answer == "yes"', 'answer == "no"', 'answer == "ask"'),
        ('answer == "yes"', 'answer in ["no", "ask"]'),
        ('answer != "yes"', 'answer == "yes"'),
        ("urgent", "not urgent"),
        ("urgent", 'not urgent and answer == "yes"', 'not urgent and answer != "yes"'),
        ("amount < 5", "amount >= 5"),
        ("amount <= 5", "not (amount <= 5)"),
        ("amount < 5 and urgent", "amount >= 5 or not urgent"),
        ('default(answer, "no") == "no"', 'default(answer, "no") != "no"'),
    ],
)
@pytest.mark.parametrize("kind", ["exclusive", "inclusive"])
def test_conditions_that_leave_nothing_out_need_no_default(conditions: tuple[str, ...], kind: str) -> None:
    assert rules(choice(*conditions, kind=kind), pack({"answer": ANSWER})) == []


@pytest.mark.parametrize(
    ("conditions", "example"),
    [
        (('answer == "yes"', 'answer == "no"'), 'answer is "ask"'),
        (("urgent", 'answer == "yes"'), 'urgent is False, answer is "no"'),
        (("amount < 5", "amount > 5"), "amount is 5"),
        (("amount < 5", "amount > 6"), "amount is 5"),
        (("amount < 5", "amount > 5 or urgent"), "amount is 5, urgent is False"),
        (('exists(answer) and answer != "yes"', 'default(answer, "no") == "yes"'), "when "),
    ],
)
def test_a_value_that_no_condition_covers_is_named(conditions: tuple[str, ...], example: str) -> None:
    (finding,) = found(choice(*conditions), pack({"answer": ANSWER}))
    assert (finding.rule, finding.level, finding.element, finding.name) == ("form.default", "error", "g", "如何")
    assert example in finding.message
    assert rules(choice(*conditions, default=True), pack({"answer": ANSWER})) == []


def test_a_default_is_taken_whatever_is_written_on_it() -> None:
    """The reader warns of the condition; here it counts as none."""
    drawn = define(
        f"start s\nuser a {STEP}\nexclusive g\nend e\nend f\ns -> a\na -> g\ng -> e [urgent]\ng => f [urgent]"
    )
    assert ("default", "g") not in rules(drawn, pack({"answer": ANSWER}))


def test_what_cannot_be_proved_is_no_error() -> None:
    (finding,) = found(choice("amount + 1 < 5", "amount + 1 >= 5"), pack({"answer": ANSWER}))
    assert (finding.rule, finding.level) == ("form.default", "warning")
    (finding,) = found(choice("len(items) == 1", "len(items) != 1"), None)
    assert (finding.rule, finding.level) == ("form.default", "advice")


def test_a_step_whose_ways_out_are_all_conditional_is_a_choice_too() -> None:
    text = f"start s\nuser a {STEP}\nend e\nend f\ns -> a\na -> e [urgent]\na -> f [{{}}]"
    open_, closed = (define(text.replace("{}", condition)) for condition in ('answer == "yes"', "not urgent"))
    assert ("default", "a") in rules(open_, pack({"answer": ANSWER}))
    assert ("default", "a") not in rules(closed, pack({"answer": ANSWER}))


def test_a_choice_after_a_table_covers_what_the_table_answers() -> None:
    columns = (Output("o", "speed", "speed", "string"),)
    rows = tuple(Rule(speed, (), (speed,)) for speed in ("fast", "slow"))
    known = pack(decisions={"t": Table("t", "t", "FIRST", "", (), columns, rows)})
    text = (
        "start s\nrule a decision=t\nexclusive g\nend e\nend f\ns -> a\na -> g\ng -> e [speed == 'fast']\ng -> f [{}]"
    )
    assert rules(define(text.replace("{}", "speed == 'slow'")), known) == [
        ("default", "g")
    ]  # null where no row matches
    assert rules(define(text.replace("{}", "speed != 'fast'")), known) == []


@given(
    st.lists(
        st.builds(
            "{}{}{}".format,
            st.sampled_from(["", "not "]),
            st.sampled_from(["urgent", 'answer == "yes"', 'answer in ["no", "ask"]', "amount < 3", "amount == 4"]),
            st.sampled_from(["", " and urgent", ' or answer == "no"', " and amount > 2"]),
        ),
        min_size=2,
        max_size=3,
    )
)
def test_a_choice_is_complete_exactly_if_trying_everything_says_so(conditions: list[str]) -> None:
    told = [rule for rule, _ in rules(choice(*conditions), pack({"answer": ANSWER}))]
    tried = product(["yes", "no", "ask"], [True, False], [1, 2, 2.5, 3, 3.5, 4, 5])
    gap = any(
        not any(compile_expression(one).holds({"answer": a, "urgent": u, "amount": n}) for one in conditions)
        for a, u, n in tried
    )
    assert ("default" in told) == gap


# -- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["s", "e0", "g"])
def test_events_and_choices_bear_names(id: str) -> None:
    drawn = changed(choice("urgent", "not urgent"), id, name="")
    assert rules(drawn, pack({"answer": ANSWER})) == [("without-name", id)]


def test_what_needs_no_name_is_left_alone() -> None:
    plain = "start s\nexclusive m\nparallel p\nparallel q\nuser a\nuser b\nend e\ns -> m\nm -> p\np -> a\np -> b\na -> q\nb -> q\nq -> e"
    drawn = define(plain)
    for id in ("m", "p", "q"):
        drawn = changed(drawn, id, name="")
    assert rules(drawn) == []


def test_lanes_bear_names() -> None:
    drawn = define("start s\nuser a\nend e\ns -> a\na -> e")
    lanes = {"l": Lane("l"), "m": Lane("m", "网格员")}
    assert rules(replace(drawn, processes={"main": replace(drawn.process, lanes=lanes)})) == [("without-name", "l")]


# -- the words of a step -----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["form", "limit", "status"])
def test_every_step_needs(word: str) -> None:
    drawn = worded(choice("urgent", "not urgent"), "a", **{word: ""})
    told = found(drawn, pack({"answer": ANSWER, "other": ANSWER}))
    assert (f"form.without-{word}", "error", "a") in [(one.rule, one.level, one.element) for one in told]
    assert f"form.without-{word}" not in [one.rule for one in found(drawn, None)]


def test_a_step_needs_a_role_or_a_unit() -> None:
    known, drawn = pack({"answer": ANSWER}), choice("urgent", "not urgent")
    assert rules(worded(drawn, "a", role=""), known) == []
    assert rules(worded(drawn, "a", unit=""), known) == []
    bare = worded(drawn, "a", role="", unit="")
    assert rules(bare, known) == [("without-role", "a")]
    lane = replace(bare.process, lanes={"l": Lane("l", "网格员", "worker")})
    assert rules(changed(replace(bare, processes={"main": lane}), "a", lane="l"), known) == []


def test_a_step_without_an_article_has_to_be_listed() -> None:
    drawn = worded(choice("urgent", "not urgent"), "a", basis="")
    assert rules(drawn, pack({"answer": ANSWER}, without_basis=[])) == [("without-basis", "a")]
    assert rules(drawn, pack({"answer": ANSWER}, without_basis=["a"])) == []
    assert rules(drawn, pack({"answer": ANSWER})) == []


# -- expressions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "rule"),
    [
        ('answer == "yess"', "type"),
        ("answer == 5", "type"),
        ("answer", "type"),
        ('amount < "5"', "type"),
        ("anser == 1", "undeclared"),
        ("opinion == 1", "record-field"),
    ],
)
def test_conditions_are_held_against_what_forms_declare(condition: str, rule: str) -> None:
    fields = {**ANSWER, "properties": {**ANSWER["properties"], "opinion": {"type": "string", "x-wangge": "record"}}}
    told = found(choice(condition, default=True), pack({"answer": fields}))
    assert [(one.rule, one.element) for one in told] == [(f"form.{rule}", "g_e0_2")]


@pytest.mark.parametrize("changes", [{"unit": "offise"}, {"limit_from": "offise"}, {"role_from": "urgent +"}])
def test_expressions_of_a_step_are_looked_at(changes: dict[str, str]) -> None:
    told = rules(worded(choice("urgent", "not urgent"), "a", **changes), pack({"answer": ANSWER}))
    assert told == ([] if "+" in str(changes) else [("undeclared", "a")])


def test_scripts_declare_and_are_looked_at() -> None:
    text = f'start s\nuser a {STEP}\nscript b script="level = amount + 1; other = answer + 1"\nexclusive g\nend e\nend f\ns -> a\na -> b\nb -> g\ng -> e [level > 1]\ng => f'
    told = [one for one in rules(define(text), pack({"answer": ANSWER})) if one != ("undeclared", "a")]
    assert told == [("type", "b")]


# -- names of others ---------------------------------------------------------------------------------------

HANDLERS = {
    "close.keep": Handler("enact", lambda _work, _call: {}),
    "close.may": Handler("guard", lambda _work, _call: {}),
}


@pytest.mark.parametrize(("handler", "right"), [("close.keep", True), ("close.kep", False), ("close.may", False)])
def test_handlers_are_those_there_are(handler: str, right: bool) -> None:
    drawn = define(f"start s\nservice a handler={handler}\nend e\ns -> a\na -> e")
    assert rules(drawn, handlers=HANDLERS) == ([] if right else [("unknown-handler", "a")])
    assert rules(drawn) == []


@pytest.mark.parametrize(
    ("guard", "right"), [("close.may", True), ("close.may close.mya", False), ("close.keep", False)]
)
def test_guards_are_those_there_are(guard: str, right: bool) -> None:
    drawn = worded(choice("urgent", "not urgent"), "a", guard=guard)
    assert rules(drawn, pack({"answer": ANSWER}), handlers=HANDLERS) == ([] if right else [("unknown-guard", "a")])


def test_a_wrong_name_says_which_may_have_been_meant() -> None:
    (finding,) = found(define("start s\nservice a handler=close.kep\nend e\ns -> a\na -> e"), None, HANDLERS)
    assert "Perhaps `close.keep`?" in finding.message


@pytest.mark.parametrize("word", ["separate_from", "clock_until"])
def test_steps_that_are_named_exist(word: str) -> None:
    drawn = choice("urgent", "not urgent")
    assert rules(worded(drawn, "a", **{word: "a g"}), pack({"answer": ANSWER})) == []
    assert rules(worded(drawn, "a", **{word: "a handel"}), pack({"answer": ANSWER})) == [("unknown-step", "a")]


def test_the_gate_passes_on_what_is_known() -> None:
    drawn = define("start s\nservice a handler=close.kep\nend e\ns -> a\na -> e")
    assert "form.unknown-handler" in [one.rule for one in checks.check(drawn, None, HANDLERS)]
    assert "form.unknown-handler" not in [one.rule for one in checks.check(drawn, None)]


def test_messages_are_in_both_languages() -> None:
    for finding in found(changed(choice("urgent"), "e0", name=""), pack({"answer": ANSWER})):
        zh, _, en = finding.message.partition("。 ")
        assert zh, finding
        assert en, finding
