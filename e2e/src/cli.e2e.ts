/** The command line as people and CI start it, against the whole product with its sandbox. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { unusedPort } from "@quern/store/testing-port";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeToken, type Quern, startQuern } from "./quern.ts";

const CLI = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url));
const EXAMPLE = fileURLToPath(new URL("../../examples/projects/outages", import.meta.url));
const ADMIN = {
  QUERN_ADMIN_EMAIL: "ada@example.test",
  QUERN_ADMIN_PASSWORD: "correct horse battery",
};
const HEAD = "bench/010_worst_days.sql";

let quern: Quern;
let folder: string;
let environment: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "quern-cli-"));
  await cp(EXAMPLE, join(folder, "db"), { recursive: true });
  quern = await startQuern({
    ...ADMIN,
    QUERN_DEMO: "0",
    QUERN_SANDBOX: "1",
    QUERN_SANDBOX_PROXY_ADDR: `127.0.0.1:${await unusedPort()}`,
  });
  const { QUERN_ADMIN_EMAIL, QUERN_ADMIN_PASSWORD } = ADMIN;
  const token = await makeToken(quern.url, QUERN_ADMIN_EMAIL, QUERN_ADMIN_PASSWORD);
  environment = { PATH: process.env.PATH!, QUERN_URL: quern.url, QUERN_TOKEN: token };
});
afterAll(async () => {
  await quern?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

type Ended = { code: number | null; out: string; err: string };

function run(
  words: string[],
  more: { input?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const options = {
      cwd: folder,
      env: { ...environment, ...more.env },
      encoding: "utf8" as const,
    };
    const child = execFile(process.execPath, [CLI, ...words], options, (error, out, err) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, out, err });
    });
    child.stdin!.end(more.input ?? "");
  });
}

test("a head runs on the state of the files before it; the second time the state is in the cache", async () => {
  const cold = await run(["project", "run", "db", "--head", `db/${HEAD}`, "--csv"]);
  expect(cold).toMatchObject({ code: 0, err: expect.stringContaining("7 files run") });
  expect(cold.out).toMatch(/^day,outages,customers,causes\r\n2025-06-07,15,88573,/);
  const hit = await run(["project", "run", "db", "--head", HEAD, "--csv"]);
  expect(hit.err).toContain("state from the cache (7 files)");
  expect(hit.out).toBe(cold.out);
  // An edit in the middle: what comes before it is not run again, the answer is that of the new files.
  const seed = join(folder, "db/seed/040_statistics.sql");
  await writeFile(
    seed,
    `${await readFile(seed, "utf8")}\ndelete from ohub.outages where outage_id > 4000;\n`,
  );
  const plan = await run(["project", "plan", "db", "--head", HEAD]);
  expect(plan.out).toContain("seed/040_statistics.sql");
  const edited = await run([
    "project",
    "run",
    "db",
    "--sql",
    "select count(*) from ohub.outages",
    "--json",
    "-q",
  ]);
  expect(JSON.parse(edited.out)).toEqual([{ count: "4000" }]);
  const explained = await run(["project", "explain", "db", "--json"]);
  expect(JSON.parse(explained.out).steps.at(-1)).toMatchObject({
    path: "seed/040_statistics.sql",
    outcome: "hit",
  });
  await cp(EXAMPLE, join(folder, "db"), { recursive: true });
});

test("tests run on clones, and say what failed, where, in the reports that CI reads", async () => {
  const good = await run(["project", "test", "db", "-f", "tap"]);
  expect(good.code).toBe(0);
  expect(good.out.match(/^ok \d/gm)).toHaveLength(4);
  await writeFile(join(folder, "db/test/050_wrong.sql"), "select 1;\n\nselect nosuch;\n");
  await writeFile(join(folder, "db/test/060_not_ok.sql"), "select 7 as not_ok;\n");
  const report = join(folder, "report.xml");
  const files = ["test/050_wrong.sql", "test/060_not_ok.sql", "test/040_constraints_hold.sql"];
  const failed = await run(["project", "test", "db", ...files, "-o", report], {
    env: { GITHUB_ACTIONS: "true" },
  });
  expect(failed).toMatchObject({
    code: 1,
    err: expect.stringContaining("::error file=db/test/050_wrong.sql,line=3::"),
  });
  expect(failed.out).toContain("1 passed, 2 failed");
  expect(failed.out).toContain('db/test/050_wrong.sql:3: column "nosuch" does not exist');
  const xml = await readFile(report, "utf8");
  expect(xml).toContain('tests="3" failures="2" errors="0"');
  expect(xml).toContain('file="db/test/050_wrong.sql" line="3"');
  const error = await run(["project", "run", "db", "--head", "test/050_wrong.sql"]);
  expect(error).toMatchObject({
    code: 1,
    err: expect.stringContaining("db/test/050_wrong.sql:3:8: error: "),
  });
});

test("Ctrl-C cancels the job, and the code says so; a timeout has its own", async () => {
  await writeFile(join(folder, "db/test/070_slow.sql"), "select pg_sleep(600);\n");
  const head = ["--head", "test/070_slow.sql"];
  const late = await run(["project", "run", "db", ...head, "--timeout", "3s"]);
  expect(late).toMatchObject({ code: 5, err: expect.stringContaining("db/test/070_slow.sql:1") });
  const { out } = await run(["project", "run", "db", ...head, "--detach"]);
  const id = out.trim();
  const follower = spawn(
    process.execPath,
    [CLI, "project", "run", "db", ...head, "--log", "debug"],
    {
      cwd: folder,
      env: environment,
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const ended = once(follower, "exit");
  await activeJobs(2);
  follower.kill("SIGINT");
  expect(await ended).toEqual([4, null]);
  expect((await run(["jobs", "cancel", id])).code).toBe(0);
  expect((await run(["jobs", "logs", "-f", id])).code).toBe(4);
  expect((await run(["jobs", "list", "--active"])).out.trim().split("\n")).toHaveLength(1);
});

/** Waits until so many jobs are at their heads. */
async function activeJobs(count: number): Promise<void> {
  for (;;) {
    const { out } = await run(["jobs", "list", "--active", "--json"]);
    const jobs = JSON.parse(out) as { stage: string }[];
    if (jobs.filter(({ stage }) => stage === "head").length === count) return;
  }
}

