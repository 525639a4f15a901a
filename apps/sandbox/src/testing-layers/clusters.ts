/** What real servers leave when they are stopped. Only tests may import this file. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@quern/postmaster/postmaster";
import { testUrl } from "@quern/store/testing";
import pg from "pg";
import { CRC_AT, crc32c } from "../layers/control-file.ts";
import type { RealCluster } from "./pgdata.ts";

const DB_SHUTDOWNED = 1;

/** A server that was started, given `sql`, and stopped. */
export async function realCluster(
  work: (url: string) => Promise<void> = async () => {},
): Promise<RealCluster> {
  const folder = await mkdtemp(join(tmpdir(), "quern-layers-"));
  const directory = join(folder, "pg");
  const server = await startPostgres({ dataDir: directory, settings: { fsync: "off" } });
  try {
    await work(server.url("postgres"));
  } finally {
    await server.stop();
  }
  return { directory, remove: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * What `smallPgdata` needs, without starting a server: the control file of the test run's own, made to say that it was
 * stopped.
 */
export async function stoppedCluster(): Promise<RealCluster> {
  if (process.platform !== "linux") return realCluster();
  const directory = await mkdtemp(join(tmpdir(), "quern-layers-"));
  const client = new pg.Client({ connectionString: testUrl("postgres") });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    const running = `/proc/${rows[0]!.pid}/cwd`;
    const control = await readFile(join(running, "global/pg_control"));
    control.writeUInt32LE(DB_SHUTDOWNED, 16);
    const crcAt = CRC_AT[control.readUInt32LE(8)]!;
    control.writeUInt32LE(crc32c(control.subarray(0, crcAt)), crcAt);
    await mkdir(join(directory, "global"));
    await writeFile(join(directory, "global/pg_control"), control);
    await cp(join(running, "PG_VERSION"), join(directory, "PG_VERSION"));
  } finally {
    await client.end();
  }
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
