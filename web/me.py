"""Signing in and out, and who one is: `/api/sessions`, `/api/me`."""

from typing import Any

from engine import queries
from engine.directory import Actor
from engine.errors import Words
from engine.work import Work
from web import http, sessions, shapes
from web.http import SECURED, APIBlueprint, Body, Field, Response

routes = APIBlueprint("me", __name__, tag="sessions", url_prefix="/api")


class SignIn(Body):
    """Login and password."""

    login: str = Field(min_length=1, max_length=80)
    password: str = Field(min_length=1, max_length=200)


@routes.post("/sessions")
@routes.input(SignIn)
@routes.output(shapes.SignedIn, status_code=201, description="已登录 Signed in")
def sign_in(json_data: SignIn) -> Response:
    """登录 Sign in

    The answer holds the bearer token; the same token comes as an HttpOnly cookie.
    """
    here = http.site()
    token, session = sessions.sign_in(here.engine, here.settings, json_data.login, json_data.password)
    told = {"token": token, "expires_at": session.expires_at.isoformat(), "person": session.person}
    answer = http.answer_json(told, 201)
    http.set_cookie(answer, token)
    return answer


@routes.delete("/sessions/current")
@routes.doc(security=SECURED)
def sign_out() -> Response:
    """退出 Sign out"""
    with http.site().engine.work() as work:
        sessions.sign_out(work, http.me())
    answer = http.answer_json({})
    http.set_cookie(answer, "")
    return answer


@routes.get("/me")
@routes.output(shapes.Me)
@routes.doc(security=SECURED)
def me() -> dict[str, Any]:
    """本人、岗位和范围 Who I am, my posts, and what I see"""
    session = http.me()
    with http.site().engine.look() as work:
        posts = work.directory.actors(session.person)
        chosen = http.actor(work) if posts else None
        return {
            "person": {"id": session.person, "name": work.directory.name(session.person)},
            "expires_at": session.expires_at.isoformat(),
            "posts": [_post(work, post) for post in posts],
            "post": _post(work, chosen) if chosen else None,
        }


def _post(work: Work, post: Actor) -> dict[str, Any]:
    role = queries.role(work, post.role, post.area)
    unit = work.directory.unit(post.unit)
    return {
        "id": post.post,
        "role": {"key": post.role, **(role.label if role else Words(post.role, post.role))._asdict()},
        "permissions": list(role.permissions) if role else [],
        "unit": {"id": unit.id, "name": unit.name, "kind": unit.kind, "level": unit.level},
        "area": post.area,
        "area_name": around.name if (around := work.directory.coded(post.area.rstrip("/").rpartition("/")[2])) else "",
        "whole_area": queries.scope(work, post).whole_area,
    }
