"""Indicators on both databases, against numbers counted by hand from a few stories; what is granted makes nobody late,
and everybody sees their own."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from engine import cases, census, indicators
from engine.casework import Ask
from engine.directory import Actor
from engine.errors import Invalid
from engine.indicators import INDICATORS, Asked
from engine.publishing import PACKS
from engine.store import Store
from handlers import evaluation, patrols
from handlers.patrols import Plan
from tests.places import Place, read, settle

PACK = "zhenjiang/2026-01-01"
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
SIMPLE = "handle_simple"  # one working day


@pytest.fixture
def place(store: Store) -> Place:
    folder = read(PACKS / PACK)
    return Place(store, folder.pack, settle(store, folder))


def officer(place: Place, agency: str = "", role: str = "duty_officer") -> Actor:
    return place.actor(place.person(role, agency or place.township), role)


def figures(place: Place, actor: Actor | None = None, **asked: Any) -> dict[str, Any]:
    """What the indicators say to somebody: the duty officer of the township, of March, unless said."""
    who = actor or officer(place)
    with place.engine.look() as work:
        found, requested = evaluation.origins(work, who.area)
        of = Asked(**{"first": FIRST, "last": LAST, "found": found, "requested": requested, **asked})
        return indicators.indicators(work, who, of)


def shown(place: Place, actor: Actor | None = None, **asked: Any) -> dict[str, tuple[float, int | None]]:
    """Numerator and denominator of each indicator, where there is anything to count."""
    told = figures(place, actor, **asked)["indicators"]
    return {
        one["key"]: (one["numerator"], one["denominator"]) for one in told if one["numerator"] or one["denominator"]
    }


# -- stories -----------------------------------------------------------------------------------------


def verified(place: Place, outcome: str = "substantiated") -> int:
    case = place.report(place.worker())
    place.complete(case, "verify", by=place.worker(), verify_outcome=outcome)
    return case


def escalated(place: Place) -> int:
    case = verified(place)
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
    place.complete(case, "escalate", by=place.worker())
    return case


def dispatch(place: Place, case: int, key: str, limit: str = SIMPLE) -> str:
    unit = place.department(key)
    units = [{"unit": unit, "duty": "lead", "limit": limit}]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=units)
    return unit


def checked_and_closed(place: Place, case: int, **said: Any) -> None:
    place.complete(case, "check", check_outcome="passed")
    place.complete(case, "close", closing_kind="normal", solved=True, **said)


def handled_by_the_worker(place: Place) -> None:
    case = verified(place)
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="handled")
    checked_and_closed(place, case, satisfaction="satisfied")


def untrue(place: Place) -> None:
    place.complete(verified(place, "unsubstantiated"), "close", closing_kind="normal", solved=False)


def returned_in_vain_late_and_done_again(place: Place) -> None:
    """Returned twice, given to the same unit all the same, handled four days later (one was allowed), so that it has to
    answer for that, and handled again after the check."""
    case = escalated(place)
    dispatch(place, case, "urban_management")
    for _ in range(2):
        place.leave(case, "accept", "return")
        unit = dispatch(place, case, "urban_management")
    place.complete(case, "accept")
    place.pass_(days=4)
    place.complete(case, "reply_supervision", by=place.person("handler", unit))
    place.complete(case, "handle")
    place.complete(case, "feedback", handling_outcome="completed")
    again = [{"unit": unit, "duty": "lead", "limit": "rework"}]
    place.complete(case, "check", check_outcome="rework", assignments=again)
    for node in ("accept", "handle"):
        place.complete(case, node)
    place.complete(case, "feedback", handling_outcome="completed")
    checked_and_closed(place, case, satisfaction="unsatisfied")


def tried_twice(place: Place) -> None:
    """What a department did not bring about is given to it once more; no check lies between."""
    case = escalated(place)
    for outcome in ("not_completed", "completed"):
        dispatch(place, case, "emergency_management")
        for node in ("accept", "handle"):
            place.complete(case, node)
        place.complete(case, "feedback", handling_outcome=outcome)
    checked_and_closed(place, case)


def requested_and_disputed(place: Place) -> None:
    """A request that the wrong department gets first; it is right about that. Its requester is told."""
    case = place.report(officer(place).person, "request_received", has_requester=True)
    dispatch(place, case, "housing", "handle")
    place.leave(case, "accept", "dispute")
    place.complete(case, "mediate", mediate_outcome="agreed", decided_unit=place.department("urban_management"))
    for node in ("accept", "handle"):
        place.complete(case, node)
    place.complete(case, "feedback", handling_outcome="completed")
    place.complete(case, "check", check_outcome="passed")
    told = {"channel": "telephone", "informed_at": place.now.isoformat(), "content": "已办结"}
    place.complete(case, "inform", inform_outcome="informed", **told)
    place.complete(case, "close", closing_kind="normal", solved=True)


def extended(place: Place, *, days: int) -> int:
    """A step of one working day, extended by two, that takes some natural days. The case."""
    case = escalated(place)
    unit = dispatch(place, case, "urban_management")
    place.complete(case, "accept")
    row = place.step(case, "handle")
    asked = Ask("extension", "材料未齐", step=row.id, amount=2, unit="working_day")
    handler = place.actor(place.person("handler", unit))
    for granted in (False, True):
        request = place.act(cases.ask, handler, case, asked)
        place.act(cases.decide, officer(place), request, granted, "已阅")
    place.pass_(days=days)
    place.complete(case, "handle")
    return case


def suspended(place: Place, *, days: int) -> int:
    """A step of one working day in a matter that stands still for some days. The case."""
    case = escalated(place)
    dispatch(place, case, "urban_management")
    place.complete(case, "accept")
    hold = Ask("suspension", "等待", ground="施工", ceiling_days=30)
    for asked, wait in ((hold, days), (Ask("resumption", "已完工"), 0)):
        request = place.act(cases.ask, officer(place), case, asked)
        place.act(cases.decide, officer(place, place.county), request, True, "同意")
        place.pass_(days=wait)
    place.complete(case, "handle")
    return case


# -- what they come to -------------------------------------------------------------------------------


def test_a_month_counted_by_hand(place: Place) -> None:
    handled_by_the_worker(place)
    untrue(place)
    returned_in_vain_late_and_done_again(place)
    requested_and_disputed(place)
    tried_twice(place)
    assert shown(place) == {
        "on_time_handling_rate": (7, 8),  # three by workers, five by departments: the first of these three days late
        "on_time_closure_rate": (5, 5),
        "closure_rate": (5, 5),
        "rework_rate": (1, 3),  # urban management in two matters, emergency management in one
        "buck_passing_rate": (2, 4),  # given to units: urban management two matters, housing one, emergency one
        "extension_rate": (0, 8),
        "return_count": (2, None),
        "dispatch_accuracy": (2, 3),  # housing never handled what it got
        "on_time_verify_rate": (4, 4),
        "on_time_triage_rate": (6, 6),  # once, three times, twice
        "on_time_acceptance_rate": (5, 5),
        "on_time_feedback_rate": (5, 5),
        "on_time_check_rate": (5, 5),
        "valid_report_rate": (3, 4),
        "missed_discovery_count": (1, None),
        "self_handling_rate": (1, 4),
        "supervision_on_time_rate": (1, 1),
        "informing_rate": (1, 1),
        "satisfaction_rate": (1, 2),
    }


def test_each_indicator_shows_its_formula_and_its_value(place: Place) -> None:
    untrue(place)
    told = {one["key"]: one for one in figures(place)["indicators"]}
    assert list(told) == list(INDICATORS)
    assert all(one["formula"] and one["zh"] and one["en"] for one in told.values())
    rate, count, empty = told["valid_report_rate"], told["return_count"], told["rework_rate"]
    assert (rate["value"], rate["unit"]) == (0, "ratio")
    assert (count["value"], count["unit"], count["denominator"]) == (0, "count", None)
    assert (empty["value"], empty["denominator"]) == (None, 0)


@pytest.mark.parametrize(("story", "days", "count"), [(extended, 3, 1), (extended, 7, 0), (suspended, 9, 1)])
def test_what_was_granted_makes_nobody_late(place: Place, story: Callable[..., int], days: int, count: int) -> None:
    """Due on Tuesday evening; with the extension on Thursday evening. The worker's own step was on time."""
    story(place, days=days)
    told = shown(place, unit=place.department("urban_management"))
    assert told["on_time_handling_rate"] == (count, 1)
    assert told.get("extension_rate", (0, 1)) == ((1, 1) if story is extended else (0, 1))
    assert told.get("suspended_count") == ((1, None) if story is suspended else None)


