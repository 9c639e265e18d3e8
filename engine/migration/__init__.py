"""Running cases go over to another version of the rules: what that would do, a trial, the move, a report, and back.

Open `runs.py` first: what administrators do and see. `background.py` does the work, `moving.py` one case of it. The
rest is pure and says where a case goes: `proposal.py`, by the path it has walked (`walk.py`) or node by node
(`rebuild.py`, `places.py`), as far as the new version could stand like that (`markings.py`). `survey.py` counts what
would become of all open cases.
"""

from engine.migration.background import Migrator
from engine.migration.runs import (
    Foreseen,
    between,
    cases,
    choose,
    foresee,
    impact,
    listed,
    prepare,
    reconsider,
    report,
    resume,
    shown,
    start,
    stop,
    trial,
    undo,
)

__all__ = [
    "Foreseen",
    "Migrator",
    "between",
    "cases",
    "choose",
    "foresee",
    "impact",
    "listed",
    "prepare",
    "reconsider",
    "report",
    "resume",
    "shown",
    "start",
    "stop",
    "trial",
    "undo",
]
