"""Files of a matter: stored by their SHA-256 in a folder, named and typed in the database, noted on the chain.

What a file is, its first bytes say, never its name; kinds that are not on the list are refused. A file is complete
on disk before a row speaks of it, and one that no row speaks of harms nobody.
"""

import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from sqlalchemy import insert

from engine import casework, tables
from engine.directory import Actor
from engine.errors import Invalid
from engine.work import Work

LARGEST = 50 * 1024 * 1024
"""Bytes of a file, unless the installation says otherwise."""

CHUNK = 1024 * 1024
LARGEST_TEXT = 5 * 1024 * 1024
"""Bytes of a plain text; it is read as a whole to be sure of it."""

LARGEST_DIRECTORY = 1024 * 1024
"""Bytes that the list of parts of an office document may take; a longer one is no document but an attack."""

OFFICE = "application/vnd.openxmlformats-officedocument."
EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/webp": ("webp",),
    "application/pdf": ("pdf",),
    "video/mp4": ("mp4",),
    f"{OFFICE}wordprocessingml.document": ("docx",),
    f"{OFFICE}spreadsheetml.sheet": ("xlsx",),
    "text/plain": ("txt",),
}
"""What is taken, with the endings a name may have."""


class Kept(NamedTuple):
    """A file on disk."""

    sha256: str
    size: int
    media_type: str


class TooLarge(Invalid):
    """The file is larger than the installation takes."""

    status = 413


def keep(content: IO[bytes], folder: Path, largest: int = LARGEST) -> Kept:
    """Writes a file into the folder under its hash. Raises `TooLarge`, and `Invalid` for what is not on the list;
    then nothing stays."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".incoming-")
    try:
        with os.fdopen(handle, "w+b") as file:
            sha256, size = _copy(content, file, largest)
            media_type = sniff(file, size)
            file.flush()
            os.fsync(file.fileno())
        target = path(folder, sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(name, target)
        _sync(target.parent)
        return Kept(sha256, size, media_type)
    finally:
        Path(name).unlink(missing_ok=True)


def path(folder: Path, sha256: str) -> Path:
    """Where the file with this hash lies."""
    return folder / sha256[:2] / sha256[2:4] / sha256


def attach(work: Work, actor: Actor, case_id: int, kept: Kept, name: str) -> int:
    """Adds a stored file to a matter: a row and a record. Returns the attachment's id."""
    case = casework.take(work, case_id)
    row = {
        "case": case_id,
        **kept._asdict(),
        "name": safe_name(name, kept.media_type),
        "area": case.row["area"],
        "added_by": actor.person,
        "added_at": work.now,
    }
    added = insert(tables.attachment).returning(tables.attachment.c.id)
    id = int(work.connection.execute(added, row).scalar_one())
    case.note(actor, "attached", {"attachment": id, **kept._asdict()}, {"name": row["name"]})
    case.save()
    return id


def safe_name(name: str, media_type: str) -> str:
    """The last part of a name without what could mislead a reader or a file system, ending as its content says."""
    last = PurePosixPath(name.replace("\\", "/")).name
    clean = _MISLEADING.sub("", last).strip(" .") or "附件"
    endings = EXTENSIONS[media_type]
    fits = clean.rpartition(".")[2].lower() in endings
    return clean[-150:] if fits else f"{clean[:140]}.{endings[0]}"


_MISLEADING = re.compile(r'[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff<>:"/\\|?*]')
"""Controls, marks that turn the direction of writing, and what file systems forbid."""


def _copy(content: IO[bytes], file: IO[bytes], largest: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := content.read(CHUNK):
        size += len(chunk)
        if size > largest:
            raise TooLarge(
                "attachment.too-large",
                f"文件超过{largest // 1024 // 1024}MB，请压缩或拆分后再上传。",
                f"The file is larger than {largest // 1024 // 1024} MB: compress or split it.",
            )
        digest.update(chunk)
        file.write(chunk)
    if not size:
        raise Invalid("attachment.empty", "文件是空的，请重新选择。", "The file is empty: choose another.")
    return digest.hexdigest(), size


def _sync(folder: Path) -> None:
    """The name survives a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# -- what a file is ----------------------------------------------------------------------------------


def sniff(file: IO[bytes], size: int) -> str:
    """The media type that the content proves. Raises `Invalid` (`attachment.kind`) on anything else."""
    file.seek(0)
    head = file.read(64)
    found = next((media_type for is_it, media_type in KINDS if is_it(head)), None)
    if found is None and head.startswith(b"PK\x03\x04"):
        found = _office(file)
    if found is None and size <= LARGEST_TEXT and _is_text(file):
        found = "text/plain"
    if found is None:
        allowed = "、".join(endings[0] for endings in EXTENSIONS.values())
        raise Invalid(
            "attachment.kind",
            f"不接受这种文件，请上传：{allowed}。",
            f"This kind of file is not taken. Take one of: {allowed}.",
        )
    return found


MP4_BRANDS = frozenset({b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash"})

KINDS: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (lambda head: head.startswith(b"\xff\xd8\xff"), "image/jpeg"),
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), "image/png"),
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", "image/webp"),
    (lambda head: head.startswith(b"%PDF-"), "application/pdf"),
    (lambda head: head[4:8] == b"ftyp" and head[8:12] in MP4_BRANDS, "video/mp4"),
)


def _office(file: IO[bytes]) -> str | None:
    """An office document by the names of its parts, which are not unpacked; none with macros inside."""
    try:
        if _directory_size(file) > LARGEST_DIRECTORY:
            return None
        with zipfile.ZipFile(file) as archive:
            names = {one.filename for one in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
    if "[Content_Types].xml" not in names or any(name.lower().endswith("vbaproject.bin") for name in names):
        return None
    if "word/document.xml" in names:
        return f"{OFFICE}wordprocessingml.document"
    return f"{OFFICE}spreadsheetml.sheet" if "xl/workbook.xml" in names else None


def _directory_size(file: IO[bytes]) -> int:
    """Of a ZIP file, as its last record says (APPNOTE 4.3.16), before anything is read by it."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 65_557))
    tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    return int.from_bytes(tail[place + 12 : place + 16], "little") if place >= 0 else LARGEST_DIRECTORY + 1


_CONTROLS = bytes(set(range(32)) - {9, 10, 12, 13})
_MARKUP = re.compile(rb"<\s*(!doctype|html|script|svg|\?xml|iframe|body)", re.IGNORECASE)


def _is_text(file: IO[bytes]) -> bool:
    """Text in UTF-8 or GB 18030, without controls and without anything a browser might run."""
    file.seek(0)
    content = file.read()
    if content.translate(None, _CONTROLS) != content or _MARKUP.search(content):
        return False
    return _decodes(content, "utf-8") or _decodes(content, "gb18030")


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
