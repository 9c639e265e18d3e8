/** What is said on the diagram: findings, one badge for each element with their number and worst kind, and what no
 * example exercises. */
import type { Finding } from "../api/client";
import { t, type Word } from "../words";
import type { Modeller } from "./Modeller";

export const LEVELS = {
  error: { sign: "✕", word: "findings.error" },
  warning: { sign: "!", word: "findings.warning" },
  advice: { sign: "i", word: "findings.advice" },
} as const satisfies Record<Finding["level"], { sign: string; word: Word }>;

const ORDER: readonly Finding["level"][] = ["error", "warning", "advice"];
const BADGES = "wangge-finding";
const GAPS = "wangge-uncovered";

/** The badges on one drawing board. */
export class Marks {
  private faulty: string[] = [];

  constructor(private readonly board: Modeller) {}

  show(findings: readonly Finding[], chosen: (one: Finding) => void): void {
    this.board.unbadge(BADGES);
    for (const id of this.faulty) this.board.mark(id, "wg-faulty", false);
    this.faulty = [];
    for (const [element, here] of byElement(findings)) {
      const worst = ORDER.find((level) => here.some((one) => one.level === level)) ?? "advice";
      const first = here.find((one) => one.level === worst);
      if (!first || !this.board.element(element)) continue;
      this.board.badge(
        element,
        BADGES,
        badge(worst, here, () => chosen(first)),
      );
      if (worst === "error") this.faulty.push(element);
    }
    for (const id of this.faulty) this.board.mark(id, "wg-faulty", true);
  }
}

/** What no example exercises, on one drawing board: a dotted outline and a word. */
export class Gaps {
  private shown: string[] = [];

  constructor(private readonly board: Modeller) {}

  show(ids: readonly string[]): void {
    this.clear();
    const missing = new Set(ids);
    this.shown = ids.filter((id) => this.board.element(id));
    for (const id of this.shown) {
      this.board.mark(id, "wg-uncovered", true);
      if (!this.follows(id, missing)) this.board.label(id, GAPS, uncovered(this.board.nameOf(id)));
    }
  }

  clear(): void {
    this.board.unbadge(GAPS);
    for (const id of this.shown) this.board.mark(id, "wg-uncovered", false);
    this.shown = [];
  }

  /** Whether it is a line from or to something that is marked: one word for both is enough. */
  private follows(id: string, missing: ReadonlySet<string>): boolean {
    const { source, target } = this.board.element(id) ?? {};
    return missing.has(source?.id ?? "") || missing.has(target?.id ?? "");
  }
}

export function byLevel(one: Finding, other: Finding): number {
  return ORDER.indexOf(one.level) - ORDER.indexOf(other.level);
}

function byElement(findings: readonly Finding[]): Map<string, Finding[]> {
  const found = new Map<string, Finding[]>();
  for (const one of findings) {
    if (one.element) found.set(one.element, [...(found.get(one.element) ?? []), one]);
  }
  return found;
}

function uncovered(name: string): HTMLElement {
  const label = document.createElement("span");
  label.className = "wg-badge wg-badge-uncovered";
  label.textContent = `◇ ${t("coverage.uncovered")}`;
  label.title = t("coverage.uncovered.of", { name });
  return label;
}

function badge(level: Finding["level"], here: Finding[], chosen: () => void): HTMLElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = `wg-badge wg-badge-${level}`;
  button.textContent = `${LEVELS[level].sign}${here.length > 1 ? ` ${here.length}` : ""}`;
  button.title = here.map((one) => one.message).join("\n");
  button.setAttribute("aria-label", `${button.textContent} ${t(LEVELS[level].word)}：${button.title}`);
  button.addEventListener("click", chosen);
  return button;
}
