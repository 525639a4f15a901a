import { DEFAULT_LIMITS, type Limits } from "@quern/contract/datasources";
import {
  cancelRun,
  createRun,
  listRuns,
  type RunInput,
  readRun,
  readRunQueue,
} from "@quern/contract/runs";
import type { Actor } from "@quern/store/actor";
import { readDatasourceLimits } from "@quern/store/datasources";
import { readQuery } from "@quern/store/queries";
import { readQueuePlace } from "@quern/store/queue-place";
import { listRuns as listHistory, readRun as readStoredRun } from "@quern/store/run-history";
import * as runs from "@quern/store/runs";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Api } from "../api.ts";
import { ApiError, notFound } from "../problems.ts";
import { serve } from "../serve.ts";

const PAGE = 50;
/** Notifications may be lost: who waits looks by itself this often, too. */
const LOOK_EVERY_MS = 1000;

export function addRunRoutes(app: FastifyInstance, api: Api): void {
  const stopping = new AbortController();
  app.addHook("preClose", async () => stopping.abort());

  serve(
    app,
    api,
    createRun,
    ({ body }) => needed(body),
    async ({ actor, body, request, origin }) => {
      const { limits, ...target } = await resolveTarget(api, actor, body);
      await refuseFlood(api, actor);
      return runs.enqueueRun(api.db, actor, {
        ...target,
        kind: "query",
        limits,
        priority: body.priority ?? "interactive",
        trigger: actor.token_id === null ? "user" : "api",
        request_id: origin.request_id,
        ...idempotency(request, body),
      });
    },
  );

  serve(app, api, listRuns, { action: "runs.read" }, async ({ actor, query }) =>
    listHistory(api.db, actor, { ...query, limit: query.limit ?? PAGE }),
  );

  serve(
    app,
    api,
    readRun,
    ({ params }) => ({ action: "runs.read", on: { type: "run", id: params.id } }),
    async ({ actor, params, query, request }) => {
      await waitForEnd(api, params.id, (query.wait ?? 0) * 1000, request, stopping.signal);
      return existing(api, actor, params.id);
    },
  );

  serve(
    app,
    api,
    readRunQueue,
    ({ params }) => ({ action: "runs.read", on: { type: "run", id: params.id } }),
    async ({ params }) => {
      const place = await readQueuePlace(api.db, params.id);
      if (!place) throw notFound("run");
      return place;
    },
  );

  serve(
    app,
    api,
    cancelRun,
    ({ params }) => ({ action: "runs.cancel", on: { type: "run", id: params.id } }),
    async ({ actor, params }) => {
      const run = await existing(api, actor, params.id);
      if (run.created_by?.id !== actor.user_id && actor.role !== "admin") {
        throw new ApiError(
          "not_allowed",
          "Only the person who started a run, or an admin, may cancel it.",
        );
      }
      await runs.requestCancel(api.db, actor, params.id);
      return existing(api, actor, params.id);
    },
  );
}

function needed(body: RunInput) {
  return body.query_id !== undefined
    ? ({ action: "runs.create", on: { type: "query", id: body.query_id } } as const)
    : ({ action: "runs.create_sql", on: { type: "datasource", id: body.datasource_id! } } as const);
}

/** Each claim ranks the whole queue: one person's loop must not slow everybody's. */
const MAX_QUEUED = 1_000;

async function refuseFlood(api: Api, actor: Actor): Promise<void> {
  if ((await runs.countQueued(api.db, actor)) < MAX_QUEUED) return;
  throw new ApiError(
    "rate_limited",
    `You have ${MAX_QUEUED} runs in the queue. Wait until some have ended, or cancel them.`,
  );
}

async function resolveTarget(api: Api, actor: Actor, body: RunInput) {
  const query =
    body.query_id === undefined ? undefined : await readQuery(api.db, actor, body.query_id);
  if (body.query_id !== undefined && !query) throw notFound("query");
  const datasourceId = query?.datasource.id ?? body.datasource_id!;
  const datasourceLimits = await readDatasourceLimits(api.db, datasourceId);
  if (!datasourceLimits) throw notFound("datasource");
  return {
    datasource_id: datasourceId,
    sql: query?.sql ?? body.sql!,
    limits: resolveLimits({ ...query?.limits, ...body.limits }, datasourceLimits),
    ...(query ? { query: { id: query.id, version: query.version } } : {}),
  };
}

/** A datasource's limits are what its runs get and the most they may ask for; the schema has the absolute maxima. */
function resolveLimits(asked: Partial<Limits>, datasource: Partial<Limits>): Limits {
  for (const key of ["timeout_ms", "max_rows", "max_bytes"] as const) {
    const maximum = datasource[key];
    if (asked[key] !== undefined && maximum !== undefined && asked[key] > maximum) {
      throw new ApiError(
        "limit_above_maximum",
        `${key} may be at most ${maximum} on this datasource; an admin can raise it.`,
        [{ path: `body.limits.${key}`, message: `must be at most ${maximum}` }],
      );
    }
  }
  return { ...DEFAULT_LIMITS, ...datasource, ...asked };
}

function idempotency(request: FastifyRequest, body: RunInput) {
  const key = request.headers["idempotency-key"];
  if (typeof key !== "string") return {};
  const { query_id, datasource_id, sql, limits, priority } = body;
  return {
    idempotency: { key, request: JSON.stringify([query_id, datasource_id, sql, limits, priority]) },
  };
}

/** Returns when the run has ended, after `ms`, or when the caller has gone or the server has to. */
async function waitForEnd(
  api: Api,
  id: string,
  ms: number,
  request: FastifyRequest,
  stopping: AbortSignal,
): Promise<void> {
  if (ms === 0) return;
  const deadline = Date.now() + ms;
  const gone = new AbortController();
  const abort = () => gone.abort();
  request.raw.socket.once("close", abort);
  stopping.addEventListener("abort", abort);
  if (stopping.aborted) abort();
  try {
    for (let left = ms; left > 0 && !gone.signal.aborted; left = deadline - Date.now()) {
      // Listen before looking: a run that ends in between is not missed.
      const change = api.runChanges.next(id, Math.min(left, LOOK_EVERY_MS), gone.signal);
      if ((await runs.isTerminal(api.db, id)) !== false) return;
      await change;
    }
  } finally {
    gone.abort();
    request.raw.socket.off("close", abort);
    stopping.removeEventListener("abort", abort);
  }
}

async function existing(api: Api, actor: Actor, id: string) {
  const run = await readStoredRun(api.db, actor, id);
  if (!run) throw notFound("run");
  return run;
}
