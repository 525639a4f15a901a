/** What the processes of the product are told: settings by the environment, secrets by files. */
import { join } from "node:path";
import { type DataFolder, writeSecret } from "./data-folder.ts";
import type { StandaloneSettings } from "./settings.ts";

/** Secrets go by file: what is in a runner's environment, the processes it starts can read. */
export async function childEnvironment(
  settings: StandaloneSettings,
  folder: DataFolder,
  databaseUrl: string,
  keys: string,
): Promise<Record<string, string>> {
  const password = settings.QUERN_ADMIN_PASSWORD;
  const passwordFile = await writeSecret(folder.path, "admin.password", password);
  const s3Secret = settings.QUERN_S3_SECRET_ACCESS_KEY;
  const s3SecretFile = await writeSecret(folder.path, "s3.secret", s3Secret);
  const env: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TZ: process.env.TZ,
    DATABASE_URL_FILE: await writeSecret(folder.path, "database.url", databaseUrl),
    QUERN_KEYS: keys,
    QUERN_RESULTS: settings.QUERN_RESULTS ?? `file:${join(folder.path, "results")}`,
    QUERN_S3_ACCESS_KEY_ID: settings.QUERN_S3_ACCESS_KEY_ID,
    QUERN_S3_SECRET_ACCESS_KEY_FILE: s3Secret === undefined ? undefined : s3SecretFile,
    QUERN_RESULTS_INLINE_BYTES: settings.QUERN_RESULTS_INLINE_BYTES,
    QUERN_RUNNER_SLOTS: settings.QUERN_RUNNER_SLOTS,
    QUERN_EXECUTOR_MEMORY_BYTES: settings.QUERN_EXECUTOR_MEMORY_BYTES,
    QUERN_DATA_DIR: folder.path,
    PORT: String(settings.PORT),
    HOST: settings.HOST,
    QUERN_BASE_URL: settings.QUERN_BASE_URL,
    QUERN_TRUSTED_PROXIES: settings.QUERN_TRUSTED_PROXIES,
    QUERN_OUTBOUND_ALLOW: settings.QUERN_OUTBOUND_ALLOW,
    NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS,
    QUERN_ADMIN_EMAIL: settings.QUERN_ADMIN_EMAIL,
    QUERN_ADMIN_PASSWORD_FILE: password === undefined ? undefined : passwordFile,
    LOG_LEVEL: settings.LOG_LEVEL,
    QUERN_METRICS_ADDR: settings.QUERN_METRICS_ADDR,
    ...(await tracingEnvironment(settings, folder)),
  };
  const given = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return Object.fromEntries(given);
}

async function tracingEnvironment(
  settings: StandaloneSettings,
  folder: DataFolder,
): Promise<Record<string, string | undefined>> {
  const headers = settings.OTEL_EXPORTER_OTLP_HEADERS;
  const file = await writeSecret(folder.path, "collector.headers", headers);
  const share = settings.OTEL_TRACES_SAMPLER_ARG;
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: settings.OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    OTEL_EXPORTER_OTLP_HEADERS_FILE: headers === undefined ? undefined : file,
    OTEL_SERVICE_NAME: settings.OTEL_SERVICE_NAME,
    OTEL_RESOURCE_ATTRIBUTES: settings.OTEL_RESOURCE_ATTRIBUTES,
    OTEL_TRACES_SAMPLER: settings.OTEL_TRACES_SAMPLER,
    OTEL_TRACES_SAMPLER_ARG: share === undefined ? undefined : String(share),
  };
}

/** Whatever was set for it: its process knows what its settings are. */
export function sandboxSettings(): Record<string, string> {
  const given = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[0].startsWith("QUERN_SANDBOX_") && entry[1] !== undefined,
  );
  return Object.fromEntries(given);
}

/** Where the processes of this machine reach the API. */
export function localUrl({ HOST, PORT }: Pick<StandaloneSettings, "HOST" | "PORT">): string {
  const host = HOST === "0.0.0.0" || HOST === "::" ? "127.0.0.1" : HOST;
  return `http://${host.includes(":") ? `[${host}]` : host}:${PORT}`;
}

/** Processes on one machine cannot share a port. */
export function laterPort(
  address: string | undefined,
  by: number,
): { QUERN_METRICS_ADDR?: string } {
  if (address === undefined) return {};
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  return { QUERN_METRICS_ADDR: `${address.slice(0, colon)}:${port === 0 ? 0 : port + by}` };
}
