"""The chain of records on both databases: what it catches, what may be erased, in which order readers see it,
and that it replays to the state of its case."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, text, update

from engine import records, tables
from engine.definition import Body, Definition, Flow, Node, Process
from engine.errors import Invalid, NotFound, Refused
from engine.machine import advance
from engine.model import Assigned, Began, Completed, Event, State, Token, decode, encode, encode_sorted
from engine.records import GENESIS, Entry, Head, Migrated
from engine.store import Store
from migrations import protection

AT = datetime(2026, 3, 2, 17, 30, tzinfo=timezone(timedelta(hours=8)))
POSTGRESQL = pytest.mark.parametrize("dialect", ["postgresql"])


def write(store: Store, subject: str, *entries: Entry, head: Head = GENESIS) -> Head:
    with store.transaction() as connection:
        return records.append(connection, subject, head, entries, at=AT, area="/32/")


def faults(store: Store, subject: str) -> list[str]:
    with store.reading() as connection:
        return [finding.rule for finding in records.verify(connection, subject)]


def tamper(store: Store, statement: str, **values: Any) -> None:
    """As somebody would who can switch the protections off."""
    with store.transaction() as connection:
        protection.remove(connection)
        assert connection.execute(text(statement), values).rowcount
        protection.install(connection)


@pytest.fixture
def written(store: Store) -> Store:
    """A chain of three records, two values said in the second."""
    write(
        store,
        "case/1",
        Entry("discovered", actor="p1", post="w1", detail={"way": "patrol"}),
        Entry("described", actor="p1", post="w1", secret={"text": "路灯不亮", "phone": "13800000000"}),
        Entry("clock", cause="case/1#1", event={"type": "fired", "clock": 3}),
    )
    return store


# -- writing -----------------------------------------------------------------------------------------


def test_a_record_says_who_did_what_when_and_why(written: Store) -> None:
    with written.reading() as connection:
        first, second, third = records.chain(connection, "case/1")
        assert records.said(connection, "case/1") == {2: {"phone": "13800000000", "text": "路灯不亮"}}
    assert (first.number, first.kind, first.actor, first.post) == (1, "discovered", "p1", "w1")
    assert (first.at, first.area, first.detail) == (AT, "/32/", {"way": "patrol"})
    assert (third.cause, third.event, third.algorithm) == ("case/1#1", {"type": "fired", "clock": 3}, "sha256")
    assert (first.prev, second.prev, third.prev) == ("", first.hash, second.hash)
    assert second.sealed.keys() == {"text", "phone"}
    assert json.loads(second.body)["at"] == "2026-03-02T09:30:00.000000Z"


def test_a_stranger_can_recompute_everything_with_the_standard_library(written: Store) -> None:
    with written.reading() as connection:
        rows = connection.execute(select(tables.record).order_by(tables.record.c.number)).all()
        values = connection.execute(select(tables.payload)).all()
    before = ""
    for row in rows:
        assert hashlib.sha256(row.body.encode()).hexdigest() == row.hash
        assert json.loads(row.body)["prev"] == before
        before = row.hash
    for value in values:
        sealed = json.loads(rows[value.number - 1].body)["sealed"][value.field]
        assert hashlib.sha256(value.salt + value.value.encode()).hexdigest() == sealed


def test_what_people_say_is_nowhere_in_the_chain(written: Store) -> None:
    with written.reading() as connection:
        bodies = [record.body for record in records.chain(connection, "case/1")]
    assert not any("路灯" in body or "13800000000" in body for body in bodies)


def test_the_same_words_never_have_the_same_hash_or_salt(store: Store) -> None:
    write(store, "case/1", *[Entry("said", secret={"a": "同", "b": "同"}) for _ in range(2)])
    with store.reading() as connection:
        seals = [seal for record in records.chain(connection, "case/1") for seal in record.sealed.values()]
        salts = [row.salt for row in connection.execute(select(tables.payload.c.salt))]
    assert len(set(seals)) == 4
    assert len(set(salts)) == 4
    assert {len(salt) for salt in salts} == {16}


def test_head_is_the_end_of_the_chain(written: Store) -> None:
    end = write(written, "unit/9", Entry("named"))
    with written.transaction() as connection:
        assert records.head(connection, "unit/9") == end
        assert records.head(connection, "unit/none") == GENESIS


def test_nothing_to_append_changes_nothing(store: Store) -> None:
    assert write(store, "case/1") == GENESIS


def test_chains_without_a_row_stay_linear_under_many_writers(store: Store) -> None:
    def name(_: int) -> None:
        with store.transaction() as connection:
            end = records.head(connection, "list/1")
            records.append(connection, "list/1", end, [Entry("changed")], at=AT, area="/")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(name, range(20)))
    with store.reading() as connection:
        assert [record.number for record in records.chain(connection, "list/1")] == list(range(1, 21))
    assert faults(store, "list/1") == []


@pytest.mark.parametrize("algorithm", ["sha256", "sm3"])
def test_the_record_names_its_algorithm(store: Store, algorithm: records.Algorithm) -> None:
    with store.transaction() as connection:
        entries = [Entry("a", secret={"x": 1})]
        end = records.append(connection, "case/1", GENESIS, entries, at=AT, area="/", algorithm=algorithm)
        records.append(connection, "case/1", end, [Entry("b")], at=AT, area="/")
        first = next(records.chain(connection, "case/1"))
    assert first.algorithm == algorithm
    assert hashlib.new(algorithm, first.body.encode()).hexdigest() == first.hash
    assert faults(store, "case/1") == []


def test_sm3_is_the_national_standard() -> None:
    """GB/T 32905-2016, A.1."""
    assert records.digest("sm3", b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_an_algorithm_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str, data: bytes) -> None:
        raise ValueError(name)

    monkeypatch.setattr("hashlib.new", without)
    with pytest.raises(Invalid, match="sm3"):
        records.digest("sm3", b"")


@contextmanager
def again(store: Store) -> Iterator[Store]:
    """The installation as the next process finds it."""
    later = Store(store.url.render_as_string(hide_password=False))
    yield later
    later.close()


def choose(store: Store, algorithm: records.Algorithm) -> None:
    with store.transaction() as connection:
        records.choose(connection, algorithm, at=AT)


def test_an_installation_chooses_its_algorithm_and_a_chain_may_change_it(store: Store) -> None:
    end = write(store, "case/1", Entry("a", secret={"text": "甲"}))
    for algorithm in ("sm3", "sha256", "sm3"):
        choose(store, algorithm)
        with again(store) as later:
            end = write(later, "case/1", Entry("b", secret={"text": "乙"}), head=end)
            assert faults(later, "case/1") == []
    with store.reading() as connection:
        chain = list(records.chain(connection, "case/1"))
        chosen = list(records.chain(connection, records.INSTALLATION))
    assert [record.algorithm for record in chain] == ["sha256", "sm3", "sha256", "sm3"]
    assert chain[1].hash == hashlib.new("sm3", chain[1].body.encode()).hexdigest() == chain[2].prev
    assert [record.detail["algorithm"] for record in chosen] == ["sm3", "sha256", "sm3"]
    assert faults(store, records.INSTALLATION) == []


@pytest.mark.parametrize("algorithm", ["sha256", "sm3"])
def test_what_was_altered_is_found_under_either_algorithm(store: Store, algorithm: records.Algorithm) -> None:
    choose(store, algorithm)
    with again(store) as later:
        write(later, "case/1", Entry("a", secret={"text": "甲"}), Entry("b", secret={"text": "乙"}))
        tamper(later, "UPDATE record SET body = replace(body, '\"b\"', '\"c\"') WHERE subject = 'case/1'")
        tamper(later, "UPDATE payload SET value = '\"丙\"' WHERE subject = 'case/1' AND number = 1")
        assert sorted(faults(later, "case/1")) == ["record.hash", "record.said"]


def test_an_algorithm_that_is_not_there_cannot_be_chosen_and_its_records_not_checked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.transaction() as connection:
        entries = [Entry("a", secret={"x": "甲"}), Entry("b")]
        records.append(connection, "case/1", GENESIS, entries, at=AT, area="/", algorithm="sm3")

    def without(name: str, data: bytes) -> None:
        raise ValueError(name)

    monkeypatch.setattr("hashlib.new", without)
    with pytest.raises(Invalid, match="sm3"):
        choose(store, "sm3")
    with store.reading() as connection:
        assert connection.execute(select(tables.setting)).all() == []
        found = records.verify(connection, "case/1")
    assert [one.rule for one in found] == ["record.algorithm", "record.algorithm"]
    assert all("sm3" in one.message for one in found)


# -- canonical JSON ----------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**53 - 3, 2**53 + 3)
    | st.floats()
    | st.sampled_from([1.0, -0.0, 1e16, 1e21, 1e22, 1e-7, 2.0**53])
    | st.text()
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
@example({"\ue000": 1, "\U00010000": 2})
def test_canonical_json_is_rfc_8785(value: Any) -> None:
    try:
        expected = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        with pytest.raises(Invalid):
            records.canonical(value)
    else:
        assert records.canonical(value) == expected


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_settled_event_comes_back_as_it_is(facts: dict[str, Any]) -> None:
    try:
        event = records.settled(Assigned(facts))
    except Invalid:
        return
    written = records.canonical({"type": "assigned", "facts": event.facts})
    assert encode_sorted(json.loads(written)["facts"]) == encode_sorted(event.facts)
    assert event == Assigned(facts)


def test_settling_changes_only_the_spelling_of_numbers() -> None:
    event = records.settled(Completed(4, {"area": 2.0, "share": 0.5, "none": -0.0, "list": [3.0]}))
    assert encode_sorted(event.facts) == b'{"area":2,"list":[3],"none":0,"share":0.5}'
    assert event.step == 4


@pytest.mark.parametrize("value", [2**53, -(2**53), float("nan"), float("inf"), 1e16, "\ud800"])
def test_what_json_cannot_carry_is_refused_at_the_door(value: Any) -> None:
    with pytest.raises(Invalid, match="9007199254740991"):
        records.settled(Assigned({"x": value}))


def test_a_migrated_state_keeps_the_order_of_its_tokens() -> None:
    tokens = {number: Token(number, 1, "a") for number in (9, 10, 2)}
    migrated = records.settled(Migrated("d", State(tokens=tokens)))
    assert list(migrated.state.tokens) == [2, 9, 10]
    assert migrated.state.tokens == tokens


# -- checking ----------------------------------------------------------------------------------------


def test_an_untouched_chain_is_valid(written: Store) -> None:
    assert faults(written, "case/1") == []
    with written.transaction() as connection:
        records.place(connection, 2)
    assert faults(written, "case/1") == []


TAMPERINGS = {
    "one byte of a body": (
        "UPDATE record SET body = replace(body, 'patrol', 'petrol') WHERE number = 1",
        ["record.hash"],
    ),
    "a body with its hash": (
        "UPDATE record SET body = replace(body, 'patrol', 'petrol'), hash = :hash WHERE number = 1",
        ["record.hash", "record.link"],
    ),
    "a body that is no JSON": ("UPDATE record SET body = 'x' WHERE number = 1", ["record.body"]),
    "the area": ("UPDATE record SET area = '/33/' WHERE number = 1", ["record.place"]),
    "a record taken out": ("DELETE FROM record WHERE number = 2", ["record.number", "record.stray"]),
    "the first taken out": ("DELETE FROM record WHERE number = 1", ["record.number"]),
    "a value": ("UPDATE payload SET value = '\"x\"' WHERE field = 'text'", ["record.said"]),
    "a salt": ("UPDATE payload SET salt = CAST('x' AS {bytes}) WHERE field = 'text'", ["record.said"]),
    "a value taken out": ("DELETE FROM payload WHERE field = 'text'", ["record.lost"]),
    "a value moved": ("UPDATE payload SET field = 'x' WHERE field = 'text'", ["record.lost", "record.stray"]),
    "a value nulled, not erased": ("UPDATE payload SET value = NULL WHERE field = 'text'", ["record.said"]),
}


@pytest.mark.parametrize(("statement", "expected"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_tampering_is_found(written: Store, statement: str, expected: list[str]) -> None:
    values = {"hash": "0" * 64} if ":hash" in statement else {}
    bytes = "blob" if written.dialect == "sqlite" else "bytea"
    tamper(written, statement.replace("{bytes}", bytes), **values)
    assert faults(written, "case/1") == expected


def test_a_rewritten_record_breaks_the_next_link(written: Store) -> None:
    """Even with a hash that fits."""
    with written.reading() as connection:
        body = next(records.chain(connection, "case/1")).body.replace("patrol", "petrol")
    hash = hashlib.sha256(body.encode()).hexdigest()
    tamper(written, "UPDATE record SET body = :body, hash = :hash WHERE number = 1", body=body, hash=hash)
    with written.reading() as connection:
        (fault,) = records.verify(connection, "case/1")
    assert fault.rule == "record.link"
    assert fault.element == "case/1#2"
    assert "第2号记录" in fault.message
    assert "Record 2" in fault.message


def test_positions_out_of_order_are_found(written: Store) -> None:
    tamper(written, "UPDATE record SET position = 4 - number")
    assert faults(written, "case/1") == ["record.order", "record.order"]


def test_a_record_left_out_of_the_order_is_found(written: Store) -> None:
    tamper(written, "UPDATE record SET position = number WHERE number <> 2")
    assert faults(written, "case/1") == ["record.order"]


def test_a_removed_end_shows_in_the_order_over_all_chains(written: Store) -> None:
    write(written, "unit/1", Entry("named"))
    with written.transaction() as connection:
        records.place(connection)
    tamper(written, "DELETE FROM record WHERE subject = 'case/1' AND number = 3")
    assert faults(written, "case/1") == []
    with written.reading() as connection:
        (gap,) = records.gaps(connection)
    assert "4" in gap.message
    assert "3" in gap.message


# -- erasing -----------------------------------------------------------------------------------------


def test_an_erased_value_is_gone_and_the_chain_is_valid(written: Store) -> None:
    with written.transaction() as connection:
        assert records.erase(connection, "case/1", 2, "phone", at=AT) == 1
    with written.reading() as connection:
        rows = connection.execute(select(tables.payload).order_by(tables.payload.c.field)).all()
        assert records.said(connection, "case/1") == {2: {"phone": None, "text": "路灯不亮"}}
    assert [(row.value, row.salt, row.erased_at) for row in rows if row.field == "phone"] == [(None, None, AT)]
    assert faults(written, "case/1") == []


def test_erasing_a_whole_record_and_erasing_twice(written: Store) -> None:
    with written.transaction() as connection:
        assert records.erase(connection, "case/1", 2, at=AT) == 2
    with written.transaction() as connection:
        assert records.erase(connection, "case/1", 2, at=AT) == 0
    assert faults(written, "case/1") == []


# -- positions ---------------------------------------------------------------------------------------


def read_after(connection: Connection, last: int) -> list[tuple[int, str]]:
    record = tables.record.c
    found = select(record.position, record.subject).where(record.position > last).order_by(record.position)
    return [(row.position, row.subject) for row in connection.execute(found)]


def place(store: Store, limit: int = 1000) -> int:
    with store.transaction() as connection:
        return records.place(connection, limit)


def test_positions_are_gapless_and_follow_the_numbers(written: Store) -> None:
    write(written, "unit/1", Entry("named"), Entry("moved"))
    assert [place(written, 2), place(written, 2), place(written, 2), place(written, 2)] == [2, 2, 1, 0]
    with written.reading() as connection:
        assert read_after(connection, 0) == [(1, "case/1"), (2, "case/1"), (3, "case/1"), (4, "unit/1"), (5, "unit/1")]
        assert records.gaps(connection) == []
    assert faults(written, "case/1") == []
    assert faults(written, "unit/1") == []


@POSTGRESQL
def test_a_late_commit_gets_a_late_position(store: Store) -> None:
    """The trap of numbers taken before the commit: a slow writer's number is lower than what a reader has
    already seen. A sequence shows the trap, the sequencer does not fall into it."""
    seen: list[int] = []
    with ExitStack() as slow, store.transaction() as setup:
        setup.exec_driver_sql("CREATE SEQUENCE naive")
        setup.commit()
        late = slow.enter_context(store.transaction())
        taken_early = late.exec_driver_sql("SELECT nextval('naive')").scalar_one()
        records.append(late, "case/1", GENESIS, [Entry("slow")], at=AT, area="/")
        with store.transaction() as quick:
            taken_late = quick.exec_driver_sql("SELECT nextval('naive')").scalar_one()
            records.append(quick, "case/2", GENESIS, [Entry("quick")], at=AT, area="/")
        assert place(store) == 1
        with store.reading() as reader:
            assert read_after(reader, 0) == [(1, "case/2")]
        seen = [taken_late]
    assert taken_early < max(seen), "a reader that goes on after the last number misses the slow writer"
    assert place(store) == 1
    with store.reading() as reader:
        assert read_after(reader, 1) == [(2, "case/1")]


def test_a_reader_never_misses_a_record_while_many_commit(store: Store) -> None:
    done = threading.Event()

    def writer(number: int) -> None:
        end = GENESIS
        for round in range(15):
            with store.transaction() as connection:
                entries = [Entry("a"), Entry("b")]
                end = records.append(connection, f"case/{number}", end, entries, at=AT, area="/")
                if round % 3 == number % 3:
                    time.sleep(0.002)

    def sequencer() -> None:
        while not done.is_set():
            place(store, 7)

    def reader() -> list[int]:
        seen: list[int] = []
        while not done.is_set() or place(store):
            with store.reading() as connection:
                seen += [position for position, _ in read_after(connection, seen[-1] if seen else 0)]
        with store.reading() as connection:
            return seen + [position for position, _ in read_after(connection, seen[-1] if seen else 0)]

    with ThreadPoolExecutor(8) as threads:
        reading = threads.submit(reader)
        sequencers = [threads.submit(sequencer) for _ in range(2)]
        for writing in [threads.submit(writer, number) for number in range(4)]:
            writing.result()
        done.set()
        assert reading.result() == list(range(1, 121))
        for each in sequencers:
            each.result()
    with store.reading() as connection:
        assert records.gaps(connection) == []


# -- replaying ---------------------------------------------------------------------------------------


def drawn(*users: str) -> Definition:
    """A definition whose steps follow one another."""
    ids = ["start", *users, "end"]
    flows = {f"{a}-{b}": Flow(f"{a}-{b}", a, b) for a, b in pairwise(ids)}
    kinds = {"start": "start", "end": "end"}
    nodes = {
        id: Node(
            id,
            kinds.get(id, "user"),  # type: ignore[arg-type]
            incoming=tuple(f for f in flows if f.endswith(f"-{id}")),
            outgoing=tuple(f for f in flows if f.startswith(f"{id}-")),
        )
        for id in ids
    }
    return Definition("p", {"p": Process("p", Body(nodes, flows))})


OLD, NEW = drawn("find", "verify"), drawn("find", "verify", "close")
BEGIN = Began(facts={"urgent": True, "count": 2.0})
FOUND, VERIFIED = Completed(3, {"share": 0.5}), Completed(4)


def publish(connection: Connection, definition: Definition, semantics: int = 1) -> None:
    connection.execute(
        insert(tables.definition).values(
            hash=definition.digest, key="k", semantics=semantics, compiler="1", compiled=encode_sorted(definition),
            xml=b"", xml_hash="", published_at=AT,
        )
    )  # fmt: skip


def open_case(connection: Connection, definition: Definition, state: State, end: Head) -> None:
    connection.execute(
        insert(tables.pack).values(
            key="p", place="p", area="/", force="law", in_force_from="2026-01-01", hash="", body=b"", published_at=AT
        )
    )
    connection.execute(
        insert(tables.case).values(
            id=1, definition=definition.digest, pack="p", area="/32/", unit="u", title="t", way_in="start",
            discovered_at=AT, opened_at=AT, active_at=AT, status="open", state=encode(state), revision=1,
            head=end.hash, records=end.number,
        )
    )  # fmt: skip


def run(connection: Connection, definition: Definition, *events: Event) -> State:
    """A case as the engine runs it: settle, advance, record; one minute apart."""
    state, end = State(), GENESIS
    for minute, event in enumerate(map(records.settled, events)):
        state, _ = advance(definition, state, event)
        detail = {"definition": definition.digest} if isinstance(event, Began) else {}
        moment = AT + timedelta(minutes=minute)
        entries = [Entry("noted"), Entry("moved", event=event, detail=detail)]
        end = records.append(connection, "case/1", end, entries, at=moment, area="/32/")
    open_case(connection, definition, state, end)
    return state


@pytest.fixture
def case(store: Store) -> Iterator[Connection]:
    """Inside a transaction: a case that has been found and waits for verification."""
    with store.transaction() as connection:
        publish(connection, OLD)
        publish(connection, NEW)
        run(connection, OLD, BEGIN, FOUND)
        yield connection


def stored(connection: Connection) -> bytes:
    return bytes(connection.execute(select(tables.case.c.state)).scalar_one())


def proved(connection: Connection) -> list[str]:
    return [finding.rule for finding in records.proves(connection, 1)]


def test_the_records_of_a_case_lead_to_its_state(case: Connection) -> None:
    state = records.replay(case, 1)
    assert state == decode(stored(case), State)
    assert [token.node for token in state.tokens.values()] == ["verify"]
    assert proved(case) == []
    assert records.verify(case, "case/1") == []


def test_as_of_an_earlier_moment(case: Connection) -> None:
    assert records.replay(case, 1, AT - timedelta(seconds=1)) == State()
    assert [token.node for token in records.replay(case, 1, AT).tokens.values()] == ["find"]


def test_an_altered_state_is_found(case: Connection) -> None:
    altered = stored(case).replace(b"true", b"false")
    case.execute(update(tables.case).values(state=altered))
    assert proved(case) == ["record.state"]


def test_a_state_that_cannot_be_read_is_found(case: Connection) -> None:
    case.execute(update(tables.case).values(state=b"{"))
    assert proved(case) == ["record.state"]


def test_a_case_put_under_another_definition_is_found(case: Connection) -> None:
    case.execute(update(tables.case).values(definition=NEW.digest))
    assert proved(case) == ["record.state"]


def test_a_cut_off_end_is_found_by_the_case(case: Connection) -> None:
    protection.remove(case)
    case.execute(text("DELETE FROM record WHERE number = 4"))
    protection.install(case)
    assert [finding.rule for finding in records.verify(case, "case/1")] == ["record.end"]
    assert proved(case) == ["record.state"]


def test_a_migration_changes_the_definition(case: Connection) -> None:
    end = Head(*case.execute(select(tables.case.c.records, tables.case.c.head)).one())
    moved = records.replay(case, 1)
    migration = Migrated(NEW.digest, moved)
    state, _ = advance(NEW, moved, VERIFIED)
    assert [token.node for token in state.tokens.values()] == ["close"]
    entries = [Entry("migrated", event=migration), Entry("completed", event=VERIFIED)]
    end = records.append(case, "case/1", end, entries, at=AT + timedelta(hours=1), area="/32/")
    case.execute(
        update(tables.case).values(definition=NEW.digest, state=encode(state), records=end.number, head=end.hash)
    )
    assert records.replay(case, 1) == state
    assert proved(case) == []
    assert records.verify(case, "case/1") == []


def test_unknown_semantics_are_not_called_tampering(store: Store) -> None:
    with store.transaction() as connection:
        publish(connection, OLD, semantics=99)
        run(connection, OLD, BEGIN)
        with pytest.raises(Refused, match="99"):
            records.replay(connection, 1)
        (finding,) = records.proves(connection, 1)
    assert finding.rule == "record.unknown-semantics"
    assert "unknown semantics" in finding.message.lower()


def test_a_lost_definition_is_found(store: Store) -> None:
    with store.transaction() as connection:
        publish(connection, NEW)
        records.append(
            connection, "case/1", GENESIS, [Entry("a", event=BEGIN, detail={"definition": "gone"})], at=AT, area="/"
        )
        open_case(connection, NEW, State(), GENESIS)
        with pytest.raises(NotFound, match="gone"):
            records.replay(connection, 1)
        assert proved(connection) == ["record.no-definition"]


def test_an_altered_definition_is_found(case: Connection) -> None:
    protection.remove(case)
    case.execute(text("UPDATE definition SET compiled = xml"))
    protection.install(case)
    assert proved(case) == ["record.definition-altered"]
