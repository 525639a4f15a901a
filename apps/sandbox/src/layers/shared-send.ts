/** Sends a layer to object storage. */
import { createHash, randomBytes } from "node:crypto";
import { lstat, mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { fetchPart, hasPart, putPart } from "@quern/results/part-writing";
import { PartMissingError, type PartStore } from "@quern/results/parts";
import { checkpointSegment, readControlFile } from "./control-file.ts";
import type { Exported, Layer } from "./layer-store.ts";
import { eachOf } from "./pgdata.ts";
import {
  CHUNK_BYTES,
  chunkKey,
  manifestKey,
  openManifest,
  PLATFORM,
  type SentLayer,
  type SharedManifest,
  type SigningKey,
  sealManifest,
} from "./shared-manifest.ts";

export type Way = {
  store: PartStore;
  keys: readonly SigningKey[];
  /** A folder of this process for files on their way. */
  scratch: string;
  signal: AbortSignal;
};

const LANES = 6;
const deflated = promisify(deflate);

type Sending = Way & { known: Set<string>; chunks: number; sent: number; sent_bytes: number };

/** Sends the chunks that are not there, then the manifest. Does nothing when a manifest is there: the first one wins. */
export async function sendLayer(way: Way, layer: Layer, made: SentLayer): Promise<Exported> {
  await mkdir(way.scratch, { recursive: true, mode: 0o700 });
  const there = await readSharedManifest(way, layer.org_id, layer.state_key);
  if (there) return { chunks: chunksOf(there).size, sent: 0, sent_bytes: 0, bytes: there.bytes };
  const parent =
    layer.parent_key && (await readSharedManifest(way, layer.org_id, layer.parent_key));
  const sending: Sending = {
    ...way,
    known: parent ? chunksOf(parent) : new Set(),
    chunks: 0,
    sent: 0,
    sent_bytes: 0,
  };
  const manifest = await describe(layer, made);
  await eachOf(manifest.files, LANES, async (file) => {
    file.chunks.push(...(await sendFile(sending, join(layer.directory, file.path), file.size)));
  });
  const text = sealManifest(manifest, way.keys[0]!);
  sending.sent_bytes += await put(
    way,
    manifestKey(layer.org_id, layer.state_key),
    Buffer.from(text),
  );
  const { chunks, sent, sent_bytes } = sending;
  return { chunks, sent, sent_bytes, bytes: manifest.bytes };
}

/** Null when there is none that one of the keys signed. */
export async function readSharedManifest(
  way: Way,
  org_id: string,
  key: Buffer,
): Promise<SharedManifest | null> {
  const text = await readPart(way, manifestKey(org_id, key));
  const manifest = text && openManifest(text.toString("utf8"), way.keys);
  const right =
    manifest && manifest.org_id === org_id && manifest.state_key === key.toString("hex");
  return right ? manifest : null;
}

/** Null when it is not there. */
export async function readPart(way: Way, key: string): Promise<Buffer | null> {
  const path = join(way.scratch, `get-${randomBytes(8).toString("hex")}`);
  try {
    await fetchPart(way.store, key, path);
    return await readFile(path);
  } catch (error) {
    if (error instanceof PartMissingError) return null;
    throw error;
  } finally {
    await rm(path, { force: true });
  }
}

function chunksOf({ files }: SharedManifest): Set<string> {
  return new Set(files.flatMap(({ chunks }) => chunks));
}

async function describe(layer: Layer, made: SentLayer): Promise<SharedManifest> {
  const control = await readControlFile(layer.directory);
  const manifest: SharedManifest = {
    version: 1,
    org_id: layer.org_id,
    state_key: layer.state_key.toString("hex"),
    parent_key: layer.parent_key?.toString("hex") ?? null,
    env_key: layer.env_key.toString("hex"),
    depth: layer.depth,
    build_ms: layer.build_ms,
    engine: layer.engine,
    volatile: layer.volatile,
    ...made,
    platform: PLATFORM,
    control_version: control.control_version,
    catalog_version: control.catalog_version,
    system_identifier: control.system_identifier,
    bytes: 0,
    directories: [],
    files: [],
  };
  await addEntries(manifest, layer.directory, "", checkpointSegment(control));
  return manifest;
}

/** Contents that a server makes anew, as pg_basebackup leaves them out; the directories stay. */
const EMPTIED = new Set([
  "pg_dynshmem",
  "pg_notify",
  "pg_replslot",
  "pg_serial",
  "pg_snapshots",
  "pg_stat_tmp",
  "pg_subtrans",
  "log",
]);

function isLeftOut(path: string, segment: string): boolean {
  const [top = "", name = ""] = path.split("/");
  if (path.startsWith("postmaster.") || path === "logfile") return true;
  if (path.split("/").some((part) => /^(pgsql_tmp|pg_internal\.init)/.test(part))) return true;
  if (EMPTIED.has(top) && name !== "") return true;
  // Of the WAL, a server that was stopped cleanly needs the segment of the last checkpoint.
  return top === "pg_wal" && /^[0-9A-F]{24}/.test(name) && name !== segment;
}

async function addEntries(
  manifest: SharedManifest,
  directory: string,
  below: string,
  segment: string,
): Promise<void> {
  for (const entry of await readdir(join(directory, below), { withFileTypes: true })) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (isLeftOut(path, segment)) continue;
    const { mode, size } = await lstat(join(directory, path));
    if (entry.isDirectory()) {
      manifest.directories.push({ path, mode: mode & 0o777 });
      await addEntries(manifest, directory, path, segment);
    } else if (entry.isFile()) {
      manifest.files.push({ path, mode: mode & 0o777, size, chunks: [] });
      manifest.bytes += size;
    }
  }
}

async function sendFile(sending: Sending, path: string, size: number): Promise<string[]> {
  const digests: string[] = [];
  const file = await open(path, "r");
  try {
    const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, size));
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      sending.signal.throwIfAborted();
      const length = Math.min(CHUNK_BYTES, size - at);
      const { bytesRead } = await file.read(buffer, 0, length, at);
      if (bytesRead !== length) throw new Error(`${path} is shorter than it was`);
      digests.push(await sendChunk(sending, buffer.subarray(0, length)));
    }
  } finally {
    await file.close();
  }
  return digests;
}

async function sendChunk(sending: Sending, bytes: Buffer): Promise<string> {
  const digest = createHash("sha256").update(bytes).digest("hex");
  sending.chunks += 1;
  if (sending.known.has(digest)) return digest;
  sending.known.add(digest);
  if (await hasPart(sending.store, chunkKey(digest))) return digest;
  sending.sent_bytes += await put(sending, chunkKey(digest), await deflated(bytes, { level: 3 }));
  sending.sent += 1;
  return digest;
}

async function put(way: Way, key: string, bytes: Buffer): Promise<number> {
  const path = join(way.scratch, `put-${randomBytes(8).toString("hex")}`);
  await writeFile(path, bytes, { mode: 0o600, flag: "wx" });
  try {
    await putPart(way.store, key, path);
  } finally {
    await rm(path, { force: true });
  }
  return bytes.length;
}
