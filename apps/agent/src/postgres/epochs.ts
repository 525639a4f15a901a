/** Marks that change when counters are lost: the start of the postmaster does not tell, in either direction. */
import type { Epochs } from "@quern/contract/agent/server";
import { measure } from "../engine/values.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { quoted } from "./select-list.ts";
import type { Session } from "./session.ts";
import { codeOf } from "./unreachable.ts";
import { time } from "./values.ts";

/** Needs no right. `uptime_s` is since the postmaster started. */
export async function readEpochs(
  session: Session,
  facts: Facts,
): Promise<{ epochs: Epochs; uptime_s: number | null }> {
  const timeline = facts.in_recovery
    ? "(select c.timeline_id from pg_control_checkpoint() as c)"
    : "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int";
  const [row] = await session.query(
    `select ${mark(facts, "pg_stat_archiver")} as archiver, ${mark(facts, "pg_stat_bgwriter")} as bgwriter,
       (select d.stats_reset from pg_stat_database as d where d.datname = current_database()) as database,
       ${timeline} as timeline, pg_postmaster_start_time() as started,
       clock_timestamp() as now, extract(epoch from clock_timestamp() - pg_postmaster_start_time()) as uptime`,
  );
  return {
    epochs: {
      archiver_stats_reset: time(row?.archiver),
      bgwriter_stats_reset: time(row?.bgwriter),
      database_stats_reset: time(row?.database),
      statements_stats_reset: await readStatementsReset(session, facts),
      timeline: measure(row?.timeline),
      postmaster_start: time(row?.started),
      server_time: time(row?.now),
    },
    uptime_s: measure(row?.uptime),
  };
}

function mark(facts: Facts, view: string): string {
  return columnsOf(facts, view).has("stats_reset")
    ? `(select v.stats_reset from ${view} as v)`
    : "null";
}

/** Of pg_stat_statements, 14 and later; null where it is not loaded or not for this role. */
async function readStatementsReset(session: Session, facts: Facts): Promise<string | null> {
  const extension = facts.extensions.get("pg_stat_statements");
  if (extension === undefined || columnsOf(facts, "pg_stat_statements_info").size === 0)
    return null;
  try {
    const [row] = await session.query(
      `select i.stats_reset from ${quoted(extension.schema)}.pg_stat_statements_info as i`,
    );
    return time(row?.stats_reset);
  } catch (error) {
    if (!["55000", "42501"].includes(codeOf(error))) throw error;
    return null;
  }
}
