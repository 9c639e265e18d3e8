"""A demonstration from nothing: packs, calendars, a city, a virtual month, and people who can sign in.

Used by `wangge demo` (a month in a database of its own) and by `script/server` (the month that ends now).
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from engine import archive, census, publishing, verification
from engine.calendars import SHANGHAI
from engine.errors import Finding
from engine.model import plain
from engine.store import Store
from engine.work import Engine
from handlers import city
from handlers.city import City, Plan
from handlers.demonstration import Demonstration, VirtualTime
from handlers.registry import HANDLERS
from web import sessions

DAYS = timedelta(days=30)
"""How long the virtual month is."""

BEGINNING = datetime(2026, 3, 2, 8, tzinfo=SHANGHAI)
"""A Monday morning: when the month begins unless it ends now."""

PASSWORD = "wangge-demo"  # noqa: S105 - of people who do not exist, in a database for trying out
GUIDES = (
    ("worker", "grid_worker", "{grid}"),
    ("chief", "grid_chief", "{grid}"),
    ("village", "triage_officer", "ga-c{village}"),
    ("triage", "triage_officer", "ga-{township}"),
    ("check", "checker", "ga-{township}"),
    ("duty", "duty_officer", "ga-{township}"),
    ("receiver", "receiver", "dep-{county}-{department}"),
    ("handler", "handler", "dep-{county}-{department}"),
    ("government", "government_decider", "gov-{township}"),
    ("supervisor", "supervisor", "{city}"),
    ("designer", "process_designer", "ga-{county}"),
    ("designer2", "process_designer", "ga-{county}"),
    ("publisher", "process_publisher", "ga-{county}"),
)
"""Log-ins of a demonstration, one for each kind of desk around the first grid."""


BUSY = ("urban_management", "housing")
"""Departments that have much to do: whose desk is shown, in a pack that knows it."""


class Laid(NamedTuple):
    """A demonstration that is ready to be played: at the beginning of its month."""

    engine: Engine
    time: VirtualTime
    city: City
    month: Demonstration


def lay_out(store: Store, name: str, plan: Plan, begin: datetime, seed: int = 1) -> Laid:
    """Publishes every pack and calendar year and founds the city, in an empty database."""
    time = VirtualTime(begin)
    engine = Engine(store, HANDLERS, time)
    found = {folder.pack.key: folder for folder in map(publishing.read_folder, publishing.folders())}
    pack = found[name].pack
    with engine.work() as work:
        for year in publishing.read_calendars():
            publishing.publish_year(work, year)
        for folder in found.values():
            publishing.publish(work, folder)
        if pack.force != "law":
            work.library.allow_training(work.connection)
    with engine.work() as work:
        founded = city.found(work, plan, pack)
    return Laid(engine, time, founded, Demonstration(engine, time, pack, founded, seed))


def report(laid: Laid) -> dict[str, Any]:
    """What the month came to, with the verdict of verification."""
    faults = verify(laid.engine)
    month: dict[str, Any] = plain(laid.month.month())
    return {**month, "verify": {"good": not faults, "findings": [plain(fault) for fault in faults]}}


def verify(engine: Engine) -> list[Finding]:
    """Every fault of every chain and case."""
    with engine.look() as work:
        return [fault for chain in verification.chains(work) for fault in verification.faults(work, chain)]


def export(engine: Engine, folder: Path) -> int:
    """Writes the archive of every closed matter into a folder of its own. Returns how many."""
    with engine.look() as work:
        closed = census.closed_matters(work.connection)
        for case in closed:
            archive.write(archive.package(work, case), folder / f"case-{case}")
    return len(closed)


def let_in(laid: Laid) -> list[tuple[str, str]]:
    """Gives one person of each kind of desk a log-in. Returns (log-in, who it is)."""
    first = laid.city
    places = {
        "city": first.agency,
        "grid": first.grids[0],
        "township": first.townships[0],
        "county": first.counties[0],
        "village": first.grids[0][1:13],
    }
    places["department"] = next((key for key in BUSY if key in laid.month.pack.departments), "")
    guides: list[tuple[str, str]] = []
    taken: set[str] = set()
    with laid.engine.work() as work:
        for login, role, unit in GUIDES:
            free = [one for one in work.directory.holders(role, unit.format(**places)) if one not in taken]
            for person in free[:1]:
                taken.add(person)
                sessions.create_account(work, login, person, PASSWORD)
                guides.append((login, work.directory.name(person)))
    return guides
