/** Heads that are answered before their state is kept, and what is kept behind the answer. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ended, type Files, startTestSandbox, type TestSandbox } from "./testing-sandbox.ts";

const run = promisify(execFile);

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await startTestSandbox();
  await ok({ "init/1.sql": "select 'the base is there';", "test/x.sql": "select 1" });
});
afterAll(() => sandbox.stop());

const ok = async (files: Files, change = {}): Promise<Ended> => {
  const job = await sandbox.run(files, change);
  expect(job.error).toBeNull();
  return job;
};
const chain = (last: string, head = "select count(*) from a"): Files => ({
  "init/1.sql": "create table a (id serial, v text);",
  "init/2.sql": last,
  "test/x.sql": head,
});
const stagesOf = ({ progress }: Ended) => progress.stages.map(({ stage }) => stage);
/** As `chain`, on states that a job made that asked for all of them. */
const ALL = {
  policy: { volatile: null, no_cache: false, keep: "all" as const, order: null },
};

test("the answer names no layer until there is one, and nothing of the head is in it", async () => {
  await ok(chain("insert into a (v) values ('x');"), ALL);
  const head = `insert into a (v) select 'of the head' from generate_series(1, 100);
    create role of_the_head; alter database project set work_mem = '9MB';
    select count(*), nextval('a_id_seq'), current_setting('work_mem') from a;`;
  const edited = chain("insert into a (v) values ('y'), ('z');", head);
  const first = await ok(edited);
  expect(first.snapshot).toMatchObject({ hit: "prefix", prefix_depth: 1, replayed_steps: 1 });
  expect(first.steps.map(({ outcome }) => outcome)).toEqual(["hit", "hit", "built"]);
  expect(stagesOf(first)).not.toContain("publishing");
  const look =
    "select count(*), (select count(*) from pg_roles where rolname = 'of_the_head'), last_value, current_setting('work_mem') from a, a_id_seq group by 3";
  const next = await ok({ ...edited, "test/x.sql": look });
  expect(next.snapshot).toMatchObject({ hit: "full", replayed_steps: 0 });
  expect(next.result_rows).toEqual([["2", "0", "2", "4MB"]]);
  const again = await ok(edited);
  expect(again.result_rows).toEqual(first.result_rows);
  await expect
    .poll(async () => (await sandbox.read(first.job_id)).snapshot?.layer_id)
    .toBe(next.snapshot!.layer_id);
  const { steps } = await sandbox.read(first.job_id);
  expect(steps.at(-1)).toMatchObject({ kept: true, layer_id: next.snapshot!.layer_id });
});

test("a head that fails, or is canceled, leaves a state that is kept all the same", async () => {
  const failing = chain("insert into a (v) values ('f');", "select 1/0");
  expect((await sandbox.run(failing)).error).toMatchObject({ code: "sql_error", phase: "head" });
  expect((await ok({ ...failing, "test/x.sql": "select 1" })).snapshot?.hit).toBe("full");
});

test("what might give something else the second time is kept before it is answered", async () => {
  const files = (last: string): Files => ({
    "init/1.sql": "create table d (id int, at timestamptz default clock_timestamp());",
    "init/2.sql": last,
    "test/x.sql": "select id, at from d",
  });
  await ok(files("select 1;"), ALL);
  const first = await ok(files("insert into d (id) values (1);"));
  expect(first.snapshot).toMatchObject({ hit: "prefix", replayed_steps: 1 });
  expect(first.snapshot?.layer_id).not.toBeNull();
  expect(stagesOf(first)).toContain("publishing");
  const next = await ok(files("insert into d (id) values (1);"));
  expect(next.snapshot?.hit).toBe("full");
  expect(next.result_rows).toEqual(first.result_rows);
});

