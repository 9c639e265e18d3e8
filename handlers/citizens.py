"""Requests of citizens and organisations through the portal (JS-29.1, X3-18(3), LZ-14(3)): brought in without a name if
they like, followed with a query code, graded and once rejected by whoever holds the code.

Registers, each about `case/<id>`: `query_code/<SHA-256 of the code, base64url>` with `grid`; `satisfaction/<id>` with
`grade` and `solved` (closed, solved and satisfied are three things); `rejection/<id>` with the id `by` of the matter
that follows. The code itself is nowhere. What a requester reads says nothing internal and nothing of other persons.
"""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine import queries, records, registers
from engine.calendars import local
from engine.directory import LEVEL_NAMES, Actor, Unit
from engine.errors import Invalid, NotFound, Refused, Words
from engine.library import day_of
from engine.records import Record
from engine.registers import Registered
from engine.work import Work
from handlers import governing, intake

PORTAL = Actor(person="portal", post="", role="", unit="", area="/")
"""Who brings in what comes through the portal: the installation, for whoever asks."""

WAY_IN = "request_received"
CODE, SATISFACTION, REJECTION = "query_code", "satisfaction", "rejection"
LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Of a query code: no 0 and O, no 1, I and L."""

LENGTH = 12

GRADES: Mapping[str, Words] = {
    "very_satisfied": Words("非常满意", "very satisfied"),
    "satisfied": Words("满意", "satisfied"),
    "fair": Words("基本满意", "fairly satisfied"),
    "unsatisfied": Words("不满意", "unsatisfied"),
    "very_unsatisfied": Words("非常不满意", "very unsatisfied"),
}

OFFICES: Mapping[str, Words] = {
    "grid": Words("网格员", "grid worker"),
    "governance_agency": Words("网格化治理机构", "governance agency"),
    "department": Words("承办部门", "department"),
    "government": Words("人民政府（街道办事处）", "government"),
    "party_committee": Words("党委", "party committee"),
    "committee": Words("村（居）民委员会", "village or residents' committee"),
}

INFORMING = frozenset({"inform", "inform_void"})
"""The steps in which the requester is told."""


class Asked(NamedTuple):
    """What somebody brings in: `grid` by the code on its sign, `what`, and what they like to add."""

    grid: str
    what: str
    place: str = ""
    name: str = ""
    contact: str = ""
    matter_type: str = "other"


class Taken(NamedTuple):
    """A request that was taken in, and the code to follow it with: shown once."""

    case: int
    code: str


# -- bringing in -------------------------------------------------------------------------------------


def submit(work: Work, asked: Asked, *, pack: str | None = None, cause: str = "") -> Taken:
    """Opens a matter for a request. Raises `Invalid` for an unknown grid or an empty request, `Refused` where the law
    or the pack forbids it."""
    grid = work.directory.coded(asked.grid.strip())
    if grid is None or grid.kind != "grid":
        raise Invalid(
            "public.grid",
            "没有这个网格编号，请核对公示牌上的编号。",
            "There is no grid with this code: check the code on its sign.",
        )
    _must_be_open_to_all(work, grid, asked, pack)
    answer = _answer(asked, grid)
    case = intake.report(
        work, PORTAL, {"way_in": WAY_IN, "grid": grid.id, "answer": answer, "pack": pack, "cause": cause}
    )
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    registers.put(
        work, PORTAL, CODE, _hash(code), {"grid": grid.code},
        area=grid.area, unit=grid.id, about=f"case/{case}", case=case,
    )  # fmt: skip
    return Taken(case, code)


def _must_be_open_to_all(work: Work, grid: Unit, asked: Asked, pack: str | None) -> None:
    """What concerns state security is not told through a public page (ZJ-15)."""
    items = governing.pack(work, grid.area, day_of(work.now), pack).items
    if items.get(asked.matter_type, {}).get("pointer_only"):
        raise Refused(
            "public.not-here",
            "此类情况请不要在公开页面填写，请直接向国家安全机关反映。",
            "This does not belong on a public page: tell the state security authority directly.",
        )


def _answer(asked: Asked, grid: Unit) -> dict[str, Any]:
    who = {"requester_name": asked.name.strip(), "requester_contact": asked.contact.strip()}
    return {
        "channel": "platform",
        "request": asked.what.strip(),
        "description": asked.what.strip(),
        "title": _title(asked.what),
        "place": asked.place.strip() or grid.name,
        "matter_type": asked.matter_type,
        "urgency": "ordinary",
        "area_kind": grid.attributes.get("area_kind", "urban"),
        "has_requester": True,
        **{name: value for name, value in who.items() if value},
    }


def _title(what: str) -> str:
    """The beginning of what was said, for lists: long numbers are nobody else's business there."""
    return re.sub(r"\d{7,}", "****", " ".join(what.split()))[:30]


# -- following ---------------------------------------------------------------------------------------


def progress(work: Work, code: str) -> dict[str, Any]:
    """How far a request is, in plain words. Raises `NotFound` for every code that is none, in one way."""
    case = _case(work, code)
    told = queries.progress(work, case)
    result, graded = _result(work, case), _graded(work, case)
    return {
        "status": {name: told["status"][name] for name in ("zh", "en")},
        "received_at": told["opened_at"],
        "finished_at": told["closed_at"],
        "steps": [_step(work, one) for one in told["steps"]],
        "result": result,
        "satisfaction": graded.body if graded else None,
        "may_grade": result is not None and graded is None,
        "may_reject": result is not None and not _rejected(work, case) and not _follows(work, case),
    }


