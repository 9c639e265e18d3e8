"""Who may do what where, on both databases: units, posts, absences, training; any past moment; nothing overwritten."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, func, insert, select

from engine import directory, records, tables
from engine.calendars import SHANGHAI
from engine.directory import Actor, Directory, Unit, covers
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from engine.store import Store

AT = datetime(2026, 1, 5, 1, tzinfo=UTC)
NEW_YEAR = date(2026, 1, 1)
BY = Actor("p-admin", "o-admin", "administrator", "city", "/32/3211/")
ROLES = {
    "grid_worker": ("grid",),
    "grid_chief": ("grid",),
    "triage_officer": ("governance_agency",),
    "handler": ("department", "committee"),
}
CITY, COUNTY, TOWN, VILLAGE = (
    "/32/3211/",
    "/32/3211/321102/",
    "/32/3211/321102/321102001/",
    "/32/3211/321102/321102001/321102001001/",
)
GRID = f"{VILLAGE}321102001001001/"

UNITS = [
    ("province", "division", "province", "32", "江苏省", None),
    ("city", "division", "city", "3211", "镇江市", "province"),
    ("county", "division", "county", "321102", "京口区", "city"),
    ("other-county", "division", "county", "321111", "润州区", "city"),
    ("town", "division", "township", "321102001", "正东路街道", "county"),
    ("other-town", "division", "township", "321102002", "健康路街道", "county"),
    ("village", "division", "village", "321102001001", "酒海街社区", "town"),
    ("other-village", "division", "village", "321102002001", "健康路社区", "other-town"),
    ("grid", "grid", "grid", "321102001001001", "第一网格", "village"),
    ("micro", "micro_grid", "micro_grid", "M1", "第一微网格", "grid"),
    ("zone", "functional_area", "township", "321102500", "某开发园区", "county"),
    ("city-agency", "governance_agency", "city", "A1", "市网格化治理机构", "city"),
    ("county-agency", "governance_agency", "county", "A2", "区网格化治理机构", "county"),
    ("town-agency", "governance_agency", "township", "A3", "街道网格化治理机构", "town"),
    ("county-government", "government", "county", "G2", "区人民政府", "county"),
    ("town-government", "government", "township", "G3", "街道办事处", "town"),
    ("town-party", "party_committee", "township", "C3", "街道党工委", "town"),
    ("city-management", "department", "county", "D1", "区城市管理局", "county"),
    ("market", "department", "county", "D2", "区市场监督管理局", "county"),
    ("far-management", "department", "county", "D9", "润州区城市管理局", "other-county"),
    ("squad", "department", "county", "D3", "城管执法中队", "city-management"),
]
FUNCTIONS = {"city-management": ["street_vendors", "waste"], "market": ["food"], "far-management": ["waste"]}


def put(connection: Connection, id: str, at: datetime = AT, **changed: Any) -> Unit:
    """The unit of the list above (or a new grid), with something changed."""
    known = next((row for row in UNITS if row[0] == id), (id, "grid", "grid", "new", "新网格", "village"))
    given: dict[str, Any] = dict(zip(("kind", "level", "code", "name", "parent"), known[1:], strict=True))
    given |= {"valid_from": NEW_YEAR, "attributes": {"functions": FUNCTIONS.get(id, [])}, **changed}
    return directory.put_unit(connection, id, **given, by=BY, at=at)


def enrol(connection: Connection, *people: str, at: datetime = AT) -> None:
    for id in people:
        directory.put_person(connection, id, name=f"张{id}", valid_from=NEW_YEAR, by=BY, at=at, area=CITY)


def post(connection: Connection, id: str, person: str, unit: str, role: str, **more: Any) -> None:
    given: dict[str, Any] = {"valid_from": NEW_YEAR, "roles": ROLES, "by": BY, "at": AT, **more}
    directory.give_post(connection, id, person=person, unit=unit, role=role, **given)


def absent(
    connection: Connection,
    id: str,
    person: str,
    substitute: str | None,
    first: date,
    last: date | None,
    at: datetime = AT,
) -> None:
    directory.report_absence(connection, id, person=person, substitute=substitute, reason="leave",
                             valid_from=first, valid_to=last, by=BY, at=at)  # fmt: skip


def train(
    connection: Connection, id: str, person: str, kind: str = "pre_job", passed: bool = True, **more: Any
) -> None:
    given: dict[str, Any] = {"given_by": "town-agency", "valid_from": NEW_YEAR, "by": BY, "at": AT, **more}
    directory.record_training(connection, id, person=person, kind=kind, passed=passed, **given)


def day(month: int, number: int, hour: int = 10) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=SHANGHAI)


def rules(caught: pytest.ExceptionInfo[Invalid]) -> set[str]:
    assert all(any("一" <= sign <= "龥" for sign in found.message) for found in caught.value.findings)
    return {found.rule.removeprefix("directory.") for found in caught.value.findings}


_BUILT: dict[str, list[dict[str, Any]]] = {}
"""The rows of a town, once it was built: writing them again is quicker than building it again."""


def build(connection: Connection) -> None:
    """The units above and four people."""
    registers = (tables.unit, tables.person, tables.record, tables.payload)
    if not _BUILT:
        for row in UNITS:
            put(connection, row[0])
        enrol(connection, "p1", "p2", "p3", "p4")
        for table in registers:
            rows = connection.execute(select(table).order_by(*table.primary_key)).mappings()
            _BUILT[table.name] = [{name: value for name, value in row.items() if name != "row"} for row in rows]
    else:
        for table in registers:
            connection.execute(insert(table), _BUILT[table.name])


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    """A transaction in which the town is built."""
    with store.transaction() as connection:
        build(connection)
        yield connection


@pytest.fixture
def today(connection: Connection) -> Directory:
    return Directory(connection, day(3, 2))


# -- units -------------------------------------------------------------------------------------------


def test_areas_follow_from_the_tree(today: Directory) -> None:
    areas = {unit.id: unit.area for unit in today.units()}
    assert areas["province"] == "/32/"
    assert areas["village"] == VILLAGE
    assert areas["grid"] == "/32/3211/321102/321102001/321102001001/321102001001001/"
    assert areas["micro"] == f"{GRID}M1/"
    assert areas["zone"] == "/32/3211/321102/321102500/"
    assert areas["town-agency"] == areas["town-government"] == areas["town"] == TOWN
    assert areas["squad"] == areas["city-management"] == COUNTY


def test_a_unit_by_its_id(today: Directory) -> None:
    unit = today.unit("city-management")
    assert (unit.name, unit.kind, unit.code, unit.parent) == ("区城市管理局", "department", "D1", "county")
    assert unit.attributes == {"functions": ["street_vendors", "waste"]}
    assert (unit.valid_from, unit.valid_to) == (NEW_YEAR, None)
    with pytest.raises(NotFound, match="nowhere"):
        today.unit("nowhere")


def test_units_of_a_kind_inside_an_area(today: Directory) -> None:
    assert [unit.id for unit in today.units("governance_agency", COUNTY)] == ["county-agency", "town-agency"]
    assert [unit.id for unit in today.units("grid")] == ["grid"]
    assert {unit.id for unit in today.units(area=VILLAGE)} == {"village", "grid", "micro"}
    assert today.units(area="/32/3211/3211_") == []


def test_the_agency_of_an_area(today: Directory) -> None:
    for level, id in (("township", "town-agency"), ("county", "county-agency"), ("city", "city-agency")):
        found = today.agency_of(GRID, level)
        assert found is not None
        assert found.id == id
    assert today.agency_of(GRID, "village") is None
    assert today.agency_of("/32/3211/321111/", "county") is None


def test_a_functional_area_has_its_own_agency(connection: Connection) -> None:
    put(connection, "zone-agency", kind="governance_agency", level="township", code="A9", parent="zone")
    put(connection, "another", kind="governance_agency", level="township", code="A8", parent="zone")
    today = Directory(connection, day(3, 2))
    for area, id in (("/32/3211/321102/321102500/", "another"), (TOWN, "town-agency")):
        found = today.agency_of(area, "township")
        assert found is not None
        assert found.id == id


def test_agencies_upwards_one_level_at_a_time(today: Directory) -> None:
    county = today.agency_above(today.unit("town-agency"))
    assert county is not None
    assert county.id == "county-agency"
    city = today.agency_above(county)
    assert city is not None
    assert city.id == "city-agency"
    assert today.agency_above(city) is None


def test_the_government_of_the_same_level(today: Directory) -> None:
    assert today.government_of(today.unit("town-agency")).id == "town-government"
    assert today.government_of(today.unit("city-management")).id == "county-government"
    assert today.party_committee_of(today.unit("town-agency")).id == "town-party"
    with pytest.raises(NotFound, match=r"市网格化治理机构.*government of the same level"):
        today.government_of(today.unit("city-agency"))
    with pytest.raises(NotFound, match="党委"):
        today.party_committee_of(today.unit("county-agency"))


def test_departments_by_area_level_and_function(today: Directory) -> None:
    assert [unit.id for unit in today.departments(GRID, "county")] == ["city-management", "market", "squad"]
    assert [unit.id for unit in today.departments(GRID, "county", "waste")] == ["city-management"]
    assert today.departments(GRID, "county", "fire") == []
    assert today.departments(GRID, "township") == []


NO_UNITS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"kind": "gird"}, "kind"),
    ({"level": "street"}, "level"),
    ({"code": ""}, "code"),
    ({"code": "32/1"}, "code"),
    ({"name": " "}, "name"),
    ({"parent": None}, "parent"),
    ({"parent": "nowhere"}, "parent"),
    ({"parent": "town"}, "grid"),
    ({"parent": "grid"}, "grid"),
    ({"kind": "micro_grid", "level": "micro_grid"}, "grid"),
    ({"level": "village"}, "grid"),
    ({"code": "321102001001001"}, "code-used"),
    ({"code": "D1"}, "code-used"),
    ({"valid_from": date(2026, 2, 1), "valid_to": date(2026, 1, 31)}, "dates"),
    ({"valid_from": date(2025, 12, 31)}, "parent"),
    ({"kind": "division", "level": "village", "parent": "village"}, "level-order"),
    ({"kind": "division", "level": "village", "parent": "town-agency"}, "level-order"),
    ({"kind": "division", "level": "county", "parent": "town"}, "level-order"),
    ({"kind": "department", "level": "city", "parent": "county"}, "level-order"),
)


def test_a_unit_that_cannot_be(connection: Connection) -> None:
    for changed, rule in NO_UNITS:
        with pytest.raises(Invalid) as caught:
            put(connection, "new", **changed)
        assert rules(caught) == {rule}, (rule, caught.value)
        assert "无法登记" in caught.value.words.zh


def test_every_fault_is_listed(connection: Connection) -> None:
    with pytest.raises(Invalid) as caught:
        put(connection, "new", name="", code="D1", parent="town", valid_to=date(2025, 1, 1))
    assert rules(caught) == {"name", "code-used", "grid", "dates"}


def test_a_code_is_never_used_again(connection: Connection) -> None:
    put(connection, "new", code="321102001001002", valid_to=date(2026, 1, 31))
    put(connection, "micro", day(2, 1), code="M2", valid_from=date(2026, 2, 1))
    put(connection, "zone", day(2, 1), code="321102501")
    for gone in ("321102001001002", "M1", "321102500"):
        with pytest.raises(Invalid, match="不得重复使用") as caught:
            put(connection, "next", code=gone, valid_from=date(2026, 6, 1))
        assert rules(caught) == {"code-used"}
        assert caught.value.findings[0].article == "JS-8"


def test_nothing_lies_in_itself(connection: Connection) -> None:
    for parent in ("city-management", "squad"):
        with pytest.raises(Invalid) as caught:
            put(connection, "city-management", parent=parent)
        assert rules(caught) == {"circle"}


def test_kind_and_level_stay(connection: Connection) -> None:
    with pytest.raises(Invalid) as caught:
        put(connection, "market", kind="committee")
    assert rules(caught) == {"changed"}


def test_a_new_version_keeps_the_earlier_one(connection: Connection) -> None:
    put(connection, "market", day(2, 1), name="区市场监管局", valid_from=date(2026, 3, 1))
    assert Directory(connection, day(2, 28)).unit("market").name == "区市场监督管理局"
    assert Directory(connection, day(2, 28)).unit("market").valid_to == date(2026, 2, 28)
    assert Directory(connection, day(3, 1)).unit("market").name == "区市场监管局"
    assert Directory(connection, day(2, 28)).unit_name("market") == "区市场监督管理局"
    assert Directory(connection, day(3, 1)).unit_name("market") == "区市场监管局"


def test_what_was_known_then_is_shown_then(connection: Connection) -> None:
    """A correction for the past, made in May, does not change what April saw of March."""
    put(connection, "market", day(5, 1), name="更正后的名称")
    rows = connection.execute(select(tables.unit).where(tables.unit.c.id == "market")).all()
    assert [row.superseded_at is None for row in rows] == [False, True]
    assert Directory(connection, day(4, 1)).unit("market").name == "区市场监督管理局"
    assert Directory(connection, day(5, 1)).unit("market").name == "更正后的名称"
    with pytest.raises(NotFound):
        Directory(connection, AT - timedelta(seconds=1)).unit("market")


def test_days_begin_in_shanghai(connection: Connection) -> None:
    put(connection, "new", code="N", valid_from=date(2026, 3, 1))
    with pytest.raises(NotFound):
        Directory(connection, datetime(2026, 2, 28, 15, 59, tzinfo=UTC)).unit("new")
    assert Directory(connection, datetime(2026, 2, 28, 16, 0, tzinfo=UTC)).unit("new").code == "N"


def test_a_planned_version_outlives_a_change_before_it(connection: Connection) -> None:
    put(connection, "market", day(1, 6), name="七月名称", valid_from=date(2026, 7, 1))
    put(connection, "market", day(1, 7), name="三月名称", valid_from=date(2026, 3, 1))
    names = [Directory(connection, day(month, 1)).unit("market").name for month in (2, 3, 6, 7)]
    assert names == ["区市场监督管理局", "三月名称", "三月名称", "七月名称"]


def test_a_unit_ends(connection: Connection) -> None:
    put(connection, "market", day(2, 1), valid_to=date(2026, 6, 30))
    assert Directory(connection, day(6, 30)).unit("market").valid_to == date(2026, 6, 30)
    with pytest.raises(NotFound):
        Directory(connection, day(7, 1)).unit("market")
    assert Directory(connection, day(7, 1)).unit_name("market") == "区市场监督管理局"


def test_a_unit_does_not_end_under_what_lies_in_it(connection: Connection) -> None:
    post(connection, "o1", "p1", "market", "handler")
    for id, words in (("village", "1个下级单位"), ("market", "1个在任岗位")):
        with pytest.raises(Invalid, match=words) as caught:
            put(connection, id, day(2, 1), valid_to=date(2026, 6, 30))
        assert rules(caught) == {"still-used"}
    put(connection, "micro", day(2, 1), valid_to=date(2026, 6, 30))
    put(connection, "grid", day(2, 1), valid_to=date(2026, 6, 30))
    put(connection, "village", day(2, 1), valid_to=date(2026, 6, 30))


def test_a_unit_does_not_outlive_its_parent(connection: Connection) -> None:
    put(connection, "micro", day(2, 1), valid_to=date(2026, 6, 30))
    put(connection, "grid", day(2, 1), valid_to=date(2026, 6, 30))
    with pytest.raises(Invalid) as caught:
        put(connection, "late", kind="micro_grid", level="micro_grid", code="M9", parent="grid")
    assert rules(caught) == {"parent"}


def test_what_lies_in_a_unit_moves_with_it(connection: Connection) -> None:
    put(connection, "town", day(2, 1), parent="other-county", valid_from=date(2026, 4, 1))
    before, after = Directory(connection, day(3, 31)), Directory(connection, day(4, 1))
    assert before.unit("micro").area == f"{GRID}M1/"
    assert after.unit("village").area == "/32/3211/321111/321102001/321102001001/"
    assert after.unit("micro").area == "/32/3211/321111/321102001/321102001001/321102001001001/M1/"
    assert after.unit("town-agency").area == "/32/3211/321111/321102001/"
    assert after.unit("other-village").area == before.unit("other-village").area
    kinds = [record.kind for record in records.chain(connection, "unit/micro")]
    assert kinds == ["unit-put", "unit-moved"]


def test_what_is_put_before_a_planned_move_moves_too(connection: Connection) -> None:
    put(connection, "town", day(2, 1), parent="other-county", valid_from=date(2026, 4, 1))
    put(connection, "late", day(2, 2), kind="division", level="village", code="V9", parent="town")
    assert Directory(connection, day(3, 31)).unit("late").area == f"{TOWN}V9/"
    assert Directory(connection, day(4, 1)).unit("late").area == "/32/3211/321111/321102001/V9/"


def test_a_later_record_is_not_overtaken(connection: Connection) -> None:
    with pytest.raises(Conflict, match="market"):
        put(connection, "market", AT - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("actor", "area", "inside"),
    [
        ("/", GRID, True),
        ("/32/3211/", "/32/3211/", True),
        ("/32/3211/", COUNTY, True),
        (COUNTY, "/32/3211/", False),
        ("/32/3211/", "/32/32112/", False),
        ("/32/3211", "/32/32112/", False),
        ("", "/32/", False),
    ],
)
def test_areas_cover_by_prefix(actor: str, area: str, inside: bool) -> None:
    assert covers(actor, area) is inside


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.tuples(st.integers(0, 60), st.none() | st.integers(0, 40)), min_size=1, max_size=8))
def test_any_history_of_versions_reads_like_a_calendar(store: Store, acts: list[tuple[int, int | None]]) -> None:
    """Against a plain model: one name per day, kept per moment. No day ever has two versions."""
    first = date(2026, 2, 1)
    with store.transaction() as connection:
        id = f"d{connection.execute(select(func.count()).select_from(tables.unit)).scalar_one()}"
        if id == "d0":
            for row in UNITS[:3]:
                put(connection, row[0])
        model: dict[int, str] = {}
        begins: set[int] = set()
        seen: list[tuple[datetime, dict[int, str]]] = []
        for number, (start, length) in enumerate(acts):
            at = AT + timedelta(minutes=number)
            end = start + length if length is not None else min((b for b in begins if b > start), default=200) - 1
            # What ran on beyond an explicit end ends there, up to the next version that was planned.
            until = min((b for b in begins if b > end), default=200)
            put(connection, id, at, kind="department", level="county", code=id, parent="county", name=f"N{number}",
                valid_from=first + timedelta(days=start),
                valid_to=first + timedelta(days=end) if length is not None else None)  # fmt: skip
            begins = {b for b in begins if not start <= b <= end} | {start}
            model = {d: n for d, n in model.items() if d < start or d >= until} | dict.fromkeys(
                range(start, end + 1), f"N{number}"
            )
            seen.append((at, dict(model)))
        for at, then in seen:
            for offset in (0, 7, 30, 61, 99, 150):
                found = [row.name for row in _as_known(connection, tables.unit, id, at, first + timedelta(days=offset))]
                assert found == ([then[offset]] if offset in then else [])


def _as_known(connection: Connection, table: Table, id: str, at: datetime, on: date) -> list[Any]:
    """All rows that were valid on a day as known at a moment, asked in the plainest way."""
    return [
        row
        for row in connection.execute(select(table).where(table.c.id == id)).all()
        if row.recorded_at <= at
        and (row.superseded_at is None or row.superseded_at > at)
        and row.valid_from <= on.isoformat()
        and (row.valid_to is None or row.valid_to >= on.isoformat())
    ]


# -- people ------------------------------------------------------------------------------------------


def test_a_person_acts_in_a_post(connection: Connection) -> None:
    post(connection, "o2", "p1", "town-agency", "triage_officer")
    post(connection, "o1", "p1", "grid", "grid_worker")
    today = Directory(connection, day(3, 2))
    first = Actor("p1", "o1", "grid_worker", "grid", GRID)
    second = Actor("p1", "o2", "triage_officer", "town-agency", TOWN)
    assert today.actors("p1") == [first, second]
    assert today.actor("p1") == first
    assert today.actor("p1", "o2") == second
    assert today.name("p1") == "张p1"
    assert today.name("p-unknown") == "p-unknown"


def test_what_kind_of_worker_somebody_is(connection: Connection) -> None:
    """JS-30 asks it: a part-time worker reports through the chief."""
    directory.put_person(
        connection,
        "p2",
        name="张p2",
        worker_kind="part_time",
        valid_from=date(2026, 3, 1),
        by=BY,
        at=day(2, 1),
        area=CITY,
    )
    assert Directory(connection, day(2, 28)).worker_kind("p2") is None
    assert Directory(connection, day(3, 1)).worker_kind("p2") == "part_time"
    assert Directory(connection, day(3, 1)).worker_kind("p9") is None


def test_no_post_no_act(connection: Connection) -> None:
    post(connection, "o1", "p1", "grid", "grid_worker", valid_from=date(2026, 2, 1), valid_to=date(2026, 2, 28))
    post(connection, "o2", "p2", "grid", "grid_worker")
    for moment, person, chosen, code, words in (
        (day(3, 2), "p3", None, "directory.no-post", "没有任职岗位"),
        (day(3, 2), "p1", None, "directory.no-post", "2026-03-02"),
        (day(3, 1), "p1", "o1", "directory.post-ended", "2026-02-28"),
        (day(1, 31), "p1", "o1", "directory.no-such-post", "不担任"),
        (day(3, 2), "p1", "o2", "directory.no-such-post", "不担任"),
        (day(3, 2), "p1", "o9", "directory.no-such-post", "不担任"),
    ):
        with pytest.raises(Forbidden, match=words) as caught:
            Directory(connection, moment).actor(person, chosen)
        assert caught.value.code == code
    assert Directory(connection, day(2, 28, 23)).actor("p1", "o1").role == "grid_worker"


def test_who_left_or_whose_unit_is_gone_acts_no_more(connection: Connection) -> None:
    post(connection, "o1", "p1", "market", "handler")
    directory.put_person(
        connection, "p1", name="张p1", valid_from=NEW_YEAR, valid_to=date(2026, 6, 30), by=BY, at=day(6, 1), area=CITY
    )
    assert Directory(connection, day(6, 30)).actors("p1")
    assert Directory(connection, day(7, 1)).actors("p1") == []
    assert Directory(connection, day(7, 1)).holders("handler", "market") == []


NO_POSTS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"person": "p9"}, "person"),
    ({"unit": "nowhere"}, "unit"),
    ({"role": "king"}, "role"),
    ({"unit": "town-agency"}, "role-unit"),
    ({"id": "o1", "unit": "market", "role": "handler"}, "id-used"),
    ({"valid_to": date(2025, 12, 31)}, "dates"),
    ({"valid_from": date(2026, 5, 1)}, "overlap"),
    ({"valid_from": date(2026, 1, 1), "valid_to": date(2026, 2, 1)}, "overlap"),
)


def test_a_post_that_cannot_be(connection: Connection) -> None:
    post(connection, "o1", "p1", "grid", "grid_worker", valid_from=date(2026, 2, 1))
    for changed, rule in NO_POSTS:
        given: dict[str, Any] = {"id": "o2", "person": "p1", "unit": "grid", "role": "grid_worker", **changed}
        with pytest.raises(Invalid) as caught:
            post(connection, **given)
        assert rules(caught) == {rule}, (rule, caught.value)


def test_a_post_may_follow_itself(connection: Connection) -> None:
    post(connection, "o1", "p1", "grid", "grid_worker", valid_to=date(2026, 2, 28))
    post(connection, "o2", "p1", "grid", "grid_worker", valid_from=date(2026, 3, 1))
    assert Directory(connection, day(3, 1)).actor("p1").post == "o2"


def test_a_post_ends(connection: Connection) -> None:
    post(connection, "o1", "p1", "grid", "grid_worker")
    directory.end_post(connection, "o1", last_day=date(2026, 4, 30), by=BY, at=day(4, 1))
    assert Directory(connection, day(4, 30)).actor("p1").post == "o1"
    with pytest.raises(Forbidden):
        Directory(connection, day(5, 1)).actor("p1")
    assert Directory(connection, day(3, 31)).actor("p1").post == "o1"
    with pytest.raises(NotFound):
        directory.end_post(connection, "o9", last_day=date(2026, 4, 30), by=BY, at=day(4, 1))
    for last_day in (date(2025, 12, 31), date(2026, 5, 1)):
        with pytest.raises(Invalid) as caught:
            directory.end_post(connection, "o1", last_day=last_day, by=BY, at=day(4, 1))
        assert rules(caught) == {"dates"}


def open_step(connection: Connection, person: str, unit: str, role: str) -> int:
    """A step held by a person, on a case that is there for nothing else."""
    place = tables
    if connection.execute(select(place.case.c.id)).first() is None:
        connection.execute(insert(place.definition).values(
            hash="h", key="k", semantics=1, compiler="c", compiled=b"{}", xml=b"x", xml_hash="x", published_at=AT))  # fmt: skip
        connection.execute(insert(place.pack).values(
            key="k", place="p", area=CITY, force="law", in_force_from="2026-01-01", hash="h", body=b"{}", published_at=AT))  # fmt: skip
        connection.execute(insert(place.case).values(
            definition="h", pack="k", area=GRID, unit="town-agency", title="t", way_in="w", discovered_at=AT,
            opened_at=AT, active_at=AT, status="new", state=b"{}", revision=1, head="", records=0))  # fmt: skip
    case = connection.execute(select(place.case.c.id)).scalar_one()
    token = connection.execute(select(func.count()).select_from(place.step)).scalar_one() + 1
    added = insert(place.step).values(
        case=case, token=token, node="verify", name="核实", kind="user", area=GRID, role=role, unit=unit,
        person=person, status="open", opened_at=AT, revision=1).returning(place.step.c.id)  # fmt: skip
    return int(connection.execute(added).scalar_one())


def test_who_leaves_hands_over_first(connection: Connection) -> None:
    """Acceptance scenario 24."""
    post(connection, "o1", "p1", "grid", "grid_worker")
    id = open_step(connection, "p1", "grid", "grid_worker")
    done = open_step(connection, "p1", "grid", "grid_worker")
    connection.execute(tables.step.update().where(tables.step.c.id == done).values(status="completed"))
    with pytest.raises(Refused, match="1个未办完的环节") as caught:
        directory.end_post(connection, "o1", last_day=date(2026, 4, 30), by=BY, at=day(4, 1))
    assert caught.value.details == {"person": "p1", "steps": 1}
    connection.execute(tables.step.update().where(tables.step.c.id == id).values(person="p2"))
    directory.end_post(connection, "o1", last_day=date(2026, 4, 30), by=BY, at=day(4, 1))


def test_who_keeps_a_post_hands_over_what_the_other_was_for(connection: Connection) -> None:
    post(connection, "o1", "p1", "grid", "grid_worker")
    post(connection, "o2", "p1", "town-agency", "triage_officer")
    open_step(connection, "p1", "town-agency", "triage_officer")
    with pytest.raises(Refused):
        directory.end_post(connection, "o2", last_day=date(2026, 4, 30), by=BY, at=day(4, 1))
    directory.end_post(connection, "o1", last_day=date(2026, 4, 30), by=BY, at=day(4, 1))
    with pytest.raises(Refused):
        directory.end_post(connection, "o2", last_day=date(2026, 6, 30), by=BY, at=day(4, 1))


# -- absences ----------------------------------------------------------------------------------------


def test_a_substitute_acts_while_the_holder_is_away(connection: Connection) -> None:
    post(connection, "o1", "p1", "town-agency", "triage_officer")
    post(connection, "o2", "p2", "grid", "grid_worker")
    absent(connection, "a1", "p1", "p2", date(2026, 3, 1), date(2026, 3, 7))
    during, after = Directory(connection, day(3, 7)), Directory(connection, day(3, 8))
    assert during.holders("triage_officer", "town-agency") == ["p2"]
    assert after.holders("triage_officer", "town-agency") == ["p1"]
    assert during.stands_in(during.actor("p2"), "triage_officer", "town-agency")
    assert not after.stands_in(after.actor("p2"), "triage_officer", "town-agency")
    assert not during.stands_in(during.actor("p2"), "triage_officer", "county-agency")
    assert during.stands_in(during.actor("p1"), "triage_officer", "town-agency")


def test_colleagues_act_beside_the_substitute(connection: Connection) -> None:
    for number, person in enumerate(("p1", "p2", "p3")):
        post(connection, f"o{number}", person, "town-agency", "triage_officer")
    absent(connection, "a1", "p1", "p4", date(2026, 3, 1), None)
    absent(connection, "a2", "p2", None, date(2026, 3, 1), None)
    assert Directory(connection, day(3, 2)).holders("triage_officer", "town-agency") == ["p3", "p4"]


def test_nobody_substitutes_a_substitute(connection: Connection) -> None:
    post(connection, "o1", "p1", "town-agency", "triage_officer")
    post(connection, "o3", "p3", "grid", "grid_worker")
    absent(connection, "a1", "p1", "p2", date(2026, 3, 1), None)
    absent(connection, "a2", "p2", "p3", date(2026, 3, 1), None)
    today = Directory(connection, day(3, 2))
    assert today.holders("triage_officer", "town-agency") == []
    assert not today.stands_in(today.actor("p3"), "triage_officer", "town-agency")


def test_an_early_return_replaces_the_report(connection: Connection) -> None:
    post(connection, "o1", "p1", "town-agency", "triage_officer")
    absent(connection, "a1", "p1", "p2", date(2026, 3, 1), date(2026, 3, 31))
    absent(connection, "a1", "p1", "p2", date(2026, 3, 1), date(2026, 3, 9), day(3, 10))
    assert Directory(connection, day(3, 10)).holders("triage_officer", "town-agency") == ["p1"]
    assert Directory(connection, day(3, 9)).holders("triage_officer", "town-agency") == ["p2"]
    absent(connection, "a1", "p1", "p2", date(2026, 3, 5), date(2026, 3, 9), day(3, 11))
    assert _as_known(connection, tables.absence, "a1", day(3, 11), date(2026, 3, 4)) == []
    assert len(_as_known(connection, tables.absence, "a1", day(3, 11), date(2026, 3, 5))) == 1


NO_ABSENCES = (
    ("a2", "p1", "p3", date(2026, 3, 31), None, "overlap"),
    ("a2", "p2", "p1", date(2026, 3, 31), None, "substitute"),
    ("a2", "p3", "p3", date(2026, 3, 1), None, "substitute"),
    ("a2", "p3", "p9", date(2026, 3, 1), None, "person"),
    ("a2", "p9", "p3", date(2026, 3, 1), None, "person"),
    ("a2", "p3", "p4", date(2026, 3, 2), date(2026, 3, 1), "dates"),
    ("a1", "p3", "p4", date(2026, 3, 1), None, "id-used"),
)


def test_an_absence_that_cannot_be(connection: Connection) -> None:
    absent(connection, "a1", "p1", "p2", date(2026, 3, 1), date(2026, 3, 31))
    for id, person, substitute, first, last, rule in NO_ABSENCES:
        with pytest.raises(Invalid) as caught:
            absent(connection, id, person, substitute, first, last)
        assert rules(caught) == {rule}, (rule, caught.value)


# -- training ----------------------------------------------------------------------------------------

GATE = {"roles": {"grid_worker": ["pre_job"], "grid_chief": ["pre_job"]}}


def test_what_a_worker_still_has_to_pass(connection: Connection) -> None:
    """Acceptance scenario 1 (ZJ-23.b)."""
    post(connection, "o1", "p1", "grid", "grid_worker")
    today = Directory(connection, day(3, 2))
    reason = today.untrained("p1", "grid_worker", GATE)
    assert reason is not None
    assert "入职前培训" in reason.zh
    assert "pre-job training" in reason.en
    assert today.untrained("p1", "grid_worker", {}) is None
    assert today.untrained("p1", "handler", GATE) is None
    train(connection, "t1", "p1", passed=False)
    assert today.untrained("p1", "grid_worker", GATE) is not None
    train(connection, "t2", "p1", "periodic")
    assert today.untrained("p1", "grid_worker", GATE) is not None
    train(connection, "t3", "p1")
    assert today.untrained("p1", "grid_worker", GATE) is None


def test_training_counts_on_its_days(connection: Connection) -> None:
    post(connection, "o1", "p1", "grid", "grid_worker")
    train(connection, "t1", "p1", valid_from=date(2026, 2, 1), valid_to=date(2026, 3, 31))
    days = (day(*when) for when in ((1, 31), (2, 1), (3, 31), (4, 1)))
    lacking = [Directory(connection, one).untrained("p1", "grid_worker", GATE) for one in days]
    assert [one is None for one in lacking] == [False, True, True, False]


def test_some_laws_want_an_assessment_too(connection: Connection) -> None:
    """LZ-21."""
    post(connection, "o1", "p1", "grid", "grid_worker")
    train(connection, "t1", "p1")
    today, gate = Directory(connection, day(3, 2)), {"roles": {"grid_worker": ["pre_job", "assessment"]}}
    reason = today.untrained("p1", "grid_worker", gate)
    assert reason is not None
    assert "上岗考核" in reason.zh
    assert "入职前培训" not in reason.zh
    train(connection, "t2", "p1", "assessment")
    assert today.untrained("p1", "grid_worker", gate) is None


NO_TRAININGS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"kind": "yoga"}, "training"),
    ({"person": "p9"}, "person"),
    ({"id": "t1"}, "id-used"),
    ({"valid_to": date(2025, 1, 1)}, "dates"),
    ({"given_by": "nowhere"}, "unit"),
)


def test_a_training_that_cannot_be(connection: Connection) -> None:
    train(connection, "t1", "p1")
    for changed, rule in NO_TRAININGS:
        with pytest.raises(Invalid) as caught:
            train(connection, **{"id": "t2", "person": "p1", **changed})
        assert rules(caught) == {rule}, (rule, caught.value)


def test_a_person_has_a_name_and_a_known_kind(connection: Connection) -> None:
    with pytest.raises(Invalid) as caught:
        directory.put_person(
            connection, "p5", name="", worker_kind="boss", valid_from=NEW_YEAR, by=BY, at=AT, area=CITY
        )
    assert rules(caught) == {"name", "worker-kind"}


# -- records -----------------------------------------------------------------------------------------


def test_every_act_leaves_a_record_of_ids(connection: Connection) -> None:
    directory.put_person(
        connection,
        "p5",
        name="李四",
        contact="0511-1",
        worker_kind="full_time",
        valid_from=NEW_YEAR,
        by=BY,
        at=AT,
        area=CITY,
    )
    post(connection, "o1", "p5", "grid", "grid_worker")
    train(connection, "t1", "p5")
    absent(connection, "a1", "p5", "p2", date(2026, 3, 1), None)
    directory.end_post(connection, "o1", last_day=date(2026, 4, 30), by=BY, at=day(4, 1))
    chain = list(records.chain(connection, "person/p5"))
    assert [record.kind for record in chain] == [
        "person-put",
        "post-given",
        "training-recorded",
        "absence-reported",
        "post-ended",
    ]
    assert {(record.actor, record.post) for record in chain} == {("p-admin", "o-admin")}
    assert [record.area for record in chain] == [CITY, GRID, TOWN, GRID, GRID]
    assert chain[1].detail == {"post": "o1", "unit": "grid", "role": "grid_worker", "valid_from": "2026-01-01"}
    assert all("李四" not in record.body and "0511" not in record.body for record in chain)
    assert all("leave" not in record.body for record in chain)
    said = records.said(connection, "person/p5")
    assert said[1] == {"name": "李四", "contact": "0511-1"}
    assert said[4] == {"reason": "leave"}
    assert records.verify(connection, "person/p5") == []


def test_a_unit_remembers_how_it_was(connection: Connection) -> None:
    put(connection, "market", day(2, 1), name="区市场监管局", valid_from=date(2026, 3, 1))
    first, second = records.chain(connection, "unit/market")
    assert (first.kind, first.area, first.detail["name"]) == ("unit-put", COUNTY, "区市场监督管理局")
    assert second.detail["name"] == "区市场监管局"
    assert second.detail["valid_from"] == "2026-03-01"
    assert second.detail["attributes"] == {"functions": ["food"]}


def test_what_was_refused_leaves_nothing(connection: Connection) -> None:
    before = connection.execute(select(func.count()).select_from(tables.record)).scalar_one()
    with pytest.raises(Invalid):
        put(connection, "new", code="D1")
    assert connection.execute(select(func.count()).select_from(tables.record)).scalar_one() == before
    assert connection.execute(select(tables.unit).where(tables.unit.c.id == "new")).first() is None


def test_two_at_once_do_not_get_the_same_code(store: Store) -> None:
    with store.transaction() as connection:
        for row in UNITS[:7]:
            put(connection, row[0])
    outcomes: list[str] = []

    def attempt(id: str) -> None:
        try:
            with store.transaction() as connection:
                put(connection, id, code="321102001001009")
            outcomes.append("put")
        except Invalid as error:
            outcomes.append(error.findings[0].rule)

    threads = [Thread(target=attempt, args=(f"g{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["directory.code-used"] * 3 + ["put"]
