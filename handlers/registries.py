"""Registries: what is kept beside matters, as kinds that are data (insurance, evaluations, rosters, deliberations, …).

A kind is part of the pack (`registries`): `about` what an entry is (unit, grid, person, case), `by` the roles that
write it, `sees` others that read it, `levels` of the units that write it, `form`, `single` where there is one entry per
subject, `expires` the field with the last day, `wanted_for` the kinds of workers of whom there has to be one,
`wanted_in` how many entries of each choice a grid of a kind needs, `summed` what is counted (`of`) by what (`by`: a
field, or `about`), `basis`.

Register of the kind's own name: in its body the choices of the answer (`routing`), `pack`, and `record`: the record of
its own chain that holds the rest, which lies among the erasable values and never in the register. What is of a class of
the pack is masked and revealed like in a matter. Entries stand in the versions of their register: nothing is lost.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine import access, forms, queries, records, registers
from engine.directory import Actor
from engine.errors import Forbidden, NotFound
from engine.library import Pack, day_of
from engine.records import Entry
from engine.registers import Registered
from engine.work import Work
from handlers import governing

KEPT = frozenset({"pack", "record"})
"""What the body of an entry says beside the answer."""

NUMBER = re.compile(r"\d{4}-\d{6,}")
"""The number of a matter."""

Kind = Mapping[str, Any]


class Subject(NamedTuple):
    """What an entry is about: its id, where it is, and the case if it is one."""

    id: str
    area: str
    case: int | None = None


def kinds(work: Work, actor: Actor, pack: str | None = None) -> list[dict[str, Any]]:
    """The kinds that a post may write or see, with their forms; of the articles they rest on, those of the pack."""
    governs = governing.pack(work, actor.area, day_of(work.now), pack)
    return [
        {
            **{name: kind.get(name, default) for name, default in TOLD.items()},
            "basis": [article for article in kind["basis"] if article in governs.articles],
            "may_enter": _writes(work, actor, kind),
        }
        for kind in governs.registries.values()
        if _reads(actor, kind)
    ]


TOLD: Mapping[str, Any] = {
    "kind": "", "zh": "", "en": "", "about": "", "form": {}, "single": False, "expires": None, "summed": None,
}  # fmt: skip


# -- writing -----------------------------------------------------------------------------------------


def enter(
    work: Work,
    actor: Actor,
    kind: str,
    about: str,
    answer: Mapping[str, Any],
    name: str = "",
    pack: str | None = None,
) -> Registered:
    """A new entry, or with `name` how a known one is from today on. `about` is the id of a unit or a person, or the
    number of a matter that the actor sees.

    Raises `NotFound` for a kind that the pack in force does not have, `Forbidden` for who may not write it or not
    there, `Invalid` on an answer that is not right.
    """
    governs = governing.pack(work, actor.area, day_of(work.now), pack)
    known = _kind(governs, kind)
    if not _writes(work, actor, known):
        raise _not_yours(known)
    subject = _subject(work, actor, known, about)
    read = forms.read(known["form"], answer)
    entry = f"{kind}/{_name(work, known, subject, name)}"
    said = Entry("entered", actor.person, actor.post, detail={"about": subject.id}, secret=read.record)
    head = work.record(entry, [said], subject.area)
    return registers.put(
        work, actor, kind, entry.partition("/")[2], {**read.routing, "pack": governs.key, "record": head.number},
        area=subject.area, unit=actor.unit, about=subject.id, case=subject.case,
    )  # fmt: skip


def end(work: Work, actor: Actor, kind: str, name: str, reason: str) -> None:
    """The entry does not hold after today. Raises `NotFound`, `Forbidden`."""
    entry = registers.get(work, f"{kind}/{name}")
    known = _kind(_pack(work, entry), kind)
    if not _writes(work, actor, known) or not entry.area.startswith(actor.area):
        raise _not_yours(known)
    registers.end(work, actor, entry.id, day_of(work.now), reason, entry.case)


def _kind(pack: Pack, key: str) -> Kind:
    if key not in pack.registries:
        raise NotFound(
            "registry.unknown",
            f"“{pack.title.zh}”没有“{key}”这种登记。",
            f"“{pack.title.en}” keeps no register “{key}”.",
        )
    return pack.registries[key]


def _writes(work: Work, actor: Actor, kind: Kind) -> bool:
    levels = kind.get("levels")
    return actor.role in kind["by"] and (not levels or work.directory.unit(actor.unit).level in levels)


def _reads(actor: Actor, kind: Kind) -> bool:
    return actor.role in (*kind["by"], *kind.get("sees", ()))


def _not_yours(kind: Kind) -> Forbidden:
    return Forbidden(
        "registry.not-yours",
        f"您的岗位不能在此登记“{kind['zh']}”，请联系负责登记的岗位。",
        f"Your post cannot enter “{kind['en']}” here: ask the post that keeps it.",
    )


def _subject(work: Work, actor: Actor, kind: Kind, about: str) -> Subject:
    """What is written about, if it lies where the actor is."""
    if kind["about"] == "case":
        seen = queries.matter(work, actor, about)
        return Subject(f"case/{seen['id']}", seen["area"], seen["id"])
    if kind["about"] == "person":
        return Subject(about, _home(work, actor, kind, about))
    unit = work.directory.unit(about)
    grid = unit.kind in ("grid", "micro_grid")
    if not unit.area.startswith(actor.area) or (kind["about"] == "grid" and not grid):
        raise _not_yours(kind)
    return Subject(unit.id, unit.area)


def _home(work: Work, actor: Actor, kind: Kind, person: str) -> str:
    """Where a person has a post, or had one when last written about, inside the actor's area."""
    posts = [post.area for post in work.directory.actors(person)]
    before = [entry.area for entry in registers.holding(work, kind["kind"], about=person)]
    found = next((area for area in (*posts, *before) if area.startswith(actor.area)), None)
    if found is None:
        raise _not_yours(kind)
    return found


