/** Plays a path on the diagram: where it goes now is thick, where it has been stays marked. */
import { computed, onScopeDispose, ref, type ComputedRef, type Ref } from "vue";

import type { Modeller } from "./Modeller";

const PACE = 900;

export interface PathPlay {
  /** The elements of the path that are drawn here; empty when nothing is played. */
  path: Ref<string[]>;
  at: Ref<number>;
  name: ComputedRef<string>;
  play(path: readonly string[]): void;
  go(to: number): void;
  end(): void;
}

export function usePath(board: () => Modeller | null): PathPlay {
  const path = ref<string[]>([]);
  const at = ref(0);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const name = computed(() => nameOf(board(), path.value[at.value] ?? ""));

  function play(whole: readonly string[]): void {
    end();
    path.value = withFlows(
      whole.filter((id) => board()?.element(id)),
      board(),
    );
    if (path.value.length) show(0);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!still) timer = setTimeout(on, PACE);
  }

  function on(): void {
    if (at.value + 1 >= path.value.length) return;
    show(at.value + 1);
    timer = setTimeout(on, PACE);
  }

  function go(to: number): void {
    clearTimeout(timer);
    if (to >= 0 && to < path.value.length) show(to);
  }

  function show(to: number): void {
    at.value = to;
    path.value.forEach((id, place) => {
      board()?.mark(id, "wg-walked", place < to);
      board()?.mark(id, "wg-now", place === to);
    });
    board()?.reveal(path.value[to] ?? "");
  }

  function end(): void {
    clearTimeout(timer);
    for (const id of path.value) {
      board()?.mark(id, "wg-walked", false);
      board()?.mark(id, "wg-now", false);
    }
    path.value = [];
    at.value = 0;
  }

  onScopeDispose(() => clearTimeout(timer));
  return { path, at, name, play, go, end };
}

/** The path with the flows between its nodes, where exactly those lead from one to the next. */
function withFlows(path: readonly string[], board: Modeller | null): string[] {
  const flows = board?.flows() ?? [];
  return path.flatMap((id, place) => {
    const next = path[place + 1];
    const between = flows.find((one) => one.source?.id === id && one.target?.id === next);
    return between && !path.includes(between.id) ? [id, between.id] : [id];
  });
}

function nameOf(board: Modeller | null, id: string): string {
  const bo = board?.element(id)?.businessObject;
  return bo?.name || bo?.targetRef?.name || id;
}
