"""What happened: one append-only chain of records per subject (case/17, unit/…, list/…), each holding the hash of
the one before. Written in the caller's transaction, so that nothing happens without a record and nothing is
recorded that did not happen. What people say stays out of the chain: it lies in `payload` behind a salted hash
and can be erased without breaking anything. The chain of a case replays to its state.

Reading order: writing, numbers, positions, reading and erasing, checking, replaying.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeVar, cast

import rfc8785
from sqlalchemy import Connection, Row, bindparam, func, insert, select, text, update

from engine import tables
from engine.definition import Definition
from engine.errors import Finding, Invalid, NotFound, Refused
from engine.machine import advance
from engine.model import Event, State, Value, decode, encode, encode_sorted, plain, replace
from engine.store import Prepared

VERSION = 1
"""Of the layout of a record's body."""

MACHINES = {1: advance}
"""The machine per semantics number: an old number stays runnable as long as cases of it are kept."""

SAFE = 2**53 - 1
"""The largest whole number that every reader of JSON reads exactly (RFC 8785, 3.2.2.3)."""

Algorithm = Literal["sha256", "sm3"]

SETTING = "hash_algorithm"
"""The installation's setting that names the algorithm of new records."""

INSTALLATION = "installation"
"""The chain of what was chosen for the whole installation."""


class Head(NamedTuple):
    """The end of a chain: the number and hash of its last record."""

    number: int
    hash: str


GENESIS = Head(0, "")
"""The end of a chain that has no record yet."""


class Migrated(Value, frozen=True, tag="migrated"):
    """A running case went over to another definition (named by its hash), into this state of it."""

    definition: str
    state: State


Happened = Event | Migrated
"""What replay folds over: events of the machine, and changes of definition."""

H = TypeVar("H", bound=Value)


class Entry(Value, frozen=True):
    """What to record. `kind` names the act (`completed`, `claimed`, …), `actor` is the opaque id of the person and
    `post` the post they acted in (both empty: the machine itself), `cause` what brought it about (`case/17#4`,
    `timer`). `event`: see `settled`. `detail` holds routing values only. `secret` holds record values: what
    people said, by field. The record that begins a case names its definition in `detail["definition"]`."""

    kind: str
    actor: str = ""
    post: str = ""
    cause: str = ""
    event: Value | dict[str, Any] | None = None
    detail: dict[str, Any] = {}
    secret: dict[str, Any] = {}


class Record(Value, frozen=True):
    """A record as it was written, without what people said. `sealed` holds the salted hash per field, `position`
    its place in the order over all chains (None: not yet placed), `body` the bytes that were hashed."""

    subject: str
    number: int
    prev: str
    at: datetime
    kind: str
    actor: str
    post: str
    cause: str
    area: str
    event: dict[str, Any] | None
    detail: dict[str, Any]
    sealed: dict[str, str]
    algorithm: Algorithm
    hash: str
    position: int | None
    body: str


# -- writing -----------------------------------------------------------------------------------------

_INSERT_RECORD = Prepared(insert(tables.record))
_INSERT_PAYLOAD = Prepared(insert(tables.payload))


def append(
    connection: Connection,
    subject: str,
    head: Head,
    entries: Sequence[Entry],
    *,
    at: datetime,
    area: str,
    algorithm: Algorithm | None = None,
) -> Head:
    """Writes the entries after `head`, in order; the new end of the chain. `algorithm`: the installation's choice (see
    `choose`) unless told; a chain may change it from one record to the next, for each names its own.

    The caller must hold what keeps the chain linear: the lock of the row that stores its head, or `head()`.
    Raises `Invalid` when an entry holds a number that JSON cannot carry exactly.
    """
    moment, algorithm = tables.written(at), algorithm or chosen(connection)
    rows: list[dict[str, Any]] = []
    payloads: list[dict[str, Any]] = []
    for entry in entries:
        values = [_payload(subject, head.number + 1, *said) for said in entry.secret.items()]
        body = canonical(_body(subject, head, entry, values, moment, area, algorithm))
        head = Head(head.number + 1, digest(algorithm, body))
        rows.append({"subject": subject, "number": head.number, "hash": head.hash, "body": body.decode(), "area": area})
        payloads += values
    _INSERT_RECORD.run(connection, *rows)
    _INSERT_PAYLOAD.run(connection, *payloads)
    return head


