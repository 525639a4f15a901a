import { readFileSync } from "node:fs";
import { z } from "zod";

/** The environment does not make a process: `message` has a line for each setting and what it must be. */
export class SettingsError extends Error {
  override name = "SettingsError";
}

/**
 * Reads a process's settings, once, from `environment`. Keys of `schema` are the names of environment variables.
 * `NAME_FILE` gives the value of `NAME` by a file (secrets stay out of the environment, which child processes of the
 * same user can read); a line end at its end is dropped. An empty value counts as not set. Throws `SettingsError`.
 */
export function readSettings<S extends z.ZodObject>(
  schema: S,
  environment: NodeJS.ProcessEnv,
): z.output<S> {
  const values: Record<string, string> = {};
  for (const key of Object.keys(schema.shape)) {
    const file = environment[`${key}_FILE`];
    const value = file ? readSettingFile(key, file) : environment[key];
    if (value !== undefined && value !== "") values[key] = value;
  }
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => {
    const description = schema.shape[String(path[0])]?.description;
    return `  ${path.join(".")}: ${message}${description ? ` (${description})` : ""}`;
  });
  throw new SettingsError(`These settings are missing or wrong:\n${lines.join("\n")}`);
}

function readSettingFile(key: string, file: string): string {
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new SettingsError(
      `${key}_FILE names ${file}, which cannot be read: ${(error as NodeJS.ErrnoException).code}`,
      { cause: error },
    );
  }
}

/** A setting that is a whole number within bounds. */
export function numberSetting(bounds: { min: number; max: number }) {
  return z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.number().min(bounds.min).max(bounds.max));
}

export const logLevelSetting = z
  .enum(["trace", "debug", "info", "warn", "error", "fatal"])
  .default("info")
  .describe("trace, debug, info, warn, error or fatal");

export const databaseUrlSetting = z
  .string()
  .regex(/^postgres(ql)?:\/\//, "must start with postgres://")
  .describe("Quern's own database, postgres://user:password@host:port/database");

/** What `make up` takes and hands on to the API, as it is. */
export const servingSettings = {
  HOST: z.string().default("127.0.0.1").describe("Address to serve on; 0.0.0.0 for all"),
  QUERN_BASE_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("How people reach Quern, for links and cookies; http://localhost:PORT when left out"),
  QUERN_TRUSTED_PROXIES: z
    .string()
    .optional()
    .describe("Addresses or networks of proxies whose X-Forwarded-For is believed, with commas"),
  QUERN_ADMIN_EMAIL: z
    .email()
    .optional()
    .describe("Makes the first admin, or reserves the set-up link for this address"),
  QUERN_ADMIN_PASSWORD: z
    .string()
    .min(8, "must have at least 8 characters")
    .max(1024)
    .optional()
    .describe("With QUERN_ADMIN_EMAIL: the first admin's password; never overwrites one"),
};
