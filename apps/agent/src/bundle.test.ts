/** The single file, as an operator has it: alone in a folder, beside a real server. */
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { AgentPayload } from "@quern/contract/agent/payload";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HAS_MARIADB, startTestMariadb, type TestMariadb } from "./testing-mariadb/server.ts";
import { startTestServer, type TestServer } from "./testing-postgres/server.ts";
import {
  API_KEY,
  openTestingIngest,
  SIGNING_SECRET,
  type TestingIngest,
} from "./upload/testing-ingest.ts";

const run = promisify(execFile);
const ROOM = new URL("..", import.meta.url).pathname;
const CANARY = "zqcanary4711";
/** Each test starts several processes. */
const TIMEOUT_MS = 180_000;

let dir: string;
let file: string;
let server: TestServer;
let ingest: TestingIngest;
let raw: pg.Client;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "quern-bundle-"));
  file = join(dir, "quern-agent.mjs");
  const cli = join(
    dirname(createRequire(import.meta.url).resolve("rolldown/package.json")),
    "bin/cli.mjs",
  );
  const bundled = run(process.execPath, [cli, "-c", "rolldown.config.ts", "--file", file], {
    cwd: ROOM,
  });
  [server, ingest] = await Promise.all([startTestServer(18), openTestingIngest(), bundled]);
  raw = await plant();
}, TIMEOUT_MS);
afterAll(async () => {
  await raw?.end();
  await server?.stop();
  await ingest?.close();
  await rm(dir, { recursive: true, force: true });
});

/** Puts the canary wherever PostgreSQL keeps or shows texts of its users; the last one is at work while it is looked at. */
async function plant(): Promise<pg.Client> {
  const client = await server.session();
  const statements = [
    "create extension pg_stat_statements",
    `create role keeper login password '${CANARY}'`,
    "grant pg_monitor to keeper",
    `alter role keeper password '${CANARY}' valid until '2099-01-01'`,
    `create type mood as enum ('${CANARY}', 'calm')`,
    `create table visits (id bigint primary key, note text default '${CANARY}' check (note <> '${CANARY}x'), feeling mood)`,
    `comment on table visits is '${CANARY}'`,
    `comment on column visits.note is '${CANARY}'`,
    `create index visits_note on visits (lower(note || '${CANARY}')) where note <> '${CANARY}'`,
    `create view seen as select '${CANARY}'::text as word`,
    `insert into visits (id, note) select n, '${CANARY}' || n from generate_series(1, 100) as n`,
    "analyze visits",
    `select count(*) from visits where note = '${CANARY}' /* ${CANARY} */`,
    `do $body$ begin perform '${CANARY}'; end $body$`,
    `set quern.word = '${CANARY}'`,
    `copy visits to program 'cat > /dev/null # ${CANARY}'`,
    "create foreign data wrapper nothing",
    "create server far foreign data wrapper nothing",
    `create user mapping for keeper server far options (password '${CANARY}')`,
    `create subscription sub connection 'host=127.0.0.1 password=${CANARY}' publication p with (connect = false)`,
    `alter system set primary_conninfo = 'host=h password=${CANARY}'`,
    `alter system set archive_command = 'cp %p /${CANARY}'`,
    "select pg_reload_conf()",
    `create function lookup() returns text language sql as $$ select '${CANARY}' $$`,
    `create publication pub for table visits where (note <> '${CANARY}')`,
    `set application_name = '${CANARY}'`,
  ];
  for (const statement of statements) await client.query(statement);
  // Idle in a transaction: its raw text is what pg_stat_activity shows.
  await client.query("begin");
  await client.query(`select pg_sleep(0), '${CANARY}'`);
  return client;
}

const settings = (more: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: dir,
  DATABASE_URL: server.url("postgres", "keeper").replace("secret", CANARY),
  DATAPACE_ENDPOINT: ingest.endpoint,
  DATAPACE_API_KEY: API_KEY,
  DATAPACE_SIGNING_SECRET: SIGNING_SECRET,
  DATAPACE_HEALTH_PORT: "0",
  QUERN_SPOOL_DIR: join(dir, "state"),
  ...more,
});

type Ended = { code: number | null; stdout: string; stderr: string };

function agent(args: string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [file, ...args], { cwd: dir, env });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended };
}

test(
  "it runs with nothing but Node: help, version, the texts of rights",
  async () => {
    const [help, version, grants, helper] = await Promise.all(
      ["--help", "-V", "--print-grants", "--print-helper-sql"].map(
        (flag) => agent([flag], {}).ended,
      ),
    );
    expect(help).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining("--test-connection"),
    });
    expect(version?.stdout).toBe("quern-agent 0.1.0\n");
    expect(grants?.stdout).toContain("pg_monitor");
    expect(helper?.stdout).toContain("security definer");
  },
  TIMEOUT_MS,
);

