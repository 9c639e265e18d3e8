"""One case goes over to another version, or back: its state by a recorded `Migrated`, and with it everything that is
kept beside the state. Steps keep their row, and so whoever holds them; due times run on; timers that are no more are
cancelled and new ones begin when what they belong to began.

What was changed is said in the record, so that going back can put it as it was.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import delete, select, update

from engine import records, tables, timers
from engine.casework import Case, Change, iso, role_of, take, unit_of
from engine.definition import Definition, Node
from engine.machine import WAITING, variables
from engine.migration.places import NoPlace
from engine.migration.proposal import How
from engine.migration.transfer import Transfer
from engine.migration.walk import Past, Told, births, unproven
from engine.model import Closed, Opened, State, Token
from engine.records import Entry, Migrated
from engine.work import MACHINE, Work

MIGRATED, UNDONE = "migrated", "migration-undone"
"""The kinds of the records."""

STOOD_STILL = frozenset({"suspension-granted", "resumption-granted", "suspension-ended"})
"""Records after which due times are no more what they were."""

_timer, _assignment, _incident = tables.timer.c, tables.assignment.c, tables.incident.c


def move(work: Work, id: int, transfer: Transfer, cause: str) -> tuple[How, int]:
    """A case goes over: how its new state was found, and the number of the record. Raises `NoPlace`, or `Refused` by
    the law of statuses, saying why it stays; then nothing must be committed."""
    case = take(work, id)
    _must_be_open(case)
    if case.row["pack"] != transfer.old.pack.key:
        transfer.name("")
    if records.proves(work.connection, id):
        raise unproven()
    proposals = transfer.proposals(case.row["definition"])
    proposal = proposals.propose(case.state, lambda: past(work, id))
    event = records.settled(Migrated(proposals.crossing.new.digest, proposal.state))
    moving = _Moving(case, proposals.crossing.new, event.state, transfer)
    moving.go()
    detail = {"from": transfer.old.pack.key, "to": transfer.pack.key, "how": proposal.how, **moving.told()}
    case.entries.append(Entry(MIGRATED, cause=cause, event=event, detail=detail))
    case.save()
    return proposal.how, int(case.row["records"])


def past(work: Work, id: int) -> Past:
    """What happened to a case, with the definition in force."""
    return [
        Told(told.record.at, work.library.definition(work.connection, told.definition), told.happened)
        for told in records.told(work.connection, id)
    ]


def _must_be_open(case: Case) -> None:
    if case.row["closed_at"]:
        raise NoPlace("migration.closed", "此事项已办结，无须迁移。", "This matter is closed: nothing to move.")


class _Moving:
    """A case on its way: first its state, then what is kept beside it."""

    def __init__(self, case: Case, definition: Definition, state: State, transfer: Transfer) -> None:
        self.case = case
        self.transfer = transfer
        self.old = (case.definition, case.state)
        case.row.update(pack=transfer.pack.key, definition=definition.digest)
        case.pack, case.definition, case.state = transfer.pack, definition, state
        case.sender = MACHINE
        self.steps: list[dict[str, Any]] = []
        self.opened = Change([], [])
        self.timers: dict[str, list[Any]] = {"cancelled": [], "changed": [], "armed": []}
        self.assignments: dict[str, list[Any]] = {"changed": [], "begun": []}

    def go(self) -> None:
        tracks = {token: self.track(*self.old, row) for token, row in self.case.steps.items()}
        units = {token: row["unit"] for token, row in self.case.steps.items()}
        for id, row in list(self.case.steps.items()):
            self.step(self.case.state.tokens[id], row)
        for token in self.case.state.tokens.values():
            if token.id not in self.old[1].tokens and token.mode == "waiting":
                self.open(token)
        self.run_timers()
        self.assign(tracks, units)
        rename_incidents(self.case, self.old[1])
        self.case.row["status"] = self.case.status()

    def told(self) -> dict[str, Any]:
        """What was changed, for the record."""
        return {
            "steps": self.steps,
            **({"opened": self.opened.opened} if self.opened.opened else {}),
            "timers": self.timers,
            "assignments": self.assignments,
            "status": self.case.row["status"],
        }

    # steps

    def step(self, token: Token, row: dict[str, Any]) -> None:
        """An open step as the new version has it: same row, same due time, and whoever holds it if they still can."""
        node, before = node_of(self.case.definition, self.case.state, token), node_of(*self.old, token)
        values = {
            "node": node.id,
            "name": node.name or node.id,
            "kind": node.kind,
            "lifecycle": node.properties.get("status"),
            **self.post(node, before, token, row),
        }
        changed = {name: value for name, value in values.items() if value != row[name]}
        self.steps.append({"step": token.id, "node": node.id, "was": {name: row[name] for name in changed}})
        self.case.change_step(row, **changed)

    def post(self, node: Node, before: Node, token: Token, row: Mapping[str, Any]) -> dict[str, Any]:
        """Role and unit where the new version says something else of them; and nobody, where its holder cannot."""
        names = variables(self.case.state, token.scope)
        role, unit = row["role"], row["unit"]
        if _said(node, "role_from", "role") != _said(before, "role_from", "role"):
            role = role_of(node, names)
        if _said(node, "unit") != _said(before, "unit"):
            unit = unit_of(node, names)
        return {"role": role, "unit": unit, "person": holder(self.case, row, role, unit)}

    def open(self, token: Token) -> None:
        """A step that is new in this version: its time begins now."""
        scope = self.case.state.scopes[token.scope]
        if self.case.definition.levels[scope.body].nodes[token.node].kind in WAITING:
            self.case.open_step(Opened(token.id, token.node, scope.id, scope.body), self.opened, [])

    # timers

    def run_timers(self) -> None:
        rows = _waiting_timers(self.case)
        for number, row in rows.items():
            if number not in self.case.state.clocks:
                self.timers["cancelled"].append(row["id"])
                self.case.timer_changes.append({"clock": number, "status": "cancelled"})
        for clock in self.case.state.clocks.values():
            node = self.case.timer_node(clock)
            if clock.id in rows:
                self.keep_timer(rows[clock.id], node)
            elif clock.id not in self.old[1].clocks:
                self.begin_timer(clock.id, clock.owner, node)

    def keep_timer(self, row: Mapping[str, Any], node: Node) -> None:
        timer = node.trigger.timer
        values = {"node": node.id, "period": timer.text if timer and timer.kind == "cycle" else None}
        was = {name: row[name] for name, value in values.items() if value != row[name]}
        if was:
            self.timers["changed"].append({"id": row["id"], "was": was})
            self.case.work.connection.execute(update(tables.timer).where(_timer.id == row["id"]).values(values))

    def begin_timer(self, clock: int, owner: int, node: Node) -> None:
        """It counts from when what it belongs to began; what has passed meanwhile has passed."""
        timer = node.trigger.timer
        begin = min(self.case.beginning(node), self.began(owner))
        if timer is None:
            return
        due = timers.due_at(timer, begin, self.case.pack.limits, self.case.work.calendar)
        if due is None:
            return
        self.timers["armed"].append(clock)
        self.case.new_timers.append(
            {
                "case": self.case.row["id"],
                "clock": clock,
                "node": node.id,
                "due_at": due + self.case.stood_still(begin),
                "period": timer.text if timer.kind == "cycle" else None,
                "status": "waiting",
            }
        )

    def began(self, owner: int) -> datetime:
        """When a token or scope came to be: its step says it, else the records do."""
        row = self.case.steps.get(owner)
        opened: datetime = row["opened_at"] if row else self.births.get(owner, self.case.work.now)
        return opened

    @cached_property
    def births(self) -> Mapping[int, datetime]:
        known = {*self.old[1].tokens, *self.old[1].scopes}
        found = births(past(self.case.work, self.case.row["id"]))
        return {id: at for id, at in found.items() if id in known}

    # whose turn it is

    def track(self, definition: Definition, state: State, row: Mapping[str, Any]) -> str:
        return state.scopes[state.tokens[row["token"]].scope].body

    def assign(self, tracks: Mapping[int, str], units: Mapping[int, str | None]) -> None:
        """Each unit keeps its assignment, with its clock, where its steps went together; the rest follows from what is
        open now, and has to be lawful."""
        before = {row["id"]: dict(row) for row in self.case.assignments.values()}
        for key, row in list(self.case.assignments.items()):
            self.rename_track(key, row, self.new_track(key, tracks, units))
        wanted = {
            (row["unit"], row.get("track") or self.case.track(row)): row["lifecycle"]
            for row in reversed(self.case.steps.values())
            if row["unit"] and row["lifecycle"]
        }
        for one in {**self.case.assignments, **wanted}:
            self.case.move_assignment(one, wanted.get(one), MIGRATED)
        for row in self.case.assignments.values():
            self.tell_assignment(row, before.get(row["id"]))

    def new_track(self, key: tuple[str, str], tracks: Mapping[int, str], units: Mapping[int, str | None]) -> str:
        here = [token for token, track in tracks.items() if (units[token], track) == key]
        ends = {self.case.track(self.case.steps[token]) for token in here}
        if here:
            return ends.pop() if len(ends) == 1 else key[1]
        scopes = self.old[1].scopes.values()
        alive = {scope.body: self.case.state.scopes[scope.id].body for scope in scopes if self.lives(scope.id)}
        return alive.get(key[1], key[1])

    def lives(self, scope: int) -> bool:
        return scope in self.case.state.scopes

    def rename_track(self, key: tuple[str, str], row: dict[str, Any], track: str) -> None:
        new = (key[0], track)
        if new != key and new not in self.case.assignments:
            del self.case.assignments[key]
            self.case.assignments[new] = row
            row["track"] = track
            self.case.work.connection.execute(
                update(tables.assignment).where(_assignment.id == row["id"]).values(track=track)
            )

    def tell_assignment(self, row: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
        if before is None or row["id"] is None:
            self.assignments["begun"].append([row["unit"], row["track"]])
            return
        was = {name: before[name] for name in ("track", "status", "closed_at") if before[name] != row[name]}
        if was:
            told = {name: iso(value) if name == "closed_at" else value for name, value in was.items()}
            self.assignments["changed"].append({"id": row["id"], "was": told})


# -- back --------------------------------------------------------------------------------------------


def undo(work: Work, id: int, record: int, cause: str) -> int:
    """A case goes back to where it was before a record moved it, as long as it has not moved on since. The number of
    the record. Raises `NoPlace` saying why it stays."""
    case = take(work, id)
    chain = list(records.chain(work.connection, case.subject))
    _must_stand_there(chain[record:])
    detail = chain[record - 1].detail
    state, hash = records.before(work.connection, id, record)
    event = records.settled(Migrated(hash, state))
    moved = case.state
    case.row.update(pack=detail["from"], definition=hash)
    case.pack, case.state = work.library.pack(work.connection, detail["from"]), event.state
    case.definition = work.library.definition(work.connection, hash)
    _Back(case, detail).go()
    rename_incidents(case, moved)
    case.row["status"] = case.status()
    told = {"from": detail["to"], "to": detail["from"], "undoes": record, "status": case.row["status"]}
    case.entries.append(Entry(UNDONE, cause=cause, event=event, detail=told))
    case.save()
    return int(case.row["records"])


def _must_stand_there(since: Iterable[records.Record]) -> None:
    for one in since:
        if one.event is not None:
            raise NoPlace(
                "migration.moved-on",
                "迁移之后此事项已继续办理，不能退回原版本。",
                "This matter has moved on since it was migrated: it cannot go back.",
            )
        if one.kind in STOOD_STILL:
            raise NoPlace(
                "migration.stood-still",
                "迁移之后此事项曾挂起或恢复办理，时限已变，不能退回原版本。",
                "This matter was suspended or resumed since: its due times are others now, and it cannot go back.",
            )


class _Back:
    """What a record says was changed, put as it was."""

    def __init__(self, case: Case, detail: Mapping[str, Any]) -> None:
        self.case = case
        self.detail = detail

    def go(self) -> None:
        for told in self.detail.get("opened", ()):
            self.case.close_step(MACHINE, Closed(told["step"], told["node"], "cancelled"), Change([], []))
        for told in self.detail["steps"]:
            self.step(self.case.steps[told["step"]], told["was"])
        self.run_timers(self.detail["timers"])
        self.assign(self.detail["assignments"])

    def step(self, row: dict[str, Any], was: Mapping[str, Any]) -> None:
        """Whoever has signed for it since keeps it, if they can."""
        after = {**row, **was}
        person = row["person"] or was.get("person")
        values = {**was, "person": person}
        if "role" in was or "unit" in was:
            values["person"] = holder(self.case, {**row, "person": person}, after["role"], after["unit"])
        self.case.change_step(row, **values)

    def run_timers(self, told: Mapping[str, list[Any]]) -> None:
        connection = self.case.work.connection
        again = update(tables.timer).where(_timer.id.in_(told["cancelled"]), _timer.status == "cancelled")
        connection.execute(again.values(status="waiting"))
        for one in told["changed"]:
            connection.execute(update(tables.timer).where(_timer.id == one["id"]).values(one["was"]))
        self.case.timer_changes += [{"clock": clock, "status": "cancelled"} for clock in told["armed"]]

    def assign(self, told: Mapping[str, list[Any]]) -> None:
        connection, case = self.case.work.connection, self.case.row["id"]
        for unit, track in told["begun"]:
            mine = _assignment.case == case, _assignment.unit == unit, _assignment.track == track
            connection.execute(delete(tables.assignment).where(*mine))
        for one in told["changed"]:
            was = dict(one["was"])
            if was.get("closed_at"):
                was["closed_at"] = datetime.fromisoformat(was["closed_at"])
            connection.execute(update(tables.assignment).where(_assignment.id == one["id"]).values(was))


# -- what both need ----------------------------------------------------------------------------------


def node_of(definition: Definition, state: State, token: Token) -> Node:
    """The node at which the token with this number stands in a state."""
    here = state.tokens[token.id]
    return definition.levels[state.scopes[here.scope].body].nodes[here.node]


def holder(case: Case, row: Mapping[str, Any], role: str | None, unit: str | None) -> str | None:
    """Whoever holds a step, if they can hold it under this role and unit."""
    person: str | None = row["person"]
    if person is None or (role, unit) == (row["role"], row["unit"]):
        return person
    return person if person in case.work.directory.holders(role or "", unit or "") else None


def rename_incidents(case: Case, before: State) -> None:
    """An incident names the node at which the case is stuck."""
    for token in case.state.tokens.values():
        if token.incident and token.id in before.tokens and before.tokens[token.id].node != token.node:
            stuck = _incident.case == case.row["id"], _incident.token == token.id, _incident.settled_at.is_(None)
            case.work.connection.execute(update(tables.incident).where(*stuck).values(node=token.node))


def _waiting_timers(case: Case) -> dict[int, dict[str, Any]]:
    query = select(tables.timer).where(_timer.case == case.row["id"], _timer.status == "waiting")
    return {row["clock"]: dict(row) for row in case.work.connection.execute(query).mappings()}


def _said(node: Node, *names: str) -> list[str | None]:
    return [node.properties.get(name) for name in names]
