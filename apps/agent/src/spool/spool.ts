/**
 * Payloads on their way, in their order, through crashes, full disks and days without the server. Each is a file, written
 * aside and renamed; what the disk does not take stays in memory.
 */
import type { Stats } from "node:fs";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { SpoolConfig } from "../config/agent-config.ts";
import { BrokenContentError, compress, decompress, type Pieces } from "./compression.ts";
import { type DeadLetters, openDeadLetters } from "./dead-letters.ts";
import { ignoreSystemError, systemCode, writeDurably } from "./durable-file.ts";
import { type Entry, readName, streamOf, writeName } from "./entry.ts";
import { overflow } from "./overflow.ts";

/** Of all that is held in memory, compressed. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;
const LEFTOVER_MS = 3_600_000;

export type SpoolItem = {
  uuid: string;
  instance_id: string;
  schema: boolean;
  /** Never in memory as a whole. */
  body: Pieces;
};

export type SpoolState = {
  payloads: number;
  bytes: number;
  /** Since it was opened: too old, or the spool was full. */
  dropped: number;
  dead_letters: number;
  held_in_memory: number;
  /** Why the disk does not take payloads: ENOSPC, EROFS, …; null while it does. */
  disk_error: string | null;
};

export type Spool = {
  put(item: SpoolItem): Promise<void>;
  /** In the order of sending. */
  entries(): readonly Entry[];
  /**
   * The body compressed, after all of it has been shown as it was before, piece by piece; null when it cannot be read any
   * more, in which case it is gone from the spool.
   */
  read(entry: Entry, see?: (piece: Buffer) => void): Promise<Buffer | null>;
  remove(entry: Entry): Promise<void>;
  /** Puts the parts in its place. */
  replace(entry: Entry, parts: SpoolItem[]): Promise<void>;
  bury(entry: Entry, reason: Record<string, unknown>): Promise<void>;
  state(): SpoolState;
  /** Writes what is held in memory to the disk, as far as that goes. */
  flush(): Promise<void>;
};

export async function openSpool(config: SpoolConfig, now: () => number = Date.now): Promise<Spool> {
  const folder = join(config.dir, "spool");
  const letters = await openDeadLetters(join(config.dir, "dead-letters"), config.max_bytes / 4);
  const { entries, error } = await openFolder(folder, now());
  const last = entries.reduce((number, it) => Math.max(number, numberOf(it)), 0);
  const spool: Inside = {
    folder,
    config,
    now,
    letters,
    entries,
    last,
    dropped: 0,
    disk_error: error,
  };
  return {
    async put(item) {
      spool.last += 1;
      await put(spool, item, spool.last, 0);
    },
    entries: () => spool.entries,
    read: (entry, see = () => {}) => read(spool, entry, see),
    remove: (entry) => remove(spool, entry),
    async replace(entry, parts) {
      const number = numberOf(entry);
      const taken = spool.entries.filter((it) => numberOf(it) === number).length;
      for (const [index, part] of parts.entries()) await put(spool, part, number, taken + index);
      await remove(spool, entry);
    },
    async bury(entry, reason) {
      const content = await contentOf(spool, entry);
      if (content === null || !(await letters.bury(entry.name, content, reason)))
        spool.dropped += 1;
      await remove(spool, entry);
    },
    state: () => stateOf(spool),
    flush: () => flush(spool),
  };
}

type Inside = {
  folder: string;
  config: SpoolConfig;
  now: () => number;
  letters: DeadLetters;
  entries: Entry[];
  /** The number given last. */
  last: number;
  dropped: number;
  disk_error: string | null;
};

