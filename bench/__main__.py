"""`script/bench [--json] [--quick] [NAME...]`: measures, prints a table or JSON. Exit code: 0 all reached, 1 some
not, 2 could not run."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import durable, gate, kernel, lists, server, timers
from bench.figures import Figure, say

SPACE = 12 * 2**30
"""Bytes the lists need on the disk, at most."""


class Run:
    """One run: a folder that is removed, and a PostgreSQL that is started when a figure first needs it."""

    def __init__(self, stack: ExitStack, quick: bool) -> None:
        self.quick = quick
        self.stack = stack
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wangge-bench-")))
        self._server: server.Server | None = None

    def of(self, full: int) -> int:
        """So many, or a fiftieth of it."""
        return max(2, full // 50) if self.quick else full

    def part(self, name: str) -> Path:
        """A folder of a group's own."""
        path = self.folder / name
        path.mkdir()
        return path

    @property
    def server(self) -> server.Server:
        if self._server is None:
            say("PostgreSQL …")
            self._server = self.stack.enter_context(server.postgresql())
        return self._server


def _advance(run: Run) -> Iterable[Figure]:
    say("advance: routes of both engines are compared, then rounds in turn …")
    yield kernel.against_spiff(run.of(100))


def _returns(run: Run) -> Iterable[Figure]:
    yield from kernel.after_returns(400, run.of(50))
    yield durable.after_returns(run.part("returns"), run.of(400), run.of(240))


def _step_sqlite(run: Run) -> Iterable[Figure]:
    yield from durable.on_sqlite(run.part("step"), run.of(240))


def _step_postgresql(run: Run) -> Iterable[Figure]:
    yield from durable.on_postgresql(run.server, run.of(240))


def _timers(run: Run) -> Iterable[Figure]:
    folder, count = run.part("timers"), run.of(10_000)
    yield from timers.at_once("sqlite", f"sqlite:///{folder / 'timers.sqlite'}", folder, count)
    yield from timers.at_once("postgresql", run.server.database("timers"), folder, count)
    run.server.drop("timers")


def _lists(run: Run) -> Iterable[Figure]:
    scale = lists.QUICK if run.quick else lists.FULL
    if not run.quick and shutil.disk_usage(run.folder).free < SPACE:
        raise OSError(f"{run.folder} has less than {SPACE >> 30} GB left: set TMPDIR to a larger disk")
    folder = run.part("lists")
    yield from lists.figures(folder, lambda: run.server, scale, 5 if run.quick else 25)


def _gate(run: Run) -> Iterable[Figure]:
    return gate.figures({100: "well under a second", **({} if run.quick else {1000: "within ten seconds"})})


GROUPS: Mapping[str, Callable[[Run], Iterable[Figure]]] = {
    "advance": _advance,
    "returns": _returns,
    "step-sqlite": _step_sqlite,
    "step-postgresql": _step_postgresql,
    "timers": _timers,
    "lists": _lists,
    "gate": _gate,
}


def measured(names: Iterable[str], quick: bool) -> Iterator[dict[str, Any]]:
    """The figures of these groups. A quick one shows that it can be measured and claims nothing."""
    with ExitStack() as stack:
        run = Run(stack, quick)
        for name in names:
            for figure in GROUPS[name](run):
                plain = figure.plain()
                yield {**plain, "quick": True, "reached": None} if quick else plain


def table(figures: Iterable[Mapping[str, Any]]) -> Table:
    """As people read it."""
    drawn = Table(title="网格 Wangge: bench")
    for column in ("name", "what", "value", "target", "reached"):
        drawn.add_column(column, justify="right" if column == "value" else "left", overflow="fold")
    for one in figures:
        reached = "quick" if "quick" in one else {True: "是 yes", False: "否 NO", None: "—"}[one["reached"]]
        drawn.add_row(one["name"], one["what"], f"{one['value']:g} {one['unit']}", one["target"], reached)
    return drawn


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"groups of figures: {', '.join(GROUPS)}")
    parser.add_argument("--json", action="store_true", help="JSON on standard output")
    parser.add_argument("--quick", action="store_true", help="a fiftieth of the size, to see that it runs: no verdict")
    given = parser.parse_args(words)
    unknown = [name for name in given.names if name not in GROUPS]
    if unknown:
        parser.error(f"没有这个指标组 no such group: {', '.join(unknown)}; {', '.join(GROUPS)}")
    try:
        figures = list(measured(given.names or GROUPS, given.quick))
    except Exception as error:
        traceback.print_exc()
        say(f"测量未能完成 The measurement could not be done: {error}")
        return 2
    if given.json:
        json.dump(figures, sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        Console().print(table(figures))
    return 1 if any(one["reached"] is False for one in figures) else 0


def _stop(*_: object) -> None:
    """Told to stop: the server and the folders go first."""
    sys.exit(2)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(main())
