/** What advisors leave behind, until it is too old. */
import type { Database } from "@quern/store/db";
import { sql } from "kysely";

const KEPT = "2 years";

/** Deletes scores and resolved findings of more than two years ago. One that is muted stays, for when it comes back. */
export async function deleteOldAdvice(db: Database, now: Date = new Date()): Promise<void> {
  await sql`delete from health_scores where at < ${now}::timestamptz - ${KEPT}::interval`.execute(
    db,
  );
  await sql`
    delete from health_findings
    where resolved_at < ${now}::timestamptz - ${KEPT}::interval and muted_at is null`.execute(db);
}
