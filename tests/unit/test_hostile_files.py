"""Files that mean harm, or that nobody meant: each gets a clear finding, in bounded time and memory.

They are read and checked in one process of its own that may use two gigabytes of memory and no more; what each costs
it measures in its own processor time, so that a busy machine changes nothing.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine import bpmn
from engine.checks import check_file

SECONDS = 30
MEGABYTES = 2_000

RUN = f"""
import json, resource, sys, time
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, ({MEGABYTES} << 20, {MEGABYTES} << 20))
from engine import bpmn, decisions
from engine.checks import check_file
from engine.errors import Invalid
from engine.model import replace
from engine.publishing import PACKS, read_folder
from handlers.registry import HANDLERS
pack = read_folder(PACKS / "zhenjiang" / "2026-01-01").pack
def findings(path):
    tables, faults = {{}}, ()
    if path.suffix == ".dmn":
        tables, faults = decisions.read(path.read_bytes())
        path = path.with_name("asks.bpmn")
    known = replace(pack, decisions=tables)
    return [*faults, *check_file(bpmn.read(path.read_bytes(), decisions=tables), {{}}, known, HANDLERS)]
for path in sorted(Path(sys.argv[1]).iterdir()):
    begun = time.process_time()
    try:
        found = findings(path)
    except Invalid as refused:
        found = refused.findings
    said = list({{one.rule: [one.rule, one.level, one.message] for one in found}}.values())
    print(json.dumps([path.name, time.process_time() - begun, said]), flush=True)
