/** Storing files of projects. Reading them: blobs.ts. */
import { createHash, randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import { BATCH_BYTES, BLOB_CHUNK_BYTES, nameBlobs, touchBlobs } from "./blobs.ts";
import { Conflict } from "./conflict.ts";
import { type Database, inTransaction } from "./db.ts";

/**
 * Stores what `bytes` gives, which must have the SHA-256 `digest`, and notes that the actor has it. Memory: two chunks. Returns
 * the size. Throws `Conflict` (`digest_mismatch`, `payload_too_large`); then, and when `bytes` throws, nothing is left.
 */
export async function putBlob(
  db: Database,
  actor: Actor,
  digest: Buffer,
  bytes: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<number> {
  const contentId = randomUUID();
  await sql`insert into blob_uploads (content_id) values (${contentId})`.execute(db);
  try {
    const hash = createHash("sha256");
    let size = 0;
    let n = 0;
    for await (const chunk of inChunks(bytes)) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      hash.update(chunk);
      await insertChunk(db, contentId, n, chunk);
      n += 1;
    }
    refuseOther(digest, hash.digest());
    await keepUpload(db, actor, { digest, size, contentId });
    return size;
  } catch (error) {
    await forgetUpload(db, contentId);
    throw error;
  }
}

function tooLarge(maxBytes: number): Conflict {
  return new Conflict(
    "payload_too_large",
    `The file is larger than ${maxBytes} bytes, which is the most that a file of a project may have. An admin can allow more.`,
  );
}

function refuseOther(expected: Buffer, found: Buffer): void {
  if (expected.equals(found)) return;
  throw new Conflict(
    "digest_mismatch",
    `The bytes that arrived have the SHA-256 ${found.toString("hex")}, and the address says ${expected.toString("hex")}. Send them again.`,
  );
}

async function* inChunks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytes) {
    let rest = piece;
    while (length + rest.length >= BLOB_CHUNK_BYTES) {
      const fits = BLOB_CHUNK_BYTES - length;
      yield Buffer.concat([...held, rest.subarray(0, fits)]);
      rest = rest.subarray(fits);
      held = [];
      length = 0;
    }
    // Pieces are views of buffers that the socket uses again.
    if (rest.length > 0) held.push(Buffer.from(rest));
    length += rest.length;
  }
  if (length > 0) yield Buffer.concat(held);
}

async function keepUpload(
  db: Database,
  actor: Actor,
  blob: { digest: Buffer; size: number; contentId: string },
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const fresh = await insertBlobs(trx, actor, [blob]);
    if (fresh.length === 0)
      await sql`delete from blob_chunks where content_id = ${blob.contentId}`.execute(trx);
    await sql`delete from blob_uploads where content_id = ${blob.contentId}`.execute(trx);
  });
}

async function forgetUpload(db: Database, contentId: string): Promise<void> {
  await sql`delete from blob_chunks where content_id = ${contentId}`.execute(db);
  await sql`delete from blob_uploads where content_id = ${contentId}`.execute(db);
}

type NewBlob = { digest: Buffer; size: number; contentId: string };

/** Returns the content ids of those that were not there. In any case the actor is known to have them all. */
async function insertBlobs(
  db: Database,
  actor: Actor,
  blobs: readonly NewBlob[],
): Promise<string[]> {
  // In one order: two that store the same files at once wait for each other, and not in a circle.
  const sorted = blobs.toSorted((one, other) => one.digest.compare(other.digest));
  const digests = sorted.map(({ digest }) => digest);
  const { rows } = await sql<{ content_id: string }>`
    insert into blobs (org_id, digest, size, content_id, created_by)
    select ${actor.org_id}, digest, size, content_id, ${actor.user_id}
    from unnest(${digests}::bytea[], ${sorted.map(({ size }) => size)}::bigint[], ${sorted.map(({ contentId }) => contentId)}::uuid[])
      as sent (digest, size, content_id)
    on conflict (org_id, digest) do nothing
    returning content_id`.execute(db);
  const fresh = rows.map(({ content_id }) => content_id);
  if (fresh.length === blobs.length) return fresh;
  await sql`
    insert into blob_holders (org_id, digest, user_id)
    select org_id, digest, ${actor.user_id} from blobs
    where org_id = ${actor.org_id} and digest = any (${digests}::bytea[]) and created_by is distinct from ${actor.user_id}
    on conflict do nothing`.execute(db);
  await touchBlobs(db, actor.org_id, digests);
  const { rows: there } = await sql<{ digest: Buffer }>`
    select digest from blobs where org_id = ${actor.org_id} and digest = any (${digests}::bytea[])`.execute(
    db,
  );
  if (there.length === blobs.length) return fresh;
  // The sweep took some away at this moment.
  const known = new Set(there.map(({ digest }) => digest.toString("hex")));
  const gone = sorted.filter(({ digest }) => !known.has(digest.toString("hex")));
  return [...fresh, ...(await insertBlobs(db, actor, gone))];
}

/** Many in one statement are sent as text, which is twice as long; one alone is sent as it is. */
const ALONE_BYTES = 64 * 1024;

/** Stores files that came whole. Call it in a transaction. Returns the digest of each, in order. */
export async function storeContents(
  db: Database,
  actor: Actor,
  contents: readonly Buffer[],
): Promise<Buffer[]> {
  const digests = contents.map((content) => createHash("sha256").update(content).digest());
  const byDigest = new Map(
    digests.map((digest, i) => [digest.toString("hex"), { digest, bytes: contents[i]! }]),
  );
  const blobs = [...byDigest.values()].map(({ digest, bytes }) => ({
    digest,
    bytes,
    size: bytes.length,
    contentId: randomUUID() as string,
  }));
  if (blobs.length === 0) return [];
  // An edit sends one file that is new and many that are not.
  const known = await nameBlobs(
    db,
    actor,
    blobs.map(({ digest }) => digest),
  );
  const unknown = blobs.filter(({ digest }) => !known.has(digest.toString("hex")));
  if (unknown.length === 0) return digests;
  const fresh = new Set(await insertBlobs(db, actor, unknown));
  let batch: { contentId: string; n: number; bytes: Buffer }[] = [];
  let size = 0;
  for (const { contentId, bytes } of blobs) {
    if (!fresh.has(contentId)) continue;
    for (let n = 0; n * BLOB_CHUNK_BYTES < bytes.length; n += 1) {
      const chunk = bytes.subarray(n * BLOB_CHUNK_BYTES, (n + 1) * BLOB_CHUNK_BYTES);
      if (chunk.length > ALONE_BYTES) {
        await insertChunk(db, contentId, n, chunk);
        continue;
      }
      batch.push({ contentId, n, bytes: chunk });
      size += chunk.length;
      if (size < BATCH_BYTES) continue;
      await insertChunks(db, batch);
      [batch, size] = [[], 0];
    }
  }
  if (batch.length > 0) await insertChunks(db, batch);
  return digests;
}

async function insertChunk(
  db: Database,
  contentId: string,
  n: number,
  bytes: Buffer,
): Promise<void> {
  await sql`insert into blob_chunks (content_id, n, bytes) values (${contentId}, ${n}, ${bytes})`.execute(
    db,
  );
}

async function insertChunks(
  db: Database,
  chunks: readonly { contentId: string; n: number; bytes: Buffer }[],
): Promise<void> {
  await sql`
    insert into blob_chunks (content_id, n, bytes)
    select * from unnest(${chunks.map(({ contentId }) => contentId)}::uuid[], ${chunks.map(({ n }) => n)}::integer[],
      ${chunks.map(({ bytes }) => bytes)}::bytea[])`.execute(db);
}
