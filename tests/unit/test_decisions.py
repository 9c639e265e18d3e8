"""Tables are read whole or refused by name, and answer as DMN 1.3 says, the same every time."""

from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from engine.decisions import DecisionError, Outcome, Table, evaluate, read
from engine.errors import Finding
from engine.model import decode, encode

DATA = Path(__file__).parent.parent / "data" / "dmn"
DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"


class Column(NamedTuple):
    name: str
    type: str = "string"
    allowed: str = ""
    default: str = ""


Row = tuple[Sequence[str], Sequence[str]]


def text(tag: str, content: str) -> str:
    return f"<{tag}><text>{escape(content, quote=False)}</text></{tag}>" if content else ""


def cell(tag: str, content: str) -> str:
    return f"<{tag}><text>{escape(content, quote=False)}</text></{tag}>"


def asked(column: Column) -> str:
    expression = f'<inputExpression typeRef="{column.type}"><text>{escape(column.name)}</text></inputExpression>'
    key = f"in_{column.name.partition(' ')[0]}"
    allowed = text("inputValues", column.allowed)
    return f'<input id="{key}" label="{column.name}">{expression}{allowed}</input>'


def answered(column: Column) -> str:
    inside = text("outputValues", column.allowed) + text("defaultOutputEntry", column.default)
    return f'<output name="{column.name}" typeRef="{column.type}">{inside}</output>'


def row(number: int, cells: Row) -> str:
    inside = "".join(cell("inputEntry", c) for c in cells[0]) + "".join(cell("outputEntry", c) for c in cells[1])
    return f'<rule id="r{number}">{inside}</rule>'


def dmn(
    inputs: Sequence[Column],
    outputs: Sequence[Column],
    rows: Sequence[Row],
    attributes: str = "",
    around: str = "",
) -> bytes:
    rules = "".join(row(number, cells) for number, cells in enumerate(rows, 1))
    columns = "".join(map(asked, inputs)) + "".join(map(answered, outputs))
    table = f'<decisionTable id="t" {attributes}>{columns}{rules}</decisionTable>'
    return wrapped(f'<decision id="d" name="表">{around}{table}</decision>')


def wrapped(inside: str) -> bytes:
    return f'<definitions xmlns="{DMN}" id="f" name="文件" namespace="urn:t">{inside}</definitions>'.encode()


def table_of(data: bytes) -> Table:
    tables, findings = read(data)
    assert findings == []
    (table,) = tables.values()
    assert decode(encode(table), Table) == table
    return table


def rules_of(data: bytes) -> list[str]:
    tables, findings = read(data)
    assert "d" not in tables
    for finding in findings:
        assert finding.message.isprintable()
        assert any("\u4e00" <= sign <= "\u9fff" for sign in finding.message)
        assert finding.rule.startswith("dmn.")
    return [finding.rule for finding in findings if finding.level == "error"]


def matches(type_: str, test: str, value: Any) -> bool:
    table = table_of(dmn([Column("x", type_)], [Column("y", "boolean")], [([test], ["true"])]))
    return bool(evaluate(table, {"x": value}).matched)


def findings_for(type_: str, test: str) -> list[str]:
    return rules_of(dmn([Column("x", type_)], [Column("y", "boolean")], [([test], ["true"])]))


def output(type_: str, written: str) -> Any:
    table = table_of(dmn([], [Column("y", type_)], [([], [written])]))
    answer = evaluate(table, {}).outputs
    assert isinstance(answer, dict)
    return answer["y"]


def code_of(table: Table, variables: dict[str, Any]) -> str:
    with pytest.raises(DecisionError) as caught:
        evaluate(table, variables)
    assert caught.value.words.zh.startswith("决策表“表”：")
    return caught.value.code


TABLE = '<decision id="d" name="n"><decisionTable id="t" {}><output name="y"/>{}</decisionTable></decision>'


# --- Files ----------------------------------------------------------------------------------------


