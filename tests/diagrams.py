"""A short notation for diagrams, so that a test shows the drawing and not its XML.

    start s                         events take one of: message= timer= signal= error= escalation=
    user a                            condition= link= terminate
    boundary late on=a timer=PT1H interrupting=no
    sub S {                         a sub-process; `event E {` an event sub-process
      ...
    }
    a -> b                          a flow; `a -> b [x > 1]` with a condition, `a => b` the default
    user a collection=list item=it output=out output_item=x completion="..." sequential
    user a standard condition_loop="..." maximum=3 test_before

`bpmn(text)` gives the XML, `define(text)` the compiled definition and fails on any error finding.
"""

import re
import shlex
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from engine import bpmn as reader
from engine.definition import Definition

TAGS = {
    "start": "startEvent",
    "end": "endEvent",
    "throw": "intermediateThrowEvent",
    "catch": "intermediateCatchEvent",
    "boundary": "boundaryEvent",
    "task": "task",
    "user": "userTask",
    "manual": "manualTask",
    "service": "serviceTask",
    "script": "scriptTask",
    "rule": "businessRuleTask",
    "send": "sendTask",
    "receive": "receiveTask",
    "exclusive": "exclusiveGateway",
    "parallel": "parallelGateway",
    "inclusive": "inclusiveGateway",
    "first": "eventBasedGateway",
    "sub": "subProcess",
    "event": "subProcess",
    "call": "callActivity",
}
REFERENCES = ("message", "signal", "error", "escalation")


def define(text: str, *others: str) -> Definition:
    """The definition of the first diagram, which may call the processes of the others."""
    reading = reader.read(bpmn(text))
    errors = [finding for finding in reading.findings if finding.level == "error"]
    assert not errors, errors
    called = {id: process for other in others for id, process in reader.read(bpmn(other)).processes.items()}
    return reading.definition(others=called)


