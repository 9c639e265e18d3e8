"""Where what stands at a place goes: by id, by another id, by choice; what is around it, its rounds, joins and timers; what
the new version could never stand like; and the way the past takes."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.definition import Definition
from engine.migration.places import Crossing, NoPlace, places
from engine.migration.proposal import Proposals
from engine.migration.rebuild import leaves, rebuild, standing
from engine.migration.transfer import Transfer
from engine.migration.walk import Told, births, walk
from engine.model import Assigned, Event, Fired, State
from tests.diagrams import define
from tests.game import Game
from tests.strategies import Play
from tests.versions import Pair, pairs, version

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)

LINE = """
    start s
    user a
    user b
    end e
    s -> a
    a -> b
    b -> e
"""
BLOCK = """
    start s
    parallel fork
    user a
    user b
    parallel join
    user c
    end e
    s -> fork
    fork -> a
    fork -> b
    a -> join
    b -> join
    join -> c
    c -> e
"""
INSIDE = """
    start s
    sub box {
        start t
        user a
        user b
        end f
        t -> a
        a -> b
        b -> f
    }
    end e
    s -> box
    box -> e
"""
MANY = """
    start s
    user a collection=items item=it output=out output_item=y
    user b
    end e
    s -> a
    a -> b
    b -> e
