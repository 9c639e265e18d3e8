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


class FieldWords(Words):
    """What a field is called, what its choices are called, and what an id in it is the id of."""

    choices: dict[str, Words]
    names: str


class Said(Shown):
    """What somebody said: the value, or that it is masked, or that it was erased."""

    value: Any = None
    masked: bool = False
    erased: bool = False


class WholeMatter(Matter):
    """Everything about a matter."""

    facts: Json
    said: dict[str, Said]
    fields: dict[str, FieldWords]
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
    fields: dict[str, FieldWords]
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


class Revealed(Shown):
    """One hidden field, shown once; null where the same key was answered before."""

    matter: str = ""
    value: Any = None


class Imported(Shown):
    """How many lines were new, changed, and known already."""

    new: int
    changed: int
    same: int


class Shared(Shown):
    """Data of a department for a grid, with where they come from."""

    id: str
    grid: str
    source: str
    number: str
    kind: str
    collected_at: str
    provenance: str
    to: list[str]
    data: dict[str, Said]


class SharedData(Shown):
    """What was pushed to me."""

    entries: list[Shared]


class Submitted(Shown):
    """A request was taken in: the code to follow it with, shown this once."""

    code: str


class Office(Words):
    """What kind of office."""


class PublicStep(Shown):
    """What kind of office has it, since when and until when."""

    office: Office
    since: str
    due_at: str | None


class Told(Shown):
    """What the requester was told, or that they could not be reached."""

    informed: bool
    at: str
    content: str | None


class Progress(Shown):
    """How far a request is."""

    status: Words
    received_at: str
    finished_at: str | None
    steps: list[PublicStep]
    result: Told | None
    satisfaction: Json | None
    may_grade: bool
    may_reject: bool


class Procedure(Label):
    """A procedure that may be begun: its start event, process, form and basis."""

    event: str
    process: str
    form: dict[str, Any]
    basis: list[str] = []


class WayIn(Label):
    """A way in and its form."""

    form: Json


class WaysIn(Shown):
    """How matters come in, by the post that asks."""

    ways_in: list[WayIn]


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


class OnList(Shown):
    """The version of a matter list that an item is on. `sample`: it came with the product, no authority published
    it."""

    row: int
    level: str
    list_kind: str
    title: Words
    document: str
    sample: bool
    unit: Named
    valid_from: str


class Item(Shown):
    """An item of a matter list."""

    key: str
    label: Words
    list: OnList


class Items(Shown):
    """The items that hold for a grid on a day."""

    grid: str
    day: str
    items: list[Item]


class Registered(Shown):
    """Entries of a register."""

    entries: list[Entry]


class Phone(Shown):
    """The supervision telephone of an agency."""

    agency: str
    phone: str


class CheckedCard(Shown):
    """Whether a worker's card is valid; of which kind and grid, if it is. Nothing of the person."""

    number: str
    valid: bool
    kind: Label | None = None
    grid: str | None = None
    supervision_phones: list[Phone] = []


class Card(Shown):
    """The card of a grid worker."""

    number: str
    person: str
    name: str
    work_contact: str
    grid: str
    grid_name: str
    kind: str
    case: int
    valid: bool


class Grid(Named):
    """A grid: comprehensive or exclusive, and how many workers have a post there."""

    code: str
    area: str
    category: str
    area_kind: str | None
    host_unit: str | None
    supervising_department: str | None
    workers: int
    valid_from: str
    valid_to: str | None


class Grids(Shown):
    """The grids of an area."""

    grids: list[Grid]


class GridAlert(Words):
    """What a grid lacks, with the article that wants it."""

    grid: str
    code: str
    name: str
    area: str
    alert: Literal["no_worker", "no_full_time_worker", "households"]
    article: str


class StaleGrid(Shown):
    """A grid of which something else, or nothing, is published; `case` is the task to publish it."""

    grid: str
    code: str
    name: str
    published_at: str | None
    changed_at: str | None
    due_at: str | None
    overdue: bool
    case: int | None


class GridAlerts(Shown):
    """What to look at."""

    alerts: list[GridAlert]
    stale: list[StaleGrid]


class PublicGrid(Shown):
    """What the pack lets anybody know of a grid: of `grid_name`, `area_range`, `workers` (each with `name`, `kind`,
    `contact`, `duties`), `micro_grids` and `supervision_phone` those that it lists."""


class Kept(Shown):
    """The entry of a register that a verb wrote."""

    entry: str


class RegistryKind(Words):
    """A kind of register: what its entries are about, its form, and what carries it. `may_enter`: this post writes it;
    otherwise it only reads it."""

    kind: str
    about: Literal["unit", "grid", "person", "case"]
    form: Json
    single: bool
    expires: str | None
    summed: Json | None
    basis: list[str]
    may_enter: bool


