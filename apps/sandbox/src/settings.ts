import {
  databaseUrlSetting,
  logLevelSetting,
  metricsAddressSetting,
  numberSetting,
  resultStoreSettings,
  tracingSettings,
} from "@quern/runtime/settings";
import { z } from "zod";
import { instanceSettings } from "./instances/process-settings.ts";
import { layerSettings } from "./layers/settings.ts";

/** Settings of the sandbox process; the keys are the names of environment variables. */
export const SandboxSettings = z.object({
  DATABASE_URL: databaseUrlSetting,
  QUERN_DATA_DIR: z
    .string()
    .default("./data")
    .describe("Folder whose sandbox/ holds layers, instances and files"),
  QUERN_KEYS: z
    .string()
    .optional()
    .describe("Folder with the key files; needed with QUERN_SANDBOX_SHARED"),
  ...resultStoreSettings,
  QUERN_RESULTS_INLINE_BYTES: numberSetting({ min: 0, max: 16 * 1024 ** 2 })
    .default(256 * 1024)
    .describe("Results up to this size are kept in PostgreSQL"),
  QUERN_SANDBOX_SLOTS: numberSetting({ min: 1, max: 256 })
    .default(4)
    .describe("Jobs at the same time"),
  QUERN_EXECUTOR_MEMORY_BYTES: numberSetting({ min: 256 * 1024 ** 2, max: 64 * 1024 ** 3 })
    .default(640 * 1024 ** 2)
    .describe("Memory of one run's process at most"),
  ...layerSettings,
  ...instanceSettings,
  LOG_LEVEL: logLevelSetting,
  QUERN_METRICS_ADDR: metricsAddressSetting,
  ...tracingSettings,
});
export type SandboxSettings = z.output<typeof SandboxSettings>;
