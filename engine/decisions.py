"""Decision tables: DMN files become plain frozen tables; a table answers, and names the rules it goes by.

SpiffWorkflow reads the clauses and rules of a table. It evaluates cells as Python and knows two hit policies,
so cells are compiled here to spans of values (S-FEEL of DMN 1.3, chapter 9: unary tests, simple literals) and
evaluated by the few lines below. What this module does not carry out it refuses with a finding that names
the element. A table without errors is pure data, travels as JSON and always answers alike.
"""

import ast
import copy
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple, NoReturn

from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnValidator
from SpiffWorkflow.dmn.parser.BpmnDmnParser import SCHEMAS
from SpiffWorkflow.dmn.parser.DMNParser import DMNParser

from engine import xml
from engine.errors import Finding, Invalid, Level, WanggeError
from engine.expressions import ExpressionError, compile_expression
from engine.model import Json, Value, encode

Kind = Literal["null", "boolean", "number", "string", "date"]
Type = Literal["any", "string", "boolean", "number", "integer", "date"]
HitPolicy = Literal["UNIQUE", "ANY", "FIRST", "PRIORITY", "COLLECT"]
Aggregation = Literal["", "SUM", "MIN", "MAX", "COUNT"]


class Span(Value, frozen=True):
    """Values of one kind from `low` to `high`; None is no bound, equal ends are one value.

    Dates are ISO strings. A span of kind `null` holds nothing but null.
    """

    kind: Kind
    low: bool | int | float | str | None = None
    high: bool | int | float | str | None = None
    without_low: bool = False
    without_high: bool = False


class Test(Value, frozen=True):
    """A unary test: the value lies in one of the spans, or in none if `negated`. Without spans all pass."""

    text: str = "-"
    spans: tuple[Span, ...] = ()
    negated: bool = False


class Input(Value, frozen=True):
    """A column that is asked: `expression` over the variables, its type and the values it may have."""

    id: str
    label: str
    expression: str
    type: Type
    allowed: Test = Test()


class Output(Value, frozen=True):
    """A column that answers. `allowed` also orders PRIORITY; `default` is the answer when no rule matches."""

    id: str
    name: str
    label: str
    type: Type
    allowed: Test = Test()
    default: Any = None


class Rule(Value, frozen=True):
    """A row: it matches when every test holds, and answers with `outputs`, one value per output column."""

    id: str
    tests: tuple[Test, ...]
    outputs: tuple[Any, ...]
    description: str = ""
    annotations: tuple[str, ...] = ()


class Table(Value, frozen=True):
    """A decision table. `key` is the id of the decision, which a business rule task names."""

    key: str
    name: str
    hit_policy: HitPolicy
    aggregation: Aggregation
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    rules: tuple[Rule, ...]


class Outcome(Value, frozen=True):
    """What a table answers, and the ids of the rules the answer rests on, in the order of the table.

    `outputs` maps output names to values; COLLECT without aggregation gives a list of such mappings.
    """

    outputs: dict[str, Any] | list[dict[str, Any]]
    matched: tuple[str, ...] = ()


class DecisionError(WanggeError):
    """A table cannot answer: an input is missing, of the wrong type or not allowed, or rules contradict."""

    status = 422


# --- Evaluation ---------------------------------------------------------------------------------------------


def evaluate(table: Table, variables: Mapping[str, Any]) -> Outcome:
    """What the table answers to these variables.

    If no rule matches, the outputs are their defaults, else null (COUNT: 0, COLLECT: an empty list).
    Raises `DecisionError`: `decision.input-missing`, `.input-expression`, `.input-type`,
    `.input-not-allowed`, `.several-rules` (UNIQUE), `.rules-disagree` (ANY).
    """
    values = [_value(table, column, variables) for column in table.inputs]
    matching = [rule for rule in table.rules if _matches(rule, values)]
    kept = SETTLE[table.hit_policy](table, matching)
    return Outcome(_answer(table, kept), tuple(rule.id for rule in kept))


class _Typed(NamedTuple):
    """A value together with its kind: True is not 1, and a date is not a string."""

    kind: Kind
    value: Any


def _value(table: Table, column: Input, variables: Mapping[str, Any]) -> _Typed:
    raw = _look_up(table, column, variables)
    typed = _typed(raw, column.type)
    if typed is None:
        _fail(
            table,
            "decision.input-type",
            f"输入“{column.label}”的值 {_show(raw)} 不是 {column.type} 类型。请检查表单或前一步骤的取值。",
            f"The input “{column.label}” is {_show(raw)}, not of type {column.type}. "
            "Check the form or the step before.",
        )
    if _holds(column.allowed, typed) is not True:
        _fail(
            table,
            "decision.input-not-allowed",
            f"输入“{column.label}”的值 {_show(raw)} 不在允许范围 {column.allowed.text} 内。"
            "请改正该值，或在决策表中补充允许值。",
            f"The input “{column.label}” is {_show(raw)}, outside its allowed values {column.allowed.text}. "
            "Correct the value or extend the allowed values of the table.",
        )
    return typed


