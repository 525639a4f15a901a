/** Monitored databases as the pages read them. Everything below `databaseKey(id)` is read anew when the database changes. */
import {
  forgetDatabase,
  linkDatabase,
  listDatabases,
  type MonitoredDatabase,
  readDatabase,
} from "@quern/contract/health/databases";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { useAction } from "../composables/action.ts";
import { useCan } from "../composables/session.ts";

const FLEET = ["health", "databases"] as const;
export const databaseKey = (id: string) => ["health", "database", id] as const;

const LOOK_EVERY_MS = 30_000;
const ONCE_MS = 300_000;
const PAGE = 500;
/** More than this is no list to look through. */
const MOST_PAGES = 4;

/**
 * All monitored databases; those of one datasource where that is given (null: none are asked for). `once`: as they were
 * when they were last asked for, if that is not long ago, since the whole fleet is much to read.
 */
export function useFleet(
  datasource_id?: MaybeRefOrGetter<string | null | undefined>,
  { once = false } = {},
) {
  const can = useCan();
  return useQuery({
    queryKey: computed(() => [...FLEET, toValue(datasource_id) ?? "all"]),
    queryFn: async ({ signal }) => {
      const of = toValue(datasource_id);
      const items: MonitoredDatabase[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const query = {
          limit: PAGE,
          ...(of == null ? {} : { datasource_id: of }),
          ...(cursor === null ? {} : { cursor }),
        };
        const answer: { items: MonitoredDatabase[]; next_cursor: string | null } = await api.call(
          listDatabases,
          { query, signal },
        );
        items.push(...answer.items);
        cursor = answer.next_cursor;
        if (cursor === null) break;
      }
      return { items, cut: cursor !== null } satisfies FleetAnswer;
    },
    enabled: () => can("health.read") && toValue(datasource_id) !== null,
    ...(once ? { staleTime: ONCE_MS } : { refetchInterval: LOOK_EVERY_MS }),
  });
}

export function useDatabase(id: MaybeRefOrGetter<string>) {
  const can = useCan();
  return useQuery({
    queryKey: computed(() => databaseKey(toValue(id))),
    queryFn: ({ signal }) => api.call(readDatabase, { params: { id: toValue(id) }, signal }),
    enabled: () => can("health.read"),
    refetchInterval: LOOK_EVERY_MS,
    placeholderData: (before, query) =>
      query?.queryKey[2] === toValue(id) ? keepPreviousData(before) : undefined,
  });
}

/** Says which datasource a database is; null undoes it. */
export function useLinking() {
  const queries = useQueryClient();
  return useAction(async (id: string, datasource_id: string | null) => {
    const linked = await api.call(linkDatabase, { params: { id }, body: { datasource_id } });
    queries.setQueryData(databaseKey(id), linked);
    await queries.invalidateQueries({ queryKey: ["health"] });
    return linked;
  });
}

/**
 * Forgets a database with its history, then leaves its page: what is shown of it must not be asked for again, since the
 * answer would be that there is no such database.
 */
export function useForgetting(leave: () => Promise<unknown>) {
  const queries = useQueryClient();
  return useAction(async (id: string) => {
    await api.call(forgetDatabase, { params: { id } });
    queries.setQueriesData<FleetAnswer>(
      { queryKey: FLEET },
      (fleet) => fleet && without(fleet, id),
    );
    await leave();
    queries.removeQueries({ predicate: ({ queryKey }) => isOf(queryKey, id) });
    void queries.invalidateQueries({ queryKey: ["health"] });
  });
}

type FleetAnswer = { items: MonitoredDatabase[]; cut: boolean };
const without = ({ items, cut }: FleetAnswer, id: string): FleetAnswer => ({
  items: items.filter((each) => each.id !== id),
  cut,
});
/** Ids are unique: a key that has it anywhere is about it. */
const isOf = (queryKey: readonly unknown[], id: string): boolean =>
  queryKey[0] === "health" && JSON.stringify(queryKey).includes(id);
