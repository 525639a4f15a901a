import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { type Database, inTransaction } from "./db.ts";
import { readApiKeys } from "./keys.ts";
import { connectionRun, enqueueRun } from "./runs.ts";
import { sealSecret } from "./secrets.ts";

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
