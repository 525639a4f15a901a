import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@quern/connectors/testing/conformance";
import { type TestClient, testClient, testTarget } from "@quern/connectors/testing/target";
import { emptyDatabase, type TestDatabase } from "@quern/store/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isRunning, LIMITS } from "./testing.ts";

let database: TestDatabase;
let client: TestClient;
let directory: string;

beforeAll(async () => {
  database = await emptyDatabase();
  client = await testClient(database);
  directory = mkdtempSync(join(tmpdir(), "quern-death-"));
});

afterAll(async () => {
  await client.end();
  await database.drop();
  rmSync(directory, { recursive: true });
});

/** A runner with one run at work; prints the pids of its executors. */
const RUNNER = `
  import { readdirSync, readFileSync } from "node:fs";
  const { startExecutors } = await import(process.argv[1]);
  const executors = await startExecutors({ size: 2, warm: 2, memory_limit_bytes: 536870912 });
  const own = readdirSync("/proc").filter((name) => {
    try {
      const stat = readFileSync("/proc/" + name + "/stat", "utf8");
      return stat.slice(stat.lastIndexOf(")")).split(" ")[2] === String(process.pid);
    } catch { return false; }
  });
  executors.execute(JSON.parse(process.argv[2]));
  console.log(own.join());`;

async function startRunner(sql: string) {
  const request = {
    run_id: "doomed",
    kind: "query",
    target: testTarget(database.name),
    sql,
    params: [],
    limits: LIMITS,
    directory,
  };
  const pool = new URL("../dist/pool.js", import.meta.url).href;
  const runner = spawn(
    process.execPath,
    ["--input-type=module", "-e", RUNNER, pool, JSON.stringify(request)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const line = await new Promise<string>((resolve) => {
    runner.stdout.setEncoding("utf8").once("data", resolve);
  });
  return { runner, pids: line.trim().split(",").map(Number) };
}

const atWork = async (text: string) => {
  const { rowCount } = await client.query(
    "select from pg_stat_activity where datname = current_database() and state = 'active' and pid <> pg_backend_pid() and position($1 in query) > 0",
    [text],
  );
  return rowCount;
};

test.each(["SIGKILL", "SIGTERM"] as const)(
  "executors and their statements end with a runner that gets %s",
  async (signal) => {
    const text = `pg_sleep(8${signal.length})`;
    const { runner, pids } = await startRunner(`select ${text}`);
    expect(pids.length).toBe(2);
    await eventually(async () => ((await atWork(text)) === 1 ? true : null));
    runner.kill(signal);
    await eventually(async () => (pids.some(isRunning) ? null : true));
    await eventually(async () => ((await atWork(text)) === 0 ? true : null));
  },
);
