/** Puts the planned runs into the queue, as impatient callers do: an answer that gets lost is asked for again. */
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_LIMITS } from "@quern/contract/datasources";
import { enqueueRun, requestCancel } from "@quern/store/runs";
import { sql } from "kysely";
import type { Site } from "./site.ts";
import type { PlannedRun } from "./workload.ts";

/** Enough that runners always find work, and few enough that the harm is spread over the whole test. */
const QUEUE_LENGTH = 40;
const CALLERS = 4;
const PATIENCE_MS = 120_000;

/** The id of each acknowledged run, by its word. Resolves when all are acknowledged. */
export async function callAll(
  site: Site,
  runs: readonly PlannedRun[],
  /** Waits until the runs behind this share of all may be called. */
  turn: (share: number) => Promise<void>,
): Promise<Map<string, string>> {
  const acknowledged = new Map<string, string>();
  const cancels: Promise<void>[] = [];
  let next = 0;
  const caller = async () => {
    for (let run = runs[next++]; run !== undefined; run = runs[next++]) {
      if (next % 10 === 0) {
        await untilShort(site);
        await turn(next / runs.length);
      }
      const id = await persist(() => enqueue(site, run.word, run.sql));
      acknowledged.set(run.word, id);
      if (run.cancel_after_ms !== null) cancels.push(cancelLater(site, id, run.cancel_after_ms));
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  await Promise.all(cancels);
  return acknowledged;
}

/** One run, of which the word is the idempotency key. */
export async function enqueue(site: Site, word: string, sql: string): Promise<string> {
  const { id } = await enqueueRun(site.db, site.actor, {
    kind: "query",
    datasource_id: site.datasource,
    sql,
    limits: DEFAULT_LIMITS,
    priority: "interactive",
    trigger: "api",
    request_id: crypto.randomUUID(),
    idempotency: { key: word, request: sql },
  });
  return id;
}

async function cancelLater(site: Site, id: string, ms: number): Promise<void> {
  await delay(ms);
  await persist(() => requestCancel(site.db, site.actor, id));
}

async function countQueued({ db }: Site): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from runs where status = 'queued'`.execute(db);
  return rows[0]!.count;
}

/** Throws when the queue stays as it is for two minutes: nobody claims any more. */
async function untilShort(site: Site): Promise<void> {
  let queued = Number.POSITIVE_INFINITY;
  let deadline = 0;
  for (;;) {
    const now = await persist(() => countQueued(site));
    if (now <= QUEUE_LENGTH) return;
    if (now < queued) deadline = Date.now() + PATIENCE_MS;
    if (Date.now() > deadline) throw new Error(`${now} runs are queued, and none is claimed`);
    queued = now;
    await delay(50);
  }
}

/** Again and again while PostgreSQL is away, for two minutes: then it is not the harm that is to blame. */
export async function persist<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error) || Date.now() > deadline) throw error;
      await delay(100);
    }
  }
}
