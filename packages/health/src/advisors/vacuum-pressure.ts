/** How far tables are beyond the point at which autovacuum should have come. */
import type { TableStats } from "@quern/contract/agent/relations";
import { sql } from "kysely";
import { documentOf, numberOf, settingsOf } from "./facts.ts";
import { keyOf } from "./facts-relations.ts";
import type { Subject } from "./rule.ts";

type Options = Readonly<Record<string, string>>;
type Settings = ReadonlyMap<string, string | null>;

/** A storage parameter of the table, or the setting of the server. */
export function parameterOf(
  options: Options,
  settings: Settings,
  name: string,
  otherwise: number,
): number {
  const own = options[name];
  return own !== undefined && Number.isFinite(Number(own))
    ? Number(own)
    : numberOf(settings, name, otherwise);
}

/** Dead rows at which autovacuum vacuums: threshold + scale factor × rows, on 18 at most autovacuum_vacuum_max_threshold. */
export function vacuumTrigger(options: Options, settings: Settings, rows: number): number {
  const base =
    parameterOf(options, settings, "autovacuum_vacuum_threshold", 50) +
    parameterOf(options, settings, "autovacuum_vacuum_scale_factor", 0.2) * Math.max(0, rows);
  const most = parameterOf(options, settings, "autovacuum_vacuum_max_threshold", -1);
  return most >= 0 ? Math.min(base, most) : base;
}

/** Inserted rows at which it vacuums, from 13; null where that is off. */
export function insertTrigger(options: Options, settings: Settings, rows: number): number | null {
  const threshold = parameterOf(options, settings, "autovacuum_vacuum_insert_threshold", 1000);
  if (threshold < 0) return null;
  const scale = parameterOf(options, settings, "autovacuum_vacuum_insert_scale_factor", 0.2);
  return threshold + scale * Math.max(0, rows);
}

/** Changed rows at which it analyses. */
export function analyzeTrigger(options: Options, settings: Settings, rows: number): number {
  return (
    parameterOf(options, settings, "autovacuum_analyze_threshold", 50) +
    parameterOf(options, settings, "autovacuum_analyze_scale_factor", 0.1) * Math.max(0, rows)
  );
}

export type Pressure = {
  schema: string;
  table: string;
  /** Dead rows (or inserted ones) divided by the trigger. */
  dead: number;
  trigger: number;
  pressure: number;
  inserted: number;
  insert_trigger: number | null;
  insert_pressure: number;
  /** Of all rows, which the larger of estimate and count stands for: the count can be twice what is there. */
  dead_share: number;
  toast_pressure: number;
  enabled: boolean;
  last_autovacuum: string | null;
  last_vacuum: string | null;
};

/** Of each table that autovacuum could vacuum, with its TOAST table. */
export async function pressures(subject: Subject): Promise<Pressure[]> {
  const settings = await settingsOf(subject);
  const tables = (await documentOf(subject, "tables"))?.body ?? [];
  return tables
    .filter(({ kind }) => kind === undefined || kind === "r" || kind === "m")
    .map((table) => pressureOf(table, settings));
}

export function pressureOf(table: TableStats, settings: Settings): Pressure {
  const { schema, table: name, toast, last_autovacuum, last_vacuum } = table;
  const options = table.options ?? {};
  const rows = Math.max(0, table.reltuples ?? Number(table.n_live_tup ?? 0));
  const dead = Number(table.n_dead_tup ?? 0);
  const inserted = Number(table.n_ins_since_vacuum ?? 0);
  const trigger = vacuumTrigger(options, settings, rows);
  const insert_trigger = insertTrigger(options, settings, rows);
  const all = Math.max(rows, Number(table.n_live_tup ?? 0)) + dead;
  const own = Object.fromEntries(
    Object.entries(options).flatMap(([key, value]) =>
      key.startsWith("toast.") ? [[key.slice("toast.".length), value]] : [],
    ),
  );
  const toastTrigger = vacuumTrigger(own, settings, Math.max(0, toast?.reltuples ?? 0));
  return {
    ...{
      schema,
      table: name,
      dead,
      trigger,
      inserted,
      insert_trigger,
      last_autovacuum,
      last_vacuum,
    },
    pressure: dead / Math.max(1, trigger),
    insert_pressure: insert_trigger === null ? 0 : inserted / Math.max(1, insert_trigger),
    dead_share: all > 0 ? dead / all : 0,
    toast_pressure: Number(toast?.n_dead_tup ?? 0) / Math.max(1, toastTrigger),
    enabled: !isOff(options.autovacuum_enabled),
  };
}

/** As PostgreSQL reads a boolean. */
function isOff(value: string | undefined): boolean {
  return value !== undefined && /^(off|of|f|fa|fal|fals|false|n|no|0)$/i.test(value);
}

/** The least over a time; null of a table that rested all the while, which is as it is now. */
export type Lasting = { dead: number | null; inserted: number | null };

/** The least dead and inserted rows of each table, by key, over the last `minutes`. Tables that are younger are absent. */
export async function leastOver(
  subject: Subject,
  minutes: number,
): Promise<ReadonlyMap<string, Lasting>> {
  const { db, database_id, now } = subject;
  const from = new Date(now.getTime() - minutes * 60_000);
  const { rows: relations } = await sql<{ id: number; schema: string; name: string }>`
    select id, schema, name from health_relations
    where database_id = ${database_id} and kind = 'table' and first_seen_at <= ${from}`.execute(db);
  // Joined here: of arrays the planner expects ten rows each, and would look through all of them for every table.
  const { rows } = await sql<Lasting & { id: number }>`
    with points as materialized (
      select at, relation_ids, n_dead_tup, n_ins_since_vacuum from health_table_points
      where database_id = ${database_id} and at > ${from}::timestamptz - interval '1 day' and at <= ${now}
    ), each as (
      select each.id, points.at, each.dead, each.inserted,
        max(points.at) filter (where points.at <= ${from}) over (partition by each.id) as before
      from points cross join unnest(points.relation_ids, points.n_dead_tup, points.n_ins_since_vacuum)
        as each (id, dead, inserted)
    )
    select id, min(dead)::float8 as dead, min(inserted)::float8 as inserted
    from each where at >= coalesce(before, at) group by id`.execute(db);
  const least = new Map(rows.map(({ id, ...lasting }) => [id, lasting]));
  const atRest: Lasting = { dead: null, inserted: null };
  return new Map(
    relations.map(({ id, schema, name }) => [keyOf(schema, name), least.get(id) ?? atRest]),
  );
}
