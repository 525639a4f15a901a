import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";

/** Where a request came from, for the audit log. */
export type Origin = { request_id: string; ip_address: string };

export type AuditEntry = {
  action: string;
  resource_type: string;
  resource_id: string | null;
  /** Never secrets. */
  details?: Record<string, unknown>;
};

type Auditor = Actor | { org_id: string; user_id: string | null };

/** Writes an entry; call it in the transaction of the change. */
export async function recordAudit(
  db: Database,
  actor: Auditor,
  origin: Origin,
  entry: AuditEntry,
): Promise<void> {
  await recordAudits(db, actor, origin, [entry]);
}

/** Writes an entry for each thing that one request changed. */
export async function recordAudits(
  db: Database,
  actor: Auditor,
  origin: Origin,
  entries: readonly AuditEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  await db
    .insertInto("audit_log")
    .values(
      entries.map((entry) => ({
        org_id: actor.org_id,
        user_id: actor.user_id,
        token_id: "token_id" in actor ? actor.token_id : null,
        action: entry.action,
        resource_type: entry.resource_type,
        resource_id: entry.resource_id,
        details: JSON.stringify(entry.details ?? {}),
        request_id: origin.request_id,
        ip_address: origin.ip_address,
      })),
    )
    .execute();
}
