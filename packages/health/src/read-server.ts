/** Sessions, the server's own state, settings and schemas, as of a time. */
import type { Session } from "@quern/contract/agent/activity";
import type { SchemaSnapshot } from "@quern/contract/agent/schema";
import type { ServerStats } from "@quern/contract/agent/server";
import type { SectionState } from "@quern/contract/health/ranges";
import type { SessionStatement, Setting } from "@quern/contract/health/server";
import type { Database } from "@quern/store/db";
import { containing } from "@quern/store/page";
import { sql } from "kysely";
import type { Range } from "./read-range.ts";
import { type Collected, sectionState } from "./read-sections.ts";

export type SessionsAt = {
  at: Date | null;
  previous_at: Date | null;
  next_at: Date | null;
  sessions: Session[];
  idle: number;
  omitted: number;
};

/** The sample at or before `at`; nothing older than an hour stands for it. */
export async function readSessions(db: Database, server_id: string, at: Date): Promise<SessionsAt> {
  const { rows } = await sql<SessionsAt>`
    with sample as (
      select * from health_activity where server_id = ${server_id} and at <= ${at} and at > ${at}::timestamptz - interval '1 hour'
      order by at desc limit 1
    )
    select sample.*,
      (select max(at) from health_activity where server_id = ${server_id} and at < sample.at) as previous_at,
      (select min(at) from health_activity where server_id = ${server_id} and at > sample.at) as next_at
    from sample`.execute(db);
  const nothing = { at: null, previous_at: null, next_at: null, sessions: [], idle: 0, omitted: 0 };
  return rows[0] ?? nothing;
}

const TEXT_SHOWN = 2_000;

/** What is known of the statements that `sessions` of a server were at. */
export async function readSessionStatements(
  db: Database,
  server_id: string,
  sessions: readonly Session[],
): Promise<SessionStatement[]> {
  const at = sessions.filter(
    ({ database, query_hash, fingerprint }) =>
      database !== null && (query_hash !== null || fingerprint !== null),
  );
  if (at.length === 0) return [];
  const column = (name: "database" | "query_hash" | "fingerprint") => at.map((each) => each[name]);
  const { rows } = await sql<SessionStatement>`
    with asked as (
      select distinct name, hash, case when hash is null then print end as print
      from unnest(${column("database")}::text[], ${column("query_hash")}::text[], ${column("fingerprint")}::text[])
        as asked (name, hash, print)
    )
    select distinct statements.id::text, database_id, databases.name as database, user_name, query_hash, fingerprint,
      left(query, ${TEXT_SHOWN}) as query
    from asked join health_databases as databases on databases.server_id = ${server_id} and databases.name = asked.name
      join health_statements as statements on statements.database_id = databases.id
        and (query_hash = asked.hash or fingerprint = asked.print)
    limit 5000`.execute(db);
  return rows;
}

export type SampleRow = {
  at: Date;
  active: number;
  blocked: number;
  longest_wait_s: number | null;
};
/** Every sample of so long a range; of a longer one what each payload says of its samples. */
const SAMPLES_UP_TO_MS = 2 * 3_600_000;

export async function readSamples(
  db: Database,
  server_id: string,
  { from, to }: Pick<Range, "from" | "to">,
): Promise<SampleRow[]> {
  if (to.getTime() - from.getTime() > SAMPLES_UP_TO_MS) {
    const { rows } = await sql<SampleRow>`
      select at, round(greatest((values ->> 'load')::float8, (values ->> 'blocked_sessions')::float8))::integer as active,
        round(coalesce((values ->> 'blocked_sessions')::float8, 0))::integer as blocked,
        (values ->> 'longest_wait_s')::float8 as longest_wait_s
      from health_metric_points where subject_id = ${server_id} and at > ${from} and at <= ${to} and values ? 'load'
      order by at`.execute(db);
    return rows;
  }
  const { rows } = await sql<SampleRow>`
    select at, count(*) filter (where session ->> 'state' = 'active' and session ->> 'backend_type' <> 'walsender')::integer as active,
      count(*) filter (where jsonb_array_length(coalesce(session -> 'blocked_by', '[]')) > 0)::integer as blocked,
      max(greatest(0, extract(epoch from at - coalesce(session -> 'waits_for' ->> 'since', session ->> 'query_start')::timestamptz))::float8)
        filter (where jsonb_array_length(coalesce(session -> 'blocked_by', '[]')) > 0) as longest_wait_s
    from health_activity left join jsonb_array_elements(sessions) as session on true
    where server_id = ${server_id} and at > ${from} and at <= ${to}
    group by at order by at`.execute(db);
  return rows;
}

