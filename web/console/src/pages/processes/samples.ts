/** Answers for trying out: what a form would take if nobody thought about it, and what of an answer a diagram sees. */
import type { Schema } from "../../form/schema";

type Facts = Record<string, unknown>;

/** The routing fields of an answer: a diagram sees no others. */
export function routing(schema: Schema, answer: Facts): Facts {
  const kept = Object.entries(answer).filter(([name]) => schema.properties?.[name]?.["x-wangge"] === "routing");
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined && value !== ""));
}

/** A value for each routing field: the default, the first choice, the plainest value. */
export function sample(schema: Schema): Facts {
  const fields = Object.entries(schema.properties ?? {}).filter(([, field]) => field["x-wangge"] === "routing");
  return Object.fromEntries(fields.map(([name, field]) => [name, plainest(name, field)]));
}

function plainest(name: string, field: Schema): unknown {
  if (field.default !== undefined) return field.default;
  if (field.const !== undefined) return field.const;
  if (field.enum?.length) return field.enum[0];
  switch (field.type) {
    case "boolean":
      return false;
    case "number":
    case "integer":
      return field.minimum ?? 1;
    case "array":
      return field.items ? [field.items.properties ? sampleOf(field.items) : plainest(name, field.items)] : [];
    case "object":
      return sampleOf(field);
    default:
      return field.format === "date" ? "2026-01-05" : `${name}-1`;
  }
}

/** Inside a list or object every field counts. */
function sampleOf(schema: Schema): Facts {
  return Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([name, field]) => [name, plainest(name, field)]),
  );
}
