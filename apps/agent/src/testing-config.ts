import type { AgentConfig, CollectionConfig } from "./config/agent-config.ts";
import { readConfig } from "./config/read-config.ts";

/** What an operator with the least settings has, on a free port, with this much changed. */
export function testingConfig(
  environment: NodeJS.ProcessEnv = {},
  collection: Partial<CollectionConfig> = {},
): AgentConfig {
  const config = readConfig(
    { file: null, verbose: false, json_logs: false, uploads: true, collects: true },
    {
      DATABASE_URL: "postgres://h/d",
      DATAPACE_ENDPOINT: "https://quern.example/api/v1/ingest",
      DATAPACE_API_KEY: "k",
      DATAPACE_SIGNING_SECRET: "s",
      DATAPACE_HEALTH_PORT: "0",
      ...environment,
    },
  );
  return { ...config, collection: { ...config.collection, ...collection } };
}
