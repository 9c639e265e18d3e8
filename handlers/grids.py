"""Division and adjustment of grids and micro-grids (ZJ-6, ZJD-6, JS-7, X3-8, LZ-8, LZ-9): what a change must contain,
how it takes effect, who follows whom, what is filed, and which grids lack workers.

A change names its kind (`KINDS`), the grids concerned, drafts of what is to be ({code, name, boundary, parent, workers,
…}), and from which day it holds. Nothing holds before it is put in force, and grids that end keep their code for good.

The pack says: `grid_division` who divides what (`by`), with whom (`together`), whether villages are asked (`consult`),
whether a new grid may be without worker (`without_worker`: refuse | alert), with the articles; `grid_code` the patterns
of codes. Units carry: category comprehensive | exclusive, area_kind, boundary, households, host_unit,
supervising_department (double supervision, JS-42), exclusive_kind, division_unit.

Registers: `grid_pending` (a change that waits for its day: kind, ended, made, follower, unit, open). `grid_succession`
(about an ended grid: change, last_day, followers, takes_over). `handover` (about an ended grid: follower, cases
[{case, steps}]). `filing` (what, change, from, to, filed_at, number, content, content_hash).
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from engine import cases, census, directory, records, registers
from engine.directory import Actor, Posted, Unit
from engine.errors import Refused
from engine.library import Pack, day_of
from engine.model import encode_sorted
from engine.work import MACHINE, Call, Thing, Work
from handlers import facts, governing, publicity


class Counts(NamedTuple):
    """How many grids a kind of change concerns and how many it makes, from and to; None: any number."""

    grids: tuple[int, int | None]
    drafts: tuple[int, int | None]
    zh: str
    en: str


KINDS: Mapping[str, Counts] = {
    "new": Counts((0, 0), (1, None), "新设不涉及原有网格，至少一个新网格", "a new grid: no old ones, at least one new"),
    "adjust": Counts((1, None), (1, None), "调整的每个网格各写明一次调整后的情况", "an adjustment: each grid once"),
    "split": Counts((1, 1), (2, None), "分设涉及一个原网格、至少两个新网格", "a split: one old grid, at least two new"),
    "merge": Counts((2, None), (1, 1), "合并涉及至少两个原网格、一个新网格", "a merger: at least two old, one new"),
    "close": Counts((1, None), (0, 0), "撤销涉及至少一个原网格，不设新网格", "a closure: at least one old, none new"),
}
ENDING = frozenset({"split", "merge", "close"})
ATTRIBUTES = (
    "category", "area_kind", "boundary", "households", "host_unit", "supervising_department", "exclusive_kind",
    "division_unit",
)  # fmt: skip


class Draft(NamedTuple):
    """What a grid is to be. `unit`: its id; `there`: it is there already and is adjusted; `parent`: the village's
    division, of a micro-grid its grid."""

    unit: str
    kind: str
    code: str
    name: str
    parent: Unit
    attributes: dict[str, Any]
    workers: tuple[str, ...]
    takes_over: bool
    there: bool

    @property
    def category(self) -> str:
        return "micro_grid" if self.kind == "micro_grid" else str(self.attributes.get("category", "comprehensive"))


class Change(NamedTuple):
    """A change as its case says it is to be."""

    kind: str
    grids: list[Unit]
    drafts: list[Draft]
    first: date
    by: str
    unit: str
    participants: list[Unit]
    follower: str

    @property
    def ended(self) -> list[Unit]:
        return self.grids if self.kind in ENDING else []

    @property
    def takes_over(self) -> str:
        """Who goes on with what is open in the grids that end: the grid that is named, else the first new one."""
        chosen = [draft.unit for draft in self.drafts if draft.takes_over]
        return self.follower or next(iter([*chosen, *(draft.unit for draft in self.drafts)]), "")


# -- what the steps do -------------------------------------------------------------------------------


def examine(work: Work, call: Call) -> Mapping[str, Any]:
    """Looks at a proposal before anybody is asked: who divides, with whom, codes, workers. Answers the committee of
    each village concerned. Raises `Refused`."""
    change = _read(work, call)
    _check(work, call, change)
    return {"committees": _committees(work, call, change)}


def enact(work: Work, call: Call) -> Mapping[str, Any]:
    """Puts a change in force from its day on. What ends goes over to its follower on that day: at once, or by the
    clock. Raises `Refused`, `Invalid`."""
    change = _read(work, call)
    _check(work, call, change)
    pack = cases.pack_of(work, call.case)
    for number, draft in enumerate(change.drafts):
        _put(work, call.actor, draft, change.first)
        _staff(work, call, pack, draft, change.first, number)
    body = {
        "kind": change.kind,
        "ended": [grid.id for grid in change.ended],
        "made": [draft.unit for draft in change.drafts],
        "follower": change.takes_over,
        "unit": change.unit,
        "open": True,
    }
    area = _area(work, call)
    entry = registers.put(
        work, call.actor, "grid_pending", str(call.case), body, area=area, unit=change.unit, case=call.case,
        valid_from=change.first,
    )  # fmt: skip
    if change.first <= day_of(work.now):
        _carry_out(work, call.actor, entry)
    return {}


def filed(work: Work, call: Call) -> Mapping[str, Any]:
    """Registers the filing with the city's agency: number, sender, receiver, time, and what was filed with its hash."""
    known = facts.of(work, call)
    content = {
        "change": known["change_kind"],
        "grids": known.get("grids", []),
        "drafts": call.said.get("drafts", []),
        "in_force_from": call.said["effective_from"],
    }
    body = {
        "what": "grid_change",
        "from": known["own_unit"],
        "to": known["city_agency"],
        "filed_at": work.now.isoformat(),
        "number": f"{day_of(work.now).year}-{call.case:06d}",
        "content": content,
        "content_hash": hashlib.sha256(encode_sorted(content)).hexdigest(),
    }
    registers.put(
        work, call.actor, "filing", str(call.case), body, area=_area(work, call), unit=known["city_agency"],
        about=f"case/{call.case}", case=call.case,
    )  # fmt: skip
    return {}


