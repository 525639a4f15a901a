/** A runner in trouble that does not kill it: wrong clocks, full disks, a broken result store, orders to stop. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openTrial, witness } from "./crash/trial.ts";

/** A clock that is hours off. */
function wrongClock(hours: number): string {
  const code = `const Real = Date; const off = ${hours * 3_600_000};
    globalThis.Date = class extends Real {
      constructor(...given) { given.length > 0 ? super(...given) : super(Real.now() + off); }
      static now() { return Real.now() + off; }
    };`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

test.concurrent("runners whose clocks are hours off lose no run, and write the database's times", async () => {
  await using trial = await openTrial();
  const sqls = ["select 1", "select pg_sleep(5)", witness("once"), "select pg_sleep(5)"];
  const began = Date.now();
  const ids = await Promise.all(sqls.map((sql) => trial.enqueue(sql)));
  for (const hours of [-5, 5]) trial.startRunner({ preload: wrongClock(hours), times: {} });
  for (const id of ids) {
    const run = await trial.ended(id);
    expect(run).toMatchObject({ status: "succeeded", attempt: 1 });
    const { queued_at, claimed_at, started_at, finished_at } = run;
    const times = [queued_at, claimed_at, started_at, finished_at].map((at) => Date.parse(at!));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThan(began - 60_000);
    expect(times[3]).toBeLessThan(Date.now() + 60_000);
  }
  expect((await trial.filesAfterSweep()).length).toBeGreaterThan(0);
});

test.concurrent("a result store that cannot be written ends the run in words, and gives the slot back", async () => {
  await using trial = await openTrial();
  const blocked = join(trial.directory, "blocked");
  await writeFile(blocked, "a file where a folder should be");
  trial.startRunner({ slots: 1, times: {}, results: `file:${join(blocked, "results")}` });
  const id = await trial.enqueue(witness("once"));
  expect(await trial.ended(id)).toMatchObject({
    status: "failed",
    error: { code: "result_store_unavailable", message: expect.stringMatching(/could not keep/) },
  });
  const small = await trial.enqueue("select 1");
  expect(await trial.ended(small)).toMatchObject({ status: "succeeded" });
});

/** A disk of 2 MB, which root may make; null where that is not allowed. */
async function tinyDisk(): Promise<(AsyncDisposable & { path: string }) | null> {
  const path = await mkdtemp(join(tmpdir(), "quern-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", path], { stdio: "ignore" });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    await rm(path, { recursive: true });
    return null;
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      execFileSync("umount", ["-l", path]);
      await rm(path, { recursive: true });
    },
  };
}

/** About 5 MB as Parquet: hashes hardly shrink. */
const LARGE = "select i, sha256(i::text::bytea) as digest from generate_series(1, 150000) as i";
const LIMITS = { max_rows: 200_000 };

test.concurrent.each(["the result store", "the work folder"])(
  "a full disk under %s fails the run that fills it, and no other",
  async (place) => {
    await using disk = await tinyDisk();
    if (disk === null) return;
    await using trial = await openTrial();
    const dataDir = place === "the work folder" ? disk.path : trial.directory;
    const results = `file:${join(place === "the work folder" ? trial.directory : disk.path, "results")}`;
    await mkdir(join(dataDir, "work"), { recursive: true });
    trial.startRunner({ slots: 1, times: {}, dataDir, results });
    const id = await trial.enqueue(LARGE, { limits: LIMITS });
    expect(await trial.ended(id)).toMatchObject({
      status: "failed",
      error: { code: "result_store_unavailable" },
    });
    const next = await trial.enqueue("select i, md5(i::text) from generate_series(1, 3000) as i");
    expect(await trial.ended(next)).toMatchObject({ status: "succeeded", rows: 3000 });
  },
);

// Of several tests at once, `poll` has to be told whose it is.
test.concurrent("a runner told to stop, twice, claims no more, lets work finish, and ends what takes too long", async ({
  expect,
}) => {
  await using trial = await openTrial();
  const long = await trial.enqueue("select pg_sleep(63)");
  const runner = trial.startRunner({ slots: 2, times: { drain_ms: 8_000 } });
  await trial.until(long, ({ started_at }) => started_at !== null);
  // The last to start, so that it still holds its slot when the signals come.
  const short = await trial.enqueue("select pg_sleep(4)");
  await trial.until(short, ({ started_at }) => started_at !== null);
  const waiting = await trial.enqueue("select 1");
  runner.signal("SIGTERM");
  runner.signal("SIGTERM");
  expect(await runner.exited).toEqual({ code: 0, signal: null });
  expect(await trial.read(short)).toMatchObject({ status: "succeeded" });
  expect(await trial.read(long)).toMatchObject({ error: { code: "runner_lost" } });
  expect(await trial.read(waiting)).toMatchObject({ status: "queued", attempt: 0 });
  // A backend that was told to end is seen for a moment longer; by itself it would sleep on for most of a minute.
  await expect.poll(() => trial.atWork("pg_sleep(63)")).toBe(0);
});
