"""Matter lists: which matters grid workers deal with, and how (ZJ-8 to ZJ-10, ZJD-7, ZJD-8, JS-10, X3-19, LZ-15).

A list is an entry of the register `matter_list`, a version for each change: `matter_list/<unit>-<list kind>`, held by
the agency of its level (or by an exclusive grid), for its area. In its body:

    level      city, county or grid: whose list it is
    list_kind  own; of a city that keeps three (ZJD-7.1): basic, admission, negative
    title      {zh, en}
    document   number of the document it rests on
    method     number of the city agency's document on admission and exit (ZJ-8.2); empty: product default
    sample     true for the list that comes with a pack: no authority has published it
    items      by key: label {zh, en}, class (article), handling_mode, performer, requires_enforcement_power,
               village_work_item, lead_department, co_handlers, handling_limit

What may be on a list differs by place: the pack's setting `list_rules` names the rules of `RULES` that hold there with
the article each rests on, `list_levels` the levels that keep a list, `city_lists` the kinds that a city keeps where it
keeps several, `grid_lists` the levels whose agencies set the list of an exclusive grid (LZ-9.2): a change of it is
begun about that grid.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from engine import cases, registers
from engine.directory import Actor, Unit
from engine.errors import Refused, Words
from engine.library import Pack, day_of
from engine.registers import Registered
from engine.work import Call, Work
from handlers import facts

KIND = "matter_list"
LEVELS = ("city", "county", "grid")
"""Widest first: the list of a later one prevails."""

NEGATIVE = "negative"

CONTENT = (
    "handling_mode", "performer", "requires_enforcement_power", "village_work_item", "lead_department", "co_handlers",
    "handling_limit",
)  # fmt: skip
"""What an application says of an item, under the same names as on the list."""


TOLD: Mapping[str, Words] = {
    "key": Words("事项编号", "Key"),
    "label": Words("名称", "Label"),
    "class": Words("所属条款", "Article of its class"),
    "list_kind": Words("清单种类", "Kind of list"),
    "handling_mode": Words("办理方式", "Handling mode"),
    "performer": Words("办理主体", "Who carries it out"),
    "requires_enforcement_power": Words("须由行政机关实施", "Takes enforcement power"),
    "village_work_item": Words("对应的村（社区）工作事项", "Village work item"),
    "lead_department": Words("主办部门", "Lead department"),
    "co_handlers": Words("协办部门", "Co-handlers"),
    "handling_limit": Words("办理时限", "Handling limit"),
    "restricted": Words("限定知悉", "For few to know"),
    "pointer_only": Words("只记材料存放处", "Holds a pointer only"),
}
"""Everything an item may say, and what that is called."""


class Held(NamedTuple):
    """An item that holds, and the version of the list that it is on."""

    key: str
    item: Mapping[str, Any]
    list: Registered


class Published(NamedTuple):
    """A list that an authority has published: its items as in a pack's `list.json`, and the number of the document."""

    items: Sequence[Mapping[str, Any]]
    document: str


class Change(NamedTuple):
    """What is to become of a list: `item` is None for an exit. `agency` changes the list of `owner`: its own, or
    that of an exclusive grid."""

    agency: Unit
    owner: Unit
    list_kind: str
    key: str
    item: Mapping[str, Any] | None
    day: date
    document: str
    method: str

    @property
    def name(self) -> str:
        return f"{self.owner.id}-{self.list_kind}"


# -- which items hold --------------------------------------------------------------------------------


def items(work: Work, grid: Unit, day: date) -> dict[str, Held]:
    """The items that hold for a grid on a day: of every list whose area contains it. The county's word on an item
    prevails over the city's, that of an exclusive grid over both; what is on a negative list is on none."""
    held: dict[str, Held] = {}
    refused: set[str] = set()
    for one in _lists(work, grid, day):
        if one.body["list_kind"] == NEGATIVE:
            refused |= one.body["items"].keys()
        else:
            held |= {key: Held(key, item, one) for key, item in one.body["items"].items()}
    return {key: found for key, found in held.items() if key not in refused}


def nearest(work: Work, grid: Unit, day: date) -> int:
    """The version of the nearest list of a grid, which is asked for whatever is on none; 0 where there is no list."""
    return next((one.row for one in reversed(_lists(work, grid, day))), 0)


