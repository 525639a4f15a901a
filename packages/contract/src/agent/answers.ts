/** What the ingest answers an agent, and the words both use in headers. */
import { z } from "zod";

/** HMAC-SHA256 over `<unix seconds>.<body as sent, before compression>`, in hexadecimal. */
export const SIGNATURE_HEADER = "x-signature";
export const SIGNATURE_TIMESTAMP_HEADER = "x-signature-timestamp";
export const AGENT_VERSION_HEADER = "x-agent-version";
export const SIGNATURE_WINDOW_S = 300;

export const IngestAnswer = z
  .object({
    status: z.enum(["stored", "duplicate", "paused"]),
    next_interval_s: z.int().nullable().describe("When the server wishes payloads less often"),
    want_texts: z.array(z.string()).describe("query_hash of statements whose text is not known"),
    want_schema: z.boolean().describe("The schema of the sent hash is not known"),
    paused: z
      .boolean()
      .describe("Another agent already sends for this database: only heartbeats are wanted"),
  })
  .meta({ id: "IngestAnswer" });
export type IngestAnswer = z.infer<typeof IngestAnswer>;

/** As the original agent sends it, and what ours adds. */
export const Heartbeat = z.object({
  status: z.string().max(64),
  agent_version: z.string().max(64),
  timestamp: z.iso.datetime({ offset: true }),
  node_id: z.string().max(64).optional(),
  instance_id: z.string().max(128).optional(),
  error: z.string().max(2_000).nullable().optional(),
});
export type Heartbeat = z.infer<typeof Heartbeat>;
