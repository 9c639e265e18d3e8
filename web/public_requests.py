"""Requests of citizens and organisations: as an API without signing in, and as a page that works without script.

A query code is all that a requester has; whoever asks too often from one address is told to wait.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, cast

from engine.calendars import local
from engine.errors import WanggeError
from handlers import citizens
from handlers.citizens import GRADES, Asked, Taken
from web import http, shapes
from web.http import APIBlueprint, Body, Field, Response
from web.problems import TooMany

routes = APIBlueprint("public_requests", __name__, tag="public")

API = "/api/public/requests"
PAGE = "/public/requests"
OPEN = frozenset(f"public_requests.{name}" for name in ("submit", "progress", "grade", "reject", "page", "send"))
"""The endpoints that want nobody signed in."""


ADDRESSES = 10_000
"""So many addresses are counted at once, the longest unseen forgotten first: memory stays bounded."""


class Counted(NamedTuple):
    """So many requests since a moment (seconds of the computer's running clock)."""

    since: float
    number: int


class Throttle:
    """Lets an address do something so many times in a while; in this process, so that each process counts by itself."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self.counted: OrderedDict[str, Counted] = OrderedDict()

    def take(self, address: str, now: float) -> None:
        """Counts one more. Raises `TooMany`."""
        before = self.counted.pop(address, Counted(now, 0))
        running = before if now - before.since < self.seconds else Counted(now, 0)
        self.counted[address] = Counted(running.since, running.number + 1)
        while len(self.counted) > ADDRESSES:
            self.counted.popitem(last=False)
        if running.number >= self.most:
            minutes = max(1, round((running.since + self.seconds - now) / 60))
            raise TooMany(
                "public.too-many",
                f"提交或查询过于频繁，请约{minutes}分钟后再试；紧急情况请直接拨打报警或求助电话。",
                f"Too many requests: try again in about {minutes} minutes. In an emergency, call for help directly.",
            )


def _throttle(kind: Literal["public_writes", "public_reads"]) -> None:
    settings = http.site().settings
    most = settings.public_writes if kind == "public_writes" else settings.public_reads
    known = http.current_app.extensions.setdefault(f"wangge.{kind}", Throttle(most, 3600))
    cast(Throttle, known).take(http.asked_by(), time.monotonic())


# -- the API -----------------------------------------------------------------------------------------


class Request(Body):
    """What somebody brings in. Name and contact as they like."""

    grid: str = Field(min_length=1, max_length=40)
    what: str = Field(min_length=1, max_length=2_000)
    place: str = Field(default="", max_length=200)
    name: str = Field(default="", max_length=60)
    contact: str = Field(default="", max_length=60)
    matter_type: str = Field(default="other", max_length=60)


class Grade(Body):
    """How satisfied somebody is, and whether it was solved."""

    grade: Literal["very_satisfied", "satisfied", "fair", "unsatisfied", "very_unsatisfied"]
    solved: bool


class Rejection(Body):
    """Why somebody does not accept the result."""

    reason: str = Field(min_length=1, max_length=2_000)


@routes.post(API)
@routes.input(Request)
@routes.output(shapes.Submitted)
def submit(json_data: Request) -> dict[str, Any]:
    """提出诉求 Bring in a request; no name is needed

    The answer holds the query code, which is kept nowhere.
    """
    return {"code": _submit(Asked(**json_data.model_dump())).code}


@routes.get(f"{API}/<code>")
@routes.output(shapes.Progress)
def progress(code: str) -> dict[str, Any]:
    """查询进度 How far a request is"""
    return _progress(code)


@routes.post(f"{API}/<code>/satisfaction")
@routes.input(Grade)
@routes.output(shapes.Done)
def grade(code: str, json_data: Grade) -> dict[str, Any]:
    """评价 Grade the result, once"""
    _grade(code, json_data.grade, json_data.solved)
    return {}


@routes.post(f"{API}/<code>/reject")
@routes.input(Rejection)
@routes.output(shapes.Submitted)
def reject(code: str, json_data: Rejection) -> dict[str, Any]:
    """不认可结果 Reject the result, once: a new matter begins, with a code of its own"""
    return {"code": _reject(code, json_data.reason).code}


def _submit(asked: Asked) -> Taken:
    _throttle("public_writes")
    with http.site().engine.work() as work:
        return citizens.submit(work, asked)


def _progress(code: str) -> dict[str, Any]:
    _throttle("public_reads")
    with http.site().engine.look() as work:
        return citizens.progress(work, code)


def _grade(code: str, grade: str, solved: bool) -> None:
    _throttle("public_reads")
    with http.site().engine.work() as work:
        citizens.grade(work, code, grade, solved)


def _reject(code: str, reason: str) -> Taken:
    _throttle("public_writes")
    with http.site().engine.work() as work:
        return citizens.reject(work, code, reason)


# -- the page ----------------------------------------------------------------------------------------


@routes.get(PAGE)
@routes.doc(hide=True)
def page() -> Response:
    """The page; `?grid=` fills in the code, for a sign with a picture code."""
    return _page({"grid": http.request.args.get("grid", "")[: LONGEST["grid"]]})


@routes.post(PAGE)
@routes.doc(hide=True)
def send() -> Response:
    """One of the forms of the page."""
    given = {name: str(value)[:2_000] for name, value in http.request.form.items()}
    do = SENT.get(given.get("do", ""), _show_progress)
    try:
        return _page({}, **do(given))
    except WanggeError as error:
        return _page(given, error.status, refused=error.words)


def _send_request(given: Mapping[str, str]) -> dict[str, Any]:
    fields = ("grid", "what", "place", "name", "contact")
    asked = Asked(**{name: given.get(name, "")[: LONGEST.get(name, 200)] for name in fields})
    return {"taken": _submit(asked).code}


LONGEST = {"what": 2_000, "name": 60, "contact": 60, "grid": 40}


def _show_progress(given: Mapping[str, str]) -> dict[str, Any]:
    code = given.get("code", "")
    return {"code": code, "progress": _told(_progress(code))}


def _send_grade(given: Mapping[str, str]) -> dict[str, Any]:
    chosen = given.get("grade", "")
    if chosen in GRADES:
        _grade(given.get("code", ""), chosen, given.get("solved") == "yes")
    return _show_progress(given)


def _send_rejection(given: Mapping[str, str]) -> dict[str, Any]:
    return {"taken": _reject(given.get("code", ""), given.get("reason", "")).code}


SENT = {"submit": _send_request, "progress": _show_progress, "grade": _send_grade, "reject": _send_rejection}


def _page(given: Mapping[str, str], status: int = 200, **shown: Any) -> Response:
    """`given`: what was written, so that nobody writes it again after a refusal."""
    return http.page("public/requests.html", status, given=given, grades=GRADES, **shown)


def _told(progress: Mapping[str, Any]) -> dict[str, Any]:
    """Progress as the page shows it: how it stands, then what happened and what is going on."""
    result, graded = progress["result"], progress["satisfaction"]
    return {
        "status": progress["status"],
        "received": _time(progress["received_at"]),
        "steps": [_step(step) for step in progress["steps"]],
        "result": result and {"at": _time(result["at"]), "told": result["content"] or _without_words(result)},
        "grade": graded and _words(GRADES[graded["grade"]]._asdict()),
        **{name: progress[name] for name in ("may_grade", "may_reject")},
    }


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    due = step["due_at"]
    late = due is not None and datetime.fromisoformat(due) < http.site().engine.now()
    return {
        "office": step["office"], "since": _time(step["since"]), "due": _time(due) if due else "", "late": late
    }  # fmt: skip


def _without_words(result: Mapping[str, Any]) -> str:
    return "内容已依法清除 Erased by law" if result["informed"] else UNREACHED


UNREACHED = "已办理，当时无法与您联系 Dealt with; you could not be reached"


def _words(words: Mapping[str, str]) -> str:
    return f"{words['zh']} {words['en']}"


def _time(text: str) -> str:
    return f"{local(datetime.fromisoformat(text)):%Y-%m-%d %H:%M}"
