/** Quern's PostgreSQL: one of our own under the data folder, or the one that DATABASE_URL names. */
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningPostgres, startPostgres } from "@quern/postmaster/postmaster";
import { Client, escapeLiteral } from "pg";
import { type DataFolder, keptSecret } from "./data-folder.ts";
import { errorCode, StartProblem } from "./problem.ts";

export type MetadataDatabase = {
  /** Quern's own database, as its owner. */
  url: string;
  /** Where the demo database may be made, as a role that may be allowed to. */
  adminUrl: string;
  /** Whether the server is one that we started, and `adminUrl` its superuser's. */
  ours: boolean;
  stop(): Promise<void>;
  /** Ends it without a checkpoint; recovery follows at the next start. */
  kill(): Promise<void>;
};

const ROLE = "quern";
const RESTARTS = 5;
/** A session ends a moment after its client: so long none is cut off. */
const SESSIONS_END_MS = 2_000;
/** Statements that set passwords are not kept with their text, by pg_stat_statements where it is loaded. */
const NO_TEXTS = `?options=${encodeURIComponent("-c pg_stat_statements.track_utility=off")}`;

/**
 * Starts PostgreSQL in the folder and makes Quern's role and database. Should it end unexpectedly it
 * is started again on the same port; `onLost` hears when that fails for good. `settings` are the server's.
 */
export async function startDatabase(
  folder: DataFolder,
  log: (line: string) => void,
  say: (text: string) => void,
  onLost: (error: unknown) => void,
  settings: Record<string, string> = {},
): Promise<MetadataDatabase> {
  const options = { dataDir: `${folder.path}/postgres`, log, settings };
  let server = await startPostgres(options);
  let stopping = false;
  const keepAlive = (running: RunningPostgres) => {
    running.exited.then(async ({ code, signal }) => {
      if (stopping) return;
      say(`postgres | ended unexpectedly (${signal ?? `exit code ${code}`}); starting it again`);
      for (let attempt = 1; !stopping; attempt++) {
        try {
          server = await startPostgres({ ...options, port: running.port });
          // A stop that came meanwhile waits for a server that it could not see.
          if (stopping) await server.stop();
          else keepAlive(server);
          return;
        } catch (error) {
          if (attempt === RESTARTS) {
            onLost(error);
            return;
          }
          await sleep(attempt * 1000);
        }
      }
    });
  };
  try {
    const password = await keptSecret(folder.path, "database.password");
    const adminUrl = server.url("postgres") + NO_TEXTS;
    await makeDatabase(adminUrl, password);
    keepAlive(server);
    return {
      url: server.url(ROLE, ROLE, password),
      adminUrl,
      ours: true,
      async stop() {
        stopping = true;
        const late = sleep(SESSIONS_END_MS, undefined, { ref: false });
        await Promise.race([server.stop("smart"), late]);
        await server.stop();
      },
      async kill() {
        stopping = true;
        await server.stop("immediate");
      },
    };
  } catch (error) {
    stopping = true;
    await server.stop();
    throw error;
  }
}

async function makeDatabase(adminUrl: string, password: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ role: boolean; database: boolean }>(
      `select exists (select from pg_roles where rolname = $1) as role,
              exists (select from pg_database where datname = $1) as database`,
      [ROLE],
    );
    if (!rows[0]!.role) await client.query(`create role ${ROLE}`);
    await client.query(`alter role ${ROLE} login password ${escapeLiteral(password)}`);
    if (!rows[0]!.database) await client.query(`create database ${ROLE} owner ${ROLE}`);
    // The demo's reader runs SQL that people write: it shall see its own database and no other.
    for (const database of [ROLE, "postgres", "template1"]) {
      await client.query(`revoke connect, temporary on database ${database} from public`);
    }
  } finally {
    await client.end();
  }
}

/** Checks the server of DATABASE_URL. Throws StartProblem. */
export async function useDatabase(url: string): Promise<MetadataDatabase> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    await client.query("select 1");
  } catch (error) {
    throw new StartProblem(connectionProblem(url, error), { cause: error });
  } finally {
    await client.end();
  }
  return { url, adminUrl: url, ours: false, async stop() {}, async kill() {} };
}

function connectionProblem(url: string, error: unknown): string {
  const { hostname, port, username, pathname, searchParams } = new URL(url);
  const at = `${searchParams.get("host") ?? hostname}:${port || "5432"}`;
  const role = decodeURIComponent(username);
  const database = decodeURIComponent(pathname.slice(1)) || role;
  const said = error instanceof Error ? error.message : String(error);
  switch (errorCode(error)) {
    case "28P01":
      return `DATABASE_URL: the server at ${at} refuses the password of the role ${role}.`;
    case "28000":
      return `DATABASE_URL: the server at ${at} does not let ${role} in (${said}). Look at the role and at pg_hba.conf.`;
    case "3D000":
      return `DATABASE_URL: the server at ${at} has no database ${database}. Make it there: create database "${database}" owner "${role}"`;
    case "42501":
      return `DATABASE_URL: the role ${role} may not connect to the database ${database} at ${at}. Grant it: grant connect on database "${database}" to "${role}"`;
    case "53300":
      return `DATABASE_URL: the server at ${at} has no connection left. Raise its max_connections, or end others.`;
    case "57P03":
      return `DATABASE_URL: the server at ${at} is starting up or recovering. Try again in a moment.`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `DATABASE_URL: there is no host named ${hostname}.`;
    default:
      return `DATABASE_URL: no connection to PostgreSQL at ${at} (${said}). Is it running, and may this machine reach it?`;
  }
}
