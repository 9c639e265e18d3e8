"""Who may do what where: divisions as a tree, the units in them, people, their posts, absences and training.

`Directory` answers for one moment: what held on that day (Asia/Shanghai), as it was known at that moment, so any
past one can be asked about. The acts below it write: nothing is overwritten, a row that no longer holds is
marked superseded, and each act leaves a record. People are opaque ids there; names are personal data
and lie among the erasable values. What a role is, and where it fits, is data that the caller brings.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, bindparam, func, or_, select

from engine import records, versions
from engine.calendars import local
from engine.errors import Finding, Forbidden, Invalid, NotFound, Refused, Words
from engine.model import Value, decode, encode_sorted
from engine.records import Entry
from engine.store import Prepared
from engine.tables import Instant, absence, case, person, post, step, training, unit

LEVELS = ("province", "city", "county", "township", "village", "grid", "micro_grid")
UNIT_KINDS = (
    "division",
    "governance_agency",
    "department",
    "government",
    "party_committee",
    "committee",
    "functional_area",
    "host_unit",
    "grid",
    "micro_grid",
)
TERRITORIES = frozenset({"division", "functional_area", "grid", "micro_grid"})
"""Kinds that are a piece of land: their code is one step of the path of areas. All others lie in one."""
WORKER_KINDS = ("grid_chief", "full_time", "part_time")

LEVEL_NAMES: Mapping[str, Words] = {
    "province": Words("省级", "province"),
    "city": Words("市级", "city"),
    "county": Words("县级", "county"),
    "township": Words("镇街", "township"),
    "village": Words("村（社区）", "village"),
    "grid": Words("网格", "grid"),
    "micro_grid": Words("微网格", "micro-grid"),
}


class Unit(Value, frozen=True):
    """A division, an organisation in it, or a grid, as it is from `valid_from` to `valid_to` (both included).
    `area` is the path of codes down to it: `/32/3211/321102/`. `attributes`: among others `functions`, the list
    of what a department is competent for."""

    id: str
    kind: str
    level: str
    code: str
    name: str
    parent: str | None
    area: str
    attributes: dict[str, Any]
    valid_from: date
    valid_to: date | None


class Actor(Value, frozen=True):
    """A person acting in one post."""

    person: str
    post: str
    role: str
    unit: str
    area: str


class Held(NamedTuple):
    """A step that somebody holds: the number of its matter, and the step's name."""

    number: str
    name: str


class Posted(Value, frozen=True):
    """Somebody with a post in a unit. `contact` is a work contact, empty where none is recorded."""

    unit: str
    person: str
    post: str
    role: str
    name: str
    worker_kind: str | None
    contact: str


_UNIT_BY_ID = Prepared(
    select(unit).where(
        unit.c.id == bindparam("id"), versions.valid(unit, bindparam("at", type_=Instant()), bindparam("day"))
    )
)
_PASSED = Prepared(
    select(training.c.kind).where(
        training.c.person == bindparam("person"),
        training.c.passed,
        versions.valid(training, bindparam("at", type_=Instant()), bindparam("day")),
    )
)


