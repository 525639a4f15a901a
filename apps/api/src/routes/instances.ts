import { randomUUID } from "node:crypto";
import * as contract from "@quern/contract/instances";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import { createDatasource } from "@quern/store/datasources";
import { type Database, inTransaction } from "@quern/store/db";
import * as instances from "@quern/store/instances";
import { connectionRun } from "@quern/store/runs";
import { newScramPassword } from "@quern/store/scram";
import { sealSecret } from "@quern/store/secrets";
import { readSettings } from "@quern/store/settings";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { enqueue } from "../enqueue.ts";
import { ApiError, notFound } from "../problems.ts";
import { serve } from "../serve.ts";

const NO_PROXY =
  "The sandbox of this instance has no proxy to connect to. An admin can give it one with QUERN_SANDBOX_PROXY_ADDR.";

/** Instances that people keep. They are made by jobs; the sandbox that has one does what is asked here. */
export function addInstanceRoutes(app: FastifyInstance, api: Api): void {
  const read = { action: "instances.read" } as const;
  const write = { action: "instances.write" } as const;
  const entry = (deed: string, id: string, details?: Record<string, unknown>) => ({
    action: `instance.${deed}`,
    resource_type: "instance",
    resource_id: id,
    ...(details && { details }),
  });

  serve(app, api, contract.listInstances, read, ({ actor, query }) =>
    instances.listInstances(api.db, actor, {
      status: query.status ?? "live",
      everybody: query.owner === "all",
      project_id: query.project_id ?? null,
      limit: query.limit ?? 50,
      cursor: query.cursor ?? null,
    }),
  );

  serve(app, api, contract.readInstance, read, ({ actor, params: { id } }) =>
    known(api.db, actor, id),
  );

  serve(app, api, contract.makeInstancePassword, write, ({ actor, params: { id }, origin }) =>
    inTransaction(api.db, async (trx) => {
      const instance = await living(trx, actor, id);
      const { proxy } = instance;
      if (proxy === null) {
        throw new ApiError("unavailable", NO_PROXY);
      }
      const { password, verifier } = await newScramPassword();
      const login = { user_name: instance.name, purpose: "person", verifier } as const;
      await instances.setLogin(trx, instance, login);
      await recordAudit(trx, actor, origin, entry("password_made", id));
      return {
        user: instance.name,
        password,
        host: proxy.host,
        port: proxy.port,
        database: "project",
        sslmode: proxy.tls ? "require" : "disable",
        url: instances.connectionUrl(proxy, instance.name, password),
      };
    }),
  );

  serve(
    app,
    api,
    contract.openInstanceDatasource,
    write,
    ({ actor, params: { id }, origin, request }) =>
      inTransaction(api.db, async (trx) => {
        const instance = await living(trx, actor, id);
        const known = await instances.datasourceOfInstance(trx, id);
        if (known !== undefined) return { datasource_id: known };
        const datasource_id = await openDatasource(api, trx, actor, instance);
        await recordAudit(trx, actor, origin, entry("datasource_made", id, { datasource_id }));
        const run = connectionRun("introspect", datasource_id, actor, origin.request_id);
        await enqueue(api, { origin, request }, actor, run, trx);
        return { datasource_id };
      }),
  );

  for (const command of ["reset", "stop"] as const) {
    const route = command === "reset" ? contract.resetInstance : contract.stopInstance;
    serve(app, api, route, write, ({ actor, params: { id }, origin }) =>
      inTransaction(api.db, async (trx) => {
        await living(trx, actor, id);
        await instances.requestCommand(trx, id, command);
        await recordAudit(trx, actor, origin, entry(`${command}_requested`, id));
        return known(trx, actor, id);
      }),
    );
  }

  serve(app, api, contract.extendInstance, write, ({ actor, params: { id }, body, origin }) =>
    inTransaction(api.db, async (trx) => {
      const { ttl_s } = (await readSettings(trx, actor.org_id)).instances;
      if (body.ttl > ttl_s.maximum) {
        throw new ApiError(
          "limit_above_maximum",
          `An instance may live ${ttl_s.maximum} seconds from now at most. Ask for less, and extend it again later.`,
          [{ path: "body.ttl", message: `must be at most ${ttl_s.maximum}` }],
        );
      }
      await living(trx, actor, id);
      await instances.extendInstance(trx, id, body.ttl);
      await recordAudit(trx, actor, origin, entry("extended", id, { ttl_s: body.ttl }));
      return known(trx, actor, id);
    }),
  );
}

/** Sessions through the proxy are few, and its owner is one person. */
const CONCURRENCY = 4;

async function openDatasource(
  api: Api,
  trx: Database,
  actor: Actor,
  instance: instances.LiveInstance,
): Promise<string> {
  const { proxy, name } = instance;
  if (proxy === null) throw new ApiError("unavailable", NO_PROXY);
  const id = randomUUID();
  const { password, verifier } = await newScramPassword();
  // No instance has a name with a dot.
  const user = `${name}.quern`;
  await instances.setLogin(trx, instance, { user_name: user, purpose: "datasource", verifier });
  const binding = { org: actor.org_id, datasource: id, field: "password", version: 1 };
  await createDatasource(trx, actor, {
    id,
    name: `Instance ${name}`,
    type: "postgres",
    config: {
      host: proxy.host,
      port: proxy.port,
      database: "project",
      user,
      sslmode: proxy.tls ? "require" : "disable",
      read_only: false,
    },
    secret: await sealSecret(api.keys.runners, binding, password),
    max_concurrency: CONCURRENCY,
    limits: {},
    instance_id: instance.id,
  });
  return id;
}

async function known(db: Database, actor: Actor, id: string): Promise<contract.Instance> {
  const found = await instances.readInstance(db, actor, id);
  if (found === undefined) throw notFound("instance");
  return found;
}

async function living(db: Database, actor: Actor, id: string): Promise<instances.LiveInstance> {
  const found = await instances.lockInstance(db, actor, id);
  if (found !== undefined) return found;
  await known(db, actor, id);
  throw new ApiError("conflict", "This instance has ended. Make a new one from the same state.");
}
