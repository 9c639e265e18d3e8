"""Who may know what, under each regulation: masks, looks with a reason, admissions, what must not be entered at all, and
data that departments share (ZJ-11, ZJ-12, ZJ-15, ZJD-10, ZJD-11, JS-17, X3-17, X3-25.2, LZ-17)."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import access, attachments, cases, directory, queries, records, registers, tables
from engine.errors import Forbidden, Invalid, NotFound, Refused
from handlers import citizens, intake, secrecy, sharing
from handlers.citizens import PORTAL, Asked
from handlers.sharing import Batch
from tests.articles.proof import Data, Edit, Patched, Setting, Without, article
from tests.places import Place
from web import sessions
from web.app import create_app
from web.settings import Settings

ZJ, ZJD, JS = "zhenjiang/2026-01-01", "zhenjiang/2025-draft", "jiangsu/2021-01-01"
X3, LZ = "unnamed-2023/2023-01-01", "luzhou/2024-10-01"

REASON = "联系诉求人核实地点"


def grid_code(place: Place) -> str:
    """The code on the sign of the grid."""
    with place.engine.look() as work:
        return work.directory.unit(place.grid).code


def request(place: Place) -> int:
    """A request through the portal, of somebody who left a name and a telephone."""
    asked = Asked(grid_code(place), "楼道堵了", name="张三丰", contact="13812345600")
    taken: citizens.Taken = place.act(lambda work: citizens.submit(work, asked, pack=place.draft))
    return taken.case


def officer(place: Place) -> str:
    return place.person("duty_officer", place.township)


def said(place: Place, case: int, person: str, record: int = 1) -> dict[str, Any]:
    """What somebody reads in a record."""
    with place.engine.look() as work:
        timeline = queries.timeline(work, place.actor(person), case)
    found: dict[str, Any] = next(one["said"] for one in timeline if one["number"] == record)
    return found


def reveal(place: Place, case: int, person: str, field: str, reason: str = REASON) -> Any:
    """One look, as the door does it: only at what the person may see."""

    def look(work: Any) -> Any:
        queries.seen_record(work, place.actor(person), case, 1)
        return access.reveal(work, place.actor(person), case, 1, field, reason)

    return place.act(look)


def admit(place: Place, person: str, *classes: str, by: str = "") -> int:
    """Admits an officer of the township: they ask, the duty officer of the county approves."""
    case = place.begin(officer(place), "admission_asked", member=person, classes=list(classes))
    place.complete(case, "approve_admission", by=by, approve_admission_outcome="approved")
    return case


def looks(place: Place, case: int) -> list[Any]:
    return [one for one in place.records(case) if one.kind == "revealed"]


# -- masked by default, shown for a reason, on record ------------------------------------------------


def personal_data_are_masked_and_a_look_takes_admission_and_reason(place: Place) -> None:
    case, person = request(place), officer(place)
    first = said(place, case, person)
    assert first["requester_name"] == {"value": "张**", "masked": True}
    assert first["requester_contact"] == {"value": "138****00", "masked": True}
    with pytest.raises(Refused) as caught:
        reveal(place, case, person, "requester_contact")
    assert caught.value.code == "access.not-admitted"
    admit(place, person, "sensitive")
    with pytest.raises(Invalid) as without:
        reveal(place, case, person, "requester_contact", " ")
    assert without.value.code == "access.no-reason"
    assert looks(place, case) == []
    assert reveal(place, case, person, "requester_contact") == "13812345600"
    assert len(looks(place, case)) == 1
    look = looks(place, case)[0]
    assert (look.actor, look.detail) == (person, {"record": 1, "field": "requester_contact", "class": "sensitive"})
    assert list(look.sealed) == ["reason"]
    assert "13812345600" not in "".join(record.body for record in place.records(case))
    assert said(place, case, person, look.number)["reason"] == {"value": REASON}
    assert said(place, case, person)["requester_contact"]["masked"]


def who_may_not_see_the_matter_may_not_look_either(place: Place) -> None:
    case, stranger = request(place), place.person("receiver", place.department("housing"))
    with pytest.raises(NotFound):
        reveal(place, case, stranger, "requester_contact")


UNMASKED = Setting("data_classes", [])
FREE = Patched("engine.access.must_be_admitted")
UNASKED = Patched("engine.access.must_give_reason")


def _unrecorded(self: Any, *_: Any) -> None:
    return None


UNRECORDED = Patched("engine.casework.Case.note", _unrecorded)


@article("ZJ-12.2", off=UNMASKED, pack=ZJ)
def test_personal_data_are_masked_in_zhenjiang(place: Place) -> None:
    personal_data_are_masked_and_a_look_takes_admission_and_reason(place)
    who_may_not_see_the_matter_may_not_look_either(place)


@article("ZJ-12.2", off=FREE, pack=ZJ)
def test_only_who_is_admitted_may_look_in_zhenjiang(place: Place) -> None:
    personal_data_are_masked_and_a_look_takes_admission_and_reason(place)


@article("ZJ-12.2", off=UNASKED, pack=ZJ)
def test_a_look_takes_a_reason_in_zhenjiang(place: Place) -> None:
    personal_data_are_masked_and_a_look_takes_admission_and_reason(place)


@article("ZJ-12.2", off=UNRECORDED, pack=ZJ)
def test_each_look_is_on_record_in_zhenjiang(place: Place) -> None:
    personal_data_are_masked_and_a_look_takes_admission_and_reason(place)


@article("ZJD-11", off=UNMASKED, pack=ZJD)
def test_personal_data_are_masked_under_the_draft(place: Place) -> None:
    personal_data_are_masked_and_a_look_takes_admission_and_reason(place)


@article("ZJD-11", off=UNRECORDED, pack=ZJD)
def test_each_look_is_on_record_under_the_draft(place: Place) -> None:
    personal_data_are_masked_and_a_look_takes_admission_and_reason(place)


@article("JS-17(1)", off=UNMASKED, pack=JS)
def test_personal_data_are_masked_in_jiangsu(place: Place) -> None:
    personal_data_are_masked_and_a_look_takes_admission_and_reason(place)


@article("X3-17", off=UNMASKED, pack=X3)
def test_personal_data_are_masked_in_the_unnamed_city(place: Place) -> None:
    personal_data_are_masked_and_a_look_takes_admission_and_reason(place)


@article("LZ-17(1)", off=UNMASKED, pack=LZ)
def test_personal_data_are_masked_in_luzhou(place: Place) -> None:
    personal_data_are_masked_and_a_look_takes_admission_and_reason(place)


# -- the classes of each text ------------------------------------------------------------------------


def a_matter_of_a_class_is_masked_as_a_whole(place: Place, key: str) -> None:
    case = place.report(place.worker(), secrecy=key, title="某企业配方", description="详情")
    person = officer(place)
    assert all(one.get("masked") for one in said(place, case, person).values())
    row = place.case(case)
    assert "配方" not in row.title
    with pytest.raises(Refused):
        reveal(place, case, person, "title")
    admit(place, person, "sensitive")
    with pytest.raises(Refused):
        reveal(place, case, person, "title")
    admit(place, person, "sensitive", key)
    assert reveal(place, case, person, "title") == "某企业配方"


def a_state_secret_is_not_entered(place: Place, basis: str) -> None:
    before = place.chain("case/1")
    with pytest.raises(Refused) as caught:
        place.report(place.worker(), secrecy="state_secret")
    assert (caught.value.code, caught.value.article) == ("intake.state-secret", basis)
    assert place.chain("case/1") == before == []


def _all_but(key: str) -> Data:
    """The pack without one of its classes."""

    def drop(manifest: dict[str, Any]) -> None:
        classes = manifest["settings"]["data_classes"]
        manifest["settings"]["data_classes"] = [one for one in classes if one["key"] != key]

    return Data("manifest.json", drop)


@article("ZJ-12.2", off=_all_but("business_secret"), pack=ZJ)
def test_business_secrets_are_a_class_in_zhenjiang(place: Place) -> None:
    a_matter_of_a_class_is_masked_as_a_whole(place, "business_secret")


@article("ZJD-11", off=_all_but("business_secret"), pack=ZJD)
def test_business_secrets_are_a_class_under_the_draft(place: Place) -> None:
    a_matter_of_a_class_is_masked_as_a_whole(place, "business_secret")


@article("JS-17(1)", off=_all_but("business_secret"), pack=JS)
def test_business_secrets_are_a_class_in_jiangsu(place: Place) -> None:
    a_matter_of_a_class_is_masked_as_a_whole(place, "business_secret")


@article("X3-17", off=_all_but("not_to_disclose"), pack=X3)
def test_what_is_not_to_be_disclosed_is_a_class_in_the_unnamed_city(place: Place) -> None:
    a_matter_of_a_class_is_masked_as_a_whole(place, "not_to_disclose")
    assert {"state_secret", "business_secret", "sensitive", "not_to_disclose"} == access.classes(place.pack).keys()


@article("LZ-17(1)", off=_all_but("work_secret"), pack=LZ)
def test_work_secrets_are_a_class_in_luzhou(place: Place) -> None:
    a_matter_of_a_class_is_masked_as_a_whole(place, "work_secret")
    assert {"state_secret", "work_secret", "business_secret", "sensitive"} == access.classes(place.pack).keys()


@article("ZJ-12.2", off=_all_but("state_secret"), pack=ZJ)
def test_state_secrets_are_not_entered_in_zhenjiang(place: Place) -> None:
    a_state_secret_is_not_entered(place, "ZJ-12.2")


@article("ZJD-11", off=_all_but("state_secret"), pack=ZJD)
def test_state_secrets_are_not_entered_under_the_draft(place: Place) -> None:
    a_state_secret_is_not_entered(place, "ZJD-11")


@article("JS-17(1)", off=_all_but("state_secret"), pack=JS)
def test_state_secrets_are_not_entered_in_jiangsu(place: Place) -> None:
    a_state_secret_is_not_entered(place, "JS-17(1)")


@article("X3-17", off=_all_but("state_secret"), pack=X3)
def test_state_secrets_are_not_entered_in_the_unnamed_city(place: Place) -> None:
    a_state_secret_is_not_entered(place, "X3-17")


@article("LZ-17(1)", off=_all_but("state_secret"), pack=LZ)
def test_state_secrets_are_not_entered_in_luzhou(place: Place) -> None:
    a_state_secret_is_not_entered(place, "LZ-17(1)")


# -- who takes part from outside ---------------------------------------------------------------------


def dispatched(place: Place) -> int:
    """A finding given to two departments, of which the lead has signed for it."""
    case = place.report(place.worker())
    place.complete(case, "verify", verify_outcome="substantiated")
    if "self_handle" in place.steps(case):
        place.complete(case, "self_handle", self_handle_outcome="cannot_handle")
    place.complete(case, "escalate")
    units = [place.department("urban_management"), place.department("housing")]
    ordered = [{"unit": u, "duty": "co_handler" if n else "lead", "limit": "handle"} for n, u in enumerate(units)]
    place.complete(case, "triage", triage_outcome="dispatch", assignments=ordered)
    place.complete(case, "accept", unit=units[0])
    return case


@article("ZJ-12.2", off=Setting("own_steps_only", []), pack=ZJ)
def test_a_department_reads_its_own_steps_only(place: Place) -> None:
    """That a department needs to know no more of a matter than its own part is a reading."""
    case, other = dispatched(place), place.report(place.worker())
    lead, helper = place.department("urban_management"), place.department("housing")
    person = place.actor(place.person("receiver", helper))
    with place.engine.look() as work:
        listed = [row["id"] for row in queries.matters(work, person)["rows"]]
        matter, timeline = queries.matter(work, person, case), queries.timeline(work, person, case)
        nodes = [one["node"] for one in timeline]
        assert listed == [case]
        with pytest.raises(NotFound):
            queries.matter(work, person, other)
        assert {step["unit"]["id"] for step in matter["steps"]} == {helper}
        assert {one["unit"]["id"] for one in matter["assignments"]} == {helper}
        assert (timeline[0]["number"], len(timeline)) == (1, 2), nodes
        assert helper in str(timeline[1]["detail"])
        strange = next(row for row in place.steps(case)["handle"] if row.unit == lead)
        with pytest.raises(NotFound):
            queries.step(work, person, strange.id)
        own = next(row for row in place.steps(case)["accept"] if row.unit == helper)
        assert queries.step(work, person, own.id)["node"] == "accept"
        with pytest.raises(NotFound):
            queries.seen_record(work, person, case, 2)
    with place.engine.look() as work:
        assert len(queries.timeline(work, place.actor(officer(place)), case)) > 2


@article("ZJ-12.2", off=Patched("engine.access.must_be_admitted"), pack=ZJ)
def test_a_file_of_a_secret_matter_is_only_for_who_is_admitted(place: Place) -> None:
    case = place.report(place.worker(), secrecy="business_secret")
    person = officer(place)
    with place.engine.work() as work:
        kept = _attach(work, place.actor(place.worker()), case)
    with place.engine.look() as work:
        assert queries.matter(work, place.actor(person), case)["attachments"][0]["name"] == "配***"
        with pytest.raises(Refused):
            queries.attachment(work, place.actor(person), kept)
    admit(place, person, "business_secret")
    with place.engine.look() as work:
        assert queries.attachment(work, place.actor(person), kept)["name"] == "配方.txt"


def _attach(work: Any, actor: Any, case: int) -> int:
    kept = attachments.Kept("0" * 64, 3, "text/plain")
    return attachments.attach(work, actor, case, kept, "配方.txt")


UNTIL = Edit("shared/admission_to_data/1/forms/admission_asked.json", '"until"', '"other"')

# -- graded admission (X3-25.2c) ---------------------------------------------------------------------


@article("X3-25.2c", off=Without("admission.grant"), pack=X3)
def test_people_are_admitted_to_classes_by_an_act_on_record(place: Place) -> None:
    person = officer(place)
    case = admit(place, person, "sensitive", "business_secret")
    with place.engine.look() as work:
        entry = registers.get(work, f"grade/{person}")
        assert access.admitted(work, person) == {"sensitive", "business_secret"}
    county = place.person("duty_officer", place.county)
    assert (entry.about, entry.case) == (person, case)
    assert entry.body["approved_by"] == place.actor(county, "duty_officer").post
    record = place.chain(f"grade/{person}")[-1]
    assert (record.kind, record.actor, record.cause) == ("registered", county, f"case/{case}")
    assert place.case(case).status == "enacted"


@article("X3-25.2c", off=Without("admission.withdraw"), pack=X3)
def test_an_admission_can_be_taken_back(place: Place) -> None:
    person, matter = officer(place), request(place)
    admit(place, person, "sensitive")
    assert reveal(place, matter, person, "requester_name") == "张三丰"
    place.begin(place.person("duty_officer", place.county), "admission_ended", member=person)
    with pytest.raises(Refused):
        reveal(place, matter, person, "requester_name")


@article("X3-25.2c", off=Without("admission.by_another"), pack=X3)
def test_nobody_admits_themselves(place: Place) -> None:
    """Not even who has a post in the unit that asks as well as in the one that decides."""
    county = place.person("duty_officer", place.county)
    case = place.begin(county, "admission_asked", member=county, classes=["sensitive"])
    assert place.step(case, "approve_admission").unit == place.city.agency
    roles = {key: role.unit_kinds for key, role in place.pack.roles.items()}
    with place.engine.work() as work:
        directory.give_post(
            work.connection, "a-1", person=county, unit=place.township, role="checker", valid_from=date(2021, 1, 1),
            roles=roles, by=PORTAL, at=work.now,
        )  # fmt: skip
    place.now += timedelta(minutes=1)
    case = place.begin(county, "admission_asked", member=county, classes=["sensitive"])
    assert place.step(case, "approve_admission").unit == place.county
    with pytest.raises(Refused) as caught:
        place.complete(case, "approve_admission", by=county, approve_admission_outcome="approved")
    assert caught.value.code == "admission.own"


@article("X3-25.2c", off=Without("admission.lawful"), pack=X3)
def test_a_unit_asks_for_its_own_people_and_for_classes_there_are(place: Place) -> None:
    strangers = place.person("receiver", place.department("housing"))
    for person, key in ((strangers, "sensitive"), (officer(place), "work_secret"), (officer(place), "state_secret")):
        with pytest.raises(Refused):
            place.begin(officer(place), "admission_asked", member=person, classes=[key])


@article("X3-25.2c", off=UNTIL, pack=X3)
def test_an_admission_ends_on_its_day(place: Place) -> None:
    person, matter = officer(place), request(place)
    until = (place.now.date() + timedelta(days=3)).isoformat()
    case = place.begin(person, "admission_asked", member=person, classes=["sensitive"], until=until)
    place.complete(case, "approve_admission", approve_admission_outcome="approved")
    assert reveal(place, matter, person, "requester_name") == "张三丰"
    place.now += timedelta(days=4)
    with pytest.raises(Refused):
        reveal(place, matter, person, "requester_name")


# -- state security (ZJ-15) --------------------------------------------------------------------------

SIGN = {"matter_type": "security_precaution", "urgency": "ordinary", "area_kind": "urban"}


def no_pointer(content: dict[str, Any]) -> None:
    for item in content["items"]:
        item.pop("pointer_only", None)


@article("ZJ-15", off=Data("list.json", no_pointer), pack=ZJ)
def test_of_state_security_only_a_pointer_is_kept(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        place.report(place.worker(), **SIGN)
    assert (caught.value.code, caught.value.article) == ("intake.pointer-only", "ZJ-15")
    given = {"way_in": "discovered", "grid": place.grid, "answer": {**SIGN, "pointer": "区局保密室第3柜"}}
    with place.engine.work() as work:
        case = intake.report(work, place.actor(place.worker()), given)
    values = place.act(lambda work: records.said(work.connection, f"case/{case}"))[1]
    assert values.pop("pointer") == "区局保密室第3柜"
    assert {value for name, value in values.items() if name != "discovered_at"} == {secrecy.WORDS}
    assert all(one["masked"] for one in said(place, case, officer(place)).values())
    with pytest.raises(Refused):
        reveal(place, case, officer(place), "pointer")
    told = Asked(grid_code(place), "有可疑人员", matter_type="security_precaution")
    with pytest.raises(Refused) as public:
        place.act(citizens.submit, told)
    assert public.value.code == "public.not-here"


# -- data of departments (ZJ-11.2, ZJ-11.3, ZJD-10.3) ------------------------------------------------


def bring_in(place: Place, *lines: dict[str, Any], person: str = "", source: str = "") -> dict[str, int]:
    """A department of the county brings in lines."""
    unit = place.department("housing")
    actor = place.actor(person or place.person("receiver", unit))
    batch = Batch(source or unit, place.now - timedelta(days=1), "房屋台账系统2026年3月导出")
    read = sharing.read(json.dumps({"grid": place.grid, "kind": "house", **line}) for line in lines)
    found: dict[str, int] = place.act(lambda work: sharing.bring_in(work, actor, batch, read, pack=place.draft))
    return found


HOUSE = {"number": "H-1", "data": {"address": "甲路1号", "floors": 6}}


def seen_data(place: Place, person: str) -> list[dict[str, Any]]:
    with place.engine.look() as work:
        return sharing.shown(work, place.actor(person), place.grid)


_put = registers.put


def without_provenance(work: Any, actor: Any, kind: str, name: str, body: Any, **more: Any) -> Any:
    """Registers data without saying where they come from."""
    gone = ("source", "provenance", "collected_at") if kind == "shared_data" else ()
    return _put(work, actor, kind, name, {field: v for field, v in body.items() if field not in gone}, **more)


@article("ZJ-11.2", off=Patched("engine.registers.put", without_provenance), pack=ZJ)
def test_departments_bring_in_data_with_their_provenance(place: Place) -> None:
    unit = place.department("housing")
    assert bring_in(place, HOUSE, {"number": "H-2", "data": {"floors": 2}}) == {"new": 2, "changed": 0, "same": 0}
    with place.engine.look() as work:
        kept = registers.holding(work, "shared_data", about=place.grid)
    first = next(entry for entry in kept if entry.body["number"] == "H-1")
    assert first.unit == first.body.get("source") == unit
    assert first.body["provenance"] == "房屋台账系统2026年3月导出"
    assert first.body["collected_at"] == (place.now - timedelta(days=1)).isoformat()
    assert "甲路" not in str(first.body)
    assert place.chain(first.id)[0].detail == {"source": unit}


def _new_each_time(*_: Any) -> None:
    return None


@article("ZJ-11.2", off=Patched("handlers.sharing._known", _new_each_time), pack=ZJ)
def test_a_number_of_a_source_comes_in_once(place: Place) -> None:
    assert bring_in(place, HOUSE)["new"] == 1
    assert bring_in(place, HOUSE) == {"new": 0, "changed": 0, "same": 1}
    place.now += timedelta(days=1)
    assert bring_in(place, {**HOUSE, "data": {"floors": 7}}) == {"new": 0, "changed": 1, "same": 0}
    assert seen_data(place, place.worker())[0]["data"] == {"floors": {"value": 7}}


@article("ZJ-11.2", off=Patched("handlers.sharing._may_bring_in"), pack=ZJ)
def test_nobody_brings_in_the_data_of_another_department(place: Place) -> None:
    with pytest.raises(Forbidden):
        bring_in(place, HOUSE, source=place.department("urban_management"))
    with pytest.raises(Forbidden):
        bring_in(place, HOUSE, person=place.worker())
    assert bring_in(place, HOUSE, person=place.person("duty_officer", place.county))["new"] == 1


@article("ZJ-11.2", off=Patched("handlers.sharing._faults", lambda *_: ()), pack=ZJ)
def test_an_import_is_taken_in_whole_or_not_at_all(place: Place) -> None:
    with pytest.raises(Invalid) as caught:
        bring_in(place, HOUSE, {"number": "H-2", "data": {"a": 1}, "class": "state_secret"})
    assert [finding.element for finding in caught.value.findings] == ["2.class"]
    assert seen_data(place, place.worker()) == []


def only_the_source(work: Any, actor: Any, entry: Any) -> bool:
    return bool(actor.unit == entry.unit)


def base_data_reach_the_worker_and_departments(place: Place) -> None:
    management = place.department("urban_management")
    personal = {"number": "P-1", "data": {"name": "李四海"}, "class": "sensitive", "to": [management]}
    bring_in(place, HOUSE, personal)
    mine = seen_data(place, place.worker())
    assert {one["number"] for one in mine} == {"H-1", "P-1"}
    assert {"address": {"value": "甲路1号"}, "floors": {"value": 6}} in [one["data"] for one in mine]
    assert {"name": {"value": "李**", "masked": True}} in [one["data"] for one in mine]
    assert [one["number"] for one in seen_data(place, place.person("receiver", management))] == ["P-1"]
    assert seen_data(place, place.person("receiver", place.department("emergency_management"))) == []
    assert len(seen_data(place, officer(place))) == 2


@article("ZJ-11.3", off=Patched("handlers.sharing._is_for", only_the_source), pack=ZJ)
def test_base_data_reach_the_worker_in_zhenjiang(place: Place) -> None:
    base_data_reach_the_worker_and_departments(place)


@article("ZJD-10.3", off=Patched("handlers.sharing._is_for", only_the_source), pack=ZJD)
def test_base_data_reach_the_worker_and_departments_under_the_draft(place: Place) -> None:
    base_data_reach_the_worker_and_departments(place)


@article("ZJ-12.2", off=FREE, pack=ZJ)
def test_a_look_at_shared_personal_data_takes_admission_and_is_on_record(place: Place) -> None:
    bring_in(place, {"number": "P-1", "data": {"name": "李四海"}, "class": "sensitive"})
    person = officer(place)
    name = seen_data(place, person)[0]["id"]
    with pytest.raises(Refused):
        place.act(sharing.reveal, place.actor(person), name, "name", REASON)
    admit(place, person, "sensitive")
    assert place.act(sharing.reveal, place.actor(person), name, "name", REASON) == "李四海"
    look = place.chain(f"shared_data/{name}")[-1]
    assert (look.kind, look.actor, look.detail["field"]) == ("revealed", person, "name")
    stranger = place.actor(place.person("receiver", place.department("emergency_management")))
    with pytest.raises(NotFound):
        place.act(sharing.reveal, stranger, name, "name", REASON)


def pushed(place: Place, way: str) -> None:
    """Something the agency pushes is in the worker's inbox at once, and signing for it is on record."""
    case = place.report(officer(place), way)
    worker = place.actor(place.worker())
    with place.engine.look() as work:
        rows = [row for row in queries.inbox(work, worker)["rows"] if row["matter"]["id"] == case]
    assert [row["seen_at"] for row in rows] == [None]
    place.act(cases.claim, worker, rows[0]["id"], rows[0]["revision"])
    with place.engine.look() as work:
        receipt = queries.inbox(work, worker)["rows"][0]["seen_at"]
    assert receipt == place.now.isoformat()


