import {
  databaseUrlSetting,
  logLevelSetting,
  metricsAddressSetting,
  numberSetting,
  resultStoreSettings,
  servingSettings,
  tracingSettings,
} from "@quern/runtime/settings";
import { z } from "zod";

/** Settings of `make up`; the keys are the names of environment variables. */
export const StandaloneSettings = z.object({
  QUERN_DATA_DIR: z.string().default("./data").describe("Folder for everything that Quern keeps"),
  DATABASE_URL: databaseUrlSetting
    .optional()
    .describe(
      "A PostgreSQL of your own, postgres://user:password@host:port/database; without it Quern starts its own",
    ),
  PORT: numberSetting({ min: 1, max: 65_535 }).default(3000).describe("Port to serve on"),
  ...servingSettings,
  QUERN_KEYS: z
    .string()
    .optional()
    .describe("Folder with the key files; keys in the data folder when left out"),
  QUERN_RESULTS: z
    .string()
    .optional()
    .describe(
      "Where large results are kept, file:DIR or s3://BUCKET/PREFIX; results in the data folder when left out",
    ),
  QUERN_S3_ACCESS_KEY_ID: resultStoreSettings.QUERN_S3_ACCESS_KEY_ID,
  QUERN_S3_SECRET_ACCESS_KEY: resultStoreSettings.QUERN_S3_SECRET_ACCESS_KEY,
  QUERN_RESULTS_INLINE_BYTES: z
    .string()
    .optional()
    .describe("Results up to this size are kept in PostgreSQL"),
  QUERN_RUNNER_SLOTS: z.string().optional().describe("Runs at the same time"),
  QUERN_EXECUTOR_MEMORY_BYTES: z.string().optional().describe("Memory of one run's process"),
  QUERN_DEMO: z
    .enum(["0", "data", "1"])
    .default("1")
    .describe(
      "1 for demo data with example dashboards and an example project, data for the data alone, 0 for none",
    ),
  QUERN_SANDBOX: z
    .enum(["0", "1"])
    .default("1")
    .describe("0 to do without Projects: then no sandbox process is started"),
  QUERN_MONITOR: z
    .enum(["0", "1"])
    .default("1")
    .describe("0 to leave Quern's own database out of Health: then no agent is started beside it"),
  LOG_LEVEL: logLevelSetting,
  QUERN_METRICS_ADDR: metricsAddressSetting.describe(
    "HOST:PORT for Prometheus to read /metrics from without signing in, an internal address; make up serves the runner's on the next port, the sandbox's on the one after, then the agent's. Not served when left out",
  ),
  ...tracingSettings,
});
export type StandaloneSettings = z.output<typeof StandaloneSettings>;
