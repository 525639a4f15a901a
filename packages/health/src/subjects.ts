/** The server and the database that a payload is of, found or made, and locked until the transaction ends. */
import { createHash } from "node:crypto";
import type { AgentPayload } from "@quern/contract/agent/payload";
import type { Epochs } from "@quern/contract/agent/server";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import { PayloadError } from "./payload-error.ts";

export type Subjects = {
  server_id: string;
  database_id: string;
  /** As they were before this payload; null for a server that is new. */
  before: { version: string; in_recovery: boolean | null; epochs: Epochs | null } | null;
  database_before: { last_taken_at: Date | null; last_sequence: number | null };
};

/** Far more than one installation is made for; an agent that makes up databases is stopped there. */
const MOST_DATABASES = 10_000;
/** So long after an agent's last payload another one may take its server over. */
const TAKEOVER = "5 minutes";

/**
 * "taken" when another agent sent for this server within the last minutes: nothing is made then. Throws `PayloadError` for
 * a database of another server, and for one too many.
 */
export async function findSubjects(
  db: Database,
  agent: { id: string; org_id: string },
  payload: AgentPayload,
): Promise<Subjects | "taken"> {
  const { database } = payload;
  const node_id = payload.node_id ?? hash(payload.instance_id);
  const name =
    payload.node_name ?? database.name ?? `${database.type} ${payload.instance_id.slice(0, 8)}`;
  // Both rows are made first and locked by the same order, so that two payloads wait and do not lock each other out.
  await sql`
    insert into health_servers (org_id, agent_id, node_id, cluster_id, name, type, version, version_num, provider)
    values (${agent.org_id}, ${agent.id}, ${node_id}, ${payload.cluster_id ?? null}, ${name}, ${database.type},
      ${database.version}, ${database.version_num ?? null}, ${database.provider})
    on conflict (org_id, node_id) do nothing`.execute(db);
  const { rows: servers } = await sql<{
    id: string;
    version: string;
    in_recovery: boolean | null;
    epochs: Epochs | null;
    other: boolean;
    fresh: boolean;
  }>`
    select id, version, in_recovery, epochs, first_seen_at = now() as fresh,
      agent_id is not null and agent_id <> ${agent.id} and last_seen_at > now() - ${TAKEOVER}::interval as other
    from health_servers where org_id = ${agent.org_id} and node_id = ${node_id} for update`.execute(
    db,
  );
  const server = servers[0]!;
  if (server.other) return "taken";
  const { numAffectedRows: made } = await sql`
    insert into health_databases (org_id, server_id, instance_id, name)
    values (${agent.org_id}, ${server.id}, ${payload.instance_id}, ${database.name ?? name})
    on conflict (org_id, instance_id) do nothing`.execute(db);
  if (made === 1n) await demandRoom(db, agent.org_id);
  const { rows } = await sql<{
    id: string;
    server_id: string;
    last_taken_at: Date | null;
    last_sequence: number | null;
  }>`
    select id, server_id, last_taken_at, last_sequence from health_databases
    where org_id = ${agent.org_id} and instance_id = ${payload.instance_id} for update`.execute(db);
  const { id, server_id, ...database_before } = rows[0]!;
  if (server_id !== server.id)
    throw new PayloadError("instance_id", "is that of a database of another server (node_id)");
  return {
    ...{ server_id, database_id: id, database_before },
    before: server.fresh ? null : server,
  };
}

async function demandRoom(db: Database, org_id: string): Promise<void> {
  const { rows } = await sql<{ room: boolean }>`
    select count(*) <= ${MOST_DATABASES} as room from health_databases where org_id = ${org_id}`.execute(
    db,
  );
  if (rows[0]!.room) return;
  throw new PayloadError(
    "instance_id",
    `would be one more than ${MOST_DATABASES} monitored databases: forget those that are gone`,
  );
}

/** Notes what the payload says of both. The caller has decided that it is taken. */
export async function noteSubjects(
  db: Database,
  agent_id: string,
  { server_id, database_id }: Subjects,
  payload: AgentPayload,
  interval_s: number | null,
): Promise<void> {
  const { database, server, epochs } = payload;
  await sql`
    update health_servers set agent_id = ${agent_id}, cluster_id = coalesce(${payload.cluster_id ?? null}, cluster_id),
      name = coalesce(${payload.node_name ?? null}, name), version = ${database.version},
      version_num = coalesce(${database.version_num ?? null}, version_num), provider = ${database.provider},
      provider_metadata = ${JSON.stringify(database.provider_metadata ?? {})}::jsonb,
      in_recovery = coalesce(${server?.in_recovery ?? null}, in_recovery),
      epochs = coalesce(${server && epochs ? JSON.stringify(epochs) : null}::jsonb, epochs), last_seen_at = now()
    where id = ${server_id}`.execute(db);
  const results = Object.fromEntries(
    (payload.collectors ?? []).map((result) => [result.name, { ...result, at: payload.timestamp }]),
  );
  await sql`
    update health_databases set name = coalesce(${database.name ?? null}, name), is_main = is_main or ${server !== undefined},
      last_taken_at = greatest(last_taken_at, ${payload.timestamp}::timestamptz),
      last_sequence = coalesce(${payload.sequence ?? null}, last_sequence), interval_s = coalesce(${interval_s}, interval_s),
      collectors = collectors || ${JSON.stringify(results)}::jsonb, last_seen_at = now()
    where id = ${database_id}`.execute(db);
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
