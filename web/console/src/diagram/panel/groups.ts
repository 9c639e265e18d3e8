/** The groups of the properties panel for what `engine/bpmn.py` reads: who does a step, within which time, with which
 * form, on what basis; conditions, timers, repetition, handlers. Names, messages, errors and the like are the
 * library's own groups. */
import { Group, ListGroup, CollapsibleEntry } from "@bpmn-io/properties-panel";

import { t } from "../../words";
import type { Known } from "../expressions";
import {
  addNamed,
  attribute,
  body,
  eventDefinition,
  isActivity,
  isEvent,
  isGateway,
  isNode,
  isStep,
  laneOf,
  named,
  property,
  removeNamed,
  setAttribute,
  setExpression,
  setProperty,
  type Bo,
  type Drawn,
  type Tools,
} from "../model";
import type { Choice, HandlerData, LimitData, Vocabulary } from "../vocabulary";
import { checkField, choiceField, textArea, textField, type Entry } from "./entries";
import { expressionField } from "./ExpressionEntry";
import { BASES, limitWords, UNITS } from "../limits";
import { HANDLER_KINDS, HELP, LABELS, TIMER_HELP, TIMERS, type Labelled } from "./words";

export interface PanelGroup {
  id: string;
  label: string;
  component: unknown;
  entries?: Entry[];
  items?: unknown[];
  add?: unknown;
  shouldOpen?: boolean;
}

/** What the groups need: the pack's words, the tools that change the diagram, and how limits are edited. */
export interface Around {
  tools: Tools;
  vocabulary: () => Vocabulary;
  /** The data objects drawn in this diagram, beside the names of forms and tables. */
  known: () => Known;
  editLimit: (key: string, change: Partial<LimitData>) => void;
}

/** Properties of ours that have a field of their own; others are listed as they are. */
const FIELDS = new Set(["guard", "separate_from", "limit_from", "role_from", "clock_from", "clock_until", "setting"]);

/** Groups of the library that ours replace, or that describe what the engine does not run. */
export const REPLACED = new Set(["timer", "multiInstance", "compensation", "adHocCompletion"]);

export function groupsFor(element: Drawn, around: Around): PanelGroup[] {
  const bo = element.businessObject;
  const groups = [
    isNode(bo) && !isGateway(bo) ? duty(element, around) : null,
    isStep(bo) || isEvent(bo) ? deadline(element, around) : null,
    bo.$type === "bpmn:Lane" ? desk(element, around) : null,
    bo.$type === "bpmn:SequenceFlow" ? flow(element, around) : null,
    isGateway(bo) ? ways(element, around) : null,
    doing(element, around),
    timer(element, around),
    trigger(element, around),
    isActivity(bo) ? repetition(element, around) : null,
    isNode(bo) ? parameters(element, around) : null,
    isNode(bo) && !isGateway(bo) ? further(element, around) : null,
  ];
  return groups.filter((one): one is PanelGroup => one !== null && Boolean(one.entries?.length || one.items));
}

// -- who, with what, on what basis ---------------------------------------------------------------------

function duty(element: Drawn, around: Around): PanelGroup {
  const bo = element.businessObject;
  const words = around.vocabulary();
  const lane = laneOf(bo);
  const laneRole = lane ? attribute(lane, "role") : "";
  const entries = [
    isStep(bo)
      ? choice(element, around, "role", words.roles, {
          none: laneRole ? t("panel.role.of_lane", { role: labelOf(words.roles, laneRole) }) : t("panel.none"),
        })
      : null,
    isStep(bo) ? expression(element, around, "unit", t("panel.unit.help")) : null,
    isStep(bo) || isEvent(bo) ? choice(element, around, "form", words.forms) : null,
    choice(element, around, "status", words.statuses),
    several(element, around, "basis", words.articles),
    isStep(bo) ? guards(element, around) : null,
    isStep(bo) ? stepsField(element, around, "separate_from") : null,
    isStep(bo) ? expressionProperty(element, around, "role_from") : null,
    words.settings.length ? propertyChoice(element, around, "setting", words.settings) : null,
  ];
  return group("wangge-duty", t("panel.group.duty"), entries, true);
}

