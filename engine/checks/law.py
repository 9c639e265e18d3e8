"""Does a diagram leave a way that the law closes? The rules of law are data (`processes/rules/<law>.json`) and travel
with the pack; here are the few questions they are made of. A rule says which steps it means by what nobody renames in
passing (form, role, unit, status, handler, guard, message, called process), and what must hold of every way to or from
them: see `docs/checks/law.md`. A rule whose steps are gone is broken, not idle. Law and local rules forbid
publication, the product's own warn, a draft's advise; a local rule that is waived (`waivers`) advises too.
"""

import ast
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any, Literal, NamedTuple

from engine.checks import waivers
from engine.checks.paths import Paths, Step, after, elements, interrupts
from engine.checks.way import Drawing
from engine.definition import Definition
from engine.errors import Finding, Invalid, Level, Words
from engine.expressions import Expression, ExpressionError, compile_script
from engine.library import Pack
from engine.model import Value, revive

Force = Literal["law", "local", "draft", "product"]
Selector = dict[str, Any]

LEVELS: Mapping[Force, Level] = {"law": "error", "local": "error", "draft": "advice", "product": "warning"}

STANDING: Mapping[Force, Words] = {
    "law": Words("", ""),
    "local": Words("（本级规定）", " (local rule)"),
    "draft": Words("（草案，仅供参考）", " (a draft: advice only)"),
    "product": Words("（产品规则，不是法律规定）", " (product rule, not law)"),
}


class Rule(Value, frozen=True, forbid_unknown_fields=True):
    """One thing the law asks of a diagram.

    `process` is the process a case begins with (`any`: each). `of` selects the steps it speaks of, `by`, `to` and
    `without` those that its predicate sets against them. `assuming` fixes variables; a list of values means each of
    them in turn. `variable` and `constants` are those of `one_by_one`, `setting` and `value` those of `sets`,
    `required` and `offers` those of `form_has`. `packs` are the forces of packs it applies to, all if empty; it is
    silent where the pack also has one of the rules named in `unless`, which says the same with more force.
    """

    key: str
    article: str
    force: Force
    process: str
    zh: str
    en: str
    predicate: str
    counter_example: str
    of: Selector = {}
    by: Selector = {}
    to: Selector = {}
    without: Selector = {}
    assuming: dict[str, Any] = {}
    variable: str = ""
    constants: tuple[int, ...] = ()
    setting: str = ""
    value: Any = None
    required: tuple[str, ...] = ()
    offers: dict[str, tuple[str, ...]] = {}
    packs: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


class Breach(NamedTuple):
    """Where a rule does not hold: the step, what is wrong there, and the shortest way to it."""

    step: Step | None
    words: Words
    path: Sequence[str] = ()


def check(definition: Definition, pack: Pack | None) -> list[Finding]:
    """A finding `law.<key of the rule>` for each step at which a rule of the pack's laws does not hold."""
    if pack is None:
        return []
    rules = [rule for rule in rules_of(pack) if _applies(rule, definition, pack)]
    ground = Ground(Paths(definition), pack) if rules else None
    return [finding for rule in rules if ground is not None for finding in _findings(rule, ground)]


def rules_of(pack: Pack) -> list[Rule]:
    """The rules that came with a pack. Raises `Invalid` (`law.rule-unreadable`) on one that cannot be read."""
    return [_read(rule) for rule in pack.settings.get("rules", ())]


def _read(data: dict[str, Any]) -> Rule:
    try:
        rule = revive(data, Rule)
        unknown = [] if rule.predicate in PREDICATES else [rule.predicate]
        for selector in (rule.of, rule.by, rule.to, rule.without):
            unknown += _unknown(selector)
    except ValueError as error:
        unknown = [str(error)]
    if unknown:
        raise Invalid(
            "law.rule-unreadable",
            f"规则“{data.get('key')}”中有不认识的写法：{'、'.join(unknown)}。请对照docs/checks/law.md改正。",
            f"The rule “{data.get('key')}” says what is not known here: {', '.join(unknown)}. See docs/checks/law.md.",
        )
    return rule


def _unknown(selector: Selector) -> Iterator[str]:
    """The words of a selector that mean nothing."""
    for name, value in selector.items():
        if name in RELATED or name == "not":
            yield from _unknown(value)
        elif name == "any":
            for one in value:
                yield from _unknown(one)
        elif name not in FIELDS and name not in FLAGS:
            yield name


