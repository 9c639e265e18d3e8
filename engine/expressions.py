"""The expression language of diagrams, decision tables and script tasks: conditions, never code.

A subset of Python's expression syntax over plain JSON data. A text is parsed by `ast`, every node is looked
up in a table of what is allowed, and what is allowed becomes nested closures: no `eval`, no attributes of
Python objects, no loops. Limits hold at both ends (length, depth and nodes of the text; values looked at,
sizes and numbers of the data), so an expression ends soon whatever it is given. The last part checks an
expression against declared types before anything runs. Two rules differ from Python, on purpose: JSON kinds
never mix (`True` is not 1, numbers and texts have no order between them), and a condition is true or false,
never "truthy". Identifiers are normalised to NFKC as Python does it, so declared names should be NFKC too.
"""

import ast
import difflib
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple, NoReturn
from zoneinfo import ZoneInfo

from engine.errors import WanggeError
from engine.model import T, Value

MAX_SOURCE = 2_000
"""Characters of one expression."""
MAX_SCRIPT = 10_000
"""Characters of one script."""
MAX_DEPTH = 40
"""Levels of nesting, of an expression as well as of the data it looks at."""
MAX_NODES = 300
"""Names, constants, operations and calls of one expression."""
MAX_SIZE = 10_000
"""Characters of a text, items of a list or object, that an expression may look through or result in."""
MAX_INTEGER = 2**53
"""Integers stay below this, as in RFC 8785 (canonical JSON)."""
MAX_COST = 100_000
"""Values that one evaluation may look at inside lists and objects (100 characters of text count as one)."""

Kind = Literal["null", "boolean", "number", "string", "list", "object", "any"]
Scalar = bool | int | float | str


class ExpressionError(WanggeError):
    """An expression cannot be read, is not allowed, or cannot be evaluated on this data.

    Codes when compiling: `expression.syntax`, `expression.forbidden`, `expression.limit`. When evaluating,
    with the same first word: `missing-name`, `missing-item`, `type`, `value`, `division-by-zero`,
    `not-boolean`, `limit`.
    """

    status = 422


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression: immutable, equal to any of the same source, called with names and JSON values.

    `names` are the variables it reads, `optional` those it reads only inside `exists()` and `default()`.
    """

    source: str
    names: frozenset[str] = field(compare=False)
    optional: frozenset[str] = field(compare=False)
    tree: ast.expr = field(compare=False, repr=False)
    run: "Run" = field(compare=False, repr=False)

    def __call__(self, lookup: Mapping[str, Any]) -> Any:
        """The JSON value on this data. Raises `ExpressionError`."""
        return self.evaluate(_Frame(lookup))

    def holds(self, lookup: Mapping[str, Any]) -> bool:
        """The value as a condition. Raises `ExpressionError`, also when it is neither true nor false."""
        return truth(self(lookup), self.source)

    def evaluate(self, frame: "_Frame") -> Any:
        """The value on a frame that several expressions share (the lines of a script)."""
        try:
            result = self.run(frame)
            if type(result) in _SIZED:
                frame.weigh(result)
        except _Fault as fault:
            raise fault.named(self.source) from None
        return result


@dataclass(frozen=True, slots=True)
class Script:
    """The assignments of a script task, in order. `names` are read before the script writes them."""

    source: str
    assignments: tuple[tuple[str, Expression], ...] = field(compare=False)
    names: frozenset[str] = field(compare=False)
    optional: frozenset[str] = field(compare=False)
    writes: frozenset[str] = field(compare=False)

    def __call__(self, lookup: Mapping[str, Any]) -> dict[str, Any]:
        """The names written, with their last values; `lookup` stays as it is. Raises `ExpressionError`."""
        scope, written = dict(lookup), dict[str, Any]()
        frame = _Frame(scope)
        for name, expression in self.assignments:
            scope[name] = written[name] = expression.evaluate(frame)
        return written


def truth(value: object, source: str = "") -> bool:
    """The value itself if it is true or false; everything else, null included, is an `ExpressionError`."""
    if value is True or value is False:
        return value
    raise _not_boolean(value).named(source)


@lru_cache(maxsize=4096)
def compile_expression(source: str) -> Expression:
    """The expression that a text means. Raises `ExpressionError` (`.syntax`, `.forbidden`, `.limit`)."""
    try:
        _at_most(len(source), MAX_SOURCE, "长度（字符）", "length in characters")
        text = _one_kind_of_newline(source).strip()
        tree = _parse(text)
        builder = _Builder(text)
        run = builder.build(tree)
    except _Fault as fault:
        raise fault.named(source) from None
    names = frozenset(builder.names)
    return Expression(source, names, frozenset(builder.optional) - names, tree, run)


@lru_cache(maxsize=1024)
def compile_script(source: str) -> Script:
    """The script that a text means: `name = expression` per line or between `;`, `#` comments, nothing else.

    Indentation means nothing. Raises `ExpressionError` (`.syntax`, `.forbidden`, `.limit`).
    """
    try:
        _at_most(len(source), MAX_SCRIPT, "长度（字符）", "length in characters")
        assignments = tuple(_assignments(_without_indentation(source)))
    except _Fault as fault:
        raise fault.named(source) from None
    names, optional, writes = set[str](), set[str](), set[str]()
    for name, expression in assignments:
        names |= expression.names - writes
        optional |= expression.optional - writes
        writes.add(name)
    return Script(source, assignments, frozenset(names), frozenset(optional - names), frozenset(writes))


# ---------------------------------------------------------------- JSON values

_KINDS: Mapping[type, Kind] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",
}
_SIZED = frozenset({str, list, dict})
_SIMPLE = frozenset({str, int, float, bool, type(None)})
_UNMEASURED = frozenset({str, bool, type(None), list, dict})
_NUMBERS = frozenset({int, float})
_LABELS: Mapping[str, str] = {
    "null": "空值",
    "boolean": "是非值",
    "number": "数字",
    "string": "文字",
    "list": "列表",
    "object": "对象",
    "any": "任意值",
}


def kind_of(value: object) -> Kind:
    """The JSON kind of a value. Raises `ExpressionError` (`expression.type`) if it is not plain JSON data."""
    try:
        return _kind(value)
    except _Fault as fault:
        raise fault.named("") from None


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: of one kind and alike inside. 1 equals 1.0; True equals neither."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return bool(left == right)
    if type(left) is not type(right):
        return False
    if type(left) is list:
        return len(left) == len(right) and all(map(same, left, right))
    if type(left) is dict:
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


class _Fault(Exception):
    """What is wrong, before it is known in which expression."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(code)
        self.code, self.zh, self.en = code, zh, en

    def named(self, source: str) -> ExpressionError:
        short = _quoted(source)
        zh, en = (f"「{short}」", f" `{short}`") if source else ("", "")
        return ExpressionError(f"expression.{self.code}", f"表达式{zh}：{self.zh}。", f"Expression{en}: {self.en}.")