test("a shell is a session on a clone, which goes with it", async () => {
  const input =
    "create table mine (a int);\ninsert into mine values (41), (1);\nselect sum(a) as total, (select count(*) from ohub.outages) as outages from mine;\n";
  const shell = await run(["project", "shell", "db", "--no-psql"], { input });
  expect(shell.out).toMatch(/total \| outages[\s\S]*42 \| +5000/);
  expect(shell.code).toBe(0);
  const wrong = await run(["project", "shell", "db", "--no-psql"], {
    input: "select * from mine;\nselect 2;\n",
  });
  expect(wrong).toMatchObject({
    code: 1,
    err: expect.stringContaining('relation "mine" does not exist'),
  });
  // The shell asks for the end of its instance, and does not wait for it.
  await expect.poll(async () => (await run(["instances"])).out).not.toContain("running");
});

test("a wrong token, no server and no such thing are told apart, and the token is never printed", async () => {
  const refused = await run(["status"], { env: { QUERN_TOKEN: "qrn_secret_that_is_wrong" } });
  const nobody = await run(["status"], { env: { QUERN_URL: "http://127.0.0.1:1" } });
  const missing = await run(["jobs", "show", "0b5ba8f4-6a3c-4d09-9d2f-1b1f0a9f3f10"]);
  const usage = await run(["project", "run", "db"]);
  expect([refused, nobody, missing, usage].map(({ code }) => code)).toEqual([3, 3, 1, 2]);
  expect(refused.out + refused.err).not.toContain("qrn_secret");
});
