import type { Parameter } from "@quern/contract/parameters";
import { checkParameters } from "@quern/contract/parameters/definitions";
import {
  changeQuery,
  createQuery,
  deleteQuery,
  listQueries,
  listQueryVersions,
  type QueryInput,
  readQuery,
  restoreQuery,
} from "@quern/contract/queries";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import { noteRecent } from "@quern/store/favorites";
import { placeItems } from "@quern/store/placement";
import * as queries from "@quern/store/queries";
import { listQueries as listedQueries } from "@quern/store/query-list";
import { refuseAboveMaximum } from "@quern/store/run-limits";
import { readLimitScope } from "@quern/store/settings";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { checkOptionsQueries } from "../options-queries.ts";
import { notFound } from "../problems.ts";
import { refuse } from "../run-parameters.ts";
import { demand, serve } from "../serve.ts";

const PAGE = 50;

export function addQueryRoutes(app: FastifyInstance, api: Api): void {
  const written = (id: string) => ({
    action: "queries.write" as const,
    on: { type: "query" as const, id },
  });

  serve(app, api, listQueries, { action: "queries.read" }, async ({ actor, query }) =>
    listedQueries(api.db, actor, { ...query, limit: query.limit ?? PAGE }),
  );

  serve(
    app,
    api,
    createQuery,
    ({ body }) => ({ action: "queries.write", on: { type: "datasource", id: body.datasource_id } }),
    async ({ actor, body, origin }) => {
      await demandSound(api, actor, null, body.sql, body.params ?? []);
      await demandWithinLimits(api, body.datasource_id, body);
      return inTransaction(api.db, async (trx) => {
        const id = await queries.createQuery(trx, actor, {
          ...body,
          description: body.description ?? "",
          params: body.params ?? [],
          limits: body.limits ?? {},
          result_ttl_s: body.result_ttl_s ?? null,
        });
        if (body.folder_id || body.tags?.length) {
          const place = { folder_id: body.folder_id, add_tags: body.tags };
          await placeItems(trx, actor, [{ type: "query", id }], place);
        }
        await noteRecent(trx, actor, { type: "query", id });
        await recordAudit(trx, actor, origin, {
          action: "query.created",
          resource_type: "query",
          resource_id: id,
        });
        return (await queries.readQuery(trx, actor, id))!;
      });
    },
  );

  serve(
    app,
    api,
    readQuery,
    ({ params }) => ({ action: "queries.read", on: { type: "query", id: params.id } }),
    async ({ actor, params }) => existing(api, actor, params.id),
  );

  serve(
    app,
    api,
    changeQuery,
    ({ params }) => written(params.id),
    async ({ actor, params, body, origin }) => {
      // The SQL may move to another datasource only if its author may use that one, too.
      if (body.datasource_id)
        await demand(api, actor, "queries.write", { type: "datasource", id: body.datasource_id });
      const { version, ...change } = body;
      if (change.sql !== undefined || change.params !== undefined) {
        const before = await existing(api, actor, params.id);
        const { sql = before.sql, params: declared = before.params } = change;
        await demandSound(api, actor, params.id, sql, declared);
      }
      if (change.limits !== undefined || change.result_ttl_s != null) {
        const datasourceId =
          change.datasource_id ?? (await existing(api, actor, params.id)).datasource.id;
        await demandWithinLimits(api, datasourceId, change);
      }
      await inTransaction(api.db, async (trx) => {
        if (!(await queries.changeQuery(trx, actor, params.id, version, change)))
          throw notFound("query");
        await noteRecent(trx, actor, { type: "query", id: params.id });
        await recordAudit(trx, actor, origin, {
          action: "query.changed",
          resource_type: "query",
          resource_id: params.id,
        });
      });
      return existing(api, actor, params.id);
    },
  );

  serve(
    app,
    api,
    deleteQuery,
    ({ params }) => written(params.id),
    async ({ actor, params, origin }) =>
      inTransaction(api.db, async (trx) => {
        await queries.deleteQuery(trx, actor, params.id);
        await recordAudit(trx, actor, origin, {
          action: "query.deleted",
          resource_type: "query",
          resource_id: params.id,
        });
        return null;
      }),
  );

  serve(
    app,
    api,
    restoreQuery,
    ({ params }) => ({ action: "queries.write", on: { type: "deleted_query", id: params.id } }),
    async ({ actor, params, origin }) => {
      await inTransaction(api.db, async (trx) => {
        await queries.restoreQuery(trx, actor, params.id);
        await recordAudit(trx, actor, origin, {
          action: "query.restored",
          resource_type: "query",
          resource_id: params.id,
        });
      });
      return existing(api, actor, params.id);
    },
  );

  serve(
    app,
    api,
    listQueryVersions,
    ({ params }) => ({ action: "queries.read", on: { type: "query", id: params.id } }),
    async ({ actor, params, query }) =>
      queries.listQueryVersions(api.db, actor, params.id, {
        limit: query.limit ?? PAGE,
        cursor: query.cursor,
      }),
  );
}

/** Throws the problem that names everything that is wrong with the parameters of a query that is to be saved. */
async function demandSound(
  api: Api,
  actor: Actor,
  id: string | null,
  sql: string,
  params: Parameter[],
): Promise<void> {
  refuse(checkParameters(sql, params));
  refuse(await checkOptionsQueries(api.db, actor, id, params));
}

/** Throws the problem when runs of a query would be refused because it asks for more than they may have. */
async function demandWithinLimits(
  api: Api,
  datasourceId: string,
  { limits, result_ttl_s }: Pick<QueryInput, "limits" | "result_ttl_s">,
): Promise<void> {
  const scope = await readLimitScope(api.db, datasourceId);
  if (!scope) throw notFound("datasource");
  refuseAboveMaximum({ ...limits, result_ttl_s }, scope.settings.limits, scope.datasource);
}

async function existing(api: Api, actor: Actor, id: string) {
  const query = await queries.readQuery(api.db, actor, id);
  if (!query) throw notFound("query");
  return query;
}
