/** What the overview reads. */
import { readMetrics, readOverview } from "@quern/contract/health/databases";
import type { HealthMetricName } from "@quern/contract/health/metrics";
import type { SeriesAnswer } from "@quern/contract/health/ranges";
import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../../api.ts";
import { databaseKey } from "../databases.ts";
import type { Range } from "../range.ts";

export function useOverview(id: MaybeRefOrGetter<string>, { query, compare }: Range) {
  return useQuery({
    queryKey: computed(() => [...databaseKey(toValue(id)), "overview", query.value, compare.value]),
    queryFn: ({ signal }) =>
      api.call(readOverview, {
        params: { id: toValue(id) },
        query: { ...query.value, ...(compare.value === null ? {} : { compare: compare.value }) },
        signal,
      }),
    placeholderData: keepPreviousData,
  });
}

const METRICS = [
  ...["xact_commit", "xact_rollback", "statement_calls"],
  ...["tup_inserted", "tup_updated", "tup_deleted", "blks_hit", "blks_read", "size_bytes"],
  ...["connections_active", "connections_idle", "connections_idle_in_transaction"],
  ...["connections_total", "connections_limit", "agent_database_time_ms", "agent_rss_bytes"],
] as const as readonly HealthMetricName[];

/** All numbers that the charts are drawn from, in one answer. */
export function useOverviewMetrics(id: MaybeRefOrGetter<string>, { query, compare }: Range) {
  return useQuery({
    queryKey: computed(() => [
      ...databaseKey(toValue(id)),
      "overview-metrics",
      query.value,
      compare.value,
    ]),
    queryFn: ({ signal }) =>
      api.call(readMetrics, {
        params: { id: toValue(id) },
        query: {
          ...query.value,
          names: METRICS.join(","),
          ...(compare.value === null ? {} : { compare: compare.value }),
        },
        signal,
      }),
    placeholderData: keepPreviousData,
  });
}

/** The share of blocks that were found in the cache, as a series of its own; a week before, too, where that is known. */
export function withCacheHits(answer: SeriesAnswer): SeriesAnswer {
  const valuesOf = (name: string) => answer.series.find((each) => each.name === name)?.values;
  const ratios = ["", ":week"].flatMap((when) => {
    const [hits, reads] = [valuesOf(`blks_hit${when}`), valuesOf(`blks_read${when}`)];
    if (hits === undefined || reads === undefined) return [];
    const values = hits.map((hit, index) => {
      const read = reads[index] ?? null;
      return hit === null || read === null || hit + read === 0 ? null : hit / (hit + read);
    });
    return [{ name: `cache_hits${when}`, unit: "ratio", values }];
  });
  return { ...answer, series: [...answer.series, ...ratios] };
}

/** The mean of what is known of a series; null when nothing is. */
export function meanOf(answer: SeriesAnswer, name: string): number | null {
  const values = answer.series.find((each) => each.name === name)?.values ?? [];
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, each) => sum + each, 0) / known.length;
}

/** The last known value of a series; null when there is none. */
export function lastOf(answer: SeriesAnswer, name: string): number | null {
  const values = answer.series.find((each) => each.name === name)?.values ?? [];
  return values.findLast((value) => value !== null) ?? null;
}
