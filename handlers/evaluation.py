"""What the indicators count as found by workers and as brought in by the public: the ways in of the pack in force."""

from engine.errors import Refused
from engine.library import day_of
from engine.work import Work
from handlers import intake

REQUESTED = "request"
"""Ways in by which somebody asks for something begin with this word."""


def origins(work: Work, area: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ways in by which workers find matters, and those by which the public brings them in; none where no law is in
    force."""
    try:
        pack = work.library.in_force(work.connection, area, day_of(work.now))
    except Refused:
        return (), ()
    requested = tuple(way for way in pack.ways_in if way.startswith(REQUESTED))
    return tuple(way for way in pack.ways_in if intake.by_worker(pack, way) and way not in requested), requested
