"""What the public is told of a grid, and that it stays true (ZJ-7, JS-19.1, X3-10, LZ-10): whenever a grid or its
workers change, whoever has to publish it gets a task with a limit.

The pack says it all: `public_fields` which fields (nothing else is ever shown), `public_workers` which kinds of workers
(empty: all), `publicity` who publishes (`by`: government | agency of the township; `exclusive_by`: host_unit), in which
ways it may be done (`one_of`), and the article (`basis`); `worker_duties` the duties by kind of worker.

Registers: `publication` (about the grid): published_at, channels [{channel, place}], version, content_hash, of the
content as it was when it was published. `publication_due` (about the grid): why, case, cause, open; what is to be
published again, from the day on which it holds.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from engine import cases, limits, records, registers
from engine.cases import Opening
from engine.directory import Directory, Posted, Unit
from engine.errors import Refused
from engine.library import Pack, day_of
from engine.model import encode_sorted
from engine.work import MACHINE, Call, Thing, Work
from handlers import facts, governing

PROCESS, START = "publication", "publication_due"
LIMIT = "publish_grid"


def content(work: Work, grid: Unit, pack: Pack, at: datetime | None = None) -> dict[str, Any]:
    """The fields of a grid that the pack lets the public see, as they are now or were at a moment."""
    directory = Directory(work.connection, at or work.now)
    grid = directory.unit(grid.id)
    return _told(_Known(directory, grid.area), grid, pack)


def _told(known: "_Known", grid: Unit, pack: Pack) -> dict[str, Any]:
    return {name: FIELDS[name](known, grid, pack) for name in FIELDS if name in _wanted(pack)}


def shown(work: Work, code: str) -> dict[str, Any] | None:
    """The public content of the grid with this code, under the law in force; None where there is no such grid."""
    grid = work.directory.coded(code)
    if grid is None or grid.kind != "grid":
        return None
    return content(work, grid, governing.pack(work, grid.area, day_of(work.now)))


def changed(work: Work, unit: str, why: str, cause: str, from_day: date | None = None) -> int | None:
    """Something about a grid changed (`why`: grid_changed | worker_changed; `cause`: `case/17`): unless what is
    published still says the same, a task to publish it opens, one at a time. Of a change that holds only `from_day`
    on, it opens on that day. Returns the case of the task, None where there is none (yet)."""
    grid = _grid(work, unit, from_day)
    if grid.kind != "grid":
        return None
    waiting = _waiting(work, grid)
    if from_day is not None and from_day > day_of(work.now):
        _put_due(work, grid, {"why": why, "cause": cause, "case": None, "open": True}, from_day)
        return None
    if waiting is not None and waiting.body["case"]:
        return int(waiting.body["case"])
    pack = _pack(work, grid, cause)
    if _published(work, grid) == _hash(content(work, grid, pack)):
        _close_due(work, grid)
        return None
    owner = responsible(work, grid, pack)
    opening = Opening(
        pack=pack.key,
        area=grid.area,
        unit=owner,
        title=f"公布网格信息：{grid.name}",
        discovered_at=work.now,
        process=PROCESS,
        start=START,
        facts={"subject": grid.id, "own_unit": owner, "why": why},
        cause=cause,
    )
    case = cases.open_(work, MACHINE, opening)
    _put_due(work, grid, {"why": why, "cause": cause, "case": case, "open": True}, day_of(work.now))
    return case


def responsible(work: Work, grid: Unit, pack: Pack) -> str:
    """Who publishes a grid: the township's government or agency, and of an exclusive grid, where the text says so, the
    unit that it lies at (LZ-10). Empty where none is registered."""
    rule = pack.setting("publicity", {})
    host = str(grid.attributes.get("host_unit", ""))
    if host and rule.get("exclusive_by") == "host_unit":
        return host
    kind = "government" if rule.get("by") == "government" else "governance_agency"
    found = work.directory.authority(kind, grid.area, "township")
    return found.id if found else ""


def lawful(work: Work, call: Call) -> Mapping[str, Any]:
    """Guard of the step that says it was published: in one of the ways the law wants at least, and not tomorrow."""
    rule = cases.pack_of(work, call.case).setting("publicity", {})
    ways = {one["channel"] for one in call.arguments["channels"]}
    if not ways & set(rule.get("one_of", ways)):
        raise Refused(
            "publication.way",
            "这种方式不符合公布要求，请至少采用：" + "、".join(CHANNELS[one] for one in rule["one_of"]) + "中的一种。",
            "Published like this it is not enough; use at least one of: " + ", ".join(rule["one_of"]) + ".",
            article=rule.get("basis", ""),
        )
    if _moment(call.arguments["published_at"]) > work.now:
        raise Refused("publication.future", "公布时间不能晚于现在。", "The time of publishing lies in the future.")
    return {}


def keep(work: Work, call: Call) -> Mapping[str, Any]:
    """Registers what was published: channels, moment, and a hash of the content at that moment. What has changed since
    is published in its turn."""
    grid = work.directory.unit(facts.of(work, call)["subject"])
    pack = cases.pack_of(work, call.case)
    moment = _moment(call.said["published_at"])
    before = registers.holding(work, "publication", about=grid.id)
    body = {
        "channels": call.said["channels"],
        "published_at": moment.isoformat(),
        "version": before[0].body["version"] + 1 if before else 1,
        "content_hash": _hash(content(work, grid, pack, moment)),
    }
    unit = facts.of(work, call)["own_unit"]
    registers.put(
        work, call.actor, "publication", grid.id, body, area=grid.area, unit=unit, about=grid.id, case=call.case
    )
    _close_due(work, grid)
    changed(work, grid.id, "grid_changed", f"case/{call.case}")
    return {}


def stale(work: Work, area: str) -> list[dict[str, Any]]:
    """The grids of an area of which the public is told something else than what is so, or nothing: since when, by
    when it was to be published, and whether that time is over."""
    published = {one.about: one for one in registers.holding(work, "publication", inside=area)}
    due = {one.about: one for one in registers.holding(work, "publication_due", inside=area) if one.body["open"]}
    packs: dict[str, Pack] = {}
    known, found = _Known(work.directory, area), []
    for grid in known.grids:
        place = township(grid.area)
        if place not in packs:
            packs[place] = governing.pack(work, grid.area, day_of(work.now))
        pack = packs[place]
        last, task = published.get(grid.id), due.get(grid.id)
        if last is not None and last.body["content_hash"] == _hash(_told(known, grid, pack)):
            continue
        until = limits.due(pack.limits[LIMIT], task.recorded_at, work.calendar).due_at if task else None
        found.append(
            {
                "grid": grid.id,
                "code": grid.code,
                "name": grid.name,
                "published_at": last.body["published_at"] if last else None,
                "changed_at": task.recorded_at.isoformat() if task else None,
                "due_at": until.isoformat() if until else None,
                "overdue": until is not None and work.now > until,
                "case": task.body["case"] if task else None,
            }
        )
    return found


def township(area: str) -> str:
    """The path of the township that something lies in: province, city, county, township. One pack governs it."""
    return "/".join(area.split("/")[:5]) + "/"


def due(work: Work) -> list[Thing]:
    """What is to be published again and whose day has come."""
    waiting = registers.holding(work, "publication_due")
    return [Thing(one.id, one.area, _cause_case(one.body["cause"])) for one in waiting if _untold(one)]


def catch_up(work: Work, thing: Thing) -> None:
    """Opens a task to publish whose day has come, unless another node has."""
    records.head(work.connection, thing.id)
    work.after_waiting()
    entry = registers.get(work, thing.id)
    if _untold(entry):
        changed(work, str(entry.about), entry.body["why"], entry.body["cause"])


def _untold(entry: registers.Registered) -> bool:
    """Whether nobody has the task yet."""
    return bool(entry.body["open"] and entry.body["case"] is None and entry.about)


# -- what may be shown -------------------------------------------------------------------------------

CHANNELS = {"place": "村（居）民主要活动场所", "board": "公示牌", "card": "联系卡", "online": "互联网"}
WORKER_FIELDS = {"worker_name": "name", "worker_kind": "kind", "worker_contact": "contact", "worker_duties": "duties"}


class _Known:
    """What can be told of the grids of an area, looked up for all of them at once: two queries, however many."""

    def __init__(self, directory: Directory, area: str) -> None:
        units = directory.in_reach(area, "grid", "micro_grid", "governance_agency")
        self.grids = [one for one in units if one.kind == "grid" and one.area.startswith(area)]
        self.micro_grids: dict[str, list[Unit]] = {}
        self.agencies: dict[tuple[str, str], Unit] = {}
        self.staff: dict[str, list[Posted]] = {}
        for one in units:
            if one.kind == "micro_grid":
                self.micro_grids.setdefault(_around(one.area), []).append(one)
            elif one.kind == "governance_agency":
                self.agencies.setdefault((one.area, one.level), one)
        for post in directory.posted_inside("grid", area):
            self.staff.setdefault(post.unit, []).append(post)

    def agency(self, area: str, level: str) -> Unit | None:
        """The agency of a level whose territory contains the area; as `Directory.agency_of`."""
        while area:
            if (area, level) in self.agencies:
                return self.agencies[area, level]
            area = _around(area)
        return None


def _around(area: str) -> str:
    """The path of what an area lies in; empty for the whole country."""
    return area[: area.rindex("/", 0, -1) + 1] if area.count("/") > 1 else ""


def _wanted(pack: Pack) -> set[str]:
    listed = set(pack.setting("public_fields", ()))
    return listed | ({"workers"} if listed & WORKER_FIELDS.keys() else set())


def _workers(known: _Known, grid: Unit, pack: Pack) -> list[dict[str, str]]:
    kinds = pack.setting("public_workers", ())
    people = {one.person: one for one in known.staff.get(grid.id, ()) if one.worker_kind}
    told = [_worker(one, pack) for one in people.values() if not kinds or one.worker_kind in kinds]
    return [{name: one[name] for field, name in WORKER_FIELDS.items() if field in _wanted(pack)} for one in told]


def _worker(one: Posted, pack: Pack) -> dict[str, str]:
    kind = str(one.worker_kind)
    duties = pack.setting("worker_duties", {}).get(kind, {}).get("zh", "")
    return {"name": one.name, "kind": kind, "contact": one.contact, "duties": duties}


def _micro_grids(known: _Known, grid: Unit, _: Pack) -> list[dict[str, str]]:
    return [
        {"name": one.name, "area_range": str(one.attributes.get("boundary", ""))}
        for one in known.micro_grids.get(grid.area, ())
    ]


def _phone(known: _Known, grid: Unit, _: Pack) -> str:
    """The telephone for complaints of the nearest agency that has one."""
    agencies = (known.agency(grid.area, level) for level in ("township", "county", "city"))
    return next((str(one.attributes["supervision_phone"]) for one in agencies if one and _has_phone(one)), "")


def _has_phone(agency: Unit) -> bool:
    return bool(agency.attributes.get("supervision_phone"))


FIELDS: Mapping[str, Callable[[_Known, Unit, Pack], Any]] = {
    "grid_name": lambda _, grid, __: grid.name,
    "area_range": lambda _, grid, __: str(grid.attributes.get("boundary", "")),
    "micro_grids": _micro_grids,
    "workers": _workers,
    "supervision_phone": _phone,
}


# -- what is published, and what is to be ------------------------------------------------------------


def _hash(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(encode_sorted(dict(told))).hexdigest()


def _published(work: Work, grid: Unit) -> str:
    return next((str(one.body["content_hash"]) for one in registers.holding(work, "publication", about=grid.id)), "")


def _open_due(work: Work, grid: Unit) -> Iterator[registers.Registered]:
    for one in registers.holding(work, "publication_due", about=grid.id):
        if one.body["open"]:
            yield one


def _waiting(work: Work, grid: Unit) -> registers.Registered | None:
    return next(_open_due(work, grid), None)


def _put_due(work: Work, grid: Unit, body: Mapping[str, Any], first: date, last: date | None = None) -> None:
    registers.put(
        work, MACHINE, "publication_due", grid.id, body, area=grid.area, unit="", about=grid.id,
        case=body["case"], valid_from=first, valid_to=last,
    )  # fmt: skip


def _close_due(work: Work, grid: Unit) -> None:
    """Nothing is to be published any more: known until the end of the day."""
    for one in _open_due(work, grid):
        _put_due(work, grid, {**one.body, "open": False}, day_of(work.now), day_of(work.now))


def _grid(work: Work, unit: str, from_day: date | None) -> Unit:
    """A grid, or the grid that a micro-grid lies in; also one that is there only from a later day."""
    directory = work.directory if from_day is None else Directory(work.connection, _at(work, from_day))
    found = directory.unit(unit)
    return directory.unit(str(found.parent)) if found.kind == "micro_grid" else found


def _at(work: Work, day: date) -> datetime:
    return max(work.now, datetime.combine(day, work.now.timetz()))


def _pack(work: Work, grid: Unit, cause: str) -> Pack:
    """The pack of the case that led to it, otherwise the one in force."""
    case = _cause_case(cause)
    return cases.pack_of(work, case) if case else governing.pack(work, grid.area, day_of(work.now))


def _cause_case(cause: str) -> int:
    """The case that something came of; 0 where it was none."""
    kind, _, id = cause.partition("/")
    return int(id) if kind == "case" and id.isdigit() else 0


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise Refused(
            "publication.zone",
            "公布时间请写成带时区的时间，例如 2026-03-02T09:00:00+08:00。",
            "Write the time of publishing with its zone, like 2026-03-02T09:00:00+08:00.",
        )
    return moment
