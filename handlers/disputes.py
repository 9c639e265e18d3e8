"""Responsibility disputes as things of their own (ZJ-13.4, ZJD-14): how each was settled is registered, so that the
next one of the same kind can be settled alike, and so that the triage table can learn from it.

Register `dispute`, about the case (`case/17`), one entry for each time it was settled: `parties` (unit ids: who
disputed, whom they named), `claims` (who claimed it, in which record of the case, with the list items they cite; the
words themselves stay there, where they can be erased), `matter_type`, `grid`, `settled` (agreed or decided), `by`
(unit), `document` (number and date of a decision), `bound` (the unit that is responsible now).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from engine import cases, records, registers
from engine.directory import Unit
from engine.errors import NotFound, Refused
from engine.registers import Registered
from engine.work import Call, Work
from handlers import facts, proposals

KIND = "dispute"


def record(work: Work, call: Call) -> Mapping[str, Any]:
    """Registers a settled dispute and proposes what it says as a row of the triage table. Enact handler."""
    known = facts.of(work, call)
    agreed = known["mediate_outcome"] == "agreed"
    by, bound = known["agency"] if agreed else _decider(known), work.directory.unit(known["decided_unit"])
    claims = _claims(work, call.case, known.get("unit", ""))
    body = {
        "parties": sorted({unit for claim in claims for unit in (claim["unit"], claim["suggested_unit"]) if unit}),
        "claims": claims,
        "matter_type": known["matter_type"],
        "grid": known["grid"],
        "settled": "agreed" if agreed else "decided",
        "by": by,
        "document": {} if agreed else {name: call.said[name] for name in ("document_number", "decided_on")},
        "bound": bound.id,
    }
    area = work.directory.unit(known["grid"]).area
    name, about = f"{call.case}-{call.step}", f"case/{call.case}"
    registers.put(work, call.actor, KIND, name, body, area=area, unit=known["agency"], about=about, case=call.case)
    proposals.propose(work, call, known["matter_type"], bound, f"{KIND}/{name}")
    return {}


def not_bound(work: Work, call: Call) -> Mapping[str, Any]:
    """Guard of the events by which a department returns what was dispatched to it: not what it was held responsible for
    by a decision on a dispute. That such a decision binds is a reading (the texts only say that it is made, ZJ-13.4,
    ZJD-14); what was settled by agreement can still be returned."""
    if facts.of(work, call).get("dispute_decided"):
        raise Refused(
            "dispute.bound",
            "职责争议已有决定，确定由本单位办理，不能再退回；情况有变的，请与交办机构联系，由其处理"
            "（产品默认规则，非法律规定）。",
            "The dispute has been decided: your unit is responsible and cannot return it. If things have changed, "
            "contact the agency that dispatched it (product default, not law).",
        )
    return {}


def precedents(work: Work, matter_type: str, area: str) -> list[dict[str, Any]]:
    """Who was held responsible for this type in an area, the most frequent first: `unit`, how often (`times`), of these
    by agreement (`agreed`) and by decision (`decided`), and the disputes themselves (`entries`, the newest first)."""
    found = [one for one in registers.holding(work, KIND, inside=area) if one.body["matter_type"] == matter_type]
    found.sort(key=lambda one: one.recorded_at, reverse=True)
    often = Counter(one.body["bound"] for one in found)
    return [_told(unit, [one for one in found if one.body["bound"] == unit]) for unit, _ in often.most_common()]


def comparable(work: Work, case: int) -> dict[str, Any]:
    """What the mediator of a case wants to know: its type, the area that counts as the same (the county's, whose
    departments they are: reading), the precedents there, and what has been approved for the triage since. Raises
    `NotFound` for a case that is no matter."""
    known = cases.facts_at(work, case, 0)
    if "matter_type" not in known:
        raise NotFound(
            "dispute.no-matter", "这不是网格事项，没有同类争议。", "This is no matter: nothing compares to it."
        )
    grid = work.directory.unit(known["grid"])
    county = work.directory.agency_of(grid.area, "county")
    area, matter_type = (county or grid).area, known["matter_type"]
    settled = proposals.settled(work, matter_type, grid.area)
    return {
        "matter_type": matter_type,
        "area": area,
        "precedents": precedents(work, matter_type, area),
        "settled": _named(settled) if settled else None,
    }


def _told(unit: str, found: list[Registered]) -> dict[str, Any]:
    how = Counter(one.body["settled"] for one in found)
    return {
        "unit": unit,
        "times": len(found),
        "agreed": how["agreed"],
        "decided": how["decided"],
        "entries": [_shown(one) for one in found],
    }


def _shown(one: Registered) -> dict[str, Any]:
    return {"id": one.id, "on": one.valid_from.isoformat(), **{name: one.body[name] for name in SHOWN}}


SHOWN = ("settled", "by", "document", "parties")
"""What a precedent shows of itself."""


def _named(unit: Unit) -> dict[str, str]:
    return {"id": unit.id, "name": unit.name}


def _decider(known: Mapping[str, Any]) -> str:
    """Who decided: the government, unless the mediator chose the party committee (ZJD-14)."""
    return str(known["party_committee" if known.get("decider") == "party_committee" else "government"])


def _claims(work: Work, case: int, unit: str) -> list[dict[str, Any]]:
    """What the unit claimed when it disputed this case, last of all: there is never more than one dispute open. Nothing
    where an agency raised it without a dispatch (ZJD-14): then no unit has the case."""
    subject = f"case/{case}"
    raised = [one.number for one in records.chain(work.connection, subject) if one.kind == "dispute"]
    if not unit or not raised:
        return []
    said = records.said(work.connection, subject).get(raised[-1], {})
    return [
        {
            "unit": unit,
            "record": f"{subject}#{raised[-1]}",
            "suggested_unit": _unit(work, said.get("suggested_unit") or ""),
            "cited_items": list(said.get("cited_items") or ()),
        }
    ]


def _unit(work: Work, named: str) -> str:
    """The id of a unit that somebody named; empty where it is none: words do not belong into a register."""
    try:
        return work.directory.unit(named).id
    except NotFound:
        return ""
