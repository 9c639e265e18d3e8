"""The State Council's notice for a year has come: the year is confirmed, and every open due time is counted again.

The year goes in first, as a new version with its record; then the open cases are taken one by one, each in a
transaction of its own, so that nobody waits long and nothing is lost when it is cut short: the same import again
writes no second version and finds the cases that are still to be done, because counting twice changes nothing.
"""

from collections.abc import Callable, Iterable, Sequence

from engine import cases, census, records
from engine.calendars import Calendar, Change, Year, changes, read_year
from engine.directory import Actor
from engine.errors import Refused, WanggeError, Words
from engine.model import Value, encode_sorted
from engine.publishing import publish_year
from engine.work import MACHINE, Engine, Work


class Report(Value, frozen=True):
    """What an import did: the days that are of another kind now (none when the year was known already), how many
    open cases were looked at, how many due times moved, and the cases that could not be counted, with why."""

    year: int
    version: int
    status: str
    changes: tuple[Change, ...]
    cases: int
    moved: int
    failed: dict[int, Words] = {}


Watch = Callable[[Sequence[int]], Iterable[int]]
"""Hands the cases on one by one; a door shows how far it has come."""


def confirm(engine: Engine, data: bytes, actor: Actor, watch: Watch = iter) -> Report:
    """Takes in the year that a file (JSON, see `read_year`) describes and counts all open due times again.

    Raises `Invalid` with all findings on a faulty file, `Refused` when a confirmed year would become provisional
    again, `Unavailable` when the database cannot be written; the same call again then does the rest.
    """
    year = read_year(data)
    with engine.work() as work:
        changed = _taken_in(work, year)
        version = publish_year(work, year, actor)
        cause = f"{_subject(year)}#{records.head(work.connection, _subject(year)).number}"
    moved, failed = 0, dict[int, Words]()
    with engine.look() as work:
        open_cases = census.all_cases(work.connection, open_only=True)
    for case in watch(open_cases):
        try:
            with engine.work() as work:
                moved += cases.recompute(work, case, cause)
        except WanggeError as error:
            if error.status >= 500:
                raise
            failed[case] = error.words
    return Report(year.year, version, year.status, changed, len(open_cases), moved, failed)


def install(engine: Engine, years: Iterable[Year]) -> list[int]:
    """Brings in the years that come with the product, unless the database knows as much of them already: what an
    administrator has imported stays. Returns the years that were written."""
    written = []
    for year in years:
        with engine.look() as work:
            known = {one.year: one.status for one in work.calendar.years}.get(year.year)
        if known is None or (known, year.status) == ("provisional", "confirmed"):
            confirm(engine, encode_sorted(year), MACHINE)
            written.append(year.year)
    return written


def compare(known: Calendar, year: Year) -> tuple[Change, ...]:
    """The days that become of another kind when this year replaces what is known of it."""
    others = [one for one in known.years if one.year != year.year]
    return changes(known, Calendar.from_years([*others, year], known.schedules))


def _taken_in(work: Work, year: Year) -> tuple[Change, ...]:
    """What this year changes. Whoever imports the same year at the same time waits here."""
    records.head(work.connection, _subject(year))
    known = work.calendar
    if year.status == "provisional" and year.year in known.confirmed:
        raise Refused(
            "calendar.confirmed",
            f"{year.year}年的日历已按国务院通知确认，不能改回暂定。请导入写明通知的文件。",
            f"The calendar of {year.year} is confirmed by notice and cannot become provisional again: "
            "import a file that names its notice.",
        )
    return compare(known, year)


def _subject(year: Year) -> str:
    return f"calendar/{year.year}"
