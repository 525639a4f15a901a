/** Trees of files: stored once, named by the SHA-256 of their canonical JSON. */
import { createHash } from "node:crypto";
import { checkTree, type Tree, type TreeInput } from "@quern/contract/project-tree";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { storeContents } from "./blob-writes.ts";
import { nameBlobs } from "./blobs.ts";
import { canonicalJson } from "./canonical-json.ts";
import { Conflict } from "./conflict.ts";
import type { Database } from "./db.ts";

/** By path: the SHA-256 of the bytes in lower-case hex, and how many they are. */
export type TreeFiles = Record<string, { digest: string; size: number }>;
export type StoredTree = { digest: Buffer; files: TreeFiles; file_count: number; bytes: number };

/**
 * Stores the contents that came along and the tree. Call it in the transaction that refers to the tree. Throws `Conflict`:
 * `invalid_tree` naming the paths, or `source_inputs_missing` naming the etags of files to upload. `at` is where it stands in the body.
 */
export async function storeTree(
  db: Database,
  actor: Actor,
  input: TreeInput,
  at = "body.project_tree",
): Promise<StoredTree> {
  refuseUnsound(Object.keys(input), at);
  return keepTree(db, actor.org_id, await resolveFiles(db, actor, input, at));
}

/** Throws `Conflict` (`invalid_tree`) that names the paths. */
export function refuseUnsound(paths: Iterable<string>, at: string): void {
  const problems = checkTree(paths);
  const [first] = problems;
  if (!first) return;
  throw new Conflict(
    "invalid_tree",
    first.path === ""
      ? `The project ${first.message}.`
      : `${JSON.stringify(first.path)} ${first.message}.`,
    problems.slice(0, 100).map(({ path, message }) => ({ path: `${at}.${path}`, message })),
  );
}

async function resolveFiles(
  db: Database,
  actor: Actor,
  input: TreeInput,
  at: string,
): Promise<TreeFiles> {
  const entries = Object.entries(input);
  const sent = entries.flatMap(([path, file]) =>
    "content" in file ? [{ path, bytes: bytesOf(file.content, path, at) }] : [],
  );
  const named = entries.flatMap(([path, file]) =>
    "etag" in file ? [{ path, digest: file.etag.slice("sha256:".length), size: file.size }] : [],
  );
  const digests = [...new Set(named.map(({ digest }) => digest))];
  const known = await nameBlobs(
    db,
    actor,
    digests.map((digest) => Buffer.from(digest, "hex")),
  );
  refuseMissing(digests.filter((digest) => !known.has(digest)));
  const stored = await storeContents(
    db,
    actor,
    sent.map(({ bytes }) => bytes),
  );
  const files = new Map<string, { digest: string; size: number }>();
  sent.forEach(({ path, bytes }, i) => {
    files.set(path, { digest: stored[i]!.toString("hex"), size: bytes.length });
  });
  for (const { path, digest, size } of named) {
    const found = known.get(digest)!;
    if (size !== undefined && size !== found) {
      throw new Conflict(
        "invalid_tree",
        `${JSON.stringify(path)} has ${found} bytes, not ${size}.`,
        [{ path: `${at}.${path}.size`, message: `must be ${found}` }],
      );
    }
    files.set(path, { digest, size: found });
  }
  return Object.fromEntries(files);
}

function bytesOf(content: string, path: string, at: string): Buffer {
  if (content.isWellFormed()) return Buffer.from(content, "utf8");
  throw new Conflict(
    "invalid_tree",
    `The content of ${JSON.stringify(path)} has half of a surrogate pair, which UTF-8 cannot hold. Upload its bytes as a blob.`,
    [{ path: `${at}.${path}.content`, message: "has half of a surrogate pair" }],
  );
}

function refuseMissing(digests: readonly string[]): void {
  if (digests.length === 0) return;
  throw new Conflict(
    "source_inputs_missing",
    `${digests.length === 1 ? "A file is" : `${digests.length} files are`} not on the server. Upload each of \`missing\` with PUT /api/v1/blobs/sha256/{digest}, or send its content, and repeat the request.`,
    undefined,
    digests.map((digest) => `sha256:${digest}`),
  );
}

/** What a tree may be in bytes, all files together. */
const MAX_TREE_BYTES = 2 * 1024 ** 3;

/** Stores a tree whose files are there. Throws `Conflict` (`invalid_tree`) when it is too large. */
export async function keepTree(db: Database, orgId: string, files: TreeFiles): Promise<StoredTree> {
  const json = canonicalJson(files);
  const digest = createHash("sha256").update(json).digest();
  const all = Object.values(files);
  const bytes = all.reduce((sum, { size }) => sum + size, 0);
  if (bytes > MAX_TREE_BYTES) {
    throw new Conflict(
      "invalid_tree",
      `The project has ${bytes} bytes; all of its files together may have ${MAX_TREE_BYTES}.`,
    );
  }
  const tree = { digest, files, file_count: all.length, bytes };
  const { rows: fresh } = await sql`
    insert into trees (org_id, digest, files, file_count, bytes)
    values (${orgId}, ${digest}, ${json}::jsonb, ${all.length}, ${bytes})
    on conflict (org_id, digest) do nothing returning digest`.execute(db);
  if (fresh.length === 0) {
    // Locks it as well: it cannot be swept before this transaction refers to it.
    const { rows: known } = await sql`
      update trees set named_at = now() where org_id = ${orgId} and digest = ${digest} returning digest`.execute(
      db,
    );
    return known.length > 0 ? tree : keepTree(db, orgId, files);
  }
  const blobs = [...new Set(all.map((file) => file.digest))].map((hex) => Buffer.from(hex, "hex"));
  await sql`
    insert into tree_blobs (org_id, tree, blob)
    select ${orgId}, ${digest}, blob from unnest(${blobs}::bytea[]) as named (blob)`.execute(db);
  return tree;
}

/** As clients see it: it can be sent back as it is. */
export function toTree(files: TreeFiles): Tree {
  return Object.fromEntries(
    Object.entries(files).map(([path, { digest, size }]) => [
      path,
      { etag: `sha256:${digest}`, size },
    ]),
  );
}