class Registries(Shown):
    """The kinds that somebody may write or see."""

    kinds: list[RegistryKind]


class RegistryEntry(Shown):
    """An entry, as it holds in this version."""

    name: str
    about: str
    unit: str
    valid_from: str
    valid_to: str | None
    answer: dict[str, Said]


class RegistryEntries(Shown):
    """Entries of a kind."""

    entries: list[RegistryEntry]


class ExpiredEntry(Words):
    """What has expired; without `entry`: what is missing."""

    kind: str
    about: str
    entry: str | None
    last_day: str | None


class Expired(Shown):
    """What has expired or is missing."""

    due: list[ExpiredEntry]


class Sum(Shown):
    """Of a subject: how many entries, the mean of numbers, how often each choice was made."""

    by: str
    entries: int
    mean: float | None
    counts: dict[str, int]


class Summed(Shown):
    """What is summed up."""

    sums: list[Sum]


class Precedent(Shown):
    """A unit that was held responsible: how often, how, and the disputes."""

    unit: str
    times: int
    agreed: int
    decided: int
    entries: list[Json]


class Precedents(Shown):
    """Who was held responsible for a type in an area, the most frequent first; `settled`: the unit that an approved
    proposal names."""

    matter_type: str
    area: str
    precedents: list[Precedent]
    settled: Named | None


class ProposalSource(Words):
    """Where a proposal comes from: `dispute`, `table`, `list` or `nothing`; `entry` of a register, or empty."""

    key: str
    entry: str


class TriageProposal(Shown):
    """What is proposed to a triage: the unit, who leads and helps by function, the limit, and where it comes from."""

    unit: Named | None
    lead_department: str
    co_handlers: list[str]
    handling_limit: str
    source: ProposalSource


class DictionaryChoice(Words):
    """A value that may be chosen."""

    value: str


class DictionaryField(Words):
    """A field: its address, what it is of, its type, class, how it is kept, and on which articles it rests."""

    id: str
    kind: Literal["table", "form", "registry", "list", "register"]
    source: str
    holder: str
    holder_zh: str
    holder_en: str
    name: str
    type: str
    data_class: str
    kept: Literal["column", "routing", "record", "entry", "never"]
    required: bool
    choices: list[DictionaryChoice]
    basis: list[str]


class Keyed(Words):
    """A key with its label."""

    key: str


class Dictionary(Shown):
    """Every field held under a pack; `classes` they may be of; `withheld`: tables of the machine's own."""

    pack: str
    conformity: Words
    classes: list[Keyed]
    withheld: list[Keyed]
    fields: list[DictionaryField]


class Indicator(Words):
    """A figure: how many of how many, and their quotient (none where there is nothing to divide by); of an average,
    `value` is in `unit`. `formula` says in words what is counted."""

    key: str
    formula: str
    numerator: float
    denominator: int | None
    value: float | None
    unit: str


class Indicators(Shown):
    """Figures for an area, a unit or a role over some days; and how long each kind of step took."""

    area: str
    unit: str
    role: str
    first: str
    last: str
    indicators: list[Indicator]
    steps: list[Json]


class SignedIn(Shown):
    """A session."""

    token: str
    expires_at: str
    person: str


class Area(Named):
    """A division, functional area or grid, and the path of codes down to it."""

    kind: str
    area: str


class Areas(Shown):
    """Areas, by path."""

    areas: list[Area]


class Role(Label):
    """A role of a pack."""


class Unit(Named):
    """A unit."""

    kind: str
    level: str


class Units(Shown):
    """Units that can be named."""

    units: list[Unit]


class Colleague(Shown):
    """A post of one's unit and who has it."""

    id: str
    person: Named
    role: Role


class Colleagues(Shown):
    """The posts of one's unit."""

    colleagues: list[Colleague]


class Post(Shown):
    """A post and what it sees: all of its area, or what its unit has to do with."""

    id: str
    role: Role
    permissions: list[str]
    unit: Unit
    area: str
    area_name: str
    whole_area: bool


class Me(Shown):
    """Who asks, and in which post."""

    person: Named
    expires_at: str
    posts: list[Post]
    post: Post | None


class Period(Shown):
    """Days on which a version applies, both included; without a last day until further notice."""

    first: str
    last: str | None


class Pack(Shown):
    """A published version: its status today, and when it applies in its area. `open_matters`: in my area, null where I
    do not see all of it."""

    key: str
    place: str
    title: Words
    area: str
    force: Literal["law", "draft"]
    in_force_from: str | None
    in_force_to: str | None
    status: Literal["draft_law", "upcoming", "in_force", "superseded", "retired"]
    periods: list[Period]
    hash: str
    published_at: str
    published_by: Named | None
    signed: bool
    open_matters: int | None


