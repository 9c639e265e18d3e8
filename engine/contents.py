"""What a pack says, laid out flat: things (a step, a flow, a limit, a field of a form, a row of a table, …), each with
what it says of itself, in values to compare and in words to read. Two packs laid out like this differ exactly where
these differ, whatever their files look like; `comparison.py` says where.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from engine import xml
from engine.decisions import Rule, Table
from engine.definition import Flow, Lane, Node, Process, Variable
from engine.errors import Words
from engine.library import Pack, Role
from engine.limits import BASES, UNITS, Limit
from engine.model import plain
from engine.publishing import Folder
from engine.renames import NONE, Ids, Renames, flows, nodes, processes
from engine.xml import Element

What = Literal[
    "element",
    "flow",
    "condition",
    "timer",
    "limit",
    "role",
    "form",
    "table",
    "rule",
    "status",
    "item",
    "article",
    "variable",
    "way_in",
    "registry",
    "setting",
    "text",
]
"""What a difference is about. `text` governs nothing: names, labels, notes."""

ORDER = "order"
"""The one attribute whose value is the order of things that may be new or gone themselves."""


class Place(NamedTuple):
    """Where something stands: what it is, in which process (empty: in the pack), under which id, and which part of it
    (the field of a form, the row of a table; a field inside a field is a part of a part)."""

    what: What
    process: str
    element: str
    parts: tuple[str, ...] = ()


class Said(NamedTuple):
    """A value with its words. `key` is what the words leave out where it is not in question; `called` names the
    attribute where it has a name of its own in the pack (a column of a table)."""

    value: Any
    words: Words
    key: str = ""
    called: Words | None = None


class Thing(NamedTuple):
    """One thing of a pack. `name` is what people call it, `subject` says in a sentence which thing it is, `title` also
    of what kind. `says` has no entry for what is not said."""

    name: str
    subject: Words
    title: Words
    says: dict[tuple[What, str], Said]


Things = dict[Place, Thing]


def contents(folder: Folder, renames: Renames = NONE) -> Things:
    """Everything a pack says. Where `renames` know another id for something, it stands under that."""
    pack = folder.pack
    notes = _notes(folder)
    found: Things = {}
    for id, process in processes(folder).items():
        found |= _Drawn(process, pack, notes.get(id, {}), renames.elements.get(id, {})).things()
    for table in pack.decisions.values():
        found |= _table(table, renames.rows.get(table.key, {}))
    for key, form in pack.forms.items():
        found |= _form(key, form)
    users = _users(folder)
    found |= {_place("limit", key): _limit(limit, users.get(key, ())) for key, limit in pack.limits.items()}
    found |= {_place("role", key): _role(role) for key, role in pack.roles.items()}
    found |= {_place("status", key): _status(key, label) for key, label in pack.statuses.items()}
    found |= _listed("rule", Words("规则", "rule"), {rule["key"]: rule for rule in pack.settings.get("rules", [])})
    found |= _listed("item", Words("清单事项", "list item"), pack.items)
    found |= _listed("item", Words("部门", "department"), pack.departments, "department:")
    found |= _listed("article", Words("条款", "article"), pack.articles)
    found |= _listed("way_in", Words("事项来源", "way in"), pack.ways_in)
    found |= _listed("way_in", Words("程序", "procedure"), pack.procedures, "procedure:")
    found |= _listed("registry", Words("登记簿", "register"), pack.registries)
    found |= _settings(pack)
    return found


def _place(what: What, element: str, *parts: str) -> Place:
    return Place(what, "", element, parts)


# -- diagrams ----------------------------------------------------------------------------------------

KINDS: Mapping[str, Words] = {
    "start": Words("开始事件", "start event"),
    "end": Words("结束事件", "end event"),
    "throw": Words("抛出事件", "throwing event"),
    "catch": Words("等待事件", "catching event"),
    "boundary": Words("边界事件", "boundary event"),
    "task": Words("环节", "task"),
    "user": Words("办理环节", "user step"),
    "manual": Words("线下环节", "manual step"),
    "service": Words("自动环节", "automatic step"),
    "script": Words("赋值环节", "script"),
    "rule": Words("决策环节", "decision step"),
    "send": Words("发送环节", "sending step"),
    "receive": Words("接收环节", "receiving step"),
    "exclusive": Words("排他网关", "exclusive gateway"),
    "parallel": Words("并行网关", "parallel gateway"),
    "inclusive": Words("包容网关", "inclusive gateway"),
    "event_gateway": Words("事件网关", "event gateway"),
    "subprocess": Words("子流程", "sub-process"),
    "event_subprocess": Words("事件子流程", "event sub-process"),
    "call": Words("调用环节", "call"),
}
OWN: Mapping[str, What] = {"role": "role", "form": "form", "limit": "limit", "status": "status", "basis": "article"}
"""Words of a step that speak of something the pack has elsewhere; the others are the step's own."""


