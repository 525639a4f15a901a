/** Indexes by what decides whether another one can do the same: keys, operator classes, collations, order, predicate. */
import type { SchemaIndex } from "@quern/contract/agent/schema";
import { storableText } from "@quern/contract/text";
import type { z } from "zod";
import { counter, type Row, whole } from "../engine/values.ts";
import { normaliseExpression } from "../text/expression.ts";
import { columnsOf, type Facts } from "./facts.ts";
import { selectList } from "./select-list.ts";
import type { Session } from "./session.ts";
import { flag, json } from "./values.ts";

type Index = z.infer<typeof SchemaIndex>;
type Key = NonNullable<Index["keys"]>[number];

/** As the statement makes them; `definition` is that of one key, which for an expression may hold literals. */
type Attribute = {
  column: string | null;
  definition: string;
  operator_class: string | null;
  collation: string | null;
  option: number | null;
};

const PAGE = 500;

/** Of the tables with these oids. */
export async function readSchemaIndexes(
  session: Session,
  facts: Facts,
  tables: string[],
): Promise<Index[]> {
  const indexes: Index[] = [];
  const sorted = tables.toSorted((a, b) => Number(a) - Number(b));
  for (let start = 0; start < sorted.length; start += PAGE) {
    const rows = await session.query(indexesSql(facts), [sorted.slice(start, start + PAGE)]);
    indexes.push(...rows.map(indexOf));
  }
  return indexes;
}

/** pg_constraint has no index on conindid: asked for one index at a time, 6,000 of them took half a minute. */
function indexesSql(facts: Facts): string {
  const has = columnsOf(facts, "pg_index");
  return `select c.oid as relid, n.nspname as schema, t.relname as "table", c.relname as name, am.amname as access_method,
      i.indisunique, i.indisprimary, i.indisvalid, i.indisready, i.indisexclusion, i.indisreplident, i.indisclustered,
      ${selectList("i", has, ["indnullsnotdistinct"])}, i.indnkeyatts,
      c.relpages::bigint * current_setting('block_size')::bigint as size_bytes,
      pg_get_expr(i.indpred, i.indrelid) as predicate, pg_get_indexdef(c.oid) as definition,
      substring(array_to_string(c.reloptions, ' ') from '(?:^| )fillfactor=([0-9]+)') as fillfactor,
      k.name as constraint,
      (select pn.nspname || '.' || pc.relname from pg_inherits as h join pg_class as pc on pc.oid = h.inhparent
        join pg_namespace as pn on pn.oid = pc.relnamespace where h.inhrelid = c.oid limit 1) as parent,
      (select json_agg(json_build_object('column', a.attname, 'definition', case when p.attnum = 0
            then pg_get_indexdef(c.oid, p.position::int, false) else a.attname end,
          'operator_class', o.opcname, 'collation', l.collname, 'option', i.indoption[p.position - 1])
          order by p.position)
        from unnest(i.indkey::int2[]) with ordinality as p(attnum, position)
        left join pg_attribute as a on a.attrelid = t.oid and a.attnum = p.attnum and p.attnum <> 0
        left join pg_opclass as o on o.oid = i.indclass[p.position - 1]
        left join pg_collation as l on l.oid = i.indcollation[p.position - 1]) as attributes
    from pg_index as i join pg_class as c on c.oid = i.indexrelid join pg_class as t on t.oid = i.indrelid
    join pg_namespace as n on n.oid = t.relnamespace join pg_am as am on am.oid = c.relam
    left join (select q.conindid, min(q.conname::text) as name from pg_constraint as q
      where q.contype in ('p', 'u', 'x') group by q.conindid) as k on k.conindid = c.oid
    where t.oid = any($1::oid[]) and i.indislive order by c.oid`;
}

function indexOf(row: Row): Index {
  const attributes = json<Attribute[]>(row.attributes) ?? [];
  const keyed = whole(row.indnkeyatts) ?? attributes.length;
  const keys = attributes.slice(0, keyed).map(keyOf);
  const include = attributes.slice(keyed).map(({ column }) => column ?? "");
  return {
    schema: row.schema ?? "",
    table: row.table ?? "",
    name: row.name ?? "",
    columns: keys.map(({ column, expression }) => column ?? expression?.text ?? ""),
    is_unique: flag(row.indisunique),
    is_primary: flag(row.indisprimary),
    size_bytes: counter(row.size_bytes),
    relid: whole(row.relid),
    access_method: row.access_method ?? "",
    keys,
    ...(include.length === 0 ? {} : { include }),
    predicate:
      row.predicate === null || row.predicate === undefined
        ? null
        : normaliseExpression(row.predicate),
    is_valid: flag(row.indisvalid),
    is_ready: flag(row.indisready),
    is_exclusion: flag(row.indisexclusion),
    is_replica_identity: flag(row.indisreplident),
    is_clustered: flag(row.indisclustered),
    nulls_not_distinct: flag(row.indnullsnotdistinct),
    parent: row.parent ?? null,
    constraint: row.constraint ?? null,
    fillfactor: whole(row.fillfactor),
    definition: definitionOf(row.definition ?? ""),
  };
}

/** A digit that begins a token, or a quote. */
const MAY_HOLD_LITERAL = /['$]|(?<![\w$\u0080-\uffff])\.?\d/;

/** Without literals. Most have none, and parsing thousands of them would be the dearest part of reading a schema. */
function definitionOf(definition: string): string {
  return MAY_HOLD_LITERAL.test(definition)
    ? normaliseExpression(definition).text
    : storableText(definition);
}

/** Bit 1 of the option is for descending, bit 2 for nulls first. */
function keyOf({ column, definition, operator_class, collation, option }: Attribute): Key {
  return {
    column,
    expression: column === null ? normaliseExpression(definition) : null,
    operator_class: operator_class ?? "",
    collation,
    descending: ((option ?? 0) & 1) !== 0,
    nulls_first: ((option ?? 0) & 2) !== 0,
  };
}
