"""One matter, whole: what it is, what happened to it, where it stands in its drawing, and what is attached; to whoever
may see it, and no more of it than they need to know.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, Table, or_, select

from engine import access, lifecycle, records, tables
from engine.access import Hidden
from engine.casework import ran_by
from engine.definition import Definition
from engine.directory import Actor
from engine.errors import Words
from engine.library import Pack
from engine.model import Passed, State, Value, decode, encode
from engine.queries.pages import fetch
from engine.queries.sight import (
    NOTHING,
    OPEN,
    WAITS,
    concerning,
    had_part,
    in_area,
    own_steps_only,
    pack_of,
    scope,
    seen_row,
)
from engine.queries.step import matter_acts
from engine.queries.words import (
    MATTERS,
    REQUESTS,
    Names,
    at,
    incident_words,
    matter_words,
    request_words,
    status_words,
    step_words,
    told,
)
from engine.records import Record
from engine.work import Work

_case, _step = tables.case.c, tables.step.c


def matter(work: Work, actor: Actor, number: str | int) -> dict[str, Any]:
    """Everything about one matter: what it is, who has it, its clocks day by day, requests, incidents, attachments,
    links, and what the actor may do with it. Raises `NotFound`."""
    row = seen_row(work, actor, number)
    names, id = Names(work), row["id"]
    narrow, request = own_steps_only(work, actor, row), tables.request.c
    own = [_step.unit == actor.unit] if narrow else []
    steps = fetch(work, select(tables.step).where(_step.case == id, OPEN, *own).order_by(_step.id))
    hidden, facts = _hidden(work, row), dict(decode(row["state"], State).facts)
    said = _said_in(work, hidden, f"case/{id}", 1)
    mine = [or_(request.to_unit == actor.unit, request.asked_unit == actor.unit)] if narrow else []
    asked = REQUESTS.where(request.case == id, *mine).order_by(request.id)
    return {
        **matter_words(work, row, names),
        "clock": told(work, row["clock"], explained=True),
        "facts": facts,
        "said": said,
        "fields": _fields(pack_of(work, row["pack"]), row["way_in"], [*facts, *said]),
        "steps": [{**step_words(one, names), "clock": told(work, one["clock"], explained=True)} for one in steps],
        "assignments": [
            _assignment(work, one, names)
            for one in _of(work, tables.assignment, id)
            if not narrow or one["unit"] == actor.unit
        ],
        "requests": [request_words(one, names) for one in fetch(work, asked)],
        "incidents": [incident_words(one, names) for one in _of(work, tables.incident, id)],
        "attachments": [_attachment(one, names, hidden) for one in _of(work, tables.attachment, id)],
        "links": _links(work, actor, row),
        "acts": matter_acts(work, actor, row),
    }


def _fields(pack: Pack, way_in: str, names: Iterable[str]) -> dict[str, Any]:
    """What fields are called, so that facts can be read: as the form says by which the matter came in, else as the
    first form says that asks for them."""
    forms = [pack.forms.get(way_in, {}), *(form for _, form in sorted(pack.forms.items()))]
    asked = [form.get("properties", {}) for form in forms]
    return {name: _field(next((one[name] for one in asked if name in one), {}), name) for name in names}


def _field(field: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a field is called, and its choices; `names`: what an id in it is the id of, or its format."""
    entries = field.get("items", {})
    return {
        "zh": field.get("title", name),
        "en": field.get("x-en", name),
        "choices": field.get("x-labels") or entries.get("x-labels") or {},
        "names": field.get("x-wangge-id") or entries.get("x-wangge-id") or field.get("format", ""),
    }


def _of(work: Work, table: Table, id: int) -> Sequence[RowMapping]:
    return fetch(work, select(table).where(table.c.case == id).order_by(table.c.id))


def _assignment(work: Work, row: RowMapping, names: Names) -> dict[str, Any]:
    words = lifecycle.STATUSES.get(row["status"], Words(row["status"], row["status"]))
    return {
        "unit": names.unit(row["unit"]),
        "status": {"key": row["status"], "zh": words.zh, "en": words.en},
        "opened_at": at(row["opened_at"]),
        "closed_at": at(row["closed_at"]),
        "clock": told(work, row["clock"], explained=True) if row["closed_at"] is None else None,
    }


def _attachment(row: RowMapping, names: Names, hidden: Hidden) -> dict[str, Any]:
    """The name of a file tells something too: hidden where the whole matter is."""
    return {
        **{name: row[name] for name in ("id", "media_type", "size", "sha256")},
        "name": access.mask(row["name"]) if hidden("") else row["name"],
        "added_by": names.person(row["added_by"]),
        "added_at": at(row["added_at"]),
    }


def _links(work: Work, actor: Actor, row: RowMapping) -> dict[str, Any]:
    """The main matter this one was merged into, and its duplicates; only those the actor may see."""
    linked = or_(_case.id == (row["merged_into"] or NOTHING), _case.merged_into == row["id"])
    visible = or_(in_area(work, scope(work, actor), _case.area), had_part(work, actor))
    found = fetch(work, select(_case.id, _case.number, _case.title).where(linked, visible).order_by(_case.id))
    words = [{"number": one["number"], "title": one["title"], "id": one["id"]} for one in found]
    return {
        "merged_into": next((one for one in words if one["id"] == row["merged_into"]), None),
        "duplicates": [one for one in words if one["id"] != row["merged_into"]],
    }


