/** Global variables. Of texts only those are sent that are on a list of the server's own or cannot hold a secret. */
import type { SettingDetail } from "@quern/contract/agent/server";
import type { Row } from "../engine/values.ts";
import { columnsOf, type Facts } from "./facts.ts";
import type { Session } from "./session.ts";

/** They change by themselves, so their change is no change of a setting. */
const MOVING =
  /^(?:gtid_|last_|insert_id$|identity$|pseudo_|rand_seed|timestamp$|warning_count$|error_count$|innodb_lsn|wsrep_last|server_u)/;

/** Whatever its form: the name says that it may be one. */
const SECRET = /passw|secret|credential|token|private_key|auth_string/;

/** Texts that are names of things of the server. */
const PLAIN = new Set(
  (
    "version version_comment version_compile_machine version_compile_os version_ssl_library innodb_version " +
    "character_set_server character_set_database character_set_filesystem character_set_system collation_server " +
    "collation_database default_storage_engine default_tmp_storage_engine sql_mode optimizer_switch time_zone " +
    "system_time_zone transaction_isolation tx_isolation binlog_format binlog_row_image binlog_checksum log_output " +
    "innodb_flush_method innodb_change_buffering innodb_file_format innodb_default_row_format innodb_monitor_enable " +
    "have_ssl have_openssl have_symlink have_query_cache tls_version ssl_cipher tls_ciphersuites lc_time_names lc_messages " +
    "default_authentication_plugin authentication_policy block_encryption_mode completion_type concurrent_insert " +
    "event_scheduler gtid_mode enforce_gtid_consistency slave_exec_mode replica_exec_mode plugin_maturity " +
    "myisam_recover_options performance_schema query_cache_type thread_handling use_stat_tables histogram_type " +
    "aria_sync_log_dir old_mode license protocol_version threadpool_mode wsrep_on slave_parallel_mode"
  ).split(" "),
);

const NUMBER_OR_SWITCH =
  /^(?:-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|ON|OFF|YES|NO|TRUE|FALSE|AUTO|DEFAULT|NONE|DISABLED|FORCE|DEMAND)$/i;
/** MariaDB says what a variable takes: a number, a switch, or a word on its list. */
const CLOSED_TYPES = /^(?:BOOLEAN|ENUM|SET|FLAGSET|INT|BIGINT|DOUBLE)/;

export async function readSettings(session: Session, facts: Facts): Promise<SettingDetail[]> {
  const rows = columnsOf(facts, "information_schema.system_variables").has("global_value_origin")
    ? await readOfMariadb(session)
    : await readOfMysql(session, facts);
  return rows
    .filter(({ name }) => name !== null && !MOVING.test(name ?? ""))
    .slice(0, 2_000)
    .map(detailOf);
}

async function readOfMariadb(session: Session): Promise<Row[]> {
  return await session.query(
    `select lower(v.variable_name) as name, v.global_value as value, v.default_value as def, v.variable_type as type,
       v.global_value_origin as origin, v.read_only as fixed
       from information_schema.system_variables as v where v.global_value is not null order by 1`,
  );
}

/** Where a value comes from is known since 8.0, its type never. */
async function readOfMysql(session: Session, facts: Facts): Promise<Row[]> {
  const origins = new Map<string, string | null>();
  if (columnsOf(facts, "performance_schema.variables_info").has("variable_source")) {
    const rows = await session.query(
      "select lower(i.variable_name) as name, i.variable_source as origin from performance_schema.variables_info as i",
    );
    for (const { name, origin } of rows) origins.set(name ?? "", origin ?? null);
  }
  const rows = await session.query("show global variables");
  return rows.map((row) => {
    const name = (row.Variable_name ?? "").toLowerCase();
    return { name, value: row.Value ?? null, origin: origins.get(name) ?? null };
  });
}

function detailOf({ name, value, def, type, origin, fixed }: Row): SettingDetail {
  const shown = (text: string | null | undefined) => {
    if (text === null || text === undefined) return null;
    const closed = type ? CLOSED_TYPES.test(type) : NUMBER_OR_SWITCH.test(text);
    const open = closed || PLAIN.has(name ?? "") || text === "";
    return open && !SECRET.test(name ?? "") ? text.slice(0, 1_000) : null;
  };
  return {
    name: (name ?? "").slice(0, 128),
    value: shown(value),
    unit: null,
    category: null,
    source: origin?.toLowerCase().slice(0, 80) ?? null,
    default_value: shown(def),
    pending_restart: false,
    context: fixed === "YES" ? "restart" : null,
  };
}
