import { Heartbeat } from "@quern/contract/agent/answers";
import { heartbeat, ingest, readIngestHealth } from "@quern/contract/health/agents";
import { PayloadError } from "@quern/health/payload-error";
import { takePayload } from "@quern/health/snapshot";
import { noteAgent, noteRejected, type SendingAgent } from "@quern/store/health-agents";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import {
  checkSignature,
  findAgent,
  inflate,
  MAX_WIRE_BYTES,
  readBody,
  readPayload,
} from "../agent-request.ts";
import type { Api } from "../api.ts";
import { openPressure } from "../ingest-pressure.ts";
import { ApiError } from "../problems.ts";
import { servePublic } from "../serve.ts";
import type { Mount } from "./jobs.ts";

/** Payloads that are worked on at once: each may be large, and what is more waits at its agent, which keeps it on disk. */
const AT_ONCE = 8;
/** Of their bodies together, unless one is alone: as objects they take up to eight times as much. */
const BYTES_AT_ONCE = 128 * 1024 * 1024;
const RETRY_AFTER_S = 5;

/** Where agents send to. They bear keys of their own, which open nothing else. */
export function addIngestRoutes(app: FastifyInstance, api: Api, mount: Mount): void {
  const underway = { payloads: 0, bytes: 0 };
  const pressure = openPressure();
  const busy = (reply: FastifyReply) => {
    pressure.refused();
    return tooBusy(reply);
  };
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
        if (underway.payloads >= AT_ONCE) throw busy(reply);
        underway.payloads += 1;
        let bytes = 0;
        try {
          const answer = await noting(api, agent, async () => {
            const body = await inflate(bytesOf(request), request.headers["content-encoding"]);
            const alone = underway.bytes === 0;
            if (!alone && underway.bytes + body.length > BYTES_AT_ONCE) throw busy(reply);
            bytes = body.length;
            underway.bytes += bytes;
            return take(api, agent, request, body);
          });
          return { ...answer, next_interval_s: pressure.wish() };
        } finally {
          underway.payloads -= 1;
          underway.bytes -= bytes;
        }
      },
      { bodyLimit: MAX_WIRE_BYTES },
    );

    servePublic(scope, mount({ ...heartbeat, body: undefined }), async ({ request }) => {
      const agent = await findAgent(api, request);
      const refusal = "A heartbeat has status, agent_version and timestamp.";
      const sent = readBody(bytesOf(request), Heartbeat, refusal);
      const { agent_version: version, status, error = null, timestamp } = sent;
      await noteAgent(api.db, agent.id, {
        ...{ version, status, error, stats: null, payload: false },
        clock_offset_ms: Date.parse(timestamp) - Date.now(),
      });
      return { status: "ok" as const, next_interval_s: pressure.wish() };
    });
  });

  servePublic(app, mount(readIngestHealth), async ({ request }) => {
    const { name } = await findAgent(api, request);
    return { status: "ok" as const, agent: name };
  });
}

function tooBusy(reply: FastifyReply): ApiError {
  void reply.header("retry-after", RETRY_AFTER_S + Math.floor(Math.random() * RETRY_AFTER_S));
  return new ApiError(
    "unavailable",
    "Many agents send at the moment: keep it and send it again in a few seconds.",
  );
}

async function take(api: Api, agent: SendingAgent, request: FastifyRequest, body: Buffer) {
  const clock_offset_ms = await checkSignature(api, agent, request, body);
  const payload = readPayload(body);
  const sizes = { wire_bytes: bytesOf(request).length, body_bytes: body.length };
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