def test_a_file_of_the_editor_is_read_and_answers() -> None:
    table = table_of((DATA / "dispatch.dmn").read_bytes())
    assert (table.key, table.name, table.hit_policy) == ("dispatch", "事项分派", "FIRST")
    assert [column.type for column in table.inputs] == ["string", "integer"]
    assert table.rules[0].description == "火情一律交救援"
    fire = evaluate(table, {"matter": {"kind": "fire"}, "severity": 1})
    assert fire == Outcome({"unit": "rescue", "copies": ["town", "county"]}, ("fire",))
    assert evaluate(table, {"matter": {"kind": "road"}, "severity": 4}).matched == ("serious",)
    rest = evaluate(table, {"matter": {"kind": "noise"}, "severity": 3})
    assert rest == Outcome({"unit": "urban", "copies": None}, ("rest",))
    assert evaluate(table, {"matter": {"kind": "other"}, "severity": 3}) == Outcome({"unit": None, "copies": None})


@pytest.mark.parametrize(
    "namespace",
    ["http://www.omg.org/spec/DMN/20180521/MODEL/", "http://www.omg.org/spec/DMN/20151101/dmn.xsd"],
)
def test_older_versions_are_read_alike(namespace: str) -> None:
    data = (
        (DATA / "older.dmn").read_bytes().replace(b"http://www.omg.org/spec/DMN/20151101/dmn.xsd", namespace.encode())
    )
    tables, findings = read(data)
    assert [(finding.rule, finding.level) for finding in findings] == [("dmn.extension", "advice")]
    assert evaluate(tables["older_decision"], {"day": "2026-08-31"}).outputs == {"season": "summer"}
    assert evaluate(tables["older_decision"], {"day": "2026-09-01"}).outputs == {"season": None}


def test_the_layout_of_older_versions_is_no_obstacle() -> None:
    data = (DATA / "dispatch.dmn").read_bytes()
    data = data.replace(b"https://www.omg.org/spec/DMN/20191111/", b"http://www.omg.org/spec/DMN/20180521/")
    assert table_of(data) == table_of((DATA / "dispatch.dmn").read_bytes())


def test_everything_but_tables_is_refused_by_name_and_good_tables_remain() -> None:
    tables, findings = read((DATA / "requirements.dmn").read_bytes())
    assert list(tables) == ["points"]
    assert {(finding.rule, finding.element) for finding in findings} == {
        ("dmn.business-knowledge-model", "scale"),
        ("dmn.decision-service", "service"),
        ("dmn.required-decision", "needs_points"),
        ("dmn.knowledge-requirement", "needs_scale"),
        ("dmn.literal-expression", "formula_text"),
        ("dmn.invocation", "call_it"),
        ("dmn.no-table", "blank"),
    }


@pytest.mark.parametrize(
    ("inside", "rule"),
    [
        ('<decision id="d" name="n"><context id="x"/></decision>', "dmn.context"),
        ('<decision id="d" name="n"><relation id="x"/></decision>', "dmn.relation"),
        ('<decision id="d" name="n"><list id="x"/></decision>', "dmn.list"),
        ('<decision id="d" name="n"><functionDefinition id="x"/></decision>', "dmn.function-definition"),
        ('<inputData id="i" name="n"/>', "dmn.no-decision"),
    ],
)
def test_decisions_that_are_no_tables(inside: str, rule: str) -> None:
    assert rules_of(wrapped(inside)) == [rule]


def test_imports_and_types_of_the_file_concern_all_its_tables() -> None:
    table = '<decision id="d" name="n"><decisionTable id="t"><output name="y"/></decisionTable></decision>'
    imported = '<import name="i" namespace="urn:x" importType="urn:y" locationURI="http://127.0.0.1:9/"/>'
    assert rules_of(wrapped(imported + table)) == ["dmn.import"]
    defined = '<itemDefinition name="tKind"><typeRef>string</typeRef></itemDefinition>'
    assert rules_of(wrapped(defined + table)) == ["dmn.item-definition"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a/>",
        b"<!DOCTYPE definitions [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><definitions>&x;</definitions>",
        b"<definitions xmlns='https://www.omg.org/spec/DMN/20230324/MODEL/'/>",
        b"x" * (20 * 1024 * 1024 + 1),
        "<definitions/>".encode("utf-16-le"),
        b"<a>" * 300,
    ],
)
def test_hostile_and_foreign_files_are_findings(data: bytes) -> None:
    tables, findings = read(data)
    assert tables == {}
    assert [finding.level for finding in findings] == ["error"]


