/**
 * Behind a pooler that gives each transaction another backend, the guards of a session do not hold and what a session
 * sees of itself is another's. Such an address is refused.
 */
import type pg from "pg";
import { UnreachableError } from "../collector.ts";
import type { Session } from "./session.ts";
import { codeOf, endsSession } from "./unreachable.ts";

const WORDS =
  "Give the agent the address of PostgreSQL itself in DATABASE_URL (port 5432 rather than the pooler's 6432 or 6543; at Neon the host without -pooler; at Supabase db.….supabase.co or the session pooler).";

/**
 * `backendPid` is what the backend says of itself; a pooler announced one of its own at sign-in. Costs nothing where both
 * are equal. Throws UnreachableError with code `pooler`.
 */
export async function refusePooler(
  session: Session,
  client: pg.Client,
  backendPid: string | null,
): Promise<void> {
  const announced = "processID" in client ? String(client.processID) : null;
  if (announced === backendPid) return;
  const mode = await poolMode(session);
  if (mode === "session" || (mode === null && (await staysOn(session, backendPid)))) return;
  throw new UnreachableError(
    `A connection pooler answers at ${session.address.host}:${session.address.port}${mode === null ? "" : ` (pool_mode ${mode})`}: statistics read through it would be of changing sessions, and the agent's limits would not hold. ${WORDS}`,
    "pooler",
  );
}

/** What PgBouncer and its like answer themselves; PostgreSQL does not know the setting. */
async function poolMode(session: Session): Promise<string | null> {
  try {
    const [row] = await session.query("show pool_mode");
    return Object.values(row ?? {})[0] ?? null;
  } catch (error) {
    if (endsSession(error) || !/^[0-9A-Z]{5}$/.test(codeOf(error))) throw error;
    return null;
  }
}

/** A proxy in front of one backend per session (Neon's, RDS Proxy when pinned) does no harm. */
async function staysOn(session: Session, backendPid: string | null): Promise<boolean> {
  for (let turn = 0; turn < 3; turn += 1) {
    const [row] = await session.query("select pg_catalog.pg_backend_pid() as backend_pid");
    if (row?.backend_pid !== backendPid) return false;
  }
  return true;
}
