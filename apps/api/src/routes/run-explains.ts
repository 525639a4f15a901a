import { explainRun } from "@quern/contract/runs";
import { readRun } from "@quern/store/run-history";
import { withinMaximum } from "@quern/store/run-limits";
import { readLimitScope } from "@quern/store/settings";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { enqueue } from "../enqueue.ts";
import { ApiError, notFound } from "../problems.ts";
import { demandToRunAgain } from "../running-again.ts";
import { serve } from "../serve.ts";

/** How the engine executes what a run sent. It needs the right to run that: `analyze` does run it. */
export function addRunExplainRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, explainRun, { action: "runs.read" }, async (call) => {
    const { actor, params, body, origin } = call;
    const run = await readRun(api.db, actor, params.id);
    if (!run) throw notFound("run");
    if (run.kind !== "query" || run.sql === null || run.datasource === null) {
      throw new ApiError(
        "invalid_request",
        run.kind === "head"
          ? "The database of a job's head is gone once it has run. Write explain before the statement in the head."
          : "Only a run of a query can be explained. Choose the run that this one belongs to.",
      );
    }
    await demandToRunAgain(api, actor, run);
    const scope = await readLimitScope(api.db, run.datasource.id);
    if (!scope) throw notFound("datasource");
    return enqueue(api, call, actor, {
      kind: "explain",
      datasource_id: run.datasource.id,
      sql: run.sql,
      params: run.params,
      ...(run.query ? { query: { id: run.query.id, version: run.query.version } } : {}),
      source: { run_id: run.id, spec: { analyze: body.analyze === true } },
      limits: withinMaximum(run.limits, scope.settings.limits, scope.datasource),
      priority: "interactive",
      trigger: actor.token_id === null ? "user" : "api",
      request_id: origin.request_id,
    });
  });
}
