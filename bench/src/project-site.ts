/** Jobs over HTTP as a program makes them, and a server beside on which `psql` runs the same files. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@quern/contract/client";
import { createJob, type Job, readJob } from "@quern/contract/jobs";
import type { TreeInput } from "@quern/contract/project-tree";
import { startPostgres } from "@quern/postmaster/postmaster";
import pg from "pg";
import { type ChainFile, writeChain } from "./project-chains.ts";
import { installPsql } from "./psql.ts";

export function treeOf(files: readonly ChainFile[]): TreeInput {
  return Object.fromEntries(files.map(({ path, content }) => [path, { content }]));
}

type RunOptions = {
  no_cache?: boolean;
  keep?: "auto" | "all" | "tail";
  /** The answer lists what each file took. */
  steps?: boolean;
};

/** From POST to the rows in hand: two requests. Throws when the job does not complete. */
export async function runHead(
  client: Client,
  project_tree: TreeInput,
  head_sql: string,
  { steps = false, ...options }: RunOptions = {},
): Promise<Job> {
  const { job_id } = await client.call(createJob, {
    body: { project_tree, head_sql, timeout_ms: 600_000, ...options },
  });
  for (;;) {
    const job = await client.call(readJob, {
      params: { id: job_id },
      query: { wait: 30, steps: steps ? "true" : "false" },
    });
    if (job.status === "completed") return job;
    if (job.status === "failed" || job.status === "canceled")
      throw new Error(`job ${job_id} ${job.status}: ${JSON.stringify(job.error)}`);
  }
}

export type Peer = {
  /** A connection to the server's own database. */
  admin: pg.Client;
  /** Makes an empty database of that name. */
  make(database: string): Promise<void>;
  /** Runs the files in a database by psql: one process for all of them, or one for each. */
  psql(database: string, files: readonly ChainFile[], processes: "one" | "each"): Promise<void>;
  /** Connects, runs it and ends. */
  query(database: string, text: string): Promise<unknown[][]>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** Settings of sandboxes, as far as they matter for speed: nothing is forced to disk, and nothing happens in the background. */
const SETTINGS = {
  ...{ fsync: "off", synchronous_commit: "off", full_page_writes: "off", autovacuum: "off" },
  ...{ wal_level: "minimal", max_wal_senders: "0", wal_recycle: "off", wal_init_zero: "off" },
  ...{ max_wal_size: "1GB", checkpoint_timeout: "1h", shared_buffers: "32MB", jit: "off" },
  ...{ max_parallel_workers_per_gather: "0", max_parallel_maintenance_workers: "0" },
  ...{ io_method: "sync", huge_pages: "off" },
};

/** The embedded server with the settings that sandboxes have; psql reaches it by its Unix socket, as executors reach sandboxes. */
export async function startPeer(): Promise<Peer> {
  const psql = await installPsql();
  const folder = await mkdtemp(join(tmpdir(), "quern-bench-peer-"));
  const server = await startPostgres({ dataDir: join(folder, "postgres"), settings: SETTINGS });
  const admin = new pg.Client({ connectionString: server.url("postgres") });
  await admin.connect();
  const run = async (database: string, scripts: readonly string[]) => {
    const files = scripts.flatMap((script) => ["-f", script]);
    const where = ["-h", server.socketDir, "-p", String(server.port), "-U", server.superuser];
    const options = ["-XqAt", "-v", "ON_ERROR_STOP=1", ...files, ...where, database];
    const child = spawn(psql, options, {
      env: { PATH: process.env.PATH ?? "", PGPASSWORD: server.password },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`psql ended with ${code}`);
  };
  return {
    admin,
    async make(database) {
      await admin.query(`create database ${database}`);
    },
    async psql(database, files, processes) {
      const scripts = files.map(({ path }) => join(folder, database, path));
      await writeChain(join(folder, database), files);
      if (processes === "one") await run(database, scripts);
      else for (const script of scripts) await run(database, [script]);
    },
    async query(database, text) {
      const client = new pg.Client({ connectionString: server.url(database) });
      await client.connect();
      const { rows } = await client.query<unknown[]>({ text, rowMode: "array" });
      await client.end();
      return rows;
    },
    async [Symbol.asyncDispose]() {
      await admin.end();
      await server.stop("fast");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
