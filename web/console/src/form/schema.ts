/**
 * What a form asks for, read from its JSON Schema: which fields, which of them are wanted as things stand (`if`/`then`),
 * what is wrong with an answer, and what is sent. No screen is known here.
 */
import type { Said, Word } from "../words";

export type Answer = Record<string, unknown>;

/** A field, or a form as a whole: what of JSON Schema the forms of the packs use. */
export interface Schema {
  type?: string;
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  contains?: Schema;
  minContains?: number;
  maxContains?: number;
  readOnly?: boolean;
  allOf?: Schema[];
  anyOf?: Schema[];
  not?: Schema;
  if?: Schema;
  then?: Schema;
  else?: Schema;
  "x-en"?: string;
  "x-en-description"?: string;
  "x-labels"?: Record<string, Said>;
  "x-submit"?: Said;
  "x-wangge"?: "routing" | "record";
  "x-wangge-id"?: string;
  "x-wangge-kind"?: string;
  "x-class"?: string;
  "x-kept"?: boolean;
}

/** How a field is drawn. */
export type Kind =
  | "line" | "text" | "number" | "date" | "moment" | "yes-no" | "tick" | "choice" | "choices" | "files" | "rows"
  | "unit" | "units" | "person" | "post" | "item" | "items" | "tags";

export interface Field {
  name: string;
  schema: Schema;
  label: Said;
  description: Said | null;
  kind: Kind;
  wanted: boolean;
}

export interface Fault {
  field: string;
  word: Word;
}

/** The fields to show for an answer as it stands. What the machine fills in and does not know yet is left out, and so
 * are rows that only another choice would want. */
export function fields(form: Schema, answer: Answer): Field[] {
  const now = effective(form, answer);
  const wanted = new Set(now.required ?? []);
  const elsewhere = conditional(form);
  return Object.entries(now.properties ?? {})
    .map(([name, schema]) => field(name, schema, wanted.has(name)))
    .filter(({ name, schema }) => !(schema.readOnly && answer[name] === undefined))
    .filter(({ name, kind, wanted }) => wanted || kind !== "rows" || !elsewhere.has(name));
}

/** A field by itself, such as the entries of a list. */
export function field(name: string, schema: Schema, wanted: boolean): Field {
  const label = { zh: schema.title ?? name, en: schema["x-en"] ?? schema.title ?? name };
  const description = schema.description
    ? { zh: schema.description, en: schema["x-en-description"] ?? schema.description }
    : null;
  return { name, schema, label, description, kind: kindOf(schema, wanted), wanted };
}

/** What a form begins with: its defaults, and of what is known already the fields that it has. */
export function beginning(form: Schema, known: Answer = {}): Answer {
  const begun: Answer = {};
  for (const [name, schema] of Object.entries(form.properties ?? {})) {
    if (known[name] !== undefined) begun[name] = known[name];
    else if (schema.default !== undefined) begun[name] = schema.default;
  }
  return begun;
}

/** What is sent: fields that are shown, without what is empty or filled in by the machine. */
export function sent(form: Schema, answer: Answer): Answer {
  const given: Answer = {};
  for (const { name, schema } of fields(form, answer)) {
    const value = answer[name];
    if (schema.readOnly || empty(value)) continue;
    given[name] = schema.type === "array" && schema.items?.properties ? (value as Answer[]).map((row) => sent(schema.items!, row)) : value;
  }
  return given;
}

/** What is wrong with an answer, the first fault of each field, in the order of the fields. */
export function faults(form: Schema, answer: Answer, prefix = ""): Fault[] {
  return fields(form, answer).flatMap(({ name, schema, wanted }) => {
    const value = answer[name];
    const at = prefix + name;
    if (schema.readOnly) return [];
    if (empty(value)) return wanted ? [{ field: at, word: "form.fault.required" as const }] : [];
    const word = wrong(schema, value);
    if (word) return [{ field: at, word }];
    if (!schema.items?.properties) return [];
    return (value as Answer[]).flatMap((row, index) => faults(schema.items!, row, `${at}.${index}.`));
  });
}

