/**
 * The server settings that a project may choose: how queries are planned, what sessions begin with, and memory within
 * bounds. Never a path, a library, a command, a log or anything that makes states depend on the machine.
 */
import { SandboxError } from "../sandbox-error.ts";

type Allowed =
  | { kind: "bool" }
  | { kind: "number"; min: number; max: number; whole?: boolean }
  /** In bytes; `unit` is what a bare number counts, in bytes. */
  | { kind: "size"; min: number; max: number; unit: number }
  /** In milliseconds, which is what a bare number counts. */
  | { kind: "time"; min: number; max: number }
  | { kind: "choice"; values: string[] }
  | { kind: "text"; pattern: RegExp };

type Setting = Allowed & { since?: number };

const KIB = 1024;
const MIB = 1024 ** 2;
const bool: Setting = { kind: "bool" };
const cost: Setting = { kind: "number", min: 0, max: 1e9 };
const day = 86_400_000;

const PLANNER_SWITCHES = [
  "bitmapscan gathermerge hashagg hashjoin incremental_sort indexonlyscan indexscan material",
  "mergejoin nestloop parallel_append parallel_hash partition_pruning partitionwise_aggregate",
  "partitionwise_join seqscan sort tidscan",
]
  .join(" ")
  .split(" ");

export const allowedSettings: Record<string, Setting> = {
  ...Object.fromEntries(PLANNER_SWITCHES.map((name) => [`enable_${name}`, bool])),
  enable_memoize: { kind: "bool", since: 14 },
  enable_async_append: { kind: "bool", since: 14 },
  enable_presorted_aggregate: { kind: "bool", since: 16 },
  enable_group_by_reordering: { kind: "bool", since: 17 },
  enable_distinct_reordering: { kind: "bool", since: 18 },
  enable_self_join_elimination: { kind: "bool", since: 18 },
  seq_page_cost: cost,
  random_page_cost: cost,
  cpu_tuple_cost: cost,
  cpu_index_tuple_cost: cost,
  cpu_operator_cost: cost,
  parallel_setup_cost: cost,
  parallel_tuple_cost: cost,
  effective_cache_size: { kind: "size", min: 8 * KIB, max: 1024 * 1024 * MIB, unit: 8 * KIB },
  effective_io_concurrency: { kind: "number", min: 0, max: 1000, whole: true },
  default_statistics_target: { kind: "number", min: 1, max: 10_000, whole: true },
  cursor_tuple_fraction: { kind: "number", min: 0, max: 1 },
  from_collapse_limit: { kind: "number", min: 1, max: 100, whole: true },
  join_collapse_limit: { kind: "number", min: 1, max: 100, whole: true },
  geqo: bool,
  geqo_threshold: { kind: "number", min: 2, max: 100, whole: true },
  geqo_seed: { kind: "number", min: 0, max: 1 },
  constraint_exclusion: { kind: "choice", values: ["on", "off", "partition"] },
  plan_cache_mode: {
    kind: "choice",
    values: ["auto", "force_generic_plan", "force_custom_plan"],
  },
  max_parallel_workers_per_gather: { kind: "number", min: 0, max: 4, whole: true },
  max_parallel_maintenance_workers: { kind: "number", min: 0, max: 4, whole: true },
  max_parallel_workers: { kind: "number", min: 0, max: 8, whole: true },
  shared_buffers: { kind: "size", min: MIB, max: 512 * MIB, unit: 8 * KIB },
  work_mem: { kind: "size", min: 64 * KIB, max: 256 * MIB, unit: KIB },
  maintenance_work_mem: { kind: "size", min: MIB, max: 512 * MIB, unit: KIB },
  temp_buffers: { kind: "size", min: 800 * KIB, max: 128 * MIB, unit: 8 * KIB },
  hash_mem_multiplier: { kind: "number", min: 1, max: 10 },
  logical_decoding_work_mem: { kind: "size", min: 64 * KIB, max: 64 * MIB, unit: KIB },
  gin_pending_list_limit: { kind: "size", min: 64 * KIB, max: 64 * MIB, unit: KIB },
  max_locks_per_transaction: { kind: "number", min: 10, max: 4096, whole: true },
  statement_timeout: { kind: "time", min: 0, max: day },
  lock_timeout: { kind: "time", min: 0, max: day },
  idle_in_transaction_session_timeout: { kind: "time", min: 0, max: day },
  deadlock_timeout: { kind: "time", min: 1, max: 600_000 },
  timezone: { kind: "text", pattern: /^[A-Za-z0-9_+\-/:]{1,64}$/ },
  datestyle: { kind: "text", pattern: /^[A-Za-z]{2,8}(, ?[A-Za-z]{2,11})?$/ },
  intervalstyle: {
    kind: "choice",
    values: ["postgres", "postgres_verbose", "sql_standard", "iso_8601"],
  },
  bytea_output: { kind: "choice", values: ["hex", "escape"] },
  extra_float_digits: { kind: "number", min: -15, max: 3, whole: true },
  search_path: { kind: "text", pattern: /^[\w$", ]{0,500}$/ },
  default_text_search_config: { kind: "text", pattern: /^[\w.]{1,127}$/ },
  default_transaction_isolation: {
    kind: "choice",
    values: ["read committed", "repeatable read", "serializable", "read uncommitted"],
  },
  default_transaction_deferrable: bool,
  default_toast_compression: { kind: "choice", values: ["pglz"], since: 14 },
  standard_conforming_strings: bool,
  escape_string_warning: bool,
  backslash_quote: { kind: "choice", values: ["on", "off", "safe_encoding"] },
  array_nulls: bool,
  check_function_bodies: bool,
  quote_all_identifiers: bool,
  row_security: bool,
  transform_null_equals: bool,
  xmlbinary: { kind: "choice", values: ["base64", "hex"] },
  xmloption: { kind: "choice", values: ["content", "document"] },
  track_functions: { kind: "choice", values: ["none", "pl", "all"] },
  track_io_timing: bool,
  compute_query_id: { kind: "choice", values: ["auto", "on", "off", "regress"], since: 14 },
  gin_fuzzy_search_limit: { kind: "number", min: 0, max: 2_147_483_647, whole: true },
};

/** Names with a dot are an application's own, but these belong to languages that run code at start. */
const OWN_SETTING =
  /^(?!pl(perl|perlu|tcl|tclu|python3u|pythonu)\.)[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$/;
const MAX_SETTINGS = 100;

/** Checks what a project asks for; gives canonical names. Throws SandboxError setting_not_allowed. */
export function checkSettings(
  asked: Record<string, string>,
  major: number,
): Record<string, string> {
  const names = Object.keys(asked);
  if (names.length > MAX_SETTINGS) refuse(`at most ${MAX_SETTINGS} settings can be given`);
  const checked: Record<string, string> = {};
  for (const name of names.sort()) {
    const canonical = name.toLowerCase();
    if (canonical in checked) refuse(`the setting ${canonical} is given twice`);
    checked[canonical] = checkOne(canonical, asked[name]!.trim(), major);
  }
  return checked;
}

function checkOne(name: string, value: string, major: number): string {
  if (!/^[^\p{Cc}]{0,1000}$/u.test(value)) {
    refuse(`the value of ${name} holds control characters, or more than 1,000 of any`);
  }
  if (OWN_SETTING.test(name)) return value;
  const setting = Object.hasOwn(allowedSettings, name) ? allowedSettings[name]! : null;
  if (setting === null) {
    refuse(
      `the setting ${name} cannot be chosen for a sandbox: only how queries are planned, what sessions begin with and memory can, and names with a dot`,
    );
  }
  if (setting.since !== undefined && major < setting.since) {
    refuse(`the setting ${name} exists from PostgreSQL ${setting.since} on, and this is ${major}`);
  }
  const wanted = wrongness(setting, value);
  if (wanted !== null) refuse(`the setting ${name} must be ${wanted}`);
  return value;
}

/** What the value should have been, in words; null: it is fine. */
function wrongness(setting: Setting, value: string): string | null {
  switch (setting.kind) {
    case "bool":
      return /^(on|off|true|false|yes|no|1|0)$/i.test(value) ? null : "on or off";
    case "choice":
      return setting.values.includes(value.toLowerCase())
        ? null
        : `one of ${setting.values.join(", ")}`;
    case "text":
      return setting.pattern.test(value) ? null : `a value that matches ${setting.pattern.source}`;
    case "number": {
      const fits = new RegExp(setting.whole ? "^-?\\d{1,10}$" : "^-?\\d{1,10}(\\.\\d{1,10})?$");
      const number = fits.test(value) ? Number(value) : Number.NaN;
      const kind = setting.whole ? "a whole number" : "a number";
      return number >= setting.min && number <= setting.max
        ? null
        : `${kind} from ${setting.min} to ${setting.max}`;
    }
    case "size": {
      const bytes = sizeOf(value, setting.unit);
      return bytes >= setting.min && bytes <= setting.max
        ? null
        : `a size from ${setting.min / KIB}kB to ${setting.max / MIB}MB`;
    }
    case "time": {
      const ms = timeOf(value);
      return ms >= setting.min && ms <= setting.max
        ? null
        : `a time from ${setting.min}ms to ${setting.max / 1000}s`;
    }
  }
}

const SIZE_UNITS = new Map([
  ["B", 1],
  ["kB", KIB],
  ["MB", MIB],
  ["GB", 1024 * MIB],
  ["TB", 1024 * 1024 * MIB],
]);
const TIME_UNITS = new Map([
  ["ms", 1],
  ["s", 1000],
  ["min", 60_000],
  ["h", 3_600_000],
  ["d", day],
]);

function sizeOf(value: string, bare: number): number {
  const match = /^(\d{1,12}) ?(B|kB|MB|GB|TB)?$/.exec(value);
  if (match === null) return Number.NaN;
  return Number(match[1]) * (match[2] === undefined ? bare : SIZE_UNITS.get(match[2])!);
}

function timeOf(value: string): number {
  const match = /^(\d{1,12}) ?(ms|s|min|h|d)?$/.exec(value);
  return match === null ? Number.NaN : Number(match[1]) * TIME_UNITS.get(match[2] ?? "ms")!;
}

function refuse(what: string): never {
  throw new SandboxError("setting_not_allowed", `${what[0]!.toUpperCase()}${what.slice(1)}.`);
}
