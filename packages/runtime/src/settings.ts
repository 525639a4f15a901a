import { readFileSync } from "node:fs";
import { z } from "zod";
import { parseOutboundAllow } from "./outbound-rules.ts";

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

/** `HOST:PORT`, with an IPv6 address in brackets. */
export const metricsAddressSetting = z
  .string()
  .regex(/^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/, "must be HOST:PORT, like 127.0.0.1:9464")
  .refine((value) => Number(value.slice(value.lastIndexOf(":") + 1)) <= 65_535, {
    message: "must have a port up to 65535",
  })
  .optional()
  .describe(
    "HOST:PORT for Prometheus to read /metrics from without signing in; not served when left out. Use an internal address",
  );

const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

/** OpenTelemetry's own names and meanings. */
export const tracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      "Collector of traces, http://HOST:4318 (OTLP over HTTP, JSON); no tracing when left out",
    ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("The same, with its whole path"),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .optional()
    .describe("Headers for the collector, name=value with commas; better by _FILE"),
  OTEL_SERVICE_NAME: z
    .string()
    .optional()
    .describe("Name of the service in traces; quern-api and quern-runner when left out"),
  OTEL_RESOURCE_ATTRIBUTES: z
    .string()
    .optional()
    .describe("Attributes of all spans, name=value with commas"),
  OTEL_TRACES_SAMPLER: z
    .enum(SAMPLERS)
    .optional()
    .describe("Which traces are kept; parentbased_always_on when left out"),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0?\.\d{1,9}|0|1|1\.0+)$/, "must be a number from 0 to 1")
    .transform(Number)
    .optional()
    .describe("Share of traces that the traceidratio samplers keep, 0 to 1"),
};

/** Where large results are kept. The credentials are for S3; without them those of the AWS environment are used. */
export const resultStoreSettings = {
  QUERN_RESULTS: z
    .string()
    .regex(/^(file:.|s3:\/\/[^/?])/, "must be file:DIR or s3://BUCKET/PREFIX")
    .default("file:./data/results")
    .describe(
      "Where results above QUERN_RESULTS_INLINE_BYTES are kept: file:DIR, or s3://BUCKET/PREFIX?endpoint=URL&region=REGION&path_style=1",
    ),
  QUERN_S3_ACCESS_KEY_ID: z
    .string()
    .optional()
    .describe("With s3:// results: the access key; that of the AWS environment when left out"),
  QUERN_S3_SECRET_ACCESS_KEY: z
    .string()
    .optional()
    .describe("With QUERN_S3_ACCESS_KEY_ID: its secret; better by _FILE"),
};

/** The S3 credentials of the settings; null when there are none. */
export function s3CredentialsOf(settings: {
  QUERN_S3_ACCESS_KEY_ID?: string | undefined;
  QUERN_S3_SECRET_ACCESS_KEY?: string | undefined;
}): { access_key_id: string; secret_access_key: string } | null {
  const { QUERN_S3_ACCESS_KEY_ID: id, QUERN_S3_SECRET_ACCESS_KEY: secret } = settings;
  return id && secret ? { access_key_id: id, secret_access_key: secret } : null;
}

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
  QUERN_OUTBOUND_ALLOW: z
    .string()
    .superRefine((value, issues) => {
      const parsed = parseOutboundAllow(value);
      if (!("wrong" in parsed)) return;
      issues.addIssue(`${parsed.wrong} is no address, network (10.0.0.0/8) or host name`);
    })
    .optional()
    .describe(
      "Networks, addresses and host names (*.corp.example, too) outside the public internet that webhooks and imports may reach, with commas",
    ),
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
