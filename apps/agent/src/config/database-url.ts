import { type DatabaseConfig, SSL_MODES } from "./agent-config.ts";
import { ConfigError } from "./config-error.ts";
import type { FileSettings } from "./settings.ts";

const TYPES: Record<string, DatabaseConfig["type"]> = {
  "postgres:": "postgres",
  "postgresql:": "postgres",
  "mysql:": "mysql",
  "mariadb:": "mariadb",
};

const TLS_KEYS = ["sslmode", "sslrootcert", "sslcert", "sslkey"] as const;

/** The monitored server, its TLS settings taken out of the URL, where libpq has them, or from keys of their own. */
export function databaseOf(
  { database }: FileSettings,
  named: (path: string) => string,
): DatabaseConfig {
  const name = named("database.url");
  const url = parseUrl(database.url ?? "postgres://none", name);
  const type = TYPES[url.protocol];
  if (type === undefined) {
    throw new ConfigError(
      `${name}: begins with ${url.protocol}//, and must with postgres://, mysql:// or mariadb://`,
    );
  }
  const configured = database.db_type === "postgresql" ? "postgres" : database.db_type;
  if (configured !== undefined && configured !== type) {
    throw new ConfigError(
      `${named("database.db_type")}: is ${configured}, but the URL begins with ${url.protocol}//`,
    );
  }
  const tls = Object.fromEntries(
    TLS_KEYS.map((key) => {
      const written = url.searchParams.get(key);
      url.searchParams.delete(key);
      return [key, written ?? database[key] ?? null];
    }),
  ) as Record<(typeof TLS_KEYS)[number], string | null>;
  const sslmode = SSL_MODES.find((mode) => mode === (tls.sslmode ?? "prefer"));
  if (sslmode === undefined) {
    throw new ConfigError(`${name}: sslmode must be ${SSL_MODES.join(", ")}`);
  }
  return {
    url: url.href,
    type,
    provider: database.provider,
    tls: { ...tls, sslmode },
    min_connections: database.pool.min_connections,
    connect_timeout_ms: database.pool.acquire_timeout,
  };
}

function parseUrl(text: string, name: string): URL {
  try {
    return new URL(text);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const hint = text.includes(",") ? " with one host" : "";
    throw new ConfigError(
      `${name}: must be a URL${hint}, postgres://USER:PASSWORD@HOST:PORT/DATABASE; ` +
        "write special characters of the password as %XX",
    );
  }
}