function desk(element: Drawn, around: Around): PanelGroup {
  return group(
    "wangge-desk",
    t("panel.group.duty"),
    [choice(element, around, "role", around.vocabulary().roles)],
    true,
  );
}

function guards(element: Drawn, around: Around): Entry {
  const offered = around.vocabulary().handlers.filter((one) => one.kind === "guard");
  return choiceField(
    {
      id: "wangge-guard",
      label: t("panel.guard"),
      description: docOf(offered, property(element.businessObject, "guard")),
      get: () => property(element.businessObject, "guard"),
      set: (value) => setProperty(around.tools, element, "guard", value),
    },
    offered.map((one) => ({ value: one.name, label: one.name })),
    t("panel.none"),
  );
}

// -- within which time ---------------------------------------------------------------------------------

function deadline(element: Drawn, around: Around): PanelGroup | null {
  const bo = element.businessObject;
  if (!isStep(bo)) return null;
  const words = around.vocabulary();
  const key = attribute(bo, "limit");
  const limit = words.limits.find((one) => one.key === key);
  const entries = [
    choice(element, around, "limit", words.limits.map(limitChoice), { description: limit ? limitWords(limit) : "" }),
    ...(limit ? limitFields(limit, around) : []),
    expressionProperty(element, around, "limit_from"),
    stepsField(element, around, "clock_until"),
  ];
  return group("wangge-deadline", t("panel.group.limit"), entries, true);
}

function limitChoice(limit: LimitData): Choice {
  return { value: limit.key, label: `${limit.key} · ${limitWords(limit)}` };
}

/** The limit itself, which other steps may share. */
function limitFields(limit: LimitData, around: Around): Entry[] {
  const change = (part: Partial<LimitData>): void => around.editLimit(limit.key, part);
  const basis = limit.basis ?? {};
  return [
    textField({
      id: `wangge-limit-amount-${limit.key}`,
      label: t("limits.amount"),
      get: () => String(limit.amount ?? ""),
      set: (value) => change({ amount: /^\d+$/.test(value.trim()) ? Number(value) : limit.amount }),
    }),
    choiceField(
      {
        id: `wangge-limit-unit-${limit.key}`,
        label: t("limits.unit"),
        get: () => limit.unit ?? "",
        set: (value) => change({ unit: value || limit.unit }),
      },
      Object.entries(UNITS).map(([value, word]) => ({ value, label: t(word) })),
      t("panel.choose"),
    ),
    choiceField(
      {
        id: `wangge-limit-basis-${limit.key}`,
        label: t("limits.basis"),
        description: t("panel.limit.shared"),
        get: () => basis.kind ?? "",
        set: (value) => change({ basis: { ...basis, kind: value || basis.kind } }),
      },
      Object.entries(BASES).map(([value, word]) => ({ value, label: t(word) })),
      t("panel.choose"),
    ),
  ];
}

// -- flows and gateways --------------------------------------------------------------------------------

function flow(element: Drawn, around: Around): PanelGroup | null {
  const bo = element.businessObject;
  const source = bo.sourceRef as Bo;
  const isDefault = source?.default === bo;
  const plain = ["bpmn:ParallelGateway", "bpmn:EventBasedGateway"].includes(source?.$type);
  if (plain || !isNode(source) || (isEvent(source) && !body(bo.conditionExpression))) return null;
  const entries = [
    checkField({
      id: "wangge-default",
      label: t("panel.default"),
      description: t("panel.default.help"),
      get: () => isDefault,
      set: (on) => setDefault(element, around, on),
    }),
    isDefault
      ? null
      : expressionField(
          {
            id: "wangge-condition",
            label: t("panel.condition"),
            description: t("panel.condition.help"),
            get: () => body(bo.conditionExpression),
            set: (text) => setExpression(around.tools, element, bo, "conditionExpression", text),
          },
          around.known,
        ),
  ];
  return group("wangge-condition-group", t("panel.group.condition"), entries, true);
}

function setDefault(flow: Drawn, around: Around, on: boolean): void {
  const source = flow.source;
  if (source) around.tools.modeling.updateProperties(source, { default: on ? flow.businessObject : undefined });
}

