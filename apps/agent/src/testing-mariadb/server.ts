/** A real MariaDB of its own for tests, where Debian's mariadb-server-core is installed. Only tests may import this file. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@quern/postmaster/listen";
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";

const PROGRAM = "/usr/sbin/mariadbd";
const SHARE = "/usr/share/mysql";
const SETPRIV = "/usr/bin/setpriv";

/** Whether there is one to start; without it tests of MariaDB are skipped. */
export const HAS_MARIADB =
  existsSync(PROGRAM) && existsSync(join(SHARE, "mysql_system_tables.sql"));

export type TestMariadb = {
  port: number;
  socket: string;
  /** Of an account with a password of `secret`, unless another is given. */
  url(database: string, user?: string, password?: string): string;
  /** Runs statements as root, one by one; the rows of the last one. */
  sql(...statements: string[]): Promise<RowDataPacket[]>;
  /** A session of root that stays open until `stop`. */
  session(): Promise<Connection>;
  /** Kills it, and starts it with other options than before. */
  restart(options?: string[]): Promise<void>;
  stop(): Promise<void>;
};

const SMALL = [
  ...["--no-defaults", "--innodb-buffer-pool-size=10M", "--innodb-log-file-size=10M"],
  ...["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"],
  ...["--innodb-fast-shutdown=2", "--skip-name-resolve", "--loose-skip-feedback"],
];
/** As the documentation of the agent advises. */
export const COUNTING = [
  "--performance-schema=ON",
  "--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON",
  "--performance-schema-consumer-events-statements-current=ON",
];

export async function startTestMariadb(options: string[] = COUNTING): Promise<TestMariadb> {
  const folder = await mkdtemp(join(tmpdir(), "quern-mariadb-"));
  const [data, socket] = [join(folder, "data"), join(folder, "s")];
  await mkdir(data);
  const user = process.getuid?.() === 0 ? ["--user=root"] : [];
  const paths = [`--datadir=${data}`, `--tmpdir=${folder}`, ...user];
  await bootstrap([...SMALL, ...paths]);
  // As late as can be: until it listens, somebody else may be given the same one.
  const port = await freePort();
  let child = start();
  function start(more: string[] = options): ChildProcess {
    const listen = [`--socket=${socket}`, `--port=${port}`, "--bind-address=127.0.0.1"];
    const log = [`--log-error=${join(folder, "log")}`, `--pid-file=${join(folder, "pid")}`];
    return launch([...SMALL, ...paths, ...listen, ...log, ...more]);
  }
  const sessions: Connection[] = [];
  const connect = async () => {
    const session = await createConnection({ socketPath: socket, user: "root" });
    session.on("error", () => {});
    sessions.push(session);
    return session;
  };
  const ready = async () => {
    for (;;) {
      try {
        return await connect();
      } catch (error) {
        if (hasEnded(child)) throw error;
        await sleep(20);
      }
    }
  };
  let root = await ready();
  const kill = async () => {
    for (const session of sessions.splice(0)) session.destroy();
    if (hasEnded(child)) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exited;
  };
  return {
    port,
    socket,
    url: (database, name = "quern_agent", password = "secret") =>
      `mysql://${name}:${password}@127.0.0.1:${port}/${database}`,
    async sql(...statements) {
      let rows: RowDataPacket[] = [];
      for (const statement of statements) [rows] = await root.query<RowDataPacket[]>(statement);
      return rows;
    },
    session: connect,
    async restart(more) {
      await kill();
      child = start(more);
      root = await ready();
    },
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** The system's tables, and an account `root` without a password. */
async function bootstrap(options: string[]): Promise<void> {
  const files = ["system_tables", "performance_tables", "system_tables_data"];
  const texts = await Promise.all(
    files.map((name) => readFile(join(SHARE, `mysql_${name}.sql`), "utf8")),
  );
  const child = launch([...options, "--bootstrap"], "pipe");
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.stdin?.end(`create database mysql;\nuse mysql;\n${texts.join("\n")}`);
  const code = await exited;
  if (code !== 0) throw new Error(`mariadbd --bootstrap ended with ${code}`);
}

/** It dies with the tests, however they end. */
function launch(args: string[], stdin: "pipe" | "ignore" = "ignore"): ChildProcess {
  const stdio: ("pipe" | "ignore")[] = [stdin, "ignore", "ignore"];
  return existsSync(SETPRIV)
    ? spawn(SETPRIV, ["--pdeathsig", "KILL", PROGRAM, ...args], { stdio })
    : spawn(PROGRAM, args, { stdio });
}
