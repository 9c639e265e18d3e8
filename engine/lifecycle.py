"""What the law calls an assignment (one unit's task with a matter), and which changes of it are lawful whatever an
administrator draws. One table for all diagrams and packs: each line says why, by article or as product default.

An assignment is open while its unit has something to do, and rests otherwise (`RESTING`). From *passed on* the
work may come back as to a unit that never had it. Two things hold on every path, and a test walks all of them:
nothing is archived that was not closed before, and nothing is closed but by the unit that had it to close.
Replies to supervision and emergencies run beside the ordinary work, in assignments of their own. Disputed,
emergency and suspended are flags of the matter with guards of their own (`guard`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from transitions import Machine, MachineError

from engine.errors import Refused, Words

STATUSES: Mapping[str, Words] = {
    "emergency": Words("紧急处置中", "emergency response"),
    "deciding": Words("待决定", "to be decided"),
    "disputed": Words("争议中", "disputed"),
    "to_verify": Words("待核实", "to verify"),
    "to_register": Words("待登记", "to register"),
    "self_handling": Words("自行处理中", "self-handling"),
    "to_escalate": Words("待上报", "to escalate"),
    "to_triage": Words("待分流", "to triage"),
    "coordinating": Words("协调处理中", "coordinating"),
    "to_sign_for": Words("待签收", "to sign for"),
    "handling": Words("办理中", "handling"),
    "to_feed_back": Words("待反馈", "to feed back"),
    "to_check": Words("待核查", "to check"),
    "to_inform": Words("待告知", "to inform"),
    "to_close": Words("待办结", "to close"),
    "to_archive": Words("待归档", "to archive"),
    "replying": Words("督办回复中", "replying to supervision"),
    "to_approve": Words("待批准", "to approve"),
    "reviewing": Words("审核中", "reviewing"),
    "consulting": Words("征求意见中", "consulting"),
    "applying": Words("申请中", "applying"),
    "processing": Words("办理程序中", "in procedure"),
    "to_publish": Words("待公布", "to publish"),
    "to_file": Words("待备案", "to file"),
    "closed": Words("已办结", "closed"),
    "archived": Words("已归档", "archived"),
    "refused": Words("不予受理", "refused"),
    "returned": Words("已退回", "returned"),
    "withdrawn": Words("已撤回", "withdrawn"),
    "passed_on": Words("已转出", "passed on"),
    "voided": Words("已作废", "voided"),
}
"""Every status with its label, in the order in which a matter shows them: see `matter_status`."""

ENDS: Mapping[str, Words] = {
    "enacted": Words("已生效", "in effect"),
    "rejected": Words("未获批准", "not approved"),
    "completed": Words("已完成", "completed"),
}
"""How a procedure beside matters may end; a matter ends in a status of its last assignment."""

ORDER: Sequence[str] = (*STATUSES, *ENDS)
PROCEDURE = ("to_approve", "reviewing", "consulting", "applying", "processing", "to_publish", "to_file")
"""What the steps of procedures beside matters are called (a list, a grid, a worker, a complaint): in which order they
come is for each diagram to say, and no text has statuses for them."""
RESTING = frozenset({"closed", "archived", "refused", "returned", "withdrawn", "passed_on", "voided"})
"""The unit has nothing to do."""
OPEN = frozenset(STATUSES) - RESTING

DEFAULT = "product default"
"""The basis of a change that no text names: a reading, not law."""


class Change(NamedTuple):
    """One lawful change. `before` is None where the assignment begins; `basis` holds article keys (`ZJ-13.2`) or
    `DEFAULT`; `act` names the verb without which it does not happen (`reopen`), empty for all others."""

    before: str | None
    after: str
    basis: str
    act: str = ""


# -- the table ---------------------------------------------------------------------------------------

_ANEW = (
    ("to_verify", "ZJ-13.2 ZJ-11.3"),
    ("to_register", "JS-29.1b"),
    ("self_handling", "X3-20.1a"),
    ("to_escalate", "LZ-16.1a"),
    ("to_triage", "ZJ-13.3 ZJD-13.2a X3-20.2a"),
    ("coordinating", "ZJ-13.3 X3-20.2b"),
    ("to_sign_for", "ZJ-13.3 ZJD-13.2b"),
    ("handling", "ZJ-13.3 JS-29.2a JS-30.b"),
    ("to_check", DEFAULT),
    ("to_inform", "JS-29.2b"),
    ("to_close", DEFAULT),
    ("disputed", "ZJ-13.4 ZJD-14"),
    ("deciding", "ZJ-13.4 ZJD-14"),
    ("emergency", "ZJ-14 JS-30 LZ-16.1c"),
    ("replying", "ZJ-13.3b X3-20.3a LZ-16.2a"),
)
"""How an assignment begins. It begins with neither feedback nor archiving: both end what the unit itself did."""

_BY_STATUS: Mapping[str, Sequence[tuple[str, str]]] = {
    "to_verify": (
        ("ZJ-13.2", "self_handling to_escalate passed_on"),
        ("ZJD-13.1", "to_register"),
        ("ZJ-11.3", "to_feed_back"),  # a clue was pushed down: its sender hears what came of it
        ("ZJ-10", "returned"),  # an instruction beyond the list
        ("ZJD-8.4", "refused"),
        ("JS-29.2b", "to_inform"),
        (DEFAULT, "to_triage to_close"),  # an agency verifies a request by itself; found untrue
    ),
    "to_register": (
        ("ZJD-13.1", "self_handling to_escalate passed_on"),
        ("JS-29.1b", "to_verify to_triage"),
        ("ZJD-8.4", "refused"),
    ),
    "self_handling": (
        ("ZJ-13.2 X3-20.1b", "to_escalate"),
        ("LZ-16.1a LZ-11.1", "passed_on"),
        ("ZJ-11.3", "to_feed_back"),
        ("ZJ-10", "returned"),
        ("ZJD-8.4", "refused"),
        ("JS-29.2b", "to_inform"),
        (DEFAULT, "to_check to_close"),
    ),
    "to_escalate": (
        ("ZJ-13.2 ZJD-13.1b X3-20.1b LZ-16.1a", "passed_on"),
        (DEFAULT, "self_handling coordinating to_triage"),  # it can be handled here after all
    ),
    "to_triage": (
        ("ZJ-13.3", "coordinating passed_on"),
        ("LZ-16.1b JS-30.b", "handling"),
        ("X3-20.2b", "to_escalate"),
        ("ZJD-8.4", "refused"),
        ("ZJD-14", "disputed"),
        (DEFAULT, "returned to_verify"),
    ),
    "coordinating": (
        ("ZJ-13.3", "to_triage passed_on"),
        ("X3-20.2b", "to_escalate returned"),
        ("X3-20.3b", "to_feed_back"),
        ("ZJ-13.4 ZJD-14", "disputed"),
        ("JS-29.2b", "to_inform"),
        (DEFAULT, "to_check to_close"),
    ),
    "to_sign_for": (
        ("ZJD-13.2b ZJD-13.2c", "handling"),
        ("ZJ-13.4", "disputed"),
        (DEFAULT, "returned passed_on"),
    ),
    "handling": (
        ("ZJ-13.3 JS-29.2a X3-20.3b LZ-16.2b", "to_feed_back"),
        ("ZJ-13.4", "disputed"),
        ("ZJD-13.2c", "passed_on"),  # the draft knows no act of feedback
        (DEFAULT, "to_check returned"),
    ),
    "to_feed_back": (
        ("ZJ-13.3 JS-29.2a X3-20.3b LZ-16.2b", "passed_on"),
        ("JS-29.2b", "to_inform"),
        (DEFAULT, "handling to_check to_close"),
    ),
    "to_check": (
        ("JS-29.2b", "to_inform"),
        (DEFAULT, "to_close passed_on handling self_handling coordinating to_triage"),  # done, or once more
    ),
    "to_inform": (
        ("JS-29.2b", "to_close passed_on"),
        (DEFAULT, "to_check coordinating to_triage"),  # the requester is rightly dissatisfied
    ),
    "to_close": (
        (DEFAULT, "closed to_check to_triage passed_on"),
        ("X3-21", "to_archive"),  # closed by answering, and at once to be archived
        ("JS-29.2b", "to_inform"),
    ),
    "to_archive": (
        ("X3-21", "archived"),
        (DEFAULT, "to_close"),  # something is missing in it
    ),
    "disputed": (
        ("ZJ-13.4 ZJD-14", "deciding handling to_sign_for passed_on"),
        (DEFAULT, "coordinating to_triage returned"),
    ),
    "deciding": (
        ("ZJ-13.4 ZJD-14", "handling to_sign_for passed_on"),
        (DEFAULT, "disputed"),
    ),
    "emergency": (
        ("ZJ-14 JS-30.b", "passed_on to_feed_back"),
        ("ZJD-13.1c", "to_escalate"),
        (DEFAULT, "to_verify to_register self_handling to_triage coordinating to_check"),  # a false alarm too
    ),
    "replying": (("ZJ-13.3b X3-20.3a LZ-16.2a", "passed_on"),),
    "closed": (("X3-21", "to_archive archived"),),
    "returned": ((DEFAULT, "self_handling handling passed_on"),),  # the return was not accepted; or merged
    "refused": (
        ("JS-29.2b", "to_inform"),
        (DEFAULT, "to_close to_triage passed_on"),
    ),
}
"""Per status: the basis and what it may become. What holds for many alike is added below."""

_AT_ONCE = ("to_verify", "to_register", "self_handling", "to_escalate", "to_triage", "coordinating")
"""Work that gives way to an emergency of the same unit. Departments keep handling: the law stops nothing."""
_NOT_BEGUN = ("to_verify", "to_triage", "to_sign_for", "handling", "replying")
"""What its sender may still take back, as long as nobody has signed for it (`cases.withdraw` looks); `handling` where
no signature is drawn."""
_COMING_BACK = ("passed_on", "returned", "withdrawn")
"""What may be sent to the same unit again."""
_REOPENED = ("to_verify", "to_triage")


def _table() -> Iterator[Change]:
    yield from (Change(None, after, basis) for after, basis in _ANEW)
    yield Change(None, "returned", "ZJ-10")  # an instruction beyond the list reaches nobody
    for before, lines in _BY_STATUS.items():
        yield from (Change(before, after, basis) for basis, afters in lines for after in afters.split())
    starting: tuple[str | None, ...] = (None, *PROCEDURE, "passed_on")
    yield from (Change(before, after, DEFAULT) for before in starting for after in PROCEDURE if after != before)
    yield from (Change(before, "passed_on", DEFAULT) for before in PROCEDURE)
    for before in _COMING_BACK:
        yield from (Change(before, after, basis) for after, basis in _ANEW)
    yield Change("passed_on", "to_feed_back", "ZJ-13.3")  # a part of the unit handled it
    yield from (Change(before, "emergency", "ZJ-14 ZJD-13.1c JS-30") for before in _AT_ONCE)
    yield from (Change(before, "withdrawn", DEFAULT, "withdraw") for before in _NOT_BEGUN)
    yield from (Change(before, "passed_on", DEFAULT, "merge") for before in sorted(OPEN - _FINISHED))
    yield from (Change(before, "voided", DEFAULT, "void") for before in sorted(STATUSES.keys() - _FINISHED))
    yield from (Change(before, after, DEFAULT, "reopen") for before in _DONE for after in _REOPENED)


_FINISHED = {"closed", "to_archive", "archived", "voided"}
_DONE = ("closed", "to_archive", "archived")


def _lawful() -> dict[tuple[str | None, str], Change]:
    """The first line that allows a change is its reason: what the law says comes before what holds for all."""
    found: dict[tuple[str | None, str], Change] = {}
    for change in _table():
        found.setdefault((change.before, change.after), change)
    return found


LAWFUL: Mapping[tuple[str | None, str], Change] = _lawful()
"""Every lawful change by (before, after). Nothing leaves *voided*; *closed* and *archived* go back to work only
by being reopened. Staying in an open status is no change and always lawful."""


# -- changes -----------------------------------------------------------------------------------------

_NEW = "new"


class _Assignment:
    """What the machine moves: nothing but a status, made for one change."""

    def __init__(self, state: str) -> None:
        self.state = state


def _machine() -> Machine:
    machine = Machine(
        model=None,
        states=[_NEW, *STATUSES],
        initial=_NEW,
        auto_transitions=False,
        send_event=True,
    )
    for before, after in LAWFUL:
        machine.add_transition(after, before or _NEW, after)
    for status in (*OPEN, "passed_on"):
        machine.add_transition(status, status, "=")
    return machine


_MACHINE = _machine()


def lawful(before: str | None, after: str) -> bool:
    """Whether an assignment may go from one status to another; `before` is None where it begins."""
    return after in _MACHINE.get_triggers(before or _NEW)


def following(before: str | None) -> list[str]:
    """What an assignment may become from here, in the order of `STATUSES`."""
    return [after for after in STATUSES if (before, after) in LAWFUL]


def change(before: str | None, after: str, *, where: str = "") -> str:
    """The new status. `where` names the step or unit for the reader.

    Raises `Refused` (`lifecycle.unlawful`) with both labels and what is lawful instead, and
    (`lifecycle.unknown`) for a status that does not exist.
    """
    for status in (before, after):
        if status is not None and status not in STATUSES:
            raise _unknown(status, where)
    try:
        return _moved(before or _NEW, after)
    except MachineError as error:
        raise _unlawful(before, after, where) from error


@cache
def _moved(before: str, after: str) -> str:
    """Where the machine goes from one status by another. The table never changes: each pair is asked once."""
    assignment = _Assignment(before)
    _MACHINE.events[after].trigger(assignment)
    return assignment.state


def rests_as(status: str) -> str:
    """What an assignment becomes when its step is answered and nothing else follows for this unit."""
    return {"to_close": "closed", "to_archive": "archived"}.get(status, "passed_on" if status in OPEN else status)


def _unknown(status: str, where: str) -> Refused:
    place = _place(where)
    return Refused(
        "lifecycle.unknown",
        f"{place.zh}没有名为“{status}”的状态，请从以下状态中选用：{'、'.join(STATUSES)}。",
        f"{place.en}There is no status “{status}”. Use one of: {', '.join(STATUSES)}.",
    )


def _unlawful(before: str | None, after: str, where: str) -> Refused:
    place, old, new = _place(where), _label(before), STATUSES[after]
    instead = [STATUSES[status] for status in following(before)]
    zh = f"此时可以变为：{'、'.join(words.zh for words in instead)}" if instead else "此状态不能再变更"
    en = f"Lawful now: {', '.join(words.en for words in instead)}" if instead else "It does not change any more"
    return Refused(
        "lifecycle.unlawful",
        f"{place.zh}状态“{old.zh}”不能变为“{new.zh}”。{zh}。",
        f"{place.en}An assignment that is “{old.en}” cannot become “{new.en}”. {en}.",
        details={"before": before, "after": after, "lawful": following(before)},
    )


def _label(status: str | None) -> Words:
    return Words("未开始", "not begun") if status is None else STATUSES[status]


def _place(where: str) -> Words:
    return Words(f"{where}：", f"{where}: ") if where else Words("", "")


# -- a matter ----------------------------------------------------------------------------------------

FLAGS = ("disputed", "emergency", "suspended")
"""What a matter can be beside its status."""


def matter_status(statuses: Iterable[str], *, ended: str | None, order: Sequence[str] = ORDER) -> str:
    """The one status that a matter shows, from the statuses of its assignments: the first of them by `order`.

    `ORDER` names first what somebody must act on first (an emergency, a decision, a dispute), then the work that
    is least advanced, since the matter is no further than that; a reply to supervision never hides the work; a
    resting status shows only when nothing is open. `ended` is how the matter ended (None: it has not) and
    then is the answer. A matter nobody has anything to do with is *passed on*. What an order does not name
    comes last, by name.
    """
    if ended is not None:
        return ended
    rank = {status: place for place, status in enumerate(order)}
    return min(statuses, key=lambda status: (rank.get(status, len(rank)), status), default="passed_on")


# -- guards ------------------------------------------------------------------------------------------


class Guard(NamedTuple):
    """The verbs that a flag forbids, and what to do about it."""

    verbs: frozenset[str]
    why: Words


GUARDS: Mapping[str, Sequence[Guard]] = {
    "disputed": (
        Guard(
            frozenset({"close", "archive", "merge"}),
            Words(
                "事项有职责争议尚未解决，请先协调或报请决定。",
                "A dispute over responsibility is open: settle it or have it decided first.",
            ),
        ),
        Guard(
            frozenset({"dispute"}),
            Words("已有一项职责争议正在处理，请等待其结果。", "A dispute is already open: wait for its result."),
        ),
    ),
    "emergency": (
        Guard(
            frozenset({"suspend"}),
            Words("紧急事项不得挂起。", "A matter in an emergency cannot be suspended."),
        ),
        Guard(
            frozenset({"close", "archive", "merge", "void"}),
            Words(
                "应急处置尚未解除，请先解除或撤销紧急报告。",
                "The emergency is still on: have it lifted or its report revoked first.",
            ),
        ),
    ),
    "suspended": (
        Guard(
            frozenset({"complete", "return", "dispute", "extend", "close", "archive", "merge"}),
            Words("事项已挂起，请先恢复再操作。", "The matter is suspended: resume it first."),
        ),
        Guard(
            frozenset({"suspend"}),
            Words("事项已经挂起，无需再次挂起。", "The matter is suspended already."),
        ),
    ),
}
"""Per flag (all product defaults): which verbs of a case it refuses, and why."""

_ASKED = {"ask_extension": "extend", "ask_suspension": "suspend", "ask_void": "void"}
"""Asking for what is forbidden is forbidden too: nobody should wait for what cannot be granted."""
_COMPLETED = {"to_close": "close", "to_archive": "archive", "closed": "archive"}
"""What completing a step of these statuses comes to."""


def forbidden(flags: Collection[str], verb: str, *, status: str = "") -> Refused | None:
    """Why the flags of a matter forbid this verb, to be shown beside a button; None when they do not. `status`
    is that of the step which `complete` is about.

    While there is an emergency, a suspension stands in nobody's way: what the emergency needs comes first.
    """
    meant = _COMPLETED.get(status, verb) if verb == "complete" else _ASKED.get(verb, verb)
    standing = [flag for flag in FLAGS if flag in flags and not (flag == "suspended" and "emergency" in flags)]
    for flag in standing:
        for item in GUARDS[flag]:
            if {verb, meant} & item.verbs:
                return Refused(f"matter.{flag}", *item.why, details={"flag": flag, "verb": verb})
    return None


def guard(flags: Collection[str], verb: str, *, status: str = "") -> None:
    """Raises the `Refused` that `forbidden` finds (`matter.disputed`, `matter.emergency`, `matter.suspended`)."""
    refused = forbidden(flags, verb, status=status)
    if refused is not None:
        raise refused