/** The ways out of a gateway in one place. */
function ways(element: Drawn, around: Around): PanelGroup | null {
  const decides = ["bpmn:ExclusiveGateway", "bpmn:InclusiveGateway"].includes(element.type);
  const flows = (element.outgoing ?? []).filter((one) => one.type === "bpmn:SequenceFlow");
  if (!decides || flows.length < 2) return null;
  const otherwise = choiceField(
    {
      id: "wangge-otherwise",
      label: t("panel.default"),
      description: t("panel.default.help"),
      get: () => (element.businessObject.default as Bo | undefined)?.id ?? "",
      set: (id) =>
        around.tools.modeling.updateProperties(element, {
          default: flows.find((one) => one.id === id)?.businessObject,
        }),
    },
    flows.map((one) => ({ value: one.id, label: wayTo(one) })),
    t("panel.none"),
  );
  const conditions = flows
    .filter((one) => element.businessObject.default !== one.businessObject)
    .map((one) =>
      expressionField(
        {
          id: `wangge-way-${one.id}`,
          label: wayTo(one),
          get: () => body(one.businessObject.conditionExpression),
          set: (text) => setExpression(around.tools, one, one.businessObject, "conditionExpression", text),
        },
        around.known,
      ),
    );
  return group("wangge-ways", t("panel.group.ways"), [otherwise, ...conditions], true);
}

function wayTo(flow: Drawn): string {
  const target = flow.target?.businessObject;
  return [flow.businessObject.name, `→ ${target?.name || target?.id || ""}`].filter(Boolean).join(" ");
}

// -- what the machine does -----------------------------------------------------------------------------

function doing(element: Drawn, around: Around): PanelGroup | null {
  const bo = element.businessObject;
  const words = around.vocabulary();
  switch (bo.$type) {
    case "bpmn:ServiceTask":
      return group("wangge-doing", t("panel.group.doing"), [handlerField(element, around)], true);
    case "bpmn:BusinessRuleTask":
      return group(
        "wangge-doing",
        t("panel.group.doing"),
        [choice(element, around, "decision", words.decisions)],
        true,
      );
    case "bpmn:ScriptTask":
      return group("wangge-doing", t("panel.group.doing"), [script(element, around)], true);
    case "bpmn:CallActivity":
      return group("wangge-doing", t("panel.group.doing"), [called(element, around)], true);
    default:
      return null;
  }
}

function handlerField(element: Drawn, around: Around): Entry {
  const offered = around.vocabulary().handlers.filter((one) => one.kind !== "guard");
  const name = attribute(element.businessObject, "handler");
  return choice(
    element,
    around,
    "handler",
    offered.map((one) => ({ value: one.name, label: one.name })),
    {
      description: docOf(offered, name),
    },
  );
}

function docOf(handlers: readonly HandlerData[], name: string): string {
  const found = handlers.find((one) => one.name === name);
  return found ? `${t(HANDLER_KINDS[found.kind])} ${found.doc}` : "";
}

function script(element: Drawn, around: Around): Entry {
  return textArea(
    {
      id: "wangge-script",
      label: t("panel.script"),
      description: t("panel.script.help"),
      get: () => String(element.businessObject.script ?? ""),
      set: (text) => around.tools.modeling.updateProperties(element, { script: text || undefined }),
    },
    true,
  );
}

function called(element: Drawn, around: Around): Entry {
  return choiceField(
    {
      id: "wangge-called",
      label: t("panel.called"),
      get: () => String(element.businessObject.calledElement ?? ""),
      set: (id) => around.tools.modeling.updateProperties(element, { calledElement: id || undefined }),
    },
    around.vocabulary().processes,
    t("panel.none"),
  );
}

function parameters(element: Drawn, around: Around): PanelGroup | null {
  const bo = element.businessObject;
  if (!["bpmn:ServiceTask", "bpmn:SendTask", "bpmn:BusinessRuleTask"].includes(bo.$type)) return null;
  return namedValues(element, around, "Parameter", named(bo, "Parameter"), t("panel.group.parameters"), true);
}

/** Properties of ours without a field of their own. */
function further(element: Drawn, around: Around): PanelGroup {
  const others = named(element.businessObject, "Property").filter((one) => !FIELDS.has(String(one.name)));
  return namedValues(element, around, "Property", others, t("panel.group.further"), false);
}

