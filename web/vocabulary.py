"""What a diagram can call: handlers and guards, and the functions of the expression language: `/api/vocabulary`."""

from typing import Any

from engine.directory import Actor
from engine.expressions import FUNCTIONS
from engine.work import Handler, Work
from web import shapes
from web.http import SECURED, APIBlueprint, look

routes = APIBlueprint("vocabulary", __name__, tag="drafts", url_prefix="/api/vocabulary")


@routes.get("")
@routes.output(shapes.Vocabulary)
@routes.doc(security=SECURED)
def shown() -> dict[str, Any]:
    """可用的处理程序与函数 The handlers and functions that a diagram can use"""
    return look(_told)


def _told(work: Work, _: Actor) -> dict[str, Any]:
    return {
        "handlers": [
            {"name": name, "kind": handler.kind, "doc": _doc(handler)}
            for name, handler in sorted(work.handlers.items())
        ],
        "functions": [{"name": name, "zh": one.zh, "en": one.en} for name, one in sorted(FUNCTIONS.items())],
    }


def _doc(handler: Handler) -> str:
    """What a handler says of itself: its own words, else the first sentence of its code's."""
    return handler.doc or " ".join((handler.run.__doc__ or "").partition(". ")[0].split())
