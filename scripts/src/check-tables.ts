/**
 * Checks that packages/store/src/tables.gen.ts is what the migrations make, on a server of its own;
 * with --write it writes the file anew. Migrations are applied twice: the second time nothing may happen.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startPostgres } from "@quern/postmaster/postmaster";
import { migrate } from "@quern/store/migrate";

const ROOT = resolve(import.meta.dirname, "../..");

const folder = await mkdtemp(join(tmpdir(), "quern-tables-"));
const server = await startPostgres({
  dataDir: join(folder, "postgres"),
  settings: { fsync: "off" },
});
try {
  const url = server.url("postgres");
  await migrate(url);
  const { applied } = await migrate(url);
  if (applied.length > 0) fail(`A second migration applied ${applied.join(", ")} again.`);
  const verify = process.argv.includes("--write") ? [] : ["--", "--verify"];
  const args = ["run", "tables", "--silent", "-w", "@quern/store", ...verify];
  const codegen = spawn("npm", args, {
    cwd: ROOT,
    env: { ...process.env, DATABASE_URL: url },
    stdio: "inherit",
  });
  const [code] = await once(codegen, "exit");
  if (code !== 0)
    fail("packages/store/src/tables.gen.ts is not what the migrations make. Run make tables.");
} finally {
  await server.stop("immediate");
  await rm(folder, { recursive: true, force: true });
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
