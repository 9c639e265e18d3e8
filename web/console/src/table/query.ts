/** What a list is narrowed to stands in the address, so that Back brings it back and a link shows the same. */
import { computed, type WritableComputedRef } from "vue";
import { useRoute, useRouter } from "vue-router";

export function useQuery(name: string, otherwise = ""): WritableComputedRef<string> {
  const route = useRoute();
  const router = useRouter();
  return computed({
    get: () => (typeof route.query[name] === "string" ? (route.query[name] as string) : otherwise),
    set: (value) => void router.replace({ query: { ...route.query, [name]: value === otherwise ? undefined : value } }),
  });
}
