import {
  databaseUrlSetting,
  logLevelSetting,
  metricsAddressSetting,
  numberSetting,
  resultStoreSettings,
  tracingSettings,
} from "@quern/runtime/settings";
import { z } from "zod";

/** Settings of the runner process; the keys are the names of environment variables. */
export const RunnerSettings = z.object({
  DATABASE_URL: databaseUrlSetting,
  QUERN_KEYS: z.string().describe("Folder with the key files"),
  QUERN_DATA_DIR: z.string().default("./data").describe("Folder for work in progress"),
  ...resultStoreSettings,
  QUERN_RESULTS_INLINE_BYTES: numberSetting({ min: 0, max: 16 * 1024 ** 2 })
    .default(256 * 1024)
    .describe("Results up to this size are kept in PostgreSQL"),
  QUERN_RUNNER_SLOTS: numberSetting({ min: 1, max: 256 })
    .default(4)
    .describe("Runs at the same time"),
  QUERN_EXECUTOR_MEMORY_BYTES: numberSetting({ min: 256 * 1024 ** 2, max: 64 * 1024 ** 3 })
    .default(640 * 1024 ** 2)
    .describe("Memory of one run's process at most"),
  LOG_LEVEL: logLevelSetting,
  QUERN_METRICS_ADDR: metricsAddressSetting,
  ...tracingSettings,
});
export type RunnerSettings = z.output<typeof RunnerSettings>;