def _applies(rule: Rule, definition: Definition, pack: Pack) -> bool:
    there = {one.get("key") for one in pack.settings.get("rules", ())}
    meant = rule.process in ("any", definition.root) and (not rule.packs or pack.force in rule.packs)
    return meant and not there.intersection(rule.unless)


def _findings(rule: Rule, ground: "Ground") -> Iterator[Finding]:
    """Of a rule for every process, a process without the steps it speaks of is none of its business."""
    if rule.process == "any" and not ground.steps(rule.of):
        return
    seen: set[str] = set()
    for breach in PREDICATES[rule.predicate](rule, ground):
        element = breach.step.node.id if breach.step else ground.definition.root
        if element not in seen:
            seen.add(element)
            yield _finding(rule, element, breach, ground)


def _finding(rule: Rule, element: str, breach: Breach, ground: "Ground") -> Finding:
    standing, cited, waiver = STANDING[rule.force], rule.article, ground.waived.get(rule.key)
    path = tuple(dict.fromkeys(elements(breach.path)))
    way = ground.drawing.way(path)
    zh = f"{rule.zh.rstrip('。')}{f'（{cited}）' if cited else ''}{standing.zh}：{breach.words.zh}{way.zh}"
    en = f"{rule.en.rstrip('.')}{f' ({cited})' if cited else ''}{standing.en}: {breach.words.en} {way.en}".rstrip()
    name = breach.step.node.name if breach.step else ""
    if waiver is not None:
        zh += f"此规则已由{waiver.name}于{waiver.day}免除（{waiver.document}），理由：{waiver.reason}。"
        en += f" Waived by {waiver.name} on {waiver.day} ({waiver.document}): {waiver.reason}."
    level = LEVELS[rule.force] if waiver is None else "advice"
    return Finding(f"law.{rule.key}", level, element, f"{zh} {en}", name, cited, path)


# -- which steps are meant ---------------------------------------------------------------------------


class Ground:
    """A definition with its ways, as the rules of a pack look at it."""

    def __init__(self, paths: Paths, pack: Pack) -> None:
        self.paths = paths
        self.pack = pack
        self.definition = paths.definition
        self._narrowed: dict[str, Paths] = {}

    @cached_property
    def drawing(self) -> Drawing:
        return Drawing(self.definition)

    @cached_property
    def waived(self) -> Mapping[str, waivers.Waiver]:
        """The rules that the place has set aside."""
        return waivers.standing(self.pack)

    @cached_property
    def main(self) -> Collection[str]:
        """The points that a case comes to by itself, and not only in a reminder beside it."""
        steps = self.paths.steps.values()
        reminders = {one.key for one in steps if one.node.kind == "boundary" and not one.node.interrupting}
        return self.paths.reach("", reminders)

    def steps(self, selector: Selector) -> list[Step]:
        return [step for step in self.paths.steps.values() if self.matches(selector, step)]

    def keys(self, selector: Selector) -> set[str]:
        return {step.key for step in self.steps(selector)} if selector else set()

    def assumed(self, assuming: Mapping[str, Any]) -> Iterator[Paths]:
        """The ways left open by each combination of the assumed values."""
        values = [value if isinstance(value, list) else [value] for value in assuming.values()]
        for chosen in product(*values):
            facts = dict(zip(assuming, chosen, strict=True))
            key = json.dumps(facts, sort_keys=True)
            if key not in self._narrowed:
                self._narrowed[key] = self.paths.assuming(facts)
            yield self._narrowed[key]

    def matches(self, selector: Selector, step: Step) -> bool:
        return all(self._meets(name, wanted, step) for name, wanted in selector.items())

    def _meets(self, name: str, wanted: Any, step: Step) -> bool:
        if name in RELATED:
            return any(self.matches(wanted, other) for other in RELATED[name](self, step))
        if name == "not":
            return not self.matches(wanted, step)
        if name == "any":
            return any(self.matches(one, step) for one in wanted)
        if name in FLAGS:
            return FLAGS[name](self, step) is wanted
        return _is_among(wanted, FIELDS[name](step))


def _is_among(wanted: Any, values: Collection[str]) -> bool:
    """`*` means anything, the empty text nothing, a list any of its items."""
    if wanted == "*":
        return any(values)
    if wanted == "":
        return not any(values)
    return bool({wanted} & set(values)) if isinstance(wanted, str) else bool(set(wanted) & set(values))


def _property(name: str) -> "Field":
    return lambda step: [step.node.properties.get(name, "")]


