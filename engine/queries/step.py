"""One step, and what may be done with it or with its matter: every act there is, with the reason why not where it is
not allowed, so that a button explains itself before anybody presses it. The verbs check again for themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, select

from engine import lifecycle, tables
from engine.casework import BY_PEOPLE
from engine.definition import Definition, Node
from engine.directory import Actor, covers
from engine.errors import Refused, WanggeError, Words
from engine.library import Pack
from engine.machine import variables
from engine.model import State, decode
from engine.queries.sight import NOTHING, definition_of, own_steps_only, pack_of, seen_row
from engine.queries.words import Names, bilingual, flags_of, matter_words, step_words, told
from engine.work import Work

_step = tables.step.c


def step(work: Work, actor: Actor, id: int) -> dict[str, Any]:
    """One step with its form, what it can know already, its clock day by day, and each act: allowed, or why not.
    Raises `NotFound`."""
    row = work.connection.execute(select(tables.step).where(_step.id == id)).mappings().first()
    matter_row = seen_row(work, actor, int(row["case"]) if row else NOTHING)
    if row is None:
        raise LookupError(id)
    if row["unit"] not in (None, actor.unit) and own_steps_only(work, actor, matter_row):
        seen_row(work, actor, NOTHING)
    pack, definition, names = pack_of(work, matter_row["pack"]), definition_of(work, matter_row), Names(work)
    state = decode(matter_row["state"], State)
    node = _node(definition, state, row)
    token = state.tokens.get(row["token"]) if row["status"] == "open" else None
    return {
        **step_words(row, names),
        "clock": told(work, row["clock"], explained=True),
        "matter": {**matter_words(work, matter_row, names), "clock": told(work, matter_row["clock"])},
        "documentation": node.properties.get("documentation", "") if node else "",
        "basis": node.properties.get("basis", "") if node else "",
        "form": pack.forms.get(node.properties.get("form", "")) if node else None,
        "facts": dict(variables(state, token.scope)) if token else {},
        "waiver": _apart(work, actor, matter_row, node),
        "acts": _step_acts(work, actor, matter_row, row, _ways_out(pack, definition, state, row)),
    }


def _node(definition: Definition, state: State, row: RowMapping) -> Node | None:
    token = state.tokens.get(row["token"])
    if row["status"] == "open" and token:
        return definition.levels[state.scopes[token.scope].body].nodes[token.node]
    return next((node for _, node in definition.nodes() if node.id == row["node"]), None)


def _ways_out(pack: Pack, definition: Definition, state: State, row: RowMapping) -> list[str]:
    """The codes by which the diagram lets this open step be left otherwise than by its answer: as `machine` looks
    for them, from the step outwards."""
    token = state.tokens.get(row["token"])
    if row["status"] != "open" or token is None:
        return []
    found, scope_id, host = dict[str, None](), token.scope, token.id
    while scope_id:
        scope_here = state.scopes[scope_id]
        level = definition.levels[scope_here.body]
        if host:
            boundaries = level.nodes[state.tokens[host].node].boundaries
            found |= dict.fromkeys(_caught(pack, (level.nodes[id] for id in boundaries)))
        found |= dict.fromkeys(_caught(pack, (start for _, start in level.listeners)))
        scope_id, host = scope_here.parent, scope_here.host
    return [code for code in found if code]


def _caught(pack: Pack, nodes: Iterable[Node]) -> list[str]:
    return [node.trigger.ref for node in nodes if node.trigger.kind == "escalation" and pack.offers(node)]


def _apart(work: Work, actor: Actor, matter_row: RowMapping, node: Node | None) -> dict[str, str] | None:
    """Why this person needs a reason to answer the step: they handled what it checks."""
    others = node.properties.get("separate_from", "").split() if node else []
    if not others:
        return None
    query = select(_step.name).where(
        _step.case == matter_row["id"],
        _step.node.in_(others),
        _step.status == "completed",
        _step.closed_by == actor.person,
    )
    name = work.connection.execute(query.limit(1)).scalar()
    return None if name is None else bilingual(
        Words(
            f"您办理过“{name}”，确需本人办理的请写明理由（产品默认规则，非法律规定）。",
            f"You did “{name}”: give a reason if it must be you (product default, not law).",
        )
    )  # fmt: skip


# -- acts, and reasons why not -----------------------------------------------------------------------


ACTS: Mapping[str, Words] = {
    "claim": Words("签收", "Sign for"),
    "release": Words("放回", "Put back"),
    "complete": Words("办结本环节", "Complete this step"),
    "return": Words("退回并说明理由", "Return with reason"),
    "withdraw": Words("撤回（对方签收前）", "Withdraw (before sign-for)"),
    "dispute": Words("提出职责争议", "Raise a dispute"),
    "reassign": Words("改派", "Reassign"),
    "delegate": Words("委托", "Delegate"),
    "extension": Words("申请延期", "Ask for extension"),
    "suspension": Words("申请挂起", "Ask for suspension"),
    "resumption": Words("申请恢复", "Ask for resumption"),
    "void": Words("申请作废", "Ask to void"),
    "consultation": Words("咨询", "Consult"),
    "urge": Words("催办", "Urge"),
    "supervise": Words("督办", "Supervise"),
    "merge": Words("并案", "Merge"),
}

CLOSED = Words("此事项已办结。", "This matter is closed.")
DONE = Words("此环节已办理。", "This step has been dealt with.")
NOT_HELD = Words("此环节不在您名下。", "You do not hold this step.")
HELD = Words("您已签收。", "You have signed for it.")
NOT_SENDER = Words("只有交办单位可以撤回。", "Only the unit that sent it can withdraw it.")
SIGNED_FOR = Words(
    "对方已签收，不能撤回；可与对方联系由其退回。",
    "It has been signed for and cannot be withdrawn; ask the receiver to return it.",
)
NOT_HERE = Words(
    "您的岗位不含此操作，或此事项不在您的范围内。",
    "Your post does not allow this, or the matter is outside your area.",
)
NO_UNIT = Words(
    "此环节没有承办单位，不能转交；可由辖区内同岗位人员签收。",
    "This step has no unit to hand it over in; somebody with this post whose area covers it can sign for it.",
)
NO_LIMIT = Words("此环节没有可延长的时限。", "This step has no limit to extend.")
TOO_LATE = Words("时限已届满，延期须在届满前申请。", "The limit has expired; an extension has to be asked for before.")


def _step_acts(
    work: Work, actor: Actor, matter_row: RowMapping, row: RowMapping, ways: Sequence[str]
) -> list[dict[str, Any]]:
    """What people can do with a step; nothing with one that is not theirs to answer."""
    if row["kind"] not in BY_PEOPLE:
        return []
    pack = pack_of(work, matter_row["pack"])
    mine, not_mine = row["person"] == actor.person, _may_work(work, pack, actor, row)
    nowhere = NO_UNIT if row["role"] and not row["unit"] else None
    reasons: dict[str, Words | WanggeError | None] = {
        "claim": not_mine or (HELD if mine else None),
        "release": None if mine else NOT_HELD,
        "complete": not_mine,
        **{code: not_mine for code in ways if code != "withdraw"},
        **({"withdraw": _may_withdraw(actor, row)} if "withdraw" in ways else {}),
        "reassign": nowhere or (None if actor.unit == row["unit"] else _permitted(pack, actor, matter_row, "reassign")),
        "delegate": nowhere or (None if mine else NOT_HELD),
        "extension": _may_extend(work, row) or not_mine,
    }
    flags, status = flags_of(matter_row), row["lifecycle"] or ""
    closed = DONE if row["status"] != "open" else None
    return [
        _act(pack, verb, closed or lifecycle.forbidden(flags, ASKED.get(verb, verb), status=status) or reason)
        for verb, reason in reasons.items()
    ]


ASKED = {"extension": "ask_extension", "suspension": "ask_suspension", "void": "ask_void"}
"""What lifecycle calls asking for it."""


def matter_acts(work: Work, actor: Actor, row: RowMapping) -> list[dict[str, Any]]:
    """What people can do with a matter as a whole."""
    pack = pack_of(work, row["pack"])
    resumed = None if row["suspended"] else Words("此事项没有挂起。", "This case is not suspended.")
    reasons: dict[str, Words | None] = {
        **{verb: _permitted(pack, actor, row, verb) for verb in ("urge", "supervise", "merge")},
        **dict.fromkeys(("suspension", "void", "consultation")),
        "resumption": resumed,
    }
    closed = CLOSED if row["closed_at"] else None
    return [
        _act(pack, verb, closed or lifecycle.forbidden(flags_of(row), ASKED.get(verb, verb)) or reason)
        for verb, reason in reasons.items()
    ]


def _act(pack: Pack, verb: str, reason: Words | WanggeError | None) -> dict[str, Any]:
    form = pack.forms.get(verb)
    label = ACTS.get(verb) or Words((form or {}).get("title", verb), (form or {}).get("x-en", verb))
    words = reason.words if isinstance(reason, WanggeError) else reason
    return {
        "act": verb,
        **bilingual(label),
        "allowed": words is None,
        "reason": bilingual(words) if words else None,
        "article": reason.article if isinstance(reason, Refused) else "",
        "form": form,
    }


def _may_work(work: Work, pack: Pack, actor: Actor, row: RowMapping) -> Words | Refused | None:
    """The same look that the verb takes (`Case.may_work`), in words for a button."""
    if not _has_post(work, actor, row):
        unit = work.directory.unit_name(row["unit"]) if row["unit"] else "—"
        return Words(f"您的岗位不含此操作，可联系{unit}。", f"Your post does not allow this; contact {unit}.")
    if untrained := _untrained(work, pack, actor, row["role"] or actor.role):
        return untrained
    if row["person"] and row["person"] != actor.person:
        who = work.directory.name(row["person"])
        return Words(f"此环节已由{who}签收，如需接手请先改派。", f"{who} has signed for this step; have it reassigned.")
    return None


def _has_post(work: Work, actor: Actor, row: RowMapping) -> bool:
    """A step without a role is for everybody in its unit; one without a unit, for whoever covers the place."""
    if not row["unit"] and not covers(actor.area, row["area"]):
        return False
    if row["role"]:
        return work.directory.stands_in(actor, row["role"], row["unit"] or actor.unit)
    return row["unit"] in (None, "", actor.unit)


def _untrained(work: Work, pack: Pack, actor: Actor, role: str) -> Refused | None:
    """What the pack wants a role to have passed before duty, and this person has not."""
    gate = pack.setting("training_gate", {})
    lacking = work.directory.untrained(actor.person, role, gate)
    if lacking is None:
        return None
    words = f"{lacking.zh.rstrip('。')}，请先安排培训。", f"{lacking.en} Arrange the training first."
    return Refused("person.not-trained", *words, article=gate.get("basis", ""))


def _may_withdraw(actor: Actor, row: RowMapping) -> Words | None:
    if row["sender"] != actor.unit:
        return NOT_SENDER
    return SIGNED_FOR if row["person"] else None


def _may_extend(work: Work, row: RowMapping) -> Words | None:
    if row["due_at"] is None:
        return NO_LIMIT
    return TOO_LATE if row["due_at"] < work.now else None


def _permitted(pack: Pack, actor: Actor, row: RowMapping, permission: str) -> Words | None:
    role = pack.roles.get(actor.role)
    allowed = role is not None and permission in role.permissions and covers(actor.area, row["area"])
    return None if allowed else NOT_HERE