def due(work: Work) -> list[Thing]:
    """The changes whose day has come."""
    pending = registers.holding(work, "grid_pending")
    return [Thing(one.id, one.area, one.case or 0) for one in pending if one.body["open"]]


def take_effect(work: Work, thing: Thing) -> None:
    """Carries out a change whose day has come, unless another node has. Grids that end hand over what is open in them,
    their posts end, and what changed is to be published. Raises `Refused`."""
    records.head(work.connection, thing.id)
    work.after_waiting()
    entry = registers.get(work, thing.id)
    if entry.body["open"]:
        _carry_out(work, MACHINE, entry)


def alerts(work: Work, area: str) -> list[dict[str, Any]]:
    """What is wrong with the grids of an area: without any worker (X3-11), an urban comprehensive one without a
    full-time worker (JS-13.3), an unusual number of households (JS-6). Nothing is blocked by it."""
    staff: dict[str, list[Posted]] = {}
    for one in work.directory.posted_inside("grid", area):
        staff.setdefault(one.unit, []).append(one)
    packs: dict[str, Pack] = {}
    found: list[dict[str, Any]] = []
    for grid in work.directory.units("grid", area):
        place = publicity.township(grid.area)
        if place not in packs:
            packs[place] = governing.pack(work, grid.area, day_of(work.now))
        found.extend(_alerts(grid, staff.get(grid.id, []), packs[place]))
    return found


def overview(work: Work, area: str) -> list[dict[str, Any]]:
    """The grids of an area, with their kind and how many workers they have."""
    workers: dict[str, set[str]] = {}
    for one in work.directory.posted_inside("grid", area):
        workers.setdefault(one.unit, set()).update({one.person} if one.worker_kind else ())
    return [
        {
            "id": grid.id,
            "code": grid.code,
            "name": grid.name,
            "area": grid.area,
            "category": grid.attributes.get("category", "comprehensive"),
            "area_kind": grid.attributes.get("area_kind"),
            "host_unit": grid.attributes.get("host_unit"),
            "supervising_department": grid.attributes.get("supervising_department"),
            "workers": len(workers.get(grid.id, ())),
            "valid_from": grid.valid_from.isoformat(),
            "valid_to": grid.valid_to.isoformat() if grid.valid_to else None,
        }
        for grid in work.directory.units("grid", area)
    ]


# -- reading a change --------------------------------------------------------------------------------


def _read(work: Work, call: Call) -> Change:
    known, said = facts.of(work, call), call.said
    grids = [work.directory.unit(id) for id in known.get("grids", [])]
    kind = known["change_kind"]
    _check_counts(kind, grids, said.get("drafts", []))
    kept: Sequence[Unit | None] = grids if kind == "adjust" else [None] * len(said.get("drafts", []))
    return Change(
        kind,
        grids,
        [_draft(work, one, grid) for one, grid in zip(said.get("drafts", []), kept, strict=True)],
        date.fromisoformat(said["effective_from"]),
        known.get("divided_by", "county"),
        known["own_unit"],
        [work.directory.unit(id) for id in known.get("joint_units", [])],
        known.get("follower", ""),
    )


