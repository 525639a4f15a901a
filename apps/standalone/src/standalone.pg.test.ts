import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { emptyDatabase, testServer, testUrl } from "@quern/store/testing";
import { unusedPort } from "@quern/store/testing-port";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { useDatabase } from "./database.ts";
import { inWords, StartProblem } from "./problem.ts";

const run = promisify(execFile);
const room = resolve(import.meta.dirname, "..");

// A test starts Quern, and beside others that takes its time.
vi.setConfig({ testTimeout: 240_000 });

let folder: string;
let port: number;
const started: ChildProcess[] = [];

beforeAll(async () => {
  for (const app of ["standalone", "api", "runner"]) {
    const built = resolve(room, "..", app, "dist/main.js");
    expect(existsSync(built), `${built} is missing: run npx tsc -b`).toBe(true);
  }
  folder = await mkdtemp(join(tmpdir(), "standalone-test-"));
  port = await unusedPort();
});

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGTERM");
    await once(child, "exit");
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** `make up` without make: what it prints, and a way to wait for a line. All starts are in one folder unless said otherwise. */
function up(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(room, "dist/main.js")], {
    env: {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME, QUERN_DEMO: "0" },
      ...{ QUERN_SANDBOX: "0", QUERN_MONITOR: "0" },
      ...{ QUERN_DATA_DIR: join(folder, "data"), PORT: String(port), ...env },
    },
    // A process group of its own, as a terminal gives: Ctrl-C goes to all of a group.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      printed += chunk;
    });
  }
  const ended = once(child, "close").then(([code]) => code as number | null);
  return {
    child,
    ended,
    printed: () => printed,
    async until(words: string | RegExp) {
      const found = () =>
        typeof words === "string" ? printed.includes(words) : words.test(printed);
      for (let i = 0; i < 6000 && !found() && child.exitCode === null; i++) await sleep(20);
      expect(printed).toMatch(words);
    },
  };
}

/** Process ids below `pid`, by what they run. */
async function descendants(
  pid: number,
): Promise<{ api: number; runner: number; postgres: number }> {
  const { stdout } = await run("ps", ["-e", "-o", "pid=,ppid=,args="]);
  const rows = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const find = (word: string) => {
    const row = rows.find(
      ([, ppid, ...args]) => Number(ppid) === pid && args.join(" ").includes(word),
    );
    return Number(row?.[0]);
  };
  return {
    api: find("api/dist/main.js"),
    runner: find("runner/dist/main.js"),
    postgres: find("bin/postgres"),
  };
}

async function waitUntilGone(pids: number[]): Promise<void> {
  const alive = () => pids.filter((pid) => existsSync(`/proc/${pid}`));
  for (let i = 0; i < 1000 && alive().length > 0; i++) await sleep(20);
  expect(alive()).toEqual([]);
}

const answers = (path: string) =>
  fetch(`http://127.0.0.1:${port}${path}`).then(
    ({ status }) => status === 200,
    () => false,
  );
async function untilAnswers(path: string): Promise<void> {
  let answered = false;
  for (let i = 0; i < 6000 && !answered; i++) {
    answered = await answers(path);
    if (!answered) await sleep(20);
  }
  expect(answered).toBe(true);
}

