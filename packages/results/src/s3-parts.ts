/** Parts in S3. Every request has a deadline; the SDK tries it again within that. */
import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { checkKey, PartStoreError, type StoredPrefix } from "./part-keys.ts";
import type { PartSource } from "./read/source.ts";
import { weightedCache } from "./read/weighted-cache.ts";
import { connectS3, type S3Store, s3Error } from "./s3-store.ts";

const REQUEST_MS = 30_000;
/** A part that takes longer than a second for this much, and this at least, will not come. */
const SLOWEST_BYTES_PER_MS = 256;
const UPLOAD_CHUNK_BYTES = 8 * 1024 * 1024;
const RANGES_KEPT_BYTES = 32 * 1024 * 1024;
const MAX_KEPT_RANGE_BYTES = 2 * 1024 * 1024;

/** Ranges of all parts that were read lately: pages ask for the same metadata and row groups again. */
const ranges = weightedCache<ArrayBuffer>(RANGES_KEPT_BYTES, ({ byteLength }) => byteLength);

export async function openS3Part(store: S3Store, key: string, size: number): Promise<PartSource> {
  const id = `${store.bucket}/${nameOf(store, key)}`;
  return {
    id: key,
    byteLength: size,
    async slice(start, end = size) {
      const stop = Math.min(end, size);
      if (stop <= start) return new ArrayBuffer(0);
      const range = `${id} ${start}-${stop}`;
      const known = ranges.get(range);
      if (known !== undefined) return known;
      const bytes = await readRange(store, key, start, stop);
      if (bytes.byteLength <= MAX_KEPT_RANGE_BYTES) ranges.set(range, bytes);
      return bytes;
    },
  };
}

async function readRange(
  store: S3Store,
  key: string,
  start: number,
  stop: number,
): Promise<ArrayBuffer> {
  try {
    const { s3, sdk } = await connectS3(store);
    const { Body } = await s3.send(
      new sdk.GetObjectCommand({
        ...objectOf(store, key),
        Range: `bytes=${start}-${stop - 1}`,
      }),
      { abortSignal: deadline(stop - start) },
    );
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
    if (bytes.length !== stop - start)
      throw new PartStoreError("the object is shorter than it was");
    return new Uint8Array(bytes).buffer;
  } catch (error) {
    throw s3Error(`could not read ${key}`, error);
  }
}

/** Uploads the file, in several pieces when it is large, and then removes it here. */
export async function putS3(store: S3Store, key: string, from: string): Promise<void> {
  try {
    const { s3 } = await connectS3(store);
    const { Upload } = await import("@aws-sdk/lib-storage");
    const { size } = await stat(from);
    const upload = new Upload({
      client: s3,
      params: { ...objectOf(store, key), Body: createReadStream(from) },
      partSize: UPLOAD_CHUNK_BYTES,
      queueSize: 2,
    });
    const tooLate = deadline(size);
    const abort = () => void upload.abort();
    tooLate.addEventListener("abort", abort);
    await upload.done().finally(() => tooLate.removeEventListener("abort", abort));
    await rm(from);
  } catch (error) {
    throw s3Error(`could not keep ${key}`, error);
  }
}

export async function fetchS3(store: S3Store, key: string, to: string): Promise<void> {
  try {
    const { s3, sdk } = await connectS3(store);
    const { Body, ContentLength = 0 } = await s3.send(
      new sdk.GetObjectCommand(objectOf(store, key)),
      {
        abortSignal: deadline(0),
      },
    );
    if (!(Body instanceof Readable)) throw new PartStoreError("the store gave no object");
    await pipeline(Body, createWriteStream(to, { mode: 0o600 }), {
      signal: deadline(ContentLength),
    });
    if ((await stat(to)).size !== ContentLength)
      throw new PartStoreError("the object came only in part");
  } catch (error) {
    throw s3Error(`could not read ${key}`, error);
  }
}

