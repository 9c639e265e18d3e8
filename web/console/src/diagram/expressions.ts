/** Help with writing an expression: what can come next, and what is plainly wrong. The language itself (a subset of
 * Python over JSON values, `engine/expressions.py`) is judged by the server, a moment later. */
import type { Choice, FunctionData, Name } from "./vocabulary";

const WORDS = new Set(["and", "or", "not", "in", "is", "if", "else", "True", "False", "None", "true", "false", "null"]);

const TOKEN = /\s+|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[\p{L}_][\p{L}\p{N}_]*|\d+(?:\.\d+)?|[=!<>]=|[^\s]/gu;

interface Token {
  text: string;
  from: number;
}

export interface Known {
  names: readonly Name[];
  functions: readonly FunctionData[];
}

/** Something that can be put into the text: it replaces what stands between `from` and the caret. */
export interface Suggestion extends Choice {
  from: number;
}

export type Fault =
  { kind: "unknown"; name: string } | { kind: "bracket" } | { kind: "quote" } | { kind: "assignment" };

/** What could stand at the caret: a name, a function, or a value of the name that is compared. */
export function suggestions(source: string, caret: number, known: Known): Suggestion[] {
  const before = tokens(source.slice(0, caret)).filter((one) => one.text.trim());
  const last = before.at(-1);
  const open = last !== undefined && isOpenString(last.text);
  const compared = comparedName(before.slice(0, open ? -1 : undefined), known.names);
  if (compared && (open || !isWord(last?.text ?? ""))) {
    const begun = open && last ? last.text.slice(1) : "";
    const from = open && last ? last.from : caret;
    return compared.choices
      .filter((one) => one.value.startsWith(begun) || one.label.includes(begun))
      .map((one) => ({ value: `"${one.value}"`, label: one.label, from }));
  }
  if (open || !last || !isWord(last.text) || last.from + last.text.length !== caret) return [];
  return wordsLike(last.text, known).map((one) => ({ ...one, from: last.from }));
}

/** What is wrong at first sight, each thing once. */
export function faults(source: string, known: Known): Fault[] {
  const found = tokens(source).filter((one) => one.text.trim());
  const names = new Set([...known.names, ...known.functions].map((one) => one.name));
  const unknown = new Set(
    found
      .filter((one, at) => isWord(one.text) && found[at - 1]?.text !== "." && !names.has(one.text))
      .map((one) => one.text),
  );
  return [
    ...(found.some((one) => isOpenString(one.text)) ? [{ kind: "quote" } as const] : []),
    ...(balanced(found) ? [] : [{ kind: "bracket" } as const]),
    ...(found.some((one) => one.text === "=") ? [{ kind: "assignment" } as const] : []),
    ...[...unknown].map((name) => ({ kind: "unknown", name }) as const),
  ];
}

function tokens(source: string): Token[] {
  return [...source.matchAll(TOKEN)].map((found) => ({ text: found[0], from: found.index }));
}

function isWord(text: string): boolean {
  return /^[\p{L}_]/u.test(text) && !WORDS.has(text);
}

function isOpenString(text: string): boolean {
  const quote = text[0];
  return (quote === '"' || quote === "'") && (text.length === 1 || !text.endsWith(quote));
}

function comparedName(before: Token[], names: readonly Name[]): Name | undefined {
  const operator = before.at(-1)?.text ?? "";
  const name = before.at(-2)?.text;
  return ["==", "!="].includes(operator) ? names.find((one) => one.name === name && one.choices.length) : undefined;
}

function wordsLike(begun: string, known: Known): Choice[] {
  const names = known.names.map((one) => ({ value: one.name, label: one.label }));
  const functions = known.functions.map((one) => ({ value: `${one.name}(`, label: one.zh }));
  return [...names, ...functions]
    .filter((one) => one.value !== begun && (one.value.startsWith(begun) || one.label.includes(begun)))
    .slice(0, 12);
}

const PAIRS: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

function balanced(found: Token[]): boolean {
  const open: string[] = [];
  for (const { text } of found) {
    if ("([{".includes(text)) open.push(text);
    else if (text in PAIRS && open.pop() !== PAIRS[text]) return false;
  }
  return !open.length;
}
