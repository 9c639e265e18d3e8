/** What versions, drafts, migrations and their matters are called at each stage, and when a version applies. */
import type { Word } from "../../words";
import type { Case, Change, Draft, Migration, Place, Version } from "./server";

export const VERSION = {
  draft_law: "versions.status.draft_law",
  upcoming: "versions.status.upcoming",
  in_force: "versions.status.in_force",
  superseded: "versions.status.superseded",
  retired: "versions.status.retired",
} as const satisfies Record<Version["status"], Word>;

export const DRAFT = {
  open: "versions.draft.open",
  in_review: "versions.draft.in_review",
  published: "versions.draft.published",
  dropped: "versions.draft.dropped",
} as const satisfies Record<Draft["status"], Word>;

export const MIGRATION = {
  prepared: "migration.status.prepared",
  trying: "migration.status.trying",
  running: "migration.status.running",
  stopped: "migration.status.stopped",
  done: "migration.status.done",
  undoing: "migration.status.undoing",
  undone: "migration.status.undone",
} as const satisfies Record<Migration["status"], Word>;

export const CASE = {
  waiting: "migration.case.waiting",
  movable: "migration.case.movable",
  stays: "migration.case.stays",
  moved: "migration.case.moved",
  undone: "migration.case.undone",
  kept: "migration.case.kept",
} as const satisfies Record<Case["status"], Word>;

export const GROUND = {
  path: "migration.ground.path",
  same_id: "migration.ground.same_id",
  renamed: "migration.ground.renamed",
  chosen: "migration.ground.chosen",
  none: "migration.ground.none",
} as const satisfies Record<Place["ground"], Word>;

/** A difference as three kinds: what is moved or renamed is changed. */
export type Kind = "added" | "removed" | "changed";

export const SIGN = { added: "＋", removed: "－", changed: "～" } as const satisfies Record<Kind, string>;

export const KIND = {
  added: "compare.added",
  removed: "compare.removed",
  changed: "compare.changed",
} as const satisfies Record<Kind, Word>;

/** What a difference is about. */
export const WHAT: Record<string, Word> = {
  element: "compare.what.element",
  flow: "compare.what.flow",
  condition: "compare.what.condition",
  timer: "compare.what.timer",
  limit: "compare.what.limit",
  role: "compare.what.role",
  form: "compare.what.form",
  table: "compare.what.table",
  rule: "compare.what.rule",
  status: "compare.what.status",
  item: "compare.what.item",
  article: "compare.what.article",
  variable: "compare.what.variable",
  way_in: "compare.what.way_in",
  registry: "compare.what.registry",
  setting: "compare.what.setting",
  text: "compare.what.text",
};

export function kindOf(change: Change): Kind {
  return change.kind === "added" || change.kind === "removed" ? change.kind : "changed";
}

/** Whether a version applies in its area on a day (`2026-11-22`). */
export function appliesOn(version: Version, day: string): boolean {
  return version.periods.some((one) => one.first <= day && (!one.last || one.last >= day));
}

/** Today in Shanghai. */
export function today(): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai" }).format(new Date());
}
