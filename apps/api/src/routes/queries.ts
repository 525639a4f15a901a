import {
  changeQuery,
  createQuery,
  deleteQuery,
  listQueries,
  listQueryVersions,
  readQuery,
  restoreQuery,
} from "@quern/contract/queries";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as queries from "@quern/store/queries";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { notFound } from "../problems.ts";
import { demand, serve } from "../serve.ts";

const PAGE = 50;

export function addQueryRoutes(app: FastifyInstance, api: Api): void {
  const written = (id: string) => ({
    action: "queries.write" as const,
    on: { type: "query" as const, id },
  });

  serve(app, api, listQueries, { action: "queries.read" }, async ({ actor, query }) =>
    queries.listQueries(api.db, actor, { ...query, limit: query.limit ?? PAGE }),
  );

  serve(
    app,
    api,
    createQuery,
    ({ body }) => ({ action: "queries.write", on: { type: "datasource", id: body.datasource_id } }),
    async ({ actor, body, origin }) =>
      inTransaction(api.db, async (trx) => {
        const id = await queries.createQuery(trx, actor, {
          ...body,
          description: body.description ?? "",
          params: body.params ?? [],
          limits: body.limits ?? {},
        });
        await recordAudit(trx, actor, origin, {
          action: "query.created",
          resource_type: "query",
          resource_id: id,
        });
        return (await queries.readQuery(trx, actor, id))!;
      }),
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
      await inTransaction(api.db, async (trx) => {
        if (!(await queries.changeQuery(trx, actor, params.id, version, change)))
          throw notFound("query");
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

async function existing(api: Api, actor: Actor, id: string) {
  const query = await queries.readQuery(api.db, actor, id);
  if (!query) throw notFound("query");
  return query;
}
