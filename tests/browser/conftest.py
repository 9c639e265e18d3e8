"""A real server, a real browser: a demonstration city served from a process of its own, and desks that are signed in.

Every desk watches what its browser does: nothing may leave the origin, no policy may be broken, no script may fail.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from tests.acceptance.crash import ROOT, WANGGE

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PASSWORD = "wangge-demo"  # noqa: S105 - of the demonstration
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
AXE = ROOT / "web" / "console" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; a browser is never downloaded."""
    found = next(
        filter(None, (shutil.which(name) for name in (os.environ.get("WANGGE_CHROMIUM", ""), *BROWSERS))), None
    )
    if found is None:
        pytest.fail("No Chromium on the path: apt-get install chromium fonts-noto-cjk (or set WANGGE_CHROMIUM).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def console() -> Path:
    """The console as it was built."""
    built = ROOT / "web" / "console" / "dist"
    if not (built / "index.html").is_file():
        pytest.fail("The console has not been built: run script/setup (or script/console).")
    return built


@pytest.fixture(scope="session")
def address(console: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with a demonstration city; tests work on matters of their own in it."""
    with served(tmp_path_factory.mktemp("city"), matters=40) as found:
        yield found


@contextmanager
def served(folder: Path, matters: int) -> Iterator[str]:
    """The address of a service with a city of its own, for as long as it is wanted."""
    database = f"sqlite:///{folder / 'demo.sqlite'}"
    month = [WANGGE, "demo", "--matters", str(matters), "--seed", "1", "--ending-now", "--log-ins", "--json"]
    subprocess.run([*month, "--database", database], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    command = [WANGGE, "serve", "--plain-http", "--port", "0", "--database", database]
    told, begun = folder / "told", time.monotonic()
    with (
        told.open("w", encoding="utf-8") as out,
        subprocess.Popen(command, cwd=folder, stdout=out, stderr=out) as server,
    ):
        while not (found := re.search(r"http://\S+", told.read_text(encoding="utf-8"))):
            if server.poll() is not None or time.monotonic() - begun > 60:
                pytest.fail(f"The service did not start: {told.read_text(encoding='utf-8')}")
            time.sleep(0.1)
        yield found[0]
        server.terminate()


class Desk:
    """Somebody at the console. `page` is theirs; the rest are the few things one does all the time."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.address = address
        self.faults: list[str] = []
        context.on("request", self._asked)
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("console", lambda told: self._told(told.type, told.text))

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"left the origin: {request.url}")

    def _told(self, kind: str, text: str) -> None:
        refused = text.startswith("Failed to load resource")  # answers that refuse are looked at by the tests
        if kind in ("error", "warning") and not refused:
            self.faults.append(f"{kind}: {text}")

    def sign_in(self, login: str, password: str = PASSWORD) -> None:
        """Through the form, like everybody."""
        self.page.goto(f"{self.address}/")
        self.page.get_by_label("登录名").fill(login)
        self.page.get_by_label("密码", exact=True).fill(password)
        self.page.get_by_role("button", name="登录").click()

    def go(self, path: str) -> None:
        """To a page of the console; it is there once its heading is."""
        self.page.goto("about:blank")  # a new hash alone would leave the page before on the screen for a moment
        self.page.goto(f"{self.address}/#{path}")
        self.page.get_by_role("heading", level=1).first.wait_for()

    def ask(self, path: str) -> Any:
        """What the API tells this desk."""
        return json.loads(self.page.evaluate("path => fetch(path).then(answer => answer.text())", path))

    def checked(self) -> list[str]:
        """What axe finds that is serious, told shortly."""
        self.page.wait_for_timeout(400)  # until drawers have come to rest: half transparent text has no contrast
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]

    def sideways(self) -> int:
        """By how much the page is wider than the window."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(script))

    def spilling(self) -> int:
        """How many rows of tables hold more than they have room for."""
        rows = "[...document.querySelectorAll('tbody tr')]"
        return int(self.page.evaluate(f"{rows}.filter(row => row.scrollHeight > row.clientHeight + 1).length"))

    def picture(self, name: str) -> None:
        """Keeps a picture where `WANGGE_PICTURES` says, for people to look at."""
        if folder := os.environ.get("WANGGE_PICTURES"):
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


Sit = Callable[..., Desk]


@pytest.fixture
def sit(chromium: Browser, address: str) -> Iterator[Sit]:
    """`sit("triage")` is a desk that is signed in, `sit()` one where nobody is; each has a browser to itself."""
    contexts: list[BrowserContext] = []
    desks: list[Desk] = []

    def new(login: str = "", size: dict[str, int] = WIDE) -> Desk:
        context = chromium.new_context(viewport=size, locale="zh-CN")  # type: ignore[arg-type]
        contexts.append(context)
        desk = Desk(context, address)
        desks.append(desk)
        if login:
            desk.sign_in(login)
            desk.page.locator("nav").wait_for(state="attached")
        return desk

    yield new
    faults = [fault for desk in desks for fault in desk.faults]
    for context in contexts:
        context.close()
    assert faults == []
