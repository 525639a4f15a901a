/** Numbers over time: single metrics, load by what was waited for, and columns of one statement or relation. */
import {
  HEALTH_METRICS,
  type HealthMetricName,
  metricSubject,
} from "@quern/contract/health/metrics";
import type { HealthMark, Series, SeriesAnswer } from "@quern/contract/health/ranges";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import type { FamilyName } from "./point-families.ts";
import {
  bucketOf,
  earlier,
  finer,
  pointsIn,
  type Range,
  rangeAnswer,
  WEEK_MS,
} from "./read-range.ts";

export type Subject = {
  database_id: string;
  server_id: string;
  type: "postgres" | "mysql" | "mariadb";
  interval_s: number | null;
};

const PER_SECOND = {
  count: "per_second",
  bytes: "bytes_per_second",
  ms: "ms_per_second",
  seconds: "seconds_per_second",
  ratio: "per_second",
  xids: "per_second",
} as const;

/** Names of `names` that are no metric. */
export function unknownMetrics(names: readonly string[]): string[] {
  return names.filter((name) => !Object.hasOwn(HEALTH_METRICS, name));
}

/**
 * Metrics by name; counters per second. `compare` adds those of a week before as `name:week`, at the times of now; without it
 * a day is finer than its hours.
 */
export async function readMetricSeries(
  db: Database,
  subject: Subject,
  asked: Range,
  names: readonly HealthMetricName[],
  compare: boolean = false,
): Promise<SeriesAnswer> {
  const { database_id, server_id } = subject;
  const range = compare ? asked : await finer(db, "metric", asked, [database_id, server_id]);
  const subjects = new Set(names.map((name) => metricSubject(name, subject.type)));
  // Two payloads of one minute are not of the same instant.
  const step_s = compare || subjects.size > 1 ? stepOf(subject.interval_s) : null;
  const now = await metricBuckets(db, subject, range, names, step_s, 0);
  const before = compare
    ? await metricBuckets(db, subject, await earlier(db, range, WEEK_MS), names, step_s, WEEK_MS)
    : [];
  const times = timesOf([...now, ...before]);
  const series = (rows: readonly MetricBucket[], suffix: string) =>
    names.map((name): Series => {
      const { kind, unit } = HEALTH_METRICS[name];
      const byTime = new Map(
        rows.filter((row) => row.name === name).map((row) => [row.at.getTime(), row.value]),
      );
      return {
        name: `${name}${suffix}`,
        unit: kind === "counter" ? PER_SECOND[unit] : unit,
        values: times.map(({ at }) => byTime.get(at.getTime()) ?? null),
      };
    });
  return {
    ...{ range: rangeAnswer(range), at: times.map(({ at }) => at.toISOString()) },
    seconds: times.map(({ seconds }) => seconds),
    marks: await readMarks(db, "metric", range, [database_id, server_id]),
    series: [...series(now, ""), ...(compare ? series(before, ":week") : [])],
  };
}

/** Seconds that put readings of about every `interval_s` side by side, each in a step of its own. */
export function stepOf(interval_s: number | null): number {
  const steps = [10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600];
  return steps.find((step) => step >= (interval_s ?? 60) * 0.9) ?? 3600;
}

type MetricBucket = { at: Date; name: HealthMetricName; value: number | null; seconds: number };

async function metricBuckets(
  db: Database,
  { database_id, server_id, type }: Subject,
  range: Range,
  names: readonly HealthMetricName[],
  step_s: number | null,
  later_ms: number,
): Promise<MetricBucket[]> {
  const asked = JSON.stringify(
    names.map((name) => {
      const { kind, rollup } = HEALTH_METRICS[name];
      const subject_id = metricSubject(name, type) === "server" ? server_id : database_id;
      return { name, subject_id, how: kind === "counter" ? "rate" : rollup };
    }),
  );
  const { rows } = await sql<MetricBucket>`
    with asked as (select * from jsonb_to_recordset(${asked}::jsonb) as asked (name text, subject_id uuid, how text)),
    points as (
      select subject_id, at, seconds, values, ${bucketOf(range, step_s)} as bucket
      from ${pointsIn("metric", range, [database_id, server_id])} as points
    )
    select bucket + ${later_ms} * interval '1 millisecond' as at, name, sum(seconds) as seconds,
      case how
        when 'rate' then sum((values ->> name)::float8) / nullif(sum(seconds), 0)
        when 'avg' then avg((values ->> name)::float8)
        when 'max' then max((values ->> name)::float8)
        else (array_agg((values ->> name)::float8 order by points.at desc))[1]
      end as value
    from points join asked using (subject_id)
    where values ? name
    group by bucket, name, how order by bucket`.execute(db);
  return rows;
}

/** Each time once, with the longest time that something was known for. */
export function timesOf(
  rows: readonly { at: Date; seconds: number }[],
): { at: Date; seconds: number }[] {
  const byTime = new Map<number, number>();
  for (const { at, seconds } of rows)
    byTime.set(at.getTime(), Math.max(seconds, byTime.get(at.getTime()) ?? 0));
  return [...byTime]
    .sort(([left], [right]) => left - right)
    .map(([at, seconds]) => ({ at: new Date(at), seconds }));
}

/** What makes differences of the range doubtful, and when. */
export async function readMarks(
  db: Database,
  family: Exclude<FamilyName, "load">,
  range: Range,
  subjects: string | readonly string[],
): Promise<{ at: string; mark: HealthMark }[]> {
  const { rows } = await sql<{ at: Date; mark: HealthMark }>`
    select distinct at, mark from ${pointsIn(family, range, subjects)} as points, unnest(marks) as mark
    where mark <> 'first' order by at, mark`.execute(db);
  return rows.map(({ at, mark }) => ({ at: at.toISOString(), mark }));
}

/**
 * Average active sessions by type of wait, the largest first. Only of `database_name` when it is given. `step_s` puts raw
 * points that are to be compared side by side.
 */
export async function readLoadByWait(
  db: Database,
  server_id: string,
  range: Range,
  database_name: string | null,
  step_s: number | null = null,
): Promise<SeriesAnswer> {
  const { rows } = await sql<{ at: Date; seconds: number; loads: Record<string, number> }>`
    with points as (
      select *, ${bucketOf(range, step_s)} as bucket from ${pointsIn("load", range, server_id)} as points
    ), whole as (
      select bucket, sum(seconds) as seconds, sum(samples) as samples from points group by bucket
    ), each as (
      select bucket, wait_type, sum(n) as n
      from points, unnest(databases, wait_types, sessions) as item (name, wait_type, n)
      where ${database_name}::text is null or name = ${database_name} group by bucket, wait_type
    )
    select bucket as at, seconds,
      coalesce(jsonb_object_agg(wait_type, n::float8 / nullif(samples, 0)) filter (where wait_type is not null), '{}') as loads
    from whole left join each using (bucket) group by bucket, seconds, samples order by bucket`.execute(
    db,
  );
  const sums = new Map<string, number>();
  for (const { loads } of rows)
    for (const [name, load] of Object.entries(loads)) sums.set(name, (sums.get(name) ?? 0) + load);
  return {
    ...{ range: rangeAnswer(range), at: rows.map(({ at }) => at.toISOString()) },
    ...{ seconds: rows.map(({ seconds }) => seconds), marks: [] },
    series: [...sums]
      .sort(([, left], [, right]) => right - left)
      .map(([name]) => ({
        ...{ name, unit: "count" },
        values: rows.map(({ loads }) => loads[name] ?? 0),
      })),
  };
}
