/** A folder as a project's tree: every file with its size and digest. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { checkTree, MAX_TREE_FILES } from "@quern/contract/project-tree";
import { CliError, EXIT, systemCode } from "../faults.ts";
import { DEFAULT_RULES, isIgnored, type Rule, rulesOf } from "./ignore.ts";

export type CollectedFile = {
  /** In the tree: with `/`, from the folder on. */
  path: string;
  /** On this machine. */
  file: string;
  size: number;
  /** `sha256:` and 64 hexadecimal digits, as the API names contents. */
  digest: string;
};

const IGNORE_FILE = ".quernignore";
const READ_AT_ONCE = 16;

/**
 * The files of a folder in the order of their paths, without those that `.quernignore` leaves out. Links that stay inside are
 * followed. Throws `CliError` for a link that leaves the folder or goes round, and for paths that a project cannot have.
 */
export async function collect(folder: string): Promise<CollectedFile[]> {
  const found = await listFiles(folder);
  const files: CollectedFile[] = new Array(found.length);
  let next = 0;
  const work = async () => {
    for (let at = next++; at < found.length; at = next++) {
      const { path, file, size } = found[at]!;
      files[at] = { path, file, size, digest: await digestOf(file) };
    }
  };
  await Promise.all(Array.from({ length: READ_AT_ONCE }, work));
  return files;
}

export type FoundFile = Omit<CollectedFile, "digest"> & { changed_ms: number };

/** The same files without a look into them, by when they were changed. */
export async function listFiles(folder: string): Promise<FoundFile[]> {
  const root = await rootOf(folder);
  const found: FoundFile[] = [];
  await walk({ root, found }, "", DEFAULT_RULES, [root]);
  found.sort((a, b) => (a.path < b.path ? -1 : 1));
  const [wrong] = checkTree(found.map(({ path }) => path));
  if (wrong) throw new CliError(`${JSON.stringify(wrong.path)} ${wrong.message}`, EXIT.usage);
  return found;
}

/** The folder itself, without links. Throws `CliError` when it is none. */
async function rootOf(folder: string): Promise<string> {
  try {
    const root = await realpath(folder);
    if ((await stat(root)).isDirectory()) return root;
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    throw new CliError(`There is no folder ${folder}`, EXIT.usage);
  }
  throw new CliError(`${folder} is a file; a project is a folder of SQL files`, EXIT.usage);
}

type Walk = { root: string; found: FoundFile[] };

/** `above`: the real folders that this one is in, to notice a link that goes round. */
async function walk(
  walked: Walk,
  prefix: string,
  rules: readonly Rule[],
  above: readonly string[],
): Promise<void> {
  const folder = above.at(-1)!;
  const entries = await readdir(folder, { withFileTypes: true });
  const own = entries.some(({ name }) => name === IGNORE_FILE)
    ? [...rules, ...rulesOf(await readFile(join(folder, IGNORE_FILE), "utf8"), prefix)]
    : rules;
  for (const entry of entries) {
    const path = prefix + entry.name;
    const file = join(folder, entry.name);
    // A link may be a folder: then rules for folders alone fit it only once it is known.
    if (isIgnored(own, path, entry.isDirectory())) continue;
    const real = entry.isSymbolicLink() ? await followed(walked.root, path, file) : file;
    const info = await stat(real);
    if (info.isDirectory()) {
      if (isIgnored(own, path, true)) continue;
      if (above.includes(real))
        throw new CliError(`${path} is a link to a folder that it is in. ${LEAVE_OUT}`, EXIT.usage);
      await walk(walked, `${path}/`, own, [...above, real]);
    } else if (info.isFile()) {
      walked.found.push({ path, file: real, size: info.size, changed_ms: info.mtimeMs });
      if (walked.found.length > MAX_TREE_FILES) throw tooMany(walked.root);
    } else {
      throw new CliError(`${path} is neither a file nor a folder. ${LEAVE_OUT}`, EXIT.usage);
    }
  }
}

const LEAVE_OUT = `Name it in ${IGNORE_FILE} to leave it out.`;

async function followed(root: string, path: string, file: string): Promise<string> {
  let real: string;
  try {
    real = await realpath(file);
  } catch (error) {
    const code = systemCode(error);
    if (code !== "ENOENT" && code !== "ELOOP") throw error;
    throw new CliError(`${path} is a link to nothing. ${LEAVE_OUT}`, EXIT.usage);
  }
  if (relative(root, real).split(sep)[0] === "..")
    throw new CliError(`${path} is a link that leaves the folder. ${LEAVE_OUT}`, EXIT.usage);
  return real;
}

function tooMany(root: string): CliError {
  const words = `There are more than ${MAX_TREE_FILES} files in ${root}. Name what is no part of the project in ${IGNORE_FILE}.`;
  return new CliError(words, EXIT.usage);
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest("hex")}`;
}
