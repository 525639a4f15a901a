import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "@quern/runtime/log";
import { sqlstate } from "@quern/store/db";
import type { RunTimes } from "./times.ts";

/** SQLSTATE classes of a database that is away, full, busy, or not the primary now: it may take it later. */
const LATER = /^(08|25|40|53|55|57)/;

/** Whether the database has read it and says no: asking again would not help. */
export function isRefusal(error: unknown): boolean {
  const state = sqlstate(error);
  return state !== undefined && !LATER.test(state);
}

/** Words of pg and of the system for a connection that cannot be had, or that broke. */
const NO_CONNECTION = /connection|connect E|E(CONN|PIPE|HOST|NET|TIMEDOUT)|not queryable/i;

/** Whether the database is away for now. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const state = sqlstate(error);
  return state === undefined ? NO_CONNECTION.test(error.message) : LATER.test(state);
}

/** Does `work` again and again while it throws what `again` says, for as long as a lease lasts. Then throws that. */
export async function persist<T>(
  shop: { log: Log; times: RunTimes },
  what: string,
  again: (error: unknown) => boolean,
  work: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + shop.times.lease_ms;
  for (let wait = 100; ; wait = Math.min(wait * 2, 2000)) {
    try {
      return await work();
    } catch (error) {
      if (!again(error) || performance.now() + wait > deadline) throw error;
      shop.log.warn({ err: error }, `could not ${what}; trying again`);
      await delay(wait);
    }
  }
}