def bpmn(text: str) -> bytes:
    """The XML of a diagram in the short notation."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip() and not line.strip().startswith("#")]
    head = "main"
    if lines[0].startswith("process "):
        head = lines.pop(0).split()[1]
    declared: dict[tuple[str, str], str] = {}
    body = "".join(_elements(iter(lines), declared))
    roots = "".join(
        f'<{kind} id="{id}" name={quoteattr(name)} {kind}Code={quoteattr(name)}/>'
        if kind in ("error", "escalation")
        else f'<{kind} id="{id}" name={quoteattr(name)}/>'
        for (kind, name), id in declared.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:wangge="urn:wangge:bpmn:1" '
        f'targetNamespace="urn:test">{roots}<process id="{head}" isExecutable="true">{body}</process></definitions>'
    ).encode()


def _elements(lines: Iterator[str], declared: dict[tuple[str, str], str]) -> Iterator[str]:
    nodes: list[str] = []
    flows: list[tuple[str, str, str]] = []
    defaults: dict[str, str] = {}
    for line in lines:
        if line == "}":
            break
        if arrow := re.match(r"(\S+) (->|=>) (\S+)(?: \[(.*)\])?$", line):
            source, kind, target, condition = arrow.groups()
            id = f"{source}_{target}_{len(flows)}"
            if kind == "=>":
                defaults[source] = id
            inner = f"<conditionExpression>{_escape(condition)}</conditionExpression>" if condition else ""
            flows.append(
                (
                    source,
                    target,
                    f'<sequenceFlow id="{id}" sourceRef="{source}" targetRef="{target}">{inner}</sequenceFlow>',
                )
            )
        else:
            nodes.append(line)
            if line.endswith("{"):
                nodes.append("".join(_elements(lines, declared)))
    position = 0
    while position < len(nodes):
        line = nodes[position]
        inside = nodes[position + 1] if line.endswith("{") else ""
        position += 2 if line.endswith("{") else 1
        yield _node(line.rstrip("{").strip(), inside, defaults, declared)
    for _, _, xml in flows:
        yield xml


def _node(line: str, inside: str, defaults: dict[str, str], declared: dict[tuple[str, str], str]) -> str:
    kind, id, *rest = shlex.split(line)
    options = {name: value if sign else "yes" for name, sign, value in (word.partition("=") for word in rest)}
    tag = TAGS[kind]
    attributes = f' id="{id}" name="{options.get("name", id)}"'
    content = _definition(options, declared) + _loop(options)
    if id in defaults:
        attributes += f' default="{defaults[id]}"'
    if kind == "event":
        attributes += ' triggeredByEvent="true"'
    if kind == "boundary":
        attributes += f' attachedToRef="{options["on"]}"'
    if options.get("interrupting") == "no":
        attributes += ' cancelActivity="false"' if kind == "boundary" else ' isInterrupting="false"'
    if kind in ("send", "receive"):
        attributes += f' messageRef="{_declare(declared, "message", options["message"])}"'
        content = _loop(options)
    if "key" in options:
        attributes += f" wangge:key={quoteattr(options['key'])}"
    if kind == "call":
        attributes += f' calledElement="{options["calls"]}"'
    for name in ("handler", "decision", "role", "form", "limit", "status", "unit", "basis"):
        if name in options:
            attributes += f" wangge:{name}={quoteattr(options[name])}"
    parameters = "".join(
        f'<wangge:parameter name="{word[6:]}" value={quoteattr(value)}/>'
        for word, value in options.items()
        if word.startswith("param:")
    )
    if parameters:
        content = f"<extensionElements>{parameters}</extensionElements>" + content
    if kind == "script":
        content += f"<script>{_escape(options['script'])}</script>"
    return f"<{tag}{attributes}>{content}{inside}</{tag}>"


def _definition(options: dict[str, str], declared: dict[tuple[str, str], str]) -> str:
    for kind in REFERENCES:
        if kind in options:
            name = options[kind]
            reference = f' {kind}Ref="{_declare(declared, kind, name)}"' if name != "yes" else ""
            return f"<{kind}EventDefinition{reference}/>"
    if "timer" in options:
        text = options["timer"]
        kind = "timeCycle" if text.startswith("R") else "timeDate" if text[0].isdigit() else "timeDuration"
        return f"<timerEventDefinition><{kind}>{text}</{kind}></timerEventDefinition>"
    if "condition" in options:
        return f"<conditionalEventDefinition><condition>{_escape(options['condition'])}</condition></conditionalEventDefinition>"
    if "link" in options:
        return f'<linkEventDefinition name="{options["link"]}"/>'
    return "<terminateEventDefinition/>" if "terminate" in options else ""


def _loop(options: dict[str, str]) -> str:
    if "standard" in options:
        maximum = f' loopMaximum="{options["maximum"]}"' if "maximum" in options else ""
        before = ' testBefore="true"' if "test_before" in options else ""
        condition = options.get("while")
        inner = f"<loopCondition>{_escape(condition)}</loopCondition>" if condition else ""
        return f"<standardLoopCharacteristics{maximum}{before}>{inner}</standardLoopCharacteristics>"
    if "collection" not in options and "cardinality" not in options:
        return ""
    inner = ""
    if "cardinality" in options:
        inner += f"<loopCardinality>{options['cardinality']}</loopCardinality>"
    if "collection" in options:
        inner += f"<loopDataInputRef>{options['collection']}</loopDataInputRef>"
    if "output" in options:
        inner += f"<loopDataOutputRef>{options['output']}</loopDataOutputRef>"
    if "item" in options:
        inner += f'<inputDataItem id="{options["item"]}" name="{options["item"]}"/>'
    if "output_item" in options:
        inner += f'<outputDataItem id="{options["output_item"]}" name="{options["output_item"]}"/>'
    if "completion" in options:
        inner += f"<completionCondition>{_escape(options['completion'])}</completionCondition>"
    sequential = ' isSequential="true"' if "sequential" in options else ""
    return f"<multiInstanceLoopCharacteristics{sequential}>{inner}</multiInstanceLoopCharacteristics>"


def _declare(declared: dict[tuple[str, str], str], kind: str, name: str) -> str:
    return declared.setdefault((kind, name), f"{kind}_{len(declared)}")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
