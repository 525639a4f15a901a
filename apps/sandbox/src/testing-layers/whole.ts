/** Directories of which one can see whether they are whole. Only tests may import this file. */
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RealCluster, smallPgdata } from "./pgdata.ts";

const FILES = 12;

/** A stopped server's directory for the state of that name, with files whose list is written last. */
export async function wholeState(
  cluster: Pick<RealCluster, "directory">,
  to: string,
  name: string,
): Promise<string> {
  await smallPgdata({ directory: cluster.directory, remove: async () => {} }, to, 100);
  const digests: Record<string, string> = {};
  for (let n = 0; n < FILES; n++) {
    const bytes = randomBytes(3000);
    await writeFile(join(to, "base", `file-${n}`), bytes);
    digests[`file-${n}`] = createHash("sha256").update(bytes).digest("hex");
  }
  await writeFile(join(to, "base/list.json"), JSON.stringify({ name, digests }));
  return to;
}

/** What is wrong with such a directory; null: nothing, it is all of that state. */
export async function whatIsWrong(directory: string, name: string): Promise<string | null> {
  const text = await readFile(join(directory, "base/list.json"), "utf8").catch(String);
  if (text.startsWith("Error")) return text;
  const list = JSON.parse(text) as { name: string; digests: Record<string, string> };
  if (list.name !== name) return `it is ${list.name}, and should be ${name}`;
  for (const [file, digest] of Object.entries(list.digests)) {
    const bytes = await readFile(join(directory, "base", file)).catch(() => null);
    if (bytes === null) return `${file} is missing`;
    if (createHash("sha256").update(bytes).digest("hex") !== digest) return `${file} differs`;
  }
  const names = await readdir(join(directory, "base"));
  return names.length === FILES + 2 ? null : `it holds ${names.join(", ")}`;
}
