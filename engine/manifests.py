"""The manifest of a draft: which of its words are set for whoever draws, and what a draft may not take away from the
version it is based on. A place, where it applies and whether it is law are settled by texts, not by drawing.

Pure: files in, files or findings out.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from engine.errors import Finding
from engine.sources import PRODUCT, Files

MANIFEST = "manifest.json"

FIXED = ("place", "force")
"""What stays as it is in the version that a draft is based on."""

Json = Mapping[str, Any]


def read(files: Files) -> dict[str, Any] | None:
    """The manifest; None when there is none that could be read."""
    try:
        found = json.loads(files[MANIFEST].decode())
    except (KeyError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def settled(files: Files, *, key: str, area: str, base: str, day: date | None) -> Files:
    """The files with what nobody draws written into the manifest: key, area, base, and from when it is in force (only
    law ever is). Unchanged where the manifest cannot be read."""
    found = read(files)
    if found is None:
        return files
    told = day.isoformat() if day and found.get("force") == "law" else None
    ours = {"key": key, "area": area, "base": base, "in_force_from": told, "in_force_to": None, "superseded_by": None}
    text = json.dumps({**found, **ours}, ensure_ascii=False, indent=2)
    return {**files, MANIFEST: f"{text}\n".encode()}


def begins_at_the_earliest(files: Files) -> date | None:
    """The first day on which all laws of the manifest are in force; None where none says when."""
    days = (_day(law.get("in_force_from")) for law in _laws(read(files) or {}).values())
    return max((day for day in days if day), default=None)


def _day(told: object) -> date | None:
    try:
        return date.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None


# -- nothing is taken away ---------------------------------------------------------------------------


def weakened(base: Files, draft: Files) -> list[Finding]:
    """What a draft would take away from its base, each an error: `draft.fixed` (place or force changed),
    `draft.law-dropped`, `draft.part-dropped` (something shared that is not drawn instead), `draft.product-file` (a
    file of the product that is another one, or gone though it is still needed)."""
    was, now = read(base) or {}, read(draft)
    if now is None:
        return []
    laws = [*_dropped_laws(was, now), *_undated_laws(was, now)]
    return [*_fixed(was, now), *laws, *_dropped_parts(was, now, draft), *_altered(base, draft)]


def _fixed(was: Json, now: Json) -> Iterator[Finding]:
    for name in FIXED:
        if now.get(name) != was.get(name):
            yield _fault(
                "draft.fixed",
                name,
                f"“{name}”不能由“{was.get(name)}”改为“{now.get(name)}”：这由法规和所基于的版本决定，请改回。",
                f"“{name}” cannot change from “{was.get(name)}” to “{now.get(name)}”: texts settle that. Put it back.",
            )


def _dropped_laws(was: Json, now: Json) -> Iterator[Finding]:
    kept = _laws(now)
    for key, law in _laws(was).items():
        if key not in kept:
            title = law.get("title", {}).get("zh", key)
            yield _fault(
                "draft.law-dropped",
                key,
                f"不能去掉法规“{title}”（{key}）：各版本都受其约束，请把它放回“laws”。",
                f"The law “{key}” cannot be left out: it binds every version. Put it back into “laws”.",
            )
        elif kept[key] != law:
            yield _fault(
                "draft.law-changed",
                key,
                f"法规“{key}”的名称、效力和施行日期不能改动，请改回。",
                f"What the manifest says of the law “{key}” cannot change: put it back.",
            )


def _undated_laws(was: Json, now: Json) -> Iterator[Finding]:
    known = _laws(was)
    for key, law in _laws(now).items():
        if key not in known and now.get("force") == "law" and _day(law.get("in_force_from")) is None:
            yield _fault(
                "draft.law-undated",
                key,
                f"法规“{key}”没有写明施行日期，请按“2026-01-01”的格式填写“in_force_from”。",
                f"The law “{key}” does not say when it came into force: give “in_force_from” like 2026-01-01.",
            )


def _dropped_parts(was: Json, now: Json, draft: Files) -> Iterator[Finding]:
    """Shared procedures and registers may be drawn by the place itself instead, under the same name."""
    for name in sorted(set(_texts(was, "shared")) - set(_texts(now, "shared"))):
        stem = name.partition("/")[0]
        again = any(other.partition("/")[0] == stem for other in _texts(now, "shared"))
        if not again and f"procedures/{stem}/procedure.json" not in draft:
            yield _dropped("shared", name, f"procedures/{stem}/")
    for name in sorted(set(_texts(was, "registries")) - set(_texts(now, "registries"))):
        stem = name.rpartition("/")[2]
        again = any(other.rpartition("/")[2] == stem for other in _texts(now, "registries"))
        if not again and f"registries/{stem}.json" not in draft:
            yield _dropped("registries", name, f"registries/{stem}.json")


def _dropped(field: str, name: str, instead: str) -> Finding:
    return _fault(
        "draft.part-dropped",
        name,
        f"不能去掉“{field}”中的“{name}”：请放回，或在“{instead}”中自行绘制。",
        f"“{name}” cannot be left out of “{field}”: put it back, or draw your own in “{instead}”.",
    )


def _altered(base: Files, draft: Files) -> Iterator[Finding]:
    for path in sorted({*base, *draft}):
        if path.startswith(PRODUCT) and path in base and draft.get(path) != base[path]:
            yield Finding(
                "draft.product-file",
                "error",
                "",
                f"“{path}”随产品提供，与所基于的版本不同，请恢复。 "
                f"“{path}” comes with the product and differs from the base: restore it.",
                file=path,
            )


def _laws(manifest: Json) -> dict[str, Any]:
    given = manifest.get("laws", [])
    laws = given if isinstance(given, list) else []
    return {str(law["key"]): law for law in laws if isinstance(law, dict) and "key" in law}


def _texts(manifest: Json, field: str) -> list[str]:
    given = manifest.get(field, [])
    return [name for name in given if isinstance(name, str)] if isinstance(given, list) else []


def _fault(rule: str, element: str, zh: str, en: str) -> Finding:
    return Finding(rule, "error", element, f"{zh} {en}", file=MANIFEST)


# -- files by what they are --------------------------------------------------------------------------


def kind(path: str) -> str:
    """What a file of a pack is: diagram, table, limits, form, case or other."""
    if path.endswith(".bpmn"):
        return "diagram"
    if path.endswith(".dmn"):
        return "table"
    if path == "limits.json":
        return "limits"
    folder = path.rpartition("/")[0].rpartition("/")[2]
    return {"forms": "form", "cases": "case"}.get(folder, "other")
