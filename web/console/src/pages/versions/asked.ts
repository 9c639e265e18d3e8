/** What a page shows of the server: asked when it opens and again when wanted; what was there stays meanwhile. */
import { ref, shallowRef, type Ref, type ShallowRef } from "vue";

import { Problem } from "../../api/client";

export interface Asked<T> {
  got: ShallowRef<T | null>;
  problem: ShallowRef<Problem | null>;
  loading: Ref<boolean>;
  load: () => Promise<void>;
}

export function useAsked<T>(ask: () => Promise<T>): Asked<T> {
  const got = shallowRef(null) as ShallowRef<T | null>;
  const problem = shallowRef<Problem | null>(null);
  const loading = ref(false);
  let asked = 0;

  async function load(): Promise<void> {
    const mine = ++asked;
    loading.value = true;
    try {
      const found = await ask();
      if (mine !== asked) return; // something else has been asked for meanwhile
      got.value = found;
      problem.value = null;
    } catch (failed) {
      if (mine === asked) problem.value = asProblem(failed);
    } finally {
      if (mine === asked) loading.value = false;
    }
  }

  return { got, problem, loading, load };
}

/** What the server refused; anything else is a fault of the page and goes on. */
export function asProblem(failed: unknown): Problem {
  if (failed instanceof Problem) return failed;
  throw failed;
}