def _lists(work: Work, grid: Unit, day: date) -> list[Registered]:
    """The lists that hold for a grid, the widest first. A grid has one of its own only if it is exclusive (LZ-9)."""
    found = registers.holding(work, KIND, day=day, around=grid.area)
    if grid.attributes.get("category") != "exclusive":
        found = [one for one in found if one.body["level"] != "grid"]
    return sorted(found, key=lambda one: LEVELS.index(one.body["level"]))


# -- the first lists of a place ----------------------------------------------------------------------


def found(
    work: Work, actor: Actor, owner: Unit, pack: Pack, day: date, published: Published | None = None
) -> list[Registered]:
    """Registers the first list of an agency, if its level keeps one: what has been published, held to the rules of the
    place, else the sample of the pack, which says that it is one. Raises `Refused` when a rule forbids an item."""
    if owner.level not in pack.setting("list_levels", ()):
        return []
    if published is not None:
        for item in published.items:
            _check(work, pack, _first(pack, owner, item, day, published.document))
    items, document = (pack.items.values(), "") if published is None else published
    return [_found(work, actor, owner, kind, items, day, document) for kind in _kinds(pack, owner)]


def _found(
    work: Work, actor: Actor, owner: Unit, kind: str, items: Iterable[Mapping[str, Any]], day: date, document: str
) -> Registered:
    """The first version of one kind of list: its items, and that it is a sample where no document stands behind it."""
    chosen = {item["key"]: _content(item) for item in items if kind in ("own", item.get("list_kind"))}
    body = _empty(owner, kind) | {"sample": not document, "document": document, "items": chosen}
    return registers.put(work, actor, KIND, f"{owner.id}-{kind}", body, area=owner.area, unit=owner.id, valid_from=day)


def _first(pack: Pack, owner: Unit, item: Mapping[str, Any], day: date, document: str) -> Change:
    """An item of a first list as if it were being admitted."""
    kind = item.get("list_kind") or _kinds(pack, owner)[0]
    return Change(owner, owner, kind, item["key"], _content(item), day, document, "")


def _content(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("key", "list_kind")}


def _empty(owner: Unit, list_kind: str) -> dict[str, Any]:
    title = TITLES[list_kind]
    return {
        "level": owner.level,
        "list_kind": list_kind,
        "title": {"zh": title.zh, "en": title.en},
        "document": "",
        "method": "",
        "sample": False,
        "items": {},
    }


TITLES: Mapping[str, Words] = {
    "own": Words("网格事项清单", "Matter list"),
    "basic": Words("网格事项基本清单", "Basic matter list"),
    "admission": Words("网格事项准入清单", "Admission list"),
    "negative": Words("网格事项负面清单", "Negative list"),
}


# -- changing a list ---------------------------------------------------------------------------------


def lawful(work: Work, call: Call) -> Mapping[str, Any]:
    """Looks at an application as soon as it is made: what could never be enacted is not begun. Writes nothing."""
    _must_be_departments(work, facts.of(work, call).get("consulted", []))
    _check(work, cases.pack_of(work, call.case), _change(work, call), LATER)
    return {}


def enact(work: Work, call: Call) -> Mapping[str, Any]:
    """Puts the new version of the list that was applied for, from the day that was decided or today. What is planned
    for later days is changed alike. Raises `Refused` when a rule of the place forbids it."""
    pack, change = cases.pack_of(work, call.case), _change(work, call)
    _check(work, pack, change)
    _check_day(work, change)
    _check_method(pack, change)
    id = f"{KIND}/{change.name}"
    known = list(registers.history(work, id))
    held = (one.body for one in known if one.valid_from <= change.day <= (one.valid_to or date.max))
    before = next(held, _empty(change.owner, change.list_kind))
    later = [(one.valid_from, one.body) for one in known if one.valid_from > change.day]
    rows = [_put(work, call, change, day, body) for day, body in [(change.day, before), *later]]
    return {"list_version": rows[0]}


def consulted(work: Work, call: Call) -> Mapping[str, Any]:
    """Guard: who is asked about a change of the list are departments, each once."""
    _must_be_departments(work, call.arguments.get("consulted") or [])
    return {}