@pytest.mark.parametrize(
    ("inside", "rules"),
    [
        ('<decision id="d"/>', {"dmn.schema", "dmn.no-table"}),
        ('<decision id="d" name="n"/><decision id="d" name="m"/>', {"dmn.schema", "dmn.no-table"}),
        ('<decision id="d" name="n"><decisionTable/><decisionTable/></decision>', {"dmn.schema"}),
        (TABLE.format("", "<rule/>"), {"dmn.schema", "dmn.cells"}),
        (TABLE.format("", "<wizard/>"), {"dmn.schema", "dmn.no-rules"}),
        (TABLE.format('hitPolicy="LAST"', ""), {"dmn.schema", "dmn.hit-policy", "dmn.no-rules"}),
        (TABLE.format("", "").replace('id="d"', ""), {"dmn.no-id", "dmn.no-rules"}),
        (TABLE.format("", "<input/>"), {"dmn.schema", "dmn.input-expression", "dmn.no-rules"}),
    ],
)
def test_malformed_tables_are_findings(inside: str, rules: set[str]) -> None:
    tables, findings = read(wrapped(inside))
    assert tables == {}
    assert {finding.rule for finding in findings} == rules


def test_all_findings_of_a_file_come_at_once() -> None:
    data = dmn(
        [Column("a b", "string"), Column("n", "integer")],
        [Column("y z"), Column("w", "dateTime")],
        [(["bad", "2.5"], ["worse", '"a" +']), (["", "[5..1]"], ['"ok"', ""])],
        'hitPolicy="RULE ORDER"',
    )
    assert Counter(rules_of(data)) == {
        "dmn.hit-policy": 1,
        "dmn.input-expression": 1,
        "dmn.output-name": 1,
        "dmn.type": 1,
        "dmn.cell": 3,
        "dmn.cell-type": 1,
        "dmn.interval": 1,
    }


def test_a_finding_names_row_column_and_what_to_do() -> None:
    _, (finding,) = read(dmn([Column("x")], [Column("y")], [(["“road”"], [""])]))
    assert isinstance(finding, Finding)
    assert (finding.rule, finding.element, finding.name) == ("dmn.cell", "r1", "x")
    assert "第 1 行“x”列“\u201croad\u201d”" in finding.message
    assert "半角" in finding.message


@pytest.mark.parametrize(
    ("attributes", "rule"),
    [
        ('hitPolicy="RULE ORDER"', "dmn.hit-policy"),
        ('hitPolicy="OUTPUT ORDER"', "dmn.hit-policy"),
        ('hitPolicy="FIRST" aggregation="SUM"', "dmn.aggregation"),
        ('hitPolicy="COLLECT" aggregation="SUM"', "dmn.aggregation"),
        ('hitPolicy="PRIORITY"', "dmn.priority"),
    ],
)
def test_hit_policies_that_cannot_be_carried_out(attributes: str, rule: str) -> None:
    assert rules_of(dmn([Column("x")], [Column("y")], [(["-"], ['"a"'])], attributes)) == [rule]


def test_other_expression_languages_are_refused() -> None:
    data = dmn([Column("x")], [Column("y")], [([""], ['"a"'])])
    for tag in (b"<inputExpression", b"<inputEntry", b"<outputEntry"):
        assert rules_of(data.replace(tag, tag + b' expressionLanguage="javascript"')) == ["dmn.expression-language"]
        assert table_of(data.replace(tag, tag + b' expressionLanguage="FEEL"')).key == "d"


