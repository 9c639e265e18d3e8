/** What these pages ask of the server. A side of a comparison is the key of a version, or `draft:7`. */
import { answer, api, type Shapes } from "../../api/client";

export type Version = Shapes["Packs"]["packs"][number];
export type WholeVersion = Shapes["PackWhole"];
export type Draft = Shapes["Drafts"]["drafts"][number];
export type WholeDraft = Shapes["DraftWhole"];
export type Found = Shapes["DraftChecked"]["findings"][number];
export type Comparison = Shapes["Comparison"];
export type Change = Comparison["changes"][number];
export type Impact = Shapes["Impact"];
export type Place = Impact["nodes"][number];
export type Migration = Shapes["Migrations"]["migrations"][number] & { from: string };
export type WholeMigration = Shapes["WholeMigration"] & { from: string; mapping: (Place & { from: string })[] };
export type Cases = Shapes["MigrationCases"];
export type Case = Cases["rows"][number];

/** What a report says, and what proves it. */
export interface Report {
  algorithm: string;
  key: string;
  signature: string;
  signed: {
    from: string;
    to: string;
    packs: Record<string, string>;
    area: string;
    started_at: string | null;
    ended_at: string | null;
    counts: Record<Case["status"], number>;
    stays: { matter: string; status: Case["status"]; zh?: string; en?: string }[];
  };
}

export interface Reports {
  migration: Report | null;
  undo: Report | null;
}

/** Sent again with the same key, an act is done once. */
const keyed = (key: string) => ({ header: { "Idempotency-Key": key } });

function split(key: string): { place: string; day: string } {
  const [place = "", day = ""] = key.split("/");
  return { place, day };
}

/** The number of a draft, if that is what a side of a comparison is. */
export function draftOf(side: string): number | null {
  return side.startsWith("draft:") ? Number(side.slice("draft:".length)) : null;
}

const ON = (id: number) => ({ path: { id } });
const ONCE = (id: number, once: string) => ({ path: { id }, ...keyed(once) });

/** The answer is a whole migration; its description leaves out `from`, a word of the language it is written in. */
const whole = (asked: Promise<unknown>): Promise<WholeMigration> => asked as Promise<WholeMigration>;

export const server = {
  versions: () => answer(api.GET("/api/packs")).then((got) => got.packs),
  confirmedYears: () => answer(api.GET("/api/packs")).then((got) => got.confirmed_years),
  version: (key: string) => answer(api.GET("/api/packs/{place}/{day}", { params: { path: split(key) } })),
  retire: (key: string, last_day: string, reason: string, once: string) => {
    const params = { path: split(key), ...keyed(once) };
    return answer(api.POST("/api/packs/{place}/{day}/retire", { params, body: { last_day, reason } }));
  },
  drafts: () => answer(api.GET("/api/drafts")).then((got) => got.drafts),
  draft: (id: number) => answer(api.GET("/api/drafts/{id}", { params: ON(id) })),
  check: (id: number) => answer(api.POST("/api/drafts/{id}/check", { params: ON(id), body: { path: "", text: null } })),
  submit: (id: number, once: string) =>
    answer(api.POST("/api/drafts/{id}/submit", { params: ONCE(id, once), body: {} })),
  giveBack: (id: number, reason: string, once: string) =>
    answer(api.POST("/api/drafts/{id}/return", { params: ONCE(id, once), body: { reason } })),
  publish: (id: number, in_force_from: string, once: string) =>
    answer(api.POST("/api/drafts/{id}/publish", { params: ONCE(id, once), body: { in_force_from } })),
  comparison: (from: string, to: string) => answer(api.GET("/api/comparisons", { params: { query: { from, to } } })),
  impactOfDraft: (id: number) => answer(api.GET("/api/drafts/{id}/impact", { params: ON(id) })),
  impact: (from: string, to: string) => answer(api.GET("/api/impact", { params: { query: { from, to } } })),
  migrations: () => answer(api.GET("/api/migrations")).then((got) => got.migrations as Migration[]),
  migration: (id: number) => whole(answer(api.GET("/api/migrations/{id}", { params: ON(id) }))),
  prepare: (from: string, to: string, once: string) => {
    const asked = api.POST("/api/migrations", { params: keyed(once), body: { from, to, area: "" } });
    return answer(asked).then((got) => got.migration);
  },
  choose: (id: number, process: string, from: string, to: string | null) =>
    whole(answer(api.POST("/api/migrations/{id}/mapping", { params: ON(id), body: { process, from, to } }))),
  trial: (id: number) => whole(answer(api.POST("/api/migrations/{id}/trial", { params: ON(id), body: {} }))),
  start: (id: number, once: string) =>
    whole(answer(api.POST("/api/migrations/{id}/start", { params: ONCE(id, once), body: {} }))),
  stop: (id: number) => whole(answer(api.POST("/api/migrations/{id}/stop", { params: ON(id), body: {} }))),
  resume: (id: number) => whole(answer(api.POST("/api/migrations/{id}/resume", { params: ON(id), body: {} }))),
  undo: (id: number, once: string) =>
    whole(answer(api.POST("/api/migrations/{id}/undo", { params: ONCE(id, once), body: {} }))),
  cases: (id: number, status: string, cursor: string) =>
    answer(api.GET("/api/migrations/{id}/cases", { params: { ...ON(id), query: { status, cursor, size: 20 } } })),
  report: (id: number) => answer(api.GET("/api/migrations/{id}/report", { params: ON(id) })) as Promise<Reports>,
  file,
};

type Answered = { data?: unknown; error?: unknown; response: Response };
type Asking = (method: "get", path: string, init: object) => Promise<Answered>;

/** The text of a file of one side. Paths of files hold slashes, which the typed client would escape. */
async function file(side: string, path: string): Promise<string> {
  const draft = draftOf(side);
  const where = draft === null ? `/api/packs/${side}` : `/api/drafts/${draft}`;
  const asked = (api.request as unknown as Asking)("get", `${where}/files/${encodeURI(path)}`, {});
  return ((await answer(asked)) as { text: string }).text;
}