def grade(work: Work, code: str, grade: str, solved: bool) -> None:
    """How satisfied the requester is, and whether it was solved: once, after they were told. Raises `NotFound`,
    `Refused`."""
    case = _case(work, code)
    _must_be_told(work, case)
    if _graded(work, case) is not None:
        raise Refused("public.graded", "您已评价过，感谢您。", "You have graded this already. Thank you.")
    _register(work, SATISFACTION, case, {"grade": grade, "solved": solved})


def reject(work: Work, code: str, reason: str) -> Taken:
    """The requester does not accept the result: once, with a reason. A new matter begins whose record names the first
    as its cause. Raises `NotFound`, `Invalid` without a reason, `Refused` a second time."""
    case = _case(work, code)
    _must_be_told(work, case)
    if _rejected(work, case) or _follows(work, case):
        raise Refused(
            "public.rejected",
            "对办理结果提出异议只有一次，已经用过；仍不满意的可以依法申诉或信访。",
            "A result can be rejected once, and it has been; what is left are appeals and petitions by law.",
        )
    if not reason.strip():
        raise Invalid("public.reason", "请写明不认可的理由。", "Say why you do not accept the result.")
    pack = queries.progress(work, case)["pack"]
    again = submit(work, _again(work, case, reason), pack=_named(work, pack), cause=f"case/{case}")
    _register(work, REJECTION, case, {"by": again.case})
    return again


def _again(work: Work, case: int, reason: str) -> Asked:
    """The same requester at the same place, with the reason as what they want."""
    said = records.said(work.connection, f"case/{case}")[1]
    grid = registers.holding(work, CODE, about=f"case/{case}")[0].body["grid"]
    who = {"name": said.get("requester_name") or "", "contact": said.get("requester_contact") or ""}
    return Asked(grid, f"（对办理结果不认可）{reason.strip()}", place=said.get("place") or "", **who)


def _named(work: Work, pack: str) -> str | None:
    """A draft has to be named again; of law, the one in force governs."""
    return None if work.library.pack(work.connection, pack).force == "law" else pack


# -- what is known of a request ----------------------------------------------------------------------


def _case(work: Work, code: str) -> int:
    """The case of a code; capitals, spaces and dashes do not matter."""
    plain = re.sub(r"[\s-]", "", code).upper()
    try:
        case = registers.get(work, f"{CODE}/{_hash(plain)}").case
    except NotFound:
        case = None
    if case is None:
        raise NotFound("public.code", "没有查到，请核对查询码。", "Nothing was found: check the query code.")
    return case


def _hash(code: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(code.encode()).digest()).decode().rstrip("=")


def _step(work: Work, step: Mapping[str, Any]) -> dict[str, Any]:
    office = _office(work.directory.unit(step["unit"])) if step["unit"] else OFFICES["governance_agency"]
    return {"office": office._asdict(), "since": step["since"], "due_at": step["due_at"]}


def _office(unit: Unit) -> Words:
    """What kind of office, and of what level; a worker's is said without."""
    kind = OFFICES.get(unit.kind, OFFICES["governance_agency"])
    level = LEVEL_NAMES.get(unit.level)
    return kind if level is None or unit.kind == "grid" else Words(level.zh + kind.zh, f"{level.en} {kind.en}")


def _result(work: Work, case: int) -> dict[str, Any] | None:
    """What the requester was told, as it was said to them; None as long as they were not. Where they could not be
    reached, that it was so."""
    subject = f"case/{case}"
    told = [one for one in records.chain(work.connection, subject) if _informs(one)]
    if not told:
        return None
    last = told[-1]
    said = records.said(work.connection, subject).get(last.number, {})
    reached = ((last.event or {}).get("facts") or {}).get("inform_outcome") == "informed"
    return {"informed": reached, "at": local(last.at).isoformat(), "content": said.get("content") if reached else None}


def _informs(record: Record) -> bool:
    return record.kind == "completed" and record.detail.get("node") in INFORMING


def _must_be_told(work: Work, case: int) -> None:
    if _result(work, case) is None:
        raise Refused(
            "public.not-yet",
            "尚未告知办理结果，请在收到结果后再评价或提出异议。",
            "You have not been told the result yet: grade or reject it afterwards.",
        )


def _graded(work: Work, case: int) -> Registered | None:
    return next(iter(registers.holding(work, SATISFACTION, about=f"case/{case}")), None)


def _rejected(work: Work, case: int) -> bool:
    return bool(registers.holding(work, REJECTION, about=f"case/{case}"))


def _follows(work: Work, case: int) -> bool:
    """Whether a matter itself came from a rejection."""
    first = next(iter(records.chain(work.connection, f"case/{case}")))
    return first.cause.startswith("case/")


def _register(work: Work, kind: str, case: int, body: Mapping[str, Any]) -> None:
    code = registers.holding(work, CODE, about=f"case/{case}")[0]
    registers.put(work, PORTAL, kind, str(case), body, area=code.area, unit=code.unit, about=f"case/{case}", case=case)