class _Frame:
    """One evaluation: the names it may read and what is left of its cost."""

    __slots__ = ("left", "lookup")

    def __init__(self, lookup: Mapping[str, Any]) -> None:
        self.lookup = lookup
        self.left = MAX_COST

    def weigh(self, value: Any, depth: int = 0) -> None:
        """Pay for looking at all of a value, and see on the way that it is plain JSON within the limits."""
        if type(value) is str and len(value) < 100 and depth <= MAX_DEPTH and self.left > 0:
            self.left -= 1
            return
        kind = type(_admitted(value))
        self.left -= 1
        if kind in _SIZED:
            _at_most(len(value), MAX_SIZE, "文字或列表的大小", "size of a text or list")
            _at_most(depth, MAX_DEPTH, "数据的嵌套层数", "nesting of the data")
        if kind is str:
            self.left -= len(value) // 100
        if self.left < 0:
            _at_most(MAX_COST + 1, MAX_COST, "要查看的数据量", "amount of data to look at")
        if kind is dict and not all(type(key) is str for key in value):
            raise _Fault("type", "对象的键须为文字", "the keys of an object must be texts")
        for inner in value.values() if kind is dict else value if kind is list else ():
            self.weigh(inner, depth + 1)


Run = Callable[[_Frame], Any]


def _kind(value: object) -> Kind:
    kind = _KINDS.get(type(value))
    if kind is None:
        name = type(value).__name__
        raise _Fault("type", f"数据不是 JSON 值（{name}）", f"the data is not a JSON value ({name})")
    return kind


def _admitted(value: Any) -> Any:
    """The value, once it is known to be JSON and, if a number, within the limits."""
    if type(value) in _UNMEASURED:
        return value
    return _number(value)


def _number(value: Any) -> Any:
    if type(value) is int:
        if -MAX_INTEGER < value < MAX_INTEGER:
            return value
        raise _Fault("limit", "整数的绝对值须小于 2 的 53 次方", "integers must stay below 2 to the power 53")
    if _kind(value) == "number" and not math.isfinite(value):
        raise _Fault("limit", "数字超出范围", "the number is out of range")
    return value


def _at_most(amount: int, limit: int, zh: str, en: str) -> None:
    if amount > limit:
        raise _Fault("limit", f"{zh}超过上限 {limit}", f"{en} exceeds the limit of {limit}")


def _not_boolean(value: object) -> _Fault:
    kind = _kind(value)
    return _Fault(
        "not-boolean",
        f"条件须为真或假，这里是{_LABELS[kind]}；请写成比较，例如 x == 1",
        f"a condition must be true or false, this is a {kind}; write a comparison such as x == 1",
    )


def _quoted(source: str) -> str:
    """The source as it may stand in a message: short, on one line, writable as UTF-8."""
    line = " ".join(source[:200].encode("utf-8", "backslashreplace").decode().split())
    return line if len(line) <= 80 and len(source) <= 200 else line[:79] + "…"


# ---------------------------------------------------------------- functions


class Function(NamedTuple):
    """A function of the language. `takes` holds the kinds per argument, the last for all that follow."""

    least: int
    most: int
    takes: tuple[frozenset[Kind], ...]
    gives: tuple[Kind, ...]
    run: Callable[..., Any]
    zh: str
    en: str

    def takes_at(self, position: int) -> frozenset[Kind]:
        return self.takes[min(position, len(self.takes) - 1)]


_SHANGHAI = ZoneInfo("Asia/Shanghai")
_ANYTHING: frozenset[Kind] = frozenset({"null", "boolean", "number", "string", "list", "object"})
_NUMBER: frozenset[Kind] = frozenset({"number"})
_STRING: frozenset[Kind] = frozenset({"string"})
_LIST: frozenset[Kind] = frozenset({"list"})
_ORDERED: frozenset[Kind] = frozenset({"number", "string"})
_SCALAR: frozenset[Kind] = frozenset({"null", "boolean", "number", "string"})
_INTEGER_TEXT = re.compile(r"[+-]?[0-9]{1,16}")
_NUMBER_TEXT = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_DAY_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT_TEXT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def _value_fault(zh: str, en: str) -> NoReturn:
    raise _Fault("value", zh, en)


def _all_of(items: Sequence[Any], kinds: frozenset[Kind], function: str) -> Sequence[Any]:
    """The items, once they are known to be of one kind out of `kinds`."""
    found = {_kind(item) for item in items}
    if len(found) > 1 or not found <= kinds:
        names = sorted(found)
        zh, en = "、".join(_LABELS[name] for name in names), ", ".join(names)
        raise _Fault("type", f"{function}() 不能用于：{zh}", f"{function}() does not take: {en}")
    return items


def _extreme(name: str, choose: Callable[[Sequence[Any]], Any]) -> Callable[..., Any]:
    def run(*values: Any) -> Any:
        items = values[0] if len(values) == 1 and type(values[0]) is list else values
        if not items:
            _value_fault(f"{name}() 的列表为空", f"the list given to {name}() is empty")
        return choose(_all_of(items, _ORDERED, name))

    return run


