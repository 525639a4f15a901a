import { createHash } from "node:crypto";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentConfig, CollectionConfig, DatabaseConfig, Pace } from "./agent-config.ts";
import { ConfigError } from "./config-error.ts";
import { databaseOf } from "./database-url.ts";
import { endpointOf, proxyOf } from "./endpoint.ts";
import { nameOf, readEnvironment } from "./environment.ts";
import { readConfigFile } from "./file.ts";
import { DEFAULT_PACES, PACES } from "./metrics.ts";
import type { FileSettings } from "./settings.ts";

/** What the command line adds. */
export type Overrides = {
  /** The file given by `-c`; null: the environment alone. */
  file: string | null;
  verbose: boolean;
  json_logs: boolean;
  /** Whether payloads will be sent: without it, key and secret may be missing. */
  uploads: boolean;
  /** Whether the database will be asked: without it, the URL may be missing. */
  collects: boolean;
};

/** All settings, checked together. Throws `ConfigError`, whose message never quotes a secret. */
export function readConfig(overrides: Overrides, environment: NodeJS.ProcessEnv): AgentConfig {
  const { file } = overrides;
  const settings = file === null ? readEnvironment(environment) : readConfigFile(file, environment);
  const named = file === null ? nameOf : (path: string) => path;
  const missing = missingSettings(settings, overrides);
  if (missing.length > 0) {
    const names = missing.map((path) => `  ${named(path)}`).join("\n");
    throw new ConfigError(`${file ?? "The environment"}: these settings are missing:\n${names}`);
  }
  const database = databaseOf(settings, named);
  const upload = uploadOf(settings, named);
  return {
    name: settings.name ?? null,
    upload,
    database,
    collection: collectionOf(settings),
    spool: {
      dir: settings.spool.dir ?? defaultSpool(settings, database, environment),
      max_bytes: settings.spool.max_bytes,
      max_age_ms: settings.spool.max_age,
    },
    logging: {
      level: overrides.verbose ? "debug" : settings.logging.level,
      format: overrides.json_logs ? "json" : settings.logging.format,
    },
    health: settings.health,
  };
}

function missingSettings(settings: FileSettings, { uploads, collects }: Overrides): string[] {
  const { api_key, signing_secret, endpoint } = settings.datapace;
  const missing: string[] = [];
  if (collects && settings.database.url === undefined) missing.push("database.url");
  if (!uploads) return missing;
  if (api_key === undefined) missing.push("datapace.api_key");
  if (signing_secret === undefined) missing.push("datapace.signing_secret");
  if (endpoint === undefined) missing.push("datapace.endpoint");
  return missing;
}

function uploadOf(
  { datapace }: FileSettings,
  named: (path: string) => string,
): AgentConfig["upload"] {
  const { api_key, signing_secret, endpoint, timeout, retries, compression, ca_file, proxy } =
    datapace;
  const url = endpoint === undefined ? null : endpointOf(endpoint, named("datapace.endpoint"));
  if (api_key === undefined || signing_secret === undefined || url === null) return null;
  return {
    endpoint: url,
    api_key,
    signing_secret,
    timeout_ms: timeout,
    retries,
    gzip: compression === "gzip",
    ca_file: ca_file ?? null,
    proxy: proxy === undefined ? null : proxyOf(proxy, named("datapace.proxy")),
  };
}

function collectionOf({ collection, database }: FileSettings): CollectionConfig {
  const plans = collection.plans;
  const metrics = new Set<Pace>(collection.metrics ?? PACES.filter((it) => it !== "plans"));
  if (plans?.enabled === true) metrics.add("plans");
  if (plans?.enabled === false) metrics.delete("plans");
  const detail = plans !== undefined && "min_mean_ms" in plans ? plans : null;
  const limits = plans !== undefined && "max_per_collection" in plans ? plans : null;
  return {
    interval_ms: collection.interval_secs,
    metrics,
    paces: { ...DEFAULT_PACES, ...collection.intervals },
    databases: collection.databases,
    max_statements: collection.max_statements,
    max_tables: collection.max_tables,
    connection_budget: Math.min(
      collection.connection_budget,
      database.pool.max_connections ?? collection.connection_budget,
    ),
    plans: {
      enabled: metrics.has("plans"),
      min_mean_ms: detail?.min_mean_ms ?? 100,
      max_per_collection: limits?.max_per_collection ?? 10,
    },
    custom_metrics: collection.custom_metrics.map(({ interval, ...metric }) => ({
      ...metric,
      interval_ms: interval,
    })),
    comments: collection.comments,
    idle_backoff: collection.idle_backoff,
    statement_timeout_ms: collection.statement_timeout,
  };
}

/** A folder of this agent's own under the user's state: two agents of one machine never share a spool. */
function defaultSpool(
  settings: FileSettings,
  database: DatabaseConfig,
  environment: NodeJS.ProcessEnv,
): string {
  const { HOME = homedir(), XDG_STATE_HOME, STATE_DIRECTORY } = environment;
  const state = XDG_STATE_HOME ?? (HOME === "/" || HOME === "" ? null : join(HOME, ".local/state"));
  const root =
    STATE_DIRECTORY?.split(":")[0] ??
    (state === null ? join(tmpdir(), "quern-agent") : join(state, "quern-agent"));
  const { host, pathname, search } = new URL(database.url);
  const own = [settings.datapace.endpoint, settings.name, host, pathname, search].join("\n");
  return join(root, createHash("sha256").update(own).digest("hex").slice(0, 16));
}