function namedValues(
  element: Drawn,
  around: Around,
  kind: "Property" | "Parameter",
  values: Bo[],
  label: string,
  expressions: boolean,
): PanelGroup {
  const id = `wangge-${kind.toLowerCase()}`;
  return {
    id,
    label,
    component: ListGroup,
    add: (event: MouseEvent) => {
      event.stopPropagation();
      addNamed(around.tools, element, kind, `${kind.toLowerCase()}_${values.length + 1}`, expressions ? "None" : "");
    },
    items: values.map((one, at) => ({
      id: `${id}-${at}`,
      label: String(one.name ?? ""),
      entries: namedValue(element, around, one, `${id}-${at}`, expressions),
      component: CollapsibleEntry,
      remove: (event: MouseEvent) => {
        event.stopPropagation();
        removeNamed(around.tools, element, one);
      },
    })),
  };
}

function namedValue(element: Drawn, around: Around, one: Bo, id: string, expressions: boolean): Entry[] {
  const change = (part: Record<string, string>): void =>
    around.tools.modeling.updateModdleProperties(element, one, part);
  const value = {
    id: `${id}-value`,
    label: t("panel.value"),
    get: () => String(one.value ?? ""),
    set: (text: string) => change({ value: text }),
  };
  return [
    textField({
      id: `${id}-name`,
      label: t("panel.name"),
      get: () => String(one.name ?? ""),
      set: (text) => change({ name: text }),
    }),
    expressions ? expressionField(value, around.known) : textField(value),
  ];
}

// -- events --------------------------------------------------------------------------------------------

const TIMES = ["timeDuration", "timeDate", "timeCycle"] as const;

function timer(element: Drawn, around: Around): PanelGroup | null {
  const definition = isEvent(element.businessObject) ? eventDefinition(element.businessObject, "Timer") : undefined;
  if (!definition) return null;
  const limit = attribute(definition, "limit");
  const kind = limit ? "limit" : (TIMES.find((one) => definition.get(one)) ?? "");
  const entries = [
    choiceField(
      {
        id: "wangge-timer-kind",
        label: t("panel.timer"),
        get: () => kind,
        set: (next) => setTimer(element, around, definition, next, ""),
      },
      [...TIMES, "limit" as const].map((one) => ({ value: one, label: t(TIMERS[one]) })),
      t("panel.choose"),
    ),
    kind === "limit"
      ? choiceField(
          {
            id: "wangge-timer-limit",
            label: t("panel.limit"),
            get: () => limit,
            set: (key) => setTimer(element, around, definition, "limit", key),
          },
          around.vocabulary().limits.map(limitChoice),
          t("panel.choose"),
        )
      : null,
    kind && kind !== "limit"
      ? textField({
          id: `wangge-timer-${kind}`,
          label: t("panel.value"),
          description: t(TIMER_HELP[kind as keyof typeof TIMER_HELP]),
          get: () => body(definition.get(kind) as Bo),
          set: (text) => setTimer(element, around, definition, kind, text),
        })
      : null,
  ];
  return group("wangge-timer", t("panel.group.timer"), entries, true);
}

function setTimer(element: Drawn, around: Around, definition: Bo, kind: string, value: string): void {
  const { tools, vocabulary } = around;
  const next: Record<string, unknown> = Object.fromEntries(TIMES.map((one) => [one, undefined]));
  next["wangge:limit"] = kind === "limit" ? value || vocabulary().limits[0]?.key : undefined;
  if (kind && kind !== "limit") {
    const text = value || EXAMPLES[kind] || "";
    const expression = tools.bpmnFactory.create("bpmn:FormalExpression", { body: text });
    expression.$parent = definition;
    next[kind] = expression;
  }
  tools.modeling.updateModdleProperties(element, definition, next);
}

const EXAMPLES: Readonly<Record<string, string>> = {
  timeDuration: "PT24H",
  timeDate: "2027-01-04T09:00:00+08:00",
  timeCycle: "R3/PT24H",
};

