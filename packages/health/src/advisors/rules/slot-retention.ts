import type { ServerStats } from "@quern/contract/agent/server";
import { literal } from "@quern/contract/postgres-literal";
import { notedBy, numberOf, serverOf, settingsOf } from "../facts.ts";
import { missingPart } from "../facts-server-parts.ts";
import { secondsSince } from "../facts-window.ts";
import { fact, fixBy, found } from "../finding.ts";
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
    const inactive = await inactiveSince(subject, slots, at);
    const found = slots.flatMap((slot) =>
      judgeSlot(slot, keep_mb < 0 ? null : keep_mb * MB, inactive[slot.name] ?? null, at),
    );
    return { state: "judged", found, noted: inactive };
  },
};

/** From 17 on a server says since when, and of a slot that it copies from its primary that it is not left alone. */
const SAYS_SINCE = 170_000;

/** Since when nobody reads from each of the slots: as the server says, before 17 as this rule saw it first. */
async function inactiveSince(
  subject: Subject,
  slots: readonly Slot[],
  at: Date,
): Promise<Record<string, string>> {
  const noted = await notedBy(subject, "slot-retention");
  const says = (subject.version_num ?? 0) >= SAYS_SINCE;
  const seen_at = at < subject.now ? at : subject.now;
  return Object.fromEntries(
    slots.flatMap(({ name, active, inactive_since }) => {
      if (active) return [];
      const since = inactive_since ?? (says ? null : (noted[name] ?? seen_at.toISOString()));
      return since === null ? [] : [[name, since]];
    }),
  );
}

function judgeSlot(slot: Slot, limit: number | null, since: string | null, at: Date): Found[] {
  const retained = Number(slot.retained_bytes ?? 0);
  const inactive = secondsSince(since, at);
  const severity = severityOf(slot, retained, limit, inactive);
  if (severity === undefined) return [];
  const evidence = [
    fact("retained_wal", retained, "bytes", limitOf(severity, limit)),
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

/** What its size was held against. */
function limitOf(severity: Found["severity"], limit: number | null): number {
  if (severity === "critical") return limit === null ? 10 * GB : limit * OF_LIMIT.critical;
  return limit === null ? GB : Math.min(GB, limit * OF_LIMIT.warning);
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
  if (retained >= GB || share >= OF_LIMIT.warning) return "warning";
  return inactive !== null && inactive >= INACTIVE_S ? "warning" : undefined;
}

/** Invalidated, for whatever reason (17 and later say which). */
function isLost({ wal_status, invalidation_reason, conflicting }: Slot): boolean {
  return wal_status === "lost" || invalidation_reason !== null || conflicting === true;
}
