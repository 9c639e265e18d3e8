"""The token game where others get it wrong, and where BPMN 2.0 leaves no doubt."""

import itertools
from typing import Any

import pytest

from engine.errors import Refused
from engine.machine import advance
from engine.model import Completed, Fired, Messaged, Passed, encode
from tests.diagrams import define
from tests.game import Game


def fork(kind: str, branches: int) -> str:
    names = [f"b{i}" for i in range(branches)]
    return "\n".join(
        [f"start s\nexclusive merge\n{kind} fork\n{kind} join\nexclusive again\nend e"]
        + [f"user {name}" for name in names]
        + [f"fork -> {name}" + (f" [{name}]" if kind == "inclusive" else "") for name in names]
        + [f"{name} -> join" for name in names]
        + ["s -> merge", "merge -> fork", "join -> again", "again -> merge [round < rounds]", "again => e"]
    )


# -- blocks passed again ---------------------------------------------------------------------------------


@pytest.mark.parametrize("branches", [2, 3, 5])
@pytest.mark.parametrize("rounds", [1, 2, 50])
def test_a_parallel_block_in_a_loop_joins_once_a_round_in_any_order(branches: int, rounds: int) -> None:
    game = Game(define(fork("parallel", branches)), round=0, rounds=rounds)
    orders = itertools.cycle(itertools.permutations(range(branches)))
    for number, order in zip(range(rounds), orders, strict=False):
        assert sorted(game.open) == [f"b{i}" for i in range(branches)]
        for i in order:
            assert not game.ended
            game.complete(f"b{i}", round=number + 1)
    assert game.ended
    assert game.count("join") == rounds
    assert game.replayed() == game.state