def _words(name: str) -> "Field":
    return lambda step: step.node.properties.get(name, "").split()


def _trigger(kind: str) -> "Field":
    return lambda step: [step.node.trigger.ref] if step.node.trigger.kind == kind else []


def _role(step: Step) -> list[str]:
    """Who does it: its own role, or else that of its lane."""
    lane = step.process.lanes.get(step.node.lane)
    return [step.node.properties.get("role") or (lane.role if lane else "")]


def _timer(step: Step) -> list[str]:
    timer = step.node.trigger.timer
    return [timer.text] if timer else []


def _loop(step: Step) -> list[str]:
    return [step.node.loop.collection] if step.node.loop else []


def _changes(step: Step) -> list[str]:
    return [name for name, _ in _assignments(step)]


def _enclosing(ground: Ground, step: Step) -> Iterator[Step]:
    while step.scope:
        step = ground.paths.steps[step.scope]
        yield step


def _host(ground: Ground, step: Step) -> Iterator[Step]:
    if step.node.host:
        yield ground.paths.steps[f"{step.scope}/{step.node.host}".lstrip("/")]


def _boundaries(ground: Ground, step: Step) -> Iterator[Step]:
    return (ground.paths.steps[f"{step.scope}/{id}".lstrip("/")] for id in step.node.boundaries)


def _ends(ground: Ground, step: Step) -> bool:
    """Whether the case is over here: not only a call, a sub-process or a reminder."""
    inside = _enclosing(ground, step)
    own = all(one.node.kind == "event_subprocess" and interrupts(one.node) for one in inside)
    return own and step.node.kind == "end" and step.key in ground.main


def _timed(ground: Ground, step: Step) -> bool:
    """Whether it falls due: a limit of the pack that is not a documented "no limit"."""
    limit = ground.pack.limits.get(step.node.properties.get("limit", ""))
    return limit is not None and not limit.none


Field = Callable[[Step], Collection[str]]

FIELDS: Mapping[str, Field] = {
    "basis": _words("basis"),
    "calls": lambda step: [step.node.called],
    "changes": _changes,
    "decision": lambda step: [step.node.decision],
    "escalation": _trigger("escalation"),
    "form": _property("form"),
    "guard": _words("guard"),
    "handler": lambda step: [step.node.handler],
    "id": lambda step: [step.node.id],
    "kind": lambda step: [step.node.kind],
    "limit": _property("limit"),
    "loop": _loop,
    "message": _trigger("message"),
    "process": lambda step: [step.process.id],
    "role": _role,
    "role_from": _property("role_from"),
    "separate_from": _words("separate_from"),
    "status": _property("status"),
    "timer": _timer,
    "unit": _property("unit"),
}
"""What a selector can go by, and the values a step has of it."""

FLAGS: Mapping[str, Callable[[Ground, Step], bool]] = {
    "ends": _ends,
    "interrupting": lambda _, step: step.node.interrupting,
    "offered": lambda ground, step: ground.pack.offers(step.node),
    "timed": _timed,
}

RELATED: Mapping[str, Callable[[Ground, Step], Iterator[Step]]] = {
    "boundary": _boundaries,
    "host": _host,
    "inside": _enclosing,
}
"""Other steps that a selector may describe: those at its edge, the one it is at the edge of, those it lies in."""


# -- the predicates ----------------------------------------------------------------------------------


