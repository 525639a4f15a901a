import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openLog } from "@quern/runtime/log";
import type { Actor } from "@quern/store/actor";
import { type Database, openDatabase } from "@quern/store/db";
import { sweepInstances } from "@quern/store/instance-keeping";
import * as store from "@quern/store/instances";
import { newScramPassword } from "@quern/store/scram";
import { freshDatabase, type TestDatabase } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { sql } from "kysely";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KeepRequest } from "./holding.ts";
import { type People, startPeople } from "./people.ts";
import { openTestInstances, type TestInstances } from "./testing.ts";

let sandbox: TestInstances;
let database: TestDatabase;
let db: Database;
let people: People;
let owner: Actor;
let layer: string;
const released: string[] = [];

beforeAll(async () => {
  [sandbox, database] = await Promise.all([openTestInstances(), freshDatabase()]);
  layer = await sandbox.base(sandbox.instances.environment({}));
  db = openDatabase(database.url);
  owner = await makeActor(db, "editor");
  people = await startPeople({
    db,
    instances: sandbox.instances,
    sandbox: "this",
    address: { host: "127.0.0.1", port: 0, any_port: false, tls: null },
    log: openLog("test", "fatal"),
  });
});
afterAll(async () => {
  await people?.stop();
  await sandbox?.stop();
  await db?.destroy();
  await database?.drop();
});

function request(rest: Partial<KeepRequest> = {}): KeepRequest {
  return {
    org_id: owner.org_id,
    owner_id: owner.user_id,
    name: null,
    project_id: null,
    job_id: null,
    state_key: Buffer.alloc(32, 5),
    environment: sandbox.instances.environment({}),
    ttl_s: null,
    layer: {
      directory: layer,
      release: async () => {
        released.push(rest.name ?? "");
      },
    },
    ...rest,
  };
}

const read = async (id: string) => (await store.readInstance(db, owner, id))!;

test("a kept instance is reached by name and password, reset to its state, and stopped", async () => {
  const kept = await people.keep(request({ name: "My Sandbox!" }));
  expect(kept.name).toBe("my-sandbox");
  const row = await read(kept.instance_id);
  expect(row).toMatchObject({
    status: "running",
    may_change: true,
    resets: 0,
    engine: expect.stringMatching(/^18\./),
  });
  expect(row.connection).toMatchObject({
    user: "my-sandbox",
    has_password: false,
    sslmode: "disable",
  });
  expect(row.remaining_s).toBeGreaterThan(3_500);

  const { password, verifier } = await newScramPassword();
  await store.setLogin(db, { id: row.id }, { user_name: row.name, purpose: "person", verifier });
  const url = store.connectionUrl(people.proxy!.address, row.name, password);
  const client = new Client({ connectionString: url });
  client.on("error", () => {
    // The reset ends the session.
  });
  await client.connect();
  await client.query("create table t ()");
  const ended = new Promise((resolve) => client.once("end", resolve));

  await store.requestCommand(db, row.id, "reset");
  people.look();
  await ended;
  await expect.poll(async () => (await read(row.id)).status, { timeout: 20_000 }).toBe("running");
  expect(await read(row.id)).toMatchObject({ resets: 1 });
  const again = new Client({ connectionString: url });
  await again.connect();
  await expect(again.query("select * from t")).rejects.toThrow(/does not exist/);
  await again.end();

  await store.requestCommand(db, row.id, "stop");
  people.look();
  await expect.poll(async () => (await read(row.id)).status, { timeout: 20_000 }).toBe("ended");
  expect(await read(row.id)).toMatchObject({ end_reason: "stopped", connection: null });
  expect(released).toEqual(["My Sandbox!"]);
  expect(people.count()).toBe(0);
  await expect(new Client({ connectionString: url }).connect()).rejects.toMatchObject({
    code: "28P01",
  });
});

test("an instance ends when its time is up, and later when it was extended", async () => {
  const kept = await people.keep(request());
  await store.extendInstance(db, kept.instance_id, 600);
  expect((await read(kept.instance_id)).remaining_s).toBeGreaterThan(500);
  await sql`update instances set expires_at = now() where id = ${kept.instance_id}`.execute(db);
  people.look();
  await expect
    .poll(async () => (await read(kept.instance_id)).end_reason, { timeout: 20_000 })
    .toBe("expired");
});

test("a server that dies takes its instance with it, and says why", async () => {
  const kept = await people.keep(request());
  const { socket_dir } = people.target(kept.instance_id)!;
  const [pid] = (await readFile(join(socket_dir, ".s.PGSQL.5432.lock"), "utf8")).split("\n");
  process.kill(Number(pid), "SIGKILL");
  await expect
    .poll(async () => (await read(kept.instance_id)).end_reason, { timeout: 20_000 })
    .toBe("crashed");
  expect(people.target(kept.instance_id)).toBeNull();
});

test("limits hold for a person and for all, and names are one of a kind", async () => {
  await sql`update orgs set settings = ${JSON.stringify({ instances: { max_per_person: 1, ttl_s: { maximum: 100, default: 60 } } })}::jsonb
    where id = ${owner.org_id}`.execute(db);
  const [one, two] = await Promise.allSettled([
    people.keep(request({ name: "solo" })),
    people.keep(request({ name: "solo" })),
  ]);
  const refused = [one, two].filter((outcome) => outcome.status === "rejected");
  expect(refused).toHaveLength(1);
  expect(refused[0]!.reason.message).toMatch(/as many as one person may have/);
  await expect(people.keep(request({ ttl_s: 101 }))).rejects.toMatchObject({
    code: "limit_above_maximum",
  });
  const other = await makeActor(db, "editor");
  const same = request({ name: "solo", owner_id: other.user_id });
  await expect(people.keep(same)).rejects.toMatchObject({ code: "name_taken" });
});

test("instances of a process that is gone are told as lost, and their logins hold no more", async () => {
  const { rows } = await sql<{ id: string }>`
    insert into instances (org_id, owner_id, name, state_key, engine, environment, sandbox, lease_until, status, ttl_s, expires_at)
    values (${owner.org_id}, ${owner.user_id}, 'orphan', ${Buffer.alloc(32)}, '18.4', '{"extensions": [], "settings": {}, "superuser": false}',
      'gone', now() - interval '1 minute', 'running', 600, now() + interval '10 minutes')
    returning id`.execute(db);
  const { id } = rows[0]!;
  expect(await read(id)).toMatchObject({ status: "ended", end_reason: "sandbox_lost" });
  expect(await store.lockInstance(db, owner, id)).toBeUndefined();
  const list = { everybody: false, project_id: null, limit: 10, cursor: null } as const;
  expect(
    (await store.listInstances(db, owner, { ...list, status: "live" })).items.map((one) => one.id),
  ).not.toContain(id);
  await sweepInstances(db);
  expect(
    (await store.listInstances(db, owner, { ...list, status: "ended" })).items.map((one) => one.id),
  ).toContain(id);
});
