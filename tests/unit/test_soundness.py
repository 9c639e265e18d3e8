"""Whether the gate finds what can go wrong in a diagram, says it in plain words, and cries no wolf."""

import re

import pytest

from engine import bpmn as reader
from engine.checks.soundness import Choices, check, explore
from engine.definition import Body, Definition, Node, Process
from engine.errors import Finding
from engine.machine import advance
from engine.model import Began, State
from engine.reduction import normal, reduce
from tests.diagrams import bpmn, define

BEGAN = Began()


def found(text: str, *others: str) -> list[tuple[str, str]]:
    """Rule and element of each finding; reduced and unreduced exploration must have the same verdict."""
    definition = define(text, *others)
    result, whole = explore(definition), explore(definition, reduced=False)
    assert result.verdict == whole.verdict
    assert (result.verdict == "sound") == (result.findings == [])
    return [(finding.rule.removeprefix("soundness."), finding.element) for finding in result.findings]


def drawn(text: str) -> Definition:
    """A definition whatever the reader says about its shape."""
    return Definition("main", dict(reader.read(bpmn(text)).processes))


def first(text: str, rule: str) -> Finding:
    return next(f for f in check(define(text)) if f.rule == f"soundness.{rule}")


def split(opening: str, closing: str) -> str:
    conditions = {"exclusive": (" [x == 1]", "=>"), "parallel": ("", "->"), "inclusive": (" [x > 1]", "=>")}
    condition, arrow = conditions[opening]
    return f"""
        start s
        {opening} f
        user a
        user b
        {closing} j
        user c
        end e
        s -> f
        f -> a{condition}
        f {arrow} b
        a -> j
        b -> j
        j -> c
        c -> e
        """


# -- one fault each ----------------------------------------------------------------------------------------

KINDS = ("exclusive", "parallel", "inclusive")


@pytest.mark.parametrize("kind", KINDS)
def test_a_split_that_is_joined_in_the_same_way_is_sound(kind: str) -> None:
    assert found(split(kind, kind)) == []


@pytest.mark.parametrize("kind", ["exclusive", "parallel"])
def test_an_inclusive_join_joins_what_any_split_opened(kind: str) -> None:
    assert found(split(kind, "inclusive")) == []


@pytest.mark.parametrize("kind", ["exclusive", "inclusive"])
def test_deadlock_a_choice_that_runs_into_a_parallel_join(kind: str) -> None:
    assert ("deadlock", "j") in found(split(kind, "parallel"))


def test_lack_of_synchronisation_a_fork_that_is_merged_instead_of_joined() -> None:
    assert found(split("parallel", "exclusive")) == [("lack-of-synchronisation", "c")]


def test_lack_of_synchronisation_on_a_flow_into_a_join() -> None:
    assert ("lack-of-synchronisation", "j") in found("""
        start s
        parallel f
        exclusive m
        parallel j
        user b
        end e
        s -> f
        f -> m
        f -> m
        f -> b
        m -> j
        b -> j
        j -> e
        """)


CIRCLE = """
    start s
    exclusive g
    user a
    user b
    end e
    s -> g
    g -> a [x == 1]
    g => e
    a -> b
    b -> a
    """


def test_livelock_a_circle_without_a_way_out() -> None:
    ((rule, element),) = found(CIRCLE)
    assert rule == "livelock"
    assert element in ("a", "b")


def test_livelock_a_circle_without_anything_to_wait_for() -> None:
    ((rule, element),) = found("""
        start s
        exclusive x
        script y script="n = 1"
        script z script="n = 2"
        end e
        s -> x
        x -> y [a == 1]
        x => e
        y -> z
        z -> y
        """)
    assert rule == "livelock"
    assert element in ("y", "z", "z_y_4")


def test_no_end_nothing_leads_to_an_end() -> None:
    assert ("no-end", "main") in found("""
        start s
        user a
        user b
        s -> a
        a -> b
        b -> a
        """)