def test_ragged_rules_and_annotations() -> None:
    assert rules_of(dmn([Column("x")], [Column("y")], [([], ["1"])])) == ["dmn.cells"]
    data = dmn([], [Column("y")], [([], ['"a"'])])
    data = data.replace(b'<rule id="r1">', b'<annotation name="basis"/><rule id="r1"><description>why</description>')
    data = data.replace(b"</rule>", b"<annotationEntry><text>Art. 3</text></annotationEntry></rule>")
    (rule,) = table_of(data).rules
    assert (rule.description, rule.annotations) == ("why", ("Art. 3",))


def test_missing_ids_are_made_up_by_row() -> None:
    data = dmn([Column("x")], [Column("y")], [([""], ['"a"'])]).replace(b' id="r1"', b"").replace(b' id="in_x"', b"")
    assert evaluate(table_of(data), {"x": "1"}).matched == ("rule-1",)


def test_a_made_up_id_may_not_collide_with_a_written_one() -> None:
    data = dmn([], [Column("y")], [([], ['"a"']), ([], ['"b"'])])
    data = data.replace(b' id="r1"', b"").replace(b'"r2"', b'"rule-1"')
    assert rules_of(data) == ["dmn.rule-id"]


# --- Cells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "test", "inside", "outside"),
    [
        ("string", "-", ["a", "", None], []),
        ("string", "", ["a", "", None], []),
        ("string", '"a"', ["a"], ["b", "", None]),
        ("string", '"a", "b,c"', ["a", "b,c"], ["b", "c"]),
        ("string", r'"a\"b\\\n\u4e2d"', ['a"b\\\n中'], ["a"]),
        ("string", 'not("a","b")', ["c", "", None], ["a", "b"]),
        ("string", '>= "b"', ["b", "c"], ["a", None]),
        ("string", "null", [None], ["", "null"]),
        ("string", "not(null)", ["", "a"], [None]),
        ("boolean", "true", [True], [False, None]),
        ("boolean", "not(false)", [True, None], [False]),
        ("number", "5", [5, 5.0], [4, 5.1, None]),
        ("number", "-.5", [-0.5], [0.5]),
        ("double", ">= 5", [5, 6.5], [4.9, None]),
        ("long", "> 5", [6], [5]),
        ("integer", "< -3", [-4], [-3]),
        ("number", "<= 3", [3], [3.01]),
        ("number", "[1..5]", [1, 5], [0.9, 5.1, None]),
        ("number", "(1..5)", [1.1, 4.9], [1, 5]),
        ("number", "]1..5[", [1.1, 4.9], [1, 5]),
        ("number", "[1..5)", [1, 4.9], [0, 5]),
        ("number", "(1..5]", [1.1, 5], [1, 6]),
        ("number", "[5..5]", [5], [4, 6]),
        ("number", "1, [3..4], > 9", [1, 3, 4, 10], [2, 5, 9]),
        ("number", "not([1..5], > 9)", [0, 6, 9], [1, 5, 10, None]),
        ("date", 'date("2026-01-01")', ["2026-01-01"], ["2026-01-02", None]),
        ("date", '< date("2026-01-01")', ["2025-12-31"], ["2026-01-01"]),
        ("date", '[date("2026-01-01")..date("2026-02-01"))', ["2026-01-31"], ["2026-02-01"]),
        ("Any", '"1", 1, true', ["1", 1, True], ["2", 2, False]),
        ("Any", "not(1)", [2, None], [1, "a", True]),
    ],
)  # fmt: skip
def test_unary_tests(type_: str, test: str, inside: list[Any], outside: list[Any]) -> None:
    assert [value for value in inside + outside if matches(type_, test, value)] == inside