def _draft(work: Work, given: Mapping[str, Any], grid: Unit | None) -> Draft:
    """A draft with what a grid that is there already keeps."""
    parent = work.directory.unit(given["parent"] if grid is None else given.get("parent", str(grid.parent)))
    code = given.get("code") or (grid.code if grid else "")
    kind = "micro_grid" if parent.kind == "grid" else "grid"
    return Draft(
        unit=grid.id if grid else f"{'m' if kind == 'micro_grid' else 'g'}{code}",
        kind=kind,
        code=code,
        name=given["name"],
        parent=parent,
        attributes={**(grid.attributes if grid else {}), **{n: given[n] for n in ATTRIBUTES if n in given}},
        workers=tuple(given.get("workers", ())),
        takes_over=bool(given.get("takes_over")),
        there=grid is not None,
    )


def _area(work: Work, call: Call) -> str:
    """Where a change is registered: the territory of who divides."""
    return work.directory.unit(facts.of(work, call)["own_unit"]).area


# -- what a change must be ---------------------------------------------------------------------------


def _check(work: Work, call: Call, change: Change) -> None:
    pack = cases.pack_of(work, call.case)
    rule = pack.setting("grid_division", {})
    _check_divider(work, call, change, rule)
    _check_participants(change, rule)
    if change.first < day_of(work.now):
        raise Refused(
            "grid.past",
            f"生效日期{change.first}已过，网格的划分和调整不能追溯生效，请改为今天或以后。",
            f"The day {change.first} is over: a division never takes effect before it is put in force. Choose today "
            "or later.",
            article=rule.get("basis", ""),
        )
    codes = [draft.code for draft in change.drafts]
    for draft in change.drafts:
        _check_code(work, draft, pack, codes)
        _check_exclusive(work, draft, rule)
        _check_workers(work, draft, pack, rule)
    if change.ended and change.takes_over in {"", *(grid.id for grid in change.ended)}:
        raise Refused(
            "grid.follower", "请写明由哪个网格接手未办完的事项。", "Name the grid that goes on with what is still open."
        )


def _check_counts(kind: str, grids: Sequence[Unit], drafts: Sequence[Any]) -> None:
    wanted = KINDS[kind]
    fits = all(
        least <= len(given) and (most is None or len(given) <= most)
        for given, (least, most) in ((grids, wanted.grids), (drafts, wanted.drafts))
    )
    if not fits or (kind == "adjust" and len(grids) != len(drafts)):
        raise Refused("grid.counts", f"{wanted.zh}，请核对。", f"Check how many grids there are: {wanted.en}.")


def _check_divider(work: Work, call: Call, change: Change, rule: Mapping[str, Any]) -> None:
    """Only the agency that the text names divides, and only what the text gives to it."""
    kinds = {draft.kind for draft in change.drafts} | {grid.kind for grid in change.grids}
    may = set(rule.get("by", {}).get(change.by, ()))
    if change.unit != facts.of(work, call).get(f"{change.by}_agency") or not kinds <= may:
        names = {"grid": "网格", "micro_grid": "微网格"}
        raise Refused(
            "grid.divider",
            "划分单位不符：" + "；".join(
                f"{directory.LEVEL_NAMES[level].zh}机构划分{'、'.join(names[one] for one in parts)}"
                for level, parts in rule.get("by", {}).items()
            ) + "。",
            "It is divided by: "
            + "; ".join(f"{level} agency: {', '.join(parts)}" for level, parts in rule.get("by", {}).items()) + ".",
            article=rule.get("basis", ""),
        )  # fmt: skip


def _check_participants(change: Change, rule: Mapping[str, Any]) -> None:
    """Whoever has to take part in a division is on record as having done so (that this is enough is a reading)."""
    kinds = {draft.category for draft in change.drafts} | {_category(grid) for grid in change.grids}
    wanted = {one for kind in kinds for one in rule.get("together", {}).get(kind, ())}
    here = {"department" if one.kind == "department" else one.level for one in change.participants}
    if lacking := sorted(wanted - here):
        names = {"department": ("相关部门", "departments"), "township": ("镇街", "the township")}
        raise Refused(
            "grid.together",
            f"划分、调整网格须会同{'、'.join(names[one][0] for one in lacking)}，请写明参加单位。",
            f"Grids are divided together with {', '.join(names[one][1] for one in lacking)}: say who took part.",
            article=rule.get("basis", ""),
        )


def _category(grid: Unit) -> str:
    return "micro_grid" if grid.kind == "micro_grid" else str(grid.attributes.get("category", "comprehensive"))


