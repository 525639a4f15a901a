import { explainSql } from "@quern/contract/explains";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { enqueue } from "../enqueue.ts";
import { serve } from "../serve.ts";
import { needed, refuseFlood, resolveTarget } from "./runs.ts";

/** The plan of SQL that did not run. It needs the right to run it: a plan tells of the tables. */
export function addExplainRoutes(app: FastifyInstance, api: Api): void {
  serve(
    app,
    api,
    explainSql,
    ({ body }) => needed(body),
    async (call) => {
      const { actor, body, origin } = call;
      const [target] = await Promise.all([
        resolveTarget(api, actor, body, origin),
        refuseFlood(api, actor),
      ]);
      return enqueue(api, call, actor, {
        ...target,
        kind: "explain",
        priority: body.priority ?? "interactive",
        trigger: actor.token_id === null ? "user" : "api",
        request_id: origin.request_id,
      });
    },
  );
}
