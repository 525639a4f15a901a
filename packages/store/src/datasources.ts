import type {
  Datasource,
  DatasourceType,
  Limits,
  PostgresConfig,
} from "@quern/contract/datasources";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { Conflict } from "./conflict.ts";
import { type Database, violates } from "./db.ts";
import { visibleDatasource } from "./grants.ts";

type DatasourceRow = Omit<
  Datasource,
  "created_at" | "updated_at" | "introspected_at" | "secret" | "last_test"
> & {
  secret_changed_at: Date | null;
  created_at: Date;
  updated_at: Date;
  introspected_at: Date | null;
  last_test: Datasource["last_test"];
};

/** Datasources that the actor may use, by name; with `id` only that one. Secrets are not in the select list. */
export async function listDatasources(
  db: Database,
  actor: Actor,
  id?: string,
): Promise<Datasource[]> {
  const { rows } = await sql<DatasourceRow>`
    select datasources.id, datasources.name, datasources.type, datasources.config, datasources.secret_changed_at,
      datasources.max_concurrency, datasources.limits, datasources.created_at, datasources.updated_at,
      coalesce((
        select jsonb_agg(jsonb_build_object('id', groups.id, 'name', groups.name) order by groups.system nulls last, groups.name)
        from grants join groups on groups.id = grants.group_id
        where grants.resource_type = 'datasource' and grants.resource_id = datasources.id
      ), '[]') as groups,
      last_test.json as last_test,
      datasource_schemas.introspected_at, datasources.built_in
    from datasources
    left join datasource_schemas on datasource_schemas.datasource_id = datasources.id
    left join lateral (
      select jsonb_build_object(
        'run_id', runs.id,
        'at', to_char(runs.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'report', runs.report) as json
      from runs
      where runs.datasource_id = datasources.id and runs.kind = 'test' and runs.report is not null
      order by runs.id desc
      limit 1
    ) as last_test on true
    where ${visibleDatasource(actor)} and (${id ?? null}::uuid is null or datasources.id = ${id ?? null})
    order by lower(datasources.name), datasources.id`.execute(db);
  return rows.map(({ secret_changed_at, created_at, updated_at, introspected_at, ...row }) => ({
    ...row,
    secret: {
      set: secret_changed_at !== null,
      changed_at: secret_changed_at?.toISOString() ?? null,
    },
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
    introspected_at: introspected_at?.toISOString() ?? null,
  }));
}

export type NewDatasource = {
  id: string;
  name: string;
  type: DatasourceType;
  config: PostgresConfig;
  /** Sealed, for version 1. */
  secret: string | null;
  max_concurrency: number;
  limits: Partial<Limits>;
  /** The instance whose datasource it is: it is its owner's, and ends with it. */
  instance_id?: string;
};

/** Throws `Conflict` (`name_taken`). The id is given because the sealed secret is bound to it. */
export async function createDatasource(
  db: Database,
  actor: Actor,
  datasource: NewDatasource,
): Promise<void> {
  await sql`
    insert into datasources (id, org_id, name, type, config, secret, secret_version, secret_changed_at, max_concurrency, limits, created_by, instance_id)
    values (${datasource.id}, ${actor.org_id}, ${datasource.name}, ${datasource.type}, ${JSON.stringify(datasource.config)},
      ${datasource.secret}, 1, case when ${datasource.secret}::text is not null then now() end,
      ${datasource.max_concurrency}, ${JSON.stringify(datasource.limits)}, ${actor.user_id}, ${datasource.instance_id ?? null})`
    .execute(db)
    .catch((error) => rethrowNameTaken(error, datasource.name));
}

/** What a runner needs to connect; the secret is sealed. */
export type SealedConnection = {
  id: string;
  org_id: string;
  type: DatasourceType;
  config: PostgresConfig;
  secret: string | null;
  secret_version: number;
  max_concurrency: number;
};

/** Also for runners, so not scoped to an actor. Undefined when the datasource was deleted. */
export async function readConnection(
  db: Database,
  id: string,
  lock = false,
): Promise<(SealedConnection & Pick<Datasource, "built_in">) | undefined> {
  const { rows } = await sql<SealedConnection & Pick<Datasource, "built_in">>`
    select id, org_id, type, config, secret, secret_version, max_concurrency, built_in from datasources
    where id = ${id} and deleted_at is null ${lock ? sql`for update` : sql``}`.execute(db);
  return rows[0];
}

export type DatasourceChange = Partial<
  Pick<NewDatasource, "name" | "config" | "max_concurrency" | "limits">
> & {
  /** A secret sealed for `secret_version`, null to clear it, undefined to leave it. */
  secret?: string | null;
  secret_version?: number;
};

/** Call in a transaction that holds the row (`readConnection` with `lock`). Throws `Conflict` (`name_taken`). */
export async function changeDatasource(
  db: Database,
  id: string,
  change: DatasourceChange,
): Promise<void> {
  await db
    .updateTable("datasources")
    .set({
      updated_at: sql`now()`,
      ...(change.name === undefined ? {} : { name: change.name }),
      ...(change.config === undefined ? {} : { config: JSON.stringify(change.config) }),
      ...(change.max_concurrency === undefined ? {} : { max_concurrency: change.max_concurrency }),
      ...(change.limits === undefined ? {} : { limits: JSON.stringify(change.limits) }),
      ...(change.secret === undefined
        ? {}
        : {
            secret: change.secret,
            secret_version: change.secret_version!,
            secret_changed_at: change.secret === null ? null : sql<Date>`now()`,
          }),
    })
    .where("id", "=", id)
    .execute()
    .catch((error) => rethrowNameTaken(error, change.name ?? ""));
}

/** Deletes a datasource, its secret, grants, schema and queries. The row stays for the run history. */
export async function deleteDatasource(db: Database, id: string): Promise<void> {
  await sql`select delete_datasource(${id})`.execute(db);
}

function rethrowNameTaken(error: unknown, name: string): never {
  if (!violates(error, "datasources_name_key")) throw error;
  throw new Conflict(
    "name_taken",
    `There is a datasource called ${name} already. Choose another name.`,
  );
}

/** Whether a secret saved for `saved` may be sent to `asked`: same host, port, user and TLS. The database may differ. */
export function sameEndpoint(saved: PostgresConfig, asked: PostgresConfig): boolean {
  return (
    saved.host === asked.host &&
    saved.port === asked.port &&
    saved.user === asked.user &&
    saved.sslmode === asked.sslmode &&
    saved.ssl_root_cert === asked.ssl_root_cert
  );
}
