"""Patrols, screenings and visits by plan, and platforms for conflicts: ZJ-16, ZJD-17, JS-16.2; scenario 23."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from engine import directory, queries, registers
from engine.clock import Clock
from engine.directory import Actor
from engine.errors import Forbidden, Invalid, Refused
from engine.registers import Registered
from engine.work import Thing
from handlers import patrols
from handlers.city import FOUNDER
from handlers.patrols import Plan
from handlers.registry import DUTIES
from tests.articles.proof import Data, Edit, Patched, Setting, Without, article
from tests.places import Place

PACK = "zhenjiang/2026-01-01"
DRAFT, JIANGSU = "zhenjiang/2025-draft", "jiangsu/2021-01-01"
DIAGRAM, FORM = "shared/patrol/1/patrol.bpmn", "../../shared/patrol/1/forms/patrol_grid.json"
FINDING = {"patrol_grid_outcome": "finding", "matter_type": "corridor_clutter", "area_kind": "urban"}
TOLD = {"title": "楼道堆物", "description": "三楼过道堆放杂物", "place": "3幢2单元"}
ANYBODY_PLANS = Patched("handlers.patrols._keeper", lambda work, actor, _: work.directory.unit(actor.unit))
EVERY_DAY_IS_WORKED = Patched("engine.calendars.Calendar.is_workday", lambda *_: True)


def planner(place: Place) -> Actor:
    return place.actor(place.person("duty_officer", place.township), "duty_officer")


def planned(place: Place, **plan: Any) -> Registered:
    """A plan of the duty officer of the township for the grid: each working day, unless told otherwise."""
    given = {"kind": "regular", "route": "沿主路", **({} if "weekdays" in plan else {"every": 1}), **plan}
    pack = place.pack.key if place.pack.force != "law" else ""
    entry: Registered = place.act(patrols.plan, planner(place), Plan(grid=place.grid, pack=pack, **given))
    return entry


def live_through(place: Place, first: str, last: str) -> None:
    """Days begin one after the other; the clock beats twice as each of them does."""
    day = datetime.fromisoformat(f"{first}T00:00:05+08:00")
    while day.date() <= date.fromisoformat(last):
        place.now = day
        for _ in range(2):
            Clock(place.engine, duties=DUTIES).run_once(place.now)
        day += timedelta(days=1)


def patrolled(place: Place, entry: Registered) -> list[Registered]:
    """The patrols by a plan in 2026, the first first."""
    with place.engine.look() as work:
        days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
        return [one for day in days for one in registers.holding(work, "patrol", day=day, about=entry.id)]


def days(place: Place, entry: Registered) -> list[str]:
    return [one.body["day"][5:] for one in patrolled(place, entry)]


def opened(place: Place, **plan: Any) -> int:
    """The case of a plan that is made on Monday and due on Tuesday."""
    entry = planned(place, **plan)
    live_through(place, "2026-03-03", "2026-03-03")
    case = patrolled(place, entry)[0].case
    assert case is not None
    return case


def entry_of(place: Place, case: int) -> Registered:
    with place.engine.look() as work:
        return next(registers.history(work, f"patrol/{case}"))


def matter_of(place: Place, case: int) -> int:
    """The matter that came of a patrol."""
    body = entry_of(place, case).body
    assert "matter" in body
    return int(body["matter"].removeprefix("case/"))


# -- plans make tasks (ZJ-16.1, ZJD-17.1; scenario 23) ---------------------------------------------------


def tasks_come_on_working_days(place: Place) -> None:
    """Labour Day 2026: off from the 1st to the 5th of May, made up for on Saturday the 9th."""
    entry = planned(place)
    live_through(place, "2026-04-29", "2026-05-10")
    assert days(place, entry) == ["04-29", "04-30", "05-06", "05-07", "05-08", "05-09"]
    case = patrolled(place, entry)[-1].case
    assert case is not None
    row = place.step(case, "patrol_grid")
    assert (row.unit, row.role) == (place.grid, "grid_worker")


@article("ZJ-16.1", off=EVERY_DAY_IS_WORKED)
def test_a_plan_makes_one_task_on_each_working_day(place: Place) -> None:
    tasks_come_on_working_days(place)


@article("ZJD-17.1", off=EVERY_DAY_IS_WORKED, pack=DRAFT)
def test_a_plan_under_the_draft_makes_one_task_on_each_working_day(place: Place) -> None:
    tasks_come_on_working_days(place)


@article("ZJ-16.1", off=Patched("handlers.patrols._falls_on", lambda *_: True))
def test_screenings_come_on_their_weekday_or_every_so_many_working_days(place: Place) -> None:
    """A Monday that is off is made up for on the next working day (reading)."""
    monday, third = planned(place, kind="screening", weekdays=(1,)), planned(place, kind="screening", every=3)
    live_through(place, "2026-03-03", "2026-03-13")
    assert days(place, monday) == ["03-09"]
    assert days(place, third) == ["03-03", "03-06", "03-11"]
    live_through(place, "2026-04-27", "2026-05-11")
    assert days(place, monday)[1:] == ["04-27", "05-06", "05-11"]


@article("ZJ-16.1", off=Edit(DIAGRAM, 'wangge:limit="patrol_grid"', ""))
def test_a_patrol_that_was_missed_shows(place: Place) -> None:
    case = opened(place)
    assert place.step(case, "patrol_grid").due_at == datetime(2026, 3, 3, 18, tzinfo=place.now.tzinfo)
    place.pass_(hours=18)
    officer = planner(place)
    with place.engine.look() as work:
        late = queries.overdue(work, officer)
    assert [row["matter"]["id"] for row in late["rows"]] == [case]


def no_reason_wanted(form: dict[str, Any]) -> None:
    form["allOf"] = [rule for rule in form["allOf"] if rule["then"]["required"] != ["reason"]]


@article("ZJ-16.1", off=Data(FORM, no_reason_wanted))
def test_a_patrol_that_was_not_done_says_why(place: Place) -> None:
    case = opened(place)
    with pytest.raises(Invalid):
        place.complete(case, "patrol_grid", by=place.worker(), patrol_grid_outcome="not_done")
    place.complete(case, "patrol_grid", by=place.worker(), patrol_grid_outcome="not_done", reason="暴雨")
    assert (entry_of(place, case).body["outcome"], place.case(case).outcome) == ("not_done", "not_patrolled")


@article("ZJ-16.1", off=Without("patrol.record"))
def test_how_a_patrol_ended_is_on_record(place: Place) -> None:
    case = opened(place)
    assert entry_of(place, case).body["outcome"] == "open"
    place.complete(case, "patrol_grid", by=place.worker(), patrol_grid_outcome="nothing_found")
    assert entry_of(place, case).body["outcome"] == "nothing_found"
    assert place.case(case).outcome == "nothing_found"


def a_finding_becomes_a_matter(place: Place) -> None:
    case = opened(place)
    place.complete(case, "patrol_grid", by=place.worker(), **FINDING, **TOLD)
    matter = matter_of(place, case)
    first = place.records(matter)[0]
    assert (place.case(matter).way_in, place.case(matter).title) == ("patrol_found", "楼道堆物")
    assert (first.cause, first.actor) == (f"case/{case}", place.worker())
    with place.engine.look() as work:
        said = queries.matter(work, planner(place), matter)["said"]
    assert said["patrol_task"]["value"] == f"patrol/{case}"
    assert "verify" in place.steps(matter)


@article("ZJ-16.1", off=Without("patrol.report"))
def test_a_finding_opens_a_matter_that_names_its_patrol(place: Place) -> None:
    a_finding_becomes_a_matter(place)


@article("ZJD-17.1", off=Without("patrol.report"), pack=DRAFT)
def test_a_finding_under_the_draft_opens_a_matter_that_names_its_patrol(place: Place) -> None:
    a_finding_becomes_a_matter(place)


# -- duties and visits (JS-16.2) -------------------------------------------------------------------------


@article("JS-16.2", off=Without("patrol.visits"), pack=JIANGSU)
def test_a_visit_says_who_was_visited_and_what_people_say(place: Place) -> None:
    case = opened(place, kind="visit")
    visited: dict[str, Any] = {
        "patrol_grid_outcome": "nothing_found",
        "visited_households": 6,
        "visited_enterprises": 1,
    }
    with pytest.raises(Refused) as caught:
        place.complete(case, "patrol_grid", by=place.worker(), **visited)
    assert caught.value.article == "JS-16.2"
    with pytest.raises(Refused):
        place.complete(
            case, "patrol_grid", by=place.worker(), patrol_grid_outcome="nothing_found", opinions="希望增设路灯"
        )
    place.complete(
        case, "patrol_grid", by=place.worker(), **visited, opinions="希望增设路灯", service_needs="独居老人送餐"
    )
    body = entry_of(place, case).body
    assert (body["visited_households"], body["visited_enterprises"]) == (6, 1)


@pytest.mark.parametrize("place", [(PACK, ())], indirect=True)
@pytest.mark.parametrize("kind", ["security", "care", "special_group"])
def test_public_order_and_people_in_need_have_plans_of_their_own(place: Place, kind: str) -> None:
    """ZJ-17, ZJ-19.2; whoever visits people says whom, whoever patrols does not."""
    case = opened(place, kind=kind)
    assert place.facts(case)["patrol_kind"] == kind
    if kind == "security":
        place.complete(case, "patrol_grid", by=place.worker(), patrol_grid_outcome="nothing_found")
        return
    with pytest.raises(Refused) as caught:
        place.complete(case, "patrol_grid", by=place.worker(), patrol_grid_outcome="nothing_found")
    assert caught.value.code == "patrol.visit"


@article("JS-16.2", off=Patched("handlers.patrols.registers.put"), pack=JIANGSU)
def test_the_township_states_the_duties_of_its_workers_in_versions(place: Place) -> None:
    place.act(patrols.state_duties, planner(place), "每周走访一次")
    place.now += timedelta(days=10)
    place.act(patrols.state_duties, planner(place), "每周走访两次")
    with place.engine.look() as work:
        first = registers.get(work, f"duty_statement/{place.township}", date(2026, 3, 2))
        now = registers.get(work, f"duty_statement/{place.township}")
    assert (first.body["text"], now.body["text"]) == ("每周走访一次", "每周走访两次")


@article("JS-16.2", off=ANYBODY_PLANS, pack=JIANGSU)
def test_plans_of_visits_are_the_townships(place: Place) -> None:
    county = place.actor(place.person("duty_officer", place.county), "duty_officer")
    for stranger in (county, place.actor(place.worker())):
        with pytest.raises(Forbidden):
            place.act(patrols.plan, stranger, Plan(grid=place.grid, kind="visit", route="沿街商铺", every=1))
    assert planned(place, kind="visit").unit == place.township


# -- plans that say nothing, or end ----------------------------------------------------------------------

here = pytest.mark.parametrize("place", [(PACK, ())], indirect=True)


@here
@pytest.mark.parametrize(
    "plan", [{"every": 0}, {"every": 1, "weekdays": (1,)}, {"weekdays": (0,)}, {"route": " "}, {"kind": "walk"}]
)
def test_a_plan_says_what_where_and_when(place: Place, plan: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        planned(place, **plan)
    assert caught.value.code == "patrol.plan"


@here
def test_a_plan_that_has_ended_makes_no_more_tasks(place: Place) -> None:
    entry, other = planned(place), planned(place)
    assert [one.id for one in (entry, other)] == [f"patrol_plan/{place.grid}-{n}" for n in (1, 2)]
    live_through(place, "2026-03-03", "2026-03-04")
    place.act(patrols.end, planner(place), entry.id.removeprefix("patrol_plan/"), "路线已并入另一计划")
    live_through(place, "2026-03-05", "2026-03-05")
    assert (days(place, entry), days(place, other)) == (["03-03", "03-04"], ["03-03", "03-04", "03-05"])


@here
def test_two_clocks_open_one_patrol(place: Place) -> None:
    """Who comes second, and knew nothing of it when looking, finds it opened."""
    entry = planned(place)
    live_through(place, "2026-03-03", "2026-03-03")
    place.act(patrols.open_due, Thing(entry.id, entry.area))
    assert days(place, entry) == ["03-03"]


@here
def test_a_plan_begins_on_the_day_after_it_was_made(place: Place) -> None:
    planned(place)
    assert place.act(patrols.due) == []


@here
def test_who_stands_in_for_a_worker_reports_as_that_worker(place: Place) -> None:
    """A finding of the substitute is a finding in this grid, wherever the substitute's own post is."""
    case, substitute = opened(place), place.person("triage_officer", place.township)
    with place.engine.work() as work:
        directory.report_absence(
            work.connection, "ill", person=place.worker(), substitute=substitute, reason="sick_leave",
            valid_from=date(2026, 3, 3), by=FOUNDER, at=place.now,
        )  # fmt: skip
    with pytest.raises(Refused) as caught:
        place.complete(case, "patrol_grid", by=substitute, **FINDING, **TOLD)
    assert caught.value.code == "person.not-trained"
    with place.engine.work() as work:
        directory.record_training(
            work.connection, "trained", person=substitute, kind="pre_job", passed=True, given_by=place.township,
            valid_from=date(2026, 3, 3), by=FOUNDER, at=place.now,
        )  # fmt: skip
    place.complete(case, "patrol_grid", by=substitute, **FINDING, **TOLD)
    first = place.records(matter_of(place, case))[0]
    assert (first.kind, first.actor) == ("opened", substitute)


