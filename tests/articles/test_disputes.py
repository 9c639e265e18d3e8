"""Who does what in the agencies (ZJ-5.1), tracking and supervision (ZJ-13.3), and disputes over who is responsible, from
the first word to what the next one learns of it (ZJ-13.4, ZJD-14)."""

from pathlib import Path
from typing import Any

import pytest

from engine import cases, queries, registers
from engine.directory import Actor
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from engine.registers import Registered
from handlers import disputes, proposals
from tests.articles.proof import Data, Edit, Patched, Without, article
from tests.articles.test_access import Door
from tests.places import FOUND, Place

PACK, DRAFT = "zhenjiang/2026-01-01", "zhenjiang/2025-draft"
HERE = pytest.mark.parametrize("place", [(PACK, ())], indirect=True)
TYPE = FOUND["matter_type"]


def at_triage(place: Place, **answer: Any) -> int:
    """A finding that the worker cannot handle, before the township."""
    case = place.report(place.worker(), **answer)
    place.complete(case, "verify", by=place.worker(), verify_outcome="substantiated")
    if "register" in place.steps(case):
        place.complete(case, "register", by=place.worker(), urgency="ordinary")
    if "self_handle" in place.steps(case):
        place.complete(case, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
    place.complete(case, "escalate", by=place.worker())
    return case


def given(*units: str) -> list[dict[str, str]]:
    duties = ["lead", *("co_handler" for _ in units[1:])]
    return [{"unit": unit, "duty": duty, "limit": "handle"} for unit, duty in zip(units, duties, strict=True)]


def dispatched(place: Place, *keys: str) -> int:
    """A matter that the township dispatches to departments of the county: urban management unless told otherwise."""
    case = at_triage(place)
    units = [place.department(key) for key in keys or ("urban_management",)]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=given(*units))
    return case


def officer(place: Place, role: str = "duty_officer", agency: str = "") -> Actor:
    return place.actor(place.person(role, agency or place.township), role)


def settled(place: Place, case: int) -> list[Registered]:
    """The disputes of a case as registered."""
    with place.engine.look() as work:
        return registers.holding(work, "dispute", about=f"case/{case}")


# -- four groups of powers at three levels (ZJ-5.1) ----------------------------------------------------

GROUPS = {"command_dispatch", "joint_handling", "track_feedback", "inspect_evaluate"}
AGENCIES = ("ga-c3211", "ga-c321102", "ga-c321102001")


def without_groups(roles: list[dict[str, Any]]) -> None:
    for role in roles:
        role.pop("group", None)


@article("ZJ-5.1", off=Data("roles.json", without_groups))
def test_each_of_three_agencies_has_all_four_groups_of_powers(place: Place) -> None:
    of_agency = [role for role in place.pack.roles.values() if role.unit_kinds == ("governance_agency",)]
    roles = [role for role in of_agency if not {"design", "publish"} & set(role.permissions)]
    assert {role.group for role in roles} == GROUPS
    with place.engine.look() as work:
        levels = {work.directory.unit(agency).level for agency in AGENCIES}
        for agency in AGENCIES:
            filled = {role.group for role in roles if work.directory.holders(role.key, agency)}
            assert filled == GROUPS
    assert levels == {"city", "county", "township"}


def one_for_all(roles: list[dict[str, Any]]) -> None:
    for role in roles:
        if role.get("unit_kind") == "governance_agency":
            role["permissions"] = ["supervise", "urge", "see_area"]


@article("ZJ-5.1", off=Data("roles.json", one_for_all))
def test_who_tracks_may_supervise_and_who_handles_jointly_may_not(place: Place) -> None:
    case, unit = dispatched(place), place.department("urban_management")
    for role in ("mediator", "emergency_officer"):
        with pytest.raises(Forbidden):
            place.act(cases.supervise, officer(place, role), case, unit, "请抓紧")
    for role in ("duty_officer", "supervisor"):
        place.act(cases.supervise, officer(place, role), case, unit, "请抓紧")


@article("ZJ-5.1", off=Edit("matter.bpmn", 'wangge:role="triage_officer" wangge:unit="agency"',
                            'wangge:role="checker" wangge:unit="agency"'))  # fmt: skip
