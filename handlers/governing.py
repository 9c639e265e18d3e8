"""Which pack governs: the law in force at a place on a day, or a draft where the installation is for training."""

from datetime import date

from engine.errors import Refused
from engine.library import Pack
from engine.work import Work


def pack(work: Work, area: str, day: date, key: str | None = None) -> Pack:
    """The pack in force in an area on a day. Where the installation is for training any other may be named; elsewhere
    only the one in force. Raises `Refused` when nothing is in force, and naming a draft, which is never law, or a pack
    that is not in force then: without a day of effect it never is (ZJD-31)."""
    if not key:
        return work.library.in_force(work.connection, area, day)
    named = work.library.pack(work.connection, key)
    if work.library.training(work.connection):
        return named
    if named.force != "law":
        raise Refused(
            "intake.draft",
            f"“{named.title.zh}”是草案，不是法律，只能用于培训和比较，不能办理真实事项。",
            f"“{named.title.en}” is a draft and not law: it serves training and comparison, never a real matter.",
        )
    if named.key != work.library.in_force(work.connection, area, day).key:
        raise Refused(
            "pack.not-in-force",
            f"“{named.title.zh}”在{day}不是此地现行有效的流程包，不能选用。",
            f"“{named.title.en}” is not the pack in force here on {day}: it cannot be chosen.",
        )
    return named
