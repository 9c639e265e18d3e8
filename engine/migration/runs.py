"""Migrations: what administrators do with them, and what they see.

    prepare       a list of the open cases, with where each would go      -> prepared
    choose        where what stands at a node goes; what was tried before has to be tried again
    trial         each case is moved in a transaction that is rolled back -> trying -> prepared (or stopped)
    start         each case is moved, in a transaction of its own         -> running -> done
    stop, resume  between two cases                                       -> stopped -> running
    undo          each case that has not moved on since goes back         -> undoing -> undone

Who may prepare (`design`) or carry out (`publish`) a migration sees those that lie in their area. The work itself is
done in the background (`background.py`); every act is on record in the chain `migration/<id>`.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, and_, exists, func, insert, literal, select, update

from engine import packs, queries, tables
from engine.calendars import local
from engine.directory import Actor
from engine.drafts import DESIGN, PUBLISH
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from engine.library import day_of
from engine.migration.places import STAY
from engine.migration.survey import open_cases, survey
from engine.migration.transfer import Transfer, version
from engine.model import Value, decode, encode
from engine.publishing import Folder
from engine.queries.pages import Part, page
from engine.records import Entry
from engine.work import Work

BUSY = ("trying", "running", "undoing")
"""Statuses in which the background has work to do."""

WAITING, MOVABLE, STAYS, MOVED, UNDONE, KEPT = "waiting", "movable", "stays", "moved", "undone", "kept"
"""The statuses of a case in a migration: not tried, tried with success, cannot move, has moved, is back, cannot go
back."""

_migration, _row, _case = tables.migration.c, tables.migration_case.c, tables.case.c


class Plan(Value, frozen=True):
    """What is kept of a migration beside its cases: the targets that somebody chose, by process and address, and what
    the survey found under them."""

    chosen: dict[str, dict[str, str]]
    survey: dict[str, Any]


class Foreseen(NamedTuple):
    """A survey for an area, made before anything is written; `revision` and `chosen` of the migration it is for."""

    area: str
    survey: dict[str, Any]
    revision: int = 0
    chosen: Mapping[str, Mapping[str, str]] = {}


# -- before ------------------------------------------------------------------------------------------


def impact(work: Work, actor: Actor, new: Folder, base: str) -> dict[str, Any]:
    """What a version that may come would do to the open cases of its base, in the part of the actor's area where it
    will apply. Raises `NotFound` for a base out of sight."""
    _permit(work, actor, DESIGN, PUBLISH)
    packs.row(work, actor, base)
    area = _common(actor.area, new.pack.area)
    found = survey(work, Transfer(version(work, base), new), area)
    return {"from": base, "to": new.pack.key, "area": area, **found}


def between(work: Work, actor: Actor, old: str, new: str) -> dict[str, Any]:
    """The same of two published versions."""
    packs.row(work, actor, new)
    return impact(work, actor, version(work, new), old)


def foresee(work: Work, actor: Actor, old: str, new: str, area: str = "") -> Foreseen:
    """What a published version would do to the open cases of another. Raises `NotFound` for what is out of sight,
    `Invalid` for versions or an area that do not belong together."""
    _permit(work, actor, DESIGN, PUBLISH)
    for key in (old, new):
        packs.row(work, actor, key)
    if old == new:
        raise Invalid("migration.same", "两个版本相同，请选择另一个。", "These are the same version: choose another.")
    transfer = Transfer(version(work, old), version(work, new))
    where = area or _common(actor.area, transfer.pack.area)
    if not work.directory.covers(actor.area, where) or not work.directory.covers(transfer.pack.area, where):
        raise Invalid(
            "migration.area",
            f"地域“{where}”不在您的范围内，或不在新版本的适用范围内，请改选。",
            f"The area “{where}” is outside yours, or the new version does not apply there: choose another.",
        )
    return Foreseen(where, survey(work, transfer, where))


def _common(one: str, other: str) -> str:
    """The smaller of two areas of which one lies in the other; else the first."""
    return other if other.startswith(one) else one


# -- doing -------------------------------------------------------------------------------------------


def prepare(work: Work, actor: Actor, old: str, new: str, foreseen: Foreseen) -> int:
    """A migration with a list of every open case. Its id. Raises `Conflict` while another one of these cases is under
    way."""
    _permit(work, actor, DESIGN, PUBLISH)
    going = select(_migration.id).where(_migration.from_pack == old, _migration.area == foreseen.area)
    if other := work.connection.execute(going.where(_migration.status.in_(BUSY))).scalar():
        raise Conflict(
            "migration.another",
            f"同一批事项的迁移{other}正在进行，请待其结束。",
            f"Migration {other} of the same matters is under way: wait for its end.",
            details={"migration": other},
        )
    row = {
        "from_pack": old,
        "to_pack": new,
        "area": foreseen.area,
        "mapping": encode(Plan({}, foreseen.survey)).decode(),
        "status": "prepared",
        "revision": 1,
        "created_by": actor.person,
        "created_at": work.now,
    }
    id: int = work.connection.execute(insert(tables.migration).returning(_migration.id), row).scalar_one()
    _list_cases(work, id, old, foreseen.area)
    _record(work, id, foreseen.area, actor, "prepared", {"from": old, "to": new})
    return id


def reconsider(work: Work, actor: Actor, id: int, process: str, node: str, to: str | None) -> Foreseen:
    """What would follow if what stands at a node of a process went to another one (empty: stays; None: as proposed).
    Raises `Invalid` for a node or process that is not there, `Refused` when it does not fit."""
    row = seen(work, actor, id)
    _permit(work, actor, DESIGN, PUBLISH)
    plan = plan_of(row)
    chosen = {name: dict(targets) for name, targets in plan.chosen.items()}
    _check_target(Transfer(version(work, row["from_pack"]), version(work, row["to_pack"]), chosen), process, node, to)
    if to is None:
        chosen.get(process, {}).pop(node, None)
    else:
        chosen.setdefault(process, {})[node] = to
    transfer = Transfer(version(work, row["from_pack"]), version(work, row["to_pack"]), chosen)
    return Foreseen(row["area"], survey(work, transfer, row["area"]), row["revision"], chosen)


def _check_target(transfer: Transfer, process: str, node: str, to: str | None) -> None:
    if process not in transfer.old.drawn:
        raise Invalid("migration.process", f"原版本没有流程“{process}”。", f"There is no process “{process}”.")
    crossing = transfer.proposals(transfer.old.drawn[process].definition.digest).crossing
    if node not in crossing.before:
        raise Invalid("migration.node", f"原版本没有节点“{node}”。", f"The old version has no node “{node}”.")
    if to is not None and to != STAY:
        crossing.must_fit(node, to)


def choose(work: Work, actor: Actor, id: int, process: str, node: str, to: str | None, foreseen: Foreseen) -> None:
    """Keeps what was reconsidered. Raises `Conflict` when the migration has changed meanwhile."""
    _permit(work, actor, DESIGN, PUBLISH)
    row = _locked(work, actor, id, "prepared", "stopped")
    if row["revision"] != foreseen.revision:
        raise Conflict(
            "migration.changed",
            "他人刚刚改动了这次迁移，请刷新后再改。",
            "Somebody has just changed this migration: reload and try again.",
        )
    plan = Plan({name: dict(targets) for name, targets in foreseen.chosen.items()}, foreseen.survey)
    _change(work, row, mapping=encode(plan).decode())
    _try_again(work, id)
    _record(work, id, row["area"], actor, "mapping-changed", {"process": process, "node": node, "target": to})


def trial(work: Work, actor: Actor, id: int) -> None:
    """Every case is to be tried, in the background; those opened meanwhile too."""
    _permit(work, actor, DESIGN, PUBLISH)
    row = _locked(work, actor, id, "prepared", "stopped")
    _list_cases(work, id, row["from_pack"], row["area"])
    _try_again(work, id)
    _change(work, row, status="trying")
    _record(work, id, row["area"], actor, "trial-started")


def start(work: Work, actor: Actor, id: int) -> None:
    """Cases are to be moved, in the background; those opened meanwhile too, and not those that were found to stay."""
    _permit(work, actor, PUBLISH)
    row = _locked(work, actor, id, "prepared")
    _must_apply(work, row["to_pack"])
    _list_cases(work, id, row["from_pack"], row["area"])
    _change(work, row, status="running", started_by=actor.person, started_at=work.now)
    _record(work, id, row["area"], actor, "started", {"mapping": plan_of(row).chosen})


def stop(work: Work, actor: Actor, id: int) -> None:
    """After the case in hand nothing more is done; what has moved has moved."""
    row = seen(work, actor, id)
    _permit(work, actor, *((DESIGN, PUBLISH) if row["status"] == "trying" else (PUBLISH,)))
    row = _locked(work, actor, id, "trying", "running")
    _change(work, row, status=rest(row) if row["status"] == "trying" else "stopped")
    _record(work, id, row["area"], actor, "stopped")


def resume(work: Work, actor: Actor, id: int) -> None:
    """Goes on where it was stopped."""
    _permit(work, actor, PUBLISH)
    row = _locked(work, actor, id, "stopped")
    _change(work, row, status="running")
    _record(work, id, row["area"], actor, "resumed")


def undo(work: Work, actor: Actor, id: int) -> None:
    """Cases that have not moved on since are to go back, in the background."""
    _permit(work, actor, PUBLISH)
    row = _locked(work, actor, id, "done", "stopped")
    _change(work, row, status="undoing", ended_at=None)
    _record(work, id, row["area"], actor, "undo-started")


def rest(row: Mapping[str, Any]) -> str:
    """The status after a trial."""
    return "stopped" if row["started_at"] else "prepared"


def _must_apply(work: Work, key: str) -> None:
    """A version that does not apply yet, or is a draft of a law, carries no real matter."""
    pack = work.library.pack(work.connection, key)
    if work.library.training(work.connection):
        return
    if pack.force != "law" or pack.in_force_from is None or pack.in_force_from > day_of(work.now):
        raise Refused(
            "migration.not-in-force",
            f"版本“{key}”尚未施行，施行之日起才能迁入正在办理的事项。",
            f"The version “{key}” is not in force yet: matters can go over from that day on.",
        )


def _list_cases(work: Work, id: int, pack: str, area: str) -> None:
    """Every open case that is not yet listed."""
    known = exists().where(_row.migration == id, _row.case == _case.id)
    found = select(literal(id), _case.id, literal(WAITING), literal(work.now, tables.Instant)).where(
        *open_cases(work, pack, area), ~known
    )
    work.connection.execute(insert(tables.migration_case).from_select(["migration", "case", "status", "at"], found))


def _try_again(work: Work, id: int) -> None:
    tried = _row.migration == id, _row.status.in_((MOVABLE, STAYS))
    values = {"status": WAITING, "reason": None, "at": work.now}
    work.connection.execute(update(tables.migration_case).where(*tried).values(values))


def _change(work: Work, row: Mapping[str, Any], **values: Any) -> None:
    values["revision"] = row["revision"] + 1
    work.connection.execute(update(tables.migration).where(_migration.id == row["id"]).values(values))


def _record(work: Work, id: int, area: str, actor: Actor, kind: str, detail: Mapping[str, Any] | None = None) -> None:
    work.record(f"migration/{id}", [Entry(kind, actor.person, actor.post, detail=dict(detail or {}))], area)


# -- looking -----------------------------------------------------------------------------------------


def listed(work: Work, actor: Actor) -> list[dict[str, Any]]:
    """The migrations in the actor's area, the newest first."""
    _permit(work, actor, DESIGN, PUBLISH)
    here = queries.inside(work.connection, _migration.area, actor.area)
    query = select(tables.migration).where(here).order_by(_migration.id.desc())
    return [_told(work, dict(row)) for row in work.connection.execute(query).mappings()]