/** Beside the library's own groups: the condition of a conditional event, and by what a message finds its case. */
function trigger(element: Drawn, around: Around): PanelGroup | null {
  const bo = element.businessObject;
  const isMessage =
    ["bpmn:SendTask", "bpmn:ReceiveTask"].includes(bo.$type) || (isEvent(bo) && eventDefinition(bo, "Message"));
  const conditional = isEvent(bo) ? eventDefinition(bo, "Conditional") : undefined;
  const entries = [
    isMessage ? expression(element, around, "key", t("panel.key.help")) : null,
    conditional
      ? expressionField(
          {
            id: "wangge-event-condition",
            label: t("panel.condition"),
            get: () => body(conditional.condition),
            set: (text) => setExpression(around.tools, element, conditional, "condition", text),
          },
          around.known,
        )
      : null,
    interrupts(element, around),
  ];
  return entries.some(Boolean) ? group("wangge-trigger", t("panel.group.trigger"), entries) : null;
}

function interrupts(element: Drawn, around: Around): Entry | null {
  const bo = element.businessObject;
  const inEventSubprocess = bo.$type === "bpmn:StartEvent" && Boolean(bo.$parent?.triggeredByEvent);
  const attribute = bo.$type === "bpmn:BoundaryEvent" ? "cancelActivity" : inEventSubprocess ? "isInterrupting" : "";
  if (!attribute || eventDefinition(bo, "Error")) return null;
  return checkField({
    id: "wangge-interrupts",
    label: t("panel.interrupts"),
    get: () => bo.get(attribute) !== false,
    set: (on) => around.tools.modeling.updateProperties(element, { [attribute]: on }),
  });
}

// -- repetition ----------------------------------------------------------------------------------------

function repetition(element: Drawn, around: Around): PanelGroup | null {
  const loop = element.businessObject.loopCharacteristics as Bo | undefined;
  if (!loop) return null;
  const entries =
    loop.$type === "bpmn:StandardLoopCharacteristics" ? again(element, around, loop) : each(element, around, loop);
  return group("wangge-repetition", t("panel.group.repetition"), entries);
}

function again(element: Drawn, around: Around, loop: Bo): Entry[] {
  return [
    inLoop(element, around, loop, "loopCondition"),
    textField({
      id: "wangge-loopMaximum",
      label: t("panel.loopMaximum"),
      get: () => String(loop.loopMaximum ?? ""),
      set: (text) =>
        around.tools.modeling.updateModdleProperties(element, loop, {
          loopMaximum: /^[1-9]\d*$/.test(text) ? Number(text) : undefined,
        }),
    }),
  ];
}

function each(element: Drawn, around: Around, loop: Bo): Entry[] {
  return [
    reference(element, around, loop, "loopDataInputRef"),
    item(element, around, loop, "inputDataItem"),
    reference(element, around, loop, "loopDataOutputRef"),
    item(element, around, loop, "outputDataItem"),
    inLoop(element, around, loop, "loopCardinality"),
    inLoop(element, around, loop, "completionCondition"),
  ];
}

function inLoop(
  element: Drawn,
  around: Around,
  loop: Bo,
  name: "loopCondition" | "loopCardinality" | "completionCondition",
): Entry {
  return expressionField(
    {
      id: `wangge-${name}`,
      label: t(LABELS[name]),
      get: () => body(loop.get(name) as Bo),
      set: (text) => setExpression(around.tools, element, loop, name, text),
    },
    around.known,
  );
}

/** A data object of the diagram that holds the list. */
function reference(element: Drawn, around: Around, loop: Bo, name: "loopDataInputRef" | "loopDataOutputRef"): Entry {
  const objects = dataObjects(element.businessObject);
  return choiceField(
    {
      id: `wangge-${name}`,
      label: t(LABELS[name]),
      get: () => (loop.get(name) as Bo | undefined)?.id ?? "",
      set: (id) =>
        around.tools.modeling.updateModdleProperties(element, loop, { [name]: objects.find((one) => one.id === id) }),
    },
    objects.map((one) => ({ value: one.id, label: one.name ? `${one.name} · ${one.id}` : one.id })),
    t("panel.none"),
  );
}

