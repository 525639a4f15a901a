/**
 * Sessions opened ahead, each for one run: connecting, TLS and sign-in are over when the run comes. They are signed in
 * and idle, show themselves at the server as `quern ready`, and have not run anything of a user's.
 */
import type { BackendHandle, ExecuteOptions, Target } from "../connector.ts";
import { within } from "./deadline.ts";
import { openSession, type Session, sessionName } from "./session.ts";

/** A ready session that takes longer to answer is given up: opening a new one is faster. */
const PROBE_MS = 1_000;
/** The server's limit comes after the watchdog's, which also verifies. */
const SERVER_TIMEOUT_MARGIN_MS = 5_000;

type Ready = { session: Session; target: string; expiry: NodeJS.Timeout };

const ready = new Map<string, Ready>();

export async function prepare(
  target: Target,
  options: { keep_ms: number },
): Promise<BackendHandle> {
  const session = await openSession(target, {
    application_name: "quern ready",
    statement_timeout_ms: 0,
  });
  const key = keyOf(session.handle);
  const expiry = setTimeout(() => forget(key), options.keep_ms).unref();
  ready.set(key, { session, target: JSON.stringify(target), expiry });
  session.client.once("end", () => forget(key));
  return session.handle;
}

export async function release(handle: BackendHandle): Promise<void> {
  forget(keyOf(handle));
}

/** The session that a run executes in: the prepared one when it is there, answers and fits, else a new one. */
export async function sessionFor(
  target: Target,
  options: Pick<ExecuteOptions, "run_id" | "timeout_ms">,
  prepared: BackendHandle | null | undefined,
): Promise<Session> {
  const statement_timeout_ms = options.timeout_ms + SERVER_TIMEOUT_MARGIN_MS;
  const application_name = sessionName(options.run_id);
  const found = prepared == null ? undefined : ready.get(keyOf(prepared));
  if (found !== undefined) {
    clearTimeout(found.expiry);
    ready.delete(keyOf(found.session.handle));
    const fits = found.target === JSON.stringify(target);
    if (fits && (await answers(found.session, application_name, statement_timeout_ms))) {
      return found.session;
    }
    found.session.destroy();
  }
  return await openSession(target, { application_name, statement_timeout_ms });
}

/** Gives the session its run's name and timeout, which also shows that its connection is alive. */
async function answers(
  session: Session,
  applicationName: string,
  timeoutMs: number,
): Promise<boolean> {
  try {
    const named = session.client.query(
      `select pg_catalog.set_config('application_name', '${applicationName}', false),
              pg_catalog.set_config('statement_timeout', '${timeoutMs}', false)`,
    );
    await within(named, Date.now() + PROBE_MS);
    return true;
  } catch (error) {
    // Nothing of the user's was sent: whatever the reason, a new session serves as well.
    if (error instanceof Error) return false;
    throw error;
  }
}

function forget(key: string): void {
  const found = ready.get(key);
  if (found === undefined) return;
  ready.delete(key);
  clearTimeout(found.expiry);
  found.session.destroy();
}

function keyOf({ pid, backend_start }: BackendHandle): string {
  return `${pid}/${backend_start}`;
}
