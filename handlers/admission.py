"""Graded admission to data (X3-25.2; a reading everywhere else): a unit asks for one of its people, an agency above it
decides, and the admission is registered; it can be taken back at any time.

Register `grade`, about a person: `classes` (keys of the pack's data classes), `approved_by` (a post). It holds until
the day that was asked for, or until one without classes follows it.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from engine import access, cases, registers
from engine.errors import Refused
from engine.work import Call, Work
from handlers import facts


def lawful(work: Work, call: Call) -> Mapping[str, Any]:
    """Refuses an application for somebody of another unit, and one for a class that the pack does not keep."""
    known = facts.of(work, call)
    if known["own_unit"] not in {post.unit for post in work.directory.actors(known["member"])}:
        raise Refused(
            "admission.other-unit",
            "只能为本单位在岗人员申请数据准入，请由其所在单位申请。",
            "A unit asks for its own people only: let the unit of this person ask.",
        )
    kept = {key for key, one in access.classes(cases.pack_of(work, call.case)).items() if one.get("kept", True)}
    for key in known["classes"]:
        if key not in kept:
            raise Refused(
                "admission.unknown-class",
                f"本地没有可准入的数据类别“{key}”，可选：{'、'.join(sorted(kept))}。",
                f"There is no class of data “{key}” to be admitted to here; there is: {', '.join(sorted(kept))}.",
            )
    return {}


def by_another(work: Work, call: Call) -> Mapping[str, Any]:
    """Guard of the approval: neither who asked nor who is to be admitted decides (product default, not law)."""
    known = facts.of(work, call)
    if call.actor.person in (known["own_person"], known["member"]):
        raise Refused(
            "admission.own",
            "不能批准本人提出或涉及本人的数据准入，请由他人批准（产品默认规则，非法律规定）。",
            "Nobody approves an admission that they asked for or that is their own (product default, not law).",
        )
    return {}


def grant(work: Work, call: Call) -> Mapping[str, Any]:
    """Registers the admission."""
    known = facts.of(work, call)
    unit = work.directory.unit(known["own_unit"])
    until = call.said.get("until")
    registers.put(
        work,
        call.actor,
        access.GRADE,
        known["member"],
        {"classes": sorted(known["classes"]), "approved_by": call.actor.post},
        area=unit.area,
        unit=unit.id,
        about=known["member"],
        case=call.case,
        valid_to=date.fromisoformat(until) if until else None,
    )
    return {}


def withdraw(work: Work, call: Call) -> Mapping[str, Any]:
    """Ends the admission of a person at once: they are admitted to nothing."""
    person = facts.of(work, call)["member"]
    entry = registers.get(work, f"{access.GRADE}/{person}")
    if not entry.area.startswith(call.actor.area):
        raise Refused(
            "admission.outside",
            "此人不在您的范围内，请由其所在地的机构取消。",
            "This person is outside your area: the agency there can end the admission.",
        )
    registers.put(
        work,
        call.actor,
        access.GRADE,
        person,
        {"classes": [], "approved_by": call.actor.post},
        area=entry.area,
        unit=entry.unit,
        about=person,
        case=call.case,
    )
    return {}
