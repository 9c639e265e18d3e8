"""Log-ins and sessions as rows: whose they are, when they lock or end. What a password is worth and what a token looks
like is decided at the door (`web/sessions.py`); here only hashes are kept."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from engine import tables
from engine.work import Work

_account, _session = tables.account.c, tables.session.c


class Account(NamedTuple):
    """A log-in: the hash of its password and until when it is locked."""

    person: str
    password: str
    locked_until: datetime | None


class Session(NamedTuple):
    """A session that holds: whose it is, until when, and the hash it is stored under."""

    person: str
    expires_at: datetime
    token_hash: str


def account(work: Work, login: str) -> Account | None:
    """The account of a log-in."""
    query = select(_account.person, _account.password, _account.locked_until).where(_account.login == login)
    row = work.connection.execute(query).first()
    return Account._make(row) if row else None


def add(work: Work, login: str, person: str, password: str) -> None:
    """A new log-in, with the hash of its password."""
    row = {"login": login, "person": person, "password": password, "failed": 0, "created_at": work.now}
    work.connection.execute(insert(tables.account), row)


def change_password(work: Work, login: str, password: str) -> None:
    """Another hash: unlocks the account and ends all sessions of its person."""
    values = {"password": password, "failed": 0, "locked_until": None}
    work.connection.execute(update(tables.account).where(_account.login == login), values)
    owner = select(_account.person).where(_account.login == login).scalar_subquery()
    work.connection.execute(delete(tables.session).where(_session.person == owner))


def count_failure(work: Work, login: str, lock_after: int, lock_length: timedelta) -> None:
    """One more wrong password; so many in a row lock the account. Nothing for an unknown log-in."""
    counted = update(tables.account).where(_account.login == login).values(failed=_account.failed + 1)
    failed = work.connection.execute(counted.returning(_account.failed)).scalar()
    if failed is not None and failed >= lock_after:
        lock = {"failed": 0, "locked_until": work.now + lock_length}
        work.connection.execute(update(tables.account).where(_account.login == login), lock)


def begin(work: Work, login: str, session: Session) -> None:
    """Stores a session and forgets the failures before it; sessions that have ended go."""
    work.connection.execute(delete(tables.session).where(_session.expires_at <= work.now))
    work.connection.execute(insert(tables.session), {**session._asdict(), "created_at": work.now})
    clear = {"failed": 0, "locked_until": None}
    work.connection.execute(update(tables.account).where(_account.login == login), clear)


def find(work: Work, token_hash: str) -> Session | None:
    """The session under a hash, if it holds."""
    row = work.connection.execute(select(tables.session).where(_session.token_hash == token_hash)).first()
    if row is None or row.expires_at <= work.now:
        return None
    return Session(row.person, row.expires_at, row.token_hash)


def end(work: Work, session: Session) -> None:
    """Ends a session."""
    work.connection.execute(delete(tables.session).where(_session.token_hash == session.token_hash))
