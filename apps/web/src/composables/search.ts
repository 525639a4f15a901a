import { type SearchType, search } from "@quern/contract/library";
import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import {
  computed,
  type MaybeRefOrGetter,
  onScopeDispose,
  type Ref,
  ref,
  toValue,
  watch,
} from "vue";
import { api } from "../api.ts";
import { useCan } from "./session.ts";

/** `value`, a little later, so that the server is not asked for every letter. */
export function useSettled(value: MaybeRefOrGetter<string>, ms: number): Ref<string> {
  const settled = ref(toValue(value));
  let timer: ReturnType<typeof setTimeout> | undefined;
  watch(
    () => toValue(value),
    (next) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        settled.value = next;
      }, ms);
    },
  );
  onScopeDispose(() => clearTimeout(timer));
  return settled;
}

/** What the server finds for `words` in everything that the person may see, the best first; nothing for no words. */
export function useSearch(
  words: MaybeRefOrGetter<string>,
  limit: number,
  type: MaybeRefOrGetter<SearchType | null> = null,
) {
  const can = useCan();
  const q = computed(() => toValue(words).trim().slice(0, 200).toWellFormed().replaceAll("\0", ""));
  const found = useQuery({
    queryKey: computed(() => ["search", q.value, toValue(type), limit] as const),
    queryFn: ({ signal }) => {
      const only = toValue(type);
      return api.call(search, {
        query: { q: q.value, limit, ...(only ? { type: only } : {}) },
        signal,
      });
    },
    enabled: () => q.value !== "" && can("library.read"),
    placeholderData: keepPreviousData,
  });
  const hits = computed(() => (q.value === "" ? [] : (found.data.value?.items ?? [])));
  return { ...found, hits };
}
