/** Space that tables and indexes waste: the statistical estimate where it may be had, the trend of bytes a row otherwise. */
import type { BloatEstimate } from "@quern/contract/agent/relations";
import type { Severity } from "@quern/contract/health/findings";
import { sql } from "kysely";
import { documentOf } from "./facts.ts";
import { fact, found, judged } from "./finding.ts";
import { qualified } from "./names.ts";
import type { Fix, Found, Judgement, Subject } from "./rule.ts";
import { whyMissing } from "./sections.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const WARNING_BYTES = 100 * MIB;
const CRITICAL_BYTES = GIB;
const WARNING_SHARE = 0.3;

export type BloatLimits = {
  kind: "table" | "index";
  critical_share: number;
  fixOf(object: string, estimate: Pick<BloatEstimate, "schema" | "table" | "index">): Fix;
};

/** Judges by the estimates; without the right to make them by the trend, once there are seven days to see one in. */
export async function judgeBloat(subject: Subject, limits: BloatLimits): Promise<Judgement> {
  const estimates = await documentOf(subject, "bloat");
  if (estimates !== undefined) {
    const own = estimates.body.filter(
      ({ index }) => (index === null) === (limits.kind === "table"),
    );
    return judged(own.flatMap((estimate) => byEstimate(estimate, limits)));
  }
  const grown = await growth(subject, limits.kind);
  if (grown !== undefined) return judged(grown.map((each) => byTrend(each, subject, limits)));
  return whyMissing(subject, "bloat");
}

function byEstimate(estimate: BloatEstimate, { critical_share, fixOf }: BloatLimits): Found[] {
  const [real, wasted] = [Number(estimate.real_bytes), Number(estimate.wasted_bytes)];
  const share = real > 0 ? wasted / real : 0;
  const severity: Severity | undefined =
    share >= critical_share && wasted >= CRITICAL_BYTES
      ? "critical"
      : share >= WARNING_SHARE && wasted >= WARNING_BYTES
        ? "warning"
        : undefined;
  if (severity === undefined) return [];
  const { schema, table, index, exact } = estimate;
  const object = qualified({ schema, name: index ?? table });
  const critical = severity === "critical";
  const evidence = [
    ...(index === null ? [] : [fact("table", qualified({ schema, name: table }), "text")]),
    fact("wasted_bytes", wasted, "bytes", critical ? CRITICAL_BYTES : WARNING_BYTES),
    fact("wasted_share", share, "ratio", critical ? critical_share : WARNING_SHARE),
    fact("real_bytes", real, "bytes"),
    fact("measured", exact, "text"),
  ];
  const confidence = exact ? "high" : "medium";
  return [found(object, severity, evidence, { confidence, fix: fixOf(object, estimate) })];
}

type Growth = {
  schema: string;
  name: string;
  table_name: string;
  size_bytes: number;
  per_row: number;
  least: number;
  from: Date;
};

const TREND_DAYS = 30;
const TREND_LEAST_DAYS = 7;
const TREND_FACTOR = 2;
const TREND_ROWS = 10_000;

/** Relations whose bytes a row have doubled over their least of 30 days. Undefined with less than seven days of history. */
async function growth(subject: Subject, kind: "table" | "index"): Promise<Growth[] | undefined> {
  const { db, database_id, now } = subject;
  const size = kind === "table" ? sql.ref("heap_bytes") : sql.ref("size_bytes");
  const after = sql`at > ${now}::timestamptz - make_interval(days => ${TREND_DAYS})`;
  const of = (resolution: string) => sql`
    select at, relation_ids, ${size} as sizes, reltuples
    from ${sql.table(`health_${kind}_${resolution}`)} where database_id = ${database_id} and ${after}`;
  const { rows } = await sql<Growth & { days: number }>`
    with points as materialized (${of("points")} union all ${of("hours")} union all ${of("days")}), each as (
      select each.id, points.at, each.size, each.size / each.reltuples as per_row
      from points cross join unnest(points.relation_ids, points.sizes, points.reltuples) as each (id, size, reltuples)
      where each.reltuples >= ${TREND_ROWS} and each.size > 0
    ), together as (
      select id, min(per_row) as least, min(at) as from, (array_agg(per_row order by at desc))[1] as per_row,
        (array_agg(size order by at desc))[1] as size_bytes
      from each group by id
    )
    select relations.schema, relations.name, relations.table_name, together.size_bytes::float8, together.per_row,
      together.least, together.from,
      (select extract(epoch from max(at) - min(at)) / 86400 from points)::float8 as days
    from together join health_relations as relations on relations.id = together.id`.execute(db);
  if (rows.length === 0 || rows[0]!.days < TREND_LEAST_DAYS) return undefined;
  return rows.filter(
    ({ per_row, least, size_bytes }) =>
      per_row >= least * TREND_FACTOR && size_bytes * (1 - least / per_row) >= WARNING_BYTES,
  );
}

function byTrend(grown: Growth, { now }: Subject, { kind, fixOf }: BloatLimits): Found {
  const { schema, name, table_name, size_bytes, per_row, least } = grown;
  const object = qualified({ schema, name });
  const evidence = [
    fact("bytes_per_row", per_row, "bytes", least * TREND_FACTOR),
    fact("least_bytes_per_row", least, "bytes"),
    fact("size_bytes", size_bytes, "bytes"),
  ];
  const of = { schema, table: table_name, index: kind === "index" ? name : null };
  const window = { from: grown.from, to: now };
  return found(object, "info", evidence, { confidence: "low", window, fix: fixOf(object, of) });
}
