import { expect, test } from "vitest";
import { createApp, h, nextTick, ref } from "vue";

import type { Finding } from "../api/client";
import SchemaForm from "./SchemaForm.vue";
import type { Answer, Schema } from "./schema";

const FORM: Schema = {
  type: "object",
  properties: {
    opinion: { title: "意见", "x-en": "Opinion", type: "string", minLength: 1, maxLength: 4000 },
    note: { title: "备注", "x-en": "Note", type: "string", "x-class": "sensitive" },
  },
  required: ["opinion"],
};

function shown(findings: Finding[] = []): { page: HTMLElement; check: () => Promise<boolean>; answer: { value: Answer } } {
  const answer = ref<Answer>({});
  const form = ref<{ check: () => Promise<boolean> } | null>(null);
  const page = document.createElement("div");
  document.body.append(page);
  createApp({
    render: () =>
      h(SchemaForm, { ref: form, schema: FORM, findings, modelValue: answer.value, "onUpdate:modelValue": (value: Answer) => (answer.value = value) }),
  }).mount(page);
  return { page, check: () => form.value!.check(), answer };
}

test("nothing is called wrong before somebody tries to send it", () => {
  expect(shown().page.querySelector("[role=alert]")).toBeNull();
});

test("the summary names what is missing and leads to it", async () => {
  const { page, check } = shown();
  expect(await check()).toBe(false);
  await nextTick();
  const summary = page.querySelector<HTMLElement>("[role=alert]")!;
  expect(document.activeElement).toBe(summary);
  expect(summary.textContent).toContain("“意见”请填写这一项");
  summary.querySelector("a")!.click();
  expect(document.activeElement?.tagName).toBe("TEXTAREA");
});

test("once it is filled in it can be sent", async () => {
  const { page, check, answer } = shown();
  const text = page.querySelector("textarea")!;
  text.value = "同意";
  text.dispatchEvent(new Event("input"));
  await nextTick();
  expect(answer.value.opinion).toBe("同意");
  expect(await check()).toBe(true);
});

test("what the server found stands at its field until that changes", async () => {
  const finding: Finding = { rule: "form.field", level: "error", element: "opinion", message: "“意见”太长。 Too long." };
  const { page } = shown([finding]);
  await nextTick();
  expect(page.querySelector("[role=alert]")!.textContent).toContain("“意见”太长。");
  const text = page.querySelector("textarea")!;
  text.value = "同意";
  text.dispatchEvent(new Event("input"));
  await nextTick();
  expect(page.querySelector("[role=alert]")).toBeNull();
});