@pytest.mark.parametrize("chosen", [(0,), (1,), (0, 1), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("rounds", [1, 4, 50])
def test_an_inclusive_block_in_a_loop_waits_for_the_chosen_branches_only(chosen: tuple[int, ...], rounds: int) -> None:
    facts = {f"b{i}": i in chosen for i in range(3)}
    game = Game(define(fork("inclusive", 3)), "", round=0, rounds=rounds, **facts)
    orders = itertools.cycle(itertools.permutations(chosen))
    for number, order in zip(range(rounds), orders, strict=False):
        assert sorted(game.open) == [f"b{i}" for i in chosen]
        for i in order:
            game.complete(f"b{i}", round=number + 1)
    assert game.ended
    assert game.count("join") == rounds


@pytest.mark.parametrize("order", list(itertools.permutations(["a", "b", "c", "d"])))
def test_nested_blocks_in_a_loop(order: tuple[str, ...]) -> None:
    definition = define("""
        start s
        parallel f1
        parallel f2
        parallel f3
        parallel j1
        parallel j2
        parallel j3
        exclusive again
        user a
        user b
        user c
        user d
        end e
        exclusive m
        s -> m
        m -> f1
        f1 -> f2
        f1 -> f3
        f2 -> a
        f2 -> b
        f3 -> c
        f3 -> d
        a -> j2
        b -> j2
        c -> j3
        d -> j3
        j2 -> j1
        j3 -> j1
        j1 -> again
        again -> m [round < 3]
        again => e
        """)
    game = Game(definition, round=0)
    for number in range(3):
        for name in order:
            game.complete(name, round=number + 1)
    assert game.ended
    assert [game.count(j) for j in ("j1", "j2", "j3")] == [3, 3, 3]


def test_a_join_counts_per_incoming_flow_and_never_per_arrival() -> None:
    definition = define("""
        start s
        parallel fork
        parallel join
        user a
        user b
        user done
        exclusive merge
        end e
        s -> fork
        fork -> merge
        fork -> merge
        fork -> b
        merge -> a
        a -> join
        b -> join
        join -> done
        done -> e
        """)
    game = Game(definition)
    assert game.open == ["b", "a", "a"]
    game.complete("a").complete("a")
    assert game.open == ["b"], "two tokens on one flow are not a join"
    game.complete("b")
    assert game.open == ["done"]
    game.complete("done")
    assert not game.ended, "one token is left at the join for ever: honestly stuck"
    assert game.open == []


def test_the_token_that_arrives_twice_at_one_node_opens_two_steps() -> None:
    definition = define("""
        start s
        parallel fork
        user a
        end e
        s -> fork
        fork -> a
        fork -> a
        a -> e
        """)
    game = Game(definition)
    assert game.open == ["a", "a"]
    game.complete("a", nth=1)
    assert not game.ended
    game.complete("a")
    assert game.ended
    assert game.count("e") == 2


def test_parallel_branches_write_into_one_store_and_lose_nothing() -> None:
    game = Game(define(fork("parallel", 3)), round=0, rounds=1)
    game.complete("b0", x=1).complete("b1", y=2).complete("b2", z=3, round=1)
    assert {k: game.facts[k] for k in "xyz"} == {"x": 1, "y": 2, "z": 3}


def test_an_inclusive_join_lets_a_token_pass_that_can_only_add_to_what_waits() -> None:
    """The join waits for what can still come to an empty flow, not for a token that must pass a filled one."""
    definition = define("""
        start s
        inclusive fork
        user a
        user b
        exclusive which
        inclusive join
        user after
        end e
        s -> fork
        fork -> a [True]
        fork -> b [True]
        a -> join
        b -> which
        which -> join [x]
        which => a
        join -> after
        after -> e
        """)
    game = Game(definition, x=False)
    game.complete("a")
    assert sorted(game.open) == ["after", "b"], "from b a token could also come to the flow that is filled"
    game.complete("b")
    assert sorted(game.open) == ["a", "after"]


def test_an_inclusive_gateway_without_a_true_condition_takes_its_default() -> None:
    definition = define("""
        start s
        inclusive g
        user a
        user b
        end e
        s -> g
        g -> a [n > 5]
        g => b
        a -> e
        b -> e
        """)
    assert Game(definition, n=1).open == ["b"]
    assert Game(definition, n=6).open == ["a"]


def test_conditional_and_default_flows_out_of_an_activity() -> None:
    definition = define("""
        start s
        user a
        user b
        user c
        user d
        end e
        s -> a
        a -> b [n > 1]
        a -> c [n > 2]
        a => d
        b -> e
        c -> e
        d -> e
        """)
    assert Game(definition).complete("a", n=3).open == ["b", "c"]
    assert Game(definition).complete("a", n=2).open == ["b"]
    assert Game(definition).complete("a", n=0).open == ["d"]


def test_several_unconditional_flows_out_of_an_activity_split() -> None:
    game = Game(define("start s\nuser a\nuser b\nend e\ns -> a\ns -> b\na -> e\nb -> e"))
    assert game.open == ["a", "b"]


def test_a_process_without_start_event_begins_where_nothing_leads_to() -> None:
    game = Game(define("user a\nuser b\nend e\na -> e\nb -> e"))
    assert game.open == ["a", "b"]
    game.complete("a").complete("b")
    assert game.ended


def test_a_thousand_rounds_of_an_exclusive_loop() -> None:
    definition = define("""
        start s
        exclusive m
        user a
        exclusive x
        end e
        s -> m
        m -> a
        a -> x
        x -> m [n < 1000]
        x => e
        """)
    game = Game(definition)
    sizes = set()
    for n in range(1, 1001):
        sizes.add(len(encode(game.state)) // 64)
        game.complete("a", n=n)
    assert game.ended
    assert len(sizes) <= 2, "the state grew with the past"


def test_a_circle_without_waiting_is_an_incident() -> None:
    game = Game(
        define(
            "start s\nexclusive m\nscript t script='n = 1'\nexclusive x\nend e\ns -> m\nm -> t\nt -> x\nx -> m [n > 0]\nx => e"
        )
    )
    assert list(game.stuck.values()) == ["machine.endless"]


# -- boundary events -------------------------------------------------------------------------------------

NESTED = """
    start s
    sub outer {
      start os
      parallel of
      sub inner {
        start is
        user deep
        end ie
        is -> deep
        deep -> ie
      }
      user shallow
      end oe
      os -> of
      of -> inner
      of -> shallow
      inner -> oe
      shallow -> oe
    }
    boundary late on=outer timer=PT1H
    user rescue
    end e
    s -> outer
    outer -> e
    late -> rescue
    rescue -> e
"""


def test_an_interrupting_boundary_cancels_everything_inside_before_anything_moves() -> None:
    game = Game(define(NESTED))
    assert sorted(game.open) == ["deep", "shallow"]
    game.fire("late")
    assert game.open == ["rescue"]
    assert game.timers == []
    order = [(e.what, e.node) for e in game.last if isinstance(e, Passed)]
    cancelled = [i for i, (what, _) in enumerate(order) if what == "cancelled"]
    assert {order[i][1] for i in cancelled} == {"deep", "shallow", "inner", "outer"}
    assert max(cancelled) < order.index(("fired", "late")) < order.index(("entered", "rescue"))
    assert set(game.state.scopes) == {1}
    game.complete("rescue")
    assert game.ended


def test_a_signal_thrown_inside_sweeps_away_what_would_move_next() -> None:
    definition = define("""
        start s
        sub body {
          start is
          parallel f
          throw alarm signal=alarm
          script quick script="moved = True"
          user next
          user other
          end ie
          is -> f
          f -> alarm
          f -> quick
          alarm -> next
          quick -> other
          next -> ie
          other -> ie
        }
        boundary stop on=body signal=alarm
        user rescue
        end e
        s -> body
        body -> e
        stop -> rescue
        rescue -> e
        """)
    game = Game(definition)
    assert game.open == ["rescue"]
    assert "moved" not in game.facts
    assert "next" not in game.passed("entered")


def test_a_non_interrupting_boundary_runs_beside_and_again() -> None:
    definition = define("""
        start s
        user a
        boundary remind on=a timer=R3/PT1H interrupting=no
        user nudge
        end e
        s -> a
        a -> e
        remind -> nudge
        nudge -> e
        """)
    game = Game(definition)
    game.fire("remind").fire("remind")
    assert game.open == ["a", "nudge", "nudge"]
    game.fire("remind")
    assert game.timers == [], "three times were asked for"
    game.complete("a")
    assert not game.ended
    for _ in range(3):
        game.complete("nudge")
    assert game.ended


def test_a_recurring_timer_missed_several_times_fires_once() -> None:
    definition = define(
        "start s\nuser a\nboundary r on=a timer=R5/PT1H interrupting=no\nuser n\nend e\ns -> a\na -> e\nr -> n\nn -> e"
    )
    game = Game(definition).fire("r", missed=3)
    assert game.open == ["a", "n"]
    assert game.timers == ["r"]
    game.fire("r")
    assert game.timers == []


def test_completing_an_activity_disarms_its_timers() -> None:
    game = Game(define("start s\nuser a\nboundary t on=a timer=PT1H\nend e\ns -> a\na -> e\nt -> e"))
    assert game.timers == ["t"]
    game.complete("a")
    assert game.ended
    assert game.timers == []


@pytest.mark.parametrize("interrupting", ["", "interrupting=no"])
@pytest.mark.parametrize(
    ("trigger", "act"),
    [
        ("message=m", lambda g: g.message("m", x=1)),
        ("signal=m", lambda g: g.signal("m", x=1)),
        ("escalation=m", lambda g: g.escalate("a", "m", x=1)),
        ("condition='x == 1'", lambda g: g.assign(x=1)),
        ("timer=PT1H", lambda g: g.assign(x=1).fire("b")),
    ],
)
def test_boundary_events_of_all_kinds(trigger: str, act: Any, interrupting: str) -> None:
    game = Game(
        define(
            f"start s\nuser a\nboundary b on=a {trigger} {interrupting}\nuser n\nend e\ns -> a\na -> e\nb -> n\nn -> e"
        ),
        x=0,
    )
    act(game)
    assert game.open == (["a", "n"] if interrupting else ["n"])
    assert game.facts["x"] == 1
    if interrupting and "timer" not in trigger and "condition" not in trigger:
        act(game)
        assert game.open == ["a", "n", "n"]
    assert game.replayed() == game.state


def test_a_conditional_event_fires_when_it_becomes_true_and_again_only_after_it_was_false() -> None:
    game = Game(
        define(
            "start s\nuser a\nboundary b on=a condition='x > 5' interrupting=no\nuser n\nend e\ns -> a\na -> e\nb -> n\nn -> e"
        ),
        x=0,
    )
    game.assign(x=6).assign(x=7)
    assert game.open.count("n") == 1
    game.assign(x=1).assign(x=9)
    assert game.open.count("n") == 2


def test_a_condition_that_is_true_from_the_start_fires_at_once() -> None:
    game = Game(
        define("start s\nuser a\nboundary b on=a condition='x > 5'\nuser n\nend e\ns -> a\na -> e\nb -> n\nn -> e"),
        x=9,
    )
    assert game.open == ["n"]


# -- errors, escalations, terminations -------------------------------------------------------------------


def test_an_error_goes_to_the_nearest_catcher_and_the_exact_code_goes_first() -> None:
    definition = define("""
        start s
        sub outer {
          start os
          sub inner {
            start is
            user work
            end ie
            is -> work
            work -> ie
          }
          boundary exact on=inner error=E1
          boundary any on=inner error
          user x1
          user x2
          end oe
          os -> inner
          inner -> oe
          exact -> x1
          any -> x2
          x1 -> oe
          x2 -> oe
        }
        end e
        s -> outer
        outer -> e
        """)
    assert Game(definition).fail("work", "E1").open == ["x1"]
    assert Game(definition).fail("work", "E2").open == ["x2"]


def test_an_error_without_a_catcher_is_an_incident_and_can_be_tried_again() -> None:
    game = Game(define("start s\nuser a\nend e\ns -> a\na -> e")).fail("a", "E9")
    assert game.stuck == {"a": "machine.uncaught-error"}
    assert game.open == []
    assert not game.ended
    game.retry("a")
    assert game.open == ["a"]
    game.complete("a")
    assert game.ended


def test_an_error_end_event_without_a_catcher_is_an_incident_never_a_silent_end() -> None:
    game = Game(define("start s\nend e error=E1\ns -> e"))
    assert game.stuck == {"e": "machine.uncaught-error"}
    assert not game.ended


def test_an_error_end_event_in_a_sub_process_is_caught_outside() -> None:
    definition = define("""
        start s
        sub body {
          start is
          parallel f
          user other
          end bad error=E1
          end ie
          is -> f
          f -> bad
          f -> other
          other -> ie
        }
        boundary caught on=body error=E1
        user rescue
        end e
        s -> body
        body -> e
        caught -> rescue
        rescue -> e
        """)
    game = Game(definition)
    assert game.open == ["rescue"]
    assert "other" in game.passed("cancelled")


def test_an_escalation_nobody_catches_is_refused_to_a_person_and_ignored_from_a_diagram() -> None:
    game = Game(define("start s\nuser a\nend e escalation=X\ns -> a\na -> e"))
    before = game.state
    with pytest.raises(Refused) as refusal:
        game.escalate("a", "return")
    assert refusal.value.code == "machine.uncaught-escalation"
    assert game.state == before
    game.complete("a")
    assert game.ended


def test_a_terminate_end_inside_a_sub_process_ends_that_scope_only() -> None:
    definition = define("""
        start s
        parallel f
        sub body {
          start is
          parallel g
          user one
          user two
          end stop terminate
          end ie
          is -> g
          g -> one
          g -> two
          one -> stop
          two -> ie
        }
        user beside
        parallel j
        end e
        s -> f
        f -> body
        f -> beside
        body -> j
        beside -> j
        j -> e
        """)
    game = Game(definition).complete("one")
    assert game.open == ["beside"]
    assert "two" in game.passed("cancelled")
    game.complete("beside")
    assert game.ended


def test_a_terminate_end_at_the_top_ends_the_case() -> None:
    game = Game(
        define(
            "start s\nparallel f\nuser a\nuser b\nend stop terminate\nend e\ns -> f\nf -> a\nf -> b\na -> stop\nb -> e"
        )
    )
    game.complete("a")
    assert game.ended
    assert game.state.tokens == {}


def test_cancelling_the_case_closes_everything() -> None:
    game = Game(define(NESTED)).cancel()
    assert game.state.status == "cancelled"
    assert game.state.tokens == {}
    assert game.timers == []
    with pytest.raises(Refused):
        game.complete("deep") if "deep" in game.open else game.assign(x=1)


# -- event sub-processes ---------------------------------------------------------------------------------


def event_subprocess(trigger: str, interrupting: bool) -> str:
    return f"""
        start s
        user a
        end e
        event handler {{
          start hs {trigger} {"" if interrupting else "interrupting=no"}
          user h
          end he
          hs -> h
          h -> he
        }}
        s -> a
        a -> e
    """


@pytest.mark.parametrize("interrupting", [True, False])
@pytest.mark.parametrize(
    ("trigger", "act"),
    [
        ("message=m", lambda g: g.message("m", x=1)),
        ("signal=m", lambda g: g.signal("m", x=1)),
        ("escalation=m", lambda g: g.escalate("a", "m", x=1)),
        ("condition='x == 1'", lambda g: g.assign(x=0).assign(x=1)),
        ("timer=R/PT1H", lambda g: g.assign(x=1).fire("hs")),
        ("error=m", lambda g: g.fail("a", "m", x=1)),
    ],
)
def test_event_sub_processes_of_all_kinds(trigger: str, act: Any, interrupting: bool) -> None:
    if trigger.startswith("error") and not interrupting:
        trigger, act = "signal=n", lambda g: g.signal("n", x=1)  # an error always interrupts
    game = Game(define(event_subprocess(trigger, interrupting)), x=0)
    act(game)
    assert game.open == (["h"] if interrupting else ["a", "h"])
    assert game.facts["x"] == 1
    if not interrupting:
        act(game)
        act(game)
        assert game.open == ["a", "h", "h", "h"], "it can be triggered again and again"
        game.complete("a")
        assert not game.ended, "the process waits for its event sub-processes"
        for _ in range(3):
            game.complete("h")
    else:
        game.complete("h")
    assert game.ended
    assert game.timers == []
    assert game.replayed() == game.state


def test_an_event_sub_process_that_fired_in_one_case_leaves_the_next_case_alone() -> None:
    definition = define(event_subprocess("message=m", False))
    first = Game(definition).message("m")
    second = Game(definition)
    second.complete("a")
    assert second.ended
    first.complete("a").complete("h")
    assert first.ended


def test_an_interrupted_scope_listens_no_more() -> None:
    definition = define("""
        start s
        user a
        end e
        event first {
          start fs message=stop
          user f
          end fe
          fs -> f
          f -> fe
        }
        event second {
          start ss message=more interrupting=no
          user g
          end ge
          ss -> g
          g -> ge
        }
        s -> a
        a -> e
        """)
    game = Game(definition).message("more").message("stop")
    assert game.open == ["f"]
    with pytest.raises(Refused):
        game.message("more")


def test_an_event_sub_process_inside_a_sub_process_interrupts_that_level_only() -> None:
    definition = define("""
        start s
        parallel f
        user beside
        sub body {
          start is
          user a
          end ie
          event handler {
            start hs error=E
            user h
            end he
            hs -> h
            h -> he
          }
          is -> a
          a -> ie
        }
        parallel j
        end e
        s -> f
        f -> beside
        f -> body
        beside -> j
        body -> j
        j -> e
        """)
    game = Game(definition).fail("a", "E")
    assert game.open == ["beside", "h"]
    game.complete("h").complete("beside")
    assert game.ended


# -- messages, signals, links, event gateways ------------------------------------------------------------


def test_a_message_nobody_waits_for_is_refused_to_its_sender() -> None:
    game = Game(define("start s\nuser a\nend e\ns -> a\na -> e"))
    with pytest.raises(Refused) as refusal:
        game.message("hello")
    assert refusal.value.code == "machine.nobody-waits"


def test_a_message_goes_to_one_receiver_and_by_its_correlation_key() -> None:
    definition = define(
        """
        start s
        user a collection=units item=unit output=out
        boundary reply on=a message=reply interrupting=no
        receive r message=answer key=number
        end e
        s -> r
        r -> e
        """.replace("user a collection=units item=unit output=out\n", "").replace(
            "boundary reply on=a message=reply interrupting=no\n", ""
        )
    )
    game = Game(definition, number=7)
    with pytest.raises(Refused):
        game.message("answer", key=8)
    game.message("answer", key=7, text="yes")
    assert game.ended
    assert game.facts["text"] == "yes"


def test_two_waiting_catchers_of_one_message_get_one_each() -> None:
    game = Game(
        define(
            "start s\nparallel f\ncatch c1 message=m\ncatch c2 message=m\nend e\ns -> f\nf -> c1\nf -> c2\nc1 -> e\nc2 -> e"
        )
    )
    game.message("m")
    assert game.open == ["c2"]
    game.message("m")
    assert game.ended


def test_a_signal_end_event_is_sent_and_heard_by_all() -> None:
    definition = define("""
        start s
        parallel f
        user a
        end bang signal=go
        catch c1 signal=go
        catch c2 signal=go
        user d
        end e
        s -> f
        f -> a
        f -> c1
        f -> c2
        a -> bang
        c1 -> d
        c2 -> d
        d -> e
        """)
    game = Game(definition).complete("a")
    assert "bang" in game.passed("sent")
    assert game.open == ["d", "d"]


def test_a_message_end_and_a_send_task_leave_the_case() -> None:
    game = Game(define("start s\nsend t message=told param:amount='2 * n'\nend e message=over\ns -> t\nt -> e"), n=4)
    assert game.ended
    assert game.sent == ["told", "over"]


def test_link_events_connect_without_a_flow() -> None:
    game = Game(
        define("start s\nuser a\nthrow t link=L\ncatch c link=L\nuser b\nend e\ns -> a\na -> t\nc -> b\nb -> e")
    )
    game.complete("a")
    assert game.open == ["b"]
    game.complete("b")
    assert game.ended


@pytest.mark.parametrize(
    ("act", "way"),
    [(lambda g: g.message("m"), "on_m"), (lambda g: g.fire("t"), "on_t"), (lambda g: g.signal("z"), "on_z")],
)
def test_an_event_gateway_takes_the_first_event_only(act: Any, way: str) -> None:
    definition = define("""
        start s
        first g
        catch m message=m
        catch t timer=PT1H
        catch z signal=z
        user on_m
        user on_t
        user on_z
        end e
        s -> g
        g -> m
        g -> t
        g -> z
        m -> on_m
        t -> on_t
        z -> on_z
        on_m -> e
        on_t -> e
        on_z -> e
        """)
    game = Game(definition)
    act(game)
    assert game.open == [way]
    assert game.timers == []
    with pytest.raises(Refused):
        game.message("m")


# -- repetition ------------------------------------------------------------------------------------------


def multi(extra: str) -> str:
    return f"start s\nuser a {extra}\nuser after\nend e\ns -> a\na -> after\nafter -> e"


def test_a_parallel_multi_instance_gathers_in_the_order_of_the_items() -> None:
    game = Game(define(multi("collection=units item=unit output=votes output_item=vote")), units=["x", "y", "z"])
    assert game.open == ["a", "a", "a"]
    game.complete("a", nth=2, vote="third").complete("a", nth=0, vote="first").complete("a", vote="second")
    assert game.open == ["after"]
    assert game.facts["votes"] == ["first", "second", "third"]
    assert "vote" not in game.facts, "an instance keeps what is its own"


def test_without_an_output_item_all_facts_of_an_instance_are_gathered() -> None:
    game = Game(define(multi("collection=units item=unit output=out sequential")), units=["x", "y"])
    assert game.open == ["a"]
    game.complete("a", ok=True, n=1)
    game.complete("a", ok=False)
    assert game.facts["out"] == [{"ok": True, "n": 1}, {"ok": False}]


def test_a_completion_condition_ends_the_others() -> None:
    game = Game(
        define(multi("cardinality=5 output=out completion='numberOfCompletedInstances >= 2 or stop'")),
        stop=False,
    )
    game.complete("a", n=1).complete("a", n=2)
    assert game.open == ["after"]
    assert game.count("a", "cancelled") == 3
    assert game.facts["out"] == [{"n": 1}, {"n": 2}]


def test_a_completion_condition_sees_the_facts_of_the_instance_that_was_done() -> None:
    game = Game(define(multi("cardinality=3 completion='veto'")))
    game.complete("a", veto=False)
    assert game.open == ["a", "a"]
    game.complete("a", veto=True)
    assert game.open == ["after"]


def test_a_missing_name_in_a_completion_condition_is_an_incident_and_loses_nothing() -> None:
    game = Game(define(multi("cardinality=2 output=out completion=enough")))
    game.complete("a", n=1)
    assert game.stuck == {"a": "expression.missing-name"}
    game.retry("a", enough=False)
    assert game.open == ["a"]
    game.complete("a", n=2)
    assert game.facts["out"] == [{"n": 1}, {"n": 2}]


def test_an_empty_list_is_passed_at_once() -> None:
    game = Game(define(multi("collection=units item=unit output=out")), units=[])
    assert game.open == ["after"]
    assert game.facts["out"] == []


def test_a_multi_instance_sub_process_keeps_its_instances_apart() -> None:
    definition = define("""
        start s
        sub block collection=units item=unit output=results {
          start is
          user accept
          user handle
          exclusive x
          end ie
          is -> accept
          accept -> handle
          handle -> x
          x -> accept [again]
          x => ie
        }
        boundary stop on=block message=stop
        user after
        end e
        s -> block
        block -> after
        stop -> after
        after -> e
        """)
    game = Game(definition, units=["p", "q"])
    game.complete("accept", who="P").complete("accept", who="Q")
    game.complete("handle", again=True)
    assert sorted(game.open) == ["accept", "handle"]
    game.complete("handle", again=False)
    game.complete("accept").complete("handle", again=False)
    assert game.open == ["after"]
    assert game.facts["results"] == [{"who": "P", "again": False}, {"who": "Q", "again": False}]
    stopped = Game(definition, units=["p", "q"]).message("stop")
    assert stopped.open == ["after"]
    assert set(stopped.state.scopes) == {1}


def test_a_terminate_end_in_one_instance_leaves_the_others() -> None:
    definition = define("""
        start s
        sub block collection=units item=unit {
          start is
          parallel f
          user a
          user b
          end stop terminate
          end ie
          is -> f
          f -> a
          f -> b
          a -> stop
          b -> ie
        }
        end e
        s -> block
        block -> e
        """)
    game = Game(definition, units=[1, 2]).complete("a")
    assert sorted(game.open) == ["a", "b"]
    game.complete("a")
    assert game.ended


def test_a_standard_loop_writes_where_it_stands() -> None:
    game = Game(define(multi("standard while='n < 3'")), n=0)
    for n in (1, 2):
        game.complete("a", n=n)
        assert game.open == ["a"]
    game.complete("a", n=3)
    assert game.open == ["after"]


def test_a_standard_loop_that_tests_before_may_not_run_at_all_and_stops_at_its_maximum() -> None:
    assert Game(define(multi("standard while='n < 3' test_before")), n=9).open == ["after"]
    game = Game(define(multi("standard while='True' maximum=2")))
    game.complete("a").complete("a")
    assert game.open == ["after"]


# -- call activities -------------------------------------------------------------------------------------


def test_a_called_process_reads_around_it_and_hands_back_what_it_wrote() -> None:
    caller = "start s\ncall c calls=sub\nboundary b on=c error=E\nuser after\nuser rescue\nend e\ns -> c\nc -> after\nb -> rescue\nafter -> e\nrescue -> e"
    callee = "process sub\nstart s\nscript t script='seen = given + 1'\nuser a\nend e\ns -> t\nt -> a\na -> e"
    game = Game(define(caller, callee), given=4)
    assert "seen" not in game.facts
    game.complete("a", more=1)
    assert game.open == ["after"]
    assert game.facts["seen"] == 5
    assert game.facts["more"] == 1
    assert Game(define(caller, callee), given=4).fail("a", "E").open == ["rescue"]


def test_two_calls_of_one_process_side_by_side() -> None:
    caller = "start s\nparallel f\ncall c1 calls=sub\ncall c2 calls=sub\nparallel j\nend e\ns -> f\nf -> c1\nf -> c2\nc1 -> j\nc2 -> j\nj -> e"
    callee = "process sub\nstart s\nuser a\nend e\ns -> a\na -> e"
    game = Game(define(caller, callee))
    assert game.open == ["a", "a"]
    game.complete("a").complete("a")
    assert game.ended


# -- incidents and refusals ------------------------------------------------------------------------------


def test_no_way_out_of_a_gateway_is_an_incident_that_can_be_mended() -> None:
    game = Game(
        define(
            "start s\nuser a\nexclusive x\nuser b\nuser c\nend e\ns -> a\na -> x\nx -> b [n == 1]\nx -> c [n == 2]\nb -> e\nc -> e"
        )
    )
    game.complete("a", n=3)
    assert game.stuck == {"x": "machine.no-way-out"}
    game.retry("x", n=2)
    assert game.open == ["c"]


def test_a_missing_name_is_an_incident() -> None:
    game = Game(define("start s\nexclusive x\nuser b\nuser c\nend e\ns -> x\nx -> b [n == 1]\nx => c\nb -> e\nc -> e"))
    assert game.stuck == {"x": "expression.missing-name"}
    assert game.retry("x", n=1).open == ["b"]


def test_a_step_that_is_done_cannot_be_done_again() -> None:
    definition = define("start s\nuser a\nuser b\nend e\ns -> a\na -> b\nb -> e")
    game = Game(definition)
    step = game.token("a")
    game.complete("a")
    with pytest.raises(Refused) as refusal:
        advance(definition, game.state, Completed(step))
    assert refusal.value.code == "machine.no-such-step"


def test_events_without_a_place_are_refused() -> None:
    definition = define("start s\nuser a\nend e\ns -> a\na -> e")
    game = Game(definition)
    for event in (Fired(99), Messaged("x")):
        with pytest.raises(Refused):
            advance(definition, game.state, event)
    game.complete("a")
    with pytest.raises(Refused):
        game.assign(x=1)


def test_a_process_can_begin_at_any_of_its_start_events() -> None:
    definition = define("start s\nstart m message=clue\nuser a\nuser b\nend e\ns -> a\nm -> b\na -> e\nb -> e")
    assert Game(definition).open == ["a"]
    assert Game(definition, "m").open == ["b"]
    with pytest.raises(Refused):
        Game(definition, "nowhere")
