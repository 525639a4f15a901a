/** Takes the statistics of tables and of indexes, which differ in their columns alone. */
import type { IndexStats, TableStats } from "@quern/contract/agent/relations";
import type { Counter } from "@quern/contract/agent/values";
import type { HealthMark } from "@quern/contract/health/ranges";
import { type RawBuilder, sql } from "kysely";
import { asNumber, grownBy } from "./differences.ts";
import { judgeCounters, type Verdict } from "./epochs.ts";
import { distinct, keep, type Reading, sinceLast } from "./reading.ts";

type Values = Record<string, number | null>;
/** A table or an index as raw numbers: what is counted, and what is as it is. */
type Raw = {
  schema: string;
  name: string;
  table: string;
  relkind: string | null;
  relid: number | null;
  counters: Record<string, Counter | null>;
  gauges: Values;
};
type Remembered = {
  counters: Record<string, Counter | null>;
  gauges: Values;
  relid?: number | null;
};
type RelationMemory = {
  /** Whether there were no others than those that were sent. */
  complete: boolean;
  relations: Record<string, Remembered>;
};
/** As it was kept before there was more than one thing to know. */
type EarlierMemory = Record<string, Remembered>;

const TABLE_COUNTERS = [
  "seq_scan",
  "seq_tup_read",
  "idx_scan",
  "idx_tup_fetch",
  "n_tup_ins",
  "n_tup_upd",
  "n_tup_del",
  "n_tup_hot_upd",
  "n_tup_newpage_upd",
  "heap_blks_read",
  "heap_blks_hit",
] as const;
const TABLE_GAUGES = [
  "n_live_tup",
  "n_dead_tup",
  "n_mod_since_analyze",
  "n_ins_since_vacuum",
  "size_bytes",
  "heap_bytes",
  "toast_bytes",
  "index_bytes",
  "reltuples",
  "frozen_xid_age",
  "min_mxid_age",
] as const;
const INDEX_COUNTERS = [
  "idx_scan",
  "idx_tup_read",
  "idx_tup_fetch",
  "idx_blks_read",
  "idx_blks_hit",
] as const;
const INDEX_GAUGES = ["size_bytes", "reltuples"] as const;
/** They change with every transaction of the server, so their change says nothing of the table. */
const AGES = new Set<string>(["frozen_xid_age", "min_mxid_age"]);

/** `complete`: there are no other tables than these. */
export async function takeTables(
  reading: Reading,
  rows: readonly TableStats[],
  complete: boolean,
): Promise<HealthMark[]> {
  const raws = rows.map(
    (row): Raw => ({
      ...{ schema: row.schema, name: row.table, table: row.table, relkind: row.kind ?? null },
      relid: row.relid ?? null,
      counters: {
        ...Object.fromEntries(TABLE_COUNTERS.map((name) => [name, row[name] ?? null])),
        vacuums: total(row.vacuum_count, row.autovacuum_count),
        analyzes: total(row.analyze_count, row.autoanalyze_count),
      },
      gauges: Object.fromEntries(TABLE_GAUGES.map((name) => [name, asNumber(row[name])])),
    }),
  );
  return takeRelations(
    reading,
    "table",
    { raws, complete },
    [...TABLE_COUNTERS, "vacuums", "analyzes"],
    TABLE_GAUGES,
  );
}

export async function takeIndexes(
  reading: Reading,
  rows: readonly IndexStats[],
  complete: boolean,
): Promise<HealthMark[]> {
  const raws = rows.map(
    (row): Raw => ({
      ...{ schema: row.schema, name: row.index, table: row.table, relkind: null },
      relid: row.relid ?? null,
      counters: Object.fromEntries(INDEX_COUNTERS.map((name) => [name, row[name] ?? null])),
      gauges: Object.fromEntries(INDEX_GAUGES.map((name) => [name, asNumber(row[name])])),
    }),
  );
  return takeRelations(reading, "index", { raws, complete }, INDEX_COUNTERS, INDEX_GAUGES);
}

function total(
  left: Counter | null | undefined,
  right: Counter | null | undefined,
): Counter | null {
  return left == null || right == null ? null : String(BigInt(left) + BigInt(right));
}

const keyOf = ({ schema, name }: Pick<Raw, "schema" | "name">) => `${schema}\u0001${name}`;

/** The first reading has nothing to compare with. */
const NOTHING: Base = { before: undefined, counters: "other" };
type Base = { before: Remembered | undefined; counters: Verdict["counters"] };

/**
 * What the counters of each relation are compared with: those of the same oid, since a name may be another's by now. One
 * with neither name nor oid of before was made meanwhile and is counted from zero, if all were sent before: if not, it was
 * among those left out, and what it did is not known.
 */
function basesOf(
  memory: RelationMemory,
  raws: readonly Raw[],
  verdict: Verdict,
): (raw: Raw) => Base {
  const byOid = new Map<number, Remembered>();
  for (const each of Object.values(memory.relations))
    if (each.relid != null) byOid.set(each.relid, each);
  const present = new Set(raws.map(({ relid }) => relid));
  return (raw) => {
    const own = raw.relid === null ? undefined : byOid.get(raw.relid);
    const named = memory.relations[keyOf(raw)];
    // The one that had the name has another now. If it is gone, REINDEX CONCURRENTLY may have kept its counters.
    const elsewhere = named?.relid != null && named.relid !== raw.relid && present.has(named.relid);
    const before = own ?? (elsewhere ? undefined : named);
    if (before !== undefined) return { before, counters: verdict.counters };
    const made = memory.complete && verdict.counters !== "other";
    return { before, counters: made ? "lost" : "other" };
  };
}

