"""Signatures of this installation: what it says with a key that only its server has (a published version, the report of
a migration), anybody can check with the public key kept in the database.

What is signed is canonical JSON (RFC 8785), and the algorithm is named in the signature, so that another one can take
its place behind `ALGORITHMS`. The private key is a file of its own (`WANGGE_SIGNING_KEY`), readable by its owner alone:
whoever can write the database but not read that file cannot sign with it. Keep a copy of the public key elsewhere: who
can write the database can also put another public key into it.
"""

import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, insert, select

from engine import records, tables
from engine.errors import Unavailable, Words
from engine.model import Value, decode, encode, plain
from engine.records import Entry
from engine.work import Work

SETTING = "signing_key/"
"""Before the id of a key: in the table of settings, and as the subject of its chain."""


class Signature(Value, frozen=True):
    """What was said, and the proof: `signature` (base64) of the canonical form of `signed`."""

    algorithm: str
    key: str
    signed: dict[str, Any]
    signature: str


class PublicKey(Value, frozen=True):
    """A key that this installation has signed with; `public` in base64, as its algorithm writes it."""

    algorithm: str
    public: str


def sign(work: Work, what: Mapping[str, Any]) -> str:
    """Signs plain data: a `Signature` as JSON. The key is made at first use. Raises `Unavailable` when the installation
    has no place for a key, or it cannot be read."""
    key = _key(work.signing_key)
    public = key.public_key().public_bytes_raw()
    id = sha256(public).hexdigest()[:32]
    _make_known(work, id, PublicKey("ed25519", b64encode(public).decode()))
    proof = b64encode(key.sign(records.canonical(dict(what)))).decode()
    return encode(Signature("ed25519", id, dict(what), proof)).decode()


def fault(connection: Connection, signature: str, expected: Mapping[str, Any]) -> Words | None:
    """What is wrong with a signature, or with what it says where something else is expected; None: nothing."""
    try:
        given = decode(signature, Signature)
    except ValueError:
        return Words("签名无法读取", "the signature cannot be read")
    key = known_key(connection, given.key)
    if key is None:
        return Words(f"签名所用的密钥“{given.key}”未登记", f"the key “{given.key}” is not known")
    if key.algorithm != given.algorithm or given.algorithm not in ALGORITHMS:
        return Words(
            f"签名算法“{given.algorithm}”不能验证", f"the algorithm “{given.algorithm}” cannot be checked here"
        )
    if not _proves(given, key):
        return Words("签名与所签内容不符", "the signature does not fit what was signed")
    other = [name for name, value in expected.items() if given.signed.get(name) != value]
    if other:
        names = "、".join(other)
        return Words(f"所签内容的“{names}”与现有的不同", f"it was signed for another “{', '.join(other)}”")
    return None


def known_key(connection: Connection, id: str) -> PublicKey | None:
    """The public key with this id, if its id fits it."""
    setting = tables.setting.c
    found = connection.execute(select(setting.value).where(setting.key == f"{SETTING}{id}")).scalar()
    with suppress(ValueError):
        key = decode(found or "", PublicKey)
        if sha256(b64decode(key.public)).hexdigest()[:32] == id:
            return key
    return None


def _proves(given: Signature, key: PublicKey) -> bool:
    try:
        return ALGORITHMS[given.algorithm](
            b64decode(key.public), b64decode(given.signature), records.canonical(given.signed)
        )
    except ValueError:
        return False


def _ed25519(public: bytes, signature: bytes, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except InvalidSignature:
        return False
    return True


ALGORITHMS: Mapping[str, Callable[[bytes, bytes, bytes], bool]] = {"ed25519": _ed25519}
"""Whether a signature over data fits a public key, by the name of the algorithm."""


# -- the keys ----------------------------------------------------------------------------------------


def _make_known(work: Work, id: str, key: PublicKey) -> None:
    """The public key stands in the database, and on record, before anything is signed with it."""
    subject = f"{SETTING}{id}"
    if records.head(work.connection, subject) != records.GENESIS:
        return
    work.connection.execute(insert(tables.setting), {"key": subject, "value": encode(key).decode()})
    work.record(subject, [Entry("signing-key-made", detail=plain(key))], "/")


def _key(path: Path | None) -> Ed25519PrivateKey:
    if path is None:
        raise Unavailable(
            "signing.no-key",
            "本安装没有设置签名密钥的位置，请设置 WANGGE_SIGNING_KEY 后再试。",
            "This installation has no place for its signing key: set WANGGE_SIGNING_KEY and try again.",
        )
    try:
        return _read(path) if path.exists() else _made(path)
    except (OSError, ValueError) as error:
        raise Unavailable(
            "signing.key-unreadable",
            f"签名密钥文件“{path}”不能读写，请检查该文件和权限。",
            f"The file of the signing key, “{path}”, cannot be read or written: check it and its permissions.",
        ) from error


def _read(path: Path) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("another kind of key")
    return key


def _made(path: Path) -> Ed25519PrivateKey:
    """Makes the key, whole or not at all; if somebody else was first, theirs counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink()
    return _read(path)
