/**
 * Whether counters of a server were lost between two payloads. The marks that tell were measured on PostgreSQL 13, 15 and 18
 * (docs/health.md has the table): a crash renews the reset times of archiver and background writer together, with or without
 * a new postmaster; a clean restart renews neither. The start of the postmaster says nothing.
 */
import type { Epochs } from "@quern/contract/agent/server";
import type { HealthMark } from "@quern/contract/health/ranges";

/**
 * kept: differences are exact. lost: counted from zero. other: they are another server's, which has no beginning in this
 * interval. unknown: this server or agent has no mark that tells.
 */
export type Verdict = { counters: "kept" | "lost" | "other" | "unknown"; marks: HealthMark[] };

/** Of the counters of tables, indexes and databases. */
export function judgeCounters(before: Epochs | null, after: Epochs | null): Verdict {
  if (before === null || after === null) return { counters: "unknown", marks: [] };
  const shared = sharedChange(before, after);
  if (shared === "other") return { counters: "other", marks: [swapMark(before, after)] };
  if (shared === "lost") return { counters: "lost", marks: ["crash"] };
  const marks = promoted(before, after);
  // A crash forgets this time as well: it goes back to null (14 and later), which alone is no reset.
  const own = change(before, after, "database_stats_reset");
  if (own === "kept") return { counters: "kept", marks };
  return { counters: own, marks: [...marks, own === "lost" ? "reset" : "unknown"] };
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
  const shared = sharedChange(before, after);
  if (shared === "other") return { counters: "other", marks: [swapMark(before, after)] };
  const marks = promoted(before, after);
  if (before.statements_stats_reset !== null && after.statements_stats_reset !== null) {
    const own = change(before, after, "statements_stats_reset");
    if (own === "kept") return { counters: "kept", marks };
    const mark = own === "other" ? "unknown" : shared === "lost" ? "crash" : "reset";
    return { counters: own, marks: [...marks, mark] };
  }
  const doubtful = shrunk || shared === "lost";
  return { counters: "unknown", marks: doubtful ? [...marks, "unknown"] : marks };
}

/** Both times of the shared statistics are new; one of the two alone is somebody's pg_stat_reset_shared(). */
export function crashed(before: Epochs, after: Epochs): boolean {
  return sharedChange(before, after) === "lost";
}

/** Another server answers than before: of a proxy or a name that leads to several. */
export function isSwapped(before: Epochs, after: Epochs): boolean {
  return sharedChange(before, after) === "other";
}

type Change = "kept" | "lost" | "other";

/** What became of the shared statistics, which a crash renews together. */
function sharedChange(before: Epochs, after: Epochs): Change {
  const archiver = change(before, after, "archiver_stats_reset");
  const bgwriter = change(before, after, "bgwriter_stats_reset");
  if (archiver === "kept" || bgwriter === "kept") return "kept";
  // Another timeline with other statistics: what was connected to before is not what answers now.
  const swapped = archiver === "other" || bgwriter === "other" || isOther(before, after);
  if (swapped) return "other";
  return isResetByHand(before, after) ? "kept" : "lost";
}

/**
 * pg_stat_reset_shared() without an argument (17 and later) renews both, too, and no counter of a table. A crash takes the
 * time of the database's last reset away, and, when the postmaster lives on, empties pg_stat_statements.
 */
function isResetByHand(before: Epochs, after: Epochs): boolean {
  const same = (name: "postmaster_start" | "database_stats_reset" | "statements_stats_reset") =>
    before[name] !== null && before[name] === after[name];
  const forgotten = before.database_stats_reset !== null && after.database_stats_reset === null;
  if (forgotten || !same("postmaster_start")) return false;
  return same("database_stats_reset") || same("statements_stats_reset");
}

/**
 * A server that is promoted keeps its statistics: another timeline alone is an event, no loss. What a proxy or a name of
 * several servers leads to next has other times of reset, that were before.
 */
function promoted(before: Epochs, after: Epochs): HealthMark[] {
  return isOther(before, after) ? ["failover"] : [];
}

function isOther(before: Epochs, after: Epochs): boolean {
  return before.timeline !== null && after.timeline !== null && before.timeline !== after.timeline;
}

function swapMark(before: Epochs, after: Epochs): HealthMark {
  return isOther(before, after) ? "failover" : "unknown";
}

/** Clocks are set by a little all the time. */
const SLACK_MS = 60_000;

/**
 * lost: there is a new time of reset, that is not before the last reading. An earlier one was no reset between the two:
 * it is another server's.
 */
function change(
  before: Epochs,
  after: Epochs,
  name:
    | "archiver_stats_reset"
    | "bgwriter_stats_reset"
    | "database_stats_reset"
    | "statements_stats_reset",
): Change {
  return resetSince(before[name], after[name], before.server_time);
}

/** The same of any two times of reset; `read_at` is the server's clock at the first. */
export function resetSince(
  before: string | null,
  after: string | null,
  read_at: string | null,
): Change {
  if (after === null || after === before) return "kept";
  const [reset, read] = [Date.parse(after), Date.parse(read_at ?? "")];
  return reset < read - SLACK_MS ? "other" : "lost";
}

/** MySQL counts everything from its start on, and PostgreSQL over it. */
export function countsFromStart({ database_stats_reset, postmaster_start }: Epochs): boolean {
  return database_stats_reset !== null && database_stats_reset === postmaster_start;
}
