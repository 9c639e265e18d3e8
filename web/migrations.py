"""Running matters go over to another version: impact, mapping, trial, the move, the report, and back."""

from collections.abc import Callable
from typing import Any

from engine import drafts, migration
from engine.directory import Actor
from engine.queries import Seen
from engine.work import Work
from web import shapes
from web.http import SECURED, APIBlueprint, Body, Field, act, look

routes = APIBlueprint("migrations", __name__, tag="migrations", url_prefix="/api")


class Versions(Body):
    """From which published version to which; the keys of both."""

    from_: str = Field(alias="from", min_length=1, max_length=120)
    to: str = Field(min_length=1, max_length=120)


class Preparing(Versions):
    """From which version to which, and for which area (empty: all that the version and the asker have in common)."""

    area: str = Field(default="", max_length=200)


class Choosing(Body):
    """Where what stands at a node (`from`, its address) of a process goes: an address of the new version, empty to let
    it stay, null to leave it as it is proposed."""

    process: str = Field(min_length=1, max_length=120)
    from_: str = Field(alias="from", min_length=1, max_length=500)
    to: str | None = Field(default=None, max_length=500)


class Nothing(Body):
    """Nothing is said."""


class Page(Body):
    """Which cases, from where on, how many."""

    status: str = Field(default="", max_length=12)
    cursor: str = Field(default="", max_length=400)
    size: int = Field(default=50, ge=1, le=200)


# -- before ------------------------------------------------------------------------------------------


@routes.get("/drafts/<int:id>/impact")
@routes.output(shapes.Impact)
@routes.doc(security=SECURED)
def of_draft(id: int) -> dict[str, Any]:
    """草稿的影响 What the draft would do to the open matters of its base"""

    def found(work: Work, who: Actor) -> dict[str, Any]:
        base = drafts.standing(work, who, id)["base"]
        return migration.impact(work, who, drafts.folder(work, who, id), base)

    return look(found)


@routes.get("/impact")
@routes.input(Versions, location="query")
@routes.output(shapes.Impact)
@routes.doc(security=SECURED)
def of_version(query_data: Versions) -> dict[str, Any]:
    """版本的影响 What a published version would do to the open matters of another"""
    return look(lambda work, who: migration.between(work, who, query_data.from_, query_data.to))


# -- looking -----------------------------------------------------------------------------------------


@routes.get("/migrations")
@routes.output(shapes.Migrations)
@routes.doc(security=SECURED)
def listed() -> dict[str, Any]:
    """迁移 The migrations in my area, the newest first"""
    return look(lambda work, who: {"migrations": migration.listed(work, who)})


@routes.get("/migrations/<int:id>")
@routes.output(shapes.WholeMigration)
@routes.doc(security=SECURED)
def shown(id: int) -> dict[str, Any]:
    """一次迁移 How far it is, where matters stand and go, why some stay"""
    return look(lambda work, who: migration.shown(work, who, id))


@routes.get("/migrations/<int:id>/cases")
@routes.input(Page, location="query")
@routes.output(shapes.MigrationCases)
@routes.doc(security=SECURED)
def cases(id: int, query_data: Page) -> dict[str, Any]:
    """迁移的事项 The matters of a migration; `status`: waiting, movable, stays, moved, undone, kept"""
    return look(lambda work, who: migration.cases(work, who, id, **query_data.model_dump()))


@routes.get("/migrations/<int:id>/report")
@routes.output(shapes.MigrationReport)
@routes.doc(security=SECURED)
def report(id: int) -> dict[str, Any]:
    """迁移报告 The signed report, once it has ended"""
    return look(lambda work, who: migration.report(work, who, id))


# -- doing -------------------------------------------------------------------------------------------


@routes.post("/migrations")
@routes.input(Preparing)
@routes.output(shapes.MigrationMade)
@routes.doc(security=SECURED)
def prepare(json_data: Preparing) -> dict[str, Any]:
    """准备迁移 Prepare a migration: a list of the open matters, with where each would go"""
    old, new, area = json_data.from_, json_data.to, json_data.area
    foreseen = look(lambda work, who: {"found": migration.foresee(work, who, old, new, area)})["found"]
    return act(
        "prepare",
        json_data.model_dump(),
        lambda work, who, _: {"migration": migration.prepare(work, who, old, new, foreseen)},
    )


@routes.post("/migrations/<int:id>/mapping")
@routes.input(Choosing)
@routes.output(shapes.WholeMigration)
@routes.doc(security=SECURED)
def choose(id: int, json_data: Choosing) -> dict[str, Any]:
    """选择去向 Choose where what stands at a node goes"""
    given = json_data.process, json_data.from_, json_data.to
    foreseen = look(lambda work, who: {"found": migration.reconsider(work, who, id, *given)})["found"]

    def do(work: Work, who: Actor, _: Seen) -> dict[str, Any]:
        migration.choose(work, who, id, *given, foreseen)
        return migration.shown(work, who, id)

    return act("choose", {"id": id, **json_data.model_dump()}, do)


@routes.post("/migrations/<int:id>/trial")
@routes.input(Nothing)
@routes.output(shapes.WholeMigration)
@routes.doc(security=SECURED)
def trial(id: int, json_data: Nothing) -> dict[str, Any]:  # noqa: ARG001 (nothing is said)
    """试运行 Try every matter, in transactions that are rolled back"""
    return _done("trial", id, migration.trial)


@routes.post("/migrations/<int:id>/start")
@routes.input(Nothing)
@routes.output(shapes.WholeMigration)
@routes.doc(security=SECURED)
def start(id: int, json_data: Nothing) -> dict[str, Any]:  # noqa: ARG001
    """开始迁移 Move the matters, in the background"""
    return _done("start", id, migration.start)


@routes.post("/migrations/<int:id>/stop")
@routes.input(Nothing)
@routes.output(shapes.WholeMigration)
@routes.doc(security=SECURED)
def stop(id: int, json_data: Nothing) -> dict[str, Any]:  # noqa: ARG001
    """停止 Stop after the matter in hand"""
    return _done("stop", id, migration.stop)


@routes.post("/migrations/<int:id>/resume")
@routes.input(Nothing)
@routes.output(shapes.WholeMigration)
@routes.doc(security=SECURED)
def resume(id: int, json_data: Nothing) -> dict[str, Any]:  # noqa: ARG001
    """继续 Go on where it was stopped"""
    return _done("resume", id, migration.resume)


@routes.post("/migrations/<int:id>/undo")
@routes.input(Nothing)
@routes.output(shapes.WholeMigration)
@routes.doc(security=SECURED)
def undo(id: int, json_data: Nothing) -> dict[str, Any]:  # noqa: ARG001
    """退回 Bring back the matters that have not moved on since"""
    return _done("undo", id, migration.undo)


def _done(name: str, id: int, verb: Callable[[Work, Actor, int], None]) -> dict[str, Any]:
    """A verb that takes nothing but the migration, which is then shown."""

    def do(work: Work, who: Actor, _: Seen) -> dict[str, Any]:
        verb(work, who, id)
        return migration.shown(work, who, id)

    return act(f"migration-{name}", {"id": id}, do)
