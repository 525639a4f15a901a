import { forkQuery } from "@quern/contract/query-forks";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import { readQuery } from "@quern/store/queries";
import * as forks from "@quern/store/query-forks";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

export function addQueryForkRoutes(app: FastifyInstance, api: Api): void {
  serve(
    app,
    api,
    forkQuery,
    ({ params }) => ({ action: "queries.write", on: { type: "query", id: params.id } }),
    async ({ actor, params, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        const id = await forks.forkQuery(trx, actor, params.id, body.name ?? null);
        if (id === undefined) throw notFound("query");
        await recordAudit(trx, actor, origin, {
          action: "query.created",
          resource_type: "query",
          resource_id: id,
          details: { forked_from: params.id },
        });
        return (await readQuery(trx, actor, id))!;
      }),
  );
}
