"""The names under which diagrams call handlers and guards. A new stage is one line here."""

from collections.abc import Mapping

from engine.work import Handler
from handlers import closing, feedback, instructions, triage

HANDLERS: Mapping[str, Handler] = {
    "archive.keep": Handler("decide", closing.keep),
    "feedback.recipient": Handler("decide", feedback.recipient),
    "guard.refuse_instruction": Handler("decide", instructions.refuse),
    "triage.lawful": Handler("guard", triage.lawful),
}
