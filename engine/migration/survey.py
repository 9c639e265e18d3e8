"""What would become of the open cases of a version under another: where they are, how many could go over, how many
would stay and why, for which somebody has to choose, and how many would be late if their limits counted as the other
version has them (they do not: due times are carried over).

Cases that stand alike (same nodes, joins and rounds) are decided together, so that the time depends on how many ways
there are to stand and not on how many cases there are. Where the mapping of nodes has no answer, the past of a few
cases of each kind is walked through the new version: what follows from that is by sample, and `exact` says so. Every
other number is counted. The dry run asks each case.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from engine import limits, queries, tables
from engine.casework import BY_PEOPLE
from engine.checks.soundness import marking
from engine.definition import Node
from engine.errors import Invalid, Refused, Words
from engine.limits import Limit
from engine.migration.moving import past
from engine.migration.places import Target, named
from engine.migration.proposal import Proposals
from engine.migration.rebuild import leaves, standing
from engine.migration.transfer import Transfer
from engine.migration.walk import walk
from engine.model import State, decode
from engine.running import Running
from engine.work import Work

SAMPLE = 3
"""So many cases of each way to stand have their past walked."""

SAMPLES = 200
"""So many at most in all."""

CHUNK = 1_000

_case, _step = tables.case.c, tables.step.c


class Verdict(NamedTuple):
    """What becomes of cases that stand alike. `why`: why they stay, or that somebody has to choose."""

    moves: bool
    chooses: bool = False
    exact: bool = True
    why: tuple[str, Words] | None = None
    to: Mapping[str, str] = {}


class _Kind:
    """Cases that stand alike."""

    def __init__(self, definition: str, state: State) -> None:
        self.definition = definition
        self.state = state
        self.count = 0
        self.sample: list[int] = []


def open_cases(work: Work, pack: str, area: str) -> list[Any]:
    """What an open case of a version in an area is, as conditions of a query."""
    return [_case.closed_at.is_(None), _case.pack == pack, queries.inside(work.connection, _case.area, area)]


def survey(work: Work, transfer: Transfer, area: str) -> dict[str, Any]:
    """Per process and node where cases stand: how many, where they go and why, how many move, stay, need a choice, are
    late, and would be late. Plain JSON data."""
    found = _Survey(work, transfer)
    found.look(open_cases(work, transfer.old.pack.key, area))
    return found.told()


class _Survey:
    """The open cases, counted by how they stand."""

    def __init__(self, work: Work, transfer: Transfer) -> None:
        self.work = work
        self.transfer = transfer
        self.kinds: dict[object, _Kind] = {}
        self.late = _Late(work)
        self.sampled = 0

    # counting

    def look(self, which: Sequence[Any]) -> None:
        query = select(_case.id, _case.definition, _case.state).where(*which).execution_options(yield_per=CHUNK)
        for rows in self.work.connection.execute(query).partitions():
            states = {row.id: self.count(row) for row in rows}
            clocks = select(_step.case, _step.token, _step.opened_at, _step.due_at, _step.clock)
            here = _step.status == "open", _step.case.in_(states), _step.kind.in_(sorted(BY_PEOPLE))
            for step in self.work.connection.execute(clocks.where(*here)):
                self.time(*states[step.case], step)

    def count(self, row: Any) -> tuple[str, State]:
        state = decode(row.state, State)
        key = row.definition, marking(state)
        kind = self.kinds.setdefault(key, _Kind(row.definition, state))
        kind.count += 1
        if len(kind.sample) < SAMPLE:
            kind.sample.append(row.id)
        return row.definition, state

    def time(self, definition: str, state: State, step: Any) -> None:
        """A step's clock, counted as the node it goes to says. Without a node it goes to, as it is."""
        proposals = self.proposals(definition)
        if proposals is None or step.token not in state.tokens:
            return
        address = standing(state, state.tokens[step.token]).address
        to = proposals.crossing.target(address).to
        node = proposals.crossing.after[to].node if to else None
        self.late.step((self.transfer.name(definition), address), step, self.limit(node) if node else None)

    def limit(self, node: Node) -> Limit | None:
        key = node.properties.get("limit")
        return self.transfer.pack.limits.get(key) if key else None

    def proposals(self, definition: str) -> Proposals | None:
        try:
            return self.transfer.proposals(definition)
        except Refused:
            return None

    # deciding

    def decide(self, kind: _Kind) -> Verdict:
        try:
            proposals = self.transfer.proposals(kind.definition)
        except Refused as error:
            return Verdict(False, why=(error.code, error.words))
        try:
            proposals.by_node(kind.state)
        except Refused as error:
            return self.walked(kind, proposals, error)
        return Verdict(True)

    def walked(self, kind: _Kind, proposals: Proposals, error: Refused) -> Verdict:
        """What the mapping of nodes has no answer for: perhaps the past has."""
        ends = list(self.samples(kind, proposals))
        if ends and None not in ends:
            return Verdict(True, exact=kind.count <= len(ends), to=ends[0] or {})
        partly = any(ends)
        chooses = bool(proposals.lacking(kind.state))
        return Verdict(False, chooses, not partly and kind.count <= len(ends), (error.code, error.words))

    def samples(self, kind: _Kind, proposals: Proposals) -> Iterator[Mapping[str, str] | None]:
        for id in [] if proposals.is_chosen(kind.state) else kind.sample:
            if self.sampled >= SAMPLES:
                return
            self.sampled += 1
            yield self.end(id, proposals)

    def end(self, id: int, proposals: Proposals) -> Mapping[str, str] | None:
        """Where the past of a case leads, by address; None: nowhere."""
        state = decode(self.work.connection.execute(select(_case.state).where(_case.id == id)).scalar_one(), State)
        try:
            found = walk(proposals.unchosen, past(self.work, id), state)
        except Refused:
            return None
        return {
            standing(state, token).address: standing(found, found.tokens[token.id]).address for token in leaves(state)
        }

    # telling

    def told(self) -> dict[str, Any]:
        rows: dict[tuple[str, str], _Row] = {}
        sums, exact, reasons = Counter[str](), True, dict[str, tuple[Words, int]]()
        for kind in self.kinds.values():
            verdict = self.decide(kind)
            word = "movable" if verdict.moves else "choose" if verdict.chooses else "stays"
            sums[word] += kind.count
            exact = exact and verdict.exact
            if verdict.why:
                code, words = verdict.why
                reasons[code] = words, reasons.get(code, (words, 0))[1] + kind.count
            name = self.transfer.names.get(kind.definition, "")
            for address in dict.fromkeys(standing(kind.state, token).address for token in leaves(kind.state)):
                rows.setdefault((name, address), _Row()).add(kind.count, word, verdict, address)
        late, would, sure = self.late.total()
        return {
            "open": sum(kind.count for kind in self.kinds.values()),
            **{word: sums[word] for word in ("movable", "stays", "choose")},
            "exact": exact,
            "late": {"now": late, "under_new_limits": would, "exact": sure},
            "reasons": [{"code": code, "zh": words.zh, "en": words.en, "count": n} for code, (words, n) in
                        sorted(reasons.items(), key=lambda one: (-one[1][1], one[0]))],
            "nodes": [self.told_row(*key, row) for key, row in sorted(rows.items())],
        }  # fmt: skip

    def told_row(self, process: str, address: str, row: "_Row") -> dict[str, Any]:
        definition = self.transfer.old.drawn[process].definition.digest if process else ""
        proposals = self.proposals(definition)
        before = proposals.crossing.before[address].node if proposals else None
        target = self.target(proposals, address, row)
        after = proposals.crossing.after[target.to].node if proposals and target.to else None
        late, would = self.late.of((process, address))
        return {
            "process": process,
            "node": address,
            "name": named(before) if before else address,
            "to": target.to,
            "to_name": named(after) if after else None,
            "ground": target.ground,
            "count": row.counts.total(),
            **{word: row.counts[word] for word in ("movable", "stays", "choose")},
            "exact": row.exact,
            "choices": choices(proposals, address) if proposals else [],
            "late_now": late,
            "late_under_new_limits": would,
        }

    def target(self, proposals: Proposals | None, address: str, row: "_Row") -> Target:
        found = proposals.crossing.target(address) if proposals else Target(None, "none")
        return Target(row.to, "path") if found.to is None and row.to else found


