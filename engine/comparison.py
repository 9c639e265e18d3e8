"""What differs between two versions of a pack, in words an administrator reads: what is new, gone, changed or moved,
element by element and field by field. How a diagram is laid out is no difference; it is counted apart.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any, Literal, get_args

from engine import xml
from engine.contents import ORDER, Place, Said, Thing, Things, What, contents
from engine.errors import Words
from engine.model import Value, plain
from engine.publishing import Folder
from engine.renames import Renames, processes, renames

Kind = Literal["added", "removed", "changed", "moved", "renamed"]


class Change(Value, frozen=True):
    """One difference. `process` is empty for what belongs to the whole pack; `element` is the id of the node, flow,
    lane, limit, form, table, … (of the newer version where it was renamed), `name` what people call it. `field` says
    which part (`opinion.maxLength` of a form) with the values `before` and `after`, both null where a whole thing is
    new or gone. `zh` and `en` say it in a sentence."""

    kind: Kind
    what: What
    process: str
    element: str
    name: str
    field: str
    before: Any
    after: Any
    zh: str
    en: str


MOVES = {"lane", "inside", "host", ORDER}
"""Attributes that say where something stands."""


def compare(old: Folder, new: Folder) -> list[Change]:
    """Everything in which two packs differ, the processes first, each thing after the other. Nothing for two packs that
    say the same, whatever their keys; comparing them the other way round gives the mirror image."""
    same = renames(old, new)
    before, after = contents(old, same), contents(new)
    found = [*_renamed(same, after), *_differences(before, after)]
    named = {change.before["limit"] for _, change in found if _is_amount_of_step(change)}
    kept = [(place, one) for place, one in found if not (_is_amount(one) and one.element in named)]
    return [change for _, change in sorted(kept, key=_order(old, new, before, after))]


def redrawn(old: Folder, new: Folder) -> dict[str, list[str]]:
    """The elements that are only laid out otherwise, by diagram: moved, another size, a line led another way, another
    colour. What one of the diagrams does not have is not among them."""
    found = {}
    for name in old.drawn.keys() & new.drawn.keys():
        one, two = _layout(old.drawn[name].xml), _layout(new.drawn[name].xml)
        moved = [id for id in two if id in one and one[id] != two[id]]
        if moved:
            found[name] = moved
    return dict(sorted(found.items()))


def told(old: Folder, new: Folder) -> dict[str, Any]:
    """The comparison as plain data: `changes`, how many elements are only laid out otherwise, and for each process
    that has a diagram on either side the file it is drawn in (`old`, `new`), how many changes are in it, and which
    elements are `redrawn`."""
    changes, moved = compare(old, new), redrawn(old, new)
    counted = Counter(change.process for change in changes)
    roots = {one.definition.root: name for side in (new, old) for name, one in side.drawn.items()}
    return {
        "changes": [plain(change) for change in changes],
        "layout_only": sum(map(len, moved.values())),
        "diagrams": [
            {
                "process": process,
                "name": _title(process, new, old),
                "old": old.drawn[name].file if name in old.drawn else None,
                "new": new.drawn[name].file if name in new.drawn else None,
                "changes": counted[process],
                "redrawn": moved.get(name, []),
            }
            for process, name in roots.items()
        ],
    }


def _title(process: str, *sides: Folder) -> str:
    known = (side.drawn[name].definition for side in sides for name in side.drawn)
    return next((one.process.name for one in known if one.root == process), "") or process


# -- finding -----------------------------------------------------------------------------------------

Found = tuple[Place, Change]


def _renamed(same: Renames, after: Things) -> Iterator[Found]:
    for process, ids in same.elements.items():
        for old, new in ids.items():
            places = (Place(what, process, new) for what in ("element", "flow", "role"))
            place = next(place for place in places if place in after)
            yield place, _change("renamed", place, after[place], "id", old, new)
    for table, ids in same.rows.items():
        for old, new in ids.items():
            place = Place("table", "", table, (f"row {new}",))
            yield place, _change("renamed", place, after[place], "id", old, new)


def _differences(before: Things, after: Things) -> Iterator[Found]:
    for place, thing in after.items():
        if place not in before and _around(place) in before:
            yield place, _change("added", place, thing)
    for place, thing in before.items():
        if place not in after and _around(place) in after:
            yield place, _change("removed", place, thing)
    for place, thing in after.items():
        if place in before:
            yield from ((place, change) for change in _attributes(place, before[place], thing))


def _around(place: Place) -> Place:
    """The thing that something is part of. What is new with it is not told again."""
    if place.parts:
        return place._replace(parts=place.parts[:-1])
    if place.process and place.element != place.process:
        return Place("element", place.process, place.process)
    return PACK


PACK = Place("setting", "", "")
"""The pack itself: there is one on both sides."""


def _attributes(place: Place, old: Thing, new: Thing) -> Iterator[Change]:
    for attribute in dict.fromkeys([*new.says, *old.says]):
        before, after = old.says.get(attribute), new.says.get(attribute)
        if not (_same_order if attribute[1] == ORDER else _same)(before, after):
            yield _said(place._replace(what=attribute[0]), new, attribute[1], before, after)


def _same(before: Said | None, after: Said | None) -> bool:
    return before == after or (before is not None and after is not None and before.value == after.value)


def _same_order(before: Said | None, after: Said | None) -> bool:
    """Whether what is on both sides stands there in the same order."""
    one, two = before.value if before else [], after.value if after else []
    return [id for id in one if id in two] == [id for id in two if id in one]


def _said(place: Place, thing: Thing, attribute: str, before: Said | None, after: Said | None) -> Change:
    kind: Kind = "moved" if attribute in MOVES else "changed"
    words = _sentence(thing.subject, attribute, before, after)
    field = ".".join((*place.parts, attribute))
    values = (before.value if before else None, after.value if after else None)
    return Change(kind, place.what, place.process, place.element, thing.name, field, *values, *words)


def _change(
    kind: Kind, place: Place, thing: Thing, attribute: str = "", before: Any = None, after: Any = None
) -> Change:
    """A whole thing that is new, gone, or has another id."""
    title = thing.title
    words = {
        "added": Words(f"新增{title.zh}", f"New: {title.en}"),
        "removed": Words(f"删除{title.zh}", f"Gone: {title.en}"),
        "renamed": Words(
            f"{title.zh}的编号由{before}改为{after}", f"{title.en} has the id {after} instead of {before}"
        ),
    }[kind]
    field = ".".join((*place.parts, attribute)) if attribute else ".".join(place.parts)
    return Change(kind, place.what, place.process, place.element, thing.name, field, before, after, *words)


def _is_amount_of_step(change: Change) -> bool:
    """Whether the amount of a limit is told where a step has it; then it is not told of the limit again."""
    sides = (change.before, change.after)
    of_limits = change.what in ("limit", "timer") and all(isinstance(side, dict) and "limit" in side for side in sides)
    return of_limits and change.before["limit"] == change.after["limit"]


def _is_amount(change: Change) -> bool:
    return (change.kind, change.what, change.process, change.field) == ("changed", "limit", "", "amount")


def _order(old: Folder, new: Folder, before: Things, after: Things) -> Any:
    """Process by process, what is gone beside what stands there now; the pack as a whole last."""
    rank = {id: number for number, id in enumerate(dict.fromkeys([*processes(new), *processes(old)]))}
    whats = get_args(What)
    position = {place: number for number, place in enumerate(dict.fromkeys([*after, *before]))}

    def key(found: Found) -> tuple[int, int, int]:
        place, _ = found
        return rank.get(place.process, len(rank)), whats.index(place.what), position[place]

    return key


# -- words -------------------------------------------------------------------------------------------

ATTRIBUTES: Mapping[str, Words] = {
    "kind": Words("类型", "kind"),
    "name": Words("名称", "name"),
    "label": Words("名称", "label"),
    "title": Words("标题", "title"),
    "english": Words("英文名称", "English title"),
    "documentation": Words("说明", "documentation"),
    "description": Words("说明", "description"),
    "lane": Words("泳道", "lane"),
    "inside": Words("子流程", "sub-process"),
    "host": Words("所附环节", "host"),
    "interrupting": Words("触发方式", "effect"),
    "default": Words("默认流向", "default flow"),
    ORDER: Words("次序", "order"),
    "called": Words("调用的流程", "called process"),
    "script": Words("脚本", "script"),
    "decision": Words("决策表", "decision table"),
    "handler": Words("处理程序", "handler"),
    "source": Words("起点", "source"),
    "target": Words("去向", "target"),
    "condition": Words("条件", "condition"),
    "conditional": Words("触发条件", "condition"),
    "timer": Words("计时", "timer"),
    "message": Words("消息", "message"),
    "signal": Words("信号", "signal"),
    "error": Words("错误代码", "error code"),
    "escalation": Words("升级代码", "escalation code"),
    "link": Words("链接", "link"),
    "terminate": Words("终止", "termination"),
    "correlation": Words("关联键", "correlation key"),
    "role": Words("角色", "role"),
    "unit": Words("单位", "unit"),
    "form": Words("表单", "form"),
    "limit": Words("时限", "limit"),
    "amount": Words("长度", "length"),
    "basis": Words("依据", "basis"),
    "article": Words("条款", "article"),
    "document": Words("文件", "document"),
    "set_by": Words("制定机关", "authority"),
    "effective_from": Words("生效日期", "day of effect"),
    "warning_percent": Words("预警比例", "share for a warning"),
    "supervise_percent": Words("督办比例", "share for supervision"),
    "extension_max": Words("最多延长", "longest extension"),
    "status": Words("状态", "status"),
    "result": Words("结果", "result"),
    "guard": Words("办理前核对", "guard"),
    "setting": Words("启用条件", "setting"),
    "separate_from": Words("不得同人办理的环节", "steps of other people"),
    "limit_from": Words("时限算式", "expression for the limit"),
    "role_from": Words("角色算式", "expression for the role"),
    "clock_from": Words("计时起点", "beginning of the clock"),
    "clock_until": Words("不重新计时的环节", "steps that do not begin the clock anew"),
    "type": Words("类型", "type"),
    "required": Words("必填", "obligation"),
    "choices": Words("选项", "choices"),
    "allowed": Words("允许值", "allowed values"),
    "hit_policy": Words("命中规则", "hit policy"),
    "aggregation": Words("汇总", "aggregation"),
    "unit_kinds": Words("单位种类", "kinds of units"),
    "permissions": Words("权限", "permissions"),
    "group": Words("职权组", "group of powers"),
    "area": Words("地区", "area"),
    "force": Words("效力", "force"),
    "in_force_from": Words("施行日期", "first day in force"),
    "in_force_to": Words("失效日期", "last day in force"),
    "value": Words("取值", "value"),
}
"""What attributes are called; others under their own name."""

LONGEST = 120
"""So many characters of a value are shown in a sentence."""

BEFORE_DIFFERENCE = 12
"""So many of those that two long texts have in common before they differ."""


def _sentence(subject: Words, attribute: str, before: Said | None, after: Said | None) -> Words:
    named = next((said.called for said in (after, before) if said and said.called), None)
    called = named or ATTRIBUTES.get(attribute) or Words(f"“{attribute}”", f"“{attribute}”")
    if before is None or after is None:
        return _new_or_gone(subject, called, before, after)
    was, now = _apart(before, after)
    if attribute == ORDER:
        return Words(f"{subject.zh}的{called.zh}改为：{now.zh}", f"{subject.en}: the {called.en} is now {now.en}")
    if attribute in MOVES:
        return Words(
            f"{subject.zh}由{called.zh}{was.zh}移到{called.zh}{now.zh}",
            f"{subject.en} moves from the {called.en} {was.en} to {now.en}",
        )
    return Words(
        f"{subject.zh}的{called.zh}由{was.zh}改为{now.zh}",
        f"{subject.en}: the {called.en} changes from {was.en} to {now.en}",
    )


def _new_or_gone(subject: Words, called: Words, before: Said | None, after: Said | None) -> Words:
    if after is not None:
        now = _short(after.words)
        return Words(f"{subject.zh}新设{called.zh}：{now.zh}", f"{subject.en}: new {called.en} {now.en}")
    was = _short(before.words) if before else Words("", "")
    return Words(f"{subject.zh}取消{called.zh}（原为{was.zh}）", f"{subject.en}: {called.en} {was.en} is gone")


def _apart(before: Said, after: Said) -> tuple[Words, Words]:
    """Both values in words, long ones from where they differ; with their keys where these differ."""
    was, now = before.words, after.words
    zh, en = _from_difference(was.zh, now.zh), _from_difference(was.en, now.en)
    was, now = _short(Words(zh[0], en[0])), _short(Words(zh[1], en[1]))
    if before.key == after.key:
        return was, now
    return _with_key(was, before.key), _with_key(now, after.key)


def _from_difference(one: str, other: str) -> tuple[str, str]:
    """Two texts, without most of what both begin with when they are long."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))) - BEFORE_DIFFERENCE
    if max(len(one), len(other)) <= LONGEST or same <= 0:
        return one, other
    return "…" + one[same:], "…" + other[same:]


def _with_key(words: Words, key: str) -> Words:
    return Words(f"{words.zh}（{key}）", f"{words.en} ({key})") if key else words


def _short(words: Words) -> Words:
    lines = (" ".join(text.split()) for text in words)
    return Words(*(text if len(text) <= LONGEST else text[:LONGEST] + "…" for text in lines))


# -- layout ------------------------------------------------------------------------------------------


def _layout(data: bytes) -> dict[str, list[tuple[str, ...]]]:
    """How each element of a diagram is drawn: the shape or line and its points, without ids."""
    drawings = (one for tag in ("BPMNShape", "BPMNEdge") for one in xml.parse(data).iter(f"{{*}}{tag}"))
    return {drawing.get("bpmnElement") or "": _strokes(drawing) for drawing in drawings}


def _strokes(drawing: xml.Element) -> list[tuple[str, ...]]:
    """The attributes of a drawing and of all in it, in order."""
    return [
        (str(part.tag), *sorted(f"{name}={part.get(name)}" for name in map(str, part.keys()) if name != "id"))
        for part in drawing.iter()
    ]
