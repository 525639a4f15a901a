import type { Collector } from "./collector.ts";
import type { AgentConfig } from "./config/agent-config.ts";
import { ConfigError } from "./config/config-error.ts";
import { AddressError } from "./engine/address-error.ts";
import { openMysqlCollector } from "./mysql/collector.ts";
import { openPostgresCollector } from "./postgres/collector.ts";

/** The collector for the configured server. Adding an engine is adding a folder and a line here. Throws `ConfigError`. */
export function openCollector(config: AgentConfig): Collector {
  try {
    return OPEN[config.database.type](config);
  } catch (error) {
    if (error instanceof AddressError) throw new ConfigError(error.message, { cause: error });
    throw error;
  }
}

const OPEN: Record<AgentConfig["database"]["type"], (config: AgentConfig) => Collector> = {
  postgres: openPostgresCollector,
  mysql: openMysqlCollector,
  mariadb: openMysqlCollector,
};