@pytest.mark.parametrize(
    ("type_", "test", "rule"),
    [
        ("string", "road", "dmn.cell"),
        ("string", '"road', "dmn.cell"),
        ("string", '"a" "b"', "dmn.cell"),
        ("string", '"a",', "dmn.cell"),
        ("string", 'not("a"', "dmn.cell"),
        ("string", "not()", "dmn.cell"),
        ("string", "not", "dmn.cell"),
        ("string", r'"\q"', "dmn.cell"),
        ("string", r'"\ud800"', "dmn.cell"),
        ("string", '["a","b"]', "dmn.cell"),
        ("string", "5", "dmn.cell-type"),
        ("number", '"5"', "dmn.cell-type"),
        ("number", "true", "dmn.cell-type"),
        ("number", "5 + 3", "dmn.cell"),
        ("number", "5 -3", "dmn.cell"),
        ("number", "-, 5", "dmn.cell"),
        ("number", "1e5", "dmn.cell"),
        ("number", "１２", "dmn.cell"),
        ("number", "> limit", "dmn.cell"),
        ("number", "[1..", "dmn.cell"),
        ("number", "[1,5]", "dmn.cell"),
        ("number", "[5..1]", "dmn.interval"),
        ("number", "(5..5]", "dmn.interval"),
        ("number", "> null", "dmn.cell-type"),
        ("number", "9" * 400, "dmn.cell"),
        ("integer", "1.5", "dmn.cell-type"),
        ("boolean", "> true", "dmn.cell-type"),
        ("date", '"2026-01-01"', "dmn.cell-type"),
        ("date", 'date("2026-02-30")', "dmn.cell"),
        ("date", 'date("20260201")', "dmn.cell"),
        ("date", 'date(5)', "dmn.cell"),
        ("date", 'date and time("2026-01-01T00:00:00")', "dmn.cell"),
        ("Any", 'date("2026-01-01")', "dmn.cell-type"),
        ("Any", '[1.."b"]', "dmn.interval"),
        ("string", "__import__('os').system('true')", "dmn.cell"),
    ],
)  # fmt: skip
def test_cells_that_cannot_be_read(type_: str, test: str, rule: str) -> None:
    assert findings_for(type_, test) == [rule]


@pytest.mark.parametrize(
    ("type_", "written", "value"),
    [
        ("string", ' "中\n文" ', "中\n文"),
        ("string", r'"C:\\U"', "C:\\U"),
        ("string", "", None),
        ("string", "null", None),
        ("string", '["a", "b"]', ["a", "b"]),
        ("string", "[]", []),
        ("boolean", "false", False),
        ("number", "007", 7),
        ("number", "2.50", 2.5),
        ("integer", "-3", -3),
        ("date", 'date("2026-01-01")', "2026-01-01"),
        ("", "[1, true, null]", [1, True, None]),
    ],
)
def test_output_cells(type_: str, written: str, value: Any) -> None:
    assert encode(output(type_, written)) == encode(value)


@pytest.mark.parametrize("written", ["-", "a", '"a","b"', '["a"', "['a']", "1 + 1", "[[1]]", "[1..2]", "not(1)", "> 1"])
def test_output_cells_that_cannot_be_read(written: str) -> None:
    assert rules_of(dmn([], [Column("y", "")], [([], [written])])) == ["dmn.cell"]


@pytest.mark.parametrize(
    ("type_", "allowed", "test", "fits"),
    [
        ("string", '"a","b"', '"a"', True),
        ("string", '"a","b"', '"a","c"', False),
        ("string", '"a","b"', 'not("c")', False),
        ("string", '"a","b"', "null", False),
        ("string", '"a",null', "null", True),
        ("number", "[0..100]", "[90..200]", True),
        ("number", "[0..100]", "> 100", False),
        ("number", "[0..100)", "100", False),
        ("number", "1,2,3", "[4..9]", False),
    ],
)  # fmt: skip
def test_cells_outside_the_allowed_values(type_: str, allowed: str, test: str, fits: bool) -> None:
    data = dmn([Column("x", type_, allowed)], [Column("y")], [([test], ['"a"'])])
    _, findings = read(data)
    assert [finding.rule for finding in findings] == ([] if fits else ["dmn.not-allowed"])


