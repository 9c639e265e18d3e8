"""Patrol plans, precedents, proposals, stuck lists and indicators through the API, as a portal uses them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from engine.publishing import PACKS
from engine.store import Store
from handlers import patrols
from tests.places import Place, read, settle
from web import sessions
from web.app import create_app
from web.settings import Settings

PACK = "zhenjiang/2026-01-01"
WEB = "/api/"

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def place(store: Store) -> Place:
    folder = read(PACKS / PACK)
    return Place(store, folder.pack, settle(store, folder))


@pytest.fixture
def ask(place: Place, tmp_path: Path) -> Ask:
    """Asks as somebody in one of their posts; with a body it is a POST. The status and the answer."""
    client: FlaskClient = create_app(place.engine, Settings(tmp_path / "data")).test_client(use_cookies=False)

    def ask(person: str, role: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        with place.engine.work() as work:
            token, _ = sessions.begin(work, Settings(Path()), person, person)
        headers = {"Authorization": f"Bearer {token}", "X-Wangge-Post": place.actor(person, role).post}
        if body is None:
            answer = client.get(WEB + path, headers=headers)
        else:
            answer = client.post(WEB + path, json=body, headers=headers)
        told: dict[str, Any] = answer.get_json()
        return answer.status_code, told

    return ask


def duty(place: Place, agency: str = "") -> tuple[str, str]:
    return place.person("duty_officer", agency or place.township), "duty_officer"


def test_the_duty_officer_plans_patrols_and_ends_them(place: Place, ask: Ask) -> None:
    plan = {"grid": place.grid, "kind": "screening", "route": "沿街商铺", "weekdays": [1, 4], "window": "9:00-11:00"}
    status, told = ask(*duty(place), "patrol-plans", plan)
    assert (status, told["entry"]) == (200, f"patrol_plan/{place.grid}-1")
    assert ask(place.worker(), "grid_worker", "patrol-plans", plan)[0] == 403
    assert ask(*duty(place), "patrol-plans", {**plan, "weekdays": []})[0] == 422
    assert ask(*duty(place), "patrol-plans", {**plan, "kind": "walk"})[0] == 422
    _, shown = ask(place.worker(), "grid_worker", f"patrol-plans?grid={place.grid}")
    assert [one["body"]["weekdays"] for one in shown["entries"]] == [[1, 4]]
    assert ask(*duty(place), "patrol-plans?grid=other")[1]["entries"] == []
    assert ask(*duty(place), f"patrol-plans/{place.grid}-1/end", {"reason": "并入常态巡查"})[0] == 200


def test_the_township_states_the_duties_of_its_workers(place: Place, ask: Ask) -> None:
    assert ask(*duty(place), "duty-statements", {"text": "每周走访两次"})[0] == 200
    assert ask(*duty(place, place.county), "duty-statements", {"text": "每周走访两次"})[0] == 403
    _, shown = ask(place.worker(), "grid_worker", "registers/duty_statement")
    assert [one["body"]["text"] for one in shown["entries"]] == ["每周走访两次"]


def disputed(place: Place) -> int:
    """A matter whose dispute was settled by agreement on the housing department."""
    case = place.report(place.worker())
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
    place.complete(case, "escalate", by=place.worker())
    units = [{"unit": place.department("urban_management"), "duty": "lead", "limit": "handle"}]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=units)
    place.leave(case, "accept", "dispute")
    place.complete(case, "mediate", mediate_outcome="agreed", decided_unit=place.department("housing"))
    return case


def test_the_mediator_reads_precedents_and_the_county_decides_on_what_they_propose(place: Place, ask: Ask) -> None:
    number, housing = place.case(disputed(place)).number, place.department("housing")
    mediator = place.person("mediator", place.township), "mediator"
    status, told = ask(*mediator, f"matters/{number}/precedents")
    assert (status, told["settled"]) == (200, None)
    assert [(one["unit"], one["times"]) for one in told["precedents"]] == [(housing, 1)]
    assert ask(place.person("handler", place.department("emergency_management")), "handler",
               f"matters/{number}/precedents")[0] == 404  # fmt: skip
    _, proposed = ask(*duty(place, place.county), "triage-proposals")
    (entry,) = proposed["entries"]
    path = f"triage-proposals/{entry['id'].removeprefix('triage_proposal/')}/decide"
    assert (entry["body"]["status"], entry["body"]["functions"]) == ("open", ["housing"])
    assert ask(*duty(place), path, {"approve": True})[0] == 403
    assert ask(*duty(place, place.county), path, {"approve": True})[0] == 200
    assert ask(*duty(place, place.county), path, {"approve": False})[0] == 409
    assert ask(*mediator, f"matters/{number}/precedents")[1]["settled"]["id"] == housing


def test_what_was_approved_is_listed_proposed_with_its_source_and_ended(place: Place, ask: Ask) -> None:
    number, county = place.case(disputed(place)).number, duty(place, place.county)
    officer = place.person("triage_officer", place.township), "triage_officer"
    _, told = ask(*officer, f"matters/{number}/triage-proposal")
    assert (told["unit"]["id"], told["source"]["key"]) == (place.department("urban_management"), "table")
    assert ask(*officer, "triage-rows")[1]["entries"] == []
    (entry,) = ask(*county, "triage-proposals")[1]["entries"]
    assert ask(*county, f"triage-proposals/{entry['id'].partition('/')[2]}/decide", {"approve": True})[0] == 200
    (row,) = ask(*officer, "triage-rows")[1]["entries"]
    assert (row["body"]["unit"], row["body"]["dispute"]) == (place.department("housing"), entry["body"]["dispute"])
    _, told = ask(*officer, f"matters/{place.case(disputed(place)).number}/triage-proposal")
    assert (told["unit"]["id"], told["source"]["entry"]) == (place.department("housing"), row["id"])
    assert told["source"]["zh"]
    path = f"triage-rows/{row['id'].partition('/')[2]}/end"
    assert ask(*officer, path, {"reason": "职责已调整"})[0] == 403
    assert ask(*county, path, {"reason": ""})[0] == 422
    assert ask(*county, path, {"reason": "职责已调整"})[0] == 200
    place.pass_(days=1)
    assert ask(*officer, "triage-rows")[1]["entries"] == []


def test_a_patrol_has_no_precedents(place: Place, ask: Ask) -> None:
    plan = patrols.Plan(grid=place.grid, kind="regular", route="沿主路", every=1)
    place.act(patrols.plan, place.actor(*duty(place)), plan)
    place.pass_(days=1)
    place.beat()
    with place.engine.look() as work:
        number = work.connection.exec_driver_sql('SELECT number FROM "case"').scalar_one()
    assert ask(*duty(place), f"matters/{number}/precedents")[0] == 404


def test_what_is_stuck_is_narrowed_to_a_unit_or_a_step(place: Place, ask: Ask) -> None:
    disputed(place)
    verified = place.report(place.worker())
    place.pass_(days=3)
    assert "verify" in place.steps(verified)

    def unclaimed(narrowed: str) -> int:
        _, told = ask(*duty(place), f"stuck{narrowed}")
        return int(next(one["total"]["count"] for one in told["causes"] if one["cause"] == "unclaimed"))

    housing, urban = place.department("housing"), place.department("urban_management")
    asked = ("", f"?unit={housing}", f"?unit={urban}", "?node=accept", "?node=check", "?area=/32/3211/321103/")
    assert [unclaimed(one) for one in asked] == [2, 1, 0, 1, 0, 0]


def test_indicators_are_read_for_a_period_an_area_and_a_unit(place: Place, ask: Ask) -> None:
    disputed(place)
    status, told = ask(*duty(place), "indicators?from=2026-03-01&to=2026-03-31")
    shown = {one["key"]: (one["numerator"], one["denominator"]) for one in told["indicators"]}
    assert (status, told["first"], told["last"]) == (200, "2026-03-01", "2026-03-31")
    assert (shown["on_time_triage_rate"], shown["valid_report_rate"]) == ((1, 1), (1, 1))
    _, this_month = ask(*duty(place), "indicators")
    assert (this_month["first"], this_month["last"]) == ("2026-03-01", "2026-03-02")
    assert this_month["indicators"] == told["indicators"]
    _, none = ask(*duty(place), f"indicators?unit={place.department('emergency_management')}")
    assert not any(one["numerator"] or one["denominator"] for one in none["indicators"])
    assert ask(*duty(place), "indicators?from=2026-04-01&to=2026-03-01")[0] == 422
    assert ask(*duty(place), "indicators?from=soon")[0] == 422
