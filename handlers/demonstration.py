"""A demonstration city at work: matters come in, people act on their steps, time passes. Everything goes through the
same verbs as an API call; nothing is written into a table here.

Time is virtual and chance is seeded: the same plan, seed and pack give the same month on every machine. What is not
finished when the month ends stays where it is: overdue, stuck, disputed, suspended, in emergency.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from engine import cases, census
from engine.casework import Ask
from engine.clock import Clock
from engine.directory import Actor
from engine.errors import Conflict, Refused
from engine.library import Pack, day_of
from engine.model import Value
from engine.work import Engine, Work
from handlers import beside_matters, intake, messages, patrols, procedures, secrecy
from handlers.beside_matters import Start
from handlers.city import City
from handlers.registry import DUTIES

BEAT = timedelta(minutes=10)
"""So long after something fell due the virtual clock beats."""

NEVER = 0.04
"""The share of steps nobody gets round to: they become overdue and stay."""

WAYS_IN = {"discovered": 48, "patrol_found": 12, "request_received": 20}
OTHER_WAY = 10
"""How often matters come in by each way of the pack, beside each other."""

DISPATCHING = frozenset({"dispatch", "to_department"})
"""Outcomes that want to be told to whom."""

EXAMPLES = (
    "楼道堆物",
    "路面积水",
    "路灯不亮",
    "邻里噪声",
    "井盖松动",
    "垃圾堆放",
    "电动车飞线充电",
    "摊点占道",
    "水管漏水",
)
"""What matters are about: titles without persons."""


class Month(Value, frozen=True):
    """What happened in a demonstration: counts by name. `procedures` is how many there were beside matters,
    `by_procedure` by the event they began with."""

    matters: int
    procedures: int
    by_procedure: dict[str, int]
    by_status: dict[str, int]
    by_way_in: dict[str, int]
    by_outcome: dict[str, int]
    acts: dict[str, int]
    refused: int
    steps: int
    timers_fired: int
    lights: int
    overdue: int
    disputes: int
    emergencies: int
    records: int


class VirtualTime:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Demonstration:
    """One virtual month. `engine.now` has to be the `time` that is given."""

    def __init__(self, engine: Engine, time: VirtualTime, pack: Pack, city: City, seed: int) -> None:
        self.engine = engine
        self.time = time
        self.pack = pack
        self.city = city
        self.random = Random(seed)  # noqa: S311 - chance of a demonstration, nothing secret
        self.clock = Clock(engine)
        self.mornings = Clock(engine, duties=DUTIES)
        self.agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self.planned: set[int] = set()
        self.counter = 0
        self.forms = self.forms_by_node()
        self.beside = self.nodes_beside()
        self.offices = [f"dep-{city.agency.removeprefix('ga-')}-{key}" for key in pack.departments]
        self.acts: Counter[str] = Counter()
        self.fired = 0
        self.lights = 0

    def play(self, matters: int, until: datetime) -> Iterator[int]:
        """Plays the month; yields the number of matters opened so far, for a progress bar."""
        begin, span = self.time.now, until - self.time.now
        for _ in range(matters):
            self.plan(begin + span * (self.random.random() * 0.97), self.open_matter)
        if matters:
            self.plan_what_is_beside(begin, span)
        opened = 0
        while self.agenda and self.agenda[0][0] <= until:
            self.let_time_pass(self.agenda[0][0])
            at, _, act = heapq.heappop(self.agenda)
            self.time.now = at
            act()
            if self.acts["opened"] > opened:
                opened = self.acts["opened"]
                yield opened
        self.let_time_pass(until)
        self.time.now = until

    def let_time_pass(self, until: datetime) -> None:
        """Beats whenever something fell due by itself before `until`."""
        while True:
            with self.engine.look() as work:
                due = census.next_due(work.connection)
            if due is None or max(due, self.time.now) + BEAT > until:
                return
            self.beat(max(due, self.time.now) + BEAT)

    def beat(self, now: datetime) -> None:
        self.time.now = now
        beat = self.clock.run_once(now)
        self.fired += beat.fired
        self.lights += beat.announced
        if beat.fired or beat.announced:
            self.look_after_new_steps()

    def plan(self, at: datetime, act: Callable[[], None]) -> None:
        self.counter += 1
        heapq.heappush(self.agenda, (at, self.counter, act))

    def later(self, low: float, high: float, act: Callable[[], None]) -> None:
        """Plans an act some working hours from now, when offices are open."""
        with self.engine.look() as work:
            hours = timedelta(hours=self.random.uniform(low, high))
            self.plan(work.calendar.add_working_time(self.time.now, hours), act)

    def forms_by_node(self) -> dict[str, str]:
        """The form of each node of the pack's diagrams that has one."""
        with self.engine.look() as work:
            drawn = [work.library.definition(work.connection, hash) for hash in self.pack.processes.values()]
        nodes = (node for definition in drawn for _, node in definition.nodes())
        return {node.id: node.properties["form"] for node in nodes if "form" in node.properties}

    def nodes_beside(self) -> frozenset[str]:
        """The nodes of procedures, which are answered in a way of their own."""
        names = {procedure["process"] for procedure in self.pack.procedures.values()}
        with self.engine.look() as work:
            drawn = [work.library.definition(work.connection, self.pack.processes[name]) for name in sorted(names)]
        return frozenset(node.id for definition in drawn for _, node in definition.nodes())

    # -- what is beside matters

    def plan_what_is_beside(self, begin: datetime, span: timedelta) -> None:
        """Procedures over the month, patrols by plan, and each morning what the day brings by itself."""
        for day in range(span.days):
            self.plan(begin + timedelta(days=day, hours=-1), self.begin_day)
        for number, (kind, every) in enumerate(beside_matters.PLANS):
            self.plan(begin, partial(self.plan_patrols, number, kind, every))
        for round in range(beside_matters.ROUNDS):
            for start in beside_matters.starts(self.pack, self.city, round, begin):
                at = begin + span * (0.05 + self.random.random() * 0.6)
                self.plan(at, partial(self.begin_procedure, start))

    def begin_day(self) -> None:
        self.mornings.run_once(self.time.now)
        self.look_after_new_steps()

    def plan_patrols(self, number: int, kind: str, every: int) -> None:
        """The duty officer of a township plans patrols of one of its grids."""
        grid = self.city.grids[number % len(self.city.grids)]
        plan = patrols.Plan(grid=grid, kind=kind, route="沿主路和楼院", every=every, pack=self.pack.key)
        with self.engine.work() as work:
            agency = work.directory.agency_of(work.directory.unit(grid).area, "township")
            assert agency is not None  # noqa: S101 - the city has one in each township
            patrols.plan(work, self.actor(work, "duty_officer", agency.id), plan)

    def begin_procedure(self, start: Start) -> None:
        """Somebody begins a procedure; what the law or the moment forbids is counted and left."""
        form = self.pack.forms[self.pack.procedures[start.event]["form"]]
        words = self.filled(form, {**start.answer, **self.of_today(form)})
        try:
            with self.engine.work() as work:
                actor = self.actor(work, start.role, start.unit)
                case = procedures.begin(work, actor, start.event, words, about=start.about, pack=self.pack.key)
        except (Refused, Conflict) as refusal:
            self.acts[f"refused {refusal.code}"] += 1
            return
        self.acts[f"began {start.event}"] += 1
        self.attend(case)

    def of_today(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """A change is to take effect some days after it is proposed, so that everybody can be asked."""
        named = "effective_from" in form["properties"]
        return {"effective_from": (day_of(self.time.now) + timedelta(days=9)).isoformat()} if named else {}

    # -- matters come in

    def open_matter(self) -> None:
        grid = self.random.choice(self.city.grids)
        ways = list(self.pack.ways_in)
        way = self.random.choices(ways, [WAYS_IN.get(one, OTHER_WAY) for one in ways])[0]
        with self.engine.work() as work:
            actor = self.reporter(work, grid, way)
            case = intake.report(
                work, actor, {"way_in": way, "grid": grid, "pack": self.pack.key, "answer": self.report(way)}
            )
        self.acts["opened"] += 1
        self.attend(case)
        if self.random.random() < 0.04:
            self.later(1, 20, lambda: self.emergency(case))
        if self.random.random() < 0.04:
            self.later(4, 40, lambda: self.suspend(case))
        if self.random.random() < 0.015:
            self.later(2, 20, lambda: self.void(case))

    def reporter(self, work: Work, grid: str, way: str) -> Actor:
        through_worker = way == "request_received" and self.random.random() < 0.5
        if intake.by_worker(self.pack, way) or through_worker:
            return self.actor(work, "grid_worker", grid)
        agency = work.directory.agency_of(work.directory.unit(grid).area, "township")
        assert agency is not None  # noqa: S101 - the city has one in each township
        return self.actor(work, "duty_officer", agency.id)

    def report(self, way: str) -> dict[str, Any]:
        types = [*self.pack.items, "other"]
        title = self.random.choice(EXAMPLES)
        answer = {
            "title": title,
            "matter_type": self.random.choice(types),
            "urgency": "urgent" if self.random.random() < 0.1 else "ordinary",
            "area_kind": self.random.choice(("urban", "rural")),
            "has_requester": way.startswith("request"),
        }
        form = self.pack.forms[way]
        filled = self.filled(form, answer)
        if self.pack.items.get(filled["matter_type"], {}).get("pointer_only"):
            return {**secrecy.without_words(form, filled), secrecy.POINTER: "（演示）某室保密柜"}
        return filled

    # -- people act on their steps

    def attend(self, case: int) -> None:
        """Plans who acts when on each step of a case that is new."""
        with self.engine.look() as work:
            rows = [row for row in census.open_steps(work.connection, case) if row.id not in self.planned]
        for row in rows:
            if row.unit:
                self.planned.add(row.id)
                if self.random.random() >= NEVER:
                    self.schedule(row)

    def look_after_new_steps(self) -> None:
        with self.engine.look() as work:
            found = census.cases_with_new_steps(work.connection, self.time.now)
        for case in found:
            self.attend(case)

    def schedule(self, row: Any) -> None:
        """Most act well within the limit, some late."""
        share = self.random.uniform(0.1, 0.8) if self.random.random() < 0.88 else self.random.uniform(1.02, 1.6)
        with self.engine.look() as work:
            limit = (row.due_at - self.time.now) if row.due_at else timedelta(hours=8)
            at = work.calendar.add_working_time(self.time.now + max(limit, timedelta(minutes=30)) * share, timedelta())
        self.plan(at, lambda: self.act(row.case, row.id))

    def act(self, case: int, step: int) -> None:
        """Somebody whose step it is does something with it; what the law or the moment forbids is left."""
        try:
            with self.engine.work() as work:
                row = census.open_step(work.connection, step)
                if row is None:
                    return
                self.do(work, row)
        except (Refused, Conflict) as refusal:
            self.acts[f"refused {refusal.code}"] += 1
            if refusal.code in ("matter.suspended", "matter.emergency", "matter.disputed"):
                self.later(8, 24, lambda: self.act(case, step))
        self.attend(case)

    def do(self, work: Work, row: Any) -> None:
        actor = self.actor(work, row.role, row.unit)
        facts = cases.facts_at(work, row.case, row.token)
        unusual = UNUSUAL.get(row.node)
        if unusual is not None and self.random.random() < 0.22 and unusual(self, work, actor, row, facts):
            return
        cases.complete(work, actor, row.id, row.revision, self.answer(row, facts))
        self.acts[f"completed {row.node}"] += 1

    def answer(self, row: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
        """A plausible answer to a step: what the node usually leads to, and words for the rest."""
        usual = USUAL.get(row.node)
        form = self.pack.forms[self.form(row)]
        if row.node in self.beside:
            return self.filled(form, beside_matters.answer(form, facts, self.time.now, self.random))
        return self.filled(form, usual(self, row, facts) if usual else self.outcome(form, facts))

    def form(self, row: Any) -> str:
        return self.forms[row.node]

    def filled(self, form: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """The given values that the form has, and something in every other field it wants."""
        fields = form["properties"]
        answer = {name: value for name, value in given.items() if name in fields}
        for name in form.get("required", ()):
            if name not in answer and not fields[name].get("readOnly"):
                answer[name] = self.value(name, fields[name])
        return answer

    def value(self, name: str, field: Mapping[str, Any]) -> Any:
        if "enum" in field:
            return self.random.choice(field["enum"])
        if field.get("type") == "boolean":
            return self.random.random() < 0.9
        if field.get("format") == "date-time":
            return self.time.now.isoformat()
        if field.get("format") == "date":
            return self.time.now.date().isoformat()
        if field.get("x-wangge-id") == "unit":
            return self.random.choice(self.offices)
        return f"（演示）{field.get('title', name)}"

    def outcome(self, form: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
        """Any of the ways that a step leads on; to whom, where it leads to departments."""
        name = next((name for name in form["properties"] if name.endswith("_outcome")), None)
        if name is None:
            return {}
        chosen = self.random.choice(form["properties"][name]["enum"])
        return {name: chosen, **({"assignments": self.assignments(facts)} if chosen in DISPATCHING else {})}

    # -- what people usually decide

    def verify(self, row: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
        outcome = self.random.choices(("substantiated", "unsubstantiated", "cannot_verify"), (88, 8, 4))[0]
        return {"verify_outcome": outcome}

    def self_handle(self, row: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {"self_handle_outcome": self.random.choices(("handled", "cannot_handle"), (60, 40))[0]}

    def triage(self, row: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
        outcome = self.random.choices(("dispatch", "coordinate", "verify_again", "ask_higher"), (80, 14, 3, 3))[0]
        if outcome not in self.pack.forms["triage"]["properties"]["triage_outcome"]["enum"]:
            outcome = "dispatch"
        return {
            "triage_outcome": outcome,
            **({"assignments": self.assignments(facts)} if outcome == "dispatch" else {}),
        }

    def assignments(self, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The departments the decision table proposes, where they exist, else any."""
        county = facts["agency"].split("-", 1)[1][:7]
        wanted = [facts.get("lead_department"), *(facts.get("co_handlers") or [])]
        known = [key for key in wanted if key in self.pack.departments] or [
            self.random.choice(list(self.pack.departments))
        ]
        units = list(dict.fromkeys(f"dep-{county}-{key}" for key in known))[:2]
        limit = facts.get("handling_limit") or "handle"
        return [{"unit": unit, "duty": "co_handler" if n else "lead", "limit": limit} for n, unit in enumerate(units)]

    def feedback(self, row: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {"handling_outcome": self.random.choices(("completed", "not_completed"), (95, 5))[0]}

    def check(self, row: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
        outcome = self.random.choices(("passed", "rework", "retriage"), (90, 7, 3))[0]
        again = [{**one, "limit": "rework"} for one in facts.get("assignments") or []]
        if outcome == "rework" and not again:
            outcome = "passed"
        return {"check_outcome": outcome, **({"assignments": again} if outcome == "rework" else {})}

    def inform(self, row: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
        words = {"channel": "telephone", "informed_at": self.time.now.isoformat(), "content": "（演示）告知内容"}
        if self.random.random() < 0.06:
            return {"inform_outcome": "cannot_be_informed", "reason": "（演示）未留联系方式"}
        return {"inform_outcome": "informed", **words}

    def close(self, row: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
        late = row.opened_at is not None and self.random.random() < 0.1
        return {"closing_kind": "overdue" if late else "normal", "summary": "（演示）办结情况"}

    def mediate(self, row: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
        agreed = self.random.random() < 0.6
        decider = self.random.choice(("party_committee", "government"))
        how = {"decided_unit": facts["unit"]} if agreed else {"decider": decider}
        return {"mediate_outcome": "agreed" if agreed else "failed", **how}

    def decide(self, row: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {"decided_unit": facts["unit"]}

    # -- what people sometimes do instead

    def at_accept(self, work: Work, actor: Actor, row: Any, facts: Mapping[str, Any]) -> bool:
        verb = self.random.choices(("return", "dispute", "claim"), (40, 40, 20))[0]
        if verb == "claim":
            cases.claim(work, actor, row.id, row.revision)
            self.later(1, 6, lambda: self.act(row.case, row.id))
        else:
            cases.escalate(work, actor, row.id, row.revision, verb, self.filled(self.pack.forms[verb], {}))
        self.acts[verb] += 1
        return True

    def at_handle(self, work: Work, actor: Actor, row: Any, facts: Mapping[str, Any]) -> bool:
        if row.due_at is None or row.due_at <= self.time.now:
            return False
        asked = Ask("extension", "（演示）需要更多时间", row.id, amount=2, unit="working_day")
        request = cases.ask(work, actor, row.case, asked)
        self.acts["extension asked"] += 1
        self.later(1, 6, lambda: self.settle(request, "decide_extension", row.case))
        self.later(10, 30, lambda: self.act(row.case, row.id))
        return True

    def settle(self, request: int, permission: str, case: int) -> None:
        """Somebody who may decides a request."""
        self.attempt(
            permission,
            lambda work, actor: cases.decide(work, actor, request, self.random.random() < 0.85, "（演示）"),
            case,
        )
        self.acts[permission] += 1

    def suspend(self, case: int) -> None:
        ask = Ask("suspension", "（演示）等待季节性施工", ground="（演示）季节", ceiling_days=30)
        request = self.ask(case, ask)
        if request is not None:
            self.later(1, 4, lambda: self.settle(request, "decide_suspension", case))
            if self.random.random() < 0.5:
                self.later(16, 40, lambda: self.resume(case))

    def resume(self, case: int) -> None:
        request = self.ask(case, Ask("resumption", "（演示）条件已具备"))
        if request is not None:
            self.later(1, 4, lambda: self.settle(request, "decide_resumption", case))

    def void(self, case: int) -> None:
        request = self.ask(case, Ask("void", "（演示）重复登记"))
        if request is not None:
            self.later(1, 4, lambda: self.settle(request, "decide_void", case))

    def ask(self, case: int, asked: Ask) -> int | None:
        found: list[int] = []
        self.attempt("ask", lambda work, actor: found.append(cases.ask(work, actor, case, asked)), case)
        return found[0] if found else None

    def emergency(self, case: int) -> None:
        if "emergency" not in self.pack.forms:
            return
        answer = self.filled(self.pack.forms["emergency"], {"emergency_type": "hazard", "reporter": "agency"})
        self.attempt("ask", lambda work, actor: messages.send(work, actor, case, "emergency", answer), case)
        self.attend(case)
        if self.random.random() < 0.25:
            self.later(2, 6, lambda: self.revoke(case))

    def revoke(self, case: int) -> None:
        answer = self.filled(self.pack.forms["emergency_revoked"], {})
        self.attempt("ask", lambda work, actor: messages.send(work, actor, case, "emergency_revoked", answer), case)
        self.attend(case)

    def attempt(self, permission: str, act: Callable[[Work, Actor], Any], case: int) -> None:
        """Lets a duty officer of the case's agency do something; what is forbidden now is counted and left."""
        try:
            with self.engine.work() as work:
                unit = census.unit_of(work.connection, case)
                roles = [key for key, role in self.pack.roles.items() if permission in role.permissions] or [
                    "triage_officer"
                ]
                act(work, self.actor(work, roles[0] if permission != "ask" else "triage_officer", unit))
        except (Refused, Conflict) as refusal:
            self.acts[f"refused {refusal.code}"] += 1

    def actor(self, work: Work, role: str | None, unit: str) -> Actor:
        """Somebody who holds the role in the unit; without a role, anybody of the unit."""
        held = ((key, work.directory.holders(key, unit)) for key in ([role] if role else self.pack.roles))
        role, people = next(((key, people) for key, people in held if people), ("", []))
        if not people:
            raise Refused("demonstration.nobody", f"{unit}没有{role}。", f"Nobody is {role} in {unit}.")
        person = self.random.choice(people)
        return next(a for a in work.directory.actors(person) if a.role == role and a.unit == unit)

    # -- what came of it

    def month(self) -> Month:
        """Counts of what is in the database now."""
        with self.engine.look() as work:
            counts = census.totals(work.connection, self.time.now)
        return Month(
            **counts,
            acts={name: n for name, n in sorted(self.acts.items()) if not name.startswith("refused")},
            refused=sum(n for name, n in self.acts.items() if name.startswith("refused")),
            lights=self.lights,
        )


USUAL: Mapping[str, Callable[[Demonstration, Any, Mapping[str, Any]], dict[str, Any]]] = {
    "verify": Demonstration.verify,
    "self_handle": Demonstration.self_handle,
    "triage": Demonstration.triage,
    "feedback": Demonstration.feedback,
    "check": Demonstration.check,
    "inform": Demonstration.inform,
    "inform_void": Demonstration.inform,
    "close": Demonstration.close,
    "mediate": Demonstration.mediate,
    "decide": Demonstration.decide,
    "decide_by_party_committee": Demonstration.decide,
    "decide_by_government": Demonstration.decide,
}
UNUSUAL: Mapping[str, Callable[[Demonstration, Work, Actor, Any, Mapping[str, Any]], bool]] = {
    "accept": Demonstration.at_accept,
    "handle": Demonstration.at_handle,
}
