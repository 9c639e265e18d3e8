// @vitest-environment node
/** Our descriptor knows every word of ours in every shipped diagram, and a round trip through it loses none. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { BpmnModdle } from "bpmn-moddle";
import { describe, expect, it } from "vitest";

import { WANGGE } from "./wangge";

const PACKS = fileURLToPath(new URL("../../../../processes", import.meta.url));
const DIAGRAMS = (readdirSync(PACKS, { recursive: true }) as string[]).filter((one) => one.endsWith(".bpmn"));

describe("a round trip", () => {
  it.each(DIAGRAMS)("%s", async (path) => {
    const xml = readFileSync(join(PACKS, path), "utf-8");
    const moddle = new BpmnModdle({ wangge: WANGGE });
    const { rootElement, warnings } = await moddle.fromXML(xml);
    const { xml: again } = await moddle.toXML(rootElement, { format: true });
    expect(warnings).toEqual([]);
    expect(ours(again)).toEqual(ours(xml));
  });
});

function ours(xml: string): string[] {
  return [...xml.matchAll(/wangge:\w+=("[^"]*"|'[^']*')|<wangge:\w+|\svalue=("[^"]*"|'[^']*')/g)]
    .map((found) => plain(found[0]))
    .sort();
}

/** Quotes and entities may be written in two ways. */
function plain(text: string): string {
  return text.replaceAll("&#34;", '"').replaceAll("&quot;", '"').replaceAll("'", '"');
}
