"""The console as it was built, and the page for developers. Until a console is built, the first page is that one."""

from pathlib import Path

from web.http import APIBlueprint, Response, built

routes = APIBlueprint("pages", __name__, enable_openapi=False)

START = Path(__file__).with_name("start.html").read_text(encoding="utf-8")
CONSOLE = Path(__file__).parent / "console" / "dist"
"""Where `script/console` builds it, and where the wheel has it."""


@routes.get("/")
def start() -> Response:
    """The console: always asked for anew, since it names the files of the present build."""
    return built(CONSOLE, "index.html", lasting=False) if (CONSOLE / "index.html").is_file() else developers()


@routes.get("/developers")
def developers() -> Response:
    """Where the doors for other systems are; its links are relative, so it works under any path."""
    return Response(START, mimetype="text/html")


@routes.get("/icon.svg")
def icon() -> Response:
    """The sign in the tab of the browser."""
    return built(CONSOLE, "icon.svg", lasting=False)


@routes.get("/assets/<path:name>")
def asset(name: str) -> Response:
    """A part of the console. Its name changes with its content, so that it is never asked for twice."""
    return built(CONSOLE / "assets", name, lasting=True)
