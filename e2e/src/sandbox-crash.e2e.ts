/**
 * Jobs while what they run on is killed: never a wrong row, never a half-built state served, nothing left behind.
 * QUERN_SANDBOX_KILLS says how often (200 for the long form), QUERN_SANDBOX_SEED which.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Actor } from "@quern/store/actor";
import { type Database, openDatabase } from "@quern/store/db";
import { type JobFacts, readJob } from "@quern/store/job-history";
import { readRun } from "@quern/store/run-history";
import { freshDatabase, type TestDatabase } from "@quern/store/testing";
import { makeActor } from "@quern/store/testing-fixtures";
import { makeJob } from "@quern/store/testing-jobs";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

const SANDBOX = fileURLToPath(new URL("../dist/crash/tested-sandbox.js", import.meta.url));
const KILLS = Number(process.env.QUERN_SANDBOX_KILLS ?? 6);
const SEED = Number(process.env.QUERN_SANDBOX_SEED ?? Date.now() % 100_000);

/** Where nothing is killed, no lease is to lapse because the machine is busy. */
const NOTHING_LAPSES = { QUERN_TEST_TIMES: "product" };

let database: TestDatabase;
let db: Database;
let actor: Actor;
let folder: string;
let sandbox: ChildProcess;
/** What sandboxes wrote to their standard errors, warnings of Node among it. */
const complaints: string[] = [];
beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url, { max: 4 });
  actor = await makeActor(db, "admin");
  folder = await mkdtemp(join(tmpdir(), "quern-sandbox-crash-"));
  sandbox = await launch();
});
afterAll(async () => {
  sandbox.kill("SIGKILL");
  await db.destroy();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

async function launch(settings: Record<string, string> = {}): Promise<ChildProcess> {
  const child = spawn(process.execPath, [SANDBOX], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: database.url,
      QUERN_DATA_DIR: folder,
      QUERN_RESULTS: `file:${join(folder, "results")}`,
      QUERN_SANDBOX_PROXY_ADDR: "off",
      QUERN_SANDBOX_POOL: "1",
      LOG_LEVEL: "fatal",
      ...settings,
    },
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => complaints.push(text));
  const [message] = await once(child, "message");
  expect(message).toMatchObject({ type: "ready" });
  return child;
}

async function stopped(child: ChildProcess, why?: string): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  expect(await exited, why).toEqual([0, null]);
}

/** Descendants by their command, the deepest last. */
async function descendants(of: number): Promise<{ pid: number; command: string }[]> {
  const all = new Map<number, { parent: number; command: string }>();
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(gone);
    const command = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(gone);
    const parent = Number(stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (stat !== undefined) all.set(Number(entry), { parent, command: command ?? "" });
  }
  const found: { pid: number; command: string }[] = [];
  const visit = (parent: number) => {
    for (const [pid, process] of all) {
      if (process.parent !== parent) continue;
      found.push({ pid, command: process.command });
      visit(pid);
    }
  };
  visit(of);
  return found;
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    gone(error as NodeJS.ErrnoException);
  }
}

/** A process may end while one looks at it. */
function gone(error: NodeJS.ErrnoException): undefined {
  if (!["ENOENT", "ESRCH", "EACCES"].includes(error.code ?? "")) throw error;
}

const filesOf = (variant: number, depth: number) => ({
  ...Object.fromEntries(
    Array.from({ length: depth }, (_, i) => [
      `init/${i}.sql`,
      i === 0
        ? "create table t (a serial primary key, b int); insert into t (b) select g from generate_series(1, 20000) as g;"
        : `insert into t (b) select g * ${variant} from generate_series(1, 3000) as g; create index on t (b); select nextval('t_a_seq');`,
    ]),
  ),
  // It changes what it was given, which is to be nobody else's.
  "test/x.sql":
    "with touched as (insert into t (b) values (7) returning a) select count(*) * 1000003 + sum(b) % 1000003 + max(a) as rows from t",
});

async function ended(id: string): Promise<JobFacts> {
  for (;;) {
    const job = await readJob(db, actor, id);
    if (job?.finished_at) return job;
    await delay(100);
  }
}

async function answerOf(job: JobFacts): Promise<string> {
  const { rows } = await sql<{ data: Buffer }>`
    select data from result_parts where run_id = ${job.run_id}`.execute(db);
  const run = await readRun(db, actor, job.run_id!);
  expect(run?.statements.map((statement) => statement.rows)).toEqual([1]);
  return rows[0]!.data.toString("hex");
}

