"""Every construct becomes the node it should, every fault becomes a finding, and nothing drawn is ever lost."""

import copy
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from engine import accounting, bpmn, xml
from engine.bpmn import Reading
from engine.definition import Body, Definition, Flow, Lane, Loop, Node, Process, Timer, Trigger, Variable
from engine.drawing import FLOW_NODES, MODEL, Drawing, local
from engine.errors import Finding, Invalid
from engine.model import decode, encode

DATA = Path(__file__).parent.parent / "data" / "bpmn"
ROOTS = """
<message id="m1" name="supplement"/><message id="m2"/>
<signal id="s1" name="emergency"/><signal id="s2"/>
<error id="e1" name="not ours" errorCode="NOT_OURS"/><error id="e2" name="named"/><error id="e3"/>
<escalation id="x1" name="late" escalationCode="LATE"/><escalation id="x2" name="named"/>
<timerEventDefinition id="shared"><timeDuration>PT1H</timeDuration></timerEventDefinition>
"""


def file(content: str) -> bytes:
    return (
        f'<definitions xmlns="{MODEL}" xmlns:wangge="urn:wangge:bpmn:1" xmlns:t="urn:t" xmlns:odd="urn:odd" '
        f'targetNamespace="urn:t">{content}</definitions>'
    ).encode()


def process(content: str, roots: str = ROOTS) -> bytes:
    return file(f'{roots}<process id="p">{content}</process>')


def read(content: str) -> Reading:
    """A process of this content; the unused root definition of `ROOTS` is not counted as a finding."""
    reading = bpmn.read(process(content))
    findings = tuple(one for one in reading.findings if one.rule != "form.unused-definition")
    return Reading(reading.processes, findings, reading.executable, reading.calls, reading.refused)


def flow(source: str, target: str, condition: str = "", id: str = "") -> str:
    written = f"<conditionExpression>{condition}</conditionExpression>" if condition else ""
    given = f'id="{id}" ' if id else ""
    return f'<sequenceFlow {given}sourceRef="{source}" targetRef="{target}">{written}</sequenceFlow>'


def line(*ids: str) -> str:
    return "".join(flow(*ends) for ends in pairwise(ids))


def around(node: str, id: str = "n") -> str:
    """A start event, the node and an end event in one line."""
    return f'<startEvent id="a"/>{node}<endEvent id="z"/>{line("a", id, "z")}'


def compiled(content: str, id: str = "n") -> Node:
    """The node of a process without any finding."""
    reading = read(content)
    assert reading.findings == ()
    return reading.processes["p"].body.nodes[id]


def rules(content: str) -> dict[str, str]:
    """Rule -> element of the findings of a process."""
    return {finding.rule: finding.element for finding in read(content).findings}


def named(reading: Reading, rule: str) -> list[Finding]:
    return [finding for finding in reading.findings if finding.rule == rule]


# ---------------------------------------------------------------- what is compiled


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("task", "task"),
        ("manualTask", "manual"),
        ("userTask", "user"),
        ("exclusiveGateway", "exclusive"),
        ("parallelGateway", "parallel"),
        ("inclusiveGateway", "inclusive"),
    ],
)
def test_plain_nodes(tag: str, kind: str) -> None:
    node = compiled(around(f'<{tag} id="n" name=" 核&#10;实 "/>'))
    assert node == Node("n", kind, "核 实", ("flow:a->n",), ("flow:n->z",))  # type: ignore[arg-type]


def test_service_task() -> None:
    node = compiled(
        around(
            '<serviceTask id="n" wangge:handler=" notify.send " wangge:limit="soon"><extensionElements>'
            '<odd:thing name="x"/><wangge:parameter name="to" value="unit.id"/>'
            '<wangge:parameter name="level" value="level + 1"/><wangge:property name="colour" value="red"/>'
            "</extensionElements></serviceTask>"
        )
    )
    assert node.handler == "notify.send"
    assert node.parameters == {"to": "unit.id", "level": "level + 1"}
    assert node.properties == {"limit": "soon", "colour": "red"}


def test_script_task() -> None:
    node = compiled(
        around('<scriptTask id="n" scriptFormat="groovy"><script><![CDATA[ x = 1\n y = x < 2 ]]></script></scriptTask>')
    )
    assert (node.kind, node.script) == ("script", "x = 1\n y = x < 2")


def test_business_rule_task() -> None:
    node = compiled(around('<businessRuleTask id="n" wangge:decision="triage"/>'))
    assert (node.kind, node.decision) == ("rule", "triage")


@pytest.mark.parametrize(("tag", "kind"), [("sendTask", "send"), ("receiveTask", "receive")])
def test_send_and_receive_tasks(tag: str, kind: str) -> None:
    node = compiled(around(f'<{tag} id="n" messageRef="t:m1" wangge:key="case"/>'))
    assert (node.kind, node.trigger) == (kind, Trigger("message", "supplement", "case"))


def test_properties_of_a_step() -> None:
    node = compiled(
        around(
            '<userTask id="n" name="x" wangge:role="grid" wangge:unit="unit" wangge:form="f" wangge:limit="l" '
            'wangge:status="open" wangge:basis=" ZJ-1 &#10; ZJ-2 " wangge:result="r"/>'
        )
    )
    assert node.properties == {
        "role": "grid",
        "unit": "unit",
        "form": "f",
        "limit": "l",
        "status": "open",
        "basis": "ZJ-1 ZJ-2",
        "result": "r",
    }


EVENTS = [
    ("<messageEventDefinition messageRef='m1'/>", Trigger("message", "supplement")),
    ("<messageEventDefinition messageRef=' t:m2 '/>", Trigger("message", "m2")),
    ("<signalEventDefinition signalRef='s1'/>", Trigger("signal", "emergency")),
    ("<signalEventDefinition signalRef='s2'/>", Trigger("signal", "s2")),
    ("<errorEventDefinition errorRef='e1'/>", Trigger("error", "NOT_OURS")),
    ("<errorEventDefinition errorRef='e2'/>", Trigger("error", "named")),
    ("<errorEventDefinition errorRef='e3'/>", Trigger("error", "e3")),
    ("<errorEventDefinition/>", Trigger("error")),
    ("<escalationEventDefinition escalationRef='x1'/>", Trigger("escalation", "LATE")),
    ("<escalationEventDefinition escalationRef='x2'/>", Trigger("escalation", "named")),
    ("<escalationEventDefinition/>", Trigger("escalation")),
    ("<terminateEventDefinition/>", Trigger("terminate")),
    (
        "<conditionalEventDefinition><condition>level > 1</condition></conditionalEventDefinition>",
        Trigger("conditional", "level > 1"),
    ),
    (
        "<timerEventDefinition><timeDuration>P1Y2M</timeDuration></timerEventDefinition>",
        Trigger("timer", timer=Timer("duration", "P1Y2M")),
    ),
    (
        "<timerEventDefinition><timeDuration> limit:verify </timeDuration></timerEventDefinition>",
        Trigger("timer", timer=Timer("limit", "verify")),
    ),
    ("<timerEventDefinition wangge:limit='verify'/>", Trigger("timer", timer=Timer("limit", "verify"))),
    (
        "<timerEventDefinition><timeDate>2026-05-01T09:00:00Z</timeDate></timerEventDefinition>",
        Trigger("timer", timer=Timer("date", "2026-05-01T09:00:00Z")),
    ),
    (
        "<timerEventDefinition><timeCycle>R3/PT10H</timeCycle></timerEventDefinition>",
        Trigger("timer", timer=Timer("cycle", "R3/PT10H")),
    ),
    (
        "<timerEventDefinition><timeCycle>R/2026-05-01T09:00:00+08:00/P1D</timeCycle></timerEventDefinition>",
        Trigger("timer", timer=Timer("cycle", "R/2026-05-01T09:00:00+08:00/P1D")),
    ),
    ("<eventDefinitionRef>t:shared</eventDefinitionRef>", Trigger("timer", timer=Timer("duration", "PT1H"))),
]
KINDS = {trigger.kind for _, trigger in EVENTS}


