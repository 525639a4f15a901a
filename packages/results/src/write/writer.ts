/** Writes the results of a run as Parquet parts while rows arrive. */
import { mkdirSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Batch, Storage } from "@quern/contract/batch";
import type { Part } from "@quern/contract/results";
import { partName } from "../part-name.ts";
import { copyBatch } from "./batch.ts";
import { type BulkWriter, openBulkWriter } from "./bulk.ts";
import { openPlainPart, type PlainPart, plainPartInMemory } from "./plain.ts";

export type WriterOptions = {
  /** Called when a part is complete: it can be read from then on, at its file or, when it has none, in `data`. */
  onPart?: (part: Part, data: Uint8Array | null) => void;
  /** A small result becomes a part in memory, without a file. */
  keep_small_in_memory?: boolean;
  /** When rows have been coming for so long, those that are there become a part, however few. */
  first_part_ms?: number;
  /** For DuckDB's buffers. */
  memory_limit_bytes?: number;
};

export type ResultWriter = {
  /** A statement that returns rows begins; the former one has ended. */
  begin(statement: number, storages: Storage[]): void;
  /** The batch may be used again when the promise is settled. */
  write(batch: Batch): Promise<void>;
  /** All rows of the statement were written: its parts, in order. None for a result without rows or columns. */
  end(): Promise<Part[]>;
  close(): Promise<void>;
};

/** A result that ends within these is one part without DuckDB. */
export const SMALL_ROWS = 1_000;
export const SMALL_BYTES = 256 * 1024;
const SMALL_CELLS = 50_000;
/** DuckDB's tables take half a megabyte per column, and its rows stay in memory until the part is written. */
const MAX_BULK_COLUMNS = 96;
const MAX_BULK_ROW_BYTES = 128 * 1024;
const PLAIN_PART_BYTES = 32 * 1024 * 1024;
/** The metadata of a part is in memory while it is written, and when it is read. */
const PLAIN_PART_CHUNKS = 20_000;
/** A slow result shows its first rows after this; then more of them, each time after twice as long. */
const FIRST_PART_MS = 300;
const DEFAULT_MEMORY = 200 * 1024 * 1024;

type Current = {
  statement: number;
  storages: Storage[];
  /** Copies of the first rows, while the result is small. */
  kept: Batch[] | null;
  rows: number;
  bytes: number;
  bulk: BulkWriter | null;
  plain: PlainPart | null;
  /** Parts begun so far. */
  begun: number;
  parts: Part[];
  /** When what is there becomes a part, by `performance.now()`; and how long after that the next time is. */
  due: number;
  pause_ms: number;
  /** Parts at the last such time. */
  seen: number;
};

/** `directory` is made with the first file. */
export function openResultWriter(directory: string, options: WriterOptions = {}): ResultWriter {
  let current: Current | null = null;

  function nextPath(at: Current): string {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, partName({ statement: at.statement, part: at.begun }));
    at.begun += 1;
    return path;
  }

  function announce(
    at: Current,
    part: Pick<Part, "rows" | "size" | "escapes">,
    data: Uint8Array | null = null,
  ): void {
    const first_row = at.parts.reduce((sum, { rows }) => sum + rows, 0);
    const whole: Part = { statement: at.statement, part: at.parts.length, first_row, ...part };
    at.parts.push(whole);
    options.onPart?.(whole, data);
  }

  async function writeBulk(at: Current, batch: Batch): Promise<void> {
    await finishPlain(at);
    at.bulk ??= await openBulkWriter({
      storages: at.storages,
      memory_limit_bytes: options.memory_limit_bytes ?? DEFAULT_MEMORY,
      nextPath: () => nextPath(at),
      onPart: async (path, rows, escapes) =>
        announce(at, { rows, size: (await stat(path)).size, escapes }),
    });
    await at.bulk.write(batch);
  }

  async function writePlain(at: Current, batch: Batch): Promise<void> {
    // Parts are announced in the order of rows.
    await at.bulk?.flush();
    at.plain ??= await openPlainPart(nextPath(at), at.storages, "all");
    await at.plain.write([batch]);
    const chunks = at.plain.groups() * at.storages.length;
    if (at.plain.bytes() >= PLAIN_PART_BYTES || chunks >= PLAIN_PART_CHUNKS) {
      await finishPlain(at);
    }
  }

  async function finishPlain(at: Current): Promise<void> {
    const part = at.plain;
    at.plain = null;
    if (part !== null) announce(at, await part.finish());
  }

  async function writeOn(at: Current, batch: Batch): Promise<void> {
    const fitsBulk =
      at.storages.length <= MAX_BULK_COLUMNS && batch.bytes / batch.rows <= MAX_BULK_ROW_BYTES;
    if (fitsBulk) await writeBulk(at, batch);
    else await writePlain(at, batch);
  }

  /** So that the first page of a slow query does not wait for many rows. */
  async function showWhenDue(at: Current): Promise<void> {
    const now = performance.now();
    if (now < at.due) return;
    // A fast result has given parts since, and need not wait for one more.
    if (at.parts.length === at.seen) {
      await at.bulk?.flush();
      await finishPlain(at);
    }
    at.seen = at.parts.length;
    at.pause_ms *= 2;
    at.due = now + at.pause_ms;
  }

  return {
    begin(statement, storages) {
      current = {
        statement,
        storages,
        kept: [],
        rows: 0,
        bytes: 0,
        bulk: null,
        plain: null,
        begun: 0,
        parts: [],
        due: Number.POSITIVE_INFINITY,
        pause_ms: options.first_part_ms ?? FIRST_PART_MS,
        seen: 0,
      };
    },
    async write(batch) {
      const at = must(current);
      if (at.storages.length === 0) return;
      if (at.rows === 0) at.due = performance.now() + at.pause_ms;
      at.rows += batch.rows;
      at.bytes += batch.bytes;
      if (at.kept !== null && isSmall(at) && performance.now() < at.due) {
        at.kept.push(copyBatch(batch, at.storages));
        return;
      }
      const kept = at.kept ?? [];
      at.kept = null;
      for (const early of kept) await writeOn(at, early);
      await writeOn(at, batch);
      await showWhenDue(at);
    },
    async end() {
      const at = must(current);
      if (at.kept !== null && at.kept.length > 0 && options.keep_small_in_memory) {
        const { data, ...part } = plainPartInMemory(at.storages, at.kept);
        announce(at, part, data);
      } else if (at.kept !== null && at.kept.length > 0) {
        const part = await openPlainPart(nextPath(at), at.storages, "needed");
        at.plain = part;
        await part.write(at.kept);
      }
      await at.bulk?.end();
      at.bulk = null;
      await finishPlain(at);
      current = null;
      return at.parts;
    },
    async close() {
      const at = current;
      current = null;
      await at?.bulk?.abort();
      await at?.plain?.abort();
    },
  };
}

function isSmall(at: Current): boolean {
  return (
    at.rows <= SMALL_ROWS && at.bytes <= SMALL_BYTES && at.rows * at.storages.length <= SMALL_CELLS
  );
}

function must(current: Current | null): Current {
  if (current === null) throw new Error("no statement has begun");
  return current;
}
