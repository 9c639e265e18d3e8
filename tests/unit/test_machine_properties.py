"""What must hold for every diagram and every order of events, tried on random ones."""

import re
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.checks.soundness import explore, marking
from engine.definition import Definition
from engine.machine import advance
from engine.model import Passed, State, decode, encode
from tests.diagrams import define
from tests.strategies import Dice, Play, bent, blocks, tangles

examples = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
seeds = st.integers(0, 2**32)


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
    play = Play(define(text), seed)
    play.run(60, disturbances=0.4)
    play.run(2000)
    assert play.ended
    assert not play.state.tokens
    assert not play.state.clocks


@settings(examples, max_examples=150)
@given(blocks(), seeds)
def test_what_is_entered_is_completed_or_cancelled_and_what_is_opened_is_closed(text: str, seed: int) -> None:
    play = Play(define(text), seed)
    play.run(60, disturbances=0.3)
    play.run(2000)
    assert play.ended
    opened = [e for e in play.effects if type(e).__name__ == "Opened"]
    closed = [e for e in play.effects if type(e).__name__ == "Closed"]
    assert sorted(e.step for e in opened) == sorted(e.step for e in closed)  # type: ignore[union-attr]
    armed = {e.clock for e in play.effects if type(e).__name__ == "Armed"}  # type: ignore[union-attr]
    gone = {e.clock for e in play.effects if type(e).__name__ == "Disarmed"}  # type: ignore[union-attr]
    fired = {e.clock for e in play.events if type(e).__name__ == "Fired"}  # type: ignore[union-attr]
    assert armed <= gone | fired
