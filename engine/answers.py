"""Answers given once: the same `Idempotency-Key` of the same person is answered the same again, and nothing is done
twice. The answer is stored in the transaction of the act, so there is never one without the other."""

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine import tables
from engine.errors import Invalid
from engine.model import decode, encode, encode_sorted
from engine.work import Work

LONGEST = 120
"""Characters of a key, at most."""

_answer = tables.answer.c


def digest(verb: str, post: str, where: str, given: Mapping[str, Any]) -> str:
    """What a request asks for: verb, post, address and content, whatever the order of its fields."""
    return hashlib.sha256(encode_sorted([verb, post, where, given])).hexdigest()


def begin(work: Work, key: str, person: str, asked: str) -> dict[str, Any] | None:
    """Takes the key, or gives what it was answered before. Who comes second with it waits for the first to end.

    Raises `Invalid` when the key stands for another request.
    """
    if len(key) > LONGEST:
        raise Invalid(
            "request.key-length",
            f"Idempotency-Key 不得超过{LONGEST}个字符。",
            f"An Idempotency-Key has at most {LONGEST} characters.",
        )
    row = {"key": key, "person": person, "digest": asked, "body": "null", "at": work.now}
    put = (postgresql if work.connection.dialect.name == "postgresql" else sqlite).insert(tables.answer)
    taken = put.values(row).on_conflict_do_nothing().returning(_answer.key)
    if work.connection.execute(taken).first() is not None:
        return None
    found = work.connection.execute(
        select(_answer.digest, _answer.body).where(_answer.key == key, _answer.person == person)
    ).one()
    if found.digest != asked:
        raise Invalid(
            "request.key-reused",
            "此 Idempotency-Key 已用于另一项操作，请换一个新的再提交。",
            "This Idempotency-Key stands for another request: use a new one.",
        )
    return decode(found.body, dict[str, Any])


def keep(work: Work, key: str, person: str, answer: Mapping[str, Any]) -> None:
    """Stores what was answered."""
    mine = update(tables.answer).where(_answer.key == key, _answer.person == person)
    work.connection.execute(mine.values(body=encode(answer).decode()))
