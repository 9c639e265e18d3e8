"""What must not be written into the system, and what stays out of lists: the look at a matter before it is kept.

A state secret never goes in (ZJ-12.2, JS-17(1), X3-17, LZ-17(1)). Of a type that is `pointer_only` (state security,
ZJ-15) only a pointer to where the material is kept goes in: that no more is kept here is a reading. The title of a
matter that is of a class as a whole stands in no list.
"""

from collections.abc import Mapping
from typing import Any

from engine import access
from engine.errors import Invalid, Refused
from engine.library import Pack

POINTER = "pointer"
RESTRICTED = "restricted"
"""The class of a matter of which only a pointer is kept."""

WORDS = "（内容另行保管，见材料存放处）"
"""What stands in a field that has to be filled where nothing may be told."""


def screened(pack: Pack, form: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer as it may be kept. Raises `Refused` for what must not be, `Invalid` where the pointer is missing."""
    about = access.classes(pack).get(str(answer.get(access.SECRECY, "")), {})
    if not about.get("kept", True):
        raise Refused(
            "intake.state-secret",
            f"{about['zh']}不得录入本系统，本次填写的内容没有保存，请按保密规定的渠道报送。",
            f"A {about['en'].lower()} must not be entered here, and nothing was kept: use the channel meant for it.",
            article=about.get("basis", ""),
        )
    if pack.items.get(str(answer.get("matter_type", "")), {}).get("pointer_only"):
        return _pointer_only(pack, form, answer)
    return dict(answer)


def title(pack: Pack, answer: Mapping[str, Any]) -> str:
    """What stands in lists: the title, or only of what class the matter is."""
    about = access.classes(pack).get(str(answer.get(access.SECRECY, "")))
    return f"（{about['zh']}）" if about else str(answer.get("title", ""))


def without_words(form: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer without anything that somebody wrote freely."""
    return {name: value for name, value in answer.items() if not _is_words(form["properties"].get(name, {}))}


def _pointer_only(pack: Pack, form: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    plain = without_words(form, answer)
    told = sorted(answer.keys() - plain.keys() - {POINTER})
    if told:
        titles = "、".join(form["properties"][name]["title"] for name in told)
        raise Refused(
            "intake.pointer-only",
            f"此类事项在本系统只留材料存放处，请清空：{titles}。",
            f"Of this type only a pointer to the material is kept here: leave empty {', '.join(told)}.",
            article=access.classes(pack).get(RESTRICTED, {}).get("basis", ""),
        )
    if not str(answer.get(POINTER, "")).strip():
        raise Invalid("intake.no-pointer", "请填写材料存放处。", "Say where the material is kept.")
    wanted = {name for name in form["required"] if _is_words(form["properties"][name])}
    return {**plain, **dict.fromkeys(wanted, WORDS), POINTER: answer[POINTER], access.SECRECY: RESTRICTED}


def _is_words(field: Mapping[str, Any]) -> bool:
    """Whether a field takes free words or files: neither a choice nor a moment."""
    free = field.get("x-wangge") == "record" and field.get("type") in ("string", "array")
    return free and "enum" not in field and "format" not in field and not field.get("readOnly")
