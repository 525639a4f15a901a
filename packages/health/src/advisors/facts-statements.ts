/** What statements did over a window: sums of their points. */
import { sql } from "kysely";
import { once } from "./facts.ts";
import type { Window } from "./facts-window.ts";
import type { Subject } from "./rule.ts";

export type StatementSum = {
  id: number;
  query_hash: string;
  user_name: string;
  fingerprint: string | null;
  kind: string | null;
  query: string | null;
  /** Whether the text is whole: neither cut, nor hidden, nor a skeleton. */
  runnable: boolean;
  calls: number;
  total_time_ms: number;
  rows: number;
  /** Of 8 kB unless the server was built otherwise. */
  shared_blocks: number;
  /** null: the agent does not send it. */
  temp_blocks_written: number | null;
  /** As they are written in it, with or without their schema. */
  tables: string[];
};

export type StatementSums = {
  /** How much of the window was observed. */
  seconds: number;
  /** Entries were thrown out: sums are lower bounds. */
  lossy: boolean;
  /** Of all statements, those beyond the agent's limit included. */
  calls: number;
  total_time_ms: number;
  statements: StatementSum[];
};

/** Sums over the raw points of `window`, which is within the last seven days. */
export function statementSums(subject: Subject, { from, to }: Window): Promise<StatementSums> {
  const { db, database_id } = subject;
  return once(subject, `statements ${from.getTime()} ${to.getTime()}`, async () => {
    const { rows: totals } = await sql<{
      seconds: number;
      lossy: boolean;
      other_calls: number;
      other_time_ms: number;
    }>`
      select coalesce(sum(seconds), 0)::float8 as seconds,
        coalesce(bool_or(marks && '{evicted,unknown}'), false) as lossy,
        coalesce(sum(other_calls), 0)::float8 as other_calls,
        coalesce(sum(other_time_ms), 0)::float8 as other_time_ms
      from health_statement_points
      where database_id = ${database_id} and at > ${from} and at <= ${to}`.execute(db);
    const { rows: statements } = await sql<StatementSum>`
      with sums as (
        select each.id, sum(each.calls)::float8 as calls, sum(each.time_ms)::float8 as total_time_ms,
          sum(each.rows)::float8 as rows, sum(coalesce(each.hit, 0) + coalesce(each.read, 0))::float8 as shared_blocks,
          sum(each.temp_written)::float8 as temp_blocks_written
        from health_statement_points as points,
          unnest(points.statement_ids, points.calls, points.total_time_ms, points.rows, points.shared_blks_hit,
            points.shared_blks_read, points.temp_blks_written)
            as each (id, calls, time_ms, rows, hit, read, temp_written)
        where database_id = ${database_id} and at > ${from} and at <= ${to}
        group by each.id
      )
      select statements.id, query_hash, user_name, fingerprint, kind, query,
        query is not null and coalesce(text_state, 'normalised') = 'normalised' as runnable, calls, total_time_ms, rows, shared_blocks,
        temp_blocks_written, tables
      from sums join health_statements as statements on statements.id = sums.id
      where calls > 0
      order by total_time_ms desc, statements.id`.execute(db);
    const { seconds, lossy, other_calls, other_time_ms } = totals[0]!;
    const sum = (name: "calls" | "total_time_ms") =>
      statements.reduce((total, statement) => total + statement[name], 0);
    return {
      ...{ seconds, lossy, statements },
      calls: sum("calls") + other_calls,
      total_time_ms: sum("total_time_ms") + other_time_ms,
    };
  });
}

/** The key by which a statement of one role is the same again in the findings of a rule. */
export function statementObject({ query_hash, user_name }: StatementSum): string {
  return user_name === "" ? query_hash : `${query_hash} ${user_name}`;
}

/** Enough of a text to know the statement by. */
export function shortText(query: string | null): string | null {
  return query === null || query.length <= 1_000 ? query : `${query.slice(0, 1_000)} …`;
}
