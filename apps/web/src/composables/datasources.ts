import {
  type Datasource,
  listDatasources,
  readDatasource,
  readDatasourceSchema,
} from "@quern/contract/datasources";
import { useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, markRaw, toValue } from "vue";
import { api } from "../api.ts";
import { language } from "../i18n/language.ts";
import { useCan } from "./session.ts";

/** The datasources that the person may use, by name; those that Quern made itself last. */
export function useDatasources() {
  const can = useCan();
  const list = useQuery({
    queryKey: ["datasources"],
    queryFn: ({ signal }) => api.call(listDatasources, { signal }),
    enabled: () => can("datasources.read"),
  });
  const datasources = computed<Datasource[]>(() =>
    [...(list.data.value?.items ?? [])].sort(
      (a, b) =>
        Number(a.built_in !== null) - Number(b.built_in !== null) ||
        a.name.localeCompare(b.name, language),
    ),
  );
  return { ...list, datasources };
}

export function useDatasource(id: MaybeRefOrGetter<string | null>) {
  return useQuery({
    queryKey: computed(() => ["datasource", toValue(id)] as const),
    queryFn: ({ signal }) =>
      api.call(readDatasource, { params: { id: toValue(id) ?? "" }, signal }),
    enabled: computed(() => toValue(id) !== null),
  });
}

/** What the last introspection found; a snapshot can be large, so it is kept while the tab lives. */
export function useSchema(datasourceId: MaybeRefOrGetter<string | null>) {
  return useQuery({
    queryKey: computed(() => ["schema", toValue(datasourceId)] as const),
    queryFn: async ({ signal }) => {
      const id = toValue(datasourceId) ?? "";
      const reply = await api.call(readDatasourceSchema, { params: { id }, signal });
      // A hundred thousand columns behind proxies would be slow to go through, and to compare with those before.
      return markRaw(reply);
    },
    structuralSharing: false,
    enabled: computed(() => toValue(datasourceId) !== null),
    // A new datasource is being read: look again until there is something.
    refetchInterval: (query) => (query.state.data?.snapshot === null ? 1500 : false),
    staleTime: 300_000,
    gcTime: Number.POSITIVE_INFINITY,
  });
}