class Directory:
    """Units, posts and people on the day of `at` (aware), as known at `at`."""

    def __init__(self, connection: Connection, at: datetime) -> None:
        self._connection = connection
        self._at = at
        self._day = local(at).date().isoformat()

    # -- units

    def unit(self, id: str) -> Unit:
        """The unit with this id. Raises `NotFound` when there is none on this day."""
        found = _UNIT_BY_ID.first(self._connection, {"id": id, "day": self._day, "at": self._at})
        if found is None:
            raise _no_unit(id)
        return _unit(found)

    def units(self, kind: str | None = None, area: str | None = None) -> list[Unit]:
        """All units of a kind, inside an area; by area, then id."""
        kinds = [unit.c.kind == kind] if kind else []
        inside = [unit.c.area.startswith(area, autoescape=True)] if area else []
        return self._units(*kinds, *inside)

    def coded(self, code: str) -> Unit | None:
        """The unit that has a code on this day; None: none has."""
        return next(iter(self._units(unit.c.code == code)), None)

    def code_owner(self, code: str) -> str | None:
        """The id of the unit that has a code, or ever had it: codes are never used again."""
        query = select(unit.c.id).where(unit.c.code == code, unit.c.recorded_at <= self._at)
        return self._connection.execute(query.order_by(unit.c.row).limit(1)).scalar()

    def unit_name(self, id: str) -> str:
        """The name of a unit, also of one that is no more; its id when there never was one."""
        return self._last_name(unit, id)

    def name(self, person_id: str) -> str:
        """The name of a person, also of one who has left; the id when there never was one."""
        return self._last_name(person, person_id)

    def worker_kind(self, person_id: str) -> str | None:
        """What kind of grid worker somebody is; None for everybody else."""
        query = select(person.c.worker_kind).where(person.c.id == person_id, self._holds(person))
        kind = self._connection.execute(query).scalar()
        return None if kind is None else str(kind)

    def agency_of(self, area: str, level: str) -> Unit | None:
        """The governance agency of this level whose territory contains the area; the first by id."""
        return self._first("governance_agency", area, level)

    def authority(self, kind: str, area: str, level: str) -> Unit | None:
        """The unit of a kind and level whose territory contains the area; the first by id."""
        return self._first(kind, area, level)

    def committees(self, area: str) -> list[Unit]:
        """The village and residents' committees whose territory lies in the area or contains it, by area."""
        return self._units(unit.c.kind == "committee", unit.c.level == "village", _touches(area))

    def in_reach(self, area: str, *kinds: str) -> list[Unit]:
        """Every unit that lies in an area or is of the territory around it, by area and id: whom one there can name.
        Of some kinds, where they are named."""
        return self._units(_touches(area), *([unit.c.kind.in_(kinds)] if kinds else []))

    def inside(self, kind: str, area: str) -> list[Unit]:
        """The units of a kind that lie in an area, by area and id."""
        return self._units(unit.c.kind == kind, unit.c.area.startswith(area, autoescape=True))

    def agency_above(self, of: Unit) -> Unit | None:
        """The next governance agency above a unit, one level at a time (X3-20.2b)."""
        higher = LEVELS[: LEVELS.index(of.level)]
        found = self._around("governance_agency", of.area, higher)
        return max(found, key=lambda agency: LEVELS.index(agency.level), default=None)

    def government_of(self, of: Unit) -> Unit:
        """The government of the same level and territory (ZJ-13.4, ZJ-14): for a township's agency the township
        government or the sub-district office. Raises `NotFound` when none is recorded."""
        return self._same_level("government", of, Words("同级人民政府（街道办事处）", "government of the same level"))

    def party_committee_of(self, of: Unit) -> Unit:
        """The party committee of the same level and territory (ZJD-14). Raises `NotFound`."""
        return self._same_level("party_committee", of, Words("同级党委", "party committee of the same level"))

    def departments(self, area: str, level: str, function: str | None = None) -> list[Unit]:
        """The departments of this level that are competent in the area, for a function; by id."""
        found = self._around("department", area, [level])
        fitting = [item for item in found if function is None or function in item.attributes.get("functions", [])]
        return sorted(fitting, key=lambda item: item.id)

    def covers(self, actor_area: str, area: str) -> bool:
        """Whether what lies in `area` is inside `actor_area`."""
        return covers(actor_area, area)

    # -- people

    def actor(self, person_id: str, post_id: str | None = None) -> Actor:
        """The person in the chosen post, or in the first by id. Raises `Forbidden` when the post is not theirs
        on this day, or when they have none."""
        found = self.actors(person_id)
        chosen = [actor for actor in found if post_id in (None, actor.post)]
        if chosen:
            return chosen[0]
        raise self._no_post(person_id, post_id)

    def actors(self, person_id: str) -> list[Actor]:
        """The person in each post they hold on this day, in a unit that still exists; by id of the post."""
        query = (
            select(post.c.id, post.c.role, post.c.unit, unit.c.area)
            .join(unit, and_(unit.c.id == post.c.unit, self._holds(unit)))
            .join(person, and_(person.c.id == post.c.person, self._holds(person)))
            .where(post.c.person == person_id, self._holds(post))
            .order_by(post.c.id)
        )
        return [Actor(person_id, row.id, row.role, row.unit, row.area) for row in self._connection.execute(query)]

    def holders(self, role: str, unit_id: str) -> list[str]:
        """Who can act for a role in a unit today: who holds it and is not absent, and the substitutes of
        those who are. A substitute has to be present too; nobody substitutes a substitute. By id; whether they are
        trained for it is another question (see `untrained`)."""
        holding = self._holding(role, unit_id)
        away = self._away(holding)
        return sorted((holding - away.keys()) | self._present(away.values()))

    def stands_in(self, actor: Actor, role: str, unit_id: str) -> bool:
        """Whether the actor's own post is this role in this unit, or the actor substitutes an absent holder."""
        if (actor.role, actor.unit) == (role, unit_id):
            return True
        substitutes = self._away(self._holding(role, unit_id)).values()
        return actor.person in substitutes and actor.person in self.holders(role, unit_id)

    def _lacks(self, person_id: str, needed: Collection[str]) -> Words | None:
        """Which of the trainings needed a person has not passed, in words; None: none."""
        if not needed:
            return None
        found = _PASSED.all(self._connection, {"person": person_id, "at": self._at, "day": self._day})
        lacking = sorted(set(needed) - {row["kind"] for row in found})
        if not lacking:
            return None
        zh, en = "、".join(TRAININGS[k].zh for k in lacking), ", ".join(TRAININGS[k].en for k in lacking)
        return Words(f"尚未通过{zh}，不能上岗。", f"Not on duty before passing: {en}.")

    def untrained(self, person_id: str, role: str, gate: Mapping[str, Any]) -> Words | None:
        """What a person still has to pass before duty in a role, by a pack's training gate: `roles` names the
        trainings each role needs (`{"grid_worker": ["pre_job"]}`, ZJ-23.b; an assessment too by LZ-21), a role that is
        not named needs none; with `first_time_only` (LZ-21) whoever served in the role before needs none."""
        lacking = self._lacks(person_id, gate.get("roles", {}).get(role, ()))
        if lacking is not None and gate.get("first_time_only") and self._served_before(person_id, role):
            return None
        return lacking

    def held(self, person_id: str) -> list[Held]:
        """The open steps that a person has signed for or was given, the longest waiting first."""
        query = (
            select(case.c.number, step.c.name)
            .join(case, case.c.id == step.c.case)
            .where(step.c.person == person_id, step.c.status == "open")
            .order_by(step.c.id)
        )
        return [Held(*row) for row in self._connection.execute(query)]

    def posted(self, unit_id: str) -> list[Posted]:
        """Who has a post in a unit, also those who are absent; by role, then person."""
        return self._posted(post.c.unit == unit_id)

    def posted_inside(self, kind: str, area: str) -> list[Posted]:
        """Who has a post in any unit of a kind in an area; by unit, role, then person."""
        return self._posted(unit.c.kind == kind, unit.c.area.startswith(area, autoescape=True))

    def _posted(self, *conditions: ColumnElement[bool]) -> list[Posted]:
        query = (
            select(post.c.unit, post.c.person, post.c.id, post.c.role)
            .add_columns(person.c.name, person.c.worker_kind, person.c.contact)
            .join(person, and_(person.c.id == post.c.person, self._holds(person)))
            .join(unit, and_(unit.c.id == post.c.unit, self._holds(unit)))
            .where(self._holds(post), *conditions)
            .order_by(post.c.unit, post.c.role, post.c.person)
        )
        found = self._connection.execute(query)
        return [Posted(o.unit, o.person, o.id, o.role, o.name, o.worker_kind, o.contact or "") for o in found]

    # -- what stands behind

    def _served_before(self, person_id: str, role: str) -> bool:
        """Whether the person had a post of this role that has ended."""
        query = select(post.c.id).where(post.c.person == person_id, post.c.role == role, post.c.valid_to < self._day)
        return self._connection.execute(query.where(post.c.recorded_at <= self._at).limit(1)).first() is not None

    def _holds(self, table: Table) -> ColumnElement[bool]:
        """Rows that hold on the day and were known at the moment."""
        return versions.valid(table, self._at, self._day)

    def _last_name(self, table: Table, id: str) -> str:
        """The name of the newest version that had begun by the day."""
        names = select(table.c.name).where(table.c.id == id, table.c.recorded_at <= self._at)
        begun = (table.c.valid_from <= self._day).desc()
        return self._connection.execute(names.order_by(begun, table.c.row.desc()).limit(1)).scalar() or id

    def _units(self, *conditions: ColumnElement[bool]) -> list[Unit]:
        query = select(unit).where(self._holds(unit), *conditions).order_by(unit.c.area, unit.c.id)
        return [_unit(dict(row)) for row in self._connection.execute(query).mappings()]

    def _around(self, kind: str, area: str, levels: Sequence[str]) -> list[Unit]:
        """Units of a kind and of these levels whose territory contains the area."""
        return self._units(unit.c.kind == kind, unit.c.level.in_(levels), unit.c.area.in_(_paths(area)))

    def _first(self, kind: str, area: str, level: str) -> Unit | None:
        """Territories of one level do not lie in each other, so all that are found lie in the same one."""
        return min(self._around(kind, area, [level]), key=lambda found: found.id, default=None)

    def _same_level(self, kind: str, of: Unit, what: Words) -> Unit:
        found = self._first(kind, of.area, of.level)
        if found is None:
            raise NotFound(
                f"directory.no-{kind.replace('_', '-')}",
                f"“{of.name}”没有登记{what.zh}，请先在组织机构中登记。",
                f"No {what.en} is recorded for “{of.name}”. Record it among the units first.",
            )
        return found

    def _no_post(self, person_id: str, post_id: str | None) -> Forbidden:
        """The words say more about one's own past post, and nothing about somebody else's."""
        if post_id is None:
            return Forbidden(
                "directory.no-post",
                f"您在{self._day}没有任职岗位，请联系本单位管理员。",
                f"You hold no post on {self._day}. Ask the administrator of your unit.",
            )
        mine = (post.c.id == post_id, post.c.person == person_id, post.c.recorded_at <= self._at)
        last = self._connection.execute(
            select(post.c.valid_to).where(*mine, post.c.superseded_at.is_(None)).order_by(post.c.valid_from.desc())
        ).first()
        if last is not None and last.valid_to is not None and last.valid_to < self._day:
            return Forbidden(
                "directory.post-ended",
                f"您的这一岗位已于{last.valid_to}结束，请改用现任岗位。",
                f"This post of yours ended on {last.valid_to}. Use one that you hold now.",
            )
        return Forbidden(
            "directory.no-such-post",
            f"您在{self._day}不担任此岗位，请改用现任岗位。",
            f"You do not hold this post on {self._day}. Use one that you hold now.",
        )

    def _holding(self, role: str, unit_id: str) -> set[str]:
        query = (
            select(post.c.person)
            .join(person, and_(person.c.id == post.c.person, self._holds(person)))
            .where(post.c.role == role, post.c.unit == unit_id, self._holds(post))
        )
        return set(self._connection.execute(query).scalars())

    def _away(self, people: Collection[str]) -> dict[str, str | None]:
        """Who of these is absent on the day, and who substitutes them."""
        query = select(absence.c.person, absence.c.substitute).where(absence.c.person.in_(people), self._holds(absence))
        return {row.person: row.substitute for row in self._connection.execute(query)} if people else {}

    def _present(self, people: Iterable[str | None]) -> set[str]:
        known = {one for one in people if one}
        query = select(person.c.id).where(person.c.id.in_(known), self._holds(person))
        here = set(self._connection.execute(query).scalars()) if known else set()
        return here - self._away(here).keys()


