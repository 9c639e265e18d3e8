import { expect, test } from "vitest";

import { beginning, faults, fields, sent, type Schema } from "./schema";

const TRIAGE: Schema = {
  type: "object",
  properties: {
    outcome: { title: "意见", type: "string", enum: ["dispatch", "coordinate"] },
    assignments: {
      title: "单位",
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        properties: { unit: { type: "string", minLength: 1, "x-wangge-id": "unit" }, lead: { type: "boolean", default: false } },
        required: ["unit"],
      },
      contains: { properties: { lead: { const: true } }, required: ["lead"] },
      minContains: 1,
      maxContains: 1,
    },
    opinion: { title: "说明", type: "string", minLength: 1, maxLength: 4000 },
    days: { title: "天数", type: "integer", minimum: 1, maximum: 30 },
    grid: { title: "网格", type: "string", readOnly: true },
  },
  required: ["outcome", "opinion"],
  allOf: [{ if: { properties: { outcome: { const: "dispatch" } }, required: ["outcome"] }, then: { required: ["assignments"] } }],
};

const names = (answer: Record<string, unknown>): string[] => fields(TRIAGE, answer).map((one) => one.name);
const wrong = (answer: Record<string, unknown>): string[] => faults(TRIAGE, answer).map((one) => `${one.field} ${one.word}`);

test("what a condition wants is shown when it holds", () => {
  expect(names({})).toEqual(["outcome", "opinion", "days"]);
  expect(names({ outcome: "dispatch" })).toContain("assignments");
  expect(names({ outcome: "coordinate" })).not.toContain("assignments");
});

test("what the machine fills in is shown once it is known and never sent", () => {
  expect(names({ grid: "g1" })).toContain("grid");
  expect(sent(TRIAGE, { outcome: "coordinate", opinion: "好", grid: "g1" })).toEqual({ outcome: "coordinate", opinion: "好" });
});

test("faults are told in the order of the fields, one each", () => {
  expect(wrong({})).toEqual(["outcome form.fault.required", "opinion form.fault.required"]);
  expect(wrong({ outcome: "other", opinion: " ", days: 31 })).toEqual([
    "outcome form.fault.enum",
    "opinion form.fault.short",
    "days form.fault.large",
  ]);
  expect(wrong({ outcome: "coordinate", opinion: "好", days: 1.5 })).toEqual(["days form.fault.number"]);
});

test("rows are checked one by one, and as a whole", () => {
  const answer = { outcome: "dispatch", opinion: "好" };
  expect(wrong({ ...answer, assignments: [] })).toEqual(["assignments form.fault.required"]);
  expect(wrong({ ...answer, assignments: [{ unit: "a" }] })).toEqual(["assignments form.fault.contains"]);
  expect(wrong({ ...answer, assignments: [{ unit: "", lead: true }] })).toEqual(["assignments.0.unit form.fault.required"]);
  expect(wrong({ ...answer, assignments: [{ unit: "a", lead: true }] })).toEqual([]);
});

test("what another choice wanted is not sent", () => {
  const rows = [{ unit: "a", lead: true }];
  expect(sent(TRIAGE, { outcome: "coordinate", opinion: "好", assignments: rows })).not.toHaveProperty("assignments");
  expect(sent(TRIAGE, { outcome: "dispatch", opinion: "好", assignments: rows })).toHaveProperty("assignments", rows);
});

test("a form begins with its defaults and what is known of its fields", () => {
  const form: Schema = { properties: { urgency: { default: "ordinary" }, place: {} } };
  expect(beginning(form, { place: "巷口", other: 1 })).toEqual({ urgency: "ordinary", place: "巷口" });
});
