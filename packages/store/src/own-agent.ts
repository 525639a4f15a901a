/** The agent of Quern's own database. */
import { randomUUID } from "node:crypto";
import type { JWK } from "jose";
import { sql } from "kysely";
import { type AgentCredentials, giveAgentKey, openSigningSecret } from "./agent-keys.ts";
import { recordAudit } from "./audit.ts";
import { type Database, inTransaction } from "./db.ts";
import { createAgent } from "./health-agents.ts";
import { readApiKeys } from "./keys.ts";
import { hashToken } from "./one-time-token.ts";
import { SecretError } from "./secrets.ts";

const NAME = "Quern's own database";
const origin = { request_id: "start", ip_address: "127.0.0.1" };

/**
 * What the built-in agent signs in with: `known` while it counts, else a new key in its place. The agent is made when there
 * is none; null when an admin revoked it, which stays so. Throws `KeysError`.
 */
export async function ensureOwnAgent(
  db: Database,
  keysDirectory: string,
  known: AgentCredentials | null,
): Promise<AgentCredentials | null> {
  const { own } = await readApiKeys(keysDirectory);
  return inTransaction(db, async (trx) => {
    // Two starts on one database: the second one waits, and finds it made.
    const { rows: orgs } = await sql<{ id: string }>`
      select id from orgs order by created_at limit 1 for no key update`.execute(trx);
    const org_id = orgs[0]!.id;
    const system = { org_id, user_id: null };
    const { rows } = await sql<{ id: string; revoked: boolean }>`
      select id, revoked_at is not null as revoked from health_agents
      where org_id = ${org_id} and built_in order by revoked_at is not null limit 1`.execute(trx);
    const found = rows[0];
    if (found?.revoked) return null;
    if (found && known && (await counts(trx, own, { org_id, id: found.id }, known))) return known;
    const id = found?.id ?? (await make(trx, org_id));
    await recordAudit(trx, system, origin, {
      action: found ? "agent.key_rotated" : "agent.created",
      resource_type: "agent",
      resource_id: id,
      details: found ? { overlap_hours: 0 } : { name: NAME, built_in: true },
    });
    return giveAgentKey(trx, own, { org_id, id }, 0);
  });
}

/** Whether the key is the agent's last one and signs with this secret. */
async function counts(
  db: Database,
  own: JWK[],
  agent: { org_id: string; id: string },
  known: AgentCredentials,
): Promise<boolean> {
  const { rows } = await sql<{ key_id: string; signing_secret: string }>`
    select id as key_id, signing_secret from health_agent_keys
    where agent_id = ${agent.id} and key_hash = ${hashToken(known.api_key)} and expires_at is null`.execute(
    db,
  );
  const key = rows[0];
  if (key === undefined) return false;
  try {
    const secret = await openSigningSecret(own, { org_id: agent.org_id, ...key });
    return secret === known.signing_secret;
  } catch (error) {
    // The API's keys were replaced: it could not check a signature either.
    if (error instanceof SecretError) return false;
    throw error;
  }
}

async function make(db: Database, org_id: string): Promise<string> {
  const id = randomUUID();
  const { rows } = await sql`
    select from health_agents where org_id = ${org_id} and lower(name) = lower(${NAME}) and revoked_at is null`.execute(
    db,
  );
  const name = rows.length === 0 ? NAME : `${NAME} ${id.slice(0, 8)}`;
  await createAgent(db, { org_id, user_id: null }, { id, name, built_in: true });
  return id;
}