"""


def called(text: str, id: str, other: str) -> str:
    """The same diagram, with another id for a node."""
    return re.sub(rf"\b{id}\b", other, text)


def told(definition: Definition, events: list[Event]) -> list[Told]:
    return [Told(AT + timedelta(hours=number), definition, event) for number, event in enumerate(events)]


def at(definition: Definition, *answered: str, **facts: Any) -> Game:
    """A case in which these steps have been answered, one after the other."""
    game = Game(definition, **facts)
    for node in answered:
        game.complete(node)
    return game


def stands(state: State) -> list[str]:
    """Where the tokens of a state stand that wait."""
    return sorted(standing(state, token).address for token in leaves(state))


def refused(code: str, old: str, new: str, *answered: str, chosen: dict[str, str] | None = None, **facts: Any) -> None:
    """By the mapping of nodes a case stays, for this reason."""
    before = define(old)
    with pytest.raises(NoPlace) as caught:
        Proposals(before, define(new), chosen=chosen).by_node(at(before, *answered, **facts).state)
    assert caught.value.code == f"migration.{code}"
    assert any("\u4e00" <= letter <= "\u9fff" for letter in caught.value.words.zh)


# -- node by node ------------------------------------------------------------------------------------


def test_a_place_has_an_address() -> None:
    assert [one for one in places(define(INSIDE)) if not one.endswith(("s", "e"))] == [
        "box",
        "box/t",
        "box/a",
        "box/b",
        "box/f",
    ]
    state = at(define(INSIDE), "a").state
    assert stands(state) == ["box/b"]


def test_the_same_id_is_the_same_place_wherever_it_stands() -> None:
    old, inside = define(LINE), define(INSIDE)
    game = at(old, "a")
    into = rebuild(Crossing(old, inside), game.state)
    assert stands(into) == ["box/b"]
    assert set(game.state.tokens) <= set(into.tokens)
    back = rebuild(Crossing(inside, old), into)
    assert (back.tokens, back.scopes) == (game.state.tokens | {4: back.tokens[4]}, game.state.scopes)


def test_another_id_or_a_choice() -> None:
    old, new = define(LINE), define(called(LINE, "b", "z"))
    state = at(old, "a").state
    assert Crossing(old, new).target("b").ground == "none"
    renamed = Crossing(old, new, {"main": {"b": "z"}})
    assert (renamed.target("b"), stands(rebuild(renamed, state))) == (("z", "renamed"), ["z"])
    chosen = Crossing(old, new, chosen={"b": "a"})
    assert (chosen.target("b").ground, stands(rebuild(chosen, state))) == ("chosen", ["a"])
    with pytest.raises(NoPlace):
        rebuild(Crossing(old, new, chosen={"b": ""}), state)


def test_only_what_waits_in_the_same_way_fits() -> None:
    new = LINE.replace("user b", "catch b message=m")
    refused("no-place", LINE, new, "a")
    crossing = Crossing(define(LINE), define(LINE.replace("user b", "manual b")))
    crossing.must_fit("b", "b")
    for target, code in (("e", "other-kind"), ("nowhere", "no-such-node")):
        with pytest.raises(NoPlace) as caught:
            crossing.must_fit("b", target)
        assert caught.value.code == f"migration.{code}"


def test_a_service_keeps_its_handler_and_its_id_for_its_answer_is_under_way() -> None:
    old = define(LINE.replace("user b", "service b handler=h"))
    other = define(LINE.replace("user b", "service b handler=g"))
    assert Crossing(old, other).target("b").to is None
    assert Crossing(old, old).target("b").to == "b"


def test_rounds_go_on_where_they_mean_the_same() -> None:
    old, state = define(MANY), at(define(MANY), items=[1, 2, 3]).state
    assert stands(rebuild(Crossing(old, define(called(MANY, "b", "q"))), state)) == ["a"] * 3
    for changed in ("item=other", "sequential", "output=elsewhere"):
        word = {"item=other": "item=it", "output=elsewhere": "output=out"}.get(changed, "output_item=y")
        new = MANY.replace(word, changed if changed != "sequential" else "output_item=y sequential")
        refused("no-place", MANY, new, items=[1, 2])
    refused("no-place", MANY, LINE, items=[1, 2])


def test_a_call_or_rounds_around_cannot_be_left_and_what_begins_by_itself_cannot_be_entered() -> None:
    looped = INSIDE.replace("sub box {", "sub box cardinality=2 {")
    refused("no-place", looped, LINE)
    refused("no-place", LINE, looped)
    crossing = Crossing(define(looped), define(LINE))
    with pytest.raises(NoPlace) as caught:
        crossing.must_fit("box/a", "a")
    assert caught.value.code == "migration.cannot-leave"
    with pytest.raises(NoPlace) as caught:
        Crossing(define(LINE), define(looped)).must_fit("a", "box/a")
    assert caught.value.code == "migration.cannot-build"


def test_a_branch_that_waits_at_a_join_goes_along_or_the_whole_case_stays() -> None:
    old = define(BLOCK)
    state = at(old, "a").state
    other_ids = define(BLOCK.replace("user c", "user d\n user c").replace("join -> c", "join -> d\n d -> c"))
    found = Proposals(old, other_ids).by_node(state).state
    assert sum(found.scopes[1].joins.values()) == 1
    done = Game.__new__(Game)
    done.definition, done.state, done.events, done.effects = other_ids, found, [], []
    assert done.complete("b").open == ["d"]
    without = BLOCK.replace("parallel join", "exclusive join")
    refused("join", BLOCK, without, "a")
    split = BLOCK.replace("parallel fork", "exclusive fork").replace("fork -> a", "fork -> a [x]")
    refused("unreachable", BLOCK, split.replace("parallel join", "exclusive join").replace("fork -> b", "fork => b"))


def test_a_state_that_the_new_version_could_never_come_to_is_refused() -> None:
    refused("unreachable", LINE, called(BLOCK, "c", "q"), "a")
    both = define(BLOCK)
    crossing = Crossing(both, define(LINE))
    with pytest.raises(NoPlace) as caught:
        Proposals(both, define(LINE)).by_node(at(both).state)
    assert (crossing.target("a").to, caught.value.code) == ("a", "migration.unreachable")


# -- timers ------------------------------------------------------------------------------------------

REMINDED = """
    start s
    user a
    boundary late on=a interrupting=no timer=PT5H
    user r
    end f
    late -> r
    r -> f
    end e
    s -> a
    a -> e
