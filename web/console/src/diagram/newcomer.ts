/** A file from another tool: what it lacks to be shown is made, what it has of its own is left alone. */
import { layoutProcess } from "bpmn-auto-layout";
import { BpmnModdle } from "bpmn-moddle";

import type { Bo } from "./model";
import { WANGGE } from "./wangge";

const DI = "http://www.omg.org/spec/BPMN/20100524/DI";
const MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL";

export interface Newcomer {
  xml: string;
  laidOut: boolean;
}

/** The file with a layout. Throws an error that says why it cannot be read. */
export async function welcome(text: string): Promise<Newcomer> {
  const document = new DOMParser().parseFromString(text, "application/xml");
  const fault = document.getElementsByTagName("parsererror")[0];
  if (fault) throw new Error(fault.textContent?.trim().split("\n")[0] ?? "XML");
  const root = document.documentElement;
  if (root.localName !== "definitions" || root.namespaceURI !== MODEL) throw new Error(`<${root.nodeName}>`);
  if (isDrawn(document)) return { xml: text, laidOut: false };
  return { xml: await layoutProcess(await withBothEnds(text)), laidOut: true };
}

/** Whether each step of the processes has its shape; what lies inside a collapsed sub-process needs none. */
function isDrawn(document: Document): boolean {
  const shapes = [...document.getElementsByTagNameNS(DI, "BPMNShape")].map((one) => one.getAttribute("bpmnElement"));
  const drawn = new Set(shapes);
  const steps = [...document.getElementsByTagNameNS(MODEL, "process")]
    .flatMap((process) => [...process.children])
    .filter((one) => /(Task|Event|Gateway|ubProcess|task|callActivity|transaction)$/.test(one.localName));
  return steps.length > 0 && steps.every((one) => drawn.has(one.id));
}

/** Many tools name a flow's ends at the flow alone; the layout looks for them at the nodes. */
async function withBothEnds(text: string): Promise<string> {
  const moddle = new BpmnModdle({ wangge: WANGGE });
  const { rootElement, elementsById } = await moddle.fromXML(text);
  for (const one of Object.values(elementsById) as unknown as Bo[]) {
    if (one.$type !== "bpmn:SequenceFlow") continue;
    join(one.sourceRef as Bo | undefined, "outgoing", one);
    join(one.targetRef as Bo | undefined, "incoming", one);
  }
  return (await moddle.toXML(rootElement, { format: true })).xml;
}

function join(node: Bo | undefined, side: "incoming" | "outgoing", flow: Bo): void {
  const flows = node?.get(side) as Bo[] | undefined;
  if (flows && !flows.includes(flow)) flows.push(flow);
}
