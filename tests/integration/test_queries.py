"""What people see: every list, count and single read keeps to the scope of who asks, on both databases; pages skip
nothing; clocks, masks and reasons come in words; no list reads a whole table."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text, update

from engine import access, cases, casework, queries, records, tables
from engine import bpmn as reader
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from engine.library import Pack
from engine.limits import Basis, Limit, Unit
from engine.model import decode, encode, replace
from engine.queries import Filters, pages
from engine.running import Running
from engine.store import Store
from engine.work import Work
from tests.diagrams import bpmn
from tests.packs import _row
from tests.towns import AT, CITY, MATTER, NORTH, Town


@pytest.fixture
def town(store: Store) -> Town:
    return Town(store)


def drawn(store: Store, text: str, added: str = "", **settings: Any) -> Town:
    """The city with a matter of one's own; `added` is an element inside the step `check`, `settings` the pack's."""
    town = Town(store)
    start = ' id="check" name="check"'
    before, _, after = bpmn(text).decode().partition(start)
    head, _, rest = after.partition(">")
    xml = f"{before}{start}{head}>{added}{rest}".encode() if added else bpmn(text)
    definition = reader.read(xml).definition()
    pack = tables.pack.c
    with store.transaction() as connection:
        if not connection.execute(
            tables.definition.select().where(tables.definition.c.hash == definition.digest)
        ).first():
            connection.execute(insert(tables.definition), _row(definition, xml))
        old = decode(connection.execute(tables.pack.select()).one().body, Pack)
        new = replace(old, processes={"matter": definition.digest}, settings=settings)
        connection.execute(update(tables.pack).where(pack.key == new.key), {"body": encode(new)})
    return town


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


AUTOMATIC = """
start discovered
receive wait message=answer
end done
discovered -> wait
wait -> done
"""

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


def suspend(town: Town, case: int, days: int = 10) -> None:
    with town.engine.work() as work:
        asked = casework.Ask("suspension", "等材料", ground="material", ceiling_days=days)
        request = cases.ask(work, town.actor("wang"), case, asked)
        cases.decide(work, town.actor("ou"), request, True, "同意")


def requests(town: Town, person: str) -> list[str]:
    with town.engine.look() as work:
        page = queries.requests(work, town.actor(person))
    assert page["total"]["count"] == len(page["rows"])
    return [row["kind"] for row in page["rows"]]


def told(town: Town, case: int) -> list[tuple[str, str]]:
    """The requests of a matter: status, and why it waits no longer."""
    with town.engine.look() as work:
        rows = queries.matter(work, town.actor("ou"), case)["requests"]
    return [(row["status"], row["withdrawn"]["zh"] if row["withdrawn"] else "") for row in rows]


def test_a_request_ends_with_its_matter(town: Town) -> None:
    case, other = town.open("north"), town.open("north")
    with town.engine.work() as work:
        for one in (case, other):
            cases.ask(work, town.actor("wang"), one, casework.Ask("void", "重复"))
        cases.ask(work, town.actor("wang"), case, casework.Ask("consultation", "请问", to_unit="roads"))
    assert requests(town, "ou") == ["void", "void", "consultation"]
    assert requests(town, "ren") == ["consultation"]
    town.hand_to("water", case)
    town.complete("han", case, result="已处理")
    town.complete("ou", case)
    assert requests(town, "ou") == ["void"]
    assert requests(town, "ren") == []
    assert told(town, case) == [("withdrawn", "事项已办结，此申请随之撤回。")] * 2
    assert told(town, other) == [("open", "")]


def test_a_request_ends_with_its_step(town: Town) -> None:
    case = town.open("north")
    town.hand_to("water", case)
    for person, grant in (("han", False), ("han", None)):
        asked = casework.Ask("extension", "难", step=town.step(case), amount=1, unit="working_day")
        with town.engine.work() as work:
            request = cases.ask(work, town.actor(person), case, asked)
            if grant is not None:
                cases.decide(work, town.actor("ou"), request, grant, "不必")
    assert requests(town, "ou") == ["extension"]
    assert told(town, case) == [("denied", ""), ("open", "")]
    town.complete("han", case, result="已处理")
    assert requests(town, "ou") == []
    over = [("denied", ""), ("withdrawn", "环节已办理，此申请随之撤回。")]
    assert told(town, case) == over
    town.pass_(hours=1)
    town.complete("ou", case)
    assert told(town, case) == over  # it was the step that ended it, also after the matter has


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
    with town.engine.look() as work:
        assert queries.step(work, town.actor("shi"), 1)["node"] == "verify"
        with pytest.raises(NotFound):
            queries.step(work, town.actor("song"), 1)


ANYBODY = """
start discovered
user verify unit=grid
end done
discovered -> verify
verify -> done
"""
OF_ROLE, OF_NOBODY = ANYBODY.replace("unit=grid", "role=worker"), ANYBODY.replace("unit=grid", "")
LOST = ANYBODY.replace("unit=grid", "role=worker unit=lead")


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        (ANYBODY, {"wang", "wei"}),
        (OF_ROLE, {"wang", "wei"}),
        (LOST, {"wang", "wei"}),
        (LOST.replace("unit=lead", """unit="''" """), {"wang", "wei"}),
        (OF_NOBODY, {"wang", "wei", "ou", "han", "ren", "du"}),
    ],
)
def test_what_waits_for_anybody_is_in_the_list_of_everybody_who_may(store: Store, text: str, whose: set[str]) -> None:
    town = drawn(store, text)
    step = town.step(town.open("north"))
    people = ("wang", "wei", "ou", "han", "ren", "shi", "song", "du")
    assert {person for person in people if inbox(town, person)["rows"]} == whose
    assert {person for person in people if attempt(town, person, "claim", step)} == whose
    with town.engine.work() as work:
        cases.claim(work, town.actor("wei"), step, 1)
    assert {person for person in people if inbox(town, person)["rows"]} == {"wei"}


@pytest.mark.parametrize("text", [ANYBODY, OF_ROLE, OF_NOBODY, LOST])
@pytest.mark.parametrize("person", ["wang", "ou", "shi", "song"])
def test_a_button_keeps_to_unit_and_area(store: Store, text: str, person: str) -> None:
    town = drawn(store, text)
    case = town.open("north")
    with town.engine.work() as work:
        for unit in ("south-grid", "south-agency"):
            cases.ask(work, town.actor("wang"), case, casework.Ask("consultation", "请问", to_unit=unit))
    step = town.step(case)
    promised = acts(town, person, step)
    taking = ("claim", "reassign")
    assert [promised[act] for act in taking] == [attempt(town, person, act, step) for act in taking]


@pytest.mark.parametrize("whose", ["", "unit=lead role=worker", "unit=agency role=worker"])
def test_what_the_engine_does_itself_is_in_nobodys_list(store: Store, whose: str) -> None:
    town = drawn(store, AUTOMATIC.replace("message=", f"{whose} message="))
    town.open("north")
    assert [person for person in ("wang", "ou", "du") if inbox(town, person)["rows"]] == []
    town.pass_(days=3)
    assert set(causes(town, "ou").values()) == {0}


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
    monkeypatch.setattr(pages, "COUNTED", 2)
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
        work.connection.execute(update(tables.step).where(tables.step.c.case == urgent), {"precedence": 0})
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


@pytest.mark.parametrize(
    ("unit", "amount", "passed", "zh", "en"),
    [
        ("natural_minute", 30, {"days": 25, "hours": 18}, "超期 25 天 17 小时", "25 d 17 h overdue"),
        ("natural_minute", 30, {"minutes": 75}, "超期 45 分钟", "45 min overdue"),
        ("natural_minute", 30, {"minutes": 90}, "超期 1 小时", "1 h overdue"),
        ("natural_minute", 30, {"seconds": 1801}, "超期 不足1分钟", "less than 1 min overdue"),
        ("natural_minute", 30, {"minutes": 10}, "剩 20 分钟", "20 min left"),
        ("natural_hour", 2, {"hours": 50}, "超期 2 天", "2 d overdue"),
        ("natural_hour", 2, {"hours": 25, "minutes": 59}, "超期 23 小时 59 分钟", "23 h 59 min overdue"),
        ("natural_hour", 48, {"minutes": 1}, "剩 1 天 23 小时", "1 d 23 h left"),
        ("working_hour", 4, {"days": 4}, "超期 28 个工作时", "28 working hours overdue"),
        ("natural_day", 2, {"days": 40}, "超期 37 个自然日", "37 natural days overdue"),
    ],
)
def test_time_that_runs_day_and_night_is_told_in_days_and_hours(
    town: Town, unit: Unit, amount: int, passed: dict[str, float], zh: str, en: str
) -> None:
    case = town.open("north")
    limit = Limit("verify", Basis("product_default"), amount, unit)
    with town.engine.work() as work:
        clock = encode(Running(limit, AT)).decode()
        work.connection.execute(update(tables.step).where(tables.step.c.case == case), {"clock": clock})
    town.pass_(**passed)
    clock = inbox(town, "wang")["rows"][0]["clock"]
    assert (clock["zh"].partition(" · ")[0], clock["en"].partition(" · ")[0]) == (zh, en)


def test_a_stopped_clock_says_so(town: Town) -> None:
    suspend(town, town.open("north"))
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
    assert access.mask(value) == masked


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
        "check": lambda work: cases.complete(work, town.actor(person), step, revision, {}),
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


UNTRAINED = {"roles": {"handler": ["pre_job"]}, "basis": "ZJ-23"}


def train(town: Town, person: str) -> None:
    passed = {"kind": "pre_job", "passed": True, "given_by": "office", "valid_from": "2026-03-01", "recorded_at": AT}
    with town.engine.work() as work:
        work.connection.execute(insert(tables.training), {"id": f"t-{person}", "person": person, **passed})


@pytest.mark.parametrize("text", [MATTER, MATTER.replace("role=handler unit=department", "role=handler unit=lead")])
@pytest.mark.parametrize("person", ["han", "hu", "ou"])
def test_a_button_knows_who_is_trained_and_who_covers_the_place(store: Store, text: str, person: str) -> None:
    town = drawn(store, text, training_gate=UNTRAINED)
    train(town, "hu")
    case = town.open("north")
    town.hand_to("water", case)
    step = town.step(case)
    promised = acts(town, person, step)
    assert promised["complete"] is (person == "hu")
    assert promised == {act: attempt(town, person, act, step) for act in promised}
    with town.engine.look() as work:
        claim = queries.step(work, town.actor("han"), step)["acts"][0]
    assert (claim["reason"]["zh"], claim["article"]) == ("尚未通过入职前培训，不能上岗，请先安排培训。", "ZJ-23")


def test_whoever_stands_in_needs_the_training_of_the_post(store: Store) -> None:
    """ZJ-23 asks it of the work, not of the title."""
    town = drawn(store, MATTER, training_gate=UNTRAINED)
    case = town.open("north")
    town.hand_to("water", case)
    with town.engine.work() as work:
        away = {"id": "a1", "person": "han", "substitute": "ou", "reason": "leave", "valid_from": "2026-03-01"}
        work.connection.execute(insert(tables.absence), {**away, "recorded_at": AT - timedelta(days=1)})
    step = town.step(case)
    assert not acts(town, "ou", step)["complete"]
    assert not attempt(town, "ou", "complete", step)
    train(town, "ou")
    assert acts(town, "ou", step)["complete"]
    assert attempt(town, "ou", "complete", step)


def test_what_the_engine_does_itself_offers_no_act(store: Store) -> None:
    town = drawn(store, AUTOMATIC)
    step = town.step(town.open("north"))
    assert acts(town, "ou", step) == {}
    assert not attempt(town, "ou", "claim", step)


APART = '<extensionElements><wangge:property name="separate_from" value="handle"/></extensionElements>'


def test_only_what_was_answered_needs_a_waiver(store: Store) -> None:
    town = drawn(store, MATTER.replace("role=officer unit=agency form=check", "unit=department form=check"), APART)
    case = town.open("north")
    town.hand_to("water", case)
    with town.engine.work() as work:
        cases.return_(work, town.actor("han"), town.step(case), 1, {"reason": "不属本单位"})
    town.complete("ou", case, department="water")
    town.complete("hu", case, result="已处理")
    check = town.step(case)
    with town.engine.look() as work:
        waiver = {one: queries.step(work, town.actor(one), check)["waiver"] for one in ("han", "hu")}
    assert waiver["han"] is None
    assert attempt(town, "han", "check", check)
    assert waiver["hu"]["zh"].startswith("您办理过“handle”")
    assert not attempt(town, "hu", "check", check)


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
    assert causes(town, "ou") == dict.fromkeys(queries.CAUSES, 0)
    held = {"valid_from": "2026-03-01", "recorded_at": AT, "reason": "leave"}
    with town.engine.work() as work:
        away = [{"id": f"a-{one}", "person": one, **held} for one in ("wang", "wei")]
        work.connection.execute(insert(tables.absence), away)
        row = {"case": case, "node": "verify", "code": "x", "text": "错误", "opened_at": town.now, "token": 1}
        work.connection.execute(insert(tables.incident), row)
    assert causes(town, "ou") == {**dict.fromkeys(queries.CAUSES, 0), "nobody": 1, "incident": 1}
    town.pass_(days=2)
    assert causes(town, "ou") == {**dict.fromkeys(queries.CAUSES, 0), "nobody": 1, "unclaimed": 1, "incident": 1}
    with town.engine.work() as work:
        work.connection.execute(update(tables.step), {"light": "paused"})
    assert causes(town, "ou")["unclaimed"] == 0
    assert set(causes(town, "song").values()) == {0}
    with town.engine.work() as work:
        work.connection.execute(update(tables.absence), {"substitute": "shi"})
    assert causes(town, "ou")["nobody"] == 0


def rows(town: Town, person: str, cause: str) -> list[dict[str, Any]]:
    with town.engine.look() as work:
        return next(one["rows"] for one in queries.stuck(work, town.actor(person)) if one["cause"] == cause)


@pytest.mark.parametrize("unit", ["lead", "''"])
def test_a_step_whose_unit_has_no_value_is_stuck(store: Store, unit: str) -> None:
    town = drawn(store, LOST.replace("unit=lead", f'unit="{unit}"'))
    step = town.step(town.open("north"))
    assert causes(town, "ou") == {**dict.fromkeys(queries.CAUSES, 0), "no_unit": 1}
    assert [row["id"] for row in rows(town, "du", "no_unit")] == [step]
    assert set(causes(town, "song").values()) == {0}
    with town.engine.work() as work:
        cases.claim(work, town.actor("wang"), step, 1)
    assert causes(town, "ou")["no_unit"] == 0


def test_a_step_that_was_drawn_without_a_unit_is_not_stuck(store: Store) -> None:
    town = drawn(store, OF_ROLE)
    town.open("north")
    assert set(causes(town, "ou").values()) == {0}


def test_a_step_for_anybody_of_a_unit_without_people_is_stuck(store: Store) -> None:
    town = drawn(store, ANYBODY)
    step = town.step(town.open("north"))
    assert causes(town, "ou")["nobody"] == 0
    with town.engine.work() as work:
        people = tables.post.c.unit == "north-grid"
        work.connection.execute(update(tables.post).where(people), {"valid_to": "2026-03-01"})
    assert [row["id"] for row in rows(town, "ou", "nobody")] == [step]


def test_a_suspension_that_lasts_longer_than_granted_is_stuck(town: Town) -> None:
    case, other = town.open("north", "停"), town.open("north", "不停")
    suspend(town, case, days=10)
    suspend(town, other, days=90)
    town.pass_(days=10)
    assert causes(town, "ou")["suspended"] == 0
    town.pass_(days=1)
    (row,) = rows(town, "ou", "suspended")
    assert (row["title"], row["ceiling_days"], row["suspended_days"]) == ("停", 10, 11)
    assert row["suspended_at"].startswith("2026-03-02T")
    assert [causes(town, one)["suspended"] for one in ("ou", "du", "wang", "song", "han")] == [1, 1, 1, 0, 0]
    with town.engine.work() as work:
        request = cases.ask(work, town.actor("wang"), case, casework.Ask("resumption", "材料已到"))
        cases.decide(work, town.actor("ou"), request, True, "同意")
    assert causes(town, "ou")["suspended"] == 0
    suspend(town, case, days=5)
    assert causes(town, "ou")["suspended"] == 0
    town.pass_(days=6)
    assert [row["ceiling_days"] for row in rows(town, "ou", "suspended")] == [5]


def test_every_cause_comes_in_words_with_a_way_out(town: Town) -> None:
    with town.engine.look() as work:
        found = queries.stuck(work, town.actor("ou"))
    assert [one["cause"] for one in found] == list(queries.CAUSES)
    assert all(one[name] and one["way_out"][name] for one in found for name in ("zh", "en"))


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


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_inbox_does_not_go_through_all_that_nobody_holds(town: Town) -> None:
    with town.engine.look() as work, statements(work.connection) as asked:
        queries.inbox(work, town.actor("han"))
    with town.engine.look() as work:
        plans = [
            [row[3] for row in work.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", p)] for one, p in asked
        ]
    for plan in plans:
        assert plan.count("SEARCH step USING INDEX ix_step_person (person=?)") <= 1, plan


@pytest.mark.parametrize("person", ["wang", "han", "ou"])
def test_what_is_stuck_is_found_without_reading_a_whole_table(store: Store, person: str) -> None:
    town = drawn(store, MATTER.replace("unit=department", "unit=lead"))
    town.hand_to("water", town.open("north"))
    suspend(town, town.open("north"), days=1)
    town.pass_(days=3)
    with town.engine.work() as work:
        work.connection.execute(update(tables.post).where(tables.post.c.role == "worker"), {"valid_to": "2026-03-04"})
    if person == "ou":
        assert causes(town, "ou") == {"nobody": 1, "no_unit": 1, "unclaimed": 1, "suspended": 1, "incident": 0}
    with town.engine.look() as work, statements(work.connection) as asked:
        queries.stuck(work, town.actor(person))
        queries.inbox(work, town.actor(person))
    with town.engine.look() as work:
        assert [fault for one in asked for fault in whole(work.connection, *one)] == []


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
    said = str({name: value for name, value in node.items() if name != "Plans"})
    for child in node.get("Plans", ()):
        # PostgreSQL 18 weighs hashing a whole table against asking it row by row as if nothing were switched off, and
        # in a table of three rows hashing wins. By index it can be asked all the same, as older versions show.
        if not (child.get("Disabled") and f"hashed {child.get('Subplan Name')}" in said):
            yield from seqs(child)
