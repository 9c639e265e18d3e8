"""Whether a decision table has an answer to everything, and only one: gaps, overlaps, rows that can never match.

Nothing is sampled. The values of each column are split where its cells split them: every choice of the form, true and
false, each number or date that a cell names and what lies between. All values of a part are alike for the table, so
one of them stands for all. Then combinations are visited column by column; two ways to the same rows left are one.
What a value does is asked of `decisions.evaluate` itself. Null counts where a cell, a form or a table speaks of it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from engine.checks import declared
from engine.decisions import DecisionError, Input, Outcome, Rule, Span, Table, Test, evaluate
from engine.definition import Definition
from engine.errors import Finding, Level, Words
from engine.expressions import ANY, ExpressionError, Type, compile_expression, result_type
from engine.library import Pack
from engine.model import replace

COMBINATIONS = 20_000
"""So many combinations are visited per table; ways that leave the same rows count once."""

EXAMPLES = 3
"""So many gaps are told of one table, each with an example."""

NAMED = 6
"""So many values of one column are named in an example."""

CELLS = 1_000_000
"""So many cells are looked at to split the columns: some seven hundred rows of one column, fewer of several."""

WORDS_TOO_LARGE = Words(
    "的行数过多，未能全部检查，不能断定没有遗漏或重叠。请拆成几张表。",
    "has too many rows to be checked: it may have gaps or overlaps. Split the table.",
)

Schemas = Mapping[str, Sequence[Mapping[str, Any]]]


def check(definition: Definition, pack: Pack | None) -> list[Finding]:
    """What is wrong with the tables that a diagram asks: see `check_table`."""
    if pack is None:
        return []
    known, fields = declared.names(definition, pack), declared.fields(pack)
    asked = dict.fromkeys(node.decision for _, node in definition.nodes() if node.decision in pack.decisions)
    return [finding for key in asked for finding in check_table(pack.decisions[key], known, fields)]


def check_table(
    table: Table, known: Mapping[str, Type], fields: Schemas | None = None, *, combinations: int = COMBINATIONS
) -> list[Finding]:
    """`tables.gap` (warning), `.overlap` (error), `.never` and `.covered` (warnings), each with an example input; or
    `.undecided` when there are more combinations.

    `known` are the names that columns may read, `fields` the schemas of those that people enter (for their bounds).
    """
    if _cells(table) > CELLS:
        return [_on_table(table, "undecided", WORDS_TOO_LARGE)]
    columns = [_Column(table, places, known, fields or {}) for places in _by_expression(table)]
    return list(_Search(table, columns, combinations).findings()) if table.rules else []


def _cells(table: Table) -> int:
    """How many cells there would be to look at: each row, for about two parts to each bound that a cell names."""
    bounds = (sum(len(rule.tests[place].spans) for rule in table.rules) for place in range(len(table.inputs)))
    return sum(len(table.rules) * 2 * bound for bound in bounds)


def _by_expression(table: Table) -> list[list[int]]:
    """The columns, those together that ask the same."""
    found: dict[str, list[int]] = {}
    for place, column in enumerate(table.inputs):
        found.setdefault(column.expression.strip(), []).append(place)
    return list(found.values())


# -- the parts of a column ---------------------------------------------------------------------------


class _Part(NamedTuple):
    """Values of a column that are alike for the table: one of them, and all of them in words."""

    value: Any
    words: Words


class _Column:
    """A column with its parts, by the rows (as bits) whose cell lets them pass."""

    def __init__(self, table: Table, places: Sequence[int], known: Mapping[str, Type], fields: Schemas) -> None:
        self.input = table.inputs[places[0]]
        self.kind = _type(self.input, known)
        entered = fields.get(self.input.expression.strip(), ())
        self.whole = bool(entered) and all(one.get("type") == "integer" for one in entered)
        asked = [_bounded(table.inputs[place], entered) for place in places]
        rows = [tuple(rule.tests[place] for place in places) for rule in table.rules]
        self.spans = [
            span for tests in (*rows, [one.allowed for one in asked]) for test in tests for span in test.spans
        ]
        self.alone = _collecting(table, asked, rows)
        self.parts: dict[int, list[_Part]] = {}
        for part in self.split():
            passing = self.passing(part)
            if passing is not None:
                self.parts.setdefault(passing, []).append(part)

    def passing(self, part: _Part) -> int | None:
        """The rows that a part passes; None: the column does not take such a value."""
        try:
            return _bits(evaluate(self.alone, {"value": part.value}))
        except DecisionError:
            return None

    def split(self) -> Iterator[_Part]:
        """Every part of the values that the column may be asked about."""
        if self.kind.domain is not None:
            yield from map(_single, self.kind.domain)
        else:
            for kind in self.kinds():
                yield from self.of_kind(kind)
        if any(span.kind == "null" for span in self.spans) or "null" in self.kind.kinds:
            yield _Part(None, Words("空值", "null"))

    def kinds(self) -> list[str]:
        """The kinds of values to think of: that of the column, else what is declared, else those its cells name."""
        if self.input.type != "any":
            return [self.input.type]
        if "any" not in self.kind.kinds:
            return [kind for kind in self.kind.kinds if kind != "null"]
        return list(dict.fromkeys(span.kind for span in self.spans if span.kind != "null")) or ["string"]

    def of_kind(self, kind: str) -> Iterator[_Part]:
        spans = [span for span in self.spans if span.kind == ("number" if kind == "integer" else kind)]
        if kind == "boolean":
            return map(_single, (True, False))
        if kind == "string" and all(span.low == span.high for span in spans):
            return _texts(_ends(spans))
        return _on_a_line(_ends(spans), _BETWEEN["integer" if kind == "number" and self.whole else kind])


def _type(column: Input, known: Mapping[str, Type]) -> Type:
    try:
        return result_type(compile_expression(column.expression), known)
    except ExpressionError:  # the reader has said so
        return ANY


def _bounded(column: Input, entered: Sequence[Mapping[str, Any]]) -> Input:
    """The column for itself, with the bounds that its form sets where it sets none itself."""
    bounds = tuple(
        Span(
            "number",
            one.get("minimum", one.get("exclusiveMinimum")),
            one.get("maximum", one.get("exclusiveMaximum")),
            "minimum" not in one and "exclusiveMinimum" in one,
            "maximum" not in one and "exclusiveMaximum" in one,
        )
        for one in entered
        if one.get("type") in ("integer", "number")
    )
    bare = any(span.low is None and span.high is None for span in bounds)
    allowed = column.allowed if column.allowed.spans or bare or not bounds else Test("form", bounds)
    return replace(column, expression="value", allowed=allowed)


def _collecting(table: Table, inputs: Sequence[Input], rows: Sequence[tuple[Test, ...]]) -> Table:
    """A table of these columns alone that names every row that matches."""
    rules = tuple(Rule(str(number), tests, ()) for number, tests in enumerate(rows))
    return Table(table.key, table.name, "COLLECT", "", tuple(inputs), (), rules)


def _bits(outcome: Outcome) -> int:
    return sum(1 << int(id) for id in outcome.matched)


def _single(value: Any) -> _Part:
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return _Part(value, Words(text, text))


def _ends(spans: Iterable[Span]) -> list[Any]:
    """Every value that a cell names, in order."""
    ends: set[Any] = {end for span in spans for end in (span.low, span.high) if end is not None}
    return sorted(ends)


def _texts(named: Sequence[str]) -> Iterator[_Part]:
    """Texts that are only compared for being the same: those named, and any other."""
    yield from map(_single, named)
    yield _Part("".join(named) + "?", Words("其他任何文字", "any other text"))


def _on_a_line(ends: Sequence[Any], between: "_Between") -> Iterator[_Part]:
    """Values with an order: each one named, and one for what lies between two of them, below and above all."""
    for low, high in pairwise([None, *ends, None]):
        value = between(low, high)
        if value is not None:
            yield _Part(value, _stretch(low, high))
        if high is not None:
            yield _single(high)


def _stretch(low: Any, high: Any) -> Words:
    if low is None and high is None:
        return Words("任意值", "any value")
    if low is None:
        return Words(f"小于 {high}", f"less than {high}")
    if high is None:
        return Words(f"大于 {low}", f"more than {low}")
    return Words(f"在 {low} 与 {high} 之间", f"between {low} and {high}")


_Between = Callable[[Any, Any], Any]
"""A value between two others that is neither of them; None as a bound is no bound, as an answer: there is none."""


def _number_between(low: Any, high: Any) -> Any:
    if low is None or high is None:
        return _whole_between(low, high)
    return (low + high) / 2


def _whole_between(low: Any, high: Any) -> Any:
    value = (0 if high is None else high - 1) if low is None else low + 1
    return value if high is None or value < high else None


def _day_between(low: Any, high: Any) -> Any:
    if low is None and high is None:
        return "2026-01-01"
    try:
        day = date.fromisoformat(high) - timedelta(1) if low is None else date.fromisoformat(low) + timedelta(1)
    except OverflowError:
        return None
    return day.isoformat() if high is None or day.isoformat() < high else None


def _text_between(low: Any, high: Any) -> Any:
    """Between a text and the next lies at least that text with the smallest sign after it."""
    value = "" if low is None else f"{low}\0"
    return value if high is None or value < high else None


_BETWEEN: Mapping[str, _Between] = {
    "number": _number_between,
    "integer": _whole_between,
    "date": _day_between,
    "string": _text_between,
}


# -- combinations ------------------------------------------------------------------------------------


_Way = tuple[Sequence[_Part], ...]
"""For each column so far, parts of which any leads to the same rows."""


class _Met(NamedTuple):
    """Rows that match together, with a way there."""

    rows: int
    way: _Way


class _Search:
    """Visits what rows can match together, column by column."""

    def __init__(self, table: Table, columns: Sequence[_Column], combinations: int) -> None:
        self.table = table
        self.columns = columns
        self.limit = combinations
        self.complete = True
        self.gaps: list[_Way] = []
        self.met: dict[int, _Met] = {}
        self.visit()

    def visit(self) -> None:
        """Depth first; a way that leaves no row is a gap whatever comes after."""
        pending: list[tuple[int, _Met]] = [(0, _Met((1 << len(self.table.rules)) - 1, ()))]
        seen: set[tuple[int, int]] = set()
        while pending:
            place, (rows, way) = pending.pop()
            if not rows:
                self.gaps.append(way)
            elif place == len(self.columns):
                self.met.setdefault(rows, _Met(rows, way))
            elif (place, rows) not in seen:
                seen.add((place, rows))
                if len(seen) > self.limit:
                    self.complete = False
                    return
                split = reversed(self.columns[place].parts.items())
                pending.extend((place + 1, _Met(rows & passing, (*way, parts))) for passing, parts in split)

    # what to say of it

    def findings(self) -> Iterator[Finding]:
        if not self.complete:
            yield self.on_table("undecided", self.words_undecided())
            return
        if not self.answers_nothing_lawfully:
            yield from (self.on_table("gap", self.words_gap(way)) for way in self.gaps[:EXAMPLES])
        winning, told = 0, set[int]()
        for met in self.met.values():
            kept = self.kept(met.rows)
            if kept is None:
                yield from self.overlap(met, told)
            winning |= met.rows if kept is None else kept
        yield from self.silent(winning)

    @cached_property
    def answers_nothing_lawfully(self) -> bool:
        """Whether it is meant that no row matches: the table collects, or says what holds then."""
        return self.table.hit_policy == "COLLECT" or any(one.default is not None for one in self.table.outputs)

    def kept(self, rows: int) -> int | None:
        """The rows the answer rests on when these match; None: they contradict each other."""
        together = tuple(replace(self.table.rules[number], id=str(number), tests=()) for number in _places(rows))
        try:
            return _bits(evaluate(replace(self.table, inputs=(), rules=together), {}))
        except DecisionError:
            return None

    def overlap(self, met: _Met, told: set[int]) -> Iterator[Finding]:
        """Each row is told of once, with the first one it stands against."""
        first, *others = _places(met.rows)
        for place in others:
            if place not in told and self.kept(1 << first | 1 << place) is None:
                told.add(place)
                zh, en = self.example(met.way)
                yield self.on_row(
                    "overlap",
                    place,
                    f"与{self.row(first).zh}同时命中，例如：{zh}。"
                    f"命中策略 {self.table.hit_policy} 不允许，请修改其中一行。",
                    f"matches together with {self.row(first).en}, for example: {en}. The hit policy "
                    f"{self.table.hit_policy} does not allow it. Change one of them.",
                    "error",
                )

    def silent(self, winning: int) -> Iterator[Finding]:
        """Rows that the answer never rests on."""
        for place in range(len(self.table.rules)):
            if not winning >> place & 1:
                met = next((met for met in self.met.values() if met.rows >> place & 1), None)
                yield self.never(place) if met is None else self.covered(place, met)

    def never(self, place: int) -> Finding:
        zh, en = self.impossible(place)
        return self.on_row(
            "never", place, f"永远不会命中：{zh}。请修改或删除。", f"never matches: {en}. Change or remove it."
        )

    def covered(self, place: int, met: _Met) -> Finding:
        first = self.row(_places(self.kept(met.rows) or met.rows)[0])
        zh, en = self.example(met.way)
        return self.on_row(
            "covered",
            place,
            f"永远不起作用：凡是它命中的，都由别的行先作答，例如：{zh}，由{first.zh}作答。请调整顺序或删除。",
            f"never has a say: whatever it matches, another row answers first, for example: {en}, answered by "
            f"{first.en}. Change the order or remove it.",
        )

    def impossible(self, place: int) -> Words:
        """Why a row never matches: a cell that lets nothing pass, or cells of columns that ask the same."""
        for column in self.columns:
            if not any(passing >> place & 1 for passing in column.parts):
                zh, en = _either([part for parts in column.parts.values() for part in parts])
                return Words(f"“{column.input.label}”只可能是 {zh}", f"“{column.input.label}” can only be {en}")
        return Words("其条件互相矛盾", "its conditions contradict each other")

    def words_gap(self, way: _Way) -> Words:
        zh, en = self.example(way)
        return Words(
            f"有遗漏，没有一行命中，例如：{zh}。请补充规则，或写明默认输出。",
            f"leaves a gap where no row matches, for example: {en}. Add a row or a default output.",
        )

    def words_undecided(self) -> Words:
        return Words(
            f"的组合超过 {self.limit} 种，未能全部检查，不能断定没有遗漏或重叠。请拆成几张表。",
            f"was not decided within {self.limit} combinations: it may have gaps or overlaps. Split the table.",
        )

    def example(self, way: _Way) -> Words:
        """An input in words; what comes after may be anything."""
        given = [(column.input.label, _either(parts)) for column, parts in zip(self.columns, way, strict=False)]
        zh = "，".join(f"{label}为 {words.zh}" for label, words in given)
        en = ", ".join(f"{label} is {words.en}" for label, words in given)
        rest = [column.input.label for column in self.columns[len(way) :]]
        more = (f"（{'、'.join(rest)}不论）", f" (whatever {', '.join(rest)})") if rest and way else ("", "")
        return Words(f"{zh or '任何输入'}{more[0]}", f"{en or 'any input'}{more[1]}")

    def row(self, place: int) -> Words:
        said = self.table.rules[place].description
        more = f"“{said}”" if said else ""
        return Words(f"第 {place + 1} 行{more}", f"row {place + 1}{f' {more}' if more else ''}")

    def on_row(self, rule: str, place: int, zh: str, en: str, level: Level = "warning") -> Finding:
        row, title = self.row(place), self.table.name or self.table.key
        text = f"决策表“{title}”{row.zh}{zh} Decision table “{title}”: {row.en} {en}"
        return Finding(f"tables.{rule}", level, self.table.rules[place].id, text, self.table.rules[place].description)

    def on_table(self, rule: str, words: Words) -> Finding:
        return _on_table(self.table, rule, words)


def _on_table(table: Table, rule: str, words: Words) -> Finding:
    title = table.name or table.key
    text = f"决策表“{title}”{words.zh} Decision table “{title}” {words.en}"
    return Finding(f"tables.{rule}", "warning", table.key, text, table.name)


def _either(parts: Sequence[_Part]) -> Words:
    """Any of these values in words."""
    told = [part.words for part in parts[:NAMED]]
    more = ("等", ", …") if len(parts) > NAMED else ("", "")
    return Words("或 ".join(one.zh for one in told) + more[0], " or ".join(one.en for one in told) + more[1])


def _places(rows: int) -> list[int]:
    """The numbers of the bits that are set, from the lowest."""
    found = []
    while rows:
        lowest = rows & -rows
        found.append(lowest.bit_length() - 1)
        rows ^= lowest
    return found
