import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { type ClaimedRun, LeaseLostError, renewLease } from "@quern/store/queue";
import type { PassFailPoint } from "./fail-points.ts";
import type { RunTimes } from "./times.ts";
import type { Work } from "./work.ts";

export type Lease = ReturnType<typeof keepLease>;

type Shop = { db: Database; log: Log; times: RunTimes; passFailPoint: PassFailPoint };

/**
 * Renews the lease until stopped. When it is lost, or the time of the last renewal that was answered is up, the work is
 * canceled: even while a renewal hangs on a connection whose other end is silent. `claimedAt` is when the claim was
 * asked for, by `performance.now()`: a process that was stopped for a while may hold a lease that lapsed long ago.
 */
export function keepLease(shop: Shop, run: ClaimedRun, work: Work, claimedAt: number) {
  const { lease_ms, renew_ms, first_renew_ms, retry_ms } = shop.times;
  const ended = new AbortController();
  let lost: LeaseLostError | undefined;
  let until = claimedAt + lease_ms;
  const lose = () => {
    lost = new LeaseLostError(run);
    work.cancel();
    ended.abort();
  };
  const isLost = () => {
    // The clock, not the timer: after a stop of the whole process, what came meanwhile is read before timers fire.
    if (lost === undefined && !ended.signal.aborted && performance.now() >= until) lose();
    return lost !== undefined;
  };
  let deadline = setTimeout(lose, until - performance.now());

  const renew = async () => {
    await shop.passFailPoint("renewing");
    const asked = performance.now();
    const { cancel_requested } = await renewLease(shop.db, run, lease_ms, work.now());
    if (ended.signal.aborted) return;
    until = asked + lease_ms;
    clearTimeout(deadline);
    deadline = setTimeout(lose, until - performance.now());
    if (cancel_requested) work.cancel();
  };
  const renewing = async () => {
    for (let wait = first_renew_ms; !ended.signal.aborted; ) {
      await delay(wait, undefined, { signal: ended.signal });
      wait = renew_ms;
      await renew().catch((error: unknown) => {
        if (error instanceof LeaseLostError) lose();
        else shop.log.warn({ err: error }, "could not renew the lease");
        wait = retry_ms;
      });
    }
  };
  void renewing().catch((error: unknown) => {
    if (!(error instanceof Error && error.name === "AbortError")) throw error;
  });
  return {
    stop() {
      ended.abort();
      clearTimeout(deadline);
    },
    isLost,
    /** Throws `LeaseLostError` when it is known that the lease is gone. */
    check() {
      if (isLost()) throw lost;
    },
  };
}
