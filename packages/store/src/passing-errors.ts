import { sqlstate } from "./db.ts";

/** Connection failures, deadlocks, too little room or time, a server that starts or stops. */
const PASSING_STATES = /^(08|40|53|55|57|25P0[34])/;
const PASSING_CODES = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND"]);

/** Whether an error of our own database may be gone when the same is tried again. */
export function isPassing(error: unknown): boolean {
  const state = sqlstate(error);
  if (state !== undefined) return PASSING_STATES.test(state);
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (
    PASSING_CODES.has(code ?? "") ||
    /^(Connection terminated|timeout exceeded|Client has encountered)/.test(error.message)
  );
}
