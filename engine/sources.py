"""What a pack is made of: its files, by path. Read from a folder, or from the database by the hash of each.

A pack's own files stand under their names (`matter.bpmn`, `forms/triage.json`). What it takes from the product stands
under `shared/` (parts that several packs call, each with a version) and `rules/` (what a law demands of diagrams):
nobody who draws a process changes those.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from engine import tables
from engine.errors import Finding, Invalid

Files = Mapping[str, bytes]
"""Contents by path, relative to the pack, with `/`."""

Manifest = Mapping[str, str]
"""SHA-256 of the content by path."""

KINDS = frozenset({".bpmn", ".dmn", ".json"})
SHARED = "shared/"
RULES = "rules/"
PRODUCT = (SHARED, RULES)
"""Where those files stand that come with the product."""


def read(folder: Path) -> dict[str, bytes]:
    """The files of a pack: those of its folder, and those of the product that its manifest names. Raises `Invalid`
    when there is no manifest, or it names something that is not there."""
    own = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _within(folder)}
    return own | of_product(own, folder.parents[1])


def of_product(own: Files, root: Path) -> dict[str, bytes]:
    """What the manifest of these files names of the product, read from where its packs are."""
    manifest = read_json(own, "manifest.json")
    found = dict[str, bytes]()
    for folder in _named_folders(manifest):
        if not (root / folder).is_dir():
            raise _missing(folder)
        found |= {path.relative_to(root).as_posix(): path.read_bytes() for path in _within(root / folder)}
    for name in manifest.get("registries", []):
        found |= _one(root, f"{SHARED}registries/{name}.json")
    for law in [*(law["key"] for law in manifest.get("laws", [])), "product"]:
        if (root / RULES / f"{law}.json").exists():
            found |= _one(root, f"{RULES}{law}.json")
    return found


def _named_folders(manifest: Mapping[str, Any]) -> set[str]:
    """`shared/<name>/<version>` of each part that the manifest calls or begins."""
    called = (file.rpartition("/")[0] for file in manifest.get("processes", {}).values() if file.startswith(SHARED))
    return {*called, *(f"{SHARED}{name}" for name in manifest.get("shared", []))}


def _within(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix in KINDS and path.is_file())


def _one(root: Path, path: str) -> dict[str, bytes]:
    try:
        return {path: (root / path).read_bytes()}
    except FileNotFoundError as error:
        raise _missing(path) from error


def read_json(files: Files, path: str) -> Any:
    """The content of a JSON file. Raises `Invalid` naming the file when it is not there or no JSON."""
    if path not in files:
        raise _missing(path)
    try:
        return json.loads(files[path].decode())
    except (ValueError, RecursionError) as error:
        raise Invalid(
            "pack.unreadable",
            f"文件“{path}”不是有效的JSON：{error}",
            f"The file “{path}” is not valid JSON: {error}",
            [_unreadable(path, error)],
        ) from error


def _unreadable(path: str, error: Exception) -> Finding:
    words = f"文件“{path}”不是有效的JSON：{error}。 The file “{path}” is not valid JSON: {error}."
    return Finding("pack.unreadable", "error", "", words, file=path)


def under(files: Files, folder: str, suffix: str) -> list[str]:
    """The paths of the files that lie directly in a folder (`forms/`; empty: the pack's own) and end so, in order."""
    return sorted(
        path for path in files if path.startswith(folder) and path.endswith(suffix) and "/" not in path[len(folder) :]
    )


def stem(path: str) -> str:
    """The name of a file without folder and ending."""
    return path.rpartition("/")[2].partition(".")[0]


def _missing(path: str) -> Invalid:
    name = path.rpartition("/")[2] if "/" not in path else path
    return Invalid("pack.incomplete", f"流程包缺少文件“{name}”。", f"The pack lacks the file “{name}”.")


# -- in the database ---------------------------------------------------------------------------------


def hashed(content: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def keep(connection: Connection, files: Files) -> dict[str, str]:
    """Stores what is not yet stored; the hash of each file."""
    manifest = {path: hashed(content) for path, content in sorted(files.items())}
    contents = {manifest[path]: content for path, content in files.items()}
    column = tables.source.c
    known = set(connection.execute(select(column.hash).where(column.hash.in_(contents))).scalars())
    rows = [{"hash": hash, "content": content} for hash, content in contents.items() if hash not in known]
    if rows:
        connection.execute(insert(tables.source), rows)
    return manifest


def load(connection: Connection, manifest: Manifest) -> dict[str, bytes]:
    """The files with these hashes. Raises `Invalid` when one is not there, or is not what its hash says."""
    column = tables.source.c
    query = select(column.hash, column.content).where(column.hash.in_(set(manifest.values())))
    contents = {row.hash: bytes(row.content) for row in connection.execute(query)}
    for path, hash in manifest.items():
        if hash not in contents or hashed(contents[hash]) != hash:
            raise Invalid(
                "source.altered",
                f"文件“{path}”的内容缺失或与其摘要不符，请从备份恢复数据库后再试。",
                f"The file “{path}” is missing or does not match its hash: restore the database from a backup.",
            )
    return {path: contents[hash] for path, hash in manifest.items()}
