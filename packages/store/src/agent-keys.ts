/** What an agent signs in with. The key is kept as a hash, the secret sealed under the API's own keys. */
import { randomBytes, randomUUID } from "node:crypto";
import type { JWK } from "jose";
import type { Database } from "./db.ts";
import { addAgentKey, newAgentKey } from "./health-agents.ts";
import { openOwnSecret, sealOwnSecret } from "./own-secrets.ts";

export type AgentCredentials = { api_key: string; signing_secret: string };

/** Gives the agent a key, in clear in this reply alone. Those before live for `overlap_hours` more. */
export async function giveAgentKey(
  db: Database,
  own: JWK[],
  agent: { org_id: string; id: string },
  overlap_hours: number,
): Promise<AgentCredentials> {
  const id = randomUUID();
  const api_key = newAgentKey();
  const signing_secret = randomBytes(32).toString("base64url");
  const sealed = await sealOwnSecret(own, bindingOf(agent.org_id, id), signing_secret);
  await addAgentKey(db, agent.id, { id, api_key, signing_secret: sealed }, overlap_hours);
  return { api_key, signing_secret };
}

/** Throws `SecretError`. */
export async function openSigningSecret(
  own: JWK[],
  key: { org_id: string; key_id: string; signing_secret: string },
): Promise<string> {
  return openOwnSecret(own, bindingOf(key.org_id, key.key_id), key.signing_secret);
}

function bindingOf(org: string, id: string) {
  return { org, kind: "agent_key", id, version: 1 } as const;
}
