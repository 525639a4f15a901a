import { randomUUID } from "node:crypto";
import {
  type Agent,
  createAgent,
  listAgents,
  renameAgent,
  revokeAgent,
  rotateAgentKey,
} from "@quern/contract/health/agents";
import type { Actor } from "@quern/store/actor";
import { giveAgentKey } from "@quern/store/agent-keys";
import { recordAudit } from "@quern/store/audit";
import { type Database, inTransaction } from "@quern/store/db";
import * as agents from "@quern/store/health-agents";
import type { FastifyInstance } from "fastify";
import { agentView } from "../agent-view.ts";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

const OVERLAP_HOURS = 24;
const resource_type = "agent";

/** Agents that send what they find in databases. An admin's: a key lets its bearer write what all see. */
export function addAgentRoutes(app: FastifyInstance, api: Api): void {
  const read = { action: "agents.read" as const };
  const write = { action: "agents.write" as const };

  serve(app, api, listAgents, read, async ({ actor }) => ({
    items: (await agents.listAgents(api.db, actor.org_id)).map((row) => agentView(row)),
    next_cursor: null,
  }));

  serve(app, api, createAgent, write, async ({ actor, body, origin }) =>
    inTransaction(api.db, async (trx) => {
      const id = randomUUID();
      await agents.createAgent(trx, actor, { id, name: body.name });
      const secrets = await giveKey(api, trx, actor, id, 0);
      await recordAudit(trx, actor, origin, {
        action: "agent.created",
        resource_type,
        resource_id: id,
        details: body,
      });
      return { agent: await found(trx, actor, id), ...secrets };
    }),
  );

  serve(app, api, rotateAgentKey, write, async ({ actor, params: { id }, body, origin }) =>
    inTransaction(api.db, async (trx) => {
      const { revoked_at } = await found(trx, actor, id);
      if (revoked_at !== null) throw notFound("agent");
      const overlap_hours = body.overlap_hours ?? OVERLAP_HOURS;
      const secrets = await giveKey(api, trx, actor, id, overlap_hours);
      const details = { overlap_hours };
      await recordAudit(trx, actor, origin, {
        action: "agent.key_rotated",
        resource_type,
        resource_id: id,
        details,
      });
      return { agent: await found(trx, actor, id), ...secrets };
    }),
  );

  serve(app, api, renameAgent, write, async ({ actor, params: { id }, body, origin }) =>
    inTransaction(api.db, async (trx) => {
      if (!(await agents.renameAgent(trx, actor.org_id, id, body.name))) throw notFound("agent");
      await recordAudit(trx, actor, origin, {
        action: "agent.renamed",
        resource_type,
        resource_id: id,
        details: body,
      });
      return found(trx, actor, id);
    }),
  );

  serve(app, api, revokeAgent, write, async ({ actor, params: { id }, origin }) =>
    inTransaction(api.db, async (trx) => {
      if (!(await agents.revokeAgent(trx, actor.org_id, id))) throw notFound("agent");
      await recordAudit(trx, actor, origin, {
        action: "agent.revoked",
        resource_type,
        resource_id: id,
        details: {},
      });
      return null;
    }),
  );
}

async function found(db: Database, actor: Actor, id: string): Promise<Agent> {
  const [row] = await agents.listAgents(db, actor.org_id, id);
  if (row === undefined) throw notFound("agent");
  return agentView(row);
}

/** A key and a secret, in clear here and nowhere else. */
async function giveKey(
  api: Api,
  db: Database,
  { org_id }: Actor,
  id: string,
  overlap_hours: number,
) {
  const credentials = await giveAgentKey(db, api.keys.own, { org_id, id }, overlap_hours);
  return { ...credentials, endpoint: `${api.baseUrl}/api/v1/ingest` };
}