def _change(work: Work, call: Call) -> Change:
    """What the case is about, from what its people have said so far."""
    pack, known, said = cases.pack_of(work, call.case), facts.of(work, call), call.said
    agency = work.directory.unit(known["own_agency"])
    owner = work.directory.unit(known["subject"]) if known.get("subject") else agency
    item = None
    if known["list_action"] == "admission":
        content = {name: value for name, value in {**known, **said}.items() if name in CONTENT}
        item = {"label": {"zh": said["title"], "en": said.get("title_en") or said["title"]}, **content}
    return Change(
        agency=agency,
        owner=owner,
        list_kind=known.get("list_kind") or _kinds(pack, owner)[0],
        key=known["item_key"],
        item=item,
        day=date.fromisoformat(said["valid_from"]) if said.get("valid_from") else day_of(work.now),
        document=said.get("document", ""),
        method=said.get("method_document", ""),
    )


def _put(work: Work, call: Call, change: Change, day: date, before: Mapping[str, Any]) -> int:
    """One version of the list with the change made; its row."""
    left = {key: item for key, item in before["items"].items() if key != change.key}
    changed = left if change.item is None else {**left, change.key: before["items"].get(change.key, {}) | change.item}
    body = {**before, "document": change.document, "method": change.method, "sample": False, "items": changed}
    put = registers.put(
        work, call.actor, KIND, change.name, body,
        area=change.owner.area, unit=change.owner.id, case=call.case, valid_from=day,
    )  # fmt: skip
    return put.row


# -- what a change must keep to ----------------------------------------------------------------------


def _check(work: Work, pack: Pack, change: Change, without: Iterable[str] = ()) -> None:
    """Asks every rule of the place. Raises `Refused` naming the article."""
    _check_level(pack, change)
    _check_listed(work, change)
    for name, article in pack.setting("list_rules", {}).items():
        words = None if name in without or change.item is None else RULES[name](work, change)
        if words is not None:
            raise Refused(f"list.{name.replace('_', '-')}", words.zh, words.en, article=article)


def _check_level(pack: Pack, change: Change) -> None:
    """Only the levels that keep a list change one, and each only the kinds it keeps."""
    article = next((one for one in KEEPERS if one in pack.articles), "")
    if change.owner.id != change.agency.id:
        _check_grid(pack, change)
    elif change.owner.level not in pack.setting("list_levels", ()):
        raise Refused(
            "list.level",
            f"“{change.owner.name}”这一级不编制事项清单，请由有清单的一级机构办理。",
            f"The level of “{change.owner.name}” keeps no matter list: a level that does has to do this.",
            article=article,
        )
    kinds = _kinds(pack, change.owner)
    if change.list_kind not in kinds:
        labels = [TITLES[kind] for kind in kinds]
        raise Refused(
            "list.kind",
            f"这一级没有这种清单，请选择：{'、'.join(one.zh for one in labels)}。",
            f"This level has no such list; choose: {', '.join(one.en for one in labels)}.",
            article=article,
        )


def _check_grid(pack: Pack, change: Change) -> None:
    """Only an exclusive grid has a list of its own, and only the agencies that the place names set it (LZ-9.2)."""
    exclusive = change.owner.attributes.get("category") == "exclusive"
    if not exclusive or change.agency.level not in pack.setting("grid_lists", ()):
        raise Refused(
            "list.grid",
            "只有专属网格可以另有事项清单，由市级机构会同主管部门制定。",
            "Only an exclusive grid has a list of its own, and the city agency sets it with the competent departments.",
            article="LZ-9.2" if "LZ-9.2" in pack.articles else "",
        )


def _check_listed(work: Work, change: Change) -> None:
    """Only what is on a list can leave it."""
    known = [one.body for one in registers.holding(work, KIND, day=change.day, unit=change.owner.id)]
    mine = {key for body in known if body["list_kind"] == change.list_kind for key in body["items"]}
    if change.item is None and change.key not in mine:
        raise Refused(
            "list.not-on-it",
            f"清单中没有“{change.key}”，不能退出，请核对事项。",
            f"“{change.key}” is not on the list and cannot leave it: check the item.",
        )


def _check_day(work: Work, change: Change) -> None:
    if change.day < day_of(work.now):
        raise Refused(
            "list.past",
            "清单不能从过去的日期起生效，请填今天或以后的日期（产品默认，非法律规定）。",
            "A list cannot take effect in the past: give today or a later day (product default, not law).",
        )