TRAININGS: Mapping[str, Words] = {
    "pre_job": Words("入职前培训", "pre-job training"),
    "assessment": Words("上岗考核", "assessment"),
    "periodic": Words("定期培训", "periodic training"),
}


def covers(actor_area: str, area: str) -> bool:
    """Whether what lies in `area` is inside `actor_area`: the prefix rule. Areas end in a slash, so that
    `/32/3211/` does not cover `/32/32112/`; anything else covers nothing."""
    return actor_area.endswith("/") and area.startswith(actor_area)


def _paths(area: str) -> list[str]:
    """The area and everything around it: `/32/3211/` gives `/`, `/32/`, `/32/3211/`."""
    codes = [code for code in area.split("/") if code]
    return ["/", *("/" + "/".join(codes[: end + 1]) + "/" for end in range(len(codes)))]


def _touches(area: str) -> ColumnElement[bool]:
    """Whether a unit lies in the area, or its territory contains it."""
    return or_(unit.c.area.startswith(area, autoescape=True), unit.c.area.in_(_paths(area)))


def _unit(row: Mapping[str, Any]) -> Unit:
    return Unit(
        id=row["id"],
        kind=row["kind"],
        level=row["level"],
        code=row["code"],
        name=row["name"],
        parent=row["parent"],
        area=row["area"],
        attributes=decode(row["attributes"], dict[str, Any]),
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
    )


