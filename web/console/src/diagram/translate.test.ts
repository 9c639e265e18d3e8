// @vitest-environment node
/** Every word that the libraries translate is in our catalogue: nobody meets English on the drawing board. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

import { CHINESE } from "./chinese";

const MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));
const SHOWN = [
  "bpmn-js/lib",
  "diagram-js/lib",
  "diagram-js-minimap/dist/index.esm.js",
  "dmn-js-decision-table/lib",
  "dmn-js-shared/lib",
  "@bpmn-io/properties-panel/dist/index.esm.js",
];

/** What these libraries can say and never do here: parts for other engines, for expressions in FEEL, for JSON. */
const NEVER = [
  "Change cell expression language",
  "FEEL expression is mandatory",
  "HELLO {you}",
  "JSON contains errors",
  "Unparsable FEEL expression.",
  "Event based instantiating Gateway",
  "Parallel Event based instantiating Gateway",
];

/** What is set into an SVG is no word. */
const CALL = /(?<!["'])\b_?[tT]ranslate\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*[,)]/g;
const LABEL = /\b(?:label|explanation): '([^']+)'/g;

it.each(SHOWN)("%s", (place) => {
  const said = sourcesIn(join(MODULES, place)).flatMap((source) => saidIn(source));
  expect(
    [...new Set(said)].filter((one) => !(one in CHINESE) && !NEVER.includes(one) && /[A-Za-z]{2}/.test(one)),
  ).toEqual([]);
});

it("names no element twice and leaves no Chinese empty", () => {
  expect(Object.values(CHINESE).filter((one) => !one.trim())).toEqual([]);
});

function saidIn(path: string): string[] {
  const source = readFileSync(path, "utf-8");
  const calls = [...source.matchAll(CALL)].map((found) =>
    (found[1] ?? found[2] ?? "").replaceAll("\\'", "'").replaceAll('\\"', '"'),
  );
  const labels = /(PopupEntries|HitPolicies)\.js$/.test(path)
    ? [...source.matchAll(LABEL)].map((found) => found[1] ?? "")
    : [];
  return [...calls, ...labels];
}

function sourcesIn(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .flatMap((one) => (one.isDirectory() ? sourcesIn(join(path, one.name)) : [join(path, one.name)]))
    .filter((one) => one.endsWith(".js"));
}