def shown(work: Work, actor: Actor, id: int) -> dict[str, Any]:
    """A migration: how far it is, where cases stand and go, why some stay. Raises `NotFound`."""
    row = seen(work, actor, id)
    plan = plan_of(row)
    return {
        **_told(work, row),
        "mapping": [{**one, "from": one["node"]} for one in plan.survey.get("nodes", [])],
        "chosen": plan.chosen,
        "survey": {name: value for name, value in plan.survey.items() if name != "nodes"},
        "reasons": _reasons(work, id),
        "reported": row["signature"] is not None,
    }


def cases(work: Work, actor: Actor, id: int, status: str = "", cursor: str = "", size: int = 50) -> dict[str, Any]:
    """A page of the cases of a migration, those with a status or all, by number. Raises `NotFound`."""
    seen(work, actor, id)
    wanted = [_row.migration == id, *([_row.status == status] if status else [])]
    rows = select(_case.id, _case.number, _case.title, _case.area, tables.migration_case).join(
        tables.case, _row.case == _case.id
    )
    part = Part([select(_row.case).where(*wanted)], [_row.case])
    return page(work, [part], cursor, size, rows.where(_row.migration == id), _told_case)


def report(work: Work, actor: Actor, id: int) -> dict[str, Any]:
    """What was reported at the end, and at the end of going back: `signed` is what was said, the rest proves it.
    Raises `NotFound` before there is a report."""
    row = seen(work, actor, id)
    if row["signature"] is None:
        raise NotFound("migration.no-report", "迁移结束后才有报告。", "There is a report once the migration has ended.")
    return decode(row["signature"], dict[str, Any])