def test_command_is_given_by_those_who_command(place: Place) -> None:
    case = at_triage(place)
    row = place.step(case, "triage")
    answer = {"triage_outcome": "coordinate", "opinion": "本机构协调"}
    for role in ("checker", "duty_officer", "supervisor", "mediator"):
        with pytest.raises(Forbidden):
            place.act(cases.complete, officer(place, role), row.id, row.revision, answer)
    place.act(cases.complete, officer(place, "triage_officer"), row.id, row.revision, answer)


# -- tracking and supervision (ZJ-13.3; scenario 22) ---------------------------------------------------


def urged_and_supervised(place: Place, case: int, node: str, unit: str) -> None:
    """Somebody urges a step and supervises its unit, which replies; the step itself stays open."""
    place.act(cases.urge, officer(place), case, place.step(case, node).id, "请抓紧")
    assert place.records(case)[-1].kind == "urged"
    place.act(cases.supervise, officer(place), case, unit, "请三日内办结")
    reply = place.step(case, "reply_supervision")
    assert (reply.unit, reply.due_at is not None) == (unit, True)
    with place.engine.look() as work:
        replier = place.actors(work.directory.holders("handler", unit)[0])[0] if unit != place.township else None
    place.complete(case, "reply_supervision", by=replier.person if replier else officer(place, "triage_officer").person)
    assert list(place.steps(case)) == [node]


@article("ZJ-13.3b", off=Edit("matter.bpmn", 'wangge:unit="supervised_unit"', 'wangge:unit="agency"'))
def test_a_department_is_tracked_until_it_has_fed_back(place: Place) -> None:
    case, unit = dispatched(place), place.department("urban_management")
    for node in ("accept", "handle", "feedback"):
        urged_and_supervised(place, case, node, unit)
        place.complete(case, node, **({"handling_outcome": "completed"} if node == "feedback" else {}))
    assert list(place.steps(case)) == ["check"]


@article("ZJ-13.3b", off=Data("roles.json", one_for_all))
def test_what_an_agency_coordinates_itself_is_tracked_too(place: Place) -> None:
    case = at_triage(place)
    place.complete(case, "triage", triage_outcome="coordinate")
    urged_and_supervised(place, case, "coordinate", place.township)
    with pytest.raises(Forbidden):
        place.act(cases.urge, officer(place, "mediator"), case, None, "请抓紧")


@HERE
def test_what_is_late_and_what_is_stuck_by_area_department_and_step(place: Place) -> None:
    """Scenario 22: overdue and stuck lists are narrowed to an area, a unit and a step."""
    dispatched(place, "urban_management"), dispatched(place, "housing")
    at_triage(place)
    place.pass_(days=9)
    unit = place.department("housing")
    with place.engine.look() as work:
        area = work.directory.unit(place.grid).area
        who = officer(place)
        narrowed = {
            "all": queries.Filters(area=area),
            "unit": queries.Filters(unit=unit),
            "node": queries.Filters(node="triage"),
            "elsewhere": queries.Filters(area="/32/3211/321103/"),
        }
        late = {name: queries.overdue(work, who, filters=one) for name, one in narrowed.items()}
        stuck = {name: queries.stuck(work, who, filters=one) for name, one in narrowed.items()}
    found = {name: sorted((row["node"], row["unit"]["id"]) for row in page["rows"]) for name, page in late.items()}
    assert found["unit"] == [("accept", unit)]
    assert found["node"] == [("triage", place.township)]
    assert (len(found["all"]), found["elsewhere"]) == (3, [])
    unclaimed = {name: next(one for one in causes if one["cause"] == "unclaimed") for name, causes in stuck.items()}
    counts = {name: one["total"]["count"] for name, one in unclaimed.items()}
    assert counts == {"all": 3, "unit": 1, "node": 1, "elsewhere": 0}


# -- disputes (ZJ-13.4, ZJD-14) ------------------------------------------------------------------------


def raise_dispute(place: Place, case: int, node: str = "accept", **said: Any) -> None:
    place.leave(case, node, "dispute", **said)


@article("ZJ-13.4", off=Edit("dispute.bpmn", 'wangge:unit="government"', 'wangge:unit="agency"'))
def test_the_agency_mediates_and_failing_that_the_government_decides(place: Place) -> None:
    case = dispatched(place)
    raise_dispute(place, case)
    assert (place.step(case, "mediate").unit, place.case(case).disputed) == (place.township, True)
    place.complete(case, "mediate", mediate_outcome="failed")
    assert place.step(case, "decide").unit == place.government
    housing = place.department("housing")
    place.complete(case, "decide", decided_unit=housing, document_number="某政发〔2026〕3号")
    assert place.step(case, "accept").unit == housing