def _look_up(table: Table, column: Input, variables: Mapping[str, Any]) -> Any:
    try:
        return compile_expression(column.expression)(variables)
    except ExpressionError as error:
        missing = error.code in ("expression.missing-name", "expression.missing-item")
        _fail(
            table,
            "decision.input-missing" if missing else "decision.input-expression",
            f"输入“{column.label}”无法取值：{error.words.zh}请检查表单或前一步骤。",
            f"The input “{column.label}” has no value: {error.words.en} Check the form or the step before.",
        )


def _typed(value: Any, wanted: Type) -> _Typed | None:
    """The value with its kind, None if the column does not take it. Null fits every column."""
    kind = _kind(value)
    if kind is None:
        return None
    if wanted == "date" and kind == "string":
        return _Typed("date", value) if _is_date(value) else None
    if kind == "null" or wanted == "any":
        return _Typed(kind, value)
    return _Typed(kind, value) if _fits(kind, value, wanted) else None


def _kind(value: Any) -> Kind | None:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else None


def _fits(kind: Kind, value: Any, wanted: Type) -> bool:
    if wanted == "integer":
        return kind == "number" and value == int(value)
    return kind == wanted


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _matches(rule: Rule, values: Sequence[_Typed]) -> bool:
    for test, value in zip(rule.tests, values, strict=True):
        if test.spans and _holds(test, value) is not True:
            return False
    return True


def _holds(test: Test, value: _Typed) -> bool | None:
    """Whether the value passes; None is FEEL's null: an order that null or another kind of value has not."""
    if not test.spans:
        return True
    verdicts = [_covers(span, value) for span in test.spans]
    found = True if True in verdicts else None if None in verdicts else False
    return found if found is None else found is not test.negated


def _covers(span: Span, typed: _Typed) -> bool | None:
    if span.kind == "null":
        return typed.kind == "null"
    if typed.kind == "null":
        return False if _is_single(span) else None
    if typed.kind != span.kind:
        return None
    point = Span(span.kind, typed.value, typed.value)
    return _meet(span, point)


def _is_single(span: Span) -> bool:
    return span.low is not None and span.low == span.high


def _meet(one: Span, other: Span) -> bool:
    """Whether the two spans have a value in common."""
    return one.kind == other.kind and _reaches(one, other) and _reaches(other, one)


def _reaches(lower: Span, upper: Span) -> bool:
    low: Any = lower.low
    high: Any = upper.high
    if low is None or high is None:
        return True
    if low == high:
        return not (lower.without_low or upper.without_high)
    return bool(low < high)


def _unique(table: Table, rules: list[Rule]) -> list[Rule]:
    if len(rules) > 1:
        _contradict(
            table,
            "decision.several-rules",
            rules,
            "多条规则同时命中，而命中策略 UNIQUE 只允许一条",
            "several rules match, the hit policy UNIQUE allows one",
        )
    return rules


def _any(table: Table, rules: list[Rule]) -> list[Rule]:
    if len({encode(rule.outputs) for rule in rules}) > 1:
        _contradict(
            table,
            "decision.rules-disagree",
            rules,
            "多条规则同时命中但结果不同，而命中策略 ANY 要求结果一致",
            "several rules match with different results, the hit policy ANY wants them alike",
        )
    return rules


def _first(_table: Table, rules: list[Rule]) -> list[Rule]:
    return rules[:1]


def _priority(table: Table, rules: list[Rule]) -> list[Rule]:
    """The rule whose outputs stand first among the allowed values, compared from left to right."""

    def ranks(rule: Rule) -> list[int]:
        return [_rank(column, value) for column, value in zip(table.outputs, rule.outputs, strict=True)]

    return sorted(rules, key=ranks)[:1]


def _rank(column: Output, value: Any) -> int:
    """The place of a value in the list of its column; what is not listed (null, a list) comes last."""
    typed, listed = _typed(value, column.type), column.allowed.spans
    places = (place for place, span in enumerate(listed) if typed and _covers(span, typed))
    return next(places, len(listed))


def _collect(_table: Table, rules: list[Rule]) -> list[Rule]:
    return rules


SETTLE: dict[HitPolicy, Callable[[Table, list[Rule]], list[Rule]]] = {
    "UNIQUE": _unique,
    "ANY": _any,
    "FIRST": _first,
    "PRIORITY": _priority,
    "COLLECT": _collect,
}


