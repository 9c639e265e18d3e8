"""Trying a draft out: its processes played on a virtual clock, and what its example cases exercise."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from engine import coverage, drafts, plays
from engine.directory import Actor
from engine.drafts import LARGEST_FILE
from engine.plays import MOST_ACTIONS
from engine.work import Work
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, look

routes = APIBlueprint("plays", __name__, tag="drafts", url_prefix="/api/drafts")

PATIENCE = 5.0
"""Seconds after which a play is broken off."""


class Playing(Body):
    """Which process is played, from which start event (empty: the plain one, else the first), with which variables, and
    all acts so far. `path` and `text`: one file as it is on the screen, if it is not saved yet."""

    process: str = Field(min_length=1, max_length=200)
    start: str | None = Field(default=None, max_length=200)
    facts: dict[str, Any] = {}
    actions: list[dict[str, Any]] = Field(default=[], max_length=MOST_ACTIONS)
    path: str = Field(default="", max_length=300)
    text: str | None = Field(default=None, max_length=LARGEST_FILE)


@routes.post("/<int:id>/plays")
@routes.input(Playing)
@routes.output(shapes.Played)
@routes.doc(security=SECURED)
def play(id: int, json_data: Playing) -> dict[str, Any]:
    """试运行 Where the process stands after these acts, and what can be done next; nothing is stored"""
    asked = json_data

    def found(work: Work, who: Actor) -> dict[str, Any]:
        folder = drafts.folder(work, who, id, asked.path, asked.text)
        return plays.tried(
            folder,
            asked.process,
            facts=asked.facts,
            start=asked.start,
            actions=asked.actions,
            calendar=work.calendar,
            enough=_patience(),
        )

    return look(found)


@routes.get("/<int:id>/coverage")
@routes.output(shapes.Coverage)
@routes.doc(security=SECURED)
def covered(id: int) -> dict[str, Any]:
    """案例覆盖 What the example cases exercise, and whether each comes out as it says"""
    return look(lambda work, who: coverage.coverage(drafts.folder(work, who, id), _patience()))


def _patience() -> Callable[[], bool]:
    until = monotonic() + PATIENCE
    return lambda: monotonic() > until
