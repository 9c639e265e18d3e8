"""Procedures beside matters: a change of the list or of grids, a worker's appointment or leaving, a complaint, …

Each is a process of the pack with a start event of its own; the manifest (`procedures`) names its form and who may
begin it. What people say comes from the form; which units take part is looked up here, like for a matter.
"""

from collections.abc import Mapping
from typing import Any

from engine import cases, forms
from engine.cases import Opening
from engine.directory import Actor
from engine.errors import Forbidden, NotFound, Words
from engine.library import Pack, day_of
from engine.work import Work
from handlers import authorities, governing


def begin(
    work: Work,
    actor: Actor,
    event: str,
    answer: Mapping[str, Any],
    *,
    about: str = "",
    cause: str = "",
    pack: str | None = None,
) -> int:
    """Opens a case of the procedure that begins with this start event. `answer` is its form; `about` names the unit it
    is about (a grid, …), whose area is then the area of the case: otherwise the actor's; `pack`, for training only,
    another pack than the one in force. Returns the case's id.

    Raises `NotFound` for a procedure the pack in force does not have, `Forbidden` for who may not begin it or not
    there, `Invalid` on a form that is not right.
    """
    subject = work.directory.unit(about) if about else None
    area = subject.area if subject else actor.area
    governs = governing.pack(work, area, day_of(work.now), pack)
    procedure = _procedure(governs, event)
    _may_begin(actor, procedure, area)
    form = governs.forms[procedure["form"]]
    filled = known(work, actor, area) | {"subject": about}
    fields = form["properties"]
    read = forms.read(form, {**answer, **{name: value for name, value in filled.items() if name in fields}})
    label = Words(procedure["zh"], procedure["en"])
    opening = Opening(
        pack=governs.key,
        area=area,
        unit=actor.unit or filled["county_agency"],
        title=str(answer.get("title") or label.zh),
        discovered_at=work.now,
        process=procedure["process"],
        start=event,
        facts=read.routing,
        said=read.record,
        cause=cause,
    )
    return cases.open_(work, actor, opening)


def offered(pack: Pack, role: str) -> list[dict[str, Any]]:
    """The procedures that somebody with a role may begin: label, form and basis."""
    return [
        {**procedure, "form": pack.forms[procedure["form"]]}
        for procedure in pack.procedures.values()
        if role in procedure["by"]
    ]


def known(work: Work, actor: Actor, area: str) -> dict[str, Any]:
    """What nobody has to type: the units that answer for the area, and who begins it."""
    return {
        **authorities.around(work, area),
        **authorities.own(work, actor),
        "committees": authorities.committees(work, area),
        "own_unit": actor.unit,
        "own_person": actor.person,
    }


def _procedure(pack: Pack, event: str) -> dict[str, Any]:
    if event not in pack.procedures:
        raise NotFound(
            "procedure.unknown",
            f"“{pack.title.zh}”没有“{event}”这一程序。",
            f"“{pack.title.en}” has no procedure “{event}”.",
        )
    return pack.procedures[event]


def _may_begin(actor: Actor, procedure: Mapping[str, Any], area: str) -> None:
    if actor.role not in procedure["by"] or not area.startswith(actor.area):
        raise Forbidden(
            "procedure.not-yours",
            f"您的岗位不能在此地发起“{procedure['zh']}”，请联系有权发起的岗位。",
            f"Your post cannot begin “{procedure['en']}” here: ask a post that may.",
        )