/** Repeatable, so that a seed tells the whole story. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const HARMS = ["sandbox", "postmaster", "executor"] as const;
const EXPECTED = ["sandbox_lost", "instance_lost", "executor_crashed"];

test(`whatever dies, every job ends, and every row is right (QUERN_SANDBOX_SEED=${SEED})`, async () => {
  const random = randomOf(SEED);
  const pick = (n: number) => Math.floor(random() * n);
  const answers = new Map<string, string>();
  const counts: Record<string, number> = {};
  const check = async (id: string, work: string) => {
    const job = await ended(id);
    const how = job.error?.code ?? job.status;
    counts[how] = (counts[how] ?? 0) + 1;
    if (job.status !== "completed") return expect(EXPECTED).toContain(how);
    const value = await answerOf(job);
    expect(value, work).toBe(answers.get(work) ?? value);
    answers.set(work, value);
  };
  for (let kill = 0; kill < KILLS; kill++) {
    const jobs = Array.from({ length: 3 }, () => ({ variant: 1 + pick(3), depth: 2 + pick(4) }));
    const made = await Promise.all(
      jobs.map(async ({ variant, depth }) => ({
        work: `${variant}/${depth}`,
        id: (await makeJob(db, actor, {}, filesOf(variant, depth))).id,
      })),
    );
    await delay(pick(1_200));
    const harm = HARMS[pick(HARMS.length)]!;
    if (harm === "sandbox") {
      sandbox.kill("SIGKILL");
      await once(sandbox, "exit");
      sandbox = await launch();
    } else {
      const name = harm === "postmaster" ? /bin\/postgres/ : /executor\/dist\/child\.js/;
      const all = (await descendants(sandbox.pid!)).filter(({ command }) => name.test(command));
      const victim = all[pick(all.length)];
      if (victim) end(victim.pid);
    }
    await Promise.all(made.map(({ id, work }) => check(id, work)));
  }
  await stopped(sandbox);
  sandbox = await launch(NOTHING_LAPSES);
  // What was answered while things died is what a chain that is run anew gives.
  for (const [work, value] of answers) {
    const [variant = 0, depth = 0] = work.split("/").map(Number);
    const policy = { volatile: null, no_cache: true, keep: "auto" as const, order: null };
    const { id } = await makeJob(db, actor, { policy }, filesOf(variant, depth));
    const job = await ended(id);
    expect(job.error).toBeNull();
    expect(await answerOf(job), work).toBe(value);
  }
  console.log(`seed ${SEED}: ${JSON.stringify(counts)}`);
  await nothingLeft();
});

test("fifty jobs on five states make five, over two processes", async () => {
  sandbox.kill("SIGKILL");
  complaints.length = 0;
  const settings = { ...NOTHING_LAPSES, QUERN_SANDBOX_SLOTS: "16" };
  const pair = await Promise.all([launch(settings), launch(settings)]);
  onTestFinished(() => {
    for (const child of pair) child.kill("SIGKILL");
  });
  await sql`update orgs set settings = settings || '{"jobs": {"max_active_per_person": 32}}'`.execute(
    db,
  );
  const ids: string[] = [];
  for (let i = 0; i < 50; i++) {
    const tail = `create table p as select ${i % 5} as v; select pg_sleep(1);`;
    const files = { "init/a.sql": tail, "test/x.sql": `select v, ${i} from p` };
    ids.push((await makeJob(db, actor, {}, files)).id);
  }
  const jobs: JobFacts[] = [];
  for (const id of ids) jobs.push(await ended(id));
  expect(jobs.map(({ error }) => error)).toEqual(jobs.map(() => null));
  const sandboxes = new Set(jobs.map(({ sandbox: by }) => by));
  expect(sandboxes.size).toBe(2);
  const keys = [...new Set(jobs.map(({ state_key }) => state_key))];
  expect(keys).toHaveLength(5);
  const { rows } = await sql<{ builds: number }>`
    select builds from layers where encode(state_key, 'hex') = any (${keys})`.execute(db);
  expect(rows).toEqual(keys.map(() => ({ builds: 1 })));
  for (const child of pair) await stopped(child);
  expect(complaints.join("")).toBe("");
});

/** Of those that were killed: no server, no directory of an instance or of a build. */
async function nothingLeft(): Promise<void> {
  // What a process that was killed had begun to copy may come to an end after its successor looked around: the next start sees it.
  for (const round of ["as it is", "started again"]) {
    if (round === "started again") sandbox = await launch();
    await stopped(sandbox, round);
  }
  expect(await readdir(join(folder, "sandbox", "instances"))).toEqual([]);
  const running = async () => {
    const cwds = (await readdir("/proc")).map(async (entry) => {
      const cwd = await readlink(`/proc/${entry}/cwd`).catch(() => "");
      return cwd.startsWith(folder) ? [`${entry} still runs in ${cwd}`] : [];
    });
    return (await Promise.all(cwds)).flat();
  };
  // Servers that were killed have children, which see that a moment later.
  await expect.poll(running).toEqual([]);
  const { rows } = await sql<{ status: string }>`
    select distinct status from jobs where finished_at is null`.execute(db);
  expect(rows).toEqual([]);
}
