import type { ServerStats } from "@quern/contract/agent/server";
import { sql } from "kysely";
import { numberOf, serverOf, settingsOf } from "../facts.ts";
import { missingPart } from "../facts-server-parts.ts";
import { secondsSince } from "../facts-window.ts";
import { fact, fixBy, found, judged } from "../finding.ts";
import { literal } from "../literals.ts";
import type { Found, Rule, Subject } from "../rule.ts";

type Slot = NonNullable<ServerStats["slots"]>[number];
const GB = 1024 ** 3;
const MB = 1024 ** 2;
const INACTIVE_S = 1_800;
const OF_LIMIT = { warning: 0.5, critical: 0.8 };

export const rule: Rule = {
  id: "slot-retention",
  title: "A replication slot keeps WAL",
  category: "replication",
  explanation:
    "A slot keeps every byte of WAL that its consumer has not confirmed. When the consumer is gone the disk fills until the server stops; with max_slot_wal_keep_size the slot is given up instead, and its replica or subscriber has to be built anew.",
  source:
    "pgEdge: 1 GB. Own: 50 and 80 % of max_slot_wal_keep_size, 10 GB without that limit. postgres_exporter: inactive for 30 minutes.",
  weight: { info: 5, warning: 30, critical: 70 },
  caps: false,
  of: "server",
  every_s: 60,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const { body: server, at } = (await serverOf(subject))!;
    if (server.slots === undefined)
      return missingPart(subject, "server.replication", "replication slots");
    // In megabytes; -1 is no limit.
    const keep_mb = numberOf(await settingsOf(subject), "max_slot_wal_keep_size", -1);
    const slots = server.slots.filter(({ temporary }) => !temporary);
    const unknown = slots.some(({ active, inactive_since }) => !active && inactive_since === null);
    const before = unknown ? await inactiveBefore(subject) : new Map<string, string>();
    return judged(
      slots.flatMap((slot) => {
        const since = slot.inactive_since ?? before.get(slot.name) ?? null;
        return judgeSlot(slot, keep_mb < 0 ? null : keep_mb * MB, slot.active ? null : since, at);
      }),
    );
  },
};

/** Before 17 the server does not say since when a slot is not read: those that were not when the day before ended. */
async function inactiveBefore({ db, server_id, now }: Subject): Promise<Map<string, string>> {
  const { rows } = await sql<{ name: string; at: Date }>`
    with last as (
      select documents.at, body from health_documents as documents
        join health_databases as databases on databases.id = documents.database_id
      where databases.server_id = ${server_id} and section = 'server' and day < (${now}::timestamptz at time zone 'UTC')::date
        and documents.at > ${now}::timestamptz - interval '3 days'
      order by documents.at desc limit 1
    )
    select slot ->> 'name' as name, at from last, jsonb_array_elements(body -> 'slots') as slot
    where slot ->> 'active' = 'false'`.execute(db);
  return new Map(rows.map(({ name, at }) => [name, at.toISOString()]));
}

function judgeSlot(slot: Slot, limit: number | null, since: string | null, at: Date): Found[] {
  const retained = Number(slot.retained_bytes ?? 0);
  const inactive = secondsSince(since, at);
  const severity = severityOf(slot, retained, limit, inactive);
  if (severity === undefined) return [];
  const evidence = [
    fact("retained_wal", retained, "bytes", limit === null ? GB : limit * OF_LIMIT.warning),
    fact("limit", limit, "bytes"),
    fact("active", slot.active, "text"),
    fact("inactive_for", inactive, "seconds", INACTIVE_S),
    fact("wal_status", slot.wal_status, "text"),
    fact("invalidation_reason", slot.invalidation_reason, "text"),
    fact("type", slot.type, "text"),
    fact("database", slot.database, "text"),
  ];
  const drop = `select pg_drop_replication_slot(${literal(slot.name)});`;
  const words = isLost(slot)
    ? "What the slot needed is gone: its consumer cannot go on. Drop the slot and build the replica or subscription anew."
    : slot.active
      ? "The consumer is connected but behind: look at its load and at the network. Set max_slot_wal_keep_size, so that it cannot fill the disk."
      : "Nobody reads from this slot. Bring its consumer back; if it is gone for good, drop the slot, and the WAL is removed at the next checkpoint.";
  const fix = slot.active ? { sql: null, words, sandbox: false } : fixBy(drop, words);
  return [found(slot.name, severity, evidence, { fix })];
}

function severityOf(
  slot: Slot,
  retained: number,
  limit: number | null,
  inactive: number | null,
): Found["severity"] | undefined {
  if (isLost(slot) || slot.wal_status === "unreserved") return "critical";
  const share = limit === null || limit === 0 ? 0 : retained / limit;
  if (limit === null ? retained >= 10 * GB : share >= OF_LIMIT.critical) return "critical";
  if (retained >= GB && (limit === null || share >= OF_LIMIT.warning || !slot.active))
    return "warning";
  if (share >= OF_LIMIT.warning) return "warning";
  return inactive !== null && inactive >= INACTIVE_S ? "warning" : undefined;
}

/** Invalidated, for whatever reason (17 and later say which). */
function isLost({ wal_status, invalidation_reason, conflicting }: Slot): boolean {
  return wal_status === "lost" || invalidation_reason !== null || conflicting === true;
}
