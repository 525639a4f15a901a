/**
 * Reads a packfile (gitformat-pack). Whoever runs a server may send anything: sizes are believed only up to limits, every object is inflated
 * into no more than it says, and all of them together into no more than `max_inflated_bytes`.
 */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { inflateSync } from "node:zlib";
import { GitError } from "./git-error.ts";

export type PackLimits = { max_objects: number; max_inflated_bytes: number };
export type GitObject = { type: "commit" | "tree" | "blob" | "tag"; content: Buffer };
/** By id, 40 hex digits; undefined when the pack has no such object. */
export type Pack = { read(id: string): GitObject | undefined };

const TYPES: Record<number, GitObject["type"]> = { 1: "commit", 2: "tree", 3: "blob", 4: "tag" };
const OFS_DELTA = 6;
const REF_DELTA = 7;
const MAX_CHAIN = 4_096;
/** Others are served meanwhile after so much work. */
const PAUSE_BYTES = 4 * 1024 ** 2;

type Entry = {
  /** Of what it is made from, for deltas: a place in the pack, or an id. */
  base: number | string | null;
  type: GitObject["type"] | null;
  data: number;
  size: number;
};

/** Indexes a pack. Throws `GitError`: it is damaged, or larger than the limits. */
export async function openPack(bytes: Buffer, limits: PackLimits): Promise<Pack> {
  const count = readHeader(bytes, limits);
  const state: Reading = {
    bytes,
    entries: new Map(),
    ids: new Map(),
    left: limits.max_inflated_bytes,
    recent: new Map(),
    recent_bytes: 0,
  };
  let at = 12;
  let worked = 0;
  for (let i = 0; i < count; i += 1) {
    const entry = readEntry(bytes, at);
    state.entries.set(at, entry);
    const { content, used } = inflate(state, entry);
    if (entry.type !== null) state.ids.set(idOf({ type: entry.type, content }), at);
    at = entry.data + used;
    worked += content.length;
    if (worked > PAUSE_BYTES) {
      worked = 0;
      await setImmediate();
    }
  }
  if (at !== bytes.length - 20) throw damaged();
  await identifyDeltas(state);
  return {
    read(id) {
      const place = state.ids.get(id);
      // What is read for the caller was counted when it was identified.
      state.left = limits.max_inflated_bytes;
      return place === undefined ? undefined : resolve(state, place);
    },
  };
}

type Reading = {
  bytes: Buffer;
  entries: Map<number, Entry>;
  ids: Map<string, number>;
  /** Bytes that may still be inflated. */
  left: number;
  /** What was made last, by its place: deltas are made from what is near. */
  recent: Map<number, GitObject>;
  recent_bytes: number;
};

const RECENT_BYTES = 64 * 1024 ** 2;

function remember(state: Reading, place: number, object: GitObject): void {
  if (state.recent.has(place)) return;
  state.recent.set(place, object);
  state.recent_bytes += object.content.length;
  for (const [oldest, { content }] of state.recent) {
    if (state.recent_bytes <= RECENT_BYTES) return;
    state.recent.delete(oldest);
    state.recent_bytes -= content.length;
  }
}

function damaged(): GitError {
  return new GitError("The server sent a damaged packfile. Try again.");
}

function readHeader(bytes: Buffer, limits: PackLimits): number {
  if (bytes.length < 32 || bytes.toString("latin1", 0, 4) !== "PACK") throw damaged();
  const version = bytes.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw damaged();
  const sum = createHash("sha1").update(bytes.subarray(0, -20)).digest();
  if (!sum.equals(bytes.subarray(-20))) throw damaged();
  const count = bytes.readUInt32BE(8);
  if (count <= limits.max_objects) return count;
  throw new GitError(
    `The repository has ${count} objects; ${limits.max_objects} are the most that are imported. Import a smaller one, or upload the folder.`,
  );
}

function readEntry(bytes: Buffer, start: number): Entry {
  let at = start;
  const next = () => {
    const byte = bytes[at];
    if (byte === undefined) throw damaged();
    at += 1;
    return byte;
  };
  let byte = next();
  const kind = (byte >> 4) & 7;
  let size = byte & 15;
  // No bit shifts: sizes have more than 32 bits.
  for (let scale = 16; byte & 128; scale *= 128) {
    byte = next();
    size += (byte & 127) * scale;
    if (size > Number.MAX_SAFE_INTEGER) throw damaged();
  }
  if (kind === OFS_DELTA) {
    byte = next();
    let distance = byte & 127;
    while (byte & 128) {
      byte = next();
      distance = (distance + 1) * 128 + (byte & 127);
      if (distance > start) throw damaged();
    }
    return { base: start - distance, type: null, data: at, size };
  }
  if (kind === REF_DELTA) {
    const base = bytes.toString("hex", at, at + 20);
    return { base, type: null, data: at + 20, size };
  }
  const type = TYPES[kind];
  if (type === undefined) throw damaged();
  return { base: null, type, data: at, size };
}