class _Drawn:
    """One process on its way to things. `ids` are the ids it is to be laid out under, `notes` the documentation of its
    elements."""

    def __init__(self, process: Process, pack: Pack, notes: Mapping[str, str], ids: Ids) -> None:
        self.process, self.pack, self.notes, self.ids = process, pack, notes, ids
        self.nodes = nodes(process)
        self.flows = flows(process)

    def things(self) -> Things:
        found = {self.place("element", self.process.id): self.itself()}
        found |= {self.place("role", id): self.lane(lane) for id, lane in self.process.lanes.items()}
        for name, variable in self.process.variables.items():
            found[self.place("variable", name)] = _variable(variable)
        for id, (level, node) in self.nodes.items():
            found[self.place("element", id)] = self.node(node, level)
        for id, flow in self.flows.items():
            found[self.place("flow", id)] = self.flow(flow)
        return found

    def place(self, what: What, id: str) -> Place:
        return Place(what, self.process.id, self.id(id))

    def id(self, id: str) -> str:
        return self.ids.get(id, id)

    def itself(self) -> Thing:
        says: Says = {
            ("text", "name"): _text(self.process.name),
            ("text", "documentation"): _text(self.process.documentation),
        }
        return _thing(self.process.name or self.process.id, Words("流程", "process"), _saying(says))

    def lane(self, lane: Lane) -> Thing:
        says: Says = {("text", "name"): _text(lane.name), ("role", "role"): self.role(lane.role)}
        return _thing(lane.name or lane.id, Words("泳道", "lane"), _saying(says))

    def node(self, node: Node, level: str) -> Thing:
        kind = KINDS[node.kind]
        says: Says = {
            ("element", "kind"): Said(node.kind, kind),
            ("text", "name"): _text(node.name),
            ("text", "documentation"): _text(self.notes.get(node.id, "")),
            ("role", "lane"): self.in_lane(node.lane),
            ("element", "inside"): self.inside(level),
            ("element", "host"): self.at(node.host),
            ("element", "interrupting"): _interrupting(node, level, self.nodes),
            ("flow", "default"): self.by(node.default),
            ("flow", ORDER): self.in_order(node),
            ("element", "called"): _text(node.called),
            ("element", "script"): _text(node.script),
            ("table", "decision"): _text(node.decision),
            ("element", "handler"): _text(node.handler),
        }
        says |= self.trigger(node) | _loop(node) | self.properties(node)
        says |= {("element", f"parameter {name}"): _text(value) for name, value in node.parameters.items()}
        title = Words(f"{kind.zh}“{node.name or node.id}”", f"{kind.en} “{node.name or node.id}”")
        subject = Words(f"“{node.name}”", f"“{node.name}”") if node.name else title
        return Thing(node.name or node.id, subject, title, _saying(says))

    def flow(self, flow: Flow) -> Thing:
        says: Says = {
            ("flow", "source"): self.at(flow.source),
            ("flow", "target"): self.at(flow.target),
            ("condition", "condition"): _text(flow.condition),
            ("text", "name"): _text(flow.name),
        }
        return _thing(self.way(flow), Words("流向", "flow"), _saying(says))

    def way(self, flow: Flow) -> str:
        name = f"（{flow.name}）" if flow.name else ""
        return f"{self.called(flow.source)}→{self.called(flow.target)}{name}"

    def called(self, id: str) -> str:
        return self.nodes[id][1].name or id

    def at(self, id: str) -> Said | None:
        return Said(self.id(id), _both(f"“{self.called(id)}”")) if id else None

    def by(self, flow: str) -> Said | None:
        return Said(self.id(flow), _both(f"“{self.called(self.flows[flow].target)}”")) if flow else None

    def in_order(self, node: Node) -> Said | None:
        """The first of several conditions that holds decides, so their order counts."""
        if node.kind != "exclusive" or len(node.outgoing) < 2:
            return None
        targets = "、".join(self.called(self.flows[flow].target) for flow in node.outgoing)
        return Said([self.id(flow) for flow in node.outgoing], _both(targets))

    def in_lane(self, id: str) -> Said | None:
        lane = self.process.lanes.get(id)
        return Said(self.id(id), _both(f"“{lane.name or id}”")) if lane else None

    def inside(self, level: str) -> Said | None:
        """In which sub-process something stands."""
        around = level.split("/")[1:]
        return Said(self.id(around[-1]), _both(f"“{self.called(around[-1])}”")) if around else None

    def properties(self, node: Node) -> "Says":
        read = {"role": self.role, "form": self.form, "limit": self.limit, "status": self.status}
        return {
            (OWN.get(name, "element"), name): read.get(name, _text)(value) for name, value in node.properties.items()
        }

    def trigger(self, node: Node) -> "Says":
        trigger = node.trigger
        if trigger.kind == "none":
            return {}
        if trigger.timer is not None:
            timed = trigger.timer.kind == "limit"
            return {("timer", "timer"): self.limit(trigger.timer.text) if timed else _time(trigger.timer.text)}
        what: What = "condition" if trigger.kind == "conditional" else "element"
        named = Said(trigger.ref, _both(f"“{trigger.ref}”" if trigger.ref else "*"))
        return {(what, trigger.kind): named, ("element", "correlation"): _text(trigger.key)}

    def role(self, key: str) -> Said | None:
        role = self.pack.roles.get(key)
        return Said(key, _bilingual(role.label).words if role else _both(key)) if key else None

    def form(self, key: str) -> Said:
        title = self.pack.forms.get(key, {}).get("title", key)
        return Said(key, _both(f"“{title}”"), key)

    def status(self, key: str) -> Said:
        label = self.pack.statuses.get(key)
        return Said(key, _bilingual(label).words if label else _both(key))

    def limit(self, key: str) -> Said:
        limit = self.pack.limits.get(key)
        amount = _amount(limit) if limit else Said(None, Words("未定义", "undefined"))
        return Said({"limit": key, **(amount.value or {})}, amount.words, key)


