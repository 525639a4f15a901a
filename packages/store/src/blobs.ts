/**
 * Files of projects, by content: bytes in chunks of 1 MiB, named by their SHA-256, once for each organisation. A digest alone
 * gives nobody what somebody else sent: a person may name what they sent, and what projects and jobs that they see have.
 */
import { type RawBuilder, sql } from "kysely";
import type { Actor } from "./actor.ts";
import { readChunks } from "./chunk-bytes.ts";
import type { Database } from "./db.ts";
import { visibleJob, visibleProject } from "./grants.ts";

export const BLOB_CHUNK_BYTES = 1024 ** 2;
/** What one statement carries at most. */
export const BATCH_BYTES = 8 * 1024 ** 2;

/** Notes that they are named now, so that the sweep spares them for a day. */
export async function touchBlobs(
  db: Database,
  orgId: string,
  digests: readonly Buffer[],
): Promise<void> {
  await sql`
    update blobs set named_at = now()
    where org_id = ${orgId} and digest = any (${digests}::bytea[]) and named_at < now() - interval '1 hour'`.execute(
    db,
  );
}

/** Says of a row of `blobs` that the actor has shown to have it, or sees a project or a job that has it. */
function visibleBlob(actor: Actor): RawBuilder<boolean> {
  if (actor.role === "admin") return sql`(blobs.org_id = ${actor.org_id})`;
  return sql`(blobs.org_id = ${actor.org_id} and (
    blobs.created_by = ${actor.user_id}
    or exists (
      select from blob_holders
      where blob_holders.org_id = blobs.org_id and blob_holders.digest = blobs.digest and blob_holders.user_id = ${actor.user_id})
    or exists (
      select from tree_blobs
      where tree_blobs.org_id = blobs.org_id and tree_blobs.blob = blobs.digest and (
        exists (
          select from project_versions join projects on projects.id = project_versions.project_id
          where project_versions.org_id = tree_blobs.org_id and project_versions.tree = tree_blobs.tree and ${visibleProject(actor)})
        or exists (
          select from jobs
          where jobs.org_id = tree_blobs.org_id and jobs.tree = tree_blobs.tree and ${visibleJob(actor)})))))`;
}

/** Sizes by digest (hex) of those that the actor may name; they are spared by the sweep for a day. */
export async function nameBlobs(
  db: Database,
  actor: Actor,
  digests: readonly Buffer[],
): Promise<Map<string, number>> {
  if (digests.length === 0) return new Map();
  await touchBlobs(db, actor.org_id, digests);
  const { rows } = await sql<{ digest: Buffer; size: number }>`
    select digest, size from blobs
    where org_id = ${actor.org_id} and digest = any (${digests}::bytea[]) and ${visibleBlob(actor)}`.execute(
    db,
  );
  return new Map(rows.map(({ digest, size }) => [digest.toString("hex"), size]));
}

/** The size of a file that the actor may read; undefined when there is none. */
export async function findBlob(
  db: Database,
  actor: Actor,
  digest: Buffer,
): Promise<number | undefined> {
  const { rows } = await sql<{ size: number }>`
    select size from blobs where digest = ${digest} and ${visibleBlob(actor)}`.execute(db);
  return rows[0]?.size;
}

export class MissingBlobError extends Error {
  override name = "MissingBlobError";
  constructor(digest: Buffer) {
    super(`the bytes of sha256:${digest.toString("hex")} are not there`);
  }
}

/** Its bytes, chunk by chunk. `db` is no transaction. Throws MissingBlobError when it goes away meanwhile, or was never there. */
export async function* readBlob(
  db: Database,
  orgId: string,
  digest: Buffer,
): AsyncGenerator<Buffer> {
  const { rows } = await sql<{ content_id: string; size: number }>`
    select content_id, size from blobs where org_id = ${orgId} and digest = ${digest}`.execute(db);
  if (!rows[0]) throw new MissingBlobError(digest);
  const { content_id, size } = rows[0];
  const count = Math.ceil(size / BLOB_CHUNK_BYTES);
  const read = (from: number) => {
    const to = Math.min(from + CHUNKS_AT_ONCE, count);
    const chunks = readChunks(db, content_id, from, to);
    // It is awaited when its turn comes, unless its reader has gone by then.
    chunks.catch(() => {});
    return { from, to, chunks };
  };
  for (let now = count > 0 ? read(0) : null; now !== null; ) {
    const { from, to } = now;
    const chunks = await now.chunks;
    if (chunks.length !== to - from) throw new MissingBlobError(digest);
    // Those that follow come while these are used.
    now = to < count ? read(to) : null;
    yield* chunks;
  }
}

/** Read by one statement; twice as many are in memory. */
const CHUNKS_AT_ONCE = 4;

/**
 * Files of at most a chunk, whole, by digest (hex): one statement for 8 MiB of them. Larger ones and those that are not there are
 * left out.
 */
export async function readSmallBlobs(
  db: Database,
  orgId: string,
  files: readonly { digest: string; size: number }[],
): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const small = files.filter(({ size }) => size <= BLOB_CHUNK_BYTES);
  for (const batch of batches(small)) {
    const digests = batch.map(({ digest }) => Buffer.from(digest, "hex"));
    const { rows } = await sql<{ digest: Buffer; bytes: Buffer | null }>`
      select blobs.digest, blob_chunks.bytes from blobs
      left join blob_chunks on blob_chunks.content_id = blobs.content_id and blob_chunks.n = 0
      where blobs.org_id = ${orgId} and blobs.digest = any (${digests}::bytea[]) and blobs.size <= ${BLOB_CHUNK_BYTES}`.execute(
      db,
    );
    for (const { digest, bytes } of rows)
      found.set(digest.toString("hex"), bytes ?? Buffer.alloc(0));
  }
  return found;
}

function* batches<T extends { size: number }>(files: readonly T[]): Generator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length > 0 && bytes + file.size > BATCH_BYTES) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(file);
    bytes += file.size;
  }
  if (batch.length > 0) yield batch;
}
