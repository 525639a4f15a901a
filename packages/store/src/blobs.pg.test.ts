import { createHash, randomBytes } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Actor } from "./actor.ts";
import { putBlob } from "./blob-writes.ts";
import { BLOB_CHUNK_BYTES, MissingBlobError, readBlob } from "./blobs.ts";
import { type Database, inTransaction, openDatabase, poolState } from "./db.ts";
import { freshDatabase, type TestDatabase } from "./testing.ts";
import { makeActor } from "./testing-fixtures.ts";

let database: TestDatabase;
let db: Database;
let actor: Actor;

beforeAll(async () => {
  database = await freshDatabase();
  db = openDatabase(database.url);
  actor = await makeActor(db, "editor");
});

afterAll(async () => {
  await db.destroy();
  await database.drop();
});

async function put(bytes: Buffer): Promise<Buffer> {
  const digest = createHash("sha256").update(bytes).digest();
  await putBlob(
    db,
    actor,
    digest,
    (async function* () {
      yield bytes;
    })(),
    1024 ** 3,
  );
  return digest;
}

async function read(digest: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readBlob(db, actor.org_id, digest)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("a file comes back as it was stored, whatever its bytes and its length", async () => {
  const sizes = [
    0,
    1,
    BLOB_CHUNK_BYTES - 1,
    BLOB_CHUNK_BYTES,
    4 * BLOB_CHUNK_BYTES,
    9 * BLOB_CHUNK_BYTES + 7,
  ];
  for (const size of sizes) {
    const bytes = randomBytes(size);
    const digest = await put(bytes);
    const found = await read(digest);
    expect(found.equals(bytes), `a file of ${size} bytes`).toBe(true);
  }
  // Not one connection is kept back.
  const { open, idle } = poolState(db);
  expect(idle).toBe(open);
});

test("a reader that stops early leaves the connections to others", async () => {
  const digest = await put(randomBytes(6 * BLOB_CHUNK_BYTES));
  for (let n = 0; n < 20; n += 1) {
    for await (const chunk of readBlob(db, actor.org_id, digest)) {
      expect(chunk.length).toBe(BLOB_CHUNK_BYTES);
      break;
    }
  }
  expect((await read(digest)).length).toBe(6 * BLOB_CHUNK_BYTES);
});

test("a file of which a chunk is gone is missing, and so is one that never came", async () => {
  const digest = await put(randomBytes(6 * BLOB_CHUNK_BYTES));
  await sql`
    delete from blob_chunks using blobs
    where blobs.content_id = blob_chunks.content_id and blobs.digest = ${digest} and n = 4`.execute(
    db,
  );
  await expect(read(digest)).rejects.toThrow(MissingBlobError);
  await expect(read(randomBytes(32))).rejects.toThrow(MissingBlobError);
});

test("a connection that breaks while a file is read is not used again", async () => {
  const digest = await put(randomBytes(2 * BLOB_CHUNK_BYTES));
  await sql`alter table blob_chunks rename to blob_chunks_aside`.execute(db);
  await expect(read(digest)).rejects.toThrow("blob_chunks");
  await sql`alter table blob_chunks_aside rename to blob_chunks`.execute(db);
  expect((await read(digest)).length).toBe(2 * BLOB_CHUNK_BYTES);
});

test("it is not read in a transaction, which has one connection only", async () => {
  const digest = await put(randomBytes(1));
  const reading = inTransaction(db, (trx) => readBlob(trx, actor.org_id, digest).next());
  await expect(reading).rejects.toThrow(TypeError);
});
