/** What an agent sends, for tests of the ingest. Only tests may import this file. */
import { createHmac, randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { IngestAnswer } from "@quern/contract/agent/answers";
import type { AgentPayload } from "@quern/contract/agent/payload";
import type { Epochs } from "@quern/contract/agent/server";
import type { StatementStats } from "@quern/contract/agent/statements";

export const EPOCHS: Epochs = {
  ...{ archiver_stats_reset: "2026-03-01T10:00:00Z", bgwriter_stats_reset: "2026-03-01T10:00:00Z" },
  ...{ database_stats_reset: null, statements_stats_reset: "2026-03-01T10:00:00Z" },
  ...{ timeline: 1, postmaster_start: "2026-03-01T10:00:00Z", server_time: null },
};

/** A small payload of a database `shop`; `more` replaces sections. */
export function payloadOf(more: Partial<AgentPayload> = {}): AgentPayload {
  return {
    ...{ agent_version: "0.1.0", timestamp: new Date().toISOString(), instance_id: "i".repeat(32) },
    database: {
      type: "postgres",
      version: "PostgreSQL 18.4",
      provider: "generic",
      name: "shop",
      version_num: 180004,
    },
    ...{
      snapshot_uuid: randomUUID(),
      node_id: "n".repeat(32),
      node_name: "db1:5432",
      epochs: EPOCHS,
    },
    ...more,
  };
}

export function statementOf(
  query_hash: string,
  calls: number,
  more: Partial<StatementStats> = {},
): StatementStats {
  return {
    ...{ query_hash, query: `select ${query_hash}`, calls, total_time_ms: calls * 2, rows: calls },
    ...{ shared_blks_hit: calls, shared_blks_read: 0, ...more },
  };
}

export type Credentials = { api_key: string; signing_secret: string };
type Sending = {
  path?: string;
  gzip?: boolean;
  timestamp?: number;
  signature?: string;
  body?: string | Buffer;
  encoding?: string;
};

type SendAnswer = IngestAnswer & {
  code?: string;
  detail?: string;
  errors?: { path: string }[];
};

/** Sends `payload` as an agent does; the answer's status and body. */
export async function send(
  address: string,
  { api_key, signing_secret }: Credentials,
  payload: unknown,
  sending: Sending = {},
): Promise<{ status: number; body: SendAnswer }> {
  const body = sending.body ?? JSON.stringify(payload);
  const timestamp = sending.timestamp ?? Math.floor(Date.now() / 1000);
  const signature =
    sending.signature ??
    createHmac("sha256", signing_secret).update(`${timestamp}.`).update(body).digest("hex");
  const encoding = sending.encoding ?? (sending.gzip ? "gzip" : undefined);
  const response = await fetch(`${address}${sending.path ?? "/api/v1/ingest"}`, {
    method: "POST",
    headers: {
      ...{ authorization: `Bearer ${api_key}`, "content-type": "application/json" },
      ...{
        "x-signature": signature,
        "x-signature-timestamp": String(timestamp),
        "x-agent-version": "0.1.0",
      },
      ...(encoding === undefined ? {} : { "content-encoding": encoding }),
    },
    body: sending.gzip ? gzipSync(body) : body,
  });
  return { status: response.status, body: (await response.json()) as SendAnswer };
}
