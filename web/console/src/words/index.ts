/**
 * Every string that people read, Chinese and English side by side. A file per folder of pages, merged here; a key that
 * does not exist is a type error, and so is a language that is missing.
 */
import { ref, watchEffect } from "vue";

import { design } from "./design";
import { form } from "./form";
import { frame } from "./frame";
import { inbox } from "./inbox";
import { matters } from "./matters";
import { overdue } from "./overdue";
import { requests } from "./requests";
import { table } from "./table";
import { processes } from "./processes";
import { versions } from "./versions";

type Catalogue = Readonly<Record<string, readonly [zh: string, en: string]>>;

export const catalogue = {
  ...design,
  ...form,
  ...frame,
  ...inbox,
  ...matters,
  ...overdue,
  ...requests,
  ...table,
  ...processes,
  ...versions,
} satisfies Catalogue;

export type Word = keyof typeof catalogue;
export type Language = "zh" | "en";

/** A sentence or label as the server gives it. */
export interface Said {
  zh: string;
  en: string;
}

const KEPT = "wangge.language";

export const language = ref<Language>(localStorage.getItem(KEPT) === "en" ? "en" : "zh");

watchEffect(() => {
  localStorage.setItem(KEPT, language.value);
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});

/** The words for a key, with `{name}` filled in. */
export function t(word: Word, filled: Readonly<Record<string, string | number>> = {}): string {
  const [zh, en] = catalogue[word];
  return (language.value === "zh" ? zh : en).replace(/\{(\w+)\}/g, (hole, name: string) => String(filled[name] ?? hole));
}

/** What the server said, in the language of the page. */
export function said(words: Said | null | undefined): string {
  return words ? words[language.value] || words.zh : "";
}