def _answer(table: Table, rules: list[Rule]) -> dict[str, Any] | list[dict[str, Any]]:
    if table.aggregation:
        return {table.outputs[0].name: AGGREGATE[table.aggregation]([rule.outputs[0] for rule in rules])}
    if table.hit_policy == "COLLECT":
        return [_named(table, rule.outputs) for rule in rules]
    return _named(table, rules[0].outputs if rules else [column.default for column in table.outputs])


def _named(table: Table, values: Sequence[Any]) -> dict[str, Any]:
    return {column.name: value for column, value in zip(table.outputs, values, strict=True)}


def _sum(values: list[Any]) -> Any:
    """The sum in decimal arithmetic: 1.1 and 2.2 make 3.3."""
    return _number(sum((Decimal(str(value)) for value in values), Decimal(0))) if values else None


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


AGGREGATE: dict[Aggregation, Callable[[list[Any]], Any]] = {
    "SUM": _sum,
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
    "COUNT": len,
}


def _contradict(table: Table, code: str, rules: list[Rule], zh: str, en: str) -> NoReturn:
    ids = "、".join(rule.id for rule in rules)
    _fail(
        table,
        code,
        f"{zh}：{ids}。请修改这些规则。",
        f"{en[0].upper()}{en[1:]}: {ids}. Change these rules.",
        [rule.id for rule in rules],
    )


def _fail(table: Table, code: str, zh: str, en: str, rules: Sequence[str] = ()) -> NoReturn:
    title = table.name or table.key
    raise DecisionError(
        code,
        f"决策表“{title}”：{zh}",
        f"Decision table “{title}”: {en}",
        details={"decision": table.key, "rules": list(rules)},
    )


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


# --- Cells: S-FEEL unary tests and literals -----------------------------------------------------------------


class _Fault(Exception):
    """A cell that cannot be read, with the rule it breaks and why, in two languages."""

    def __init__(self, rule: str, zh: str, en: str) -> None:
        super().__init__(zh)
        self.rule = rule
        self.zh = zh
        self.en = en


TOKEN = re.compile(
    r"\s+"
    r'|(?P<string>"(?:[^"\\]|\\.)*+")'
    r"|(?P<number>-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+))"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<mark>\.\.|[<>]=?|[\[\](),-])",
    re.DOTALL,
)
ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
ESCAPED = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
FULL_WIDTH = re.compile("[“”‘’，（）［］＜＞≥≤＝]")
LARGEST_NUMBER = 2**53
"""Beyond it JSON readers disagree on integers (RFC 8785, section 3.2.2.3)."""

CONSTANTS: dict[str, _Typed] = {
    "true": _Typed("boolean", True),
    "false": _Typed("boolean", False),
    "null": _Typed("null", None),
}


class _Token(NamedTuple):
    group: str
    text: str