"""

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
BPMN = '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:wangge="urn:wangge:bpmn:1" targetNamespace="urn:t">'
DMN = (
    '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="urn:t">'
    '<decision id="t" name="t"><decisionTable id="tt" hitPolicy="UNIQUE"><input id="i" label="i">'
    '<inputExpression id="ie" typeRef="number"><text>x</text></inputExpression></input>'
    '<output id="o" name="o" label="o" typeRef="string"/>'
)


# -- how they are made -------------------------------------------------------------------------------------


def process(body: str, id: str = "p") -> str:
    return f'<process id="{id}" name="{id}" isExecutable="true">{body}</process>'


def diagram(*processes: str, before: str = "") -> str:
    return f"{HEAD}{before}{BPMN}{''.join(processes)}</definitions>"


def flow(source: str, target: str, condition: str = "") -> str:
    inner = f"<conditionExpression>{condition}</conditionExpression>" if condition else ""
    return f'<sequenceFlow id="{source}-{target}" sourceRef="{source}" targetRef="{target}">{inner}</sequenceFlow>'


def line(name: str = "t") -> str:
    return f'<startEvent id="s" name="s"/><userTask id="t" name="{name}"/><endEvent id="e" name="e"/>{flow("s", "t")}{flow("t", "e")}'


def row_of(steps: int) -> str:
    ids = ["s", *(f"t{n}" for n in range(steps)), "e"]
    drawn = "".join(f'<userTask id="{id}" name="{id}"/>' for id in ids[1:-1])
    flows = "".join(flow(one, two) for one, two in pairwise(ids))
    return f'<startEvent id="s" name="s"/>{drawn}<endEvent id="e" name="e"/>{flows}'


def beside(steps: int, gateway: str = "parallelGateway", words: str = "") -> str:
    """Two steps in each of many branches; where they are chosen each has a condition, and nobody joins them."""
    chosen = gateway == "inclusiveGateway"
    join = "exclusiveGateway" if chosen else gateway
    ends = (
        f'<startEvent id="s" name="s"/><{gateway} id="a" name="a"/><{join} id="z" name="z"/><endEvent id="e" name="e"/>'
    )
    branches = "".join(
        f'<userTask id="t{n}" name="t" {words.format(n)}/><userTask id="u{n}" name="u" {words.format(n)}/>'
        + flow("a", f"t{n}", f"v{n} == 1" if chosen else "")
        + flow(f"t{n}", f"u{n}")
        + flow(f"u{n}", "z")
        for n in range(steps // 2)
    )
    return ends + flow("s", "a") + branches + flow("z", "e")


def circles(steps: int) -> str:
    """Steps each followed by a choice to go on or far back."""
    parts = "".join(
        f'<userTask id="t{n}" name="t"/><exclusiveGateway id="x{n}" name="x" default="x{n}-t{n + 1}"/>'
        + flow(f"t{n}", f"x{n}")
        + flow(f"x{n}", f"t{n + 1}")
        + (flow(f"x{n}", f"t{n // 2}", f"v == {n}") if n else "")
        for n in range(steps // 2)
    )
    last = f"t{steps // 2}"
    return f'<startEvent id="s" name="s"/>{flow("s", "t0")}{parts}<userTask id="{last}" name="t"/><endEvent id="e" name="e"/>{flow(last, "e")}'


def nested(depth: int) -> str:
    before = "".join(f'<startEvent id="s{n}" name="s"/><subProcess id="q{n}" name="q">' for n in range(depth))
    after = "".join(
        f'</subProcess><endEvent id="e{n}" name="e"/>{flow(f"s{n}", f"q{n}")}{flow(f"q{n}", f"e{n}")}'
        for n in reversed(range(depth))
    )
    return before + line() + after


def calls(id: str, *others: str) -> str:
    ids = [f"s{id}", *(f"c{id}{n}" for n in range(len(others))), f"e{id}"]
    drawn = "".join(
        f'<callActivity id="{one}" name="c" calledElement="{other}"/>'
        for one, other in zip(ids[1:-1], others, strict=True)
    )
    flows = "".join(flow(one, two) for one, two in pairwise(ids))
    return process(f'<startEvent id="s{id}" name="s"/>{drawn}<endEvent id="e{id}" name="e"/>{flows}', id)


def choice(condition: str) -> str:
    return (
        '<startEvent id="s" name="s"/><exclusiveGateway id="x" name="x" default="x-e"/><userTask id="t" name="t"/>'
        f'<endEvent id="e" name="e"/>{flow("s", "x")}{flow("x", "t", condition)}{flow("x", "e")}{flow("t", "e")}'
    )


def entities(levels: int) -> str:
    names = "abcdefghijklmnop"[: levels + 1]
    more = "".join(f'<!ENTITY {two} "{f"&{one};" * 10}">' for one, two in pairwise(names))
    return f'<!DOCTYPE d [<!ENTITY a "ha">{more}]>'


def table(rows: int, cell: str) -> str:
    drawn = "".join(
        f'<rule id="r{n}"><inputEntry id="a{n}"><text>{cell.format(n, n + 3000)}</text></inputEntry>'
        f'<outputEntry id="b{n}"><text>"x"</text></outputEntry></rule>'
        for n in range(rows)
    )
    return f"{HEAD}{DMN}{drawn}</decisionTable></decision></definitions>"


ASKS = '<startEvent id="s" name="s"/><businessRuleTask id="t" name="t" wangge:decision="t"/><endEvent id="e" name="e"/>'
STATUS = 'wangge:unit="u{}" wangge:status="handling"'

HOSTILE: dict[str, tuple[str, Callable[[], str]]] = {
    # name: the finding that is wanted, how the file is made
    "entities.bpmn": ("xml.doctype", lambda: diagram(process(line("&m;")), before=entities(12))),
    "entities.dmn": ("xml.doctype", lambda: table(1, "1").replace(HEAD, HEAD + entities(12))),
    "external.bpmn": (
        "xml.doctype",
        lambda: diagram(process(line("&a;")), before='<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
    ),
    "row_10000.bpmn": ("size.too-large", lambda: diagram(process(row_of(10_000)))),
    "beside_10000.bpmn": ("size.too-large", lambda: diagram(process(beside(10_000)))),
    "circles_10000.bpmn": ("size.too-large", lambda: diagram(process(circles(10_000)))),
    "beside_1000.bpmn": ("statuses.undecided", lambda: diagram(process(beside(1000, words=STATUS)))),
    "chosen_1000.bpmn": ("soundness.undecided", lambda: diagram(process(beside(1000, "inclusiveGateway")))),
    "nested_500.bpmn": ("xml.too-deep", lambda: diagram(process(nested(500)))),
    "nested_60.bpmn": ("form.too-deep", lambda: diagram(process(nested(60)))),
    "calls_itself.bpmn": ("form.recursive-call", lambda: diagram(calls("a", "a"))),
    "calls_in_a_circle.bpmn": ("form.recursive-call", lambda: diagram(calls("a", "b"), calls("b", "a"))),
    "calls_doubling.bpmn": (
        "size.too-large",
        lambda: diagram(*(calls(f"p{n}", f"p{n + 1}", f"p{n + 1}") for n in range(18)), process(line(), "p18")),
    ),
    "calls_in_a_row.bpmn": (
        "size.too-deep",
        lambda: diagram(*(calls(f"p{n}", f"p{n + 1}") for n in range(3000)), process(line(), "p3000")),
    ),
    "large.bpmn": ("xml.too-large", lambda: diagram(process(line() + f"<documentation>{'x' * 21_000_000}</documentation>"))),
    "many.bpmn": ("xml.too-large", lambda: diagram(process('<userTask id="t"/>' * 110_000))),
    "power.bpmn": ("form.condition-unreadable", lambda: diagram(process(choice("9**9**9**9 == 1")))),
    "brackets.bpmn": ("form.condition-unreadable", lambda: diagram(process(choice("(" * 900 + "1" + ")" * 900)))),
    "long.bpmn": ("form.condition-unreadable", lambda: diagram(process(choice(" and ".join(["x"] * 50_000))))),
    "repeated.bpmn": ("form.condition-unreadable", lambda: diagram(process(choice('"a" * 10 ** 10 == "b"')))),
    "circle.bpmn": ("form.condition-unreadable", lambda: diagram(process(choice("len([1 for a in x]) == 1")))),
    "rows_million.dmn": ("xml.too-large", lambda: table(1_000_000, "{}")),
    "rows_16000.dmn": ("tables.undecided", lambda: table(16_000, "[{}..{}]")),
}  # fmt: skip

Told = dict[str, tuple[float, list[list[str]]]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """What was said of each file, and how many seconds of processor time it took."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    for name, (_, made) in HOSTILE.items():
        (folder / name).write_text(made(), encoding="utf-8")
    (folder / "asks.bpmn").write_text(diagram(process(ASKS + flow("s", "t") + flow("t", "e"))), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(folder)], capture_output=True, text=True, timeout=900, check=False
    )
    lines: list[Any] = [json.loads(one) for one in run.stdout.splitlines()]
    assert len(lines) == len(HOSTILE) + 1, f"it ended after {lines[-1:]}: {run.stderr[-2000:]}"
    yield {name: (seconds, said) for name, seconds, said in lines}
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_its_finding(told: Told, name: str) -> None:
    _, said = told[name]
    wanted = [message for rule, _, message in said if rule == HOSTILE[name][0]]
    assert wanted, sorted({rule for rule, *_ in said})
    assert len(wanted[0]) < 2_000
    if not HOSTILE[name][0].endswith(".undecided"):
        assert "error" in {level for rule, level, _ in said if rule == HOSTILE[name][0]}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_takes_bounded_time(told: Told, name: str) -> None:
    seconds, _ = told[name]
    assert seconds < SECONDS


def test_what_stands_in_a_label_is_text_and_stays_so() -> None:
    """Whoever shows it escapes it, as the command line and the console do."""
    label = "<script>alert(1)</script>"
    lost = f'<userTask id="z" name="{label.replace("<", "&lt;")}"/>'
    reading = bpmn.read(diagram(process(line() + lost)).encode())
    assert reading.processes["p"].body.nodes["z"].name == label
    (dead,) = [one for one in check_file(reading) if one.rule == "soundness.dead"]
    assert dead.name == label
    assert f"“{label}”" in dead.message
