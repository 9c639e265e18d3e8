"""Patrols, screenings and visits by plan (ZJ-16.1, ZJD-17.1, JS-16.2): on each working day the clock opens a case of
the procedure `patrol` for every plan that is due, a worker of the grid answers it, and a finding opens a matter.

Register `patrol_plan`, about a grid, kept by its township's agency: `kind` (see `KINDS`), `weekdays` (1
is Monday) or `every` (so many working days), `window` (when on the day), `route`, `role` (whose task it is), `begins`,
and `pack` (empty but for training). Register `patrol`, about a plan, one entry per plan and day, which holds on that
day: `day`, `grid`, `kind`, `outcome` (open, nothing_found, finding, not_done), how many were visited, and the `matter`
that came of it. Register `duty_statement`, about a township's agency: `text`, what its workers have to do, in versions.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from engine import cases, forms, records, registers
from engine.cases import Opening
from engine.directory import Actor, Unit
from engine.errors import Forbidden, Invalid, Refused
from engine.library import Pack, day_of
from engine.model import Value, replace
from engine.registers import Registered
from engine.work import MACHINE, Call, Thing, Work
from handlers import facts, governing, intake

PLAN, DONE, DUTIES = "patrol_plan", "patrol", "duty_statement"
PROCESS, START, WAY_IN = "patrol", "patrol_due", "patrol_found"
KINDS: Mapping[str, str] = {
    "regular": "巡查",
    "screening": "排查",
    "visit": "走访",
    "security": "治安巡逻",
    "care": "重点群体走访",
    "special_group": "特殊人群走访",
}
"""Security patrols: ZJ-17, ZJD-18; visits to groups in need: ZJ-19.2, ZJD-19.1; to special groups: ZJD-19.2."""

TO_PEOPLE = frozenset({"visit", "care", "special_group"})
"""Kinds in which people are visited."""

WORKER, PLANNER = "grid_worker", "duty_officer"
"""Who patrols, and who makes plans and writes down duties."""

FOUND = ("matter_type", "urgency", "area_kind")
TOLD = ("title", "description", "place", "photos")
"""What a finding says of the matter: choices, and words."""

VISITED = ("visited_households", "visited_enterprises")


class Plan(Value, frozen=True):
    """What a plan says: on which weekdays, or every how many working days; exactly one of them."""

    grid: str
    kind: str
    route: str
    weekdays: tuple[int, ...] = ()
    every: int = 0
    window: str = ""
    pack: str = ""


# -- plans and duties --------------------------------------------------------------------------------


def plan(work: Work, actor: Actor, given: Plan) -> Registered:
    """A new plan for a grid, from tomorrow on, so that its first patrol has its whole day. Raises `Forbidden` for who
    may not plan there, `Invalid` on a plan that says nothing or two things."""
    grid = work.directory.unit(given.grid)
    keeper = _keeper(work, actor, grid)
    _check(given)
    number = 1
    while any(registers.history(work, f"{PLAN}/{grid.id}-{number}")):
        number += 1
    body = {
        "kind": given.kind,
        "weekdays": sorted(given.weekdays),
        "every": given.every,
        "window": given.window,
        "route": given.route,
        "role": WORKER,
        "begins": (day_of(work.now) + timedelta(days=1)).isoformat(),
        "pack": given.pack,
    }
    name = f"{grid.id}-{number}"
    return registers.put(work, actor, PLAN, name, body, area=grid.area, unit=keeper.id, about=grid.id)


def end(work: Work, actor: Actor, name: str, reason: str) -> None:
    """No patrols by this plan after today. Raises `NotFound`, `Forbidden`."""
    known = registers.get(work, f"{PLAN}/{name}")
    _keeper(work, actor, work.directory.unit(known.about or ""))
    registers.end(work, actor, known.id, day_of(work.now), reason)


def state_duties(work: Work, actor: Actor, text: str) -> Registered:
    """What the workers of a township have to do, from today on (JS-16.2). Raises `Forbidden` but for the duty officer
    of a township's agency."""
    unit = work.directory.unit(actor.unit)
    if actor.role != PLANNER or unit.level != "township":
        raise _not_yours()
    return registers.put(work, actor, DUTIES, unit.id, {"text": text}, area=unit.area, unit=unit.id, about=unit.id)


def _keeper(work: Work, actor: Actor, grid: Unit) -> Unit:
    """The agency of the grid's township, whose duty officer makes its plans."""
    keeper = work.directory.agency_of(grid.area, "township")
    if keeper is None or (actor.role, actor.unit) != (PLANNER, keeper.id):
        raise _not_yours()
    return keeper


def _not_yours() -> Forbidden:
    return Forbidden(
        "patrol.not-yours",
        "巡查计划和网格员职责由网格所在镇（街道）机构的值班长制定。",
        "Plans of patrols and the duties of workers are made by the duty officer of the township's agency.",
    )


def _check(given: Plan) -> None:
    """Refuses a plan without kind or route, and one that does not say when."""
    rightly = (bool(given.weekdays) != bool(given.every)) and given.every >= 0
    if given.kind not in KINDS or not given.route.strip() or not rightly or not set(given.weekdays) <= set(range(1, 8)):
        raise Invalid(
            "patrol.plan",
            "请写明种类、路线，以及周几（1至7）或每隔几个工作日，两者择一。",
            "Give the kind, the route, and either weekdays (1 to 7) or every how many working days.",
        )


# -- what is due -------------------------------------------------------------------------------------


def due(work: Work) -> list[Thing]:
    """The plans of which a patrol is to be opened today: each once on each working day, by the clock."""
    today = day_of(work.now)
    if not work.calendar.is_workday(today):
        return []
    done = {one.about for one in registers.holding(work, DONE, day=today)}
    plans = registers.holding(work, PLAN, day=today)
    return [Thing(one.id, one.area) for one in plans if one.id not in done and _falls_on(work, one, today)]