def precedes(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """Every way to a step of `of` has done a step of `by`."""
    past = ground.keys(rule.by)
    for paths in ground.assumed(rule.assuming):
        came = paths.avoiding("", past)
        for step in _meant(ground, rule.of):
            if step is None:
                yield _gone(ground, rule.of)
            elif step.key in came:
                yield Breach(step, _bypassed(step, ground, rule.by), paths.way(came, step.key))


def follows(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """Every way from a step of `of` to one of `to` (to the end of the case, if none is named) does one of `by`."""
    past = ground.keys(rule.by)
    goals = [*ground.keys(rule.to)] if rule.to else [after("")]
    if not goals:
        yield _gone(ground, rule.to)
    for paths in ground.assumed(rule.assuming):
        for step in _meant(ground, rule.of):
            if step is None:
                yield _gone(ground, rule.of)
                continue
            came = paths.avoiding(after(step.key), past)
            goal = next((one for one in goals if one in came), None)
            if goal is not None:
                yield Breach(step, _skipped(step, ground, rule), [step.key, *paths.way(came, goal)])


def reachable(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """From each step of `of` there is a way to one of `by`, without coming to one of `without`."""
    for step, _, came in _from_each(rule, ground):
        if step is None:
            yield _gone(ground, rule.of)
        elif not came.keys() & ground.keys(rule.by):
            yield Breach(step, _cut_off(step, ground, rule.by))


def barred(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """From no step of `of` there is a way to one of `by`, without coming to one of `without`."""
    for step, paths, came in _from_each(rule, ground):
        if step is None:
            yield _gone(ground, rule.of)
            continue
        for goal in came:
            if goal in paths.steps and ground.matches(rule.by, paths.steps[goal]):
                yield Breach(paths.steps[goal], _open_to(step, paths.steps[goal]), paths.way(came, goal))


def never(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """There is no step of `of`."""
    for step in ground.steps(rule.of):
        yield Breach(
            step, Words(f"{_named(step)}不应当存在。请改正。", f"{_named(step)} must not be there. Correct it.")
        )


def only(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """Each step of `of` is also one of `by`."""
    for step in _meant(ground, rule.of):
        if step is None:
            yield _gone(ground, rule.of)
        elif not ground.matches(rule.by, step):
            told = _told(ground, rule.by)
            zh, en = f"{_named(step)}应当是：{told.zh}。请改正。", f"{_named(step)} must be: {told.en}. Correct it."
            yield Breach(step, Words(zh, en))


def at_any_time(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """The start events of `of` are heard as long as the case is open and interrupt nothing: each begins an event
    sub-process at the top level, and the place has switched it on."""
    for step in _meant(ground, rule.of):
        if step is None:
            yield _gone(ground, rule.of)
            continue
        around = list(_enclosing(ground, step))
        top = len(around) == 1 and around[0].node.kind == "event_subprocess"
        if not top or step.node.interrupting or not ground.pack.offers(step.node):
            yield Breach(
                step,
                Words(
                    f"{_named(step)}应当是最外层不中断的事件子流程，而且已启用。请改正。",
                    f"{_named(step)} must start a non-interrupting event sub-process at the top level, and be switched"
                    " on. Correct it.",
                ),
            )


def starts_with(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """From a step of `of` a case comes at once to one of `by`, with nobody and no time to wait for before it but
    steps of `without`."""
    goals, through = ground.keys(rule.by), ground.keys(rule.without)
    for paths in ground.assumed(rule.assuming):
        for step in _meant(ground, rule.of):
            held = paths.held_up(after(step.key), goals, through) if step else None
            if step is None:
                yield _gone(ground, rule.of)
            elif held is not None:
                yield Breach(step, _held(step, ground, held, rule.by), held)


def one_by_one(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """`variable` goes up and down by one only (or is set to one of `constants`), no form asks for it, and a step of
    `by` comes between two steps up."""
    by, steps = ground.keys(rule.by), ground.steps({"changes": rule.variable})
    rising = [step for step in steps if _moves(step, rule.variable) == {1}]
    if not rising:
        yield _gone(ground, {"changes": rule.variable})
    for step in steps:
        if not _moves(step, rule.variable) <= {1, -1, *(f"={one}" for one in rule.constants)}:
            yield Breach(step, _skips(step, rule.variable))
    for step in ground.paths.steps.values():
        form = ground.pack.forms.get(step.node.properties.get("form", ""), {})
        if rule.variable in form.get("properties", {}):
            yield Breach(step, _skips(step, rule.variable))
    for step in rising:
        came = ground.paths.avoiding(after(step.key), by)
        again = next((one for one in rising if one.key in came), None)
        if again is not None:
            yield Breach(again, _skips(again, rule.variable), [step.key, *ground.paths.way(came, again.key)])


def form_has(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """The forms of the steps of `of` require the fields `required`, and offer the choices `offers`."""
    for step in _meant(ground, rule.of):
        if step is None:
            yield _gone(ground, rule.of)
            continue
        form = ground.pack.forms.get(step.node.properties.get("form", ""), {})
        missing = [name for name in rule.required if name not in form.get("required", ())]
        for name, choices in rule.offers.items():
            offered = form.get("properties", {}).get(name, {}).get("enum", ())
            missing += [f"{name}={choice}" for choice in choices if choice not in offered]
        if missing:
            told = "、".join(missing)
            zh, en = f"{_named(step)}的表单缺少{told}。请补上。", f"The form of {_named(step)} lacks {told}. Add it."
            yield Breach(step, Words(zh, en))


def sets(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """The pack's `setting` (a path with dots) has this `value`, or contains it."""
    found: Any = ground.pack.settings
    for name in rule.setting.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if found != rule.value and not (isinstance(found, list) and rule.value in found):
        wanted = json.dumps(rule.value, ensure_ascii=False)
        zh = f"设置“{rule.setting}”应当是或者包含{wanted}。请在流程包中改正。"
        yield Breach(None, Words(zh, f"The setting “{rule.setting}” must be or contain {wanted}. Correct the pack."))


def parallel(rule: Rule, ground: Ground) -> Iterator[Breach]:
    """Each step of `of` stands beside one of `by` in another branch: neither waits for the other."""
    others = ground.keys(rule.by)
    for step in _meant(ground, rule.of):
        if step is None:
            yield _gone(ground, rule.of)
        elif not any(ground.paths.beside(step.key, other) for other in others):
            told = _listed(ground, rule.by)
            zh = f"{_named(step)}应当与{told.zh}同时进行，不能一个等一个。请改成并行分支。"
            en = f"{_named(step)} must go on beside {told.en}, neither waiting for the other. Draw parallel branches."
            yield Breach(step, Words(zh, en))


Predicate = Callable[[Rule, Ground], Iterator[Breach]]

PREDICATES: Mapping[str, Predicate] = {
    one.__name__: one
    for one in (
        precedes,
        follows,
        reachable,
        barred,
        never,
        only,
        at_any_time,
        starts_with,
        one_by_one,
        form_has,
        sets,
        parallel,
    )
}


def _meant(ground: Ground, selector: Selector) -> Sequence[Step | None]:
    """The steps a rule speaks of; None for "there is none", which breaks it."""
    return ground.steps(selector) or [None]


def _from_each(rule: Rule, ground: Ground) -> Iterator[tuple[Step | None, Paths, dict[str, str]]]:
    without = ground.keys(rule.without)
    for paths in ground.assumed(rule.assuming):
        for step in _meant(ground, rule.of):
            yield step, paths, paths.reach(after(step.key), without) if step else {}


def _assignments(step: Step) -> Sequence[tuple[str, Expression]]:
    """What a script writes; nothing where it cannot be read, which is a finding of the reading."""
    try:
        return compile_script(step.node.script).assignments if step.node.script else ()
    except ExpressionError:
        return ()


def _moves(step: Step, variable: str) -> set[int | str]:
    """How a script changes a number: 1, -1, `=0` for a constant, `?` for everything else."""
    return {_move(expression.tree, variable) for name, expression in _assignments(step) if name == variable}


def _move(tree: ast.expr, variable: str) -> int | str:
    match tree:
        case ast.Constant(value=int(value)):
            return f"={value}"
        case ast.BinOp(left=ast.Name(id=name), op=ast.Add(), right=ast.Constant(value=1)) if name == variable:
            return 1
        case ast.BinOp(left=ast.Name(id=name), op=ast.Sub(), right=ast.Constant(value=1)) if name == variable:
            return -1
    return "?"


# -- the words ---------------------------------------------------------------------------------------


def _named(step: Step) -> str:
    return f"“{step.node.name or step.node.id}”"


PROPERTIES: Mapping[str, Words] = {
    "any": Words("其一", "one of"),
    "calls": Words("调用流程", "calls"),
    "changes": Words("改变变量", "changes"),
    "ends": Words("结束方式", "way of ending"),
    "escalation": Words("上报事件", "escalation"),
    "form": Words("表单", "form"),
    "guard": Words("提交前核对", "guard"),
    "handler": Words("处理器", "handler"),
    "interrupting": Words("中断", "interrupting"),
    "kind": Words("类型", "kind"),
    "limit": Words("时限", "limit"),
    "loop": Words("逐个办理的名单", "list it repeats over"),
    "message": Words("消息", "message"),
    "offered": Words("由本地启用", "switched on here"),
    "process": Words("流程", "process"),
    "role": Words("岗位", "role"),
    "role_from": Words("岗位取自", "role from"),
    "separate_from": Words("不得与其同一人", "separate from"),
    "status": Words("事项状态", "status"),
    "timed": Words("有到期时间", "with a due time"),
    "timer": Words("计时器", "timer"),
    "unit": Words("承办单位", "unit"),
}
"""What a rule may ask of a step, as people call it."""


def _told(ground: Ground, selector: Selector) -> Words:
    """A selector as people read it: `表单“作出决定”（decide），岗位“政府决定人”（government_decider）`."""
    parts = [_part(ground.pack, name, value) for name, value in sorted(selector.items())]
    return Words("，".join(zh for zh, _ in parts), ", ".join(en for _, en in parts))


def _part(pack: Pack, name: str, value: Any) -> tuple[str, str]:
    zh, en = PROPERTIES.get(name, Words(name, name))
    if value is True or value == "*":
        return f"有{zh}" if value == "*" else zh, f"{en} given" if value == "*" else en
    if value is False:
        return f"不{zh}", f"not {en}"
    values = value if isinstance(value, list) else [value]
    labels = [_label(pack, name, one) for one in values]
    return zh + "或者".join(zh for zh, _ in labels), f"{en} " + " or ".join(en for _, en in labels)


def _label(pack: Pack, name: str, value: Any) -> tuple[str, str]:
    """A key with the label that the pack has for it."""
    if isinstance(value, dict):
        zh, en = zip(*(_part(pack, *item) for item in sorted(value.items())), strict=True)
        return f"（{'，'.join(zh)}）", f"({', '.join(en)})"
    key = str(value)
    if name == "form" and key in pack.forms:
        return f"“{pack.forms[key].get('title', key)}”（{key}）", f"“{key}”"
    label = pack.roles[key].label if name == "role" and key in pack.roles else None
    label = pack.statuses.get(key) if name == "status" else label
    return (f"“{label.zh}”（{key}）", f"“{label.en}” ({key})") if label else (f"“{key}”", f"“{key}”")


def _listed(ground: Ground, selector: Selector) -> Words:
    """The steps meant, by name; by what is looked for where there are none."""
    names = list(dict.fromkeys(_named(step) for step in ground.steps(selector)))[:3]
    told = _told(ground, selector)
    return Words("、".join(names), ", ".join(names)) if names else Words(f"（{told.zh}）", f"({told.en})")


def _gone(ground: Ground, selector: Selector) -> Breach:
    told = _told(ground, selector)
    return Breach(
        None,
        Words(
            f"图中没有规则所说的环节（{told.zh}）。请补上，或改正其表单、岗位、单位等属性。",
            f"The diagram has no step of this kind ({told.en}). Add it, or correct its form, role, unit and the like.",
        ),
    )


def _bypassed(step: Step, ground: Ground, by: Selector) -> Words:
    told = _listed(ground, by)
    return Words(
        f"不经过{told.zh}也能到达{_named(step)}。请让每条路径先经过它。",
        f"There is a way to {_named(step)} that does not pass {told.en}. Lead every way through it.",
    )


def _skipped(step: Step, ground: Ground, rule: Rule) -> Words:
    told = _listed(ground, rule.by)
    goal = _listed(ground, rule.to) if rule.to else Words("结束", "the end")
    return Words(
        f"{_named(step)}之后，不经过{told.zh}也能到{goal.zh}。请让每条路径先经过它。",
        f"After {_named(step)} there is a way to {goal.en} that does not pass {told.en}. Lead every way through it.",
    )


def _cut_off(step: Step, ground: Ground, by: Selector) -> Words:
    told = _listed(ground, by)
    return Words(
        f"从{_named(step)}没有路径可到{told.zh}。请补画。", f"No way leads from {_named(step)} to {told.en}. Draw one."
    )


def _open_to(step: Step, goal: Step) -> Words:
    return Words(
        f"在这种情况下，从{_named(step)}仍能到达{_named(goal)}。请用条件拦住。",
        f"In this case a way still leads from {_named(step)} to {_named(goal)}. Close it by a condition.",
    )


def _held(step: Step, ground: Ground, held: Iterable[str], by: Selector) -> Words:
    told, last = _listed(ground, by), [*held][-1:]
    by_what = _named(ground.paths.steps[last[0]]) if last else _named(step)
    return Words(
        f"从{_named(step)}不能立即到{told.zh}：停在{by_what}。请去掉中间的等待。",
        f"{_named(step)} does not lead to {told.en} at once: it stops at {by_what}. Remove what is waited for.",
    )


def _skips(step: Step, variable: str) -> Words:
    return Words(
        f"{_named(step)}可能使“{variable}”一次跨过不止一级。请逐级改动，每级都有人答复。",
        f"{_named(step)} can move “{variable}” by more than one level at a time. Move it one by one, with an answer at"
        " each.",
    )