def test_what_is_late_and_open_at_the_end_of_a_period_counts_against_it(place: Place) -> None:
    """Still so when it is done later: the figures of a past month stay what they were."""
    case = escalated(place)
    place.now += timedelta(days=45)
    assert shown(place)["on_time_triage_rate"] == (0, 1)
    assert shown(place)["overdue_open_count"] == (1, None)
    place.complete(case, "triage", triage_outcome="coordinate")
    place.complete(case, "coordinate")
    checked_and_closed(place, case)
    place.now += timedelta(days=1)
    assert shown(place)["on_time_triage_rate"] == (0, 1)
    assert shown(place)["closure_rate"] == (0, 1)
    april: dict[str, Any] = {"first": date(2026, 4, 1), "last": date(2026, 4, 30)}
    assert shown(place, **april)["on_time_triage_rate"] == (0, 1)
    assert shown(place, **april)["on_time_closure_rate"] == (0, 1)
    assert shown(place, first=date(2026, 2, 1), last=date(2026, 2, 28)) == {}


def test_how_long_the_steps_took(place: Place) -> None:
    case = place.report(place.worker())
    place.now += timedelta(hours=1)
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    (step,) = figures(place)["steps"]
    assert step == {"status": "to_verify", "count": 1, "hours": 1.0, "share": 0.5}  # of two working hours