Says = dict[tuple[What, str], Said | None]


def _variable(variable: Variable) -> Thing:
    says: Says = {("text", "label"): _text(variable.label), ("variable", "type"): _text(variable.type)}
    return _thing(variable.label or variable.name, Words("变量", "variable"), _saying(says))


def _loop(node: Node) -> Says:
    told = plain(node.loop) if node.loop else {}
    return {("element", f"loop {name}"): _json(value) for name, value in told.items()}


def _interrupting(node: Node, level: str, around: Mapping[str, tuple[str, Node]]) -> Said | None:
    """Only boundary events and the start of an event sub-process interrupt something or not."""
    inside = around.get(level.rpartition("/")[2])
    listens = node.kind == "start" and inside is not None and inside[1].kind == "event_subprocess"
    if node.kind != "boundary" and not listens:
        return None
    return Said(
        node.interrupting, Words("中断", "interrupts") if node.interrupting else Words("不中断", "does not interrupt")
    )


def _notes(folder: Folder) -> dict[str, dict[str, str]]:
    """The documentation of elements, by process: it is drawn, but no part of a definition."""
    found: dict[str, dict[str, str]] = {}
    for drawn in folder.drawn.values():
        for process in _inside(xml.parse(drawn.xml), "process"):
            texts: dict[str, str] = {}
            for one in _inside(process, "documentation"):
                owner = one.getparent()
                if owner is not None and owner is not process and one.text:
                    texts[owner.get("id") or ""] = one.text.strip()
            found.setdefault(process.get("id") or "", texts)
    return found


def _inside(element: Element, name: str) -> Iterator[Element]:
    return element.iter(f"{{*}}{name}")


# -- times, limits and roles --------------------------------------------------------------------------------


_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_PERIODS = (
    Words("年", "years"),
    Words("个月", "months"),
    Words("周", "weeks"),
    Words("天", "days"),
    Words("小时", "hours"),
    Words("分钟", "minutes"),
    Words("秒", "seconds"),
)


