/** The versions of PostgreSQL that npm brought for this platform: what they are and which extensions they carry. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type Binaries, packagedBinaries, runnableBinaries } from "./binaries.ts";
import { type ExtensionControl, readExtensionControls } from "./extension-controls.ts";
import type { OsUser } from "./os-user.ts";
import { PostmasterError, systemCode } from "./postmaster-error.ts";

export const MAJORS = [18, 17, 16, 15, 14, 13] as const;

export type PackagedEngine = {
  binaries: Binaries;
  /** The folder that holds bin, lib and share. */
  home: string;
  /** As npm has it, such as `18.4.0-beta.17`. */
  package_version: string;
  /** Lower-case hex sha256 of all files that can change what the server does. */
  digest: string;
  extensions: ExtensionControl[];
};

/**
 * Every installed version, newest first, made runnable for `user` (null: ourselves); a copy, when
 * one is needed, goes under `copyParent`. `cacheDir` remembers digests by what `stat` says of the files.
 */
export async function installedEngines(
  user: OsUser | null,
  copyParent: string,
  cacheDir: string,
): Promise<PackagedEngine[]> {
  const found: PackagedEngine[] = [];
  for (const major of MAJORS) {
    const source = installedSource(major);
    if (source === null) continue;
    const binaries = await runnableBinaries(user, copyParent, source);
    const home = resolve(dirname(binaries.postgres), "..");
    found.push({
      binaries,
      home,
      package_version: await packageVersion(source),
      digest: await digestOf(source, cacheDir),
      extensions: await readExtensionControls(join(home, "share/postgresql/extension")),
    });
  }
  return found;
}

function installedSource(major: number): string | null {
  try {
    return packagedBinaries(major);
  } catch (error) {
    if (error instanceof PostmasterError && error.code === "unsupported_platform") return null;
    throw error;
  }
}

async function packageVersion(source: string): Promise<string> {
  const manifest: { version: string } = JSON.parse(
    await readFile(join(dirname(source), "package.json"), "utf8"),
  );
  return manifest.version;
}

/**
 * Over paths and contents below `bin`, `lib` and `share`, framed by lengths. Links are left out:
 * they are made anew wherever the files lie, and what they name is hashed itself.
 */
async function digestOf(source: string, cacheDir: string): Promise<string> {
  const files = await listFiles(source, "");
  const seen = createHash("sha256");
  for (const file of files) {
    const { size, mtimeMs, ino } = await stat(join(source, file));
    seen.update(`${file}\0${size}\0${mtimeMs}\0${ino}\n`);
  }
  const cached = join(cacheDir, `engine-${seen.digest("hex")}`);
  const known = await readIfPresent(cached);
  if (known !== null && /^[0-9a-f]{64}$/.test(known)) return known;
  const hash = createHash("sha256").update("quern/engine/v1\n");
  for (const file of files) await addFile(hash, source, file);
  const digest = hash.digest("hex");
  await mkdir(cacheDir, { recursive: true });
  await writeFile(`${cached}.${process.pid}`, digest);
  await rename(`${cached}.${process.pid}`, cached);
  return digest;
}

async function addFile(hash: Hash, source: string, file: string): Promise<void> {
  const { size } = await stat(join(source, file));
  hash.update(`${Buffer.byteLength(file)}:${file}${size}:`);
  for await (const chunk of createReadStream(join(source, file))) hash.update(chunk);
}

async function listFiles(root: string, below: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    // Headers and static libraries are for compilers.
    if (entry.isDirectory() && entry.name !== "include" && entry.name !== "pgxs") {
      found.push(...(await listFiles(root, path)));
    } else if (entry.isFile() && below !== "" && !entry.name.endsWith(".a")) {
      found.push(path);
    }
  }
  return found.sort();
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}
