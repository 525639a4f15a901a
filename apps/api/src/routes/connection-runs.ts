import {
  introspectDatasource,
  testDatasource,
  testDatasourceForm,
} from "@quern/contract/datasources";
import { readConnection, sameEndpoint } from "@quern/store/datasources";
import { connectionRun, newRunId } from "@quern/store/runs";
import { sealSecret } from "@quern/store/secrets";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { enqueue } from "../enqueue.ts";
import { ApiError } from "../problems.ts";
import { demand, serve } from "../serve.ts";

/** Tests and introspections are runs: this process never opens a datasource itself. */
export function addConnectionRunRoutes(app: FastifyInstance, api: Api): void {
  const on = (id: string) => ({ type: "datasource" as const, id });

  serve(
    app,
    api,
    testDatasource,
    ({ params }) => ({ action: "datasources.introspect", on: on(params.id) }),
    async ({ actor, params, origin, request }) => {
      const run = connectionRun("test", params.id, actor, origin.request_id);
      return enqueue(api, { origin, request }, actor, run);
    },
  );

  serve(
    app,
    api,
    introspectDatasource,
    ({ params }) => ({ action: "datasources.introspect", on: on(params.id) }),
    async ({ actor, params, origin, request }) => {
      const run = connectionRun("introspect", params.id, actor, origin.request_id);
      return enqueue(api, { origin, request }, actor, run);
    },
  );

  serve(
    app,
    api,
    testDatasourceForm,
    { action: "datasources.write" },
    async ({ actor, body, origin, request }) => {
      const { type, config, secret } = body;
      const lender = secret ? undefined : body.datasource_id;
      if (lender) {
        await demand(api, actor, "datasources.write", on(lender));
        const saved = await readConnection(api.db, lender);
        if (!saved?.secret || !sameEndpoint(saved.config, config)) {
          throw new ApiError(
            "secret_required",
            "Enter the password: the stored one is used only with the host, port, user and TLS settings it was saved with.",
          );
        }
      }
      const id = await newRunId(api.db);
      const binding = { org: actor.org_id, datasource: id, field: "connection", version: 0 };
      const sealed = secret ? await sealSecret(api.keys.runners, binding, secret.password) : null;
      return enqueue(api, { origin, request }, actor, {
        ...connectionRun("test", lender ?? null, actor, origin.request_id),
        id,
        connection: { type, config, secret: sealed },
      });
    },
  );
}
