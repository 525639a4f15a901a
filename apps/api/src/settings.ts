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

/** Settings of the API process; the keys are the names of environment variables. */
export const ApiSettings = z.object({
  DATABASE_URL: databaseUrlSetting,
  PORT: numberSetting({ min: 0, max: 65_535 }).default(3000).describe("Port to serve on"),
  ...servingSettings,
  QUERN_KEYS: z.string().describe("Folder with the key files"),
  ...resultStoreSettings,
  LOG_LEVEL: logLevelSetting,
  QUERN_METRICS_ADDR: metricsAddressSetting,
  ...tracingSettings,
});
export type ApiSettings = z.output<typeof ApiSettings>;