function memoryOf(kept: RelationMemory | EarlierMemory): RelationMemory {
  // No key of a relation is a plain word: each has a separator in it.
  return "relations" in kept && "complete" in kept
    ? (kept as RelationMemory)
    : { complete: true, relations: kept as EarlierMemory };
}

async function takeRelations(
  reading: Reading,
  kind: "table" | "index",
  { raws, complete }: { raws: readonly Raw[]; complete: boolean },
  counterNames: readonly string[],
  gaugeNames: readonly string[],
): Promise<HealthMark[]> {
  const since = await sinceLast<RelationMemory | EarlierMemory>(reading, kind);
  const next: RelationMemory = { complete, relations: {} };
  for (const raw of raws) {
    const { counters, gauges, relid } = raw;
    next.relations[keyOf(raw)] = { counters, gauges, relid };
  }
  const verdict = since === undefined ? null : judgeCounters(since.before.epochs, reading.epochs);
  const baseOf =
    since === undefined || verdict === null
      ? () => NOTHING
      : basesOf(memoryOf(since.before.counters), raws, verdict);
  const moved = raws.flatMap((raw) => {
    const { before, counters } = baseOf(raw);
    const grown: Values = {};
    for (const name of counterNames)
      grown[name] = grownBy(before?.counters[name], raw.counters[name], counters);
    const rests =
      before !== undefined &&
      counters !== "other" &&
      counterNames.every((name) => !grown[name]) &&
      gaugeNames.every((name) => AGES.has(name) || before.gauges[name] === raw.gauges[name]);
    return rests ? [] : [{ raw, grown }];
  });
  const ids = await identify(reading, kind, raws, new Set(moved.map(({ raw }) => keyOf(raw))));
  const marks = distinct([...(since?.marks ?? ["first" as const]), ...(verdict?.marks ?? [])]);
  await insertPoint(reading, kind, {
    ...{ at: since?.at ?? reading.taken_at, seconds: since?.interval.seconds ?? 0, marks },
    ids: moved.map(({ raw }) => ids.get(keyOf(raw))!),
    columns: [
      ...counterNames.map((name) => ({
        name,
        values: moved.map(({ grown }) => grown[name] ?? null),
      })),
      ...gaugeNames.map((name) => ({
        name,
        values: moved.map(({ raw }) => raw.gauges[name] ?? null),
      })),
    ],
  });
  await keep(reading, kind, next, since);
  return marks;
}

/** The short numbers by key. New ones are noted; those seen are, once an hour. */
async function identify(
  { db, database_id, taken_at }: Reading,
  kind: "table" | "index",
  raws: readonly Raw[],
  wanted: ReadonlySet<string>,
): Promise<Map<string, number>> {
  const asked = JSON.stringify(
    raws.map(({ schema, name, table, relkind }) => ({ schema, name, table_name: table, relkind })),
  );
  const { rows } = await sql<{ id: number; schema: string; name: string }>`
    with asked as (
      select * from jsonb_to_recordset(${asked}::jsonb) as asked (schema text, name text, table_name text, relkind text)
    ), known as (
      select relations.id, relations.schema, relations.name,
        relations.last_seen_at < ${taken_at}::timestamptz - interval '1 hour' as stale
      from asked join health_relations as relations on relations.database_id = ${database_id}
        and relations.kind = ${kind} and relations.schema = asked.schema and relations.name = asked.name
    ), noted as (
      insert into health_relations (database_id, kind, schema, name, table_name, relkind, first_seen_at, last_seen_at)
      select distinct on (schema, name) ${database_id}::uuid, ${kind}, schema, name, table_name, relkind,
        ${taken_at}::timestamptz, ${taken_at}::timestamptz
      from asked
      where not exists (select from known where known.schema = asked.schema and known.name = asked.name and not stale)
      on conflict (database_id, kind, schema, name) do update
      set last_seen_at = greatest(health_relations.last_seen_at, excluded.last_seen_at),
        table_name = excluded.table_name, relkind = coalesce(excluded.relkind, health_relations.relkind)
      returning id, schema, name
    )
    select id, schema, name from noted
    union all
    select id, schema, name from known where not stale`.execute(db);
  return new Map(rows.filter((row) => wanted.has(keyOf(row))).map((row) => [keyOf(row), row.id]));
}

type Point = {
  at: Date;
  seconds: number;
  marks: HealthMark[];
  ids: number[];
  columns: { name: string; values: (number | null)[] }[];
};

async function insertPoint(
  { db, database_id }: Reading,
  kind: "table" | "index",
  point: Point,
): Promise<void> {
  const names = sql.join(point.columns.map(({ name }) => sql.ref(name)));
  const values = sql.join(
    point.columns.map(
      ({ name, values: column }): RawBuilder<unknown> =>
        name === "reltuples" ? sql`${column}::float8[]` : sql`${column}::bigint[]`,
    ),
  );
  await sql`
    insert into ${sql.table(`health_${kind}_points`)} (database_id, at, seconds, marks, relation_ids, ${names})
    values (${database_id}, ${point.at}, ${point.seconds}, ${point.marks}, ${point.ids}::bigint[], ${values})
    on conflict do nothing`.execute(db);
}
