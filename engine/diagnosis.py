"""How the installation is: what an operator looks at first when something seems wrong, and before it does.

Each sign says what was seen and whether that is good; whoever shows them adds nothing. What the database protects
is tried out by `Store.check`, not believed.
"""

import platform
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from engine import census, packs, queries
from engine.calendars import SHANGHAI, Calendar
from engine.errors import Words
from engine.library import day_of
from engine.model import Value
from engine.work import Engine, Work

LIBRARIES = ("sqlalchemy", "flask", "lxml", "msgspec", "SpiffWorkflow")
"""Whose version matters to what cases do."""

SOON = timedelta(days=45)
"""The State Council publishes a year in October or November: so long before the end it should be here."""

ROOM = 2**30
"""Bytes that should be free on the disk of the database."""

SILENT = timedelta(minutes=1)
"""A clock beats every few seconds; after so long it has stopped."""


NAMED = 8
"""So many files that differ are named."""


class Sign(Value, frozen=True):
    """One thing that was looked at: `value` for programs, `words` for people."""

    key: str
    level: Literal["good", "warning", "error"]
    value: str
    words: Words


def examine(engine: Engine) -> list[Sign]:
    """Everything there is to see, the database first. Raises `Unavailable` when it cannot be reached."""
    with engine.look() as work:
        inside = [*_waiting(work), _clock(work), _calendar(work.calendar, day_of(work.now)), *_packs(work)]
    return [*_database(engine), *inside, *_computer(engine)]


def _database(engine: Engine) -> Iterator[Sign]:
    findings = engine.store.check()
    for finding in findings:
        level: Literal["warning", "error"] = "error" if finding.level == "error" else "warning"
        yield Sign("database", level, finding.rule, _split(finding.message))
    if not findings:
        yield _good(
            "database", engine.store.dialect, "数据库结构和保护措施完好", "the database is protected as it must be"
        )


def _waiting(work: Work) -> Iterator[Sign]:
    waits = census.backlog(work.connection, work.now)
    yield _good("outbox", waits["outbox_waiting"], "待执行的外部动作", "effects wait to be carried out")
    yield _good("records", waits["records_unplaced"], "待编位置的记录", "records wait for their position")
    yield _none_or(
        "timers", "warning", waits["timers_due"], "已到时未触发的定时器", "timers are due and have not fired"
    )
    yield _none_or("incidents", "warning", waits["incidents_open"], "未处理的异常", "incidents are open")


def _clock(work: Work) -> Sign:
    last = queries.last_heartbeat(work)
    if last is None:
        return _sign("clock", "warning", "", "没有时钟运行过，定时器不会触发", "no clock has run: no timer will fire")
    if work.now - last > SILENT:
        return _sign("clock", "error", last.isoformat(), "时钟已停止，定时器不会触发", "the clock has stopped")
    return _good("clock", last.isoformat(), "时钟正常", "the clock runs")


def _calendar(calendar: Calendar, today: date) -> Sign:
    """Until when the working days are known without a gap from this year on."""
    year = today.year
    while year in calendar.confirmed:
        year += 1
    end = date(year - 1, 12, 31)
    if end < today:
        zh, en = "本年日历未经确认，请导入国务院通知", "this year is not confirmed: import the State Council's notice"
        return _sign("calendar", "error", end.isoformat(), zh, en)
    if end - today < SOON:
        zh, en = "下一年日历未经确认，公布后请导入", "the next year is not confirmed: import its notice when it is out"
        return _sign("calendar", "warning", end.isoformat(), zh, en)
    return _good("calendar", end.isoformat(), "工作日历已确认至此日", "the working days are confirmed until this day")


def _packs(work: Work) -> Iterator[Sign]:
    """The packs that come with the product, and what the database has of them."""
    for one in packs.differences(work):
        if one.standing == "same":
            yield _good("pack", one.key, "流程包与数据库一致", "the pack is the same in the database")
        elif one.standing == "missing":
            zh, en = "产品自带的流程包没有发布到数据库", "a pack of the product is not in the database"
            yield _sign("pack", "warning", one.key, zh, en)
        else:
            named = ", ".join(one.files[:NAMED]) + (f" … ({len(one.files)})" if len(one.files) > NAMED else "")
            zh, en = f"产品自带的流程包与数据库中的不同：{named}", f"the pack differs from the database: {named}"
            yield _sign("pack", "warning", one.key, zh, en)


def _computer(engine: Engine) -> Iterator[Sign]:
    yield _time_zone(engine.now())
    yield _disk(Path(engine.store.url.database or "") if engine.store.dialect == "sqlite" else Path())
    yield _good("python", platform.python_version(), "Python 版本", "version of Python")
    yield _good("sqlite", sqlite3.sqlite_version, "SQLite 版本", "version of SQLite")
    for name in LIBRARIES:
        yield _good(name, version(name), f"{name} 版本", f"version of {name}")


def _time_zone(now: datetime) -> Sign:
    offset = now.astimezone(ZoneInfo("Asia/Shanghai")).utcoffset()
    if offset == SHANGHAI.utcoffset(None):
        return _good("time_zone", "Asia/Shanghai", "时区数据正常", "the time zone data are right")
    return _sign("time_zone", "error", str(offset), "时区数据有误，上海应为 +08:00", "Shanghai must be at +08:00")


def _disk(place: Path) -> Sign:
    free = shutil.disk_usage(place.resolve().parent if place.name else Path.cwd()).free
    level: Literal["good", "warning"] = "good" if free >= ROOM else "warning"
    return _sign("disk", level, str(free), f"磁盘剩余 {free >> 20} MB", f"{free >> 20} MB are free on the disk")


def _none_or(key: str, level: Literal["warning", "error"], number: int, zh: str, en: str) -> Sign:
    return _sign(key, level if number else "good", str(number), zh, en)


def _good(key: str, value: object, zh: str, en: str) -> Sign:
    return _sign(key, "good", str(value), zh, en)


def _sign(key: str, level: Literal["good", "warning", "error"], value: str, zh: str, en: str) -> Sign:
    return Sign(key, level, value, Words(zh, en))


def _split(message: str) -> Words:
    """A finding's message holds the Chinese sentence, then the English one."""
    zh, full_stop, en = message.partition("。 ")
    return Words(zh + full_stop.strip(), en)
