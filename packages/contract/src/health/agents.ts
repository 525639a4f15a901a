/** Agents and what they may send. */
import { z } from "zod";
import { Heartbeat, IngestAnswer } from "../agent/answers.ts";
import { AgentStats } from "../agent/payload.ts";
import { route } from "../route.ts";
import { id, instant, name, page } from "../text.ts";
import { AgentState } from "./databases.ts";
import { SectionState } from "./ranges.ts";

export const Agent = z
  .strictObject({
    id,
    name: z.string(),
    state: AgentState,
    version: z.string().nullable(),
    built_in: z.boolean(),
    last_seen_at: instant.nullable(),
    last_payload_at: instant.nullable(),
    clock_offset_ms: z.number().nullable(),
    error: z.string().nullable(),
    rejected: z.strictObject({ at: instant, reason: z.string() }).nullable(),
    stats: AgentStats.nullable(),
    keys: z.array(
      z.strictObject({
        id,
        prefix: z.string(),
        created_at: instant,
        expires_at: instant.nullable(),
        last_used_at: instant.nullable(),
      }),
    ),
    databases: z.array(
      z.strictObject({
        id,
        name: z.string(),
        server_name: z.string(),
        lag_s: z.number().nullable(),
        missing: z
          .array(SectionState.extend({ section: z.string() }))
          .describe("Sections that are not whole, with the GRANT that mends them"),
      }),
    ),
    created_at: instant,
    revoked_at: instant.nullable(),
  })
  .meta({ id: "Agent" });
export type Agent = z.infer<typeof Agent>;

/** Shown once. */
export const AgentSecret = z
  .strictObject({
    agent: Agent,
    api_key: z.string(),
    signing_secret: z.string(),
    endpoint: z.string().describe("Where it sends to"),
  })
  .meta({ id: "AgentSecret" });
export type AgentSecret = z.infer<typeof AgentSecret>;

const tag = "agents";
const byId = z.strictObject({ id });

export const listAgents = route({
  operation: "listAgents",
  summary: "Agents and how they do",
  tag,
  method: "GET",
  path: "/api/v1/agents",
  replies: { 200: page(Agent) },
});

export const createAgent = route({
  operation: "createAgent",
  summary: "Make an agent; the reply is the only place that shows its key and secret",
  tag,
  method: "POST",
  path: "/api/v1/agents",
  body: z.strictObject({ name }),
  replies: { 201: AgentSecret },
});

export const rotateAgentKey = route({
  operation: "rotateAgentKey",
  summary: "Give an agent a new key and secret; the ones before hold for a while",
  tag,
  method: "POST",
  path: "/api/v1/agents/:id/rotate-key",
  params: byId,
  body: z.strictObject({
    overlap_hours: z
      .int()
      .min(0)
      .max(168)
      .optional()
      .describe("24 when left out, 0 when it leaked"),
  }),
  replies: { 200: AgentSecret },
});

export const renameAgent = route({
  operation: "renameAgent",
  summary: "Rename an agent",
  tag,
  method: "PATCH",
  path: "/api/v1/agents/:id",
  params: byId,
  body: z.strictObject({ name }),
  replies: { 200: Agent },
});

export const revokeAgent = route({
  operation: "revokeAgent",
  summary: "Revoke an agent: nothing more is taken from it; what it sent stays",
  tag,
  method: "DELETE",
  path: "/api/v1/agents/:id",
  params: byId,
  replies: { 204: z.null() },
});

/**
 * A payload: JSON, gzip or not, signed (contract: agent/answers). Also at `/v1/ingest`, for agents of old. Problems:
 * wrong_credentials (401), invalid_signature and stale_timestamp (401), payload_too_large (413), invalid_payload (422 with
 * paths), unavailable (503 with Retry-After).
 */
export const ingest = route({
  operation: "ingest",
  summary: "Take a payload of an agent",
  tag,
  method: "POST",
  path: "/api/v1/ingest",
  replies: { 200: IngestAnswer, 202: IngestAnswer },
});

export const heartbeat = route({
  operation: "heartbeat",
  summary: "An agent says that it lives; also at /v1/heartbeat",
  tag,
  method: "POST",
  path: "/api/v1/heartbeat",
  body: Heartbeat,
  replies: {
    200: z.strictObject({ status: z.literal("ok"), next_interval_s: z.int().nullable() }),
  },
});

export const readIngestHealth = route({
  operation: "readIngestHealth",
  summary: "Whether the key is good; also at /v1/health",
  tag,
  method: "GET",
  path: "/api/v1/health",
  replies: { 200: z.strictObject({ status: z.literal("ok"), agent: z.string() }) },
});
