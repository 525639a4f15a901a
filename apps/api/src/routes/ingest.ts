import { Heartbeat } from "@quern/contract/agent/answers";
import { heartbeat, ingest, readIngestHealth } from "@quern/contract/health/agents";
import { PayloadError, takePayload } from "@quern/health/snapshot";
import { noteAgent, noteRejected, type SendingAgent } from "@quern/store/health-agents";
import type { FastifyInstance, FastifyRequest } from "fastify";
import {
  checkSignature,
  findAgent,
  inflate,
  MAX_WIRE_BYTES,
  readPayload,
} from "../agent-request.ts";
import type { Api } from "../api.ts";
import { ApiError } from "../problems.ts";
import { servePublic } from "../serve.ts";
import type { Mount } from "./jobs.ts";

/** Payloads that are worked on at once: each may be large, and what is more waits at its agent, which keeps it on disk. */
const AT_ONCE = 8;
const RETRY_AFTER_S = 5;

/** Where agents send to. They bear keys of their own, which open nothing else. */
export function addIngestRoutes(app: FastifyInstance, api: Api, mount: Mount): void {
  let underway = 0;
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      "*",
      { parseAs: "buffer", bodyLimit: MAX_WIRE_BYTES },
      (_request, body, done) => done(null, body),
    );

    servePublic(
      scope,
      mount(ingest),
      async ({ request, reply }) => {
        const agent = await findAgent(api, request);
        if (underway >= AT_ONCE) {
          void reply.header(
            "retry-after",
            RETRY_AFTER_S + Math.floor(Math.random() * RETRY_AFTER_S),
          );
          throw new ApiError(
            "unavailable",
            "Many agents send at the moment: keep it and send it again in a few seconds.",
          );
        }
        underway += 1;
        try {
          return await noting(api, agent, () => take(api, agent, request));
        } finally {
          underway -= 1;
        }
      },
      { bodyLimit: MAX_WIRE_BYTES },
    );

    servePublic(scope, mount({ ...heartbeat, body: undefined }), async ({ request }) => {
      const agent = await findAgent(api, request);
      const sent = Heartbeat.safeParse(jsonOf(bytesOf(request)));
      if (!sent.success)
        throw new ApiError(
          "invalid_payload",
          "A heartbeat has status, agent_version and timestamp.",
        );
      const { agent_version: version, status, error = null, timestamp } = sent.data;
      await noteAgent(api.db, agent.id, {
        ...{ version, status, error, stats: null, payload: false },
        clock_offset_ms: Date.parse(timestamp) - Date.now(),
      });
      return { status: "ok" as const, next_interval_s: null };
    });
  });

  servePublic(app, mount(readIngestHealth), async ({ request }) => {
    const { name } = await findAgent(api, request);
    return { status: "ok" as const, agent: name };
  });
}

async function take(api: Api, agent: SendingAgent, request: FastifyRequest) {
  const wire = bytesOf(request);
  const body = await inflate(wire, request.headers["content-encoding"]);
  const clock_offset_ms = await checkSignature(api, agent, request, body);
  const payload = readPayload(body);
  const sizes = { wire_bytes: wire.length, body_bytes: body.length };
  const answer = await takePayload(api.db, agent, payload, body, sizes);
  await noteAgent(api.db, agent.id, {
    ...{
      version: payload.agent_version,
      status: answer.paused ? "paused" : "ok",
      error: null,
      payload: true,
    },
    ...{ clock_offset_ms, stats: payload.agent ?? null },
  });
  return answer;
}

/** Says on the agent's page why what it sent was refused. */
async function noting<T>(api: Api, agent: SendingAgent, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PayloadError) {
      await noteRejected(api.db, agent.id, `${error.path} ${error.message}`);
      throw new ApiError("invalid_payload", `The payload's ${error.path} ${error.message}.`, [
        { path: error.path, message: error.message },
      ]);
    }
    if (error instanceof ApiError && error.code !== "unavailable")
      await noteRejected(api.db, agent.id, error.message);
    throw error;
  }
}

function bytesOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
