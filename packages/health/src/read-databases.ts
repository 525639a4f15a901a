/** Monitored databases: who they are, how they stand, and how busy they were. */
import type { HealthScore } from "@quern/contract/health/databases";
import type { Database } from "@quern/store/db";
import { containing } from "@quern/store/page";
import { sql } from "kysely";
import { type Freshness, SECTIONS, sectionState } from "./read-sections.ts";

export type DatabaseRow = Freshness & {
  id: string;
  org_id: string;
  name: string;
  is_main: boolean;
  first_seen_at: Date;
  last_seen_at: Date;
  server_id: string;
  server_name: string;
  cluster_id: string | null;
  type: "postgres" | "mysql" | "mariadb";
  version: string;
  version_num: number | null;
  provider: string;
  provider_metadata: Record<string, unknown>;
  in_recovery: boolean | null;
  agent: {
    id: string;
    name: string;
    status: string | null;
    last_seen_at: string | null;
    last_payload_at: string | null;
    revoked_at: string | null;
  } | null;
  datasource: { id: string; name: string } | null;
  score: (Pick<HealthScore, "score" | "coverage" | "categories"> & { at: string }) | null;
  critical: number;
  warning: number;
  info: number;
  size_bytes: number | null;
};

export type DatabaseFilter = {
  id?: string | undefined;
  search?: string | undefined;
  datasource_id?: string | undefined;
  limit?: number | undefined;
  /** The place in the list that the page before ended at. */
  after?: { server_name: string; name: string; id: string } | undefined;
};

/** By server and name; one more than `limit` where there are more. */
export async function findDatabases(
  db: Database,
  org_id: string,
  { id, search, datasource_id, limit = 100, after }: DatabaseFilter,
): Promise<DatabaseRow[]> {
  const { rows } = await sql<DatabaseRow>`
    select databases.id, databases.org_id, databases.name, databases.is_main, databases.first_seen_at, databases.last_seen_at,
      databases.collectors, databases.interval_s, databases.last_taken_at, servers.id as server_id, servers.name as server_name,
      cluster_id, servers.type, servers.version, version_num, provider, provider_metadata, in_recovery,
      case when agents.id is not null then jsonb_build_object('id', agents.id, 'name', agents.name, 'status', agents.status,
        'last_seen_at', agents.last_seen_at, 'last_payload_at', agents.last_payload_at, 'revoked_at', agents.revoked_at) end as agent,
      case when datasources.id is not null then jsonb_build_object('id', datasources.id, 'name', datasources.name) end as datasource,
      to_jsonb(scores) as score, findings.*, sizes.size_bytes
    from health_databases as databases join health_servers as servers on servers.id = databases.server_id
      left join health_agents as agents on agents.id = servers.agent_id
      left join datasources on datasources.id = databases.datasource_id and datasources.deleted_at is null
      left join lateral (select score, coverage, categories, at from health_scores where database_id = databases.id
        order by at desc limit 1) as scores on true
      cross join lateral (
        select count(*) filter (where severity = 'critical')::integer as critical,
          count(*) filter (where severity = 'warning')::integer as warning, count(*) filter (where severity = 'info')::integer as info
        from health_findings where database_id = databases.id and resolved_at is null and muted_at is null
          and (snoozed_until is null or snoozed_until < now())
      ) as findings
      left join lateral (select (values ->> 'size_bytes')::float8 as size_bytes from health_metric_points
        where subject_id = databases.id and at > now() - interval '8 days' and values ? 'size_bytes'
        order by at desc limit 1) as sizes on true
    where databases.org_id = ${org_id} and (${id ?? null}::uuid is null or databases.id = ${id ?? null}::uuid)
      and (${datasource_id ?? null}::uuid is null or databases.datasource_id = ${datasource_id ?? null}::uuid)
      and (${search ?? null}::text is null or servers.name || ' ' || databases.name ilike ${containing(search ?? "")})
      and (${after?.id ?? null}::uuid is null or (servers.name, databases.name, databases.id)
        > (${after?.server_name ?? ""}, ${after?.name ?? ""}, ${after?.id ?? null}::uuid))
    order by servers.name, databases.name, databases.id limit ${limit + 1}`.execute(db);
  return rows;
}

export const LOAD_HOURS = 24;

/** The average active sessions of each of the last 24 hours, the running one last; null where nothing is known. */
export async function readLoads(
  db: Database,
  databases: readonly Pick<DatabaseRow, "id" | "name" | "server_id">[],
  now: Date = new Date(),
): Promise<Map<string, (number | null)[]>> {
  const servers = [...new Set(databases.map(({ server_id }) => server_id))];
  const end = new Date(Math.ceil(now.getTime() / 3_600_000) * 3_600_000);
  const from = new Date(end.getTime() - LOAD_HOURS * 3_600_000);
  const { rows: shared } = await sql<{ server_id: string }>`
    select server_id from health_databases where server_id = any(${servers}::uuid[])
    group by server_id having count(*) > 1`.execute(db);
  const several = new Set(shared.map(({ server_id }) => server_id));
  const parted = await loadsByDatabase(db, [...several], from, end);
  const whole = await loadsOfServers(
    db,
    servers.filter((id) => !several.has(id)),
    from,
    end,
  );
  return new Map(
    databases.map(({ id, name, server_id }) => {
      const loads = Array.from({ length: LOAD_HOURS }, (_, place) => {
        const key = `${server_id} ${place}`;
        if (!several.has(server_id)) return whole.get(key)?.[0]?.load ?? null;
        const seen = parted.get(key);
        return seen === undefined ? null : (seen.find((row) => row.name === name)?.load ?? 0);
      });
      return [id, loads];
    }),
  );
}

