import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "@quern/runtime/log";
import type { Running } from "@quern/runtime/running";
import { VERSION } from "@quern/runtime/version";
import { watchVitals } from "@quern/runtime/vitals";
import { type Database, poolState } from "@quern/store/db";
import { forgetApiProcess, noteApiProcess } from "@quern/store/system";

const EVERY_MS = 5_000;

export type SignsOfLife = Running & {
  /** This process's name, unique for ever. */
  id: string;
};

/** Notes every five seconds that this process lives, and how it is, for the system page. */
export function giveSignsOfLife(db: Database, log: Log): SignsOfLife {
  const id = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const vitals = watchVitals();
  const stopping = new AbortController();
  const give = async () => {
    while (!stopping.signal.aborted) {
      const now = { version: VERSION, ...vitals.read(), pool: poolState(db) };
      await noteApiProcess(db, { id, hostname: hostname(), vitals: now }).catch((error: unknown) =>
        log.warn({ err: error }, "could not note that this process lives"),
      );
      await delay(EVERY_MS, undefined, { signal: stopping.signal }).catch(ignoreAbort);
    }
  };
  const giving = give();
  return {
    id,
    async stop() {
      stopping.abort();
      await giving;
      vitals.stop();
      await forgetApiProcess(db, id).catch((error: unknown) =>
        log.warn({ err: error }, "could not sign off"),
      );
    },
  };
}

function ignoreAbort(error: Error): void {
  if (error.name !== "AbortError") throw error;
}
