"""The one composition root: a database, the handlers of the domain and the web, put together."""

from collections.abc import Callable
from datetime import datetime

from engine import outbox
from engine.store import Store
from engine.work import Engine, system_time
from handlers.registry import HANDLERS
from web import (
    access,
    attachments,
    comparisons,
    dictionary,
    directory,
    disputes,
    drafts,
    grids,
    health,
    http,
    incidents,
    indicators,
    lists,
    matters,
    me,
    migrations,
    packs,
    pages,
    patrols,
    plays,
    procedures,
    public_grids,
    public_requests,
    public_workers,
    registries,
    requests,
    steps,
    vocabulary,
)
from web.http import APIFlask, Site
from web.settings import Settings

BLUEPRINTS = (
    me.routes,
    directory.routes,
    matters.routes,
    steps.routes,
    requests.routes,
    procedures.routes,
    lists.routes,
    incidents.routes,
    attachments.routes,
    grids.routes,
    public_grids.routes,
    public_workers.routes,
    public_requests.routes,
    access.routes,
    disputes.routes,
    dictionary.routes,
    indicators.routes,
    patrols.routes,
    registries.routes,
    packs.routes,
    drafts.routes,
    plays.routes,
    comparisons.routes,
    migrations.routes,
    vocabulary.routes,
)


def make_engine(url: str, now: Callable[[], datetime] = system_time) -> Engine:
    """The engine on a database (`sqlite:///…` or `postgresql://…`), with every handler there is. The schema is
    brought up to date first. Raises `Invalid` on another address, `Unavailable` when it cannot be made ready."""
    store = Store(url)
    store.prepare()
    engine = Engine(store, HANDLERS, now=now)
    if store.dialect == "postgresql":
        with store.transaction() as connection:
            outbox.install(connection)
        engine.enqueue = outbox.Queue(engine).enqueue
    return engine


def create_app(engine: Engine, settings: Settings) -> APIFlask:
    """The web application on an engine."""
    engine.signing_key = engine.signing_key or settings.key_file
    app = http.application(
        Site(
            engine,
            settings,
            frozenset({"me.sign_in", "pages.start"}) | public_grids.OPEN | public_workers.OPEN | public_requests.OPEN,
        )
    )
    health.measure(app)
    for routes in (*BLUEPRINTS, health.routes, pages.routes):
        app.register_blueprint(routes)
    return app
