import type { Collector } from "./collector.ts";
import type { AgentConfig } from "./config/agent-config.ts";
import { ConfigError } from "./config/config-error.ts";
import { AddressError } from "./postgres/address.ts";
import { openPostgresCollector } from "./postgres/collector.ts";

/** The collector for the configured server. Adding an engine is adding a folder and a line here. Throws `ConfigError`. */
export function openCollector(config: AgentConfig): Collector {
  const { type } = config.database;
  try {
    if (type === "postgres") return openPostgresCollector(config);
  } catch (error) {
    if (error instanceof AddressError) throw new ConfigError(error.message, { cause: error });
    throw error;
  }
  throw new ConfigError(`database.url: this version of the agent does not read ${type} yet.`);
}
