/** Takes samples of sessions: as they came, and summed up as load. */
import type { ActivitySample, Session } from "@quern/contract/agent/activity";
import type { AgentPayload } from "@quern/contract/agent/payload";
import { sql } from "kysely";
import { insertMetrics } from "./metric-section.ts";
import { type Reading, timeOf } from "./reading.ts";

/** Backends that work for somebody; the others belong to the server. */
const WORKING = new Set(["client backend", "parallel worker", "logical replication worker"]);

/** The server's clock, which samples bear, may be off the agent's; beyond this they are not put anywhere. */
const APART_MS = 24 * 3_600_000;

/** When the samples of a payload were taken, those that are kept. */
export function sampleTimes({ activity }: Pick<AgentPayload, "activity">, taken_at: Date): Date[] {
  return (activity ?? []).flatMap(({ at }) => timeNear(at, taken_at) ?? []);
}

function timeNear(time: string, taken_at: Date): Date | null {
  const at = timeOf(time);
  return at !== null && Math.abs(at.getTime() - taken_at.getTime()) <= APART_MS ? at : null;
}

export async function takeActivity(
  reading: Reading,
  samples: readonly ActivitySample[],
): Promise<void> {
  const dated = samples.flatMap((sample) => {
    const at = timeNear(sample.at, reading.taken_at);
    return at === null ? [] : [{ ...sample, at, sessions: sample.sessions.map(withReadableTimes) }];
  });
  if (dated.length === 0) return;
  const { db, server_id } = reading;
  const rows = JSON.stringify(
    dated.map(({ at, sessions, idle, omitted }) => ({ at, sessions, idle, omitted: omitted ?? 0 })),
  );
  await sql`
    insert into health_activity (server_id, at, sessions, idle, omitted)
    select ${server_id}::uuid, at, sessions, idle, omitted
    from jsonb_to_recordset(${rows}::jsonb) as samples (at timestamptz, sessions jsonb, idle integer, omitted integer)
    on conflict do nothing`.execute(db);
  await insertLoad(reading, dated);
}

/** Pages and views read the times of sessions in PostgreSQL, so that none may be stored that it does not take. */
function withReadableTimes(session: Session): Session {
  const { waits_for } = session;
  return {
    ...session,
    backend_start: readable(session.backend_start),
    xact_start: readable(session.xact_start),
    query_start: readable(session.query_start),
    state_change: readable(session.state_change),
    ...(waits_for ? { waits_for: { ...waits_for, since: readable(waits_for.since) } } : {}),
  };
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d(:?\d\d)?)$/;

/** As it came, with its microseconds: a session is named by them. Null for anything that is no instant. */
function readable(time: string | null): string | null {
  return time !== null && INSTANT.test(time) && timeOf(time) !== null ? time : null;
}

type DatedSample = { at: Date; sessions: Session[] };

async function insertLoad(
  { db, server_id, taken_at }: Reading,
  dated: readonly DatedSample[],
): Promise<void> {
  const samples = dated.map(({ sessions }) => sessions);
  const waits = dated.flatMap(waitsOf);
  const groups = new Map<string, { parts: string[]; sessions: number }>();
  const active = samples.flat().filter(isWorking);
  for (const session of active) {
    const parts = [
      ...[session.database ?? "", session.query_hash ?? "", session.user_name ?? ""],
      ...[session.wait_event_type ?? "CPU", session.wait_event ?? ""],
    ];
    const key = parts.join("\u0001");
    const group = groups.get(key) ?? { parts, sessions: 0 };
    group.sessions += 1;
    groups.set(key, group);
  }
  const all = [...groups.values()];
  const column = (place: number) => all.map(({ parts }) => parts[place]);
  const previous = sql`(select max(at) from health_load_points where server_id = ${server_id} and at < ${taken_at}
    and at > ${taken_at}::timestamptz - interval '1 hour')`;
  await sql`
    insert into health_load_points (server_id, at, seconds, samples, databases, query_hashes, users, wait_types, wait_events, sessions)
    values (${server_id}, ${taken_at}, coalesce(extract(epoch from ${taken_at}::timestamptz - ${previous}), 60), ${samples.length},
      ${column(0)}::text[], ${column(1)}::text[], ${column(2)}::text[], ${column(3)}::text[], ${column(4)}::text[],
      ${all.map(({ sessions }) => sessions)}::integer[])
    on conflict do nothing`.execute(db);
  const perSample = (sessions: readonly Session[]) => sessions.length / samples.length;
  await insertMetrics(db, server_id, taken_at, 0, [], {
    load: perSample(active),
    load_lock: perSample(active.filter((session) => session.wait_event_type === "Lock")),
    blocked_sessions: Math.max(
      ...samples.map(
        (sessions) => sessions.filter((each) => (each.blocked_by?.length ?? 0) > 0).length,
      ),
    ),
    ...(waits.length === 0 ? {} : { longest_wait_s: Math.max(...waits) }),
  });
}

/** How long each that is blocked has waited, in seconds; before 14 since its statement began. */
function waitsOf({ at, sessions }: DatedSample): number[] {
  return sessions.flatMap(({ blocked_by = [], waits_for, query_start }) => {
    const since = blocked_by.length === 0 ? null : timeOf(waits_for?.since ?? query_start);
    return since === null ? [] : [Math.max(0, (at.getTime() - since.getTime()) / 1000)];
  });
}

function isWorking({ state, backend_type }: Session): boolean {
  return state === "active" && WORKING.has(backend_type);
}
