"""What an event waits for or does, read from its event definition: messages, timers, signals, errors and so on.

A reference is resolved to the word by which throwers and catchers find each other: a name, or the code of an
error or escalation. A time must be ISO 8601 or the name of a limit; other engines' expressions are named, never
guessed at.
"""

from collections.abc import Callable, Iterator, Mapping

from engine import iso8601
from engine.definition import Timer, Trigger
from engine.drawing import (
    EVENT_DEFINITIONS,
    Drawing,
    children,
    is_true,
    local,
    name_of,
    ours,
    reference,
    text_of,
    unprefixed,
)
from engine.xml import Element

ALLOWED: Mapping[str, frozenset[str]] = {
    "start": frozenset({"none", "message", "timer", "signal", "conditional"}),
    "inner start": frozenset({"none"}),
    "event start": frozenset({"message", "timer", "signal", "error", "escalation", "conditional"}),
    "end": frozenset({"none", "message", "signal", "error", "escalation", "terminate"}),
    "throw": frozenset({"none", "message", "signal", "escalation", "link"}),
    "catch": frozenset({"message", "timer", "signal", "conditional", "link"}),
    "boundary": frozenset({"message", "timer", "signal", "error", "escalation", "conditional"}),
}
"""Where an event stands -> what it may wait for or do."""