def those(*kinds: str) -> list[tuple[str, Trigger]]:
    return [event for event in EVENTS if event[1].kind in kinds]


@pytest.mark.parametrize(("event", "trigger"), [("", Trigger()), *those("message", "timer", "signal", "conditional")])
def test_start_events(event: str, trigger: Trigger) -> None:
    node = compiled(f'<startEvent id="n">{event}</startEvent><endEvent id="z"/>{line("n", "z")}')
    assert (node.kind, node.trigger, node.incoming, node.outgoing) == ("start", trigger, (), ("flow:n->z",))


@pytest.mark.parametrize(
    ("event", "trigger"), [("", Trigger()), *those("message", "signal", "error", "escalation", "terminate")]
)
def test_end_events(event: str, trigger: Trigger) -> None:
    if trigger == Trigger("error"):
        assert rules(f'<startEvent id="a"/><endEvent id="n">{event}</endEvent>{line("a", "n")}') == {
            "form.error-missing": "n"
        }
        return
    node = compiled(f'<startEvent id="a"/><endEvent id="n">{event}</endEvent>{line("a", "n")}')
    assert (node.kind, node.trigger) == ("end", trigger)


@pytest.mark.parametrize(("event", "trigger"), [("", Trigger()), *those("message", "signal", "escalation")])
def test_throw_events(event: str, trigger: Trigger) -> None:
    node = compiled(around(f'<intermediateThrowEvent id="n">{event}</intermediateThrowEvent>'))
    assert (node.kind, node.trigger) == ("throw", trigger)


@pytest.mark.parametrize(("event", "trigger"), those("message", "timer", "signal", "conditional"))
def test_catch_events(event: str, trigger: Trigger) -> None:
    node = compiled(around(f'<intermediateCatchEvent id="n">{event}</intermediateCatchEvent>'))
    assert (node.kind, node.trigger) == ("catch", trigger)


def test_a_shared_event_definition_with_a_condition() -> None:
    reading = bpmn.read(
        process(
            around(
                '<intermediateCatchEvent id="n"><eventDefinitionRef>c</eventDefinitionRef></intermediateCatchEvent>'
            ),
            '<conditionalEventDefinition id="c"><condition>level > 1</condition></conditionalEventDefinition>',
        )
    )
    assert reading.findings == ()
    assert reading.processes["p"].body.nodes["n"].trigger == Trigger("conditional", "level > 1")


def test_the_key_of_a_message() -> None:
    node = compiled(
        around(
            '<intermediateCatchEvent id="n" wangge:key="case.id">'
            '<messageEventDefinition messageRef="m1"/></intermediateCatchEvent>'
        )
    )
    assert node.trigger == Trigger("message", "supplement", "case.id")


CAUGHT = those("message", "timer", "signal", "error", "escalation", "conditional")


@pytest.mark.parametrize(("event", "trigger"), CAUGHT)
@pytest.mark.parametrize("interrupting", [True, False])
def test_boundary_events(event: str, trigger: Trigger, interrupting: bool) -> None:
    interrupting = interrupting or trigger.kind == "error"
    written = "" if interrupting else 'cancelActivity="false"'
    content = around('<userTask id="h" name="x"/>', "h") + (
        f'<boundaryEvent id="n" attachedToRef=" h " {written}>{event}</boundaryEvent><endEvent id="y"/>{line("n", "y")}'
    )
    assert compiled(content) == Node(
        "n", "boundary", outgoing=("flow:n->y",), trigger=trigger, host="h", interrupting=interrupting
    )
    assert compiled(content, "h").boundaries == ("n",)


@pytest.mark.parametrize(("event", "trigger"), CAUGHT)
@pytest.mark.parametrize("interrupting", [True, False])
def test_event_subprocesses(event: str, trigger: Trigger, interrupting: bool) -> None:
    interrupting = interrupting or trigger.kind == "error"
    written = "" if interrupting else 'isInterrupting="false"'
    node = compiled(
        around('<task id="t"/>', "t") + '<subProcess id="n" triggeredByEvent="true">'
        f'<startEvent id="s" {written}>{event}</startEvent><endEvent id="e"/>{line("s", "e")}</subProcess>'
    )
    assert (node.kind, node.incoming, node.outgoing) == ("event_subprocess", (), ())
    assert node.body is not None
    assert node.body.nodes["s"] == Node(
        "s", "start", outgoing=("flow:s->e",), trigger=trigger, interrupting=interrupting
    )


def test_links() -> None:
    content = (
        '<startEvent id="a"/><intermediateThrowEvent id="n"><linkEventDefinition name="on"/>'
        '</intermediateThrowEvent><intermediateCatchEvent id="c" name="on"><linkEventDefinition/>'
        f'</intermediateCatchEvent><endEvent id="z"/>{line("a", "n")}{line("c", "z")}'
    )
    assert compiled(content).trigger == compiled(content, "c").trigger == Trigger("link", "on")


def test_an_event_based_gateway() -> None:
    node = compiled(
        '<startEvent id="a"/><eventBasedGateway id="n"/><receiveTask id="r" messageRef="m1"/>'
        '<intermediateCatchEvent id="c"><timerEventDefinition wangge:limit="x"/></intermediateCatchEvent>'
        f'<endEvent id="z"/>{line("a", "n", "r", "z")}{line("n", "c", "z")}'
    )
    assert (node.kind, node.outgoing) == ("event_gateway", ("flow:n->r", "flow:n->c"))


def test_conditional_and_default_flows_leave_gateways_and_activities() -> None:
    for tag in ("exclusiveGateway", "inclusiveGateway", "task"):
        reading = read(
            f'<startEvent id="a"/><{tag} id="n" default="other"/><endEvent id="y"/><endEvent id="z"/>'
            f"{line('a', 'n')}{flow('n', 'y', 'level &gt; 1', 'when')}{flow('n', 'z', id='other')}"
        )
        assert reading.findings == ()
        body = reading.processes["p"].body
        assert body.nodes["n"].default == "other"
        assert body.flows["when"] == Flow("when", "n", "y", "level > 1")


def test_flows_without_id_get_one_that_does_not_depend_on_their_place() -> None:
    body = (
        read(
            '<startEvent id="a"/><inclusiveGateway id="n"/><endEvent id="z"/>'
            f"{line('a', 'n')}{flow('n', 'z', 'x')}{flow('n', 'z', 'y')}{flow('n', 'z', 'w')}"
        )
        .processes["p"]
        .body
    )
    assert list(body.flows) == ["flow:a->n", "flow:n->z", "flow:n->z#2", "flow:n->z#3"]
    assert [one.condition for one in body.flows.values()] == ["", "x", "y", "w"]


def test_subprocesses_nest_and_know_only_their_own_flows() -> None:
    inner = around('<task id="t"/>', "t").replace('"a"', '"a2"').replace('"z"', '"z2"')
    node = compiled(around(f'<subProcess id="n"><subProcess id="m">{inner}</subProcess></subProcess>'))
    assert node.body is not None
    assert list(node.body.nodes) == ["m"]
    assert node.body.flows == {}
    within = node.body.nodes["m"].body
    assert within is not None
    assert list(within.flows) == ["flow:a2->t", "flow:t->z2"]
    assert within.nodes["t"].incoming == ("flow:a2->t",)


def test_a_flow_written_outside_the_subprocess_of_its_ends_belongs_inside() -> None:
    node = compiled(around('<subProcess id="n"><startEvent id="s"/><endEvent id="e"/></subProcess>') + line("s", "e"))
    assert node.body is not None
    assert list(node.body.flows) == ["flow:s->e"]


