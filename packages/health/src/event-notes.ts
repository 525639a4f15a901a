/** Events that a payload tells of by being different from the one before. */
import type { Epochs } from "@quern/contract/agent/server";
import { sql } from "kysely";
import { countsFromStart, crashed, isSwapped } from "./epochs.ts";
import type { Reading } from "./reading.ts";

export type Note = {
  type: string;
  subject: string | null;
  details: Record<string, unknown>;
  of: "server" | "database";
};

export async function noteEvents(reading: Reading, notes: readonly Note[]): Promise<void> {
  if (notes.length === 0) return;
  const { db, org_id, server_id, database_id, taken_at } = reading;
  const rows = JSON.stringify(
    notes.map(({ of, ...note }) => ({ ...note, of_database: of === "database" })),
  );
  await sql`
    insert into health_events (org_id, server_id, database_id, at, type, subject, details, source)
    select ${org_id}::uuid, ${server_id}::uuid, case when of_database then ${database_id}::uuid end, ${taken_at}::timestamptz,
      type, subject, details, 'agent'
    from jsonb_to_recordset(${rows}::jsonb) as notes (type text, subject text, details jsonb, of_database boolean)`.execute(
    db,
  );
}

export type ServerIdentity = {
  version: string;
  in_recovery: boolean | null;
  epochs: Epochs | null;
};

/** What happened to the server between two payloads. */
export function serverNotes(before: ServerIdentity, after: ServerIdentity): Note[] {
  const notes: Note[] = [];
  const note = (type: string, subject: string | null, details: Record<string, unknown> = {}) =>
    notes.push({ type, subject, details, of: "server" });
  if (before.version !== after.version)
    note("version", null, { before: before.version, after: after.version });
  const [old, now] = [before.epochs, after.epochs];
  if (old === null || now === null) return notes;
  const crash = crashed(old, now);
  // Of what answers in its place nothing is known but that it is another.
  const swapped = isSwapped(old, now);
  if (crash) note("crash", null);
  else if (!swapped && differs(old.postmaster_start, now.postmaster_start))
    note("restart", null, { started_at: now.postmaster_start });
  if (differs(old.timeline, now.timeline))
    note("failover", null, { before: old.timeline, after: now.timeline });
  const started = countsFromStart(now) && differs(old.postmaster_start, now.postmaster_start);
  if (
    !crash &&
    !swapped &&
    !started &&
    differs(old.statements_stats_reset, now.statements_stats_reset)
  )
    note("statements_reset", null);
  return notes;
}

/** Statistics of one database were reset by somebody. */
export function databaseNotes(before: Epochs | null, after: Epochs | null, name: string): Note[] {
  if (before === null || after === null) return [];
  if (crashed(before, after) || isSwapped(before, after)) return [];
  return after.database_stats_reset !== null &&
    before.database_stats_reset !== after.database_stats_reset &&
    !countsFromStart(after)
    ? [{ type: "statistics_reset", subject: name, details: {}, of: "database" }]
    : [];
}

function differs<T>(before: T | null, after: T | null): boolean {
  return before !== null && after !== null && before !== after;
}
