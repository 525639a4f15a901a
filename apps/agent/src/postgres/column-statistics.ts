/**
 * What the planner knows of relations and columns, in numbers: how many pages and rows, how many nulls, how wide, how many
 * different values, in which order. Most common values and histograms hold values of rows: they are not selected, here or
 * in the helper.
 */
import type {
  ColumnStatistics,
  RelationStatistics,
  StatisticsSnapshot,
} from "@quern/contract/agent/column-statistics";
import { SectionError } from "../engine/section.ts";
import { measure, type Row, whole } from "../engine/values.ts";
import { type Facts, HELPER_SCHEMA } from "./facts.ts";
import { listRelations } from "./pages.ts";
import { quoted } from "./select-list.ts";
import type { Session } from "./session.ts";
import { flag } from "./values.ts";

const MOST_COLUMNS = 10_000;
const PAGE = 500;

/** Of the largest tables first, with their indexes. Fails with no_permission where nothing may be seen of `hidden` columns. */
export async function readColumnStatistics(
  session: Session,
  facts: Facts,
  hidden: number,
  max_tables: number,
): Promise<{ statistics: StatisticsSnapshot; truncated: boolean }> {
  return await session.readOnly(async () => {
    const { oids } = await listRelations(session, ["r", "p", "m"], max_tables);
    const columns = await readColumns(session, facts, oids);
    if (columns.of.size === 0 && hidden > 0) throw hiddenColumns(facts, hidden);
    const relations: RelationStatistics[] = [];
    for (let start = 0; start < oids.length; start += PAGE) {
      const rows = await session.query(RELATIONS, [oids.slice(start, start + PAGE)]);
      for (const row of rows) relations.push(relationOf(row, columns.of.get(row.oid ?? "") ?? []));
    }
    return {
      statistics: { relations, omitted_columns: columns.omitted + hidden },
      truncated: columns.omitted > 0,
    };
  });
}

/** Tables, and indexes for their sizes and the statistics of their expressions. */
const RELATIONS = `select c.oid, n.nspname as schema, c.relname as name, c.relpages, c.reltuples, c.relallvisible
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = any($1::oid[]) or c.oid in (select i.indexrelid from pg_index as i where i.indrelid = any($1::oid[]))
    order by c.oid`;

const OWN = `select c.oid as relation, a.attnum as attribute, s.inherited, s.null_frac, s.avg_width, s.n_distinct, s.correlation
    from pg_stats as s join pg_namespace as n on n.nspname = s.schemaname
    join pg_class as c on c.relnamespace = n.oid and c.relname = s.tablename
    join pg_attribute as a on a.attrelid = c.oid and a.attname = s.attname`;

async function readColumns(session: Session, facts: Facts, oids: string[]) {
  const source = facts.helper ? `select * from ${HELPER_SCHEMA}.column_statistics()` : OWN;
  const rows = await session.query(
    `select s.relation, a.attname as name, s.inherited, s.null_frac, s.avg_width, s.n_distinct, s.correlation,
       count(*) over () as found
     from (${source}) as s join pg_attribute as a on a.attrelid = s.relation and a.attnum = s.attribute
     left join pg_index as i on i.indexrelid = s.relation
     join pg_class as c on c.oid = coalesce(i.indrelid, s.relation)
     where c.oid = any($1::oid[])
     order by c.relpages desc, s.relation, a.attnum, s.inherited limit $2`,
    [oids, MOST_COLUMNS],
  );
  const of = new Map<string, ColumnStatistics[]>();
  for (const row of rows) {
    const relation = row.relation ?? "";
    of.set(relation, [...(of.get(relation) ?? []), columnOf(row)]);
  }
  return { of, omitted: (whole(rows[0]?.found) ?? 0) - rows.length };
}

/**
 * Columns of analysed tables of which the view shows nothing to this role; asked by table, since a question for each column
 * of thousands of tables costs. The helper shows all.
 */
export async function countHidden(session: Session, facts: Facts): Promise<number> {
  if (facts.helper || facts.superuser) return 0;
  const [row] = await session.query(
    `select sum(c.relnatts) as hidden from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm') and c.relpersistence <> 't' and c.reltuples > 0 and n.nspname !~ '^pg_'
        and n.nspname <> 'information_schema' and not has_any_column_privilege(c.oid, 'select')`,
  );
  return whole(row?.hidden) ?? 0;
}

/** What mends it, in two ways. */
export function hiddenColumns({ role, version_num }: Facts, hidden: number): SectionError {
  const all =
    version_num >= 140_000
      ? `grant pg_read_all_data to ${quoted(role)};`
      : `grant select on all tables in schema … to ${quoted(role)};`;
  return new SectionError(
    "no_permission",
    `The planner's statistics of ${hidden} columns may not be read: run the SQL of --print-helper-sql in this database, whose functions give numbers and no values. A role that may read rows sees them as well: ${all}`,
    "42501",
  );
}

function relationOf(row: Row, columns: ColumnStatistics[]): RelationStatistics {
  return {
    schema: row.schema ?? "",
    name: row.name ?? "",
    relpages: measure(row.relpages),
    reltuples: measure(row.reltuples),
    relallvisible: measure(row.relallvisible),
    columns,
  };
}

function columnOf(row: Row): ColumnStatistics {
  return {
    name: row.name ?? "",
    ...(flag(row.inherited) ? { inherited: true } : {}),
    null_frac: measure(row.null_frac),
    avg_width: measure(row.avg_width),
    n_distinct: measure(row.n_distinct),
    correlation: measure(row.correlation),
  };
}