class _Cell:
    """The tokens of one cell, read from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place].text if place < len(self.tokens) else ""

    def take(self) -> _Token:
        if self.at == len(self.tokens):
            raise _unreadable("内容不完整", "it is not complete")
        self.at += 1
        return self.tokens[self.at - 1]

    def skip(self, *wanted: str) -> bool:
        found = self.peek() in wanted
        self.at += found
        return found

    def expect(self, *wanted: str) -> str:
        token = self.take()
        if token.text not in wanted:
            raise _unreadable(
                f"“{token.text}”处应为 {' 或 '.join(wanted)}",
                f"“{token.text}” stands where {' or '.join(wanted)} should",
            )
        return token.text

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise _unreadable(f"多出“{self.peek()}”", f"“{self.peek()}” is too much")


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise _unreadable(f"无法识别“{text[at : at + 20]}”", f"“{text[at : at + 20]}” is not understood")
        if found.lastgroup:
            tokens.append(_Token(found.lastgroup, found.group()))
        at = found.end()
    return tokens


def _unreadable(zh: str, en: str) -> _Fault:
    return _Fault("dmn.cell", zh, en)


def _unary_tests(text: str, wanted: Type) -> Test:
    """The test a cell of an input column writes: `-`, `"a","b"`, `>= 5`, `[1..5)`, `not(…)`."""
    cell = _Cell(text)
    if cell.text.strip() in ("", "-"):
        return Test()
    negated = cell.peek() == "not" and cell.peek(1) == "("
    if negated:
        cell.at += 2
    spans = [_span(cell, wanted)]
    while cell.skip(","):
        spans.append(_span(cell, wanted))
    if negated:
        cell.expect(")")
    cell.end()
    return Test(text.strip(), tuple(spans), negated)


def _span(cell: _Cell, wanted: Type) -> Span:
    if cell.peek() in ("<", "<=", ">", ">="):
        return _comparison(cell, wanted)
    if cell.peek() in ("[", "]", "("):
        return _interval(cell, wanted)
    kind, value = _literal(cell, wanted)
    return Span(kind, value, value)


def _comparison(cell: _Cell, wanted: Type) -> Span:
    operator = cell.take().text
    kind, value = _bound(cell, wanted)
    if operator[0] == "<":
        return Span(kind, high=value, without_high=operator == "<")
    return Span(kind, low=value, without_low=operator == ">")


def _interval(cell: _Cell, wanted: Type) -> Span:
    opening = cell.expect("[", "]", "(")
    kind, low = _bound(cell, wanted)
    cell.expect("..")
    upper_kind, high = _bound(cell, wanted)
    closing = cell.expect("]", "[", ")")
    span = Span(kind, low, high, opening != "[", closing != "]")
    if kind != upper_kind or not _reaches(span, span):
        raise _Fault("dmn.interval", "区间内没有任何值", "no value lies in the interval")
    return span


def _bound(cell: _Cell, wanted: Type) -> _Typed:
    bound = _literal(cell, wanted)
    if bound.kind in ("null", "boolean"):
        raise _Fault("dmn.cell-type", "是非值和空值没有大小", "true, false and null have no order")
    return bound


def _literal(cell: _Cell, wanted: Type) -> _Typed:
    typed = _any_literal(cell)
    if typed.kind == "date" and wanted != "date":
        raise _Fault("dmn.cell-type", "日期须写在 date 类型的列中", "a date needs a column of type date")
    if typed.kind != "null" and wanted != "any" and not _fits(typed.kind, typed.value, wanted):
        raise _Fault(
            "dmn.cell-type",
            f"{_show(typed.value)} 不是该列的类型 {wanted}",
            f"{_show(typed.value)} is not of the column's type {wanted}",
        )
    return typed


def _any_literal(cell: _Cell) -> _Typed:
    group, text = cell.take()
    if group == "string":
        return _Typed("string", _unescaped(text[1:-1]))
    if group == "number":
        return _Typed("number", _bounded_number(text))
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text == "date" and cell.peek() == "(":
        return _date(cell)
    if group == "word":
        raise _unreadable(f"文字“{text}”须加英文双引号", f"the text “{text}” must stand in double quotes")
    raise _unreadable(f"“{text}”处应为一个值", f"a value should stand where “{text}” does")


def _unescaped(text: str) -> str:
    return ESCAPE.sub(_unescape, text)


def _unescape(found: re.Match[str]) -> str:
    code, sign = found.groups()
    if code and not 0xD800 <= int(code, 16) <= 0xDFFF:
        return chr(int(code, 16))
    if sign not in ESCAPED:
        raise _unreadable(f"不支持转义“{found.group()}”", f"the escape “{found.group()}” is not supported")
    return ESCAPED[sign]


def _bounded_number(text: str) -> int | float:
    value = Decimal(text)
    if abs(value) > LARGEST_NUMBER:
        raise _unreadable("数值过大", "the number is too large")
    return _number(value)


def _date(cell: _Cell) -> _Typed:
    cell.expect("(")
    day = cell.take()
    cell.expect(")")
    text = _unescaped(day.text[1:-1])
    if day.group != "string" or not _is_date(text):
        raise _unreadable('日期须写成 date("2026-01-31")', 'a date is written date("2026-01-31")')
    return _Typed("date", text)


def _output_value(text: str, wanted: Type) -> Json:
    """The value an output cell writes: a literal, a list of literals in brackets, or nothing (null)."""
    cell = _Cell(text)
    if not cell.tokens:
        return None
    value = _list(cell, wanted) if cell.skip("[") else _literal(cell, wanted).value
    cell.end()
    return value


def _list(cell: _Cell, wanted: Type) -> list[Any]:
    values: list[Any] = []
    if cell.skip("]"):
        return values
    values.append(_literal(cell, wanted).value)
    while cell.skip(","):
        values.append(_literal(cell, wanted).value)
    cell.expect("]")
    return values


# --- Reading files ------------------------------------------------------------------------------------------

DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"
OLDER = ("http://www.omg.org/spec/DMN/20180521/MODEL/", "http://www.omg.org/spec/DMN/20151101/dmn.xsd")

TYPES: dict[str, Type] = {
    "": "any",
    "Any": "any",
    "string": "string",
    "boolean": "boolean",
    "number": "number",
    "double": "number",
    "integer": "integer",
    "long": "integer",
    "date": "date",
}

# Constructs of the schema that are more than documentation or layout, and what they are called.
REFUSED = {
    "import": ("引用其他文件", "an import of another file"),
    "itemDefinition": ("自定义类型", "a type of its own"),
    "businessKnowledgeModel": ("业务知识模型", "a business knowledge model"),
    "decisionService": ("决策服务", "a decision service"),
    "knowledgeRequirement": ("对业务知识模型的依赖", "a requirement of business knowledge"),
    "requiredDecision": ("对其他决策的依赖", "a requirement of another decision"),
    "importedValues": ("引用外部取值", "values imported from elsewhere"),
    "literalExpression": ("文字表达式", "a literal expression"),
    "invocation": ("调用", "an invocation"),
    "context": ("上下文", "a context"),
    "functionDefinition": ("函数定义", "a function definition"),
    "relation": ("关系表", "a relation"),
    "list": ("列表", "a list"),
}

POLICIES: tuple[HitPolicy, ...] = ("UNIQUE", "ANY", "FIRST", "PRIORITY", "COLLECT")
AGGREGATIONS: tuple[Aggregation, ...] = ("", "SUM", "MIN", "MAX", "COUNT")


class _Report:
    """The findings of one decision or file, in the order they were met."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def add(self, rule: str, element: str, name: str, zh: str, en: str, level: Level = "error") -> None:
        self.findings.append(Finding(rule, level, element, f"{zh} {en}", name))

    def on(self, element: xml.Element, rule: str, zh: str, en: str, level: Level = "error") -> None:
        """A finding on an element of the file, or on the one around it if it has no id."""
        element = element if _id(element) else _parent(element)
        self.add(rule, _id(element), element.get("label") or element.get("name") or "", zh, en, level)

    @property
    def is_clean(self) -> bool:
        return not any(finding.level == "error" for finding in self.findings)