def _check_code(work: Work, draft: Draft, pack: Pack, codes: Sequence[str]) -> None:
    """The code of a grid: as the pack wants it, beginning with that of where it lies, and nobody's ever before (JS-8,
    X3-9; that codes of ended grids are never used again is a reading)."""
    rule = pack.setting("grid_code", {})
    owner = work.directory.code_owner(draft.code)
    if draft.there and owner == draft.unit:
        return
    fits = re.fullmatch(rule.get(draft.kind, ".+"), draft.code) and draft.code.startswith(draft.parent.code)
    if not fits or draft.there or owner is not None or codes.count(draft.code) > 1:
        raise Refused(
            "grid.code",
            f"网格编码“{draft.code}”不可用：须由所在地代码{draft.parent.code}加顺序号组成，并且从未使用过，请另编。",
            f"The code “{draft.code}” cannot be used: it begins with {draft.parent.code}, has a number behind it, and "
            "was never used before. Choose another.",
            article=rule.get("basis", ""),
        )


def _check_exclusive(work: Work, draft: Draft, rule: Mapping[str, Any]) -> None:
    """An exclusive grid is recorded with the unit it lies at, which does the work, and the competent department."""
    if draft.category != "exclusive":
        return
    for name, zh, en in (
        ("host_unit", "所在单位", "the unit it lies at"),
        ("supervising_department", "主管部门", "the competent department"),
    ):
        if not draft.attributes.get(name):
            raise Refused(
                "grid.exclusive",
                f"专属网格“{draft.name}”须写明{zh}。",
                f"The exclusive grid “{draft.name}” needs {en}.",
                article=rule.get("exclusive_basis", ""),
            )
        work.directory.unit(draft.attributes[name])


def _check_workers(work: Work, draft: Draft, pack: Pack, rule: Mapping[str, Any]) -> None:
    """Workers are trained before they have a post; a grid without any is refused where the text wants one (X3-11)."""
    gate = pack.setting("training_gate", {})
    for person in draft.workers:
        lacking = work.directory.untrained(person, _role(work, pack, person), gate)
        if lacking is not None:
            who = work.directory.name(person)
            raise Refused(
                "person.not-trained",
                f"{who}{lacking.zh}",
                f"{who}: {lacking.en}",
                article=gate.get("basis", ""),
            )
    has_some = draft.workers or any(one.worker_kind for one in work.directory.posted(draft.unit))
    if draft.kind == "grid" and rule.get("without_worker") == "refuse" and not has_some:
        raise Refused(
            "grid.no-worker",
            f"网格“{draft.name}”至少配备一名网格员，请写明。",
            f"The grid “{draft.name}” needs at least one worker: name one.",
            article=rule.get("worker_basis", ""),
        )


def _committees(work: Work, call: Call, change: Change) -> list[str]:
    """The committee of each village concerned; where villages have to be asked, each must have one."""
    rule = cases.pack_of(work, call.case).setting("grid_division", {})
    areas = {_village(grid.area) for grid in change.grids} | {_village(draft.parent.area) for draft in change.drafts}
    found = {area: [one.id for one in work.directory.committees(area)] for area in sorted(areas)}
    if rule.get("consult") and not all(found.values()):
        raise Refused(
            "grid.no-committee",
            "所涉村（社区）没有登记村（居）民委员会，无法征求意见，请先登记。",
            "A village concerned has no committee on record that could be asked: record it first.",
            article=rule.get("consult_basis", ""),
        )
    return [id for ids in found.values() for id in ids]


def _village(area: str) -> str:
    """The path of the village that something lies in: province, city, county, township, village."""
    return "/".join(area.split("/")[:6]) + "/"


# -- putting it in force -----------------------------------------------------------------------------


def _put(work: Work, actor: Actor, draft: Draft, first: date) -> None:
    directory.put_unit(
        work.connection,
        draft.unit,
        kind=draft.kind,
        level=draft.kind,
        code=draft.code,
        name=draft.name,
        parent=draft.parent.id,
        valid_from=first,
        attributes=draft.attributes,
        by=actor,
        at=work.now,
    )


def _role(work: Work, pack: Pack, person: str) -> str:
    chief = work.directory.worker_kind(person) == "grid_chief" and "grid_chief" in pack.roles
    return "grid_chief" if chief else "grid_worker"


