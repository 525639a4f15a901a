import { setTimeout as delay } from "node:timers/promises";
import { enlistRules, evaluateNext } from "@quern/health/advisors/engine";
import { deleteOldAdvice } from "@quern/health/advisors/retention";
import type { Log } from "@quern/runtime/log";
import type { Database } from "@quern/store/db";
import type { Instruments } from "./instruments.ts";

type Shop = {
  db: Database;
  log: Log;
  instruments: Pick<Instruments, "ruleSeconds" | "ruleFailures">;
};

/** Databases one after the other before a breath, so that the loop stops soon when it is told to. */
const AT_ONCE = 20;

/** Evaluates advisor rules that are due, a batch of databases. Returns whether more may be due at once. */
export async function advise(
  { db, log, instruments }: Shop,
  signal: AbortSignal,
): Promise<boolean> {
  for (let count = 0; count < AT_ONCE && !signal.aborted; count += 1) {
    const evaluated = await evaluateNext(db, {
      onFailure({ rule, database_id, error }) {
        instruments.ruleFailures.inc({ rule });
        log.error({ err: error, rule, database_id }, "an advisor rule failed");
      },
    });
    if (evaluated === undefined) return false;
    for (const { state, seconds } of evaluated) instruments.ruleSeconds.observe({ state }, seconds);
    if (evaluated.length > 0) await delay(1, undefined, { signal });
  }
  return true;
}

/** What is done now and then beside: rules and databases that are new, findings and scores that are old. */
export async function tidyAdvice(db: Database): Promise<void> {
  await enlistRules(db);
  await deleteOldAdvice(db);
}