def _contains(container: Any, item: Any) -> bool:
    if type(container) is list:
        return any(same(inner, item) for inner in container)
    if type(item) is not str:
        kind = _kind(item)
        zh = f"在文字或对象中只能查找文字，这里是{_LABELS[kind]}"
        raise _Fault("type", zh, f"only a text can be looked up in a text or object, this is a {kind}")
    return item in container


def _count(items: Any, wanted: Any) -> int:
    return sum(same(item, wanted) for item in items)


def _integer(value: Any) -> int:
    if type(value) is str and not _INTEGER_TEXT.fullmatch(value):
        _value_fault(f"「{_quoted(value)}」不是整数", f"`{_quoted(value)}` is not an integer")
    return int(value)


def _decimal(value: Any) -> float:
    if type(value) is str and not _NUMBER_TEXT.fullmatch(value):
        _value_fault(f"「{_quoted(value)}」不是数字", f"`{_quoted(value)}` is not a number")
    return float(value)


def _text(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if type(value) is bool else str(value)


def _rounded(value: Any, digits: Any = None) -> Any:
    if digits is not None and (type(digits) is not int or not 0 <= digits <= 15):
        _value_fault("round() 的位数须为 0 到 15 的整数", "round() takes 0 to 15 as its digits")
    return round(value, digits)


def _day(text: str) -> date:
    try:
        if _DAY_TEXT.fullmatch(text):
            return date.fromisoformat(text)
        if _MOMENT_TEXT.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(_SHANGHAI).date()
    except (ValueError, OverflowError):
        pass
    shown = _quoted(text)
    _value_fault(
        f"「{shown}」不是日期；请写成 2026-01-31，或带时区的时间",
        f"`{shown}` is not a date; write 2026-01-31, or a time with its zone",
    )


FUNCTIONS: Mapping[str, Function] = {
    "len": Function(
        1, 1, (frozenset({"string", "list", "object"}),), ("number",), len,
        "文字的字数、列表的项数、对象的键数",
        "characters of a text, items of a list, keys of an object",
    ),
    "min": Function(
        1, 20, (_ORDERED | _LIST, _ORDERED), ("number", "string"), _extreme("min", min),
        "最小值：一个列表或若干个值", "the smallest of one list, or of several values",
    ),
    "max": Function(
        1, 20, (_ORDERED | _LIST, _ORDERED), ("number", "string"), _extreme("max", max),
        "最大值：一个列表或若干个值", "the largest of one list, or of several values",
    ),
    "sum": Function(
        1, 1, (_LIST,), ("number",), lambda items: sum(_all_of(items, _NUMBER, "sum")),
        "数字列表之和", "the sum of a list of numbers",
    ),
    "abs": Function(1, 1, (_NUMBER,), ("number",), abs, "绝对值", "the absolute value"),
    "round": Function(
        1, 2, (_NUMBER,), ("number",), _rounded,
        "四舍六入五成双；第二个参数为小数位数",
        "rounded, halves to even; the second argument is the decimals",
    ),
    "int": Function(
        1, 1, (_ORDERED,), ("number",), _integer,
        "取整（舍去小数），或读出文字中的整数",
        "the integer part, or the integer that a text holds",
    ),
    "float": Function(
        1, 1, (_ORDERED,), ("number",), _decimal,
        "小数，或读出文字中的数字", "as a decimal number, or the number that a text holds",
    ),
    "str": Function(
        1, 1, (_SCALAR,), ("string",), _text,
        "写成文字（true、false、null 小写）", "as a text (true, false and null in lower case)",
    ),
    "bool": Function(
        1, 1, (_ANYTHING,), ("boolean",), bool,
        "空值、零、空文字、空列表为假，其余为真",
        "false for null, zero and what is empty, otherwise true",
    ),
    "any": Function(
        1, 1, (_LIST,), ("boolean",), lambda items: any(_all_of(items, frozenset({"boolean"}), "any")),
        "是非值列表中至少一个为真", "at least one of a list of booleans is true",
    ),
    "all": Function(
        1, 1, (_LIST,), ("boolean",), lambda items: all(_all_of(items, frozenset({"boolean"}), "all")),
        "是非值列表全部为真", "all of a list of booleans are true",
    ),
    "sorted": Function(
        1, 1, (_LIST,), ("list",), lambda items: sorted(_all_of(items, _ORDERED, "sorted")),
        "由小到大排列的列表", "the list from small to large",
    ),
    "contains": Function(
        2, 2, (frozenset({"string", "list", "object"}), _ANYTHING), ("boolean",), _contains,
        "列表含此值、文字含此段、对象含此键",
        "a list has the value, a text the part, an object the key",
    ),
    "count": Function(
        2, 2, (_LIST, _ANYTHING), ("number",), _count,
        "列表中等于此值的项数", "how many items of a list equal the value",
    ),
    "lower": Function(1, 1, (_STRING,), ("string",), str.lower, "转为小写", "in lower case"),
    "upper": Function(1, 1, (_STRING,), ("string",), str.upper, "转为大写", "in upper case"),
    "date": Function(
        1, 1, (_STRING,), ("string",), lambda text: _day(text).isoformat(),
        "北京时间的日期，写作 2026-01-31；接受日期或带时区的时间",
        "the day in Asia/Shanghai as 2026-01-31, from a day or from a time with its zone",
    ),
    "days_between": Function(
        2, 2, (_STRING,), ("number",), lambda first, last: (_day(last) - _day(first)).days,
        "从前一日期到后一日期的自然日数，首日不计",
        "natural days from the first day to the last, the first not counted",
    ),
}  # fmt: skip
"""Every function of the language, by name."""

FORMS: Mapping[str, tuple[int, str, str]] = {
    "exists": (
        1,
        "该名称（可带点或常量下标）有值，空值也算",
        "the name (dots, constant keys) is there, null or not",
    ),
    "default": (
        2,
        "该名称的值；没有时取第二个参数",
        "the value of the name, or the second argument if it is missing",
    ),
}
"""The two calls whose first argument is a name that may be missing: arity and meaning."""


# ---------------------------------------------------------------- reading the text

_HINTS = (
    (r"[“”‘’（），：；＝＞＜！＋－【】]", "引号之外请用半角符号", "use ASCII punctuation outside quotes"),
    (r"\$\{|^=", "请去掉 ${} 或前导 =", "leave out ${} and a leading ="),
    (r"&&|\|\||!(?!=)", "请用 and、or、not", "write and, or, not"),
    (r"(?<![=!<>])=(?!=)", "相等请写 ==", "equality is written =="),
)
_PLAIN_ESCAPES = re.compile(r"""(?:[^\\]|\\[\\'"nrtu])*""")


def _one_kind_of_newline(source: str) -> str:
    return source.replace("\r\n", "\n").replace("\r", "\n")


def _without_indentation(source: str) -> str:
    return "\n".join(line.strip() for line in _one_kind_of_newline(source).split("\n"))


def _parse(text: str) -> ast.expr:
    """The tree of one expression. The brackets let it run over several lines, as it does in XML."""
    if not text:
        raise _Fault("syntax", "没有内容", "it is empty")
    tree = _guarded(text, lambda: ast.parse(f"({text}\n)", mode="eval").body)
    ours = (tree.lineno, tree.col_offset) == (1, 0)  # the first bracket is closed early, or makes a tuple
    if ours and not isinstance(tree, ast.Tuple | ast.GeneratorExp):
        raise _unreadable(text, "")
    return tree


def _guarded(text: str, parse: Callable[[], T]) -> T:
    """What `parse` gives; whatever Python's parser can raise on a hostile text becomes one fault."""
    if not _PLAIN_ESCAPES.fullmatch(text):
        zh = "反斜杠之后只能是 \\ ' \" n r t u 之一"
        raise _Fault("syntax", zh, "a backslash must be followed by one of \\ ' \" n r t u")
    try:
        return parse()
    except SyntaxError as error:
        raise _unreadable(text, f" {error.lineno}" if error.lineno and "\n" in text else "") from None
    except (ValueError, OverflowError):
        raise _unreadable(text, "") from None
    except (MemoryError, RecursionError):
        raise _Fault("limit", "嵌套过深", "it is nested too deeply") from None


def _unreadable(text: str, line: str) -> _Fault:
    hint = next(((zh, en) for pattern, zh, en in _HINTS if re.search(pattern, text)), None)
    zh, en = hint or ("请检查括号、引号和运算符", "check brackets, quotes and operators")
    where_zh, where_en = (f"（第{line} 行）", f" (line{line})") if line else ("", "")
    return _Fault("syntax", f"写法有误{where_zh}；{zh}", f"it cannot be read{where_en}; {en}")


def _assignments(text: str) -> Iterator[tuple[str, Expression]]:
    for statement in _guarded(text, lambda: ast.parse(text).body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in _CONSTANTS:
                yield _own_name(name), compile_expression(ast.get_source_segment(text, value) or "")
            case _:
                zh = f"第 {statement.lineno} 行不是“名称 = 表达式”"
                raise _Fault("forbidden", zh, f"line {statement.lineno} is not `name = expression`")


def _own_name(name: str) -> str:
    if name.startswith("__"):
        zh = f"名称「{_quoted(name)}」不能以两个下划线开头"
        raise _Fault("forbidden", zh, f"`{_quoted(name)}` must not begin with two underscores")
    return name


# ---------------------------------------------------------------- building the closures

_CONSTANTS: Mapping[str, bool | None] = {
    "True": True,
    "true": True,
    "False": False,
    "false": False,
    "None": None,
    "null": None,
}
_ARITHMETIC: Mapping[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
}
_ORDER: Mapping[type[ast.cmpop], tuple[str, Callable[[Any, Any], bool]]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
_Test = Callable[[_Frame, Any, Any], bool]


class _Builder:
    """Turns a tree into closures, node by node; counts nodes and depth, and collects the names read."""

    def __init__(self, text: str) -> None:
        self.lines = f"({text}\n)".split("\n")
        self.nodes = self.depth = 0
        self.names: set[str] = set()
        self.optional: set[str] = set()

    def build(self, node: ast.expr) -> Run:
        self.count()
        self.depth += 1
        _at_most(self.depth, MAX_DEPTH, "嵌套层数", "nesting")
        make = _NODES.get(type(node))
        if make is None:
            raise _forbidden(type(node).__name__)
        run = make(self, node)
        self.depth -= 1
        return run

    def count(self) -> None:
        self.nodes += 1
        _at_most(self.nodes, MAX_NODES, "组成部分的数目", "number of parts")

    def constant(self, node: ast.Constant) -> Run:
        value = node.value
        if type(value) not in _SIMPLE:
            raise _forbidden(type(value).__name__)
        self.tidy(node)
        _number(value)
        return lambda _frame: value

    def tidy(self, node: ast.Constant) -> None:
        """Refuses what Python reads today but warns about, changes or cannot write as UTF-8."""
        after = self.lines[(node.end_lineno or 1) - 1].encode()[node.end_col_offset or 0 :][:1]
        if type(node.value) in _NUMBERS and after.isalnum():
            raise _Fault("syntax", "数字之后须有空格", "a space must follow the number")
        if node.end_lineno != node.lineno:
            raise _Fault("forbidden", "文字不能跨行", "a text must not run over several lines")
        if isinstance(node.value, str) and any("\ud800" <= char <= "\udfff" for char in node.value):
            raise _Fault("forbidden", "文字含有不完整的字符", "a text holds half a character")

    def name(self, node: ast.Name) -> Run:
        name = _own_name(node.id)
        if name in _CONSTANTS:
            constant = _CONSTANTS[name]
            return lambda _frame: constant
        self.names.add(name)

        def run(frame: _Frame) -> Any:
            try:
                value = frame.lookup[name]
            except KeyError:
                raise _missing(name) from None
            return value if type(value) in _UNMEASURED else _number(value)

        return run

    def attribute(self, node: ast.Attribute) -> Run:
        inner, key = self.build(node.value), _own_name(node.attr)
        path = ast.unparse(node)

        def run(frame: _Frame) -> Any:
            value = inner(frame)
            if type(value) is not dict:
                raise _wrong_kind(f".{key}", value)
            if key not in value:
                raise _missing(path)
            return _admitted(value[key])

        return run

    def subscript(self, node: ast.Subscript) -> Run:
        inner, index = self.build(node.value), self.build(node.slice)
        return lambda frame: _item(inner(frame), index(frame))

    def list_of(self, node: ast.List) -> Run:
        items = [self.build(item) for item in node.elts]
        return lambda frame: [item(frame) for item in items]

    def object_of(self, node: ast.Dict) -> Run:
        keys = [_constant_key(key) for key in node.keys]
        for key in node.keys:
            self.build(key or node)
        values = [self.build(value) for value in node.values]
        return lambda frame: {key: value(frame) for key, value in zip(keys, values, strict=True)}

    def all_or_any(self, node: ast.BoolOp) -> Run:
        parts = [self.build(part) for part in node.values]
        decisive = isinstance(node.op, ast.Or)

        def run(frame: _Frame) -> bool:
            for part in parts:
                value = _condition(part(frame))
                if value is decisive:
                    return value
            return not decisive

        return run

    def unary(self, node: ast.UnaryOp) -> Run:
        inner = self.build(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda frame: not _condition(inner(frame))
        if isinstance(node.op, ast.USub):
            return lambda frame: -_numeric(inner(frame), "-")
        raise _forbidden(type(node.op).__name__)

    def choice(self, node: ast.IfExp) -> Run:
        test, yes, no = self.build(node.test), self.build(node.body), self.build(node.orelse)
        return lambda frame: yes(frame) if _condition(test(frame)) else no(frame)

    def arithmetic(self, node: ast.BinOp) -> Run:
        if type(node.op) not in _ARITHMETIC:
            raise _forbidden(type(node.op).__name__)
        symbol, apply = _ARITHMETIC[type(node.op)]
        left, right = self.build(node.left), self.build(node.right)

        def run(frame: _Frame) -> Any:
            one, two = left(frame), right(frame)
            if symbol == "+" and type(one) in (str, list) and type(one) is type(two):
                _at_most(len(one) + len(two), MAX_SIZE, "文字或列表的大小", "size of a text or list")
                return one + two
            return _calculated(symbol, apply, one, two)

        return run

    def comparison(self, node: ast.Compare) -> Run:
        tests = [_test(op, right) for op, right in zip(node.ops, node.comparators, strict=True)]
        first, *others = [self.build(part) for part in (node.left, *node.comparators)]
        if len(tests) == 1:
            [test], [other] = tests, others
            return lambda frame: test(frame, first(frame), other(frame))
        links = list(zip(tests, others, strict=True))

        def chain(frame: _Frame) -> bool:
            left = first(frame)
            for test, other in links:
                right = other(frame)
                if not test(frame, left, right):
                    return False
                left = right
            return True

        return chain

    def call(self, node: ast.Call) -> Run:
        if not isinstance(node.func, ast.Name):
            raise _Fault("forbidden", "只能调用有名称的函数", "only functions can be called, by their name")
        name = node.func.id
        if name not in FUNCTIONS and name not in FORMS:
            raise _unknown_function(name)
        if node.keywords:
            raise _Fault("forbidden", f"{name}() 的参数须逐个列出", f"{name}() takes plain arguments only")
        least, most = (FORMS[name][0],) * 2 if name in FORMS else FUNCTIONS[name][:2]
        if not least <= len(node.args) <= most:
            allowed = f"{least}–{most}" if most > least else f"{least}"
            raise _Fault("syntax", f"{name}() 应有 {allowed} 个参数", f"{name}() takes {allowed} arguments")
        return self.form(name, node.args) if name in FORMS else self.function(name, node.args)

    def function(self, name: str, arguments: Sequence[ast.expr]) -> Run:
        function = FUNCTIONS[name]
        parts = [(self.build(part), function.takes_at(place)) for place, part in enumerate(arguments)]

        def run(frame: _Frame) -> Any:
            values = []
            for part, kinds in parts:
                value = part(frame)
                if _kind(value) not in kinds:
                    raise _wrong_kind(f"{name}()", value)
                frame.weigh(value)
                values.append(value)
            return _admitted(function.run(*values))

        return run

    def form(self, name: str, arguments: Sequence[ast.expr]) -> Run:
        root, keys = self.path(arguments[0])
        self.optional.add(root)
        if name == "exists":
            return lambda frame: _find(frame.lookup, root, keys) is not _MISSING
        otherwise = self.build(arguments[1])

        def run(frame: _Frame) -> Any:
            found = _find(frame.lookup, root, keys)
            return otherwise(frame) if found is _MISSING else _admitted(found)

        return run

    def path(self, node: ast.expr) -> tuple[str, list[str | int]]:
        """The name and the constant keys of `a.b["c"][0]`."""
        keys: list[str | int] = []
        while True:
            self.count()
            match node:
                case ast.Name(id=name) if name not in _CONSTANTS:
                    return _own_name(name), keys[::-1]
                case ast.Attribute(value=inner, attr=key):
                    keys.append(_own_name(key))
                case ast.Subscript(value=inner, slice=ast.Constant(value=str() | int() as key)):
                    keys.append(key)
                case _:
                    zh = "exists() 和 default() 的第一个参数须为名称"
                    raise _Fault("forbidden", zh, "the first argument of exists() and default() must be a name")
            node = inner


_NODES: Mapping[type[ast.expr], Callable[[_Builder, Any], Run]] = {
    ast.Constant: _Builder.constant,
    ast.Name: _Builder.name,
    ast.Attribute: _Builder.attribute,
    ast.Subscript: _Builder.subscript,
    ast.List: _Builder.list_of,
    ast.Dict: _Builder.object_of,
    ast.BoolOp: _Builder.all_or_any,
    ast.UnaryOp: _Builder.unary,
    ast.IfExp: _Builder.choice,
    ast.BinOp: _Builder.arithmetic,
    ast.Compare: _Builder.comparison,
    ast.Call: _Builder.call,
}
_MISSING = object()


def _find(lookup: Mapping[str, Any], root: str, keys: Sequence[str | int]) -> Any:
    """The value at the end of a path, or `_MISSING` wherever the path breaks off."""
    value = lookup.get(root, _MISSING)
    for key in keys:
        in_object = type(value) is dict and key in value
        in_list = type(value) is list and type(key) is int and key < len(value)
        if not in_object and not in_list:
            return _MISSING
        value = value[key]
    return value


def _item(value: Any, index: Any) -> Any:
    if type(value) is list and type(index) is int:
        if -len(value) <= index < len(value):
            return _admitted(value[index])
        raise _Fault("missing-item", f"列表没有第 {index} 项", f"the list has no item {index}")
    if type(value) is dict and type(index) is str:
        if index in value:
            return _admitted(value[index])
        shown = _quoted(index)
        raise _Fault("missing-item", f"对象没有键「{shown}」", f"the object has no key `{shown}`")
    raise _wrong_kinds("[]", value, index)


def _condition(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise _not_boolean(value)


def _numeric(value: Any, symbol: str) -> Any:
    if type(value) in _NUMBERS:
        return value
    raise _wrong_kind(symbol, value)


def _calculated(symbol: str, apply: Callable[[Any, Any], Any], one: Any, two: Any) -> Any:
    if type(one) not in _NUMBERS or type(two) not in _NUMBERS:
        raise _wrong_kinds(symbol, one, two)
    try:
        return _number(apply(one, two))
    except ZeroDivisionError:
        raise _Fault("division-by-zero", "除数为零", "division by zero") from None


def _test(op: ast.cmpop, right: ast.expr) -> _Test:
    """What one comparison operator asks of two values."""
    if type(op) in _ORDER:
        return _in_order(*_ORDER[type(op)])
    if isinstance(op, ast.Is | ast.IsNot) and not _is_null(right):
        zh = "is 只能用于 is None、is not None；其他请用 =="
        raise _Fault("forbidden", zh, "`is` is for `is None` and `is not None` only; otherwise write ==")
    return _TESTS[type(op)]


def _in_order(symbol: str, apply: Callable[[Any, Any], bool]) -> _Test:
    def test(_frame: _Frame, left: Any, right: Any) -> bool:
        if type(left) in _NUMBERS and type(right) in _NUMBERS:
            return apply(left, right)
        if type(left) is str and type(right) is str:
            return apply(left, right)
        raise _wrong_kinds(symbol, left, right)

    return test


def _equal(frame: _Frame, left: Any, right: Any) -> bool:
    if type(left) is type(right) and type(left) in _SIMPLE:
        return bool(left == right)
    if type(left) is type(right):
        frame.weigh(left)
        frame.weigh(right)
    return same(left, right)


def _inside(frame: _Frame, left: Any, right: Any) -> bool:
    if type(right) not in _SIZED:
        raise _wrong_kind("in", right)
    frame.weigh(left)
    frame.weigh(right)
    return _contains(right, left)


_TESTS: Mapping[type[ast.cmpop], _Test] = {
    ast.Eq: _equal,
    ast.NotEq: lambda frame, left, right: not _equal(frame, left, right),
    ast.In: _inside,
    ast.NotIn: lambda frame, left, right: not _inside(frame, left, right),
    ast.Is: lambda _frame, left, _right: left is None,
    ast.IsNot: lambda _frame, left, _right: left is not None,
}


def _is_null(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=None) | ast.Name(id="null"):
            return True
    return False


def _constant_key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise _Fault("forbidden", "对象的键须为写明的文字", "the keys of an object must be text constants")


def _missing(name: str) -> _Fault:
    shown = _quoted(name)
    return _Fault(
        "missing-name",
        f"没有名为「{shown}」的数据；可能缺少时请用 exists() 或 default()",
        f"there is no data named `{shown}`; if it may be missing, use exists() or default()",
    )


def _wrong_kind(operation: str, value: Any) -> _Fault:
    kind = _kind(value)
    return _Fault("type", f"「{operation}」不能用于{_LABELS[kind]}", f"`{operation}` does not work on a {kind}")


def _wrong_kinds(operation: str, left: Any, right: Any) -> _Fault:
    one, two = _kind(left), _kind(right)
    return _Fault(
        "type",
        f"「{operation}」不能用于{_LABELS[one]}与{_LABELS[two]}",
        f"`{operation}` does not work on {one} and {two}",
    )


def _forbidden(construct: str) -> _Fault:
    return _Fault(
        "forbidden",
        f"不允许使用 {construct}；只能用名称、常量、比较、and/or/not、加减乘除、条件取值、下标和列明的函数",
        f"{construct} is not allowed; there are names, constants, comparisons, and/or/not, arithmetic, "
        "`a if c else b`, subscripts and the listed functions",
    )


def _unknown_function(name: str) -> _Fault:
    known, shown = [*FUNCTIONS, *FORMS], _quoted(name)
    close = difflib.get_close_matches(name[:40], known, 1)
    zh = f"是否想写 {close[0]}()" if close else "可用：" + "、".join(known)
    en = f"perhaps {close[0]}()" if close else "known are " + ", ".join(known)
    return _Fault("forbidden", f"没有函数「{shown}」；{zh}", f"there is no function `{shown}`; {en}")


# ---------------------------------------------------------------- checking against declared types


class Type(Value, frozen=True):
    """What is declared or known of a value: its possible kinds, and more where it is known.

    `domain` lists every value an enumeration can have (null apart), `element` describes the items of a list,
    `fields` the keys of an object (no key beyond them). `("any",)` as kinds means that nothing is known.
    """

    kinds: tuple[Kind, ...]
    domain: tuple[Scalar, ...] | None = None
    element: "Type | None" = None
    fields: dict[str, "Type"] | None = None

    def may_be(self, *kinds: Kind) -> bool:
        return "any" in self.kinds or any(kind in self.kinds for kind in kinds)


class Problem(NamedTuple):
    """What is wrong with an expression against its declarations. `code` is stable and dotted."""

    code: str
    zh: str
    en: str


ANY = Type(("any",))
NULL = Type(("null",))
BOOLEAN = Type(("boolean",))
NUMBER = Type(("number",))
STRING = Type(("string",))
LIST = Type(("list",))
OBJECT = Type(("object",))


def enumeration(*values: Scalar) -> Type:
    """The type of a value that is one of these."""
    return Type(tuple(dict.fromkeys(kind_of(value) for value in values)), values)


def either(left: Type, right: Type) -> Type:
    """The type of a value that has one of two types."""
    if "any" in left.kinds or "any" in right.kinds:
        return ANY
    kinds = tuple(dict.fromkeys((*left.kinds, *right.kinds)))
    domains = [side.domain for side in (left, right) if side.kinds != ("null",)]
    domain = None if not domains or None in domains else tuple(v for part in domains for v in part or ())
    return Type(
        kinds,
        domain,
        _of_both(left, right, "list", left.element, right.element),
        _of_both(left, right, "object", left.fields, right.fields),
    )


def result_type(expression: Expression, declared: Mapping[str, Type]) -> Type:
    """What an expression gives, as far as the declarations tell."""
    return _Checker(declared, open_world=True).infer(expression.tree)


def check(
    expression: Expression, declared: Mapping[str, Type], *, open_world: bool, condition: bool = False
) -> list[Problem]:
    """What is wrong with an expression against declared types; empty when nothing is.

    With `open_world`, undeclared names may hold anything; without, each is a problem. With `condition`, so is
    a result that cannot be true or false. Codes: `expression.undeclared`, `.undeclared-optional` (inside
    `exists()` or `default()`), `.kinds` (never comparable), `.outside-domain`, `.type`, `.not-boolean`.
    """
    checker = _Checker(declared, open_world=open_world)
    result = checker.infer(expression.tree)
    if condition:
        checker.boolean(result, expression.tree)
    return [_located(problem, expression.source) for problem in dict.fromkeys(checker.problems)]


def check_script(script: Script, declared: Mapping[str, Type], *, open_world: bool) -> list[Problem]:
    """What is wrong with a script, line by line; each line knows the types that the lines above it wrote."""
    known, problems = dict(declared), list[Problem]()
    for name, expression in script.assignments:
        problems += check(expression, known, open_world=open_world)
        known[name] = result_type(expression, known)
    return problems


def _of_both(left: Type, right: Type, kind: Kind, ours: Any, theirs: Any) -> Any:
    """The detail of a kind that both sides agree on, or that only one side can be."""
    if kind not in right.kinds:
        return ours
    if kind not in left.kinds:
        return theirs
    return ours if ours == theirs else None


def _located(problem: Problem, source: str) -> Problem:
    short = _quoted(source)
    zh, en = f"表达式「{short}」：{problem.zh}。", f"Expression `{short}`: {problem.en}."
    return Problem(problem.code, zh, en)


def _kinds_text(kind: Type) -> tuple[str, str]:
    return "或".join(_LABELS[name] for name in kind.kinds), " or ".join(kind.kinds)


class _Checker:
    """Works out the type of every node from the declarations and notes what cannot be right."""

    def __init__(self, declared: Mapping[str, Type], *, open_world: bool) -> None:
        self.declared = declared
        self.open_world = open_world
        self.problems: list[Problem] = []

    def infer(self, node: ast.expr) -> Type:
        return _RULES[type(node)](self, node)

    def note(self, code: str, zh: str, en: str) -> None:
        self.problems.append(Problem(f"expression.{code}", zh, en))

    def boolean(self, found: Type, node: ast.expr) -> None:
        if not found.may_be("boolean"):
            (zh, en), text = _kinds_text(found), _quoted(ast.unparse(node))
            self.note(
                "not-boolean",
                f"「{text}」须为真或假，却是{zh}",
                f"`{text}` must be true or false, it is {en}",
            )

    def expect(self, found: Type, kinds: frozenset[Kind], operation: str) -> None:
        if not found.may_be(*kinds):
            zh, en = _kinds_text(found)
            self.note("type", f"「{operation}」不能用于{zh}", f"`{operation}` does not work on {en}")

    def undeclared(self, name: str, known: Mapping[str, Type], code: str = "undeclared") -> None:
        close = difflib.get_close_matches(name, list(known), 1)
        zh, en = (f"；是否想写「{close[0]}」", f"; perhaps `{close[0]}`") if close else ("", "")
        self.note(code, f"名称「{name}」没有声明{zh}", f"`{name}` is declared nowhere{en}")

    def constant(self, node: ast.Constant) -> Type:
        return enumeration(node.value) if isinstance(node.value, Scalar) else NULL

    def name(self, node: ast.Name, code: str = "undeclared") -> Type:
        if node.id in _CONSTANTS:
            return self.constant(ast.Constant(_CONSTANTS[node.id]))
        if node.id not in self.declared and not self.open_world:
            self.undeclared(node.id, self.declared, code)
        return self.declared.get(node.id, ANY)

    def attribute(self, node: ast.Attribute) -> Type:
        return self.key(self.infer(node.value), node.attr, f".{node.attr}")

    def key(self, inner: Type, key: str, operation: str) -> Type:
        self.expect(inner, frozenset({"object"}), operation)
        if inner.fields is None:
            return ANY
        if key not in inner.fields:
            self.undeclared(key, inner.fields)
        return inner.fields.get(key, ANY)

    def subscript(self, node: ast.Subscript) -> Type:
        inner, index = self.infer(node.value), self.infer(node.slice)
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return self.key(inner, node.slice.value, "[]")
        self.expect(inner, frozenset({"list", "object"}), "[]")
        self.expect(index, _ORDERED, "[]")
        return inner.element or ANY if inner.kinds == ("list",) else ANY

    def list_of(self, node: ast.List) -> Type:
        items = [self.infer(item) for item in node.elts]
        return Type(("list",), element=_any_of(items) if items else None)

    def object_of(self, node: ast.Dict) -> Type:
        return Type(("object",), fields={_constant_key(k): self.infer(v) for k, v in _pairs(node)})

    def all_or_any(self, node: ast.BoolOp) -> Type:
        for part in node.values:
            self.boolean(self.infer(part), part)
        return BOOLEAN

    def unary(self, node: ast.UnaryOp) -> Type:
        inner = self.infer(node.operand)
        if isinstance(node.op, ast.Not):
            self.boolean(inner, node.operand)
            return BOOLEAN
        self.expect(inner, _NUMBER, "-")
        match node.operand:
            case ast.Constant(value=int() | float() as value):
                return enumeration(-value)
        return NUMBER

    def choice(self, node: ast.IfExp) -> Type:
        self.boolean(self.infer(node.test), node.test)
        return either(self.infer(node.body), self.infer(node.orelse))

    def arithmetic(self, node: ast.BinOp) -> Type:
        left, right, symbol = self.infer(node.left), self.infer(node.right), _ARITHMETIC[type(node.op)][0]
        kinds: tuple[Kind, ...] = ("number", "string", "list") if symbol == "+" else ("number",)
        shared = tuple(kind for kind in kinds if left.may_be(kind) and right.may_be(kind))
        if not shared:
            (zh, en), (zh_too, en_too) = _kinds_text(left), _kinds_text(right)
            self.note(
                "type",
                f"「{symbol}」不能用于{zh}与{zh_too}",
                f"`{symbol}` does not work on {en} and {en_too}",
            )
        return Type(shared) if shared else ANY

    def comparison(self, node: ast.Compare) -> Type:
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            self.pair(left, op, right)
            left = right
        return BOOLEAN

    def pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> None:
        one, two = self.infer(left), self.infer(right)
        if isinstance(op, ast.Eq | ast.NotEq):
            self.comparable(one, two)
        elif isinstance(op, ast.In | ast.NotIn):
            self.member(one, right, two)
        elif type(op) in _ORDER and not any(one.may_be(kind) and two.may_be(kind) for kind in _ORDERED):
            self.never(_ORDER[type(op)][0], one, two)

    def member(self, one: Type, right: ast.expr, two: Type) -> None:
        self.expect(two, frozenset({"string", "list", "object"}), "in")
        if isinstance(right, ast.List):
            for item in right.elts:
                self.comparable(one, _Checker(self.declared, open_world=True).infer(item))
        elif two.kinds == ("list",):
            self.comparable(one, two.element or ANY)
        elif not two.may_be("list"):
            self.expect(one, _STRING, "in")

    def comparable(self, one: Type, two: Type) -> None:
        """Notes two types no value of which can be equal. Asking for null is always allowed."""
        one, two = _not_null(one), _not_null(two)
        if not one.kinds or not two.kinds or "any" in (*one.kinds, *two.kinds):
            return
        if not set(one.kinds) & set(two.kinds):
            self.never("==", one, two)
        elif one.domain is not None and two.domain is not None:
            self.overlap(one.domain, two.domain)

    def overlap(self, one: Sequence[Scalar], two: Sequence[Scalar]) -> None:
        if any(same(left, right) for left in one for right in two):
            return
        domain, values = (one, two) if len(one) >= len(two) else (two, one)
        strange = ", ".join(repr(value) for value in values)
        listed = ", ".join(repr(value) for value in domain[:20])
        close = difflib.get_close_matches(str(values[0]), [str(value) for value in domain], 1) if values else []
        zh, en = (f"；是否想写 {close[0]!r}", f"; perhaps {close[0]!r}") if close else ("", "")
        self.note(
            "outside-domain",
            f"{strange} 不在可取的值 {listed} 之中{zh}",
            f"{strange} is none of {listed}{en}",
        )

    def never(self, symbol: str, one: Type, two: Type) -> None:
        (zh, en), (zh_too, en_too) = _kinds_text(one), _kinds_text(two)
        self.note("kinds", f"不能用「{symbol}」比较{zh}与{zh_too}", f"`{symbol}` cannot compare {en} with {en_too}")

    def call(self, node: ast.Call) -> Type:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in FORMS:
            return self.form(name, node.args)
        function = FUNCTIONS[name]
        for place, argument in enumerate(node.args):
            self.expect(self.infer(argument), function.takes_at(place), f"{name}()")
        return Type(function.gives)

    def form(self, name: str, arguments: Sequence[ast.expr]) -> Type:
        found = self.path(arguments[0])
        return BOOLEAN if name == "exists" else either(found, self.infer(arguments[1]))

    def path(self, node: ast.expr) -> Type:
        """The type at the end of a path that may be missing."""
        if isinstance(node, ast.Name):
            return self.name(node, "undeclared-optional")
        match node:
            case ast.Attribute(value=inner, attr=str() as key):
                return self.key(self.path(inner), key, f".{key}")
            case ast.Subscript(value=inner, slice=ast.Constant(value=str() as key)):
                return self.key(self.path(inner), key, "[]")
            case ast.Subscript(value=inner):
                return self.path(inner).element or ANY
        return ANY


_RULES: Mapping[type[ast.expr], Callable[[_Checker, Any], Type]] = {
    ast.Constant: _Checker.constant,
    ast.Name: _Checker.name,
    ast.Attribute: _Checker.attribute,
    ast.Subscript: _Checker.subscript,
    ast.List: _Checker.list_of,
    ast.Dict: _Checker.object_of,
    ast.BoolOp: _Checker.all_or_any,
    ast.UnaryOp: _Checker.unary,
    ast.IfExp: _Checker.choice,
    ast.BinOp: _Checker.arithmetic,
    ast.Compare: _Checker.comparison,
    ast.Call: _Checker.call,
}


def _pairs(node: ast.Dict) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    return zip(node.keys, node.values, strict=True)


def _any_of(types: Sequence[Type]) -> Type:
    first, *others = types
    for other in others:
        first = either(first, other)
    return first


def _not_null(kind: Type) -> Type:
    return Type(tuple(name for name in kind.kinds if name != "null"), kind.domain)
