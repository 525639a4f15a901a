/**
 * Sums points into hours and hours into days. A row's `at` is the end of its time, as of all points: what is at 10:00
 * belongs to the hour from 9 to 10. Doing it again gives the same rows.
 */
import { HEALTH_METRICS } from "@quern/contract/health/metrics";
import type { Database } from "@quern/store/db";
import { type RawBuilder, sql } from "kysely";
import {
  ARRAY_FAMILIES,
  type ArrayFamily,
  type FamilyName,
  STEP_S,
  SUBJECT_OF,
  TABLE_SUFFIX,
} from "./point-families.ts";

export type Summed = "hour" | "day";
/** Points of one subject after `from` until `to`, which are whole hours or days. */
export type Span = { subject_id: string; from: Date; to: Date };

export const FAMILIES: readonly FamilyName[] = ["statement", "table", "index", "metric", "load"];

/** Sums what one subject has in `span`, in one statement. */
export async function sumFamily(
  db: Database,
  family: FamilyName,
  into: Summed,
  span: Span,
): Promise<void> {
  const source = sourceOf(family, into, span);
  const target = sql.table(`health_${family}_${TABLE_SUFFIX[into]}`);
  const array = ARRAY_FAMILIES.find(({ name }) => name === family);
  if (array !== undefined) await sumArrays(db, array, source, target);
  else if (family === "metric") await sumMetrics(db, source, target);
  else await sumLoad(db, source, target);
}

/** The points of the span with `bucket`, the end of the hour or day that they belong to. */
function sourceOf(family: FamilyName, into: Summed, { subject_id, from, to }: Span) {
  const finer = into === "hour" ? "raw" : "hour";
  const subject = SUBJECT_OF[family];
  return sql`
    select points.*, date_bin(${STEP_S[into]} * interval '1 second', at - interval '1 microsecond', ${EPOCH}::timestamptz)
      + ${STEP_S[into]} * interval '1 second' as bucket
    from ${sql.table(`health_${family}_${TABLE_SUFFIX[finer]}`)} as points
    where ${sql.ref(subject)} = ${subject_id} and at > ${from} and at <= ${to}`;
}
const EPOCH = "2000-01-01T00:00:00Z";

const MARKS = sql`array(select distinct mark from source as marked, unnest(marked.marks) as mark
  where marked.bucket = source.bucket order by mark)`;

async function sumArrays(
  db: Database,
  family: ArrayFamily,
  source: RawBuilder<unknown>,
  target: RawBuilder<unknown>,
): Promise<void> {
  const columns = { ...family.sums, ...family.lasts };
  const names = Object.keys(columns);
  const refs = sql.join(names.map((name) => sql.ref(name)));
  const one = (name: string) => {
    const type = columns[name]!;
    return name in family.sums
      ? sql`${summed(sql`item.${sql.ref(name)}`, type)} as ${sql.ref(name)}`
      : sql`(array_agg(item.${sql.ref(name)} order by at desc) filter (where item.${sql.ref(name)} is not null))[1] as ${sql.ref(name)}`;
  };
  const gathered = (name: string) =>
    sql`coalesce(array_agg(${sql.ref(name)} order by thing) filter (where thing is not null), '{}') as ${sql.ref(name)}`;
  const wholeNames = Object.keys(family.wholes);
  const wholes = wholeNames.map((name) => sql`, ${sql.ref(name)}`);
  const wholeSums = Object.entries(family.wholes).map(
    ([name, type]) => sql`, ${summed(sql.ref(name), type)} as ${sql.ref(name)}`,
  );
  await sql`
    with source as (${source}), whole as (
      select database_id, bucket, sum(seconds) as seconds, ${MARKS} as marks ${sql.join(wholeSums, sql``)}
      from source group by database_id, bucket
    ), each as (
      select bucket, item.thing, ${sql.join(names.map(one))}
      from source, unnest(${sql.ref(family.ids)}, ${refs}) as item (thing, ${refs})
      group by bucket, item.thing
    )
    insert into ${target} (database_id, at, seconds, marks, ${sql.ref(family.ids)}, ${refs} ${sql.join(wholes, sql``)})
    select database_id, bucket, seconds, marks,
      coalesce(array_agg(thing order by thing) filter (where thing is not null), '{}'),
      ${sql.join(names.map(gathered))} ${sql.join(wholes, sql``)}
    from whole left join each using (bucket)
    group by database_id, bucket, seconds, marks ${sql.join(wholes, sql``)}
    on conflict (database_id, at) do update set seconds = excluded.seconds, marks = excluded.marks,
      ${sql.join([family.ids, ...names, ...wholeNames].map(again))}`.execute(db);
}

