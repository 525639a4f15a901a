/** Sections that are read as a whole: the latest of each day is kept. */
import { sql } from "kysely";
import type { Reading } from "./reading.ts";

export type DocumentSection =
  | "tables"
  | "indexes"
  | "sequences"
  | "bloat"
  | "column_statistics"
  | "server"
  | "statements"
  | "custom_metrics";

/** Nobody asks what they were, and they are large. */
const LATEST: ReadonlySet<DocumentSection> = new Set(["column_statistics"]);

/** Keeps `body` as what `section` is now. */
export async function keepDocument(
  { db, database_id, taken_at }: Reading,
  section: DocumentSection,
  body: unknown,
): Promise<void> {
  await sql`
    insert into health_documents (database_id, section, day, at, body)
    values (${database_id}, ${section}, (${taken_at}::timestamptz at time zone 'UTC')::date, ${taken_at},
      ${JSON.stringify(body)}::jsonb)
    on conflict (database_id, section, day) do update set at = excluded.at, body = excluded.body
    where health_documents.at < excluded.at`.execute(db);
  if (!LATEST.has(section)) return;
  await sql`
    delete from health_documents
    where database_id = ${database_id} and section = ${section}
      and day < (${taken_at}::timestamptz at time zone 'UTC')::date`.execute(db);
}