type LoadRow = { server_id: string; name: string | null; place: number; load: number };

/** Of servers with one monitored database: their load is its. Far less to read than what each statement waited for. */
async function loadsOfServers(db: Database, servers: readonly string[], from: Date, end: Date) {
  const { rows } = await sql<LoadRow>`
    select subject_id as server_id, null as name, ${placeOf(from)} as place, avg((values ->> 'load')::float8) as load
    from ${latest("metric", "subject_id", servers, from, end)} as points
    where values ? 'load' group by subject_id, place`.execute(db);
  return byHour(rows);
}

async function loadsByDatabase(db: Database, servers: readonly string[], from: Date, end: Date) {
  if (servers.length === 0) return new Map<string, LoadRow[]>();
  const { rows } = await sql<LoadRow>`
    with placed as materialized (
      select *, ${placeOf(from)} as place from ${latest("load", "server_id", servers, from, end)} as points
    ), whole as (
      select server_id, place, sum(samples) as samples from placed group by server_id, place
    ), each as (
      select server_id, place, name, sum(n) as n from placed, unnest(databases, sessions) as item (name, n)
      group by server_id, place, name
    )
    select server_id, place, name, coalesce(n::float8 / nullif(samples, 0), 0) as load
    from whole left join each using (server_id, place)`.execute(db);
  return byHour(rows);
}

const placeOf = (from: Date) =>
  sql`ceil(extract(epoch from at - ${from}::timestamptz) / 3600)::integer - 1`;

/** Hours, and points of what is not summed yet. */
function latest(
  family: "metric" | "load",
  subject: string,
  servers: readonly string[],
  from: Date,
  end: Date,
) {
  const until = sql`(select coalesce(max(until), ${from}) from health_rollups where what = 'hour')`;
  const whose = sql`${sql.ref(subject)} = any(${[...servers]}::uuid[]) and at > ${from} and at <= ${end}`;
  return sql`(
    select * from ${sql.table(`health_${family}_hours`)} where ${whose} and at <= ${until}
    union all
    select * from ${sql.table(`health_${family}_points`)} where ${whose} and at > ${until})`;
}

function byHour(rows: readonly LoadRow[]): Map<string, LoadRow[]> {
  const found = new Map<string, LoadRow[]>();
  for (const row of rows) {
    const key = `${row.server_id} ${row.place}`;
    found.set(key, [...(found.get(key) ?? []), row]);
  }
  return found;
}

/** Others on the same server, and other servers of the same cluster. */
export async function readRelatives(
  db: Database,
  { id, org_id, server_id, cluster_id }: DatabaseRow,
) {
  const siblings = await sql<{ id: string; name: string }>`
    select id, name from health_databases where server_id = ${server_id} and id <> ${id} order by name, id`.execute(
    db,
  );
  const replicas = await sql<{ server_id: string; name: string; in_recovery: boolean | null }>`
    select id as server_id, name, in_recovery from health_servers
    where org_id = ${org_id} and cluster_id = ${cluster_id} and id <> ${server_id} order by name, id`.execute(
    db,
  );
  return { siblings: siblings.rows, replicas: replicas.rows };
}

/** The state of every section. What belongs to the server comes with the payloads of its main database. */
export async function readSections(db: Database, row: DatabaseRow, now: Date = new Date()) {
  const { rows } = await sql<{ section: string }>`
    select distinct section from health_documents where database_id = ${row.id}
    union all select 'server' where exists (select from health_documents join health_databases on id = database_id
      where server_id = ${row.server_id} and section = 'server')
    union all select 'schema' where exists (select from health_schema_versions where database_id = ${row.id})
    union all select 'settings' where exists (select from health_settings where server_id = ${row.server_id})
    union all select 'activity' where exists (select from health_activity where server_id = ${row.server_id})
    union all select 'statements' where exists (select from health_statements where database_id = ${row.id})`.execute(
    db,
  );
  const known = new Set(rows.map(({ section }) => section));
  const main = await freshnessOfServer(db, row);
  return Object.fromEntries(
    SECTIONS.map((section) => {
      const whose = OF_SERVER.has(section) ? main : row;
      return [section, sectionState(whose, section, known.has(section), now)];
    }),
  );
}
const OF_SERVER = new Set(["server", "activity", "settings"]);

/** How fresh the server's own sections are: those of the database whose payloads bring them. */
export async function freshnessOfServer(db: Database, row: DatabaseRow): Promise<Freshness> {
  if (row.is_main) return row;
  const { rows } = await sql<Freshness>`
    select collectors, interval_s, last_taken_at from health_databases
    where server_id = ${row.server_id} and is_main order by last_taken_at desc nulls last, id limit 1`.execute(
    db,
  );
  return rows[0] ?? row;
}

/** Says which datasource a database is, or that it is none. */
export async function linkDatabase(
  db: Database,
  id: string,
  datasource_id: string | null,
): Promise<void> {
  await sql`update health_databases set datasource_id = ${datasource_id} where id = ${id}`.execute(
    db,
  );
}

/**
 * Forgets a database, and its server when it was the last one there. Its points have no key to it: they go with their
 * partitions, and nothing can ask for them any more.
 */
export async function forgetDatabase(db: Database, { id, server_id }: DatabaseRow): Promise<void> {
  await sql`delete from health_databases where id = ${id}`.execute(db);
  await sql`
    delete from health_servers where id = ${server_id}
      and not exists (select from health_databases where server_id = ${server_id})`.execute(db);
}
