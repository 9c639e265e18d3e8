"""What a triage may order (ZJ-13.3): to whom, with which limit, and never past the matter list; and what is proposed to
it, with where the proposal comes from.

Variables of a proposal: `lead_department` (function), `co_handlers` (functions), `handling_limit` as in the table;
`proposed_unit` (unit id, empty where there is none), `proposed_by` (see `SOURCES`) and `proposal_entry` (the register
entry it comes from; empty for the table).
"""

from collections.abc import Mapping
from typing import Any

from engine import registers
from engine.directory import Unit
from engine.errors import Refused, Words
from engine.registers import Registered
from engine.work import Call, Work
from handlers import facts, proposals

SOURCES: Mapping[str, Words] = {
    "dispute": Words("争议处理后经批准的分流建议", "approved after a settled dispute"),
    "table": Words("分流建议表", "the triage table"),
    "list": Words("事项清单", "the matter list"),
    "nothing": Words("没有建议，请人工确定", "nothing is proposed: a person decides"),
}
"""Where a proposal comes from: asked in this order."""


def proposed(work: Work, call: Call) -> Mapping[str, Any]:
    """What is proposed to the triage: by a row that was approved after a dispute, else by the table (`call.arguments`
    is its answer), else by the list item, so that what was admitted after the table was drawn is proposed too."""
    known = facts.of(work, call)
    item, grid = known.get("matter_type", ""), work.directory.unit(known["grid"])
    row = proposals.row(work, item, grid.area)
    if row is not None:
        return _by_row(work, row, call.arguments)
    if call.arguments.get("lead_department"):
        return _proposal(work, grid, call.arguments, "table", "")
    listed = registers.version(work, known["list_version"]) if known.get("listed") else None
    content = listed.body["items"].get(item, {}) if listed else {}
    if listed and content.get("lead_department"):
        named = {name: content[name] for name in PROPOSED if content.get(name)}
        return _proposal(work, grid, {**call.arguments, **named}, "list", listed.id)
    return _proposal(work, grid, call.arguments, "nothing", "")


PROPOSED = ("lead_department", "co_handlers", "handling_limit")
"""What the table and an item of a list say of who handles it."""


def told(work: Work, known: Mapping[str, Any]) -> dict[str, Any]:
    """A proposal as people see it, from the variables of a case: the unit and the others by function, the limit, and
    where it comes from in both languages."""
    source = known.get("proposed_by") or "nothing"
    unit = known.get("proposed_unit") or ""
    words = SOURCES[source]
    return {
        "unit": {"id": unit, "name": work.directory.unit_name(unit)} if unit else None,
        "lead_department": known.get("lead_department") or "",
        "co_handlers": list(known.get("co_handlers") or ()),
        "handling_limit": known.get("handling_limit") or "",
        "source": {"key": source, "zh": words.zh, "en": words.en, "entry": known.get("proposal_entry") or ""},
    }


def lawful(work: Work, call: Call) -> Mapping[str, Any]:
    """Guard of `triage` and `check`: units that exist, each once, each with its limit, one of them in the lead;
    nothing to a grid worker that is off the list or wants enforcement power (ZJ-10, JS-16.3)."""
    if call.arguments.get("triage_outcome") == "refuse":
        _may_be_refused(work, call)
    assignments = call.arguments.get("assignments") or []
    if call.arguments.get("triage_outcome", "dispatch") != "dispatch" or not assignments:
        return {}
    units = [assignment["unit"] for assignment in assignments]
    if len(set(units)) != len(units):
        raise Refused("triage.unit-twice", "同一单位不能分派两次。", "A unit cannot be assigned twice.")
    if sum(assignment["duty"] == "lead" for assignment in assignments) != 1:
        raise Refused("triage.one-lead", "请指定一个主办单位，且只能有一个。", "Name exactly one lead unit.")
    if any(work.directory.unit(id).kind == "grid" for id in units):
        _workers_may(work, call)
    return {}


def _by_row(work: Work, row: Registered, table: Mapping[str, Any]) -> dict[str, Any]:
    """The unit that the row names leads; who helps and in which limit stays as the table says."""
    unit = work.directory.unit(row.body["unit"])
    own = unit.attributes.get("functions", ())
    return {
        **table,
        "lead_department": next(iter(own), None),
        "co_handlers": [key for key in table.get("co_handlers") or () if key not in own],
        "proposed_unit": unit.id,
        "proposed_by": "dispute",
        "proposal_entry": row.id,
    }


def _proposal(work: Work, grid: Unit, said: Mapping[str, Any], source: str, entry: str) -> dict[str, Any]:
    """A proposal by function, with the nearest unit that has the function."""
    unit = _competent(work, grid, said.get("lead_department") or "")
    return {**said, "proposed_unit": unit, "proposed_by": source, "proposal_entry": entry}


def _competent(work: Work, grid: Unit, function: str) -> str:
    """The department of the county with a function, else that of the city; empty where there is none."""
    found = (work.directory.departments(grid.area, level, function) for level in ("county", "city") if function)
    return next((units[0].id for units in found if units), "")


def _may_be_refused(work: Work, call: Call) -> None:
    """Only what is off the list may be refused (ZJD-8.4)."""
    if facts.of(work, call).get("listed"):
        raise Refused(
            "triage.listed",
            "此项在清单内，不能以清单外为由拒绝，请协调处理或者分流。",
            "This is on the list and cannot be refused as off it: coordinate or dispatch it.",
            article=facts.cited(work, call, "ZJD-8.4"),
        )


def _workers_may(work: Work, call: Call) -> None:
    """Refuses what must not be asked of a grid worker."""
    known = facts.of(work, call)
    if known.get("requires_enforcement_power"):
        raise Refused(
            "triage.enforcement",
            "此事项须由行政机关工作人员实施，不得交给网格员，请分流至有权部门。",
            "This takes enforcement power and never goes to a grid worker: dispatch it to the department that has it.",
            article=facts.cited(work, call, "JS-16.3", "LZ-15.3"),
        )
    if not known.get("listed") or known.get("performer") != "grid_worker":
        raise Refused(
            "triage.off-list",
            "此项不在清单内或清单未定由网格员实施，不得要求网格员办理，请分流至部门。",
            "Off the list, or not for workers by the list: it must not be asked of a grid worker. Dispatch it to a "
            "department.",
            article=facts.cited(work, call, "ZJ-10", "JS-16.3", "X3-19.4"),
        )