def test_outputs_and_defaults_outside_the_allowed_values() -> None:
    assert rules_of(dmn([], [Column("y", "string", '"a","b"')], [([], ['"c"'])])) == ["dmn.not-allowed"]
    assert rules_of(dmn([], [Column("y", "string", '"a","b"')], [([], ['["a","c"]'])])) == ["dmn.not-allowed"]
    assert rules_of(dmn([], [Column("y", "string", '"a"', '"c"')], [([], ['"a"'])])) == ["dmn.not-allowed"]
    assert rules_of(dmn([], [Column("y", "string", 'not("a")')], [([], [""])])) == ["dmn.allowed-values"]
    assert rules_of(dmn([], [Column("y"), Column("y")], [([], ["", ""])])).count("dmn.output-name") == 1


# --- Hit policies ---------------------------------------------------------------------------------

SCORE = Column("score", "number")
GRADE = Column("grade", "string", '"high","middle","low"')
OVERLAPPING: list[Row] = [(["> 1"], ['"low"']), (["> 5"], ['"high"']), (["> 3"], ['"middle"'])]


def graded(attributes: str, rows: Sequence[Row] = OVERLAPPING) -> Callable[[Any], Outcome]:
    table = table_of(dmn([SCORE], [GRADE], rows, attributes))
    return lambda score: evaluate(table, {"score": score})


def test_unique_takes_one_rule_and_refuses_two() -> None:
    table = table_of(dmn([SCORE], [GRADE], OVERLAPPING))
    assert evaluate(table, {"score": 2}) == Outcome({"grade": "low"}, ("r1",))
    with pytest.raises(DecisionError, match=r"UNIQUE.*r1、r3") as caught:
        evaluate(table, {"score": 4})
    assert caught.value.code == "decision.several-rules"
    assert caught.value.details == {"decision": "d", "rules": ["r1", "r3"]}


def test_any_wants_rules_to_agree() -> None:
    rows: list[Row] = [(["> 1"], ['"low"']), (["> 3"], ['"low"']), (["> 5"], ['"high"'])]
    table = table_of(dmn([SCORE], [GRADE], rows, 'hitPolicy="ANY"'))
    assert evaluate(table, {"score": 4}) == Outcome({"grade": "low"}, ("r1", "r2"))
    assert code_of(table, {"score": 6}) == "decision.rules-disagree"


def test_any_does_not_take_true_for_one() -> None:
    table = table_of(dmn([], [Column("y", "")], [([], ["1"]), ([], ["true"])], 'hitPolicy="ANY"'))
    assert code_of(table, {}) == "decision.rules-disagree"


def test_first_and_priority() -> None:
    assert graded('hitPolicy="FIRST"')(6) == Outcome({"grade": "low"}, ("r1",))
    assert graded('hitPolicy="PRIORITY"')(6) == Outcome({"grade": "high"}, ("r2",))
    assert graded('hitPolicy="PRIORITY"')(4) == Outcome({"grade": "middle"}, ("r3",))


def test_priority_goes_from_left_to_right_then_by_row_and_empty_cells_come_last() -> None:
    outputs = [Column("a", "string", '"x","y"'), Column("b", "number", "2,1")]
    cells = [["", "2"], ['"y"', "2"], ['"x"', "1"], ['"x"', "2"], ['"x"', "2"]]
    rows: list[Row] = [([], cell) for cell in cells]
    for kept, winner in ((5, "r4"), (3, "r3"), (2, "r2"), (1, "r1")):
        table = table_of(dmn([], outputs, rows[:kept], 'hitPolicy="PRIORITY"'))
        assert evaluate(table, {}).matched == (winner,)


def test_collect_lists_all_in_the_order_of_the_table() -> None:
    collect = graded('hitPolicy="COLLECT"')
    assert collect(4) == Outcome([{"grade": "low"}, {"grade": "middle"}], ("r1", "r3"))
    assert collect(0) == Outcome([], ())


