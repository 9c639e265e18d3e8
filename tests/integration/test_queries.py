"""What people see: every list, count and single read keeps to the scope of who asks, on both databases; pages skip
nothing; clocks, masks and reasons come in words; no list reads a whole table."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text, update

from engine import cases, casework, queries, records, tables
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from engine.queries import Filters
from engine.store import Store
from engine.work import Work
from tests.towns import AT, CITY, NORTH, Town


@pytest.fixture
def town(store: Store) -> Town:
    return Town(store)


def titles(page: dict[str, Any]) -> list[str]:
    return [row["title"] if "title" in row else row["matter"]["title"] for row in page["rows"]]


def inbox(town: Town, person: str, tab: queries.Tab = "mine", **more: Any) -> dict[str, Any]:
    with town.engine.look() as work:
        return queries.inbox(work, town.actor(person), tab, **more)


def matters(town: Town, person: str, **filters: Any) -> dict[str, Any]:
    with town.engine.look() as work:
        return queries.matters(work, town.actor(person), Filters(**filters))


def overdue(town: Town, person: str, light: queries.Light = "overdue", **more: Any) -> dict[str, Any]:
    with town.engine.look() as work:
        return queries.overdue(work, town.actor(person), light, **more)


# -- scope -------------------------------------------------------------------------------------------


def test_lists_and_counts_keep_to_the_area(town: Town) -> None:
    town.open("north", "北")
    town.open("south", "南")
    town.pass_(days=3)
    assert titles(matters(town, "ou")) == ["北"]
    assert matters(town, "ou")["total"] == {"count": 1, "exact": True, "text": "1"}
    assert titles(matters(town, "song")) == ["南"]
    assert titles(matters(town, "du")) == ["南", "北"]
    assert titles(overdue(town, "ou")) == ["北"]
    assert overdue(town, "ou")["counts"]["overdue"]["count"] == 1
    assert overdue(town, "du")["counts"]["overdue"]["count"] == 2
    assert overdue(town, "han")["counts"]["overdue"]["count"] == 0


def test_a_filter_cannot_widen_the_area(town: Town) -> None:
    town.open("south", "南")
    assert matters(town, "ou", area=CITY)["rows"] == []
    assert matters(town, "ou", area="/")["rows"] == []
    assert titles(matters(town, "du", area=NORTH)) == []
    assert matters(town, "du", area="nonsense")["rows"] == []


def test_a_neighbour_whose_path_begins_alike_is_not_inside(town: Town) -> None:
    case = town.open("north")
    with town.engine.work() as work:
        alike = {"area": "/32/3211/3211020/g1/"}
        work.connection.execute(update(tables.case).where(tables.case.c.id == case), alike)
        work.connection.execute(update(tables.step).where(tables.step.c.case == case), alike)
    assert matters(town, "ou")["rows"] == []
    assert overdue(town, "ou", "warning")["total"]["count"] == 0


def test_a_worker_sees_what_their_grid_had(town: Town) -> None:
    case = town.open("north")
    assert titles(matters(town, "wei")) == ["路面积水"]
    town.hand_to("water", case)
    assert titles(matters(town, "wei")) == ["路面积水"]
    assert matters(town, "shi")["rows"] == []


def test_a_department_sees_what_it_has_or_had(town: Town) -> None:
    case = town.open("north")
    assert matters(town, "han")["rows"] == []
    town.hand_to("water", case)
    assert titles(matters(town, "han")) == ["路面积水"]
    town.complete("han", case, result="已处理")
    assert titles(matters(town, "han")) == ["路面积水"]
    assert matters(town, "ren")["rows"] == []
    assert inbox(town, "han")["rows"] == []


READS: list[Callable[[Work, Any, int], object]] = [
    queries.matter,
    queries.timeline,
    queries.diagram,
    queries.seen_matter,
    lambda work, actor, case: queries.matter(work, actor, f"2026-{case:06d}"),
    queries.step,
    queries.seen_step,
]


@pytest.mark.parametrize("read", READS)
def test_missing_and_out_of_sight_get_one_answer(town: Town, read: Callable[[Work, Any, int], object]) -> None:
    case = town.open("north")
    with town.engine.look() as work:
        for person in ("wang", "ou", "du"):
            read(work, town.actor(person), case)
        with pytest.raises(NotFound) as unseen:
            read(work, town.actor("song"), case)
        with pytest.raises(NotFound) as missing:
            read(work, town.actor("song"), 4711)
    assert (unseen.value.code, unseen.value.words) == (missing.value.code, missing.value.words)


def test_links_show_only_what_is_in_sight(town: Town) -> None:
    main, duplicate = town.open("north", "主"), town.open("south", "从")
    with town.engine.work() as work:
        work.connection.execute(update(tables.case).where(tables.case.c.id == duplicate), {"merged_into": main})
    with town.engine.look() as work:
        assert [one["title"] for one in queries.matter(work, town.actor("du"), main)["links"]["duplicates"]] == ["从"]
        assert queries.matter(work, town.actor("ou"), main)["links"]["duplicates"] == []
        assert queries.matter(work, town.actor("song"), duplicate)["links"]["merged_into"] is None


def test_requests_and_incidents_keep_to_the_scope(town: Town) -> None:
    case = town.open("north")
    with town.engine.work() as work:
        cases.ask(work, town.actor("wang"), case, casework.Ask("void", "重复"))
        work.connection.execute(
            insert(tables.incident),
            {"case": case, "node": "verify", "code": "x", "text": "错误", "opened_at": town.now, "token": 1},
        )
    with town.engine.look() as work:
        for read in (queries.requests, queries.incidents):
            assert read(work, town.actor("ou"))["total"]["count"] == 1
            assert read(work, town.actor("du"))["total"]["count"] == 1
            assert read(work, town.actor("song"))["rows"] == []
            assert read(work, town.actor("song"))["total"]["count"] == 0
        with pytest.raises(NotFound):
            queries.seen_request(work, town.actor("song"), 1)
        with pytest.raises(NotFound):
            queries.seen_incident(work, town.actor("song"), 1)


def test_who_was_consulted_sees_the_matter(town: Town) -> None:
    case = town.open("north")
    with town.engine.work() as work:
        cases.ask(work, town.actor("wang"), case, casework.Ask("consultation", "请问", to_unit="roads"))
    with town.engine.look() as work:
        assert queries.matter(work, town.actor("ren"), case)["title"] == "路面积水"
        assert [row["kind"] for row in queries.requests(work, town.actor("ren"))["rows"]] == ["consultation"]
        assert queries.requests(work, town.actor("han"))["rows"] == []


# -- the inbox ---------------------------------------------------------------------------------------


def test_tabs_of_the_inbox(town: Town) -> None:
    case = town.open("north")
    with town.engine.work() as work:
        cases.claim(work, town.actor("wang"), town.step(case), 1)
    counts = {name: one["count"] for name, one in inbox(town, "wang")["counts"].items()}
    assert counts == {"mine": 1, "unit": 1, "others": 0}
    counts = {name: one["count"] for name, one in inbox(town, "wei")["counts"].items()}
    assert counts == {"mine": 0, "unit": 1, "others": 1}
    town.hand_to("water", case)
    assert titles(inbox(town, "ou", "others")) == ["路面积水"]
    assert titles(inbox(town, "han")) == titles(inbox(town, "hu")) == ["路面积水"]
    assert inbox(town, "ren", "unit")["rows"] == []


def test_what_runs_out_first_is_on_top(town: Town) -> None:
    first = town.open("north", "一")
    second = town.open("north", "二")
    with town.engine.work() as work:
        step = tables.step.c
        work.connection.execute(update(tables.step).where(step.case == first), {"due_at": None})
        work.connection.execute(update(tables.step).where(step.case == second), {"due_at": AT + timedelta(days=9)})
    town.open("north", "三")
    assert titles(inbox(town, "wang")) == ["三", "二", "一"]


def test_a_substitute_has_the_inbox_of_who_is_absent(town: Town) -> None:
    town.open("north")
    assert inbox(town, "shi")["rows"] == []
    held = {"valid_from": "2026-03-01", "recorded_at": AT, "reason": "leave"}
    with town.engine.work() as work:
        work.connection.execute(insert(tables.absence), {"id": "a1", "person": "wang", "substitute": "shi", **held})
    assert titles(inbox(town, "shi")) == ["路面积水"]


@pytest.mark.parametrize("listing", ["inbox", "matters", "overdue"])
def test_pages_skip_nothing_and_repeat_nothing(town: Town, listing: str) -> None:
    for number in range(7):
        town.open("north", f"第{number}件")
    town.pass_(days=5)
    read: Callable[[Work, str], dict[str, Any]] = {
        "inbox": lambda work, at: queries.inbox(work, town.actor("wang"), cursor=at, size=3),
        "matters": lambda work, at: queries.matters(work, town.actor("ou"), cursor=at, size=3),
        "overdue": lambda work, at: queries.overdue(work, town.actor("ou"), cursor=at, size=3),
    }[listing]
    seen, cursor, sizes = [], "", []
    with town.engine.look() as work:
        while True:
            page = read(work, cursor)
            seen += titles(page)
            sizes.append(len(page["rows"]))
            assert page["total"]["count"] == 7
            cursor = page["next"]
            if not cursor:
                break
    assert sizes == [3, 3, 1]
    assert sorted(seen) == [f"第{number}件" for number in range(7)]


@pytest.mark.parametrize("cursor", ["x", "W10", "e30", "WyJ4Il0", "WzEsMl0", "Wy0xXQ", "W251bGxd", "好"])
def test_a_cursor_from_elsewhere_is_refused(town: Town, cursor: str) -> None:
    with town.engine.look() as work, pytest.raises(Invalid, match="第一页"):
        queries.matters(work, town.actor("ou"), cursor=cursor)


def test_a_long_list_says_that_there_are_more(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        town.open("north")
    monkeypatch.setattr(queries, "COUNTED", 2)
    assert matters(town, "ou")["total"] == {"count": 2, "exact": False, "text": "约2以上"}


def test_filters(town: Town) -> None:
    case = town.open("north", "50%积水")
    town.open("north", "路灯_不亮")
    assert titles(matters(town, "ou", text="积水")) == ["50%积水"]
    assert titles(matters(town, "ou", text="%")) == ["50%积水"]
    assert titles(matters(town, "ou", text="2026-000002")) == ["路灯_不亮"]
    assert titles(matters(town, "ou", status="to_verify")) == ["路灯_不亮", "50%积水"]
    assert matters(town, "ou", flag="emergency")["rows"] == []
    assert titles(inbox(town, "wang", filters=Filters(text="路灯"))) == ["路灯_不亮"]
    town.hand_to("water", case)
    town.complete("han", case, result="已处理")
    town.complete("ou", case)
    assert titles(matters(town, "ou")) == ["路灯_不亮"]
    assert titles(matters(town, "ou", closed="closed")) == ["50%积水"]
    assert len(titles(matters(town, "ou", closed="all"))) == 2


# -- lights and clocks -------------------------------------------------------------------------------


def test_what_binds_comes_before_product_defaults_and_emergencies_before_all(town: Town) -> None:
    town.open("north", "产品默认")
    dispatched = town.open("north", "法定")
    town.hand_to("water", dispatched)
    urgent = town.open("north", "紧急")
    with town.engine.work() as work:
        work.connection.execute(update(tables.case).where(tables.case.c.id == urgent), {"emergency": True})
    town.pass_(days=9)
    page = overdue(town, "ou")
    assert titles(page) == ["紧急", "法定", "产品默认"]
    assert [row["clock"]["basis"]["kind"] for row in page["rows"]] == ["product_default", "statute", "product_default"]
    assert titles(overdue(town, "ou", filters=Filters(basis="statute"))) == ["法定"]


def test_every_count_opens_its_list(town: Town) -> None:
    town.open("north", "早")
    town.pass_(days=1, hours=8)
    town.open("north", "晚")
    with town.engine.work() as work:
        for case in (1, 2):
            cases.announce(work, case)
    counts = overdue(town, "ou")["counts"]
    for light in ("overdue", "warning", "paused", "none"):
        assert overdue(town, "ou", light)["total"] == counts[light]
    assert titles(overdue(town, "ou", "warning")) == ["早"]
    assert overdue(town, "ou")["rows"] == []


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        ({}, "剩 1 个工作日 · 03-03 周二 18:00"),
        ({"days": 1}, "今日 18:00 前"),
        ({"days": 2}, "超期 不足1个工作日 · 03-03 周二 18:00"),
        ({"days": 3}, "超期 1 个工作日 · 03-03 周二 18:00"),
    ],
)
def test_a_clock_in_words(town: Town, passed: dict[str, float], words: str) -> None:
    town.open("north")
    town.pass_(**passed)
    assert inbox(town, "wang")["rows"][0]["clock"]["zh"] == words


def test_a_stopped_clock_says_so(town: Town) -> None:
    case = town.open("north")
    with town.engine.work() as work:
        asked = casework.Ask("suspension", "等材料", ground="material", ceiling_days=10)
        request = cases.ask(work, town.actor("wang"), case, asked)
        cases.decide(work, town.actor("ou"), request, True, "同意")
    row = inbox(town, "wang")["rows"][0]
    assert row["clock"]["zh"] == "已停表，剩 1 个工作日"
    assert overdue(town, "ou", "paused")["total"]["count"] == 1


def test_a_clock_explains_itself_day_by_day(town: Town) -> None:
    case = town.open("north")
    with town.engine.look() as work:
        matter = queries.matter(work, town.actor("wang"), case)
    days = [(one["day"], one["kind"]) for one in matter["steps"][0]["clock"]["explained"]]
    assert days == [("2026-03-02", "start"), ("2026-03-03", "workday")]


# -- what happened -----------------------------------------------------------------------------------


def test_sensitive_fields_are_masked_wherever_they_turn_up(town: Town) -> None:
    case = town.open("north", requester="张三丰")
    with town.engine.look() as work:
        read = [queries.matter, queries.timeline, queries.diagram]
        assert all("张三丰" not in json.dumps(one(work, town.actor("ou"), case)) for one in read)
        said = queries.timeline(work, town.actor("ou"), case)[0]["said"]
    assert said == {"title": {"value": "路面积水"}, "requester": {"value": "张**", "masked": True}}


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("张三", "张*"),
        ("13812345600", "138****00"),
        ("镇江市某路1号", "镇***"),
        ("", "***"),
        (17, "***"),
        (None, "***"),
    ],
)
def test_masks(value: Any, masked: str) -> None:
    assert queries.mask(value) == masked


def test_what_was_erased_says_so(town: Town) -> None:
    case = town.open("north", requester="张三")
    with town.engine.work() as work:
        records.erase(work.connection, f"case/{case}", 1, "requester", at=work.now)
    with town.engine.look() as work:
        assert queries.timeline(work, town.actor("ou"), case)[0]["said"]["requester"] == {"erased": True}


def test_the_way_a_matter_took(town: Town) -> None:
    case = town.open("north")
    town.hand_to("water", case)
    step = town.step(case)
    with town.engine.work() as work:
        cases.return_(work, town.actor("han"), step, 1, {"reason": "不属本单位"})
    town.complete("ou", case, department="roads")
    with town.engine.look() as work:
        diagram = queries.diagram(work, town.actor("ou"), case)
    assert diagram["visited"] == {"discovered": 1, "verify": 1, "triage": 2, "back": 1}
    assert diagram["current"] == ["handle"]
    assert "<userTask" in diagram["xml"]


# -- what may be done --------------------------------------------------------------------------------


def acts(town: Town, person: str, step: int) -> dict[str, bool]:
    with town.engine.look() as work:
        return {one["act"]: one["allowed"] for one in queries.step(work, town.actor(person), step)["acts"]}


def attempt(town: Town, person: str, act: str, step: int) -> bool:
    """Whether the verb itself lets this person do it; nothing stays."""
    verbs: dict[str, Callable[[Work], object]] = {
        "claim": lambda work: cases.claim(work, town.actor(person), step, revision),
        "release": lambda work: cases.release(work, town.actor(person), step, revision),
        "complete": lambda work: cases.complete(work, town.actor(person), step, revision, {"result": "已处理"}),
        "return": lambda work: cases.return_(work, town.actor(person), step, revision, {"reason": "不属"}),
        "withdraw": lambda work: cases.withdraw(work, town.actor(person), step, revision, {"reason": "错派"}),
        "reassign": lambda work: cases.reassign(work, town.actor(person), step, revision, "hu", "出差"),
        "delegate": lambda work: cases.delegate(work, town.actor(person), step, revision, "hu", "出差"),
        "extension": lambda work: cases.ask(
            work, town.actor(person), 1, casework.Ask("extension", "难", step=step, amount=1, unit="working_day")
        ),
    }
    with town.engine.look() as work:
        query = tables.step.select().where(tables.step.c.id == step)
        revision = work.connection.execute(query).one().revision
    try:
        with town.engine.work() as work:
            verbs[act](work)
            raise _Enough
    except _Enough:
        return True
    except (Forbidden, Refused, Conflict):
        return False


class _Enough(Exception):
    """Rolls back."""


@pytest.mark.parametrize("person", ["han", "hu", "ou", "wang"])
@pytest.mark.parametrize("state", ["fresh", "claimed", "suspended", "late"])
def test_a_button_promises_what_the_verb_keeps(town: Town, person: str, state: str) -> None:
    case = town.open("north")
    town.hand_to("water", case)
    step = town.step(case)
    with town.engine.work() as work:
        if state == "claimed":
            cases.claim(work, town.actor("han"), step, 1)
        if state == "suspended":
            work.connection.execute(update(tables.case), {"suspended": True})
    if state == "late":
        town.pass_(days=30)
    promised = acts(town, person, step)
    assert set(promised) == {
        "claim", "release", "complete", "return", "withdraw", "reassign", "delegate", "extension",
    }  # fmt: skip
    kept = {act: attempt(town, person, act, step) for act in promised}
    again = {"claim": True} if state == "claimed" and person == "han" else {}
    assert {**promised, **again} == kept


def test_a_reason_stands_beside_what_is_not_allowed(town: Town) -> None:
    case = town.open("north")
    with town.engine.look() as work:
        step = queries.step(work, town.actor("ou"), town.step(case))
    claim = next(one for one in step["acts"] if one["act"] == "claim")
    assert claim["reason"]["zh"] == "您的岗位不含此操作，可联系north-grid单位。"
    assert step["form"]["required"] == ["opinion"]


# -- stuck -------------------------------------------------------------------------------------------


def causes(town: Town, person: str) -> dict[str, int]:
    with town.engine.look() as work:
        return {one["cause"]: one["total"]["count"] for one in queries.stuck(work, town.actor(person))}


def test_why_matters_do_not_move(town: Town) -> None:
    case = town.open("north")
    assert causes(town, "ou") == {"nobody": 0, "unclaimed": 0, "incident": 0}
    held = {"valid_from": "2026-03-01", "recorded_at": AT, "reason": "leave"}
    with town.engine.work() as work:
        away = [{"id": f"a-{one}", "person": one, **held} for one in ("wang", "wei")]
        work.connection.execute(insert(tables.absence), away)
        row = {"case": case, "node": "verify", "code": "x", "text": "错误", "opened_at": town.now, "token": 1}
        work.connection.execute(insert(tables.incident), row)
    assert causes(town, "ou") == {"nobody": 1, "unclaimed": 0, "incident": 1}
    town.pass_(days=2)
    assert causes(town, "ou") == {"nobody": 1, "unclaimed": 1, "incident": 1}
    with town.engine.work() as work:
        work.connection.execute(update(tables.step), {"light": "paused"})
    assert causes(town, "ou")["unclaimed"] == 0
    assert causes(town, "song") == {"nobody": 0, "unclaimed": 0, "incident": 0}
    with town.engine.work() as work:
        work.connection.execute(update(tables.absence), {"substitute": "shi"})
    assert causes(town, "ou")["nobody"] == 0


# -- plans -------------------------------------------------------------------------------------------

LISTS: dict[str, Callable[[Work, Any], object]] = {
    "inbox": queries.inbox,
    "unit": lambda work, actor: queries.inbox(work, actor, "unit"),
    "others": lambda work, actor: queries.inbox(work, actor, "others"),
    "overdue": queries.overdue,
    "warning": lambda work, actor: queries.overdue(work, actor, "warning"),
    "none": lambda work, actor: queries.overdue(work, actor, "none"),
    "matters": queries.matters,
    "closed": lambda work, actor: queries.matters(work, actor, Filters(closed="closed")),
    "requests": queries.requests,
    "incidents": queries.incidents,
    "stuck": queries.stuck,
    "matter": lambda work, actor: queries.matter(work, actor, 1),
    "step": lambda work, actor: queries.step(work, actor, 1),
}
BIG = ("case", "step", "record", "payload", "request", "incident", "attachment", "assignment")


@pytest.mark.parametrize("person", ["wang", "han", "ou"])
@pytest.mark.parametrize("listing", LISTS)
def test_no_list_reads_a_whole_table(town: Town, listing: str, person: str) -> None:
    case = town.open("north")
    town.hand_to("water", case)
    with town.engine.look() as work, statements(work.connection) as asked:
        LISTS[listing](work, town.actor(person))
    with town.engine.look() as work:
        assert asked
        faults = [fault for one in asked for fault in whole(work.connection, *one)]
    assert faults == []


@contextmanager
def statements(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database meanwhile."""
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    yield asked
    event.remove(connection, "before_cursor_execute", note)


def whole(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """The big tables that a statement would read from end to end."""
    if connection.dialect.name == "sqlite":
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        scans = [row[3] for row in plan if row[3].startswith(tuple(f"SCAN {one}" for one in BIG))]
        return [f"{scan} <- {statement}" for scan in scans if scan.rpartition(" ")[2] not in PARTIAL]
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    return [f"{one} <- {statement}" for one in seqs(plan[0]["Plan"])]


PARTIAL = {
    index.name
    for table in tables.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["postgresql"]["where"] is not None
}
"""Indexes of what is open: to read one of them whole is no reading of what is closed."""


def seqs(node: dict[str, Any]) -> Iterator[str]:
    """With sequential scans switched off, one that is left had no index to take; an index that is read without a
    condition is a sequential scan too."""
    index = node.get("Index Name")
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG:
        yield node["Relation Name"]
    if index and "Index Cond" not in node and index not in PARTIAL:
        yield index
    for child in node.get("Plans", ()):
        yield from seqs(child)