def test_improper_completion_one_branch_ends_and_the_other_waits_for_it() -> None:
    assert ("improper-completion", "j") in found("""
        start s
        parallel f
        exclusive g
        user a
        user b
        parallel j
        end e
        end early
        s -> f
        f -> a
        f -> b
        a -> g
        g -> j [x == 1]
        g => early
        b -> j
        j -> e
        """)


def test_dead_what_nothing_leads_to_also_where_reduction_would_merge_it() -> None:
    (finding,) = check(
        drawn("""
        start s
        user a
        user lost name=走失
        exclusive m
        user b
        end e
        s -> a
        a -> m
        lost -> m
        m -> b
        b -> e
        """)
    )
    assert (finding.rule, finding.element, finding.name) == ("soundness.dead", "lost", "走失")
    assert finding.path == ()


def test_dead_a_flow_behind_one_that_is_always_taken() -> None:
    definition = drawn("""
        start s
        exclusive f
        user a
        end e
        s -> f
        f -> a
        f -> e [x == 1]
        a -> e
        """)
    assert [(f.rule, f.element) for f in check(definition)] == [("soundness.dead", "f_e_2")]


def test_dead_the_inside_of_what_is_dead_is_not_told_again() -> None:
    definition = drawn("""
        start s
        user a
        end e
        sub S {
          start t
          user b
          end u
          t -> b
          b -> u
        }
        s -> a
        a -> e
        S -> e
        """)
    assert [(f.rule, f.element) for f in check(definition)] == [("soundness.dead", "S")]


def test_each_start_event_of_the_process_is_tried() -> None:
    assert (
        found("""
        start s
        start called message=hello
        user a
        parallel j
        end e
        s -> a
        a -> e
        called -> j
        j -> e
        """)
        == []
    )
    assert ("deadlock", "j") in found("""
        start s
        start called message=hello
        user a
        parallel j
        end e
        s -> a
        a -> j
        called -> j
        j -> e
        """)


# -- what the finding says ---------------------------------------------------------------------------------


def test_the_message_is_in_both_languages_and_names_the_element_as_drawn() -> None:
    finding = first(split("exclusive", "parallel").replace("parallel j", "parallel j name=会签汇合"), "deadlock")
    assert finding.level == "error"
    assert finding.name == "会签汇合"
    assert re.search(r"[\u4e00-\u9fff].*会签汇合", finding.message)
    assert "A case can stop for ever at “会签汇合”" in finding.message


def test_the_path_is_the_shortest_and_in_order() -> None:
    text = """
        start s
        exclusive g
        user long
        user way
        exclusive m
        parallel f
        user a
        user b
        parallel j
        parallel again
        end e
        s -> g
        g -> long [x == 1]
        g => m
        long -> way
        way -> m
        m -> again
        again -> j
        again -> a
        a -> b
        b -> e
        f -> j
        j -> e
        """
    finding = next(f for f in explore(drawn(text), reduced=False).findings if f.rule == "soundness.improper-completion")
    assert finding.element == "j"
    assert [id for id in finding.path if "_" not in id] == ["s", "g", "m", "again", "a", "j", "a", "b", "e"]


def test_the_path_names_what_reduction_took_away() -> None:
    finding = first(
        """
        start s
        user one
        user two
        script three script="y = 1"
        exclusive g
        user a
        user b
        parallel j
        end e
        s -> one
        one -> two
        two -> three
        three -> g
        g -> a [x == 1]
        g => b
        a -> j
        b -> j
        j -> e
        """,
        "deadlock",
    )
    assert [id for id in finding.path if "_" not in id] == ["s", "one", "two", "three", "g", "a", "j"]


def test_a_finding_says_whether_its_path_depends_on_conditions() -> None:
    by_choice = first(split("exclusive", "parallel"), "deadlock")
    always = first(split("parallel", "exclusive"), "lack-of-synchronisation")
    assert "(Whether it happens depends on conditions.)" in by_choice.message
    assert "(It can happen whatever the conditions are.)" in always.message