class Triggers:
    """Reads the event definitions of one drawing; what is wrong goes to `drawing.report`."""

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing

    def of(self, element: Element, place: str) -> Trigger:
        """What an event at this place (a key of `ALLOWED`) waits for or does."""
        definitions = list(self._definitions(element))
        if is_true(element, "parallelMultiple"):
            self.drawing.refuse(element, "并行多重事件", "a parallel multiple event")
        if len(definitions) > 1:
            self.drawing.report(
                element,
                "form.two-event-definitions",
                f"有 {len(definitions)} 个事件定义，只能有一个。请拆成几个事件。",
                f"it has {len(definitions)} event definitions, one is allowed. Draw several events.",
            )
        trigger = self._defined(element, definitions[0]) if definitions else Trigger()
        if trigger.kind != "message" and _key(element):
            self.drawing.report(
                element,
                "form.key-without-message",
                "只有消息事件可以有 wangge:key。请删除。",
                "only a message event can have a wangge:key. Remove it.",
            )
        if trigger.kind not in ALLOWED[place] and self.drawing.ids[element] not in self.drawing.stand_ins:
            self._misplaced(element, trigger.kind, place)
        return trigger

    def _definitions(self, element: Element) -> Iterator[Element]:
        for child in children(element, *EVENT_DEFINITIONS, "eventDefinitionRef"):
            if local(child) != "eventDefinitionRef":
                yield child
                continue
            found = self.drawing.find(text_of(child), *EVENT_DEFINITIONS)
            if found is not None:
                yield found
            else:
                self.drawing.undefined(element, "eventDefinitionRef", text_of(child))

    def _misplaced(self, element: Element, kind: str, place: str) -> None:
        allowed = ", ".join(sorted(ALLOWED[place]))
        self.drawing.report(
            element,
            "form.event-not-allowed",
            f"这个位置不能使用 {kind} 类型的事件。可用：{allowed}。",
            f"an event of kind {kind} cannot stand here. Possible: {allowed}.",
        )

    def _defined(self, element: Element, definition: Element) -> Trigger:
        kind = EVENT_DEFINITIONS[local(definition)]
        if kind == "compensation":
            self.drawing.refuse(element, "补偿事件", "a compensation event")
            return Trigger()
        if kind == "cancel":
            self.drawing.refuse(element, "取消事件", "a cancel event")
            return Trigger()
        return self._detailed(element, definition, kind)

    def _detailed(self, element: Element, definition: Element, kind: str) -> Trigger:
        match kind:
            case "message":
                return self.message(element, definition)
            case "timer":
                return Trigger("timer", timer=self._timer(element, definition))
            case "conditional":
                return Trigger("conditional", self._event_condition(element, definition))
            case "signal":
                return Trigger("signal", self._signal(element, definition))
            case "error":
                return Trigger("error", self._error(element, definition))
            case "escalation":
                found = self.drawing.referred(element, definition, "escalationRef", "escalation")
                return Trigger("escalation", self._code(definition, "escalationRef", found, "escalationCode"))
            case "link":
                return Trigger("link", self._link(element, definition))
        return Trigger("terminate")

    def message(self, element: Element, definition: Element) -> Trigger:
        """The message that `definition` (an event definition, or a send or receive task itself) names."""
        found = self.drawing.referred(element, definition, "messageRef", "message")
        if not reference(definition, "messageRef"):
            self.drawing.report(
                element,
                "form.message-missing",
                "没有指定消息。请选择或新建消息。",
                "it names no message, so nobody could send or receive it. Choose or add a message.",
            )
        name = self._code(definition, "messageRef", found, "name")
        return Trigger("message", name, self.drawing.expression(element, _key(element)))

    def _signal(self, element: Element, definition: Element) -> str:
        found = self.drawing.referred(element, definition, "signalRef", "signal")
        if not reference(definition, "signalRef"):
            self.drawing.report(
                element,
                "form.signal-missing",
                "没有指定信号。请选择或新建信号。",
                "it names no signal. Choose or add a signal.",
            )
        return self._code(definition, "signalRef", found, "name")

    def _error(self, element: Element, definition: Element) -> str:
        found = self.drawing.referred(element, definition, "errorRef", "error")
        if not reference(definition, "errorRef") and local(element) == "endEvent":
            self.drawing.report(
                element,
                "form.error-missing",
                "没有指定抛出哪个错误。请选择或新建错误。",
                "it does not say which error it throws. Choose or add an error.",
            )
        return self._code(definition, "errorRef", found, "errorCode")

    def _link(self, element: Element, definition: Element) -> str:
        name = name_of(definition) or name_of(element)
        if not name:
            self.drawing.report(
                element,
                "form.link-without-name",
                "链接事件没有名称，无法配对。请填写名称。",
                "a link event without a name finds no partner. Give it a name.",
            )
        return name

    def _event_condition(self, element: Element, definition: Element) -> str:
        source = text_of(next(children(definition, "condition"), None))
        if not source:
            self.drawing.report(
                element,
                "form.condition-missing",
                "条件事件没有条件。请填写条件。",
                "a conditional event needs a condition. Write it.",
            )
        return self.drawing.expression(element, source, "form.condition-unreadable")

    def _code(self, definition: Element, attribute: str, found: Element | None, code: str) -> str:
        """The word by which throwers and catchers find each other: code or name of what is referred to."""
        if found is None:
            return unprefixed(reference(definition, attribute))
        words = (reference(found, code), name_of(found), self.drawing.ids.get(found, ""))
        return next(word for word in (*words, " ") if word)

    def interrupts(self, element: Element, trigger: Trigger, interrupting: bool) -> bool:
        """Whether the event interrupts, as drawn; an error always does."""
        if trigger.kind != "error" or interrupting:
            return interrupting
        self.drawing.report(
            element,
            "form.error-not-interrupting",
            "错误事件总是中断性的。请改为中断。",
            "an error event always interrupts. Make it interrupting.",
        )
        return True

    # ---------------------------------------------------------------- timers

    def _timer(self, element: Element, definition: Element) -> Timer | None:
        limit = (definition.get(ours("limit")) or "").strip()
        written = [
            (local(child), text_of(child)) for child in children(definition, "timeDate", "timeDuration", "timeCycle")
        ]
        if limit and not written:
            return Timer("limit", limit)
        if limit or len(written) != 1:
            self._unreadable(
                element,
                "应恰好写一个日期、时长、循环或时限",
                "it needs exactly one date, duration, cycle or limit",
            )
        return self._one_timer(element, *written[0]) if written else None

    def _one_timer(self, element: Element, tag: str, text: str) -> Timer | None:
        if tag == "timeDuration" and text.startswith("limit:") and text.removeprefix("limit:").strip():
            return Timer("limit", text.removeprefix("limit:").strip())
        try:
            return _TIMERS[tag](self, element, text)
        except ValueError:
            self._unreadable(element, f"时间“{text}”无法读懂", f"its time `{text}` cannot be read")
            return None

    def _date(self, element: Element, text: str) -> Timer:
        return Timer("date", self._zoned(element, text))

    def _duration(self, _element: Element, text: str) -> Timer:
        iso8601.duration(text)
        return Timer("duration", text)

    def _cycle(self, element: Element, text: str) -> Timer:
        _repetitions, start, _interval = iso8601.cycle(text)
        if start is not None:
            head, moment, interval = text.split("/")
            text = f"{head}/{self._zoned(element, moment)}/{interval}"
        return Timer("cycle", text)

    def _zoned(self, element: Element, text: str) -> str:
        zoned = iso8601.zoned(text)
        if zoned != text:
            self.drawing.report(
                element,
                "form.timer-without-zone",
                f"时间“{text}”没有写时区，按北京时间处理。建议写成“{zoned}”。",
                f"the time `{text}` names no zone and is taken as Beijing time. Better write `{zoned}`.",
                "advice",
            )
        return zoned

    def _unreadable(self, element: Element, zh: str, en: str) -> None:
        self.drawing.report(
            element,
            "form.timer-unreadable",
            f"{zh}。请写 2026-05-01T09:00:00+08:00、PT24H、R3/PT10H 或 limit:时限名。",
            f"{en}. Write 2026-05-01T09:00:00+08:00, PT24H, R3/PT10H or limit:NAME.",
        )


_TIMERS: Mapping[str, Callable[[Triggers, Element, str], Timer]] = {
    "timeDate": Triggers._date,
    "timeDuration": Triggers._duration,
    "timeCycle": Triggers._cycle,
}


def _key(element: Element) -> str:
    return (element.get(ours("key")) or "").strip()
