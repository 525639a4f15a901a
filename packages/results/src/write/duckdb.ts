/** DuckDB by its C functions: the wrappers have no way to hand over typed columns. Loaded when first needed. */
import { createRequire } from "node:module";
import type * as Bindings from "@duckdb/node-bindings";

export type DuckDbApi = typeof Bindings;

export type DuckDb = {
  api: DuckDbApi;
  run(sql: string): Promise<void>;
  /** As `run`, on a connection of its own: one connection does one thing at a time. */
  runAside(sql: string): Promise<void>;
  appender(table: string): { append(chunk: Bindings.DataChunk): void; close(): void };
  interrupt(): void;
  close(): void;
};

let loaded: DuckDbApi | null = null;

/** Loads the library now (some 80 ms and 30 MB), so that a big result does not wait for it. */
export function loadDuckDb(): DuckDbApi {
  if (loaded === null) {
    const api: DuckDbApi = createRequire(import.meta.url)("@duckdb/node-bindings");
    loaded = api;
  }
  return loaded;
}

/** A new in-memory database that works with one thread and never spills, unless `spill` says where and how much. */
export async function openDuckDb(
  memoryLimitBytes: number,
  spill: { directory: string; max_bytes: number } | null = null,
): Promise<DuckDb> {
  const api = loadDuckDb();
  const database = await api.open(":memory:", config(api, memoryLimitBytes, spill));
  const connection = await api.connect(database);
  const aside = await api.connect(database);
  return {
    api,
    async run(sql) {
      await api.query(connection, sql);
    },
    async runAside(sql) {
      await api.query(aside, sql);
    },
    appender(table) {
      const appender = api.appender_create(connection, null, table);
      return {
        append: (chunk) => api.append_data_chunk(appender, chunk),
        close: () => api.appender_close_sync(appender),
      };
    },
    interrupt: () => api.interrupt(aside),
    close() {
      api.disconnect_sync(connection);
      api.disconnect_sync(aside);
      api.close_sync(database);
    },
  };
}

function config(
  api: DuckDbApi,
  memoryLimitBytes: number,
  spill: { directory: string; max_bytes: number } | null,
): Bindings.Config {
  const made = api.create_config();
  const settings = {
    threads: "1",
    memory_limit: `${Math.floor(memoryLimitBytes / 1024)}KiB`,
    temp_directory: spill?.directory ?? "",
    ...(spill && { max_temp_directory_size: `${Math.ceil(spill.max_bytes / 1024)}KiB` }),
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
  };
  for (const [name, value] of Object.entries(settings)) api.set_config(made, name, value);
  return made;
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
