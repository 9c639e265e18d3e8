"""Rows and clocks as people read them: names instead of ids, statuses in two languages, times with the offset of
Shanghai, and what is left of a limit told in words, day by day where it is explained: a browser counts no days.
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import RowMapping, select

from engine import lifecycle, limits, tables
from engine.calendars import local
from engine.errors import Words
from engine.library import Pack, day_of
from engine.limits import Due, Limit, Unit
from engine.model import decode
from engine.queries.sight import pack_of
from engine.running import Running
from engine.work import Work

_case, _step = tables.case.c, tables.step.c

STEPS = select(
    tables.step,
    _case.number,
    _case.title,
    _case.status.label("matter_status"),
    _case.matter_type,
    _case.emergency,
    _case.disputed,
    _case.suspended,
    _case.clock.label("overall"),
    _case.pack,
).join(tables.case, _case.id == _step.case)
"""Steps with what their matter says in a list."""

MATTERS = select(tables.case)
REQUESTS = select(tables.request, _case.number, _case.title, _case.closed_at.label("ended_at")).join(
    tables.case, _case.id == tables.request.c.case
)
"""Requests with what their matter says in a list."""

INCIDENTS = select(tables.incident, _case.number, _case.title).join(tables.case, _case.id == tables.incident.c.case)


# -- names -------------------------------------------------------------------------------------------


class Names:
    """Names of people and units, each looked up once."""

    def __init__(self, work: Work) -> None:
        self.people = cache(work.directory.name)
        self.units = cache(work.directory.unit_name)

    def person(self, id: str | None) -> dict[str, str] | None:
        return {"id": id, "name": self.people(id)} if id else None

    def unit(self, id: str | None) -> dict[str, str] | None:
        return {"id": id, "name": self.units(id)} if id else None


# -- rows --------------------------------------------------------------------------------------------


def step_row(work: Work) -> Callable[[RowMapping], dict[str, Any]]:
    """How a row of `STEPS` is told in a list."""
    names = Names(work)

    def show(row: RowMapping) -> dict[str, Any]:
        return {
            **step_words(row, names),
            "clock": told(work, row["clock"]),
            "matter": {
                "id": row["case"],
                "number": row["number"],
                "title": row["title"],
                "matter_type": row["matter_type"],
                "status": status_words(pack_of(work, row["pack"]), row["matter_status"]),
                "flags": flags_of(row),
                "clock": told(work, row["overall"]),
            },
        }

    return show


def step_words(row: RowMapping, names: Names) -> dict[str, Any]:
    """A step without its clock, wherever it is shown."""
    return {
        **{name: row[name] for name in ("id", "node", "name", "kind", "role", "area", "status", "revision")},
        "lifecycle": row["lifecycle"],
        "unit": names.unit(row["unit"]),
        "person": names.person(row["person"]),
        "sender": names.unit(row["sender"]),
        "opened_at": at(row["opened_at"]),
        "seen_at": at(row["seen_at"]),
        "closed_at": at(row["closed_at"]),
        "closed_by": names.person(row["closed_by"]),
        "due_at": at(row["due_at"]),
    }


def matter_row(work: Work) -> Callable[[RowMapping], dict[str, Any]]:
    """How a row of `MATTERS` is told in a list."""
    names = Names(work)
    return lambda row: {**matter_words(work, row, names), "clock": told(work, row["clock"])}


def matter_words(work: Work, row: RowMapping, names: Names) -> dict[str, Any]:
    """A matter without its clock, wherever it is shown."""
    same = ("id", "number", "title", "matter_type", "way_in", "area", "outcome", "pack", "revision")
    pack = pack_of(work, row["pack"])
    return {
        **{name: row[name] for name in same},
        "status": status_words(pack, row["status"]),
        "flags": flags_of(row),
        "unit": names.unit(row["unit"]),
        "draft": pack.force != "law",
        **{name: at(row[name]) for name in ("discovered_at", "opened_at", "closed_at", "active_at", "due_at")},
    }


MATTER_ENDED = Words("事项已办结，此申请随之撤回。", "Withdrawn: the matter has ended.")
STEP_CLOSED = Words("环节已办理，此申请随之撤回。", "Withdrawn: its step has been dealt with.")


def request_words(row: RowMapping, names: Names) -> dict[str, Any]:
    """A request, wherever it is shown. One that was withdrawn says what ended at that moment: its matter or its
    step."""
    over = MATTER_ENDED if row["ended_at"] == row["decided_at"] else STEP_CLOSED
    return {
        **{name: row[name] for name in ("id", "case", "step", "kind", "status")},
        "withdrawn": bilingual(over) if row["status"] == "withdrawn" else None,
        "asked_by": names.person(row["asked_by"]),
        "asked_unit": names.unit(row["asked_unit"]),
        "asked_at": at(row["asked_at"]),
        "to_unit": names.unit(row["to_unit"]),
        "to_person": names.person(row["to_person"]),
        "detail": json.loads(row["detail"]),
        "decided_by": names.person(row["decided_by"]),
        "decided_at": at(row["decided_at"]),
    }


def incident_words(row: RowMapping, names: Names) -> dict[str, Any]:
    """An incident, wherever it is shown."""
    return {
        **{name: row[name] for name in ("id", "case", "node", "code", "text")},
        "opened_at": at(row["opened_at"]),
        "settled_at": at(row["settled_at"]),
        "settled_by": names.person(row["settled_by"]),
    }


def flags_of(row: RowMapping) -> list[str]:
    """The flags that a matter carries, in the order of `lifecycle`."""
    return [flag for flag in lifecycle.FLAGS if row[flag]]


def status_words(pack: Pack, status: str) -> dict[str, str]:
    """A status of a matter: in the words of its pack, or of the product."""
    words = pack.statuses.get(status) or lifecycle.STATUSES.get(status) or Words(status, status)
    return {"key": status, "zh": words.zh, "en": words.en}


def bilingual(words: Words) -> dict[str, str]:
    """Words as an answer carries them."""
    return {"zh": words.zh, "en": words.en}


def at(moment: datetime | None) -> str | None:
    """As people and programs read it: ISO 8601 with the offset of Shanghai."""
    return None if moment is None else local(moment).isoformat()


# -- clocks in words ---------------------------------------------------------------------------------


WEEKDAYS = "一二三四五六日"


def told(work: Work, stored: str | None, *, explained: bool = False) -> dict[str, Any] | None:
    """A stored clock as people read it: light, what is left, when exactly, on what basis; with `explained`, day by
    day why. None where a step has no limit at all."""
    if not stored:
        return None
    running = decode(stored, Running)
    parts = (running.limit, running.start, work.calendar, running.pauses, running.extensions)
    due = limits.clock(*parts)
    left = limits.remaining(running.limit, running.start, work.calendar, work.now, running.pauses, running.extensions)
    words = _due_words(work, running.limit, due, left)
    return {
        "limit": running.limit.key,
        "state": due.state,
        "light": limits.light(due, work.now),
        "started_at": at(running.start),
        "due_at": at(due.due_at),
        "warn_at": at(due.warn_at),
        "remaining": left,
        "unit": running.limit.unit,
        "provisional": due.provisional,
        "zh": words.zh,
        "en": words.en,
        "basis": _basis(running.limit),
        **({"explained": [_day(one) for one in limits.explain(*parts)]} if explained else {}),
    }


def _basis(limit: Limit) -> dict[str, Any]:
    words = limits.BASES[limit.basis.kind]
    return {
        "kind": limit.basis.kind,
        "zh": words.zh,
        "en": words.en,
        "article": limit.basis.article,
        "document": limit.basis.document,
    }


def _day(one: limits.Explained) -> dict[str, Any]:
    words = {"zh": one.label.zh, "en": one.label.en}
    return {"day": one.day.isoformat(), "kind": one.kind, "number": one.number, **words}


def _due_words(work: Work, limit: Limit, due: Due, left: float | None) -> Words:
    if due.state == "none" or limit.unit is None or left is None:
        return Words("未设时限", "no limit")
    amount = _amount(abs(left), limit.unit)
    if due.due_at is None:
        return Words(f"已停表，剩 {amount.zh}", f"stopped, {amount.en} left")
    end = local(due.due_at)
    exact = f"{end:%m-%d} 周{WEEKDAYS[end.weekday()]} {end:%H:%M}"
    unsure = "（暂定）" if due.provisional else ""
    if due.due_at < work.now:
        return Words(f"超期 {amount.zh} · {exact}{unsure}", f"{amount.en} overdue · {end:%Y-%m-%d %H:%M}")
    if limit.unit.endswith("day") and end.date() == day_of(work.now):
        return Words(f"今日 {end:%H:%M} 前{unsure}", f"today before {end:%H:%M}")
    return Words(f"剩 {amount.zh} · {exact}{unsure}", f"{amount.en} left · {end:%Y-%m-%d %H:%M}")


MINUTES: Mapping[Unit, int] = {"natural_minute": 1, "natural_hour": 60}
"""Units that run day and night: what is left in them can be told in days, hours and minutes."""


def _amount(left: float, unit: Unit) -> Words:
    """Whole units; less than one is said as such. Minutes and hours that run day and night are told like a journey."""
    if unit in MINUTES:
        return _lasting(math.floor(left * MINUTES[unit]))
    whole, name = math.floor(left), limits.UNITS[unit]
    if not whole:
        return Words(f"不足1个{name.zh}", f"less than 1 {name.en}")
    return Words(f"{whole} 个{name.zh}", f"{whole} {name.en}")


def _lasting(minutes: int) -> Words:
    """Days and hours, on the first day hours and minutes: nobody counts further."""
    if not minutes:
        return Words("不足1分钟", "less than 1 min")
    hours, rest = divmod(minutes, 60)
    days, odd = divmod(hours, 24)
    parts = ((days, "天", "d"), (odd, "小时", "h")) if days else ((hours, "小时", "h"), (rest, "分钟", "min"))
    told = [(f"{number} {zh}", f"{number} {en}") for number, zh, en in parts if number]
    return Words(*(" ".join(words) for words in zip(*told, strict=True)))
