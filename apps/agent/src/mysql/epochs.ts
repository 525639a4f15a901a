/**
 * Marks that change when counters are lost: all of them when the server starts, those of statements also when their table
 * is truncated, which the oldest entry tells. `flush status` empties none of those that are sent.
 */
import type { Epochs } from "@quern/contract/agent/server";
import { measure } from "../engine/values.ts";
import { columnsOf, type Facts } from "./facts.ts";
import type { Session } from "./session.ts";
import { instant } from "./times.ts";
import { codeOf } from "./unreachable.ts";

const DIGESTS = "performance_schema.events_statements_summary_by_digest";

/**
 * Needs no right. Now less the time since the start is exact to the second, however often it is asked: the server takes
 * both from the clock at which the statement began.
 */
export async function readEpochs(
  session: Session,
  facts: Facts,
): Promise<{ epochs: Epochs; uptime_s: number | null }> {
  const status =
    facts.type === "mariadb"
      ? "information_schema.global_status"
      : "performance_schema.global_status";
  const [row] = await session.query(
    `select unix_timestamp() - s.variable_value as started, s.variable_value as uptime,
       unix_timestamp(now(6)) as quern_now from ${status} as s where s.variable_name = 'Uptime'`,
  );
  return {
    epochs: {
      archiver_stats_reset: null,
      bgwriter_stats_reset: null,
      database_stats_reset: instant(row?.started),
      statements_stats_reset: await readOldestStatement(session, facts),
      timeline: null,
      postmaster_start: instant(row?.started),
      server_time: instant(row?.quern_now),
    },
    uptime_s: measure(row?.uptime),
  };
}

/** Entries go only all together; null while there is none, or where they are not counted or not for this account. */
async function readOldestStatement(session: Session, facts: Facts): Promise<string | null> {
  if (!facts.performance_schema || columnsOf(facts, DIGESTS).size === 0) return null;
  try {
    const [row] = await session.query(
      `select min(unix_timestamp(d.first_seen)) as first from ${DIGESTS} as d`,
    );
    return instant(row?.first);
  } catch (error) {
    if (codeOf(error) !== "1142") throw error;
    return null;
  }
}