@pytest.mark.parametrize(
    ("written", "loop"),
    [
        (
            '<standardLoopCharacteristics testBefore="true" loopMaximum="3"><loopCondition>x</loopCondition>'
            "</standardLoopCharacteristics>",
            Loop("standard", condition="x", test_before=True, maximum=3),
        ),
        ('<standardLoopCharacteristics loopMaximum="1"/>', Loop("standard", maximum=1)),
        (
            "<multiInstanceLoopCharacteristics><loopCardinality>3</loopCardinality>"
            "<completionCondition>done &gt; 1</completionCondition></multiInstanceLoopCharacteristics>",
            Loop("parallel", cardinality="3", completion="done > 1"),
        ),
        (
            '<multiInstanceLoopCharacteristics isSequential="true"><loopDataInputRef>ref1</loopDataInputRef>'
            "<loopDataOutputRef>opinions</loopDataOutputRef><inputDataItem id='i' name='unit'/>"
            "<outputDataItem id='opinion'/></multiInstanceLoopCharacteristics>",
            Loop("sequential", collection="units", item="unit", output="opinions", output_item="opinion"),
        ),
    ],
)
@pytest.mark.parametrize("tag", ["userTask", "subProcess", "callActivity"])
def test_repetition(written: str, loop: Loop, tag: str) -> None:
    inside = '<task id="t"/>' if tag == "subProcess" else ""
    node = compiled(
        around(f'<{tag} id="n" name="x" calledElement="elsewhere">{written}{inside}</{tag}>')
        + '<dataObject id="units"/><dataObjectReference id="ref1" dataObjectRef="units"/>'
    )
    assert node.loop == loop


def test_a_repetition_over_a_declared_data_input() -> None:
    loop = compiled(
        around(
            '<userTask id="n" name="x"><ioSpecification><dataInput id="in1" name="units"/><inputSet/><outputSet/>'
            "</ioSpecification><multiInstanceLoopCharacteristics><loopDataInputRef>in1</loopDataInputRef>"
            "</multiInstanceLoopCharacteristics></userTask>"
        )
    ).loop
    assert loop == Loop("parallel", collection="units")


def test_lanes_nest_and_reach_into_subprocesses() -> None:
    reading = read(
        '<laneSet id="ls"><lane id="l1" name="街道" wangge:role="street"><flowNodeRef>n</flowNodeRef>'
        "<flowNodeRef> a </flowNodeRef><childLaneSet><lane id='l2'><flowNodeRef>n</flowNodeRef></lane>"
        "</childLaneSet></lane></laneSet>" + around('<subProcess id="n"><task id="t"/></subProcess>')
    )
    assert reading.findings == ()
    found = reading.processes["p"]
    assert found.lanes == {"l1": Lane("l1", "街道", "street"), "l2": Lane("l2")}
    inner = found.body.nodes["n"].body
    assert inner is not None
    assert [found.body.nodes["a"].lane, found.body.nodes["n"].lane, inner.nodes["t"].lane] == [
        "l1",
        "l2",
        "l2",
    ]


def test_data_objects_become_variables() -> None:
    reading = bpmn.read(
        process(
            '<dataObject id="level" name="等级" itemSubjectRef="t:i"/><dataObject id="do-1" name="紧急"/>'
            '<dataObject id="units" isCollection="true"/>'
            '<dataObjectReference id="r" name="部门" dataObjectRef="units"/><dataStoreReference id="ds"/>'
            + around('<subProcess id="n"><dataObject id="inner"/><task id="t"/></subProcess>'),
            '<itemDefinition id="i" structureRef="xsd:int"/>',
        )
    )
    assert reading.findings == ()
    assert reading.processes["p"].variables == {
        "level": Variable("level", "等级", "number"),
        "紧急": Variable("紧急", "紧急"),
        "units": Variable("units", "部门", "list"),
        "inner": Variable("inner"),
    }


def test_the_type_of_a_variable_is_known_from_its_item_definition() -> None:
    items = '<itemDefinition id="i" structureRef="xsd:string" isCollection="true"/><itemDefinition id="j"/>'
    objects = '<dataObject id="v" itemSubjectRef="i"/><dataObject id="w" itemSubjectRef="j"/><dataObject id="x"/>'
    reading = bpmn.read(process(objects + '<dataObjectReference id="r"/><task id="n"/>', items))
    assert reading.findings == ()
    assert {id: one.type for id, one in reading.processes["p"].variables.items()} == {"v": "list", "w": "", "x": ""}


def test_a_name_of_its_own_counts_more_than_that_of_the_pool() -> None:
    pool = '<collaboration><participant id="pa" name="街道" processRef="p"/></collaboration>'
    reading = bpmn.read(file(pool + '<process id="p" name="事项"><task id="n"/></process>'))
    assert reading.processes["p"].name == "事项"


def test_documentation_and_a_name_from_the_pool() -> None:
    reading = bpmn.read(
        file(
            '<collaboration id="c"><participant id="pa" name="街道" processRef="t:p"/><participant id="pb"/>'
            '<messageFlow id="mf" sourceRef="pb" targetRef="a"/></collaboration>'
            '<process id="p"><documentation>first</documentation><documentation> second </documentation>'
            + around('<task id="n"><documentation>not kept</documentation></task>')
            + "</process>"
        )
    )
    assert reading.findings == ()
    assert (reading.processes["p"].name, reading.processes["p"].documentation) == ("街道", "first\n\nsecond")


def test_artifacts_other_namespaces_and_odd_attributes_are_left_alone() -> None:
    assert compiled(
        around(
            '<task id="n" odd="1" odd:limit="2"><extensionElements><odd:x><wrong/></odd:x></extensionElements>'
            "<odd:y/></task>"
        )
        + '<textAnnotation id="ta"><text>x</text></textAnnotation><association id="as" sourceRef="n"/>'
        '<group id="g"/><?instruction x?><!-- <task id="not there"/> --><odd:task id="theirs"/>'
    ) == Node("n", "task", incoming=("flow:a->n",), outgoing=("flow:n->z",))


@pytest.mark.parametrize("name", ["matter.bpmn", "camunda.bpmn", "signavio.bpmn", "everything.bpmn"])
def test_files_as_tools_write_them(name: str) -> None:
    reading = bpmn.read((DATA / name).read_bytes())
    assert reading.findings == ()
    assert len(reading.executable) == 1
    definition = reading.definition()
    assert decode(encode(definition), Definition).digest == definition.digest


def test_a_file_with_foreign_expressions_names_each_of_them() -> None:
    reading = bpmn.read((DATA / "flowable.bpmn20.xml").read_bytes())
    (finding,) = reading.findings
    assert (finding.rule, finding.level, finding.element) == (
        "form.condition-unreadable",
        "error",
        "flow:way->yes_end",
    )
    assert "${approved == true}" in finding.message
    assert list(reading.processes["leave"].body.flows) == [
        "flow:start->decide",
        "flow:decide->way",
        "flow:way->yes_end",
        "no",
        "flow:decide->way#2",
    ]


# ---------------------------------------------------------------- what is refused by name


REFUSED_NODES = [
    '<complexGateway id="n"/>',
    '<transaction id="n"><task id="t"/></transaction>',
    '<adHocSubProcess id="n"><task id="t"/></adHocSubProcess>',
    '<transaction id="n"/>',
    '<implicitThrowEvent id="n"/>',
    '<choreographyTask id="n"/>',
    '<subChoreography id="n"/>',
    '<callChoreography id="n"/>',
    '<task id="n" startQuantity="2"/>',
    '<task id="n" completionQuantity="3"/>',
    '<task id="n" isForCompensation="true"/>',
    '<receiveTask id="n" instantiate="true" messageRef="m1"/>',
    '<intermediateThrowEvent id="n"><compensateEventDefinition/></intermediateThrowEvent>',
    '<intermediateCatchEvent id="n" parallelMultiple="true"><signalEventDefinition signalRef="s1"/>'
    "</intermediateCatchEvent>",
    '<userTask id="n" name="x"><multiInstanceLoopCharacteristics behavior="One"><loopCardinality>2'
    "</loopCardinality></multiInstanceLoopCharacteristics></userTask>",
    '<userTask id="n" name="x"><multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality>'
    "<complexBehaviorDefinition/></multiInstanceLoopCharacteristics></userTask>",
]


@pytest.mark.parametrize("node", REFUSED_NODES)
def test_constructs_refused_by_name(node: str) -> None:
    reading = read(around(node))
    (finding,) = reading.findings
    assert (finding.rule, finding.level, finding.element) == ("form.refused-construct", "error", "n")
    assert reading.refused == {"p"}
    with pytest.raises(Invalid) as caught:
        reading.definition()
    assert tuple(caught.value.findings) == reading.findings


