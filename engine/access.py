"""Who may know what: classes of data, what is hidden of a case, who is admitted to a class, and lifting the veil once.

A form says of a field what class it is of (`x-class`); the pack lists the classes of its text (setting `data_classes`:
key, label, whether the system may keep it at all, basis). A class in that list is hidden from everybody, wherever a
field of this name turns up in a case of the process; a case may be of a class as a whole (routing field `secrecy`):
then everything that was said in it is. Who is admitted to a class (register `grade`) may reveal one field of one
record at a time, with a reason; that stands on the chain of the case, the value never does. `public` and `internal`
are not hidden.
"""

from collections.abc import Callable, Mapping
from typing import Any

from engine import records, registers
from engine.casework import ran_by, take
from engine.definition import Definition, Node
from engine.directory import Actor
from engine.errors import Invalid, NotFound, Refused
from engine.library import Pack
from engine.model import State, decode
from engine.work import Work

PERSONAL = "sensitive"
"""The class of personal data. Hidden also where a pack lists no classes."""

SECRECY = "secrecy"
"""The routing field that says what class a case is of as a whole."""

GRADE = "grade"
"""The register of admissions: about a person, `classes` that they are admitted to."""

OPEN = frozenset({"public", "internal"})
"""Classes that nothing is hidden of."""

Hidden = Callable[[str], str]
"""Tells the class that hides a field; empty where nothing does."""


def classes(pack: Pack) -> dict[str, dict[str, Any]]:
    """The classes of the pack that hide what is of them, by key."""
    listed = pack.setting("data_classes", [{"key": PERSONAL, "zh": "个人信息", "en": "Personal data"}])
    return {one["key"]: one for one in listed}


def hidden(pack: Pack, definition: Definition, facts: Mapping[str, Any]) -> Hidden:
    """What is hidden of a case with this definition and these variables: everything, or the fields that any form of
    its process says are of a class."""
    known = classes(pack)
    whole = str(facts.get(SECRECY, ""))
    if whole in known:
        return lambda _: whole
    named = {name for _, node in definition.nodes() for name in _forms(node)}
    fields = [item for name in named & pack.forms.keys() for item in pack.forms[name].get("properties", {}).items()]
    of_class = {name: field["x-class"] for name, field in fields if field.get("x-class") in known}
    return lambda name: of_class.get(name, "")


def hidden_in(work: Work, row: Mapping[str, Any]) -> Hidden:
    """What is hidden of a case (its row), also by versions that it ran under before: what was said then was said under
    their promise."""
    facts = decode(row["state"], State).facts
    found = [hidden(pack, definition, facts) for pack, definition in reversed(ran_by(work, row))]
    return lambda field: next((key for one in found if (key := one(field))), "")


def _forms(node: Node) -> tuple[str, str, str]:
    """What the form of a node may be called: as it says, or like the node or the event it waits for."""
    return node.properties.get("form", ""), node.id, node.trigger.ref


def mask(value: Any) -> str:
    """A value that can be recognised by who knows it and read by nobody else: 张*, 138****00."""
    if not isinstance(value, str) or not value:
        return "***"
    if sum(letter.isdigit() for letter in value) >= 7:
        return f"{value[:3]}****{value[-2:]}"
    return value[0] + "*" * (len(value) - 1 if len(value) < 4 else 3)


def admitted(work: Work, person: str) -> frozenset[str]:
    """The classes that a person is admitted to today."""
    entries = registers.holding(work, GRADE, about=person)
    return frozenset(key for entry in entries for key in entry.body["classes"])


def must_be_admitted(work: Work, pack: Pack, actor: Actor, key: str) -> None:
    """Refuses who is not admitted to a class."""
    if key in admitted(work, actor.person):
        return
    about = classes(pack).get(key, {})
    raise Refused(
        "access.not-admitted",
        f"您未获准查看“{about.get('zh', key)}”类数据，如履职需要，请由本单位申请数据准入。",
        f"You are not admitted to data of the class “{about.get('en', key)}”: your unit can ask for it.",
        article=about.get("basis", ""),
    )


def must_give_reason(reason: str) -> None:
    """Refuses a look without a reason."""
    if not reason.strip():
        raise Invalid(
            "access.no-reason", "请写明查看的理由，理由将留痕。", "Give the reason for looking: it stays on record."
        )


def reveal(work: Work, actor: Actor, case_id: int, record: int, field: str, reason: str) -> Any:
    """Shows one hidden field of one record to somebody admitted to its class, and puts the look on record: who, which
    field, why. That the actor may see the case is for the caller to make sure.

    Raises `Invalid` without a reason, `NotFound` when there is no such field or nothing hidden in it, `Refused` when
    the actor is not admitted.
    """
    must_give_reason(reason)
    case = take(work, case_id)
    key = hidden_in(work, case.row)(field)
    said = records.said(work.connection, case.subject).get(record, {})
    if not key or said.get(field) is None:
        raise NotFound(
            "access.nothing-hidden",
            "此处没有遮蔽的内容，或内容已依法清除。",
            "Nothing is hidden here, or it has been erased.",
        )
    must_be_admitted(work, case.pack, actor, key)
    case.note(actor, "revealed", {"record": record, "field": field, "class": key}, {"reason": reason})
    case.save()
    return said[field]
