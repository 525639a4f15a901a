import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type PostgresOptions, type RunningPostgres, startPostgres } from "./postmaster.ts";
import { processStart } from "./process-lock.ts";

const run = promisify(execFile);
const asRoot = process.getuid?.() === 0;
const room = resolve(import.meta.dirname, "..");
const settings = { fsync: "off", shared_buffers: "16MB" };

let folder: string;
let dataDir: string;
const running: RunningPostgres[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "postmaster-test-"));
  dataDir = join(folder, "postgres");
});

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop("immediate");
  await rm(folder, { recursive: true, force: true });
});

async function start(options: Partial<PostgresOptions> = {}): Promise<RunningPostgres> {
  const server = await startPostgres({ dataDir, settings, ...options });
  running.push(server);
  return server;
}

async function query(server: RunningPostgres, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: server.url("postgres") });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test("a first start makes the database and a second one finds the data", async () => {
  const first = await start();
  await query(first, "create table t as select 42 as answer");
  await first.stop();
  expect(await first.exited).toEqual({ code: 0, signal: null });
  const second = await start();
  expect(await query(second, "select answer from t")).toEqual([{ answer: 42 }]);
  expect(second.password).toBe(first.password);
  expect((await stat(`${dataDir}.password`)).mode & 0o777).toBe(0o600);
});

test("the server refuses a wrong password, on the socket too", async () => {
  const server = await start();
  for (const host of [server.host, server.socketDir]) {
    const client = new pg.Client({ host, port: server.port, user: "postgres", password: "wrong" });
    await expect(client.connect()).rejects.toThrow(/password authentication failed/);
  }
});

test("encoding, collation and durability are those of production", async () => {
  const server = await startPostgres({ dataDir });
  running.push(server);
  const rows = await query(
    server,
    `select pg_encoding_to_char(encoding) as encoding, datlocprovider as provider, datlocale as locale,
            current_setting('fsync') as fsync, current_setting('data_checksums') as checksums
     from pg_database where datname = 'postgres'`,
  );
  expect(rows).toEqual([
    { encoding: "UTF8", provider: "b", locale: "C.UTF-8", fsync: "on", checksums: "on" },
  ]);
});