def open_due(work: Work, thing: Thing) -> None:
    """Opens the patrol of today by a plan, unless another node has. Raises `Refused` where no law is in force, or where
    it has no patrols.

    A patrol has the office hours of one working day: opened as the day begins, its time is over when that day ends.
    """
    records.head(work.connection, thing.id)  # who plans are opened by waits for the others here
    work.after_waiting()
    today = day_of(work.now)
    if not registers.holding(work, DONE, day=today, about=thing.id):
        _open(work, registers.get(work, thing.id, today), today)


def _falls_on(work: Work, plan: Registered, day: date) -> bool:
    """Whether a plan is due on a working day. What falls on a day off is due on the next working day (reading)."""
    begins, calendar = date.fromisoformat(plan.body["begins"]), work.calendar
    if day < begins:
        return False
    if plan.body["every"]:
        worked = calendar.workdays_between(begins - timedelta(days=1), day)
        return bool((worked - 1) % plan.body["every"] == 0)
    before = calendar.nth_workday(calendar.workdays_until(day) - 1)
    since = max(begins, before + timedelta(days=1))
    days = {(since + timedelta(days=n)).isoweekday() for n in range((day - since).days + 1)}
    return not days.isdisjoint(plan.body["weekdays"])


def _open(work: Work, plan: Registered, day: date) -> None:
    pack = _pack(work, plan)
    about = {"grid": plan.about, "township": plan.unit, "patrol_kind": plan.body["kind"], "day": day.isoformat()}
    told = {"plan": plan.id, "route": plan.body["route"], "window": plan.body["window"]}
    read = forms.read(pack.forms[START], {**about, **told})
    opening = Opening(
        pack=pack.key,
        area=plan.area,
        unit=plan.unit,
        title=f"{day} {KINDS[plan.body['kind']]}",
        discovered_at=work.now,
        process=PROCESS,
        start=START,
        facts=read.routing,
        said=read.record,
        cause=plan.id,
    )
    case = cases.open_(work, MACHINE, opening)
    body = {"day": day.isoformat(), "grid": plan.about, "kind": plan.body["kind"], "outcome": "open"}
    _keep(work, MACHINE, plan, case, body)


def _pack(work: Work, plan: Registered) -> Pack:
    """The pack that governs a patrol: the law in force there, or in training another one."""
    pack = governing.pack(work, plan.area, day_of(work.now), plan.body["pack"] or None)
    if PROCESS not in pack.processes:
        raise Refused(
            "patrol.no-procedure",
            f"流程包“{pack.key}”没有巡查流程，巡查计划“{plan.id}”不能开启，请结束该计划或更换流程包。",
            f"The pack “{pack.key}” has no patrols: end the plan “{plan.id}”, or use another pack.",
        )
    return pack


def _keep(work: Work, actor: Actor, plan: Registered, case: int, body: Mapping[str, Any]) -> None:
    """The entry of one patrol: it holds on its day."""
    day = date.fromisoformat(body["day"])
    registers.put(
        work, actor, DONE, str(case), body, area=plan.area, unit=plan.unit, about=plan.id, case=case,
        valid_from=day, valid_to=day,
    )  # fmt: skip


# -- what came of it ---------------------------------------------------------------------------------


def visits(work: Work, call: Call) -> Mapping[str, Any]:
    """Guard of the step `patrol_grid`: of a visit it is on record how many were visited, and what people say."""
    if facts.of(work, call)["patrol_kind"] not in TO_PEOPLE or call.arguments["patrol_grid_outcome"] == "not_done":
        return {}
    if not any(call.arguments.get(name) for name in VISITED) or not call.arguments.get("opinions", "").strip():
        raise Refused(
            "patrol.visit",
            "请填写走访的户数或企业数，并记录社情民意（没有的写“无”）。",
            "Say how many households or enterprises were visited, and what people say (write “none” if nothing).",
            article=facts.cited(work, call, "JS-16.2"),
        )
    return {}


def record(work: Work, call: Call) -> Mapping[str, Any]:
    """Registers how a patrol ended. Enact handler."""
    entry = _entry(work, call)
    visited = {name: call.said[name] for name in VISITED if name in call.said}
    _change(work, call, entry, {"outcome": facts.of(work, call)["patrol_grid_outcome"], **visited})
    return {}


def report(work: Work, call: Call) -> Mapping[str, Any]:
    """Opens the matter that a patrol found, as reported by the worker who patrolled. Enact handler."""
    known, entry = facts.of(work, call), _entry(work, call)
    grid = work.directory.unit(known["grid"])
    worker = replace(call.actor, unit=grid.id, area=grid.area)  # also who stands in for one of this grid
    answer = {name: known[name] for name in FOUND} | {name: call.said[name] for name in TOLD if name in call.said}
    given = {
        "way_in": WAY_IN,
        "grid": grid.id,
        "answer": {**answer, "patrol_task": entry.id},
        "pack": registers.get(work, entry.about or "", entry.valid_from).body["pack"] or None,
        "cause": f"case/{call.case}",
    }
    matter = intake.report(work, worker, given)
    _change(work, call, entry, {"matter": f"case/{matter}"})
    return {}


def _entry(work: Work, call: Call) -> Registered:
    return next(registers.history(work, f"{DONE}/{call.case}"))


def _change(work: Work, call: Call, entry: Registered, told: Mapping[str, Any]) -> None:
    plan = registers.get(work, entry.about or "", entry.valid_from)
    _keep(work, call.actor, plan, call.case, {**entry.body, **told})