@pytest.mark.parametrize(
    ("content", "element"),
    [
        ('<startEvent id="a"/><endEvent id="n"><cancelEventDefinition/></endEvent>' + line("a", "n"), "n"),
        (
            '<startEvent id="a"/><endEvent id="n"><compensateEventDefinition/></endEvent>' + line("a", "n"),
            "n",
        ),
        (
            around('<task id="t"/>', "t")
            + '<boundaryEvent id="n" attachedToRef="t"><compensateEventDefinition/></boundaryEvent>',
            "n",
        ),
        (
            around('<task id="t"/>', "t") + '<subProcess id="s" triggeredByEvent="true"><startEvent id="n">'
            "<compensateEventDefinition/></startEvent></subProcess>",
            "n",
        ),
        (
            '<startEvent id="a"/><eventBasedGateway id="n" instantiate="true"/>'
            '<receiveTask id="r" messageRef="m1"/><receiveTask id="q" messageRef="m2"/>'
            + line("a", "n", "r")
            + line("n", "q"),
            "n",
        ),
        (
            '<startEvent id="a"/><eventBasedGateway id="n" eventGatewayType="Parallel"/>'
            '<receiveTask id="r" messageRef="m1"/><receiveTask id="q" messageRef="m2"/>'
            + line("a", "n", "r")
            + line("n", "q"),
            "n",
        ),
    ],
)
def test_refused_events_and_gateways(content: str, element: str) -> None:
    assert [(one.rule, one.element) for one in read(content).findings] == [("form.refused-construct", element)]


@pytest.mark.parametrize(
    "root",
    [
        "choreography",
        "globalTask",
        "globalUserTask",
        "globalScriptTask",
        "globalConversation",
        "globalManualTask",
        "globalBusinessRuleTask",
        "globalChoreographyTask",
    ],
)
def test_refused_root_elements(root: str) -> None:
    reading = bpmn.read(process(around('<task id="n"/>'), f'<{root} id="r"/>'))
    assert [(one.rule, one.level, one.element) for one in reading.findings] == [
        ("form.refused-construct", "error", "r")
    ]


@pytest.mark.parametrize("node", ["conversation", "subConversation", "callConversation"])
def test_refused_conversations(node: str) -> None:
    reading = bpmn.read(process(around('<task id="n"/>'), f'<collaboration id="c"><{node} id="r"/></collaboration>'))
    assert [(one.rule, one.element) for one in reading.findings] == [("form.refused-construct", "r")]


def test_a_call_of_what_is_no_process() -> None:
    reading = bpmn.read(process(around('<callActivity id="n" calledElement="g"/>'), '<globalTask id="g"/>'))
    assert {one.element for one in named(reading, "form.refused-construct")} == {"n", "g"}


# ---------------------------------------------------------------- what is wrong with one element

START = '<startEvent id="a"/>'
TIMED = '<intermediateCatchEvent id="n"><timerEventDefinition>{}</timerEventDefinition></intermediateCatchEvent>'


def timed(tag: str, text: str) -> str:
    return around(TIMED.format(f"<{tag}>{text}</{tag}>"))


