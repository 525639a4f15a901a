import { setUpHealthDatasource } from "@quern/contract/health/datasource";
import { ensureHealthDatasources } from "@quern/store/health-datasource";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { serve } from "../serve.ts";

export function addHealthDatasourceRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, setUpHealthDatasource, { action: "datasources.write" }, async ({ actor }) => {
    const all = await ensureHealthDatasources(api.db, api.keys, api.databaseUrl);
    const own = all.find(({ org_id }) => org_id === actor.org_id);
    if (own === undefined) throw notFound("organisation");
    const { datasource_id, trouble, sql } = own;
    return { datasource_id, trouble, sql };
  });
}