# -- units: writing ----------------------------------------------------------------------------------


def put_unit(
    connection: Connection,
    id: str,
    *,
    kind: str,
    level: str,
    code: str,
    name: str,
    parent: str | None,
    valid_from: date,
    valid_to: date | None = None,
    attributes: Mapping[str, Any] | None = None,
    by: Actor,
    at: datetime,
) -> Unit:
    """A new unit, or how a known one is from `valid_from` on; until the next version already planned, or until
    `valid_to`, which ends the unit. When its area changes, that of everything in it changes with it.

    The area is derived from the parent. Raises `Invalid` with all findings, `Conflict` when something about the
    unit was recorded later than `at`.
    """
    versions.alone(connection, unit)
    values: dict[str, Any] = {"kind": kind, "level": level, "code": code, "name": name, "parent": parent}
    above = versions.current(connection, unit, parent, valid_from) if parent else None
    faults = [
        *_shape_faults(id, values),
        *_changed_faults(connection, id, kind, level),
        *_date_faults(id, valid_from, valid_to),
        *_place_faults(connection, id, values, above, valid_from),
        *_span_faults(connection, id, above, valid_to),
        *_code_faults(connection, id, code),
        *_end_faults(connection, id, valid_to),
    ]
    _raise(faults, f"单位“{name}”", f"the unit “{name}”")
    values |= {
        "area": _area(kind, code, above),
        "attributes": encode_sorted(dict(attributes or {})).decode(),
    }
    written = versions.put(connection, unit, id, values, valid_from, valid_to, at)
    known = _unit(dict(written._mapping))
    detail = {**values, "attributes": known.attributes, **versions.dates(written)}
    _note(connection, f"unit/{id}", "unit-put", by, detail, at, known.area)
    _carry_along(connection, known, by, at)
    for row in _versions_after(connection, parent, known.valid_from):
        _carry_along(connection, _unit(dict(row._mapping)), by, at)
    return known


def _area(kind: str, code: str, above: Row[Any] | None) -> str:
    around = above.area if above else "/"
    return f"{around}{code}/" if kind in TERRITORIES else around


def _shape_faults(id: str, values: Mapping[str, Any]) -> Iterator[Finding]:
    kind, level, code = values["kind"], values["level"], values["code"]
    if not id or not values["name"].strip():
        yield _fault("name", id, "单位须有编号和名称。", "A unit needs an id and a name.")
    if kind not in UNIT_KINDS:
        yield _fault(
            "kind",
            id,
            f"没有“{kind}”这一单位类型，可用：{'、'.join(UNIT_KINDS)}。",
            f"There is no kind of unit “{kind}”. Use one of: {', '.join(UNIT_KINDS)}.",
        )
    if level not in LEVELS:
        yield _fault(
            "level",
            id,
            f"没有“{level}”这一层级，可用：{'、'.join(LEVELS)}。",
            f"There is no level “{level}”. Use one of: {', '.join(LEVELS)}.",
        )
    if not code or "/" in code or code != code.strip():
        yield _fault(
            "code",
            id,
            f"代码“{code}”不可用：不得为空，不得含斜杠或首尾空格。",
            f"The code “{code}” cannot be used: it must not be empty, hold a slash or begin or end with a space.",
        )


def _changed_faults(connection: Connection, id: str, kind: str, level: str) -> Iterator[Finding]:
    """What lies in a unit and is held in it fits its kind and level, so these stay."""
    query = select(unit.c.kind, unit.c.level).where(unit.c.id == id, unit.c.superseded_at.is_(None)).limit(1)
    row = connection.execute(query).first()
    if row is not None and (row.kind, row.level) != (kind, level):
        yield _fault(
            "changed",
            id,
            f"已登记单位的类型和层级（{row.kind}、{row.level}）不能更改，请新设单位。",
            f"Kind and level of a recorded unit ({row.kind}, {row.level}) stay as they are: record a new unit.",
        )


