"""What applies: published packs, compiled definitions, the calendar. Read by hash, kept in memory, never changed.

A pack is the rules of a place from a day on, as data: diagrams, limits, forms, roles, decision tables,
articles. `publishing.py` writes it into the database; here it is read back for running cases.
"""

from collections.abc import Callable
from datetime import date, datetime
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, func, insert, literal, or_, select

from engine import tables
from engine.calendars import Calendar, local, read_year
from engine.decisions import Table
from engine.definition import SEMANTICS, Definition, Node
from engine.errors import NotFound, Refused, Unavailable, Words
from engine.limits import Limit
from engine.model import Value, decode
from engine.store import Prepared


class Role(Value, frozen=True):
    """Who somebody can be in a pack. `unit_kinds` are the kinds of units that have such posts; `permissions`
    are the verbs beyond their own steps; `group` names the group of powers it belongs to, where a text has such."""

    key: str
    label: Words
    unit_kinds: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    group: str = ""


class Pack(Value, frozen=True):
    """The rules of a place from a day on. `processes` maps names (`matter`) to hashes of definitions, `limits`,
    `forms` (JSON Schema), `roles`, `decisions` and `articles` are by key; `items` is the matter list;
    `statuses` gives labels in the order in which they count; `settings` are configurable readings; `procedures` are
    the cases that somebody may begin beside matters, by start event; `registries` the kinds of registers kept there."""

    key: str
    place: str
    title: Words
    area: str
    force: str
    in_force_from: date | None
    in_force_to: date | None
    processes: dict[str, str]
    limits: dict[str, Limit]
    forms: dict[str, dict[str, Any]]
    roles: dict[str, Role]
    decisions: dict[str, Table]
    articles: dict[str, dict[str, Any]]
    items: dict[str, dict[str, Any]]
    departments: dict[str, dict[str, Any]]
    statuses: dict[str, Words]
    ways_in: dict[str, dict[str, Any]]
    settings: dict[str, Any]
    procedures: dict[str, dict[str, Any]] = {}
    registries: dict[str, dict[str, Any]] = {}

    def setting(self, key: str, default: Any) -> Any:
        return self.settings.get(key, default)

    def offers(self, node: Node) -> bool:
        """Whether the place has switched on a way that a diagram offers for choice (property `setting`)."""
        name = node.properties.get("setting")
        return name is None or self.settings.get(name) is True


T = TypeVar("T")

_DEFINITION = select(tables.definition.c.compiled, tables.definition.c.semantics).where(
    tables.definition.c.hash == bindparam("hash")
)
_PACK = select(tables.pack.c.hash, tables.pack.c.body).where(tables.pack.c.key == bindparam("key"))
_NEWEST = Prepared(
    select(func.max(tables.calendar_year.c.recorded_at).label("newest"), func.count().label("years")).select_from(
        tables.calendar_year
    )
)


class Library:
    """Reads what applies through a connection and remembers it. One per process; safe between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._definitions: dict[str, Definition] = {}
        self._packs: dict[str, Pack] = {}
        self._calendars: dict[object, Calendar] = {}

    def definition(self, connection: Connection, hash: str) -> Definition:
        """The compiled definition with this hash. Raises `Unavailable` on semantics this engine cannot run."""
        return self._remembered(self._definitions, hash, lambda: self._read_definition(connection, hash))

    def pack(self, connection: Connection, key: str) -> Pack:
        """The published pack. Raises `NotFound`."""
        if key not in self._packs:
            row = connection.execute(_PACK, {"key": key}).first()
            if row is None:
                raise NotFound("pack.unknown", f"没有发布过流程包“{key}”。", f"No pack “{key}” has been published.")
            self._remembered(self._packs, key, lambda: decode(row.body, Pack))
        return self._packs[key]

    def in_force(self, connection: Connection, area: str, day: date) -> Pack:
        """The pack of law that is in force in an area on a day: of the smallest jurisdiction, the newest. Raises
        `Refused` naming the day."""
        pack = tables.pack
        query = (
            select(pack.c.key)
            .where(literal(area).like(pack.c.area + "%"), pack.c.force == "law")
            .where(pack.c.in_force_from <= day.isoformat())
            .where(or_(pack.c.in_force_to.is_(None), pack.c.in_force_to >= day.isoformat()))
            .order_by(func.length(pack.c.area).desc(), pack.c.in_force_from.desc())
            .limit(1)
        )
        key = connection.execute(query).scalar()
        if key is None:
            raise Refused(
                "pack.none-in-force",
                f"此地在{day}没有现行有效的流程包，请核对发现日期和地点，或先发布适用于该日的流程包。",
                f"No pack is in force here on {day}: check the day and place of discovery, or publish a pack for it.",
            )
        return self.pack(connection, key)

    def governing_day(self, connection: Connection) -> str:
        """Which day decides what governs a matter: that of its `discovery` (the reading by default), or of its
        `opening`. A setting of the installation, because no text says it."""
        value = connection.execute(
            select(tables.setting.c.value).where(tables.setting.c.key == "governing_day")
        ).scalar()
        return "opening" if value == '"opening"' else "discovery"

    def training(self, connection: Connection) -> bool:
        """Whether this installation is for training: only then may a matter run under a draft."""
        value = connection.execute(select(tables.setting.c.value).where(tables.setting.c.key == "training")).scalar()
        return value == "true"

    def allow_training(self, connection: Connection) -> None:
        """Makes this installation one for training, for good."""
        if not self.training(connection):
            connection.execute(insert(tables.setting), {"key": "training", "value": "true"})

    def calendar(self, connection: Connection) -> Calendar:
        """The working-day calendar as it is known now."""
        version = tuple((_NEWEST.first(connection, {}) or {}).values())
        return self._remembered(self._calendars, version, lambda: _read_calendar(connection))

    def _remembered(self, shelf: dict[Any, T], key: object, read: Callable[[], T]) -> T:
        found = shelf.get(key)
        if found is None:
            found = read()
            with self._lock:
                shelf[key] = found
        return found

    def _read_definition(self, connection: Connection, hash: str) -> Definition:
        row = connection.execute(_DEFINITION, {"hash": hash}).one()
        if row.semantics != SEMANTICS:
            raise Unavailable(
                "definition.unknown-semantics",
                f"此流程按语义版本{row.semantics}编译，本引擎不认识，请使用支持它的版本。",
                f"This process was compiled for semantics {row.semantics}, which this engine does not know.",
            )
        return decode(row.compiled, Definition)


def _read_calendar(connection: Connection) -> Calendar:
    year = tables.calendar_year
    newest = select(year.c.year, func.max(year.c.version).label("version")).group_by(year.c.year).subquery()
    query = select(year.c.body).join(newest, (year.c.year == newest.c.year) & (year.c.version == newest.c.version))
    return Calendar.from_years(read_year(body.encode()) for body in connection.execute(query).scalars())


def day_of(moment: datetime) -> date:
    """The calendar day of a moment in Asia/Shanghai."""
    return local(moment).date()