FAULTS = [
    ("form.undefined-reference", "n", around('<task id="n"><outgoing>gone</outgoing></task>')),
    ("form.undefined-reference", "n", around('<task id="n"><incoming> z </incoming></task>')),
    ("form.key-without-message", "n", around('<intermediateThrowEvent id="n" wangge:key="x"/>')),
    ("form.missing-id", "userTask", "<userTask name='x'/>"),
    ("form.duplicate-id", "n", around('<task id="n"/><userTask id="n" name="x"/>')),
    (
        "form.duplicate-id",
        "f",
        START + '<endEvent id="z"/>' + flow("a", "z", id="f") + flow("a", "z", id="f"),
    ),
    (
        "form.undefined-reference",
        "f",
        START + '<endEvent id="z"/>' + line("a", "z") + flow("a", "gone", id="f"),
    ),
    ("form.undefined-reference", "f", START + '<endEvent id="z"/>' + line("a", "z") + flow("", "z", id="f")),
    (
        "form.undefined-reference",
        "f",
        around('<task id="n"/>') + '<dataObject id="d"/>' + flow("n", "d", id="f"),
    ),
    (
        "form.flow-crosses-border",
        "f",
        around('<subProcess id="n"><task id="t"/></subProcess>') + flow("a", "t", id="f"),
    ),
    ("form.undefined-reference", "n", around('<receiveTask id="n" messageRef="gone"/>')),
    ("form.undefined-reference", "n", around('<receiveTask id="n" messageRef="s1"/>')),
    ("form.message-missing", "n", around('<receiveTask id="n"/>')),
    ("form.message-missing", "n", around('<sendTask id="n"/>')),
    (
        "form.message-missing",
        "n",
        around('<intermediateThrowEvent id="n"><messageEventDefinition/></intermediateThrowEvent>'),
    ),
    (
        "form.undefined-reference",
        "n",
        around('<intermediateThrowEvent id="n"><signalEventDefinition signalRef="m1"/></intermediateThrowEvent>'),
    ),
    (
        "form.signal-missing",
        "n",
        around('<intermediateThrowEvent id="n"><signalEventDefinition/></intermediateThrowEvent>'),
    ),
    (
        "form.undefined-reference",
        "n",
        START + '<endEvent id="n"><errorEventDefinition errorRef="gone"/></endEvent>' + line("a", "n"),
    ),
    (
        "form.error-missing",
        "n",
        START + '<endEvent id="n"><errorEventDefinition/></endEvent>' + line("a", "n"),
    ),
    (
        "form.undefined-reference",
        "n",
        START + '<endEvent id="n"><escalationEventDefinition escalationRef="e1"/></endEvent>' + line("a", "n"),
    ),
    (
        "form.undefined-reference",
        "n",
        START + '<endEvent id="n"><eventDefinitionRef>gone</eventDefinitionRef></endEvent>' + line("a", "n"),
    ),
    (
        "form.two-event-definitions",
        "n",
        START
        + '<endEvent id="n"><terminateEventDefinition/><signalEventDefinition signalRef="s1"/></endEvent>'
        + line("a", "n"),
    ),
    ("form.event-not-allowed", "n", around('<intermediateCatchEvent id="n"/>')),
    (
        "form.event-not-allowed",
        "n",
        around('<intermediateCatchEvent id="n"><errorEventDefinition/></intermediateCatchEvent>'),
    ),
    (
        "form.event-not-allowed",
        "n",
        around('<intermediateThrowEvent id="n"><timerEventDefinition wangge:limit="x"/></intermediateThrowEvent>'),
    ),
    (
        "form.event-not-allowed",
        "a",
        '<startEvent id="a"><errorEventDefinition/></startEvent><endEvent id="z"/>' + line("a", "z"),
    ),
    (
        "form.event-not-allowed",
        "s",
        around(
            '<subProcess id="n"><startEvent id="s"><signalEventDefinition signalRef="s1"/></startEvent></subProcess>'
        ),
    ),
    (
        "form.event-not-allowed",
        "s",
        around('<task id="n"/>') + '<subProcess id="e" triggeredByEvent="true"><startEvent id="s"/></subProcess>',
    ),
    (
        "form.event-not-allowed",
        "b",
        around('<task id="n"/>') + '<boundaryEvent id="b" attachedToRef="n"/><task id="t"/>' + line("b", "t"),
    ),
    (
        "form.error-not-interrupting",
        "b",
        around('<task id="n"/>') + '<boundaryEvent id="b" attachedToRef="n" cancelActivity="false">'
        '<errorEventDefinition/></boundaryEvent><task id="t"/>' + line("b", "t"),
    ),
    (
        "form.error-not-interrupting",
        "s",
        around('<task id="n"/>') + '<subProcess id="e" triggeredByEvent="true"><startEvent id="s" '
        'isInterrupting="false"><errorEventDefinition/></startEvent></subProcess>',
    ),
    (
        "form.link-without-name",
        "n",
        START + '<intermediateThrowEvent id="n"><linkEventDefinition/></intermediateThrowEvent>' + line("a", "n"),
    ),
    ("form.timer-unreadable", "n", around(TIMED.format(""))),
    (
        "form.timer-unreadable",
        "n",
        around(TIMED.format("<timeDuration>PT1H</timeDuration><timeCycle>R/PT1H</timeCycle>")),
    ),
    ("form.timer-unreadable", "n", timed("timeDuration", "")),
    ("form.timer-unreadable", "n", timed("timeDuration", "${delay}")),
    ("form.timer-unreadable", "n", timed("timeDuration", "'PT5S'")),
    ("form.timer-unreadable", "n", timed("timeDuration", "5")),
    ("form.timer-unreadable", "n", timed("timeDuration", "limit:")),
    ("form.timer-unreadable", "n", timed("timeDuration", "timedelta(hours=1)")),
    ("form.timer-unreadable", "n", timed("timeCycle", "0 0 9 * * ?")),
    ("form.timer-unreadable", "n", timed("timeDate", "2026-05-01")),
    ("form.timer-without-zone", "n", timed("timeDate", "2026-05-01T09:00:00")),
    ("form.timer-without-zone", "n", timed("timeCycle", "R3/2026-05-01T09:00:00/P1D")),
    (
        "form.condition-missing",
        "n",
        around('<intermediateCatchEvent id="n"><conditionalEventDefinition/></intermediateCatchEvent>'),
    ),
    (
        "form.condition-unreadable",
        "n",
        around(
            '<intermediateCatchEvent id="n"><conditionalEventDefinition><condition>= x</condition>'
            "</conditionalEventDefinition></intermediateCatchEvent>"
        ),
    ),
    (
        "form.condition-unreadable",
        "f",
        around('<task id="n"/>') + '<endEvent id="y"/>' + flow("n", "y", "${x}", "f"),
    ),
    (
        "form.condition-unreadable",
        "f",
        around('<task id="n"/>') + '<endEvent id="y"/>' + flow("n", "y", "#{x}", "f"),
    ),
    (
        "form.condition-unreadable",
        "f",
        around('<task id="n"/>') + '<endEvent id="y"/>' + flow("n", "y", "= x", "f"),
    ),
    (
        "form.condition-unreadable",
        "f",
        around('<task id="n"/>') + '<endEvent id="y"/>' + flow("n", "y", "open()", "f"),
    ),
    ("form.condition-empty", "f", around('<task id="n"/>') + '<endEvent id="y"/>' + flow("n", "y", " ", "f")),
    ("form.expression", "n", around('<userTask id="n" name="x" wangge:unit="${unit}"/>')),
    (
        "form.expression",
        "n",
        around('<task id="n"><extensionElements><wangge:property name="unit" value="a b"/></extensionElements></task>'),
    ),
    ("form.expression", "n", around('<receiveTask id="n" messageRef="m1" wangge:key="a b"/>')),
    (
        "form.expression",
        "n",
        around(
            '<serviceTask id="n" wangge:handler="h"><extensionElements><wangge:parameter name="a" value="1 +"/>'
            "</extensionElements></serviceTask>"
        ),
    ),
    (
        "form.expression",
        "n",
        around(
            '<task id="n"><standardLoopCharacteristics><loopCondition>a &amp;&amp; b</loopCondition>'
            "</standardLoopCharacteristics></task>"
        ),
    ),
    (
        "form.script",
        "n",
        around('<scriptTask id="n" scriptFormat="python"><script>print(1)</script></scriptTask>'),
    ),
    ("form.script-missing", "n", around('<scriptTask id="n"/>')),
    ("form.handler-missing", "n", around('<serviceTask id="n"/>')),
    ("form.decision-missing", "n", around('<businessRuleTask id="n"/>')),
    ("form.called-missing", "n", around('<callActivity id="n"/>')),
    ("form.called-missing", "n", around('<callActivity id="n" calledElement="${x}"/>')),
    ("form.recursive-call", "n", around('<callActivity id="n" calledElement="p"/>')),
    (
        "form.boundary-host",
        "b",
        around('<task id="n"/>')
        + '<boundaryEvent id="b" attachedToRef="gone"><signalEventDefinition signalRef="s1"/></boundaryEvent><task id="t"/>'
        + line("b", "t"),
    ),
    (
        "form.boundary-host",
        "b",
        around('<parallelGateway id="n"/>')
        + '<boundaryEvent id="b" attachedToRef="n"><signalEventDefinition signalRef="s1"/></boundaryEvent><task id="t"/>'
        + line("b", "t"),
    ),
    (
        "form.default-not-outgoing",
        "n",
        around('<task id="n" default="f"/>') + '<task id="t"/>' + flow("a", "t", id="f"),
    ),
    ("form.default-not-outgoing", "n", around('<task id="n" default="gone"/>')),
    ("form.default-not-allowed", "n", around('<parallelGateway id="n" default="flow:n-&gt;z"/>')),
    ("form.loop", "n", around('<task id="n"><standardLoopCharacteristics/></task>')),
    ("form.loop", "n", around('<task id="n"><standardLoopCharacteristics loopMaximum="many"/></task>')),
    ("form.loop", "n", around('<task id="n"><standardLoopCharacteristics loopMaximum="0"/></task>')),
    ("form.loop", "n", around('<task id="n"><multiInstanceLoopCharacteristics/></task>')),
    (
        "form.loop",
        "n",
        around(
            '<task id="n"><multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality>'
            "<loopDataInputRef>x</loopDataInputRef></multiInstanceLoopCharacteristics></task>"
        ),
    ),
    (
        "form.loop",
        "n",
        around(
            '<task id="n"><multiInstanceLoopCharacteristics><loopDataInputRef>x</loopDataInputRef>'
            "<inputDataItem name='1 x'/></multiInstanceLoopCharacteristics></task>"
        ),
    ),
    (
        "form.loop",
        "n",
        around(
            '<task id="n"><standardLoopCharacteristics loopMaximum="2"/><standardLoopCharacteristics loopMaximum="2"/></task>'
        ),
    ),
    (
        "form.loop",
        "e",
        around('<task id="n"/>') + '<subProcess id="e" triggeredByEvent="true"><standardLoopCharacteristics '
        'loopMaximum="2"/><startEvent id="s"><signalEventDefinition signalRef="s1"/></startEvent></subProcess>',
    ),
    ("form.variable-name", "a-b", around('<task id="n"/>') + '<dataObject id="a-b"/>'),
    (
        "form.undefined-reference",
        "l",
        '<laneSet><lane id="l"><flowNodeRef>gone</flowNodeRef></lane></laneSet>' + around('<task id="n"/>'),
    ),
    (
        "form.undefined-reference",
        "r",
        '<dataObjectReference id="r" dataObjectRef="gone"/>' + around('<task id="n"/>'),
    ),
    (
        "form.two-lanes",
        "n",
        '<laneSet><lane id="l"><flowNodeRef>n</flowNodeRef></lane><lane id="m"><flowNodeRef>n</flowNodeRef></lane>'
        "</laneSet>" + around('<task id="n"/>'),
    ),
    ("form.unknown-attribute", "n", around('<task id="n" wangge:rolle="x"/>')),
    ("form.unknown-attribute", "n", around('<exclusiveGateway id="n" wangge:role="x"/>')),
    ("form.unknown-attribute", "n", around('<userTask id="n" name="x" wangge:decision="x"/>')),
    ("form.unknown-attribute", "p", around('<task id="n"/>') + '<documentation wangge:x="y"/>'),
    (
        "form.unknown-extension",
        "n",
        around(
            '<callActivity id="n" calledElement="q"><extensionElements><wangge:in source="x"/></extensionElements>'
            "</callActivity>"
        ),
    ),
    (
        "form.unknown-extension",
        "n",
        around('<serviceTask id="n" wangge:handler="h"><wangge:parameter name="a" value="1"/></serviceTask>'),
    ),
    (
        "form.unknown-extension",
        "n",
        around(
            '<userTask id="n" name="x"><extensionElements><wangge:parameter name="a" value="1"/></extensionElements></userTask>'
        ),
    ),
    (
        "form.extension",
        "n",
        around('<task id="n"><extensionElements><wangge:property value="1"/></extensionElements></task>'),
    ),
    (
        "form.extension",
        "n",
        around(
            '<task id="n" wangge:role="a"><extensionElements><wangge:property name="role" value="b"/>'
            "</extensionElements></task>"
        ),
    ),
    ("form.not-executed", "n", around('<userTask id="n" name="x"><potentialOwner/></userTask>')),
    (
        "form.not-executed",
        "n",
        around('<task id="n"><ioSpecification><dataInput id="d"/><inputSet/><outputSet/></ioSpecification></task>'),
    ),
    (
        "form.not-executed",
        "n",
        around(
            '<task id="n"><dataInputAssociation><targetRef>x</targetRef><assignment/></dataInputAssociation></task>'
        ),
    ),
    ("form.unknown-element", "p", around('<task id="n"/>') + "<taks/>"),
    ("form.unknown-element", "p", around('<task id="n"/>') + '<task xmlns="" id="t"/>'),
    ("form.unaccounted", "t", around('<task id="n"><task id="t"/></task>')),
    (
        "form.unaccounted",
        "t",
        around('<task id="n"><extensionElements><task id="t"/></extensionElements></task>'),
    ),
    ("form.unaccounted", "t", around('<task id="n"/>') + '<odd:x><task id="t"/></odd:x>'),
    ("form.unaccounted", "n", around('<task id="n"><signalEventDefinition signalRef="s1"/></task>')),
    (
        "form.unknown-extension",
        "n",
        around(
            '<serviceTask id="n" wangge:handler="h"><documentation><wangge:parameter name="a" value="1"/>'
            "</documentation></serviceTask>"
        ),
    ),
    ("form.unaccounted", "q", around('<task id="n"/>') + '<process id="q"/>'),
    ("form.unaccounted", "n", around('<task id="n"><condition>x</condition></task>')),
    ("form.unaccounted", "n", around('<task id="n"><eventDefinitionRef>shared</eventDefinitionRef></task>')),
    ("form.unaccounted", "n", around('<task id="n"><loopCondition>x</loopCondition></task>')),
    (
        "form.unaccounted",
        "f",
        around('<inclusiveGateway id="n"/>')
        + flow("n", "z", "x", "f").replace("</seq", "<conditionExpression>y</conditionExpression></seq"),
    ),
    # the shape
    ("form.no-start", "p", '<task id="n"/>' + line("n", "n")),
    ("form.no-start", "n", around('<subProcess id="n"/>')),
    (
        "form.no-start",
        "p",
        '<task id="n"/><boundaryEvent id="b" attachedToRef="n"><signalEventDefinition signalRef="s1"/></boundaryEvent>'
        + line("n", "n")
        + line("b", "n"),
    ),
    (
        "form.no-start",
        "p",
        '<task id="n"/><intermediateCatchEvent id="c"><linkEventDefinition name="x"/></intermediateCatchEvent>'
        + line("c", "n", "n"),
    ),
    (
        "form.many-starts",
        "n",
        around('<subProcess id="n"><startEvent id="s"/><startEvent id="t"/></subProcess>'),
    ),
    ("form.start-incoming", "a", around('<task id="n"/>') + line("n", "a")),
    ("form.end-outgoing", "z", around('<task id="n"/>') + line("z", "n")),
    ("form.unreachable", "t", around('<task id="n"/>') + '<task id="t"/>'),
    (
        "form.unreachable",
        "t",
        around('<task id="n"/>') + '<task id="t"/>' + line("t", "t"),
    ),
    (
        "form.boundary-incoming",
        "b",
        around('<task id="n"/>') + '<boundaryEvent id="b" attachedToRef="n"><signalEventDefinition signalRef="s1"/>'
        '</boundaryEvent><task id="t"/>' + line("b", "t", "b"),
    ),
    (
        "form.boundary-outgoing",
        "b",
        around('<task id="n"/>') + '<boundaryEvent id="b" attachedToRef="n"><signalEventDefinition signalRef="s1"/>'
        "</boundaryEvent>",
    ),
    (
        "form.event-subprocess-flow",
        "e",
        around('<task id="n"/>') + '<subProcess id="e" triggeredByEvent="true"><startEvent id="s">'
        '<signalEventDefinition signalRef="s1"/></startEvent></subProcess>' + line("n", "e"),
    ),
    (
        "form.event-subprocess-start",
        "e",
        around('<task id="n"/>') + '<subProcess id="e" triggeredByEvent="true"/>',
    ),
    (
        "form.condition-missing",
        "f",
        around('<exclusiveGateway id="n" default="flow:n-&gt;z"/>') + '<endEvent id="y"/>' + flow("n", "y", id="f"),
    ),
    ("form.condition-not-allowed", "f", around('<task id="n"/>') + flow("a", "n", "x", "f")),
    ("form.condition-not-allowed", "f", around('<parallelGateway id="n"/>') + flow("n", "z", "x", "f")),
    ("form.default-condition", "f", around('<task id="n" default="f"/>') + flow("n", "z", "x", "f")),
    (
        "form.event-gateway-single",
        "n",
        START + '<eventBasedGateway id="n"/><receiveTask id="r" messageRef="m1"/>' + line("a", "n", "r"),
    ),
    (
        "form.event-gateway-target",
        "t",
        START
        + '<eventBasedGateway id="n"/><receiveTask id="r" messageRef="m1"/><task id="t"/>'
        + line("a", "n", "r")
        + line("n", "t"),
    ),
    (
        "form.event-gateway-target",
        "t",
        START + '<eventBasedGateway id="n"/><receiveTask id="r" messageRef="m1"/><intermediateThrowEvent id="t">'
        '<messageEventDefinition messageRef="m1"/></intermediateThrowEvent>' + line("a", "n", "r") + line("n", "t"),
    ),
    (
        "form.event-gateway-shared",
        "r",
        START
        + '<eventBasedGateway id="n"/><receiveTask id="r" messageRef="m1"/><receiveTask id="q" messageRef="m2"/>'
        + line("a", "n", "r")
        + line("n", "q", "r"),
    ),
    (
        "form.link-without-catch",
        "n",
        START
        + '<intermediateThrowEvent id="n"><linkEventDefinition name="x"/></intermediateThrowEvent>'
        + line("a", "n"),
    ),
    ("form.without-name", "n", around('<userTask id="n"/>')),
    ("form.without-name", "n", around('<manualTask id="n" name=" "/>')),
]


