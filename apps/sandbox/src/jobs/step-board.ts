/** What each step of a job's chain came to, written to the database a few times a second. */
import type { Database } from "@quern/store/db";
import { noteSteps, type StepNote } from "@quern/store/job-progress";
import type { ClaimedJob } from "@quern/store/job-spec";
import type { Found } from "../layers/layer-store.ts";
import type { Chain } from "../planner/plan.ts";

export type StepBoard = {
  note(n: number, change: Partial<StepNote>): void;
  /** Writes what is not written yet. */
  flush(): Promise<void>;
  outcome(n: number): StepNote["outcome"];
};

const WRITE_EVERY_MS = 250;
/** Of the statement, so that a chain of thousands does not hold up its own lease. */
const BATCH = 1000;

/** All steps as they stand after the look into the cache. */
export function openStepBoard(
  db: Database,
  job: ClaimedJob,
  chain: Chain,
  found: Found | null,
  onError: (error: unknown) => void,
): StepBoard {
  const notes = firstNotes(chain, found);
  let changed = new Set(notes.keys());
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();

  function write(): Promise<unknown> {
    clearTimeout(timer);
    timer = undefined;
    const batch = [...changed].map((n) => notes[n]!);
    changed = new Set();
    for (let at = 0; at < batch.length; at += BATCH)
      last = last.then(() => noteSteps(db, job, batch.slice(at, at + BATCH))).catch(onError);
    return last;
  }

  return {
    note(n, change) {
      Object.assign(notes[n]!, change);
      changed.add(n);
      timer ??= setTimeout(() => void write(), WRITE_EVERY_MS).unref();
    },
    async flush() {
      await write();
    },
    outcome: (n) => notes[n]!.outcome,
  };
}

function firstNotes(chain: Chain, found: Found | null): StepNote[] {
  const depth = found?.layer?.depth ?? -1;
  return chain.keys.map((state_key, n) => {
    const known = found?.known[n];
    const hit = n <= depth;
    return {
      n,
      path: chain.steps[n - 1]?.path ?? "",
      state_key,
      outcome: hit ? "hit" : "pending",
      reason: reasonOf(chain, n, hit, known),
      layer_id: known?.state === "ready" ? known.layer_id : null,
      kept: known?.state === "ready",
      duration_ms: null,
      statements: null,
      bytes: known?.state === "ready" && n === depth ? (found?.layer?.bytes ?? null) : null,
      volatile: [...new Set(chain.steps[n - 1]?.volatile.map(({ what }) => what))],
    };
  });
}

function reasonOf(
  chain: Chain,
  n: number,
  hit: boolean,
  known: Found["known"][number] | undefined,
): string {
  if (chain.private_from !== null && n >= chain.private_from) return "no_cache";
  if (known === undefined) return "no_cache";
  if (known.state === "ready") return "ready";
  if (hit) return "not_kept";
  if (known.state === "evicted") return known.evicted?.why === "expired" ? "expired" : "evicted";
  return known.state;
}
