/** How it was at the same hour of the week before: medians of up to four weeks. */
import type { HealthMetricName } from "@quern/contract/health/metrics";
import { sql } from "kysely";
import { once } from "./facts.ts";
import { DAY_S, HOUR_S, tooLittle } from "./facts-window.ts";
import type { Judgement, Subject } from "./rule.ts";

export const WEEKS = 4;
/** So many of the weeks have to have come. */
export const LEAST_WEEKS = 2;

/** Hours that overlap the one before `now` a number of weeks earlier; whether their `at` is their begin or their end. */
function sameHours(now: Date) {
  return sql`
    select week, ${now}::timestamptz - make_interval(weeks => week) - interval '1 hour' as after_at,
      ${now}::timestamptz - make_interval(weeks => week) as until_at
    from generate_series(1, ${WEEKS}::integer) as week`;
}

/** That less than two weeks of hours are there yet; undefined when there is enough. */
export function noBaseline(
  subject: Subject,
  table: "health_statement_hours" | "health_metric_hours",
): Promise<Judgement | undefined> {
  const { db, now } = subject;
  const [column, id] =
    table === "health_statement_hours"
      ? (["database_id", subject.database_id] as const)
      : (["subject_id", subject.server_id] as const);
  return once(subject, `baseline ${table}`, async () => {
    const { rows } = await sql<{ first_at: Date | null }>`
      select min(at) as first_at from ${sql.table(table)}
      where ${sql.ref(column)} = ${id} and at > ${now}::timestamptz - interval '29 days'`.execute(
      db,
    );
    const first = rows[0]!.first_at?.getTime() ?? now.getTime();
    const observed = (now.getTime() - first) / 1_000 + HOUR_S;
    return tooLittle(observed, LEAST_WEEKS * 7 * DAY_S, "hourly sums");
  });
}

/** A statement, by fingerprint where it has one, in the same hour of one of the weeks before. */
export type StatementWeek = {
  key: string;
  week: number;
  calls: number;
  total_time_ms: number;
  shared_blocks: number;
  rows: number;
};

export async function statementWeeks({
  db,
  database_id,
  now,
}: Subject): Promise<Map<string, StatementWeek[]>> {
  const { rows } = await sql<StatementWeek>`
    with hours as (${sameHours(now)})
    select coalesce(fingerprint, query_hash) as key, week, sum(each.calls)::float8 as calls,
      sum(each.time_ms)::float8 as total_time_ms, sum(each.rows)::float8 as rows,
      sum(coalesce(each.hit, 0) + coalesce(each.read, 0))::float8 as shared_blocks
    from hours join health_statement_hours as points
        on points.database_id = ${database_id} and points.at > after_at and points.at <= until_at,
      unnest(points.statement_ids, points.calls, points.total_time_ms, points.rows, points.shared_blks_hit,
        points.shared_blks_read) as each (id, calls, time_ms, rows, hit, read)
      join health_statements as statements on statements.id = each.id
    group by 1, 2`.execute(db);
  const weeks = new Map<string, StatementWeek[]>();
  for (const row of rows) weeks.set(row.key, [...(weeks.get(row.key) ?? []), row]);
  return weeks;
}

/** What a counter of the server grew by a second in the same hour of the weeks before. */
export async function rateWeeks(
  { db, server_id, now }: Subject,
  name: HealthMetricName,
): Promise<number[]> {
  const { rows } = await sql<{ rate: number }>`
    with hours as (${sameHours(now)})
    select (sum((points.values ->> ${name})::float8) / nullif(sum(seconds), 0))::float8 as rate
    from hours join health_metric_hours as points
      on points.subject_id = ${server_id} and points.at > after_at and points.at <= until_at
    where points.values ? ${name}
    group by week having sum(seconds) > 0`.execute(db);
  return rows.map(({ rate }) => rate);
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("there is no median of nothing");
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
