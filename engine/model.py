"""The shapes that travel through the engine: plain frozen values that are also JSON.

Everything the kernel takes and gives is one of these, so that a state, an event or an effect can be
stored, hashed, compared and replayed without translation. Values hold no behaviour and no
reference to a diagram; JSON data inside them (`Json`) is never changed in place.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec
import msgspec.structs

Json = None | bool | int | float | str | list[Any] | dict[str, Any]
"""Plain JSON data, as variables and facts hold it. `Any` because JSON nests without end."""

Facts = Mapping[str, Any]
"""Names and JSON values: what a person answered, a message carried, a handler found."""


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of every shape: immutable, compared by content, written as a JSON object."""


class Compact(msgspec.Struct, frozen=True, array_like=True):
    """Base of the shapes inside a state: the same, but written as a JSON array to keep states small."""


T = TypeVar("T")

replace = msgspec.structs.replace
"""A copy of a value with some of its fields changed."""


def encode(value: object) -> bytes:
    """JSON bytes of a value or of plain data, in the order it was built: what is stored and read back."""
    return msgspec.json.encode(value)


def encode_sorted(value: object) -> bytes:
    """JSON bytes with all names in order: equal values give equal bytes, whatever order they were built in."""
    return msgspec.json.encode(value, order="sorted")


def decode(data: bytes | str, shape: type[T]) -> T:
    """The value of the given shape that `data` (JSON) holds. Raises `ValueError` when it holds another."""
    return msgspec.json.decode(data, type=shape)


def plain(value: object) -> Any:
    """The value as plain JSON data (dicts, lists, strings, numbers, booleans, None)."""
    return msgspec.to_builtins(value, order="deterministic")


def revive(data: object, shape: type[T]) -> T:
    """The value of the given shape that plain JSON data describes. Raises `ValueError` on another shape."""
    return msgspec.convert(data, type=shape)


# -- the state of a case -----------------------------------------------------------------------------


class Rounds(Compact, frozen=True):
    """How far a repeating activity is. `items` is the list it runs over (None: counted rounds), `begun` and
    `done` count rounds, `gathered` holds [round, value] of those that are done and gather something."""

    total: int | None
    items: list[Any] | None = None
    begun: int = 0
    done: int = 0
    gathered: tuple[tuple[int, Any], ...] = ()


ScopeKind = Literal["process", "body", "event", "loop", "round"]


class Scope(Compact, frozen=True):
    """One level that is alive: a process, the inside of a sub-process, an event sub-process that was
    triggered, a repeating activity (`loop`) or one of its `round`s.

    `body` is the key of its nodes (`Definition.bodies`), `parent` the scope around it (0: none), `host` the
    token that waits for it there (0: none), `node` the activity it belongs to. `facts` is its own store of
    variables (None: it writes to the nearest one above). `joins` counts tokens that wait at a join, per
    incoming flow. `held` names its conditional starts whose condition was true when last looked at. `closed`:
    an interrupting event sub-process has taken over, the others listen no more.
    """

    id: int
    parent: int
    host: int
    kind: ScopeKind
    body: str
    node: str
    facts: dict[str, Any] | None = None
    joins: dict[str, int] = {}
    held: tuple[str, ...] = ()
    closed: bool = False
    rounds: Rounds | None = None


TokenMode = Literal["moving", "leaving", "waiting", "hosting", "stuck_in", "stuck_out"]


class Token(Compact, frozen=True):
    """Where the case stands. `waiting`: for an answer or an event; `hosting`: for the scope inside;
    `stuck_in` and `stuck_out`: an incident while entering or leaving the node, named by `incident`; `moving`
    and `leaving` never outlive one `advance`. `via` is the flow it came by. `held`: see `Scope.held`,
    for boundary events."""

    id: int
    scope: int
    node: str
    mode: TokenMode = "moving"
    via: str = ""
    held: tuple[str, ...] = ()
    incident: str = ""


class Clock(Compact, frozen=True):
    """A timer that runs: `owner` is the token or scope it belongs to, `node` the event it will trigger,
    `left` how often it may still fire (None: for ever)."""

    id: int
    owner: int
    node: str
    left: int | None = 1


