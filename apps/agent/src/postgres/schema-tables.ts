import type { SchemaColumn, SchemaTable } from "@quern/contract/agent/schema";
import { storableText } from "@quern/contract/text";
import type { z } from "zod";
import { counter, measure, type Row, whole } from "../engine/values.ts";
import { normaliseExpression } from "../text/expression.ts";
import type { SchemaOptions } from "./schema.ts";
import type { Session } from "./session.ts";
import { flag } from "./values.ts";

type Column = z.infer<typeof SchemaColumn>;

const PAGE = 500;

/** Tables, views, materialized views and foreign tables with their columns, by oid. */
export async function readSchemaTables(
  session: Session,
  oids: string[],
  { comments }: Pick<SchemaOptions, "comments">,
): Promise<SchemaTable[]> {
  const depths = await readViewDepths(session);
  const tables: SchemaTable[] = [];
  const sorted = oids.toSorted((a, b) => Number(a) - Number(b));
  for (let start = 0; start < sorted.length; start += PAGE) {
    const page = sorted.slice(start, start + PAGE);
    const columns = await readColumns(session, page);
    const rows = await session.query(tablesSql(comments), [page]);
    for (const row of rows) {
      tables.push(tableOf(row, columns.get(row.relid ?? "") ?? [], depths.get(row.relid ?? "")));
    }
  }
  return tables;
}

function tablesSql(comments: boolean): string {
  return `select c.oid as relid, n.nspname as schema, c.relname as name, c.relkind as kind, c.reltuples,
      c.relpages::bigint * current_setting('block_size')::bigint as size_bytes, c.relpersistence as persistence,
      c.relreplident as replica_identity, c.relrowsecurity as row_security,
      case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partition_key,
      (select pn.nspname || '.' || pc.relname from pg_inherits as h join pg_class as pc on pc.oid = h.inhparent
        join pg_namespace as pn on pn.oid = pc.relnamespace
        where h.inhrelid = c.oid and c.relispartition limit 1) as parent,
      ${comments ? "obj_description(c.oid, 'pg_class')" : "null"} as comment
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = any($1::oid[]) order by c.oid`;
}

const KINDS: Record<string, SchemaTable["kind"]> = { r: "r", p: "p", v: "v", m: "m", f: "f" };
const PERSISTENCES: Record<string, SchemaTable["persistence"]> = { p: "p", u: "u", t: "t" };
const IDENTITIES: Record<string, SchemaTable["replica_identity"]> = {
  d: "d",
  n: "n",
  f: "f",
  i: "i",
};

function tableOf(row: Row, columns: Column[], depth: number | undefined): SchemaTable {
  const comment = row.comment ?? null;
  return {
    schema: row.schema ?? "",
    name: row.name ?? "",
    columns,
    row_count_estimate: measure(row.reltuples),
    size_bytes: counter(row.size_bytes),
    relid: whole(row.relid),
    kind: KINDS[row.kind ?? ""],
    parent: row.parent ?? null,
    partition_key: normalised(row.partition_key),
    persistence: PERSISTENCES[row.persistence ?? ""],
    replica_identity: IDENTITIES[row.replica_identity ?? ""],
    row_security: flag(row.row_security),
    ...(comment === null ? {} : { comment: storableText(comment.slice(0, 2_000)) }),
    ...(depth === undefined ? {} : { view_depth: depth }),
  };
}

async function readColumns(session: Session, page: string[]): Promise<Map<string, Column[]>> {
  const rows = await session.query(
    `select a.attrelid as relid, a.attname as name, format_type(a.atttypid, a.atttypmod) as data_type,
       not a.attnotnull as nullable, pg_get_expr(d.adbin, d.adrelid) as default, a.attnum as position,
       a.attidentity as identity, a.attgenerated as generated
       from pg_attribute as a left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = any($1::oid[]) and a.attnum > 0 and not a.attisdropped
      order by a.attrelid, a.attnum`,
    [page],
  );
  const columns = new Map<string, Column[]>();
  for (const row of rows) {
    const of = columns.get(row.relid ?? "") ?? [];
    columns.set(row.relid ?? "", of);
    of.push(columnOf(row));
  }
  return columns;
}

function columnOf(row: Row): Column {
  return {
    name: row.name ?? "",
    data_type: (row.data_type ?? "").slice(0, 300),
    nullable: flag(row.nullable),
    default: normalised(row.default),
    position: whole(row.position) ?? 0,
    identity: row.identity === "a" || row.identity === "d" ? row.identity : "",
    generated: row.generated === "s" || row.generated === "v" ? row.generated : "",
  };
}

/** Without literals; null stays null. */
export function normalised(text: string | null | undefined): string | null {
  return text === null || text === undefined
    ? null
    : normaliseExpression(text).text.slice(0, 2_000);
}

/** How many views deep each view stands on others, by oid: 1 for one that reads tables only. */
async function readViewDepths(session: Session): Promise<Map<string, number>> {
  const rows = await session.query(
    `select distinct r.ev_class as view, case when v.relkind in ('v', 'm') then v.oid end as inner_view
       from pg_rewrite as r join pg_class as c on c.oid = r.ev_class and c.relkind in ('v', 'm')
       join pg_namespace as n on n.oid = c.relnamespace and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       join pg_depend as d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
         and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
       join pg_class as v on v.oid = d.refobjid`,
  );
  const inner = new Map<string, string[]>();
  for (const row of rows) {
    const of = inner.get(row.view ?? "") ?? [];
    inner.set(row.view ?? "", of);
    if (row.inner_view !== null && row.inner_view !== undefined) of.push(row.inner_view);
  }
  const depths = new Map<string, number>();
  const depthOf = (view: string, path: ReadonlySet<string>): number => {
    const known = depths.get(view);
    if (known !== undefined || path.has(view)) return known ?? 0;
    const below = (inner.get(view) ?? []).map((of) => depthOf(of, new Set([...path, view])));
    const depth = 1 + Math.max(0, ...below);
    depths.set(view, depth);
    return depth;
  };
  for (const view of inner.keys()) depthOf(view, new Set());
  return depths;
}
