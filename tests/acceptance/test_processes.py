"""Web and worker as processes of their own on PostgreSQL, and everything in one on SQLite."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import databases
from tests.acceptance.crash import ROOT, WANGGE, Client, Server


@contextmanager
def running(folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command of ours while it runs; told to stop at the end, and it has to stop by itself."""
    with (folder / f"{words[0]}.log").open("ab") as log:
        process = subprocess.Popen([WANGGE, *words], stdout=log, stderr=log, cwd=ROOT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@pytest.fixture
def postgresql() -> Iterator[str]:
    with databases.postgresql(prepared=False) as address:
        yield address


def test_web_and_worker_apart_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    demo = ["demo", "--matters", "3", "--ending-now", "--log-ins", "--database", postgresql, "--json"]
    subprocess.run([WANGGE, *demo], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    server = Server(postgresql, tmp_path)
    web = ("web", "--plain-http", "--processes", "2", "--port", str(server.port), "--database", postgresql)
    with running(tmp_path, *web), running(tmp_path, "worker", "--database", postgresql):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if server.call("GET", "/readyz")["status"] == "ok":
                    break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail("not ready: " + (tmp_path / "web.log").read_text(encoding="utf-8"))
        client = Client(server, random.Random(1))
        for _ in range(8):
            client.act()
    verdict = subprocess.run([WANGGE, "verify", "--database", postgresql], capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stdout


def test_one_process_ends_when_it_is_told_to(demonstration: str, tmp_path: Path) -> None:
    server = Server(demonstration, tmp_path)
    server.start()
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.process.wait(timeout=30) == 0


def test_a_port_that_is_taken_is_said_in_words(demonstration: str, tmp_path: Path) -> None:
    server = Server(demonstration, tmp_path)
    server.start()
    try:
        words = [WANGGE, "serve", "--port", str(server.port), "--database", demonstration]
        told = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    finally:
        server.kill()
    assert told.returncode == 2
    assert "端口" in told.stderr
    assert "port" in told.stderr.lower()


def test_sqlite_is_for_one_process(demonstration: str) -> None:
    for command in ("web", "worker"):
        told = subprocess.run(
            [WANGGE, command, "--database", demonstration], capture_output=True, text=True, cwd=ROOT, check=False
        )
        assert told.returncode == 2
        assert "PostgreSQL" in told.stderr
