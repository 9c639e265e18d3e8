"""Drafts of versions: drawing, checking, review, publication by a second person: `/api/drafts`."""

from collections.abc import Callable
from datetime import date
from typing import Any

from engine import drafts
from engine.directory import Actor
from engine.drafts import LARGEST_FILE
from engine.model import plain
from engine.readings import Read
from engine.work import Work
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look

routes = APIBlueprint("drafts", __name__, tag="drafts", url_prefix="/api/drafts")


class Which(Body):
    """Which drafts: those under way, or with `ended` all."""

    ended: bool = False


class Beginning(Body):
    """A draft over a published version: under which key (`<place>/<day>`), and where (empty: all of one's area)."""

    base: str = Field(min_length=1, max_length=120)
    key: str = Field(min_length=1, max_length=120)
    title: str = Field(min_length=1, max_length=200)
    area: str | None = Field(default=None, max_length=200)


class Saving(Body):
    """A file's new text, null to take it away, and the hash of what one has seen, null where there was none."""

    path: str = Field(min_length=1, max_length=300)
    text: str | None = Field(max_length=LARGEST_FILE)
    based_on: str | None = Field(default=None, max_length=64)


class Reverting(Body):
    """Which change to go back behind; `based_on`: the file's hash, where others have changed it since."""

    change: int
    based_on: str | None = Field(default=None, max_length=64)


class Looking(Body):
    """The file on the screen; empty: none."""

    path: str = Field(default="", max_length=300)


class Checking(Body):
    """The text of one file as it is on the screen, if it is not saved yet."""

    path: str = Field(default="", max_length=300)
    text: str | None = Field(default=None, max_length=LARGEST_FILE)


class Nothing(Body):
    """Nothing more is to be said."""


class Returning(Body):
    """Why the draft is returned."""

    reason: str = Field(min_length=1, max_length=2000)


class Effect(Body):
    """From which day the version is in force."""

    in_force_from: date


# -- looking -----------------------------------------------------------------------------------------


@routes.get("")
@routes.input(Which, location="query")
@routes.output(shapes.Drafts)
@routes.doc(security=SECURED)
def listed(query_data: Which) -> dict[str, Any]:
    """草稿 The drafts in my area"""
    return look(lambda work, who: {"drafts": drafts.listed(work, who, ended=query_data.ended)})


@routes.get("/<int:id>")
@routes.output(shapes.DraftWhole)
@routes.doc(security=SECURED)
def shown(id: int) -> dict[str, Any]:
    """一份草稿 A draft with its files, and who is looking at it"""
    return look(lambda work, who: drafts.shown(work, who, id))


@routes.get("/<int:id>/files/<path:path>")
@routes.output(shapes.PackFile)
@routes.doc(security=SECURED)
def file(id: int, path: str) -> dict[str, Any]:
    """草稿中的文件 A file of a draft"""
    return look(lambda work, who: drafts.read(work, who, id, path))


@routes.get("/<int:id>/files")
@routes.output(shapes.DraftTexts)
@routes.doc(security=SECURED)
def files(id: int) -> dict[str, Any]:
    """草稿的全部文件 All files of a draft but the example cases, with their texts"""
    return look(lambda work, who: {"files": drafts.texts(work, who, id)})


@routes.get("/<int:id>/history")
@routes.output(shapes.DraftHistory)
@routes.doc(security=SECURED)
def history(id: int) -> dict[str, Any]:
    """修改记录 Every change, the newest first"""
    return look(lambda work, who: {"changes": drafts.history(work, who, id)})


@routes.post("/<int:id>/check")
@routes.input(Checking)
@routes.output(shapes.DraftChecked)
@routes.doc(security=SECURED)
def check(id: int, json_data: Checking) -> dict[str, Any]:
    """检查 What is wrong with the draft, with one file as it is on the screen; nothing is stored"""
    return look(lambda work, who: _checked(drafts.check(work, who, id, json_data.path, json_data.text)))


