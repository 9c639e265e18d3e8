"""Whether forms that nobody could fill in are found, and patterns that would never come to an end."""

import re
import time
from typing import Any

import pytest

from engine.checks.schemas import check
from engine.errors import Finding
from tests.unit.test_law_rules import pack


def told(form: Any) -> list[Finding]:
    return check(pack([], forms={"f": form}))


def field(**words: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"type": "string", **words}}}


def rules(**words: Any) -> list[str]:
    return [one.rule for one in told(field(**words))]


@pytest.mark.parametrize(
    "pattern", ["^[a-z][a-z0-9_]*$", r"^\d{17}[\dXx]$", r"^1\d{10}$", "a+", r"^(民|市)政\*+$", "[*+?{]", "^(?:a|b)$"]
)
def test_ordinary_patterns_pass(pattern: str) -> None:
    assert rules(pattern=pattern, maxLength=2000) == []


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "^(a|aa)*$", "^(a?){30}a$", r"^(a+)\1$", "^a*a*a*b", "a+b+", "^a?a?a?a?b", "^a{1,9}b{1,9}$"],
)
def test_patterns_that_may_run_away_are_refused(pattern: str) -> None:
    (one,) = told(field(pattern=pattern))
    assert (one.rule, one.level, one.element) == ("schemas.slow-pattern", "error", "f")
    assert pattern in one.message


def test_a_shorter_field_may_have_more_choices() -> None:
    pattern = "^[^@]+@[^@]+[.][a-z]+$"
    assert rules(pattern=pattern) == ["schemas.slow-pattern"]
    assert rules(pattern=pattern, maxLength=200) == []


def test_what_is_let_through_comes_to_an_end() -> None:
    """The worst that passes on a line as long as it may be."""
    assert rules(pattern="^a*a*a*b$", maxLength=215) == []
    start = time.process_time()
    assert not re.search("^a*a*a*b$", "a" * 215)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("pattern", ["(", "[a", "*a", "a{99999999999999999999}"])
def test_a_pattern_that_is_none(pattern: str) -> None:
    assert rules(pattern=pattern) == ["schemas.invalid"]


def test_patterns_are_found_wherever_they_stand() -> None:
    deep = field(anyOf=[{"items": {"pattern": "(a+)+"}}, {"patternProperties": {"(b+)+": {}}}])
    assert [one.rule for one in told(deep)] == ["schemas.slow-pattern"] * 2


def test_a_field_may_be_called_pattern() -> None:
    assert (
        told({"type": "object", "properties": {"pattern": {"type": "string"}, "maxLength": {"type": "integer"}}}) == []
    )


@pytest.mark.parametrize(
    "form",
    [[], "x", {"type": "objekt"}, {"properties": []}, {"type": "object", "properties": {"a": {"maxLength": "9"}}}],
)
def test_what_is_no_schema(form: Any) -> None:
    (one,) = told(form)
    assert (one.rule, one.level, one.element) == ("schemas.invalid", "error", "f")


def test_nothing_is_fetched() -> None:
    assert rules(**{"$ref": "http://example.org/schema"}) == ["schemas.outside"]
    assert rules(**{"$ref": "#/properties/b"}) == []


def test_the_fields_of_registers_are_forms_too() -> None:
    given = pack([], registries={"k": {"form": field(pattern="(a+)+")}})
    assert [one.element for one in check(given)] == ["registries/k"]


def test_without_a_pack_there_are_no_forms() -> None:
    assert check(None) == []