def _staff(work: Work, call: Call, pack: Pack, draft: Draft, first: date, number: int) -> None:
    """Gives the workers named their post in the grid."""
    there = {one.person for one in work.directory.posted(draft.unit)}
    for person in (one for one in draft.workers if one not in there):
        directory.give_post(
            work.connection,
            f"grid-{call.case}-{number}-{person}"[:60],
            person=person,
            unit=draft.unit,
            role=_role(work, pack, person),
            valid_from=first,
            roles={key: role.unit_kinds for key, role in pack.roles.items()},
            by=call.actor,
            at=work.now,
        )


def _carry_out(work: Work, actor: Actor, entry: registers.Registered) -> None:
    case, body, today = entry.case or 0, entry.body, day_of(work.now)
    for id in body["ended"]:
        _end(work, actor, work.directory.unit(id), entry)
    for id in dict.fromkeys([*body["made"], *([body["follower"]] if body["ended"] else [])]):
        publicity.changed(work, id, "grid_changed", f"case/{case}")
    registers.put(
        work, actor, "grid_pending", str(case), {**body, "open": False}, area=entry.area, unit=entry.unit,
        case=case, valid_from=today, valid_to=today,
    )  # fmt: skip


def _end(work: Work, actor: Actor, grid: Unit, entry: registers.Registered) -> None:
    """A grid that ends: its micro-grids with it; who follows is on record, what is open goes over to them."""
    for inner in work.directory.units("micro_grid", grid.area) if grid.kind == "grid" else []:
        _end(work, actor, inner, entry)
    body, last = entry.body, entry.valid_from - timedelta(days=1)
    _hand_over(work, actor, grid, entry)
    for post in work.directory.posted(grid.id):
        directory.end_post(work.connection, post.post, last_day=last, by=actor, at=work.now)
    directory.put_unit(
        work.connection,
        grid.id,
        kind=grid.kind,
        level=grid.level,
        code=grid.code,
        name=grid.name,
        parent=grid.parent,
        valid_from=grid.valid_from,
        valid_to=last,
        attributes=grid.attributes,
        by=actor,
        at=work.now,
    )
    succession = {
        "change": body["kind"],
        "last_day": last.isoformat(),
        "followers": body["made"] or [body["follower"]],
        "takes_over": body["follower"],
    }
    _note(work, actor, "grid_succession", grid, succession, entry)


def _hand_over(work: Work, actor: Actor, grid: Unit, entry: registers.Registered) -> None:
    """Duty follows the post: what is open in the grid is the follower's from now on. Where a matter was found stays
    with it (its area, its first record)."""
    follower = entry.body["follower"]
    moved = [
        {"case": id, "steps": cases.follow(work, id, grid.id, follower, f"case/{entry.case}")}
        for id in census.open_cases(work.connection, grid.area)
        if id != entry.case
    ]
    _note(work, actor, "handover", grid, {"follower": follower, "cases": moved}, entry)


def _note(
    work: Work, actor: Actor, kind: str, grid: Unit, body: Mapping[str, Any], entry: registers.Registered
) -> None:
    registers.put(
        work, actor, kind, grid.id, body, area=grid.area, unit=entry.unit, about=grid.id, case=entry.case,
        valid_from=entry.valid_from,
    )  # fmt: skip


# -- alerts ------------------------------------------------------------------------------------------


def _alerts(grid: Unit, staff: Sequence[Posted], pack: Pack) -> Iterator[dict[str, Any]]:
    rule = pack.setting("grid_division", {})
    workers = [one for one in staff if one.worker_kind]
    comprehensive = _category(grid) == "comprehensive"
    if not workers:
        yield _alert(grid, "no_worker", "没有网格员", "has no worker", rule.get("worker_basis", ""))
    elif (
        rule.get("full_time_basis")
        and comprehensive
        and grid.attributes.get("area_kind") == "urban"
        and not any(one.worker_kind == "full_time" for one in workers)
    ):
        yield _alert(grid, "no_full_time_worker", "没有专职网格员", "has no full-time worker", rule["full_time_basis"])
    usual = rule.get("households", {}).get(grid.attributes.get("area_kind", ""))
    count = grid.attributes.get("households")
    if comprehensive and usual and count and not usual[0] <= count <= usual[1]:
        zh, en = f"有{count}户，一般为{usual[0]}至{usual[1]}户", f"has {count} households, usual are {usual}"
        yield _alert(grid, "households", zh, en, rule.get("households_basis", ""))


def _alert(grid: Unit, kind: str, zh: str, en: str, article: str) -> dict[str, Any]:
    return {
        "grid": grid.id,
        "code": grid.code,
        "name": grid.name,
        "area": grid.area,
        "alert": kind,
        "zh": f"“{grid.name}”{zh}。",
        "en": f"“{grid.name}” {en}.",
        "article": article,
    }
