"""Whether a diagram says all that people and the engine need: a way out of every choice, names, and for each step who,
what form, how long, which status. What the reader refuses and what `references` looks up is not repeated here.

Choices are proved complete by trying every value that forms and tables declare. Words of a step are asked for only
where a pack says where the diagram is to run; names of handlers, only where somebody says which there are.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from itertools import pairwise, product
from math import prod
from typing import Any, cast

from engine.checks import declared
from engine.definition import ACTIVITIES, CHOOSING, Body, Definition, Flow, Node
from engine.errors import Finding, Level, Words
from engine.expressions import (
    ANY,
    Expression,
    ExpressionError,
    Problem,
    Script,
    Type,
    compile_expression,
    compile_script,
)
from engine.expressions import check as problems
from engine.expressions import check_script as script_problems
from engine.library import Pack
from engine.work import Handler

BY_PEOPLE = frozenset({"task", "user", "manual"})
"""The kinds of steps that a person answers."""

EVENTS = frozenset({"start", "end", "throw", "catch", "boundary"})

COMBINATIONS = 20_000
"""So many combinations of values are tried before a choice counts as not proved."""

STEPS = ("separate_from", "clock_until")
"""Properties that list steps."""


def check(
    definition: Definition, pack: Pack | None = None, handlers: Mapping[str, Handler] | None = None
) -> list[Finding]:
    """The rules `form.default`, `.without-name`, `.without-role`, `.without-form`, `.without-limit`,
    `.without-status`, `.without-basis`, `.unknown-handler`, `.unknown-guard`, `.unknown-step`, `.type`,
    `.undeclared`, `.record-field`. `handlers` are all there are, by name; None: nobody knows."""
    known = declared.names(definition, pack)
    found = [*_choices(definition, pack, known), *_labels(definition)]
    if pack is not None:
        found += [*_steps(definition, pack), *_expressions(definition, pack, known)]
    return [*found, *_named_steps(definition), *(_handlers(definition, handlers) if handlers is not None else ())]


def _error(rule: str, node: Node, zh: str, en: str, level: Level = "error", element: str = "") -> Finding:
    name = node.name or node.id
    text = f"“{name}”{zh} “{name}” {en}"
    return Finding(f"form.{rule}", level, element or node.id, text, node.name)


# -- choices -----------------------------------------------------------------------------------------


def _choices(definition: Definition, pack: Pack | None, known: Mapping[str, Type]) -> Iterator[Finding]:
    for _, body in definition.bodies():
        for node in body.nodes.values():
            flows = [body.flows[flow] for flow in node.outgoing]
            if _must_choose(node, flows):
                yield from _choice(node, [compiled for flow in flows if (compiled := _compiled(flow))], pack, known)


def _must_choose(node: Node, flows: Sequence[Flow]) -> bool:
    """Whether a case stops here when no condition holds."""
    asked = (node.kind in CHOOSING and len(flows) > 1) or node.kind in ACTIVITIES
    return asked and not node.default and bool(flows) and all(flow.condition for flow in flows)


def _compiled(flow: Flow) -> Expression | None:
    try:
        return compile_expression(flow.condition)
    except ExpressionError:  # the reader has said so
        return None


def _choice(
    node: Node, conditions: Sequence[Expression], pack: Pack | None, known: Mapping[str, Type]
) -> Iterator[Finding]:
    if len(conditions) < len(node.outgoing):
        return
    names = dict.fromkeys(name for one in conditions for name in sorted(one.names | one.optional))
    domains = {name: _domain(name, conditions, known) for name in names}
    finite = {name: domain for name, domain in domains.items() if domain}
    if len(finite) < len(domains) or prod(map(len, finite.values())) > COMBINATIONS:
        level: Level = "advice" if pack is None else "warning"
        why = "、".join(name for name in domains if name not in finite) or "、".join(finite)
        yield _error(
            "default",
            node,
            f"没有默认流，也不能断定各条件合起来没有遗漏（取决于 {why}）。请把一条出线设为默认流。",
            f"has no default flow, and it cannot be proved that one of its conditions always holds (it depends on "
            f"{why.replace('、', ', ')}). Make one way out the default.",
            level,
        )
    elif (gap := _gap(conditions, finite)) is not None:
        zh, en = _told(gap, "，", "为"), _told(gap, ", ", " is ")
        yield _error(
            "default",
            node,
            f"没有默认流，而当{zh}时各条件都不成立，事项会停在这里。请补上条件或设默认流。",
            f"has no default flow, and when {en} none of its conditions holds: the case would stop here. Add a "
            "condition or a default flow.",
        )


_MISSING = object()
"""A name that nothing has written yet: it matters only where a condition asks for it with `exists` or `default`."""


def _domain(name: str, conditions: Iterable[Expression], known: Mapping[str, Type]) -> list[Any] | None:
    """The values to try for a name; None: there is no saying which."""
    missing = [_MISSING] if any(name in one.optional for one in conditions) else []
    kind = known.get(name)
    if kind is not None and kind.domain is not None:
        return [*kind.domain, *([None] if "null" in kind.kinds else []), *missing]
    if kind is not None and kind.kinds == ("boolean",):
        return [False, True, *missing]
    if missing or (kind is not None and set(kind.kinds) - {"number", "string", "any"}):
        return None
    return _representatives(name, conditions, kind)


def _representatives(name: str, conditions: Iterable[Expression], kind: Type | None) -> list[Any] | None:
    """For a name that is only asked by itself, or only compared with constants: a value for every possible answer."""
    found: list[Any] = []
    for condition in conditions:
        compared = _compared(name, condition.tree) if name in condition.names | condition.optional else []
        if compared is None:
            return None
        found += compared
    kinds = {type(value) for value in found}
    if kinds == {bool}:
        return [False, True]
    if kinds <= {int, float}:
        return _around(sorted(set(found))) if kind is None or "string" not in kind.kinds else None
    return [*dict.fromkeys(found), "".join(found) + "?"] if kinds == {str} else None


def _around(points: list[Any]) -> list[Any]:
    """The numbers, one between each two, one below and one above all."""
    between = [(one + two) / 2 for one, two in pairwise(points)]
    return sorted([points[0] - 1, *points, *between, points[-1] + 1])


def _compared(name: str, tree: ast.expr) -> list[Any] | None:
    """The constants that a name is compared with, `True` where it is asked by itself; None: it is used otherwise."""
    match tree:
        case ast.Name(id=id):
            return [True] if id == name else []
        case ast.BoolOp(values=parts):
            return _all([_compared(name, part) for part in parts])
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _compared(name, inner)
        case ast.Compare(left=ast.Name(id=id), ops=[op], comparators=[right]) if id == name:
            return _constants(op, right)
    return None if any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(tree)) else []


def _constants(op: ast.cmpop, right: ast.expr) -> list[Any] | None:
    values = right.elts if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List) else [right]
    found = [one.value for one in values if isinstance(one, ast.Constant)]
    texts = any(isinstance(value, str) for value in found)
    ordered = isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
    plain = all(type(value) in (int, float, str) for value in found)
    return found if plain and len(found) == len(values) and not (texts and ordered) else None


def _all(parts: Iterable[list[Any] | None]) -> list[Any] | None:
    found: list[Any] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found


def _gap(conditions: Sequence[Expression], domains: Mapping[str, list[Any]]) -> dict[str, Any] | None:
    """Values with which no condition holds. Where a condition cannot be evaluated the case stops for that reason."""
    for values in product(*domains.values()):
        given = {name: value for name, value in zip(domains, values, strict=True) if value is not _MISSING}
        if not _any_holds(conditions, given):
            return given
    return None


def _any_holds(conditions: Iterable[Expression], given: Mapping[str, Any]) -> bool:
    try:
        return any(condition.holds(given) for condition in conditions)
    except ExpressionError:
        return True


def _told(values: Mapping[str, Any], between: str, equal: str) -> str:
    return between.join(f"{name}{equal}{shown(value)}" for name, value in values.items())


def shown(value: Any) -> str:
    """A value as an expression writes it."""
    return f'"{value}"' if isinstance(value, str) else str(value)


# -- names -------------------------------------------------------------------------------------------


def _labels(definition: Definition) -> Iterator[Finding]:
    """What bears no name on the drawing. Of steps the reader says it."""
    for _, body in definition.bodies():
        for node in body.nodes.values():
            if not node.name and _needs_name(node):
                yield _error(
                    "without-name",
                    node,
                    "没有名称，图上看不出它的含义。请填写名称。",
                    "has no name, so the drawing does not say what it means. Give it one.",
                    "advice",
                )
    for process in definition.processes.values():
        for lane in process.lanes.values():
            if not lane.name:
                yield _error(
                    "without-name",
                    Node(lane.id, "task"),
                    "是没有名称的泳道。请写明由谁办理。",
                    "is a lane without a name. Write who does the steps in it.",
                    "advice",
                )


def _needs_name(node: Node) -> bool:
    return node.kind in EVENTS or (node.kind in CHOOSING and len(node.outgoing) > 1)


# -- the words of a step -----------------------------------------------------------------------------


def _steps(definition: Definition, pack: Pack) -> Iterator[Finding]:
    without = pack.setting("without_basis", None)
    for body, node in definition.nodes():
        if node.kind in BY_PEOPLE:
            lane = definition.processes[body.split("/")[0]].lanes.get(node.lane)
            words = node.properties | ({"role": lane.role} if lane and lane.role else {})
            yield from (_error(rule, node, zh, en) for keys, rule, zh, en in _WORDS if not words.keys() & keys)
        if without is not None and node.kind in _WITH_BASIS and _lacks_basis(node, without):
            yield _error("without-basis", node, *_BASIS, level="warning")


def _lacks_basis(node: Node, without: Iterable[str]) -> bool:
    return not node.properties.get("basis") and node.id not in without


_WITH_BASIS = BY_PEOPLE | {"service", "rule"}
_WORDS: Sequence[tuple[frozenset[str], str, str, str]] = (
    (
        frozenset({"role", "role_from", "unit"}),
        "without-role",
        "没有写明由哪个岗位或单位办理。请填写 role 或 unit。",
        "does not say which role or unit does it. Give it a role or a unit.",
    ),
    (
        frozenset({"form"}),
        "without-form",
        "没有表单，办理人什么也不能填。请选择表单。",
        "has no form, so nobody can answer anything. Choose one.",
    ),
    (
        frozenset({"limit", "limit_from"}),
        "without-limit",
        "没有时限，超期也看不出来。请选择时限；确不设时限的，请选择写明依据的“不设时限”。",
        "has no limit, so nobody sees when it is late. Choose one; where there is none, a documented “no limit”.",
    ),
    (
        frozenset({"status"}),
        "without-status",
        "没有状态，事项办到哪里看不出来。请选择状态。",
        "has no status, so nobody sees how far the matter is. Choose one.",
    ),
)
_BASIS = (
    "没有法律依据，也未列入没有依据的环节（without_basis）。请写明条款，或把它列入。",
    "cites no article and is not listed in `without_basis`. Cite one, or list it.",
)


# -- expressions -------------------------------------------------------------------------------------


def _expressions(definition: Definition, pack: Pack, known: Mapping[str, Type]) -> Iterator[Finding]:
    """What is wrong with expressions against what forms, tables and data objects declare."""
    kept = declared.records(pack) - known.keys()
    for _, body in definition.bodies():
        for node in body.nodes.values():
            for element, used, condition in _uses(node, body):
                recorded = sorted(used.names & kept)
                yield from (_error("record-field", node, *_recorded(name), element=element) for name in recorded)
                closed = {**known, **dict.fromkeys(recorded, ANY)}
                yield from (_problem(node, element, one) for one in _wrong(used, closed, condition))


def _uses(node: Node, body: Body) -> Iterator[tuple[str, Expression | Script, bool]]:
    """Element, expression or script, and whether it must be true or false. What cannot be read, the reader names."""
    for element, source, condition in _sources(node, body):
        with suppress(ExpressionError):
            yield element, compile_expression(source), condition
    with suppress(ExpressionError):
        yield node.id, compile_script(node.script), False


def _sources(node: Node, body: Body) -> Iterator[tuple[str, str, bool]]:
    conditions = [(flow, body.flows[flow].condition) for flow in node.outgoing]
    conditions.append((node.id, node.trigger.ref if node.trigger.kind == "conditional" else ""))
    values = [*node.parameters.values(), node.trigger.key, *(node.properties.get(one, "") for one in _EXPRESSIONS)]
    if node.loop is not None:
        conditions += [(node.id, node.loop.condition), (node.id, node.loop.completion)]
        values += [node.loop.collection, node.loop.cardinality]
    yield from ((element, source, True) for element, source in conditions if source)
    yield from ((node.id, source, False) for source in values if source)


_EXPRESSIONS = ("unit", "limit_from", "role_from")


def _wrong(used: Expression | Script, known: Mapping[str, Type], condition: bool) -> list[Problem]:
    if isinstance(used, Script):
        return script_problems(used, known, open_world=False)
    return problems(used, known, open_world=False, condition=condition)


def _problem(node: Node, element: str, problem: Problem) -> Finding:
    undeclared = problem.code.startswith("expression.undeclared")
    rule, level = ("undeclared", "warning") if undeclared else ("type", "error")
    return _error(rule, node, f"：{problem.zh}", f": {problem.en}", cast(Level, level), element)


def _recorded(name: str) -> Words:
    return Words(
        f"用到“{name}”，它是只作记录的字段，不会成为变量。请改用供流转的（routing）字段。",
        f"uses `{name}`, a field for the record only, which never becomes a variable. Use a routing field.",
    )


# -- names of others ---------------------------------------------------------------------------------


def _named_steps(definition: Definition) -> Iterator[Finding]:
    """Steps that another step names and that are not there."""
    there = {node.id for _, node in definition.nodes()}
    for _, node in definition.nodes():
        for word in STEPS:
            for step in node.properties.get(word, "").split():
                if step not in there:
                    yield _error(
                        "unknown-step",
                        node,
                        f"的 {word} 提到的环节“{step}”不存在。请改正。",
                        f"names a step `{step}` in `{word}` that does not exist. Correct it.",
                    )


def _handlers(definition: Definition, handlers: Mapping[str, Handler]) -> Iterator[Finding]:
    workers = {name for name, handler in handlers.items() if handler.kind != "guard"}
    guards = handlers.keys() - workers
    for _, node in definition.nodes():
        if node.handler and node.handler not in workers:
            yield _error("unknown-handler", node, *_unknown(node.handler, "处理程序", "handler", workers))
        for guard in node.properties.get("guard", "").split():
            if guard not in guards:
                yield _error("unknown-guard", node, *_unknown(guard, "核验程序", "guard", guards))


def _unknown(name: str, zh: str, en: str, known: Iterable[str]) -> Words:
    close = get_close_matches(name, list(known), 1)
    meant = (f"是否想写“{close[0]}”？", f" Perhaps `{close[0]}`?") if close else ("", "")
    return Words(
        f"使用的{zh}“{name}”没有登记。{meant[0]}请改正。",
        f"uses the {en} `{name}`, which is not registered.{meant[1]} Correct it.",
    )
