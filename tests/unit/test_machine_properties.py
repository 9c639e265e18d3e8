"""What must hold for every diagram and every order of events, tried on random ones."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import machine
from engine.checks.soundness import Fault, explore, marking
from engine.definition import Definition
from engine.machine import advance
from engine.model import Armed, Closed, Disarmed, Fired, Opened, Scope, State, Stuck, decode, encode
from tests.diagrams import define
from tests.strategies import Dice, Play, bent, blocks, tangles

examples = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
seeds = st.integers(0, 2**32)


@pytest.fixture(autouse=True, scope="module")
def _short_circles() -> Iterator[None]:
    """A circle without waiting is an incident after far fewer moves, so that the tests stay quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "MOVES", 300)
        yield


# -- block-structured diagrams -----------------------------------------------------------------------------


@settings(examples, max_examples=150)
@given(blocks(), seeds)
def test_a_block_structured_diagram_ends_whatever_is_answered_in_whatever_order(text: str, seed: int) -> None:
    play = Play(define(text), seed).run(2000)
    assert play.ended
    assert not play.state.tokens
    assert not play.state.clocks


@settings(examples, max_examples=150)
@given(blocks(), seeds)
def test_it_ends_too_when_timers_messages_and_signals_come_in_between(text: str, seed: int) -> None:
    play = Play(define(text), seed).run(60, disturbances=0.4).run(2000)
    assert play.ended
    assert not play.state.tokens
    assert not play.state.clocks


@settings(examples, max_examples=150)
@given(blocks(), seeds)
def test_each_opened_step_is_closed_once_and_each_timer_fires_or_is_withdrawn(text: str, seed: int) -> None:
    play = Play(define(text), seed).run(60, disturbances=0.3).run(2000)
    opened = Counter(effect.step for effect in play.effects if isinstance(effect, Opened))
    closed = Counter(effect.step for effect in play.effects if isinstance(effect, Closed))
    assert opened == closed
    armed = {effect.clock for effect in play.effects if isinstance(effect, Armed)}
    gone = {effect.clock for effect in play.effects if isinstance(effect, Disarmed)}
    assert armed == gone | {event.clock for event in play.events if isinstance(event, Fired)}


@settings(examples, max_examples=100)
@given(blocks(), seeds)
def test_replay_gives_the_identical_state_and_each_state_survives_storage(text: str, seed: int) -> None:
    definition = define(text)
    play = Play(definition, seed).run(30, disturbances=0.3)
    state = State()
    for event in play.events:
        state, _ = advance(definition, state, decode(encode(event), type(event)))
        assert decode(encode(state), State) == state
    assert encode(state) == encode(play.state)


@settings(examples, max_examples=80)
@given(blocks(), seeds)
def test_a_state_is_as_large_as_what_is_open_however_much_has_passed(text: str, seed: int) -> None:
    """The same marking again has the same size, but for the digits of the numbers given out."""
    definition = define(text)
    sizes: dict[object, set[int]] = {}
    for state in _states(definition, seed, 150):
        sizes.setdefault(_open(state), set()).add(len(re.sub(rb"\d+", b"0", encode(state))))
    assert all(len(found) == 1 for found in sizes.values())


def _states(definition: Definition, seed: int, steps: int) -> Iterator[State]:
    play = Play(definition, seed)
    for _ in range(steps):
        yield play.state
        if not play.run(1, disturbances=0.2).waiting:
            return


def _open(state: State) -> object:
    names = sorted((scope.kind, sorted(scope.facts or {})) for scope in state.scopes.values())
    ways = sorted((token.node, token.via, token.held) for token in state.tokens.values())
    rounds = sorted((s.rounds.begun, s.rounds.done) for s in state.scopes.values() if s.rounds)
    return str((marking(state), names, ways, rounds))


def test_a_thousand_rounds_leave_nothing_behind() -> None:
    definition = define("""
        start s
        exclusive m
        parallel f
        user a
        sub S {
          start t
          user b
          end u
          t -> b
          b -> u
        }
        boundary r on=S timer=R/PT1H interrupting=no
        user n
        end x
        parallel j
        exclusive g
        end e
        s -> m
        m -> f
        f -> a
        f -> S
        r -> n
        n -> x
        a -> j
        S -> j
        j -> g
        g -> m [x < 4]
        g => e
        """)
    play = Play(definition, 1)
    sizes = Counter[tuple[object, int]]()
    for _ in range(3000):
        play.disturb() if play.chance.random() < 0.1 and len(play.waiting) < 4 else play.answer()
        sizes[_open(play.state), len(re.sub(rb"\d+", b"0", encode(play.state)))] += 1
    assert not play.ended
    assert len(sizes) == len({marked for marked, _ in sizes})
    assert len(sizes) < 50