@article("ZJ-13.4", off=Edit("matter.bpmn", ">not dispute_decided<", ">True<"))
def test_a_decision_ends_disputing_and_an_agreement_does_not(place: Place) -> None:
    """Both readings: the text only speaks of a decision."""
    case, housing = dispatched(place), place.department("housing")
    raise_dispute(place, case)
    place.complete(case, "mediate", mediate_outcome="agreed", decided_unit=housing)
    raise_dispute(place, case)
    place.complete(case, "mediate", mediate_outcome="failed")
    place.complete(case, "decide", decided_unit=housing)
    raise_dispute(place, case)
    assert list(place.steps(case)) == ["accept"]


@article("ZJ-13.4", off=Edit("matter.bpmn", '<wangge:property name="clock_until" value="accept" />', ""))
def test_a_dispute_raised_again_while_handling_changes_nothing(place: Place) -> None:
    """A reading: who is bound by a decision goes on handling, and has no more time for it than before. What another
    unit has begun meanwhile is its own affair."""
    housing, other = place.department("housing"), place.department("emergency_management")
    case = dispatched(place, "urban_management", "emergency_management")
    raise_dispute(place, case, unit=place.department("urban_management"))
    place.complete(case, "mediate", mediate_outcome="failed")
    place.complete(case, "decide", decided_unit=housing)
    place.complete(case, "accept", unit=housing)
    due = place.step(case, "handle").due_at
    place.pass_(hours=30)
    place.complete(case, "accept", unit=other)
    assert place.step(case, "handle", other).due_at != due
    raise_dispute(place, case, "handle", unit=housing)
    assert place.step(case, "handle", housing).due_at == due
    assert "mediate" not in place.steps(case)
    assert not place.case(case).disputed


@article("ZJ-13.4", off=Edit("matter.bpmn", 'id="disputed_at_accept_escalation" escalationRef="escalation_dispute"',
                             'id="disputed_at_accept_escalation" escalationRef="escalation_return"'))  # fmt: skip
def test_a_department_disputes_what_was_dispatched_to_it(place: Place) -> None:
    """The worker and the agency cannot: before the dispatch there is nothing to dispute."""
    with pytest.raises(Refused):
        place.leave(at_triage(place), "triage", "dispute")
    case = dispatched(place)
    raise_dispute(place, case)
    assert "mediate" in place.steps(case)


@article("ZJ-13.4", off=Without("dispute.record"))
def test_a_dispute_is_kept_with_who_claimed_what_and_how_it_was_settled(place: Place) -> None:
    case, urban, housing = dispatched(place), place.department("urban_management"), place.department("housing")
    raise_dispute(place, case, suggested_unit=housing, cited_items=["corridor_clutter"], claim="属物业管理")
    raised = place.records(case)[-1]
    place.complete(case, "mediate", mediate_outcome="failed")
    place.complete(case, "decide", decided_unit=housing, document_number="某政发〔2026〕3号", decided_on="2026-03-02")
    entries = settled(place, case)
    assert len(entries) == 1
    claim = {
        "unit": urban,
        "record": f"case/{case}#{raised.number}",
        "suggested_unit": housing,
        "cited_items": ["corridor_clutter"],
    }
    assert entries[0].body == {
        "parties": sorted([housing, urban]),
        "claims": [claim],
        "matter_type": TYPE,
        "grid": place.grid,
        "settled": "decided",
        "by": place.government,
        "document": {"document_number": "某政发〔2026〕3号", "decided_on": "2026-03-02"},
        "bound": housing,
    }
    assert "属物业管理" not in str(entries[0].body)


def decided_on(place: Place, key: str, outcome: str = "failed") -> int:
    """A dispute that is decided, or settled by agreement: this department is responsible."""
    case, unit = dispatched(place), place.department(key)
    raise_dispute(place, case)
    if outcome == "agreed":
        place.complete(case, "mediate", mediate_outcome="agreed", decided_unit=unit)
    else:
        place.complete(case, "mediate", mediate_outcome="failed")
        place.complete(case, "decide", decided_unit=unit)
    return case