def _span_faults(connection: Connection, id: str, above: Row[Any] | None, valid_to: date | None) -> Iterator[Finding]:
    if above is None or above.valid_to is None:
        return
    versions = [above, *_versions_after(connection, above.id, date.fromisoformat(above.valid_from))]
    last = versions[-1].valid_to
    if last is not None and (valid_to is None or valid_to.isoformat() > last):
        yield _fault(
            "parent",
            id,
            f"上级单位“{above.name}”至{last}为止，请先调整结束日期。",
            f"The parent unit “{above.name}” ends on {last}: end this unit by then, or change that one first.",
        )


def _versions_after(connection: Connection, id: str | None, day: date) -> Sequence[Row[Any]]:
    query = select(unit).where(unit.c.id == id, unit.c.superseded_at.is_(None), unit.c.valid_from > day.isoformat())
    return connection.execute(query.order_by(unit.c.valid_from)).all()


def _place_faults(
    connection: Connection, id: str, values: Mapping[str, Any], above: Row[Any] | None, day: date
) -> Iterator[Finding]:
    """What a unit may lie in. Codes, grids: JS-8; a grid belongs to exactly one village (product default)."""
    kind, level, parent = values["kind"], values["level"], values["parent"]
    if kind not in UNIT_KINDS or level not in LEVELS:
        return
    if parent is None:
        if (kind, level) != ("division", "province"):
            yield _fault("parent", id, "除省级区划外，单位须有上级。", "Every unit but a province needs a parent unit.")
        return
    if above is None:
        yield _fault(
            "parent",
            id,
            f"上级单位“{parent}”在{day}不存在，请先登记。",
            f"The parent unit “{parent}” does not exist on {day}. Record it first.",
        )
        return
    if parent == id or id in _ancestors(connection, above, day):
        yield _fault(
            "circle",
            id,
            "单位不能隶属于自己或自己的下级。",
            "A unit cannot lie in itself or in a unit below it.",
        )
        return
    yield from _fit_faults(id, kind, level, above)


def _fit_faults(id: str, kind: str, level: str, above: Row[Any]) -> Iterator[Finding]:
    lower = LEVELS.index(level) > LEVELS.index(above.level)
    if kind in ("grid", "micro_grid"):
        wanted = ("village", "division") if kind == "grid" else ("grid", "grid")
        if level != kind or (above.level, above.kind) != wanted:
            yield _fault(
                "grid",
                id,
                "网格须隶属于一个村（社区），微网格须隶属于一个网格，层级须与类型一致。",
                "A grid lies in exactly one village, a micro-grid in one grid; its level says the same.",
            )
    elif kind in TERRITORIES and not (above.kind in TERRITORIES and lower):
        yield _fault(
            "level-order",
            id,
            f"{LEVEL_NAMES[level].zh}区划不能隶属于“{above.name}”：上级须是更高一级的区划。",
            f"A {LEVEL_NAMES[level].en} cannot lie in “{above.name}”: it has to lie in a higher division.",
        )
    elif kind not in TERRITORIES and level != above.level:
        yield _fault(
            "level-order",
            id,
            f"单位层级须与所在的“{above.name}”一致（{LEVEL_NAMES[above.level].zh}）。",
            f"A unit has the level of what it lies in: “{above.name}” is {LEVEL_NAMES[above.level].en}.",
        )


def _ancestors(connection: Connection, row: Row[Any], day: date) -> set[str]:
    """The ids from this unit upwards; ends in any case."""
    seen = {row.id}
    while row.parent and row.parent not in seen:
        above = versions.current(connection, unit, row.parent, day)
        if above is None:
            break
        row = above
        seen.add(row.id)
    return seen


def _code_faults(connection: Connection, id: str, code: str) -> Iterator[Finding]:
    """A code that any other unit ever had stays its own (JS-8: unique; never used again: product default)."""
    query = select(unit.c.id, unit.c.name).where(unit.c.code == code, unit.c.id != id)
    row = connection.execute(query.order_by(unit.c.row).limit(1)).first()
    if row is not None:
        yield _fault(
            "code-used",
            id,
            f"代码“{code}”已由“{row.name}”使用过，代码不得重复使用，请另编代码。",
            f"The code “{code}” belongs or belonged to “{row.name}”. Codes are never used again: choose another.",
            "JS-8",
        )


def _end_faults(connection: Connection, id: str, valid_to: date | None) -> Iterator[Finding]:
    """A unit that ends leaves nothing behind that still lies in it or is held in it."""
    if valid_to is None:
        return
    later = (valid_to + timedelta(days=1)).isoformat()
    for table, column, zh, en in (
        (unit, unit.c.parent, "下级单位", "units in it"),
        (post, post.c.unit, "在任岗位", "posts held in it"),
    ):
        ends = or_(table.c.valid_to.is_(None), table.c.valid_to >= later)
        query = select(func.count(func.distinct(table.c.id))).where(column == id, table.c.superseded_at.is_(None), ends)
        count = connection.execute(query).scalar_one()
        if count:
            yield _fault(
                "still-used",
                id,
                f"{valid_to}之后仍有{count}个{zh}，请先调整。",
                f"There are still {count} {en} after {valid_to}. Move or end them first.",
            )