def past_the_worker(way: str, target: str) -> Edit:
    """What is pushed goes to the agency instead."""
    words = f'sourceRef="{way}" targetRef="{{}}"'
    return Edit("matter.bpmn", words.format(target), words.format("propose_triage"))


@article("ZJ-11.3", off=past_the_worker("clue_pushed", "found"), pack=ZJ)
def test_clues_reach_the_worker_in_zhenjiang(place: Place) -> None:
    pushed(place, "clue_pushed")


@article("ZJ-11.3", off=past_the_worker("instruction_pushed", "worker_may_act"), pack=ZJ)
def test_instructions_reach_the_worker_in_zhenjiang(place: Place) -> None:
    pushed(place, "instruction_pushed")


@article("ZJD-10.3", off=past_the_worker("clue_pushed", "found"), pack=ZJD)
def test_clues_reach_the_worker_under_the_draft(place: Place) -> None:
    pushed(place, "clue_pushed")


@article("ZJD-10.3", off=past_the_worker("instruction_pushed", "verify"), pack=ZJD)
def test_instructions_reach_the_worker_under_the_draft(place: Place) -> None:
    pushed(place, "instruction_pushed")


# -- the doors ---------------------------------------------------------------------------------------


class Door:
    """The API as somebody who is signed in uses it."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place, self.settings = place, Settings(folder)
        self.client = create_app(place.engine, self.settings).test_client(use_cookies=False)

    def headers(self, person: str, **more: str) -> dict[str, str]:
        with self.place.engine.work() as work:
            token, _ = sessions.begin(work, self.settings, person, person)
        return {"Authorization": f"Bearer {token}", **more}


in_zhenjiang = pytest.mark.parametrize("place", [pytest.param((ZJ, ()), id="zhenjiang")], indirect=True)


@in_zhenjiang
def test_the_value_is_in_one_answer_and_nowhere_else(place: Place, tmp_path: Path) -> None:
    case, person, door = request(place), officer(place), Door(place, tmp_path)
    admit(place, person, "sensitive")
    address = f"/api/matters/{place.case(case).number}/reveal"
    body, headers = {"record": 1, "field": "requester_contact", "reason": REASON}, door.headers(person)
    key = {**headers, "Idempotency-Key": "look-1"}
    assert door.client.post(address, json=body, headers=key).get_json()["value"] == "13812345600"
    assert door.client.post(address, json=body, headers=key).get_json()["value"] is None
    assert len(looks(place, case)) == 1
    with place.engine.look() as work:
        assert "13812345600" not in str(work.connection.execute(tables.answer.select()).all())


@in_zhenjiang
def test_a_refused_look_is_on_record_too(place: Place, tmp_path: Path) -> None:
    case, person, door = request(place), officer(place), Door(place, tmp_path)
    body = {"record": 1, "field": "requester_contact", "reason": REASON}
    told = door.client.post(
        f"/api/matters/{place.case(case).number}/reveal", json=body, headers=door.headers(person)
    ).get_json()
    assert (told["code"], told["article"]) == ("access.not-admitted", "ZJ-12.2")
    last = place.records(case)[-1]
    assert (last.kind, last.actor, last.detail["verb"]) == ("refused", person, "reveal")


@in_zhenjiang
def test_lines_come_in_through_the_api_and_reach_the_worker(place: Place, tmp_path: Path) -> None:
    door, unit = Door(place, tmp_path), place.department("housing")
    lines = "\n".join(json.dumps({"grid": grid_code(place), "kind": "house", **HOUSE, "number": n}) for n in ("1", "2"))
    where = {"source": unit, "collected_at": "2026-03-01T08:00:00+08:00", "provenance": "台账"}
    headers = door.headers(place.person("receiver", unit), **{"Content-Type": "application/x-ndjson"})
    sent = door.client.post("/api/imports", query_string=where, data=lines, headers=headers)
    assert sent.get_json() == {"new": 2, "changed": 0, "same": 0}
    wrong = door.client.post("/api/imports", query_string=where, data=lines + "\n{", headers=headers)
    assert (wrong.status_code, wrong.get_json()["code"]) == (422, "import.line")
    mine = door.client.get("/api/shared-data", headers=door.headers(place.worker())).get_json()["entries"]
    assert [one["number"] for one in sorted(mine, key=lambda one: str(one["number"]))] == ["1", "2"]
    assert mine[0]["collected_at"] == where["collected_at"]
    assert door.client.post("/api/imports", query_string=where, data=lines).status_code == 401
