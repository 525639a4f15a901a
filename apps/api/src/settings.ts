import {
  databaseUrlSetting,
  logLevelSetting,
  numberSetting,
  servingSettings,
} from "@quern/runtime/settings";
import { z } from "zod";

/** Settings of the API process; the keys are the names of environment variables. */
export const ApiSettings = z.object({
  DATABASE_URL: databaseUrlSetting,
  PORT: numberSetting({ min: 0, max: 65_535 }).default(3000).describe("Port to serve on"),
  ...servingSettings,
  QUERN_KEYS: z.string().describe("Folder with the key files"),
  QUERN_RESULTS: z
    .string()
    .regex(/^file:./, "must be file:DIR")
    .default("file:./data/results")
    .describe("Where results above QUERN_RESULTS_INLINE_BYTES are kept, file:DIR"),
  LOG_LEVEL: logLevelSetting,
});
export type ApiSettings = z.output<typeof ApiSettings>;
