/** Where to look further: the tab that a rule's finding belongs to, and the numbers over time that show it. */
import type { Finding } from "@quern/contract/health/findings";
import type { HealthMetricName } from "@quern/contract/health/metrics";
import type { RouteLocationRaw } from "vue-router";
import { t } from "../../i18n/language.ts";
import { paths } from "../../paths.ts";

export type ChartChoice =
  | { of: "metrics"; names: HealthMetricName[]; stacked?: boolean }
  | { of: "statement"; statement_id: string; names: string[] }
  | { of: "table"; schema: string; name: string; names: string[] };

type Look = { tab: string; metrics?: HealthMetricName[]; stacked?: boolean };

const PLACES: Record<string, Look> = {
  archiver: { tab: "replication", metrics: ["archived", "archive_failed"] },
  "autovacuum-backlog": { tab: "vacuum", metrics: ["vacuum_workers"] },
  "autovacuum-workers": { tab: "vacuum", metrics: ["vacuum_workers"] },
  "backend-fsyncs": { tab: "replication", metrics: ["buffers_backend_fsync"] },
  "blocked-sessions": { tab: "sessions", metrics: ["blocked_sessions"] },
  "cache-hit-ratio": { tab: "statements", metrics: ["blks_hit", "blks_read"] },
  checkpoints: { tab: "replication", metrics: ["checkpoints_timed", "checkpoints_requested"] },
  "checksum-failures": { tab: "events", metrics: ["checksum_failures"] },
  "column-types": { tab: "schema" },
  "connection-limits": { tab: "sessions", metrics: ["connections_total"] },
  "connection-saturation": {
    tab: "sessions",
    metrics: ["connections_active", "connections_idle", "connections_idle_in_transaction"],
    stacked: true,
  },
  "dangerous-settings": { tab: "settings" },
  deadlocks: { tab: "sessions", metrics: ["deadlocks"] },
  "duplicate-index": { tab: "indexes" },
  "extension-updates": { tab: "schema" },
  "foreign-key-types": { tab: "schema" },
  "full-page-images": { tab: "replication", metrics: ["wal_records", "wal_fpi"] },
  "hot-updates": { tab: "tables", metrics: ["tup_updated"] },
  "idle-in-transaction": { tab: "sessions", metrics: ["connections_idle_in_transaction"] },
  "index-bloat": { tab: "indexes", metrics: ["size_bytes"] },
  "invalid-index": { tab: "indexes" },
  "lock-table": { tab: "sessions", metrics: ["locks_held"] },
  "long-queries": { tab: "sessions", metrics: ["load"] },
  "long-transactions": { tab: "sessions", metrics: ["horizon_age"] },
  "missing-index": { tab: "tables", metrics: ["tup_returned"] },
  "missing-primary-key": { tab: "schema" },
  "n-plus-one": { tab: "statements", metrics: ["statement_calls"] },
  "outdated-version": { tab: "settings" },
  "over-indexed-table": { tab: "indexes" },
  "partial-index-chance": { tab: "indexes" },
  "pending-restart": { tab: "settings" },
  "public-create": { tab: "schema" },
  "replica-lag": { tab: "replication", metrics: ["replay_lag_bytes"] },
  rollbacks: { tab: "overview", metrics: ["xact_commit", "xact_rollback"] },
  "row-security": { tab: "schema" },
  "security-definer": { tab: "schema" },
  "sequence-exhaustion": { tab: "schema" },
  "setting-hints": { tab: "settings" },
  "slot-retention": { tab: "replication", metrics: ["slots_retained_bytes"] },
  "slow-statements": { tab: "statements" },
  "stale-statistics": { tab: "vacuum" },
  "standby-conflicts": { tab: "replication", metrics: ["conflicts"] },
  "statement-regression": { tab: "statements" },
  "statement-statistics": { tab: "statements", metrics: ["statement_calls"] },
  superusers: { tab: "settings" },
  "table-bloat": { tab: "tables", metrics: ["size_bytes"] },
  "temp-spill": { tab: "statements", metrics: ["temp_bytes"] },
  "unindexed-foreign-key": { tab: "tables" },
  "unsound-objects": { tab: "schema" },
  "unused-index": { tab: "indexes" },
  "vacuum-horizon": { tab: "vacuum", metrics: ["horizon_age"] },
  "visible-secrets": { tab: "statements" },
  "wait-profile": { tab: "sessions", metrics: ["load", "load_lock"] },
  "wal-rate": { tab: "replication", metrics: ["wal_bytes"] },
  wraparound: { tab: "vacuum", metrics: ["frozen_xid_age"] },
};

const TABS: Record<string, string> = {
  overview: t("Overview"),
  statements: t("Statements"),
  tables: t("Tables"),
  indexes: t("Indexes"),
  sessions: t("Sessions"),
  vacuum: t("Vacuum"),
  replication: t("Replication"),
  settings: t("Settings"),
  schema: t("Schema"),
  events: t("Events"),
};

type Place = { label: string; to: RouteLocationRaw };

/**
 * What shows more of what a finding is about: the page of its statement, else a tab of the database at the row of the
 * table, index, setting, slot or session. What is over is shown in the time in which it was.
 */
export function placeOf(finding: PlacedFinding): Place {
  const { rule, statement_id, database, resolved_at } = finding;
  const range = resolved_at === null ? {} : chartRange(finding);
  if (statement_id !== null)
    return {
      label: t("The statement"),
      to: paths.database(database.id, `statements/${statement_id}`, range),
    };
  const row = rowOf(finding);
  const tab = row?.tab ?? PLACES[rule]?.tab ?? "overview";
  const name = TABS[tab] ?? tab;
  return {
    label: row === null ? name : t("{row} in {tab}", { row: row.name, tab: name }),
    to: paths.database(database.id, tab, { ...range, ...row?.query }),
  };
}