@pytest.mark.parametrize(("rule", "element", "content"), FAULTS)
def test_each_fault_is_found_alone_and_named(rule: str, element: str, content: str) -> None:
    reading = read(content)
    assert [(one.rule, one.element) for one in reading.findings] == [(rule, element)]
    finding = reading.findings[0]
    assert element in finding.message
    assert any("\u4e00" <= char <= "\u9fff" for char in finding.message)


@pytest.mark.parametrize(
    ("rule", "level"),
    [
        ("form.duplicate-id", "error"),
        ("form.condition-missing", "error"),
        ("form.default-condition", "warning"),
        ("form.event-gateway-single", "warning"),
        ("form.without-name", "advice"),
        ("form.timer-without-zone", "advice"),
        ("form.not-executed", "advice"),
    ],
)
def test_levels(rule: str, level: str) -> None:
    content = next(content for one, _, content in FAULTS if one == rule)
    assert [one.level for one in read(content).findings] == [level]


def test_a_missing_condition_does_not_hinder_trying_the_process() -> None:
    content = next(content for one, _, content in FAULTS if one == "form.condition-missing")
    reading = read(content)
    assert reading.refused == frozenset()
    assert reading.definition().process == reading.processes["p"]


def test_all_faults_of_a_file_come_at_once_by_line() -> None:
    content = (
        '<startEvent id="a"/>\n<userTask id="n"/>\n<complexGateway id="g"/>\n<scriptTask id="s"/>\n<endEvent id="z"/>\n'
        + "\n".join([flow("a", "n"), flow("n", "g"), flow("g", "s"), flow("s", "z", "${x}"), flow("z", "gone")])
    )
    assert [(one.rule, one.element) for one in read(content).findings] == [
        ("form.without-name", "n"),
        ("form.refused-construct", "g"),
        ("form.script-missing", "s"),
        ("form.condition-unreadable", "flow:s->z"),
        ("form.undefined-reference", "flow:z->gone"),
    ]


