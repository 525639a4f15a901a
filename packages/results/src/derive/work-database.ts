/** A DuckDB for work on stored results: it sees their files and a folder of its own, and nothing else. */
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Part } from "@quern/contract/results";
import { partName } from "../part-name.ts";
import { type DuckDb, openDuckDb, quote } from "../write/duckdb.ts";
import { NUMBER_KEY_MACROS } from "./order-keys.ts";
import type { StagedResult } from "./source.ts";

export type WorkOptions = {
  /** Parts are written here; spilled data goes into a folder in it. */
  directory: string;
  memory_limit_bytes: number;
  max_temp_bytes: number;
  onPart(part: Part): void;
};

export type WorkDatabase = {
  run(sql: string): Promise<void>;
  /** Rows of a small answer, as JSON has them: cast what JSON cannot hold. */
  ask<T>(sql: string): Promise<T[]>;
  /** Writes the rows of a query, c0… and the side columns of `escapes`, as parts in their order. */
  writeParts(sql: string, escapes: number[]): Promise<{ rows: number; bytes: number }>;
  close(): Promise<void>;
};

/** As those of other results: see `write/bulk.ts`. */
const ROW_GROUP_ROWS = 2_048;
const GROUPS_OF_PART = 60;

export async function openWorkDatabase(
  sources: StagedResult[],
  options: WorkOptions,
): Promise<WorkDatabase> {
  const aside = join(options.directory, "work");
  const spill = join(aside, "spill");
  await mkdir(spill, { recursive: true });
  const duckdb = await openDuckDb(options.memory_limit_bytes, {
    directory: spill,
    max_bytes: options.max_temp_bytes,
  });
  const files = sources.flatMap(({ parts }) => parts.map(({ path }) => quote(path)));
  await duckdb.run("set TimeZone = 'UTC'");
  await duckdb.run("set parquet_metadata_cache = true");
  await duckdb.run(`set allowed_paths = [${files.join(", ")}]`);
  await duckdb.run(`set allowed_directories = [${quote(`${aside}/`)}]`);
  await duckdb.run("set enable_external_access = false");
  await duckdb.run("set lock_configuration = true");
  for (const macro of NUMBER_KEY_MACROS) await duckdb.run(macro);
  const ask = answering(duckdb, join(aside, "answer.json"));
  let begun = 0;

  return {
    run: (sql) => duckdb.run(sql),
    ask,
    async writeParts(sql, escapes) {
      begun += 1;
      const folder = join(aside, `out${begun}`);
      await duckdb.run(
        `copy (${sql}) to ${quote(folder)} (format parquet, compression zstd, parquet_version v2, row_group_size ${ROW_GROUP_ROWS},
           row_groups_per_file ${GROUPS_OF_PART}, filename_pattern 'p{i}', overwrite_or_ignore true)`,
      );
      return announce(ask, folder, escapes, options);
    },
    async close() {
      duckdb.close();
      await rm(aside, { recursive: true, force: true });
    },
  };
}

function answering(duckdb: DuckDb, file: string) {
  return async <T>(sql: string): Promise<T[]> => {
    await duckdb.run(`copy (${sql}) to ${quote(file)} (format json, array true)`);
    return JSON.parse(await readFile(file, "utf8")) as T[];
  };
}

/** The written files become parts. A query without rows gives an empty file, which is none. */
async function announce(
  ask: WorkDatabase["ask"],
  folder: string,
  escapes: number[],
  { directory, onPart }: WorkOptions,
): Promise<{ rows: number; bytes: number }> {
  const written = await ask<{ path: string; rows: string; bytes: string }>(`
    select file_name as path, num_rows::varchar as rows, (
      select sum(total_uncompressed_size) from parquet_metadata(${quote(`${folder}/*.parquet`)}) as chunks
      where chunks.file_name = files.file_name)::varchar as bytes
    from parquet_file_metadata(${quote(`${folder}/*.parquet`)}) as files`);
  const numbered = written
    .filter(({ rows }) => Number(rows) > 0)
    .map((file) => ({ ...file, number: Number(/p(\d+)\.parquet$/.exec(file.path)?.[1]) }))
    .sort((a, b) => a.number - b.number);
  let first_row = 0;
  let bytes = 0;
  for (const [part, file] of numbered.entries()) {
    const rows = Number(file.rows);
    const to = join(directory, partName({ statement: 0, part }));
    await rename(file.path, to);
    onPart({ statement: 0, part, first_row, rows, size: (await stat(to)).size, escapes });
    first_row += rows;
    bytes += Number(file.bytes);
  }
  return { rows: first_row, bytes };
}