export async function hasS3(store: S3Store, key: string): Promise<boolean> {
  try {
    const { s3, sdk } = await connectS3(store);
    await s3.send(new sdk.HeadObjectCommand(objectOf(store, key)), { abortSignal: deadline(0) });
    return true;
  } catch (error) {
    if (error instanceof Error && (error.name === "NotFound" || error.name === "NoSuchKey"))
      return false;
    throw s3Error(`could not look for ${key}`, error);
  }
}

export async function deleteS3(store: S3Store, prefix: string): Promise<void> {
  try {
    const { s3, sdk } = await connectS3(store);
    // An object of that very name, and everything below it.
    const Prefix = nameOf(store, prefix);
    for (let token: string | undefined; ; ) {
      const listed = await s3.send(
        new sdk.ListObjectsV2Command({ Bucket: store.bucket, Prefix, ContinuationToken: token }),
        { abortSignal: deadline(0) },
      );
      const names = (listed.Contents ?? []).flatMap(({ Key = "" }) =>
        Key === Prefix || Key.startsWith(`${Prefix}/`) ? [{ Key }] : [],
      );
      if (names.length > 0) {
        const { Errors } = await s3.send(
          new sdk.DeleteObjectsCommand({
            Bucket: store.bucket,
            Delete: { Objects: names, Quiet: true },
          }),
          { abortSignal: deadline(0) },
        );
        if (Errors?.[0]) throw new PartStoreError(`${Errors[0].Code} ${Errors[0].Message ?? ""}`);
      }
      token = listed.NextContinuationToken;
      if (token === undefined) return;
    }
  } catch (error) {
    throw s3Error(`could not delete ${prefix}`, error);
  }
}

/** Folders have no times in S3: the id of a run says when it was made, and its parts are younger than their run's end. */
export async function listS3(store: S3Store): Promise<StoredPrefix[]> {
  try {
    const { s3, sdk } = await connectS3(store);
    const found: StoredPrefix[] = [];
    for (let token: string | undefined; ; ) {
      const listed = await s3.send(
        new sdk.ListObjectsV2Command({
          Bucket: store.bucket,
          Prefix: store.prefix,
          Delimiter: "/",
          ContinuationToken: token,
        }),
        { abortSignal: deadline(0) },
      );
      for (const { Prefix = "" } of listed.CommonPrefixes ?? []) {
        const prefix = Prefix.slice(store.prefix.length).replace(/\/$/, "");
        found.push({ prefix, changed_at: timeOfId(prefix) });
      }
      token = listed.NextContinuationToken;
      if (token === undefined) return found;
    }
  } catch (error) {
    throw s3Error("could not list the result store", error);
  }
}

/** UUID version 7: milliseconds since 1970 in its first 48 bits. Others are of now, so that no sweep touches them. */
function timeOfId(id: string): Date {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(id);
  return match === null ? new Date() : new Date(Number.parseInt(`${match[1]}${match[2]}`, 16));
}

export async function abortS3Uploads(store: S3Store, before: Date): Promise<number> {
  try {
    const { s3, sdk } = await connectS3(store);
    const { Uploads = [] } = await s3.send(
      new sdk.ListMultipartUploadsCommand({ Bucket: store.bucket, Prefix: store.prefix }),
      { abortSignal: deadline(0) },
    );
    const stale = Uploads.filter(({ Initiated }) => Initiated !== undefined && Initiated < before);
    for (const { Key, UploadId } of stale) {
      await s3.send(new sdk.AbortMultipartUploadCommand({ Bucket: store.bucket, Key, UploadId }), {
        abortSignal: deadline(0),
      });
    }
    return stale.length;
  } catch (error) {
    // Some stores cannot list them; those have rules of their own to end them.
    if (error instanceof Error && error.name === "NotImplemented") return 0;
    throw s3Error("could not end unfinished uploads", error);
  }
}

function objectOf(store: S3Store, key: string) {
  return { Bucket: store.bucket, Key: nameOf(store, key) };
}

function nameOf(store: S3Store, key: string): string {
  return `${store.prefix}${checkKey(key)}`;
}

function deadline(bytes: number): AbortSignal {
  return AbortSignal.timeout(REQUEST_MS + Math.ceil(bytes / SLOWEST_BYTES_PER_MS));
}