@article("ZJ-13.4", off=Without("dispute.not_bound"))
def test_who_is_bound_by_a_decision_cannot_return_it(place: Place) -> None:
    case, housing = decided_on(place, "housing"), place.department("housing")
    for step in ("accept", "handle"):
        with pytest.raises(Refused) as caught:
            place.leave(case, step, "return")
        assert caught.value.code == "dispute.bound"
        assert "产品默认" in caught.value.words.zh
        assert caught.value.article == ""
        place.complete(case, step)
    assert place.step(case, "feedback").unit == housing


@HERE
def test_what_was_agreed_on_or_never_disputed_can_be_returned(place: Place) -> None:
    for case in (dispatched(place), decided_on(place, "housing", "agreed")):
        place.leave(case, "accept", "return")
        assert "triage" in place.steps(case)


@HERE
def test_a_return_that_is_refused_stays_on_record(place: Place, tmp_path: Path) -> None:
    case, door = decided_on(place, "housing"), Door(place, tmp_path)
    person, step = place.person("receiver", place.department("housing")), place.step(case, "accept")
    said = {"revision": step.revision, "answer": place.filled(place.pack.forms["return"], {})}
    answer = door.client.post(f"/api/steps/{step.id}/return", json=said, headers=door.headers(person))
    assert (answer.status_code, answer.get_json()["code"]) == (422, "dispute.bound")
    last = place.records(case)[-1]
    assert (last.kind, last.actor, last.detail["code"]) == ("refused", person, "dispute.bound")


@HERE
def test_of_two_disputes_in_a_matter_each_keeps_its_own_claim(place: Place) -> None:
    """And what is no unit stays out of the register."""
    case = dispatched(place, "urban_management", "housing")
    urban, housing = place.department("urban_management"), place.department("housing")
    for unit, suggested in ((urban, housing), (housing, "物业公司")):
        place.leave(case, "accept", "dispute", unit=unit, suggested_unit=suggested)
        third = place.department("emergency_management")
        place.complete(case, "mediate", mediate_outcome="agreed", decided_unit=third)
    claims = {entry.body["claims"][0]["unit"]: entry.body["claims"][0] for entry in settled(place, case)}
    assert {unit: claim["suggested_unit"] for unit, claim in claims.items()} == {urban: housing, housing: ""}


def agreed_on(place: Place, key: str) -> int:
    """A dispute that is settled by agreement on a department."""
    case = dispatched(place)
    raise_dispute(place, case)
    place.complete(case, "mediate", mediate_outcome="agreed", decided_unit=place.department(key))
    return case


@article("ZJ-13.4", off=Without("dispute.record"))
def test_the_mediator_is_shown_how_the_same_was_settled_before(place: Place) -> None:
    agreed_on(place, "housing"), agreed_on(place, "emergency_management"), agreed_on(place, "housing")
    case = dispatched(place)
    with place.engine.look() as work:
        shown = disputes.comparable(work, case)
        assert disputes.precedents(work, "other", shown["area"]) == []
        assert disputes.precedents(work, TYPE, "/32/3211/321103/") == []
    times = [(one["unit"], one["times"], one["agreed"], one["decided"]) for one in shown["precedents"]]
    assert times == [(place.department("housing"), 2, 2, 0), (place.department("emergency_management"), 1, 1, 0)]
    assert (shown["matter_type"], shown["settled"]) == (TYPE, None)


@HERE
def test_a_settled_dispute_proposes_a_row_of_the_triage_table_and_a_person_decides(place: Place) -> None:
    first, second = agreed_on(place, "housing"), agreed_on(place, "emergency_management")
    with place.engine.look() as work:
        found = {
            one.case: one.id.removeprefix("triage_proposal/") for one in registers.holding(work, "triage_proposal")
        }
        area = work.directory.unit(place.grid).area
        assert proposals.settled(work, TYPE, area) is None
    for stranger in (officer(place), officer(place, "mediator", place.county)):
        with pytest.raises(Forbidden):
            place.act(proposals.decide, stranger, found[first], True)
    county = officer(place, "duty_officer", place.county)
    place.act(proposals.decide, county, found[first], True)
    place.act(proposals.decide, county, found[second], False)
    with pytest.raises(Conflict):
        place.act(proposals.decide, county, found[first], False)
    with place.engine.look() as work:
        unit = proposals.settled(work, TYPE, area)
        assert unit is not None
        assert unit.id == place.department("housing")
        assert proposals.settled(work, "other", area) is None
        assert proposals.settled(work, TYPE, "/32/3211/321103/") is None
        assert disputes.comparable(work, first)["settled"] == {"id": unit.id, "name": unit.name}


