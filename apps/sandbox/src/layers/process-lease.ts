/** This process as one that lives: leases and builds count while it says so, and end with it. */
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "@quern/runtime/log";
import { type Database, sqlstate } from "@quern/store/db";
import { enterProcess, leaveProcess, renewProcess } from "@quern/store/layer-stores";

const FOREIGN_KEY = "23503";

export type ProcessLease = {
  /** Changes when the process was taken for dead: what it held before is not its own any more. */
  id(): string;
  /** Whether nobody can have taken it for dead yet. */
  isSure(): boolean;
  /** Does `work` with the id; once more with a new one when the process was taken for dead. */
  as<T>(work: (id: string) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
};

export type LeaseTimes = { lease_ms: number; renew_ms: number };

export async function startProcessLease(
  db: Database,
  log: Log,
  store_id: string,
  { lease_ms, renew_ms }: LeaseTimes,
): Promise<ProcessLease> {
  let asked = moment();
  let id = await enterProcess(db, store_id, lease_ms);
  let renewed = asked;
  const stopping = new AbortController();

  const renew = async () => {
    asked = moment();
    if (await renewProcess(db, id, lease_ms)) {
      renewed = asked;
      return;
    }
    asked = moment();
    const next = await enterProcess(db, store_id, lease_ms);
    log.warn({ store_id }, "was away for too long: layers held until now are held no more");
    id = next;
    renewed = asked;
  };
  const isSure = () => since(renewed) < lease_ms * 0.9;
  const renewing = (async () => {
    while (!stopping.signal.aborted) {
      await delay(renew_ms, undefined, { signal: stopping.signal }).catch(ignoreAbort);
      if (stopping.signal.aborted) return;
      await renew().catch((error: unknown) =>
        log.warn({ err: error }, "could not say that this layer store is alive; trying again"),
      );
    }
  })();

  return {
    id: () => id,
    isSure,
    async as(work) {
      // After a sleep, what is written under the old name would protect nothing.
      if (!isSure()) await renew();
      try {
        return await work(id);
      } catch (error) {
        // What it writes refers to the process, whose row is gone.
        if (sqlstate(error) !== FOREIGN_KEY) throw error;
        await renew();
        return work(id);
      }
    },
    async stop() {
      if (stopping.signal.aborted) return;
      stopping.abort();
      await renewing;
      await leaveProcess(db, id).catch((error: unknown) =>
        log.warn(
          { err: error },
          "could not give the layers back; they are free when the lease ends",
        ),
      );
    },
  };
}

/** Two clocks: one stands still while a machine sleeps, the other may be set. */
type Moment = { wall: number; steady: number };

function moment(): Moment {
  return { wall: Date.now(), steady: performance.now() };
}

function since({ wall, steady }: Moment): number {
  return Math.max(Math.abs(Date.now() - wall), performance.now() - steady);
}

export function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === "AbortError")) throw error;
}
