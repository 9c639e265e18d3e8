"""Migrations that are under way: cases are tried, moved or brought back one by one, each in a transaction of its own
that also says so in the list. Killed at any moment, nothing is half done; whoever runs next goes on with what the list
says is left, and a case is moved once however many nodes do this at the same time.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from engine import signing, tables
from engine.errors import Unavailable, WanggeError, Words
from engine.migration.moving import move, undo
from engine.migration.runs import BUSY, KEPT, MOVABLE, MOVED, STAYS, UNDONE, WAITING, counts, plan_of, rest
from engine.migration.transfer import Transfer, version
from engine.model import encode
from engine.records import Entry
from engine.work import Engine, Work

SLICE = 50
"""So many cases of a migration are worked on before the next migration has its turn."""

log = logging.getLogger(__name__)

_migration, _row, _case = tables.migration.c, tables.migration_case.c, tables.case.c

Row = Mapping[str, Any]
Reason = dict[str, Any]


class Tried(Exception):
    """A trial that succeeded: nothing of it stays."""


class Migrator:
    """Works on migrations; one per process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.stopping = threading.Event()
        self._transfers: dict[int, tuple[int, Transfer]] = {}

    def run(self) -> int:
        """Works until nothing is left to do, or it is told to stop. How many cases it worked on."""
        total = 0
        while not self.stopping.is_set():
            done = self.run_once()
            if not done:
                break
            total += done
        return total

    def run_once(self, limit: int = SLICE) -> int:
        """Works on so many cases of each migration that is under way; how many that were in all. Raises `Unavailable`
        without a database: what was done is done."""
        with self.engine.look() as work:
            query = select(tables.migration).where(_migration.status.in_(BUSY)).order_by(_migration.id)
            busy = [dict(row) for row in work.connection.execute(query).mappings()]
        return sum(self.work_on(row, limit) for row in busy)

    def work_on(self, row: Row, limit: int) -> int:
        if row["status"] == "trying":
            return self.try_slice(row, limit)
        step = self.move_one if row["status"] == "running" else self.undo_one
        done = 0
        while done < limit and not self.stopping.is_set() and step(row):
            done += 1
        return done

    def transfer(self, work: Work, row: Row) -> Transfer:
        """From the one version to the other, as it was chosen; kept until something else is chosen."""
        known = self._transfers.get(row["id"])
        if known is None or known[0] != row["revision"]:
            old, new = version(work, row["from_pack"]), version(work, row["to_pack"])
            known = self._transfers[row["id"]] = row["revision"], Transfer(old, new, plan_of(row).chosen)
        return known[1]

    # trying

    def try_slice(self, row: Row, limit: int) -> int:
        with self.engine.look() as work:
            ids = work.connection.execute(_listed(row["id"], WAITING, limit)).scalars().all()
        found = {id: self.attempt(row, id) for id in ids if not self.stopping.is_set()}
        with self.engine.work() as work:
            now = _lock(work, row["id"])
            if now["status"] != row["status"] or now["revision"] != row["revision"]:
                return 0
            for id, (status, reason) in found.items():
                _settle(work, row["id"], id, (WAITING,), status=status, reason=reason)
            if not ids:
                self.end(work, now, rest(now), "trial-ended")
        return len(found)

    def attempt(self, row: Row, id: int) -> tuple[str, Reason | None]:
        """Moves a case in a transaction that is rolled back."""
        how = ""
        try:
            with self.engine.work() as work:
                how, _ = move(work, id, self.transfer(work, row), _cause(row))
                raise Tried
        except Tried:
            return MOVABLE, {"how": how}
        except Exception as error:
            return STAYS, _reason(error, id)

    # moving

    def move_one(self, row: Row) -> bool:
        """The next case goes over. False: nothing is left to do."""
        return self.one(row, (MOVABLE, WAITING), self.moved, STAYS, self.done)

    def moved(self, work: Work, row: Row, id: int) -> None:
        how, record = move(work, id, self.transfer(work, row), _cause(row))
        _settle(work, row["id"], id, (MOVABLE, WAITING), status=MOVED, reason={"how": how}, record=record)

    def done(self, work: Work, row: Row) -> None:
        self.end(work, row, "done", "ended", signed="migration")

    def undo_one(self, row: Row) -> bool:
        """The next case goes back. False: nothing is left to do."""
        return self.one(row, (MOVED,), self.undone, KEPT, self.went_back)

    def undone(self, work: Work, row: Row, id: int) -> None:
        query = select(_row.record).where(_row.migration == row["id"], _row.case == id)
        record = undo(work, id, work.connection.execute(query).scalar_one(), _cause(row))
        _settle(work, row["id"], id, (MOVED,), status=UNDONE, reason=None, undo=record)

    def went_back(self, work: Work, row: Row) -> None:
        self.end(work, row, "undone", "undo-ended", signed="undo")

    def one(
        self,
        row: Row,
        left: tuple[str, ...],
        act: Callable[[Work, Row, int], None],
        otherwise: str,
        end: Callable[[Work, Row], None],
    ) -> bool:
        """One case: done and said so in one transaction; where it cannot be done, that is said in another."""
        id = None
        try:
            with self.engine.work() as work:
                if _status(work, row["id"]) != row["status"]:
                    return False
                id = _next(work, row["id"], left)
                if id is not None:
                    act(work, row, id)
        except Unavailable:
            raise
        except Exception as error:
            if id is None:
                raise
            with self.engine.work() as work:
                _settle(work, row["id"], id, left, status=otherwise, reason=_reason(error, id))
        if id is None:
            self.end_if_done(row, left, end)
        return id is not None

    def end_if_done(self, row: Row, left: tuple[str, ...], end: Callable[[Work, Row], None]) -> None:
        """Another node may still have a case in hand: then it is for that node to end."""
        with self.engine.work() as work:
            now = _lock(work, row["id"])
            waiting = select(_row.case).where(_row.migration == row["id"], _row.status.in_(left)).limit(1)
            if now["status"] == row["status"] and work.connection.execute(waiting).first() is None:
                end(work, now)

    # ending

    def end(self, work: Work, row: Row, status: str, kind: str, signed: str = "") -> None:
        """Says what came of it; the report is signed and kept."""
        values: dict[str, Any] = {"status": status, "revision": row["revision"] + 1}
        if signed:
            values["ended_at"] = work.now
            kept = _json(row["signature"])
            values["signature"] = encode({**kept, signed: _signed(work, self.report(work, row, signed))}).decode()
        work.connection.execute(update(tables.migration).where(_migration.id == row["id"]).values(values))
        entry = Entry(kind, detail={"counts": counts(work, row["id"])})
        work.record(f"migration/{row['id']}", [entry], row["area"])

    def report(self, work: Work, row: Row, what: str) -> dict[str, Any]:
        """What was done: who prepared and started it, how many cases went where, and each that stays, with its
        reason."""
        query = (
            select(_case.number, _row.status, _row.reason)
            .join(tables.case, _case.id == _row.case)
            .where(_row.migration == row["id"], _row.status.in_((STAYS, KEPT)))
            .order_by(_row.case)
        )
        stays = [
            {"matter": one.number, "status": one.status, **_json(one.reason)} for one in work.connection.execute(query)
        ]
        return {
            "report": what,
            "migration": row["id"],
            "from": row["from_pack"],
            "to": row["to_pack"],
            "packs": {key: _pack_hash(work, key) for key in (row["from_pack"], row["to_pack"])},
            "area": row["area"],
            "mapping": plan_of(row).chosen,
            "prepared_by": row["created_by"],
            "started_by": row["started_by"],
            "started_at": _written(row["started_at"]),
            "ended_at": _written(work.now),
            "counts": counts(work, row["id"]),
            "stays": stays,
        }


