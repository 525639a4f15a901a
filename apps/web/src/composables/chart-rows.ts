import type { Cell } from "@quern/contract/results";
import { readRunRows } from "@quern/contract/run-results";
import { useQuery } from "@tanstack/vue-query";
import { api } from "../api.ts";

/** More rows than this are not drawn; the chart says so. */
const MOST_ROWS = 50_000;
const PAGE = 5_000;
const AT_ONCE = 3;

type Source = { runId: string; statement: number; total: number };

/** The rows that a chart is drawn from: at most 50,000, fetched once. */
export function useChartRows({ runId, statement, total }: Source) {
  return useQuery({
    queryKey: ["chart-rows", runId, statement],
    queryFn: ({ signal }) => readRows({ runId, statement, total }, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    structuralSharing: false,
  });
}

async function readRows(
  { runId, statement, total }: Source,
  signal: AbortSignal,
): Promise<Cell[][]> {
  const wanted = Math.min(total, MOST_ROWS);
  const offsets = Array.from({ length: Math.ceil(wanted / PAGE) }, (_, page) => page * PAGE);
  const pages = new Map<number, Cell[][]>();
  async function work(): Promise<void> {
    for (let offset = offsets.shift(); offset !== undefined; offset = offsets.shift())
      pages.set(
        offset,
        await readPage(runId, statement, offset, Math.min(PAGE, wanted - offset), signal),
      );
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return [...pages].sort(([a], [b]) => a - b).flatMap(([, rows]) => rows);
}

/** Very large cells make the server's pages shorter than asked for: the rest is asked for next. */
async function readPage(
  runId: string,
  statement: number,
  offset: number,
  limit: number,
  signal: AbortSignal,
): Promise<Cell[][]> {
  const rows: Cell[][] = [];
  while (rows.length < limit) {
    const page = await api.call(readRunRows, {
      params: { id: runId },
      query: { offset: offset + rows.length, limit: limit - rows.length, statement },
      signal,
    });
    if (page.rows.length === 0) break;
    rows.push(...page.rows);
  }
  return rows;
}
