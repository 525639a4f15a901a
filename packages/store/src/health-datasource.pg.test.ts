import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HEALTH_METRICS } from "@quern/contract/health/metrics";
import { sql } from "kysely";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "./db.ts";
import { ensureHealthDatasources, readerConfig } from "./health-datasource.ts";
import { type HealthReader, healthReaders, makeHealthReaders } from "./health-readers.ts";
import { type ApiKeys, ensureKeys, readApiKeys, readRunnerKeys } from "./keys.ts";
import { openSecret } from "./secrets.ts";
import { freshDatabase, type TestDatabase, testServer, testUrl } from "./testing.ts";

let folder: string;
let keys: ApiKeys;
let database: TestDatabase;
/** As Quern itself, whose role may make no roles, and as the superuser. */
let db: Database;
let admin: Database;
let reader: HealthReader;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "quern-health-datasource-"));
  await ensureKeys(folder);
  keys = await readApiKeys(folder);
  database = await freshDatabase();
  db = openDatabase(database.url);
  admin = openDatabase(testUrl(database.name));
  reader = (await healthReaders(db, keys))[0]!;
});
afterAll(async () => {
  await db.destroy();
  await admin.destroy();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const ensure = async (as = db, url = database.url) =>
  (await ensureHealthDatasources(as, keys, url))[0]!;

async function stored() {
  const { rows } = await sql<{
    id: string;
    org_id: string;
    secret: string;
    secret_version: number;
    grants: number;
  }>`
    select id, org_id, secret, secret_version,
      (select count(*)::integer from grants where resource_id = datasources.id) as grants
    from datasources where built_in = 'health'`.execute(db);
  return rows;
}

async function signIn(password: string): Promise<string> {
  const url = testUrl(database.name, reader.role, password);
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const shown = await client.query<{ search_path: string }>("show search_path");
    return shown.rows[0]!.search_path;
  } finally {
    await client.end();
  }
}

test("a role that may make no roles asks an administrator, whose SQL is all that it takes, and holds no password", async () => {
  const before = await ensure();
  expect(before).toMatchObject({ datasource_id: null });
  expect(before.trouble).toContain("may not make roles");
  expect(before.sql).not.toContain(reader.password);
  expect(await stored()).toEqual([]);
  await sql.raw(before.sql!).execute(admin);
  const { datasource_id, trouble } = await ensure();
  expect(trouble).toBeNull();
  expect(await stored()).toMatchObject([{ id: datasource_id, grants: 0 }]);
  expect(await signIn(reader.password)).toBe("health");
});

test("a password that somebody changed is said, and the SQL mends it", async () => {
  await sql.raw(`alter role ${reader.role} password 'other'`).execute(admin);
  const { datasource_id, trouble, sql: mend } = await ensure();
  expect(datasource_id).toBeNull();
  expect(trouble).toContain("does not let the role");
  expect(mend).not.toContain("create role");
  await sql.raw(mend!).execute(admin);
  expect((await ensure()).trouble).toBeNull();
  expect(await signIn(reader.password)).toBe("health");
});

test("several processes that start at once make one datasource with one secret, which stays the same", async () => {
  await admin.transaction().execute(async (trx) => {
    await sql`delete from runs`.execute(trx);
    await sql`delete from datasources where built_in = 'health'`.execute(trx);
  });
  const superuser = testUrl(database.name);
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => ensure(admin, superuser)));
  expect(new Set(outcomes.map(({ datasource_id }) => datasource_id)).size).toBe(1);
  expect(outcomes.map(({ trouble }) => trouble)).toEqual([null, null, null, null]);
  const [row, ...more] = await stored();
  expect(more).toEqual([]);
  const binding = { org: row!.org_id, datasource: row!.id, field: "password" };
  const { private: own } = await readRunnerKeys(folder);
  const opened = await openSecret(own, { ...binding, version: row!.secret_version }, row!.secret);
  expect(opened).toBe(reader.password);
  expect(await signIn(opened)).toBe("health");
  await ensure(admin, superuser);
  expect(await stored()).toEqual([row]);
});

