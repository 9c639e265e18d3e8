/** A form as rows: each field of its JSON Schema with what an administrator decides about it. Whatever a row does not
 * show (lengths, conditions, kinds of ids) is left as it is. */
import type { Schema } from "../../form/schema";
import type { Said, Word } from "../../words";

export const TYPES = {
  string: "forms.type.string",
  date: "forms.type.date",
  number: "forms.type.number",
  integer: "forms.type.integer",
  boolean: "forms.type.boolean",
  choice: "forms.type.choice",
  other: "forms.type.other",
} as const satisfies Record<string, Word>;

export const CLASSES = {
  "": "forms.class.none",
  public: "forms.class.public",
  internal: "forms.class.internal",
  sensitive: "forms.class.sensitive",
  secret: "forms.class.secret",
} as const satisfies Record<string, Word>;

export type FieldType = keyof typeof TYPES;

export interface FieldRow {
  name: string;
  schema: Schema;
  type: FieldType;
  required: boolean;
}

export function fieldsOf(schema: Schema): FieldRow[] {
  return Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    name,
    schema: field,
    type: typeOf(field),
    required: schema.required?.includes(name) ?? false,
  }));
}

function typeOf(field: Schema): FieldType {
  if (field.enum) return "choice";
  if (field.type === "string") return field.format === "date" ? "date" : field.format ? "other" : "string";
  return field.type === "number" || field.type === "integer" || field.type === "boolean" ? field.type : "other";
}

/** Changes, renames or (with an empty old name) adds a field; its place stays. */
export function withField(schema: Schema, name: string, next: string, part: Partial<Schema>): Schema {
  const fields = Object.entries(schema.properties ?? {});
  const changed = fields.map(([key, field]): [string, Schema] =>
    key === name ? [next, pruned({ ...field, ...part })] : [key, field],
  );
  if (!fields.some(([key]) => key === name)) changed.push([next, pruned(part)]);
  const required = schema.required?.map((key) => (key === name ? next : key));
  return pruned({ ...schema, properties: Object.fromEntries(changed), required });
}

export function withoutField(schema: Schema, name: string): Schema {
  const { [name]: _, ...properties } = schema.properties ?? {};
  return withRequired({ ...schema, properties }, name, false);
}

export function withRequired(schema: Schema, name: string, required: boolean): Schema {
  const others = (schema.required ?? []).filter((one) => one !== name);
  return { ...schema, required: required ? [...others, name] : others };
}

export function withType(schema: Schema, name: string, type: FieldType): Schema {
  const cleared = {
    enum: undefined,
    "x-labels": undefined,
    format: undefined,
    minLength: undefined,
    maxLength: undefined,
  };
  if (type === "choice")
    return withField(schema, name, name, { ...cleared, type: "string", enum: ["yes", "no"], "x-labels": YES_NO });
  if (type === "date") return withField(schema, name, name, { ...cleared, type: "string", format: "date" });
  return withField(schema, name, name, { ...cleared, type });
}

const YES_NO: Record<string, Said> = { yes: { zh: "是", en: "Yes" }, no: { zh: "否", en: "No" } };

/** One place up (-1) or down (1). */
export function moved(schema: Schema, name: string, by: 1 | -1): Schema {
  const fields = Object.entries(schema.properties ?? {});
  const from = fields.findIndex(([key]) => key === name);
  const [field] = fields.splice(from, 1);
  if (field) fields.splice(from + by, 0, field);
  return { ...schema, properties: Object.fromEntries(fields) };
}

/** `value = 中文 | English`, a line each. */
export function choicesAsText(field: Schema): string {
  return (field.enum ?? [])
    .map((one) => {
      const label = field["x-labels"]?.[String(one)];
      return label ? `${one} = ${label.zh} | ${label.en}` : String(one);
    })
    .join("\n");
}

export function withChoices(schema: Schema, name: string, text: string): Schema {
  const lines = text.split("\n").filter((line) => line.trim());
  const read = lines.map((line) => {
    const [value = "", label = ""] = line.split("=").map((part) => part.trim());
    const [zh = "", en = ""] = label.split("|").map((part) => part.trim());
    return { value, label: { zh: zh || value, en: en || zh || value } };
  });
  const labels = Object.fromEntries(read.map((one) => [one.value, one.label]));
  return withField(schema, name, name, { enum: read.map((one) => one.value), "x-labels": labels });
}

/** Without what is undefined, as JSON would be written. */
function pruned<T extends object>(one: T): T {
  return Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)) as T;
}