def seen(work: Work, actor: Actor, id: int, *, lock: bool = False) -> dict[str, Any]:
    """A migration that the actor may see. Raises `NotFound`."""
    _permit(work, actor, DESIGN, PUBLISH)
    here = and_(_migration.id == id, queries.inside(work.connection, _migration.area, actor.area))
    query = select(tables.migration).where(here)
    row = work.connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise NotFound("migration.unknown", "未找到此迁移，或不在您的查看范围内。", "Not found, or outside your scope.")
    return dict(row)


def _locked(work: Work, actor: Actor, id: int, *statuses: str) -> dict[str, Any]:
    row = seen(work, actor, id, lock=True)
    if row["status"] not in statuses:
        zh, en = STATUSES[row["status"]]
        raise Conflict(
            "migration.status",
            f"迁移现在{zh}，不能这样操作，请刷新后再看。",
            f"The migration is {en}: this cannot be done now. Reload and look again.",
            details={"status": row["status"]},
        )
    return row


STATUSES: Mapping[str, tuple[str, str]] = {
    "prepared": ("已准备好", "prepared"),
    "trying": ("正在试运行", "being tried"),
    "running": ("正在进行", "under way"),
    "stopped": ("已停止", "stopped"),
    "done": ("已完成", "done"),
    "undoing": ("正在退回", "being undone"),
    "undone": ("已退回", "undone"),
}


