"""What a triage may order (ZJ-13.3): to whom, with which limit, and never past the matter list."""

from collections.abc import Mapping
from typing import Any

from engine.errors import Refused
from engine.work import Call, Work
from handlers import facts


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