def test_the_second_of_two_ids_is_named_with_its_line() -> None:
    finding = bpmn.read(file('<process id="p">\n<task id="n"/>\n<task id="n" name="再"/></process>')).findings[0]
    assert (finding.rule, finding.element, finding.name) == ("form.duplicate-id", "n", "再")
    assert "第 3 行" in finding.message
    assert "第 2 行" in finding.message


def test_ids_shared_by_what_nobody_sees_only_warn() -> None:
    reading = read(
        around('<userTask id="n" name="x"><ioSpecification id="n"><inputSet/><outputSet/></ioSpecification></userTask>')
    )
    assert [(one.rule, one.level) for one in reading.findings] == [("form.duplicate-id", "warning")]


def test_what_is_drawn_keeps_its_id_against_what_is_not() -> None:
    inner = '<ioSpecification id="n"><inputSet/><outputSet/></ioSpecification>'
    reading = read(f'<userTask id="t" name="x">{inner}</userTask>' + around('<task id="n"/>') + line("a", "t"))
    assert [(one.rule, one.level, one.element) for one in reading.findings] == [("form.duplicate-id", "warning", "n")]
    assert reading.processes["p"].body.nodes["n"].incoming == ("flow:a->n",)


def test_one_fault_of_an_element_does_not_hide_what_else_is_lost_in_it() -> None:
    reading = read(around('<serviceTask id="n" wangge:unit="${u}"><terminateEventDefinition/></serviceTask>'))
    assert {one.rule for one in reading.findings} == {"form.handler-missing", "form.expression", "form.unaccounted"}


def test_extensions_of_tools_that_forget_their_namespace_are_still_theirs() -> None:
    assert compiled(
        around(
            '<task id="n"><extensionElements><Grid/><condition>x</condition><potentialOwner/>'
            "<timerEventDefinition/></extensionElements></task>"
        )
    )


def test_both_catches_of_one_link() -> None:
    catch = '<intermediateCatchEvent id="{}"><linkEventDefinition name="x"/></intermediateCatchEvent>'
    reading = read(
        '<startEvent id="a"/><intermediateThrowEvent id="n"><linkEventDefinition name="x"/></intermediateThrowEvent>'
        + catch.format("c")
        + catch.format("d")
        + '<endEvent id="z"/>'
        + line("a", "n")
        + line("c", "z")
        + line("d", "z")
        + line("a", "c")
        + line("n", "z")
    )
    assert {(one.rule, one.element) for one in reading.findings} == {
        ("form.link-incoming", "c"),
        ("form.link-outgoing", "n"),
        ("form.link-two-catches", "d"),
    }


def test_a_link_catch_that_nobody_throws_to_is_unreachable() -> None:
    reading = read(
        around('<task id="n"/>')
        + '<intermediateCatchEvent id="c"><linkEventDefinition name="x"/></intermediateCatchEvent>'
        + line("c", "z")
    )
    assert [(one.rule, one.element) for one in reading.findings] == [("form.unreachable", "c")]


def test_an_event_definition_that_no_event_uses_is_named() -> None:
    (finding,) = bpmn.read(process(around('<task id="n"/>'))).findings
    assert (finding.rule, finding.level) == ("form.unused-definition", "advice")
    assert "shared" in finding.message


def test_without_start_events_the_nodes_without_incoming_flow_begin() -> None:
    reading = read('<task id="n"/><task id="m"/><endEvent id="z"/>' + line("n", "z") + line("m", "z"))
    assert reading.findings == ()
    assert reading.executable == ("p",)


# ---------------------------------------------------------------- files of several processes


def test_an_undefined_decision_is_found_only_where_the_tables_are_known() -> None:
    data = process(around('<businessRuleTask id="n" wangge:decision="triage"/>'), "")
    assert bpmn.read(data).findings == bpmn.read(data, decisions={"triage"}).findings == ()
    (finding,) = bpmn.read(data, decisions={"other"}).findings
    assert (finding.rule, finding.element) == ("form.undefined-decision", "n")


def several(*calls: tuple[str, str]) -> Reading:
    """One process per pair: its id, and the ids of what it calls."""
    content = ""
    for id, called in calls:
        steps = [f'<callActivity id="{id}_{one}" calledElement="{one}"/>' for one in called.split()]
        content += f'<process id="{id}"><task id="{id}_t"/>{"".join(steps)}</process>'
    return bpmn.read(file(content))


def test_called_processes_are_linked_from_the_file_and_from_others() -> None:
    reading = several(("p", "q"), ("q", "r"), ("unused", ""))
    others = several(("r", "s"), ("s", ""), ("q", "nowhere")).processes
    assert reading.findings == ()
    assert reading.calls == {"r"}
    assert reading.executable == ("p", "q", "unused")
    definition = reading.definition("p", others)
    assert sorted(definition.processes) == ["p", "q", "r", "s"]
    assert definition.processes["q"] == reading.processes["q"]
    assert definition.root == reading.definition(others=others).root == "p"


def test_the_root_is_the_first_process_that_no_other_calls() -> None:
    assert several(("q", ""), ("p", "q")).definition().root == "p"
    assert several(("p", "q"), ("q", "p")).executable == ("p", "q")


def test_what_is_missing_from_a_definition_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        several(("p", "q r")).definition()
    assert {(one.rule, one.element) for one in caught.value.findings} == {
        ("form.called-missing", "p_q"),
        ("form.called-missing", "p_r"),
    }
    with pytest.raises(Invalid, match="gone"):
        several(("p", "")).definition("gone")


def test_circles_of_calls_are_refused() -> None:
    reading = several(("p", "q"), ("q", "r"), ("r", "q"), ("s", "p"))
    assert {(one.rule, one.element) for one in reading.findings} == {
        ("form.recursive-call", "q_r"),
        ("form.recursive-call", "r_q"),
    }
    for one in (reading, several(("p", "q"))):
        with pytest.raises(Invalid) as caught:
            one.definition("p", several(("q", "r"), ("r", "q")).processes)
        assert {finding.element for finding in caught.value.findings} == {"q_r", "r_q"}


def test_only_executable_processes_with_steps_can_start() -> None:
    reading = bpmn.read(
        file(
            '<process id="a"/><process id="b" isExecutable="false"><task id="t"/></process>'
            '<process id="c" isExecutable="true"><task id="u"/></process><process id="d"><task id="v"/></process>'
        )
    )
    assert list(reading.processes) == ["a", "b", "c", "d"]
    assert reading.executable == ("c", "d")
    assert [(one.rule, one.level) for one in reading.findings] == [("form.empty", "advice")]


def test_a_file_with_nothing_to_start_says_so() -> None:
    for content in ("", '<process id="p"/>', '<process id="p" isExecutable="false"><task id="t"/></process>'):
        reading = bpmn.read(file(content))
        (finding,) = named(reading, "form.nothing-executable")
        assert finding.level == "error"
        with pytest.raises(Invalid, match="整个文件"):
            reading.definition()


def test_message_flows_lead_somewhere() -> None:
    flows = '<collaboration><messageFlow id="x" sourceRef="n" targetRef="gone"/></collaboration>'
    (finding,) = bpmn.read(process(around('<task id="n"/>'), flows)).findings
    assert (finding.rule, finding.level, finding.element) == ("form.undefined-reference", "warning", "x")


def test_a_warning_does_not_forbid_to_run() -> None:
    lanes = "<laneSet><lane><flowNodeRef>gone</flowNodeRef><flowNodeRef>n</flowNodeRef></lane></laneSet>"
    reading = read(lanes + around('<task id="n"/>'))
    assert [(one.rule, one.level, one.element) for one in reading.findings] == [
        ("form.undefined-reference", "warning", "lane")
    ]
    assert reading.definition().process.body.nodes["n"].lane == "lane"


