/** Whom and what a field can name: units, colleagues, posts, types of the matter list. Fetched once a post, when asked. */
import { computed, shallowRef, watch, type ComputedRef, type Ref } from "vue";

import { answer, api, askingPost, type Shapes } from "../api/client";
import { said, t } from "../words";

export interface Choice {
  value: string;
  label: string;
}

type Area = Shapes["Areas"]["areas"][number];
type Unit = Shapes["Units"]["units"][number];
type Colleague = Shapes["Colleagues"]["colleagues"][number];

const areas = once(async () => (await answer(api.GET("/api/areas"))).areas);
const units = once(async () => (await answer(api.GET("/api/units"))).units);
const colleagues = once(async () => (await answer(api.GET("/api/colleagues"))).colleagues);

/** Areas and grids in reach, by path. */
export const useAreas = (): Ref<readonly Area[]> => areas();

/** The name of the area with a path; the path itself where it is out of reach. */
export function useAreaNames(): (path: string) => string {
  const found = areas();
  const names = computed(() => new Map(found.value.map((one) => [one.area, one.name])));
  return (path) => names.value.get(path) ?? path.split("/").filter(Boolean).at(-1) ?? "";
}

export function useUnits(): ComputedRef<Choice[]> {
  const found: Ref<readonly Unit[]> = units();
  return computed(() => found.value.map((one) => ({ value: one.id, label: one.name })));
}

/** Units and grids. */
export function usePlaces(): ComputedRef<Choice[]> {
  const offices: Ref<readonly Unit[]> = units();
  const lands = areas();
  return computed(() => [...offices.value, ...lands.value].map((one) => ({ value: one.id, label: one.name })));
}

export function useColleagues(): ComputedRef<Choice[]> {
  const found: Ref<readonly Colleague[]> = colleagues();
  return computed(() => {
    const named = new Map(found.value.map((one) => [one.person.id, `${one.person.name}（${said(one.role)}）`]));
    return [...named].map(([value, label]) => ({ value, label }));
  });
}

export function usePosts(): ComputedRef<Choice[]> {
  const found: Ref<readonly Colleague[]> = colleagues();
  return computed(() => found.value.map((one) => ({ value: one.id, label: `${one.person.name}（${said(one.role)}）` })));
}

/** The types on the matter list of a grid, and what is not on it. */
export function useListItems(grid: Ref<string>): ComputedRef<Choice[]> {
  const found = shallowRef<readonly Choice[]>([]);
  watch(
    grid,
    async (id) => {
      if (!id) return;
      const { items } = await answer(api.GET("/api/lists", { params: { query: { grid: id } } }));
      found.value = items.map((item) => ({ value: item.key, label: said(item.label) }));
    },
    { immediate: true },
  );
  return computed(() => [...found.value, { value: "other", label: t("form.other_type") }]);
}

/** What is fetched when somebody first needs it, and anew for another post. */
function once<T>(fetch: () => Promise<T[]>): () => Ref<readonly T[]> {
  const found = shallowRef<readonly T[]>([]);
  let forPost: string | null = null;
  return () => {
    if (forPost !== askingPost.value) {
      forPost = askingPost.value;
      found.value = [];
      fetch().then(
        (all) => (found.value = all),
        () => (forPost = null),
      );
    }
    return found;
  };
}