def _carry_along(connection: Connection, above: Unit, by: Actor, at: datetime) -> None:
    """Gives what lies in a unit, in this version of it, the area that follows from it."""
    last = above.valid_to.isoformat() if above.valid_to else None
    query = select(unit).where(
        unit.c.parent == above.id,
        unit.c.superseded_at.is_(None),
        unit.c.id != above.id,
        or_(unit.c.valid_to.is_(None), unit.c.valid_to >= above.valid_from.isoformat()),
        *([unit.c.valid_from <= last] if last else []),
    )
    for row in connection.execute(query).all():
        area = f"{above.area}{row.code}/" if row.kind in TERRITORIES else above.area
        if area != row.area:
            begin = max(date.fromisoformat(row.valid_from), above.valid_from)
            end = min((day for day in (versions.day_or_none(row.valid_to), above.valid_to) if day), default=None)
            values = {name: row._mapping[name] for name in ("kind", "level", "code", "name", "parent", "attributes")}
            written = versions.put(connection, unit, row.id, {**values, "area": area}, begin, end, at, rest=True)
            moved = _unit(dict(written._mapping))
            detail = {"area": area, "with": above.id, **versions.dates(written)}
            _note(connection, f"unit/{row.id}", "unit-moved", by, detail, at, area)
            _carry_along(connection, moved, by, at)


# -- people: writing ---------------------------------------------------------------------------------


def put_person(
    connection: Connection,
    id: str,
    *,
    name: str,
    contact: str | None = None,
    worker_kind: str | None = None,
    valid_from: date,
    valid_to: date | None = None,
    by: Actor,
    at: datetime,
    area: str,
) -> None:
    """A person, or how a known one is from `valid_from` on. `contact` is a work contact; `worker_kind` one of
    `WORKER_KINDS` for grid workers. `area` is that of the unit which keeps the person's data. Name and contact go
    to the record as erasable values. Raises `Invalid`, `Conflict`."""
    versions.alone(connection, person)
    kinds: list[Finding] = []
    if worker_kind is not None and worker_kind not in WORKER_KINDS:
        kinds.append(
            _fault(
                "worker-kind",
                id,
                f"没有“{worker_kind}”这类网格员，可用：{'、'.join(WORKER_KINDS)}。",
                f"There is no kind of worker “{worker_kind}”. Use one of: {', '.join(WORKER_KINDS)}.",
            )
        )
    if not id or not name.strip():
        kinds.append(_fault("name", id, "人员须有编号和姓名。", "A person needs an id and a name."))
    _raise([*kinds, *_date_faults(id, valid_from, valid_to)], f"人员“{id}”", f"the person “{id}”")
    values = {"name": name, "contact": contact, "worker_kind": worker_kind}
    written = versions.put(connection, person, id, values, valid_from, valid_to, at)
    secret = {"name": name, **({"contact": contact} if contact else {})}
    detail = {**({"worker_kind": worker_kind} if worker_kind else {}), **versions.dates(written)}
    _note(connection, f"person/{id}", "person-put", by, detail, at, area, secret)


def give_post(
    connection: Connection,
    id: str,
    *,
    person: str,
    unit: str,
    role: str,
    valid_from: date,
    valid_to: date | None = None,
    roles: Mapping[str, Collection[str]],
    by: Actor,
    at: datetime,
) -> None:
    """Gives a person a role in a unit. `roles` says which kinds of units each role fits; the same role in the
    same unit cannot be held twice at once. Raises `Invalid` with all findings."""
    versions.alone(connection, post)
    where = versions.current(connection, _UNIT, unit, valid_from)
    faults = [
        *_date_faults(id, valid_from, valid_to),
        *_person_faults(connection, id, person, valid_from),
        *_role_faults(id, role, unit, where, roles),
        *_known_faults(connection, post, id),
        *_twice_faults(connection, post, id, (post.c.person == person, post.c.unit == unit, post.c.role == role),
                       valid_from, valid_to, Words("同一岗位", "the same post")),
    ]  # fmt: skip
    _raise(faults, f"岗位“{id}”", f"the post “{id}”")
    written = versions.put(
        connection, post, id, {"person": person, "unit": unit, "role": role}, valid_from, valid_to, at
    )
    detail = {"post": id, "unit": unit, "role": role, **versions.dates(written)}
    _note(connection, f"person/{person}", "post-given", by, detail, at, where.area if where else "/")