def read(data: bytes) -> tuple[dict[str, Table], list[Finding]]:
    """The tables of a DMN 1.1, 1.2 or 1.3 file by key, and everything that is wrong with the file.

    A table is returned if nothing of level `error` concerns it. Bad input never raises.
    """
    try:
        root = xml.parse(data)
    except Invalid as refused:
        return {}, list(refused.findings)
    report = _Report()
    if not _is_dmn(root, report):
        return {}, report.findings
    _check_schema(root, report)
    _check_file(root, report)
    tables = [_read_decision(decision, report) for decision in _children(root, "decision")]
    return _by_key(tables, report), report.findings


def _by_key(tables: list[Table | None], report: _Report) -> dict[str, Table]:
    """The tables, or none if the file as a whole is at fault."""
    if any(finding.rule in ("dmn.schema", "dmn.import", "dmn.item-definition") for finding in report.findings):
        return {}
    return {table.key: table for table in tables if table is not None}


def _is_dmn(root: xml.Element, report: _Report) -> bool:
    """Whether this is a DMN file of a version we read; older versions are lifted to 1.3 on the way."""
    namespace, _, name = root.tag.removeprefix("{").rpartition("}")
    if name != "definitions" or namespace not in (DMN, *OLDER):
        report.on(
            root,
            "dmn.version",
            f"不是 DMN 1.1、1.2 或 1.3 的决策文件（根元素为 {root.tag}）。请导出 1.3 版。",
            f"This is not a decision file of DMN 1.1, 1.2 or 1.3 (its root is {root.tag}). Export it as version 1.3.",
        )
        return False
    _lift(root, namespace)
    return True


def _lift(root: xml.Element, namespace: str) -> None:
    """Put all elements into the namespace of DMN 1.3 and drop the layout, which no answer depends on."""
    for layout in [child for child in root if _local(child) == "DMNDI"]:
        root.remove(layout)
    for element in root.iter(f"{{{namespace}}}*"):
        element.tag = f"{{{DMN}}}{_local(element)}"


def _check_schema(root: xml.Element, report: _Report) -> None:
    schema = BpmnValidator(SCHEMAS[DMN]).validator
    schema.validate(root)
    for fault in schema.error_log:
        words = re.sub(r"\{[^}]*\}", "", fault.message)
        report.add(
            "dmn.schema",
            "",
            "",
            f"第 {fault.line} 行不符合 DMN 格式：{words}。请用 DMN 编辑器重新导出。",
            f"Line {fault.line} breaks the DMN format: {words} Export the file again from a DMN editor.",
        )


def _check_file(root: xml.Element, report: _Report) -> None:
    for name in ("import", "itemDefinition", "businessKnowledgeModel", "decisionService"):
        for element in _children(root, name):
            _refuse(element, report)
    _check_language(root, report)
    if not _children(root, "decision"):
        report.on(
            root,
            "dmn.no-decision",
            "文件中没有决策。请添加决策表。",
            "The file holds no decision. Add a table.",
        )


def _refuse(element: xml.Element, report: _Report) -> None:
    zh, en = REFUSED[_local(element)]
    report.on(
        element,
        f"dmn.{_dashed(_local(element))}",
        f"不支持{zh}（{_local(element)}）。请改用单独的决策表。",
        f"This is {en} ({_local(element)}), which is not supported. Use a decision table on its own.",
    )


