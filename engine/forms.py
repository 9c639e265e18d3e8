"""What people may answer: JSON Schema forms, and which of their fields the machine may see.

A field is `routing` (`x-wangge: routing`: enumerations, booleans, numbers, dates, ids of units) or `record`
(everything else: what people say). Routing values become variables; record values are kept apart, erasable. A field
with `x-kept: false` is for the guards of its step to look at, and stays nowhere.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple, cast

from jsonschema import Draft202012Validator, FormatChecker, SchemaError, ValidationError

from engine.errors import Finding, Invalid
from engine.model import encode_sorted

WORDS = {
    "required": ("请填写这一项", "is required"),
    "enum": ("不在可选范围内", "is none of the choices"),
    "const": ("不是规定的值", "is not the value required"),
    "type": ("填写的类型不对", "has the wrong type"),
    "minLength": ("太短或未填写", "is too short or empty"),
    "maxLength": ("太长", "is too long"),
    "pattern": ("格式不对", "has the wrong format"),
    "format": ("格式不对", "has the wrong format"),
    "minimum": ("太小", "is too small"),
    "maximum": ("太大", "is too large"),
    "minItems": ("选得太少", "has too few entries"),
    "maxItems": ("选得太多", "has too many entries"),
    "uniqueItems": ("有重复", "has duplicates"),
    "additionalProperties": ("表单中没有这一项", "is not in this form"),
    "unevaluatedProperties": ("表单中没有这一项", "is not in this form"),
}


class Answer(NamedTuple):
    """An answer taken apart: what the machine may see, and what people said."""

    routing: dict[str, Any]
    record: dict[str, Any]


def read(form: Mapping[str, Any] | None, answer: Mapping[str, Any]) -> Answer:
    """Checks an answer against its form, with the form's defaults for what was left out, and takes it apart.
    Without a form only an empty answer is right.

    Raises `Invalid` (`form.answer`) with one finding per field: the field's name as `element`.
    """
    if form is None:
        form = {"type": "object", "properties": {}, "additionalProperties": False}
    fields = form.get("properties", {})
    answer = {n: field["default"] for n, field in fields.items() if "default" in field} | dict(answer)
    schema = _made(form)
    plain = schema.plainly_right(answer)
    errors = [] if plain else list(schema.validator.iter_errors(answer))
    findings = list(dict.fromkeys(_finding(form, error, field) for error in errors for field in _fields(error)))
    if findings:
        raise Invalid(
            "form.answer",
            f"表单有{len(findings)}处需要修改：{'；'.join(f.message.split(' ', 1)[0] for f in findings[:3])}",
            f"The form needs {len(findings)} corrections, see each field.",
            findings,
        )
    routing = {n: v for n, v in answer.items() if fields.get(n, {}).get("x-wangge") == "routing"}
    passing = {n for n, field in fields.items() if field.get("x-kept") is False}
    return Answer(routing, {n: v for n, v in answer.items() if n not in routing and n not in passing})


def fault_of(form: Any) -> str:
    """Why a form is no JSON Schema for an object, in the words of the library and where; empty: it is one."""
    return _fault(encode_sorted(dict(form))) if isinstance(form, Mapping) else "object expected"


@lru_cache(maxsize=1024)
def _fault(form: bytes) -> str:
    try:
        Draft202012Validator.check_schema(json.loads(form))
    except SchemaError as error:
        return f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
    except (RecursionError, OverflowError) as error:
        return f"beyond measure ({error})"
    return ""


class _Schema:
    """A form made ready: for JSON Schema, which says what is wrong, and for a quick look that says yes to most
    answers, as JSON Schema would, at a tenth of the cost."""

    def __init__(self, form: Mapping[str, Any]) -> None:
        self.validator = Draft202012Validator(form, format_checker=FormatChecker())
        self._required = frozenset(form.get("required", ()))
        self._checks: dict[str, Callable[[Any], bool]] | None = None
        self._conditions = [_condition(rule) for rule in form.get("allOf", ())]
        if _rules(form).keys() <= FLAT and form.get("type") == "object" and None not in self._conditions:
            self._checks = {name: _check(field) for name, field in form.get("properties", {}).items()}

    def plainly_right(self, answer: Mapping[str, Any]) -> bool:
        """Whether the answer is right beyond doubt. False: JSON Schema has to look."""
        if self._checks is None or not self._required <= answer.keys():
            return False
        for name, value in answer.items():
            if not self._checks.get(name, _doubtful)(value):
                return False
        return all(condition is not None and condition(answer) for condition in self._conditions)


_MADE: dict[int, tuple[Mapping[str, Any], _Schema]] = {}
"""Forms of packs stay the same objects as long as the pack is remembered: they are found by what they are."""


def _made(form: Mapping[str, Any]) -> _Schema:
    known = _MADE.get(id(form))
    if known is not None and known[0] is form:
        return known[1]
    if len(_MADE) >= MOST:
        _MADE.clear()
    made = _schema(encode_sorted(form))
    _MADE[id(form)] = (form, made)
    return made


MOST = 2_000
"""So many forms are remembered."""


@lru_cache(maxsize=512)
def _schema(form: bytes) -> _Schema:
    return _Schema(json.loads(form))


FLAT = frozenset({"$schema", "type", "properties", "required", "additionalProperties", "allOf"})
"""The rules of a form that only lists its fields, and which of them another one makes necessary."""

NOTES = frozenset({"title", "description", "default", "readOnly"})
"""What a form says of a field without demanding anything of the value; so does every name that begins with `x-`."""


def _rules(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in NOTES and not name.startswith("x-")}


def _check(field: Any) -> Callable[[Any], bool]:
    """The quick look at one field: text with its length and choices, and yes or no. All else is doubtful."""
    rules = _rules(field) if isinstance(field, dict) else {}
    kind = rules.pop("type", None)
    if kind == "boolean" and not rules:
        return _is_bool
    if kind == "string" and rules.keys() <= {"enum", "minLength", "maxLength"}:
        shortest, longest = rules.get("minLength", 0), rules.get("maxLength", inf)
        choices = rules.get("enum")
        return lambda value: (
            type(value) is str and shortest <= len(value) <= longest and (choices is None or value in choices)
        )
    return _doubtful


def _condition(rule: Any) -> Callable[[Mapping[str, Any]], bool] | None:
    """The quick look at “if these fields have these values, then those must be there”; None where a rule says more."""
    if not isinstance(rule, dict) or rule.keys() != {"if", "then"} or rule["then"].keys() != {"required"}:
        return None
    when, needed = rule["if"], frozenset(rule["then"]["required"])
    if not when.keys() <= {"properties", "required"} or not when.get("properties"):
        return None
    choices = [(name, _choices(field)) for name, field in when["properties"].items()]
    named = frozenset(when.get("required", ()))
    if any(values is None for _, values in choices):
        return None

    def met(answer: Mapping[str, Any]) -> bool:
        applies = named <= answer.keys() and all(answer[n] in v for n, v in choices if v and n in answer)
        return not applies or needed <= answer.keys()

    return met


def _choices(field: Any) -> list[str] | None:
    """The texts that a field is limited to; None where it is limited otherwise."""
    if not isinstance(field, dict) or field.keys() not in ({"const"}, {"enum"}):
        return None
    values = [field["const"]] if "const" in field else field["enum"]
    return values if values and all(type(value) is str for value in values) else None


def _is_bool(value: Any) -> bool:
    return type(value) is bool


def _doubtful(_: Any) -> bool:
    return False


def _finding(form: Mapping[str, Any], error: ValidationError, field: str) -> Finding:
    title = form.get("properties", {}).get(field, {}).get("title", field)
    zh, en = WORDS.get(str(error.validator), ("填写有误", "is not right"))
    return Finding("form.field", "error", field, f"“{title}”{zh}。 “{field}” {en}.", name=title)


def _fields(error: ValidationError) -> list[str]:
    """The fields an error belongs to; those that are missing or too many have to be looked for."""
    wanted, schema, given = cast(Any, error.validator_value), cast(Any, error.schema), cast(Any, error.instance)
    if error.absolute_path:
        return [str(error.absolute_path[0])]
    if error.validator == "required":
        return [str(name) for name in wanted if name not in given]
    surplus = sorted(str(name) for name in given if name not in schema.get("properties", {}))
    return surplus if error.validator == "additionalProperties" else [""]
