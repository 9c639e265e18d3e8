/** What a drawing says without being drawn: its steps in order, and by whom each is done. Read from the BPMN itself. */

export interface Drawn {
  id: string;
  name: string;
  lane: string;
}

const STEPS = new Set([
  "task", "userTask", "manualTask", "serviceTask", "businessRuleTask", "scriptTask", "sendTask", "receiveTask",
  "callActivity", "startEvent", "endEvent",
]);

/** The steps of a drawing, in the order of the drawing: from left to right. */
export function stepsOf(xml: string): Drawn[] {
  const page = new DOMParser().parseFromString(xml, "application/xml");
  const all = [...page.getElementsByTagName("*")];
  const lanes = new Map<string, string>();
  const places = new Map<string, number>();
  for (const one of all) {
    if (one.localName === "lane")
      for (const node of one.children) if (node.localName === "flowNodeRef") lanes.set(node.textContent?.trim() ?? "", one.getAttribute("name") ?? "");
    if (one.localName === "BPMNShape") {
      const bounds = [...one.children].find((child) => child.localName === "Bounds");
      places.set(one.getAttribute("bpmnElement") ?? "", Number(bounds?.getAttribute("x") ?? 0));
    }
  }
  return all
    .filter((one) => STEPS.has(one.localName) && one.getAttribute("name"))
    .map((one) => ({ id: one.id || (one.getAttribute("id") ?? ""), name: one.getAttribute("name")!, lane: lanes.get(one.getAttribute("id") ?? "") ?? "" }))
    .sort((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0));
}
