/** Takes the statistics of statements: who they are, and what they did since the last time. */
import type { AgentPayload } from "@quern/contract/agent/payload";
import type { StatementStats } from "@quern/contract/agent/statements";
import type { HealthMark } from "@quern/contract/health/ranges";
import { sql } from "kysely";
import { judgeStatements } from "./epochs.ts";
import { withoutForeignSecrets } from "./foreign-texts.ts";
import { distinct, keep, type Reading, sinceLast } from "./reading.ts";
import {
  evictionMark,
  hasShrunk,
  keyOf,
  nextMemory,
  otherDifference,
  STATEMENT_COUNTERS,
  STATEMENT_MEASURES,
  type StatementDifference,
  type StatementMemory,
  statementDifferences,
  totalOf,
} from "./statement-differences.ts";

const SECTION = "statements";

/** What the section gave: marks of its interval, hashes whose text is wanted, and sums for the metrics. */
export type StatementsTaken = {
  marks: HealthMark[];
  want_texts: string[];
  sums: { seconds: number; at: Date; calls: number; time_ms: number; rows: number } | null;
};

export async function takeStatements(
  reading: Reading,
  payload: Pick<AgentPayload, "query_stats" | "statements">,
): Promise<StatementsTaken> {
  const rows = summedByKey((payload.query_stats ?? []).map(withoutForeignSecrets));
  const state = payload.statements;
  const since = await sinceLast<StatementMemory>(reading, SECTION);
  if (since === undefined) {
    await keep(
      reading,
      SECTION,
      nextMemory(undefined, rows, state, undefined, reading.taken_at),
      since,
    );
    const ids = await identify(reading, rows, new Set());
    return { marks: ["first"], want_texts: ids.want_texts, sums: null };
  }
  const { before, interval, at } = since;
  const shrunk = hasShrunk(before.counters, state);
  const verdict = judgeStatements(before.epochs, reading.epochs, shrunk);
  const began = before.server_time ?? before.taken_at;
  const differences = statementDifferences(before.counters, began, rows, verdict);
  const marks = distinct([
    ...since.marks,
    ...verdict.marks,
    ...evictionMark(before.counters, state),
  ]);
  const other = otherDifference(before.counters.total, totalOf(rows, state), differences, verdict);
  const { ids, want_texts } = await identify(
    reading,
    rows,
    new Set(differences.map(({ key }) => key)),
  );
  await insertPoint(reading, at, interval.seconds, marks, differences, ids, other);
  await keep(
    reading,
    SECTION,
    nextMemory(before.counters, rows, state, verdict, reading.taken_at),
    since,
  );
  const sum = (name: "calls" | "total_time_ms" | "rows") =>
    differences.reduce((total, each) => total + (each[name] ?? 0), 0);
  return {
    marks,
    want_texts,
    sums: {
      ...{ seconds: interval.seconds, at, rows: sum("rows") },
      ...{ calls: sum("calls") + other.calls, time_ms: sum("total_time_ms") + other.total_time_ms },
    },
  };
}

/** An agent that does not sum `toplevel` sends the same key twice. */
function summedByKey(rows: readonly StatementStats[]): StatementStats[] {
  const byKey = new Map<string, StatementStats>();
  for (const row of rows) {
    const key = keyOf(row);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, { ...row });
    else {
      for (const name of STATEMENT_COUNTERS)
        if (row[name] != null) known[name] = String(BigInt(known[name] ?? 0) + BigInt(row[name]));
      for (const name of STATEMENT_MEASURES)
        if (row[name] != null) known[name] = (known[name] ?? 0) + row[name];
    }
  }
  return [...byKey.values()];
}

/**
 * The short numbers of those in `wanted` by key; statements that are new, that bring a text or that were not seen for an
 * hour are noted.
 */