def _check_language(element: xml.Element, report: _Report) -> None:
    language = element.get("expressionLanguage", "feel")
    if "feel" not in language.lower():
        report.on(
            element,
            "dmn.expression-language",
            f"不支持表达式语言 {language}。请使用 FEEL。",
            f"The expression language {language} is not supported. Use FEEL.",
        )


def _read_decision(decision: xml.Element, file: _Report) -> Table | None:
    report = _Report()
    _check_decision(decision, report)
    tables = _children(decision, "decisionTable")
    table = _read_table(decision, tables[0], report) if len(tables) == 1 else None
    file.findings += report.findings
    return table if report.is_clean else None


def _check_decision(decision: xml.Element, report: _Report) -> None:
    if not _id(decision):
        report.on(decision, "dmn.no-id", "决策没有编号（id）。请补充。", "The decision has no id. Give it one.")
    for element in decision.iter(f"{{{DMN}}}*"):
        _check_element(element, decision, report)
    if not _children(decision, "decisionTable") and report.is_clean:
        report.on(decision, "dmn.no-table", "决策没有决策表。请添加。", "The decision has no table. Add one.")


def _check_element(element: xml.Element, decision: xml.Element, report: _Report) -> None:
    name = _local(element)
    if name in ("knowledgeRequirement", "importedValues"):
        _refuse(element, report)
    if name == "requiredDecision" and _local(_parent(element)) == "informationRequirement":
        _refuse(element, report)
    if _parent(element) is decision and name in REFUSED and name != "knowledgeRequirement":
        _refuse(element, report)
    if name == "extensionElements":
        report.on(
            _parent(element),
            "dmn.extension",
            "扩展内容（extensionElements）不影响结果，已忽略。",
            "Extension elements change no answer and are ignored.",
            "advice",
        )
    if element is not decision:
        _check_language(element, report)


def _read_table(decision: xml.Element, element: xml.Element, report: _Report) -> Table | None:
    policy, aggregation = _hit_policy(element, report)
    if not _is_rectangular(element, report):
        return None
    drawn = _parsed_by_spiff(decision)
    inputs = tuple(
        _input(clause, column, report) for clause, column in zip(drawn.inputs, _children(element, "input"), strict=True)
    )
    outputs = tuple(
        _output(clause, column, report)
        for clause, column in zip(drawn.outputs, _children(element, "output"), strict=True)
    )
    rows = zip(drawn.rules, _children(element, "rule"), strict=True)
    rules = tuple(_rule(drawn_rule, row, inputs, outputs, report) for drawn_rule, row in rows)
    table = Table(_id(decision), decision.get("name", ""), policy, aggregation, inputs, outputs, rules)
    _check_table(table, element, report)
    return table


def _hit_policy(element: xml.Element, report: _Report) -> tuple[HitPolicy, Aggregation]:
    policy, aggregation = element.get("hitPolicy", "UNIQUE"), element.get("aggregation", "")
    if policy not in POLICIES:
        report.on(
            element,
            "dmn.hit-policy",
            f"不支持命中策略 {policy}。请改用 {'、'.join(POLICIES)} 之一。",
            f"The hit policy {policy} is not supported. Use one of {', '.join(POLICIES)}.",
        )
    if aggregation and policy != "COLLECT":
        report.on(
            element,
            "dmn.aggregation",
            f"聚合 {aggregation} 只能与命中策略 COLLECT 一起使用。请删除聚合或更改命中策略。",
            f"The aggregation {aggregation} goes with the hit policy COLLECT only. Remove it.",
        )
    return (
        next((known for known in POLICIES if known == policy), "UNIQUE"),
        next((known for known in AGGREGATIONS if known == aggregation), ""),
    )


def _is_rectangular(element: xml.Element, report: _Report) -> bool:
    """Whether every rule has one cell per column; a file cut by hand may not."""
    wanted = [len(_children(element, name)) for name in ("input", "output")]
    ragged = [
        rule
        for rule in _children(element, "rule")
        if [len(_children(rule, name)) for name in ("inputEntry", "outputEntry")] != wanted
    ]
    for rule in ragged:
        report.on(
            rule,
            "dmn.cells",
            f"该规则的单元格数与列数（输入 {wanted[0]}、输出 {wanted[1]}）不符。请在编辑器中重建该规则。",
            f"The rule lacks one cell for each of {wanted[0]} inputs and {wanted[1]} outputs. Redraw it.",
        )
    return not ragged


def _parsed_by_spiff(decision: xml.Element) -> Any:
    """The table as SpiffWorkflow reads it.

    It takes one decision per document, wants ids everywhere, and insists that output cells are Python; so it
    gets a copy of this decision alone, with ids filled in and each output cell quoted.
    """
    document = decision.makeelement(f"{{{DMN}}}definitions")
    document.append(copy.deepcopy(decision))
    document[0].set("id", _id(decision))
    for table in document.iter(f"{{{DMN}}}decisionTable"):
        _prepare(table)
    parser = DMNParser(None, document, {"dmn": DMN})
    parser.parse()
    return parser.decision.decisionTables[0]


