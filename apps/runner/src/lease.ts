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

/** Renews the lease until stopped. When it is lost, or can no longer be renewed in time, the work is canceled. */
export function keepLease(shop: { db: Database; log: Log }, run: ClaimedRun, work: Work) {
  const ended = new AbortController();
  let renewedAt = performance.now();
  let lost: LeaseLostError | undefined;

  const renew = async () => {
    for (let wait = FIRST_RENEW_MS; ; wait = RENEW_MS) {
      await delay(wait, undefined, { signal: ended.signal });
      const asked = performance.now();
      try {
        const { cancel_requested } = await renewLease(shop.db, run, LEASE_MS, work.now());
        renewedAt = asked;
        if (cancel_requested) work.cancel();
      } catch (error) {
        if (!(error instanceof LeaseLostError))
          shop.log.warn({ err: error }, "could not renew the lease");
        if (!(error instanceof LeaseLostError) && performance.now() - renewedAt < LEASE_MS)
          continue;
        lost = new LeaseLostError(run);
        work.cancel();
        return;
      }
    }
  };
  void renew().catch((error: unknown) => {
    if (!(error instanceof Error && error.name === "AbortError")) throw error;
  });
  return {
    stop: () => ended.abort(),
    /** Throws `LeaseLostError` when it is known that the lease is gone. */
    check() {
      if (lost) throw lost;
    },
  };
}
