"""Whether each waiver of a pack stands: `waivers.json` sets aside what the place itself has ruled, and says who did so,
why and by which document.

What the law says binds the place, and what the product or a draft says blocks nothing: neither can be waived. `law`
asks here which rules are set aside; publication writes them into the records.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from engine.errors import Finding, Words
from engine.library import Pack

SAID = ("rule", "name", "reason", "document", "day")
"""What every waiver must say."""

FORCES: Mapping[str, Words] = {
    "law": Words("法规的规则", "a rule of law"),
    "draft": Words("草案的规则，本来只作提示", "a draft's rule, which is advice anyway"),
    "product": Words("产品的规则，本来不妨碍发布", "a product rule, which blocks nothing anyway"),
}


class Waiver(NamedTuple):
    """Which rule is set aside, by whom, why, by which document and on which day."""

    rule: str
    name: str
    reason: str
    document: str
    day: str


def check(pack: Pack | None) -> list[Finding]:
    """Errors, and such a waiver sets nothing aside: `waivers.incomplete` where something is not said,
    `waivers.unknown-rule` and `waivers.not-local` where the rule is not there, or not the place's own."""
    if pack is None:
        return []
    return [fault for entry in _entries(pack) if (fault := _fault(entry, pack)) is not None]


def standing(pack: Pack) -> dict[str, Waiver]:
    """The waivers that hold, by rule."""
    held = [entry for entry in _entries(pack) if _fault(entry, pack) is None]
    return {entry["rule"]: Waiver(*(entry[name] for name in SAID)) for entry in held}


def _entries(pack: Pack) -> Iterator[dict[str, Any]]:
    given = pack.settings.get("waivers", [])
    for entry in given if isinstance(given, list) else [given]:
        yield entry if isinstance(entry, dict) else {}


def _fault(entry: Mapping[str, Any], pack: Pack) -> Finding | None:
    missing = [name for name in SAID if not _is_said(name, entry.get(name))]
    if missing:
        return _incomplete(entry, missing)
    rules = pack.settings.get("rules", ())
    forces = {rule.get("force") for rule in rules if rule.get("key") == entry["rule"]}
    foreign = [words for force, words in FORCES.items() if force in forces]
    if foreign:
        return _not_local(entry["rule"], foreign[0])
    return None if forces else _unknown(entry["rule"])


def _is_said(name: str, value: Any) -> bool:
    said = isinstance(value, str) and bool(value.strip())
    return said and (name != "day" or _is_day(value))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


# -- words -------------------------------------------------------------------------------------------


def _incomplete(entry: Mapping[str, Any], missing: list[str]) -> Finding:
    rule = str(entry.get("rule") or "")
    told = "、".join(missing)
    return Finding(
        "waivers.incomplete",
        "error",
        rule,
        f"waivers.json：对规则“{rule}”的免除没有写明{told}（rule规则、name免除人、reason理由、document文件、"
        "day日期如2026-01-31）。请补全。 "
        f"waivers.json: the waiver of “{rule}” lacks {', '.join(missing)} (rule, name, reason, document, and day such "
        "as 2026-01-31). Complete it.",
    )


def _unknown(rule: str) -> Finding:
    return Finding(
        "waivers.unknown-rule",
        "error",
        rule,
        f"waivers.json：本流程包没有规则“{rule}”，无从免除。请核对规则的key，或删除这条免除。 "
        f"waivers.json: the pack has no rule “{rule}” to waive. Check the rule's key, or delete the waiver.",
    )


def _not_local(rule: str, force: Words) -> Finding:
    return Finding(
        "waivers.not-local",
        "error",
        rule,
        f"waivers.json：“{rule}”是{force.zh}，不能免除；只有本级规定（rules.json中force为local）可以免除。"
        "请删除这条免除。 "
        f"waivers.json: “{rule}” is {force.en} and cannot be waived; only a place's own rule can (rules.json, force "
        "local). Delete the waiver.",
    )