def test_a_fault_can_be_played_again() -> None:
    for reduced in (True, False):
        (fault,) = (f for f in explore(define(split("exclusive", "parallel")), reduced=reduced).faults)
        state = fault.replay()
        assert state.status == "open"
        assert not state.tokens
        assert list(state.scopes[1].joins.values()) == [1]


# -- no false alarms ---------------------------------------------------------------------------------------

SUB = """
    sub S {
      start t
      user b
      end u
      t -> b
      b -> u
    }
    """


@pytest.mark.parametrize("kind", ["timer=R/PT1H", "message=hurry", "signal=all"])
def test_a_reminder_that_never_comes_back_may_run_beside(kind: str) -> None:
    assert (
        found(f"""
        start s
        user a
        boundary late on=a {kind} interrupting=no
        user remind
        end reminded
        end e
        s -> a
        late -> remind
        remind -> reminded
        a -> e
        """)
        == []
    )


def test_a_fault_inside_a_reminder_is_found() -> None:
    assert ("deadlock", "j") in found("""
        start s
        user a
        boundary late on=a timer=R/PT1H interrupting=no
        exclusive g
        user x
        parallel j
        end reminded
        end e
        s -> a
        late -> g
        g -> j [x == 1]
        g => x
        x -> j
        j -> reminded
        a -> e
        """)


def test_a_reminder_that_comes_back_to_the_main_flow_runs_it_twice() -> None:
    assert found("""
        start s
        user a
        boundary late on=a timer=PT1H interrupting=no
        user b
        end e
        s -> a
        late -> b
        a -> b
        b -> e
        """) == [("lack-of-synchronisation", "b")]


@pytest.mark.parametrize("interrupting", ["", "interrupting=no"])
def test_event_sub_processes_are_part_of_the_game(interrupting: str) -> None:
    good = f"""
        start s
        user a
        end e
        s -> a
        a -> e
        event E {{
          start t message=withdraw {interrupting}
          exclusive g
          user c
          user d
          exclusive j
          end u
          t -> g
          g -> c [x == 1]
          g => d
          c -> j
          d -> j
          j -> u
        }}
        """
    assert found(good) == []
    assert ("deadlock", "j") in found(good.replace("exclusive j", "parallel j"))


def test_a_deadlock_with_an_emergency_exit_is_a_deadlock() -> None:
    exit = "event E {\nstart t message=withdraw\nuser w\nend u\nt -> w\nw -> u\n}\n"
    assert found(split("exclusive", "parallel") + exit) != []
    assert ("deadlock", "j") in found(split("exclusive", "parallel") + exit)


def test_a_circle_that_only_a_timer_leaves_is_sound() -> None:
    assert found("""
        start s
        sub S {
          start t
          exclusive m
          user watch
          t -> m
          m -> watch
          watch -> m
        }
        boundary over on=S timer=P30D
        user after
        end e
        s -> S
        S -> e
        over -> after
        after -> e
        """) == [("dead", "S_e_1")]


@pytest.mark.parametrize(
    "loop", ["", "cardinality=3", "collection=units item=unit sequential", 'standard while="x > 1"']
)
def test_repetitions_are_sound(loop: str) -> None:
    assert found(f"start s\nuser a {loop}\nend e\ns -> a\na -> e") == []
    assert found(f"start s\n{SUB.replace('sub S', f'sub S {loop}')}\nend e\ns -> S\nS -> e") == []


