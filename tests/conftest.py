"""What many tests need: a fresh database of each kind (see `databases.py`)."""

import atexit
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from engine.store import Store
from tests import databases

settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):  # the same examples on every run of one commit; at the desk they differ each time
    settings.load_profile("ci")

_begun: list[tuple[int, Path]] = []


def pytest_configure(config: pytest.Config) -> None:
    """The process that the run began in makes its folder; workers find it in the environment."""
    if databases.RUN not in os.environ:
        _begun.append((os.getpid(), databases.begin_run()))
        atexit.register(_end)


def pytest_unconfigure(config: pytest.Config) -> None:
    _end()


def _end() -> None:
    """At the end of the run, or of the process when the run was cut short; never in a forked child."""
    while _begun and _begun[-1][0] == os.getpid():
        databases.end_run(_begun.pop()[1])
        os.environ.pop(databases.RUN, None)


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Every test that uses a database runs on both. `@pytest.mark.parametrize("dialect", ["sqlite"])` names one."""
    return str(request.param)


@pytest.fixture
def empty(dialect: str, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    if dialect == "sqlite":
        with databases.sqlite(tmp_path, prepared=False) as address:
            yield address
    else:
        with databases.postgresql(prepared=False) as address:
            yield address


@pytest.fixture
def store(dialect: str, tmp_path: Path) -> Iterator[Store]:
    """A store that is ready for use and holds nothing."""
    if dialect == "sqlite":
        with databases.sqlite(tmp_path, prepared=True) as address:
            yield from _opened(address)
    else:
        with databases.postgresql(prepared=True) as address:
            yield from _opened(address)


def _opened(address: str) -> Iterator[Store]:
    store = Store(address)
    yield store
    store.close()