"""


def test_a_timer_runs_on_a_fired_one_is_not_armed_again_and_a_new_one_begins() -> None:
    old = define(REMINDED)
    changed = define(
        REMINDED.replace("PT5H", "PT9H")
        .replace("user r", "boundary soon on=a interrupting=no timer=PT1H\n user r")
        .replace("late -> r", "late -> r\n soon -> r")
    )
    running = at(old).state
    found = rebuild(Crossing(old, changed), running)
    (clock,) = running.clocks.values()
    assert found.clocks[clock.id] == clock
    assert [one.node for one in found.clocks.values()] == ["late", "soon"]
    fired = at(old).happen(Fired(clock.id)).state
    again = rebuild(Crossing(old, changed), fired)
    assert [one.node for one in again.clocks.values()] == ["soon"]
    plain = called(LINE, "b", "r")
    gone = rebuild(Crossing(old, define(plain)), running)
    assert gone.clocks == {}


def test_how_often_a_timer_still_fires_follows_the_new_version_when_it_changed() -> None:
    old = define(REMINDED.replace("PT5H", "R/PT5H"))
    state = at(old).state
    for text, left in (("R/PT5H", None), ("R3/PT5H", 3), ("PT5H", 1)):
        found = rebuild(Crossing(old, define(REMINDED.replace("PT5H", text))), state)
        assert [one.left for one in found.clocks.values()] == [left]


# -- by the path walked ------------------------------------------------------------------------------


def test_the_past_finds_what_is_new_beside_the_old() -> None:
    old = define(LINE)
    new = define(
        BLOCK.replace("user c", "user q")
        .replace("c", "q")
        .replace("s -> fork", "user first\n s -> first\n first -> fork")
    )
    renamed = {"main": {"a": "first", "b": "a"}}
    game = at(old, "a")
    found = walk(Crossing(old, new, renamed), told(old, game.events), game.state)
    assert stands(found) == ["a", "b"]
    assert {token.id for token in found.tokens.values()} >= set(game.state.tokens)


def test_the_past_of_rounds_and_timers_is_told_to_the_right_ones() -> None:
    old = define(MANY)
    game = at(old, items=[1, 2, 3])
    game.complete("a", y=7)
    new = define(MANY.replace("s -> a", "exclusive x\n s -> x\n x -> a"))
    found = walk(Crossing(old, new), told(old, game.events), game.state)
    assert [(one.node, one.id) for one in leaves(found)] == [(one.node, one.id) for one in leaves(game.state)]
    reminded = define(REMINDED)
    game = at(reminded)
    game.happen(Fired(next(iter(game.state.clocks))))
    later = define(REMINDED.replace("s -> a", "exclusive x\n s -> x\n x -> a"))
    assert stands(walk(Crossing(reminded, later), told(reminded, game.events), game.state)) == ["a", "r"]


def test_the_past_has_no_way_where_something_comes_first_and_none_where_a_branch_is_lost() -> None:
    old = define(LINE)
    new = define(LINE.replace("s -> a", "user first\n s -> first\n first -> a"))
    game = at(old, "a")
    with pytest.raises(NoPlace):
        walk(Crossing(old, new), told(old, game.events), game.state)
    block = define(BLOCK)
    with pytest.raises(NoPlace):
        walk(Crossing(block, old), told(block, at(block).events), at(block).state)


def test_no_variable_is_lost() -> None:
    old = define(LINE.replace("s -> a", 'script set script="z = 1"\n s -> set\n set -> a'))
    game = at(old)
    found = walk(Crossing(old, define(LINE)), told(old, game.events), game.state)
    assert found.facts == {"z": 1}


def test_a_service_that_would_have_to_run_at_once_is_no_way() -> None:
    old = define(LINE)
    new = define(called(called(BLOCK, "a", "w"), "b", "a").replace("user w", "service w handler=h"))
    with pytest.raises(NoPlace):
        walk(Crossing(old, new), told(old, at(old).events), at(old).state)


def test_when_things_came_to_be() -> None:
    old = define(LINE)
    game = at(old, "a")
    (token,) = game.state.tokens
    assert births(told(old, game.events))[token] == AT + timedelta(hours=1)


# -- any versions ------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(pair=pairs(size=9, changes=4), seed=st.integers(0, 10**6), steps=st.integers(0, 7))
def test_whatever_is_redrawn_a_case_that_moves_keeps_all_that_waits_and_goes_on_to_its_end(
    pair: Pair, seed: int, steps: int
) -> None:
    transfer = Transfer(version(pair.old), version(pair.new, "test/2026-02-01"))
    play = Play(transfer.old.drawn["matter"].definition, seed).run(steps, 0.3)
    if play.state.status != "open":
        return
    past = told(play.definition, play.events)
    try:
        found = transfer.proposals(play.definition.digest).propose(play.state, lambda: past).state
    except NoPlace:
        return
    for token in leaves(play.state):
        assert found.tokens[token.id].mode == token.mode
    ids = [*found.scopes, *found.tokens, *found.clocks]
    assert len(ids) == len(set(ids))
    assert max(ids) < found.next
    assert all(clock.owner in found.tokens or clock.owner in found.scopes for clock in found.clocks.values())
    assert play.state.facts.items() <= found.facts.items() or pair.changes
    play.definition, play.state = transfer.new.drawn["matter"].definition, found
    play.run(200)
    if not play.ended and not any(token.incident for token in play.state.tokens.values()):
        play.happen(Assigned({"x": 0}))  # out of a circle whose answer was taken out of the drawing
        play.run(400)
    assert play.ended or any(token.incident for token in play.state.tokens.values())
