/**
 * The crash test: many runs, each leaving a witness, while runners, executors and PostgreSQL are killed, paused and
 * restarted. Then it waits, as long as the documentation says, and counts what was lost or done twice.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parsePartStore } from "@quern/results/parts";
import { openWorkFolder } from "@quern/run-work/work-folder";
import { deleteOrphanedParts } from "@quern/runner/retention";
import { TIMES, type Times } from "@quern/runner/times";
import { openLog } from "@quern/runtime/log";
import { sql } from "kysely";
import { callAll, enqueue, persist } from "./callers.ts";
import { check, type Verdict } from "./checker.ts";
import { type Harm, unleash } from "./nemesis.ts";
import { seededRandom } from "./random.ts";
import { openSite, type Site } from "./site.ts";
import { planRuns } from "./workload.ts";

export type CrashTest = {
  seed: number;
  runs: number;
  runners: number;
  slots: number;
  /** Between two harms, on average. */
  harm_every_ms: number;
  /** The runs are spread over so many: a fast machine does not get away with fewer. */
  harms: number;
  /** Changes to the runners' times. */
  times: Partial<Times>;
  log?: (line: string) => void;
};

export type CrashReport = Verdict & {
  seed: number;
  seconds: number;
  harms: Record<Harm, number>;
  /** From the last harm to the last end. */
  settled_after_ms: number;
};

/** Times that make a test of deaths short; their relations are those of production. */
export const SHORT_TIMES: Partial<Times> = {
  lease_ms: 5_000,
  renew_ms: 1_000,
  retry_ms: 200,
  sweep_ms: 500,
  drain_ms: 3_000,
  statement_ms: 2_500,
  silence_ms: 3_000,
  connect_ms: 2_000,
};

export async function runCrashTest(test: CrashTest): Promise<CrashReport> {
  const log = test.log ?? (() => {});
  const began = performance.now();
  const random = seededRandom(test.seed);
  const planned = planRuns(random, test.runs);
  const site = await openSite(test);
  try {
    const nemesis = unleash(site, random, {
      every_ms: test.harm_every_ms,
      lease_ms: test.times.lease_ms ?? TIMES.lease_ms,
      all_first: true,
      log: (harm) => log(`${seconds(began)} s: ${harm}`),
    });
    const acknowledged = await callAll(site, planned, (share) =>
      nemesis.atLeast(share * test.harms),
    );
    log(`${seconds(began)} s: all ${acknowledged.size} runs are acknowledged`);
    await nemesis.stop();
    const quiet = performance.now();
    await settle(site, { ...TIMES, ...test.times });
    const settled_after_ms = Math.round(performance.now() - quiet);
    const idleSlots = await useEverySlot(site, test.runners * test.slots);
    await site.stopRunners();
    await tidy(site);
    const verdict = await check(site, planned, acknowledged);
    verdict.unexpected.push(...idleSlots);
    return {
      ...verdict,
      seed: test.seed,
      seconds: seconds(began),
      harms: nemesis.done,
      settled_after_ms,
    };
  } finally {
    await site.stop();
  }
}

/** Work that was under way: the longest run, then what a lost one may take; see docs/runs.md. */
function patience(times: Times): number {
  return 30_000 + 2 * (times.lease_ms + times.sweep_ms) + times.drain_ms;
}

/** Waits until nothing is queued or running, as long as that may take. Who is late is found by the checker. */
async function settle({ db }: Site, times: Times): Promise<void> {
  const deadline = performance.now() + patience(times);
  const unended = async () => {
    const { rows } = await sql<{ count: number }>`
      select count(*) from runs where status in ('queued', 'running')`.execute(db);
    return rows[0]!.count;
  };
  while (performance.now() < deadline && (await persist(unended)) > 0) await delay(100);
}

/** As many runs at once as there are slots: a slot that was not given back would leave some behind. */
async function useEverySlot(site: Site, slots: number): Promise<string[]> {
  const words = Array.from({ length: 2 * slots }, (_, index) => `slot ${index}`);
  const ids = await Promise.all(
    words.map((word) => persist(() => enqueue(site, word, "select pg_sleep(0.1)"))),
  );
  const deadline = performance.now() + 30_000;
  for (;;) {
    const { rows } = await sql<{ id: string; status: string }>`
      select id, status from runs where id = any (${ids}::uuid[]) and status <> 'succeeded'`.execute(
      site.db,
    );
    if (rows.length === 0 || performance.now() > deadline) {
      await sql`delete from runs where id = any (${ids}::uuid[])`.execute(site.db);
      return rows.map(({ id, status }) => `${id}: ${status}, after all harm had ended`);
    }
    await delay(100);
  }
}

/** The sweeps that a runner does from time to time, now and as if an hour had gone by. */
async function tidy({ db, directory }: Site): Promise<void> {
  const partStore = parsePartStore(`file:${directory}/results`);
  const later = Date.now() + 2 * 60 * 60 * 1000;
  await deleteOrphanedParts({ db, partStore, log: openLog("tidy", "fatal") }, later);
  await openWorkFolder(directory, "checker");
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 1000);
}
