/** The other side of the protocol, as far as an agent sees it: checks what it must, answers what the test says. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { Heartbeat, IngestAnswer } from "@quern/contract/agent/answers";
import { AgentPayload } from "@quern/contract/agent/payload";
import type { z } from "zod";
import type { UploadConfig } from "../config/agent-config.ts";

export type Received = {
  path: string;
  headers: IncomingMessage["headers"];
  raw: Buffer;
  body: z.infer<typeof AgentPayload>;
};

/** What to answer: a status with headers and a body, `cut` after the request was stored, or `silence`. */
export type Scripted =
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | "cut"
  | "silence";

export const API_KEY = "qrna_test";
export const SIGNING_SECRET = "a secret of the test";

export type TestingIngest = {
  endpoint: string;
  config(overrides?: Partial<UploadConfig>): UploadConfig;
  /** In the order of their arrival, also those that were answered with an error. */
  received: Received[];
  heartbeats: z.infer<typeof Heartbeat>[];
  /** What is stored, by uuid: once each. */
  stored: Map<string, Received["body"]>;
  /** Answers to the next payloads, one each; afterwards all are taken. */
  script: Scripted[];
  /** Changes the answer to a payload that is taken. */
  hints: Partial<IngestAnswer>;
  /** Resolves when so many payloads have come. */
  arrivals(count: number): Promise<void>;
  close(): Promise<void>;
};

export async function openTestingIngest(tls?: {
  key: string;
  cert: string;
}): Promise<TestingIngest> {
  const waiting: { count: number; resolve: () => void }[] = [];
  const state: Pick<TestingIngest, "received" | "heartbeats" | "stored" | "script" | "hints"> = {
    received: [],
    heartbeats: [],
    stored: new Map(),
    script: [],
    hints: {},
  };
  const listener = (request: IncomingMessage, reply: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      answer(request, reply, take(state, request, Buffer.concat(chunks)));
      for (const one of waiting) if (state.received.length >= one.count) one.resolve();
    });
  };
  const server = tls ? createSecureServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint = `${tls ? "https" : "http"}://localhost:${port}/api/v1/ingest`;
  return Object.assign(state, {
    endpoint,
    config: (overrides: Partial<UploadConfig> = {}) => ({
      endpoint,
      api_key: API_KEY,
      signing_secret: SIGNING_SECRET,
      timeout_ms: 10_000,
      retries: 3,
      gzip: true,
      ca_file: null,
      proxy: null,
      ...overrides,
    }),
    arrivals: (count: number) =>
      new Promise<void>((resolve) => {
        if (state.received.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

type State = Pick<TestingIngest, "received" | "heartbeats" | "stored" | "script" | "hints">;

/** What to answer to a request; it is read, checked and stored. */
function take(state: State, { headers, url: path = "" }: IncomingMessage, wire: Buffer): Scripted {
  if (path.endsWith("/health")) return { status: 200, body: { status: "ok" } };
  const raw = headers["content-encoding"] === "gzip" ? gunzipSync(wire) : wire;
  if (headers.authorization !== `Bearer ${API_KEY}`) return { status: 401 };
  if (!isSigned(headers, raw)) return { status: 401, body: { code: "invalid_signature" } };
  if (path.endsWith("/heartbeat")) {
    state.heartbeats.push(Heartbeat.parse(JSON.parse(raw.toString())));
    return { status: 200 };
  }
  const body = AgentPayload.parse(JSON.parse(raw.toString()));
  state.received.push({ path, headers, raw, body });
  const scripted = state.script.shift();
  if (scripted !== undefined && scripted !== "cut") return scripted;
  const known = state.stored.has(body.snapshot_uuid ?? "");
  state.stored.set(body.snapshot_uuid ?? "", body);
  if (scripted === "cut") return "cut";
  const said: IngestAnswer = {
    status: known ? "duplicate" : "stored",
    next_interval_s: null,
    want_texts: [],
    want_schema: false,
    paused: false,
    ...state.hints,
  };
  return { status: 202, body: IngestAnswer.parse(said) };
}

function answer(request: IncomingMessage, reply: ServerResponse, what: Scripted): void {
  if (what === "cut") request.socket.destroy();
  if (typeof what === "string") return;
  reply.writeHead(what.status, { "content-type": "application/json", ...what.headers });
  reply.end(JSON.stringify(what.body ?? {}));
}

function isSigned(headers: IncomingMessage["headers"], raw: Buffer): boolean {
  const expected = createHmac("sha256", SIGNING_SECRET)
    .update(`${headers["x-signature-timestamp"]}.`)
    .update(raw)
    .digest();
  const given = Buffer.from(String(headers["x-signature"]), "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
