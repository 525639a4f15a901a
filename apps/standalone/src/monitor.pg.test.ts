import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { emptyDatabase, testUrl } from "@quern/store/testing";
import { unusedPort } from "@quern/store/testing-port";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { openDataFolder } from "./data-folder.ts";
import { useDatabase } from "./database.ts";
import { launchMonitor } from "./monitor.ts";
import { monitoredServer } from "./monitored-server.ts";
import { StandaloneSettings } from "./settings.ts";

const room = resolve(import.meta.dirname, "..");

// A test starts Quern, and beside others that takes its time.
vi.setConfig({ testTimeout: 240_000 });

let folder: string;
const started: ChildProcess[] = [];

beforeAll(async () => {
  for (const app of ["standalone", "api", "runner", "agent"]) {
    const built = resolve(room, "..", app, "dist/main.js");
    expect(existsSync(built), `${built} is missing: run npx tsc -b`).toBe(true);
  }
  folder = await mkdtemp(join(tmpdir(), "monitor-test-"));
});
afterEach(async () => {
  for (const child of started.splice(0)) await end(child);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

/** `make up` without make and demo; all that it prints. */
async function up(env: Record<string, string>) {
  const child = spawn(process.execPath, [join(room, "dist/main.js")], {
    env: {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME, QUERN_DEMO: "0", QUERN_SANDBOX: "0" },
      ...{ PORT: String(await unusedPort()), ...env },
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => (printed += chunk));
  const until = async (found: () => boolean | Promise<boolean>) => {
    for (let i = 0; i < 6000 && child.exitCode === null; i++) {
      if (await found()) return;
      await sleep(20);
    }
    throw new Error(`It did not come to that:\n${printed}`);
  };
  await until(() => printed.includes("Ctrl-C stops it."));
  return { child, until };
}

async function ask(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

test("a payload of the metadata database arrives, by a role that may read statistics and no table; a key that was lost is replaced at the next start", async () => {
  const data = join(folder, "data");
  const quern = await up({ QUERN_DATA_DIR: data });
  const secret = (name: string) => readFile(join(data, "secrets", name), "utf8");
  const url = await secret("database.url");
  const taken = `select d.name, s.name as server, a.name as agent, a.built_in
    from health_databases as d join health_servers as s on s.id = d.server_id
    join health_agents as a on a.id = s.agent_id where d.last_taken_at is not null`;
  await quern.until(async () => (await ask(url, taken)).length > 0);
  const known = { name: "quern", server: "Quern", agent: "Quern's own database", built_in: true };
  expect(await ask(url, taken)).toEqual([known]);
  const failed =
    "select c.name, c.hint from health_databases, jsonb_to_recordset(jsonb_path_query_array(collectors, '$.*')) as c(name text, status text, hint text) where c.status <> 'ok'";
  expect(await ask(url, failed)).toEqual([]);

  const reader = await secret("monitor.url");
  expect(
    await ask(
      reader,
      "select rolsuper, pg_has_role('pg_monitor', 'usage') as monitor from pg_roles where rolname = current_user",
    ),
  ).toEqual([{ rolsuper: false, monitor: true }]);
  await expect(ask(reader, "select * from datasources")).rejects.toThrow(/permission denied/);
  for (const name of ["agent.key", "agent.secret", "monitor.url", "monitor.password"]) {
    expect((await stat(join(data, "secrets", name))).mode & 0o777).toBe(0o600);
  }
  const superuser = new URL(url);
  superuser.username = "postgres";
  superuser.password = await readFile(join(data, "postgres.password"), "utf8");
  const seen =
    "select query from pg_stat_statements where query ~* 'password' and query ~* '^\\s*(create|alter) role'";
  expect(await ask(superuser.href, seen)).toEqual([]);
  const key = await secret("agent.key");
  await end(quern.child);

  await rm(join(data, "secrets", "agent.key"));
  const again = await up({ QUERN_DATA_DIR: data });
  await again.until(() => existsSync(join(data, "secrets", "agent.key")));
  const replaced = await secret("agent.key");
  expect(replaced).not.toBe(key);
  const live = "select prefix from health_agent_keys where expires_at is null";
  expect(await ask(await secret("database.url"), live)).toEqual([
    { prefix: replaced.slice(0, 10) },
  ]);
});

test("a server of yours is left as it is, read as the role of DATABASE_URL, and what that may not see is said with the grant", async () => {
  await using database = await emptyDatabase();
  const data = await openDataFolder(join(folder, "yours"));
  const superuser = await monitoredServer(await useDatabase(database.url), data);
  const said = "Health reads Quern's own database as the role postgres of DATABASE_URL.";
  expect(superuser).toEqual({ url: database.url, name: null, notice: said });
  await ask(database.url, `create role "${database.name}" login password 'plain'`);
  const plain = testUrl(database.name, database.name, "plain");
  const { notice } = await monitoredServer(await useDatabase(plain), data);
  expect(notice).toContain(`grant pg_monitor to "${database.name}"`);
  const made = "select from pg_roles where rolname = 'quern_agent'";
  const extension = "select from pg_extension where extname = 'pg_stat_statements'";
  expect(await ask(database.url, `${made} union all ${extension}`)).toEqual([]);
  await ask(database.url, `drop role "${database.name}"`);
  await data.lock.release();
});

test("where the API has no loopback address it says what to do", async () => {
  const data = await openDataFolder(join(folder, "host"));
  const said: string[] = [];
  const monitor = launchMonitor(
    {
      ...{ settings: StandaloneSettings.parse({ HOST: "192.0.2.7" }), folder: data },
      ...{ database: await useDatabase(testUrl("postgres")), keys: join(folder, "no-keys") },
    },
    (text) => said.push(text),
  );
  await expect.poll(() => said).toHaveLength(1);
  expect(said[0]).toMatch(
    /not in Health: HOST=192\.0\.2\.7 .* Set HOST=0\.0\.0\.0, or QUERN_MONITOR=0\./,
  );
  await monitor.stop();
  await data.lock.release();
});