def _time(text: str) -> Said:
    """When a timer falls due: a duration in words, repetitions and dates as they stand."""
    found = _DURATION.fullmatch(text)
    counted = (
        [(number, period) for number, period in zip(found.groups(), _PERIODS, strict=True) if number] if found else []
    )
    if not counted:
        return Said(text, _both(text))
    zh, en = zip(*((f"{number}{period.zh}", f"{number} {period.en}") for number, period in counted), strict=True)
    return Said(text, Words("".join(zh), " ".join(en)))


def _limit(limit: Limit, users: Sequence[str]) -> Thing:
    basis = limit.basis
    says: Says = {
        ("limit", "amount"): _amount(limit),
        ("limit", "basis"): Said(basis.kind, BASES[basis.kind]),
        ("article", "article"): _text(basis.article),
        ("limit", "document"): _text(basis.document),
        ("limit", "set_by"): _text(basis.set_by),
        ("limit", "effective_from"): _json(plain(basis.effective_from)),
        ("limit", "warning_percent"): _json(limit.warning_percent),
        ("limit", "supervise_percent"): _json(limit.supervise_percent),
        ("limit", "extension_max"): _json(limit.extension_max),
    }
    used = f"（{'、'.join(users[:3])}{'等' if len(users) > 3 else ''}）" if users else ""
    title = Words(f"时限“{limit.key}”{used}", f"limit “{limit.key}”")
    return Thing(limit.key, title, title, _saying(says))


def _amount(limit: Limit) -> Said:
    if limit.unit is None or limit.amount is None:
        return Said({"none": True}, Words("不设时限", "no limit"))
    unit = UNITS[limit.unit]
    counted = "" if limit.unit == "natural_minute" else "个"
    words = Words(f"{limit.amount}{counted}{unit.zh}", f"{limit.amount} {unit.en}")
    return Said({"amount": limit.amount, "unit": limit.unit}, words)


def _users(folder: Folder) -> dict[str, tuple[str, ...]]:
    """The names of the steps that each limit holds for."""
    found: dict[str, dict[str, None]] = {}
    for process in processes(folder).values():
        for _, node in nodes(process).values():
            timer = node.trigger.timer
            key = timer.text if timer and timer.kind == "limit" else node.properties.get("limit", "")
            found.setdefault(key, {})[node.name or node.id] = None
    return {key: tuple(names) for key, names in found.items()}


def _role(role: Role) -> Thing:
    says: Says = {
        ("text", "label"): _bilingual(role.label),
        ("role", "unit_kinds"): _json(list(role.unit_kinds)),
        ("role", "permissions"): _json(sorted(role.permissions)),
        ("role", "group"): _text(role.group),
    }
    return _thing(role.label.zh, Words("角色", "role"), _saying(says), role.label.en)


def _status(key: str, label: Words) -> Thing:
    says: Says = {("text", "label"): _bilingual(label)}
    return _thing(label.zh or key, Words("状态", "status"), _saying(says), label.en)


# -- forms -------------------------------------------------------------------------------------------

INNER = ("properties", "required", "items", "enum", "x-labels")
"""What is told of a field otherwise than as it stands."""
LABELS: Mapping[str, str] = {"title": "title", "x-en": "english"}


def _form(key: str, form: Mapping[str, Any]) -> Things:
    """A form and each of its fields, fields inside fields too."""
    name, english = str(form.get("title", key)), str(form.get("x-en", key))
    title = Words(f"表单“{name}”", f"form “{english}”")
    found = {_place("form", key): Thing(name, title, title, _saying(_schema(form)))}
    for parts, field, needed in _fields(form, ()):
        label, other = str(field.get("title", parts[-1])), str(field.get("x-en", parts[-1]))
        subject = Words(f"表单“{name}”的字段“{label}”", f"field “{other}” of the form “{english}”")
        says = _schema(field) | {("form", "required"): Said(True, Words("必填", "required")) if needed else None}
        found[_place("form", key, *parts)] = Thing(label, subject, subject, _saying(says))
    return found