# -- platforms for conflicts (ZJ-16.2, ZJD-17.2) ---------------------------------------------------------

AGREED = {"mediation_outcome": "agreement", "mediation_kind": "people"}


def platforms(place: Place, *divisions: str) -> list[dict[str, str]]:
    """A dispatch to the platforms of these divisions, the first in the lead."""
    duties = ["lead", *("co_handler" for _ in divisions[1:])]
    return [
        {"unit": f"med-{division}", "duty": duty, "limit": "handle"}
        for division, duty in zip(divisions, duties, strict=True)
    ]


def sent(place: Place, *divisions: str) -> int:
    """A conflict that the township sends to the platforms of these divisions, signed for there."""
    case = place.report(place.worker(), matter_type="neighbour_dispute")
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    for node in ("register", "self_handle"):
        if node in place.steps(case):
            place.complete(case, node, by=place.worker(), urgency="ordinary", self_handle_outcome="cannot_handle")
    place.complete(case, "escalate", by=place.worker())
    place.complete(case, "triage", triage_outcome="dispatch", assignments=platforms(place, *divisions))
    for division in divisions:
        place.complete(case, "accept", unit=f"med-{division}")
    return case


def say_what_came_of_it(place: Place, case: int, node: str, unit: str, article: str) -> None:
    with pytest.raises(Refused) as caught:
        place.complete(case, node, unit=unit, handling_outcome="completed")
    assert (caught.value.code, caught.value.article) == ("mediation.no-outcome", article)
    place.complete(case, node, unit=unit, handling_outcome="completed", **AGREED)


