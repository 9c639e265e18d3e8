"""The documents of the checks: each rule has one, and for each of its findings a diagram that is right and one that is
wrong, checked as if drawn for Zhenjiang."""

import json
import re
from pathlib import Path

import pytest

from engine import bpmn, decisions
from engine.checks import check_file, rules
from engine.definition import Definition
from engine.errors import Finding
from engine.model import replace
from engine.publishing import PACKS
from handlers.registry import HANDLERS
from tests.places import read

DOCS = Path(__file__).parents[2] / "docs" / "checks"
EXAMPLES = DOCS / "examples"
FILES = sorted(EXAMPLES.glob("*.bpmn"))
STEMS = {path.stem for path in FILES}

WITHOUT_DIAGRAM = {
    "soundness.undecided", "statuses.undecided", "tables.undecided", "size.too-large", "size.too-deep",  # too large to be an example
    "waivers.incomplete", "waivers.unknown-rule", "waivers.not-local",  # not about a diagram
    "schemas.invalid", "schemas.outside", "schemas.slow-pattern",
}  # fmt: skip


def text(rule: str) -> str:
    return (DOCS / f"{rule}.md").read_text(encoding="utf-8")


def told(rule: str) -> set[str]:
    """The findings that a document lists, `form.without-role`, `-form` written out."""
    found: set[str] = set()
    for row in re.findall(r"^\| (`[^|]+) \|", text(rule), re.M):
        names = re.findall(r"`([^`]+)`", row)
        stem = names[0].rpartition("-")[0]
        found |= {f"{stem}{name}" if name.startswith("-") else name for name in names}
    return {name for name in found if "." in name}


def raised(rule: str) -> set[str]:
    """The findings that a check can give, as far as its source or its docstring names them."""
    source = Path(rules()[rule].__code__.co_filename).read_text(encoding="utf-8")
    stem = rule.removesuffix("s") + "." if rule == "references" else f"{rule}."
    said = re.findall(rf"`(?:{re.escape(stem)}|\.)([a-z-]+)`", rules()[rule].__doc__ or "")
    return {stem + name for name in (*re.findall(rf'"{re.escape(stem)}([a-z-]+)"', source), *said)}


def found(path: Path) -> list[Finding]:
    pack = read(PACKS / "zhenjiang" / "2026-01-01").pack
    beside = path.with_suffix(".dmn")
    own, faults = decisions.read(beside.read_bytes()) if beside.exists() else ({}, ())
    known = replace(pack, decisions={**pack.decisions, **own})
    assert not faults
    return list(check_file(bpmn.read(path.read_bytes(), decisions=known.decisions), {}, known, HANDLERS))


def is_of(finding: Finding, rule: str) -> bool:
    return finding.rule == rule or (rule == "law" and finding.rule.startswith("law."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_wrong_example_gives_the_finding_and_the_right_one_none(path: Path) -> None:
    rule, _, kind = path.stem.rpartition("-")
    findings = found(path)
    if kind == "right":
        assert findings == []
    else:
        assert [one for one in findings if is_of(one, rule)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_is_drawn(path: Path) -> None:
    reading = bpmn.read(path.read_bytes())
    (root,) = reading.processes
    ids = {node.id for _, node in Definition(root, dict(reading.processes)).nodes()}
    drawn = set(re.findall(r'bpmnElement="([^"]+)"', path.read_text(encoding="utf-8")))
    assert ids <= drawn


@pytest.mark.parametrize("rule", rules())
def test_a_rule_has_a_document_that_says_why_with_right_and_wrong(rule: str) -> None:
    words = text(rule)
    assert words.startswith(f"# {rule}: ")
    for part in ("**Why.**", "Wrong", "Right"):
        assert part in words or rule == "law", part
    assert "examples/" in words or rule in ("waivers", "size", "schemas")


@pytest.mark.parametrize("rule", rules())
def test_a_document_lists_every_finding_of_its_rule(rule: str) -> None:
    if rule != "law":
        assert told(rule)
        assert raised(rule) <= told(rule)


@pytest.mark.parametrize("rule", rules())
def test_each_finding_has_a_right_and_a_wrong_example(rule: str) -> None:
    meant = {"law"} if rule == "law" else told(rule) - WITHOUT_DIAGRAM
    assert {f"{name}-{kind}" for name in meant for kind in ("right", "wrong")} <= STEMS


def test_no_example_is_left_over() -> None:
    meant = {"law"}.union(*(told(rule) for rule in rules()))
    assert {stem.rpartition("-")[0] for stem in STEMS} <= meant
    assert {path.stem for path in EXAMPLES.glob("*.dmn")} <= STEMS


def test_the_list_of_rules_of_law_is_complete() -> None:
    shipped = [
        f"| `{one['key']}` | {one['article']} | {one['force']} | {one['process']} | {one['zh']} {one['en']} |"
        for path in sorted((PACKS / "rules").glob("*.json"))
        for one in json.loads(path.read_text(encoding="utf-8"))
    ]
    listed = text("law").partition("|---|---|---|---|---|\n")[2].splitlines()
    assert listed == shipped
    assert sum(" law |" in row for row in shipped) >= 25
