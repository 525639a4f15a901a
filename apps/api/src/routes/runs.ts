import type { Query } from "@quern/contract/queries";
import { readRunQueue } from "@quern/contract/run-queue";
import { cancelRun, createRun, listRuns, type RunInput, readRun } from "@quern/contract/runs";
import type { Actor } from "@quern/store/actor";
import type { Origin } from "@quern/store/audit";
import { auditSwaps, type OtherDatasource, readSwaps } from "@quern/store/other-datasources";
import { readQuery } from "@quern/store/queries";
import { targetOfQuery } from "@quern/store/query-target";
import { readQueuePlace } from "@quern/store/queue-place";
import { cancelFor } from "@quern/store/run-cancel";
import { listRuns as listHistory, readRun as readStoredRun } from "@quern/store/run-history";
import { resolveLimits } from "@quern/store/run-limits";
import * as runs from "@quern/store/runs";
import { readLimitScope } from "@quern/store/settings";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Api } from "../api.ts";
import { enqueue } from "../enqueue.ts";
import { ApiError, notFound } from "../problems.ts";
import { inProblems, parametersOfSql } from "../run-parameters.ts";
import { triggerOf } from "../run-trigger.ts";
import { forScreen } from "../screens.ts";
import { demand, serve } from "../serve.ts";
import { readAtEnd } from "../waiting.ts";

const PAGE = 50;

export function addRunRoutes(app: FastifyInstance, api: Api): void {
  const stopping = new AbortController();
  app.addHook("preClose", async () => stopping.abort());

  serve(
    app,
    api,
    createRun,
    ({ body }) => needed(body),
    async ({ actor, body, request, origin }) => {
      const [target] = await Promise.all([
        resolveTarget(api, actor, body, origin),
        refuseFlood(api, actor),
      ]);
      return enqueue(api, { origin, request }, actor, {
        ...target,
        kind: "query",
        max_age_s: body.max_age_s ?? 0,
        priority: body.priority ?? "interactive",
        trigger: triggerOf(actor, request),
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
    // What reads the run asks whether the actor may see it: once is enough.
    { action: "runs.read" },
    async ({ actor, params, query, request }) => {
      const wait_ms = (query.wait ?? 0) * 1000;
      const read = () => existing(api, actor, params.id);
      const run = await readAtEnd(api, params.id, wait_ms, request, stopping.signal, read);
      return actor.display ? forScreen(run) : run;
    },
    { forDisplays: "runs" },
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
    async ({ actor, params, body }) => {
      const everyone = body?.everyone === true;
      switch (await cancelFor(api.db, actor, params.id, everyone)) {
        case "not_allowed":
          throw new ApiError(
            "not_allowed",
            everyone
              ? "Only the person who started a run, or an admin, may end it for all who share it."
              : "Only the people who share a run, or an admin, may cancel it.",
          );
        case "shared":
          throw new ApiError(
            "conflict",
            'Several people share this run. Send {"everyone": true} to end it for all of them.',
          );
        default:
          return existing(api, actor, params.id);
      }
    },
  );
}

/** What somebody must be allowed to who wants this run. */
export function needed(body: RunInput) {
  return body.query_id !== undefined
    ? ({ action: "runs.create", on: { type: "query", id: body.query_id } } as const)
    : ({ action: "runs.create_sql", on: { type: "datasource", id: body.datasource_id! } } as const);
}

/** One person's loop must not fill the queue. */
export async function refuseFlood(api: Api, actor: Actor): Promise<void> {
  const max = await runs.fullQueue(api.db, actor);
  if (max === undefined) return;
  throw new ApiError(
    "rate_limited",
    `You have ${max} runs in the queue. Wait until some have ended, or cancel them; an admin can allow more.`,
  );
}

/** What a run of the body does, and where. Throws the problem when it cannot. */
export async function resolveTarget(api: Api, actor: Actor, body: RunInput, origin: Origin) {
  if (body.query_id !== undefined) {
    const query = await readQuery(api.db, actor, body.query_id);
    if (!query) throw notFound("query");
    const elsewhere = await resolveElsewhere(api, actor, query, body.datasource_id);
    const target = await inProblems("query_id", () =>
      targetOfQuery(api.db, query, body, elsewhere),
    );
    if (elsewhere) {
      const swaps = { [query.datasource.id]: elsewhere.id };
      await auditSwaps(api.db, actor, origin, { type: "query", id: query.id }, swaps);
    }
    return target;
  }
  const scope = await readLimitScope(api.db, body.datasource_id!);
  if (!scope) throw notFound("datasource");
  return {
    datasource_id: body.datasource_id!,
    sql: body.sql!,
    params: await parametersOfSql(body.sql!, body.parameters ?? [], body.params ?? {}),
    ...resolveLimits(body.limits ?? {}, scope.settings.limits, scope.datasource),
  };
}

/** The datasource that is asked for in the place of the query's own: using it is like typing the SQL there. */
async function resolveElsewhere(
  api: Api,
  actor: Actor,
  { datasource: { id: own } }: Query,
  asked: string | undefined,
): Promise<OtherDatasource | undefined> {
  if (asked === undefined || asked === own) return undefined;
  await demand(api, actor, "runs.create_sql");
  const swap = (await readSwaps(api.db, actor, { [own]: asked })).get(own)!;
  if (swap.trouble === null) return swap.datasource;
  throw new ApiError(swap.trouble.code, swap.trouble.detail, [
    { path: "body.datasource_id", message: swap.trouble.detail },
  ]);
}

function idempotency(request: FastifyRequest, body: RunInput) {
  const key = request.headers["idempotency-key"];
  if (typeof key !== "string") return {};
  const { query_id, datasource_id, sql, limits, priority, params = {}, parameters = [] } = body;
  const values = Object.entries(params).sort(([one], [other]) => (one < other ? -1 : 1));
  const { max_age_s = 0 } = body;
  const asked = [query_id, datasource_id, sql, limits, priority, values, parameters, max_age_s];
  return { idempotency: { key, request: JSON.stringify(asked) } };
}

async function existing(api: Api, actor: Actor, id: string) {
  const run = await readStoredRun(api.db, actor, id);
  if (!run) throw notFound("run");
  return run;
}