/** The server as it was last read, by whichever of its databases brought it. */
export async function readServerStats(
  db: Database,
  server_id: string,
): Promise<{ at: Date; body: ServerStats } | undefined> {
  const { rows } = await sql<{ at: Date; body: ServerStats }>`
    select at, body from health_documents join health_databases on id = database_id
    where server_id = ${server_id} and section = 'server' order by day desc, at desc limit 1`.execute(
    db,
  );
  return rows[0];
}

/** Parts of the server's statistics that are not whole, each read by itself; as its main database's agent says. */
export async function readServerParts(
  db: Database,
  server_id: string,
): Promise<Record<string, SectionState>> {
  const { rows } = await sql<{ part: string; told: Collected[string] }>`
    select distinct on (part) part, told
    from health_databases, jsonb_each(collectors) as collected (part, told)
    where server_id = ${server_id} and part like 'server.%'
    order by part, is_main desc, last_seen_at desc, id`.execute(db);
  const states = rows.map(({ part, told }) => {
    const fresh = { collectors: { [part]: told }, interval_s: null, last_taken_at: null };
    return [part, sectionState(fresh, part, true)] as const;
  });
  return Object.fromEntries(states.filter(([, { state }]) => state !== "ok" && state !== "stale"));
}

export type SettingFilter = {
  search?: string | undefined;
  only?: "changed" | "not_default" | "pending_restart" | undefined;
};

export async function readSettings(
  db: Database,
  server_id: string,
  { search, only }: SettingFilter,
): Promise<Setting[]> {
  const { rows } = await sql<
    Omit<Setting, "changed_at" | "history"> & {
      history: { value: string | null; from_at: string; until_at: string | null }[];
    }
  >`
    select name, value, unit, category, source, default_value, pending_restart, context, (
        select jsonb_agg(jsonb_build_object('value', value, 'from_at', from_at, 'until_at', until_at) order by from_at desc)
        from health_settings as earlier where earlier.server_id = current.server_id and earlier.name = current.name
      ) as history
    from health_settings as current
    where server_id = ${server_id} and until_at is null
      and (${search ?? null}::text is null or name || ' ' || coalesce(category, '') ilike ${containing(search ?? "")})
      and (${only ?? null}::text is distinct from 'pending_restart' or pending_restart)
      and (${only ?? null}::text is distinct from 'not_default' or value is distinct from default_value and default_value is not null)
      and (${only ?? null}::text is distinct from 'changed' or exists (
        select from health_settings as earlier where earlier.server_id = current.server_id and earlier.name = current.name
          and earlier.until_at is not null))
    order by category nulls last, name`.execute(db);
  const iso = (at: string) => new Date(at).toISOString();
  return rows.map(({ history, ...setting }) => ({
    ...setting,
    // What it was when it was first seen is no change.
    changed_at: history.length > 1 ? iso(history[0]!.from_at) : null,
    history: history.map(({ value, from_at, until_at }) => {
      return { value, from_at: iso(from_at), until_at: until_at === null ? null : iso(until_at) };
    }),
  }));
}

export type SchemaVersion = { hash: string; from_at: Date; last_seen_at: Date };

/** The newest first. */
export async function readSchemaVersions(
  db: Database,
  database_id: string,
): Promise<SchemaVersion[]> {
  const { rows } = await sql<SchemaVersion>`
    select hash, from_at, last_seen_at from health_schema_versions where database_id = ${database_id}
    order by from_at desc limit 500`.execute(db);
  return rows;
}

/** The version that held at `at`; the first one for a time before it. */
export function versionAt(versions: readonly SchemaVersion[], at: Date): SchemaVersion | undefined {
  return versions.find(({ from_at }) => from_at <= at) ?? versions.at(-1);
}

export async function readSchema(
  db: Database,
  org_id: string,
  hash: string,
): Promise<SchemaSnapshot | undefined> {
  const { rows } = await sql<{ body: SchemaSnapshot }>`
    select body from health_schemas where org_id = ${org_id} and hash = ${hash}`.execute(db);
  return rows[0]?.body;
}
