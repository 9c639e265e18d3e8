import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { catalogue, language, said, t, type Word } from ".";

const SOURCES = join(import.meta.dirname, "..");

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((one) => {
    const path = join(folder, one.name);
    if (one.isDirectory()) return one.name === "words" ? [] : sources(path);
    return /\.(vue|ts)$/.test(one.name) && !/\.(test|d)\.ts$/.test(one.name) ? [path] : [];
  });
}

const TEXT = sources(SOURCES)
  .map((path) => readFileSync(path, "utf8"))
  .join("\n");

test("every key is used somewhere", () => {
  const unused = Object.keys(catalogue).filter((key) => !TEXT.includes(`"${key}"`) && !TEXT.includes(`'${key}'`));
  expect(unused).toEqual([]);
});

test("nothing that looks like a key is missing", () => {
  const folders = new Set(Object.keys(catalogue).map((key) => key.split(".")[0]));
  const asked = [...TEXT.matchAll(/\bt\(\s*["']([a-z_]+\.[a-z_.]+)["']/g)].map((found) => found[1]!);
  expect(asked.length).toBeGreaterThan(100);
  expect(asked.filter((key) => folders.has(key.split(".")[0]!) && !(key in catalogue))).toEqual([]);
});

test("both languages say something, with the same holes", () => {
  for (const [key, [zh, en]] of Object.entries(catalogue)) {
    expect(zh.trim(), key).not.toBe("");
    expect(en.trim(), key).not.toBe("");
    expect(holes(en), key).toEqual(holes(zh));
  }
});

test("nobody is shouted at", () => {
  for (const [key, words] of Object.entries(catalogue)) expect(words.join(""), key).not.toMatch(/[!！]/);
});

test("people read no Chinese that is not in the catalogue", () => {
  const left = sources(SOURCES)
    .filter((path) => !path.includes("/diagram/") && !path.includes("/pages/processes/"))
    .flatMap((path) =>
      readFileSync(path, "utf8")
        .replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$|<!--[\s\S]*?-->/gm, "")
        .split("\n")
        .filter((line) => /[\u4e00-\u9fff]/.test(line) && !/中文/.test(line)),
    );
  expect(left).toEqual([]);
});

test("the language of the page follows, and holes are filled", () => {
  language.value = "zh";
  expect(t("matters.done" as Word, { number: "2026-000001" })).toBe("已提交，编号2026-000001");
  expect(said({ zh: "签收", en: "Sign for" })).toBe("签收");
  language.value = "en";
  expect(t("matters.done" as Word, { number: "2026-000001" })).toBe("Sent. Number 2026-000001");
  expect(said({ zh: "签收", en: "" })).toBe("签收");
  language.value = "zh";
});

function holes(text: string): string[] {
  return [...text.matchAll(/\{\w+\}/g)].map((found) => found[0]).toSorted();
}