@pytest.mark.parametrize(
    ("aggregation", "answer", "nothing"),
    [("SUM", 3.3, None), ("MIN", 1.1, None), ("MAX", 2.2, None), ("COUNT", 2, 0)],
)
def test_aggregations(aggregation: str, answer: float, nothing: object) -> None:
    rows: list[Row] = [(["> 1"], ["1.1"]), (["> 1"], ["2.2"]), (["> 5"], ["100"])]
    attributes = f'hitPolicy="COLLECT" aggregation="{aggregation}"'
    table = table_of(dmn([SCORE], [Column("points", "number")], rows, attributes))
    assert evaluate(table, {"score": 2}) == Outcome({"points": answer}, ("r1", "r2"))
    assert evaluate(table, {"score": 0}) == Outcome({"points": nothing}, ())


def test_a_sum_of_whole_numbers_is_whole() -> None:
    rows: list[Row] = [([], ["1.5"]), ([], ["2.5"])]
    table = table_of(dmn([], [Column("y", "number")], rows, 'hitPolicy="COLLECT" aggregation="SUM"'))
    assert encode(evaluate(table, {}).outputs) == b'{"y":4}'


def test_aggregations_need_one_column_of_numbers() -> None:
    attributes = 'hitPolicy="COLLECT" aggregation="MAX"'
    assert rules_of(dmn([], [Column("y", "number")], [([], [""])], attributes)) == ["dmn.aggregation"]
    two = [Column("y", "number"), Column("z", "number")]
    assert rules_of(dmn([], two, [([], ["1", "2"])], attributes)) == ["dmn.aggregation"]


def test_without_a_match_the_default_answers() -> None:
    columns = [Column("y", "string", "", '"none"'), Column("z", "number")]
    table = table_of(dmn([SCORE], columns, [(["> 1"], ['"some"', "1"])]))
    assert evaluate(table, {"score": 0}) == Outcome({"y": "none", "z": None}, ())
    assert rules_of(dmn([], columns, [([], ["", ""])], 'hitPolicy="COLLECT"')) == ["dmn.default"]


# --- Inputs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "allowed", "value", "code"),
    [
        ("number", "", "5", "decision.input-type"),
        ("number", "", True, "decision.input-type"),
        ("number", "", [1], "decision.input-type"),
        ("integer", "", 1.5, "decision.input-type"),
        ("boolean", "", 1, "decision.input-type"),
        ("string", "", 1, "decision.input-type"),
        ("date", "", "1 January", "decision.input-type"),
        ("date", "", "20260101", "decision.input-type"),
        ("date", "", "2026-01-01T00:00:00+08:00", "decision.input-type"),
        ("Any", "", {"a": 1}, "decision.input-type"),
        ("string", '"a","b"', "c", "decision.input-not-allowed"),
        ("string", '"a","b"', None, "decision.input-not-allowed"),
        ("number", "[0..9]", 10, "decision.input-not-allowed"),
    ],
)  # fmt: skip
def test_inputs_of_the_wrong_kind_are_errors_in_words(type_: str, allowed: str, value: Any, code: str) -> None:
    table = table_of(dmn([Column("x", type_, allowed)], [Column("y")], [(["-"], ['"a"'])]))
    assert code_of(table, {"x": value}) == code


def test_inputs_are_expressions_over_the_variables() -> None:
    table = table_of(dmn([Column("matter.size + 1", "number")], [Column("y", "boolean")], [(["3"], ["true"])]))
    assert evaluate(table, {"matter": {"size": 2}}).outputs == {"y": True}
    assert code_of(table, {}) == "decision.input-missing"
    assert code_of(table, {"matter": {}}) == "decision.input-missing"
    assert code_of(table, {"matter": {"size": "2"}}) == "decision.input-expression"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 2**70])
def test_numbers_that_json_cannot_hold_are_refused(number: float) -> None:
    table = table_of(dmn([Column("x", "number")], [Column("y")], [(["-"], ['"a"'])]))
    assert code_of(table, {"x": number}).startswith("decision.input-")