def test_a_fault_that_needs_two_instances_is_found_in_each_of_them() -> None:
    faulty = SUB.replace("user b", "parallel b").replace("t -> b", "t -> b\nt -> b")
    text = f"start s\n{faulty.replace('sub S', 'sub S cardinality=3')}\nend e\ns -> S\nS -> e"
    assert found(text) == []  # both flows reach the join
    lonely = faulty.replace("t -> b\nt -> b", "exclusive x\nt -> x\nx -> b [y == 1]\nx => b")
    assert ("deadlock", "b") in found(f"start s\n{lonely}\nend e\ns -> S\nS -> e")


@pytest.mark.parametrize(
    "trigger", ["error=bad", "escalation=up", "message=m", "timer=PT1H", "signal=all", 'condition="x > 1"']
)
def test_a_way_over_a_boundary_event_is_taken(trigger: str) -> None:
    text = f"""
        start s
        parallel f
        user other
        {SUB}
        boundary w on=S {trigger}
        user mend
        parallel j
        end e
        s -> f
        f -> S
        f -> other
        other -> j
        w -> mend
        S -> j
        j -> e
        """
    assert found(text + "mend -> j")[0] == ("deadlock", "j"), "the join waits for both, the boundary event skips one"
    assert found((text + "exclusive m\nm -> j\nmend -> m").replace("S -> j", "S -> m")) == []


def test_an_error_inside_a_sub_process_reaches_its_boundary() -> None:
    text = """
        start s
        sub S {
          start t
          user b
          exclusive g
          end u
          end bad error=bad
          t -> b
          b -> g
          g -> bad [x == 1]
          g => u
        }
        boundary w on=S error=bad
        user mend
        end e
        s -> S
        S -> e
        w -> mend
        mend -> e
        """
    assert found(text) == []
    uncaught = text.replace("boundary w on=S error=bad", "boundary w on=S error=worse")
    assert ("deadlock", "bad") in found(uncaught)
    assert "nothing catches the error" in first(uncaught, "deadlock").message


def test_terminate_ends_what_is_still_open() -> None:
    assert (
        found("""
        start s
        parallel f
        user a
        user b
        end over terminate
        end e
        s -> f
        f -> a
        f -> b
        a -> over
        b -> e
        """)
        == []
    )


def test_a_step_that_a_terminate_end_always_sweeps_away_never_leads_on() -> None:
    """Both are reached at once: the end acts before anybody can answer the step."""
    assert found("""
        start s
        user a
        parallel f
        user b
        end over terminate
        s -> a
        a -> f
        f -> b
        f -> over
        b -> a
        """) == [("dead", "b_a_4")]


def test_an_error_that_a_step_catches_itself_does_not_go_on_outwards() -> None:
    text = """
        start s
        sub S {
          start t
          user b
          boundary own on=b error=bad
          end u
          t -> b
          own -> u
          b -> u
        }
        boundary w on=S error=bad
        user mend
        end e
        s -> S
        S -> e
        w -> mend
        mend -> e
        """
    assert found(text) == [("dead", "w"), ("dead", "mend")]
    assert found(text.replace("t -> b", "user first\nt -> first\nfirst -> b")) == []


def test_a_reminder_that_terminates_the_main_flow_belongs_to_it() -> None:
    assert (
        found("""
        start s
        user a
        boundary late on=a timer=PT1H interrupting=no
        user n
        end over terminate
        s -> a
        a -> a
        late -> n
        n -> over
        """)
        == []
    )


def test_events_to_wait_for_links_and_calls() -> None:
    assert (
        found(
            """
        start s
        first w
        catch answer message=answer
        catch late timer=PT1H
        throw out link=L
        catch in link=L
        call sub calls=other
        exclusive m
        end e
        s -> w
        w -> answer
        w -> late
        answer -> m
        late -> out
        in -> m
        m -> sub
        sub -> e
        """,
            "process other\nstart s2\nuser u2\nend e2\ns2 -> u2\nu2 -> e2",
        )
        == []
    )


def test_a_fault_in_a_called_process_is_found() -> None:
    other = "process other\n" + re.sub(r"\b([sfabjce])\b", r"\1_2", split("exclusive", "parallel"))
    assert ("deadlock", "j_2") in found("start s\ncall c calls=other\nend e\ns -> c\nc -> e", other)


