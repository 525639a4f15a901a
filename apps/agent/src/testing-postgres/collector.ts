/** Collectors of test servers, whose payloads are held against the contract each time. Only tests may import this file. */
import { AgentPayload } from "@quern/contract/agent/payload";
import { type Collector, SECTIONS, type Section } from "../collector.ts";
import type { CollectionConfig, DatabaseConfig } from "../config/agent-config.ts";
import {
  openPostgresCollector,
  type PostgresConfig,
  type PostgresEffects,
} from "../postgres/collector.ts";

const HOUR = 3_600_000;
const ACTIVITY = "activity";

export function configFor(
  url: string,
  collection: Partial<CollectionConfig> = {},
  database: Partial<DatabaseConfig> = {},
): PostgresConfig {
  const all = [...SECTIONS, ACTIVITY] as const;
  return {
    name: null,
    database: {
      url,
      type: "postgres",
      provider: "auto",
      tls: { sslmode: "prefer", sslrootcert: null, sslcert: null, sslkey: null },
      min_connections: 1,
      connect_timeout_ms: 20_000,
      ...database,
    },
    collection: {
      interval_ms: 60_000,
      metrics: new Set(all),
      paces: {
        ...{ statements: HOUR, tables: HOUR, indexes: HOUR, sequences: HOUR, bloat: HOUR },
        ...{
          schema: HOUR,
          column_statistics: HOUR,
          settings: HOUR,
          server: HOUR,
          plans: HOUR,
          custom_metrics: HOUR,
        },
        activity: HOUR,
      },
      databases: { include: [], exclude: [] },
      max_statements: 500,
      max_tables: 5_000,
      connection_budget: 10,
      plans: { enabled: false, min_mean_ms: 0, max_per_collection: 10 },
      custom_metrics: [],
      comments: false,
      idle_backoff: false,
      statement_timeout_ms: 10_000,
      ...collection,
    },
  };
}

/** `collect` gives payloads that the contract admits, as they come out of JSON. */
export function collectorFor(
  config: PostgresConfig,
  effects: Partial<PostgresEffects> = {},
): Omit<Collector, "collect"> & { collect(...due: Section[]): Promise<AgentPayload[]> } {
  const collector = openPostgresCollector(config, effects);
  return {
    ...collector,
    async collect(...due) {
      const payloads = await collector.collect(new Set(due.length === 0 ? SECTIONS : due));
      return payloads.map((payload) => AgentPayload.parse(JSON.parse(JSON.stringify(payload))));
    },
  };
}

/** The result of one section. */
export function resultOf(payload: AgentPayload | undefined, name: string) {
  const found = payload?.collectors?.find((result) => result.name === name);
  if (found === undefined) throw new Error(`the payload says nothing of ${name}`);
  return found;
}