# -- rows --------------------------------------------------------------------------------------------


def _listed(migration: int, status: str, limit: int) -> Any:
    wanted = _row.migration == migration, _row.status == status
    return select(_row.case).where(*wanted).order_by(_row.case).limit(limit)


def _next(work: Work, migration: int, statuses: tuple[str, ...]) -> int | None:
    """The next case that nobody else has in hand, locked."""
    for status in statuses:
        query = _listed(migration, status, 1).with_for_update(skip_locked=True)
        found: int | None = work.connection.execute(query).scalar()
        if found is not None:
            return found
    return None


def _settle(
    work: Work, migration: int, case: int, before: tuple[str, ...], *, reason: Reason | None, **values: Any
) -> None:
    """Says what became of a case, unless that has been said."""
    mine = _row.migration == migration, _row.case == case, _row.status.in_(before)
    told = {**values, "reason": encode(reason).decode() if reason else None, "at": work.now}
    work.connection.execute(update(tables.migration_case).where(*mine).values(told))


def _status(work: Work, id: int) -> str:
    return str(work.connection.execute(select(_migration.status).where(_migration.id == id)).scalar_one())


def _lock(work: Work, id: int) -> dict[str, Any]:
    query = select(tables.migration).where(_migration.id == id).with_for_update()
    return dict(work.connection.execute(query).mappings().one())


def _pack_hash(work: Work, key: str) -> str:
    return str(work.connection.execute(select(tables.pack.c.hash).where(tables.pack.c.key == key)).scalar_one())


# -- words -------------------------------------------------------------------------------------------


def _cause(row: Row) -> str:
    return f"migration/{row['id']}"


def _reason(error: Exception, case: int) -> Reason:
    """Why a case stays. What was not foreseen is in the log. Raises `Unavailable`: that says nothing of the case."""
    if isinstance(error, Unavailable):
        raise error
    if isinstance(error, WanggeError):
        return {"code": error.code, "zh": error.words.zh, "en": error.words.en}
    log.error("事项%s未能迁移。 Case %s could not be moved.", case, case, exc_info=error)
    words = Words(
        "程序内部出错，详见服务器日志；事项留在原版本。", "An error inside the program: see the server's log."
    )
    return {"code": "migration.failed", "zh": words.zh, "en": words.en}


def _signed(work: Work, report: dict[str, Any]) -> Any:
    """The report with its signature; without one where the installation has no place for a key."""
    try:
        return _json(signing.sign(work, report))
    except Unavailable:
        log.exception("迁移报告未能签名。 The report of a migration could not be signed.")
        return {"signed": report}


def _written(at: datetime | None) -> str | None:
    return tables.written(at) if at else None


def _json(text: str | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
