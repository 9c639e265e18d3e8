/** What a version or a draft is called at each stage. */
import type { Word } from "../../words";
import type { DraftHead, PackRow } from "./server";

export const PACK_STATUS = {
  draft_law: "processes.status.draft_law",
  upcoming: "processes.status.upcoming",
  in_force: "processes.status.in_force",
  superseded: "processes.status.superseded",
  retired: "processes.status.retired",
} as const satisfies Record<PackRow["status"], Word>;

export const DRAFT_STATUS = {
  open: "processes.draft_status.open",
  in_review: "processes.draft_status.in_review",
  published: "processes.draft_status.published",
  dropped: "processes.draft_status.dropped",
} as const satisfies Record<DraftHead["status"], Word>;
