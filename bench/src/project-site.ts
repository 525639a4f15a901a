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

type RunOptions = { no_cache?: boolean; keep?: "auto" | "all" | "tail" };

/** From POST to the rows in hand: two requests. Throws when the job does not complete. */
export async function runHead(
  client: Client,
  project_tree: TreeInput,
  head_sql: string,
  options: RunOptions = {},
): Promise<Job> {
  const { job_id } = await client.call(createJob, {
    body: { project_tree, head_sql, timeout_ms: 600_000, ...options },
  });
  for (;;) {
    const job = await client.call(readJob, {
      params: { id: job_id },
      query: { wait: 30, steps: "false" },
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

/** The embedded server with the settings that sandboxes have where they matter for speed: nothing is forced to disk. */
export async function startPeer(): Promise<Peer> {
  const psql = await installPsql();
  const folder = await mkdtemp(join(tmpdir(), "quern-bench-peer-"));
  const server = await startPostgres({ dataDir: join(folder, "postgres") });
  const admin = new pg.Client({ connectionString: server.url("postgres") });
  await admin.connect();
  for (const name of ["fsync", "synchronous_commit", "full_page_writes", "autovacuum", "jit"])
    await admin.query(`alter system set ${name} = off`);
  await admin.query("select pg_reload_conf()");
  const run = async (database: string, scripts: readonly string[]) => {
    const files = scripts.flatMap((script) => ["-f", script]);
    const child = spawn(psql, ["-XqAt", "-v", "ON_ERROR_STOP=1", ...files, server.url(database)], {
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
