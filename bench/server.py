"""A PostgreSQL server of the bench's own: durable as in real use, on the same binaries as the tests' server."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from tests import databases

SETTINGS = (
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "max_connections=100",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
)
"""Every commit that was answered survives a power cut; the buffers of a small server."""


class Server:
    """A running server: makes databases, says their addresses."""

    def __init__(self, address: str) -> None:
        self.address = make_url(address)

    def database(self, name: str, template: str = "template0") -> str:
        """The address of a new database, empty or a copy of another one that nobody is connected to."""
        self._command(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING "UTF8"')
        return self.address.set(database=name).render_as_string(hide_password=False)

    def drop(self, name: str) -> None:
        self._command(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _command(self, statement: str) -> None:
        with psycopg.connect(self.address.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def postgresql() -> Iterator[Server]:
    """Starts a server and stops it afterwards, by its own id; its folder is removed."""
    folder = Path(tempfile.mkdtemp(prefix="wangge-bench-"))
    folder.chmod(0o755)  # the server runs as another user than root
    try:
        process, address = _start(folder)
        try:
            yield Server(address)
        finally:
            databases._stop(folder, process.pid)
            process.wait(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    binaries, port, user = databases._binaries(folder), databases._free_port(), databases._user()
    data = folder / "data"
    data.mkdir(mode=0o700)
    if user:
        os.chown(data, user["user"], user["group"])
    words = [binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
    databases._run_tool(words, cwd=folder, **user)
    settings = [word for setting in SETTINGS for word in ("-c", setting)]
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", data, *settings],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, start_new_session=True, **user,
        )  # fmt: skip
    address = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    databases._await(address, process, folder)
    return process, address