type PlacedFinding = Pick<
  Finding,
  | "rule"
  | "statement_id"
  | "object"
  | "database"
  | "window"
  | "first_seen_at"
  | "last_seen_at"
  | "resolved_at"
>;
type Row = { tab: string; name: string; query: Record<string, string> };

const SETTING = /^[a-z][a-z0-9_.]*$/;
const SESSION = /^pid (\d+)/;

/** The row of a tab that a finding is about, and how the tab's address names it; null where it is about more than one. */
function rowOf({ rule, object, last_seen_at }: PlacedFinding): Row | null {
  const tab = PLACES[rule]?.tab;
  const parts = partsOf(object);
  const session = SESSION.exec(object)?.[1];
  if (session !== undefined)
    return {
      tab: "sessions",
      name: t("Process {pid}", { pid: session }),
      // As of when it was last seen: it may be gone since.
      query: { at: last_seen_at, search: session },
    };
  if (tab === "settings" || object === "track_io_timing")
    return OF_SETTING.has(rule) && SETTING.test(object)
      ? { tab: "settings", name: object, query: { search: GROUPS[object] ?? object } }
      : null;
  if (rule === "slot-retention")
    return { tab: "replication", name: object, query: { slot: object } };
  if (parts === null || parts.length < 2 || parts.length > 3) return null;
  const [schema = "", name = ""] = parts;
  const whole = `${schema}.${name}`;
  if (rule === "over-indexed-table") return { tab: "indexes", name, query: { table: whole } };
  if (tab === "schema") return OF_SCHEMA.has(rule) ? { tab, name, query: { table: whole } } : null;
  if (tab === "indexes") return { tab, name, query: { search: name } };
  // What vacuum has to do with a table stands in the list of tables, which finds it by its name.
  return tab === "tables" || tab === "vacuum"
    ? { tab: "tables", name, query: { search: name } }
    : null;
}

/** Rules whose object is the name of a setting. */
const OF_SETTING = new Set([
  ...["pending-restart", "dangerous-settings", "statement-statistics", "setting-hints"],
]);
/** Names that stand for several settings, and what finds them. */
const GROUPS: Record<string, string> = { timeouts: "timeout" };
/** Rules of the schema whose object is a table, or a part of one. */
const OF_SCHEMA = new Set([
  ...["missing-primary-key", "row-security", "unsound-objects", "foreign-key-types"],
]);

const OF_STATEMENT: Record<string, string[]> = {
  "slow-statements": ["mean"],
  "statement-regression": ["mean"],
  "temp-spill": ["temp_blks"],
  "n-plus-one": ["calls"],
};
const OF_TABLE: Record<string, string[]> = {
  "autovacuum-backlog": ["n_dead_tup"],
  "stale-statistics": ["n_mod_since_analyze"],
  "missing-index": ["seq_tup_read"],
  "table-bloat": ["heap_bytes"],
  "hot-updates": ["n_tup_upd"],
};

/** What to draw over the finding's time; null where no number over time shows it. */
export function chartOf({
  rule,
  object,
  statement_id,
}: Pick<Finding, "rule" | "object" | "statement_id">): ChartChoice | null {
  const ofStatement = OF_STATEMENT[rule];
  if (ofStatement && statement_id !== null)
    return { of: "statement", statement_id, names: ofStatement };
  const table = OF_TABLE[rule] && splitName(object);
  if (table) return { of: "table", ...table, names: OF_TABLE[rule]! };
  const { metrics, stacked = false } = PLACES[rule] ?? {};
  return metrics ? { of: "metrics", names: metrics, stacked } : null;
}

const PART = /^(?:"((?:[^"]|"")*)"|([^".]+))/;

/** The parts of `public."Odd.Name"`, without quotes; null for what is no name. */
function partsOf(object: string): string[] | null {
  const parts: string[] = [];
  let rest = object;
  for (;;) {
    const found = PART.exec(rest);
    if (found === null) return null;
    parts.push(found[1]?.replaceAll('""', '"') ?? found[2]!);
    rest = rest.slice(found[0].length);
    if (rest === "") return parts;
    if (!rest.startsWith(".")) return null;
    rest = rest.slice(1);
  }
}

/** `public."Odd.Name"` as schema and name; null for what is no name of two parts. */
export function splitName(object: string): { schema: string; name: string } | null {
  const [schema, name, ...others] = partsOf(object) ?? [];
  return schema === undefined || name === undefined || others.length > 0 ? null : { schema, name };
}

const HOUR_MS = 3_600_000;
const LEAST_MS = 24 * HOUR_MS;
const MOST_MS = 90 * 24 * HOUR_MS;

/**
 * The time that a chart of a finding shows: its window and as much before, to compare with; a day at least. It ends when
 * the finding was last seen, or with its window where that ends later.
 */
export function chartRange({
  window,
  first_seen_at,
  last_seen_at,
}: Pick<Finding, "window" | "first_seen_at" | "last_seen_at">): { from: string; to: string } {
  const to = Math.max(Date.parse(last_seen_at), Date.parse(window?.to ?? last_seen_at));
  const from = Date.parse(window?.from ?? first_seen_at);
  const length = Math.min(MOST_MS, Math.max(LEAST_MS, 2 * (to - from)));
  return { from: new Date(to - length).toISOString(), to: new Date(to).toISOString() };
}
