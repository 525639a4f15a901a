/** Directories that pass for a stopped server's. Only tests may import this file. */
import { randomBytes } from "node:crypto";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export type RealCluster = {
  /** PGDATA after a clean stop; `<directory>.password` lies beside it. */
  directory: string;
  remove(): Promise<void>;
};

/** The few files by which a stopped server is known, and one of `bytes` random bytes. */
export async function smallPgdata(
  cluster: RealCluster,
  to: string,
  bytes = 20_000,
): Promise<string> {
  await mkdir(join(to, "global"), { recursive: true, mode: 0o700 });
  await mkdir(join(to, "pg_tblspc"));
  await mkdir(join(to, "base"));
  for (const file of ["PG_VERSION", "global/pg_control"])
    await cp(join(cluster.directory, file), join(to, file));
  await writeFile(join(to, "base/1"), randomBytes(bytes));
  return to;
}
