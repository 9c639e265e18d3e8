"""The names under which diagrams call handlers and guards. A new stage is one line here."""

from collections.abc import Mapping

from engine.work import Duty, Handler
from handlers import (
    admission,
    closing,
    complaints,
    disputes,
    feedback,
    grids,
    instructions,
    liability,
    lists,
    mediation,
    patrols,
    publicity,
    receivers,
    supervision,
    triage,
    workers,
)

HANDLERS: Mapping[str, Handler] = {
    "admission.by_another": Handler("guard", admission.by_another),
    "admission.grant": Handler("enact", admission.grant),
    "admission.lawful": Handler("decide", admission.lawful),
    "admission.withdraw": Handler("enact", admission.withdraw),
    "archive.keep": Handler("decide", closing.keep),
    "complaint.not_accused": Handler("guard", complaints.not_accused),
    "dispute.not_bound": Handler("guard", disputes.not_bound),
    "dispute.record": Handler("enact", disputes.record),
    "feedback.recipient": Handler("decide", feedback.recipient),
    "grid.enact": Handler("enact", grids.enact),
    "grid.examine": Handler("enact", grids.examine),
    "grid.filed": Handler("enact", grids.filed),
    "guard.refuse_instruction": Handler("decide", instructions.refuse),
    "liability.attribute": Handler("enact", liability.attribute),
    "liability.record": Handler("enact", liability.record),
    "list.consulted": Handler("guard", lists.consulted),
    "list.enact": Handler("enact", lists.enact),
    "list.lawful": Handler("enact", lists.lawful),
    "mediation.outcome": Handler("guard", mediation.outcome),
    "patrol.record": Handler("enact", patrols.record),
    "patrol.report": Handler("enact", patrols.report),
    "patrol.visits": Handler("guard", patrols.visits),
    "publication.keep": Handler("enact", publicity.keep),
    "publication.lawful": Handler("guard", publicity.lawful),
    "receiver.find": Handler("enact", receivers.find),
    "supervision.record": Handler("enact", supervision.record),
    "triage.lawful": Handler("guard", triage.lawful),
    "triage.proposed": Handler("decide", triage.proposed),
    "worker.appoint": Handler("enact", workers.appoint),
    "worker.chief": Handler("guard", workers.chief),
    "worker.eligible": Handler("guard", workers.eligible),
    "worker.gate": Handler("decide", workers.gate),
    "worker.leave": Handler("enact", workers.leave),
    "worker.nothing_open": Handler("guard", workers.nothing_open),
}

DUTIES = (
    Duty("patrols", patrols.due, patrols.open_due),
    Duty("grids", grids.due, grids.take_effect),
    Duty("publicity", publicity.due, publicity.catch_up),
)
"""What the clock does beside timers and lights: what a day brings by itself."""
