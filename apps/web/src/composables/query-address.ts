import { computed, type WritableComputedRef } from "vue";
import { type LocationQueryValue, useRoute, useRouter } from "vue-router";

type Value = LocationQueryValue | LocationQueryValue[] | undefined;
const first = (value: Value): string | null =>
  Array.isArray(value) ? (value[0] ?? null) : (value ?? null);

/** Changes that are on their way into the address: a second change in the same moment must not undo the first. */
let pending: Record<string, string | string[] | null> = {};
let replacing = 0;

/** Query parameters of the page's address as refs: writing one replaces the address without a new history entry. */
export function useAddress() {
  const route = useRoute();
  const router = useRouter();
  /** Changes several at once; null takes one out. */
  function set(changes: Record<string, string | string[] | null>): void {
    const query = { ...route.query, ...pending, ...changes };
    pending = { ...pending, ...changes };
    replacing += 1;
    for (const [key, value] of Object.entries(query)) if (value === null) delete query[key];
    void router.replace({ query, hash: route.hash }).finally(() => {
      replacing -= 1;
      if (replacing === 0) pending = {};
    });
  }
  return {
    set,
    text(key: string): WritableComputedRef<string | null> {
      return computed({
        get: () => first(route.query[key]) || null,
        set: (value) => set({ [key]: value }),
      });
    },
    list: (key: string): string[] =>
      [route.query[key] ?? []].flat().filter((value): value is string => typeof value === "string"),
  };
}
