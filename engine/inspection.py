"""The four properties of an archive package (X3-21; modelled on DA/T 70): is it authentic, complete, usable, safe?

Looks at the files of a package alone (see `archive.py`), without the database they come from, so that whoever receives
one can inspect it as well: `wangge inspect FOLDER`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine import attachments, bpmn, records
from engine.definition import Definition
from engine.errors import Finding, Refused, Words
from engine.model import Value, decode, encode_sorted
from engine.records import Line, Said

Files = Mapping[str, bytes]

PROPERTIES: Mapping[str, Words] = {
    "authenticity": Words("真实性", "authenticity"),
    "completeness": Words("完整性", "completeness"),
    "usability": Words("可用性", "usability"),
    "security": Words("安全性", "security"),
}
NAMES = ("case.json", "records.jsonl", "said.json", "attachments.json", "definition.json", "definition.bpmn")
"""The files a package always has, beside its manifest."""

TELLING = 6
"""Characters from which on words tell more than chance would."""


class Inspection(Value, frozen=True):
    """What was found under each property; a property without findings holds."""

    good: bool
    properties: dict[str, tuple[Finding, ...]]


def inspect(files: Files) -> Inspection:
    """Inspects a package. Never raises: what cannot be read is a finding."""
    missing = [name for name in (*NAMES, "manifest.json") if name not in files]
    if missing:
        found = dict.fromkeys(PROPERTIES, ()) | {"completeness": tuple(_missing(name) for name in missing)}
        return Inspection(False, found)
    found = {key: tuple(_guarded(look, files)) for key, look in LOOKS.items()}
    return Inspection(not any(found.values()), found)


def _guarded(look: Callable[[Files], Iterator[Finding]], files: Files) -> Iterator[Finding]:
    try:
        yield from look(files)
    except (ValueError, KeyError, TypeError) as error:
        yield _fault("unreadable", "", f"有文件无法读取（{error}）。", f"a file cannot be read ({error}).")


# -- each property -----------------------------------------------------------------------------------


def authentic(files: Files) -> Iterator[Finding]:
    """Every record is as it was hashed, links to the one before, and leads to the end that the case kept; what was said
    is what was sealed; the definition is the one the case ran on."""
    case = json.loads(files["case.json"])
    faults, end = records.examine(_subject(files), _lines(files), _said(files))
    yield from faults
    if end.hash != case["head"]:
        yield _fault(
            "end", "records.jsonl", "最后一条记录不是事项所记的末条。", "the chain does not end where the case says."
        )
    if hashlib.sha256(files["definition.json"]).hexdigest() != case["definition"]:
        yield _fault("definition", "definition.json", "流程版本与事项所记不符。", "not the definition the case ran on.")


def complete(files: Files) -> Iterator[Finding]:
    """Every file that the manifest names is there with its size and hash, no other; and as many records as counted."""
    listed = json.loads(files["manifest.json"])["files"]
    for name in sorted({*listed, *files} - {"manifest.json", "inspection.json"}):
        content, told = files.get(name), listed.get(name)
        if content is None:
            yield _missing(name)
        elif told is None:
            yield _fault("unlisted", name, "不在清单内。", "is not in the manifest.")
        elif (len(content), hashlib.sha256(content).hexdigest()) != (told["size"], told["sha256"]):
            yield _fault(
                "changed", name, "与清单所记的大小或摘要不符。", "differs from its size or hash in the manifest."
            )
    case, count = json.loads(files["case.json"]), len(_lines(files))
    if count != case["records"]:
        yield _fault(
            "records",
            "records.jsonl",
            f"应有{case['records']}条记录，实有{count}条。",
            f"{case['records']} records, not {count}.",
        )
    for one in json.loads(files["attachments.json"]):
        if f"attachments/{one['sha256']}" not in files:
            yield _missing(f"attachments/{one['sha256']} ({one['name']})")


def usable(files: Files) -> Iterator[Finding]:
    """Everything can be read; the drawing is sound BPMN; the records replay to the end of the case."""
    json.loads(files["attachments.json"])
    for finding in bpmn.read(files["definition.bpmn"]).findings:
        if finding.rule.startswith("xml."):
            yield _fault("drawing", "definition.bpmn", finding.message, "cannot be read.")
    try:
        state = records.fold(decode(files["definition.json"], Definition), _lines(files))
    except Refused as refusal:
        yield _fault("replay", "records.jsonl", refusal.words.zh, refusal.words.en)
        return
    if state.status not in ("ended", "cancelled"):
        yield _fault("open", "records.jsonl", "记录没有推演到办结。", "the records do not lead to an end.")


def secure(files: Files) -> Iterator[Finding]:
    """Archived after the end; nothing that people said stands in the chain, where it could not be erased; attachments
    only of the kinds that are taken in."""
    case = json.loads(files["case.json"])
    if not case["closed_at"]:
        yield _fault("not-closed", "case.json", "事项尚未办结。", "the case is not closed.")
    chain = files["records.jsonl"].decode()
    for fields in _said(files).values():
        for one in fields.values():
            text = json.loads(one.value) if one.value else None
            if isinstance(text, str) and _tells(text) and encode_sorted(text).decode()[1:-1] in chain:
                yield _fault("said-in-chain", one.field, "的内容出现在记录链中。", "stands in the chain of records.")
    for one in json.loads(files["attachments.json"]):
        if one["media_type"] not in attachments.EXTENSIONS:
            yield _fault("media-type", one["name"], "不是允许的文件类型。", "is not of a kind that is taken in.")


def _tells(text: str) -> bool:
    """Whether these are somebody's words: not an identifier, a choice or a moment."""
    return len(text) >= TELLING and not (text.isascii() and " " not in text)


LOOKS: Mapping[str, Callable[[Files], Iterator[Finding]]] = {
    "authenticity": authentic,
    "completeness": complete,
    "usability": usable,
    "security": secure,
}


# -- reading -----------------------------------------------------------------------------------------


def _subject(files: Files) -> str:
    first = files["records.jsonl"].split(b"\n", 1)[0].partition(b" ")[2]
    return str(json.loads(first)["subject"])


def _lines(files: Files) -> list[Line]:
    found = []
    for text in files["records.jsonl"].decode().splitlines():
        hash, _, body = text.partition(" ")
        told = json.loads(body)
        found.append(Line(told["subject"], told["number"], hash, body, told["area"]))
    return found


def _said(files: Files) -> dict[int, dict[str, Said]]:
    found: dict[int, dict[str, Said]] = {}
    for one in json.loads(files["said.json"]):
        salt = bytes.fromhex(one["salt"]) if one["salt"] else None
        found.setdefault(one["number"], {})[one["field"]] = Said(one["field"], salt, one["value"], _erased(one))
    return found


def _erased(one: Mapping[str, Any]) -> Any:
    """Anything but None: it was erased lawfully."""
    return None if one["salt"] else True


def _missing(name: str) -> Finding:
    return _fault("missing", name, "缺失。", "is missing.")


def _fault(rule: str, element: str, zh: str, en: str) -> Finding:
    return Finding(f"archive.{rule}", "error", element, f"{element}{zh} {element} {en}")
