"""Which units answer for a place: agencies, governments and party committees of each level, and its villages."""

from collections.abc import Iterator
from typing import Any

from engine.directory import Actor, Unit
from engine.work import Work

LEVELS = ("village", "township", "county", "city")
KINDS = {"agency": "governance_agency", "government": "government", "party_committee": "party_committee"}


def upwards(work: Work, agency: Unit) -> Iterator[Unit]:
    """An agency and those above it, level by level, as a matter goes up: the nearest first (X3-20.2)."""
    above: Unit | None = agency
    while above is not None:
        yield above
        above = work.directory.agency_above(above)


def around(work: Work, area: str) -> dict[str, Any]:
    """Unit ids by what they are to the area: `township_agency`, `county_government`, `city_party_committee`, …; empty
    where there is none."""
    return {f"{level}_{name}": _of(work, kind, area, level) for level in LEVELS for name, kind in KINDS.items()}


def own(work: Work, actor: Actor) -> dict[str, str]:
    """The agency, government and party committee of the level of somebody's own unit: `own_agency`, …"""
    level = work.directory.unit(actor.unit).level if actor.unit else ""
    return {f"own_{name}": _of(work, kind, actor.area, level) for name, kind in KINDS.items()}


def government(work: Work, agency: Unit) -> str:
    """The government of an agency's level; a village has none, so there it is the township's."""
    return _of(work, KINDS["government"], agency.area, "township" if agency.level == "village" else agency.level)


def committees(work: Work, area: str) -> list[str]:
    """The village and residents' committees of an area: those inside it, or the one that it lies in."""
    return [unit.id for unit in work.directory.committees(area)]


def _of(work: Work, kind: str, area: str, level: str) -> str:
    found = work.directory.authority(kind, area, level)
    return found.id if found else ""
