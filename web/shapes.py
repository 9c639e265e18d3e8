"""What answers look like, for the API document and whoever programs against it. The values are made in
`engine.queries`; here they only get a name and a type. Times are ISO 8601 with the offset of Shanghai."""

from typing import Any, Literal

from web.http import Shown

Json = dict[str, Any]


class Words(Shown):
    """One sentence or label in two languages."""

    zh: str
    en: str


class Named(Shown):
    """A person or a unit."""

    id: str
    name: str


class Label(Words):
    """A status with its key in the pack."""

    key: str


class Basis(Words):
    """On what authority a limit stands."""

    kind: Literal["statute", "local_rule", "draft", "product_default"]
    article: str
    document: str


class Day(Words):
    """What one day contributed to a due time; `number` is the number of the day or the minutes counted."""

    day: str
    kind: str
    number: int


class Clock(Words):
    """A clock: its light, what is left in `unit`, and the words to show; `explained` only where one thing is shown
    whole."""

    limit: str
    state: Literal["running", "paused", "none"]
    light: Literal["green", "yellow", "red", "supervise", "paused", "none"]
    started_at: str
    due_at: str | None
    warn_at: str | None
    remaining: float | None
    unit: str | None
    provisional: bool
    basis: Basis
    explained: list[Day] = []


class MatterBrief(Shown):
    """What the row of a step says of its matter; `clock` is the overall one."""

    id: int
    number: str
    title: str
    matter_type: str | None
    status: Label
    flags: list[str]
    clock: Clock | None


class Matter(MatterBrief):
    """A matter in a list."""

    way_in: str
    area: str
    outcome: str | None
    pack: str
    revision: int
    unit: Named | None
    draft: bool
    discovered_at: str
    opened_at: str
    closed_at: str | None
    active_at: str
    due_at: str | None


class StepOf(Shown):
    """A step, without its matter."""

    id: int
    node: str
    name: str
    kind: str
    role: str | None
    area: str
    status: Literal["open", "completed", "cancelled"]
    lifecycle: str | None
    revision: int
    unit: Named | None
    person: Named | None
    sender: Named | None
    opened_at: str
    seen_at: str | None
    closed_at: str | None
    closed_by: Named | None
    due_at: str | None
    clock: Clock | None


class Step(StepOf):
    """A step in a list."""

    matter: MatterBrief


class Act(Words):
    """Something that can be done, or why it cannot. `form` is the JSON Schema of what it asks for."""

    act: str
    allowed: bool
    reason: Words | None
    article: str
    form: Json | None


class WholeStep(StepOf):
    """A step with its form (JSON Schema), what is known already, and what may be done. `waiver`: why a reason is
    wanted, if this person does it."""

    matter: Matter
    documentation: str
    basis: str
    form: Json | None
    facts: Json
    waiver: Words | None
    acts: list[Act]


class Assignment(Shown):
    """What a unit has to do with a matter."""

    unit: Named | None
    status: Label
    opened_at: str
    closed_at: str | None
    clock: Clock | None


class Request(Shown):
    """A request; `number` and `title` of its matter stand there in lists. `withdrawn`: why it waits no longer for a
    decision, though nobody took one."""

    id: int
    case: int
    step: int | None
    kind: str
    status: Literal["open", "granted", "denied", "answered", "withdrawn"]
    withdrawn: Words | None
    asked_by: Named | None
    asked_unit: Named | None
    asked_at: str
    to_unit: Named | None
    to_person: Named | None
    detail: Json
    decided_by: Named | None
    decided_at: str | None
    number: str = ""
    title: str = ""


class Incident(Shown):
    """Something that failed; `number` and `title` of its matter stand there in lists."""

    id: int
    case: int
    node: str
    code: str
    text: str
    opened_at: str
    settled_at: str | None
    settled_by: Named | None
    number: str = ""
    title: str = ""


class Attachment(Shown):
    """A file."""

    id: int
    name: str
    media_type: str
    size: int
    sha256: str
    added_by: Named | None
    added_at: str


class Link(Shown):
    """Another matter."""

    id: int
    number: str
    title: str


class Links(Shown):
    """The matter this one was merged into, and its duplicates."""

    merged_into: Link | None
    duplicates: list[Link]


class Said(Shown):
    """What somebody said: the value, or that it is masked, or that it was erased."""

    value: Any = None
    masked: bool = False
    erased: bool = False


class WholeMatter(Matter):
    """Everything about a matter."""

    facts: Json
    said: dict[str, Said]
    steps: list[StepOf]
    assignments: list[Assignment]
    requests: list[Request]
    incidents: list[Incident]
    attachments: list[Attachment]
    links: Links
    acts: list[Act]


class Record(Shown):
    """One thing that happened. `by_people`: not the machine by itself."""

    number: int
    at: str
    kind: str
    by_people: bool
    actor: Named | None
    post: str
    cause: str
    node: str | None
    detail: Json
    said: dict[str, Said]
    hash: str


class Timeline(Shown):
    """What happened, first to last."""

    records: list[Record]


class Diagram(Shown):
    """A drawing (BPMN 2.0 XML), how often each node was passed, and where the matter stands."""

    definition: str
    key: str
    xml: str
    visited: dict[str, int]
    current: list[str]
    stuck: list[str]


class Total(Shown):
    """How many there are; beyond a limit only that there are more."""

    count: int
    exact: bool
    text: str


class Listing(Shown):
    """A page of a list; `next` is the cursor of the next page, empty on the last one."""

    next: str
    total: Total


class Steps(Listing):
    """A page of steps; `counts` holds the length of each tab or light."""

    rows: list[Step]
    counts: dict[str, Total]


class Matters(Listing):
    """A page of matters."""

    rows: list[Matter]


class Requests(Listing):
    """A page of requests."""

    rows: list[Request]


class Incidents(Listing):
    """A page of incidents."""

    rows: list[Incident]


class Cause(Words):
    """Why matters do not move: how many, the first of them, and the way out. The rows are steps; matters where they
    are suspended for too long, and incidents."""

    cause: str
    way_out: Words
    total: Total
    rows: list[Json]


class Stuck(Shown):
    """Every cause, also those without a matter."""

    causes: list[Cause]


class Done(Shown):
    """What a verb did: the number of the matter and, where there is one, the new thing or revision."""

    matter: str = ""
    step: int | None = None
    revision: int | None = None
    request: int | None = None
    attachment: int | None = None


class Procedure(Label):
    """A procedure that may be begun: its start event, process, form and basis."""

    event: str
    process: str
    form: dict[str, Any]
    basis: list[str] = []


class Procedures(Shown):
    """What may be begun."""

    procedures: list[Procedure]


class Entry(Shown):
    """A version of an entry of a register."""

    id: str
    kind: str
    row: int
    area: str
    unit: str
    about: str | None
    case: int | None
    valid_from: str
    valid_to: str | None
    recorded_at: str
    body: dict[str, Any]


class Registered(Shown):
    """Entries of a register."""

    entries: list[Entry]


class SignedIn(Shown):
    """A session."""

    token: str
    expires_at: str
    person: str


class Role(Label):
    """A role of a pack."""


class Unit(Named):
    """A unit."""

    kind: str
    level: str


class Post(Shown):
    """A post and what it sees: all of its area, or what its unit has to do with."""

    id: str
    role: Role
    permissions: list[str]
    unit: Unit
    area: str
    whole_area: bool


class Me(Shown):
    """Who asks, and in which post."""

    person: Named
    expires_at: str
    posts: list[Post]
    post: Post | None