def counts(work: Work, id: int) -> dict[str, int]:
    """How many cases have which status."""
    query = select(_row.status, func.count()).where(_row.migration == id).group_by(_row.status)
    found = {status: int(number) for status, number in work.connection.execute(query)}
    return {status: found.get(status, 0) for status in (WAITING, MOVABLE, STAYS, MOVED, UNDONE, KEPT)}


def _told(work: Work, row: Mapping[str, Any]) -> dict[str, Any]:
    found = counts(work, row["id"])
    left = {"running": (WAITING, MOVABLE), "undoing": (MOVED,)}.get(row["status"], (WAITING,))
    return {
        "id": row["id"],
        "from": row["from_pack"],
        "to": row["to_pack"],
        "area": row["area"],
        "status": row["status"],
        "revision": row["revision"],
        **{name: _person(work, row[name]) for name in ("created_by", "started_by")},
        **{name: _moment(row[name]) for name in ("created_at", "started_at", "ended_at")},
        "counts": {**found, "total": sum(found.values())},
        "progress": {"done": sum(found.values()) - sum(found[one] for one in left), "of": sum(found.values())},
    }


def _told_case(row: RowMapping) -> dict[str, Any]:
    return {
        "matter": row["number"],
        "title": row["title"],
        "area": row["area"],
        "status": row["status"],
        "reason": json.loads(row["reason"]) if row["reason"] else None,
        "record": row["record"],
        "undo": row["undo"],
        "at": _moment(row["at"]),
    }


def _reasons(work: Work, id: int) -> list[dict[str, Any]]:
    """Why cases stay, the most frequent first."""
    query = select(_row.reason, func.count().label("count")).where(
        _row.migration == id, _row.status.in_((STAYS, KEPT)), _row.reason.is_not(None)
    )
    found = work.connection.execute(query.group_by(_row.reason)).all()
    told = [{**json.loads(row.reason), "count": row.count} for row in found]
    return sorted(told, key=lambda one: (-one["count"], one["zh"]))


def plan_of(row: Mapping[str, Any]) -> Plan:
    """What is kept of a migration beside its cases."""
    return decode(row["mapping"], Plan)


def _person(work: Work, id: str | None) -> dict[str, str] | None:
    return {"id": id, "name": work.directory.name(id)} if id else None


def _moment(at: datetime | None) -> str | None:
    return local(at).isoformat() if at else None


def _permit(work: Work, actor: Actor, *permissions: str) -> None:
    """Refuses whose role has none of these permissions."""
    role = queries.role(work, actor.role, actor.area)
    if role is None or set(permissions).isdisjoint(role.permissions):
        raise Forbidden(
            "migration.not-permitted",
            "您的岗位不含此操作，可联系流程管理员。",
            "Your post does not allow this: ask whoever administers the processes.",
        )
