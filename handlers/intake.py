"""How a matter comes in: found by a worker or on patrol, a clue or an instruction pushed to one, or a request of a
citizen or organisation. Each way in is a start event of the matter's diagram with a form of the same name.

What people say comes from the form. What follows from it is looked up here and never typed: what the matter list
says of the type (ZJ-9, ZJ-10, JS-16.3), and which units answer for the place (ZJ-5.1, ZJ-13).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from engine import cases, forms
from engine.cases import Opening
from engine.directory import Actor, Unit
from engine.errors import Forbidden, Invalid, Refused
from engine.library import Pack, day_of
from engine.work import Work
from handlers import authorities, governing, lists, secrecy

OTHER: Mapping[str, Any] = {
    "performer": "agency",
    "handling_mode": "report_only",
    "requires_enforcement_power": False,
}
"""What holds for a type that is not on the list: it goes to the agency. No text lets anybody drop it."""


def report(work: Work, actor: Actor, given: Mapping[str, Any]) -> int:
    """Opens a matter. `given`: `way_in` (start event), `grid` (unit id: where it is), `answer` (its form), and
    for training only `pack`. Returns the case's id.

    Raises `Refused` where the law or the pack forbids it, `Forbidden` when the actor may not report there,
    `Invalid` on a form that is not right.
    """
    grid = work.directory.unit(given["grid"])
    answer = dict(given["answer"])
    discovered_at = _moment(answer.get("discovered_at"), work.now)
    pack = _pack(work, given.get("pack"), grid, discovered_at)
    way_in = given.get("way_in", "discovered")
    if way_in not in pack.ways_in:
        raise Invalid("intake.way-in", f"没有“{way_in}”这种来源。", f"There is no way in called “{way_in}”.")
    _may_report(actor, grid, by_worker(pack, way_in))
    form = pack.forms[way_in]
    answer = secrecy.screened(pack, form, answer)
    fields = form["properties"]
    filled = _known(work, actor, pack, grid, answer) | {"discovered_at": discovered_at.isoformat()}
    filled |= _listed(work, grid, day_of(discovered_at), answer.get("matter_type", ""))
    filled["received_at"] = work.now.isoformat()
    if "party_committee" in fields:
        filled["party_committee"] = work.directory.party_committee_of(work.directory.unit(filled["agency"])).id
    read = forms.read(form, {**answer, **{name: value for name, value in filled.items() if name in fields}})
    opening = Opening(
        pack=pack.key,
        area=grid.area,
        unit=filled["agency"],
        title=secrecy.title(pack, answer),
        discovered_at=discovered_at,
        governing_day=work.library.governing_day(work.connection),
        start=way_in,
        matter_type=read.routing.get("matter_type", ""),
        facts=read.routing,
        said=read.record,
        cause=str(given.get("cause", "")),
    )
    return cases.open_(work, actor, opening)


def _pack(work: Work, key: str | None, grid: Unit, discovered_at: datetime) -> Pack:
    """The pack in force on the day of discovery (a reading the installation can change: `governing_day`)."""
    by_discovery = work.library.governing_day(work.connection) == "discovery"
    return governing.pack(work, grid.area, day_of(discovered_at if by_discovery else work.now), key)


def by_worker(pack: Pack, way_in: str) -> bool:
    """Whether a way in begins with a worker of the grid; the others begin with somebody whose area the grid is in."""
    return bool(pack.ways_in[way_in].get("by") == "worker")


def offered(pack: Pack, worker: bool) -> list[dict[str, Any]]:
    """The ways in that a worker of a grid may use, or everybody else: label and form."""
    ways = ((way, pack.forms[way]) for way in pack.ways_in if by_worker(pack, way) == worker)
    return [{"key": way, "zh": form["title"], "en": form["x-en"], "form": form} for way, form in ways]


def _may_report(actor: Actor, grid: Unit, worker: bool) -> None:
    if not grid.area.startswith(actor.area):
        raise Forbidden(
            "intake.outside",
            "此网格不在您的范围内，请核对网格。",
            "This grid is outside your area: check the grid.",
        )
    if worker and actor.unit != grid.id:
        raise Forbidden(
            "intake.not-worker",
            "只有本网格的网格员可以这样上报；其他人请选择推送线索或指令。",
            "Only a worker of this grid reports like this; others push a clue or an instruction.",
        )


def _known(work: Work, actor: Actor, pack: Pack, grid: Unit, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Everything about a new matter that nobody has to type."""
    agency = _agency(work, grid, pack.setting("escalation_target", "township"))
    agencies = list(authorities.upwards(work, agency))
    return {
        "through_worker": actor.unit == grid.id,
        "instructing_unit": answer.get("instructing_unit") or actor.unit,
        "grid": grid.id,
        "agency": agency.id,
        **authorities.around(work, grid.area),
        "agencies": [unit.id for unit in agencies],
        "governments": [authorities.government(work, unit) for unit in agencies],
        "higher_agency": agencies[min(1, len(agencies) - 1)].id,
        "township": _agency(work, grid, "township").id,
        "government": _government(work, agencies).id,
    }


def _listed(work: Work, grid: Unit, day: date, matter_type: str) -> dict[str, Any]:
    """What the matter lists say of a type on the day of discovery, and which version says it (a register row): a
    later change of a list does not touch the matter any more."""
    held = lists.items(work, grid, day).get(matter_type)
    known = {**OTHER, **(held.item if held else {})}
    version = held.list.row if held else lists.nearest(work, grid, day)
    return {"listed": held is not None, "list_version": version, **{name: known[name] for name in OTHER}}


def _agency(work: Work, grid: Unit, level: str) -> Unit:
    agency = work.directory.agency_of(grid.area, level)
    if agency is None:
        raise Refused(
            "intake.no-agency",
            f"“{grid.name}”所在地没有登记{level}级网格化治理机构，请先登记机构。",
            f"No governance agency of level {level} is registered for “{grid.name}”: register it first.",
            article="ZJ-5.1",
        )
    return agency


def _government(work: Work, agencies: Sequence[Unit]) -> Unit:
    """The government of the same level; a village has none, so there it is that of the township."""
    return work.directory.government_of(next(unit for unit in agencies if unit.level != "village"))


def _moment(text: Any, now: datetime) -> datetime:
    """When it was discovered: as said, or now; never in the future."""
    try:
        moment = datetime.fromisoformat(text) if text else now
    except (TypeError, ValueError):
        moment = now.replace(tzinfo=None)
    if moment.tzinfo is None:
        raise Invalid(
            "intake.discovered-at",
            "发现时间请写成带时区的时间，例如 2026-03-02T09:00:00+08:00。",
            "Write the time of discovery with its zone, like 2026-03-02T09:00:00+08:00.",
        )
    if moment > now:
        raise Invalid(
            "intake.future", "发现时间不能晚于现在，请核对。", "The time of discovery lies in the future: check it."
        )
    return moment
