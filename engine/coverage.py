"""What the example cases of a pack exercise: which nodes and flows they pass, which timers fire, which rows of decision
tables decide, and what none of them touches. A case is also held to what it expects of itself.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.calendars import Calendar
from engine.definition import Body, Definition, Flow, Level, Node, Process
from engine.errors import WanggeError, Words
from engine.machine import Evaluate, advance
from engine.model import Began, Completed, Event, Facts, Passed, State, replace
from engine.player import Player
from engine.plays import definition_of, in_time
from engine.publishing import Folder
from engine.renames import flows, nodes, processes

KINDS = ("nodes", "flows", "timers", "rules")

LEFT = frozenset({"completed", "caught", "fired"})
"""What a trace says of a node when a token goes on from it; events that begin something are only caught."""


class Run(NamedTuple):
    """An example case that was played: as far as it came, and what is not as it says."""

    name: str
    case: Mapping[str, Any]
    player: Player | None
    faults: tuple[Words, ...]


Id = tuple[str, str]
"""A process and the id of something in it; of a row, `<table>/<row>`."""


class Touched(NamedTuple):
    """What a play exercised."""

    nodes: frozenset[Id]
    flows: frozenset[Id]
    timers: frozenset[Id]
    rules: frozenset[Id]


def coverage(folder: Folder, enough: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Plays every example case. `cases`: each with what is not as it expects. `processes`: for each its `nodes`,
    `flows`, `timers` and `rules` (rows of the tables it asks, `<table>/<row>`) by id, with the names of the cases that
    exercise them, and under `missing` those that none does. `enough` is asked between events."""
    ran = runs(folder, enough=enough)
    touched = {run.name: exercised(run.player) for run in ran if run.player is not None}
    return {
        "cases": [_case(run) for run in ran],
        "processes": [_covered(folder, process, touched) for process in processes(folder).values()],
    }


def runs(folder: Folder, calendar: Calendar | None = None, enough: Callable[[], bool] = lambda: False) -> list[Run]:
    """Every example case of a pack, played. A name that occurs again gets a number."""
    seen: Counter[str] = Counter()
    found = []
    for number, case in enumerate(folder.examples, 1):
        one = run(folder, case, number, calendar, enough)
        seen[one.name] += 1
        found.append(one if seen[one.name] == 1 else one._replace(name=f"{one.name} ({seen[one.name]})"))
    return found


