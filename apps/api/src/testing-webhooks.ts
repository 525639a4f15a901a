/** Receivers of webhooks and things to tell them. Only tests may import this file. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@quern/contract/client";
import type { JobNews } from "@quern/contract/webhook-events";
import { createWebhook, listWebhookDeliveries } from "@quern/contract/webhooks";
import type { Actor } from "@quern/store/actor";
import type { Database } from "@quern/store/db";
import { enqueueDeliveries } from "@quern/store/webhook-events";

export type Received = { headers: IncomingHttpHeaders; body: string };
export type Receiver = { url: string; received: Received[]; close(): void };

/** A receiver on this machine; `answer` replies once the message is read. */
export async function receive(answer: RequestListener): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, reply) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      received.push({ headers: request.headers, body });
      answer(request, reply);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/in?token=hidden`,
    received,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export const receiveWell = () => receive((_request, reply) => reply.writeHead(204).end());

export const makeWebhook = (client: Client, name: string, url: string) =>
  client.call(createWebhook, { body: { name, url, events: ["job.completed", "job.failed"] } });

/** Says that a job completed. */
export const happen = (db: Database, { org_id }: Actor) =>
  enqueueDeliveries(db, { org_id, event: "job.completed", created_at: new Date(), job: JOB });

/** The newest delivery, once an attempt to send it has ended. */
export async function tried(client: Client, id: string) {
  for (;;) {
    const { items } = await client.call(listWebhookDeliveries, { params: { id } });
    const newest = items[0];
    if (newest?.last && newest.last.duration_ms !== null) return newest;
    await delay(20);
  }
}

export const JOB: JobNews = {
  id: "018f0000-0000-7000-8000-000000000001",
  type: "run",
  request_id: "r",
  project_id: null,
  user_id: null,
  status: "completed",
  head_path: "test/x.sql",
  tail_hash: "ab",
  snapshot: {
    state_key: "cd",
    layer_id: null,
    hit: "prefix",
    replayed_steps: 1,
    reproducible: true,
  },
  run_id: null,
  rows: 1,
  error: null,
  metrics: { latency_ms: 12 },
  telemetry_context: { trace: "x" },
  created_at: "2026-01-01T00:00:00.000Z",
  finished_at: "2026-01-01T00:00:01.000Z",
};
