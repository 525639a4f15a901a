/** Rows of pg_stat_statements, read for all databases at once: the function walks over every entry each time. */
import type { StatementStats } from "@quern/contract/agent/statements";
import { SectionError } from "../engine/section.ts";
import type { StatementRow } from "../engine/statement-choice.ts";
import { count, counters, measure, measures, type Row } from "../engine/values.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { quoted, selectList, type Wanted } from "./select-list.ts";
import type { Session } from "./session.ts";
import { codeOf } from "./unreachable.ts";
import { time } from "./values.ts";

const COUNTERS = [
  "plans",
  "shared_blks_dirtied",
  "shared_blks_written",
  "local_blks_hit",
  "local_blks_read",
  "local_blks_written",
  "temp_blks_read",
  "temp_blks_written",
  "wal_records",
  "wal_fpi",
  "wal_bytes",
  "jit_functions",
] as const;
const MEASURES = [
  "plan_time_ms",
  "min_time_ms",
  "max_time_ms",
  "stddev_time_ms",
  "blk_read_time_ms",
  "blk_write_time_ms",
  "temp_blk_read_time_ms",
  "temp_blk_write_time_ms",
] as const;
const JIT = ["generation", "inlining", "optimization", "emission"] as const;

/** Names of 1.8 to 1.12; those of 1.7 and older stand last. */
const WANTED: Wanted[] = [
  ...["calls", "rows", "shared_blks_hit", "shared_blks_read", "stats_since"],
  ...COUNTERS,
  ["total_time_ms", "total_exec_time", "total_time"],
  ["min_time_ms", "min_exec_time", "min_time"],
  ["max_time_ms", "max_exec_time", "max_time"],
  ["stddev_time_ms", "stddev_exec_time", "stddev_time"],
  ["plan_time_ms", "total_plan_time"],
  ["blk_read_time_ms", "shared_blk_read_time", "blk_read_time"],
  ["blk_write_time_ms", "shared_blk_write_time", "blk_write_time"],
  ["temp_blk_read_time_ms", "temp_blk_read_time"],
  ["temp_blk_write_time_ms", "temp_blk_write_time"],
  ...JIT.map((part): Wanted => [`jit_${part}_time`, `jit_${part}_time`]),
];

/** Summed over entries that differ in `toplevel` alone. */
const ADDED_COUNTERS = ["calls", "rows", "shared_blks_hit", "shared_blks_read", ...COUNTERS];
const ADDED_MEASURES = [
  ...["total_time_ms", "plan_time_ms", "blk_read_time_ms", "blk_write_time_ms"],
  ...["temp_blk_read_time_ms", "temp_blk_write_time_ms"],
  ...JIT.map((part) => `jit_${part}_time`),
];

export type Reading = {
  /** By the oid of the database. */
  databases: Map<string, StatementRow[]>;
  entries: number;
  /** Entries of others that this role may not see. */
  hidden: number;
};

/** Numbers without texts. Throws SectionError for the states that an operator can mend. */
export async function readStatementRows(session: Session, facts: Facts): Promise<Reading> {
  const has = columnsOf(facts, "pg_stat_statements");
  const call = statementsCall(facts, false);
  const rows = await asStates(
    facts,
    session.query(
      `select s.dbid, s.userid, s.queryid, pg_get_userbyid(s.userid) as user_name,
         ${selectList("s", has, WANTED)} from ${call} as s`,
    ),
  );
  const merged = new Map<string, Row>();
  let hidden = 0;
  for (const row of rows) {
    if (row.queryid === null || row.queryid === undefined) {
      hidden += 1;
      continue;
    }
    const key = `${row.dbid}:${row.userid}:${row.queryid}`;
    const other = merged.get(key);
    merged.set(key, other === undefined ? row : summed(other, row));
  }
  const databases = new Map<string, StatementRow[]>();
  for (const [key, row] of merged) {
    const of = databases.get(row.dbid ?? "") ?? [];
    databases.set(row.dbid ?? "", of);
    of.push({
      key,
      hash: hashOf(row.queryid ?? "0"),
      calls: measure(row.calls) ?? 0,
      total_ms: measure(row.total_time_ms) ?? 0,
      row,
    });
  }
  return { databases, entries: rows.length, hidden };
}

