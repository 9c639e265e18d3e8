"""Grids and what is published of them, in all packs: who divides, who is asked, who approves, what is filed (ZJ-6, ZJD-6,
JS-7, X3-8, LZ-8); codes (JS-8, X3-9); grids without workers (JS-13.3, X3-11); publicity (ZJ-7, JS-19.1, X3-10, LZ-10)."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from engine import directory, queries, registers, tables
from engine.directory import Unit
from engine.errors import Invalid, NotFound, Refused
from engine.registers import Registered
from handlers import grids, publicity
from handlers.city import ESTABLISHED, FOUNDER
from tests.articles.proof import Data, Edit, Patched, Setting, Without, article
from tests.places import Place
from web import sessions
from web.app import create_app
from web.settings import Settings

ZJ, ZJD, JS = "zhenjiang/2026-01-01", "zhenjiang/2025-draft", "jiangsu/2021-01-01"
X3, LZ = "unnamed-2023/2023-01-01", "luzhou/2024-10-01"
DIAGRAM = "procedures/grid_change/grid_change.bpmn"
FORM = "procedures/grid_change/forms/grid_change.json"

ANYBODY_DIVIDES = Patched("handlers.grids._check_divider")
UNFILED = Without("grid.filed")
UNPUBLISHED = Patched("handlers.publicity.changed")
UNASKED = Edit(DIAGRAM, 'sourceRef="examine" targetRef="consultation"', 'sourceRef="examine" targetRef="put_in_force"')
UNAPPROVED = Edit(DIAGRAM, 'sourceRef="examine" targetRef="approve"', 'sourceRef="examine" targetRef="enact"')
ANY_CODE = [Patched("handlers.grids._check_code"), Patched("engine.directory._code_faults", lambda *_: ())]


def division(**changed: Any) -> Data:
    """The rules of division with something else in them."""
    return Data("manifest.json", lambda manifest: manifest["settings"]["grid_division"].update(changed))


# -- making a change ---------------------------------------------------------------------------------


def village(place: Place, number: int = 1) -> str:
    """The division of a village of the township."""
    return f"{place.city.townships[0]}{number:03d}"


def draft(place: Place, number: int = 90, **more: Any) -> dict[str, Any]:
    """A grid as it is to be, in the first village."""
    parent = str(more.get("parent", village(place)))
    item = place.pack.forms["grid_change"]["properties"]["drafts"]["items"]["properties"]
    unit = {"division_unit": "estate"} if "division_unit" in item and parent.startswith("c") else {}
    named = {"name": f"新{number}网格", "boundary": "东至大街，西至河", "parent": parent, **unit, **more}
    return {"code": f"{parent[1:]}{number:03d}", **named}


def proposed(place: Place, kind: str = "new", *drafts: dict[str, Any], by: str = "", **answer: Any) -> int:
    """A change proposed by the agency that divides, with everybody who has to take part."""
    township = place.pack.key == X3
    person = by or place.person("duty_officer", place.township if township else place.county)
    given = {
        "change_kind": kind,
        "drafts": list(drafts),
        "effective_from": place.now.date().isoformat(),
        "joint_units": [place.department("urban_management"), place.government],
        **answer,
    }
    return place.begin(person, "grid_change_proposed", about=place.city.townships[0], **given)


def put_in_force(place: Place, case: int, **answer: Any) -> int:
    """Goes on with a change until it is in force: everybody is asked and agrees."""
    while "consult" in place.steps(case):
        place.complete(case, "consult", consult_outcome="agrees")
    if "approve" in place.steps(case):
        place.complete(case, "approve", approve_outcome="approved")
    else:
        place.complete(case, "put_in_force", put_in_force_outcome="in_force", **answer)
    return case


def some_worker(place: Place) -> dict[str, Any]:
    """The worker that a grid has to have where the text wants one."""
    return {"workers": [place.worker()]} if place.pack.key == X3 else {}


def new(place: Place, number: int = 90, **more: Any) -> Unit:
    """A new grid, in force."""
    put_in_force(place, proposed(place, "new", draft(place, number, **more)))
    return unit(place, f"g{village(place)[1:]}{number:03d}")


def unit(place: Place, id: str) -> Unit:
    with place.engine.look() as work:
        return work.directory.unit(id)


def there(place: Place, id: str) -> bool:
    try:
        return bool(unit(place, id))
    except NotFound:
        return False


def entries(place: Place, kind: str, **where: Any) -> list[Registered]:
    with place.engine.look() as work:
        return registers.holding(work, kind, **where)


def filed(place: Place, case: int) -> None:
    """The change takes effect first; then it is filed, with number, sender, receiver, time and hash."""
    made = unit(place, f"g{village(place)[1:]}090")
    assert made.valid_from == place.now.date()
    row = place.step(case, "file")
    assert row.due_at is not None
    sender = place.complete(case, "file")
    assert entries(place, "filing", about=f"case/{case}")
    entry = entries(place, "filing", about=f"case/{case}")[0]
    assert (entry.body["from"], entry.body["to"]) == (place.actor(sender).unit, place.city.agency)
    assert entry.body["filed_at"] == place.now.isoformat()
    assert entry.body["number"]
    assert len(entry.body["content_hash"]) == 64
    assert entry.body["content"]["drafts"][0]["code"] == made.code
    assert place.case(case).status == "enacted"


def put(place: Place, id: str, kind: str, level: str, parent: str, **attributes: Any) -> str:
    """Another unit on record."""
    with place.engine.work() as work:
        directory.put_unit(
            work.connection, id, kind=kind, level=level, code=id.upper(), name=id, parent=parent,
            valid_from=ESTABLISHED, attributes=attributes, by=FOUNDER, at=work.now,
        )  # fmt: skip
    return id


def give(place: Place, person: str, where: str, role: str) -> str:
    with place.engine.work() as work:
        roles = {key: one.unit_kinds for key, one in place.pack.roles.items()}
        directory.give_post(
            work.connection, f"{person}-{where}", person=person, unit=where, role=role, valid_from=ESTABLISHED,
            roles=roles, by=FOUNDER, at=work.now,
        )  # fmt: skip
    return person


def leave(place: Place, person: str) -> None:
    """A worker of the grid is there until yesterday."""
    with place.engine.work() as work:
        post = next(one for one in work.directory.posted(place.grid) if one.person == person)
        last = place.now.date() - timedelta(days=1)
        directory.end_post(work.connection, post.post, last_day=last, by=FOUNDER, at=work.now)
        publicity.changed(work, place.grid, "worker_changed", "")


# -- who divides, and with whom ----------------------------------------------------------------------


@article("ZJ-6.1a", off=ANYBODY_DIVIDES, pack=ZJ)
@article("JS-7.a", off=ANYBODY_DIVIDES, pack=JS)
def test_only_the_county_divides(place: Place) -> None:
    for other in (place.township, place.city.agency):
        with pytest.raises(Refused) as caught:
            proposed(place, "new", draft(place), by=place.person("duty_officer", other))
        assert caught.value.code == "grid.divider"
    assert new(place).kind == "grid"


@article("ZJ-6.1a", off=division(together={}), pack=ZJ)
def test_departments_and_township_take_part_on_record(place: Place) -> None:
    """That it is enough to record who took part is a reading."""
    for units in ([], [place.department("housing")], [place.government]):
        with pytest.raises(Refused) as caught:
            proposed(place, "new", draft(place), joint_units=units)
        assert caught.value.article == "ZJ-6.1"
    case = proposed(place, "new", draft(place))
    assert place.facts(case)["joint_units"] == [place.department("urban_management"), place.government]


@article("JS-7.a", off=division(together={}), pack=JS)
def test_departments_take_part(place: Place) -> None:
    with pytest.raises(Refused):
        proposed(place, "new", draft(place), joint_units=[place.government])
    assert proposed(place, "new", draft(place), joint_units=[place.department("housing")])


@article("ZJ-6.1a", off=division(by={"county": ["grid"]}), pack=ZJ)
def test_the_county_divides_a_grid_into_micro_grids(place: Place) -> None:
    case = proposed(place, "new", draft(place, 1, parent=place.grid, code=f"{place.grid[1:]}01"))
    put_in_force(place, case)
    made = unit(place, f"m{place.grid[1:]}01")
    assert (made.kind, made.parent) == ("micro_grid", place.grid)


@article("LZ-8.1", off=[ANYBODY_DIVIDES, division(together={})], pack=LZ)
def test_the_county_divides_comprehensive_grids_with_the_township(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        proposed(place, "new", draft(place), joint_units=[place.department("housing")])
    assert caught.value.article == "LZ-8.1"
    with pytest.raises(Refused):
        proposed(place, "new", draft(place), by=place.person("duty_officer", place.township))


def without_division_unit(form: dict[str, Any]) -> None:
    form["properties"]["drafts"]["items"]["required"].remove("division_unit")


@article("LZ-8.1", off=Data(FORM, without_division_unit), pack=LZ)
def test_the_kind_of_unit_it_is_divided_by_is_recorded(place: Place) -> None:
    silent = {name: value for name, value in draft(place).items() if name != "division_unit"}
    with pytest.raises(Invalid):
        proposed(place, "new", silent)
    assert new(place, division_unit="buildings").attributes["division_unit"] == "buildings"


# -- villages are asked (ZJ-6.1, ZJD-6.3) ------------------------------------------------------------


@article("ZJ-6.1b", off=UNASKED, pack=ZJ)
@article("ZJ-6.1b", off=Patched("handlers.grids._committees", lambda *_: []), pack=ZJ)
@article("ZJ-6.1b", off=Edit(DIAGRAM, 'consult_outcome = "no_reply"', 'consult_outcome = "none"'), pack=ZJ)
@article("ZJD-6.3", off=UNASKED, pack=ZJD)
def test_nothing_takes_effect_before_each_village_was_asked(place: Place) -> None:
    """That it blocks, and that each village concerned is asked, are readings; an opinion need not be favourable."""
    case = proposed(place, "new", draft(place, 90), draft(place, 91, parent=village(place, 2)))
    assert {row.unit for row in place.steps(case)["consult"]} == {f"vc-{village(place, n)}" for n in (1, 2)}
    place.complete(case, "consult", unit=f"vc-{village(place, 1)}", consult_outcome="disagrees")
    assert "put_in_force" not in place.steps(case)
    assert not there(place, f"g{village(place)[1:]}090")
    place.pass_(days=10)
    assert sorted(place.facts(case)["opinions"]) == ["disagrees", "no_reply"]
    today = place.now.date().isoformat()
    place.complete(case, "put_in_force", put_in_force_outcome="in_force", effective_from=today)
    assert unit(place, f"g{village(place)[1:]}090").valid_from == place.now.date()


@article("ZJ-6.1b", off=UNASKED, pack=ZJ)
def test_an_adjustment_and_micro_grids_need_the_villages_opinion_too(place: Place) -> None:
    adjusted = proposed(place, "adjust", {"name": "改名网格", "boundary": "新界"}, grids=[place.grid])
    inner = proposed(place, "new", draft(place, 1, parent=place.grid, code=f"{place.grid[1:]}01"))
    for case in (adjusted, inner):
        assert [row.unit for row in place.steps(case)["consult"]] == [f"vc-{village(place)}"]
    assert unit(place, place.grid).name != "改名网格"
    put_in_force(place, adjusted)
    assert unit(place, place.grid).name == "改名网格"


# -- filing ------------------------------------------------------------------------------------------


@article("ZJ-6.2", off=UNFILED, pack=ZJ)
@article("ZJD-6.3", off=UNFILED, pack=ZJD)
@article("JS-7.b", off=UNFILED, pack=JS)
@article("X3-8.1", off=UNFILED, pack=X3)
@article("LZ-8.2", off=UNFILED, pack=LZ)
def test_what_is_in_force_is_filed_with_the_city(place: Place) -> None:
    workers = some_worker(place)
    filed(place, put_in_force(place, proposed(place, "new", draft(place, **workers))))


UNTIMED = Edit(DIAGRAM, 'wangge:limit="file_grid_change"', "")


@article("ZJ-6.2", off=UNTIMED, pack=ZJ)
@article("JS-7.b", off=UNTIMED, pack=JS)
@article("LZ-8.2", off=UNTIMED, pack=LZ)
def test_the_city_sees_what_is_not_filed_in_time(place: Place) -> None:
    case = put_in_force(place, proposed(place, "new", draft(place)))
    place.pass_(days=30)
    actor = place.actor(place.person("supervisor", place.city.agency))
    with place.engine.look() as work:
        shown = queries.overdue(work, actor)["rows"]
    assert ("file", case) in [(row["node"], row["matter"]["id"]) for row in shown]


# -- proposed by the township, approved by the county (X3-8) -----------------------------------------


@article("X3-8.1", off=UNAPPROVED, pack=X3)
def test_a_grid_of_the_township_waits_for_the_county(place: Place) -> None:
    id = f"g{village(place)[1:]}090"
    refused = proposed(place, "new", draft(place, workers=[place.worker()]))
    assert not there(place, id)
    place.complete(refused, "approve", approve_outcome="rejected")
    assert place.case(refused).status == "rejected"
    assert not there(place, id)
    approved = proposed(place, "new", draft(place, workers=[place.worker()]))
    assert place.step(approved, "approve").unit == place.county
    place.complete(approved, "approve", approve_outcome="sent_back")
    place.complete(approved, "revise", effective_from=place.now.date().isoformat())
    assert not there(place, id)
    place.complete(approved, "approve", approve_outcome="approved")
    assert there(place, id)
    assert place.step(approved, "file").unit == place.township


@article("X3-8.1", off=ANYBODY_DIVIDES, pack=X3)
def test_the_township_proposes(place: Place) -> None:
    with pytest.raises(Refused):
        proposed(place, "new", draft(place, workers=[place.worker()]), by=place.person("duty_officer", place.county))


def reason_optional(form: dict[str, Any]) -> None:
    form["required"].remove("reason")
    form["properties"]["reason"].pop("minLength")


@article("X3-8.2", off=Data(FORM, reason_optional), pack=X3)
def test_an_adjustment_needs_its_reason(place: Place) -> None:
    changed = {"name": "改名网格", "boundary": "新界"}
    with pytest.raises(Invalid):
        proposed(place, "adjust", changed, grids=[place.grid], reason="")


@article("X3-8.2", off=UNAPPROVED, pack=X3)
def test_an_adjustment_takes_the_same_three_steps(place: Place) -> None:
    case = proposed(place, "adjust", {"name": "改名网格", "boundary": "新界"}, grids=[place.grid])
    assert unit(place, place.grid).name != "改名网格"
    place.complete(case, "approve", approve_outcome="approved")
    assert unit(place, place.grid).name == "改名网格"
    assert "file" in place.steps(case)


# -- codes (JS-8, X3-9) ------------------------------------------------------------------------------


@article("JS-8", off=ANY_CODE, pack=JS)
@article("X3-9", off=ANY_CODE, pack=X3)
def test_a_code_follows_the_pattern_and_belongs_to_one_grid_for_ever(place: Place) -> None:
    """That the code of an ended grid is never used again is a reading."""
    workers = some_worker(place)
    ended = unit(place, place.grid).code
    put_in_force(
        place, proposed(place, "split", draft(place, 90, **workers), draft(place, 91, **workers), grids=[place.grid])
    )
    assert not there(place, place.grid)
    taken = f"{village(place)[1:]}090"
    for code in (ended, taken, f"{village(place)[1:]}9", f"{village(place, 2)[1:]}092"):
        with pytest.raises(Refused) as caught:
            proposed(place, "new", draft(place, code=code, **workers))
        assert caught.value.article in ("JS-8", "X3-9")
    with pytest.raises(Refused):
        proposed(place, "new", draft(place, 95, **workers), draft(place, 95, **workers))


# -- workers (JS-13.3, X3-11) ------------------------------------------------------------------------


def alerts(place: Place) -> set[tuple[str, str]]:
    with place.engine.look() as work:
        return {(one["grid"], one["alert"]) for one in grids.alerts(work, "/")}


@article("JS-13.3", off=division(full_time_basis=""), pack=JS)
def test_an_urban_comprehensive_grid_without_full_time_worker_raises_an_alert(place: Place) -> None:
    """An alert and no block: a reading."""
    department, host = place.department("urban_management"), put(place, "park", "host_unit", "village", village(place))
    exclusive = {"category": "exclusive", "host_unit": host, "supervising_department": department}
    part_time = [place.worker("part_time")]
    urban = new(place, 90, area_kind="urban", workers=part_time)
    new(place, 91, area_kind="rural", workers=part_time)
    new(place, 92, area_kind="urban", workers=part_time, **exclusive)
    new(place, 93, area_kind="urban", workers=[place.worker()])
    assert alerts(place) == {(urban.id, "no_full_time_worker")}
    leave(place, place.worker())
    assert alerts(place) == {(urban.id, "no_full_time_worker"), (place.grid, "no_full_time_worker")}


@article("X3-11", off=division(without_worker="alert"), pack=X3)
def test_no_grid_is_put_in_force_without_a_worker(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        proposed(place, "new", draft(place))
    assert caught.value.article == "X3-11"
    made = new(place, workers=[place.worker()])
    with place.engine.look() as work:
        assert work.directory.holders("grid_worker", made.id) == [place.worker()]


@article("X3-11", off=Patched("handlers.grids._alerts", lambda *_: []), pack=X3)
def test_an_alert_appears_when_the_last_worker_leaves(place: Place) -> None:
    with place.engine.look() as work:
        people = [one.person for one in work.directory.posted(place.grid)]
    for person in people:
        assert alerts(place) == set()
        leave(place, person)
    assert alerts(place) == {(place.grid, "no_worker")}


# -- publicity ---------------------------------------------------------------------------------------


def told(place: Place) -> dict[str, Any]:
    with place.engine.look() as work:
        return publicity.shown(work, place.grid[1:]) or {}


def task(place: Place, grid: str = "") -> int:
    """The case in which a grid is to be published."""
    due = [one for one in entries(place, "publication_due", about=grid or place.grid) if one.body["open"]]
    assert due, "nothing is to be published"
    return int(due[0].body["case"])


def published(place: Place) -> dict[str, Any]:
    found = entries(place, "publication", about=place.grid)
    assert found, "no publication is on record"
    return found[0].body


def publish(place: Place, case: int, *channels: str, **answer: Any) -> None:
    ways = [{"channel": channel, "place": "社区活动中心"} for channel in channels]
    place.complete(case, "publish_grid", channels=ways, **{"published_at": place.now.isoformat(), **answer})


def adjusted(place: Place, name: str = "改名网格") -> None:
    """The grid has another name from today on."""
    changed = {name: value for name, value in draft(place).items() if name not in ("code", "parent")} | {"name": name}
    put_in_force(place, proposed(place, "adjust", changed, grids=[place.grid]))


def page(place: Place, tmp_path: Path) -> tuple[Mapping[str, Any], str]:
    """What somebody sees who has not signed in."""
    client = create_app(place.engine, Settings(tmp_path / "data")).test_client()
    answer = client.get(f"/api/public/grids/{place.grid[1:]}")
    assert answer.status_code == 200, answer.text
    html = client.get(f"/public/grids/{place.grid[1:]}")
    assert (html.status_code, html.mimetype) == (200, "text/html")
    assert client.get("/api/public/grids/999").status_code == 404
    return answer.get_json(), html.text


NAMES = ["grid_name", "area_range", "worker_name", "worker_contact", "supervision_phone"]


def secret(place: Place) -> set[str]:
    """What nobody outside may read: ids of people and units."""
    with place.engine.look() as work:
        return {one.person for one in work.directory.posted(place.grid)} | {place.township, place.county}


@article("ZJ-7.a", off=Setting("public_fields", ["grid_name"]), pack=ZJ)
@article("ZJ-7.a", off=Setting("public_fields", NAMES), pack=ZJ)
def test_zhenjiang_shows_grids_micro_grids_and_all_workers(place: Place, tmp_path: Path) -> None:
    case = proposed(place, "new", draft(place, 1, parent=place.grid, code=f"{place.grid[1:]}01", name="第一微网格"))
    put_in_force(place, case)
    assert place.step(task(place), "publish_grid").unit == place.government
    shown, html = page(place, tmp_path)
    assert set(shown) == {"grid_name", "area_range", "micro_grids", "workers", "supervision_phone"}
    assert [one["name"] for one in shown["micro_grids"]] == ["第一微网格"]
    assert {one["kind"] for one in shown["workers"]} == {"grid_chief", "full_time", "part_time"}
    for worker in shown["workers"]:
        assert set(worker) == {"name", "kind", "contact", "duties"}
        assert all(worker.values())
        assert worker["name"] in html
    assert all(word not in html for word in secret(place))
    assert "<script" not in html


@article("JS-19.1", off=Setting("public_workers", []), pack=JS)
@article("JS-19.1", off=Setting("public_fields", ["grid_name", "worker_name"]), pack=JS)
def test_jiangsu_shows_the_chief_and_the_full_time_workers(place: Place, tmp_path: Path) -> None:
    shown, html = page(place, tmp_path)
    assert set(shown) == {"grid_name", "area_range", "workers", "supervision_phone"}
    assert {one["kind"] for one in shown["workers"]} == {"grid_chief", "full_time"}
    assert all(set(one) == {"name", "kind", "contact"} for one in shown["workers"])
    assert "兼职" not in html


@article("X3-10", off=Setting("public_fields", NAMES[:-1]), pack=X3)
@article("LZ-10", off=Setting("public_fields", NAMES[:-1]), pack=LZ)
def test_name_area_workers_and_supervision_telephone_are_shown(place: Place, tmp_path: Path) -> None:
    shown, html = page(place, tmp_path)
    assert set(shown) == {"grid_name", "area_range", "workers", "supervision_phone"}
    assert shown["supervision_phone"]
    assert shown["supervision_phone"] in html
    assert shown["workers"]
    assert all(set(one) == {"name", "contact"} for one in shown["workers"])


@article("ZJ-7.a", off=Without("publication.keep"), pack=ZJ)
@article("X3-10", off=Without("publication.keep"), pack=X3)
@article("LZ-10", off=Without("publication.keep"), pack=LZ)
def test_each_publication_is_on_record_with_way_time_and_content(place: Place) -> None:
    adjusted(place)
    way = "place" if place.pack.key == ZJ else "board"
    case = task(place)
    owner = place.government if place.pack.key == ZJ else place.township
    assert place.step(case, "publish_grid").unit == owner
    publish(place, case, way, "online")
    found = published(place)
    assert [one["channel"] for one in found["channels"]] == [way, "online"]
    assert found["published_at"] == place.now.isoformat()
    assert (found["version"], len(found["content_hash"])) == (1, 64)


@article("ZJ-7.a", off=Without("publication.lawful"), pack=ZJ)
@article("JS-19.1", off=Without("publication.lawful"), pack=JS)
def test_it_is_published_in_a_way_that_the_text_wants(place: Place) -> None:
    adjusted(place)
    case = task(place)
    with pytest.raises(Refused) as caught:
        publish(place, case, "card" if place.pack.key == ZJ else "online")
    assert caught.value.article in ("ZJ-7", "JS-19.1")
    publish(place, case, "place")


@article("ZJ-7.b", off=UNPUBLISHED, pack=ZJ)
@article("JS-19.1", off=UNPUBLISHED, pack=JS)
@article("X3-10", off=UNPUBLISHED, pack=X3)
@article("LZ-10", off=UNPUBLISHED, pack=LZ)
def test_a_change_of_grid_or_worker_is_to_be_published_again(place: Place) -> None:
    adjusted(place)
    first = task(place)
    assert place.step(first, "publish_grid").due_at is not None
    publish(place, first, "place", "board", "online")
    assert place.case(first).status == "completed"
    place.pass_(hours=1)
    leave(place, place.worker())
    second = task(place)
    assert second != first
    publish(place, second, "place", "board", "online")
    assert published(place)["version"] == 2


@article("ZJ-7.b", off=Patched("handlers.publicity.stale", lambda *_: []), pack=ZJ)
def test_what_is_published_late_or_wrong_is_shown(place: Place) -> None:
    adjusted(place)
    publish(place, task(place), "place")
    with place.engine.look() as work:
        assert publicity.stale(work, "/") == []
    place.pass_(hours=1)
    adjusted(place, "又改名网格")
    place.pass_(hours=1)
    with place.engine.look() as work:
        one = publicity.stale(work, "/")[0]
    assert (one["grid"], one["overdue"], one["case"]) == (place.grid, False, task(place))
    place.pass_(days=14)
    with place.engine.look() as work:
        assert publicity.stale(work, "/")[0]["overdue"] is True


@article("JS-19.1", off=Setting("public_workers", []), pack=JS)
def test_a_part_time_worker_changes_nothing_in_jiangsu(place: Place) -> None:
    adjusted(place)
    publish(place, task(place), "place")
    place.pass_(hours=1)
    leave(place, place.worker("part_time"))
    assert not [one for one in entries(place, "publication_due", about=place.grid) if one.body["open"]]


def not_by_the_host(manifest: dict[str, Any]) -> None:
    manifest["settings"]["publicity"].pop("exclusive_by")


@article("LZ-10", off=Data("manifest.json", not_by_the_host), pack=LZ)
def test_the_unit_that_an_exclusive_grid_lies_at_publishes_it(place: Place) -> None:
    host = put(place, "port", "host_unit", "village", village(place))
    give(place, place.worker(), host, "publicity_officer")
    exclusive: dict[str, Any] = {"category": "exclusive", "exclusive_kind": "transport_commerce", "host_unit": host}
    department = place.department("emergency_management")
    with pytest.raises(Refused):
        proposed(place, "new", draft(place, **exclusive), joint_units=[department])
    made = new(place, workers=[place.worker()], supervising_department=department, **exclusive)
    assert made.attributes["supervising_department"] == department
    case = task(place, made.id)
    assert place.step(case, "publish_grid").unit == host
    publish(place, case, "board")


# -- what follows from a change ----------------------------------------------------------------------

in_zhenjiang = pytest.mark.parametrize("place", [pytest.param((ZJ, ()), id="zhenjiang")], indirect=True)


@in_zhenjiang
def test_what_is_open_goes_over_to_the_grid_that_follows(place: Place) -> None:
    held, waiting = place.report(place.worker()), place.report(place.worker())
    place.complete(held, "verify", by=place.worker(), verify_outcome="substantiated")
    before = unit(place, place.grid)
    people = [place.worker(kind) for kind in ("full_time", "part_time", "grid_chief")]
    halves = (draft(place, 90), draft(place, 91, workers=people, takes_over=True))
    put_in_force(place, proposed(place, "split", *halves, grids=[place.grid]))
    follower = f"g{village(place)[1:]}091"
    assert {row.unit for case in (held, waiting) for rows in place.steps(case).values() for row in rows} == {follower}
    assert {place.case(case).area for case in (held, waiting)} == {before.area}
    place.complete(held, "self_handle", by=place.worker(), self_handle_outcome="cannot_handle")
    assert place.step(held, "escalate").unit == follower
    succession = entries(place, "grid_succession", about=place.grid)[0].body
    assert succession["followers"] == [f"g{village(place)[1:]}090", follower]
    assert succession["takes_over"] == follower
    assert [one["case"] for one in entries(place, "handover", about=place.grid)[0].body["cases"]] == [held, waiting]
    with place.engine.look() as work:
        assert work.directory.posted(place.grid) == []
        assert {one.person for one in work.directory.posted(follower)} == set(people)


@in_zhenjiang
def test_a_change_waits_for_its_day(place: Place) -> None:
    case = place.report(place.worker())
    later = place.now.date() + timedelta(days=7)
    other = new(place, 90)
    merged = draft(place, 91, workers=[place.worker()])
    change = proposed(place, "merge", merged, grids=[place.grid, other.id], effective_from=later.isoformat())
    put_in_force(place, change)
    follower = f"g{village(place)[1:]}091"
    assert (there(place, place.grid), there(place, follower)) == (True, False)
    assert place.step(case, "verify").unit == place.grid
    place.pass_(days=7)
    assert (there(place, place.grid), there(place, other.id), there(place, follower)) == (False, False, True)
    assert place.step(case, "verify").unit == follower
    assert unit(place, follower).valid_from == later
    assert task(place, follower)
    with place.engine.look() as work:
        count = select(func.count()).select_from(tables.case).where(tables.case.c.way_in == "publication_due")
        before = work.connection.execute(count).scalar_one()
    place.pass_(days=1)
    with place.engine.look() as work:
        assert work.connection.execute(count).scalar_one() == before


@in_zhenjiang
@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("new", {}),
        ("split", {"drafts": 1, "grids": 1}),
        ("merge", {"drafts": 1, "grids": 1}),
        ("close", {"drafts": 1, "grids": 1}),
        ("adjust", {"drafts": 2, "grids": 1}),
    ],
)
def test_a_change_names_as_many_grids_as_its_kind_wants(place: Place, kind: str, given: dict[str, int]) -> None:
    drafts = [draft(place, 90 + n) for n in range(given.get("drafts", 0))]
    follower: dict[str, Any] = {"follower": place.grid} if kind == "close" else {}
    with pytest.raises(Refused) as caught:
        proposed(place, kind, *drafts, grids=[place.grid] * given.get("grids", 0), **follower)
    assert caught.value.code == "grid.counts"


@in_zhenjiang
def test_a_change_never_takes_effect_in_the_past(place: Place) -> None:
    with pytest.raises(Refused) as caught:
        proposed(place, "new", draft(place), effective_from="2026-03-01")
    assert caught.value.code == "grid.past"
    case = proposed(place, "new", draft(place))
    place.pass_(days=1)
    place.complete(case, "consult", consult_outcome="agrees")
    with pytest.raises(Refused):
        place.complete(case, "put_in_force", put_in_force_outcome="in_force")
    place.complete(case, "put_in_force", put_in_force_outcome="in_force", effective_from="2026-03-03")
    assert unit(place, f"g{village(place)[1:]}090").valid_from == date(2026, 3, 3)


@in_zhenjiang
def test_a_closed_grid_names_who_goes_on(place: Place) -> None:
    other = new(place, 90)
    with pytest.raises(Refused):
        proposed(place, "close", grids=[place.grid], follower=place.grid)
    put_in_force(place, proposed(place, "close", grids=[place.grid], follower=other.id))
    assert not there(place, place.grid)
    assert entries(place, "grid_succession", about=place.grid)[0].body["followers"] == [other.id]


@in_zhenjiang
def test_what_changes_on_a_later_day_is_to_be_published_then(place: Place) -> None:
    adjusted(place)
    publish(place, task(place), "place")
    today = place.now.date()
    with place.engine.work() as work:
        post = next(one for one in work.directory.posted(place.grid) if one.person == place.worker())
        directory.end_post(work.connection, post.post, last_day=today, by=FOUNDER, at=work.now)
        assert publicity.changed(work, place.grid, "worker_changed", "", today + timedelta(days=1)) is None
    place.pass_(hours=1)
    with place.engine.look() as work:
        assert publicity.stale(work, "/") == []
    place.pass_(days=1)
    assert place.step(task(place), "publish_grid").due_at is not None


@in_zhenjiang
def test_grids_and_alerts_through_the_api(place: Place, tmp_path: Path) -> None:
    with place.engine.work() as work:
        who = place.person("supervisor", place.county)
        row = {"login": "x", "person": who, "password": "", "created_at": work.now}
        work.connection.execute(tables.account.insert(), row)
        token, _ = sessions.begin(work, Settings(tmp_path), "x", who)
    client = create_app(place.engine, Settings(tmp_path / "data")).test_client(use_cookies=False)
    assert client.get("/api/grids").status_code == 401
    signed = {"Authorization": f"Bearer {token}"}
    listed = client.get("/api/grids", headers=signed).get_json()["grids"]
    assert [(one["code"], one["workers"]) for one in listed] == [(place.grid[1:], 3)]
    for kind in ("full_time", "part_time", "grid_chief"):
        leave(place, place.worker(kind))
    found = client.get("/api/grids/alerts", headers=signed).get_json()
    assert [one["alert"] for one in found["alerts"]] == ["no_worker"]
    assert [(one["grid"], one["published_at"]) for one in found["stale"]] == [(place.grid, None)]
