/** What a diagram may speak of: the roles, limits, forms, statuses, articles, tables and handlers of its pack, and the
 * names that its expressions can use. The properties panel offers these, and nothing else. */
import type { Said } from "../words";

export interface Choice {
  value: string;
  label: string;
}

export interface LimitData {
  key: string;
  amount?: number | null;
  unit?: string;
  basis?: { kind?: string; article?: string; document?: string };
  none?: unknown;
}

/** A name in an expression: what it is called, what it holds, and what may be chosen. */
export interface Name {
  name: string;
  label: string;
  type: string;
  choices: readonly Choice[];
}

export interface HandlerData {
  name: string;
  kind: "decide" | "enact" | "effect" | "guard";
  doc: string;
}

export interface FunctionData {
  name: string;
  zh: string;
  en: string;
}

export interface Vocabulary {
  roles: readonly Choice[];
  forms: readonly Choice[];
  limits: readonly LimitData[];
  statuses: readonly Choice[];
  articles: readonly Choice[];
  decisions: readonly Choice[];
  processes: readonly Choice[];
  settings: readonly string[];
  handlers: readonly HandlerData[];
  functions: readonly FunctionData[];
  names: readonly Name[];
}

export const NOTHING: Vocabulary = {
  roles: [],
  forms: [],
  limits: [],
  statuses: [],
  articles: [],
  decisions: [],
  processes: [],
  settings: [],
  handlers: [],
  functions: [],
  names: [],
};

type Files = Readonly<Record<string, string>>;
type Json = Record<string, unknown>;

/** The vocabulary of a draft, read from the texts of its files. A file that cannot be read offers nothing; the check
 * says so. */
export function vocabularyOf(
  files: Files,
  handlers: readonly HandlerData[],
  functions: readonly FunctionData[],
  told: (words: Said) => string,
): Vocabulary {
  const manifest = (parsed(files["manifest.json"]) ?? {}) as Json;
  const forms = formsOf(files);
  const tables = Object.entries(files).filter(([path]) => path.endsWith(".dmn"));
  return {
    roles: list(files["roles.json"]).map((one) => ({ value: String(one.key), label: told(one.label as Said) })),
    forms: Object.entries(forms).map(([key, form]) => ({ value: key, label: titled(form, told) || key })),
    limits: limitsOf(files),
    statuses: (Array.isArray(manifest.statuses) ? manifest.statuses : []).map((one: Json) => ({
      value: String(one.key),
      label: told(one as unknown as Said),
    })),
    articles: list(files["articles.json"]).map((one) => ({ value: String(one.key), label: articleTitle(one) })),
    decisions: tables.flatMap(([, text]) => decisionsIn(text)),
    processes: Object.entries(files)
      .filter(([path]) => path.endsWith(".bpmn"))
      .flatMap(([, text]) => processesIn(text)),
    settings: Object.entries((manifest.settings ?? {}) as Json)
      .filter(([, value]) => typeof value === "boolean")
      .map(([key]) => key),
    handlers,
    functions,
    names: [...formNames(forms, told), ...tables.flatMap(([, text]) => outputsIn(text))].filter(firstOfItsName()),
  };
}

/** The limits of a pack and of its procedures. */
export function limitsOf(files: Files): LimitData[] {
  const procedures = Object.entries(files).filter(([path]) => path.endsWith("/procedure.json"));
  const theirs = procedures.flatMap(([, text]) => ((parsed(text) as Json | null)?.limits ?? []) as LimitData[]);
  return [...(list(files["limits.json"]) as unknown as LimitData[]), ...theirs];
}

/** The forms by key: the file's name without its ending. */
export function formsOf(files: Files): Record<string, Json> {
  const found: Record<string, Json> = {};
  for (const [path, text] of Object.entries(files)) {
    const form = /(?:^|\/)forms\/([^/]+)\.json$/.exec(path)?.[1];
    const read = form && (parsed(text) as Json | null);
    if (form && read) found[form] = read;
  }
  return found;
}

export function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** A JSON object, or nothing. */
export function objectOf(text: string): Json | null {
  const read = parsed(text);
  return read && typeof read === "object" && !Array.isArray(read) ? (read as Json) : null;
}

function list(text: string | undefined): Json[] {
  const read = parsed(text);
  return Array.isArray(read) ? (read as Json[]) : [];
}

function titled(schema: Json, told: (words: Said) => string): string {
  return told({ zh: String(schema.title ?? ""), en: String(schema["x-en"] ?? schema.title ?? "") });
}

function articleTitle(article: Json): string {
  const words = article.title ?? article.label ?? article.summary;
  return typeof words === "string" ? words : ((words as Said | undefined)?.zh ?? "");
}

function formNames(forms: Record<string, Json>, told: (words: Said) => string): Name[] {
  return Object.values(forms).flatMap((form) =>
    Object.entries((form.properties ?? {}) as Record<string, Json>)
      .filter(([, field]) => field["x-wangge"] === "routing")
      .map(([name, field]) => ({
        name,
        label: titled(field, told),
        type: String(field.type ?? ""),
        choices: choicesOf(field, told),
      })),
  );
}

function choicesOf(field: Json, told: (words: Said) => string): Choice[] {
  const labels = (field["x-labels"] ?? {}) as Record<string, Said>;
  const values = Array.isArray(field.enum) ? (field.enum as string[]) : [];
  return values.map((value) => ({ value, label: labels[value] ? told(labels[value]) : value }));
}

/** Keeps the first of each name: forms, which know what may be chosen, come before data objects. */
export function firstOfItsName(): (one: Name) => boolean {
  const seen = new Set<string>();
  return (one) => !seen.has(one.name) && Boolean(seen.add(one.name));
}

/** Files are long and change one at a time, so what was read of a text is remembered. */
function remembering<T>(read: (document: Document) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text) ?? read(new DOMParser().parseFromString(text, "application/xml"));
    if (known.size > 100) known.clear();
    known.set(text, found);
    return found;
  };
}

function named(elements: Iterable<Element>): Choice[] {
  return [...elements].map((one) => ({
    value: one.getAttribute("id") ?? "",
    label: one.getAttribute("name") ?? one.getAttribute("id") ?? "",
  }));
}

export const decisionsIn = remembering((document) => named(document.getElementsByTagNameNS("*", "decision")));

export const processesIn = remembering((document) => named(document.getElementsByTagNameNS("*", "process")));

const outputsIn = remembering((document): Name[] =>
  [...document.getElementsByTagNameNS("*", "output")].map((one) => ({
    name: one.getAttribute("name") ?? "",
    label: one.getAttribute("label") ?? "",
    type: one.getAttribute("typeRef") ?? "",
    choices: quoted(one.getElementsByTagNameNS("*", "text")[0]?.textContent ?? ""),
  })),
);

function quoted(text: string): Choice[] {
  return [...text.matchAll(/"([^"]*)"/g)].map((found) => ({ value: found[1] ?? "", label: found[1] ?? "" }));
}
