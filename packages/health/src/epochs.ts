/**
 * Whether counters of a server were lost between two payloads. The marks that tell were measured on PostgreSQL 13, 15 and 18
 * (docs/health.md has the table): a crash renews the reset times of archiver and background writer together, with or without
 * a new postmaster; a clean restart renews neither. The start of the postmaster says nothing.
 */
import type { Epochs } from "@quern/contract/agent/server";
import type { HealthMark } from "@quern/contract/health/ranges";

/** kept: differences are exact. lost: counted from zero. unknown: this server or agent has no mark that tells. */
export type Verdict = { counters: "kept" | "lost" | "unknown"; marks: HealthMark[] };

/** Of the counters of tables, indexes and databases. */
export function judgeCounters(before: Epochs | null, after: Epochs | null): Verdict {
  if (before === null || after === null) return { counters: "unknown", marks: [] };
  const marks: HealthMark[] = [];
  if (changed(before.timeline, after.timeline)) marks.push("failover");
  if (crashed(before, after)) marks.push("crash");
  // A crash forgets this time as well: it goes back to null (14 and later), which alone is no reset.
  else if (isLater(before.database_stats_reset, after.database_stats_reset)) marks.push("reset");
  return { counters: marks.length === 0 ? "kept" : "lost", marks };
}

/**
 * Of pg_stat_statements. Before version 14 nothing tells of a reset: `shrunk` says whether far fewer statements are
 * there than before, and what is found then is a lower bound.
 */
export function judgeStatements(
  before: Epochs | null,
  after: Epochs | null,
  shrunk: boolean,
): Verdict {
  if (before === null || after === null)
    return { counters: "unknown", marks: shrunk ? ["unknown"] : [] };
  const marks: HealthMark[] = [];
  if (changed(before.timeline, after.timeline)) marks.push("failover");
  const told = before.statements_stats_reset !== null && after.statements_stats_reset !== null;
  if (told && before.statements_stats_reset !== after.statements_stats_reset) {
    marks.push(crashed(before, after) ? "crash" : "reset");
  }
  if (marks.length > 0) return { counters: "lost", marks };
  if (told) return { counters: "kept", marks };
  const doubtful = shrunk || crashed(before, after);
  return { counters: "unknown", marks: doubtful ? ["unknown"] : [] };
}

/** One of the two alone is somebody's pg_stat_reset_shared(). */
export function crashed(before: Epochs, after: Epochs): boolean {
  return (
    isLater(before.archiver_stats_reset, after.archiver_stats_reset) &&
    isLater(before.bgwriter_stats_reset, after.bgwriter_stats_reset)
  );
}

/** MySQL counts everything from its start on, and PostgreSQL over it. */
export function countsFromStart({ database_stats_reset, postmaster_start }: Epochs): boolean {
  return database_stats_reset !== null && database_stats_reset === postmaster_start;
}

function changed<T>(before: T | null, after: T | null): boolean {
  return before !== null && after !== null && before !== after;
}

/** There is a new time: not the one of before, and not none. */
function isLater(before: string | null, after: string | null): boolean {
  return after !== null && after !== before;
}
