"""Whether the limits along a path fit into the limit around them, when everyone uses all they have and no more.

Steps one after the other add up, of parallel branches the longest counts, and each step counts once: a loop is not
taken a second time. A sub-process takes what its steps take, but no more than its own limit. Where a step's limit is
chosen (`limit_from`), the longest choice counts. Limits of different units are compared by the week: 7 natural days
are 5 working days, and a working day is 8 working hours; so 24 natural hours are 5.7 working hours. What has no limit,
and what happens beside the path, takes no time.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from engine.checks import declared
from engine.definition import Definition, Level, Node
from engine.errors import Finding
from engine.expressions import ExpressionError, Type, compile_expression, result_type
from engine.library import Pack
from engine.limits import UNITS, Limit, Unit

_WEEK = Fraction(5 * 8)
HOURS: Mapping[Unit, Fraction] = {
    "working_hour": Fraction(1),
    "working_day": Fraction(8),
    "natural_day": _WEEK / 7,
    "natural_hour": _WEEK / 7 / 24,
    "natural_minute": _WEEK / 7 / 24 / 60,
}
"""How many working hours each unit is taken for."""

NOT_BINDING = frozenset({"product_default", "draft"})
"""Limits that no law or local rule sets: where only such are involved, the finding is advice."""


def check(definition: Definition, pack: Pack | None) -> list[Finding]:
    """`time.too-long` for the process a case begins with and for each sub-process that has a limit: a warning, or
    advice where every limit involved is a product default or a draft's. It names the path and what each step has."""
    if pack is None:
        return []
    worst = _Worst(definition, pack)
    root = definition.process
    found = [worst.finding(root.id, root.name, pack.limits.get(root.id), root.id)]
    for key, node in definition.nodes():
        inside = worst.inside(key, node)
        if inside:
            found.append(worst.finding(node.id, node.name, worst.limit(node), inside))
    return [finding for finding in found if finding is not None]


class _Used(NamedTuple):
    """A step on a path and the limit it uses up; None: it takes no time."""

    node: Node
    limit: Limit | None


class _Path(NamedTuple):
    """Time in working hours, and the steps it is made of."""

    hours: Fraction
    steps: tuple[_Used, ...]


_NOTHING = _Path(Fraction(0), ())


class _Worst:
    """The longest path of each level."""

    def __init__(self, definition: Definition, pack: Pack) -> None:
        self.definition = definition
        self.limits = pack.limits
        self.known = declared.names(definition, pack)
        self.paths: dict[str, _Path] = {}

    def path(self, key: str) -> _Path:
        """The longest path of a level, from any of its beginnings."""
        if key not in self.paths:
            level = self.definition.levels[key]
            starts = [id for id, node in level.nodes.items() if node.kind == "start"] or level.starts
            ways = [self.longest(level, key, start) for start in starts]
            self.paths[key] = max(ways, key=_hours, default=_NOTHING)
        return self.paths[key]

    def longest(self, level: Level, key: str, start: str) -> _Path:
        """The longest path from one beginning. Chained backwards, so that long paths share what they end in."""
        best: dict[str, tuple[Fraction, str]] = {}
        own: dict[str, _Path] = {}
        for id, after in _backwards(level, start):
            own[id] = self.of_node(key, level.nodes[id])
            hours, follower = max(((best[one][0], one) for one in after), default=(Fraction(0), ""))
            best[id] = own[id].hours + hours, follower
        steps: list[_Used] = []
        here = start
        while here:
            steps += own[here].steps
            here = best[here][1]
        return _Path(best[start][0], tuple(steps))

    def of_node(self, key: str, node: Node) -> _Path:
        """What a node takes: its limit, or what lies inside it if that is less."""
        limit, inside = self.limit(node), self.inside(key, node)
        own = _Path(_taken(limit), (_Used(node, limit),))
        if not inside:
            return own
        inner = self.path(inside)
        if limit is not None and limit.amount is not None and not Fraction(0) < inner.hours <= own.hours:
            return own
        return _Path(inner.hours, (_Used(node, None), *inner.steps))

    def inside(self, key: str, node: Node) -> str:
        """The level that a node stands for, if it stands for one."""
        return node.called or (f"{key}/{node.id}" if node.body is not None else "")

    def limit(self, node: Node) -> Limit | None:
        """The limit of a step, of the longest where it is chosen; for a call, that of the process called."""
        timer = node.trigger.timer
        if timer is not None:
            waits = node.kind == "catch" and timer.kind == "limit"
            return self.limits.get(timer.text) if waits else None
        chosen = [self.limits[key] for key in self.choices(node) if key in self.limits]
        named = self.limits.get(node.properties.get("limit", "")) or self.limits.get(node.called)
        return max(chosen, key=_taken, default=named)

    def choices(self, node: Node) -> list[str]:
        """The limits among which `limit_from` chooses, where that is known."""
        source = node.properties.get("limit_from")
        try:
            kind = result_type(compile_expression(source), self.known) if source else Type(())
        except ExpressionError:  # the reader has said so
            return []
        return [key for key in kind.domain or () if isinstance(key, str)]

    def finding(self, element: str, name: str, limit: Limit | None, key: str) -> Finding | None:
        path = self.path(key)
        if limit is None or limit.amount is None or limit.unit is None or path.hours <= _taken(limit):
            return None
        used = [step for step in path.steps if step.limit is not None]
        involved = [limit, *(step.limit for step in used if step.limit is not None)]
        binding = any(one.basis.kind not in NOT_BINDING for one in involved)
        unit, hours = UNITS[limit.unit], path.hours / HOURS[limit.unit]
        needed, enough = _amount(hours), ceil(hours)
        mixed = len({one.unit for one in involved}) > 1
        zh, en = (" → ".join(_used(step, language) for step in used) for language in (0, 1))
        return Finding(
            "time.too-long",
            "warning" if binding else "advice",
            element,
            f"“{name or element}”的时限是 {_told(limit, 0)}，但各环节都刚好用足自己的时限时，"
            f"最长的一条路合计要 {needed} {unit.zh}：{zh}。谁也没有逾期，整件却逾期了。"
            f"{_CONVERTED[0] if mixed else ''}请在时限表中把{limit.key}放宽到至少 {enough} {unit.zh}，或缩短上列时限。 "
            f"“{name or element}” has {_told(limit, 1)}, but when every step uses just what it has, the longest path "
            f"takes {needed}: {en}. The whole is overdue though nobody was late. {_CONVERTED[1] if mixed else ''}"
            f"In the table of limits, widen {limit.key} to at least {enough} {unit.en}, or shorten those listed.",
            name,
            limit.basis.article,
            tuple(step.node.id for step in path.steps),
        )


