"""Where processes are drawn: two counties under the pack of a city, each with two who draw and one who approves."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from engine import directory, drafts
from engine.directory import Actor
from engine.library import Pack
from engine.publishing import PACKS, publish, publish_year, read_calendars
from engine.records import Record, chain
from engine.store import Store
from engine.work import Engine, Work
from handlers.city import DESIGNERS, ESTABLISHED, FOUNDER
from handlers.registry import HANDLERS
from tests.places import MORNING, read

BASE = "zhenjiang/2026-01-01"
KEY = "zhenjiang/2026-06-01"
JUNE = date(2026, 6, 1)


class Studio:
    """The people are `a1`, `a2` (they draw) and `a3` (approves) of the first county, `b1` … of the second; `worker` has
    no part in it. A Monday morning in March 2026."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.now: datetime = MORNING
        self.store = store
        self.engine = Engine(store, HANDLERS, now=lambda: self.now, signing_key=folder / "keys" / "signing.key")
        self.pack: Pack = read(PACKS / BASE).pack
        with self.engine.work() as work:
            for year in read_calendars():
                publish_year(work, year)
            publish(work, read(PACKS / BASE)._replace(findings=()))
            _found(work, {key: role.unit_kinds for key, role in self.pack.roles.items()})
        self.counties = ["/32/3211/321102/", "/32/3211/321103/"]

    def person(self, name: str) -> str:
        return name

    def actor(self, name: str) -> Actor:
        with self.engine.look() as work:
            return work.directory.actor(self.person(name))

    def act(self, verb: Callable[..., Any], name: str, *given: Any, **more: Any) -> Any:
        """Somebody does something in a transaction of its own."""
        actor = self.actor(name)
        with self.engine.work() as work:
            return verb(work, actor, *given, **more)

    def look(self, query: Callable[..., Any], name: str, *given: Any, **more: Any) -> Any:
        actor = self.actor(name)
        with self.engine.look() as work:
            return query(work, actor, *given, **more)

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)

    def chain(self, subject: str) -> list[Record]:
        with self.engine.look() as work:
            return list(chain(work.connection, subject))

    # -- drafts

    def draft(self, name: str = "a1", key: str = KEY, **more: Any) -> int:
        return int(self.act(drafts.create, name, BASE, key, "缩短核实时限", **more))

    def file(self, draft: int, path: str, name: str = "a1") -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.look(drafts.read, name, draft, path)
        return found

    def save(self, draft: int, path: str, text: str | None, name: str = "a1") -> Mapping[str, Any]:
        """Saves over what is there now."""
        known = {one["path"]: one["hash"] for one in self.look(drafts.shown, name, draft)["files"]}
        done: Mapping[str, Any] = self.act(drafts.save, name, draft, path, text, known.get(path))
        return done

    def change(self, draft: int, path: str, change: Callable[[Any], object], name: str = "a1") -> None:
        """Changes the data of a JSON file in place."""
        data = json.loads(self.file(draft, path, name)["text"])
        change(data)
        self.save(draft, path, json.dumps(data, ensure_ascii=False), name)

    def redraw(self, draft: int, name: str = "a1", amount: int = 3) -> None:
        """A real change: the limit of verifying becomes one of so many hours."""

        def longer(limits: Any) -> None:
            next(limit for limit in limits if limit["key"] == "verify")["amount"] = amount

        self.change(draft, "limits.json", longer, name)

    def submitted(self, key: str = KEY, **more: Any) -> int:
        """A draft of `a1` that `a2` has submitted."""
        draft = self.draft("a1", key, **more)
        self.redraw(draft)
        self.act(drafts.submit, "a2", draft)
        return draft

    def published(self, key: str = KEY, day: date = JUNE, **more: Any) -> dict[str, Any]:
        done: dict[str, Any] = self.act(drafts.publish, "a3", self.submitted(key, **more), day)
        return done


def _found(work: Work, roles: Mapping[str, tuple[str, ...]]) -> None:
    """Two counties with an agency each, and the people of their names."""
    when: dict[str, Any] = {"valid_from": ESTABLISHED, "by": FOUNDER, "at": work.now}

    def unit(id: str, kind: str, level: str, code: str, name: str, parent: str | None) -> None:
        directory.put_unit(
            work.connection, id, kind=kind, level=level, code=code, name=name, parent=parent, **when
        )  # fmt: skip

    def person(id: str, name: str, unit: str, role: str) -> None:
        directory.put_person(work.connection, id, name=name, contact=None, worker_kind=None, area="/32/3211/", **when)
        directory.give_post(work.connection, f"{id}-1", person=id, unit=unit, role=role, roles=roles, **when)

    unit("p", "division", "province", "32", "示范省", None)
    unit("c", "division", "city", "3211", "示范市", "p")
    for letter, code, name in (("a", "321102", "甲区"), ("b", "321103", "乙区")):
        unit(letter, "division", "county", code, name, "c")
        unit(f"ga-{letter}", "governance_agency", "county", f"GA{code}", f"{name}机构", letter)
        for number, (title, role) in enumerate(DESIGNERS, 1):
            person(f"{letter}{number}", f"{name}{title}", f"ga-{letter}", role)
    person("worker", "甲区核查员", "ga-a", "checker")