test("a start does not depend on what the settings let into the log", async () => {
  const server = await start({ settings: { ...settings, log_min_messages: "panic" } });
  expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("data survives kill -9 of the postmaster, and backends that outlive it are ended", async () => {
  const first = await start({ settings: { ...settings, fsync: "on" } });
  await query(first, "create table t as select 42 as answer");
  const busy = new pg.Client({ connectionString: first.url("postgres") });
  busy.on("error", () => {});
  await busy.connect();
  const endless = busy.query("select pg_sleep(600)").catch((error: Error) => error.message);
  process.kill(first.pid, "SIGKILL");
  expect(await first.exited).toEqual({ code: null, signal: "SIGKILL" });
  const second = await start();
  expect(await query(second, "select answer from t")).toEqual([{ answer: 42 }]);
  expect(await endless).toMatch(/terminat/);
});

test("a pid file that names a process of somebody else does not stop a start", async () => {
  const first = await start();
  const pidFile = await readFile(join(dataDir, "postmaster.pid"), "utf8");
  await first.stop();
  const stranger = spawn("sleep", ["60"], asRoot ? { uid: 65534, gid: 65534, cwd: "/" } : {});
  try {
    await writeFile(
      join(dataDir, "postmaster.pid"),
      pidFile.replace(/^\d+/, String(stranger.pid)),
      { mode: 0o600 },
    );
    expect(await query(await start(), "select 1 as one")).toEqual([{ one: 1 }]);
    expect(stranger.exitCode).toBeNull();
  } finally {
    stranger.kill();
  }
});

test("one data directory has one server", async () => {
  await start();
  await expect(start()).rejects.toMatchObject({
    code: "data_dir_in_use",
    message: expect.stringContaining(`process ${process.pid}`),
  });
});

/** Starts a server from a process of its own, which lives until it is killed. */
async function startSupervisor() {
  const module = JSON.stringify(join(room, "dist/postmaster.js"));
  const script = `
    import { startPostgres } from ${module};
    const server = await startPostgres({ dataDir: ${JSON.stringify(dataDir)} });
    console.log(server.pid);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout, "data");
  return { child, postmaster: Number(String(line)) };
}

test("the server dies with its supervisor, and its lock with it", async () => {
  const { child, postmaster } = await startSupervisor();
  expect(await processStart(postmaster)).not.toBeNull();
  child.kill("SIGKILL");
  await expect.poll(() => processStart(postmaster)).toBeNull();
  expect(await query(await start(), "select 1 as one")).toEqual([{ one: 1 }]);
});

test("a server that outlived its supervisor is stopped at the next start", async () => {
  const { child, postmaster } = await startSupervisor();
  // Stopped, it cannot follow the signal that its supervisor's death sends.
  process.kill(postmaster, "SIGSTOP");
  child.kill("SIGKILL");
  await once(child, "exit");
  const said: string[] = [];
  const server = await start({
    log(line) {
      if (said.push(line) === 1) setTimeout(() => process.kill(postmaster, "SIGCONT"), 300);
    },
  });
  expect(said.join("\n")).toContain(`(process ${postmaster}`);
  expect(await processStart(postmaster)).toBeNull();
  expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("what an interrupted first start left is swept, and the start is made again", async () => {
  await mkdir(`${dataDir}.new-0123456789ab/base`, { recursive: true });
  await writeFile(`${dataDir}.new-0123456789ab/PG_VERSION`, "18\n");
  await start();
  expect((await readdir(folder)).sort()).toEqual([
    "postgres",
    "postgres.lock",
    "postgres.password",
  ]);
});

test("a lost password file is replaced", async () => {
  const first = await start();
  await first.stop();
  await rm(`${dataDir}.password`);
  const second = await start();
  expect(second.password).not.toBe(first.password);
  expect(await query(second, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("a data directory of a newer PostgreSQL is refused in words", async () => {
  await mkdir(dataDir, { mode: 0o700 });
  await writeFile(join(dataDir, "PG_VERSION"), "19\n");
  await expect(start()).rejects.toMatchObject({
    name: "PostmasterError",
    code: "data_dir_version",
    message: expect.stringMatching(/made by PostgreSQL 19.*newer version/),
  });
});

test("a folder with other files in it is left alone", async () => {
  await mkdir(dataDir);
  await writeFile(join(dataDir, "thesis.txt"), "precious");
  await expect(start()).rejects.toMatchObject({ code: "data_dir_foreign" });
  expect(await readFile(join(dataDir, "thesis.txt"), "utf8")).toBe("precious");
});

test("a data directory that others may read is closed again", async () => {
  await (await start()).stop();
  await chmod(dataDir, 0o755);
  await start();
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
});

test.runIf(asRoot)(
  "a data directory that belongs to root is refused with the command",
  async () => {
    await (await start()).stop();
    await run("chown", ["-R", "0:0", dataDir]);
    await expect(start()).rejects.toMatchObject({
      code: "data_dir_permissions",
      message: expect.stringMatching(/chown -R \d+ '/),
    });
  },
);

test("a port that was asked for and is taken is named", async () => {
  const blocker = createServer();
  blocker.listen(0, "127.0.0.1");
  await once(blocker, "listening");
  const address = blocker.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    await expect(start({ port })).rejects.toMatchObject({
      code: "port_taken",
      message: expect.stringContaining(`Port ${port}`),
    });
  } finally {
    blocker.close();
  }
});

test.runIf(asRoot)("it runs below folders that only root may enter", async () => {
  const closed = join(folder, "closed");
  await mkdir(closed, { mode: 0o700 });
  dataDir = join(closed, "postgres");
  const first = await start({ settings: { ...settings, fsync: "on" } });
  await query(first, "create extension pg_trgm");
  process.kill(first.pid, "SIGKILL");
  await first.exited;
  const rows = await query(await start(), "select 'quern' % 'quern' as alike");
  expect(rows).toEqual([{ alike: true }]);
});

test("a data directory with a long path works, a long socket path is named", async () => {
  dataDir = join(folder, "a".repeat(120), "b".repeat(120), "postgres");
  const server = await start();
  expect(await query(server, "select 1 as one")).toEqual([{ one: 1 }]);
  await server.stop();
  await expect(start({ socketDir: join(folder, "c".repeat(90)) })).rejects.toMatchObject({
    code: "socket_path_too_long",
  });
});

test.runIf(asRoot)("a full disk is named", async ({ skip }) => {
  const disk = join(folder, "disk");
  await mkdir(disk);
  const mount = run("mount", ["-t", "tmpfs", "-o", "size=30m", "tmpfs", disk]);
  const mounted = await mount.then(
    () => true,
    () => false,
  );
  skip(!mounted, "root may not mount here");
  try {
    dataDir = join(disk, "postgres");
    await expect(start()).rejects.toMatchObject({
      code: "disk_full",
      message: expect.stringMatching(/has \d+ MiB left/),
    });
  } finally {
    await run("umount", [disk]);
  }
});