def _name(work: Work, kind: Kind, subject: Subject, name: str) -> str:
    """The name of the entry: the subject's own where there is one each, a known one, or the next number."""
    own = subject.id.replace("/", "-")
    if kind.get("single"):
        return own
    if name:
        if registers.get(work, f"{kind['kind']}/{name}").about != subject.id:
            raise _not_yours(kind)
        return name
    records.head(work.connection, f"{kind['kind']}/{own}")  # whoever numbers another entry about this waits here
    work.after_waiting()
    number = 1
    while any(registers.history(work, f"{kind['kind']}/{own}-{number}")):
        number += 1
    return f"{own}-{number}"


# -- looking -----------------------------------------------------------------------------------------


def shown(work: Work, actor: Actor, kind: str, about: str = "", past: bool = False) -> list[dict[str, Any]]:
    """The entries of a kind that somebody may see: in their area if their post keeps or reads the kind, and what is
    about themselves; `past`: every version, the newest first. What is of a class is masked."""
    seen = _seen(work, actor, kind, about)
    versions = (version for entry in seen for version in (registers.history(work, entry.id) if past else (entry,)))
    return [_shown(work, entry) for entry in versions]


def due(work: Work, actor: Actor, pack: str | None = None) -> list[dict[str, Any]]:
    """What has expired in the area of the actor: entries whose last day is over, and workers of whom there has to be an
    entry and is none (`entry` is None)."""
    governs = governing.pack(work, actor.area, day_of(work.now), pack)
    readable = [kind for kind in governs.registries.values() if _reads(actor, kind)]
    return [one for kind in readable for one in (*_expired(work, actor, kind), *_lacking(work, actor, kind))]


def summed(work: Work, actor: Actor, kind: str) -> list[dict[str, Any]]:
    """What the kind says is summed up, over the entries that the actor sees: of numbers the mean, of choices how often
    each was made. Nothing where the kind sums nothing up."""
    groups: dict[str, list[Any]] = {}
    for entry in _seen(work, actor, kind):
        rule = _of(work, entry).get("summed", {"by": "about", "of": ""})
        answer = {"about": entry.about, **_answer(work, entry)}
        if answer.get(rule["of"]) is not None:
            groups.setdefault(str(answer.get(rule["by"])), []).append(answer[rule["of"]])
    return [{"by": by, "entries": len(values), **_sum(values)} for by, values in sorted(groups.items())]


def reveal(work: Work, actor: Actor, kind: str, name: str, field: str, reason: str) -> Any:
    """Shows one hidden field of an entry to somebody who sees it and is admitted to its class; on record in the chain
    of the entry. Raises `NotFound`, `Invalid` without a reason, `Refused`."""
    access.must_give_reason(reason)
    entry = registers.get(work, f"{kind}/{name}")
    key = _classes(work, entry).get(field, "") if _sees(work, actor, entry) else ""
    value = _answer(work, entry).get(field)
    if not key or value is None:
        raise NotFound(
            "registry.nothing-hidden",
            "此处没有遮蔽的内容，或不在您的查看范围内。",
            "Nothing is hidden here, or it is outside your scope.",
        )
    access.must_be_admitted(work, _pack(work, entry), actor, key)
    detail = {"record": entry.body["record"], "field": field, "class": key}
    look = Entry("revealed", actor.person, actor.post, detail=detail, secret={"reason": reason})
    work.record(entry.id, [look], entry.area)
    return value


# -- what stands behind ------------------------------------------------------------------------------


