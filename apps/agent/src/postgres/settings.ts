/** Settings with units and sources. Of texts only those are sent that cannot hold a secret, a path or an address. */
import type { SettingDetail } from "@quern/contract/agent/server";
import type { Row } from "../engine/values.ts";
import { GUARDED, type Session } from "./session.ts";
import { flag } from "./values.ts";

/** Names and form of the original agent: no unit, since it has none. */
const ORIGINAL = [
  "max_connections",
  "shared_buffers",
  "effective_cache_size",
  "maintenance_work_mem",
  "checkpoint_completion_target",
  "wal_buffers",
  "default_statistics_target",
  "random_page_cost",
  "effective_io_concurrency",
  "work_mem",
  "min_wal_size",
  "max_wal_size",
  "max_worker_processes",
  "max_parallel_workers_per_gather",
  "max_parallel_workers",
  "max_parallel_maintenance_workers",
  "server_version",
  "server_encoding",
  "timezone",
];

/** Texts that are names of things of the server. All other texts are hidden, those of extensions and users included. */
const PLAIN_TEXTS = new Set([
  "DateStyle",
  "IntervalStyle",
  "TimeZone",
  "createrole_self_grant",
  "debug_io_direct",
  "default_table_access_method",
  "default_tablespace",
  "default_text_search_config",
  "jit_provider",
  "lc_collate",
  "lc_ctype",
  "lc_messages",
  "lc_monetary",
  "lc_numeric",
  "lc_time",
  "local_preload_libraries",
  "log_destination",
  "log_timezone",
  "pg_stat_statements.track",
  "restrict_nonsystem_relation_kind",
  "server_encoding",
  "server_version",
  "session_preload_libraries",
  "shared_preload_libraries",
  "ssl_ciphers",
  "ssl_ecdh_curve",
  "ssl_groups",
  "ssl_library",
  "ssl_tls13_ciphers",
  "temp_tablespaces",
  "timezone_abbreviations",
  "wal_consistency_checking",
]);

type SettingsAnswer = {
  settings: Record<string, string | null>;
  settings_detail: SettingDetail[];
};

export async function readSettings(session: Session): Promise<SettingsAnswer> {
  const rows = await session.query(
    `select s.name, s.setting, s.reset_val, s.boot_val, s.unit, s.category, s.source, s.vartype,
       s.pending_restart, s.context from pg_settings as s order by s.name limit 2000`,
  );
  const settings: Record<string, string | null> = {};
  for (const row of rows) {
    const name = ORIGINAL.find((it) => it === row.name?.toLowerCase());
    if (name !== undefined) settings[name] = shownFor(row);
  }
  return { settings, settings_detail: rows.map(detailOf) };
}

function shownFor({ name, setting, reset_val }: Row): string | null {
  return (GUARDED.has(name ?? "") ? reset_val : setting) ?? null;
}

function detailOf(row: Row): SettingDetail {
  const name = row.name ?? "";
  const shown = row.vartype !== "string" || PLAIN_TEXTS.has(name);
  const ours = GUARDED.has(name);
  const value = shownFor(row);
  return {
    name,
    value: shown || value === "" ? (value?.slice(0, 1_000) ?? null) : null,
    unit: row.unit ?? null,
    category: row.category ?? null,
    source: ours ? (row.reset_val === row.boot_val ? "default" : null) : (row.source ?? null),
    default_value: shown ? (row.boot_val?.slice(0, 1_000) ?? null) : null,
    pending_restart: flag(row.pending_restart),
    context: row.context ?? null,
  };
}
