/** Brings a layer out of object storage. Nothing of it is believed that the signed manifest does not say. */
import { createHash } from "node:crypto";
import { chmod, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { inflate } from "node:zlib";
import { readControlFile } from "./control-file.ts";
import type { Made } from "./layer-store.ts";
import { eachOf } from "./pgdata.ts";
import { CHUNK_BYTES, chunkKey, PLATFORM, type SharedManifest } from "./shared-manifest.ts";
import { readPart, readSharedManifest, type Way } from "./shared-send.ts";

/** The layer does not fit this machine, or is damaged. It is built instead. */
export class ImportRefused extends Error {
  override name = "ImportRefused";
  readonly code = "import_refused";
  /** The key of the chunk that is not what the manifest says, or `manifest`; null: it only does not fit. */
  readonly damaged: string | null;
  constructor(message: string, damaged: string | null, options?: ErrorOptions) {
    super(message, options);
    this.damaged = damaged;
  }
}

const LANES = 6;
const inflated = promisify(inflate);

/** The layer in `<scratch>/data`; null when there is no manifest that is believed. */
export async function fetchLayer(
  way: Way,
  org_id: string,
  key: Buffer,
  onSize: (bytes: number) => Promise<void>,
): Promise<Made | null> {
  await mkdir(way.scratch, { recursive: true, mode: 0o700 });
  const manifest = await readSharedManifest(way, org_id, key);
  if (!manifest) return null;
  if (manifest.platform !== PLATFORM) {
    throw new ImportRefused(
      `The layer was made on ${manifest.platform}, and this is ${PLATFORM}.`,
      null,
    );
  }
  await onSize(manifest.bytes);
  const directory = join(way.scratch, "data");
  await mkdir(directory, { mode: 0o700 });
  for (const { path } of manifest.directories) await mkdir(join(directory, path), { mode: 0o700 });
  await eachOf(manifest.files, LANES, (file) => fetchFile(way, directory, file));
  for (const { path, mode } of manifest.directories.toReversed())
    await chmod(join(directory, path), mode);
  await checkControl(directory, manifest);
  return toMade(manifest, directory);
}

type File = SharedManifest["files"][number];

async function fetchFile(way: Way, directory: string, file: File): Promise<void> {
  if (file.chunks.length !== Math.ceil(file.size / CHUNK_BYTES))
    throw new ImportRefused(`The manifest of ${file.path} does not add up.`, "manifest");
  const target = await open(join(directory, file.path), "wx", 0o600);
  try {
    for (const [n, digest] of file.chunks.entries()) {
      way.signal.throwIfAborted();
      const at = n * CHUNK_BYTES;
      const bytes = await fetchChunk(way, digest, Math.min(CHUNK_BYTES, file.size - at));
      await target.write(bytes, 0, bytes.length, at);
    }
    await target.chmod(file.mode);
  } finally {
    await target.close();
  }
}

async function fetchChunk(way: Way, digest: string, size: number): Promise<Buffer> {
  const key = chunkKey(digest);
  const packed = await readPart(way, key);
  if (packed === null) throw new ImportRefused(`The chunk ${digest} is not there.`, key);
  const bytes = await inflated(packed, { maxOutputLength: CHUNK_BYTES }).catch((error: unknown) => {
    throw new ImportRefused(`The chunk ${digest} is damaged.`, key, { cause: error });
  });
  if (bytes.length !== size || createHash("sha256").update(bytes).digest("hex") !== digest)
    throw new ImportRefused(`The chunk ${digest} is not what it should be.`, key);
  return bytes;
}

async function checkControl(directory: string, manifest: SharedManifest): Promise<void> {
  const control = await readControlFile(directory);
  for (const name of ["control_version", "catalog_version", "system_identifier"] as const) {
    if (control[name] === manifest[name]) continue;
    throw new ImportRefused(`The layer's control file has another ${name}.`, "manifest");
  }
}

function toMade(manifest: SharedManifest, directory: string): Made {
  const key = (hex: string) => Buffer.from(hex, "hex");
  return {
    org_id: manifest.org_id,
    state_key: key(manifest.state_key),
    parent_key: manifest.parent_key === null ? null : key(manifest.parent_key),
    env_key: key(manifest.env_key),
    depth: manifest.depth,
    directory,
    build_ms: manifest.build_ms,
    engine: manifest.engine,
    clone: "copy",
    volatile: manifest.volatile,
    ttl_s: manifest.ttl_s === 0 ? null : manifest.ttl_s,
    paths: manifest.paths,
    steps: manifest.steps,
  };
}