test("a role of that name that may do more is not used", async () => {
  for (const [more, less] of [
    ["alter role R createdb", "alter role R nocreatedb"],
    ["grant pg_read_all_data to R", "revoke pg_read_all_data from R"],
  ] as const) {
    await sql.raw(more.replace("R", reader.role)).execute(admin);
    expect((await ensure()).trouble).toMatch(/may do more .* drop role/);
    await sql.raw(less.replace("R", reader.role)).execute(admin);
  }
  expect((await ensure()).trouble).toBeNull();
});

test("a role that may create is not used, and the SQL takes that from everybody but Quern", async () => {
  const owner = new URL(database.url).username;
  for (const [more, less] of [
    ["create on schema public to public", /revoke create on schema public from public/],
    [
      `create on database ${database.name} to R`,
      /revoke create on database \S+ from public, quern_/,
    ],
  ] as const) {
    await sql.raw(`grant ${more.replace("R", reader.role)}`).execute(admin);
    const refused = await ensure();
    expect(refused).toMatchObject({ datasource_id: null, sql: expect.stringMatching(less) });
    expect(refused.trouble).toContain("may create objects");
    expect(await stored(), "nobody's SQL runs as it").toMatchObject([{ secret: null }]);
    const { rows } = await sql`select from health_readers`.execute(db);
    expect(rows).toEqual([]);
    await sql.raw(refused.sql!).execute(admin);
    const mended = await ensure();
    expect(mended).toMatchObject({ trouble: null, sql: null });
    expect(await stored()).toMatchObject([{ secret: expect.any(String) }]);
  }
  const { rows } = await sql<{ creates: boolean; reads: boolean }>`
    select has_schema_privilege(${owner}, 'public', 'create') as creates,
      has_schema_privilege(${reader.role}, 'public', 'create') as reads`.execute(admin);
  expect(rows).toEqual([{ creates: true, reads: false }]);
});

test("no text of a statement that makes the role holds its password", async () => {
  const texts: string[] = [];
  const heard = admin.withPlugin({
    transformQuery: ({ node }) => {
      texts.push(JSON.stringify(node));
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  await makeHealthReaders(heard, [reader]);
  const made = texts.filter((text) => text.includes("alter role"));
  expect(made).toHaveLength(1);
  expect(made[0]).not.toContain("SCRAM");
  expect(texts.join()).not.toContain(reader.password);
});

test("every metric is known with its unit, and every view and column says what it is", async () => {
  const { rows } = await sql<{ name: string; subject: string; kind: string; unit: string }>`
    select name, subject, kind, unit from health_metric_names order by name collate "C"`.execute(
    db,
  );
  const all = Object.entries(HEALTH_METRICS).map(([name, { subject, kind, unit }]) => {
    return { name, subject, kind, unit };
  });
  expect(rows).toEqual(all.sort((a, b) => (a.name < b.name ? -1 : 1)));
  const silent = await sql`
    select relname, attname from pg_class join pg_attribute on attrelid = pg_class.oid and attnum >= 0
    where relnamespace = 'health'::regnamespace and relkind = 'v'
      and (col_description(pg_class.oid, attnum) is null or obj_description(pg_class.oid, 'pg_class') is null
        or not 'security_barrier=true' = any(reloptions))`.execute(db);
  expect(silent.rows).toEqual([]);
});

test("runners connect as DATABASE_URL does", async () => {
  const cert = join(folder, "root.pem");
  await writeFile(cert, "PEM");
  const of = async (url: string) => {
    const { host, port, sslmode, ssl_root_cert } = await readerConfig(url, { role: "r" });
    return [host, port, sslmode, ssl_root_cert];
  };
  const at = "postgres://u:p@db.example:5433/q";
  expect(await of(at)).toEqual(["db.example", 5433, "prefer", undefined]);
  expect(await of(`${at}?sslmode=disable`)).toEqual(["db.example", 5433, "disable", undefined]);
  expect(await of(`${at}?sslmode=no-verify`)).toEqual(["db.example", 5433, "require", undefined]);
  expect(await of(`${at}?sslmode=require&sslrootcert=${encodeURIComponent(cert)}`)).toEqual([
    ...["db.example", 5433, "verify-full", "PEM"],
  ]);
  const socket = `postgres://u:p@localhost/q?host=${encodeURIComponent(testServer().socketDir)}`;
  expect(await of(socket)).toEqual([testServer().socketDir, 5432, "prefer", undefined]);
});
