import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@quern/contract/client";
import type { PostgresConfig } from "@quern/contract/datasources";
import { startPostgres } from "@quern/postmaster/postmaster";
import { openDatabase } from "@quern/store/db";
import { ensureKeys } from "@quern/store/keys";
import { addMember, findActor } from "@quern/store/members";
import { migrate } from "@quern/store/migrate";
import { createToken } from "@quern/store/tokens";
import { sql } from "kysely";

export type Benched = {
  url: string;
  databaseUrl: string;
  /** An admin's, and the client that acts by it. */
  token: string;
  client: Client;
  /** Clients of further admins, since each person's queue is bounded. */
  addPeople(count: number): Promise<Client[]>;
  startRunner(): Promise<void>;
  /** Bytes. */
  runnerPeakRss(): Promise<number>;
  /** Bytes of the sandbox's process, and of the executor of its that had most in its last run. */
  sandboxPeakRss(): Promise<{ sandbox: number; executor: number }>;
  /** A PostgreSQL to query: another database of the same server. */
  target: { config: PostgresConfig; password: string };
  [Symbol.asyncDispose](): Promise<void>;
};

export type BenchedOptions = {
  slots?: number;
  runner?: boolean;
  /** Settings of a sandbox process, which is started then. */
  sandbox?: Record<string, string>;
};

/** PostgreSQL, the API and a runner as real processes, on a folder of their own, and an admin's client. */
export async function startBenched(options: BenchedOptions = {}): Promise<Benched> {
  const directory = await mkdtemp(join(tmpdir(), "quern-bench-"));
  const postgres = await startPostgres({ dataDir: join(directory, "postgres") });
  const databaseUrl = postgres.url("postgres");
  await migrate(databaseUrl);
  const keys = join(directory, "keys");
  await ensureKeys(keys);
  const settings = {
    PATH: process.env.PATH ?? "",
    DATABASE_URL: databaseUrl,
    QUERN_KEYS: keys,
    QUERN_DATA_DIR: directory,
    QUERN_RESULTS: `file:${join(directory, "results")}`,
    LOG_LEVEL: "error",
    ...(options.slots ? { QUERN_RUNNER_SLOTS: String(options.slots) } : {}),
  };
  const api = await startProcess("api", { ...settings, PORT: "0" });
  let runner: Awaited<ReturnType<typeof startProcess>> | undefined;
  const startRunner = async () => {
    runner = await startProcess("runner", settings);
  };
  if (options.runner !== false) await startRunner();
  const sandbox =
    options.sandbox &&
    (await startProcess("sandbox", {
      ...settings,
      QUERN_SANDBOX_PROXY_ADDR: "off",
      ...options.sandbox,
    }));
  const token = await adminToken(databaseUrl);
  return {
    url: api.address,
    databaseUrl,
    token,
    client: createClient(api.address, token),
    async addPeople(count) {
      const clients: Client[] = [];
      for (let n = 0; n < count; n++)
        clients.push(createClient(api.address, await adminToken(databaseUrl)));
      return clients;
    },
    startRunner,
    runnerPeakRss: () => peakRss(runner!.pid),
    async sandboxPeakRss() {
      const { pid } = sandbox!;
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
      const executors = await Promise.all(children.split(" ").filter(Boolean).map(executorPeakRss));
      return { sandbox: await peakRss(pid), executor: Math.max(0, ...executors) };
    },
    target: {
      config: {
        host: postgres.host,
        port: postgres.port,
        database: "template1",
        user: postgres.superuser,
        sslmode: "disable",
        read_only: true,
      },
      password: postgres.password,
    },
    async [Symbol.asyncDispose]() {
      await api.stop();
      await runner?.stop();
      await sandbox?.stop();
      await postgres.stop("fast");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function peakRss(pid: number | string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

/** 0 for a child that is no executor. */
async function executorPeakRss(pid: string): Promise<number> {
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8");
  return command.includes("/executor/") ? peakRss(pid) : 0;
}

async function startProcess(app: "api" | "runner" | "sandbox", env: Record<string, string>) {
  const main = fileURLToPath(new URL(`../../apps/${app}/dist/main.js`, import.meta.url));
  const child = spawn(process.execPath, [main], {
    env,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  const [message] = (await Promise.race([
    once(child, "message"),
    exited.then(() => Promise.reject(new Error(`the ${app} did not start`))),
  ])) as [{ address?: string }];
  return {
    address: message.address ?? "",
    pid: child.pid!,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function adminToken(databaseUrl: string): Promise<string> {
  const db = openDatabase(databaseUrl);
  const { rows } = await sql<{ id: string }>`select id from orgs`.execute(db);
  const id = await addMember(db, rows[0]!.id, {
    email: `bench-${randomUUID()}@example.test`,
    name: "Bench",
    role: "admin",
  });
  const actor = await findActor(db, id);
  const { token } = await createToken(db, { ...actor!, token_id: null }, "bench", 1);
  await db.destroy();
  return token;
}