function wrong(schema: Schema, value: unknown): Word | null {
  if (typeof value === "string") {
    if (schema.enum && !schema.enum.includes(value)) return "form.fault.enum";
    if (schema.minLength !== undefined && value.trim().length < schema.minLength) return "form.fault.short";
    if (schema.maxLength !== undefined && value.length > schema.maxLength) return "form.fault.long";
    if (schema.pattern && !new RegExp(schema.pattern, "u").test(value)) return "form.fault.format";
    if (schema.type === "integer" || schema.type === "number") return "form.fault.number";
  }
  if (typeof value === "number") {
    if (Number.isNaN(value) || (schema.type === "integer" && !Number.isInteger(value))) return "form.fault.number";
    if (schema.minimum !== undefined && value < schema.minimum) return "form.fault.small";
    if (schema.maximum !== undefined && value > schema.maximum) return "form.fault.large";
  }
  if (schema.const !== undefined && value !== schema.const) return "form.fault.const";
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0)) return "form.fault.few";
    if (value.length > (schema.maxItems ?? Infinity)) return "form.fault.many";
    if (schema.uniqueItems && new Set(value.map((one) => JSON.stringify(one))).size < value.length) return "form.fault.twice";
    if (schema.contains) {
      const fitting = value.filter((one) => holds(schema.contains!, one)).length;
      if (fitting < (schema.minContains ?? 1) || fitting > (schema.maxContains ?? Infinity)) return "form.fault.contains";
    }
  }
  return null;
}

function empty(value: unknown): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

/** The form with everything that its conditions add for this answer. */
function effective(form: Schema, answer: Answer): Schema {
  const added = [form, ...(form.allOf ?? [])].flatMap((part) => {
    if (!part.if) return part === form ? [] : [part];
    const branch = holds(part.if, answer) ? part.then : part.else;
    return branch ? [branch] : [];
  });
  const properties = { ...form.properties };
  for (const { properties: more = {} } of added)
    for (const [name, rules] of Object.entries(more)) properties[name] = { ...properties[name], ...rules };
  return { ...form, properties, required: [...(form.required ?? []), ...added.flatMap((part) => part.required ?? [])] };
}

/** The fields that some condition may want. */
function conditional(form: Schema): Set<string> {
  const branches = [form, ...(form.allOf ?? [])].flatMap((part) => [part.then, part.else]);
  return new Set(branches.flatMap((branch) => branch?.required ?? []));
}

/** Whether a value fulfils a condition. */
function holds(condition: Schema, value: unknown): boolean {
  const { required = [], properties = {} } = condition;
  if (condition.const !== undefined && value !== condition.const) return false;
  if (condition.enum && !condition.enum.includes(value)) return false;
  if (condition.not && holds(condition.not, value)) return false;
  if (condition.anyOf && !condition.anyOf.some((one) => holds(one, value))) return false;
  if (condition.allOf && !condition.allOf.every((one) => holds(one, value))) return false;
  if (typeof value !== "object" || value === null) return required.length === 0;
  const given = value as Answer;
  return (
    required.every((name) => !empty(given[name])) &&
    Object.entries(properties).every(([name, rule]) => given[name] === undefined || holds(rule, given[name]))
  );
}

const LINE = 200;
/** Longer texts get several lines. */

function kindOf(schema: Schema, wanted: boolean): Kind {
  if (schema["x-wangge-kind"] === "attachments") return "files";
  if (schema["x-wangge-kind"] === "list_items") return "items";
  if (schema.type === "array") {
    if (schema.items?.properties) return "rows";
    if (schema.items?.enum) return "choices";
    return schema.items?.["x-wangge-id"] === "unit" || schema["x-wangge-id"] === "unit" ? "units" : "tags";
  }
  if (schema.type === "boolean") return wanted && schema.default === undefined ? "yes-no" : "tick";
  if (schema.type === "integer" || schema.type === "number") return "number";
  if (schema.enum) return "choice";
  if (schema.format === "date") return "date";
  if (schema.format === "date-time") return "moment";
  const named = { unit: "unit", person: "person", post: "post", list_item: "item" } as const;
  const id = schema["x-wangge-id"] as keyof typeof named | undefined;
  if (id && named[id]) return named[id];
  return (schema.maxLength ?? 0) > LINE ? "text" : "line";
}