test("it starts, serves, says how to sign in, keeps secrets to itself and stops in order", async () => {
  const quern = up();
  await quern.until("Ctrl-C stops it.");
  expect(quern.printed()).toContain(`\nQuern is ready at http://localhost:${port}\n`);
  expect(quern.printed()).toMatch(/Make the first account with this link.*\/setup#token=/);
  expect(quern.printed()).not.toContain("up to date");
  expect(await answers("/healthz")).toBe(true);
  const pids = await descendants(quern.child.pid!);
  const environment = await readFile(`/proc/${pids.runner}/environ`, "utf8");
  expect(environment).not.toMatch(/postgres:\/\//);
  expect(environment).not.toContain("NODE_OPTIONS");
  for (const name of await readdir(join(folder, "data/secrets"))) {
    expect((await stat(join(folder, "data/secrets", name))).mode & 0o777).toBe(0o600);
  }
  quern.child.kill("SIGTERM");
  expect(await quern.ended).toBe(0);
  await waitUntilGone(Object.values(pids));
  const log = await readFile(join(folder, "data/logs/postgres.log"), "utf8");
  expect(log).toContain("database system is shut down");
  expect(log).not.toContain("terminating connection");
});

test("a second start finds everything; only one may run in a folder, its port is said, and roles keep to their databases", async () => {
  const again = up();
  await again.until("Ctrl-C stops it.");
  expect(again.printed()).toContain("up to date");
  const [second, third] = [
    up({ PORT: String(await unusedPort()) }),
    up({ QUERN_DATA_DIR: join(folder, "other") }),
  ];
  expect(await second.ended).toBe(1);
  expect(second.printed()).toMatch(/already runs with the data in .* \(process \d+\)/);
  expect(await third.ended).toBe(1);
  expect(third.printed()).toContain(`Port ${port} is taken`);
  expect(third.printed()).toContain(`PORT=${port + 1} make up`);
  await expectStrangersKeptOut();
  process.kill(-again.child.pid!, "SIGINT");
  expect(await again.ended).toBe(0);
  for (const name of ["api", "runner"]) {
    const log = await readFile(join(folder, `data/logs/${name}.log`), "utf8");
    expect(log).toContain('"reason":"SIGTERM"');
    expect(log).not.toContain('"reason":"SIGINT"');
  }
});

/** A role of the kind that the demo has can enter no database but its own. */
async function expectStrangersKeptOut(): Promise<void> {
  const url = new URL(await readFile(join(folder, "data/secrets/database.url"), "utf8"));
  url.username = "postgres";
  url.password = await readFile(join(folder, "data/postgres.password"), "utf8");
  url.pathname = "/postgres";
  const admin = new Client({ connectionString: url.toString() });
  await admin.connect();
  await admin.query("create role stranger login password 'stranger'");
  await admin.end();
  url.username = url.password = "stranger";
  for (const database of ["quern", "postgres", "template1"]) {
    url.pathname = `/${database}`;
    const stranger = new Client({ connectionString: url.toString() });
    await expect(stranger.connect()).rejects.toThrow(/permission denied for database/);
  }
}

test("a process that dies is started again and the terminal says so; nothing outlives a supervisor that is killed", async () => {
  const quern = up();
  await quern.until("Ctrl-C stops it.");
  const before = await descendants(quern.child.pid!);
  process.kill(before.runner, "SIGKILL");
  await quern.until("runner | ended unexpectedly (SIGKILL); starting it again in 0.5 s");
  await quern.until("runner | runs again");
  process.kill(before.postgres, "SIGKILL");
  await quern.until("postgres | ended unexpectedly (SIGKILL); starting it again");
  await untilAnswers("/readyz");
  const after = await descendants(quern.child.pid!);
  expect(after.runner).not.toBe(before.runner);
  quern.child.kill("SIGKILL");
  await quern.ended;
  await waitUntilGone(Object.values(after));
});

test("the next start recovers, and runs on when nobody reads what it prints any more", async () => {
  const quern = up();
  await quern.until("✓ PostgreSQL");
  quern.child.stdout?.destroy();
  quern.child.stderr?.destroy();
  await untilAnswers("/healthz");
  await sleep(500);
  expect(await answers("/healthz")).toBe(true);
});

test("an interrupt during the start ends it cleanly", async () => {
  const quern = up();
  await quern.until("✓ PostgreSQL");
  quern.child.kill("SIGINT");
  expect(await quern.ended).toBe(0);
  expect(quern.printed()).not.toContain("Quern is ready");
});

test("the data of a newer Quern is left alone", async () => {
  const newer = join(folder, "newer");
  await mkdir(newer);
  await writeFile(join(newer, "layout"), "99\n");
  const quern = up({ QUERN_DATA_DIR: newer });
  expect(await quern.ended).toBe(1);
  expect(quern.printed()).toMatch(/was used by a newer Quern \(layout 99/);
  expect(await readdir(newer)).toEqual(["layout"]);
});

test("with DATABASE_URL it uses that server and starts none", async () => {
  await using database = await emptyDatabase();
  const elsewhere = join(folder, "elsewhere");
  const quern = up({ DATABASE_URL: database.url, QUERN_DATA_DIR: elsewhere });
  await quern.until("Ctrl-C stops it.");
  expect((await descendants(quern.child.pid!)).postgres).toBeNaN();
  expect(existsSync(join(elsewhere, "postgres"))).toBe(false);
  quern.child.kill("SIGTERM");
  expect(await quern.ended).toBe(0);
});

test("a wrong DATABASE_URL is explained", async () => {
  const [wrong, notOurs] = [
    up({
      DATABASE_URL: testUrl("postgres", "postgres", "wrong"),
      QUERN_DATA_DIR: join(folder, "wrong"),
    }),
    up({ DATABASE_URL: "mysql://u:p@localhost/q", QUERN_DATA_DIR: join(folder, "mysql") }),
  ];
  expect(await wrong.ended).toBe(1);
  expect(wrong.printed()).toMatch(/refuses the password of the role postgres/);
  expect(wrong.printed()).not.toMatch(/\n\s+at /);
  expect(await notOurs.ended).toBe(1);
  expect(notOurs.printed()).toMatch(/DATABASE_URL: must start with postgres:\/\//);
  expect(notOurs.printed()).not.toMatch(/\n\s+at /);
  const cases: [string, RegExp][] = [
    [testUrl("no_such"), /has no database no_such.*create database "no_such"/],
    [
      `postgres://u:p@127.0.0.1:${port}/q`,
      /no connection to PostgreSQL at 127\.0\.0\.1:\d+.*ECONNREFUSED/,
    ],
    [
      `postgres://u:p@no-such-host.invalid:${testServer().port}/q`,
      /no host named no-such-host\.invalid/,
    ],
  ];
  for (const [url, words] of cases) {
    const problem = await useDatabase(url).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(StartProblem);
    expect(inWords(problem)).toMatch(words);
  }
});
