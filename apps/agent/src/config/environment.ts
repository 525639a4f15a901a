import { readFileSync } from "node:fs";
import { ConfigError } from "./config-error.ts";
import { parseSettings } from "./file.ts";
import type { FileSettings } from "./settings.ts";

/** Settings by environment variables: the key of the file that each stands for. */
const VARIABLES: Record<string, string> = {
  DATAPACE_API_KEY: "datapace.api_key",
  DATAPACE_SIGNING_SECRET: "datapace.signing_secret",
  DATAPACE_ENDPOINT: "datapace.endpoint",
  DATABASE_URL: "database.url",
  COLLECTION_INTERVAL: "collection.interval_secs",
  LOG_LEVEL: "logging.level",
  LOG_FORMAT: "logging.format",
  DATAPACE_HEALTH_BIND_ADDRESS: "health.bind_address",
  DATAPACE_HEALTH_PORT: "health.port",

  QUERN_AGENT_NAME: "name",
  QUERN_CA_FILE: "datapace.ca_file",
  HTTPS_PROXY: "datapace.proxy",
  QUERN_UPLOAD_COMPRESSION: "datapace.compression",
  QUERN_COLLECTION_METRICS: "collection.metrics",
  QUERN_DATABASES_INCLUDE: "collection.databases.include",
  QUERN_DATABASES_EXCLUDE: "collection.databases.exclude",
  QUERN_IDLE_BACKOFF: "collection.idle_backoff",
  QUERN_PLANS: "collection.plans",
  QUERN_SPOOL_DIR: "spool.dir",
  QUERN_SPOOL_MAX_BYTES: "spool.max_bytes",
  QUERN_SPOOL_MAX_AGE: "spool.max_age",
  PGSSLMODE: "database.sslmode",
  PGSSLROOTCERT: "database.sslrootcert",
  PGSSLCERT: "database.sslcert",
  PGSSLKEY: "database.sslkey",
};

/** The original's names begin with DATAPACE_; the same with QUERN_ is taken, too. Proxies are written in both cases. */
function namesOf(variable: string): string[] {
  if (variable === "HTTPS_PROXY") return [variable, "https_proxy"];
  return variable.startsWith("DATAPACE_")
    ? [variable, variable.replace("DATAPACE_", "QUERN_")]
    : [variable];
}

/** The settings when there is no file. `NAME_FILE` gives the value of `NAME` by a file. Throws `ConfigError`. */
export function readEnvironment(environment: NodeJS.ProcessEnv): FileSettings {
  const settings: Record<string, unknown> = {};
  for (const [variable, path] of Object.entries(VARIABLES)) {
    const value = settingOf(variable, environment);
    if (value === null || (variable === "HTTPS_PROXY" && isDirect(environment))) continue;
    put(settings, path.split("."), value);
  }
  return parseSettings(settings, "The environment", nameOf);
}

/** How the environment calls the setting at this path of the file. */
export function nameOf(path: string): string {
  const variable = Object.keys(VARIABLES).find((it) => {
    const key = VARIABLES[it] as string;
    return path === key || path.startsWith(`${key}.`);
  });
  return variable ?? path;
}

function settingOf(variable: string, environment: NodeJS.ProcessEnv): string | null {
  const found = namesOf(variable).flatMap((name) => {
    const file = environment[`${name}_FILE`];
    const value = file ? readValue(name, file) : environment[name];
    return value === undefined || value === "" ? [] : [{ name, value }];
  });
  const [first, second] = found;
  if (first === undefined) return null;
  if (second !== undefined && second.value !== first.value) {
    throw new ConfigError(
      `${first.name} and ${second.name} are the same setting and differ: keep one.`,
    );
  }
  return first.value;
}

function readValue(name: string, file: string): string {
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${name}_FILE names ${file}, which cannot be read: ${code}`, {
      cause: error,
    });
  }
}

/** Whether NO_PROXY names the endpoint's host, or a domain that it is in. */
function isDirect(environment: NodeJS.ProcessEnv): boolean {
  const endpoint = settingOf("DATAPACE_ENDPOINT", environment) ?? "";
  const host = URL.canParse(endpoint) ? new URL(endpoint).hostname : "";
  const listed = (environment.NO_PROXY ?? environment.no_proxy ?? "").split(",");
  return listed
    .map((it) => it.trim().replace(/^\*?\./, ""))
    .some((it) => it === "*" || (it !== "" && (host === it || host.endsWith(`.${it}`))));
}

function put(target: Record<string, unknown>, path: string[], value: string): void {
  const [key = "", ...rest] = path;
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const inner = (target[key] ?? {}) as Record<string, unknown>;
  target[key] = inner;
  put(inner, rest, value);
}
