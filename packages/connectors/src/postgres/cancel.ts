import { setTimeout as sleep } from "node:timers/promises";
import type { BackendHandle, CancelVerdict, Target } from "../connector.ts";
import { openSession, type Session } from "./session.ts";

/** How long a terminated backend may take to vanish before the answer is `unconfirmed`. */
const TERMINATE_WAIT_MS = 3_000;
const POLL_MS = 15;
const REPEAT_MS = 250;

/**
 * Stops what runs in the session, as its own user, from a fresh connection: cancels, and terminates after the
 * grace period. An idle session is terminated at once: a cancel would miss a statement that is on its way, and no
 * session is used again. Confirmed means that the backend is gone.
 */
export async function cancel(
  target: Target,
  handle: BackendHandle,
  options: { grace_ms: number },
): Promise<CancelVerdict> {
  const session = await openSession(target, {
    application_name: "quern cancel",
    statement_timeout_ms: 5_000,
    connect_timeout_ms: 5_000,
  });
  try {
    const asked = Date.now();
    let nextSignal = asked;
    for (;;) {
      const now = Date.now();
      if (now >= asked + options.grace_ms + TERMINATE_WAIT_MS) return "unconfirmed";
      const signal =
        now < nextSignal ? "none" : now < asked + options.grace_ms ? "cancel" : "terminate";
      if (signal !== "none") nextSignal = now + REPEAT_MS;
      if (await isGone(session, handle, signal)) return "confirmed";
      await sleep(POLL_MS);
    }
  } finally {
    session.destroy();
  }
}

async function isGone(
  session: Session,
  handle: BackendHandle,
  signal: "none" | "cancel" | "terminate",
): Promise<boolean> {
  // backend_start in the same statement: a pid that now belongs to somebody else is left alone.
  const { rows } = await session.client.query(
    `select case
         when $3 = 'none' then null
         when $3 = 'terminate' or state like 'idle%' then pg_catalog.pg_terminate_backend(pid)
         else pg_catalog.pg_cancel_backend(pid)
       end
       from pg_catalog.pg_stat_activity
      where pid = $1 and extract(epoch from backend_start)::text = $2`,
    [handle.pid, handle.backend_start, signal],
  );
  return rows.length === 0;
}
