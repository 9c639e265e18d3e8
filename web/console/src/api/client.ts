/**
 * The one door to the server: paths, parameters and answers are typed from its own description (`npm run api`). The
 * session is an HttpOnly cookie that no script sees; the header `X-Requested-With` proves that this page asks.
 *
 *   const { rows } = await answer(api.GET("/api/inbox", { params: { query: { scope: "mine" } } }));
 */
import createClient, { type Middleware } from "openapi-fetch";
import { ref } from "vue";

import { catalogue, type Said } from "../words";
import type { components, paths } from "./schema";

export type Shapes = components["schemas"];

/** The folder this page lies in: the console works under any path. */
export const HERE = new URL(".", document.baseURI).href.replace(/\/$/, "");

/** In which post one asks; the session chooses it. */
export const askingPost = ref("");

/** Raised when the server answers that nobody is signed in (any more). */
export const signedOut = ref(false);

/** What the server refuses or cannot do (RFC 9457). `status` 0: it was not reached at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly words: Said,
    readonly id: string,
    readonly article: string = "",
    readonly findings: readonly Finding[] = [],
    readonly details: unknown = null,
  ) {
    super(words.en);
  }
}

export interface Finding {
  rule: string;
  level: "error" | "warning" | "advice";
  element: string;
  message: string;
  name?: string;
  article?: string;
  path?: readonly string[];
}

const headers: Middleware = {
  onRequest({ request }) {
    request.headers.set("X-Requested-With", "wangge");
    if (askingPost.value) request.headers.set("X-Wangge-Post", askingPost.value);
  },
};

export const api = createClient<paths>({ baseUrl: HERE, credentials: "same-origin" });
api.use(headers);

/** The data of an answer. Throws `Problem` for everything that is none. */
export async function answer<T>(asked: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const got = await asked.catch((): never => {
    throw notReached();
  });
  if (got.error !== undefined || !got.response.ok) throw problem(got.response, got.error);
  return got.data as T;
}

/** A key for one act: sent again with the same key, it is done once. */
export function actKey(): string {
  return crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16)).join("");
}

function problem(response: Response, error: unknown): Problem {
  const told = (typeof error === "object" && error ? error : {}) as Record<string, unknown>;
  const text = (name: string): string => (typeof told[name] === "string" ? (told[name] as string) : "");
  const id = text("request_id") || response.headers.get("X-Request-Id") || "";
  if (response.status === 401 && text("code") === "session.none") signedOut.value = true;
  if (!text("detail")) return notReached(response.status, id);
  const words = { zh: text("detail"), en: text("detail_en") };
  return new Problem(response.status, text("code"), words, id, text("article"), (told.findings ?? []) as Finding[], told.details);
}

function notReached(status = 0, id = "—"): Problem {
  const [zh, en] = catalogue["frame.not_reached"].map((words) => words.replace("{id}", id)) as [string, string];
  return new Problem(status, "not-reached", { zh, en }, id);
}
