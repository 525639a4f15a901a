/** Quern's own database in Health: the agent beside it, in the background, since nothing else needs it. */
import { join } from "node:path";
import type { Running } from "@quern/runtime/running";
import type { AgentCredentials } from "@quern/store/agent-keys";
import { openDatabase } from "@quern/store/db";
import { ensureOwnAgent } from "@quern/store/own-agent";
import { laterPort, localUrl } from "./child-environment.ts";
import { type Child, launchChild } from "./child-process.ts";
import { type DataFolder, readSecret, writeSecret } from "./data-folder.ts";
import type { MetadataDatabase } from "./database.ts";
import { type LogFile, openLogFile } from "./log-file.ts";
import { AGENT_ENTRY, monitoredServer } from "./monitored-server.ts";
import { StartProblem } from "./problem.ts";
import type { StandaloneSettings } from "./settings.ts";

/** What a server of ours is started with, so that statements have statistics, and advisors nothing to ask for. */
export const MONITORED = {
  shared_preload_libraries: "pg_stat_statements",
  track_io_timing: "on",
  idle_in_transaction_session_timeout: "1h",
};

type Monitoring = {
  settings: StandaloneSettings;
  folder: DataFolder;
  database: MetadataDatabase;
  /** Folder of the key files. */
  keys: string;
};

const KEY = "agent.key";
const SECRET = "agent.secret";

/** Call it when the API serves. Quern goes without, and says why, where the agent does not start. */
export function launchMonitor(
  monitoring: Monitoring,
  say: (text: string) => void,
): Running & { kill(): void } {
  let stopping = false;
  let log: LogFile | undefined;
  let child: Child | undefined;
  const launching = async () => {
    const env = await prepare(monitoring, say);
    if (env === null || stopping) return;
    log = await openLogFile(join(monitoring.folder.path, "logs", "agent.log"), say);
    const launched = launchChild({ name: "agent", entry: AGENT_ENTRY, env, log, say });
    child = launched;
    // A stop that came while the log was opened has not seen it.
    if (stopping) launched.kill();
    await launched.ready;
  };
  const started = launching().catch((error: unknown) => {
    if (stopping) return;
    const why = error instanceof Error ? error.message : String(error);
    say(`Quern's own database is not in Health: ${why} The rest of Quern works.`);
  });
  return {
    kill() {
      stopping = true;
      child?.kill();
    },
    async stop() {
      stopping = true;
      await child?.stop();
      await started;
      await log?.close();
    },
  };
}

/** The agent's whole environment; null when an admin has revoked it. */
async function prepare(
  { settings, folder, database, keys }: Monitoring,
  say: (text: string) => void,
): Promise<Record<string, string> | null> {
  checkLoopback(settings);
  if (!(await giveCredentials(database.url, keys, folder))) return null;
  const { url, name, notice } = await monitoredServer(database, folder);
  if (notice !== null) say(notice);
  const secret = (file: string) => join(folder.path, "secrets", file);
  const env: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TZ: process.env.TZ,
    NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS,
    DATABASE_URL_FILE: await writeSecret(folder.path, "monitor.url", url),
    DATAPACE_ENDPOINT: `${localUrl(settings)}/api/v1/ingest`,
    DATAPACE_API_KEY_FILE: secret(KEY),
    DATAPACE_SIGNING_SECRET_FILE: secret(SECRET),
    QUERN_AGENT_NAME: name ?? undefined,
    // Of a server with others, too, ours alone: it is read in any case.
    QUERN_DATABASES_EXCLUDE: "*",
    QUERN_SPOOL_DIR: join(folder.path, "agent"),
    QUERN_SPOOL_MAX_BYTES: "32MiB",
    LOG_LEVEL: settings.LOG_LEVEL,
    LOG_FORMAT: "json",
    ...healthAddress(settings.QUERN_METRICS_ADDR),
  };
  const given = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return Object.fromEntries(given);
}

/** False when the agent was revoked. A key that was lost, or that the database does not know, is replaced. */
async function giveCredentials(
  databaseUrl: string,
  keys: string,
  { path }: DataFolder,
): Promise<boolean> {
  const [api_key, signing_secret] = [await readSecret(path, KEY), await readSecret(path, SECRET)];
  const known: AgentCredentials | null =
    api_key && signing_secret ? { api_key, signing_secret } : null;
  const db = openDatabase(databaseUrl, { max: 1 });
  try {
    const credentials = await ensureOwnAgent(db, keys, known);
    if (credentials === null) return false;
    if (credentials === known) return true;
    await writeSecret(path, KEY, credentials.api_key);
    await writeSecret(path, SECRET, credentials.signing_secret);
    return true;
  } finally {
    await db.destroy();
  }
}

/** The agent sends in clear to this machine alone. */
function checkLoopback(settings: StandaloneSettings): void {
  const { hostname } = new URL(localUrl(settings));
  if (hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.")) return;
  throw new StartProblem(
    `HOST=${settings.HOST} leaves no loopback address to send to. Set HOST=0.0.0.0, or QUERN_MONITOR=0.`,
  );
}

/** Any free port unless Prometheus is to find it: `make up` shall not fail because of it. */
function healthAddress(metrics: string | undefined): Record<string, string> {
  const { QUERN_METRICS_ADDR: address } = laterPort(metrics, 3);
  if (address === undefined) return { DATAPACE_HEALTH_PORT: "0" };
  const colon = address.lastIndexOf(":");
  return {
    DATAPACE_HEALTH_BIND_ADDRESS: address.slice(0, colon).replace(/^\[|\]$/g, ""),
    DATAPACE_HEALTH_PORT: address.slice(colon + 1),
  };
}
