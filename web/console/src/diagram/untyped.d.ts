// Libraries that describe no types of their own.
declare module "bpmn-js-properties-panel";
declare module "@bpmn-io/properties-panel";
declare module "@bpmn-io/properties-panel/preact";
declare module "@bpmn-io/properties-panel/preact/hooks";
declare module "diagram-js-minimap";
declare module "dmn-js/lib/Modeler";
declare module "bpmn-auto-layout" {
  export function layoutProcess(xml: string): Promise<string>;
}
declare module "bpmn-moddle" {
  interface Read {
    rootElement: unknown;
    warnings: unknown[];
    elementsById: Record<string, { set(name: string, value: unknown): void; get(name: string): unknown } | undefined>;
  }
  export class BpmnModdle {
    constructor(packages?: Record<string, unknown>);
    fromXML(xml: string): Promise<Read>;
    toXML(element: unknown, options: { format: boolean }): Promise<{ xml: string }>;
  }
}