def _prepare(table: xml.Element) -> None:
    for child in list(table):
        if _local(child) not in ("input", "output", "rule"):
            table.remove(child)
    for number, rule in enumerate(_children(table, "rule"), 1):
        rule.set("id", _id(rule) or f"rule-{number}")
    for element in table.iter(f"{{{DMN}}}*"):
        element.set("id", _id(element) or _id(_parent(element)))
        if _local(element) in ("inputEntry", "outputEntry"):
            _prepare_cell(element)


def _prepare_cell(entry: xml.Element) -> None:
    texts = _children(entry, "text") or [entry.makeelement(f"{{{DMN}}}text")]
    entry.append(texts[0])
    if _local(entry) == "outputEntry":
        texts[0].text = repr(texts[0].text or "")


class _Place(NamedTuple):
    """Where a cell stands: the element of the file, its column's label, and words for both."""

    element: str
    name: str
    zh: str
    en: str


def _input(drawn: Any, element: xml.Element, report: _Report) -> Input:
    label = drawn.label or drawn.expression or drawn.id
    place = _Place(drawn.id, label, f"输入列“{label}”", f"Input “{label}”")
    source = (drawn.expression or "").strip()
    try:
        compile_expression(source)
    except ExpressionError as error:
        _blame(place, _Fault("dmn.input-expression", error.words.zh, error.words.en), report)
    wanted = _type(drawn.typeRef, place, report)
    return Input(drawn.id, label, source, wanted, _domain(element, "inputValues", wanted, place, report))


def _output(drawn: Any, element: xml.Element, report: _Report) -> Output:
    label = drawn.label or drawn.name or drawn.id
    place = _Place(drawn.id, label, f"输出列“{label}”", f"Output “{label}”")
    if not drawn.name.isidentifier():
        fault = _Fault(
            "dmn.output-name",
            f"输出名称“{drawn.name}”须是变量名（字母或汉字开头，不含空格和标点）",
            f"its name “{drawn.name}” must be that of a variable (letters and digits, no space)",
        )
        _blame(place, fault, report)
    wanted = _type(drawn.typeRef, place, report)
    allowed = _domain(element, "outputValues", wanted, place, report)
    default = _cell_value(_text_of(element, "defaultOutputEntry"), wanted, allowed, place, report)
    return Output(drawn.id, drawn.name, label, wanted, allowed, default)


def _type(name: str | None, place: _Place, report: _Report) -> Type:
    known = TYPES.get((name or "").removeprefix("feel:"))
    if known is None:
        words = "、".join(filter(None, TYPES))
        fault = _Fault("dmn.type", f"不支持类型 {name}，可用 {words}", f"the type {name} is none of {words}")
        _blame(place, fault, report)
    return known or "any"


def _domain(column: xml.Element, name: str, wanted: Type, place: _Place, report: _Report) -> Test:
    test = _cell_test(_text_of(column, name), wanted, Test(), place, report)
    if test.negated:
        fault = _Fault("dmn.allowed-values", "允许值不能使用 not(…)", "allowed values cannot be written with not(…)")
        _blame(place, fault, report)
    return test


def _rule(drawn: Any, row: xml.Element, inputs: Sequence[Input], outputs: Sequence[Output], report: _Report) -> Rule:
    tests = [
        _cell_test(entry.text or "", column.type, column.allowed, _cell_place(drawn, entry, column), report)
        for column, entry in zip(inputs, drawn.inputEntries, strict=True)
    ]
    values = [
        _cell_value(_unquoted(entry), column.type, column.allowed, _cell_place(drawn, entry, column), report)
        for column, entry in zip(outputs, drawn.outputEntries, strict=True)
    ]
    annotations = tuple(_text(entry) for entry in _children(row, "annotationEntry"))
    return Rule(drawn.id, tuple(tests), tuple(values), drawn.description or "", annotations)


def _cell_place(rule: Any, entry: Any, column: Input | Output) -> _Place:
    number = rule.row_number
    zh, en = f"第 {number} 行“{column.label}”列", f"Row {number}, column “{column.label}”"
    return _Place(entry.id, column.label, zh, en)


def _unquoted(entry: Any) -> str:
    """The text of an output cell without the quotes that `_prepare_cell` put around it."""
    return str(ast.literal_eval(entry.text))


def _cell_test(text: str, wanted: Type, allowed: Test, place: _Place, report: _Report) -> Test:
    try:
        test = _unary_tests(text, wanted)
        for span in test.spans:
            _check_domain(span, allowed)
    except _Fault as fault:
        _blame(place, fault, report, text)
        return Test()
    return test