/**
 * One database whose agent tells nonsense must not keep the hours of all others from being summed. Of milliseconds no
 * point has so many that a double could not hold the sum.
 */
const summed = (value: RawBuilder<unknown>, type: "bigint" | "double precision") =>
  type === "double precision"
    ? sql`sum(${value})`
    : sql`(case when sum(${value}) > ${BIGINT_MAX} then ${BIGINT_MAX} else sum(${value}) end)::bigint`;
const BIGINT_MAX = sql`9223372036854775807`;

const again = (name: string) => sql`${sql.ref(name)} = excluded.${sql.ref(name)}`;

/** `seconds` is the time that the best-covered number was seen: not all points carry all numbers. */
async function sumMetrics(
  db: Database,
  source: RawBuilder<unknown>,
  target: RawBuilder<unknown>,
): Promise<void> {
  const kinds = JSON.stringify(
    Object.fromEntries(Object.entries(HEALTH_METRICS).map(([name, { rollup }]) => [name, rollup])),
  );
  await sql`
    with source as (${source}), each as (
      select subject_id, bucket, key, sum(seconds) as seconds,
        case coalesce(${kinds}::jsonb ->> key, 'last')
          when 'sum' then sum(value::double precision)
          when 'avg' then avg(value::double precision)
          when 'max' then max(value::double precision)
          else (array_agg(value::double precision order by at desc))[1]
        end as value
      from source, jsonb_each_text(values) as pair (key, value) where value is not null
      group by subject_id, bucket, key
    )
    insert into ${target} (subject_id, at, seconds, marks, values)
    select subject_id, bucket, max(seconds),
      array(select distinct mark from source as marked, unnest(marked.marks) as mark where marked.bucket = each.bucket order by mark),
      jsonb_object_agg(key, value)
    from each group by subject_id, bucket
    on conflict (subject_id, at) do update
    set seconds = excluded.seconds, marks = excluded.marks, values = excluded.values`.execute(db);
}

async function sumLoad(
  db: Database,
  source: RawBuilder<unknown>,
  target: RawBuilder<unknown>,
): Promise<void> {
  await sql`
    with source as (${source}), whole as (
      select server_id, bucket, sum(seconds) as seconds, sum(samples)::integer as samples
      from source group by server_id, bucket
    ), each as (
      select bucket, item.d, item.q, item.u, item.t, item.e, sum(item.n)::integer as n
      from source, unnest(databases, query_hashes, users, wait_types, wait_events, sessions) as item (d, q, u, t, e, n)
      group by bucket, item.d, item.q, item.u, item.t, item.e
    ), gathered as (
      select bucket, array_agg(d) as databases, array_agg(q) as query_hashes, array_agg(u) as users, array_agg(t) as wait_types,
        array_agg(e) as wait_events, array_agg(n) as sessions
      from each group by bucket
    )
    insert into ${target} (server_id, at, seconds, samples, databases, query_hashes, users, wait_types, wait_events, sessions)
    select server_id, bucket, seconds, samples, coalesce(databases, '{}'), coalesce(query_hashes, '{}'),
      coalesce(users, '{}'), coalesce(wait_types, '{}'), coalesce(wait_events, '{}'), coalesce(sessions, '{}')
    from whole left join gathered using (bucket)
    on conflict (server_id, at) do update
    set seconds = excluded.seconds, samples = excluded.samples, databases = excluded.databases,
      query_hashes = excluded.query_hashes, users = excluded.users, wait_types = excluded.wait_types,
      wait_events = excluded.wait_events, sessions = excluded.sessions`.execute(db);
}