async function identify(
  { db, database_id, taken_at }: Reading,
  rows: readonly StatementStats[],
  wanted: ReadonlySet<string>,
): Promise<{ ids: Map<string, number>; want_texts: string[] }> {
  const present = rows.filter((row) => row.query !== null || wanted.has(keyOf(row)));
  const asked = JSON.stringify(
    present.map((row) => ({
      ...{ query_hash: row.query_hash, user_name: row.user_name ?? "", query: row.query },
      ...{ fingerprint: row.fingerprint ?? null, kind: row.kind ?? null },
      ...{
        text_state: row.text_state ?? null,
        tables: row.tables ?? [],
        run_id: row.run_id ?? null,
      },
      secret_visible: row.secret_visible ?? false,
    })),
  );
  const { rows: found } = await sql<{
    id: number;
    query_hash: string;
    user_name: string;
    has_text: boolean;
  }>`
    with asked as (
      select * from jsonb_to_recordset(${asked}::jsonb) as asked (query_hash text, user_name text, query text,
        fingerprint text, kind text, text_state text, tables text[], run_id uuid, secret_visible boolean)
    ), known as (
      select statements.id, statements.query_hash, statements.user_name, statements.query is not null as has_text,
        statements.last_seen_at < ${taken_at}::timestamptz - interval '1 hour'
          or (asked.query is not null and statements.query is distinct from asked.query)
          or asked.run_id is not null and statements.run_id is distinct from asked.run_id as stale
      from asked join health_statements as statements
        on statements.database_id = ${database_id} and statements.query_hash = asked.query_hash
        and statements.user_name = asked.user_name
    ), noted as (
      insert into health_statements (database_id, query_hash, user_name, fingerprint, kind, query, text_state, tables,
        run_id, secret_visible, first_seen_at, last_seen_at)
      select ${database_id}, query_hash, user_name, fingerprint, kind, query, text_state, tables, run_id, secret_visible,
        ${taken_at}, ${taken_at}
      from asked
      where not exists (select from known where known.query_hash = asked.query_hash
        and known.user_name = asked.user_name and not known.stale)
      on conflict (database_id, query_hash, user_name) do update
      set last_seen_at = greatest(health_statements.last_seen_at, excluded.last_seen_at),
        query = coalesce(excluded.query, health_statements.query),
        fingerprint = coalesce(excluded.fingerprint, health_statements.fingerprint),
        kind = coalesce(excluded.kind, health_statements.kind),
        text_state = coalesce(excluded.text_state, health_statements.text_state),
        tables = case when excluded.query is null then health_statements.tables else excluded.tables end,
        run_id = coalesce(excluded.run_id, health_statements.run_id),
        secret_visible = excluded.secret_visible or health_statements.secret_visible
      returning id, query_hash, user_name, query is not null as has_text
    )
    select id, query_hash, user_name, has_text from noted
    union all
    select id, query_hash, user_name, has_text from known where not stale`.execute(db);
  const ids = new Map(found.map((row) => [keyOf(row), row.id]));
  const want_texts = [
    ...new Set(found.filter((row) => !row.has_text).map((row) => row.query_hash)),
  ];
  return { ids, want_texts };
}

async function insertPoint(
  { db, database_id }: Reading,
  at: Date,
  seconds: number,
  marks: readonly HealthMark[],
  differences: readonly StatementDifference[],
  ids: ReadonlyMap<string, number>,
  other: { calls: number; total_time_ms: number },
): Promise<void> {
  const all = differences.filter(({ key }) => ids.has(key));
  const column = (name: Exclude<keyof StatementDifference, "key">) => all.map((each) => each[name]);
  await sql`
    insert into health_statement_points (database_id, at, seconds, marks, statement_ids, calls, total_time_ms, rows,
      shared_blks_hit, shared_blks_read, shared_blks_dirtied, shared_blks_written, temp_blks_read, temp_blks_written,
      blk_read_time_ms, blk_write_time_ms, plan_time_ms, wal_bytes, other_calls, other_time_ms)
    values (${database_id}, ${at}, ${seconds}, ${marks}, ${all.map(({ key }) => ids.get(key))}::bigint[],
      ${column("calls")}::bigint[], ${column("total_time_ms")}::float8[], ${column("rows")}::bigint[],
      ${column("shared_blks_hit")}::bigint[], ${column("shared_blks_read")}::bigint[],
      ${column("shared_blks_dirtied")}::bigint[], ${column("shared_blks_written")}::bigint[],
      ${column("temp_blks_read")}::bigint[], ${column("temp_blks_written")}::bigint[],
      ${column("blk_read_time_ms")}::float8[], ${column("blk_write_time_ms")}::float8[],
      ${column("plan_time_ms")}::float8[], ${column("wal_bytes")}::bigint[], ${other.calls}, ${other.total_time_ms})
    on conflict do nothing`.execute(db);
}
