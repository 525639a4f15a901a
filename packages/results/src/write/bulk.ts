/**
 * Writes big results by DuckDB: batches go into an in-memory table by typed chunks; a full table becomes a part by
 * COPY in DuckDB's thread while the next one fills.
 */
import { rename } from "node:fs/promises";
import type { Batch, Storage } from "@quern/contract/batch";
import { mayEscape } from "./batch.ts";
import { chunkFiller } from "./chunk.ts";
import { type DuckDb, openDuckDb, quote } from "./duckdb.ts";

export type BulkWriter = {
  write(batch: Batch): Promise<void>;
  /** What was written so far becomes a part now. */
  flush(): Promise<void>;
  /** Writes what is left; all parts were announced when it is settled. */
  end(): Promise<void>;
  /** Throws away what is not yet a part. */
  abort(): Promise<void>;
};

export type BulkOptions = {
  storages: Storage[];
  memory_limit_bytes: number;
  nextPath(): string;
  onPart(path: string, rows: number, escapes: number[]): Promise<void>;
};

/** DuckDB's own row-group size: two tables of that many ordinary rows fit the memory limit. */
const PART_ROWS = 122_880;
const PART_BYTES = 32 * 1024 * 1024;
/** One table fills while another is copied out, with buffers of its own: each may have this share of the memory. */
const PART_SHARE = 1 / 8;
/** The first part is small, so that the first rows can be read early. */
const FIRST_PART_ROWS = 20_480;
/** 100 rows from anywhere must decode little. */
const ROW_GROUP_ROWS = 2_048;

type Table = { name: string; rows: number; bytes: number; escapes: Set<number> };

export async function openBulkWriter(options: BulkOptions): Promise<BulkWriter> {
  const duckdb = await openDuckDb(options.memory_limit_bytes);
  const partBytes = Math.min(PART_BYTES, options.memory_limit_bytes * PART_SHARE);
  const filler = chunkFiller(duckdb.api, options.storages);
  let tables = 0;
  let table: Table | null = null;
  let appender: ReturnType<DuckDb["appender"]> | null = null;
  let copying: Promise<void> = Promise.resolve();
  /** Set while nobody waits for `copying`, so that a failure is not unhandled. */
  let failure: { error: unknown } | null = null;

  async function openTable(): Promise<Table> {
    const opened: Table = { name: `t${tables}`, rows: 0, bytes: 0, escapes: new Set() };
    await duckdb.run(`create table ${opened.name} (${filler.ddl})`);
    appender = duckdb.appender(opened.name);
    table = opened;
    return opened;
  }

  async function flush(): Promise<void> {
    if (table === null || appender === null) return;
    const full = table;
    const path = options.nextPath();
    tables += 1;
    appender.close();
    table = null;
    appender = null;
    await settled();
    copying = copyOut(full, path).catch((error: unknown) => {
      failure = { error };
    });
  }

  async function copyOut(full: Table, path: string): Promise<void> {
    const escapes = [...full.escapes].sort((a, b) => a - b);
    const columns = [
      ...options.storages.map((_, index) => `c${index}`),
      ...escapes.map((index) => `x${index}`),
    ];
    await duckdb.runAside(
      `copy (select ${columns.join(", ")} from ${full.name}) to ${quote(`${path}.part`)}
         (format parquet, compression zstd, parquet_version v2, row_group_size ${ROW_GROUP_ROWS})`,
    );
    await duckdb.runAside(`drop table ${full.name}`);
    await rename(`${path}.part`, path);
    await options.onPart(path, full.rows, escapes);
  }

  async function settled(): Promise<void> {
    await copying;
    if (failure !== null) throw failure.error;
  }

  return {
    async write(batch) {
      if (failure !== null) throw failure.error;
      const into = table ?? (await openTable());
      filler.append(batch, (chunk) => appender?.append(chunk));
      into.rows += batch.rows;
      into.bytes += batch.bytes;
      for (const [index, vector] of batch.vectors.entries()) {
        if (vector.escapes.length > 0 && mayEscape(options.storages[index] ?? { kind: "text" })) {
          into.escapes.add(index);
        }
      }
      const enough = tables === 0 ? FIRST_PART_ROWS : PART_ROWS;
      if (into.rows >= enough || into.bytes >= partBytes) await flush();
    },
    async flush() {
      await flush();
      await settled();
    },
    async end() {
      await flush();
      await settled();
      duckdb.close();
    },
    async abort() {
      duckdb.interrupt();
      await copying;
      duckdb.close();
    },
  };
}
