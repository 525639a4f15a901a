/** The newest sample of sessions and locks, and what was waited for over a window. */
import type { Session } from "@quern/contract/agent/activity";
import { sql } from "kysely";
import { once } from "./facts.ts";
import type { Window } from "./facts-window.ts";
import { notEnough } from "./finding.ts";
import type { Judgement, Subject } from "./rule.ts";

export type Sample = { at: Date; sessions: Session[] };

/** Older samples say nothing of now. */
const FRESH = "10 minutes";

/** The newest sample of the server's sessions. Undefined when none came in the last ten minutes. */
export function newestSample(subject: Subject): Promise<Sample | undefined> {
  const { db, server_id, now } = subject;
  return once(subject, "newest sample", async () => {
    const { rows } = await sql<Sample>`
      select at, sessions from health_activity
      where server_id = ${server_id} and at <= ${now}::timestamptz + interval '1 minute'
        and at > ${now}::timestamptz - ${FRESH}::interval
      order by at desc limit 1`.execute(db);
    return rows[0];
  });
}

/** Judges the newest sample; without one it says so. */
export async function withSample(
  subject: Subject,
  judge: (sample: Sample) => Judgement,
): Promise<Judgement> {
  const sample = await newestSample(subject);
  if (sample === undefined)
    return notEnough("No sample of sessions has come in the last ten minutes.");
  return judge(sample);
}

/** Programs that run for hours by their nature. */
const PATIENT_PROGRAMS = new Set(["pg_dump", "pg_dumpall", "pg_basebackup", "pg_restore"]);

/** A session of somebody's own in the database that is judged; no back-up, no work of the server. */
export function isClientOf({ database_name }: Subject, session: Session): boolean {
  return (
    session.backend_type === "client backend" &&
    session.database === database_name &&
    !PATIENT_PROGRAMS.has(session.application ?? "")
  );
}

/** A process with the time it began, since numbers of processes are used again. */
export function sessionObject({ pid, backend_start }: Session): string {
  return backend_start === null ? `pid ${pid}` : `pid ${pid} of ${backend_start}`;
}

export type WaitLoad = { wait_type: string; wait_event: string; query_hash: string; load: number };

/** Average active sessions of `window` by what they waited for and by statement; `load` sums to `total`. */
export async function waitLoad(
  { db, server_id }: Subject,
  { from, to }: Window,
): Promise<{ samples: number; seconds: number; total: number; waits: WaitLoad[] }> {
  const { rows: points } = await sql<{ samples: number; seconds: number }>`
    select coalesce(sum(samples), 0)::integer as samples, coalesce(sum(seconds), 0)::float8 as seconds
    from health_load_points where server_id = ${server_id} and at > ${from} and at <= ${to}`.execute(
    db,
  );
  const { samples, seconds } = points[0]!;
  const { rows: waits } = await sql<WaitLoad>`
    select wait_type, wait_event, query_hash, sum(each.sessions)::float8 / ${samples}::float8 as load
    from health_load_points as points,
      unnest(points.wait_types, points.wait_events, points.query_hashes, points.sessions)
        as each (wait_type, wait_event, query_hash, sessions)
    where server_id = ${server_id} and at > ${from} and at <= ${to}
    group by 1, 2, 3 order by load desc, 1, 2, 3`.execute(db);
  return { samples, seconds, total: waits.reduce((sum, { load }) => sum + load, 0), waits };
}
