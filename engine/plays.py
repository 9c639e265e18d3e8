"""Trying a pack out: one of its processes played on a virtual clock, told so that somebody sees what can be done next.

Nothing is stored: whoever plays sends all acts again each time, so going back is leaving the last one out.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from engine import iso8601
from engine.calendars import Calendar
from engine.definition import Definition, Node
from engine.errors import NotFound, Refused
from engine.machine import variables
from engine.player import AUTOMATIC, BEGINNING, Player, Waiting, Way
from engine.publishing import Folder

Actions = Sequence[Mapping[str, Any]]

MOST_ACTIONS = 1000
"""So many acts of one play are done at most."""


class Beginning(NamedTuple):
    """The start event, the facts it brings, and the actions that are left."""

    start: str
    facts: dict[str, Any]
    actions: Actions


def tried(
    folder: Folder,
    process: str,
    *,
    facts: Mapping[str, Any] | None = None,
    start: str | None = None,
    actions: Actions = (),
    at: datetime = BEGINNING,
    calendar: Calendar | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Does the acts in order and says where the process then stands: what `wangge play` prints, and `now`, the open
    `steps` with their forms, the `clocks` that run, the `ways` (what else may happen here), and whether the play was
    `stopped` because it went on too long. `enough` is asked between events. Handlers answer with what the acts give
    them, else with nothing; one whose errors the diagram knows waits at the end of the acts to be answered.

    Raises `NotFound` for a process or start event that is not there, `Refused` naming the act that cannot be done.
    """
    definition = definition_of(folder, process)
    begin = beginning(definition, start, facts or {}, actions)
    if len(begin.actions) > MOST_ACTIONS:
        raise Refused(
            "play.too-long",
            f"一次推演最多{MOST_ACTIONS}个操作，请减少后再试。",
            f"A play has at most {MOST_ACTIONS} acts: leave some out.",
        )
    player = in_time(
        lambda: Player(
            definition,
            facts=begin.facts,
            start=begin.start,
            at=at.astimezone(iso8601.ZONE),
            tables=folder.pack.decisions,
            limits=folder.pack.limits,
            calendar=calendar,
            enough=enough,
        ).follow(begin.actions)
    )
    return {"incidents": [], **result(player), **_next(folder, player)}


def in_time(play: Callable[[], Player]) -> Player:
    """A play that stays within the calendar. Raises `Refused` when it does not."""
    try:
        return play()
    except (OverflowError, ValueError) as error:
        raise Refused(
            "play.beyond-time",
            "推演的时间超出了日历范围。请检查开始时间、定时器和 advance。",
            "The play ran out of the calendar. Check the starting time, the timers and each advance.",
        ) from error


def definition_of(folder: Folder, process: str) -> Definition:
    """A process of a pack, by the name of its diagram or by its id, with all it calls. Raises `NotFound`."""
    if process in folder.drawn:
        return folder.drawn[process].definition
    for drawn in folder.drawn.values():
        if process in drawn.definition.processes:
            return Definition(process, drawn.definition.processes)
    raise unknown("process", process, list(folder.drawn), "流程", "process")


def beginning(definition: Definition, start: str | None, facts: Mapping[str, Any], actions: Actions) -> Beginning:
    """Where the play begins: at the event named; at the plain start event; at the one that catches the message or
    signal with which the script begins; else at the first start event. Raises `NotFound`."""
    events = {id: node for id, node in definition.process.body.nodes.items() if node.kind == "start"}
    if start and start not in events:
        raise unknown("start", start, list(events), "开始事件", "start event")
    if start:
        return Beginning(start, dict(facts), actions)
    if not events or any(node.trigger.kind == "none" for node in events.values()):
        return Beginning("", dict(facts), actions)
    first = actions[0] if actions else {}
    caught = next((id for id, node in events.items() if _catches(node, first)), None)
    if caught is None:
        return Beginning(next(iter(events)), dict(facts), actions)
    return Beginning(caught, {**facts, **first.get("facts", {})}, actions[1:])


def result(player: Player) -> dict[str, Any]:
    """The contract of `wangge play --json`; `incidents` is there only when there are some."""
    told = {"status": player.status, "trace": player.trace, "open": player.open, "variables": player.variables}
    return told | ({"incidents": player.incidents} if player.incidents else {})


def unknown(kind: str, name: str, known: Sequence[str], zh: str, en: str) -> NotFound:
    return NotFound(
        f"play.no-such-{kind}",
        f"没有{zh}“{name}”。现有：{'、'.join(known) or '无'}。",
        f"There is no {en} “{name}”. There are: {', '.join(known) or 'none'}.",
    )


def _catches(event: Node, action: Mapping[str, Any]) -> bool:
    return event.trigger.kind in ("message", "signal") and action.get(event.trigger.kind) == event.trigger.ref


# -- what can be done next ---------------------------------------------------------------------------


def _next(folder: Folder, player: Player) -> dict[str, Any]:
    ways = player.ways
    return {
        "now": player.now.isoformat(),
        "stopped": player.stopped,
        "steps": [_step(folder, player, one, [way for id, way in ways if id == one.id]) for one in player.waiting],
        "clocks": [{**_place(one), "due": due.isoformat()} for due, one in player.running],
        "ways": [_way(folder, way) for id, way in ways if not id],
    }


def _step(folder: Folder, player: Player, waiting: Waiting, ways: Sequence[Way]) -> dict[str, Any]:
    """An open step. `local` are the variables that only it sees, such as the unit it is about."""
    node, scope = waiting.node, player.state.tokens[waiting.id].scope
    return {
        **_place(waiting),
        "step": waiting.id,
        "kind": node.kind,
        "automatic": node.kind in AUTOMATIC,
        "properties": node.properties,
        "form": _form(folder, node),
        "local": {
            name: value
            for name, value in variables(player.state, scope).items()
            if name not in player.variables or player.variables[name] != value
        },
        "ways": [_way(folder, way) for way in ways],
    }


def _way(folder: Folder, way: Way) -> dict[str, Any]:
    return {"node": way.node.id, "name": way.node.name, "action": way.action, "form": _form(folder, way.node)}


def _place(waiting: Waiting) -> dict[str, Any]:
    return {"node": waiting.node.id, "name": waiting.node.name, "process": waiting.process}


def _form(folder: Folder, node: Node) -> dict[str, Any] | None:
    return folder.pack.forms.get(node.properties.get("form", ""))