class Packs(Shown):
    """Versions, by place and day, and the years whose working days are announced."""

    packs: list[Pack]
    confirmed_years: list[int]


class DrawnNode(Shown):
    """A node of a process, with the pack's words about it (role, form, limit, status, basis, …)."""

    id: str
    name: str
    kind: str
    called: str
    properties: dict[str, str]


class DrawnProcess(Shown):
    """A process of a version, and the file that it is drawn in."""

    name: str
    title: str
    file: str | None
    nodes: list[DrawnNode]


class FileBrief(Shown):
    """A file: diagram, table, limits, form, case or other."""

    path: str
    hash: str
    size: int
    kind: Literal["diagram", "table", "limits", "form", "case", "other"]


class PackWhole(Pack):
    """A published version with what it holds."""

    processes: list[DrawnProcess]
    limits: list[Json]
    forms: list[Label]
    decisions: list[Json]
    files: list[FileBrief]


class PackFile(Shown):
    """A file with its text."""

    path: str
    hash: str
    text: str


class DraftTexts(Shown):
    """Files with their texts."""

    files: list[PackFile]


class Retired(Shown):
    """The last day of a version, and what to be warned of."""

    key: str
    last_day: str
    warnings: list[Words]


class Draft(Shown):
    """A draft of a version; `returned`: why its reviewer sent it back."""

    id: int
    key: str
    base: str
    area: str
    title: str
    status: Literal["open", "in_review", "published", "dropped"]
    revision: int
    in_force_from: str | None
    created_by: Named | None
    created_at: str
    submitted_by: Named | None
    submitted_at: str | None
    returned: str | None
    ended_at: str | None


class DraftStanding(Draft):
    """How a draft stands after an act."""


class Drafts(Shown):
    """Drafts, the newest first."""

    drafts: list[Draft]


class DraftFile(FileBrief):
    """A file of a draft: whether it differs from the base, and who changed it last in this draft."""

    changed: bool
    changed_by: Named | None
    changed_at: str | None


class Presence(Shown):
    """Who has which file on the screen."""

    person: Named
    path: str
    seen_at: str


class DraftWhole(Draft):
    """A draft with its files; `removed`: those of the base that it does without."""

    files: list[DraftFile]
    removed: list[str]
    present: list[Presence]


class DraftMade(Shown):
    """The number of a new draft."""

    draft: int


class DraftSaved(Shown):
    """The hash of the file as it is now, null where it is gone, and the draft's revision."""

    path: str
    hash: str | None
    revision: int


class DraftPresence(Shown):
    """Who was here in the last half minute, and the draft's revision."""

    present: list[Presence]
    revision: int


class DraftChange(Shown):
    """A change: hashes of the file before and after, null where there was none."""

    id: int
    revision: int
    path: str
    before: str | None
    after: str | None
    person: Named
    at: str


class DraftHistory(Shown):
    """Changes, the newest first."""

    changes: list[DraftChange]


class Found(Shown):
    """What is wrong, or to be known: `element` and `path` are ids in the diagram, `file` is where it lies."""

    rule: str
    level: Literal["error", "warning", "advice"]
    element: str
    name: str
    message: str
    article: str
    path: list[str]
    file: str


class DraftChecked(Shown):
    """Whether a draft could be published, and every finding."""

    publishable: bool
    findings: list[Found]


class Change(Words):
    """One difference between two versions, said in a sentence. `element` is the id of the node, flow, limit, form, …
    (in the newer version where it was renamed), `field` the part of it, `before` and `after` its values."""

    kind: Literal["added", "removed", "changed", "moved", "renamed"]
    what: str
    process: str
    element: str
    name: str
    field: str
    before: Any
    after: Any


class ComparedDiagram(Shown):
    """A process and the files it is drawn in; `redrawn` are the elements that are only laid out otherwise."""

    process: str
    name: str
    old: str | None
    new: str | None
    changes: int
    redrawn: list[str]


class Comparison(Shown):
    """What differs, and how many elements are only laid out otherwise."""

    changes: list[Change]
    layout_only: int
    diagrams: list[ComparedDiagram]


class PlayedWay(Shown):
    """Something else that may happen: the event that hears it, the act that makes it, and its form."""

    node: str
    name: str
    action: Json
    form: Json | None


class PlayedStep(Shown):
    """An open step; `step` tells several of one node apart, `local` are the variables that only it sees."""

    step: int
    node: str
    name: str
    process: str
    kind: str
    automatic: bool
    properties: dict[str, str]
    form: Json | None
    local: Json
    ways: list[PlayedWay]


class PlayedClock(Shown):
    """A timer that runs, and when it falls due on the virtual clock."""

    node: str
    name: str
    process: str
    due: str


class PlayedRow(Shown):
    """A line of the trace."""

    at: str
    node: str
    event: str


