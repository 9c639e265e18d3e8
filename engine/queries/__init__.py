"""What people look at: lists, counts and whole matters, read past the verbs, each as one named query.

Whoever asks sees what their post lets them see, in every list, count and single read. A role with one of the
permissions in `SEEING` sees every matter in the area of its unit; all others see what their unit has or had a step
in, what waits for them, and what they hold or have sent themselves. What is missing and what is out of sight get one
answer: `NotFound`.

Lists are read by index ranges over what is *open* (partial indexes), so that they cost the same however many
matters have been closed; pages follow a key and never skip rows. Words for people are made here, day by day where
time is explained: a browser counts no days.

Open `lists.py` first. What may be seen is said in `sight.py`; `pages.py` and `words.py` shape every answer.
"""

from engine.queries.gauges import GAUGES, gauges, last_heartbeat
from engine.queries.lists import Filters, Light, Tab, inbox, incidents, matters, overdue, requests
from engine.queries.matter import attachment, diagram, matter, progress, timeline
from engine.queries.pages import PAGE, PAGES
from engine.queries.sight import (
    Seen,
    inside,
    role,
    scope,
    seen_incident,
    seen_matter,
    seen_record,
    seen_request,
    seen_step,
)
from engine.queries.step import step
from engine.queries.stuck import CAUSES, stuck

__all__ = [
    "CAUSES",
    "GAUGES",
    "PAGE",
    "PAGES",
    "Filters",
    "Light",
    "Seen",
    "Tab",
    "attachment",
    "diagram",
    "gauges",
    "inbox",
    "incidents",
    "inside",
    "last_heartbeat",
    "matter",
    "matters",
    "overdue",
    "progress",
    "requests",
    "role",
    "scope",
    "seen_incident",
    "seen_matter",
    "seen_record",
    "seen_request",
    "seen_step",
    "step",
    "stuck",
    "timeline",
]