def end_post(connection: Connection, id: str, *, last_day: date, by: Actor, at: datetime) -> None:
    """Ends a post after `last_day`. Raises `Refused` while the person holds open steps that nobody else could go
    on with: reassign them first (X3-15; product default elsewhere). Raises `NotFound`, `Invalid`."""
    versions.alone(connection, post)
    current = select(post).where(post.c.id == id, post.c.superseded_at.is_(None)).order_by(post.c.valid_from)
    rows = connection.execute(current).all()
    if not rows:
        raise NotFound("directory.no-such-post", f"没有岗位“{id}”。", f"There is no post “{id}”.")
    first, last = rows[0], rows[-1]
    if last_day.isoformat() < first.valid_from or (last.valid_to and last_day.isoformat() > last.valid_to):
        fault = _fault(
            "dates",
            id,
            f"最后任职日{last_day}须在任期之内（{first.valid_from}至{last.valid_to or '今后'}）。",
            f"The last day {last_day} has to lie in the term ({first.valid_from} to {last.valid_to or 'open'}).",
        )
        _raise([fault], f"岗位“{id}”", f"the post “{id}”")
    _refuse_stranding(connection, first, last_day)
    versions.cut(connection, post, id, last_day + timedelta(days=1), None, at)
    where = versions.current(connection, _UNIT, first.unit, last_day)
    detail = {"post": id, "unit": first.unit, "role": first.role, "last_day": last_day.isoformat()}
    _note(connection, f"person/{first.person}", "post-ended", by, detail, at, where.area if where else "/")


def report_absence(
    connection: Connection,
    id: str,
    *,
    person: str,
    substitute: str | None,
    reason: str,
    valid_from: date,
    valid_to: date | None = None,
    by: Actor,
    at: datetime,
) -> None:
    """A person is absent, and who substitutes them (None: nobody). Reported again under the same id, it replaces
    what was reported, so an early return is a report with an earlier `valid_to`. The reason may tell of
    somebody's health: it goes to the record as an erasable value. Raises `Invalid`: an unknown person, two
    absences at once, somebody substituting themselves or the one who substitutes them."""
    versions.alone(connection, absence)
    faults = [
        *_date_faults(id, valid_from, valid_to),
        *_person_faults(connection, id, person, valid_from),
        *_substitute_faults(connection, id, person, substitute, valid_from, valid_to),
        *_owner_faults(connection, id, person),
        *_twice_faults(connection, absence, id, (absence.c.person == person,), valid_from, valid_to,
                       Words("缺勤", "an absence")),
    ]  # fmt: skip
    _raise(faults, f"缺勤“{id}”", f"the absence “{id}”")
    versions.cut(connection, absence, id, date.min, None, at)
    values = {"person": person, "substitute": substitute, "reason": reason}
    written = versions.put(connection, absence, id, values, valid_from, valid_to, at)
    given = {"substitute": substitute} if substitute else {}
    detail = {"absence": id, **given, **versions.dates(written)}
    area, secret = _home(connection, person, valid_from), {"reason": reason}
    _note(connection, f"person/{person}", "absence-reported", by, detail, at, area, secret)


def record_training(
    connection: Connection,
    id: str,
    *,
    person: str,
    kind: str,
    passed: bool,
    given_by: str,
    valid_from: date,
    valid_to: date | None = None,
    by: Actor,
    at: datetime,
) -> None:
    """A training or assessment that a unit gave to a person (ZJ-23): from which day it counts, and until when if
    it has to be repeated. Raises `Invalid`."""
    versions.alone(connection, training)
    giver = versions.current(connection, unit, given_by, valid_from)
    faults = [
        *_date_faults(id, valid_from, valid_to),
        *_person_faults(connection, id, person, valid_from),
        *_known_faults(connection, training, id),
    ]
    if kind not in TRAININGS:
        faults.append(
            _fault(
                "training",
                id,
                f"没有“{kind}”这类培训，可用：{'、'.join(TRAININGS)}。",
                f"There is no kind of training “{kind}”. Use one of: {', '.join(TRAININGS)}.",
            )
        )
    if giver is None:
        faults.append(_unit_fault(id, given_by, valid_from))
    _raise(faults, f"培训“{id}”", f"the training “{id}”")
    values = {"person": person, "kind": kind, "passed": passed, "given_by": given_by}
    written = versions.put(connection, training, id, values, valid_from, valid_to, at)
    detail = {"training": id, **values, **versions.dates(written)}
    _note(connection, f"person/{person}", "training-recorded", by, detail, at, giver.area if giver else "/")


# -- what forbids it ---------------------------------------------------------------------------------


def _person_faults(connection: Connection, id: str, who: str, day: date) -> Iterator[Finding]:
    if versions.current(connection, person, who, day) is None:
        yield _fault(
            "person",
            id,
            f"人员“{who}”在{day}未登记，请先登记。",
            f"The person “{who}” is not recorded on {day}. Record them first.",
        )