def of_each_level(place: Place) -> tuple[str, str, str]:
    return f"c{place.grid[1:5]}", place.city.counties[0], place.city.townships[0]


@article("ZJ-16.2", off=Setting("mediation_platforms", []))
def test_conflicts_go_to_the_platform_of_each_level(place: Place) -> None:
    case = sent(place, *of_each_level(place))
    assert {row.unit for row in place.steps(case)["handle"]} == {f"med-{one}" for one in of_each_level(place)}


@article("ZJ-16.2", off=Without("mediation.outcome"))
def test_a_platform_says_what_the_mediation_led_to(place: Place) -> None:
    case = sent(place, place.city.townships[0])
    place.complete(case, "handle")
    say_what_came_of_it(place, case, "feedback", f"med-{place.city.townships[0]}", "ZJ-16.2")
    assert "check" in place.steps(case)


@article("ZJD-17.2", off=Setting("mediation_platforms", ["township"]), pack=DRAFT)
def test_conflicts_go_to_the_platform_of_the_township_or_the_station_of_a_village(place: Place) -> None:
    divisions = place.city.townships[0], f"c{place.grid[1:13]}"
    case = sent(place, *divisions)
    assert {row.unit for row in place.steps(case)["handle"]} == {f"med-{one}" for one in divisions}


@article("ZJD-17.2", off=Without("mediation.outcome"), pack=DRAFT)
def test_a_station_says_what_the_mediation_led_to(place: Place) -> None:
    village = f"c{place.grid[1:13]}"
    case = sent(place, village)
    say_what_came_of_it(place, case, "handle", f"med-{village}", "ZJD-17.2")
    assert "check" in place.steps(case)


@here
def test_other_departments_are_not_asked_for_a_mediation(place: Place) -> None:
    case = place.report(place.worker(), matter_type="other")
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    place.complete(case, "escalate", by=place.worker())
    units = [{"unit": place.department("housing"), "duty": "lead", "limit": "handle"}]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=units)
    for node in ("accept", "handle"):
        place.complete(case, node)
    place.complete(case, "feedback", handling_outcome="completed")
    assert "check" in place.steps(case)
