import { databaseUrlSetting, logLevelSetting, numberSetting } from "@quern/runtime/settings";
import { z } from "zod";

/** Settings of the API process; the keys are the names of environment variables. */
export const ApiSettings = z.object({
  DATABASE_URL: databaseUrlSetting,
  PORT: numberSetting({ min: 0, max: 65_535 }).default(3000).describe("Port to serve on"),
  HOST: z.string().default("127.0.0.1").describe("Address to serve on; 0.0.0.0 for all"),
  QUERN_BASE_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("How people reach Quern, for links and cookies; http://localhost:PORT when left out"),
  QUERN_TRUSTED_PROXIES: z
    .string()
    .optional()
    .describe("Addresses or networks of proxies whose X-Forwarded-For is believed, with commas"),
  QUERN_KEYS: z.string().describe("Folder with the key files"),
  QUERN_RESULTS: z
    .string()
    .regex(/^file:./, "must be file:DIR")
    .default("file:./data/results")
    .describe("Where results above QUERN_RESULTS_INLINE_BYTES are kept, file:DIR"),
  QUERN_ADMIN_EMAIL: z
    .email()
    .optional()
    .describe("Makes the first admin, or reserves the set-up link for this address"),
  QUERN_ADMIN_PASSWORD: z
    .string()
    .min(8)
    .max(1024)
    .optional()
    .describe("With QUERN_ADMIN_EMAIL: the first admin's password; never overwrites one"),
  LOG_LEVEL: logLevelSetting,
});
export type ApiSettings = z.output<typeof ApiSettings>;
