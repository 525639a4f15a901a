import { randomUUID } from "node:crypto";
import {
  DEFAULT_LIMITS,
  introspectDatasource,
  testDatasource,
  testDatasourceForm,
} from "@quern/contract/datasources";
import type { RunKind } from "@quern/contract/runs";
import type { Actor } from "@quern/store/actor";
import type { Origin } from "@quern/store/audit";
import { readConnection, sameEndpoint } from "@quern/store/datasources";
import { enqueueRun, type NewRun } from "@quern/store/runs";
import { sealSecret } from "@quern/store/secrets";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError } from "../problems.ts";
import { demand, serve } from "../serve.ts";

/** Tests and introspections are runs: this process never opens a datasource itself. */
export function addConnectionRunRoutes(app: FastifyInstance, api: Api): void {
  const on = (id: string) => ({ type: "datasource" as const, id });
  const enqueue = (
    actor: Actor,
    origin: Origin,
    run: Pick<NewRun, "kind" | "datasource_id" | "id" | "connection">,
  ) =>
    enqueueRun(api.db, actor, {
      ...run,
      sql: null,
      limits: { ...DEFAULT_LIMITS, timeout_ms: TIMEOUT_MS[run.kind] },
      priority: "interactive",
      trigger: actor.token_id === null ? "user" : "api",
      request_id: origin.request_id,
    });

  serve(
    app,
    api,
    testDatasource,
    ({ params }) => ({ action: "datasources.introspect", on: on(params.id) }),
    async ({ actor, params, origin }) =>
      enqueue(actor, origin, { kind: "test", datasource_id: params.id }),
  );

  serve(
    app,
    api,
    introspectDatasource,
    ({ params }) => ({ action: "datasources.introspect", on: on(params.id) }),
    async ({ actor, params, origin }) =>
      enqueue(actor, origin, { kind: "introspect", datasource_id: params.id }),
  );

  serve(
    app,
    api,
    testDatasourceForm,
    { action: "datasources.write" },
    async ({ actor, body, origin }) => {
      const id = randomUUID();
      if (body.secret) {
        const secret = await sealSecret(
          api.keys.runners,
          { org: actor.org_id, datasource: id, field: "connection", version: 0 },
          body.secret.password,
        );
        return enqueue(actor, origin, {
          kind: "test",
          id,
          datasource_id: null,
          connection: { type: body.type, config: body.config, secret },
        });
      }
      if (!body.datasource_id) {
        return enqueue(actor, origin, {
          kind: "test",
          id,
          datasource_id: null,
          connection: { type: body.type, config: body.config, secret: null },
        });
      }
      await demand(api, actor, "datasources.write", on(body.datasource_id));
      const saved = await readConnection(api.db, body.datasource_id);
      if (!saved?.secret || !sameEndpoint(saved.config, body.config)) {
        throw new ApiError(
          "secret_required",
          "Enter the password: the stored one is used only with the host, port, user and TLS settings it was saved with.",
        );
      }
      return enqueue(actor, origin, {
        kind: "test",
        id,
        datasource_id: body.datasource_id,
        connection: { type: body.type, config: body.config, secret: null },
      });
    },
  );
}

const TIMEOUT_MS: Record<RunKind, number> = {
  test: 30_000,
  introspect: 300_000,
  query: DEFAULT_LIMITS.timeout_ms,
};
