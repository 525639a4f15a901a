/** Real servers of every major for tests. Only tests may import this file. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packagedBinaries, runnableBinaries } from "@quern/postmaster/binaries";
import { freePort, type StopMode } from "@quern/postmaster/listen";
import { serverUser } from "@quern/postmaster/os-user";
import { type Exit, startProgram } from "@quern/postmaster/spawn";
import pg from "pg";

export type TestServer = {
  major: number;
  port: number;
  dataDir: string;
  /** Of the postmaster. */
  pid(): number;
  url(database?: string, user?: string): string;
  /** Runs statements as the superuser; the rows of the last one, all values as text. */
  sql(text: string, database?: string): Promise<Record<string, string>[]>;
  /** A session that stays open until `stop`. */
  session(database?: string, user?: string): Promise<pg.Client>;
  /** With other settings than before, where given. */
  restart(mode: StopMode, settings?: Record<string, string>): Promise<void>;
  /** As `restart`, after the postmaster was killed like a machine that lost its power. */
  restartAfterKill(): Promise<void>;
  stop(): Promise<void>;
};

const SETPRIV = "/usr/bin/setpriv";

const SETTINGS = {
  fsync: "off",
  full_page_writes: "off",
  shared_buffers: "16MB",
  max_connections: "40",
  log_min_messages: "fatal",
  shared_preload_libraries: "pg_stat_statements",
  autovacuum: "off",
};

/** The majors that a test file runs on: three of them, or all with QUERN_TEST_MATRIX=1. */
export const TEST_MAJORS: readonly number[] =
  process.env.QUERN_TEST_MATRIX === "1" ? [13, 14, 15, 16, 17, 18] : [13, 15, 18];

const asText = { getTypeParser: () => (value: string) => value };

/** A fresh cluster, or what `make` puts into the folder: `pg_basebackup` is not in the packages. */
export async function startTestServer(
  major: number,
  settings: Record<string, string> = {},
  make: (dataDir: string) => Promise<void> = (dataDir) => initialise(dataDir, major),
): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), `quern-agent-${major}-`));
  const dataDir = join(folder, "pg");
  const user = await serverUser(null);
  await mkdir(dataDir, { mode: 0o700 });
  if (user !== null) await chown(dataDir, user.uid, user.gid);
  await make(dataDir);
  if (user !== null) execFileSync("chown", ["-R", `${user.uid}:${user.gid}`, dataDir]);
  const binaries = await runnableBinaries(user, "/var/lib/quern", packagedBinaries(major));
  let port = await freePort();
  const clients = new Set<pg.Client>();
  const all: Record<string, string> = {
    ...SETTINGS,
    ...settings,
    port: String(port),
    unix_socket_directories: "",
  };
  const url = (database = "postgres", user = "postgres") =>
    `postgres://${user}:secret@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const session = async (database?: string, user?: string) => {
    const client = new pg.Client({ connectionString: url(database, user), types: asText });
    client.on("error", () => {});
    clients.add(client);
    await client.connect();
    return client;
  };
  const start = async (): Promise<Postmaster> => {
    const postmaster = await launch(binaries.postgres, dataDir, all);
    // A standby never writes that it is ready; whoever connects knows.
    while (!(await answers(url(), postmaster))) {
      if (postmaster.ended) throw new Error(`PostgreSQL ${major}: ${postmaster.lines.join("\n")}`);
    }
    return postmaster;
  };
  let server = await start().catch(async (error: unknown) => {
    if (!String(error).includes("could not create any TCP/IP sockets")) throw error;
    // Somebody else was given the same one meanwhile.
    port = await freePort();
    all.port = String(port);
    return await start();
  });
  return {
    ...{ major, port, dataDir, url, session },
    pid: () => server.child.pid ?? 0,
    async sql(text, database) {
      const client = await session(database);
      try {
        const answer = await client.query<Record<string, string>>(text);
        return (Array.isArray(answer) ? answer.at(-1) : answer).rows;
      } finally {
        clients.delete(client);
        await client.end();
      }
    },
    async restart(mode, changed = {}) {
      await stop(server, mode);
      Object.assign(all, changed);
      server = await start();
    },
    async restartAfterKill() {
      server.child.kill("SIGKILL");
      await server.exited;
      server = await start();
    },
    async stop() {
      await stop(server, "immediate");
      for (const client of clients) await client.end().catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Postmaster = {
  child: ChildProcess;
  exited: Promise<Exit>;
  lines: string[];
  ended: boolean;
};

async function launch(
  command: string,
  dataDir: string,
  settings: Record<string, string>,
): Promise<Postmaster> {
  const lines: string[] = [];
  const { child, exited } = await startProgram({
    command,
    args: (dir) => [
      "-D",
      dir,
      ...Object.entries(settings).flatMap(([k, v]) => ["-c", `${k}=${v}`]),
    ],
    dataDir,
    user: await serverUser(null),
    background: { diesWithParentBy: "SIGINT", setpriv: existsSync(SETPRIV) ? SETPRIV : null },
    onLine: (line) => lines.push(line),
  });
  const postmaster: Postmaster = { child, exited, lines, ended: false };
  void exited.then(() => {
    postmaster.ended = true;
  });
  return postmaster;
}

/** Whether this postmaster does: another's server may have the port. */
async function answers(url: string, { child }: Postmaster): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query(
      "select split_part(pg_read_file('postmaster.pid'), chr(10), 1)::integer as pid",
    );
    await client.end();
    return rows[0].pid === child.pid;
  } catch (error) {
    // Refused while it is not listening, 57P03 while it starts.
    if (error instanceof Error && "code" in error) await sleep(10);
    else if (!(error instanceof Error && error.message.includes("terminated"))) throw error;
    return false;
  }
}

const SIGNALS = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" } as const;

async function stop({ child, exited }: Postmaster, mode: StopMode): Promise<void> {
  child.kill(SIGNALS[mode]);
  await exited;
}

async function initialise(dataDir: string, major: number): Promise<void> {
  const user = await serverUser(null);
  const binaries = await runnableBinaries(user, "/var/lib/quern", packagedBinaries(major));
  const lines: string[] = [];
  const { exited } = await startProgram({
    command: binaries.initdb,
    args: (dir) => [
      ...["-D", dir, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"],
      "--no-sync",
    ],
    dataDir,
    user,
    onLine: (line) => lines.push(line),
  });
  const { code } = await exited;
  if (code !== 0) throw new Error(lines.join("\n"));
}
