/**
 * What one database of one server is and has. Which columns a view has is asked of the view itself: a version of the
 * server says little, since extensions stay behind it and forks run ahead of it.
 */

import { type Row, whole } from "../engine/values.ts";
import type { Session } from "./session.ts";
import { flag, json } from "./values.ts";

type Extension = {
  version: string;
  /** The schema its objects are in. */
  schema: string;
  /** What this server would install; null where it is not offered any more. */
  default_version: string | null;
};

export type Facts = {
  database: string;
  database_oid: string;
  version: string;
  version_num: number;
  in_recovery: boolean;
  role: string;
  superuser: boolean;
  /** Whether the role has the rights of these predefined roles. */
  pg_monitor: boolean;
  reads_all_stats: boolean;
  extensions: ReadonlyMap<string, Extension>;
  /** Columns by the name of a view of pg_catalog, or of pg_stat_statements; views that are not there are absent. */
  columns: ReadonlyMap<string, ReadonlySet<string>>;
  /** The role may call the functions of `--print-helper-sql`. */
  helper: boolean;
};

const VIEWS = [
  "pg_class",
  "pg_index",
  "pg_attribute",
  "pg_proc",
  "pg_stat_activity",
  "pg_stat_all_indexes",
  "pg_stat_all_tables",
  "pg_stat_archiver",
  "pg_stat_bgwriter",
  "pg_stat_checkpointer",
  "pg_stat_database",
  "pg_stat_database_conflicts",
  "pg_stat_io",
  "pg_stat_progress_create_index",
  "pg_stat_progress_vacuum",
  "pg_stat_replication",
  "pg_stat_wal",
  "pg_stat_wal_receiver",
  "pg_statio_all_indexes",
  "pg_statio_all_tables",
  "pg_replication_slots",
  "pg_locks",
];

export const HELPER_SCHEMA = "quern_agent";

/** Asks anew: an extension may have been updated, a standby promoted, a right granted since. */
export async function readFacts(session: Session): Promise<Facts> {
  const [row] = await session.query(FACTS);
  if (row === undefined) throw new Error("the server answered a select without a row");
  const extensions = await readExtensions(session);
  const statements = extensions.get("pg_stat_statements");
  return {
    database: row.database ?? "",
    database_oid: row.database_oid ?? "0",
    version: row.version ?? "",
    version_num: whole(row.version_num) ?? 0,
    in_recovery: flag(row.in_recovery),
    role: row.role ?? "",
    superuser: flag(row.superuser),
    pg_monitor: flag(row.pg_monitor),
    reads_all_stats: flag(row.reads_all_stats),
    extensions,
    columns: await readColumns(session, statements?.schema ?? null),
    helper: flag(row.helper),
  };
}

/** The columns of a view; none where there is no such view. */
export function columnsOf(facts: Facts, view: string): ReadonlySet<string> {
  return facts.columns.get(view) ?? new Set();
}

const FACTS = `select current_database() as database,
    (select d.oid from pg_database as d where d.datname = current_database()) as database_oid,
    version() as version, current_setting('server_version_num') as version_num,
    pg_is_in_recovery() as in_recovery, current_user as role,
    (select r.rolsuper from pg_roles as r where r.rolname = current_user) as superuser,
    pg_has_role('pg_monitor', 'usage') as pg_monitor,
    pg_has_role('pg_read_all_stats', 'usage') as reads_all_stats,
    coalesce((select bool_and(has_function_privilege(p.oid, 'execute'))
        and has_schema_privilege(p.pronamespace, 'usage')
      from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
      where n.nspname = '${HELPER_SCHEMA}' and p.proname in ('column_statistics', 'sequence_values')
      group by p.pronamespace), false) as helper`;

async function readExtensions(session: Session): Promise<Map<string, Extension>> {
  const rows = await session.query(
    `select e.extname as name, e.extversion as version, n.nspname as schema, a.default_version
       from pg_extension as e join pg_namespace as n on n.oid = e.extnamespace
       left join pg_available_extensions as a on a.name = e.extname`,
  );
  return new Map(
    rows.map(({ name, version, schema, default_version }) => [
      name ?? "",
      {
        version: version ?? "",
        schema: schema ?? "",
        default_version: default_version ?? null,
      },
    ]),
  );
}

async function readColumns(
  session: Session,
  statementsSchema: string | null,
): Promise<Map<string, ReadonlySet<string>>> {
  const rows: Row[] = await session.query(
    `select v.name, to_json(array(select a.attname::text from pg_attribute as a
         where a.attrelid = v.relation and a.attnum > 0 and not a.attisdropped)) as columns
       from (select u.name, to_regclass(u.name)::oid as relation from unnest($1::text[]) as u(name)
         union all
         select c.relname, c.oid from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
           where n.nspname = $2 and c.relname in ('pg_stat_statements', 'pg_stat_statements_info')) as v
       where v.relation is not null`,
    [VIEWS, statementsSchema],
  );
  return new Map(
    rows.map(({ name, columns }) => [name ?? "", new Set(json<string[]>(columns) ?? [])]),
  );
}
