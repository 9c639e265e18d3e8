"""Whether the forms of a pack can be filled in: each is a JSON Schema that asks for nothing outside itself, and whose
patterns come to an end whatever somebody types.

Patterns are regular expressions, tried on every answer. One that may try many ways (a repetition in a repetition)
holds up the server for all; so what it may cost on the longest text its field takes is reckoned beforehand.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.errors import Finding, Words
from engine.forms import fault_of
from engine.library import Pack

LONGEST = 20_000
"""How long a text may be where its field sets no `maxLength`."""

COST = 10_000_000
"""So many ways a pattern may try: about a second."""


def check(pack: Pack | None) -> list[Finding]:
    """`schemas.invalid`, `.outside` and `.slow-pattern`, all errors, with the key of the form as element."""
    if pack is None:
        return []
    registers = {f"registries/{key}": one["form"] for key, one in pack.registries.items() if "form" in one}
    forms = {**pack.forms, **registers}
    return [finding for key, form in forms.items() for finding in _of_form(key, form)]


def _of_form(key: str, form: Any) -> Iterator[Finding]:
    fault = fault_of(form)
    if fault:
        zh = f"不是有效的JSON Schema：{fault}。请改正。"
        yield _finding("invalid", key, Words(zh, f"is no valid JSON Schema: {fault}. Correct it."))
        return
    for inner in _schemas(form):
        reference = inner.get("$ref", inner.get("$dynamicRef", "#"))
        if not str(reference).startswith("#"):
            yield _finding("outside", key, _outside(str(reference)))
        longest = inner.get("maxLength", LONGEST)
        patterns = [(inner["pattern"], longest)] if "pattern" in inner else []
        patterns += [(pattern, LONGEST) for pattern in inner.get("patternProperties", ())]
        for pattern, length in patterns:
            yield from _of_pattern(key, pattern, length)


def _schemas(form: Any) -> Iterator[Mapping[str, Any]]:
    """Everything in a form that may be a schema: what is none has none of these words."""
    pending = [form]
    while pending:
        here = pending.pop()
        if isinstance(here, dict):
            if all(isinstance(here.get(word, kind()), kind) for word, kind in _WORDS.items()):
                yield here
            pending.extend(here.values())
        elif isinstance(here, list):
            pending.extend(here)


_WORDS: Mapping[str, type] = {"pattern": str, "patternProperties": dict, "maxLength": int}
"""A field may itself be called `pattern`; then there is no text behind the word."""


def _of_pattern(key: str, pattern: str, longest: int) -> Iterator[Finding]:
    ways = _ways(pattern)
    if ways is None or longest ** min(ways, 20) > COST:
        yield _finding("slow-pattern", key, _slow(pattern, longest))


def _ways(pattern: str) -> int | None:
    """How many times a pattern may choose how far to go, and where to begin; None: there is no saying, since it repeats
    a group or looks back at one."""
    bare = _BARE.sub("x", pattern)
    if _UNBOUNDED.search(bare) or _LOOKS_BACK.search(pattern):
        return None
    ranges = [range for range in _REPEATS.findall(bare) if "," in range]
    chooses = len(ranges) + len(_SIGNS.findall(bare))
    return chooses + (not pattern.startswith("^"))


_BARE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
"""An escaped character or a class: one character, whichever it is."""
_UNBOUNDED = re.compile(r"\)(?:[*+]|\{)")
_LOOKS_BACK = re.compile(r"\\[1-9]|\(\?P=|\(\?\(")
_REPEATS = re.compile(r"\{\d*,?\d*\}")
_SIGNS = re.compile(r"(?<!\()[*+?]")


def _short(pattern: str) -> str:
    return pattern if len(pattern) <= 60 else pattern[:60] + "…"


def _slow(pattern: str, longest: int) -> Words:
    return Words(
        f"的格式“{_short(pattern)}”用在最长 {longest} 字的内容上可能算不完，拖住所有人。"
        "请以^开头，不要重复括号中的内容，少用*、+、?，或给这一项设较小的maxLength。",
        f"has a pattern `{_short(pattern)}` that may never come to an end on a text of {longest} characters, and hold "
        "up everybody. Begin it with ^, repeat no group, use fewer of * + ?, or give the field a smaller maxLength.",
    )


def _outside(reference: str) -> Words:
    return Words(
        f"引用了外部内容“{_short(reference)}”，不予读取。请把所需内容写进表单。",
        f"refers to something outside, `{_short(reference)}`, which is not read. Write what it needs into the form.",
    )


def _finding(rule: str, key: str, words: Words) -> Finding:
    return Finding(f"schemas.{rule}", "error", key, f"表单“{key}”{words.zh} The form “{key}” {words.en}", key)
