/** Changing limits where they are written: `limits.json`, or the procedure that brings its own. */
import { BpmnModdle } from "bpmn-moddle";

import { parsed, type LimitData } from "../../diagram/vocabulary";
import { WANGGE } from "../../diagram/wangge";

type Files = Readonly<Record<string, string>>;

/** The files that change when a limit does, with their new text. */
export function changeLimit(files: Files, key: string, change: Partial<LimitData>): Record<string, string> {
  const holding = Object.keys(files).filter((path) => path === "limits.json" || path.endsWith("/procedure.json"));
  const changed: Record<string, string> = {};
  for (const path of holding) {
    const content = parsed(files[path]);
    const limits = (Array.isArray(content) ? content : (content as { limits?: unknown } | null)?.limits) as
      LimitData[] | undefined;
    const limit = limits?.find((one) => one.key === key);
    if (!limit) continue;
    Object.assign(limit, change);
    changed[path] = written(content);
  }
  return changed;
}

/** JSON as the packs are written: indented by two, and a line end. */
export function written(content: unknown): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** A diagram in which a step names another limit (empty: none). What other tools wrote into it stays. */
export async function nameLimit(xml: string, step: string, key: string): Promise<string> {
  const moddle = new BpmnModdle({ wangge: WANGGE });
  const { rootElement, elementsById } = await moddle.fromXML(xml);
  elementsById[step]?.set("wangge:limit", key || undefined);
  return (await moddle.toXML(rootElement, { format: true })).xml;
}

/** A step of a diagram that people do, with the limit it names. */
export interface Step {
  file: string;
  id: string;
  name: string;
  limit: string;
}

const PEOPLE = new Set(["userTask", "manualTask", "task", "receiveTask"]);
const OURS = "urn:wangge:bpmn:1";

/** The steps of a diagram's text. */
export function stepsOf(file: string, text: string): Step[] {
  const elements = [...new DOMParser().parseFromString(text, "application/xml").getElementsByTagName("*")];
  return elements
    .filter((one) => PEOPLE.has(one.localName))
    .map((one) => ({
      file,
      id: one.id,
      name: one.getAttribute("name") || one.id,
      limit: one.getAttributeNS(OURS, "limit") ?? "",
    }));
}
