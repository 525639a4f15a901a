import { rerunRun } from "@quern/contract/runs";
import { readQuery } from "@quern/store/queries";
import { readRun } from "@quern/store/run-history";
import { resolveLimits } from "@quern/store/run-limits";
import { readLimitScope } from "@quern/store/settings";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { enqueue } from "../enqueue.ts";
import { ApiError, notFound } from "../problems.ts";
import { demandToRunAgain } from "../running-again.ts";
import { serve } from "../serve.ts";
import { refuseFlood } from "./runs.ts";

/** The same work again: the text, the values that were bound and the limits of the run, whatever has changed since. */
export function addRunRerunRoutes(app: FastifyInstance, api: Api): void {
  serve(
    app,
    api,
    rerunRun,
    ({ params }) => ({ action: "runs.read", on: { type: "run", id: params.id } }),
    async (call) => {
      const { actor, params, origin } = call;
      const run = await readRun(api.db, actor, params.id);
      if (!run) throw notFound("run");
      if (run.kind !== "query" || run.sql === null || run.datasource === null) {
        throw new ApiError(
          "invalid_request",
          run.kind === "head"
            ? "The head of a job is not run again by itself: its database is gone. Run the job again."
            : "Only a run of a query can be run again. Test or introspect a datasource from its page.",
        );
      }
      await demandToRunAgain(api, actor, run);
      const scope = await readLimitScope(api.db, run.datasource.id);
      if (!scope) throw notFound("datasource");
      const query = run.query ? await readQuery(api.db, actor, run.query.id) : undefined;
      const asked = { ...run.limits, result_ttl_s: query?.result_ttl_s };
      const { limits, result_ttl_s } = resolveLimits(
        asked,
        scope.settings.limits,
        scope.datasource,
      );
      await refuseFlood(api, actor);
      return enqueue(api, call, actor, {
        kind: "query",
        datasource_id: run.datasource.id,
        sql: run.sql,
        params: run.params,
        ...(run.query ? { query: { id: run.query.id, version: run.query.version } } : {}),
        retry_of: run.id,
        limits,
        result_ttl_s,
        priority: "interactive",
        trigger: actor.token_id === null ? "user" : "api",
        request_id: origin.request_id,
      });
    },
  );
}