def attachment(work: Work, actor: Actor, id: int) -> RowMapping:
    """The row of an attachment of a matter that the actor may see. Raises `NotFound`, and `Refused` where the matter
    as a whole is of a class that the actor is not admitted to."""
    row = work.connection.execute(select(tables.attachment).where(tables.attachment.c.id == id)).mappings().first()
    matter_row = seen_row(work, actor, int(row["case"]) if row else NOTHING)
    if row is None:
        raise LookupError(id)
    pack, facts = pack_of(work, matter_row["pack"]), decode(matter_row["state"], State).facts
    if (key := facts.get(access.SECRECY)) in access.classes(pack):
        access.must_be_admitted(work, pack, actor, str(key))
    return row


# -- what a requester may know -----------------------------------------------------------------------


def progress(work: Work, id: int) -> dict[str, Any]:
    """How far a matter is, for whoever brought it in and can prove it elsewhere: no names, nothing that was said, only
    what kind of office has it since when and until when."""
    row = fetch(work, MATTERS.where(_case.id == id))[0]
    steps = fetch(work, select(tables.step).where(_step.case == id, OPEN, WAITS).order_by(_step.id))
    return {
        "status": status_words(pack_of(work, row["pack"]), row["status"]),
        "opened_at": at(row["opened_at"]),
        "closed_at": at(row["closed_at"]),
        "pack": row["pack"],
        "steps": [{"unit": one["unit"], "since": at(one["opened_at"]), "due_at": at(one["due_at"])} for one in steps],
    }


# -- what happened -----------------------------------------------------------------------------------


def timeline(work: Work, actor: Actor, number: str | int) -> list[dict[str, Any]]:
    """The records of a matter, first to last, with what was said; what is of a class is masked, and what was erased
    says so. Who sees their own steps only reads the opening and what concerns their unit. Raises `NotFound`."""
    row = seen_row(work, actor, number)
    subject, names = f"case/{row['id']}", Names(work)
    hidden, concerns = _hidden(work, row), concerning(work, actor, row)
    said = records.said(work.connection, subject)
    versions = ran_by(work, dict(row))
    labels, form = _node_names(versions), _forms(versions, row["way_in"])
    return [
        {
            "number": one.number,
            "at": at(one.at),
            "kind": one.kind,
            "by_people": bool(one.actor),
            "actor": names.person(one.actor),
            "post": one.post,
            "cause": one.cause,
            "node": labels.get(one.detail.get("node", ""), one.detail.get("node")),
            "detail": one.detail,
            "said": {
                field: _shown(field, said.get(one.number, {}), hidden if one.kind != "revealed" else _nothing_hidden)
                for field in one.sealed
            },
            "fields": {field: _field(form(one).get("properties", {}).get(field, {}), field) for field in one.sealed},
            "hash": one.hash,
        }
        for one in records.chain(work.connection, subject)
        if concerns(one)
    ]


def _forms(versions: Sequence[tuple[Pack, Definition]], way_in: str) -> Callable[[Record], Mapping[str, Any]]:
    """The form that what was said in a record answers: that of the way in, of the way out, or of the step."""
    forms = {key: form for pack, _ in versions for key, form in pack.forms.items()}
    asked = {node.id: node.properties.get("form", "") for _, one in versions for _, node in one.nodes()}

    def find(record: Record) -> Mapping[str, Any]:
        if record.kind == "opened":
            return forms.get(way_in, {})
        key = record.kind if record.kind != "completed" else asked.get(record.detail.get("node", ""), "")
        return forms.get(key, {})

    return find


def _shown(field: str, said: Mapping[str, Any], hidden: Hidden) -> dict[str, Any]:
    value = said.get(field)
    if value is None:
        return {"erased": True}
    return {"value": access.mask(value), "masked": True} if hidden(field) else {"value": value}


def _hidden(work: Work, row: RowMapping) -> Hidden:
    return access.hidden_in(work, dict(row))


def _nothing_hidden(_: str) -> str:
    return ""


def _said_in(work: Work, hidden: Hidden, subject: str, number: int) -> dict[str, Any]:
    said = records.said(work.connection, subject).get(number, {})
    return {field: _shown(field, said, hidden) for field in said}


def _node_names(versions: Sequence[tuple[Pack, Definition]]) -> dict[str, str]:
    """Also of nodes that only an earlier version had."""
    return {node.id: node.name or node.id for _, one in versions for _, node in one.nodes()}


# -- where it stands ---------------------------------------------------------------------------------


def diagram(work: Work, actor: Actor, number: str | int) -> dict[str, Any]:
    """The drawing a matter runs by, with how often each node was passed and where the matter stands now. Nodes of
    called processes are counted too, though this file does not draw them. Raises `NotFound`."""
    row = seen_row(work, actor, number)
    drawn = tables.definition.c
    found = work.connection.execute(select(drawn.xml, drawn.key).where(drawn.hash == row["definition"])).one()
    state = decode(row["state"], State)
    return {
        "definition": row["definition"],
        "key": found.key,
        "xml": found.xml.decode("utf-8", "replace"),
        "visited": travelled(work, row["id"]),
        "current": sorted({token.node for token in state.tokens.values()}),
        "stuck": sorted({token.node for token in state.tokens.values() if token.incident}),
    }


def travelled(work: Work, id: int) -> dict[str, int]:
    """How often each node was passed, told by the recorded events and the same machine that ran them."""
    state, definition, passed = State(), None, Counter[str]()
    for record in records.chain(work.connection, f"case/{id}"):
        if record.event is None:
            continue
        happened = decode(encode({"event": record.event}), _Recorded).event
        if isinstance(happened, records.Migrated):
            state, definition = happened.state, work.library.definition(work.connection, happened.definition)
            continue
        definition = definition or work.library.definition(work.connection, str(record.detail["definition"]))
        state, effects = records.MACHINES[definition.semantics](definition, state, happened)
        passed.update(one.node for one in effects if isinstance(one, Passed) and one.what == "completed")
    return dict(passed)


class _Recorded(Value, frozen=True):
    """An event as a record gives it back."""

    event: records.Happened
