"""Who signs in: accounts with passwords (argon2id) and sessions with bearer tokens.

Only the hash of a token is stored. A wrong password, an unknown login and a locked account get one answer, after
the same time; too many wrong passwords in a row lock the account for a while.
"""

import hashlib
import secrets
import time
from datetime import datetime
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, insert, select, update

from engine import tables
from engine.errors import Invalid
from engine.work import Engine, Work
from web.problems import Unauthenticated
from web.settings import Settings

HASHER = PasswordHasher()
NOBODY = HASHER.hash(secrets.token_urlsafe(16))
"""Checked against where there is no account, so that this takes as long."""

SHORTEST = 10
"""Characters of a password, at least (NIST SP 800-63B asks for 8)."""

_account, _session = tables.account.c, tables.session.c


class Session(NamedTuple):
    """A session that holds: whose it is, until when, and the hash it is stored under."""

    person: str
    expires_at: datetime
    token_hash: str


def create_account(work: Work, login: str, person: str, password: str) -> None:
    """Gives a person a login. Raises `Invalid` when it is taken or the password too short."""
    _check_password(password)
    if work.connection.execute(select(_account.login).where(_account.login == login)).first() is not None:
        raise Invalid(
            "account.taken", f"登录名“{login}”已被使用，请另选。", f"The login “{login}” is taken: choose another."
        )
    row = {"login": login, "person": person, "password": HASHER.hash(password), "failed": 0, "created_at": work.now}
    work.connection.execute(insert(tables.account), row)


def set_password(work: Work, login: str, password: str) -> None:
    """A new password: unlocks the account and ends all sessions of its person."""
    _check_password(password)
    values = {"password": HASHER.hash(password), "failed": 0, "locked_until": None}
    work.connection.execute(update(tables.account).where(_account.login == login), values)
    owner = select(_account.person).where(_account.login == login).scalar_subquery()
    work.connection.execute(delete(tables.session).where(_session.person == owner))


def sign_in(engine: Engine, settings: Settings, login: str, password: str) -> tuple[str, Session]:
    """A new session and its token, which is nowhere else. Raises `Unauthenticated`, whatever was wrong."""
    begun = time.monotonic()
    with engine.look() as work:
        row = work.connection.execute(select(tables.account).where(_account.login == login)).first()
        locked = row is not None and row.locked_until is not None and row.locked_until > work.now
    right = _matches(row.password if row else NOBODY, password)
    with engine.work() as work:
        if row is not None and right and not locked:
            return _begin(work, settings, login, row.person)
        if not locked:
            _count_failure(work, settings, login)
    time.sleep(max(0.0, settings.refusal_seconds - (time.monotonic() - begun)))
    minutes = int(settings.lock_length.total_seconds() // 60)
    raise Unauthenticated(
        "session.refused",
        f"登录名或密码不正确；连续{settings.lock_after}次不正确将暂停登录{minutes}分钟。",
        f"Login or password is wrong. After {settings.lock_after} wrong ones signing in rests for {minutes} minutes.",
    )


def find(work: Work, token: str) -> Session | None:
    """The session of a token, if it holds."""
    wanted = _hash(token)
    row = work.connection.execute(select(tables.session).where(_session.token_hash == wanted)).first()
    if row is None or row.expires_at <= work.now:
        return None
    return Session(row.person, row.expires_at, wanted)


def sign_out(work: Work, session: Session) -> None:
    """Ends a session."""
    work.connection.execute(delete(tables.session).where(_session.token_hash == session.token_hash))


def _begin(work: Work, settings: Settings, login: str, person: str) -> tuple[str, Session]:
    token = secrets.token_urlsafe(32)
    session = Session(person, work.now + settings.session_length, _hash(token))
    work.connection.execute(delete(tables.session).where(_session.expires_at <= work.now))
    work.connection.execute(insert(tables.session), {**session._asdict(), "created_at": work.now})
    clear = {"failed": 0, "locked_until": None}
    work.connection.execute(update(tables.account).where(_account.login == login), clear)
    return token, session


def _count_failure(work: Work, settings: Settings, login: str) -> None:
    counted = update(tables.account).where(_account.login == login).values(failed=_account.failed + 1)
    failed = work.connection.execute(counted.returning(_account.failed)).scalar()
    if failed is not None and failed >= settings.lock_after:
        lock = {"failed": 0, "locked_until": work.now + settings.lock_length}
        work.connection.execute(update(tables.account).where(_account.login == login), lock)


def _matches(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _check_password(password: str) -> None:
    if len(password) < SHORTEST:
        raise Invalid(
            "account.password",
            f"密码至少{SHORTEST}个字符，请改长。",
            f"A password has at least {SHORTEST} characters: choose a longer one.",
        )
