import { randomUUID } from "node:crypto";
import type { TreeInput } from "@quern/contract/project-tree";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { recordAudit } from "./audit.ts";
import { type Database, inTransaction } from "./db.ts";
import { readApiKeys } from "./keys.ts";
import { createProject } from "./project-changes.ts";
import { connectionRun, enqueueRun } from "./runs.ts";
import { sealSecret } from "./secrets.ts";
import { storeTree } from "./trees.ts";

export type DemoEndpoint = {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
};

/**
 * Makes the datasource "Demo", granted to Everyone, or gives it this start's port and password. An admin who deleted
 * it does not get it back, and a changed name, limits or grants stay.
 */
export async function ensureDemoDatasource(
  db: Database,
  keysDirectory: string,
  endpoint: DemoEndpoint,
): Promise<void> {
  const { password, ...address } = endpoint;
  const keys = await readApiKeys(keysDirectory);
  const config = JSON.stringify({ ...address, sslmode: "prefer", read_only: true });
  await inTransaction(db, async (trx) => {
    const { rows: orgs } = await sql<{
      id: string;
    }>`select id from orgs order by created_at limit 1 for update`.execute(trx);
    const org = orgs[0]!.id;
    const { rows } = await sql<{ id: string; version: number; deleted: boolean }>`
      select id, secret_version as version, deleted_at is not null as deleted
      from datasources where org_id = ${org} and is_demo`.execute(trx);
    const found = rows[0];
    if (found?.deleted) return;
    const id = found?.id ?? randomUUID();
    const version = (found?.version ?? 0) + 1;
    const secret = await sealSecret(
      keys.runners,
      { org, datasource: id, field: "password", version },
      password,
    );
    if (found) {
      await sql`
        update datasources set config = ${config}, secret = ${secret}, secret_version = ${version}, secret_changed_at = now()
        where id = ${id}`.execute(trx);
      return;
    }
    await sql`
      insert into datasources (id, org_id, name, type, config, secret, secret_version, secret_changed_at, is_demo)
      select ${id}, ${org},
        case when exists (select from datasources where org_id = ${org} and lower(name) = 'demo' and deleted_at is null)
          then 'Demo ' || left(${id}, 8) else 'Demo' end,
        'postgres', ${config}, ${secret}, ${version}, now(), true`.execute(trx);
    await sql`
      insert into grants (org_id, group_id, resource_type, resource_id)
      select org_id, id, 'datasource', ${id} from groups where org_id = ${org} and system = 'everyone'`.execute(
      trx,
    );
    const owner = { org_id: org, user_id: null, token_id: null };
    await enqueueRun(trx, owner, connectionRun("introspect", id, owner, "start"));
  });
}

/** The id of the datasource "Demo"; undefined without one, or when an admin deleted it. */
export async function demoDatasourceId(db: Database): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from datasources where is_demo and deleted_at is null order by created_at limit 1`.execute(
    db,
  );
  return rows[0]?.id;
}

const PROJECT_LOADED = "project.example_loaded";

/** Whether the example project was ever made, by `makeDemoProject`. The audit log remembers one that was deleted since. */
export async function demoProjectLoaded(db: Database): Promise<boolean> {
  const { rows } = await sql`
    select from audit_log where resource_type = 'project' and action = ${PROJECT_LOADED} limit 1`.execute(
    db,
  );
  return rows.length > 0;
}

/**
 * Makes the example project as `admin`'s, granted to Everyone, and returns its id; undefined when it was made before. Throws
 * `Conflict` like `storeTree`.
 */
export async function makeDemoProject(
  db: Database,
  admin: Actor,
  project: { name: string; description: string; tree: TreeInput },
): Promise<string | undefined> {
  return inTransaction(db, async (trx) => {
    // Two starts on one database: the second one waits, and finds it made.
    await sql`select from orgs where id = ${admin.org_id} for no key update`.execute(trx);
    if (await demoProjectLoaded(trx)) return undefined;
    const { digest: tree } = await storeTree(trx, admin, project.tree);
    const { rows: groups } = await sql<{ id: string }>`
      select id from groups where org_id = ${admin.org_id} and system = 'everyone'`.execute(trx);
    const { name, description } = project;
    const content = { tree, manifest: null, variables: {}, environment: {} };
    const label = { name, description, group_ids: groups.map(({ id }) => id) };
    const id = await createProject(trx, admin, content, label);
    const origin = { request_id: "start", ip_address: "127.0.0.1" };
    const entry = { action: PROJECT_LOADED, resource_type: "project", resource_id: id };
    await recordAudit(trx, admin, origin, entry);
    return id;
  });
}
