"""Time: extensions, suspensions and what does not begin a clock anew; the calendar; a night without a server.
Scenarios 20, 21 and 25."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.clock import Clock
from engine.iso8601 import ZONE
from engine.publishing import PACKS
from engine.store import Store
from engine.work import MACHINE, Engine
from handlers import calendar
from handlers.registry import HANDLERS
from tests.acceptance.scenarios.town import TownApi, refused

ZJ, ZJD = "zhenjiang/2026-01-01", "zhenjiang/2025-draft"

Towns = Callable[..., TownApi]


def received(town: TownApi, limit: str = "handle") -> int:
    """A request that a department has signed for."""
    case = given(town, limit)
    town.complete(case, "accept")
    return case


def given(town: TownApi, limit: str = "handle") -> int:
    """A request that a department has to sign for."""
    duty = town.someone("duty_officer")
    case = town.report(duty, "request_received", channel="platform", has_requester=False, matter_type="other")
    town.dispatch(case, town.place.department("housing"), limit=limit)
    return case


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


# -- 20: longer, stopped, sent back ------------------------------------------------------------------


def test_an_extension_is_asked_for_in_time_and_moves_the_deadline(town_api: Towns) -> None:
    town = town_api(ZJ)
    case = received(town)
    handler, duty = town.someone("handler", town.place.department("housing")), town.someone("duty_officer")
    due = town.due(case, "handle")
    assert due == moment("2026-03-09 18:00")
    step = town.step(case, "handle")["id"]
    request = town.ask(case, handler, "extension", step=step, amount=2, unit="working_day")
    with refused("request.own"):
        town.decide(request, handler)
    assert town.due(case, "handle") == due
    town.decide(request, duty)
    assert town.due(case, "handle") == moment("2026-03-11 18:00")
    town.place.now = moment("2026-03-11 18:01")
    with refused("extension.too-late"):
        town.ask(case, handler, "extension", step=step, amount=1, unit="working_day")


def test_a_suspension_stops_every_clock(town_api: Towns) -> None:
    town = town_api(ZJ)
    case = received(town)
    officer, duty = town.someone("triage_officer"), town.someone("duty_officer")
    overall = town.matter(case)["due_at"]
    assert town.due(case, "handle") == moment("2026-03-09 18:00")
    request = town.ask(case, officer, "suspension", ground="（测试）汛期", ceiling_days=20)
    town.decide(request, duty)
    assert town.light(case, "handle") == "paused"
    with refused("matter.suspended"):
        town.complete(case, "handle")
    town.pass_(days=14)
    assert town.light(case, "handle") == "paused"
    town.decide(town.ask(case, officer, "resumption"), duty)
    assert town.due(case, "handle") == moment("2026-03-20 18:00")  # five working days that ran
    assert datetime.fromisoformat(town.matter(case)["due_at"]) > datetime.fromisoformat(overall)


def test_a_return_to_the_agency_does_not_begin_the_overall_clock_anew(town_api: Towns) -> None:
    town = town_api(ZJ)
    case = given(town)
    overall = town.matter(case)["due_at"]
    unit = next(one for one in town.matter(case)["assignments"] if "dep-" in one["unit"]["id"])["clock"]["due_at"]
    town.pass_(days=1)
    town.leave(case, "accept", "return")
    town.pass_(hours=2)
    town.dispatch(case, town.place.department("housing"))
    assert town.matter(case)["due_at"] == overall
    again = next(one for one in town.matter(case)["assignments"] if "dep-" in one["unit"]["id"])["clock"]["due_at"]
    assert again == unit  # nor does the department's own


# -- 21: the calendar --------------------------------------------------------------------------------

LIMITS: dict[str, dict[str, Any]] = {
    "handle_simple": {"amount": 1, "unit": "working_day"},
    "handle_complaint": {"amount": 2, "unit": "working_day"},
    "handle": {"amount": 3, "unit": "working_day"},
    "handle_hard": {"amount": 5, "unit": "working_day"},
    "handle_urgent": {"amount": 24, "unit": "natural_hour"},
    "accept": {"amount": 7, "unit": "natural_day"},
}
"""The limits of the vectors; 7 natural days for signing, the others for handling."""

WORKING_DAYS = [
    ("2026-02-13 17:30", "handle_simple", "2026-02-14"),
    ("2026-02-13 17:30", "handle_hard", "2026-02-27"),
    ("2026-02-14 09:00", "handle_simple", "2026-02-24"),
    ("2026-04-30 18:00", "handle_complaint", "2026-05-07"),
    ("2026-05-08 10:00", "handle_simple", "2026-05-09"),
    ("2026-09-19 10:00", "handle_simple", "2026-09-20"),
    ("2026-09-20 10:00", "handle_hard", "2026-09-28"),
    ("2026-09-24 20:00", "handle", "2026-09-30"),
    ("2026-09-30 16:00", "handle_simple", "2026-10-08"),
    ("2026-09-30 16:00", "handle", "2026-10-10"),
    ("2026-11-21 18:47", "handle_hard", "2026-11-27"),
]
NATURAL_DAYS = [
    ("2026-02-10 09:00", "2026-02-24"),
    ("2026-05-02 09:00", "2026-05-09"),
    ("2026-09-26 09:00", "2026-10-08"),
]


def other_limits(pack: Path) -> None:
    file = pack / "limits.json"
    limits = json.loads(file.read_text(encoding="utf-8"))
    for limit in limits:
        limit.update(LIMITS.get(limit["key"], {}))
    file.write_text(json.dumps(limits), encoding="utf-8")


@pytest.fixture
def calendar_town(town_api: Towns, monkeypatch: pytest.MonkeyPatch) -> TownApi:
    """The city with the limits of the vectors, founded before the first of them."""
    monkeypatch.setattr("tests.places.MORNING", moment("2026-02-02 09:00"))
    return town_api(ZJ, other_limits)


def test_working_and_natural_days_end_when_the_calendar_of_2026_says(calendar_town: TownApi) -> None:
    town = calendar_town
    seven = [(at, "accept", due) for at, due in NATURAL_DAYS]
    for at, limit, due in sorted([*WORKING_DAYS, *seven]):
        town.place.now = moment(at)
        node = "accept" if limit == "accept" else "handle"
        case = given(town) if limit == "accept" else received(town, limit)
        clock = town.step(case, node)["clock"]
        assert (at, clock["due_at"][:10]) == (at, due)
        assert clock["provisional"] is False


def test_hours_run_through_the_holidays(calendar_town: TownApi) -> None:
    calendar_town.place.now = moment("2026-09-30 16:00")
    case = received(calendar_town, "handle_urgent")
    assert calendar_town.due(case, "handle") == moment("2026-10-01 16:00")


def test_a_year_without_notice_is_provisional_until_it_is_confirmed_and_then_counted_again(
    calendar_town: TownApi,
) -> None:
    town = calendar_town
    town.place.now = moment("2026-12-31 09:00")
    case = received(town, "handle_simple")
    clock = town.step(case, "handle")["clock"]
    assert (clock["due_at"][:10], clock["provisional"]) == ("2027-01-04", True)
    notice = json.loads((PACKS / "calendars" / "2027.json").read_text(encoding="utf-8"))
    notice["status"] = "confirmed"
    notice["source"] = {"title": "（测试）2027年节假日通知", "number": "（测试）1号", "published": "2026-12-31"}
    notice["days"]["2027-01-04"] = {"kind": "holiday", "name": "元旦"}
    done = calendar.confirm(town.place.engine, json.dumps(notice).encode(), MACHINE)
    assert (done.status, done.failed) == ("confirmed", {})
    clock = town.step(case, "handle")["clock"]
    assert (clock["due_at"][:10], clock["provisional"]) == ("2027-01-05", False)
    told = town.records(case)[-1]
    assert told["kind"] == "due-recomputed"
    moved = next(change for change in told["detail"]["changes"] if change.get("node") == "handle")
    assert [moved["was"][:10], moved["is"][:10]] == ["2027-01-04", "2027-01-05"]


# -- 25: nobody was there ----------------------------------------------------------------------------


def test_a_timer_that_fell_due_while_the_server_was_down_fires_once_with_its_true_moment(town_api: Towns) -> None:
    """ZJD-13.1: the 24 hours of the draft are the timer."""
    town = town_api(ZJD)
    case = town.report(town.worker())
    town.verify(case)
    town.complete(case, "register", by=town.worker(), urgency="ordinary")
    town.complete(case, "self_handle", by=town.worker(), self_handle_outcome="cannot_handle")
    due = town.place.now + timedelta(hours=24)
    address = str(town.place.store.url.render_as_string(hide_password=False))
    town.place.now += timedelta(days=3)  # nothing ran in these days
    restarted = Store(address)
    engine = Engine(restarted, HANDLERS, now=lambda: town.place.now)
    beats = [Clock(engine).run_once(), Clock(engine).run_once()]
    restarted.close()
    assert [beat.fired for beat in beats] == [1, 0]
    fired = [one for one in town.records(case) if one["kind"] == "timer-fired"]
    assert len(fired) == 1
    assert datetime.fromisoformat(fired[0]["detail"]["due_at"]) == due
    assert fired[0]["detail"]["late_seconds"] == timedelta(days=2).total_seconds()
    assert datetime.fromisoformat(fired[0]["at"]) == town.place.now
    assert date.fromisoformat(town.step(case, "escalate")["due_at"][:10]) == due.date()
