/** What a library says, in the language of the console. Whatever has no Chinese is noted, so that a test can ask. */
import { CHINESE } from "./chinese";

export type Language = "zh" | "en";

const missed = new Set<string>();

/** A `translate` for bpmn-js and dmn-js. */
export function translating(language: () => Language) {
  return function translate(template: string, filled: Record<string, string> = {}): string {
    return fill(language() === "zh" ? inChinese(template) : template, filled);
  };
}

/** English words that were shown for want of Chinese ones. */
export function missedWords(): string[] {
  return [...missed].sort();
}

/** The panel writes `Event Sub Process` where the menus write `Event sub-process`. */
const BY_LETTERS = new Map(Object.entries(CHINESE).map(([english, chinese]) => [letters(english), chinese]));

function inChinese(template: string): string {
  const found = CHINESE[template] ?? BY_LETTERS.get(letters(template));
  if (found === undefined && /[A-Za-z]{2}/.test(template)) {
    missed.add(template);
  }
  return found ?? template;
}

function letters(text: string): string {
  return text.toLowerCase().replace(/[-\s]+/g, " ");
}

function fill(template: string, filled: Record<string, string>): string {
  return template.replace(/{([^}]+)}/g, (whole, name: string) => filled[name] ?? whole);
}