def _role_faults(
    id: str, role: str, where: str, row: Row[Any] | None, roles: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    if role not in roles:
        yield _fault(
            "role",
            id,
            f"没有“{role}”这一角色，可用：{'、'.join(roles)}。",
            f"There is no role “{role}”. Use one of: {', '.join(roles)}.",
        )
    if row is None:
        yield _fault("unit", id, f"单位“{where}”当日不存在。", f"The unit “{where}” does not exist on that day.")
    elif role in roles and row.kind not in roles[role]:
        yield _fault(
            "role-unit",
            id,
            f"角色“{role}”不能设在“{row.name}”（{row.kind}），只能设在：{'、'.join(sorted(roles[role]))}。",
            f"The role “{role}” does not fit “{row.name}” ({row.kind}), only: {', '.join(sorted(roles[role]))}.",
        )


def _known_faults(connection: Connection, table: Table, id: str) -> Iterator[Finding]:
    if connection.execute(select(table.c.id).where(table.c.id == id).limit(1)).first() is not None:
        yield _fault("id-used", id, f"编号“{id}”已使用过，请另编。", f"The id “{id}” has been used: choose another.")


def _owner_faults(connection: Connection, id: str, who: str) -> Iterator[Finding]:
    query = select(absence.c.id).where(absence.c.id == id, absence.c.person != who).limit(1)
    if connection.execute(query).first() is not None:
        yield _fault("id-used", id, f"编号“{id}”属于他人的缺勤。", f"The id “{id}” is an absence of somebody else.")


def _twice_faults(
    connection: Connection,
    table: Table,
    id: str,
    same: Sequence[ColumnElement[bool]],
    valid_from: date,
    valid_to: date | None,
    what: Words,
) -> Iterator[Finding]:
    query = select(table).where(*same, table.c.id != id, *versions.overlapping(table, valid_from, valid_to))
    row = connection.execute(query.order_by(table.c.valid_from).limit(1)).first()
    if row is not None:
        yield _fault(
            "overlap",
            id,
            f"与{what.zh}“{row.id}”（{row.valid_from}至{row.valid_to or '今后'}）重叠，请调整日期。",
            f"It overlaps {what.en}, “{row.id}” ({row.valid_from} to {row.valid_to or 'open'}). Change the dates.",
        )


def _substitute_faults(
    connection: Connection, id: str, who: str, substitute: str | None, valid_from: date, valid_to: date | None
) -> Iterator[Finding]:
    if substitute is None:
        return
    yield from _person_faults(connection, id, substitute, valid_from)
    back = select(absence.c.id).where(
        absence.c.person == substitute,
        absence.c.substitute == who,
        *versions.overlapping(absence, valid_from, valid_to),
    )
    if substitute == who or connection.execute(back.limit(1)).first() is not None:
        yield _fault(
            "substitute",
            id,
            f"“{substitute}”不能代理：不得由本人代理，也不得互相代理。",
            f"“{substitute}” cannot substitute: nobody substitutes themselves, nor two people each other.",
        )


def _refuse_stranding(connection: Connection, ending: Row[Any], last_day: date) -> None:
    """Without another post all open steps of the person would be left with nobody; with one, those of the post that
    ends."""
    after = (last_day + timedelta(days=1)).isoformat()
    others = select(post.c.id).where(
        post.c.person == ending.person,
        post.c.id != ending.id,
        post.c.superseded_at.is_(None),
        or_(post.c.valid_to.is_(None), post.c.valid_to >= after),
    )
    held = [step.c.person == ending.person, step.c.status == "open"]
    if connection.execute(others.limit(1)).first() is not None:
        held += [step.c.unit == ending.unit, step.c.role == ending.role]
    count = connection.execute(select(func.count()).select_from(step).where(*held)).scalar_one()
    if count:
        raise Refused(
            "directory.open-steps",
            f"该人员名下还有{count}个未办完的环节，请先改派，再结束岗位。",
            f"This person still holds {count} open steps. Reassign them before the post ends.",
            article="X3-15",
            details={"person": ending.person, "steps": count},
        )


def _date_faults(id: str, valid_from: date, valid_to: date | None) -> Iterator[Finding]:
    if valid_to is not None and valid_to < valid_from:
        yield _fault(
            "dates",
            id,
            f"结束日期{valid_to}早于开始日期{valid_from}，请更正。",
            f"The last day {valid_to} is before the first day {valid_from}. Correct the dates.",
        )


def _no_unit(id: str) -> NotFound:
    return NotFound(
        "directory.unknown-unit",
        f"未找到单位“{id}”，或其在当日不存在。",
        f"There is no unit “{id}” on that day.",
    )


def _unit_fault(id: str, where: str, day: date) -> Finding:
    return _fault("unit", id, f"单位“{where}”在{day}不存在。", f"The unit “{where}” does not exist on {day}.")


def _fault(rule: str, id: str, zh: str, en: str, article: str = "") -> Finding:
    return Finding(f"directory.{rule}", "error", id, f"{zh} {en}", article=article)


def _raise(faults: Sequence[Finding], zh: str, en: str) -> None:
    if faults:
        first = faults[0].message
        raise Invalid("directory.invalid", f"{zh}无法登记：{first}", f"Cannot record {en}.", faults)


# -- versions ----------------------------------------------------------------------------------------

_UNIT = unit
"""Under another name where `unit` is an argument."""


def _home(connection: Connection, who: str, day: date) -> str:
    """The area of the person's first post on a day."""
    query = (
        select(unit.c.area)
        .join(post, post.c.unit == unit.c.id)
        .where(post.c.person == who, *versions.overlapping(post, day, day), *versions.overlapping(unit, day, day))
        .order_by(post.c.id)
        .limit(1)
    )
    return connection.execute(query).scalar() or "/"


def _note(
    connection: Connection,
    subject: str,
    kind: str,
    by: Actor,
    detail: Mapping[str, Any],
    at: datetime,
    area: str,
    secret: Mapping[str, Any] | None = None,
) -> None:
    entry = Entry(kind, by.person, by.post, detail=dict(detail), secret=dict(secret or {}))
    records.append(connection, subject, records.head(connection, subject), [entry], at=at, area=area)
