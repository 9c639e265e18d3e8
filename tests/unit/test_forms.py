"""The quick look at an answer: it never says yes where JSON Schema says no, and it says yes to the usual ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from engine import forms, publishing
from engine.errors import Invalid

FORMS = {
    f"{pack.parent.name}/{pack.name}/{name}": form
    for pack in sorted(path.parent for path in publishing.PACKS.glob("*/*/limits.json"))
    for name, form in publishing.read_folder(pack).pack.forms.items()
}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 3),
    st.just(1.0),
    st.text(max_size=3),
    st.lists(st.text(max_size=2), max_size=2),
)
FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "urgent": {"type": "boolean", "x-wangge": "routing"},
        "way": {"type": "string", "enum": ["a", "b"], "x-wangge": "routing", "default": "a"},
        "opinion": {"type": "string", "minLength": 1, "maxLength": 3, "title": "意见"},
        "day": {"type": "string", "format": "date"},
        "parts": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["opinion"],
    "additionalProperties": False,
}


def right(form: dict[str, Any], answer: dict[str, Any]) -> bool:
    return bool(Draft202012Validator(form, format_checker=FormatChecker()).is_valid(answer))


@given(st.data())
def test_the_quick_look_says_yes_only_where_json_schema_does(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from([FORM, *FORMS.values()]))
    names = st.sampled_from([*form.get("properties", {}), "unknown"])
    choices = [value for field in form.get("properties", {}).values() for value in field.get("enum", ())]
    values = VALUES | st.sampled_from(choices) if choices else VALUES
    answer = data.draw(st.dictionaries(names, values))
    if forms._Schema(form).plainly_right(answer):
        assert right(form, answer)


@pytest.mark.parametrize(
    "answer",
    [{"opinion": "x"}, {"opinion": "好的好", "urgent": False, "way": "b"}],
)
def test_it_says_yes_to_the_usual_answers(answer: dict[str, Any]) -> None:
    assert forms._Schema(FORM).plainly_right(answer)


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ({}, "opinion"),
        ({"opinion": ""}, "opinion"),
        ({"opinion": "1234"}, "opinion"),
        ({"opinion": 1}, "opinion"),
        ({"opinion": "x", "urgent": 1}, "urgent"),
        ({"opinion": "x", "way": "c"}, "way"),
        ({"opinion": "x", "day": "2026-02-30"}, "day"),
        ({"opinion": "x", "parts": [1]}, "parts"),
        ({"opinion": "x", "more": "x"}, "more"),
    ],
)
def test_what_is_wrong_is_found_and_named(answer: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        forms.read(FORM, answer)
    assert [finding.element for finding in refused.value.findings] == [field]


@pytest.mark.parametrize("rule", [{"minProperties": 2}, {"allOf": [{"required": ["way"]}]}, {"type": "array"}])
def test_a_form_with_other_rules_is_left_to_json_schema(rule: dict[str, Any]) -> None:
    assert not forms._Schema({**FORM, **rule}).plainly_right({"opinion": "x"})


def test_what_people_said_is_taken_apart_and_defaults_are_filled_in() -> None:
    assert forms.read(FORM, {"opinion": "x"}) == ({"way": "a"}, {"opinion": "x"})


def test_what_is_not_to_be_kept_is_checked_and_dropped() -> None:
    form = {"type": "object", "properties": {
        "born": {"type": "string", "format": "date", "x-wangge": "record", "x-kept": False},
        "checked_by": {"type": "string", "x-wangge": "record"},
    }}  # fmt: skip
    assert forms.read(form, {"born": "1990-05-01", "checked_by": "x"}) == ({}, {"checked_by": "x"})
    with pytest.raises(Invalid):
        forms.read(form, {"born": "soon"})


def test_each_missing_field_is_named_once() -> None:
    form = {
        "type": "object",
        "properties": {name: {"type": "string", "title": name} for name in ("a", "b", "c")},
        "required": ["a", "b", "c"],
        "additionalProperties": False,
    }
    with pytest.raises(Invalid) as caught:
        forms.read(form, {"b": "x", "d": "x", "e": "x"})
    assert [finding.element for finding in caught.value.findings] == ["d", "e", "a", "c"]


def test_an_error_of_no_field_in_particular_is_an_error_too() -> None:
    form = {
        "type": "object",
        "properties": {name: {"type": "string", "title": name} for name in ("a", "b")},
        "dependentRequired": {"a": ["b"]},
    }
    with pytest.raises(Invalid) as caught:
        forms.read(form, {"a": "x"})
    assert [finding.element for finding in caught.value.findings] == [""]
    assert forms.read(form, {"a": "x", "b": "y"}).record == {"a": "x", "b": "y"}
