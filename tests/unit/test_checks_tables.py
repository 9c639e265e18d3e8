"""Whether the gate finds what is wrong with decision tables, with an example each, and cries no wolf."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import decisions
from engine.checks.tables import check_table
from engine.decisions import DecisionError, HitPolicy, Table, evaluate
from engine.errors import Finding
from engine.expressions import NULL, STRING, Type, either, enumeration
from engine.model import replace

KINDS = {"kind": enumeration("water", "light", "noise"), "urgent": Type(("boolean",)), "name": STRING}


def table(columns: str, rows: Sequence[str], policy: str = "UNIQUE", outputs: str = "", default: str = "") -> Table:
    """A table: columns as `name:type`, rows as cells between bars, the answer last."""
    inputs = "".join(
        f'<input id="{name}" label="{name}"><inputExpression id="{name}_e" typeRef="{kind}"><text>{name}</text>'
        "</inputExpression></input>"
        for name, _, kind in (column.partition(":") for column in columns.split())
    )
    rules = ""
    for number, row in enumerate(rows):
        *cells, answer = (cell.strip().replace("<", "&lt;") for cell in row.split("|"))
        entries = "".join(
            f'<inputEntry id="c{number}_{i}"><text>{cell}</text></inputEntry>' for i, cell in enumerate(cells)
        )
        rules += f'<rule id="r{number}">{entries}<outputEntry id="o{number}"><text>{answer}</text></outputEntry></rule>'
    values = f'<outputValues id="v"><text>{outputs}</text></outputValues>' if outputs else ""
    values += f'<defaultOutputEntry id="d"><text>{default}</text></defaultOutputEntry>' if default else ""
    found, findings = decisions.read(
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="f" name="f" namespace="urn:test">'
        f'<decision id="t" name="分流"><decisionTable id="dt" hitPolicy="{policy}">{inputs}'
        f'<output id="out" name="out" typeRef="string">{values}</output>{rules}</decisionTable></decision></definitions>'.encode()
    )
    assert not findings, findings
    return found["t"]


def found(one: Table, **fields: Any) -> list[tuple[str, str]]:
    """Rule and element of each finding."""
    given = {name: [schema] for name, schema in fields.items()}
    return [(finding.rule.removeprefix("tables."), finding.element) for finding in check_table(one, KINDS, given)]


def first(one: Table, rule: str) -> Finding:
    return next(finding for finding in check_table(one, KINDS) if finding.rule == f"tables.{rule}")


# -- gaps --------------------------------------------------------------------------------------------------


def test_a_table_that_answers_everything_once_is_right() -> None:
    assert (
        found(table("kind:string urgent:boolean", ['"water"|true|"a"', '"water"|false|"b"', 'not("water")|-|"c"']))
        == []
    )


def test_gap_a_choice_of_the_form_that_no_row_names() -> None:
    one = table("kind:string urgent:boolean", ['"water"|-|"a"', '"light"|true|"b"', '"noise"|-|"c"'])
    assert found(one) == [("gap", "t")]
    finding = first(one, "gap")
    assert finding.level == "warning"
    assert 'kind为 "light"，urgent为 false' in finding.message
    assert 'kind is "light", urgent is false' in finding.message


def test_gap_what_comes_after_does_not_matter() -> None:
    one = table("kind:string urgent:boolean", ['"water","light"|-|"a"'])
    assert 'kind is "noise" (whatever urgent)' in first(one, "gap").message


def test_no_gap_where_the_table_says_what_holds_otherwise_or_collects() -> None:
    rows = ['"water"|"a"']
    assert found(table("kind:string", rows)) == [("gap", "t")]
    assert found(table("kind:string", rows, default='"z"')) == []
    assert found(table("kind:string", rows, policy="COLLECT")) == []


@pytest.mark.parametrize(
    ("kind", "rows", "example"),
    [
        ("number", ["< 5", "> 5"], "n is 5"),
        ("number", ["<= 5", "> 6"], "n is between 5 and 6 or 6"),
        ("number", ["[1..3]", "> 3"], "n is less than 1"),
        ("integer", ["<= 5", ">= 7"], "n is between 5 and 7"),
        ("date", ['<= date("2026-01-31")', '> date("2026-02-01")'], 'n is "2026-02-01"'),
        ("string", ['"a"', '"b"'], "n is any other text"),
        ("string", ['< "m"', '> "m"'], 'n is "m"'),
        ("boolean", ["true"], "n is false"),
        ("number", ["< 5", ">= 5", "null"], ""),
        ("number", ["not(null)", "null"], ""),
        ("integer", ["<= 5", ">= 6"], ""),
        ("date", ['<= date("2026-01-31")', '>= date("2026-02-01")'], ""),
        ("string", ['"a"', 'not("a")'], ""),
        ("boolean", ["true", "false"], ""),
    ],
)
def test_gap_between_what_cells_name(kind: str, rows: list[str], example: str) -> None:
    told = [f.message for f in check_table(table(f"n:{kind}", [f'{row}|"x"' for row in rows]), {})]
    assert len(told) == bool(example)
    assert all(example in message for message in told)


def test_gap_null_counts_where_a_cell_or_a_declaration_speaks_of_it() -> None:
    rows = ['"water"|"a"', 'not("water")|"b"']
    nullable = either(KINDS["kind"], NULL)
    assert check_table(table("kind:string", rows), {"kind": KINDS["kind"]}) == []
    (finding,) = check_table(table("kind:string", ['"water"|"a"', '"light","noise"|"b"']), {"kind": nullable})
    assert "kind is null" in finding.message


def test_no_gap_beyond_the_bounds_of_the_form() -> None:
    one = table("n:number", ['[1..3]|"a"', '[4..9]|"b"'])
    assert found(one, n={"type": "integer", "minimum": 1, "maximum": 9}) == []
    assert found(one, n={"type": "number", "minimum": 1, "maximum": 9}) == [("gap", "t")]
    assert found(one, n={"type": "integer", "minimum": 1}) == [("gap", "t")]
    assert "n is less than 1 or between 3 and 4 or more than 9" in first(one, "gap").message


def test_no_more_than_a_few_gaps_are_told() -> None:
    many = table("n:number m:number", [f'{number}|{number}|"a"' for number in range(20)], "ANY")
    told = check_table(many, {})
    assert [finding.rule for finding in told] == ["tables.gap"] * 3
    assert len({finding.message for finding in told}) == 3


# -- overlaps ----------------------------------------------------------------------------------------------


def test_overlap_two_rows_of_a_unique_table() -> None:
    one = table("kind:string urgent:boolean", ['"water"|-|"a"', '"light","noise"|-|"b"', '"water"|true|"a"'])
    assert found(one) == [("overlap", "r2")]
    finding = first(one, "overlap")
    assert finding.level == "error"
    assert "row 3 matches together with row 1" in finding.message
    assert 'kind is "water", urgent is true' in finding.message


def test_overlap_of_numbers_in_one_point() -> None:
    assert found(table("n:number", ['<= 5|"a"', '>= 5|"b"'])) == [("overlap", "r1")]
    assert found(table("n:number", ['< 5|"a"', '>= 5|"b"'])) == []


def test_overlap_matters_to_any_only_where_the_answers_differ() -> None:
    assert found(table("n:number", ['<= 5|"a"', '>= 5|"a"'], "ANY")) == []
    assert found(table("n:number", ['<= 5|"a"', '>= 5|"b"'], "ANY")) == [("overlap", "r1")]


def test_overlap_names_only_the_row_that_disagrees() -> None:
    assert found(table("n:number", ['-|"a"', '> 1|"a"', '> 2|"b"'], "ANY")) == [("overlap", "r2")]


@pytest.mark.parametrize("policy", ["FIRST", "COLLECT"])
def test_overlap_is_meant_where_the_policy_settles_it(policy: str) -> None:
    assert found(table("n:number", ['<= 5|"a"', '>= 5|"b"'], policy)) == []


# -- rows without effect -----------------------------------------------------------------------------------


def test_never_a_value_that_the_form_does_not_offer() -> None:
    one = table("kind:string", ['"water","light","noise"|"a"', '"nois"|"b"'])
    assert found(one) == [("never", "r1")]
    assert '“kind” can only be "water" or "light" or "noise"' in first(one, "never").message


def test_never_columns_that_ask_the_same_and_want_different_things() -> None:
    one = table("n:number m:number", ['< 5|-|"a"', '>= 5|-|"b"', '< 3|> 4|"c"'])
    twice = replace(one, inputs=tuple(replace(column, expression="n") for column in one.inputs))
    assert ("never", "r2") in found(twice)
    assert ("never", "r2") not in found(one)


def test_covered_a_row_behind_others_that_leave_it_nothing() -> None:
    one = table("n:number", ['< 5|"a"', '>= 5|"b"', '[3..7]|"c"', '-|"d"'], "FIRST")
    assert found(one) == [("covered", "r2"), ("covered", "r3")]
    assert "row 3 never has a say" in first(one, "covered").message
    assert found(table("n:number", ['[3..7]|"c"', '< 5|"a"', '-|"d"'], "FIRST")) == []


def test_covered_by_a_row_whose_answer_has_priority() -> None:
    rows = ['< 5|"a"', '< 3|"b"', '-|"c"']
    assert found(table("n:number", rows, "PRIORITY", outputs='"a","b","c"')) == [("covered", "r1")]
    assert found(table("n:number", rows, "PRIORITY", outputs='"b","a","c"')) == []


def test_undecided_is_said_honestly() -> None:
    names = [f"n{number}" for number in range(12)]
    rows = ["|".join(["-"] * n + ["true"] + ["-"] * (11 - n) + ['"a"']) for n in range(12)]
    one = table(" ".join(f"{name}:boolean" for name in names), rows, "ANY")
    (finding,) = check_table(one, {}, combinations=1000)
    assert (finding.rule, finding.level, finding.element) == ("tables.undecided", "warning", "t")
    assert [f.rule for f in check_table(one, {}, combinations=10_000)] == ["tables.gap"]


def test_ways_to_the_same_rows_are_one() -> None:
    columns = " ".join(f"n{number}:boolean" for number in range(20))
    one = table(columns, ["|".join(["true"] * 20 + ['"a"']), "|".join(["-"] * 20 + ['"b"'])], "FIRST")
    assert check_table(one, {}, combinations=100) == []


# -- the same as trying everything -------------------------------------------------------------------------

CELLS = ["-", "1", "2", "< 2", ">= 2", "[1..2]", "(1..3)", "not(2)", "1,3", "null"]
POLICIES: tuple[HitPolicy, ...] = ("UNIQUE", "ANY", "FIRST", "COLLECT")


@given(
    st.lists(
        st.tuples(st.sampled_from(CELLS), st.sampled_from(CELLS), st.sampled_from(["a", "b"])), min_size=1, max_size=5
    ),
    st.sampled_from(POLICIES),
)
def test_what_is_found_is_what_trying_every_number_finds(rows: list[tuple[str, str, str]], policy: HitPolicy) -> None:
    one = table("x:integer y:integer", [f'{x}|{y}|"{answer}"' for x, y, answer in rows], policy)
    asked = [[*range(-1, 6), *([None] if any("null" in row[place] for row in rows) else [])] for place in (0, 1)]
    gaps, overlaps, winning = False, False, set[str]()
    for x, y in product(*asked):
        matching = evaluate(replace(one, hit_policy="COLLECT"), {"x": x, "y": y}).matched
        gaps |= not matching
        try:
            winning |= set(evaluate(one, {"x": x, "y": y}).matched)
        except DecisionError:
            overlaps = True
            winning |= set(matching)
    rules = {rule for rule, _ in found(one)}
    silent = {element for rule, element in found(one) if rule in ("never", "covered")}
    assert ("gap" in rules) == (gaps and policy != "COLLECT")
    assert ("overlap" in rules) == overlaps
    assert silent == {rule.id for rule in one.rules} - winning
