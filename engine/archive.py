"""What a case leaves behind: a folder that can be read and checked without this engine.

case.json            number, dates, status, pack, hash of the definition
records.jsonl        the chain, each record byte for byte as it was hashed, one per line
said.json            what people said, by record number and field, with the salts; erased values are null
definition.json      the compiled definition that the records replay over;  definition.bpmn: as it was drawn
attachments.json     names, sizes and hashes of attachments
attachments/<hash>   the attachments themselves, where they are at hand
manifest.json        every file with its size and SHA-256
inspection.json      what `inspection.py` said of the package when it was made
"""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine import inspection, tables
from engine.model import encode_sorted
from engine.work import Work


def package(work: Work, case_id: int, content: Callable[[str], bytes] | None = None) -> dict[str, bytes]:
    """The files of a case's archive, by name; the manifest and the inspection come last. `content` gives an attachment
    by its SHA-256."""
    case = work.connection.execute(select(tables.case).where(tables.case.c.id == case_id)).mappings().one()
    drawn = tables.definition.c
    definition = work.connection.execute(
        select(drawn.compiled, drawn.xml).where(drawn.hash == case["definition"])
    ).one()
    subject = f"case/{case_id}"
    files = {
        "case.json": encode_sorted({name: _plain(case[name]) for name in DESCRIBED}),
        "records.jsonl": _records(work, subject),
        "said.json": encode_sorted(_said(work, subject)),
        "attachments.json": encode_sorted(_attachments(work, case_id)),
        "definition.json": definition.compiled,
        "definition.bpmn": definition.xml,
    }
    if content is not None:
        files |= {f"attachments/{one['sha256']}": content(one["sha256"]) for one in _attachments(work, case_id)}
    files["manifest.json"] = encode_sorted(_manifest(files))
    return {**files, "inspection.json": encode_sorted(inspection.inspect(files))}


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Writes a package into a folder, the manifest last: a folder without one is not finished."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def read(folder: Path) -> dict[str, bytes]:
    """The files of a package, by name."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


DESCRIBED = (
    "number",
    "pack",
    "definition",
    "area",
    "unit",
    "matter_type",
    "way_in",
    "outcome",
    "status",
    "discovered_at",
    "opened_at",
    "closed_at",
    "head",
    "records",
)
"""What of the row belongs to the archive: nothing that only the running engine needs."""


def _records(work: Work, subject: str) -> bytes:
    record = tables.record.c
    query = select(record.hash, record.body).where(record.subject == subject).order_by(record.number)
    return b"".join(f"{row.hash} {row.body}\n".encode() for row in work.connection.execute(query))


def _said(work: Work, subject: str) -> list[dict[str, Any]]:
    said = tables.payload.c
    query = select(said.number, said.field, said.salt, said.value).where(said.subject == subject)
    return [
        {
            "number": row.number,
            "field": row.field,
            "salt": row.salt.hex() if row.salt else None,
            "value": row.value,
        }
        for row in work.connection.execute(query.order_by(said.number, said.field))
    ]


def _attachments(work: Work, case_id: int) -> list[dict[str, Any]]:
    kept = tables.attachment.c
    query = select(kept.name, kept.media_type, kept.size, kept.sha256).where(kept.case == case_id).order_by(kept.id)
    return [dict(row) for row in work.connection.execute(query).mappings()]


def _manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "format": 1,
        "files": {n: {"size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in files.items()},
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
