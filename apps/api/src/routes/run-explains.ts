import type { Limits } from "@quern/contract/datasources";
import { explainRun, type Run } from "@quern/contract/runs";
import type { Actor } from "@quern/store/actor";
import { readDatasourceLimits } from "@quern/store/datasources";
import { readRun } from "@quern/store/run-history";
import type { FastifyInstance } from "fastify";
import { can } from "../access.ts";
import type { Api } from "../api.ts";
import { enqueue } from "../enqueue.ts";
import { ApiError, notFound } from "../problems.ts";
import { demand, serve } from "../serve.ts";

/** How the engine executes what a run sent. It needs the right to run that: `analyze` does run it. */
export function addRunExplainRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, explainRun, { action: "runs.read" }, async (call) => {
    const { actor, params, body, origin } = call;
    const run = await readRun(api.db, actor, params.id);
    if (!run) throw notFound("run");
    if (run.kind !== "query" || run.sql === null || run.datasource === null) {
      throw new ApiError(
        "invalid_request",
        "Only a run of a query can be explained. Choose the run that this one belongs to.",
      );
    }
    await demandToRun(api, actor, run);
    const maximum = await readDatasourceLimits(api.db, run.datasource.id);
    if (!maximum) throw notFound("datasource");
    return enqueue(api, call, actor, {
      kind: "explain",
      datasource_id: run.datasource.id,
      sql: run.sql,
      params: run.params,
      ...(run.query ? { query: { id: run.query.id, version: run.query.version } } : {}),
      source: { run_id: run.id, spec: { analyze: body.analyze === true } },
      limits: atMost(run.limits, maximum),
      priority: "interactive",
      trigger: actor.token_id === null ? "user" : "api",
      request_id: origin.request_id,
    });
  });
}

/** Who may run the saved query may explain a run of it; else it takes the right to write SQL for its datasource. */
async function demandToRun(api: Api, actor: Actor, run: Run): Promise<void> {
  if (run.query !== null) {
    const query = { type: "query" as const, id: run.query.id };
    if ((await can(api.db, actor, "runs.create", query)) === "allowed") return;
  }
  await demand(api, actor, "runs.create_sql", { type: "datasource", id: run.datasource!.id });
}

/** The datasource's limits may have become lower since. */
function atMost(limits: Limits, maximum: Partial<Limits>): Limits {
  return {
    timeout_ms: Math.min(limits.timeout_ms, maximum.timeout_ms ?? limits.timeout_ms),
    max_rows: Math.min(limits.max_rows, maximum.max_rows ?? limits.max_rows),
    max_bytes: Math.min(limits.max_bytes, maximum.max_bytes ?? limits.max_bytes),
  };
}
