/** Which statements are worth sending: those that did something since the last reading, the busiest first. */
import type { LastReading } from "./statement-memory.ts";
import type { Row } from "./values.ts";

/** One statement as it was counted; `row` has all that the server says of it. */
export type StatementRow = {
  key: string;
  hash: string;
  calls: number;
  total_ms: number;
  row: Row;
};

export type Choice = {
  sent: (StatementRow & { new_entry: boolean | null })[];
  /** Beyond the limit. */
  left_out: StatementRow[];
};

type Moved = StatementRow & { by_calls: number; by_ms: number; new_entry: boolean | null };

/**
 * At most `limit`: four fifths by their time since the last reading, then by calls, then by time again. On a first
 * reading the counters themselves count. What has not moved is not sent unless `wanted`: the receiver has its numbers.
 */
export function chooseStatements(
  rows: StatementRow[],
  last: LastReading | undefined,
  wanted: ReadonlySet<string>,
  limit: number,
): Choice {
  const moved = rows.map((row) => withMovement(row, last));
  const active = moved.filter((row) => row.by_calls > 0 || wanted.has(row.hash));
  const chosen = new Set<Moved>(active.filter((row) => wanted.has(row.hash)).slice(0, limit));
  const byTime = active.toSorted((a, b) => b.by_ms - a.by_ms);
  const take = (from: Moved[], until: number) => {
    for (const row of from) {
      if (chosen.size >= until) return;
      chosen.add(row);
    }
  };
  take(byTime, Math.ceil(limit * 0.8));
  take(
    active.toSorted((a, b) => b.by_calls - a.by_calls),
    limit,
  );
  return { sent: [...chosen], left_out: moved.filter((row) => !chosen.has(row)) };
}

function withMovement(row: StatementRow, last: LastReading | undefined): Moved {
  if (last === undefined) {
    return { ...row, by_calls: row.calls, by_ms: row.total_ms, new_entry: null };
  }
  const before = last.numbers.get(row.key);
  const since = row.row.stats_since ?? null;
  const restarted = before === undefined || row.calls < before.calls;
  return {
    ...row,
    by_calls: restarted ? row.calls : row.calls - before.calls,
    by_ms: restarted ? row.total_ms : row.total_ms - before.total_ms,
    // Texts of one form in one zone compare as times do.
    new_entry: before === undefined || (since !== null && last.at !== null && since > last.at),
  };
}