test(
  "what cannot work ends with words and a code, and without the password",
  async () => {
    const [nothing, refused, unknown] = await Promise.all([
      agent(["--dry-run"], { PATH: process.env.PATH }).ended,
      agent(["--dry-run"], settings({ DATABASE_URL: `postgres://bob:${CANARY}@127.0.0.1:1/d` }))
        .ended,
      agent(["--dryrun"], {}).ended,
    ]);
    expect(nothing).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("DATABASE_URL"),
      stdout: "",
    });
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("127.0.0.1:1"),
      stdout: "",
    });
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining("--help") });
    expect(refused?.stderr).not.toContain(CANARY);
  },
  TIMEOUT_MS,
);

test(
  "--test-connection says how each aspect is, the server that takes payloads among them",
  async () => {
    const { code, stdout, stderr } = await agent(["--test-connection"], settings()).ended;
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^ok {4}Quern +answers at http:\/\/localhost:\d+\/api\/v1\/health$/m);
    expect(stdout).toContain("pg_stat_statements");
    expect(stdout).not.toContain(CANARY);
    expect(code).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  "X1, X3: --dry-run prints exactly what is sent, and no canary is in it, on the wire, in the spool or the log",
  async () => {
    const everything = { QUERN_PLANS: "true", QUERN_UPLOAD_COMPRESSION: "none" };
    const dry = await agent(["--dry-run", "-v"], settings({ ...everything, DATAPACE_API_KEY: "" }))
      .ended;
    expect(dry.code).toBe(0);
    const printed = JSON.parse(dry.stdout) as unknown[];
    expect(printed.length).toBeGreaterThan(0);
    for (const payload of printed) AgentPayload.parse(payload);

    const replayed = join(dir, "dry.json");
    await writeFile(replayed, dry.stdout);
    const before = ingest.received.length;
    const replay = await agent(["--replay", replayed], settings(everything)).ended;
    expect(replay.code).toBe(0);
    expect(ingest.received.slice(before).map((it) => it.raw.toString())).toEqual(
      printed.map((payload) => JSON.stringify(payload)),
    );

    const once = await agent(["--once", "-v", "--json-logs"], settings(everything)).ended;
    expect(once.code).toBe(0);
    const sent = ingest.received.slice(before + printed.length);
    expect(sent.map(({ body }) => Object.keys(body).sort())).toEqual(
      printed.map((payload) => Object.keys(payload as object).sort()),
    );
    const all = [dry, replay, once].flatMap(({ stdout, stderr }) => [stdout, stderr]);
    const wire = ingest.received.map((it) => `${it.raw}${JSON.stringify(it.headers)}`);
    for (const text of [...all, ...wire]) expect(text).not.toContain(CANARY);
    for (const text of all) {
      expect(text).not.toContain(API_KEY);
      expect(text).not.toContain(SIGNING_SECRET);
    }
    // It was looked at: statements with secrets are there, without them.
    const statements = sent.flatMap(({ body }) => body.query_stats ?? []);
    expect(statements.some(({ query }) => query?.includes("password <redacted>"))).toBe(true);
    expect(sent.flatMap(({ body }) => body.activity ?? []).length).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

test(
  "U2: --once ends with 1 when the server refuses for good, and keeps the payload",
  async () => {
    const state = join(dir, "refused");
    ingest.script = [{ status: 422, body: { code: "invalid_payload" } }];
    const { code, stderr } = await agent(["--once"], settings({ QUERN_SPOOL_DIR: state })).ended;
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("422: invalid_payload"),
    });
    expect(await readdir(join(state, "dead-letters"))).toHaveLength(2);
  },
  TIMEOUT_MS,
);

/** The same, wherever MariaDB keeps or shows texts of its users. */
async function plantInMariadb(mariadb: TestMariadb): Promise<void> {
  await mariadb.sql(
    "create database shop",
    `create user keeper identified by '${CANARY}'`,
    `alter user keeper identified by '${CANARY}'`,
    "grant process, references, binlog monitor, slave monitor on *.* to keeper",
    "grant select on performance_schema.* to keeper",
    `create table shop.visits (id bigint primary key, note varchar(40) default '${CANARY}' check (note <> '${CANARY}x'),
      feeling enum('${CANARY}', 'calm'), word varchar(90) as (concat(note, '${CANARY}')) comment '${CANARY}')
      comment '${CANARY}'`,
    `create view shop.seen as select '${CANARY}' as word`,
    `create procedure shop.told() begin select '${CANARY}'; end`,
    `create trigger shop.marks before insert on shop.visits for each row set new.note = coalesce(new.note, '${CANARY}')`,
    `create event shop.later on schedule every 1 year do select '${CANARY}'`,
    `set global init_connect = 'set @word = "${CANARY}"'`,
    `change master to master_host = '${CANARY}', master_user = 'u', master_password = '${CANARY}'`,
    "use shop",
    `insert into visits (id, note) values (1, '${CANARY}')`,
    `select count(*) from visits where note = '${CANARY}' /* ${CANARY} */ -- ${CANARY}`,
    `select '${CANARY}' union select "${CANARY}"`,
    `set @word = '${CANARY}'`,
    `set password for keeper = password('${CANARY}')`,
    `prepare s from 'select "${CANARY}"'`,
    "execute s",
  );
  // Idle in a transaction, and at work with a literal in its text.
  const open = await mariadb.session();
  await open.query("use shop");
  await open.query("begin");
  await open.query(`update visits set note = '${CANARY}' where note = '${CANARY}'`);
  const busy = await mariadb.session();
  busy.query(`select sleep(600), '${CANARY}'`).catch(() => {});
  const working = () =>
    mariadb.sql("select 1 from information_schema.processlist where state = 'User sleep'");
  while ((await working()).length === 0);
}

