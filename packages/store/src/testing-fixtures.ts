/** People, datasources and runs for tests. Only tests may import this file. */
import { randomUUID } from "node:crypto";
import { DEFAULT_LIMITS } from "@quern/contract/datasources";
import type { Role } from "@quern/contract/members";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { createDatasource } from "./datasources.ts";
import type { Database } from "./db.ts";
import { setGrants } from "./grants.ts";
import { listGroups } from "./groups.ts";
import { addMember, findActor } from "./members.ts";
import type { NewRun } from "./new-run.ts";
import type { Outcome } from "./queue.ts";
import { enqueueRun } from "./runs.ts";

/** A person with a way to sign in. */
export async function makeActor(db: Database, role: Role): Promise<Actor> {
  const { rows } = await sql<{
    id: string;
  }>`select id from orgs order by created_at limit 1`.execute(db);
  const email = `${role}-${randomUUID()}@example.test`;
  const id = await addMember(db, rows[0]!.id, { email, name: `A ${role}`, role });
  await sql`
    insert into credentials (user_id, account_id, provider_id, password) values (${id}, ${id}, 'credential', 'x')`.execute(
    db,
  );
  return { ...(await findActor(db, id))!, token_id: null };
}

/** A datasource, granted to nobody or to Everyone. */
export async function makeDatasource(
  db: Database,
  actor: Actor,
  options: { everyone?: boolean; max_concurrency?: number } = {},
): Promise<string> {
  const id = randomUUID();
  await createDatasource(db, actor, {
    id,
    name: `datasource ${id}`,
    type: "postgres",
    config: {
      host: "db.example.test",
      port: 5432,
      database: "shop",
      user: "reader",
      sslmode: "prefer",
      read_only: true,
    },
    secret: null,
    max_concurrency: options.max_concurrency ?? 8,
    limits: {},
  });
  if (options.everyone) {
    const everyone = (await listGroups(db, actor.org_id)).find(
      ({ system }) => system === "everyone",
    )!;
    await setGrants(db, actor, { type: "datasource", id }, [everyone.id]);
  }
  return id;
}

export async function makeRun(
  db: Database,
  actor: Actor,
  datasourceId: string,
  change: Partial<NewRun> = {},
): Promise<string> {
  const run = await enqueueRun(db, actor, {
    kind: "query",
    datasource_id: datasourceId,
    sql: "select 1",
    limits: DEFAULT_LIMITS,
    priority: "interactive",
    trigger: "user",
    request_id: randomUUID(),
    ...change,
  });
  return run.id;
}

export const SUCCEEDED: Outcome = {
  status: "succeeded",
  rows: 1,
  bytes: 4,
  started_ago_ms: 5,
  first_row_ago_ms: 2,
  error: null,
  truncated: null,
  cancel_confirmed: null,
  cpu_ms: 3,
  peak_rss: 1_000_000,
  notices: [],
  statements: [
    {
      index: 0,
      start: 0,
      end: 8,
      command: "SELECT 1",
      columns: [{ name: "?column?", type: "int4", source_type: "integer" }],
      rows: 1,
      rows_affected: null,
      bytes: 4,
      truncated: null,
      duration_ms: 1.5,
    },
  ],
  parts: [
    {
      statement: 0,
      part: 0,
      first_row: 0,
      rows: 1,
      size: 3,
      escapes: [],
      store: "postgres",
      data: Buffer.from("abc"),
    },
  ],
  report: null,
  snapshot: null,
};
