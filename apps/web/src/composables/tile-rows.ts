import type { TileRun } from "@quern/contract/dashboards";
import type { Cell, ResultPage } from "@quern/contract/results";
import { readRunRows } from "@quern/contract/run-results";
import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import type { DashboardSource } from "./dashboard-source.ts";

type Good = NonNullable<TileRun["last_good"]>;
export type TileRows = Pick<ResultPage, "columns" | "total" | "truncated"> & { rows: Cell[][] };

/** A tile draws at most so many rows; it says so when there are more. */
export const MOST_ROWS = 10_000;
const PAGE = 5_000;
/** A wall screen runs for weeks: what is not shown any more goes soon. */
const KEPT_MS = 60_000;

async function readRows(
  source: DashboardSource,
  good: Good,
  signal: AbortSignal,
): Promise<TileRows> {
  const { run_id: id, statement } = good;
  const read = (offset: number) =>
    source.client.call(readRunRows, {
      params: { id },
      query: { offset, limit: PAGE, statement },
      signal,
    });
  const { columns, total, truncated, rows } = await read(0);
  while (rows.length < Math.min(total, MOST_ROWS)) {
    const page = await read(rows.length);
    if (page.rows.length === 0) break;
    rows.push(...page.rows);
  }
  return { columns, total, truncated, rows };
}

/** The rows of a tile's result. A result never changes, so they are read once; the ones before stay until they come. */
export function useTileRows(
  source: DashboardSource,
  good: MaybeRefOrGetter<Good | null>,
  near: MaybeRefOrGetter<boolean>,
) {
  return useQuery({
    queryKey: computed(
      () => ["tile-rows", toValue(good)?.run_id, toValue(good)?.statement] as const,
    ),
    queryFn: ({ signal }) => readRows(source, toValue(good)!, signal),
    enabled: computed(() => toValue(good) !== null && toValue(near)),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: KEPT_MS,
    structuralSharing: false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}
