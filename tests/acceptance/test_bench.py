"""`script/bench` keeps its contract: what it prints, what a quick run claims, which exit status. How fast anything is,
is no business of a test."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from bench import durable, gate, kernel, spiff, timers
from bench.__main__ import GROUPS, main
from bench.figures import Figure
from bench.matter import ROUTES
from engine import tables
from engine.checks import check
from engine.clock import Clock
from engine.records import Entry
from engine.store import Store

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"name", "what", "value", "unit", "target", "reached", "details", "quick"}


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_quick_run_prints_figures_as_json_and_claims_nothing() -> None:
    done = bench("--quick", "--json", "advance", "returns", "step-sqlite")
    assert done.returncode == 0, done.stderr
    figures: list[dict[str, Any]] = json.loads(done.stdout)
    names = [one["name"] for one in figures]
    assert names == ["advance", "returns-size", "returns-cost", "returns-step", "step-sqlite", "naive-sqlite"]
    for one in figures:
        assert one.keys() == KEYS
        assert (one["quick"], one["reached"]) == (True, None)
        assert isinstance(one["value"], int | float)
        assert one["value"] > 0
    assert "step-sqlite" in done.stderr


def test_an_unknown_group_is_named_with_those_there_are() -> None:
    done = bench("nothing")
    assert done.returncode == 2
    assert "nothing" in done.stderr
    assert all(name in done.stderr for name in GROUPS)
    assert done.stdout == ""


@pytest.mark.parametrize(("reached", "status"), [((True, True), 0), ((True, False), 1), ((True, None), 0)])
def test_the_exit_status_says_whether_all_is_reached(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    reached: tuple[bool | None, ...],
    status: int,
) -> None:
    made = [Figure(f"figure-{n}", "", 1, "×", "≥ 1", one) for n, one in enumerate(reached)]
    monkeypatch.setattr("bench.__main__.GROUPS", {"advance": lambda _: made})
    assert main(["--json"]) == status
    told = json.loads(capsys.readouterr().out)
    assert [one["reached"] for one in told] == list(reached)
    assert all("quick" not in one for one in told)


def test_what_cannot_be_measured_exits_with_2_and_prints_no_figure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(run: object) -> list[Figure]:
        raise ValueError("the two engines differ")

    monkeypatch.setattr("bench.__main__.GROUPS", {"advance": broken})
    assert main(["--json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "the two engines differ" in told.err


@pytest.mark.parametrize("route", ROUTES)
def test_both_engines_walk_the_same_tasks(route: str) -> None:
    ours = kernel.walk(kernel.matter(), ROUTES[route])
    assert ours[-1] == "completed"
    assert ours == spiff.walk(ROUTES[route])


def test_a_difference_between_the_databases_is_noticed(tmp_path: Path) -> None:
    stores = [Store(f"sqlite:///{tmp_path / name}.sqlite") for name in "ab"]
    for store in stores:
        store.prepare()
    assert durable.check_same(*stores) == {}
    with stores[1].transaction() as connection:
        connection.execute(insert(tables.setting), {"key": "x", "value": "1"})
    with pytest.raises(ValueError, match="setting"):
        durable.check_same(*stores)
    for store in stores:
        store.close()


def test_a_timer_that_is_not_fired_once_is_counted(tmp_path: Path) -> None:
    bench = durable.settle(f"sqlite:///{tmp_path / 'timers.sqlite'}", 1)
    timers._copy(bench, timers._open_waiting(bench, tmp_path), 3, durable.NOW)
    with bench.engine.look() as work:
        assert len(work.connection.execute(select(tables.timer.c.id)).all()) == 3
    assert timers._figures("sqlite", bench.engine, 3, 0, 1.0)[0].details["lost"] == 3
    Clock(bench.engine).run_once()
    assert timers._figures("sqlite", bench.engine, 3, 0, 1.0)[0].reached
    with bench.engine.work() as work:
        case = work.connection.execute(select(tables.timer.c.case).limit(1)).scalar_one()
        work.record(f"case/{case}", [Entry("timer-fired")], "/")
    figure, late = timers._figures("sqlite", bench.engine, 3, 0, 1.0)
    assert (figure.details["lost"], figure.details["doubled"], figure.reached) == (0, 1, False)
    assert (late.value, late.reached) == (0, None)
    bench.engine.store.close()


def test_the_gate_looks_at_sound_diagrams_of_the_size_it_says() -> None:
    """What is faulty would be found sooner."""
    for shape in gate.SHAPES.values():
        definition = gate.drawn(shape, 100)
        assert 85 <= sum(1 for _ in definition.nodes()) <= 115
        assert [one for one in check(definition) if one.rule.startswith("soundness")] == []
    (figure,) = gate.figures({20: "soon"})
    assert (figure.name, figure.reached, set(figure.details)) == ("gate-20", None, set(gate.SHAPES))
