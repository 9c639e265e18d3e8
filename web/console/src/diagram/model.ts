/** Reading and changing a drawn element: one small layer over moddle's objects, so that groups, step table and marks
 * speak of roles and limits and not of XML. Every change is a command, hence can be undone. */

/** An object of the BPMN model (`bpmn:UserTask`, …) as moddle builds it. */
export interface Bo {
  $type: string;
  $parent?: Bo;
  id: string;
  name?: string;
  get(name: string): unknown;
  // moddle's objects are open: what they hold is described in the meta-model, not here.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [property: string]: any;
}

/** A shape, connection, label or root of the canvas. */
export interface Drawn {
  id: string;
  type: string;
  businessObject: Bo;
  parent?: Drawn;
  labelTarget?: Drawn;
  x?: number;
  y?: number;
  width?: number;
  height?: number;
  incoming?: Drawn[];
  outgoing?: Drawn[];
  waypoints?: { x: number; y: number }[];
  source?: Drawn;
  target?: Drawn;
}

export interface Modeling {
  updateProperties(element: Drawn, properties: Record<string, unknown>): void;
  updateModdleProperties(element: Drawn, moddleElement: Bo, properties: Record<string, unknown>): void;
}

/** What changes a diagram; each is a service of bpmn-js. */
export interface Tools {
  modeling: Modeling;
  bpmnFactory: { create(type: string, properties?: Record<string, unknown>): Bo };
}

const NODES = /^bpmn:(\w*Task|\w*Event|\w*Gateway|SubProcess|CallActivity|Transaction|AdHocSubProcess)$/;
const PEOPLE = new Set(["bpmn:UserTask", "bpmn:ManualTask", "bpmn:Task", "bpmn:ReceiveTask"]);

/** Whether a sequence flow can lead here. */
export function isNode(bo: Bo): boolean {
  return NODES.test(bo.$type);
}

export function isGateway(bo: Bo): boolean {
  return bo.$type.endsWith("Gateway");
}

export function isEvent(bo: Bo): boolean {
  return bo.$type.endsWith("Event");
}

/** Whether people do it, so that it has a role, a form and a limit. */
export function isStep(bo: Bo): boolean {
  return PEOPLE.has(bo.$type);
}

/** Whether it can be repeated. */
export function isActivity(bo: Bo): boolean {
  return isNode(bo) && !isGateway(bo) && !isEvent(bo);
}

/** An attribute of ours. */
export function attribute(bo: Bo, name: string): string {
  return String(bo.get(`wangge:${name}`) ?? "");
}

export function setAttribute(tools: Tools, element: Drawn, name: string, value: string): void {
  tools.modeling.updateProperties(element, { [`wangge:${name}`]: value.trim() || undefined });
}

/** The named values of ours inside an element: properties, or parameters of a handler. */
export function named(bo: Bo, kind: "Property" | "Parameter"): Bo[] {
  const inside = (bo.extensionElements?.values ?? []) as Bo[];
  return inside.filter((one) => one.$type === `wangge:${kind}`);
}

export function property(bo: Bo, name: string): string {
  return String(named(bo, "Property").find((one) => one.name === name)?.value ?? "");
}

/** Sets, adds or (empty) removes a property of ours. */
export function setProperty(tools: Tools, element: Drawn, name: string, value: string): void {
  const bo = element.businessObject;
  const there = named(bo, "Property").find((one) => one.name === name);
  if (there && value.trim()) {
    tools.modeling.updateModdleProperties(element, there, { value });
  } else if (there) {
    removeNamed(tools, element, there);
  } else if (value.trim()) {
    addNamed(tools, element, "Property", name, value);
  }
}

export function addNamed(
  tools: Tools,
  element: Drawn,
  kind: "Property" | "Parameter",
  name: string,
  value: string,
): void {
  const one = tools.bpmnFactory.create(`wangge:${kind}`, { name, value });
  setExtensions(tools, element, [...extensions(element.businessObject), one]);
}

export function removeNamed(tools: Tools, element: Drawn, one: Bo): void {
  setExtensions(
    tools,
    element,
    extensions(element.businessObject).filter((other) => other !== one),
  );
}

/** The lane an element stands in, the innermost one. */
export function laneOf(bo: Bo): Bo | null {
  const lanes = ((bo.get("lanes") ?? []) as Bo[]).filter(Boolean);
  return lanes.at(-1) ?? null;
}

/** The text inside a child such as `bpmn:FormalExpression`. */
export function body(one: Bo | undefined | null): string {
  return String(one?.body ?? "");
}

/** Puts an expression into a property of an object inside the element, or takes it away. */
export function setExpression(tools: Tools, element: Drawn, owner: Bo, name: string, text: string): void {
  const there = owner.get(name) as Bo | undefined;
  if (there && text.trim()) {
    tools.modeling.updateModdleProperties(element, there, { body: text });
    return;
  }
  const expression = text.trim() ? tools.bpmnFactory.create("bpmn:FormalExpression", { body: text }) : undefined;
  if (expression) expression.$parent = owner;
  tools.modeling.updateModdleProperties(element, owner, { [name]: expression });
}

export function eventDefinition(bo: Bo, type: string): Bo | undefined {
  return ((bo.get("eventDefinitions") ?? []) as Bo[]).find((one) => one.$type === `bpmn:${type}EventDefinition`);
}

function extensions(bo: Bo): Bo[] {
  return (bo.extensionElements?.values ?? []) as Bo[];
}

function setExtensions(tools: Tools, element: Drawn, values: Bo[]): void {
  const bo = element.businessObject;
  const holder = values.length ? tools.bpmnFactory.create("bpmn:ExtensionElements", { values }) : undefined;
  if (holder) holder.$parent = bo;
  for (const one of values) one.$parent = holder;
  tools.modeling.updateProperties(element, { extensionElements: holder });
}

/** What an element is, in the English words that the libraries use: `Timer boundary event (non-interrupting)`. */
export function kindOf(bo: Bo): string {
  const plain = bo.$type.replace("bpmn:", "").replace(/(\B[A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  const [definition] = isEvent(bo) ? ((bo.get("eventDefinitions") ?? []) as Bo[]) : [];
  const trigger = definition?.$type.replace("bpmn:", "").replace("EventDefinition", "") ?? "";
  const stays = bo.cancelActivity === false || bo.isInterrupting === false ? " (non-interrupting)" : "";
  if (trigger) return `${trigger} ${plain.toLowerCase()}${stays}`;
  return bo.triggeredByEvent ? "Event sub-process" : plain;
}
