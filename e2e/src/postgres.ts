/** Vitest's global set-up: one embedded PostgreSQL for the whole test run, thrown away at its end. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@quern/postmaster/postmaster";
import type { TestServer } from "@quern/store/testing";
// Brings in the module whose ProvidedContext store/testing.ts adds `postgres` to.
import type {} from "vitest";
import type { TestProject } from "vitest/node";

/** No test survives a power loss, so nothing is flushed; many test files share the connections. */
const SETTINGS = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: "200",
  shared_buffers: "64MB",
  log_min_messages: "fatal",
};

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "quern-test-"));
  const postgres = await startPostgres({ dataDir: join(folder, "postgres"), settings: SETTINGS });
  const server: TestServer = {
    host: postgres.host,
    port: postgres.port,
    socketDir: postgres.socketDir,
    user: postgres.superuser,
    password: postgres.password,
  };
  project.provide("postgres", server);
  return async () => {
    await postgres.stop("immediate");
    await rm(folder, { recursive: true, force: true });
  };
}