def run(
    folder: Folder,
    case: Any,
    number: int = 1,
    calendar: Calendar | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Run:
    """Plays an example case: its acts in order, handlers answering at once. Whatever it holds, nothing is raised."""
    if not isinstance(case, dict) or not _is_case(case):
        words = Words(
            "案例应写明 name、process、start（event、facts）和 actions，请对照其他案例。",
            "A case has to say name, process, start (event, facts) and actions: compare with other cases.",
        )
        return Run(f"{number}", {}, None, (words,))
    name = str(case.get("name", number))
    try:
        player = in_time(lambda: _played(folder, case, calendar, enough))
    except WanggeError as error:
        return Run(name, case, None, (error.words,))
    return Run(name, case, player, _judged(case.get("expect", {}), player))


def _played(folder: Folder, case: Mapping[str, Any], calendar: Calendar | None, enough: Callable[[], bool]) -> Player:
    player = Player(
        definition_of(folder, case["process"]),
        facts=case["start"].get("facts"),
        start=case["start"].get("event", ""),
        tables=folder.pack.decisions,
        limits=folder.pack.limits,
        calendar=calendar,
        enough=enough,
    )
    player.do(case["actions"])
    player.settle_automatic()
    return player


def _is_case(case: Mapping[str, Any]) -> bool:
    start, actions = case.get("start"), case.get("actions")
    return (
        isinstance(case.get("process"), str)
        and isinstance(start, dict)
        and isinstance(start.get("event", ""), str)
        and isinstance(start.get("facts", {}), dict)
        and isinstance(actions, list)
        and all(isinstance(action, dict) for action in actions)
        and isinstance(case.get("expect", {}), dict)
    )


# -- as recorded -------------------------------------------------------------------------------------


def _judged(expected: Mapping[str, Any], player: Player) -> tuple[Words, ...]:
    try:
        return tuple(_faults(expected, player))
    except (AttributeError, TypeError):
        return (
            Words("案例的 expect 写法不对，请对照其他案例。", "`expect` has another shape: compare with other cases."),
        )


def _faults(expected: Mapping[str, Any], player: Player) -> Iterator[Words]:
    """In what a play differs from what its case expects."""
    for incident in player.incidents:
        yield Words(f"“{incident['node']}”出现异常：{incident['text']}", f"Incident at “{incident['node']}”.")
    entered = Counter(row["node"] for row in player.trace if row["event"] == "entered")
    passed = {row["node"] for row in player.trace}
    if player.stopped:
        yield Words("推演太久，未完成。", "The play took too long and was broken off.")
    if "status" in expected and player.status != expected["status"]:
        yield _differs("结束状态", "status", expected["status"], player.status)
    if player.status != "open" and player.open:
        yield _differs("未办环节", "open steps", [], player.open)
    if "end" in expected and entered[expected["end"]] != 1:
        yield _differs("到达结束事件的次数", "times the end was reached", 1, entered[expected["end"]])
    for node in [node for node in expected.get("visited", ()) if node not in passed]:
        yield Words(f"没有经过“{node}”。", f"“{node}” was not passed.")
    for node in [node for node in expected.get("not_visited", ()) if node in passed]:
        yield Words(f"经过了“{node}”。", f"“{node}” was passed.")
    for node, count in expected.get("counts", {}).items():
        if entered[node] != count:
            yield _differs(f"经过“{node}”的次数", f"times “{node}” was passed", count, entered[node])
    for name, value in expected.get("variables", {}).items():
        if player.variables.get(name) != value:
            yield _differs(f"变量“{name}”", f"variable “{name}”", value, player.variables.get(name))


def _differs(zh: str, en: str, expected: object, found: object) -> Words:
    return Words(f"{zh}应为 {expected}，实际为 {found}。", f"{en}: expected {expected}, found {found}.")


def _case(run: Run) -> dict[str, Any]:
    title = run.case.get("title")
    return {
        "name": run.name,
        "title": title if isinstance(title, dict) else None,
        "process": run.case.get("process", ""),
        "status": run.player.status if run.player else "refused",
        "stopped": run.player is not None and run.player.stopped,
        "good": not run.faults,
        "faults": [{"zh": fault.zh, "en": fault.en} for fault in run.faults],
    }


# -- what was touched --------------------------------------------------------------------------------


def _covered(folder: Folder, process: Process, touched: Mapping[str, Touched]) -> dict[str, Any]:
    told = {
        kind: {id: [name for name, one in touched.items() if (process.id, id) in getattr(one, kind)] for id in ids}
        for kind, ids in _all(folder, process).items()
    }
    missing = {kind: [id for id, names in told[kind].items() if not names] for kind in KINDS}
    return {"process": process.id, "name": process.name, **told, "missing": missing}


def _all(folder: Folder, process: Process) -> dict[str, list[str]]:
    """Everything of a process that can be exercised."""
    drawn = {id: node for id, (_, node) in nodes(process).items()}
    asked = dict.fromkeys(node.decision for node in drawn.values() if node.decision in folder.pack.decisions)
    return {
        "nodes": list(drawn),
        "flows": list(flows(process)),
        "timers": [id for id, node in drawn.items() if node.trigger.timer],
        "rules": [f"{table}/{rule.id}" for table in asked for rule in folder.pack.decisions[table].rules],
    }


def exercised(player: Player) -> Touched:
    """What a play passed: its events once more, on the same process with ids that name their process, because two
    processes may use the same id."""
    definition, root = _told_apart(player.definition), player.definition.root
    levels = {id: level for level in definition.levels.values() for id in level.nodes}
    watch, state, trace = _Watch(), State(), list[Passed]()
    rules = set[Id]()
    for event in player.events:
        if isinstance(event, Began) and event.start:
            event = replace(event, start=_apart(root, event.start))
        rules |= set(_rules(levels, state, event))
        state, effects = advance(definition, state, event, watch)
        step = [effect for effect in effects if isinstance(effect, Passed)]
        watch.taken |= set(_taken(levels, step))
        trace += step
    return Touched(
        frozenset(_id(passed.node) for passed in trace),
        frozenset(map(_id, watch.taken)),
        frozenset({*(_id(passed.node) for passed in trace if passed.what == "fired"), *_begun(root, player.events)}),
        frozenset(rules),
    )


class _Watch(Evaluate):
    """Chooses as a running case does, and notes the flows chosen."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def one(self, names: Facts, node: Node, flows: tuple[Flow, ...]) -> Flow | None:
        found = super().one(names, node, flows)
        self.taken |= {found.id} if found else set()
        return found

    def some(self, names: Facts, node: Node, flows: tuple[Flow, ...]) -> tuple[Flow, ...]:
        found = super().some(names, node, flows)
        self.taken |= {flow.id for flow in found}
        return found


def _taken(levels: Mapping[str, Level], step: Sequence[Passed]) -> Iterator[str]:
    """The flows on which tokens went on without having to choose, in what was passed at one event. An activity that
    repeats for nothing at all is not exercised, nor is the way out of it."""
    came = {passed.node: number for number, passed in enumerate(step) if passed.what != "completed"}
    for number, passed in enumerate(step):
        level = levels[passed.node]
        if passed.what in LEFT and passed.node not in level.choosing:
            node = level.nodes[passed.node]
            sure = node.loop is None and node.kind != "event_gateway"
            yield from (flow.id for flow in level.out[node.id] if sure or came.get(flow.target, -1) > number)


def _rules(levels: Mapping[str, Level], state: State, event: Event) -> Iterator[Id]:
    """The rows that a decision was taken by."""
    token = state.tokens.get(event.step) if isinstance(event, Completed) and event.matched else None
    if token is not None and isinstance(event, Completed):
        process, _ = _id(token.node)
        decision = levels[token.node].nodes[token.node].decision
        yield from ((process, f"{decision}/{rule}") for rule in event.matched)


def _begun(root: str, events: Sequence[Event]) -> Iterator[Id]:
    """The start event with which a play begins: it may be one that a timer triggers."""
    yield from ((root, event.start) for event in events[:1] if isinstance(event, Began))


# -- ids that name their process ---------------------------------------------------------------------

BETWEEN = "\t"


def _apart(process: str, id: str) -> str:
    return f"{process}{BETWEEN}{id}" if id else ""


def _id(apart: str) -> Id:
    process, _, id = apart.partition(BETWEEN)
    return process, id


def _told_apart(definition: Definition) -> Definition:
    """The same definition, with the process in the id of every node and flow."""
    processes = definition.processes.items()
    return replace(definition, processes={id: replace(one, body=_body(one.body, id)) for id, one in processes})


def _body(body: Body, process: str) -> Body:
    nodes = [_node(node, process) for node in body.nodes.values()]
    flows = [
        replace(
            flow, id=_apart(process, flow.id), source=_apart(process, flow.source), target=_apart(process, flow.target)
        )
        for flow in body.flows.values()
    ]
    return Body({node.id: node for node in nodes}, {flow.id: flow for flow in flows})


def _node(node: Node, process: str) -> Node:
    def apart(ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(_apart(process, id) for id in ids)

    return replace(
        node,
        id=_apart(process, node.id),
        incoming=apart(node.incoming),
        outgoing=apart(node.outgoing),
        boundaries=apart(node.boundaries),
        default=_apart(process, node.default),
        host=_apart(process, node.host),
        body=_body(node.body, process) if node.body else None,
    )