function item(element: Drawn, around: Around, loop: Bo, name: "inputDataItem" | "outputDataItem"): Entry {
  const there = loop.get(name) as Bo | undefined;
  return textField({
    id: `wangge-${name}`,
    label: t(LABELS[name]),
    get: () => String(there?.name ?? ""),
    set: (text) => {
      if (there && text) around.tools.modeling.updateModdleProperties(element, there, { name: text });
      else {
        const type = name === "inputDataItem" ? "bpmn:DataInput" : "bpmn:DataOutput";
        const created = text ? around.tools.bpmnFactory.create(type, { name: text }) : undefined;
        if (created) created.$parent = loop;
        around.tools.modeling.updateModdleProperties(element, loop, { [name]: created });
      }
    },
  });
}

/** The data objects of the process an element belongs to, also those around it. */
export function dataObjects(bo: Bo): Bo[] {
  const found: Bo[] = [];
  for (let at: Bo | undefined = bo; at; at = at.$parent) {
    const inside = (at.flowElements ?? []) as Bo[];
    found.push(...inside.filter((one) => one.$type === "bpmn:DataObject"));
  }
  return found;
}

// -- fields of our attributes --------------------------------------------------------------------------

type Attribute = Labelled & ("role" | "form" | "limit" | "status" | "basis" | "handler" | "decision" | "unit" | "key");

function choice(
  element: Drawn,
  around: Around,
  name: Attribute,
  choices: readonly Choice[],
  more: { none?: string; description?: string } = {},
): Entry {
  return choiceField(
    {
      id: `wangge-${name}`,
      label: t(LABELS[name]),
      description: more.description,
      get: () => attribute(element.businessObject, name),
      set: (value) => setAttribute(around.tools, element, name, value),
    },
    withKeys(choices),
    more.none ?? t("panel.none"),
  );
}

function withKeys(choices: readonly Choice[]): Choice[] {
  return choices.map((one) => ({
    value: one.value,
    label: one.label && one.label !== one.value ? one.label : one.value,
  }));
}

/** Several keys, separated by spaces; what they are called stands below. */
function several(element: Drawn, around: Around, name: "basis", choices: readonly Choice[]): Entry {
  const keys = attribute(element.businessObject, name).split(/\s+/).filter(Boolean);
  return textField({
    id: `wangge-${name}`,
    label: t(LABELS[name]),
    description: keys.map((key) => `${key} ${labelOf(choices, key)}`).join("；") || t("panel.basis.help"),
    get: () => attribute(element.businessObject, name),
    set: (value) => setAttribute(around.tools, element, name, value),
  });
}

function expression(element: Drawn, around: Around, name: Attribute & ("unit" | "key"), description: string): Entry {
  return expressionField(
    {
      id: `wangge-${name}`,
      label: t(LABELS[name]),
      description,
      get: () => attribute(element.businessObject, name),
      set: (value) => setAttribute(around.tools, element, name, value),
    },
    around.known,
    1,
  );
}

function expressionProperty(element: Drawn, around: Around, name: "limit_from" | "role_from"): Entry {
  return expressionField(ofProperty(element, around, name), around.known, 1);
}

function stepsField(element: Drawn, around: Around, name: "separate_from" | "clock_until"): Entry {
  return textField(ofProperty(element, around, name));
}

function propertyChoice(element: Drawn, around: Around, name: "setting", values: readonly string[]): Entry {
  return choiceField(
    ofProperty(element, around, name),
    values.map((value) => ({ value, label: value })),
    t("panel.none"),
  );
}

function ofProperty(
  element: Drawn,
  around: Around,
  name: "limit_from" | "role_from" | "separate_from" | "clock_until" | "setting",
) {
  return {
    id: `wangge-${name}`,
    label: t(LABELS[name]),
    description: t(HELP[name]),
    get: () => property(element.businessObject, name),
    set: (value: string) => setProperty(around.tools, element, name, value),
  };
}

function labelOf(choices: readonly Choice[], value: string): string {
  return choices.find((one) => one.value === value)?.label ?? "";
}

function group(id: string, label: string, entries: (Entry | null)[], shouldOpen = false): PanelGroup {
  return { id, label, component: Group, entries: entries.filter((one): one is Entry => one !== null), shouldOpen };
}