def _seen(work: Work, actor: Actor, kind: str, about: str = "") -> Iterator[Registered]:
    """The entries of a kind that hold today and that the actor sees."""
    if NUMBER.fullmatch(about):
        about = f"case/{queries.seen_matter(work, actor, about).id}"
    here = registers.holding(work, kind, inside=actor.area, about=about)
    own = registers.holding(work, kind, about=actor.person) if about in ("", actor.person) else []
    found = {entry.id: entry for entry in (*here, *own)}
    return (entry for entry in found.values() if _sees(work, actor, entry))


def _sees(work: Work, actor: Actor, entry: Registered) -> bool:
    """Whether an entry is of a registry, and this post sees it; what is about a matter only with the matter."""
    kind = _of(work, entry)
    if kind and entry.about == actor.person:
        return True
    if not kind or not _reads(actor, kind) or not entry.area.startswith(actor.area):
        return False
    return entry.case is None or _sees_matter(work, actor, entry.case)


def _sees_matter(work: Work, actor: Actor, case: int) -> bool:
    try:
        queries.seen_matter(work, actor, case)
    except NotFound:
        return False
    return True


def _pack(work: Work, entry: Registered) -> Pack:
    return work.library.pack(work.connection, entry.body["pack"])


def _of(work: Work, entry: Registered) -> Kind:
    """The kind of an entry as it was when that was made; empty for what is of another register."""
    return _pack(work, entry).registries.get(entry.kind, {}) if entry.body.keys() >= KEPT else {}


def _answer(work: Work, entry: Registered) -> dict[str, Any]:
    """The whole answer: what the register says, and what lies among the erasable values."""
    said = records.said(work.connection, entry.id).get(entry.body["record"], {})
    return {name: value for name, value in entry.body.items() if name not in KEPT} | said


def _classes(work: Work, entry: Registered) -> dict[str, str]:
    """The fields of an entry that are of a class which hides, with the class."""
    hiding, fields = access.classes(_pack(work, entry)), _of(work, entry)["form"]["properties"]
    return {name: field["x-class"] for name, field in fields.items() if field.get("x-class") in hiding}


def _shown(work: Work, entry: Registered) -> dict[str, Any]:
    hidden = _classes(work, entry)
    return {
        "name": entry.id.partition("/")[2],
        "about": entry.about or "",
        "unit": entry.unit,
        "valid_from": entry.valid_from.isoformat(),
        "valid_to": entry.valid_to.isoformat() if entry.valid_to else None,
        "answer": {field: _value(value, field in hidden) for field, value in _answer(work, entry).items()},
    }


def _value(value: Any, hidden: bool) -> dict[str, Any]:
    if value is None:
        return {"erased": True}
    return {"value": access.mask(value), "masked": True} if hidden else {"value": value}


def _expired(work: Work, actor: Actor, kind: Kind) -> Iterator[dict[str, Any]]:
    """Entries whose last day is over."""
    field, today = kind.get("expires", ""), day_of(work.now).isoformat()
    for entry in _seen(work, actor, kind["kind"]) if field else ():
        last = str(entry.body.get(field, today))
        if last < today:
            yield _due(kind, entry.about or "", entry.id.partition("/")[2], last)


def _lacking(work: Work, actor: Actor, kind: Kind) -> Iterator[dict[str, Any]]:
    """Workers with a post in a grid of the area of whom there has to be an entry, and is none; grids of a kind that
    have fewer entries of a choice than they should."""
    yield from _workers_without(work, actor, kind)
    wanted = kind.get("wanted_in", {})
    for grid in work.directory.inside(wanted["kind"], actor.area) if wanted else ():
        there = Counter(
            entry.body.get(wanted["field"]) for entry in registers.holding(work, kind["kind"], about=grid.id)
        )
        if any(there[choice] < least for choice, least in wanted["least"].items()):
            yield _due(kind, grid.id, None, None)


def _workers_without(work: Work, actor: Actor, kind: Kind) -> Iterator[dict[str, Any]]:
    wanted = kind.get("wanted_for", ())
    there = {entry.about for entry in registers.holding(work, kind["kind"])} if wanted else set()
    posted = work.directory.posted_inside("grid", actor.area) if wanted else ()
    people = sorted({one.person for one in posted if one.worker_kind in wanted} - there)
    return (_due(kind, person, None, None) for person in people)


def _due(kind: Kind, about: str, entry: str | None, last: str | None) -> dict[str, Any]:
    return {"kind": kind["kind"], "zh": kind["zh"], "en": kind["en"], "about": about, "entry": entry, "last_day": last}


def _sum(values: Sequence[Any]) -> dict[str, Any]:
    if all(isinstance(value, int | float) for value in values):
        return {"mean": round(sum(values) / len(values), 2), "counts": {}}
    return {"mean": None, "counts": dict(Counter(map(str, values)))}