async function openFolder(
  folder: string,
  now: number,
): Promise<{ entries: Entry[]; error: string | null }> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const entries: Entry[] = [];
    for (const name of (await readdir(folder)).sort()) {
      const file = await statOrNull(join(folder, name));
      if (file === null) continue;
      const { size, mtimeMs } = file;
      const named = readName(name);
      if (named !== null) {
        const { uuid, stream, schema } = named;
        entries.push({ name, uuid, stream, schema, bytes: size, created_at: mtimeMs, held: null });
      } else if (name.endsWith(".tmp") && now - mtimeMs > LEFTOVER_MS) {
        await rm(join(folder, name), { force: true });
      }
    }
    return { entries, error: null };
  } catch (error) {
    const code = systemCode(error);
    if (code === null) throw error;
    return { entries: [], error: code };
  }
}

/** Null when it is gone: another process of this agent has sent it since the folder was read. */
async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    return null;
  }
}

function numberOf({ name }: Entry): number {
  return readName(name)?.number ?? 0;
}

async function put(spool: Inside, item: SpoolItem, number: number, part: number): Promise<void> {
  const { uuid, schema } = item;
  const stream = streamOf(item.instance_id);
  const name = writeName({ number, part, uuid, stream, schema });
  const content = await compress(item.body);
  const entry: Entry = {
    name,
    uuid,
    stream,
    schema,
    bytes: content.length,
    created_at: spool.now(),
    held: content,
  };
  spool.entries.push(entry);
  spool.entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  await dropOverflow(spool);
  await store(spool, entry);
}

async function store(spool: Inside, entry: Entry): Promise<void> {
  if (entry.held === null || !spool.entries.includes(entry)) return;
  try {
    await mkdir(spool.folder, { recursive: true, mode: 0o700 });
    await writeDurably(spool.folder, entry.name, entry.held);
    entry.held = null;
    spool.disk_error = null;
    // Sent while it was being written.
    if (!spool.entries.includes(entry)) await unlink(spool, entry);
  } catch (error) {
    const code = systemCode(error);
    if (code === null) throw error;
    spool.disk_error = code;
  }
}

async function dropOverflow(spool: Inside): Promise<void> {
  const now = spool.now();
  const held = spool.entries.filter((it) => it.held !== null);
  const gone = new Set([
    ...overflow(spool.entries, spool.config, now),
    ...overflow(held, { ...spool.config, max_bytes: MAX_HELD_BYTES }, now),
  ]);
  for (const entry of gone) {
    spool.dropped += 1;
    await remove(spool, entry);
  }
}

async function remove(spool: Inside, entry: Entry): Promise<void> {
  spool.entries = spool.entries.filter((it) => it !== entry);
  if (entry.held === null) await unlink(spool, entry);
}

async function unlink({ folder }: Inside, entry: Entry): Promise<void> {
  await rm(join(folder, entry.name), { force: true }).catch(ignoreSystemError);
}

/** Null when the file is not there: another process of this agent, `--once` beside the running one, has sent it. */
async function contentOf({ folder }: Inside, entry: Entry): Promise<Buffer | null> {
  if (entry.held !== null) return entry.held;
  try {
    return await readFile(join(folder, entry.name));
  } catch (error) {
    if (systemCode(error) === null) throw error;
    return systemCode(error) === "ENOENT" ? null : Buffer.alloc(0);
  }
}

async function read(
  spool: Inside,
  entry: Entry,
  see: (piece: Buffer) => void,
): Promise<Buffer | null> {
  const content = await contentOf(spool, entry);
  try {
    if (content !== null) {
      await decompress(content, see);
      return content;
    }
  } catch (error) {
    if (!(error instanceof BrokenContentError)) throw error;
    spool.dropped += 1;
  }
  await remove(spool, entry);
  return null;
}

function stateOf(spool: Inside): SpoolState {
  return {
    payloads: spool.entries.length,
    bytes: spool.entries.reduce((sum, { bytes }) => sum + bytes, 0),
    dropped: spool.dropped,
    dead_letters: spool.letters.count(),
    held_in_memory: spool.entries.filter(({ held }) => held !== null).length,
    disk_error: spool.disk_error,
  };
}

async function flush(spool: Inside): Promise<void> {
  for (const entry of spool.entries.filter((it) => it.held !== null)) await store(spool, entry);
}