test("many at once who want a state that is not there get one, made once", async () => {
  const files = chain("insert into a select g, 'many' from generate_series(1, 1000) as g;");
  const jobs = await Promise.all(Array.from({ length: 6 }, () => ok(files)));
  expect(new Set(jobs.map(({ result_rows }) => JSON.stringify(result_rows)))).toEqual(
    new Set(['[["1000"]]']),
  );
  const { rows } = await sql<{ builds: number }>`
    select builds from layers where encode(state_key, 'hex') = ${jobs[0]!.snapshot!.state_key}`.execute(
    sandbox.db,
  );
  expect(rows).toEqual([{ builds: 1 }]);
});

test("files that take longer than they are worth twice are kept before the head begins", async () => {
  const patient = await startTestSandbox({}, { answer_first_ms: 1 });
  try {
    await patient.run(chain("select 1;"), ALL);
    const edited = await patient.run(chain("insert into a (v) values ('slow');"));
    expect(edited).toMatchObject({ error: null, result_rows: [["1"]] });
    expect(stagesOf(edited)).toContain("publishing");
    expect(edited.snapshot).toMatchObject({ hit: "prefix", replayed_steps: 1 });
    expect(edited.snapshot?.layer_id).not.toBeNull();
  } finally {
    await patient.stop();
  }
}, 120_000);

test("a state that there is no room for is an answer all the same", async () => {
  const small = await startTestSandbox({ QUERN_SANDBOX_CACHE_BYTES: String(72 * 1024 ** 2) });
  try {
    const files = (n: number) =>
      chain(`insert into a select g from generate_series(1, ${n}) as g;`);
    expect((await small.run(files(1))).error).toBeNull();
    for (const attempt of [1, 2]) {
      const edited = await small.run(files(2));
      expect(edited, `attempt ${attempt}`).toMatchObject({ error: null, result_rows: [["2"]] });
      expect(edited.snapshot).toMatchObject({ replayed_steps: 2, layer_id: null });
    }
  } finally {
    await small.stop();
  }
}, 120_000);

test("an instance that was started ahead and dies under a file is replaced; one that was not ends the job", async () => {
  const warm = await startTestSandbox({ QUERN_SANDBOX_POOL: "2" });
  try {
    await warm.run(chain("select 1;"), ALL);
    for (let edit = 0; ; edit++) {
      const job = await warm.run(chain(`select ${edit}, 'until one is warm';`));
      if (job.metrics?.warm === true) break;
    }
    let isReplaced = false;
    for (let edit = 0; edit < 10 && !isReplaced; edit++) {
      const files = chain(`select pg_sleep(1), ${edit}; insert into a values (7);`);
      const id = await warm.begin(files);
      let wasKilled = false;
      while (!wasKilled && (await warm.read(id)).finished_at === null) {
        for (const pid of await sleepers(warm.folder)) wasKilled = killed(pid) || wasKilled;
      }
      const job = await warm.end(id);
      if (job.error !== null) expect(job.error.code).toBe("instance_lost");
      isReplaced = wasKilled && job.status === "completed";
      // What is run behind the answer sleeps, too: a hit comes after it.
      if (job.error === null) await warm.run(files);
    }
    expect(isReplaced).toBe(true);
  } finally {
    await warm.stop();
  }
}, 120_000);

/** False when it ended before. */
function killed(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Servers below the folder in which a statement sleeps. */
async function sleepers(folder: string): Promise<number[]> {
  const home = join(folder, "sandbox", "instances");
  const found: number[] = [];
  for (const entry of await readdir(home, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const pid = await readPid(join(home, entry.name, "data", "postmaster.pid"));
    if (pid !== null && (await isAsked(pid))) found.push(pid);
  }
  return found;
}

async function readPid(path: string): Promise<number | null> {
  try {
    return Number((await readFile(path, "utf8")).split("\n")[0]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** By the titles of its processes. */
async function isAsked(pid: number): Promise<boolean> {
  const { stdout } = await run("ps", ["-o", "args=", "--ppid", String(pid)]).catch(
    (error: unknown) => {
      // It has no processes any more.
      if (error instanceof Error && "stdout" in error) return { stdout: String(error.stdout) };
      throw error;
    },
  );
  return /owner project .* SELECT/.test(stdout);
}