def _check_method(pack: Pack, change: Change) -> None:
    """Where the place says so, a county acts by the city agency's document or not at all (ZJ-8.2)."""
    if pack.setting("list_method", "product_default") != "city_document" or change.owner.level == "city":
        return
    if not change.method:
        raise Refused(
            "list.no-method",
            "调整清单的具体办法由市级机构制定，请写明该办法的文号。",
            "The city agency decides how lists are changed: give the number of its document.",
            article="ZJ-8.2",
        )


def _must_be_departments(work: Work, units: Sequence[str]) -> None:
    """Who is asked has people who can answer."""
    others = [unit for unit in map(work.directory.unit, units) if unit.kind != "department"]
    if others:
        raise Refused(
            "list.not-department",
            f"“{others[0].name}”不是部门，请只选择部门。",
            f"“{others[0].name}” is not a department: choose departments only.",
        )


def _kinds(pack: Pack, owner: Unit) -> Sequence[str]:
    """The kinds of lists that a unit keeps, the usual one first."""
    kinds: Sequence[str] = pack.setting("city_lists", ("own",)) if owner.level == "city" else ("own",)
    return kinds


def village_work_item(_: Work, change: Change) -> Words | None:
    """Each item connects to a work item of villages (ZJ-8.3; that it has to be named is a reading)."""
    if change.item and change.item.get("village_work_item"):
        return None
    return Words(
        "请写明此项对应的村（社区）工作事项；没有对应的不能列入清单。",
        "Name the village work item that this belongs to: without one it cannot be listed.",
    )


def handling_mode(_: Work, change: Change) -> Words | None:
    """Each item has a handling mode (ZJ-9.1)."""
    if change.item and change.item.get("handling_mode"):
        return None
    return Words("请确定此项的办理方式。", "Fix the handling mode of this item.")


def no_enforcement(_: Work, change: Change) -> Words | None:
    """What is reserved to authorities is on no list (LZ-15.3)."""
    if not (change.item and change.item.get("requires_enforcement_power")):
        return None
    return Words(
        "行政许可、处罚、强制等须由行政机关实施的事项不得进入清单。",
        "Licences, penalties, coercion and whatever else is reserved to authorities cannot enter the list.",
    )


def no_enforcement_by_workers(_: Work, change: Change) -> Words | None:
    """What takes enforcement power is not for workers (JS-16.3)."""
    item = change.item or {}
    if not item.get("requires_enforcement_power") or item.get("performer") == "department":
        return None
    return Words(
        "此项须由行政机关工作人员实施，办理主体请改为部门。",
        "This takes officials of a public authority: name a department as the one who carries it out.",
    )


def negative_list(work: Work, change: Change) -> Words | None:
    """What is on the city's negative list enters no list (ZJD-7.1, a reading)."""
    if change.list_kind == NEGATIVE or change.key not in _of_city(work, change, (NEGATIVE,)):
        return None
    return Words(
        "此项在市级负面清单内，不能列入。",
        "This is on the city's negative list and cannot be listed.",
    )


def inside_city_lists(work: Work, change: Change) -> Words | None:
    """A county's list stays inside the city's (ZJD-7.2, a reading)."""
    if change.owner.level == "city" or change.key in _of_city(work, change, ("basic", "admission")):
        return None
    return Words(
        "此项不在市级基本清单和准入清单内，县级清单不能列入。",
        "This is on neither the basic nor the admission list of the city: a county cannot list it.",
    )


def _of_city(work: Work, change: Change, kinds: Sequence[str]) -> set[str]:
    """The keys on the city's lists of these kinds, on the day of the change."""
    around = registers.holding(work, KIND, day=change.day, around=change.owner.area)
    found = [one.body for one in around if one.body["level"] == "city"]
    return {key for body in found if body["list_kind"] in kinds for key in body["items"]}


RULES: Mapping[str, Callable[[Work, Change], Words | None]] = {
    "village_work_item": village_work_item,
    "handling_mode": handling_mode,
    "no_enforcement": no_enforcement,
    "no_enforcement_by_workers": no_enforcement_by_workers,
    "negative_list": negative_list,
    "inside_city_lists": inside_city_lists,
}
"""What a place may ask of an item, by the name under which its pack switches it on. None: nothing against it."""

KEEPERS = ("ZJ-8.1", "ZJD-7.1", "JS-10.1", "X3-19.1", "LZ-15.2")
"""The articles that say who keeps a list."""

LATER = frozenset({"handling_mode"})
"""What an applicant need not say yet."""
