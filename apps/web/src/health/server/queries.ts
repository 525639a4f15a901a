/** What the tabs of a server read and write. */

import { readMetrics } from "@quern/contract/health/databases";
import { createEvent, listEvents } from "@quern/contract/health/events";
import { listTables } from "@quern/contract/health/relations";
import {
  diffDatabaseSchema,
  listSettings,
  readDatabaseSchema,
  readReplication,
  readServer,
  readSessionSamples,
  readSessions,
} from "@quern/contract/health/server";
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, markRaw, toValue } from "vue";
import { api } from "../../api.ts";
import { useAction } from "../../composables/action.ts";
import type { RangeQuery } from "../range.ts";

const LIVE_MS = 5_000;
const SERVER_MS = 30_000;
/** What was at a past time does not change. */
const PAST_MS = 300_000;

type Id = MaybeRefOrGetter<string>;
const keyOf = (id: Id, ...rest: unknown[]) => ["health", toValue(id), ...rest];

/** Sessions as of `at`; of now, every few seconds, while it is null. */
export function useSessionsAt(id: Id, at: MaybeRefOrGetter<string | null>) {
  return useQuery({
    queryKey: computed(() => keyOf(id, "sessions", toValue(at))),
    queryFn: ({ signal }) => {
      const time = toValue(at);
      const query = time === null ? {} : { at: time };
      return api.call(readSessions, { params: { id: toValue(id) }, query, signal });
    },
    placeholderData: keepPreviousData,
    refetchInterval: () => (toValue(at) === null ? LIVE_MS : false),
    staleTime: () => (toValue(at) === null ? 0 : PAST_MS),
  });
}

/** When there are samples in the range; read again while `live`. */
export function useSessionSamples(
  id: Id,
  range: MaybeRefOrGetter<RangeQuery>,
  live: MaybeRefOrGetter<boolean>,
) {
  return useQuery({
    queryKey: computed(() => keyOf(id, "samples", toValue(range))),
    queryFn: ({ signal }) =>
      api.call(readSessionSamples, {
        ...{ params: { id: toValue(id) }, query: toValue(range), signal },
      }),
    placeholderData: keepPreviousData,
    refetchInterval: () => (toValue(live) ? SERVER_MS : false),
  });
}

/** The server as last seen. */
export function useServer(id: Id) {
  return useQuery({
    queryKey: computed(() => keyOf(id, "server")),
    queryFn: ({ signal }) => api.call(readServer, { params: { id: toValue(id) }, signal }),
    refetchInterval: SERVER_MS,
  });
}

/** What was in a range, and a week before when it is compared. */
type Compared = RangeQuery & { compare?: "week" };

export function useReplicationHistory(id: Id, range: MaybeRefOrGetter<Compared>) {
  return useQuery({
    queryKey: computed(() => keyOf(id, "replication", toValue(range))),
    queryFn: ({ signal }) =>
      api.call(readReplication, {
        ...{ params: { id: toValue(id) }, query: toValue(range), signal },
      }),
    placeholderData: keepPreviousData,
  });
}

/** Metrics by name (contract: HEALTH_METRICS). */
export function useMetrics(id: Id, names: string, range: MaybeRefOrGetter<Compared>) {
  return useQuery({
    queryKey: computed(() => keyOf(id, "metrics", names, toValue(range))),
    queryFn: ({ signal }) => {
      const query = { ...toValue(range), names };
      return api.call(readMetrics, { params: { id: toValue(id) }, query, signal });
    },
    placeholderData: keepPreviousData,
  });
}

/** The tables that are the nearest to their limit, or whose dead rows are. */
export function useWorstTables(id: Id, order: "freeze_age" | "pressure", limit: number) {
  return useQuery({
    queryKey: computed(() => keyOf(id, "worst tables", order, limit)),
    queryFn: ({ signal }) => {
      const query = { order, limit: String(limit) };
      return api.call(listTables, { params: { id: toValue(id) }, query, signal });
    },
    staleTime: SERVER_MS,
  });
}

/** All settings with their history: some 400, so that searching them needs no server. */
export function useServerSettings(id: Id) {
  return useQuery({
    queryKey: computed(() => keyOf(id, "settings")),
    queryFn: ({ signal }) =>
      api.call(listSettings, { params: { id: toValue(id) }, query: {}, signal }),
    staleTime: SERVER_MS,
  });
}

/** The schema as of `at`; as last seen when it is null. A schema of thousands of tables is not made reactive. */
export function useSchemaAt(
  id: Id,
  at: MaybeRefOrGetter<string | null>,
  enabled: MaybeRefOrGetter<boolean> = true,
) {
  return useQuery({
    queryKey: computed(() => keyOf(id, "schema", toValue(at))),
    queryFn: async ({ signal }) => {
      const time = toValue(at);
      const query = time === null ? {} : { at: time };
      const params = { id: toValue(id) };
      return markRaw(await api.call(readDatabaseSchema, { params, query, signal }));
    },
    enabled: computed(() => toValue(enabled)),
    structuralSharing: false,
    placeholderData: keepPreviousData,
    staleTime: SERVER_MS,
  });
}

/** What differs between the schemas of two times; nothing is asked while `before` is null. */
export function useSchemaDiff(
  id: Id,
  before: MaybeRefOrGetter<string | null>,
  after: MaybeRefOrGetter<string | null>,
) {
  return useQuery({
    queryKey: computed(() => keyOf(id, "schema diff", toValue(before), toValue(after))),
    queryFn: async ({ signal }) => {
      const end = toValue(after);
      const query = { before: toValue(before) ?? "", ...(end === null ? {} : { after: end }) };
      const params = { id: toValue(id) };
      return markRaw(await api.call(diffDatabaseSchema, { params, query, signal }));
    },
    enabled: computed(() => toValue(before) !== null),
    structuralSharing: false,
    staleTime: SERVER_MS,
  });
}

/** Events of the range, the newest first, in pages. */
export function useEvents(
  id: Id,
  range: MaybeRefOrGetter<RangeQuery>,
  types: MaybeRefOrGetter<readonly string[]>,
) {
  const found = useInfiniteQuery({
    queryKey: computed(() => keyOf(id, "events", toValue(range), toValue(types))),
    queryFn: ({ pageParam, signal }) => {
      const chosen = toValue(types);
      const query = {
        ...toValue(range),
        ...(chosen.length === 0 ? {} : { type: chosen.join(",") }),
        ...(pageParam === null ? {} : { cursor: pageParam }),
      };
      return api.call(listEvents, { params: { id: toValue(id) }, query, signal });
    },
    initialPageParam: null as string | null,
    getNextPageParam: ({ next_cursor }) => next_cursor,
    placeholderData: keepPreviousData,
  });
  const items = computed(() => found.data.value?.pages.flatMap((page) => page.items) ?? []);
  const counts = computed(() => found.data.value?.pages[0]?.counts ?? {});
  return { ...found, items, counts };
}

type NewMark = {
  type: "deploy" | "note";
  subject: string;
  at?: string;
  database_id?: string;
  details?: Record<string, string>;
};

/** Puts a mark on the timeline, of one database or of all. */
export function useEventMaking(id: Id) {
  const queries = useQueryClient();
  return useAction(async (mark: NewMark) => {
    const made = await api.call(createEvent, { body: mark });
    await queries.invalidateQueries({ queryKey: keyOf(id, "events") });
    return made;
  });
}
