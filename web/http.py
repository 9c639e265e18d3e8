"""HTTP in one place: the only file that knows APIFlask, Flask and pydantic. It says who asks, opens one transaction,
lets one query look or one verb act, and turns every error into a problem document.

An endpoint elsewhere is `return look(...)` or `return act(...)`; `Body` is the base of what requests carry.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from apiflask import APIBlueprint, APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, current_app, g, jsonify, render_template, request, send_file, send_from_directory
from flask.json.provider import DefaultJSONProvider
from pydantic import BaseModel, ConfigDict, Field

from engine import answers, cases
from engine.accounts import Session
from engine.directory import Actor
from engine.errors import Forbidden, Refused, WanggeError
from engine.queries import Seen
from engine.work import Engine, Work
from web import problems, sessions
from web.problems import Malformed, Unauthenticated, Unsupported
from web.settings import Settings

__all__ = [
    "SECURED",
    "APIBlueprint",
    "APIFlask",
    "Body",
    "Field",
    "Response",
    "Shown",
    "act",
    "current_app",
    "g",
    "look",
    "request",
]

log = logging.getLogger("wangge.web")

SECURED: list[str | dict[str, list[Any]]] = ["bearer", "cookie"]
"""How an endpoint says in its documentation that one has to be signed in."""

FORMS = "/public/"
"""Where pages for everybody are, which send forms: nobody is signed in there, so that a foreign page gains nothing."""

DRAFTS = "/api/drafts/"
"""Where whole files of a version are sent as text."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=()",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; object-src 'none'; base-uri 'none'",
}
"""On every answer. The policy is the strictest one under which the diagram editor runs."""


class Body(BaseModel):
    """What a request carries: nothing beyond the fields named is taken."""

    model_config = ConfigDict(extra="forbid", str_max_length=20_000)


class Shown(BaseModel):
    """What an answer holds. Something that is not described yet is passed on all the same."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True)
class Site:
    """What every request needs. `open_to_all` names the endpoints of the API that want nobody signed in."""

    engine: Engine
    settings: Settings
    open_to_all: frozenset[str] = frozenset()


def site() -> Site:
    """The site that this request is put to."""
    return cast(Site, current_app.extensions["wangge"])


# -- looking and acting ------------------------------------------------------------------------------

T = dict[str, Any]


def page(template: str, status: int = 200, **shown: Any) -> Response:
    """A page that needs no script and nobody signed in; what is shown is escaped."""
    response = Response(render_template(template, **shown), status=status, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    return response


def look(query: Callable[[Work, Actor], T]) -> T:
    """Answers a question out of one snapshot."""
    with site().engine.look() as work:
        return query(work, actor(work))


def act(
    verb: str,
    given: Mapping[str, Any],
    do: Callable[[Work, Actor, Seen], Mapping[str, Any] | None],
    seen: Callable[[Work, Actor], Seen] | None = None,
) -> T:
    """Does one verb in one transaction: only on a matter that the asker may see, and once per `Idempotency-Key`.
    What the law or the pack refuses is put on record."""
    key, matter = request.headers.get("Idempotency-Key", ""), Seen(0, "")
    who: Actor | None = None
    try:
        with site().engine.work() as work:
            who = actor(work)
            matter = seen(work, who) if seen else matter
            if key:
                asked = answers.digest(verb, who.post, request.path, given)
                before = answers.begin(work, key, who.person, asked)
                if before is not None:
                    return before
            done = {**({"matter": matter.number} if matter.id else {}), **(do(work, who, matter) or {})}
            if key:
                answers.keep(work, key, who.person, done)
            return done
    except Refused as refusal:
        if who is not None and matter.id:
            _note(who, matter, refusal, verb)
        raise


def _note(who: Actor, matter: Seen, refusal: Refused, verb: str) -> None:
    """The attempt stays on record, in a transaction of its own; the answer to it is the refusal in any case."""
    try:
        with site().engine.work() as work:
            cases.note_refusal(work, who, matter.id, refusal, verb)
    except WanggeError:
        log.exception("拒绝未能记录。 A refusal could not be recorded.")


# -- who asks ----------------------------------------------------------------------------------------


def me() -> Session:
    """The session of this request."""
    return cast(Session, g.session)


def actor(work: Work) -> Actor:
    """The person of the session in the post that `X-Wangge-Post` chooses, or in their first one."""
    return work.directory.actor(me().person, request.headers.get("X-Wangge-Post") or None)


def _signed_in(work: Work) -> Session:
    """The session of the token. Raises `Unauthenticated`, and `Forbidden` for a write from a foreign page."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    by_cookie = kind.lower() != "bearer"
    if by_cookie:
        token = request.cookies.get(site().settings.cookie_name, "")
    session = sessions.find(work, token) if token else None
    if session is None:
        raise Unauthenticated("session.none", "请先登录，或重新登录。", "Sign in first, or again.")
    if by_cookie and request.method not in SAFE:
        _check_page()
    return session