class PlayedIncident(Shown):
    """Where a play is stuck, and why."""

    node: str
    code: str
    text: str


class Played(Shown):
    """Where a play stands: what has happened, what is open, what runs, and what else may happen. `stopped`: it was
    broken off because it went on too long."""

    status: Literal["open", "ended", "incident"]
    now: str
    stopped: bool
    trace: list[PlayedRow]
    incidents: list[PlayedIncident]
    open: list[str]
    variables: Json
    steps: list[PlayedStep]
    clocks: list[PlayedClock]
    ways: list[PlayedWay]


class CoveredCase(Shown):
    """An example case, and in what it does not come out as it says. `stopped`: its play took too long and was broken
    off, so that it may exercise more than is told."""

    name: str
    title: Json | None
    process: str
    status: Literal["open", "ended", "incident", "refused"]
    stopped: bool
    good: bool
    faults: list[Words]


class CoveredProcess(Shown):
    """The nodes, flows, timers and rows of decision tables (`<table>/<row>`) of a process, each with the cases that
    exercise it; `missing` are those that none does."""

    process: str
    name: str
    nodes: dict[str, list[str]]
    flows: dict[str, list[str]]
    timers: dict[str, list[str]]
    rules: dict[str, list[str]]
    missing: dict[str, list[str]]


class Coverage(Shown):
    """What the example cases of a draft exercise."""

    cases: list[CoveredCase]
    processes: list[CoveredProcess]


class HandlerTold(Shown):
    """A handler or guard that diagrams can name, and what it says of itself."""

    name: str
    kind: Literal["decide", "enact", "effect", "guard"]
    doc: str


class FunctionTold(Shown):
    """A function of the expression language, and what it gives."""

    name: str
    zh: str
    en: str


class Vocabulary(Shown):
    """What a diagram can call."""

    handlers: list[HandlerTold]
    functions: list[FunctionTold]


class Published(Shown):
    """A version that was published, and what to be warned of."""

    key: str
    hash: str
    in_force_from: str
    warnings: list[Words]


class Reason(Words):
    """Why matters stay, and how many."""

    code: str
    count: int


class NodeChoice(Shown):
    """A place of the new version, by its address."""

    node: str
    name: str


class NodeImpact(Shown):
    """The open matters at a place of a process: where they go and on what ground, how many can, stay, need a choice,
    are late, and would be late under the new limits. `exact`: counted, not by sample."""

    process: str
    node: str
    name: str
    to: str | None
    to_name: str | None
    ground: Literal["path", "same_id", "renamed", "chosen", "none"]
    count: int
    movable: int
    stays: int
    choose: int
    exact: bool
    choices: list[NodeChoice]
    late_now: int
    late_under_new_limits: int


class LateImpact(Shown):
    """Steps that are late, and those that would be if the new limits counted."""

    now: int
    under_new_limits: int
    exact: bool


class Impact(Shown):
    """What a version would do to the open matters of another."""

    to: str
    area: str
    open: int
    movable: int
    stays: int
    choose: int
    exact: bool
    late: LateImpact
    reasons: list[Reason]
    nodes: list[NodeImpact]


class MigrationCounts(Shown):
    """How many matters are not tried, can move, stay, have moved, are back, cannot go back."""

    waiting: int
    movable: int
    stays: int
    moved: int
    undone: int
    kept: int
    total: int


class MigrationProgress(Shown):
    """How far what is under way has come."""

    done: int
    of: int


class Migration(Shown):
    """Running matters that go over to another version."""

    id: int
    to: str
    area: str
    status: Literal["prepared", "trying", "running", "stopped", "done", "undoing", "undone"]
    revision: int
    created_by: Named | None
    started_by: Named | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    counts: MigrationCounts
    progress: MigrationProgress


class Migrations(Shown):
    """Migrations, the newest first."""

    migrations: list[Migration]


class WholeMigration(Migration):
    """A migration with where matters go (`from`: the place of the old version), what was chosen, and why some stay.
    `survey`: how it was when it was prepared or last changed."""

    mapping: list[NodeImpact]
    chosen: dict[str, dict[str, str]]
    survey: Json
    reasons: list[Reason]
    reported: bool


class MigrationMade(Shown):
    """The number of a new migration."""

    migration: int


class MigrationCase(Shown):
    """A matter of a migration; `reason` says why it stays, or `how` its new place was found."""

    matter: str
    title: str
    area: str
    status: Literal["waiting", "movable", "stays", "moved", "undone", "kept"]
    reason: Json | None
    record: int | None
    undo: int | None
    at: str


class MigrationCases(Listing):
    """A page of the matters of a migration."""

    rows: list[MigrationCase]


class MigrationReport(Shown):
    """The reports of the end and of going back, each with its signature."""

    migration: Json | None = None
    undo: Json | None = None