class State(Compact, frozen=True):
    """All that a case is to the machine. Its size depends on what is open, never on what has passed.

    `next` is the number the next token, scope or timer gets. Scope 1 is the process itself and stays when the
    case has ended, so that its variables can be read.
    """

    next: int = 1
    scopes: dict[int, Scope] = {}
    tokens: dict[int, Token] = {}
    clocks: dict[int, Clock] = {}
    status: Literal["new", "open", "ended", "cancelled"] = "new"

    @property
    def facts(self) -> Facts:
        """The variables of the process."""
        root = self.scopes.get(1)
        return root.facts or {} if root else {}


# -- events: everything from outside -----------------------------------------------------------------


class Began(Value, frozen=True, tag="began"):
    """The case begins at a start event (empty: the plain one)."""

    start: str = ""
    facts: dict[str, Any] = {}


class Completed(Value, frozen=True, tag="completed"):
    """A step was answered: by a person, a handler's result or a decision table (`matched`: the rules)."""

    step: int
    facts: dict[str, Any] = {}
    matched: tuple[str, ...] = ()


class Failed(Value, frozen=True, tag="failed"):
    """A step ended in a BPMN error with this code."""

    step: int
    code: str
    facts: dict[str, Any] = {}


class Escalated(Value, frozen=True, tag="escalated"):
    """Somebody escalated from an open step (returned it, disputed it, …). Refused when nothing catches it."""

    step: int
    code: str
    facts: dict[str, Any] = {}


class Messaged(Value, frozen=True, tag="messaged"):
    """A message arrived. `key` must equal the receiver's correlation value where it has one; `step` (0: any)
    limits it to what waits at that token."""

    name: str
    key: Any = None
    step: int = 0
    facts: dict[str, Any] = {}


class Signalled(Value, frozen=True, tag="signalled"):
    """A signal reached the case: everything that waits for it hears it."""

    name: str
    facts: dict[str, Any] = {}


class Fired(Value, frozen=True, tag="fired"):
    """A timer fell due; `missed` counts further periods that passed while nobody looked."""

    clock: int
    missed: int = 0


class Became(Value, frozen=True, tag="became"):
    """The condition of a conditional event became true. Only exploration says this: when a case runs, the
    machine looks for itself."""

    owner: int
    node: str


class Assigned(Value, frozen=True, tag="assigned"):
    """Variables of the process were set from outside."""

    facts: dict[str, Any] = {}


class Retried(Value, frozen=True, tag="retried"):
    """An incident is tried again, after `facts` were set."""

    token: int
    facts: dict[str, Any] = {}


class Cancelled(Value, frozen=True, tag="cancelled"):
    """The case ends here, whatever is open."""

    reason: str = ""


Event = Began | Completed | Failed | Escalated | Messaged | Signalled | Fired | Became | Assigned | Retried | Cancelled


# -- effects: what the world has to do ---------------------------------------------------------------

Passage = Literal["entered", "completed", "cancelled", "fired", "sent", "caught"]


class Passed(Compact, frozen=True):
    """A token was here: the line of a trace. Needs nothing done."""

    what: Passage
    node: str
    token: int


class Opened(Compact, frozen=True):
    """A step waits for an answer. `arguments` are the parameters of its handler, evaluated."""

    step: int
    node: str
    scope: int
    body: str
    arguments: dict[str, Any] = {}


class Closed(Compact, frozen=True):
    """A step waits no more: `completed`, or `cancelled` by something else in the diagram."""

    step: int
    node: str
    how: Literal["completed", "cancelled"]


class Armed(Compact, frozen=True):
    """A timer begins to run. `again`: it goes on from its last due time, not from now."""

    clock: int
    owner: int
    node: str
    body: str
    left: int | None = 1
    again: bool = False


class Disarmed(Compact, frozen=True):
    """A timer runs no more."""

    clock: int


class Sent(Compact, frozen=True):
    """A message leaves the case."""

    name: str
    node: str
    key: Any = None
    facts: dict[str, Any] = {}


class Stuck(Compact, frozen=True):
    """A token cannot go on until a person acts: `code` is stable, `text` says why in two languages."""

    token: int
    node: str
    code: str
    text: str


class Ended(Compact, frozen=True):
    """The case is over."""

    how: Literal["ended", "cancelled"]


Effect = Passed | Opened | Closed | Armed | Disarmed | Sent | Stuck | Ended