def _check_page() -> None:
    """A browser sends the cookie along with whatever a foreign page makes it send; what such a page cannot do is
    set a header of its own or name our origin."""
    origins = {request.host_url.rstrip("/"), *site().settings.origins}
    if not request.headers.get("X-Requested-With") and request.headers.get("Origin") not in origins:
        raise Forbidden(
            "session.foreign-page",
            "此请求不是由本系统页面发出的，已拒绝；程序调用请使用令牌。",
            "This request does not come from a page of this system. Programs use the bearer token.",
        )


# -- the application ---------------------------------------------------------------------------------


def application(site: Site) -> APIFlask:
    """An application without endpoints: limits, headers, log and errors are in place."""
    settings = site.settings
    app = APIFlask(
        __name__, title="网格事项流程引擎 Wangge", version="0.1.0", docs_path=None, spec_path="/openapi.json"
    )
    app.extensions["wangge"] = site
    app.config["MAX_CONTENT_LENGTH"] = settings.largest_body
    for kind in ("404", "VALIDATION_ERROR", "AUTH_ERROR"):
        app.config[f"AUTO_{kind}_RESPONSE"] = False
    app.config["AUTO_SERVERS"] = False
    app.config["AUTO_OPERATION_ID"] = True
    app.config["SECURITY_SCHEMES"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": settings.cookie_name},
    }
    json = cast(DefaultJSONProvider, app.json)
    json.ensure_ascii = False
    json.sort_keys = False  # the fields of a form are asked in the order they were written
    app.before_request(_begin)
    app.after_request(_finish)
    app.spec_processor(_documented)
    app.error_processor(_http_error)
    app.register_error_handler(WanggeError, _our_error)
    app.register_error_handler(Exception, _unexpected)
    return app


PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457, in two languages",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "title_en", "detail", "detail_en")},
        **{name: {"type": "string"} for name in ("instance", "request_id", "code", "article")},
        "status": {"type": "integer"},
        "findings": {"type": "array", "items": {"type": "object"}},
        "details": {},
    },
}
POST_HEADER = {
    "name": "X-Wangge-Post",
    "in": "header",
    "schema": {"type": "string"},
    "description": "以哪个岗位 In which of one's posts",
}
KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": answers.LONGEST},
    "description": "同一键同一内容只办一次 The same key and content are done once",
}
READING, WRITING = (401, 403, 404, 422), (400, 401, 403, 404, 409, 413, 415, 422)


def _documented(given: dict[Any, Any] | str) -> dict[Any, Any] | str:
    """Every operation names its headers and every problem it can answer."""
    spec = cast(dict[str, Any], given)
    spec["components"]["schemas"]["Problem"] = PROBLEM
    for methods in spec["paths"].values():
        for method, operation in methods.items():
            secured = "security" in operation
            headers = [POST_HEADER, KEY_HEADER][: 2 if method == "post" else 1] if secured else []
            operation["parameters"] = [*operation.get("parameters", []), *headers]
            if "public" in operation.get("tags", ()):
                operation["responses"].setdefault("429", {}).update(_documented_problem(429))
            for status in (*(WRITING if method == "post" else READING if secured else ()), 500, 503):
                operation["responses"].setdefault(str(status), {}).update(_documented_problem(status))
    return spec


