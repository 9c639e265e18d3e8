"""The start page: that the service runs, and where its doors are. Pages to work with come with the console."""

from pathlib import Path

from web.http import APIBlueprint, Response

routes = APIBlueprint("pages", __name__, enable_openapi=False)

START = Path(__file__).with_name("start.html").read_text(encoding="utf-8")


@routes.get("/")
def start() -> Response:
    """The start page; its links are relative, so it works under any path."""
    return Response(START, mimetype="text/html")
