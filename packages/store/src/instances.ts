/** Instances that people keep, as people see them, and what they ask of them. The server itself is the sandbox's. */
import type { Instance } from "@quern/contract/instances";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { isUuid, toPage } from "./page.ts";
import { personRef } from "./queries.ts";
import { readSettings } from "./settings.ts";

type Proxy = { host: string; port: number; tls: boolean };

type Row = Omit<
  Instance,
  | "connection"
  | "expires_at"
  | "may_extend_to"
  | "last_used_at"
  | "created_at"
  | "started_at"
  | "ended_at"
> & {
  proxy: Proxy | null;
  has_password: boolean;
  expires_at: Date;
  may_extend_to: Date;
  last_used_at: Date | null;
  created_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
};

export type InstanceFilter = {
  status: "live" | "ended" | "all";
  /** Everybody's, for an admin; else the actor's own. */
  everybody: boolean;
  project_id: string | null;
  limit: number;
  cursor: string | null;
};

/** Newest first. */
export async function listInstances(
  db: Database,
  actor: Actor,
  filter: InstanceFilter,
): Promise<{ items: Instance[]; next_cursor: string | null }> {
  const after = filter.cursor !== null && isUuid(filter.cursor) ? filter.cursor : null;
  const rows = await readRows(db, actor, { ...filter, after, id: null });
  return toPage(rows, filter.limit, (last) => last.id);
}

/** Undefined when there is none that the actor may see. */
export async function readInstance(
  db: Database,
  actor: Actor,
  id: string,
): Promise<Instance | undefined> {
  const [found] = await readRows(db, actor, {
    status: "all",
    everybody: true,
    project_id: null,
    limit: 1,
    after: null,
    id,
  });
  return found;
}

async function readRows(
  db: Database,
  actor: Actor,
  filter: Omit<InstanceFilter, "cursor"> & { after: string | null; id: string | null },
): Promise<Instance[]> {
  const { instances: bounds } = await readSettings(db, actor.org_id);
  const all = actor.role === "admin" && filter.everybody;
  // One whose sandbox gives no sign of life has ended, whether somebody has written it down yet or not.
  const { rows } = await sql<Row>`
    with seen as (
      select instances.*, instances.ended_at is null and instances.lease_until < now() as lost
      from instances
      where instances.org_id = ${actor.org_id}
        and (${all} or instances.owner_id = ${actor.user_id})
        and (${filter.id}::uuid is null or instances.id = ${filter.id})
        and (${filter.after}::uuid is null or instances.id < ${filter.after})
        and (${filter.project_id}::uuid is null or instances.project_id = ${filter.project_id})
    )
    select seen.id, seen.name, case when lost then 'ended' else seen.status end as status,
      ${personRef("owners")} as owner,
      case when projects.id is not null then jsonb_build_object('id', projects.id, 'name', projects.name) end as project,
      seen.job_id, encode(seen.state_key, 'hex') as state_key, seen.engine, seen.environment, seen.proxy,
      exists (select from instance_logins where instance_id = seen.id and purpose = 'person') as has_password,
      (select datasources.id from datasources where datasources.instance_id = seen.id and datasources.deleted_at is null) as datasource_id,
      seen.ttl_s, seen.expires_at,
      greatest(0, ceil(extract(epoch from seen.expires_at - now())))::integer as remaining_s,
      now() + ${bounds.ttl_s.maximum} * interval '1 second' as may_extend_to,
      case when lost then 0 else seen.connections end as connections,
      seen.last_used_at, seen.resets, seen.created_at, seen.started_at,
      case when lost then seen.lease_until else seen.ended_at end as ended_at,
      case when lost then 'sandbox_lost' else seen.end_reason end as end_reason,
      case when lost then 'The sandbox process that had it is gone.' else seen.end_detail end as end_detail,
      true as may_change
    from seen
    left join users as owners on owners.id = seen.owner_id
    left join projects on projects.id = seen.project_id
    where ${filter.status} = 'all' or (${filter.status} = 'ended') = (seen.ended_at is not null or lost)
    order by seen.id desc
    limit ${filter.limit + 1}`.execute(db);
  return rows.map(toInstance);
}

function toInstance({ proxy, has_password, ...row }: Row): Instance {
  return {
    ...row,
    connection:
      proxy === null || row.status === "ended"
        ? null
        : {
            host: proxy.host,
            port: proxy.port,
            database: "project",
            user: row.name,
            sslmode: proxy.tls ? "require" : "disable",
            url: connectionUrl(proxy, row.name, null),
            has_password,
          },
    expires_at: row.expires_at.toISOString(),
    may_extend_to: row.may_extend_to.toISOString(),
    last_used_at: row.last_used_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    ended_at: row.ended_at?.toISOString() ?? null,
  };
}

/** A URL that psql and every driver take. */
export function connectionUrl(proxy: Proxy, user: string, password: string | null): string {
  const who = password === null ? user : `${user}:${encodeURIComponent(password)}`;
  const host = proxy.host.includes(":") ? `[${proxy.host}]` : proxy.host;
  return `postgres://${who}@${host}:${proxy.port}/project?sslmode=${proxy.tls ? "require" : "disable"}`;
}

export type LiveInstance = { id: string; name: string; proxy: Proxy | null };

/** The instance, locked, when it is alive and the actor may change it. */
export async function lockInstance(
  db: Database,
  actor: Actor,
  id: string,
): Promise<LiveInstance | undefined> {
  const { rows } = await sql<LiveInstance>`
    select id, name, proxy from instances
    where id = ${id} and org_id = ${actor.org_id} and ended_at is null and lease_until >= now()
      and (owner_id = ${actor.user_id} or ${actor.role === "admin"})
    for no key update`.execute(db);
  return rows[0];
}

/** The datasource that it is already; undefined when it is none. Call with the instance locked. */
export async function datasourceOfInstance(db: Database, id: string): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from datasources where instance_id = ${id} and deleted_at is null`.execute(db);
  return rows[0]?.id;
}

/** Replaces the login of a purpose; sessions that are open stay. `user_name` is the instance's name for a person. */
export async function setLogin(
  db: Database,
  instance: { id: string },
  login: { user_name: string; purpose: "person" | "datasource"; verifier: string },
): Promise<void> {
  await sql`
    insert into instance_logins (user_name, instance_id, purpose, verifier)
    values (${login.user_name}, ${instance.id}, ${login.purpose}, ${login.verifier})
    on conflict (instance_id, purpose) do update
      set user_name = excluded.user_name, verifier = excluded.verifier, created_at = now()`.execute(
    db,
  );
}

/** Asks the sandbox; it hears by the notification, or sees it when it renews. */
export async function requestCommand(
  db: Database,
  id: string,
  command: "reset" | "stop",
): Promise<void> {
  const column = sql.ref(command === "reset" ? "reset_requested_at" : "stop_requested_at");
  await sql`
    update instances set ${column} = coalesce(${column}, now()),
      status = case when ${command} = 'reset' and status = 'running' then 'resetting' else status end
    where id = ${id} and ended_at is null`.execute(db);
  await sql`select pg_notify('quern_instances', ${id})`.execute(db);
}

export async function extendInstance(db: Database, id: string, ttl_s: number): Promise<void> {
  await sql`
    update instances set expires_at = now() + ${ttl_s} * interval '1 second', ttl_s = ${ttl_s}
    where id = ${id} and ended_at is null`.execute(db);
  await sql`select pg_notify('quern_instances', ${id})`.execute(db);
}
