import { expect, it } from "vitest";

import type { Schema } from "../../form/schema";
import { choicesAsText, fieldsOf, moved, withChoices, withField, withoutField, withRequired, withType } from "./forms";

const FORM: Schema = {
  title: "核实",
  type: "object",
  properties: {
    outcome: {
      type: "string",
      enum: ["yes", "no"],
      "x-labels": { yes: { zh: "属实", en: "True" }, no: { zh: "不属实", en: "False" } },
    },
    opinion: { type: "string", maxLength: 4000, "x-wangge": "record" },
  },
  required: ["outcome"],
  allOf: [{ if: { required: ["outcome"] }, then: { required: ["opinion"] } }],
};

it("shows what an administrator decides about each field", () => {
  expect(fieldsOf(FORM).map(({ name, type, required }) => [name, type, required])).toEqual([
    ["outcome", "choice", true],
    ["opinion", "string", false],
  ]);
});

it("changes one thing and leaves the rest, in its place", () => {
  const renamed = withField(FORM, "outcome", "verdict", { title: "结论" });
  expect(Object.keys(renamed.properties ?? {})).toEqual(["verdict", "opinion"]);
  expect(renamed.required).toEqual(["verdict"]);
  expect(renamed.allOf).toEqual(FORM.allOf);
  expect(withField(FORM, "opinion", "opinion", { title: "意见" }).properties?.opinion).toMatchObject({
    maxLength: 4000,
    title: "意见",
  });
});

it("takes a field away with all that asks for it", () => {
  const left = withoutField(FORM, "outcome");
  expect(left.properties?.outcome).toBeUndefined();
  expect(left.required).toEqual([]);
});

it("writes choices a line each and reads them again", () => {
  const text = choicesAsText(FORM.properties?.outcome as Schema);
  expect(text).toBe("yes = 属实 | True\nno = 不属实 | False");
  expect(withChoices(FORM, "outcome", `${text}\nlater = 待定`).properties?.outcome).toMatchObject({
    enum: ["yes", "no", "later"],
    "x-labels": { later: { zh: "待定", en: "待定" } },
  });
});

it("moves, requires and retypes", () => {
  expect(Object.keys(moved(FORM, "opinion", -1).properties ?? {})).toEqual(["opinion", "outcome"]);
  expect(withRequired(FORM, "opinion", true).required).toEqual(["outcome", "opinion"]);
  expect(withType(FORM, "opinion", "date").properties?.opinion).toEqual({
    type: "string",
    format: "date",
    "x-wangge": "record",
  });
});