_CONVERTED = (
    "（按 1 工作日等于 8 工作时、7 自然日等于 5 工作日折算。）",
    "(Taking a working day as 8 working hours, and 7 natural days as 5 working days.) ",
)


def _hours(path: _Path) -> Fraction:
    return path.hours


def _taken(limit: Limit | None) -> Fraction:
    """The working hours of a limit; none for no limit."""
    if limit is None or limit.amount is None or limit.unit is None:
        return Fraction(0)
    return limit.amount * HOURS[limit.unit]


def _used(step: _Used, language: int) -> str:
    return f"{step.node.name or step.node.id} {_told(step.limit, language) if step.limit else ''}"


def _told(limit: Limit, language: int) -> str:
    """How long it is, and the key by which the table of limits has it: `15 工作日（handle_hard）`."""
    unit = UNITS[limit.unit][language] if limit.unit is not None else ""
    said = f"{limit.amount} {unit.removesuffix('s') if limit.amount == 1 else unit}"
    return f"{said} ({limit.key})" if language else f"{said}（{limit.key}）"


def _amount(value: Fraction) -> str:
    """A number with one decimal at most, never less than it is."""
    tenths = -(-value * 10 // 1)
    return f"{tenths // 10}" if tenths % 10 == 0 else f"{float(tenths) / 10:.1f}"


# -- the level without its loops ---------------------------------------------------------------------


def _backwards(level: Level, start: str) -> Iterator[tuple[str, list[str]]]:
    """Each node with those that follow it, what follows first; ways back to where one came through are left out."""
    done: set[str] = set()
    trail = [start]
    pending = [_onward(level, start)]
    after: dict[str, list[str]] = {start: []}
    while trail:
        here = trail[-1]
        for one in pending[-1]:
            if one in done:
                after[here].append(one)
            elif one not in after:
                after[here].append(one)
                after[one] = []
                trail.append(one)
                pending.append(_onward(level, one))
                break
        else:
            done.add(trail.pop())
            pending.pop()
            yield here, after[here]


def _onward(level: Level, id: str) -> Iterator[str]:
    """Where a token may go from here, also by an event on its edge or a link."""
    node = level.nodes[id]
    yield from (flow.target for flow in level.out[id])
    yield from node.boundaries
    if node.kind == "throw" and node.trigger.kind == "link" and node.trigger.ref in level.links:
        yield level.links[node.trigger.ref]
