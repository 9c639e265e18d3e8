/** What the navigation offers, by permission of the post: only pages that exist, the first one is home. */
import type { Word } from "../words";
import { can, isIn } from "./session";

export interface Entry {
  to: string;
  word: Word;
  /** Whether the post one acts in has this page; without it everybody has. */
  may?: () => boolean;
  /** Whether the number of steps that wait for me stands beside it. */
  counts?: boolean;
}

const draws = () => can("design") || can("publish");

export const ENTRIES: readonly Entry[] = [
  { to: "/processes", word: "processes.title", may: () => can("design") },
  { to: "/versions", word: "versions.title", may: draws },
  { to: "/migrations", word: "migration.title", may: draws },
  { to: "/inbox", word: "inbox.title", counts: true },
  { to: "/report", word: "report.title", may: () => !draws() && isIn("grid", "governance_agency", "host_unit", "committee") },
  { to: "/matters", word: "matters.title" },
  { to: "/decisions", word: "requests.title", may: () => !draws() && !isIn("grid") },
  { to: "/supervise/overdue", word: "overdue.title", may: () => !isIn("grid") },
];

/** The entries of the post one acts in. */
export function entries(): readonly Entry[] {
  return ENTRIES.filter((entry) => entry.may?.() ?? true);
}
