/** Who holds vacuum back, how far vacuums are, and how far it is to the limits of transaction ids. */
import type { DatabaseType } from "@quern/contract/agent/payload";
import type { DatabaseCounters, ServerStats } from "@quern/contract/agent/server";
import type { Setting } from "@quern/contract/health/server";
import { t } from "../../i18n/language.ts";
import type { Tone } from "../../words/tone.ts";
import { formatValue } from "../values.ts";
import type { Advice } from "./blocking-words.ts";
import { endingSql } from "./sessions.ts";

export type Holder = NonNullable<ServerStats["horizon"]>[number];
export type Progress = NonNullable<ServerStats["vacuum_progress"]>[number];

export function holderName({ type, name }: Holder): string {
  const known = name ?? "?";
  switch (type) {
    case "backend":
      return t("Session {pid}", { pid: known });
    case "slot":
      return t("Replication slot {name}", { name: known });
    case "slot_catalog":
      return t("Logical slot {name}, of the system catalogs", { name: known });
    case "prepared":
      return t("Prepared transaction {name}", { name: name ?? "" });
    case "standby":
      return t("Replica {name} with hot_standby_feedback", { name: known });
  }
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** What to do for a holder of each kind. */
export function holderAdvice({ type, name }: Holder, engine: DatabaseType): Advice {
  switch (type) {
    case "backend":
      return {
        words: t(
          "Let it end, or end it when it may be ended. So that it does not come again, set `idle_in_transaction_session_timeout`, or `transaction_timeout` from PostgreSQL 17 on.",
        ),
        sql: /^\d+$/.test(name ?? "")
          ? endingSql("terminate", { pid: Number(name), backend_start: null }, engine)
          : null,
      };
    case "slot":
    case "slot_catalog":
      return {
        words: t(
          "Start its consumer again. When nobody will come back for it, drop the slot: what its consumer has not received is lost for it then.",
        ),
        sql: name === null ? null : `select pg_drop_replication_slot(${literal(name)});`,
      };
    case "prepared":
      return {
        words: t("Find it, then `commit prepared` or `rollback prepared` it in its database."),
        sql: "select gid, prepared, owner, database from pg_prepared_xacts order by prepared;",
      };
    case "standby":
      return {
        words: t(
          "Look for a long query on the replica: it holds back what vacuum may remove here. Or switch `hot_standby_feedback` off there, and live with queries that are canceled.",
        ),
        sql: null,
      };
  }
}

/** As the advisor judges it: by the transactions since. */
export function holderTone(age: number): Tone {
  if (age >= 100_000_000) return tone("error", t("grave"));
  if (age >= 10_000_000) return tone("warning", t("old"));
  return age >= 1_000_000 ? tone("neutral", t("growing")) : tone("success", t("harmless"));
}

const ICONS = {
  success: "i-lucide-circle-check",
  neutral: "i-lucide-circle-dot",
  warning: "i-lucide-triangle-alert",
  error: "i-lucide-circle-alert",
};
const tone = (color: Tone["color"], words: string): Tone => ({ color, words, icon: ICONS[color] });

/** How much of its heap a vacuum has gone through, 0 to 1; null when it is empty or not known. */
export function vacuumShare({
  phase,
  heap_blks_total,
  heap_blks_scanned,
  heap_blks_vacuumed,
}: Progress): number | null {
  const total = Number(heap_blks_total);
  if (!(total > 0)) return null;
  const done = phase === "vacuuming heap" ? heap_blks_vacuumed : heap_blks_scanned;
  return Math.min(1, Number(done) / total);
}

/** A share on its way to the whole, rounded down: 99.9 % is not there yet. */
export function wholePercent(share: number): string {
  return formatValue(Math.floor(share * 100) / 100, "ratio");
}

export function phaseWords(phase: string): string {
  switch (phase) {
    case "initializing":
      return t("begins");
    case "scanning heap":
      return t("reads the table");
    case "vacuuming indexes":
      return t("cleans indexes");
    case "vacuuming heap":
      return t("cleans the table");
    case "cleaning up indexes":
      return t("tidies indexes up");
    case "truncating heap":
      return t("gives empty pages back");
    case "performing final cleanup":
      return t("finishes");
    default:
      return phase;
  }
}

/** Half of what a 32-bit counter can tell: so many transactions lie before a row at most. */
const ALL_IDS = 2 ** 31;
export type FreezeLimits = { xid: number; mxid: number; failsafe: number };

/** What the server is set to, its defaults where that is not known. */
export function freezeLimits(settings: readonly Pick<Setting, "name" | "value">[]): FreezeLimits {
  const of = (name: string, otherwise: number) => {
    const value = Number(settings.find((each) => each.name === name)?.value ?? Number.NaN);
    return Number.isFinite(value) ? value : otherwise;
  };
  return {
    xid: of("autovacuum_freeze_max_age", 200_000_000),
    mxid: of("autovacuum_multixact_freeze_max_age", 400_000_000),
    failsafe: of("vacuum_failsafe_age", 1_600_000_000),
  };
}

export type FreezeAge = {
  age: number;
  /** Where autovacuum comes whatever happens. */
  limit: number;
  /** Of the limit; more than 1 is past it. */
  share: number;
  /** What is left until the server takes no more writes. */
  left: number;
  tone: Tone;
};

/** How far `age` is: past the limit a forced vacuum is normal, 10 % beyond it something is in its way. */
export function freezeAge(age: number, limit: number, failsafe: number): FreezeAge {
  const left = Math.max(0, ALL_IDS - age);
  const critical = Math.min(limit * 1.25, ALL_IDS * 0.8, failsafe);
  const judged =
    age >= critical
      ? tone("error", t("in danger"))
      : age >= Math.min(limit * 1.1, ALL_IDS * 0.5)
        ? tone("warning", t("behind"))
        : age > limit
          ? tone("neutral", t("due"))
          : tone("success", t("fine"));
  return { age, limit, share: age / limit, left, tone: judged };
}

/** Databases by how near they are to their limit, the nearest first. */
export function databaseAges(
  databases: readonly Pick<DatabaseCounters, "name" | "frozen_xid_age" | "min_mxid_age">[],
  { xid, mxid, failsafe }: FreezeLimits,
): { name: string; xids: FreezeAge; mxids: FreezeAge }[] {
  return databases
    .map(({ name, frozen_xid_age, min_mxid_age }) => ({
      name,
      xids: freezeAge(Number(frozen_xid_age), xid, failsafe),
      mxids: freezeAge(Number(min_mxid_age), mxid, failsafe),
    }))
    .sort((left, right) => nearest(right) - nearest(left) || left.name.localeCompare(right.name));
}

const nearest = ({ xids, mxids }: { xids: FreezeAge; mxids: FreezeAge }): number =>
  Math.max(xids.share, mxids.share);
