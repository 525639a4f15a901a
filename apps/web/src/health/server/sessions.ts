/** What the page of sessions makes of a sample. */

import type { Session } from "@quern/contract/agent/activity";
import type { DatabaseType } from "@quern/contract/agent/payload";
import type { SessionStatement } from "@quern/contract/health/server";

/** Processes that work for somebody; the others belong to the server. */
const WORKING = new Set(["client backend", "parallel worker", "logical replication worker"]);

export const isClient = ({ backend_type }: Pick<Session, "backend_type">): boolean =>
  WORKING.has(backend_type);
/** Whether it is somebody's work, or a vacuum: processes of the server are not ended by hand. */
export const mayEnd = (session: Pick<Session, "backend_type">): boolean =>
  isClient(session) || session.backend_type === "autovacuum worker";
const isActive = (session: Session): boolean => session.state === "active" && isClient(session);
const isWaiting = ({ blocked_by }: Session): boolean => (blocked_by?.length ?? 0) > 0;
const isIdleInTransaction = ({ state }: Session): boolean =>
  state?.startsWith("idle in transaction") ?? false;

export const SHOWS = ["all", "active", "waiting", "idle_in_transaction", "server"] as const;
export type Show = (typeof SHOWS)[number];

const FITS: Record<Show, (session: Session) => boolean> = {
  all: () => true,
  active: isActive,
  waiting: isWaiting,
  idle_in_transaction: isIdleInTransaction,
  server: (session) => !isClient(session),
};

export const isShow = (text: string | null): text is Show => SHOWS.some((each) => each === text);

/** The same session: numbers of processes are used again. */
export const isSame = (
  left: Pick<Session, "pid" | "backend_start">,
  right: Pick<Session, "pid" | "backend_start">,
): boolean => left.pid === right.pid && left.backend_start === right.backend_start;

type SessionCounts = Record<Show, number>;

export function countSessions(sessions: readonly Session[]): SessionCounts {
  const of = (show: Show) => sessions.filter(FITS[show]).length;
  return {
    ...{ all: sessions.length, active: of("active"), waiting: of("waiting") },
    ...{ idle_in_transaction: of("idle_in_transaction"), server: of("server") },
  };
}

/** Seconds since `time` as of `at`; null where it is not known. Clocks of server and sample are the same. */
export function secondsSince(time: string | null | undefined, at: number): number | null {
  const since = time == null ? Number.NaN : Date.parse(time);
  return Number.isNaN(since) ? null : Math.max(0, (at - since) / 1000);
}

type WaitShare = { type: string; events: { event: string; n: number }[]; n: number };

/** Active sessions by what they wait for, the most first; `CPU` is no wait. */
export function waitsByType(sessions: readonly Session[]): WaitShare[] {
  const types = new Map<string, Map<string, number>>();
  for (const { wait_event_type, wait_event } of sessions.filter(isActive)) {
    const type = wait_event_type ?? "CPU";
    const events = types.get(type) ?? new Map<string, number>();
    types.set(type, events);
    events.set(wait_event ?? "", (events.get(wait_event ?? "") ?? 0) + 1);
  }
  return [...types]
    .map(([type, events]) => ({
      type,
      n: [...events.values()].reduce((sum, each) => sum + each, 0),
      events: [...events]
        .map(([event, n]) => ({ event, n }))
        .sort((left, right) => right.n - left.n || left.event.localeCompare(right.event)),
    }))
    .sort((left, right) => right.n - left.n || left.type.localeCompare(right.type));
}

const LONG_S = 60;

/** Transactions that are open for a minute or more, the oldest first. */
export function longTransactions(
  sessions: readonly Session[],
  at: number,
): { session: Session; open_s: number }[] {
  return sessions
    .flatMap((session) => {
      const open_s = secondsSince(session.xact_start, at);
      return open_s !== null && open_s >= LONG_S ? [{ session, open_s }] : [];
    })
    .sort((left, right) => right.open_s - left.open_s);
}

export type SessionOrder = "transaction" | "statement" | "wait" | "pid";
export const SESSION_ORDERS: readonly SessionOrder[] = ["transaction", "statement", "wait", "pid"];

/** Those that fit, in order: the longest first, what is not known last. */
export function sessionsShown(
  sessions: readonly Session[],
  { show, search, order }: { show: Show; search: string; order: SessionOrder },
  textOf: (session: Session) => string,
): Session[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (session: Session) => {
    const text = textOf(session).toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const beginning = (session: Session): string | null => {
    if (order === "transaction") return session.xact_start;
    if (order === "statement") return session.query_start;
    return isWaiting(session) ? (session.waits_for?.since ?? session.query_start) : null;
  };
  const place = (session: Session): number => {
    const time = order === "pid" ? session.pid : Date.parse(beginning(session) ?? "");
    if (!Number.isNaN(time)) return time;
    return order === "wait" && isWaiting(session) ? Number.MAX_VALUE : Number.POSITIVE_INFINITY;
  };
  return sessions
    .filter((session) => FITS[show](session) && fits(session))
    .map((session) => ({ session, at: place(session) }))
    .sort((left, right) => compare(left.at, right.at) || left.session.pid - right.session.pid)
    .map(({ session }) => session);
}

/** Of two that are both infinite the difference is no number. */
const compare = (left: number, right: number): number =>
  left === right ? 0 : left < right ? -1 : 1;

/** What `session` was at: by its hash and role, by its hash alone, else by its fingerprint (PostgreSQL 13). */
export function statementOf(
  { database, query_hash, fingerprint, user_name }: Session,
  statements: readonly SessionStatement[],
): SessionStatement | null {
  const here = statements.filter((each) => each.database === database);
  const same = here.filter((each) => query_hash !== null && each.query_hash === query_hash);
  const found = same.find((each) => each.user_name === user_name) ?? same[0];
  if (found !== undefined || query_hash !== null) return found ?? null;
  return here.find((each) => fingerprint !== null && each.fingerprint === fingerprint) ?? null;
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * The statement that cancels what a session does, or ends the session. Numbers of processes are used again, so that it
 * names the time that the session began, where that is known.
 */
export function endingSql(
  deed: "cancel" | "terminate",
  { pid, backend_start }: Pick<Session, "pid" | "backend_start">,
  engine: DatabaseType,
): string {
  if (engine !== "postgres") return deed === "cancel" ? `kill query ${pid};` : `kill ${pid};`;
  const name = deed === "cancel" ? "pg_cancel_backend" : "pg_terminate_backend";
  if (backend_start === null) return `select ${name}(${pid});`;
  return `select ${name}(pid) from pg_stat_activity\nwhere pid = ${pid} and backend_start = ${literal(backend_start)};`;
}
