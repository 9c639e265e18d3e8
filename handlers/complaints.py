"""Complaints about a grid worker (JS-19.2): by which telephone they come, and who may deal with them. That it is
neither the one complained of nor somebody of the same post is a reading; the text asks that it be dealt with lawfully
and in time."""

from collections.abc import Mapping
from typing import Any

from engine.errors import Refused
from engine.library import Pack
from engine.work import Call, Work
from handlers import facts


def not_accused(work: Work, call: Call) -> Mapping[str, Any]:
    """Guard of every step of a complaint: refuses the worker it is about, and whoever shares a post with them; these
    may pass it to the county, nothing else."""
    accused = facts.of(work, call)["worker"]
    if call.actor.person == accused:
        raise Refused(
            "complaint.accused",
            "您是被投诉人，不能办理此件，请交由他人（产品默认规则，非法律规定）。",
            "The complaint is about you: somebody else has to deal with it (product default, not law).",
        )
    passes_on = call.arguments.get("examine_complaint_outcome") == "pass_to_county"
    if not passes_on and _posts(work, accused) & _posts(work, call.actor.person):
        raise Refused(
            "complaint.same-post",
            "您与被投诉人同岗，请转县级机构办理（产品默认规则，非法律规定）。",
            "You share a post with the person complained of: pass it to the county (product default, not law).",
        )
    return {}


def _posts(work: Work, person: str) -> set[tuple[str, str]]:
    return {(post.role, post.unit) for post in work.directory.actors(person)}


def telephones(work: Work, pack: Pack, area: str) -> list[dict[str, str]]:
    """The supervision telephones of an area (JS-19.2, X3-10, LZ-10): of the agencies of the levels that the pack names
    (setting `supervision_phone`), each with its name; those that have recorded none are left out."""
    levels = pack.setting("supervision_phone", {}).get("levels", ())
    agencies = (work.directory.agency_of(area, level) for level in levels)
    told = ((one.name, str(one.attributes.get("supervision_phone", ""))) for one in agencies if one is not None)
    return [{"agency": name, "phone": phone} for name, phone in told if phone]
