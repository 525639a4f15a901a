import { randomUUID } from "node:crypto";
import {
  changeDatasource,
  createDatasource,
  type DatasourceInput,
  deleteDatasource,
  type Limits,
  listDatasources,
  readDatasource,
  readDatasourceSchema,
} from "@quern/contract/datasources";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import * as datasources from "@quern/store/datasources";
import { inTransaction } from "@quern/store/db";
import { setGrants } from "@quern/store/grants";
import { HEALTH_MAX_CONCURRENCY } from "@quern/store/health-datasource";
import { refuseAboveMaximum } from "@quern/store/run-limits";
import { connectionRun } from "@quern/store/runs";
import { readPackedSchema, unpackSchema } from "@quern/store/schema-replies";
import { sealSecret } from "@quern/store/secrets";
import { readSettings } from "@quern/store/settings";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { enqueue } from "../enqueue.ts";
import { ApiError, notFound } from "../problems.ts";
import { serve } from "../serve.ts";

const CONCURRENCY = 8;

export function addDatasourceRoutes(app: FastifyInstance, api: Api): void {
  const read = (id: string) => ({
    action: "datasources.read" as const,
    on: { type: "datasource" as const, id },
  });
  const written = (id: string) => ({
    action: "datasources.write" as const,
    on: { type: "datasource" as const, id },
  });

  serve(app, api, listDatasources, { action: "datasources.read" }, async ({ actor }) => ({
    items: await datasources.listDatasources(api.db, actor),
    next_cursor: null,
  }));

  serve(
    app,
    api,
    readDatasource,
    ({ params }) => read(params.id),
    async ({ actor, params }) => existing(api, actor, params.id),
  );

  serve(
    app,
    api,
    createDatasource,
    { action: "datasources.write" },
    async ({ actor, body, origin, request }) => {
      await demandWithinLimits(api, actor, body.limits);
      const id = randomUUID();
      const { name, type, config, max_concurrency = CONCURRENCY, limits = {} } = body;
      const secret = body.secret ? await seal(api, actor, id, 1, body.secret.password) : null;
      await inTransaction(api.db, async (trx) => {
        await datasources.createDatasource(trx, actor, {
          id,
          name,
          type,
          config,
          secret,
          max_concurrency,
          limits,
        });
        await setGrants(trx, actor, { type: "datasource", id }, body.group_ids ?? []);
        await recordAudit(trx, actor, origin, {
          action: "datasource.created",
          resource_type: "datasource",
          resource_id: id,
          details: { name, config, group_ids: body.group_ids ?? [] },
        });
        // So that the editor knows its tables when the first person opens it.
        const run = connectionRun("introspect", id, actor, origin.request_id);
        await enqueue(api, { origin, request }, actor, run, trx);
      });
      return existing(api, actor, id);
    },
  );

  serve(
    app,
    api,
    changeDatasource,
    ({ params }) => written(params.id),
    async ({ actor, params, body, origin, request }) => {
      await demandWithinLimits(api, actor, body.limits);
      const { secret, group_ids, ...change } = body;
      await inTransaction(api.db, async (trx) => {
        const current = await datasources.readConnection(trx, params.id, true);
        if (!current) throw notFound("datasource");
        if (current.built_in !== null) refuseForBuiltIn(body);
        const version = current.secret_version + 1;
        const moved =
          body.config !== undefined && !datasources.sameEndpoint(current.config, body.config);
        const resealed = secret
          ? {
              secret: await seal(api, actor, params.id, version, secret.password),
              secret_version: version,
            }
          : moved
            ? { secret: null, secret_version: version }
            : {};
        await datasources.changeDatasource(trx, params.id, { ...change, ...resealed });
        if (group_ids)
          await setGrants(trx, actor, { type: "datasource", id: params.id }, group_ids);
        const details = {
          ...change,
          ...(group_ids ? { group_ids } : {}),
          secret: secret ? "set" : moved ? "cleared" : "kept",
        };
        await recordAudit(trx, actor, origin, {
          action: "datasource.changed",
          resource_type: "datasource",
          resource_id: params.id,
          details,
        });
        if ((body.config || secret) && resealed.secret !== null) {
          const run = connectionRun("introspect", params.id, actor, origin.request_id);
          await enqueue(api, { origin, request }, actor, run, trx);
        }
      });
      return existing(api, actor, params.id);
    },
  );

  serve(
    app,
    api,
    deleteDatasource,
    ({ params }) => written(params.id),
    async ({ actor, params, origin }) =>
      inTransaction(api.db, async (trx) => {
        const current = await datasources.readConnection(trx, params.id, true);
        if (!current) throw notFound("datasource");
        if (current.built_in !== null) {
          throw new ApiError(
            "not_allowed",
            "Quern made this datasource itself, and would make it again. Take its grants away instead.",
          );
        }
        await datasources.deleteDatasource(trx, params.id);
        await recordAudit(trx, actor, origin, {
          action: "datasource.deleted",
          resource_type: "datasource",
          resource_id: params.id,
        });
        return null;
      }),
  );

  serve(
    app,
    api,
    readDatasourceSchema,
    ({ params }) => read(params.id),
    async ({ params, request, reply }) => {
      const packed = await readPackedSchema(api.db, params.id);
      const takesGzip = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
      if (takesGzip) reply.header("content-encoding", "gzip");
      reply.type("application/json").header("vary", "accept-encoding");
      await reply.send(takesGzip ? packed : await unpackSchema(packed));
      // Sent already: what follows only has the reply's shape.
      return { introspected_at: null, snapshot: null };
    },
    { uncheckedReply: true },
  );
}

/** Its role and its place are Quern's own; how much of it is used, and by whom, is the admin's. */
function refuseForBuiltIn({
  name,
  config,
  secret,
  max_concurrency,
}: Partial<DatasourceInput>): void {
  if (name !== undefined || config !== undefined || secret !== undefined) {
    throw new ApiError(
      "not_allowed",
      "Quern made this datasource itself: only its limits, its runs at the same time and its grants can be changed.",
    );
  }
  if (max_concurrency !== undefined && max_concurrency > HEALTH_MAX_CONCURRENCY) {
    throw new ApiError(
      "limit_above_maximum",
      `It reads Quern's own PostgreSQL, which has more to do: at most ${HEALTH_MAX_CONCURRENCY} runs at the same time.`,
    );
  }
}

/** A datasource may lower what the organisation allows, not raise it. */
async function demandWithinLimits(
  api: Api,
  actor: Actor,
  limits: Partial<Limits> | undefined,
): Promise<void> {
  if (limits) refuseAboveMaximum(limits, (await readSettings(api.db, actor.org_id)).limits);
}

async function existing(api: Api, actor: Actor, id: string) {
  const [datasource] = await datasources.listDatasources(api.db, actor, id);
  if (!datasource) throw notFound("datasource");
  return datasource;
}

function seal(
  api: Api,
  actor: Actor,
  datasource: string,
  version: number,
  password: string,
): Promise<string> {
  return sealSecret(
    api.keys.runners,
    { org: actor.org_id, datasource, field: "password", version },
    password,
  );
}
