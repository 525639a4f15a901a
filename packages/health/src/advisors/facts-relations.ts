/** Tables and indexes: their newest numbers, and what was done to them over a window. */
import type { TableStats } from "@quern/contract/agent/relations";
import { sql } from "kysely";
import { documentOf, once } from "./facts.ts";
import { notEnough, say } from "./finding.ts";
import type { Judgement, Subject } from "./rule.ts";

/** Names cannot hold a control character after ingest, so that this is one key for one relation. */
export function keyOf(schema: string, name: string): string {
  return `${schema}\u0001${name}`;
}

/** What was counted of a table in a window; 0 where nothing moved, null where the version does not count it. */
export type TableWork = {
  seq_scan: number;
  seq_tup_read: number;
  idx_scan: number;
  n_tup_ins: number;
  n_tup_upd: number;
  n_tup_del: number;
  n_tup_hot_upd: number | null;
  n_tup_newpage_upd: number | null;
};

const NO_WORK: TableWork = {
  ...{ seq_scan: 0, seq_tup_read: 0, idx_scan: 0, n_tup_ins: 0, n_tup_upd: 0, n_tup_del: 0 },
  ...{ n_tup_hot_upd: 0, n_tup_newpage_upd: null },
};

export type WorkWindow = {
  from: Date;
  to: Date;
  /** Of the window that intervals of points cover. */
  observed_s: number;
  workOf(schema: string, table: string): TableWork;
};

/** What was done to tables in the last `hours`, at most the seven days that raw points are kept. */
export function tableWork(subject: Subject, hours: number): Promise<WorkWindow> {
  return once(subject, `table work ${hours}`, async () => {
    const { db, database_id, now: to } = subject;
    const from = new Date(to.getTime() - hours * 3_600_000);
    const { rows: sums } = await sql<TableWork & { schema: string; name: string }>`
      select relations.schema, relations.name, coalesce(sum(each.seq_scan), 0)::float8 as seq_scan,
        coalesce(sum(each.seq_tup_read), 0)::float8 as seq_tup_read, coalesce(sum(each.idx_scan), 0)::float8 as idx_scan,
        coalesce(sum(each.n_tup_ins), 0)::float8 as n_tup_ins, coalesce(sum(each.n_tup_upd), 0)::float8 as n_tup_upd,
        coalesce(sum(each.n_tup_del), 0)::float8 as n_tup_del, sum(each.n_tup_hot_upd)::float8 as n_tup_hot_upd,
        sum(each.n_tup_newpage_upd)::float8 as n_tup_newpage_upd
      from health_table_points as points
        cross join unnest(points.relation_ids, points.seq_scan, points.seq_tup_read, points.idx_scan, points.n_tup_ins,
          points.n_tup_upd, points.n_tup_del, points.n_tup_hot_upd, points.n_tup_newpage_upd)
          as each (id, seq_scan, seq_tup_read, idx_scan, n_tup_ins, n_tup_upd, n_tup_del, n_tup_hot_upd, n_tup_newpage_upd)
        join health_relations as relations on relations.id = each.id
      where points.database_id = ${database_id} and points.at > ${from} and points.at <= ${to}
      group by relations.id`.execute(db);
    const { rows } = await sql<{ observed_s: number }>`
      select coalesce(sum(least(seconds, extract(epoch from at - ${from}::timestamptz))), 0)::float8 as observed_s
      from health_table_points
      where database_id = ${database_id} and at > ${from} and at <= ${to}`.execute(db);
    const byKey = new Map(sums.map((row) => [keyOf(row.schema, row.name), row]));
    return {
      ...{ from, to, observed_s: rows[0]!.observed_s },
      workOf: (schema, table) => byKey.get(keyOf(schema, table)) ?? NO_WORK,
    };
  });
}

/** A window is judged when so much of it was observed. */
const ENOUGH = 0.9;

/** That too little of the window was observed, and how much; undefined when it is enough. */
export function tooShort({ from, to, observed_s }: WorkWindow): Judgement | undefined {
  const whole_s = (to.getTime() - from.getTime()) / 1000;
  if (observed_s >= whole_s * ENOUGH) return undefined;
  const hours = (seconds: number) => Math.floor(seconds / 360) / 10;
  const values = { n: hours(observed_s), of: hours(whole_s) };
  return notEnough(say("{n} of {of} hours were observed so far.", values));
}

/** Statistics of tables by key. */
export async function tablesOf(subject: Subject): Promise<ReadonlyMap<string, TableStats>> {
  const document = await documentOf(subject, "tables");
  return new Map((document?.body ?? []).map((table) => [keyOf(table.schema, table.table), table]));
}

/** Rows of a table as far as is known: the planner's estimate, or what was counted where that is missing. */
export function rowsOf(table: TableStats | undefined): number {
  if (table === undefined) return 0;
  const estimate = table.reltuples ?? -1;
  return estimate >= 0 ? estimate : Number(table.n_live_tup ?? 0);
}

type Tables = ReadonlyMap<string, TableStats>;

/** Of a table without partitions its own, of a partitioned one the sum over those below it. */
function below(
  tables: Tables,
  schema: string,
  name: string,
  own: (schema: string, name: string) => number,
): number {
  const whole = `${schema}.${name}`;
  const children = [...tables.values()].filter(({ parent }) => parent === whole);
  if (children.length === 0) return own(schema, name);
  return children.reduce((sum, each) => sum + below(tables, each.schema, each.table, own), 0);
}

/** Rows of a table and of the partitions below it. */
export function rowsBelow(tables: Tables, schema: string, name: string): number {
  return below(tables, schema, name, (...of) => rowsOf(tables.get(keyOf(...of))));
}

/** Rows that were deleted from a table and the partitions below it: the server counts them at the partitions. */
export function deletesBelow(
  tables: Tables,
  work: WorkWindow,
  schema: string,
  name: string,
): number {
  return below(tables, schema, name, (...of) => work.workOf(...of).n_tup_del);
}
