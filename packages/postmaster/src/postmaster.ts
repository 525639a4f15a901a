/**
 * Starts and stops a PostgreSQL whose binaries come with npm. One server per data directory, held by
 * a lock that dies with its holder; the server dies with its supervisor, or is stopped as a leftover
 * at the next start.
 */
import { mkdir, realpath, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type Binaries, runnableBinaries } from "./binaries.ts";
import { type Cluster, clusterOwner, openCluster } from "./cluster.ts";
import { stopLeftover } from "./leftover.ts";
import { freePort, listen, type Server, type StopMode, startupError } from "./listen.ts";
import { type OsUser, serverUser } from "./os-user.ts";
import { diskFullError, isDiskFull, PostmasterError } from "./postmaster-error.ts";
import { acquireLock, LockHeldError, type ProcessLock } from "./process-lock.ts";
import { checkSocketPath, makeSocketDir } from "./socket-dir.ts";
import type { Exit } from "./spawn.ts";

export type PostgresOptions = {
  /** PGDATA; made when absent. Its password and lock are kept beside it as `<dataDir>.password` and `.lock`. */
  dataDir: string;
  /** Server settings by name, e.g. `{ fsync: "off" }`. */
  settings?: Record<string, string>;
  /** The loopback port; 0 or absent: any free one, which may differ at every start. */
  port?: number;
  /** Folder for the Unix socket; by default a fresh one under /tmp, since its path must be short. */
  socketDir?: string;
  /** Receives every line that the server writes. */
  log?: (line: string) => void;
};

export type RunningPostgres = {
  host: "127.0.0.1";
  port: number;
  socketDir: string;
  superuser: "postgres";
  password: string;
  /** The process id of the postmaster. */
  pid: number;
  /** A connection URL; without `user` the superuser's, for another user give the password. */
  url(database: string, user?: string, password?: string): string;
  /** Stops the server and waits for it. `fast` (the default) ends sessions, `smart` waits for them. */
  stop(mode?: StopMode): Promise<void>;
  /** Resolves when the server has ended, asked to or not; never rejects. */
  exited: Promise<Exit>;
};

/**
 * Starts the server, first making the data directory if need be, and resolves when it accepts
 * connections. Throws PostmasterError, whose `code` and message say what is wrong and what to do.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const dataDir = await absolute(options.dataDir);
  const log = options.log ?? (() => {});
  const lock = await lockDataDir(dataDir);
  try {
    return await startLocked({ ...options, dataDir }, lock, log);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function startLocked(
  options: PostgresOptions,
  lock: ProcessLock,
  log: (line: string) => void,
): Promise<RunningPostgres> {
  const { dataDir } = options;
  const user = await serverUser(await clusterOwner(dataDir));
  const copyParent = user === null ? dirname(dataDir) : "/var/lib/quern";
  const binaries = await runnableBinaries(user, copyParent);
  const socketDir = await makeSocketDir(options.socketDir, user);
  const release = async () => {
    if (options.socketDir === undefined) await rm(socketDir, { recursive: true, force: true });
    await lock.release();
  };
  try {
    await stopLeftover(dataDir, log);
    const cluster = await openCluster(dataDir, binaries, user, socketDir, log);
    const { server, port } = await listenSomewhere(
      options,
      cluster,
      binaries,
      user,
      socketDir,
      log,
    );
    const exited = server.exited.then(async (exit) => {
      await release();
      return exit;
    });
    return running(server, exited, cluster, port, socketDir);
  } catch (error) {
    await release();
    throw error;
  }
}

function running(
  server: Server,
  exited: Promise<Exit>,
  cluster: Cluster,
  port: number,
  socketDir: string,
): RunningPostgres {
  return {
    host: "127.0.0.1",
    port,
    socketDir,
    superuser: "postgres",
    password: cluster.password,
    pid: server.pid,
    exited,
    url(database, user = "postgres", password = cluster.password) {
      const who = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
      return `postgres://${who}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
    },
    async stop(mode = "fast") {
      await server.stop(mode);
      await exited;
    },
  };
}

/** A port found free may be taken a moment later; only a port that somebody asked for is final. */
async function listenSomewhere(
  options: PostgresOptions,
  cluster: Cluster,
  binaries: Binaries,
  user: OsUser | null,
  socketDir: string,
  log: (line: string) => void,
): Promise<{ server: Server; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port || (await freePort());
    checkSocketPath(socketDir, port);
    const settings = { ...options.settings, unix_socket_directories: socketDir, port: `${port}` };
    const outcome = await listen(cluster.dataDir, binaries, user, settings, log);
    if ("pid" in outcome) return { server: outcome, port };
    const error = startupError(cluster.dataDir, port, outcome.lines);
    if (error.code !== "port_taken" || options.port || attempt === 5) throw error;
  }
}

async function lockDataDir(dataDir: string): Promise<ProcessLock> {
  try {
    await mkdir(dirname(dataDir), { recursive: true });
    return await acquireLock(`${dataDir}.lock`);
  } catch (error) {
    if (isDiskFull(error)) throw diskFullError(dataDir, error);
    if (!(error instanceof LockHeldError)) throw error;
    throw new PostmasterError(
      "data_dir_in_use",
      `${dataDir} is in use by process ${error.holder.pid}. Stop that one first, or choose another data directory.`,
      { cause: error },
    );
  }
}

/** Resolved through symlinks, so that one data directory has one lock. */
async function absolute(dataDir: string): Promise<string> {
  const path = resolve(dataDir);
  await mkdir(dirname(path), { recursive: true });
  return join(await realpath(dirname(path)), path.slice(dirname(path).length));
}
