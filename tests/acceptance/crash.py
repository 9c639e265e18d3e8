"""Kills a real server with SIGKILL at random moments while people work through the API, and proves that nothing is lost
and nothing doubled.

Each act carries an Idempotency-Key. A client whose server died sends the same act with the same key again once the server
is back: whatever was answered must be there, and everything exactly once. Afterwards every chain of records is verified and
every case replayed.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
WANGGE = str(Path(sys.executable).with_name("wangge"))
GRID = "g321102001001001"
ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "verify": ("worker", {"verify_outcome": "substantiated", "findings": "x"}),
    "self_handle": ("worker", {"self_handle_outcome": "cannot_handle", "measures": "x"}),
    "escalate": ("worker", {"ground": "beyond_means", "reason": "x"}),
    "triage": (
        "triage",
        {
            "triage_outcome": "dispatch",
            "opinion": "x",
            "assignments": [{"unit": "dep-c321102-urban_management", "duty": "lead", "limit": "handle"}],
        },
    ),
    "accept": ("receiver", {"signed_by": "x"}),
    "handle": ("handler", {"measures": "x"}),
    "feedback": ("handler", {"handling_outcome": "completed", "result": "x", "finished_on": "2026-11-21"}),
    "check": ("check", {"check_outcome": "passed", "findings": "x"}),
    "close": ("duty", {"closing_kind": "normal", "solved": True, "summary": "x"}),
}


class Outcome(NamedTuple):
    """What a run came to."""

    kills: int
    acts: int
    retried: int
    lost: int
    doubled: int
    faults: list[str]


class Server:
    """The service on a database, killed and started again."""

    def __init__(self, database: str, folder: Path) -> None:
        self.database = database
        self.log = folder / "server.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [WANGGE, "serve", "--plain-http", "--port", str(self.port), "--database", self.database]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if self.call("GET", "/livez") == {"status": "ok"}:
                    return
            except (OSError, HTTPException):
                time.sleep(0.05)
        raise AssertionError("the server does not start")

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def call(self, method: str, path: str, body: Any = None, token: str = "", key: str = "") -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {token}"} if token else {}),
                **({"Idempotency-Key": key} if key else {}),
            },
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return json.loads(answer.read())


class Client:
    """Works through the API; an act that was cut off is sent again with the same key."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self.server = server
        self.chance = chance
        self.tokens: dict[str, str] = {}
        self.matters: dict[str, str] = {}  # the marker in its title -> its number
        self.done: set[tuple[str, int]] = set()  # (matter, step) that was answered for
        self.retried = 0

    def act(self) -> None:
        """One act: a new matter, or the next step of one that is open."""
        open_matters = [number for number in self.matters.values() if not self.is_closed(number)]
        if len(open_matters) < 4 or self.chance.random() < 0.1:
            self.report()
            return
        number = self.chance.choice(open_matters)
        matter = self.look("triage", f"/api/matters/{number}")
        for step in matter["steps"]:
            if step["node"] in ANSWERS:
                who, answer = ANSWERS[step["node"]]
                self.post(who, f"/api/steps/{step['id']}/complete", {"revision": step["revision"], "answer": answer})
                self.done.add((number, step["id"]))
                return

    def report(self) -> None:
        marker = uuid.UUID(int=self.chance.getrandbits(128)).hex
        answer = {
            "title": marker,
            "description": "x",
            "place": "x",
            "matter_type": "other",
            "urgency": "ordinary",
            "area_kind": "urban",
        }
        told = self.post("worker", "/api/matters", {"way_in": "discovered", "grid": GRID, "answer": answer})
        self.matters[marker] = told["matter"]

    def is_closed(self, number: str) -> bool:
        return bool(self.look("triage", f"/api/matters/{number}")["closed_at"])

    def look(self, who: str, path: str) -> Any:
        return self.insist(lambda: self.server.call("GET", path, token=self.token(who)))

    def post(self, who: str, path: str, body: Any) -> Any:
        key = uuid.UUID(int=self.chance.getrandbits(128)).hex
        return self.insist(lambda: self.server.call("POST", path, body, self.token(who), key))

    def token(self, who: str) -> str:
        if who not in self.tokens:
            told = self.server.call("POST", "/api/sessions", {"login": who, "password": "wangge-demo"})
            self.tokens[who] = told["token"]
        return self.tokens[who]

    def insist(self, ask: Any) -> Any:
        """Asks until it is answered: a server that is gone comes back. An answer that says no is an error."""
        deadline = time.monotonic() + 90
        while True:
            try:
                return ask()
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise AssertionError(f"{error.code}: {error.read().decode()[:500]}") from error
            except (OSError, HTTPException):  # refused, reset, or cut off in the middle of an answer
                pass
            assert time.monotonic() < deadline, "the server never came back"
            self.retried += 1
            time.sleep(0.02)