test.skipIf(!HAS_MARIADB)(
  "X1 of MariaDB: no canary is in a payload, on the wire, in the spool or the log",
  async () => {
    const mariadb = await startTestMariadb();
    try {
      await plantInMariadb(mariadb);
      const state = join(dir, "mariadb");
      const env = settings({
        ...{ DATABASE_URL: mariadb.url("shop", "keeper", CANARY), QUERN_SPOOL_DIR: state },
        ...{ QUERN_UPLOAD_COMPRESSION: "none", DATAPACE_API_KEY: "" },
      });
      const [tested, dry] = await Promise.all([
        agent(["--test-connection"], env).ended,
        agent(["--dry-run", "-v"], env).ended,
      ]);
      expect([tested.code, dry.code]).toEqual([0, 0]);
      const [printed] = JSON.parse(dry.stdout) as unknown[];
      const payload = AgentPayload.parse(printed);

      ingest.script = [{ status: 422, body: { code: "invalid_payload" } }];
      const count = ingest.received.length;
      const once = await agent(["--once", "-v", "--json-logs"], {
        ...env,
        DATAPACE_API_KEY: API_KEY,
      }).ended;
      const letters = join(state, "dead-letters");
      const kept = await Promise.all(
        (await readdir(letters)).map(async (name) => {
          const bytes = await readFile(join(letters, name));
          return (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
        }),
      );
      expect(kept.some((text) => text.includes("visits"))).toBe(true);
      const sent = ingest.received.slice(count);
      const wire = sent.map((it) => `${it.raw}${JSON.stringify(it.headers)}`);
      expect(wire).toHaveLength(1);
      const said = [tested, dry, once].flatMap(({ stdout, stderr }) => [stdout, stderr]);
      for (const text of [...said, ...kept, ...wire]) expect(text).not.toContain(CANARY);
      // It was looked at.
      expect(payload.database.type).toBe("mariadb");
      expect(payload.query_stats?.map(({ query }) => query)).toContain(
        "SELECT COUNT (*) FROM `visits` WHERE `note` = ?",
      );
      const states = payload.activity
        ?.at(-1)
        ?.sessions.map(({ state: does }) => does)
        .sort();
      expect(states).toEqual(["active", "idle in transaction"]);
      expect(payload.schema?.tables.map(({ name }) => name)).toEqual(["seen", "visits"]);
    } finally {
      await mariadb.stop();
    }
  },
  TIMEOUT_MS,
);

async function spooled(state: string): Promise<AgentPayload[]> {
  const folder = join(state, "spool");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json.gz")).sort();
  return await Promise.all(
    names.map(async (name) =>
      JSON.parse(gunzipSync(await readFile(join(folder, name))).toString()),
    ),
  );
}

test(
  "U10, U16: SIGTERM ends it within two seconds, kill -9 at once; what was not answered is sent after the next start",
  async () => {
    const state = join(dir, "lasting");
    await mkdir(state);
    const env = settings({ QUERN_SPOOL_DIR: state, COLLECTION_INTERVAL: "10s" });
    ingest.script = ["silence"];
    const count = ingest.received.length;
    const first = agent([], env);
    await ingest.arrivals(count + 1);
    first.child.kill("SIGTERM");
    // 1 would be that of an agent that its own deadline of 1.9 s has ended.
    expect(await first.ended).toMatchObject({ code: 0 });
    const [left] = await spooled(state);
    expect(left?.snapshot_uuid).toBe(ingest.received[count]?.body.snapshot_uuid);
    expect(JSON.stringify(await spooled(state))).not.toContain(CANARY);

    ingest.script = ["silence"];
    const second = agent([], env);
    await ingest.arrivals(count + 2);
    second.child.kill("SIGKILL");
    await second.ended;
    expect(ingest.received[count + 1]?.body.snapshot_uuid).toBe(left?.snapshot_uuid);

    const { code } = await agent(["--once"], env).ended;
    expect(code).toBe(0);
    expect(ingest.stored.has(left?.snapshot_uuid ?? "")).toBe(true);
    expect(await spooled(state)).toEqual([]);
  },
  TIMEOUT_MS,
);