/** `"extensions".pg_stat_statements(true)`. Throws SectionError where the extension is not in this database. */
export function statementsCall(facts: Facts, withTexts: boolean): string {
  const extension = facts.extensions.get("pg_stat_statements");
  if (extension === undefined) {
    throw new SectionError(
      "extension_missing",
      "create extension pg_stat_statements; -- in this database, and shared_preload_libraries must name it",
      "42P01",
    );
  }
  return `${quoted(extension.schema)}.pg_stat_statements(${withTexts})`;
}

/** The answer, or the state of the extension that its SQLSTATE means. */
export async function asStates<T>(facts: Facts, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (codeOf(error) === "42501") throw notAllowed(facts);
    if (codeOf(error) !== "55000") throw error;
    throw new SectionError(
      "not_preloaded",
      "alter system set shared_preload_libraries = 'pg_stat_statements'; -- keep what is in it already, then restart the server",
      "55000",
    );
  }
}

function notAllowed({ role, extensions }: Facts): SectionError {
  const schema = quoted(extensions.get("pg_stat_statements")?.schema ?? "public");
  return new SectionError(
    "no_permission",
    `grant usage on schema ${schema} to ${quoted(role)}; grant execute on function ${schema}.pg_stat_statements(boolean) to ${quoted(role)};`,
    "42501",
  );
}

/** A queryid as the original agent writes it: 64 bits in hexadecimal. */
export function hashOf(queryId: string): string {
  return BigInt.asUintN(64, BigInt(queryId)).toString(16);
}

function summed(a: Row, b: Row): Row {
  const row: Row = { ...a };
  for (const name of ADDED_COUNTERS) {
    if (row[name] !== null && row[name] !== undefined) {
      row[name] = String(BigInt(row[name] ?? 0) + BigInt(b[name] ?? 0));
    }
  }
  for (const name of ADDED_MEASURES) {
    if (row[name] !== null) row[name] = String(Number(row[name] ?? 0) + Number(b[name] ?? 0));
  }
  row.min_time_ms = String(Math.min(Number(a.min_time_ms), Number(b.min_time_ms)));
  row.max_time_ms = String(Math.max(Number(a.max_time_ms), Number(b.max_time_ms)));
  row.stddev_time_ms = String(pooledDeviation(a, b));
  // As text: one form, one zone.
  row.stats_since = (a.stats_since ?? "") < (b.stats_since ?? "") ? a.stats_since! : b.stats_since!;
  return row;
}

/** The standard deviation of two populations together, from the mean squares of each. */
function pooledDeviation(a: Row, b: Row): number {
  const parts = [a, b].map((row) => {
    const calls = Number(row.calls);
    const mean = calls === 0 ? 0 : Number(row.total_time_ms) / calls;
    return { calls, mean, squares: calls * (Number(row.stddev_time_ms) ** 2 + mean ** 2) };
  });
  const calls = parts.reduce((sum, part) => sum + part.calls, 0);
  if (calls === 0) return 0;
  const mean = parts.reduce((sum, part) => sum + part.calls * part.mean, 0) / calls;
  const squares = parts.reduce((sum, part) => sum + part.squares, 0) / calls;
  return Math.sqrt(Math.max(squares - mean ** 2, 0));
}

/** The numbers of a statement as the payload has them. */
export function statementNumbers({ hash, calls, total_ms, row }: StatementRow): StatementStats {
  const jit = JIT.map((part) => measure(row[`jit_${part}_time`]));
  return {
    query_hash: hash,
    query: null,
    calls: count(row.calls),
    total_time_ms: total_ms,
    mean_time_ms: calls === 0 ? null : total_ms / calls,
    rows: count(row.rows),
    ...counters(row, ["shared_blks_hit", "shared_blks_read"]),
    user_name: row.user_name ?? null,
    ...counters(row, COUNTERS),
    ...measures(row, MEASURES),
    jit_time_ms: jit.includes(null) ? null : jit.reduce<number>((sum, ms) => sum + (ms ?? 0), 0),
    stats_since: time(row.stats_since),
  };
}