# -- any edges ---------------------------------------------------------------------------------------------


@settings(examples, max_examples=200)
@given(tangles(), seeds)
def test_any_diagram_ends_or_waits_or_is_honestly_stuck(definition: Definition, seed: int) -> None:
    """Never an exception, never a token that is nowhere: what does not end shows what it waits for."""
    play = Play(definition, seed, Dice(seed)).run(40, disturbances=0.3)
    state = play.state
    assert all(token.mode in ("waiting", "hosting") or token.incident for token in state.tokens.values())
    assert all(clock.owner in state.tokens or clock.owner in state.scopes for clock in state.clocks.values())
    for token in state.tokens.values():
        assert token.mode != "hosting" or any(scope.host == token.id for scope in state.scopes.values())
    if play.ended:
        assert not state.tokens
        assert set(state.scopes) == {1}
    else:
        assert state.tokens or any(scope.joins for scope in state.scopes.values())
    incidents = {effect.token for effect in play.effects if isinstance(effect, Stuck)}
    assert {token.id for token in state.tokens.values() if token.incident} <= incidents


@settings(examples, max_examples=150)
@given(tangles(), seeds)
def test_replay_of_any_diagram_gives_the_identical_state(definition: Definition, seed: int) -> None:
    play = Play(definition, seed, Dice(seed)).run(20, disturbances=0.3)
    state, dice = State(), Dice(seed)
    for event in play.events:
        state, _ = advance(definition, state, event, dice)
        assert decode(encode(state), State) == state
    assert encode(state) == encode(play.state)


# -- what exploration says ---------------------------------------------------------------------------------


@settings(examples, max_examples=120)
@given(bent(), seeds)
def test_what_is_called_sound_never_gets_stuck_however_it_is_played(definition: Definition, seed: int) -> None:
    if explore(definition).verdict != "sound":
        return
    play = Play(definition, seed, Dice(seed))
    for number in range(200):  # (a circle that only an error or a timer leaves may take longer than that)
        assert play.ended or play.waiting
        assert not any(_is_stuck(scope, play.state) for scope in play.state.scopes.values() if not play.ended)
        play.run(1, disturbances=0.4 if number < 60 else 0.1)
    assert not any(isinstance(effect, Stuck) for effect in play.effects)


@settings(examples, max_examples=120)
@given(st.one_of(bent(), tangles()), st.booleans(), seeds)
def test_what_is_called_unsound_can_be_seen_to_fail(definition: Definition, reduced: bool, seed: int) -> None:
    for fault in explore(definition, reduced=reduced, states=2000).faults:
        assert _is_seen(fault, seed), fault


def _is_seen(fault: Fault, seed: int) -> bool:
    state = fault.replay()
    if fault.rule == "soundness.lack-of-synchronisation":
        places = Counter((token.scope, token.node) for token in state.tokens.values())
        waiting = [count for scope in state.scopes.values() for count in scope.joins.values()]
        return max([*places.values(), *waiting]) > 1
    if fault.rule in ("soundness.deadlock", "soundness.improper-completion"):
        return state.status == "open" and any(_is_stuck(scope, state) for scope in state.scopes.values())
    play = Play(fault.definition, seed, Dice(seed))
    play.state = state
    return not play.run(150, disturbances=0.3).ended


def _is_stuck(scope: Scope, state: State) -> bool:
    tokens = [token for token in state.tokens.values() if token.scope == scope.id]
    moving = [token for token in tokens if token.mode in ("waiting", "hosting")]
    return not moving and bool(scope.joins or tokens)


@settings(examples, max_examples=60)
@given(blocks())
def test_block_structured_diagrams_are_sound(text: str) -> None:
    found = explore(define(text))
    assert found.findings == []
    assert found.verdict == "sound"


@settings(examples, max_examples=200)
@given(st.one_of(bent(), tangles()))
def test_reduced_and_unreduced_exploration_agree(definition: Definition) -> None:
    small, whole = (explore(definition, reduced=reduced, states=2000) for reduced in (True, False))
    if "undecided" in (small.verdict, whole.verdict):
        return
    assert small.verdict == whole.verdict
    rules = [{_kind(finding.rule) for finding in result.findings} for result in (small, whole)]
    if "soundness.lack-of-synchronisation" not in rules[0] | rules[1]:  # behind it nobody looked further
        assert rules[0] == rules[1]
        dead = [{f.element for f in r.findings if f.rule == "soundness.dead"} for r in (small, whole)]
        assert dead[0] == dead[1]


def _kind(rule: str) -> str:
    """Whether an end was reached before may depend on which of two equally short ways is shown."""
    return rule.replace("improper-completion", "deadlock")