def _fields(schema: Mapping[str, Any], parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Each field with its path, and whether it has to be answered."""
    fields = schema.get("properties", {})
    for name, field in fields.items() if isinstance(fields, dict) else ():
        if isinstance(field, dict):
            needed = schema.get("required")
            yield (*parts, name), field, isinstance(needed, list) and name in needed
            yield from _fields(field, (*parts, name))
            if isinstance(field.get("items"), dict):
                yield from _fields(field["items"], (*parts, name))


def _schema(schema: Mapping[str, Any]) -> Says:
    """What a form or field says beside its fields: each word of JSON Schema by its path."""
    says: Says = {("form", "choices"): _choices(schema)}
    bare = {name: value for name, value in schema.items() if name not in INNER}
    items = schema.get("items")
    if isinstance(items, dict):
        bare["items"] = {name: value for name, value in items.items() if name not in INNER}
        says["form", "items.choices"] = _choices(items)
    for path, value in _leaves(bare):
        says["text" if path in LABELS else "form", LABELS.get(path, path)] = _json(value)
    return says


def _choices(schema: Mapping[str, Any]) -> Said | None:
    """What may be chosen, with the labels."""
    labels = schema.get("x-labels", {})
    if not isinstance(schema.get("enum"), list) or not isinstance(labels, dict):
        return _json(schema.get("enum") or labels or None)
    words = [labels.get(str(choice), {}) for choice in schema["enum"]]
    told = [_both_of(word, choice) for word, choice in zip(words, schema["enum"], strict=True)]
    value = [[choice, *word] for choice, word in zip(schema["enum"], told, strict=True)]
    return Said(value, Words("、".join(word.zh for word in told), ", ".join(word.en for word in told)))


def _both_of(word: object, otherwise: object) -> Words:
    told = word if isinstance(word, dict) else {}
    return Words(str(told.get("zh", otherwise)), str(told.get("en", otherwise)))


# -- decision tables ---------------------------------------------------------------------------------


def _table(table: Table, ids: Ids) -> Things:
    """A table, its columns, and each row by its cells."""
    name = table.name or table.key
    title = Words(f"决策表“{name}”", f"decision table “{name}”")
    says: Says = {
        ("text", "name"): _text(table.name),
        ("table", "hit_policy"): _text(table.hit_policy),
        ("table", "aggregation"): _text(table.aggregation),
        ("table", ORDER): _json([ids.get(rule.id, rule.id) for rule in table.rules]),
    }
    found = {_place("table", table.key): Thing(name, title, title, _saying(says))}
    columns = _columns(table)
    for part, label, told in columns:
        subject = Words(f"{title.zh}的列“{label}”", f"column “{label}” of the {title.en}")
        found[_place("table", table.key, part)] = Thing(label, subject, subject, _saying(told))
    for number, rule in enumerate(table.rules, 1):
        row = _place("table", table.key, f"row {ids.get(rule.id, rule.id)}")
        found[row] = _row(title, number, rule, [label for _, label, _ in columns], [part for part, _, _ in columns])
    return found


def _columns(table: Table) -> list[tuple[str, str, Says]]:
    """Each column: its part, its label, what it says. A column is known by what it asks or answers."""
    asked = _numbered(f"input {column.expression}" for column in table.inputs)
    inputs: list[tuple[str, str, Says]] = [
        (
            part,
            column.label or column.expression,
            {
                ("text", "label"): _text(column.label),
                ("table", "type"): _text(column.type),
                ("table", "allowed"): _test(column.allowed.text),
            },
        )
        for part, column in zip(asked, table.inputs, strict=True)
    ]
    answered = _numbered(f"output {column.name}" for column in table.outputs)
    outputs: list[tuple[str, str, Says]] = [
        (
            part,
            column.label or column.name,
            {
                ("text", "label"): _text(column.label),
                ("table", "type"): _text(column.type),
                ("table", "allowed"): _test(column.allowed.text),
                ("table", "default"): _json(column.default),
            },
        )
        for part, column in zip(answered, table.outputs, strict=True)
    ]
    return inputs + outputs


def _row(title: Words, number: int, rule: Rule, labels: Sequence[str], parts: Sequence[str]) -> Thing:
    said = [*(_test(test.text) for test in rule.tests), *map(_json, rule.outputs)]
    cells = [cell and cell._replace(called=_both(f"“{label}”")) for cell, label in zip(said, labels, strict=True)]
    says: Says = {("table", part): cell for part, cell in zip(parts, cells, strict=True)}
    says |= {("text", "description"): _text(rule.description), ("text", "annotations"): _json(list(rule.annotations))}
    told = "，".join(f"{label}={cell.words.zh}" for label, cell in zip(labels, cells, strict=True) if cell)
    subject = Words(f"{title.zh}第{number}行", f"row {number} of the {title.en}")
    return Thing(f"{number}", subject, Words(f"{subject.zh}（{told}）", f"{subject.en} ({told})"), _saying(says))


def _test(text: str) -> Said | None:
    """A cell that lets everything pass says nothing."""
    return _text("" if text == "-" else text)


def _numbered(names: Iterable[str]) -> list[str]:
    """Names that occur again get a number."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return found


# -- lists and settings ------------------------------------------------------------------------------


def _listed(what: What, noun: Words, entries: Mapping[str, Mapping[str, Any]], prefix: str = "") -> Things:
    """Entries that say everything in their JSON, each leaf by its path."""
    found: Things = {}
    for key, entry in entries.items():
        label = _label(entry, key)
        says = {(what, path): _json(value) for path, value in _leaves(entry)}
        found[_place(what, f"{prefix}{key}")] = _thing(label.zh, noun, _saying(says), label.en)
    return found


def _label(entry: Mapping[str, Any], key: str) -> Words:
    if "summary" in entry:
        says = _both_of(entry["summary"], "")
        return Words(f"{key} {says.zh}", f"{key} {says.en}")
    return _both_of(entry.get("label") or entry.get("title") or entry, key)


def _settings(pack: Pack) -> Things:
    """What the manifest says of the pack itself, and each setting."""
    says: Says = {
        ("text", "title"): _bilingual(pack.title),
        ("setting", "area"): _text(pack.area),
        ("setting", "force"): _text(pack.force),
        ("setting", "in_force_from"): _json(plain(pack.in_force_from)),
        ("setting", "in_force_to"): _json(plain(pack.in_force_to)),
    }
    whole = Words("流程包", "pack")
    found = {_place("setting", ""): Thing(pack.title.zh, whole, whole, _saying(says))}
    for key, value in pack.settings.items():
        if key != "rules":
            told: Says = {("setting", path or "value"): _json(leaf) for path, leaf in _leaves(value)}
            found[_place("setting", key)] = _thing(key, Words("设置", "setting"), _saying(told))
    return found


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What JSON says, by path. A list of things with keys is told by key, another list whole."""
    if isinstance(value, list) and value and (name := _identity(value)):
        value = {str(one[name]): one for one in value}
    if not isinstance(value, dict):
        yield path, value
        return
    for key, inner in value.items():
        yield from _leaves(inner, f"{path}.{key}" if path else str(key))


def _identity(things: Sequence[Any]) -> str:
    """By which field the things of a list are told apart; empty: they cannot be."""
    for name in ("key", "rule", "event"):
        named = [one.get(name) for one in things if isinstance(one, dict)]
        if len(named) == len(things) == len({str(one) for one in named if one is not None}):
            return name
    return ""


# -- words -------------------------------------------------------------------------------------------


def _thing(name: str, noun: Words, says: dict[tuple[What, str], Said], english: str = "") -> Thing:
    title = Words(f"{noun.zh}“{name}”", f"{noun.en} “{english or name}”")
    return Thing(name, title, title, says)


def _saying(says: Says) -> dict[tuple[What, str], Said]:
    return {attribute: said for attribute, said in says.items() if said is not None}


def _text(text: str) -> Said | None:
    """A text that says something; in a draft it may be anything else."""
    return Said(text, _both(str(text))) if text else None


def _bilingual(label: Words) -> Said:
    """A label of the pack, which may hold anything while it is being written."""
    return Said(list(label), Words(str(label.zh), str(label.en)))


def _both(text: str) -> Words:
    return Words(text, text)


def _json(value: Any) -> Said | None:
    """Any JSON; null and an empty list say nothing."""
    if value is None or value == []:
        return None
    if isinstance(value, bool):
        return Said(value, Words("是", "yes") if value else Words("否", "no"))
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return Said(value, Words("、".join(map(str, value)), ", ".join(map(str, value))))
    if isinstance(value, str | int | float):
        return Said(value, _both(str(value)))
    return Said(value, _both(json.dumps(value, ensure_ascii=False)))