def _body(
    subject: str,
    before: Head,
    entry: Entry,
    values: Sequence[dict[str, Any]],
    moment: str,
    area: str,
    algorithm: Algorithm,
) -> dict[str, Any]:
    return {
        "v": VERSION,
        "subject": subject,
        "number": before.number + 1,
        "prev": before.hash,
        "at": moment,
        "area": area,
        "kind": entry.kind,
        "actor": entry.actor,
        "post": entry.post,
        "cause": entry.cause,
        "event": _plain(entry.event) if isinstance(entry.event, Value) else entry.event,
        "detail": entry.detail,
        "sealed": {row["field"]: _seal(algorithm, row["salt"], row["value"]) for row in values},
        "algorithm": algorithm,
    }


_HEAD = (
    select(tables.record.c.number, tables.record.c.hash)
    .where(tables.record.c.subject == bindparam("subject"))
    .order_by(tables.record.c.number.desc())
    .limit(1)
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")


def head(connection: Connection, subject: str) -> Head:
    """The end of a chain that no row keeps, locked until the transaction ends so that nobody else appends."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"subject": subject})
    row = connection.execute(_HEAD, {"subject": subject}).first()
    return Head(row.number, row.hash) if row else GENESIS


_CHOSEN = Prepared(select(tables.setting.c.value).where(tables.setting.c.key == bindparam("key")))


def choose(connection: Connection, algorithm: Algorithm, *, at: datetime) -> None:
    """New records are hashed by this algorithm; what is written stays as it is. On record in the chain `installation`.
    Processes that run take it up when they are started again. Raises `Invalid` where Python here has no such algorithm.
    """
    digest(algorithm, b"")
    setting, row = tables.setting, {"key": SETTING, "value": encode(algorithm).decode()}
    if not connection.execute(update(setting).where(setting.c.key == SETTING).values(row)).rowcount:
        connection.execute(insert(setting), row)
    entry = Entry("hash-algorithm-chosen", detail={"algorithm": algorithm})
    append(connection, INSTALLATION, head(connection, INSTALLATION), [entry], at=at, area="/", algorithm=algorithm)


def chosen(connection: Connection) -> Algorithm:
    """The algorithm of new records: what the installation chose, SHA-256 where it chose none. Asked once for each
    connection to the database, as every step wants to know."""
    known = connection.info
    if SETTING not in known:
        row = _CHOSEN.first(connection, {"key": SETTING})
        known[SETTING] = decode(row["value"], str) if row else "sha256"
    return cast(Algorithm, known[SETTING])


def digest(algorithm: Algorithm, data: bytes) -> str:
    """The hash in hexadecimal. SM3 (GB/T 32905) is there where Python's OpenSSL has it."""
    if algorithm == "sha256":
        return hashlib.sha256(data).hexdigest()
    try:
        return hashlib.new(algorithm, data).hexdigest()
    except ValueError as error:
        raise Invalid(
            "record.algorithm",
            f"本机的Python不支持摘要算法“{algorithm}”，请改用sha256。",
            f"Python here has no hash algorithm “{algorithm}”: use sha256.",
        ) from error


def _payload(subject: str, number: int, field: str, value: Any) -> dict[str, Any]:
    said = canonical(value).decode()
    return {"subject": subject, "number": number, "field": field, "salt": secrets.token_bytes(16), "value": said}


def _seal(algorithm: Algorithm, salt: bytes, value: str) -> str:
    return digest(algorithm, salt + value.encode())


# -- numbers -----------------------------------------------------------------------------------------


def canonical(value: Any) -> bytes:
    """The one way to write JSON data down (RFC 8785). Raises `Invalid` on what it cannot carry: whole numbers
    beyond ±(2⁵³-1), infinity and not-a-number, text that is no Unicode, keys that are no text."""
    if _direct(value):
        return encode_sorted(value)
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise Invalid(
            "record.not-json",
            "数据含有无法准确保存的数字或文字（整数不得超过±9007199254740991），请更正后再提交。",
            "The data hold a number or text that cannot be kept exactly (whole numbers up to ±9007199254740991).",
        ) from error


def settled(event: H) -> H:
    """The event exactly as its record will give it back: 2.0 comes back as 2, names come back in order. Advance
    with this one, else the replayed state could differ from the stored one. Raises `Invalid` as `canonical`
    does, also for a number that would come back as one it refuses (1e16)."""
    written = _plain(event)
    if _direct(written):
        return cast(H, _happened(encode_sorted(written)))
    again = _happened(canonical(written))
    canonical(_plain(again))
    return cast(H, again)


class _Happening(Value, frozen=True):
    """Room for an event of any kind."""

    event: Happened


def _plain(event: Value) -> dict[str, Any]:
    """As plain JSON data, in which every name is a text, also the numbers of a state's tokens."""
    if isinstance(event, Migrated):
        return decode(encode(event), dict[str, Any])
    return cast(dict[str, Any], plain(event))


def _happened(event: bytes) -> Happened:
    """What a record says happened. Tokens, scopes and timers of a migrated state stand in the order of their
    numbers, as text sorts 10 before 9 and the machine goes through them in order."""
    happened = decode(b'{"event":%b}' % event, _Happening).event
    if not isinstance(happened, Migrated):
        return happened
    state = happened.state
    parts = {name: dict(sorted(getattr(state, name).items())) for name in ("scopes", "tokens", "clocks")}
    return replace(happened, state=replace(state, **parts))


def _direct(value: Any) -> bool:
    """Whether plain sorted JSON is canonical already: no fractions, whose spelling differs; keys in ASCII, whose
    order does not depend on the encoding; whole numbers in range; text that is Unicode."""
    kind = type(value)
    if kind is str:
        return value.isascii() or _unicode(value)
    if kind is dict:
        for key, inner in value.items():
            if type(key) is not str or not key.isascii() or not _direct(inner):
                return False
        return True
    if kind is int:
        return bool(-SAFE <= value <= SAFE)
    if kind is list or kind is tuple:
        return all(map(_direct, value))
    return value is None or kind is bool


def _unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


# -- positions ---------------------------------------------------------------------------------------

_SEQUENCER = text("SELECT pg_advisory_xact_lock(7769, 2)")
_UNPLACED = (
    select(
        tables.record.c.subject,
        tables.record.c.number,
        (
            func.row_number().over(order_by=(tables.record.c.subject, tables.record.c.number))
            + select(func.coalesce(func.max(tables.record.c.position), 0)).scalar_subquery()
        ).label("position"),
    )
    .where(tables.record.c.position.is_(None))
    .order_by(tables.record.c.subject, tables.record.c.number)
    .limit(bindparam("limit"))
    .subquery("unplaced")
)
_PLACE = (
    update(tables.record)
    .where(tables.record.c.subject == _UNPLACED.c.subject, tables.record.c.number == _UNPLACED.c.number)
    .values(position=_UNPLACED.c.position)
)


def place(connection: Connection, limit: int = 1000) -> int:
    """Gives the next positions, without gaps, to at most `limit` committed records; how many got one.

    Call it in a transaction of its own. A number taken before the commit would let a reader of "all after the
    last I saw" miss what commits late; here only one transaction at a time gives numbers, only to what is
    committed, and the numbers appear together. Within a chain positions follow the numbers.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_SEQUENCER)
    return connection.execute(_PLACE, {"limit": limit}).rowcount


# -- reading and erasing -----------------------------------------------------------------------------


class _Body(Value, frozen=True):
    v: int
    subject: str
    number: int
    prev: str
    at: datetime
    kind: str
    actor: str
    post: str
    cause: str
    area: str
    event: dict[str, Any] | None
    detail: dict[str, Any]
    sealed: dict[str, str]
    algorithm: Algorithm


_CHAIN = select(tables.record).where(tables.record.c.subject == bindparam("subject")).order_by(tables.record.c.number)
_SAID = (
    select(tables.payload)
    .where(tables.payload.c.subject == bindparam("subject"))
    .order_by(tables.payload.c.number, tables.payload.c.field)
)


def chain(connection: Connection, subject: str) -> Iterator[Record]:
    """The records of a subject, first to last. Raises `ValueError` on one that can no longer be read: see
    `verify`."""
    return (_record(row) for row in connection.execute(_CHAIN, {"subject": subject}))


def said(connection: Connection, subject: str) -> dict[int, dict[str, Any]]:
    """What people said, by record number and field. None stands for what was erased (and for JSON's null)."""
    found: dict[int, dict[str, Any]] = {}
    for row in connection.execute(_SAID, {"subject": subject}):
        value = None if row.value is None else json.loads(row.value)
        found.setdefault(row.number, {})[row.field] = value
    return found


def erase(connection: Connection, subject: str, number: int, field: str | None = None, *, at: datetime) -> int:
    """Erases what was said in one field of a record, or in all of them; how many values that were. The chain
    stays valid. The caller appends the act of erasing. (PostgreSQL frees the space at the next VACUUM; backups
    hold the value until they expire.)"""
    payload = tables.payload.c
    wanted = [payload.subject == subject, payload.number == number, payload.erased_at.is_(None)]
    if field is not None:
        wanted.append(payload.field == field)
    erased = update(tables.payload).where(*wanted).values(salt=None, value=None, erased_at=at)
    return connection.execute(erased).rowcount


def _record(row: Row[Any]) -> Record:
    body = decode(row.body, _Body)
    return Record(
        subject=body.subject,
        number=body.number,
        prev=body.prev,
        at=body.at,
        kind=body.kind,
        actor=body.actor,
        post=body.post,
        cause=body.cause,
        area=body.area,
        event=body.event,
        detail=body.detail,
        sealed=body.sealed,
        algorithm=body.algorithm,
        hash=row.hash,
        position=row.position,
        body=row.body,
    )


# -- checking ----------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A record as it is kept, to be checked."""

    subject: str
    number: int
    hash: str
    body: str
    area: str
    position: int | None = None


class Said(NamedTuple):
    """What was said in a field, with its salt; both None once it was erased."""

    field: str
    salt: bytes | None
    value: str | None
    erased_at: datetime | None = None


def verify(connection: Connection, subject: str) -> list[Finding]:
    """Every fault of a chain: hashes, links, numbers, positions, what was said, and for a case the end that its
    row keeps. Erased values are no fault. Without a case row a cut-off end shows only in `gaps`."""
    rows = connection.execute(_CHAIN, {"subject": subject})
    lines = [Line(row.subject, row.number, row.hash, row.body, row.area, row.position) for row in rows]
    faults, end = examine(subject, lines, _said_by_number(connection, subject))
    return faults + _end_faults(connection, subject, end)


def examine(subject: str, lines: Iterable[Line], said: Mapping[int, Mapping[str, Said]]) -> tuple[list[Finding], Head]:
    """The faults of a chain that is at hand, line by line, and its end."""
    values = dict(said)
    faults: list[Finding] = []
    before, last = GENESIS, 0
    for line in lines:
        faults += _record_faults(subject, line, before, values.pop(line.number, {}))
        if line.position is not None and not 0 <= last < line.position:
            faults.append(
                _fault(subject, line.number, "order", "的位置早于前一条记录", "is placed before the one before it")
            )
        last = -1 if line.position is None else line.position
        before = Head(line.number, line.hash)
    faults += [
        _fault(subject, number, "stray", "不存在，却留有内容", "does not exist, yet something is said in it")
        for number in values
    ]
    return faults, before


def gaps(connection: Connection) -> list[Finding]:
    """Whether records are missing from the order over all chains: positions run 1, 2, 3 … without a gap."""
    position = tables.record.c.position
    count, last = connection.execute(select(func.count(position), func.coalesce(func.max(position), 0))).one()
    if count == last:
        return []
    return [
        Finding(
            "record.gap",
            "error",
            "",
            f"全部记录应有{last}个连续位置，实有{count}个：有记录被删除。"
            f" There should be {last} consecutive positions, but there are {count}: records were removed.",
        )
    ]


def _said_by_number(connection: Connection, subject: str) -> dict[int, dict[str, Said]]:
    values: dict[int, dict[str, Said]] = {}
    for row in connection.execute(_SAID, {"subject": subject}):
        values.setdefault(row.number, {})[row.field] = Said(row.field, row.salt, row.value, row.erased_at)
    return values


def _record_faults(subject: str, row: Line, before: Head, values: Mapping[str, Said]) -> Iterator[Finding]:
    try:
        body = decode(row.body, _Body)
    except ValueError:
        yield _fault(subject, row.number, "body", "的内容无法读取", "cannot be read")
        return
    if row.number != before.number + 1:
        yield _fault(
            subject,
            row.number,
            "number",
            f"之前缺少编号{before.number + 1}",
            f"has no number {before.number + 1} before it",
        )
    elif body.prev != before.hash:
        yield _fault(subject, row.number, "link", "与前一条记录不衔接", "does not link to the one before it")
    if (body.subject, body.number, body.area) != (row.subject, row.number, row.area):
        yield _fault(subject, row.number, "place", "被移动过", "was moved: subject, number or area differ")
    try:
        if digest(body.algorithm, row.body.encode()) != row.hash:
            yield _fault(subject, row.number, "hash", "的内容与其摘要不符", "does not match its hash")
        yield from _said_faults(subject, row.number, body, values)
    except Invalid:
        zh = f"用{body.algorithm}算法，本机的Python不支持，无法查验，这不表示数据被篡改"
        en = f"cannot be checked: Python here has no {body.algorithm}. This does not mean that it was tampered with"
        yield _fault(subject, row.number, "algorithm", zh, en)


def _said_faults(subject: str, number: int, body: _Body, values: Mapping[str, Said]) -> Iterator[Finding]:
    for field in sorted(body.sealed.keys() | values.keys()):
        value = values.get(field)
        if value is None:
            yield _fault(subject, number, "lost", f"的字段“{field}”丢失", f"has lost its field “{field}”")
        elif field not in body.sealed:
            yield _fault(subject, number, "stray", f"被添加了字段“{field}”", f"was given a field “{field}”")
        elif value.erased_at is None and not _sealed_by(body, value):
            yield _fault(subject, number, "said", f"的字段“{field}”被改动", f"has an altered field “{field}”")


def _sealed_by(body: _Body, value: Said) -> bool:
    if value.salt is None or value.value is None:
        return False
    return _seal(body.algorithm, value.salt, value.value) == body.sealed[value.field]


def _end_faults(connection: Connection, subject: str, end: Head) -> list[Finding]:
    kind, _, id = subject.partition("/")
    if kind != "case" or not id.isdecimal():
        return []
    kept = connection.execute(
        select(tables.case.c.records, tables.case.c.head).where(tables.case.c.id == int(id))
    ).first()
    if kept is None or Head(*kept) == end:
        return []
    return [
        _fault(subject, end.number, "end", "之后的记录被删除或增加", "is not the end that the case itself remembers")
    ]


def _fault(subject: str, number: int, rule: str, zh: str, en: str) -> Finding:
    return Finding(
        f"record.{rule}", "error", f"{subject}#{number}", f"{subject} 第{number}号记录{zh}。 Record {number} {en}."
    )


# -- replaying ---------------------------------------------------------------------------------------


def fold(definition: Definition, lines: Sequence[Line]) -> State:
    """The state that the events of a chain at hand lead to, under the definition the case ended with. Raises `Refused`
    when an event does not fit the state before it."""
    told = (decode(line.body, _Body).event for line in lines)
    happened = [_happened(encode(event)) for event in told if event is not None]
    state = State()
    for number, event in enumerate(happened):
        if isinstance(event, Migrated):
            state = event.state
        elif not any(isinstance(later, Migrated) for later in happened[number:]):
            state, _ = MACHINES[definition.semantics](definition, state, event)
    return state


def replay(connection: Connection, case_id: int, until: datetime | None = None) -> State:
    """The state of a case after its recorded events up to and including the moment `until` (None: all).

    Raises `NotFound` without a record or definition, `Refused` when a definition has a semantics number that
    this program does not know, or when a recorded event does not fit the state before it.
    """
    return _replay(connection, case_id, until)[0]


def proves(connection: Connection, case_id: int) -> list[Finding]:
    """Whether the records of a case lead to the very state that is stored for it, byte for byte (with names in
    order, for the chain does not remember in which order they were said)."""
    case = tables.case.c
    stored = connection.execute(select(case.state, case.definition).where(case.id == case_id)).one()
    try:
        state, definition = _replay(connection, case_id, None)
    except (Refused, NotFound) as error:
        return [Finding(error.code, "error", f"case/{case_id}", str(error.words))]
    if _spelled(state) == _stored(stored.state) and definition == stored.definition:
        return []
    return [
        Finding(
            "record.state",
            "error",
            f"case/{case_id}",
            f"case/{case_id} 的当前状态与其记录推演的结果不一致。"
            f" The stored state of case/{case_id} is not what its records lead to.",
        )
    ]


def _stored(state: bytes) -> bytes:
    """As `_spelled`; nothing when it cannot even be read."""
    try:
        return _spelled(decode(state, State))
    except ValueError:
        return b""


def _spelled(state: State) -> bytes:
    return encode_sorted(decode(encode(state), list[Any]))


def before(connection: Connection, case_id: int, number: int) -> tuple[State, str]:
    """The state of a case before a record, and the hash of its definition then. Raises as `replay` does."""
    return _replay(connection, case_id, None, number)


class Told(NamedTuple):
    """A record that moved a case: what happened, and the hash of the definition it leads to or happened under."""

    record: Record
    happened: Happened
    definition: str


def told(connection: Connection, case_id: int) -> Iterator[Told]:
    """What happened to a case, event by event."""
    hash = ""
    for record in chain(connection, f"case/{case_id}"):
        if record.event is not None:
            happened = _happened(encode(record.event))
            if isinstance(happened, Migrated):
                hash = happened.definition
            hash = hash or str(record.detail.get("definition", ""))
            yield Told(record, happened, hash)


def _replay(
    connection: Connection, case_id: int, until: datetime | None, number: int | None = None
) -> tuple[State, str]:
    state, hash = State(), ""
    definition: Definition | None = None
    for record, happened, under in told(connection, case_id):
        if (until is not None and record.at > until) or (number is not None and record.number >= number):
            break
        definition = definition if under == hash else None
        hash = under
        if isinstance(happened, Migrated):
            state = happened.state
            continue
        definition = definition or _definition(connection, hash)
        state, _ = MACHINES[definition.semantics](definition, state, happened)
    return state, hash


def _definition(connection: Connection, hash: str) -> Definition:
    known = tables.definition.c
    row = connection.execute(select(known.semantics, known.compiled).where(known.hash == hash)).first()
    if row is None:
        raise NotFound(
            "record.no-definition",
            f"数据库中没有记录所指的流程版本“{hash}”。",
            f"There is no definition “{hash}”, which the records name.",
        )
    if digest("sha256", row.compiled) != hash:
        raise Refused(
            "record.definition-altered",
            f"流程版本“{hash}”的内容与其摘要不符。",
            f"The definition “{hash}” does not match its hash.",
        )
    if row.semantics not in MACHINES:
        raise Refused(
            "record.unknown-semantics",
            f"流程版本“{hash}”的语义编号{row.semantics}未知：请用较新的程序查验，这不表示数据被篡改。",
            f"Unknown semantics {row.semantics} of the definition “{hash}”: check it with a newer program. "
            "This does not mean that anything was tampered with.",
        )
    return decode(row.compiled, Definition)