def _cell_value(text: str, wanted: Type, allowed: Test, place: _Place, report: _Report) -> Json:
    try:
        value = _output_value(text, wanted)
        for item in value if isinstance(value, list) else [value]:
            _check_value(item, wanted, allowed)
    except _Fault as fault:
        _blame(place, fault, report, text)
        return None
    return value


def _check_value(value: Any, wanted: Type, allowed: Test) -> None:
    """A value outside the allowed ones is at fault; a cell left empty says nothing and is not."""
    typed = _typed(value, wanted)
    if typed is not None and typed.kind != "null":
        _check_domain(Span(typed.kind, typed.value, typed.value), allowed)


def _check_domain(span: Span, allowed: Test) -> None:
    """A span that has no value in common with the allowed ones can only be a mistake."""
    if allowed.spans and not any(_meet(span, other) for other in allowed.spans):
        raise _Fault(
            "dmn.not-allowed",
            f"取值不在该列的允许范围 {allowed.text} 内",
            f"this is outside the column's allowed values {allowed.text}",
        )


def _blame(place: _Place, fault: _Fault, report: _Report, text: str = "") -> None:
    shown = (f"“{text.strip()}”：", f" “{text.strip()}”:") if text.strip() else ("：", ":")
    wide = FULL_WIDTH.search(text) is not None
    zh = f"{place.zh}{shown[0]}{fault.zh.rstrip('。')}。{'请改用英文（半角）标点。' if wide else '请修改。'}"
    en = f"{place.en}{shown[1]} {fault.en.rstrip('.')}. {'Use half-width signs.' if wide else 'Correct it.'}"
    report.add(fault.rule, place.element, place.name, zh, en)


def _check_table(table: Table, element: xml.Element, report: _Report) -> None:
    names = [column.name for column in table.outputs]
    if len(set(names)) < len(names):
        report.on(element, "dmn.output-name", "输出名称重复。请改名。", "Two outputs have one name. Rename one.")
    if len({rule.id for rule in table.rules}) < len(table.rules):
        report.on(element, "dmn.rule-id", "规则编号重复。请重建规则。", "Two rules have one id. Draw one again.")
    if not table.rules:
        words = (
            "决策表没有规则，结果总为空。请添加规则。",
            "The table has no rules and answers null. Add some.",
        )
        report.on(element, "dmn.no-rules", *words, "warning")
    if table.hit_policy == "PRIORITY":
        _check_priority(table, element, report)
    if table.hit_policy == "COLLECT":
        _check_collect(table, element, report)


def _check_priority(table: Table, element: xml.Element, report: _Report) -> None:
    spans = [span for column in table.outputs for span in column.allowed.spans]
    if not spans or not all(_is_single(span) or span.kind == "null" for span in spans):
        report.on(
            element,
            "dmn.priority",
            "命中策略 PRIORITY 按输出允许值的先后排序，须逐个列出这些值。请补充。",
            "The hit policy PRIORITY goes by the order of the allowed output values. List them one by one.",
        )


def _check_collect(table: Table, element: xml.Element, report: _Report) -> None:
    if any(column.default is not None for column in table.outputs):
        report.on(
            element,
            "dmn.default",
            "命中策略 COLLECT 不使用默认输出。请删除默认输出。",
            "The hit policy COLLECT has no use for a default output. Remove it.",
        )
    if table.aggregation and not _can_be_aggregated(table):
        report.on(
            element,
            "dmn.aggregation",
            f"聚合 {table.aggregation} 须有且只有一个输出列；SUM、MIN、MAX 的每个单元格须为数字。请修改。",
            f"The aggregation {table.aggregation} wants one output column; SUM, MIN and MAX want a number in "
            "each of its cells. Change the table.",
        )


def _can_be_aggregated(table: Table) -> bool:
    if len(table.outputs) != 1:
        return False
    cells = [rule.outputs[0] for rule in table.rules]
    return table.aggregation == "COUNT" or all(_kind(cell) == "number" for cell in cells)


# --- Elements -----------------------------------------------------------------------------------------------


def _local(element: xml.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _dashed(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def _id(element: xml.Element) -> str:
    return element.get("id", "")


def _parent(element: xml.Element) -> xml.Element:
    """The element around this one, or itself at the top."""
    parent = element.getparent()
    return element if parent is None else parent


def _children(element: xml.Element, name: str) -> list[xml.Element]:
    return element.findall(f"{{{DMN}}}{name}")


def _text(element: xml.Element) -> str:
    return element.findtext(f"{{{DMN}}}text") or ""


def _text_of(element: xml.Element, name: str) -> str:
    return "".join(_text(child) for child in _children(element, name))
