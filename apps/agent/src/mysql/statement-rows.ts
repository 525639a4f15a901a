/** Rows of performance_schema's digests: one for each statement of each database, whoever ran it. */
import type { StatementStats } from "@quern/contract/agent/statements";
import { SectionError } from "../engine/section.ts";
import type { StatementRow } from "../engine/statement-choice.ts";
import { count, measure } from "../engine/values.ts";
import type { Facts } from "./facts.ts";
import type { Session } from "./session.ts";
import { instant } from "./times.ts";

export type StatementReading = {
  /** By the name of the database they ran in; `""` for those that ran in none. */
  databases: Map<string, StatementRow[]>;
  /** What came when the table was full: counted together, whatever it was. */
  lost: StatementRow | null;
  entries: number;
};

const PS_PER_MS = 1e9;

export const TURN_ON = "Set performance_schema = ON in the server's option file and restart it.";

/** Numbers without texts. Throws SectionError where the server does not count statements. */
export async function readStatementRows(session: Session, facts: Facts): Promise<StatementReading> {
  if (!facts.performance_schema) throw new SectionError("not_supported", TURN_ON);
  const rows = await session.query(
    `select coalesce(d.schema_name, '') as name, d.digest as digest, d.count_star as calls, d.sum_timer_wait as total,
       d.min_timer_wait as least, d.max_timer_wait as most, d.sum_rows_sent as sent, d.sum_rows_affected as affected,
       unix_timestamp(d.first_seen) as since
       from performance_schema.events_statements_summary_by_digest as d`,
  );
  const databases = new Map<string, StatementRow[]>();
  let lost: StatementRow | null = null;
  for (const row of rows) {
    const name = row.name ?? "";
    const digest = row.digest ?? null;
    const statement: StatementRow = {
      key: `${name}:${digest}`,
      hash: (digest ?? "").slice(0, 64),
      calls: measure(row.calls) ?? 0,
      total_ms: (measure(row.total) ?? 0) / PS_PER_MS,
      row: { ...row, stats_since: instant(row.since) },
    };
    if (digest === null) {
      lost = statement;
      continue;
    }
    const of = databases.get(name) ?? [];
    databases.set(name, of);
    of.push(statement);
  }
  return { databases, lost, entries: rows.length };
}

/** The numbers of a statement as the payload has them. Of blocks, temporary files and WAL there is no like. */
export function statementNumbers({ hash, calls, total_ms, row }: StatementRow): StatementStats {
  const ms = (picoseconds: string | null | undefined) => {
    const value = measure(picoseconds);
    return value === null ? null : value / PS_PER_MS;
  };
  return {
    query_hash: hash,
    query: null,
    calls: count(row.calls),
    total_time_ms: total_ms,
    mean_time_ms: calls === 0 ? null : total_ms / calls,
    rows: rowsOf(row),
    shared_blks_hit: null,
    shared_blks_read: null,
    min_time_ms: ms(row.least),
    max_time_ms: ms(row.most),
    stats_since: row.stats_since ?? null,
  };
}

/** Returned or changed, as PostgreSQL counts them. */
export function rowsOf({ sent, affected }: StatementRow["row"]): ReturnType<typeof count> {
  return count(String(BigInt(sent ?? 0) + BigInt(affected ?? 0)));
}