def run(database: str, folder: Path, kills: int, seed: int) -> Outcome:
    """Works and kills, then counts and verifies. The database holds a demonstration with log-ins."""
    chance = random.Random(seed)
    server = Server(database, folder)
    client = Client(server, chance)
    server.start()
    killer = _Killer(server, chance, kills)
    acts = 0
    try:
        killer.start()
        while killer.is_alive():
            client.act()
            acts += 1
        killer.join()
        lost, doubled = _count(client)
    finally:
        if server.process is not None and server.process.poll() is None:
            server.process.terminate()
            server.process.wait()
    verdict = subprocess.run(
        [WANGGE, "verify", "--database", database, "--json"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    faults = [str(finding) for finding in json.loads(verdict.stdout)["findings"]]
    return Outcome(kills, acts, client.retried, lost, doubled, faults)


def _count(client: Client) -> tuple[int, int]:
    """Acts that were answered and are not there, and acts that are there more than once."""
    lost = doubled = 0
    for marker, number in client.matters.items():
        found = client.look("duty", f"/api/matters?closed=all&text={marker}")["rows"]
        lost += not any(row["number"] == number for row in found)
        doubled += max(0, len(found) - 1)
    for number in set(client.matters.values()):
        records = client.look("duty", f"/api/matters/{number}/timeline")["records"]
        completed = [r["detail"]["closed"][0]["step"] for r in records if r["kind"] == "completed"]
        doubled += len(completed) - len(set(completed))
        lost += max(0, sum(1 for matter, _ in client.done if matter == number) - len(completed))
    return lost, doubled


class _Killer(threading.Thread):
    """Kills the server so many times, each time after a random while, and starts it again."""

    def __init__(self, server: Server, chance: random.Random, kills: int) -> None:
        super().__init__()
        self.server = server
        self.pauses = [chance.uniform(0.05, 1.5) for _ in range(kills)]

    def run(self) -> None:
        for number, pause in enumerate(self.pauses, 1):
            time.sleep(pause)
            self.server.kill()
            self.server.start()
            if sys.stderr.isatty() or number % 20 == 0:
                print(f"\r{number}/{len(self.pauses)}", end="", file=sys.stderr, flush=True)  # noqa: T201


def main() -> int:
    """`script/crash [KILLS]`: founds a demonstration in a temporary folder and runs."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory(prefix="wangge-crash-") as name:
        folder = Path(name)
        database = f"sqlite:///{folder / 'crash.sqlite'}"
        demo = [WANGGE, "demo", "--matters", "20", "--ending-now", "--log-ins", "--database", database, "--json"]
        subprocess.run(demo, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        outcome = run(database, folder, kills, seed=int(time.time()))
    print(json.dumps(outcome._asdict(), ensure_ascii=False))  # noqa: T201
    return 0 if not (outcome.lost or outcome.doubled or outcome.faults) else 1


if __name__ == "__main__":
    sys.exit(main())