def choices(proposals: Proposals, address: str) -> list[dict[str, str]]:
    """The places of the new version where what stands at a place could go."""
    crossing = proposals.crossing
    fitting = ((one, place) for one, place in crossing.after.items() if crossing.fits(address, one))
    return [{"node": one, "name": named(place.node)} for one, place in fitting]


class _Row:
    """What is told of one node."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        self.exact = True
        self.to: str | None = None

    def add(self, count: int, word: str, verdict: Verdict, address: str) -> None:
        self.counts[word] += count
        self.exact = self.exact and verdict.exact
        self.to = self.to or verdict.to.get(address)


class _Late:
    """Steps that are late, and steps that would be under other limits. A clock that was never stopped or lengthened is
    due the later the later it began: of those only the boundary is looked for."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.late = Counter[tuple[str, str]]()
        self.would = Counter[tuple[str, str]]()
        self.plain: dict[tuple[tuple[str, str], str], tuple[Limit, list[datetime]]] = {}
        self.exact = True
        self.settled = False

    def step(self, place: tuple[str, str], step: Any, limit: Limit | None) -> None:
        self.late[place] += step.due_at is not None and step.due_at < self.work.now
        if limit is None:
            return
        running = decode(step.clock, Running) if step.clock else Running(limit, step.opened_at)
        if running.pauses or running.extensions:
            self.would[place] += self.over(limit, running)
        else:
            self.plain.setdefault((place, limit.key), (limit, []))[1].append(running.start)

    def over(self, limit: Limit, running: Running) -> bool:
        try:
            due = limits.clock(limit, running.start, self.work.calendar, running.pauses, running.extensions)
        except Invalid:  # beyond the calendar that is known
            self.exact = False
            return False
        return due.due_at is not None and due.due_at < self.work.now

    def settle(self) -> None:
        if self.settled:
            return
        self.settled = True
        for (place, _), (limit, starts) in self.plain.items():
            self.would[place] += self.before_the_boundary(limit, sorted(starts))

    def before_the_boundary(self, limit: Limit, starts: Sequence[datetime]) -> int:
        def in_time(start: datetime) -> bool:
            return not self.over(limit, Running(limit, start))

        return bisect_left(starts, True, key=in_time)

    def of(self, place: tuple[str, str]) -> tuple[int, int]:
        self.settle()
        return self.late[place], self.would[place]

    def total(self) -> tuple[int, int, bool]:
        self.settle()
        return self.late.total(), self.would.total(), self.exact
