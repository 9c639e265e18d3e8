"""How the service runs: in one process with threads (SQLite), or as web and worker apart (PostgreSQL).

`serve` is everything in one process: HTTP by waitress, the clock and the outbox in threads. `web` is HTTP alone, in
as many processes as wanted, by gunicorn: no scheduler and no job runs there. `worker` is the clock and the jobs, on as
many nodes as wanted.
"""

import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import waitress
from gunicorn.app.base import BaseApplication

from engine.clock import Clock
from engine.errors import Unavailable
from engine.outbox import Queue, Threads
from engine.work import Engine
from handlers.registry import DUTIES
from web import logs
from web.app import create_app, make_engine
from web.settings import Settings


def serve(engine: Engine, settings: Settings, host: str, port: int, ready: Callable[[str], object]) -> None:
    """Serves until it is told to stop (SIGTERM, SIGINT). `ready` is told the address once requests are accepted.

    Raises `Unavailable` when the port is taken.
    """
    logs.log_as_json()
    listening = _listen(host, port)
    jobs, clock = Threads(engine), Clock(engine, duties=DUTIES)
    engine.wake = jobs.wake
    server = waitress.create_server(create_app(engine, settings), sockets=[listening], threads=8, ident="wangge")
    stopping = threading.Event()

    def stop(*_: object) -> None:
        stopping.set()
        server.close()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    jobs.start()
    clock.start()
    try:
        ready(f"http://{host}:{listening.getsockname()[1]}")
        server.run()
    except OSError:
        if not stopping.is_set():
            raise
    finally:
        clock.stop()
        jobs.stop()


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        raise Unavailable(
            "server.port",
            f"端口{port}已被占用或不允许使用，请换一个端口（--port）。",
            f"Port {port} is taken or not allowed: choose another (--port).",
        ) from error
    return listening


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    """Gunicorn with our options; each worker process makes its own engine after the fork."""

    def __init__(self, url: str, settings: Settings, options: dict[str, Any]) -> None:
        self.url, self.settings, self.options = url, settings, options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        logs.log_as_json()
        return create_app(make_engine(self.url), self.settings)


def web(url: str, settings: Settings, host: str, port: int, processes: int) -> None:
    """HTTP alone, in several processes, until it is told to stop. The clock and the jobs are `worker`'s."""
    options = {
        "bind": f"{host}:{port}",
        "workers": processes,
        "threads": 8,
        "worker_class": "gthread",
        "worker_tmp_dir": None,
        "control_socket_disable": True,
        "accesslog": None,
    }
    _Gunicorn(url, settings, options).run()


def worker(engine: Engine, concurrency: int) -> None:
    """The clock and the jobs of a PostgreSQL installation, until it is told to stop."""
    logs.log_as_json()
    queue = Queue(engine)
    clock = Clock(engine, duties=(queue.duty, *DUTIES))
    clock.start()
    try:
        queue.work(concurrency)
    finally:
        clock.stop()
