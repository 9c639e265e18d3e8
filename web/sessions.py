"""Who signs in: passwords (argon2id) and bearer tokens.

Only the hash of a token is stored. A wrong password, an unknown login and a locked account get one answer, after
the same time; too many wrong passwords in a row lock the account for a while.
"""

import hashlib
import secrets
import time

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from engine import accounts
from engine.accounts import Session
from engine.errors import Invalid
from engine.work import Engine, Work
from web.problems import Unauthenticated
from web.settings import Settings

HASHER = PasswordHasher()
NOBODY = HASHER.hash(secrets.token_urlsafe(16))
"""Checked against where there is no account, so that this takes as long."""

SHORTEST = 10
"""Characters of a password, at least (NIST SP 800-63B asks for 8)."""


def create_account(work: Work, login: str, person: str, password: str) -> None:
    """Gives a person a login. Raises `Invalid` when it is taken or the password too short."""
    _check_password(password)
    if accounts.account(work, login) is not None:
        raise Invalid(
            "account.taken", f"登录名“{login}”已被使用，请另选。", f"The login “{login}” is taken: choose another."
        )
    accounts.add(work, login, person, HASHER.hash(password))


def set_password(work: Work, login: str, password: str) -> None:
    """A new password: unlocks the account and ends all sessions of its person. Raises `Invalid`."""
    _check_password(password)
    accounts.change_password(work, login, HASHER.hash(password))


def sign_in(engine: Engine, settings: Settings, login: str, password: str) -> tuple[str, Session]:
    """A new session and its token, which is nowhere else. Raises `Unauthenticated`, whatever was wrong."""
    begun = time.monotonic()
    with engine.look() as work:
        known = accounts.account(work, login)
        locked = known is not None and known.locked_until is not None and known.locked_until > work.now
    right = _matches(known.password if known else NOBODY, password)
    with engine.work() as work:
        if known is not None and right and not locked:
            return begin(work, settings, login, known.person)
        if not locked:
            accounts.count_failure(work, login, settings.lock_after, settings.lock_length)
    time.sleep(max(0.0, settings.refusal_seconds - (time.monotonic() - begun)))
    minutes = int(settings.lock_length.total_seconds() // 60)
    raise Unauthenticated(
        "session.refused",
        f"登录名或密码不正确；连续{settings.lock_after}次不正确将暂停登录{minutes}分钟。",
        f"Login or password is wrong. After {settings.lock_after} wrong ones signing in rests for {minutes} minutes.",
    )


def begin(work: Work, settings: Settings, login: str, person: str) -> tuple[str, Session]:
    """A session for somebody who has proved who they are, and its token."""
    token = secrets.token_urlsafe(32)
    session = Session(person, work.now + settings.session_length, _hash(token))
    accounts.begin(work, login, session)
    return token, session


def find(work: Work, token: str) -> Session | None:
    """The session of a token, if it holds."""
    return accounts.find(work, _hash(token))


def sign_out(work: Work, session: Session) -> None:
    """Ends a session."""
    accounts.end(work, session)


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
