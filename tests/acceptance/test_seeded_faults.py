"""What somebody may do to a shipped diagram in good faith, and who finds it before publication.

Each line breaks one thing: a flow led past a step, a condition shortened, an event made interrupting, a step moved to
another unit, a limit taken away. The check named must see it. Where several rightly do, one is named. Of the shipped
packs themselves there is nothing but advice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import pytest
from lxml import etree

from engine import bpmn
from engine.checks import check, law, rules
from engine.decisions import Rule
from engine.definition import Definition
from engine.errors import Finding
from engine.library import Pack
from engine.limits import Basis, Limit
from engine.model import replace
from engine.publishing import PACKS, Folder, read_folder
from handlers.registry import HANDLERS

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
WANGGE = "{urn:wangge:bpmn:1}"
ATTRIBUTES = ("role", "unit", "form", "limit", "status", "basis")
"""Words of a step that stand as attributes; the others are properties."""
REFERENCES = ("incoming", "outgoing", "flowNodeRef")

Tree = Any
"""An element of lxml, which types what it finds too widely to be of use here."""
Draw = Callable[[Tree], None]
Change = Callable[[Pack], Pack]


class Fault(NamedTuple):
    """A diagram of a pack, what is done to it (or to the pack), and the check that has to say so."""

    pack: str
    file: str
    edits: Sequence[Draw]
    expected: str
    pack_edit: Change | None = None


# -- what can be done to a diagram -----------------------------------------------------------------------


def _named(tree: Tree, id: str) -> Tree:
    found = tree.xpath("//*[@id=$id]", id=id)
    assert len(found) == 1, f"{id} is there {len(found)} times"
    return found[0]


def _remove(element: Tree) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


def _forget(tree: Tree, id: str) -> None:
    """Removes what refers to an element: flow ends, lanes, the drawing."""
    for name in REFERENCES:
        for one in tree.xpath(f"//*[local-name()='{name}' and normalize-space()=$id]", id=id):
            _remove(one)
    for one in tree.xpath("//*[@bpmnElement=$id]", id=id):
        _remove(one)


def drop(id: str) -> Draw:
    """A node or a flow is deleted, with all that hangs on it."""

    def draw(tree: Tree) -> None:
        element = _named(tree, id)
        for one in tree.xpath("//*[@sourceRef=$id or @targetRef=$id or @attachedToRef=$id]", id=id):
            if one.getparent() is not None:
                draw_of = drop(one.get("id"))
                draw_of(tree)
        for inner in element.iter():
            if inner.get("id"):
                _forget(tree, inner.get("id"))
        _remove(element)

    return draw


def lead(flow: str, target: str) -> Draw:
    """A flow is led to another node."""

    def draw(tree: Tree) -> None:
        element, end = _named(tree, flow), _named(tree, target)
        for one in tree.xpath("//*[local-name()='incoming' and normalize-space()=$id]", id=flow):
            _remove(one)
        element.set("targetRef", target)
        incoming = etree.Element(f"{BPMN}incoming")
        incoming.text = flow
        first = next((i for i, one in enumerate(end) if one.tag not in (f"{BPMN}extensionElements",)), len(end))
        end.insert(first, incoming)

    return draw


def condition(flow: str, text: str) -> Draw:
    """The condition of a flow is another one."""

    def draw(tree: Tree) -> None:
        (expression,) = _named(tree, flow).iter(f"{BPMN}conditionExpression")
        expression.text = text

    return draw


def word(id: str, name: str, value: str = "") -> Draw:
    """A property of a step (or a lane) gets another value, or is taken away."""

    def draw(tree: Tree) -> None:
        element = _named(tree, id)
        for one in element.findall(f"{BPMN}extensionElements/{WANGGE}property[@name='{name}']"):
            _remove(one)
        element.attrib.pop(f"{WANGGE}{name}", None)
        if value and name in ATTRIBUTES:
            element.set(f"{WANGGE}{name}", value)
        elif value:
            _properties(element).append(etree.Element(f"{WANGGE}property", name=name, value=value))

    return draw


def _properties(element: Tree) -> Tree:
    found = element.find(f"{BPMN}extensionElements")
    if found is None:
        found = etree.Element(f"{BPMN}extensionElements")
        element.insert(0, found)
    return found


def attribute(id: str, name: str, value: str) -> Draw:
    return lambda tree: _named(tree, id).set(name, value)


def kind(id: str, tag: str) -> Draw:
    """A node becomes one of another kind."""

    def draw(tree: Tree) -> None:
        _named(tree, id).tag = f"{BPMN}{tag}"

    return draw


def script(id: str, old: str, new: str) -> Draw:
    def draw(tree: Tree) -> None:
        (text,) = _named(tree, id).iter(f"{BPMN}script")
        assert text.text is not None
        assert old in text.text
        text.text = text.text.replace(old, new)

    return draw


def without(id: str, name: str) -> Draw:
    """An attribute is taken away."""

    def draw(tree: Tree) -> None:
        del _named(tree, id).attrib[name]

    return draw


def timer(id: str, text: str) -> Draw:
    def draw(tree: Tree) -> None:
        (duration,) = _named(tree, id).iter(f"{BPMN}timeDuration")
        duration.text = text

    return draw


def once(id: str) -> Draw:
    """An activity no longer repeats."""

    def draw(tree: Tree) -> None:
        (loop,) = _named(tree, id).findall(f"{BPMN}multiInstanceLoopCharacteristics")
        _remove(loop)

    return draw


def insert(flow: str, **words: str) -> Draw:
    """A step that somebody has to do is put into a flow."""

    def draw(tree: Tree) -> None:
        element = _named(tree, flow)
        target, parent = element.get("targetRef"), element.getparent()
        assert parent is not None
        step = etree.SubElement(parent, f"{BPMN}userTask", id="added", name="领导批示")
        for name, value in words.items():
            step.set(f"{WANGGE}{name}", value)
        etree.SubElement(parent, f"{BPMN}sequenceFlow", id="added_on", sourceRef="added", targetRef=target)
        etree.SubElement(step, f"{BPMN}outgoing").text = "added_on"
        lead("added_on", target)(tree)
        lead(flow, "added")(tree)

    return draw


def bypass(node: str, target: str) -> Draw:
    """A node is deleted, and what led to it leads to another one."""

    def draw(tree: Tree) -> None:
        flows = [one.get("id") for one in tree.xpath("//*[@targetRef=$id]", id=node)]
        for flow in flows:
            lead(flow, target)(tree)
        drop(node)(tree)

    return draw


# -- what can be done to a pack --------------------------------------------------------------------------


def setting(path: str, value: Any) -> Change:
    def change(pack: Pack) -> Pack:
        *outer, last = path.split(".")
        settings = _copied(pack.settings, outer)
        inner = settings
        for name in outer:
            inner = inner[name]
        inner[last] = value
        return replace(pack, settings=settings)

    return change


def _copied(data: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    first = path[:1]
    return {**data, **{name: _copied(data[name], path[1:]) for name in first}}


def no_limit(key: str) -> Change:
    """A limit becomes a documented "no limit"."""
    none = Limit(key, Basis("local_rule", document="内部通知", set_by="机构"), none=True)
    return lambda pack: replace(pack, limits={**pack.limits, key: none})


def not_offered(form: str, field: str, choice: str) -> Change:
    """A form no longer offers a choice."""

    def change(pack: Pack) -> Pack:
        given = pack.forms[form]
        choices = [one for one in given["properties"][field]["enum"] if one != choice]
        fields = {**given["properties"], field: {**given["properties"][field], "enum": choices}}
        return replace(pack, forms={**pack.forms, form: {**given, "properties": fields}})

    return change


def not_required(form: str, field: str) -> Change:
    def change(pack: Pack) -> Pack:
        given = pack.forms[form]
        required = [one for one in given["required"] if one != field]
        return replace(pack, forms={**pack.forms, form: {**given, "required": required}})

    return change


def in_all(key: str, days: int) -> Change:
    """A limit of so many working days, by a local rule: for a process, what all of it may take."""
    limit = Limit(key, Basis("local_rule", document="内部通知", set_by="机构"), days, "working_day")
    return lambda pack: replace(pack, limits={**pack.limits, key: limit})


def without_row(table: str, row: str) -> Change:
    return _rows(table, lambda rows: [one for one in rows if not one.id.startswith(row)])


def row_first(table: str, row: str) -> Change:
    return _rows(table, lambda rows: sorted(rows, key=lambda one: one.id != row))


def _rows(table: str, change: Callable[[Sequence[Rule]], Sequence[Rule]]) -> Change:
    def changed(pack: Pack) -> Pack:
        old = pack.decisions[table]
        rows = tuple(change(old.rules))
        assert rows != old.rules
        return replace(pack, decisions={**pack.decisions, table: replace(old, rules=rows)})

    return changed


# -- the faults ------------------------------------------------------------------------------------------

ZJ, ZJD, JS, X3, LZ = (
    "zhenjiang/2026-01-01",
    "zhenjiang/2025-draft",
    "jiangsu/2021-01-01",
    "unnamed-2023/2023-01-01",
    "luzhou/2024-10-01",
)


def fault(pack: str, file: str, expected: str, *edits: Draw, pack_edit: Change | None = None) -> Fault:
    return Fault(pack, file, edits, expected, pack_edit)


WORKER_MAY = 'listed and performer == "grid_worker" and not requires_enforcement_power'

FAULTS = [
    # matters in Zhenjiang: the worker's part
    fault(ZJ, "matter", "law.zj-13.2-verify-before-self-handling", lead("found_to_verify", "may_self_handle")),
    fault(
        ZJ,
        "matter",
        "law.zj-10-instruction-off-list-stopped",
        condition("worker_may_act_to_verify", 'performer == "grid_worker" and not requires_enforcement_power'),
    ),
    fault(
        ZJ,
        "matter",
        "law.zj-10-instruction-for-others-stopped",
        condition("worker_may_act_to_verify", "listed and not requires_enforcement_power"),
    ),
    fault(
        ZJ,
        "matter",
        "law.js-16.3-enforcement-task-stopped",
        condition("worker_may_act_to_verify", 'listed and performer == "grid_worker"'),
    ),
    fault(ZJ, "matter", "law.js-16.3-off-list-task-stopped", lead("instruction_pushed_to_worker_may_act", "verify")),
    fault(
        ZJ,
        "matter",
        "law.zj-10-instruction-logged-when-returned",
        lead("worker_may_act_to_refuse_instruction", "instruction_returned"),
    ),
    fault(
        ZJ,
        "matter",
        "law.zj-10-self-handling-only-on-list",
        condition("may_self_handle_to_self_handle", 'performer == "grid_worker" and not requires_enforcement_power'),
    ),
    fault(ZJ, "matter", "law.zj-10-handling-mode-kept", condition("may_self_handle_to_self_handle", WORKER_MAY)),
    fault(
        ZJ,
        "matter",
        "law.js-16.3-no-enforcement-by-workers",
        condition("may_self_handle_to_self_handle", 'listed and handling_mode == "self_handle"'),
    ),
    fault(ZJ, "matter", "law.zj-13.2-way-out-to-the-agency", lead("self_handled_to_escalate", "check")),
    fault(
        ZJ,
        "matter",
        "law.zj-13.2-escalation-goes-to-the-agency",
        insert("escalate_to_propose_triage", role="grid_chief", unit="grid", form="escalate", limit="escalate"),
    ),
    fault(ZJ, "matter", "law.zj-13.2-escalation-goes-to-the-agency", word("triage", "unit", "higher_agency")),
    fault(ZJ, "matter", "law.zj-10-dispatch-to-workers-guarded", word("triage", "guard")),
    # … the agency's and the departments' part
    fault(ZJ, "matter", "law.zj-13.3-limit-on-triage", word("triage", "limit")),
    fault(ZJ, "matter", "law.zj-13.3-limit-on-every-dispatched-step", word("handle", "limit")),
    fault(ZJ, "matter", "law.zj-13.3-limit-on-every-dispatched-step", pack_edit=no_limit("feedback")),
    fault(ZJ, "matter", "law.zj-13.3-both-outcomes", pack_edit=not_offered("triage", "triage_outcome", "dispatch")),
    fault(
        ZJ,
        "matter",
        "law.zj-13.3-coordinate-leads-to-coordination",
        lead("triaged_to_coordinate", "department_handling"),
    ),
    fault(ZJ, "matter", "law.zj-13.3-dispatch-leads-to-departments", drop("triaged_to_department_handling")),
    fault(ZJ, "matter", "law.zj-13.3-tracking", drop("supervision")),
    fault(ZJ, "matter", "law.zj-13.3-tracking", attribute("supervised", "isInterrupting", "true")),
    fault(ZJ, "matter", "law.zj-13.3-supervised-unit-replies", word("reply_supervision", "limit")),
    fault(ZJ, "matter", "law.zj-13.3-feedback-after-handling", lead("handle_to_feedback", "fed_back")),
    fault(ZJ, "matter", "law.zj-13.3-feedback-after-handling", bypass("feedback", "fed_back")),
    fault(ZJ, "matter", "law.js-29.2-feedback-says-what-was-done", pack_edit=not_required("feedback", "result")),
    fault(ZJ, "matter", "law.zj-13.3-feedback-reaches-the-agency", lead("all_fed_back_to_check", "to_close")),
    fault(ZJ, "matter", "law.zj-13.3-feedback-reaches-the-agency", word("check", "unit", "higher_agency")),
    fault(
        ZJ,
        "matter",
        "law.zj-13.3-unfinished-goes-back-to-triage",
        condition("all_fed_back_to_triage", 'not contains(results, "completed")'),
    ),
    # … disputes
    fault(ZJ, "matter", "law.zj-13.4-dispute-can-be-raised", drop("disputed_at_handle")),
    fault(ZJ, "matter", "law.zj-13.4-only-departments-raise", word("accept", "role", "grid_worker")),
    fault(ZJ, "matter", "law.zj-13.4-dispute-is-settled", lead("dispute_open_at_accept_to_settle_dispute", "accept")),
    fault(ZJ, "matter", "law.zj-13.4-decided-unit-is-bound", lead("settle_dispute_to_bind_unit", "accept")),
    fault(ZJ, "matter", "law.no-second-dispute", condition("dispute_open_at_accept_to_settle_dispute", "True")),
    fault(ZJ, "matter", "law.no-second-dispute", condition("dispute_open_at_handle_to_settle_dispute", "True")),
    fault(ZJ, "dispute", "law.zj-13.4-coordination-before-decision", lead("dispute_raised_to_mediate", "decide")),
    fault(ZJ, "dispute", "law.zj-13.4-coordination-before-decision", word("mediate", "unit", "government")),
    fault(ZJ, "dispute", "law.zj-13.4-no-decision-after-agreement", lead("mediated_to_record_agreement", "decide")),
    fault(ZJ, "dispute", "law.zj-13.4-failed-coordination-is-decided", lead("mediated_to_decide", "agreed")),
    fault(
        ZJ,
        "dispute",
        "law.zj-13.4-government-decides",
        word("decide", "role", "mediator"),
        word("decide", "unit", "agency"),
    ),
    fault(ZJ, "dispute", "law.zj-13.4-outcome-recorded", lead("decide_to_record_decision", "decided")),
    # … emergencies
    fault(ZJ, "matter", "law.zj-14-at-any-time", drop("emergency_path")),
    fault(ZJ, "matter", "law.zj-14-at-any-time", word("emergency_raised", "setting", "emergency")),
    fault(ZJ, "matter", "law.zj-13.4-dispute-can-be-raised", word("disputed_at_accept", "setting", "dispute")),
    fault(ZJ, "matter", "law.zj-14-at-any-time", attribute("emergency_raised", "isInterrupting", "true")),
    fault(
        ZJ,
        "matter",
        "law.zj-14-nothing-before-the-emergency",
        insert("emergency_raised_to_report_emergency", role="duty_officer", unit="agency", form="check", limit="check"),
    ),
    fault(
        ZJ,
        "emergency",
        "law.zj-14-report-at-once",
        insert("reported_to_respond", role="duty_officer", unit="agency", form="check", limit="check"),
    ),
    fault(
        ZJ,
        "emergency",
        "law.zj-14-assist-beside-the-report",
        drop("respond_to_report_to_government"),
        lead("assistance_over_to_response_over", "report_to_government"),
    ),
    fault(
        ZJ,
        "emergency",
        "law.zj-14-report-after-the-workers",
        insert("report_to_township_to_reported", role="duty_officer", unit="township", form="check", limit="check"),
    ),
    fault(ZJ, "emergency", "law.zj-14-report-at-once", word("report_to_government", "unit", "township")),
    fault(ZJ, "emergency", "law.zj-14-government-signs", bypass("government_receipt", "response_over")),
    fault(ZJ, "emergency", "law.js-30-part-time-through-the-chief", lead("who_reports_to_chief_forwards", "reported")),
    fault(
        ZJ, "emergency", "law.js-30-workers-report-to-township", lead("who_reports_to_report_to_township", "reported")
    ),
    fault(
        ZJ,
        "emergency",
        "law.js-30-handling-beside-the-report",
        drop("respond_to_report_to_departments"),
        lead("township_handles_to_response_over", "report_to_departments"),
    ),
    fault(ZJ, "emergency", "law.js-30-report-falls-due", word("report_to_township", "limit")),
    fault(ZJ, "emergency", "soundness.deadlock", kind("respond", "exclusiveGateway")),
    # … and the end
    fault(ZJ, "matter", "law.js-29.2-inform-before-closing", lead("needs_informing_to_inform", "close")),
    fault(ZJ, "matter", "law.js-29.2-inform-before-closing", lead("requester_of_void_to_inform_void", "archive_void")),
    fault(ZJ, "matter", "law.js-29.2-inform-before-closing", lead("verified_to_to_close", "close")),
    fault(
        ZJ,
        "matter",
        "law.js-29.2-inform-before-closing",
        condition("needs_informing_to_inform", "has_requester and not through_worker"),
    ),
    fault(ZJ, "matter", "law.archive-before-the-end", lead("close_to_archive", "archived")),
    fault(ZJ, "matter", "law.closed-before-archived", lead("inform_to_close", "archive")),
    fault(ZJ, "matter", "law.checked-by-another", word("check", "separate_from", "self_handle")),
    fault(ZJ, "matter", "law.checked-after-self-handling", lead("self_handled_to_check", "to_close")),
    fault(ZJ, "matter", "law.voiding-ends-everything", attribute("void_approved", "isInterrupting", "false")),
    fault(ZJ, "matter", "law.every-step-has-a-limit", word("inform", "limit")),
    # references and what the reader sees
    fault(ZJ, "matter", "reference.role", word("handle", "role", "handlers")),
    fault(ZJ, "matter", "reference.article", word("triage", "basis", "ZJ-99.9")),
    fault(ZJ, "matter", "reference.status", word("close", "status", "finished")),
    fault(ZJ, "dispute", "soundness.deadlock", kind("mediated", "eventBasedGateway")),
    # what makes a case stop, whatever the law says
    fault(ZJ, "dispute", "soundness.dead", drop("mediated_to_record_agreement")),
    fault(ZJ, "emergency", "soundness.deadlock", kind("respond", "exclusiveGateway")),
    fault(
        ZJ,
        "emergency",
        "soundness.lack-of-synchronisation",
        lead("township_handles_to_response_over", "report_to_departments"),
    ),
    fault(ZJ, "dispute", "soundness.livelock", lead("record_decision_to_decided", "decide")),
    # … and what people and the engine need
    fault(ZJ, "matter", "form.condition-missing", without("self_handled", "default")),
    fault(
        ZJ,
        "matter",
        "form.default",
        condition("triaged_to_coordinate", 'triage_outcome == "coordinate" and urgency == "urgent"'),
    ),
    fault(ZJ, "matter", "form.without-name", without("verified", "name")),
    fault(
        ZJ,
        "matter",
        "form.without-role",
        word("handle", "role"),
        word("handle", "unit"),
        word("lane_department", "role"),
    ),
    fault(ZJ, "matter", "form.without-form", word("handle", "form")),
    fault(ZJ, "matter", "form.without-limit", word("close", "limit")),
    fault(ZJ, "matter", "form.without-status", word("handle", "status")),
    fault(ZJ, "matter", "form.without-basis", word("triage", "basis")),
    fault(ZJ, "matter", "form.type", condition("self_handled_to_check", 'self_handle_outcome == "done"')),
    fault(ZJ, "matter", "form.record-field", condition("self_handled_to_check", 'measures == "done"')),
    fault(ZJ, "matter", "form.undeclared", condition("self_handled_to_check", 'outcome == "handled"')),
    fault(ZJ, "matter", "form.unknown-handler", attribute("refuse_instruction", f"{WANGGE}handler", "guard.refuse")),
    fault(ZJ, "matter", "form.unknown-guard", word("triage", "guard", "triage.legal")),
    fault(ZJ, "matter", "form.unknown-step", word("check", "separate_from", "handling")),
    fault(ZJ, "matter", "reference.limit", word("handle", "limit", "handle_slow")),
    fault(ZJ, "matter", "reference.form", word("handle", "form", "handling")),
    # … changes of status that would be refused
    fault(ZJ, "matter", "statuses.unlawful", lead("dispute_open_at_handle_to_handle", "accept")),
    fault(ZJ, "matter", "statuses.unlawful", word("feedback", "status", "to_sign_for")),
    fault(ZJ, "matter", "statuses.unlawful", word("close", "status", "handling")),
    # … tables and time
    fault(ZJ, "matter", "tables.gap", pack_edit=without_row("triage", "unlisted")),
    fault(ZJ, "matter", "tables.covered", pack_edit=row_first("triage", "unlisted")),
    fault(ZJ, "grid_change", "time.too-long", pack_edit=in_all("grid_change", 1)),
    # procedures in Zhenjiang
    fault(ZJ, "grid_change", "law.zj-6.1-consultation-before-effect", lead("examine_to_consultation", "put_in_force")),
    fault(ZJ, "grid_change", "law.zj-6.1-consultation-before-effect", once("consultation")),
    fault(
        ZJ,
        "grid_change",
        "law.zj-6.1-consultation-is-answered",
        lead("begin_consultation_to_consult", "opinion_given"),
    ),
    fault(ZJ, "grid_change", "law.zj-6.1-consultation-is-answered", word("consult", "unit", "own_unit")),
    fault(ZJ, "grid_change", "law.zj-6.2-filed-with-the-city", lead("enact_to_file", "in_force")),
    fault(
        ZJ,
        "grid_change",
        "law.zj-6.2-filing-never-blocks",
        lead("decided_to_enact", "file"),
        lead("register_filing_to_in_force", "enact"),
        lead("enact_to_file", "in_force"),
    ),
    fault(
        ZJ,
        "list_change",
        "law.zj-8.1-departments-before-list-change",
        lead("list_reviewed_to_list_opinion", "list_decide"),
    ),
    fault(
        ZJ, "list_change", "law.zj-8.1-agency-decides-list-change", lead("list_opinion_to_list_decide", "enact_list")
    ),
    fault(ZJ, "list_change", "law.zj-8.1-list-published", lead("enact_list_to_list_publish", "list_enacted")),
    fault(
        ZJ,
        "list_change",
        "law.zj-8.3-list-change-examined",
        lead("list_change_applied_to_check_list_change", "list_review"),
    ),
    fault(ZJ, "worker_onboarding", "law.zj-23-gate-before-appointment", lead("cleared_to_check_training", "ready")),
    fault(ZJ, "worker_onboarding", "law.zj-23-untrained-not-appointed", lead("trained_to_not_trained", "ready")),
    fault(
        ZJ, "worker_onboarding", "law.zj-23-training-gate-set", pack_edit=setting("training_gate.roles.grid_worker", [])
    ),
    fault(
        ZJ,
        "worker_onboarding",
        "law.js-12.2-chief-with-the-committees",
        lead("kind_known_to_consult_village_on_chief", "determine_chief"),
    ),
    fault(ZJ, "worker_onboarding", "law.js-12.2-chief-is-eligible", word("determine_chief", "guard")),
    fault(
        ZJ, "worker_onboarding", "law.js-14-full-time-is-eligible", lead("kind_known_to_check_eligibility", "cleared")
    ),
    fault(ZJ, "worker_onboarding", "law.js-14-not-eligible-not-appointed", lead("eligible_to_not_eligible", "cleared")),
    fault(ZJ, "complaint", "law.js-19.2-handled-by-another", word("take_measures", "guard")),
    fault(ZJ, "complaint", "law.js-19.2-in-time", word("examine_complaint", "limit")),
    fault(
        ZJ,
        "complaint",
        "law.complainant-gets-a-reply",
        lead("complaint_examined_to_complaint_dealt_with", "complaint_settled"),
    ),
    fault(ZJ, "liability", "law.js-40-county-determines", word("determine_bearer", "unit", "township_government")),
    fault(
        ZJ, "worker_exit", "law.work-handed-over-before-leaving", lead("exit_settled_to_hand_over_work", "end_posts")
    ),
    fault(
        ZJ,
        "admission_to_data",
        "law.admission-by-another-agency",
        lead("check_admission_to_approve_admission", "grant_admission"),
    ),
    # Jiangsu
    fault(JS, "matter", "law.js-16.3-dispatch-guarded", word("check", "guard")),
    fault(
        JS,
        "matter",
        "law.js-16.3-only-listed-by-workers",
        condition("may_self_handle_to_self_handle", 'performer == "grid_worker" and not requires_enforcement_power'),
    ),
    fault(
        JS,
        "matter",
        "law.js-16.3-for-others-task-stopped",
        condition("worker_may_act_to_verify", "listed and not requires_enforcement_power"),
    ),
    fault(
        JS,
        "matter",
        "law.js-30-nothing-before-the-report",
        insert("emergency_raised_to_report_emergency", role="duty_officer", unit="agency", form="check", limit="check"),
    ),
    fault(JS, "matter", "law.signed-before-handled", lead("take_assignment_to_accept", "handle")),
    fault(JS, "list_change", "law.js-10.1-agency-adopts", lead("list_opinion_to_list_adopt", "enact_list")),
    fault(JS, "list_change", "law.js-10.1-list-published", bypass("list_publish", "list_enacted")),
    fault(JS, "liability", "law.js-40-township-asks", lead("attribute_acts_to_bear_or_ask", "determine_bearer")),
    fault(
        ZJ,
        "worker_onboarding",
        "law.zj-23-training-gate-set-for-chiefs",
        pack_edit=setting("training_gate.roles.grid_chief", []),
    ),
    fault(JS, "matter", "law.js-21-feedback-after-handling", lead("handle_to_feedback", "fed_back")),
    fault(JS, "matter", "law.js-16.3-off-list-task-stopped", lead("task_entrusted_to_worker_may_act", "verify")),
    fault(JS, "matter", "law.js-29.2-inform-before-closing", bypass("inform", "close")),
    fault(JS, "matter", "law.js-29.2-in-time", word("handle", "limit")),
    fault(JS, "matter", "law.js-30-at-any-time", drop("emergency_path")),
    fault(
        JS,
        "emergency",
        "law.js-30-workers-report-to-township",
        lead("which_worker_to_chief_reports", "worker_reported"),
    ),
    fault(
        JS,
        "emergency",
        "law.js-30-handling-beside-the-report",
        drop("respond_to_report_to_departments"),
        lead("handling_over_to_response_over", "report_to_departments"),
    ),
    fault(JS, "grid_change", "law.js-7-filed-with-the-city", lead("enact_to_file", "in_force")),
    fault(
        JS,
        "list_change",
        "law.js-10.1-departments-before-list-change",
        lead("check_list_change_to_list_opinion", "list_adopt"),
    ),
    # the city of 2023
    fault(
        X3,
        "matter",
        "law.x3-19.4-returned-is-logged",
        lead("exception_allowed_to_refuse_instruction", "instruction_returned"),
    ),
    fault(X3, "matter", "law.x3-20.2-both-outcomes", pack_edit=not_offered("triage", "triage_outcome", "ask_higher")),
    fault(X3, "coordinate_level", "law.x3-20.2-limit-on-triage", word("coordinate_city", "limit")),
    fault(
        X3,
        "coordinate_level",
        "law.x3-20.2-city-at-the-top",
        condition("which_level_to_coordinate_county", "level >= 1"),
    ),
    fault(X3, "matter", "law.x3-20.3-feedback-after-handling", lead("find_recipient_to_feedback", "fed_back_to")),
    fault(X3, "matter", "law.x3-20.3-in-time", pack_edit=no_limit("accept")),
    fault(X3, "matter", "law.x3-20.3-supervised-unit-replies", word("reply_supervision", "unit", "township")),
    fault(X3, "grid_change", "law.x3-8.1-filed-with-the-city", bypass("register_filing", "in_force")),
    fault(X3, "grid_change", "law.x3-8.1-filing-never-blocks", lead("approved_to_enact", "file")),
    fault(X3, "list_change", "law.x3-19.1-list-published", lead("enact_list_to_list_publish", "list_enacted")),
    fault(X3, "worker_onboarding", "law.x3-14.3-gate-before-appointment", lead("eligible_to_check_training", "ready")),
    fault(X3, "worker_onboarding", "law.x3-14.3-untrained-not-appointed", condition("trained_to_ready", "True")),
    fault(X3, "worker_onboarding", "law.x3-14.3-training-gate-set", pack_edit=setting("training_gate.roles", {})),
    fault(X3, "complaint", "law.complaint-by-another", word("examine_complaint", "guard")),
    fault(X3, "matter", "law.x3-20.2-no-level-skipped", script("go_up", "level + 1", "level + 2")),
    fault(X3, "matter", "law.x3-20.2-no-level-skipped", script("go_up", "level = level + 1", "level = 2")),
    fault(X3, "matter", "law.x3-20.2-no-level-skipped", lead("go_up_to_coordinate_higher", "where_next")),
    fault(X3, "matter", "law.x3-20.2-higher-is-reached", lead("triaged_to_go_up", "coordinate")),
    fault(
        X3,
        "coordinate_level",
        "law.x3-20.2-county-before-city",
        condition("which_level_to_coordinate_county", "level == 2"),
    ),
    fault(X3, "coordinate_level", "law.x3-19.4-dispatch-guarded", word("coordinate_county", "guard")),
    fault(X3, "matter", "law.x3-20.1-escalation-goes-to-the-township", word("triage", "unit", "agency")),
    fault(X3, "matter", "law.x3-20.1-target-set", pack_edit=setting("escalation_target", "county")),
    fault(X3, "matter", "law.x3-20.1-way-out", lead("self_handled_to_escalate", "to_close")),
    fault(
        X3,
        "matter",
        "law.x3-19.4-off-list-instruction-stopped",
        condition("exception_allowed_to_self_handle", 'exception_cited != "none" and not requires_enforcement_power'),
    ),
    fault(
        X3,
        "matter",
        "law.x3-19.4-exception-of-law-kept",
        condition("exception_allowed_to_self_handle", 'exception_cited == "law" and not requires_enforcement_power'),
    ),
    fault(
        X3,
        "matter",
        "law.x3-19.4-self-handling-only-on-list",
        condition("may_self_handle_to_self_handle", "not requires_enforcement_power"),
    ),
    fault(X3, "matter", "law.x3-20.3-recipient-of-the-same-level", lead("handle_to_find_recipient", "feedback")),
    fault(
        X3, "matter", "law.x3-20.3-same-level-agency-receives", lead("fed_back_to_to_relay_feedback", "result_known")
    ),
    fault(X3, "matter", "law.x3-20.3-supervision", drop("supervision")),
    fault(X3, "matter", "law.x3-21-archive-before-the-end", lead("close_to_archive", "archived")),
    fault(X3, "matter", "law.inform-before-closing", bypass("inform", "close")),
    fault(X3, "grid_change", "law.x3-8.1-county-approves", lead("examine_to_approve", "enact")),
    fault(X3, "grid_change", "law.x3-8.1-county-approves", word("approve", "unit", "own_unit")),
    fault(X3, "grid_change", "law.x3-8.1-not-approved-no-effect", lead("approved_to_revise", "enact")),
    fault(X3, "list_change", "law.x3-19.3-agency-approves", lead("check_list_change_to_list_approve", "enact_list")),
    fault(X3, "list_change", "law.x3-19.3-department-applies", word("lane_department", "role", "duty_officer")),
    fault(
        X3, "worker_onboarding", "law.x3-12-eligible", lead("worker_proposed_to_check_eligibility", "check_training")
    ),
    # Luzhou
    fault(
        LZ,
        "matter",
        "law.lz-11.1-self-handling-only-on-list",
        condition("may_self_handle_to_self_handle", 'performer == "grid_worker" and not requires_enforcement_power'),
    ),
    fault(
        LZ,
        "matter",
        "law.lz-14.3-situation-reported-to-the-village",
        insert(
            "situation_reported_to_propose_triage", role="duty_officer", unit="township", form="check", limit="check"
        ),
    ),
    fault(LZ, "matter", "law.lz-16.1-circulation-in-time", word("circulate", "limit")),
    fault(
        LZ,
        "matter",
        "law.lz-16.1-nothing-before-the-emergency",
        insert("emergency_raised_to_report_emergency", role="duty_officer", unit="agency", form="check", limit="check"),
    ),
    fault(
        LZ,
        "emergency",
        "law.lz-16.1-copies-hold-nothing-up",
        drop("respond_to_take_note"),
        lead("department_receipt_to_respond_to_emergency", "take_note"),
        lead("take_note_to_response_over", "respond_to_emergency"),
    ),
    fault(LZ, "matter", "law.lz-16.2-feedback-after-handling", lead("handle_to_feedback", "same_level")),
    fault(LZ, "matter", "law.lz-16.2-in-time", word("feedback", "limit")),
    fault(LZ, "matter", "law.lz-16.2-supervision", attribute("supervised", "isInterrupting", "true")),
    fault(LZ, "matter", "law.lz-16.2-supervised-unit-replies", pack_edit=no_limit("reply_supervision")),
    fault(LZ, "grid_change", "law.lz-8.2-filed-with-the-city", lead("enact_to_file", "in_force")),
    fault(LZ, "grid_change", "law.lz-8.2-filing-never-blocks", lead("decided_to_enact", "file")),
    fault(LZ, "list_change", "law.lz-15.2-departments-study", drop("list_research")),
    fault(LZ, "list_change", "law.lz-15.2-list-published", bypass("list_publish", "list_enacted")),
    fault(LZ, "list_change", "law.lz-15.3-list-change-examined", bypass("check_list_change", "list_study")),
    fault(
        LZ, "worker_onboarding", "law.lz-21-gate-before-appointment", lead("worker_proposed_to_check_training", "ready")
    ),
    fault(
        LZ,
        "worker_onboarding",
        "law.lz-21-failed-training-not-appointed",
        condition("trained_to_ready", 'assessment_outcome == "passed"'),
    ),
    fault(
        LZ,
        "worker_onboarding",
        "law.lz-21-training-gate-set",
        pack_edit=setting("training_gate.roles.grid_worker", ["assessment"]),
    ),
    fault(LZ, "matter", "law.lz-5-village-comes-first", lead("propose_triage_to_village_receives", "hand_to_township")),
    fault(LZ, "matter", "law.lz-16.1-report-before-self-handling", lead("found_to_escalate", "may_self_handle")),
    fault(LZ, "matter", "law.lz-16.1-report-goes-to-the-village", word("circulate", "unit", "township")),
    fault(LZ, "matter", "law.lz-16.1-target-set", pack_edit=setting("escalation_target", "township")),
    fault(
        LZ,
        "matter",
        "law.lz-16.1-circulation-leads-on",
        pack_edit=not_offered("circulate", "circulate_outcome", "to_department"),
    ),
    fault(
        LZ,
        "matter",
        "law.lz-15.3-no-enforcement-by-workers",
        condition("may_self_handle_to_self_handle", 'listed and performer == "grid_worker"'),
    ),
    fault(LZ, "matter", "law.lz-16.2-recipient-of-the-same-level", lead("bind_unit_to_find_recipient", "accept")),
    fault(LZ, "matter", "law.lz-16.2-same-level-agency-receives", lead("same_level_to_receive_feedback", "fed_back")),
    fault(LZ, "matter", "law.lz-16.1-emergency-at-any-time", attribute("emergency_raised", "isInterrupting", "true")),
    fault(
        LZ,
        "emergency",
        "law.lz-16.1-straight-to-the-department",
        insert(
            "who_reports_to_report_by_worker",
            role="emergency_officer",
            unit="village_agency",
            form="take_note",
            limit="take_note",
        ),
    ),
    fault(
        LZ,
        "emergency",
        "law.lz-16.1-department-signs-at-once",
        drop("respond_to_department_receipt"),
        lead("take_note_to_response_over", "department_receipt"),
    ),
    fault(LZ, "upward", "law.lz-5-no-level-skipped", script("higher_still", "level + 1", "level + 2")),
    fault(
        LZ,
        "list_change",
        "law.lz-15.2-experts-study",
        drop("list_expert_opinion"),
    ),
    fault(
        LZ,
        "list_change",
        "law.lz-15.2-evaluation-before-approval",
        lead("list_studied_to_list_evaluate", "list_approve"),
    ),
    fault(LZ, "list_change", "law.lz-15.2-government-approves", lead("list_evaluated_to_list_approve", "enact_list")),
    fault(LZ, "list_change", "law.lz-15.2-government-approves", word("list_approve", "unit", "own_agency")),
    fault(LZ, "list_change", "soundness.deadlock", kind("list_study", "exclusiveGateway")),
    fault(LZ, "list_change", "law.lz-15.3-no-enforcement-on-the-list", pack_edit=setting("list_rules", {})),
    fault(
        LZ,
        "worker_onboarding",
        "law.lz-21-failed-assessment-not-appointed",
        condition("trained_to_ready", 'training_outcome == "passed"'),
    ),
    fault(
        LZ,
        "worker_onboarding",
        "law.lz-21-assessment-gate-set",
        pack_edit=setting("training_gate.roles.grid_worker", ["pre_job"]),
    ),
    # the draft
    fault(ZJD, "matter", "law.zjd-13.1-verify-before-register", lead("found_to_verify", "register")),
    fault(ZJD, "matter", "law.zjd-13.1-escalation-goes-to-the-township", lead("escalate_to_propose_triage", "check")),
    fault(ZJD, "matter", "law.zjd-13.1-way-out", lead("self_handled_to_escalate", "to_close")),
    fault(ZJD, "matter", "law.zjd-13.1-target-set", pack_edit=setting("escalation_target", "county")),
    fault(ZJD, "matter", "law.zjd-13.2-both-outcomes", pack_edit=not_offered("triage", "triage_outcome", "coordinate")),
    fault(ZJD, "matter", "law.zjd-13.2-in-time", word("accept", "limit")),
    fault(ZJD, "matter", "law.zjd-29.2-supervision", drop("supervision")),
    fault(ZJD, "dispute", "law.zjd-14-failed-coordination-is-decided", lead("mediated_to_decider_chosen", "agreed")),
    fault(
        ZJD, "grid_change", "law.zjd-6.3-consultation-before-effect", lead("examine_to_consultation", "put_in_force")
    ),
    fault(ZJD, "grid_change", "law.zjd-6.3-filed-with-the-city", lead("file_to_register_filing", "in_force")),
    fault(ZJD, "list_change", "law.zjd-7.3-list-published", lead("enact_list_to_list_publish", "list_enacted")),
    fault(
        ZJD,
        "list_change",
        "law.zjd-8.2-agency-accepts-applications",
        lead("check_list_change_to_list_accept", "list_decider_chosen"),
    ),
    fault(
        ZJD,
        "worker_onboarding",
        "law.zjd-27.2-training-gate-set",
        pack_edit=setting("training_gate.roles.grid_worker", ["pre_job_planned"]),
    ),
    fault(ZJD, "worker_onboarding", "law.zjd-27.2-untrained-not-appointed", lead("trained_to_not_trained", "ready")),
    fault(ZJD, "matter", "law.zjd-8.4-right-to-refuse", drop("refused_at_verify")),
    fault(ZJD, "matter", "law.zjd-13.1-register-before-self-handling", lead("verified_to_register", "worker_handles")),
    fault(ZJD, "matter", "law.zjd-13.1-24-hours", timer("escalation_overdue", "PT48H")),
    fault(ZJD, "matter", "law.zjd-13.1-24-hours", drop("escalation_overdue")),
    fault(
        ZJD,
        "matter",
        "law.zjd-13.1-overdue-interrupts-nothing",
        attribute("escalation_overdue", "cancelActivity", "true"),
    ),
    fault(
        ZJD, "matter", "law.zjd-13.1-urgent-not-self-handled", condition("worker_handles_to_self_handle", WORKER_MAY)
    ),
    fault(ZJD, "matter", "law.zjd-13.2-receiver-signs-first", lead("find_receiver_to_accept", "handle")),
    fault(ZJD, "matter", "law.zjd-13.2-receiver-is-found", lead("take_assignment_to_find_receiver", "accept")),
    fault(ZJD, "matter", "law.zjd-13.2-signed-by-name", pack_edit=not_required("accept", "signed_by")),
    fault(ZJD, "matter", "law.zjd-14-no-dispatch-needed", lead("triaged_to_settle_existing_dispute", "coordinate")),
    fault(
        ZJD, "dispute", "law.zjd-14-coordination-before-decision", lead("dispute_raised_to_mediate", "decider_chosen")
    ),
    fault(
        ZJD, "dispute", "law.zjd-14-party-or-government-decides", word("decide_by_party_committee", "unit", "agency")
    ),
    fault(
        ZJD,
        "list_change",
        "law.zjd-8.2-party-or-government-approves",
        lead("list_decider_chosen_to_list_approve_by_government", "enact_list"),
    ),
    fault(
        ZJD,
        "supervision_outcome",
        "law.zjd-29.2-county-government-decides",
        lead("supervision_outcome_proposed_to_decide_supervision_outcome", "record_supervision_outcome"),
    ),
]


WITH_A_WAY = {"precedes", "follows", "barred", "starts_with"}
"""Predicates that show the way on which the rule is broken."""


# -- the tests -------------------------------------------------------------------------------------------


@cache
def folder(key: str) -> Folder:
    return read_folder(PACKS / key)


@pytest.mark.parametrize("key", [ZJ, ZJD, JS, X3, LZ])
def test_the_shipped_packs_break_no_rule(key: str) -> None:
    here = folder(key)
    checked = [found for one in here.drawn.values() for found in _found(one.definition, here.pack, "law")]
    assert [(found.rule, found.element, found.message) for found in checked] == []


@pytest.mark.parametrize("key", [ZJ, ZJD, JS, X3, LZ])
def test_nothing_but_advice_is_said_of_the_shipped_packs(key: str) -> None:
    """The advice is true: who uses every limit in full and then disputes, or has to do it again, is late in all."""
    said = {(one.rule, one.level) for one in read_folder(PACKS / key, HANDLERS).findings}
    assert said == {("time.too-long", "advice")}


@pytest.mark.parametrize(
    "seeded", FAULTS, ids=[f"{i}-{one.file}-{one.expected.partition('.')[2]}" for i, one in enumerate(FAULTS, 1)]
)
def test_a_seeded_fault_is_found(seeded: Fault) -> None:
    found = {one.rule: one for one in _findings(seeded)}
    assert seeded.expected in found, f"found only {sorted(found)}"
    rule = next((one for one in law.rules_of(folder(seeded.pack).pack) if f"law.{one.key}" == seeded.expected), None)
    if rule is not None:
        assert found[seeded.expected].level == law.LEVELS[rule.force]
        assert found[seeded.expected].article == rule.article
        if rule.predicate in WITH_A_WAY and found[seeded.expected].name:
            assert found[seeded.expected].element in found[seeded.expected].path


def test_every_rule_is_broken_by_some_fault() -> None:
    keys = {f"law.{rule.key}" for key in (ZJ, ZJD, JS, X3, LZ) for rule in law.rules_of(folder(key).pack)}
    expected = {one.expected for one in FAULTS}
    assert keys - expected == set()
    others = {one for one in expected - keys if not one.startswith("law.")}
    assert expected - keys == others
    assert {one.partition(".")[0] for one in others} == {*rules()} - {
        "law",
        "waivers",
        "references",
        "size",
        "schemas",
    } | {"reference"}


def _findings(seeded: Fault) -> Iterator[Finding]:
    """What is said of the changed file, and of every process of the pack that calls it."""
    here = folder(seeded.pack)
    tree = etree.fromstring(here.drawn[seeded.file].xml)
    for edit in seeded.edits:
        edit(tree)
    pack = seeded.pack_edit(here.pack) if seeded.pack_edit else here.pack
    reading = bpmn.read(etree.tostring(tree, xml_declaration=True, encoding="UTF-8"), decisions=pack.decisions)
    yield from reading.findings
    for one in here.drawn.values():
        old = one.definition
        if seeded.file in old.processes:
            changed = Definition(old.root, {**old.processes, **reading.processes})
            yield from _found(changed, pack, seeded.expected.partition(".")[0])


def _found(definition: Definition, pack: Pack, wanted: str) -> Iterator[Finding]:
    if wanted == "law":
        yield from law.check(definition, pack)
    else:
        yield from check(definition, pack, HANDLERS)