def test_everybody_sees_their_own(place: Place) -> None:
    returned_in_vain_late_and_done_again(place)
    requested_and_disputed(place)
    urban, housing = (
        place.actor(place.person("handler", place.department(key))) for key in ("urban_management", "housing")
    )
    assert shown(place, urban)["on_time_handling_rate"] == (2, 3)
    assert shown(place, urban)["closure_rate"] == (2, 2)
    assert shown(place, urban, unit=housing.unit, area="/") == shown(place, urban, unit=housing.unit)
    assert "on_time_handling_rate" not in shown(place, urban, unit=housing.unit)
    assert "on_time_handling_rate" not in shown(place, housing)
    assert shown(place, housing)["closure_rate"] == (1, 1)
    worker = place.actor(place.worker())
    assert shown(place, worker)["on_time_verify_rate"] == (1, 1)
    assert "on_time_triage_rate" not in shown(place, worker)


def test_by_area_unit_and_role(place: Place) -> None:
    returned_in_vain_late_and_done_again(place)
    with place.engine.look() as work:
        here = work.directory.unit(place.grid).area
    county = officer(place, place.county)
    assert shown(place, county) == shown(place, county, area=here) == shown(place)
    assert shown(place, county, area="/32/3211/321103/") == {}
    assert shown(place, county, unit=place.department("urban_management"))["on_time_handling_rate"] == (1, 2)
    assert "on_time_handling_rate" not in shown(place, county, unit=place.department("housing"))
    by_role = shown(place, county, role="triage_officer")
    assert (by_role["on_time_triage_rate"], "on_time_verify_rate" in by_role) == ((3, 3), False)


def test_procedures_beside_matters_are_no_matters(place: Place) -> None:
    place.act(patrols.plan, officer(place), Plan(grid=place.grid, kind="regular", route="沿主路", every=1))
    place.now += timedelta(days=1)
    place.beat()
    with place.engine.look() as work:
        (case,) = census.all_cases(work.connection)
    place.complete(case, "patrol_grid", by=place.worker(), patrol_grid_outcome="nothing_found")
    assert (shown(place), figures(place)["steps"]) == ({}, [])


def test_a_period_begins_before_it_ends(place: Place) -> None:
    for first, last in ((LAST, FIRST), (date(2000, 1, 1), LAST)):
        with pytest.raises(Invalid):
            figures(place, first=first, last=last)