def approve(place: Place, case: int) -> None:
    """The county approves what came of the dispute of a case."""
    with place.engine.look() as work:
        (found,) = (one for one in registers.holding(work, proposals.KIND) if one.case == case)
    county = officer(place, "duty_officer", place.county)
    place.act(proposals.decide, county, found.id.partition("/")[2], True)


def proposal(place: Place, case: int) -> tuple[str, str, str]:
    """The unit that is proposed to a triage, by what, and the entry that says so."""
    known = place.facts(case)
    return known["proposed_unit"], known["proposed_by"], known["proposal_entry"].partition("/")[0]


@article("ZJ-13.4", off=Patched("handlers.proposals._enter"))
def test_what_was_approved_is_proposed_before_the_table_is_asked(place: Place) -> None:
    """Until then, and for other types, the table is. A later approval takes the place of an earlier one."""
    by_table = (place.department("urban_management"), "table", "")
    settled_before = agreed_on(place, "housing")
    assert proposal(place, at_triage(place)) == by_table
    approve(place, settled_before)
    case = at_triage(place)
    assert proposal(place, case) == (place.department("housing"), "dispute", "triage_row")
    assert (place.facts(case)["lead_department"], place.facts(case)["handling_limit"]) == ("housing", "handle_simple")
    assert proposal(place, at_triage(place, matter_type="safety_hazard"))[1] == "table"
    approve(place, agreed_on(place, "emergency_management"))
    assert proposal(place, at_triage(place))[0] == place.department("emergency_management")
    with place.engine.look() as work:
        assert len(proposals.rows(work, officer(place))) == 1


@article("ZJ-13.4", off=Patched("engine.registers.end"))
def test_what_was_approved_can_be_ended_and_the_table_proposes_again(place: Place) -> None:
    approve(place, agreed_on(place, "housing"))
    with place.engine.look() as work:
        (row,) = proposals.rows(work, officer(place))
    name, county = row.id.partition("/")[2], officer(place, "duty_officer", place.county)
    with pytest.raises(Forbidden):
        place.act(proposals.end, officer(place), name, "职责已调整")
    with pytest.raises(Invalid):
        place.act(proposals.end, county, name, " ")
    place.act(proposals.end, county, name, "职责已调整")
    place.pass_(days=1)
    assert proposal(place, at_triage(place)) == (place.department("urban_management"), "table", "")
    with pytest.raises(NotFound):
        place.act(proposals.end, county, name, "职责已调整")


@article("ZJD-14", off=Edit("dispute.bpmn", 'decider == "party_committee"', "False"), pack=DRAFT)
def test_under_the_draft_party_committee_or_government_decides_and_which_is_on_record(place: Place) -> None:
    housing = place.department("housing")
    for decider, node, by in (
        ("party_committee", "decide_by_party_committee", f"party-{place.city.townships[0]}"),
        ("government", "decide_by_government", place.government),
    ):
        case = dispatched(place)
        raise_dispute(place, case)
        place.complete(case, "mediate", mediate_outcome="failed", decider=decider)
        assert place.step(case, node).unit == by
        place.complete(case, node, decided_unit=housing)
        assert [(one.body["by"], one.body["settled"], one.body["bound"]) for one in settled(place, case)] == [
            (by, "decided", housing)
        ]


@article("ZJD-14", off=Edit("matter.bpmn", 'triage_outcome == "dispute"', 'triage_outcome == "other"'),
         pack=DRAFT)  # fmt: skip
def test_under_the_draft_an_existing_dispute_needs_no_dispatch(place: Place) -> None:
    """Nobody claimed anything then, whatever was disputed in the matter before."""
    case, housing = dispatched(place), place.department("housing")
    raise_dispute(place, case)
    place.complete(case, "mediate", mediate_outcome="agreed", decided_unit=housing)
    place.leave(case, "accept", "return")
    place.complete(case, "triage", triage_outcome="dispute")
    place.complete(case, "mediate", mediate_outcome="agreed", decided_unit=housing)
    assert place.step(case, "accept").unit == housing
    first, second = settled(place, case)
    assert (len(first.body["claims"]), second.body["claims"], second.body["by"]) == (1, [], place.township)
