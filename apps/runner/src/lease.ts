import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import { type ClaimedRun, LeaseLostError, renewLease } from "@quern/store/queue";
import type { Work } from "./work.ts";

/** Three renewals may fail before a lease lapses. */
export const LEASE_MS = 15_000;
const RENEW_MS = 3_000;
/** Soon, so that the page of a run that takes longer says that it runs. */
const FIRST_RENEW_MS = 250;

/**
 * Renews the lease until stopped. When it is lost, or the time of the last renewal that was answered is up, the work is
 * canceled: even while a renewal hangs on a connection whose other end is silent.
 */
export function keepLease(shop: { db: Database; log: Log }, run: ClaimedRun, work: Work) {
  const ended = new AbortController();
  let lost: LeaseLostError | undefined;
  const lose = () => {
    lost = new LeaseLostError(run);
    work.cancel();
    ended.abort();
  };
  let deadline = setTimeout(lose, LEASE_MS);

  const renew = async () => {
    const asked = performance.now();
    const { cancel_requested } = await renewLease(shop.db, run, LEASE_MS, work.now());
    if (ended.signal.aborted) return;
    clearTimeout(deadline);
    deadline = setTimeout(lose, LEASE_MS - (performance.now() - asked));
    if (cancel_requested) work.cancel();
  };
  const renewing = async () => {
    for (let wait = FIRST_RENEW_MS; !ended.signal.aborted; wait = RENEW_MS) {
      await delay(wait, undefined, { signal: ended.signal });
      await renew().catch((error: unknown) => {
        if (error instanceof LeaseLostError) lose();
        else shop.log.warn({ err: error }, "could not renew the lease");
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
    /** Throws `LeaseLostError` when it is known that the lease is gone. */
    check() {
      if (lost) throw lost;
    },
  };
}
