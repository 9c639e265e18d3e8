/** A list that comes page by page, stays while it is fetched anew, and is asked again now and then. */
import { onBeforeUnmount, onMounted, ref, shallowRef, type Ref, type ShallowRef } from "vue";

import { Problem } from "../api/client";

export interface Page<Row> {
  rows: Row[];
  next: string;
  total: { text: string };
}

export interface Listing<Row, Got extends Page<Row>> {
  rows: ShallowRef<readonly Row[]>;
  /** The first page as the server gave it. */
  got: ShallowRef<Got | null>;
  loading: Ref<boolean>;
  problem: ShallowRef<Problem | null>;
  next: Ref<string>;
  load: () => Promise<void>;
  more: () => Promise<void>;
}

export function useListing<Row, Got extends Page<Row>>(fetch: (cursor: string) => Promise<Got>): Listing<Row, Got> {
  const rows = shallowRef<readonly Row[]>([]);
  const got = shallowRef(null) as ShallowRef<Got | null>;
  const problem = shallowRef<Problem | null>(null);
  const loading = ref(true);
  const next = ref("");
  let asked = 0;

  async function page(cursor: string): Promise<void> {
    const mine = ++asked;
    loading.value = true;
    try {
      const found = await fetch(cursor);
      if (mine !== asked) return; // something else has been asked for meanwhile
      if (!cursor) got.value = found;
      rows.value = cursor ? [...rows.value, ...found.rows] : found.rows;
      next.value = found.next;
      problem.value = null;
    } catch (failed) {
      if (mine === asked) problem.value = failed as Problem;
    } finally {
      if (mine === asked) loading.value = false;
    }
  }

  return { rows, got, loading, problem, next, load: () => page(""), more: () => page(next.value) };
}

/** Asks again every so often while the page is looked at; the browser sends the ETag along. */
export function usePolling(ask: () => Promise<void>, seconds = 20): void {
  let timer: ReturnType<typeof setInterval>;
  const due = (): void => void (document.hidden || ask());
  onMounted(() => {
    timer = setInterval(due, seconds * 1000);
    document.addEventListener("visibilitychange", due);
  });
  onBeforeUnmount(() => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", due);
  });
}
