/**
 * How every server of the sandbox is set up: nothing survives a power loss (layers are a cache), nothing happens in
 * the background, and nothing depends on the machine, so that the same files make the same state anywhere.
 */

export const SUPERUSER = "quern_admin";
export const READER = "quern_reader";

const ALWAYS: Record<string, string> = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
  wal_recycle: "off",
  wal_init_zero: "off",
  min_wal_size: "2MB",
  max_wal_size: "1GB",
  checkpoint_timeout: "1h",
  autovacuum: "off",
  jit: "off",
  max_prepared_transactions: "0",
  max_logical_replication_workers: "0",
  synchronize_seqscans: "off",
  max_parallel_workers_per_gather: "0",
  max_parallel_maintenance_workers: "0",
  shared_buffers: "32MB",
  dynamic_shared_memory_type: "mmap",
  huge_pages: "off",
  restart_after_crash: "off",
  superuser_reserved_connections: "0",
  unix_socket_permissions: "0700",
  timezone: "UTC",
  log_timezone: "UTC",
  datestyle: "ISO, MDY",
  intervalstyle: "postgres",
  bytea_output: "hex",
  extra_float_digits: "1",
  lc_messages: "C",
  default_text_search_config: "pg_catalog.english",
  password_encryption: "scram-sha-256",
  // Messages below FATAL repeat what users wrote.
  log_min_messages: "fatal",
  log_min_error_statement: "panic",
  log_statement: "none",
};

/** Settings that exist only from a major version on. */
const SINCE: { major: number; settings: Record<string, string> }[] = [
  { major: 14, settings: { recovery_init_sync_method: "syncfs" } },
  { major: 16, settings: { createrole_self_grant: "set, inherit" } },
  { major: 18, settings: { io_method: "sync" } },
];

/** The settings of a major version, by name. They are part of the key of every state made with it. */
export function profileOf(major: number): Record<string, string> {
  const since = SINCE.filter((entry) => major >= entry.major).map(({ settings }) => settings);
  return Object.assign({}, ALWAYS, ...since);
}

/**
 * Arguments of initdb besides the directory. Text is compared by code point, whatever the machine has; before 17, which
 * has that built in, upper and lower case come from the C.UTF-8 of the C library.
 */
export function initdbArguments(major: number, platform: NodeJS.Platform): string[] {
  const ctype = platform === "linux" ? "C.UTF-8" : "en_US.UTF-8";
  return [
    `--username=${SUPERUSER}`,
    "--auth=reject",
    "--encoding=UTF8",
    ...(major >= 17
      ? ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
      : ["--locale=C", `--lc-ctype=${ctype}`]),
    "--no-sync",
    "--wal-segsize=1",
    ...(major >= 18 ? ["--no-data-checksums"] : []),
  ];
}

/** The text of postgresql.conf. Values are quoted as the server reads them. */
export function configurationText(settings: Record<string, string>): string {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`,
  );
  return `${lines.sort().join("\n")}\n`;
}