def test_the_default_of_an_inclusive_gateway_is_taken_only_alone() -> None:
    text = """
        start s
        inclusive f
        user a
        user b
        user c
        exclusive m
        end e
        s -> f
        f -> a [x == 1]
        f => b
        a -> m
        b -> m
        m -> c
        c -> e
        """
    assert found(text) == []
    assert found(text.replace("f => b", "f -> b [x == 2]")) == [("lack-of-synchronisation", "c")]


def test_several_tokens_may_reach_the_end_events_one_by_one() -> None:
    assert (
        found(
            split("parallel", "exclusive").replace("j -> c\n", "j -> e\n").replace("c -> e", "").replace("user c", "")
        )
        == []
    )


# -- bounds ------------------------------------------------------------------------------------------------


def branches(count: int, extra: str = "") -> str:
    lines = ["start s", "parallel f", "parallel j", "end e", "s -> f", "j -> e"]
    for n in range(count):
        lines += [f"user a{n}", f"boundary v{n} on=a{n} timer=PT1H", f"user b{n}", f"exclusive m{n}"]
        lines += [f"f -> a{n}", f"a{n} -> m{n}", f"v{n} -> b{n}", f"b{n} -> m{n}", f"m{n} -> j"]
    return "\n".join(lines)


def test_parallel_branches_with_timers_do_not_multiply() -> None:
    assert explore(define(branches(8))).states < 10
    assert explore(define(branches(3)), reduced=False).states == 27 + 2 - 2


def test_a_diagram_of_a_thousand_steps_is_small() -> None:
    steps = [f"user a{n}" for n in range(1000)]
    flows = [f"a{n} -> a{n + 1}" for n in range(999)]
    result = explore(define("\n".join(["start s", "end e", *steps, *flows, "s -> a0", "a999 -> e"])))
    assert result.verdict == "sound"
    assert result.states < 10


def test_what_is_too_large_is_honestly_undecided() -> None:
    result = explore(define(branches(5)), states=50, reduced=False)
    assert result.verdict == "undecided"
    (finding,) = result.findings
    assert (finding.rule, finding.level, finding.element) == ("soundness.undecided", "warning", "main")
    assert "50" in finding.message


def test_a_process_that_calls_itself_is_decided_by_what_it_does_otherwise() -> None:
    definition = define("start s\nuser a\nend e\ns -> a\na -> e")
    body = definition.process.body
    nodes = {
        **body.nodes,
        "a": Node("a", "call", incoming=body.nodes["a"].incoming, outgoing=body.nodes["a"].outgoing, called="main"),
    }
    result = explore(Definition("main", {"main": Process("main", Body(nodes, body.flows))}))
    assert result.verdict == "sound"


# -- the pieces --------------------------------------------------------------------------------------------


def test_reduction_fuses_a_diagram_and_remembers_what_stands_for_what() -> None:
    small = reduce(normal(define(split("parallel", "parallel"))))
    body = small.definition.process.body
    assert len(body.nodes) == 3, "start, one rest, end"
    told = {one for id in (*body.nodes, *body.flows) for one in small.stands.get(id, (id,))}
    assert {"s", "f", "a", "b", "j", "c", "e"} <= told


def test_choices_enumerate_every_game_once() -> None:
    definition = define(split("inclusive", "inclusive").replace("f => b", "f -> b [x > 2]"))
    games: list[tuple[int, ...]] = [()]
    seen: set[tuple[str, ...]] = set()
    for prefix in games:
        choices = Choices(prefix)
        state, _ = advance(definition, State(), BEGAN, choices)
        seen.add(tuple(sorted(token.node for token in state.tokens.values())))
        games.extend(choices.others())
    assert len(games) == 3
    assert seen == {("a",), ("b",), ("a", "b")}
