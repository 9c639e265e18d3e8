/** What the editor asks of the server: packs, drafts, their files, the check and the play. */
import { answer, api, type Finding as Found } from "../../api/client";
import type { FunctionData, HandlerData } from "../../diagram/vocabulary";
import type { Said } from "../../words";

export interface Person {
  id: string;
  name: string;
}

export interface PackRow {
  key: string;
  place: string;
  title: Said;
  area: string;
  force: string;
  in_force_from: string | null;
  in_force_to: string | null;
  status: "draft_law" | "upcoming" | "in_force" | "superseded" | "retired";
  hash: string;
  published_by: Person | null;
  signed: boolean;
  open_matters: number;
}

export interface FileRow {
  path: string;
  hash: string;
  size: number;
  kind: "diagram" | "table" | "limits" | "form" | "case" | "other";
  changed: boolean;
  changed_by: Person | null;
  changed_at: string | null;
}

export interface FileText {
  path: string;
  hash: string;
  text: string;
}

export interface Present {
  person: Person;
  path: string;
  seen_at: string;
}

/** A draft as lists show it. */
export interface DraftHead {
  id: number;
  key: string;
  base: string;
  area: string;
  title: string;
  status: "open" | "in_review" | "published" | "dropped";
  revision: number;
  in_force_from: string | null;
  created_by: Person | null;
  created_at: string;
  submitted_by: Person | null;
  returned: string | null;
}

export interface DraftRow extends DraftHead {
  files: FileRow[];
  present: Present[];
}

/** One save: the hashes of the file before and after it; null where there was, or is, no file. */
export interface Change {
  id: number;
  revision: number;
  path: string;
  before: string | null;
  after: string | null;
  person: Person | null;
  at: string;
}

export interface Finding extends Found {
  file?: string;
}

export interface Checked {
  publishable: boolean;
  findings: Finding[];
}

/** One act of a play, as `wangge play` takes them. */
export type Action = Record<string, unknown>;

/** Something else that can happen: a message, a return, an error. `action` is what makes it. */
export interface Way {
  node: string;
  name: string;
  action: Action;
  form: Record<string, unknown> | null;
}

export interface OpenStep {
  step: number;
  node: string;
  name: string;
  process: string;
  kind: string;
  automatic: boolean;
  form: Record<string, unknown> | null;
  /** The variables that only this step sees, such as the unit it is about. */
  local: Record<string, unknown>;
  ways: Way[];
}

export interface Clock {
  node: string;
  name: string;
  process: string;
  due: string;
}

export interface Played {
  status: "open" | "ended" | "incident";
  trace: { at: string; node: string; event: string }[];
  open: string[];
  variables: Record<string, unknown>;
  incidents?: { node: string; code: string; text: string }[];
  steps: OpenStep[];
  clocks: Clock[];
  ways: Way[];
  now: string;
  /** Broken off because it went on too long. */
  stopped: boolean;
}

/** An example case. `stopped`: its play took too long, so that it may exercise more than is told. */
export interface CoveredCase {
  name: string;
  title: Said | null;
  process: string;
  status: "open" | "ended" | "incident" | "refused";
  stopped: boolean;
  good: boolean;
  faults: Said[];
}

export const COVERED = ["nodes", "flows", "timers", "rules"] as const;

export type CoveredKind = (typeof COVERED)[number];

/** What of a process is exercised, by id, and by which cases; a row of a table is `<table>/<row>`. */
export interface CoveredProcess extends Record<CoveredKind, Record<string, string[]>> {
  process: string;
  name: string;
  missing: Record<CoveredKind, string[]>;
}

export interface Coverage {
  cases: CoveredCase[];
  processes: CoveredProcess[];
}

/** Text of one unsaved file that is taken into account. */
export interface Unsaved {
  path: string;
  text: string;
}

type Method = "get" | "post";
type Asking = (
  method: Method,
  path: string,
  init: { body?: unknown },
) => Promise<{ data?: unknown; error?: unknown; response: Response }>;

/** Paths of files hold slashes, which the typed client would escape. */
function ask<T>(method: Method, path: string, body?: unknown): Promise<T> {
  return answer((api.request as unknown as Asking)(method, path, body === undefined ? {} : { body })) as Promise<T>;
}

export const server = {
  packs: () => ask<{ packs: PackRow[] }>("get", "/api/packs"),
  drafts: () => ask<{ drafts: DraftHead[] }>("get", "/api/drafts"),
  create: (base: string, key: string, title: string) =>
    ask<{ draft: number }>("post", "/api/drafts", { base, key, title }),
  draft: (id: string) => ask<DraftRow>("get", `/api/drafts/${id}`),
  texts: (id: string) => ask<{ files: FileText[] }>("get", `/api/drafts/${id}/files`),
  file: (id: string, path: string) => ask<FileText>("get", `/api/drafts/${id}/files/${encodeURI(path)}`),
  save: (id: string, path: string, text: string | null, basedOn: string | null) =>
    ask<{ hash: string; revision: number }>("post", `/api/drafts/${id}/files`, { path, text, based_on: basedOn }),
  history: (id: string) => ask<{ changes: Change[] }>("get", `/api/drafts/${id}/history`),
  revert: (id: string, change: number, basedOn: string | null) =>
    ask<{ hash: string | null; revision: number }>("post", `/api/drafts/${id}/revert`, { change, based_on: basedOn }),
  presence: (id: string, path: string) =>
    ask<{ present: Present[]; revision: number }>("post", `/api/drafts/${id}/presence`, { path }),
  check: (id: string, unsaved?: Unsaved) => ask<Checked>("post", `/api/drafts/${id}/check`, { ...unsaved }),
  play: (id: string, play: { process: string; start?: string; facts: object; actions: Action[] } & Partial<Unsaved>) =>
    ask<Played>("post", `/api/drafts/${id}/plays`, play),
  coverage: (id: string) => ask<Coverage>("get", `/api/drafts/${id}/coverage`),
  vocabulary: () => ask<{ handlers: HandlerData[]; functions: FunctionData[] }>("get", "/api/vocabulary"),
};