# --- Properties -----------------------------------------------------------------------------------

NUMBERS = st.integers(-6, 6)
Case = tuple[str, Callable[[int], bool]]


def interval(low: int, width: int, opening: str, closing: str) -> Case:
    def inside(value: int) -> bool:
        after = value >= low if opening == "[" else value > low
        before = value <= low + width if closing == "]" else value < low + width
        return after and before

    return f"{opening}{low}..{low + width}{closing}", inside


LITERALS: st.SearchStrategy[Case] = NUMBERS.map(lambda n: (str(n), lambda value: value == n))
INTERVALS = st.builds(interval, NUMBERS, st.integers(1, 6), st.sampled_from("[(]"), st.sampled_from("])["))
COMPARISONS: st.SearchStrategy[Case] = st.one_of(
    NUMBERS.map(lambda n: (f"<{n}", lambda value: value < n)),
    NUMBERS.map(lambda n: (f"<= {n}", lambda value: value <= n)),
    NUMBERS.map(lambda n: (f"> {n}", lambda value: value > n)),
    NUMBERS.map(lambda n: (f">={n}", lambda value: value >= n)),
)


def listed(cases: list[Case], negated: bool) -> Case:
    written = ", ".join(case[0] for case in cases)
    tests = [case[1] for case in cases]
    if negated:
        return f"not({written})", lambda value: not any(test(value) for test in tests)
    return written, lambda value: any(test(value) for test in tests)


LISTS = st.builds(listed, st.lists(st.one_of(LITERALS, INTERVALS, COMPARISONS), min_size=1, max_size=4), st.booleans())


@given(st.lists(st.tuples(LISTS, LISTS), min_size=1, max_size=4), NUMBERS, NUMBERS)
def test_matching_agrees_with_a_naive_reading(rows: list[tuple[Case, Case]], x: int, y: int) -> None:
    written: list[Row] = [([left[0], right[0]], [str(n)]) for n, (left, right) in enumerate(rows)]
    inputs = [Column("x", "number"), Column("y", "number")]
    table = table_of(dmn(inputs, [Column("n", "integer")], written, 'hitPolicy="COLLECT"'))
    expected = [n for n, (left, right) in enumerate(rows) if left[1](x) and right[1](y)]
    assert evaluate(table, {"x": x, "y": y}).outputs == [{"n": n} for n in expected]
    revived = decode(encode(table), Table)
    assert evaluate(revived, {"x": x, "y": y}) == evaluate(table, {"x": x, "y": y})


@given(st.text(alphabet='"\\,.()[]<>=- 019abnotdatenull“中', max_size=24))
def test_no_cell_ever_raises(written: str) -> None:
    tables, findings = read(dmn([Column("x", "")], [Column("y", "")], [([written], [written])]))
    assert ("d" in tables) == (not findings)
    for table in tables.values():
        assert decode(encode(table), Table) == table
        assert isinstance(evaluate(table, {"x": 1}), Outcome)


def cut(root: etree._Element, places: list[tuple[int, int]]) -> bytes:
    """The file with elements removed, doubled, moved or stripped of their attributes."""
    for place, how in places:
        elements = list(root.iter())[1:]
        element = elements[place % len(elements)] if elements else root
        parent = element.getparent()
        if parent is None or how == 0:
            element.attrib.clear()
        elif how == 1:
            parent.remove(element)
        elif how == 2:
            parent.append(deepcopy(element))
        else:
            root.append(element)
    return etree.tostring(root)


@given(
    st.sampled_from(["dispatch", "requirements", "older"]),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3)), min_size=1, max_size=4),
)
def test_no_broken_file_ever_raises(name: str, places: list[tuple[int, int]]) -> None:
    tables, findings = read(cut(etree.fromstring((DATA / f"{name}.dmn").read_bytes()), places))
    assert tables or findings
    assert all(decode(encode(table), Table) == table for table in tables.values())