def _checked(found: Read) -> dict[str, Any]:
    return {
        "publishable": found.publishable,
        "findings": [
            {"name": "", "article": "", "path": [], "file": "", **plain(finding)} for finding in found.findings
        ],
    }


# -- drawing -----------------------------------------------------------------------------------------


@routes.post("")
@routes.input(Beginning)
@routes.output(shapes.DraftMade)
@routes.doc(security=SECURED)
def create(json_data: Beginning) -> dict[str, Any]:
    """新建草稿 A new draft over a published version"""
    given = json_data.model_dump()
    return act("create-draft", given, lambda work, who, _: {"draft": drafts.create(work, who, **given)})


@routes.post("/<int:id>/files")
@routes.input(Saving)
@routes.output(shapes.DraftSaved)
@routes.doc(security=SECURED)
def save(id: int, json_data: Saving) -> dict[str, Any]:
    """保存文件 Save a file, if nobody else has changed it meanwhile"""
    given = json_data.model_dump()
    return act("save-draft", given, lambda work, who, _: drafts.save(work, who, id, **given))


@routes.post("/<int:id>/revert")
@routes.input(Reverting)
@routes.output(shapes.DraftSaved)
@routes.doc(security=SECURED)
def revert(id: int, json_data: Reverting) -> dict[str, Any]:
    """退回到修改前 Put a file back to what it was before a change, as a new change"""
    given = json_data.model_dump()
    return act("revert-draft", given, lambda work, who, _: drafts.revert(work, who, id, **given))


@routes.post("/<int:id>/presence")
@routes.input(Looking)
@routes.output(shapes.DraftPresence)
@routes.doc(security=SECURED)
def presence(id: int, json_data: Looking) -> dict[str, Any]:
    """我在看 I have this file on the screen; who else is here"""
    return act(
        "look-at-draft", json_data.model_dump(), lambda work, who, _: drafts.look_at(work, who, id, json_data.path)
    )


# -- review ------------------------------------------------------------------------------------------


@routes.post("/<int:id>/submit")
@routes.input(Nothing, arg_name="_")
@routes.output(shapes.DraftStanding)
@routes.doc(security=SECURED)
def submit(id: int, _: Nothing) -> dict[str, Any]:
    """送请审定 Hand the draft over to be reviewed"""
    return _done("submit-draft", id, {}, lambda work, who: drafts.submit(work, who, id))


@routes.post("/<int:id>/return")
@routes.input(Returning)
@routes.output(shapes.DraftStanding)
@routes.doc(security=SECURED)
def give_back(id: int, json_data: Returning) -> dict[str, Any]:
    """退回修改 Return the draft with a reason, or take back one's own"""
    reason = json_data.reason
    return _done("return-draft", id, {"reason": reason}, lambda work, who: drafts.give_back(work, who, id, reason))


@routes.post("/<int:id>/drop")
@routes.input(Nothing, arg_name="_")
@routes.output(shapes.DraftStanding)
@routes.doc(security=SECURED)
def drop(id: int, _: Nothing) -> dict[str, Any]:
    """放弃草稿 Give the draft up"""
    return _done("drop-draft", id, {}, lambda work, who: drafts.drop(work, who, id))


@routes.post("/<int:id>/publish")
@routes.input(Effect)
@routes.output(shapes.Published)
@routes.doc(security=SECURED)
def publish(id: int, json_data: Effect) -> dict[str, Any]:
    """批准并发布 Approve and publish, by somebody who had no part in drawing it"""
    day = json_data.in_force_from
    return act(
        "publish-draft", {"in_force_from": day.isoformat()}, lambda work, who, _: drafts.publish(work, who, id, day)
    )


def _done(verb: str, id: int, given: dict[str, Any], do: Callable[[Work, Actor], None]) -> dict[str, Any]:
    """Does one verb, and says how the draft then stands."""

    def acted(work: Work, who: Actor, _: object) -> dict[str, Any]:
        do(work, who)
        return drafts.standing(work, who, id)

    return act(verb, given, acted)
