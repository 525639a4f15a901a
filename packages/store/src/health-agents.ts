/** Agents, their keys, and how they do. */
import type { AgentStats } from "@quern/contract/agent/payload";
import { sql } from "kysely";
import type { Database } from "./db.ts";
import { hashToken, newToken } from "./one-time-token.ts";

/** Registered so that secret scanners can know it. */
const PREFIX = "qra_";

export type AgentRow = {
  id: string;
  name: string;
  version: string | null;
  status: string | null;
  error: string | null;
  stats: AgentStats | null;
  clock_offset_ms: number | null;
  last_seen_at: Date | null;
  last_payload_at: Date | null;
  rejected_at: Date | null;
  rejected_reason: string | null;
  built_in: boolean;
  created_at: Date;
  revoked_at: Date | null;
  keys: {
    id: string;
    prefix: string;
    created_at: string;
    expires_at: string | null;
    last_used_at: string | null;
  }[];
  databases: AgentDatabaseRow[];
};
export type AgentDatabaseRow = {
  id: string;
  name: string;
  server_name: string;
  last_taken_at: string | null;
  interval_s: number | null;
  collectors: Record<
    string,
    { status: string; code: string | null; hint: string | null; at: string }
  >;
};

/** Agents of the organisation, live ones first; `id` for one of them. */
export async function listAgents(db: Database, org_id: string, id?: string): Promise<AgentRow[]> {
  const { rows } = await sql<AgentRow>`
    select agents.id, agents.name, version, status, error, stats, clock_offset_ms, agents.last_seen_at, last_payload_at,
      rejected_at, rejected_reason, built_in, agents.created_at, revoked_at,
      coalesce((select jsonb_agg(jsonb_build_object('id', keys.id, 'prefix', prefix, 'created_at', keys.created_at,
          'expires_at', expires_at, 'last_used_at', last_used_at) order by keys.created_at desc, keys.id)
        from health_agent_keys as keys
        where agent_id = agents.id and (expires_at is null or expires_at > now())), '[]') as keys,
      coalesce((select jsonb_agg(jsonb_build_object('id', databases.id, 'name', databases.name, 'server_name', servers.name,
          'last_taken_at', databases.last_taken_at, 'interval_s', databases.interval_s, 'collectors', databases.collectors)
          order by servers.name, databases.name)
        from health_servers as servers join health_databases as databases on databases.server_id = servers.id
        where servers.agent_id = agents.id), '[]') as databases
    from health_agents as agents
    where agents.org_id = ${org_id} and (${id ?? null}::uuid is null or agents.id = ${id ?? null}::uuid)
    order by revoked_at is not null, lower(agents.name)`.execute(db);
  return rows;
}

export async function createAgent(
  db: Database,
  actor: { org_id: string; user_id: string | null },
  agent: { id: string; name: string; built_in?: boolean },
): Promise<void> {
  await sql`
    insert into health_agents (id, org_id, name, built_in, created_by)
    values (${agent.id}, ${actor.org_id}, ${agent.name}, ${agent.built_in ?? false}, ${actor.user_id})`.execute(
    db,
  );
}

/** A new key: only this reply has it in clear. */
export function newAgentKey(): string {
  return newToken(PREFIX);
}

/** Adds a key. Those that lived before end in `overlap_hours`, and one that was ending already ends now: at most two live. */
export async function addAgentKey(
  db: Database,
  agent_id: string,
  key: { id: string; api_key: string; signing_secret: string },
  overlap_hours: number,
): Promise<void> {
  await sql`
    update health_agent_keys
    set expires_at = case when expires_at is null then now() + ${overlap_hours} * interval '1 hour' else now() end
    where agent_id = ${agent_id} and (expires_at is null or expires_at > now())`.execute(db);
  await sql`
    insert into health_agent_keys (id, agent_id, prefix, key_hash, signing_secret)
    values (${key.id}, ${agent_id}, ${key.api_key.slice(0, PREFIX.length + 6)}, ${hashToken(key.api_key)}, ${key.signing_secret})`.execute(
    db,
  );
}

/** False when there is no such live agent. */
export async function renameAgent(
  db: Database,
  org_id: string,
  id: string,
  name: string,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update health_agents set name = ${name} where org_id = ${org_id} and id = ${id} and revoked_at is null`.execute(
    db,
  );
  return numAffectedRows === 1n;
}

/** What it sent stays; nothing more is taken. False when there is no such live agent. */
export async function revokeAgent(db: Database, org_id: string, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update health_agents set revoked_at = now() where org_id = ${org_id} and id = ${id} and revoked_at is null`.execute(
    db,
  );
  if (numAffectedRows !== 1n) return false;
  await sql`update health_agent_keys set expires_at = now() where agent_id = ${id} and (expires_at is null or expires_at > now())`.execute(
    db,
  );
  return true;
}

export type SendingAgent = {
  id: string;
  org_id: string;
  key_id: string;
  name: string;
  signing_secret: string;
};

/** The agent that a live key stands for. */
export async function findAgentByKey(
  db: Database,
  api_key: string,
): Promise<SendingAgent | undefined> {
  const { rows } = await sql<SendingAgent>`
    with used as (
      update health_agent_keys set last_used_at = now()
      where key_hash = ${hashToken(api_key)} and (last_used_at is null or last_used_at < now() - interval '1 minute')
    )
    select agents.id, agents.org_id, keys.id as key_id, agents.name, keys.signing_secret
    from health_agent_keys as keys join health_agents as agents on agents.id = keys.agent_id
    where keys.key_hash = ${hashToken(api_key)} and (keys.expires_at is null or keys.expires_at > now())
      and agents.revoked_at is null`.execute(db);
  return rows[0];
}

/** What an agent says of itself with a payload or a heartbeat. */
export type SignOfAgent = {
  version: string;
  status: string;
  error: string | null;
  clock_offset_ms: number | null;
  stats: AgentStats | null;
  payload: boolean;
};

export async function noteAgent(db: Database, id: string, sign: SignOfAgent): Promise<void> {
  await sql`
    update health_agents set version = ${sign.version}, status = ${sign.status}, error = ${sign.error},
      clock_offset_ms = coalesce(${sign.clock_offset_ms}, clock_offset_ms),
      stats = coalesce(${sign.stats === null ? null : JSON.stringify(sign.stats)}::jsonb, stats),
      last_seen_at = now(), last_payload_at = case when ${sign.payload} then now() else last_payload_at end,
      rejected_at = case when ${sign.payload} then null else rejected_at end,
      rejected_reason = case when ${sign.payload} then null else rejected_reason end
    where id = ${id}`.execute(db);
}

/** Why what it sent last was not taken: shown on its page. */
export async function noteRejected(db: Database, id: string, reason: string): Promise<void> {
  await sql`
    update health_agents set rejected_at = now(), rejected_reason = ${reason.slice(0, 500)}, last_seen_at = now()
    where id = ${id}`.execute(db);
}