def test_a_participant_of_no_process_is_a_black_box_but_of_an_unknown_one_a_fault() -> None:
    reading = bpmn.read(
        process(
            around('<task id="n"/>'),
            '<collaboration><participant id="x"/><participant id="y" processRef="gone"/></collaboration>',
        )
    )
    assert [(one.rule, one.element) for one in reading.findings] == [("form.undefined-reference", "y")]


# ---------------------------------------------------------------- hostile files


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "xml.not-xml"),
        (b"not xml", "xml.not-xml"),
        (b"\x00\xff\xfe", "xml.encoding"),
        (process("")[:-5], "xml.not-xml"),
        (b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" + process("&x;"), "xml.doctype"),
        (b"<!DOCTYPE a [<!ENTITY x 'ha'><!ENTITY y '&x;&x;'>]>" + process("&y;"), "xml.doctype"),
        (b"<?xml version='1.0' encoding='utf-16'?>" + process(""), "xml.encoding"),
        ("<?xml version='1.0' encoding='utf-8'?><a n='网格'/>".encode("gbk"), "xml.encoding"),
        (b"<a/>", "form.wrong-root"),
        (b"<definitions/>", "form.wrong-root"),
        (f'<process xmlns="{MODEL}" id="p"/>'.encode(), "form.wrong-root"),
        (process(f"<documentation>{'x' * 21 * 2**20}</documentation>"), "xml.too-large"),
        (process("<subProcess>" * 300 + "</subProcess>" * 300), "xml.too-deep"),
    ],
)
def test_what_is_no_diagram_gives_one_finding(data: bytes, rule: str) -> None:
    reading = bpmn.read(data)
    assert [(one.rule, one.level) for one in reading.findings] == [(rule, "error")]
    assert reading.processes == {}


def test_a_file_of_almost_twenty_megabytes_is_read() -> None:
    started = time.perf_counter()
    assert compiled(around(f'<task id="n"><documentation>{"x" * 19 * 2**20}</documentation></task>')).kind == "task"
    assert time.perf_counter() - started < 15


def nested(depth: int) -> str:
    return (
        "".join(f'<subProcess id="sub{level}">' for level in range(depth)) + '<task id="t"/>' + "</subProcess>" * depth
    )


def test_subprocesses_may_nest_fifty_deep_and_no_deeper() -> None:
    reading = read(nested(bpmn.DEEPEST))
    assert reading.findings == ()
    assert reading.definition().digest
    reading = read(nested(180))
    assert {one.rule for one in reading.findings} == {"form.too-deep", "form.unaccounted"}
    assert [one.element for one in named(reading, "form.too-deep")] == [f"sub{bpmn.DEEPEST}"]
    assert {one.element for one in reading.findings} >= {f"sub{level}" for level in range(bpmn.DEEPEST, 180)} | {"t"}
    assert reading.refused == {"p"}


def large(number: int) -> bytes:
    """Steps in a row, most of them without an id of their own for what joins them."""
    return process(
        '<startEvent id="n0"/>'
        + "".join(
            f'<task id="n{i}"/>{flow(f"n{i - 1}", f"n{i}")}<exclusiveGateway/>{flow("n0", "n1")}'
            for i in range(1, number)
        )
    )


def seconds(data: bytes) -> float:
    started = time.perf_counter()
    bpmn.read(data)
    return time.perf_counter() - started


def test_time_grows_with_the_file_and_not_faster() -> None:
    reading = bpmn.read(large(3000))
    assert len(reading.processes["p"].body.nodes) == 2 * 3000 - 1
    small, big = (min(seconds(large(number)) for _ in range(3)) for number in (500, 4000))
    assert big < small * 8 * 4


# ---------------------------------------------------------------- nothing is ever lost


def test_the_account_is_kept_apart_from_compiling() -> None:
    """Whatever compiling loses, the account names: here each node, flow, event and condition is taken away."""
    drawn = xml.parse((DATA / "matter.bpmn").read_bytes())
    whole = bpmn.read((DATA / "matter.bpmn").read_bytes()).processes["matter"]
    assert _unaccounted(drawn, whole) == set()
    for id in whole.body.nodes:
        nodes = {key: node for key, node in whole.body.nodes.items() if key != id}
        assert id in _unaccounted(drawn, _with(whole, Body(nodes, whole.body.flows)))
    for id, one in whole.body.flows.items():
        flows = {key: flow for key, flow in whole.body.flows.items() if key != id}
        assert _unaccounted(drawn, _with(whole, Body(whole.body.nodes, flows))) == {id}
        if one.condition:
            changed = flows | {id: Flow(id, one.source, one.target, "other")}
            assert _unaccounted(drawn, _with(whole, Body(whole.body.nodes, changed))) == {id}
    late = whole.body.nodes["late"]
    plain = whole.body.nodes | {"late": Node("late", late.kind, outgoing=late.outgoing, host=late.host)}
    assert _unaccounted(drawn, _with(whole, Body(plain, whole.body.flows))) == {"late"}


def _with(whole: Process, body: Body) -> Process:
    return Process(whole.id, body, whole.name)


def _unaccounted(root: xml.Element, found: Process) -> set[str]:
    drawing = Drawing(root)
    accounting.check(drawing, {found.id: found})
    return {finding.element for finding in drawing.findings if finding.rule == "form.unaccounted"}


def all_nodes(reading: Reading) -> set[str]:
    bodies, ids = [process.body for process in reading.processes.values()], set[str]()
    while bodies:
        body = bodies.pop()
        ids |= body.nodes.keys() | body.flows.keys()
        bodies += [node.body for node in body.nodes.values() if node.body is not None]
    return ids


SEEDS = [path.read_bytes() for path in sorted(DATA.iterdir())]
TAGS = sorted([*FLOW_NODES, "sequenceFlow", "lane", "process", "extensionElements", "timerEventDefinition", "nonsense"])
VALUES = ["", " ", "verify", "t:verify", "true", "false", "${x}", "x > 1", "-1", "网", "a b", "::", "gone"]


def mutate(root: etree._Element, draw: st.DataObject) -> None:
    elements = list(root.iter("*"))[1:]
    element = draw.draw(st.sampled_from(elements))
    parent = element.getparent()
    assert parent is not None
    names = sorted(str(name) for name in element.attrib)
    match draw.draw(st.sampled_from(["drop", "double", "move", "rename", "unset", "set", "label", "text"])):
        case "drop":
            parent.remove(element)
        case "double":
            parent.append(copy.deepcopy(element))
        case "move":
            target = draw.draw(st.sampled_from(elements))
            if element not in [target, *target.iterancestors()]:
                target.append(element)
        case "rename":
            namespace = draw.draw(st.sampled_from([f"{{{MODEL}}}", "", "{urn:odd}", "{urn:wangge:bpmn:1}"]))
            element.tag = namespace + draw.draw(st.sampled_from(TAGS))
        case "unset" if names:
            del element.attrib[draw.draw(st.sampled_from(names))]
        case "set" if names:
            element.set(draw.draw(st.sampled_from(names)), draw.draw(st.sampled_from(VALUES)))
        case "label" if names:
            name = draw.draw(st.sampled_from(names))
            element.set(f"{name}x", element.attrib.pop(name))
        case _:
            element.text = draw.draw(st.sampled_from(VALUES))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_file_never_raises_and_loses_nothing(draw: st.DataObject) -> None:
    root = xml.parse(draw.draw(st.sampled_from(SEEDS)))
    for _ in range(draw.draw(st.integers(1, 6))):
        if len(root):
            mutate(root, draw)
    data = etree.tostring(root)
    reading = bpmn.read(data)
    assert all(one.message and one.rule for one in reading.findings)
    accounted = all_nodes(reading) | {one.element for one in reading.findings}
    for element in Drawing(xml.parse(data)).all:
        written = (element.get("id") or "").strip()
        if local(element) in {*FLOW_NODES, "sequenceFlow"} and written:
            assert written in accounted
    decode(encode(reading), Reading)
    for id in reading.executable:
        definition = linked(reading, id)
        assert definition is None or decode(encode(definition), Definition) == definition


def linked(reading: Reading, id: str) -> Definition | None:
    try:
        return reading.definition(id)
    except Invalid:
        return None