def _documented_problem(status: int) -> dict[str, Any]:
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": str(problems.TITLES[status]), "content": content}


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    g.begun = time.monotonic()
    with_file = request.path.endswith("/attachments")
    if with_file:
        request.max_content_length = site().settings.largest_attachment + 64 * 1024
    if request.path.startswith(DRAFTS):
        request.max_content_length = site().settings.largest_draft_file
    otherwise = with_file or request.path.endswith("/imports") or request.path.startswith(FORMS)
    if request.method == "POST" and not otherwise and not request.is_json:
        raise Unsupported("http.415", problems.WORDS[415].zh, problems.WORDS[415].en)
    if request.url_rule and request.path.startswith("/api/") and request.endpoint not in site().open_to_all:
        with site().engine.look() as work:
            g.session = _signed_in(work)


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["X-Request-Id"] = g.request_id
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "private, no-cache")
    if request.method == "GET" and response.status_code == 200 and response.is_json:
        response.add_etag()
        response.make_conditional(request)
    _log(response)
    return response


def _log(response: Response) -> None:
    milliseconds = round((time.monotonic() - g.begun) * 1000, 1)
    told = {"request_id": g.request_id, "method": request.method, "route": route(), "status": response.status_code}
    log.info("request", extra={**told, "milliseconds": milliseconds, "person": me().person if "session" in g else ""})


def route() -> str:
    """The rule of the address, without what was filled in."""
    return request.url_rule.rule if request.url_rule else "-"


# -- errors ------------------------------------------------------------------------------------------


def _our_error(error: WanggeError) -> Response:
    answer = jsonify(problems.document(error, g.request_id))
    answer.status_code, answer.mimetype = error.status, problems.MEDIA_TYPE
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    if error.status == 503:
        answer.headers["Retry-After"] = "5"
    return answer


def _http_error(error: HTTPError) -> Response:
    if error.status_code == 422 and isinstance(error.detail, dict):
        return _our_error(problems.of_fields(cast(Any, error.detail)))
    answer = _our_error(problems.of_status(error.status_code))
    if error.status_code == 405:
        answer.headers["Allow"] = dict(cast(Mapping[str, str], error.headers)).get("Allow", "")
    return answer


def _unexpected(error: Exception) -> Response:
    log.error("unexpected", exc_info=error, extra={"request_id": g.request_id, "route": route()})
    return _our_error(problems.of_status(500))


# -- answers that are no JSON ------------------------------------------------------------------------


def text(content: str, media_type: str) -> Response:
    """Plain text of a kind."""
    return Response(content, content_type=media_type)


def file(path: Path, name: str, media_type: str) -> Response:
    """A stored file, always to be saved and never to be shown by the browser as part of this site."""
    answer = send_file(path, mimetype=media_type, as_attachment=True, download_name=name, conditional=True, max_age=0)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def built(folder: Path, name: str, lasting: bool) -> Response:
    """A file that was built. `lasting`: what has this name never changes. A name that leads out of the folder, or to
    nothing, is not found."""
    answer = send_from_directory(folder, name, conditional=True, max_age=31_536_000 if lasting else 0)
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
    return answer


def uploaded() -> tuple[str, IO[bytes]]:
    """Name and content of the file `file` of a form. Raises `Malformed` when there is none."""
    found = request.files.get("file")
    if found is None:
        raise Malformed("attachment.none", "请在表单项“file”中选择一个文件。", "Choose a file in the field “file”.")
    return found.filename or "", found.stream


def set_cookie(answer: Response, token: str) -> None:
    """Gives the browser the token where no script can read it; an empty one takes it away."""
    settings = site().settings
    answer.set_cookie(
        settings.cookie_name,
        token,
        max_age=int(settings.session_length.total_seconds()) if token else 0,
        path=settings.cookie_path,
        secure=settings.cookie_secure,
        httponly=True,
        samesite="Lax",
    )


def answer_json(content: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON answer to which more can be added."""
    answer = jsonify(content)
    answer.status_code = status
    return answer


def asked_by() -> str:
    """The address of the computer that asks."""
    return request.remote_addr or ""