function spend(state: Reading, bytes: number): void {
  state.left -= bytes;
  if (state.left >= 0) return;
  throw new GitError(
    "The repository is larger than what is imported. Import a smaller one, or upload the folder.",
  );
}

function inflate(state: Reading, { data, size }: Entry): { content: Buffer; used: number } {
  spend(state, size);
  try {
    const inflated: unknown = inflateSync(state.bytes.subarray(data), {
      info: true,
      maxOutputLength: Math.max(size, 1),
    });
    if (!isWithInfo(inflated) || inflated.buffer.length !== size) throw damaged();
    return { content: inflated.buffer, used: inflated.engine.bytesWritten };
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code.startsWith("Z_") || code === "ERR_BUFFER_TOO_LARGE") throw damaged();
    throw error;
  }
}

/** What `info` makes of the reply, which its type does not say. */
function isWithInfo(value: unknown): value is { buffer: Buffer; engine: { bytesWritten: number } } {
  return typeof value === "object" && value !== null && "buffer" in value && "engine" in value;
}

function idOf({ type, content }: GitObject): string {
  return createHash("sha1").update(`${type} ${content.length}\0`).update(content).digest("hex");
}

/** Ids of deltas: again and again, as long as there are new ones that others may be made from. */
async function identifyDeltas(state: Reading): Promise<void> {
  let waiting = [...state.entries].filter(([, { type }]) => type === null).map(([at]) => at);
  let worked = 0;
  while (waiting.length > 0) {
    const still: number[] = [];
    for (const place of waiting) {
      const object = resolve(state, place);
      if (object === undefined) still.push(place);
      else state.ids.set(idOf(object), place);
      worked += object?.content.length ?? 0;
      if (worked > PAUSE_BYTES) {
        worked = 0;
        await setImmediate();
      }
    }
    if (still.length === waiting.length) throw damaged();
    waiting = still;
  }
}

/** undefined: made from an object whose id is not known yet. */
function resolve(state: Reading, place: number): GitObject | undefined {
  const deltas: { place: number; content: Buffer }[] = [];
  let at = place;
  for (let depth = 0; depth <= MAX_CHAIN; depth += 1) {
    const entry = state.entries.get(at);
    if (entry === undefined) throw damaged();
    const base = state.recent.get(at) ?? plainObject(state, at, entry);
    if (base !== undefined) {
      return deltas.reduceRight<GitObject>((from, delta) => {
        const made = { type: from.type, content: applyDelta(state, from.content, delta.content) };
        remember(state, delta.place, made);
        return made;
      }, base);
    }
    deltas.push({ place: at, content: inflate(state, entry).content });
    const next = typeof entry.base === "string" ? state.ids.get(entry.base) : entry.base;
    if (next === undefined || next === null) return undefined;
    at = next;
  }
  throw damaged();
}

/** undefined for a delta. */
function plainObject(state: Reading, place: number, entry: Entry): GitObject | undefined {
  if (entry.type === null) return undefined;
  const object = { type: entry.type, content: inflate(state, entry).content };
  remember(state, place, object);
  return object;
}

/** Copies of ranges of `base`, and bytes of the delta's own, one after the other. */
function applyDelta(state: Reading, base: Buffer, delta: Buffer): Buffer {
  let at = 0;
  const next = () => {
    const byte = delta[at];
    if (byte === undefined) throw damaged();
    at += 1;
    return byte;
  };
  const length = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = next();
      value += (byte & 127) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw damaged();
      if ((byte & 128) === 0) return value;
    }
  };
  if (length() !== base.length) throw damaged();
  const size = length();
  spend(state, size);
  const result = Buffer.alloc(size);
  let filled = 0;
  while (at < delta.length) {
    const code = next();
    if (code === 0) throw damaged();
    let piece: Buffer;
    if (code & 128) {
      let [offset, count] = [0, 0];
      for (let i = 0; i < 4; i += 1) if (code & (1 << i)) offset += next() * 256 ** i;
      for (let i = 0; i < 3; i += 1) if (code & (16 << i)) count += next() * 256 ** i;
      if (count === 0) count = 0x10000;
      piece = base.subarray(offset, offset + count);
      if (piece.length !== count) throw damaged();
    } else {
      piece = delta.subarray(at, at + code);
      if (piece.length !== code) throw damaged();
      at += code;
    }
    if (filled + piece.length > size) throw damaged();
    piece.copy(result, filled);
    filled += piece.length;
  }
  if (filled !== size) throw damaged();
  return result;
}
