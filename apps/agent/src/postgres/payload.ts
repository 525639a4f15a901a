import type { CollectedPayload } from "../collector.ts";
import type { Provider } from "../config/agent-config.ts";
import { type Identity, instanceId } from "../engine/identity.ts";
import type { Draft } from "./database-payload.ts";
import type { Memory } from "./memory.ts";

/** The payload of one database; none for a database that was dropped since it was listed. */
export function payloadOf(
  { database, outcomes, facts, parts }: Draft,
  memory: Memory,
  identity: Identity,
  configured: Provider | null,
  agentVersion: string,
  now: number,
): CollectedPayload[] {
  if (
    outcomes.results.some(({ name, sqlstate }) => name === "connection" && sqlstate === "3D000")
  ) {
    return [];
  }
  const instance_id = instanceId(identity.node_id, database.name);
  memory.instances.set(instance_id, database);
  const found = memory.provider?.found;
  return [
    {
      agent_version: agentVersion,
      timestamp: new Date(now).toISOString(),
      instance_id,
      database: {
        type: "postgres",
        version: (facts?.version ?? memory.version ?? "").slice(0, 500),
        provider: configured ?? found?.provider ?? "generic",
        provider_metadata: {
          evidence: found?.evidence ?? {},
          detected: found?.provider ?? "generic",
          pooler: found?.pooler ?? false,
        },
        name: database.name,
        ...(facts === null ? {} : { version_num: facts.version_num }),
      },
      ...identity,
      ...parts,
      collectors: outcomes.results.slice(0, 200),
    },
  ];
}
