import type { Part, Statement } from "@quern/contract/results";
import { derive } from "@quern/results/derive/derive";
import type { ResultRequest } from "./messages.ts";

/** What is spilled to the run's folder at most: sorting needs a little more than the rows. */
const SPILL_FACTOR = 2;
const MIN_SPILL_BYTES = 1024 ** 3;

/** Sorts, describes or compares stored results. Says what it gave, as the only statement of its run. */
export async function deriveResult(
  { work, directory, limits }: ResultRequest,
  memoryLimitBytes: number,
  onPart: (part: Part) => void,
): Promise<Statement> {
  const began = performance.now();
  const derived = await derive(work, {
    directory,
    memory_limit_bytes: duckDbMemory(memoryLimitBytes),
    max_temp_bytes: Math.max(MIN_SPILL_BYTES, limits.max_bytes * SPILL_FACTOR),
    max_rows: limits.max_rows,
    onPart,
  });
  return {
    ...derived,
    index: 0,
    start: 0,
    end: 0,
    rows_affected: null,
    duration_ms: performance.now() - began,
  };
}

const MAX_DUCKDB_MEMORY = 400 * 1024 * 1024;

/** Nothing else needs memory in such a run; DuckDB takes somewhat more than it is told. */
function duckDbMemory(limit: number): number {
  return Math.min(MAX_DUCKDB_MEMORY, Math.floor(limit * 0.5));
}
