/** For tests only: targets on the test run's server, and a sink that keeps what it is given. */

import type { Batch, Storage } from "@quern/contract/batch";
import type { PostgresConfig } from "@quern/contract/datasources";
import { type TestDatabase, testServer } from "@quern/store/testing";
import pg from "pg";
import type {
  BackendHandle,
  ExecuteOptions,
  Sink,
  StatementEnd,
  StatementStart,
  Target,
} from "../connector.ts";

export function testTarget(database: string, over: Partial<PostgresConfig> = {}): Target {
  const { host, port, user, password } = testServer();
  return {
    type: "postgres",
    config: { host, port, database, user, sslmode: "disable", read_only: false, ...over },
    secret: { password },
  };
}

export type TestClient = pg.Client;

/** The test's own connection, beside those of the connector; `text` gives every value as the server prints it. */
export async function testClient(
  database: TestDatabase,
  values: "parsed" | "text" = "parsed",
): Promise<TestClient> {
  const types = values === "text" ? { types: { getTypeParser: () => String } } : {};
  const client = new pg.Client({ connectionString: database.url, ...types });
  await client.connect();
  return client;
}

export const GENEROUS: ExecuteOptions = {
  run_id: "test",
  timeout_ms: 30_000,
  max_rows: 1_000_000,
  max_bytes: 1024 ** 3,
  max_cell_bytes: 16 * 1024 ** 2,
};

export type SeenCell = string | number | bigint | boolean | null;
export type Seen = {
  handle: BackendHandle | null;
  statements: (StatementStart & Partial<StatementEnd> & { seen: SeenCell[][] })[];
  notices: string[];
};

/** Keeps every cell as a value: 64-bit storages as bigint, escaped cells as their text. */
export function keepingSink(hooks: Partial<Sink> = {}): { sink: Sink; seen: Seen } {
  const seen: Seen = { handle: null, statements: [], notices: [] };
  const sink: Sink = {
    async started(handle) {
      seen.handle = handle;
      await hooks.started?.(handle);
    },
    statement(statement) {
      seen.statements.push({ ...statement, seen: [] });
    },
    async batch(batch) {
      const current = seen.statements.at(-1);
      current?.seen.push(...rowsOf(batch, current.storages));
      await hooks.batch?.(batch);
    },
    end(end) {
      Object.assign(seen.statements.at(-1) ?? {}, end);
    },
    notice: (text) => {
      seen.notices.push(text);
    },
  };
  return { sink, seen };
}

export function rowsOf(batch: Batch, storages: Storage[]): SeenCell[][] {
  return Array.from({ length: batch.rows }, (_, row) =>
    storages.map((storage, index) => cellOf(batch, storage, index, row)),
  );
}

function cellOf(batch: Batch, storage: Storage, index: number, row: number): SeenCell {
  const vector = batch.vectors[index];
  if (vector === undefined) throw new Error(`the batch lacks column ${index}`);
  const escaped = vector.escapes.find((candidate) => candidate.row === row);
  if (escaped !== undefined) return escaped.text;
  if ((((vector.valid[row >> 3] ?? 0) >> (row & 7)) & 1) === 0) return null;
  const view = new DataView(vector.data.buffer, vector.data.byteOffset);
  switch (storage.kind) {
    case "bool":
      return view.getUint8(row) === 1;
    case "int2":
      return view.getInt16(row * 2, true);
    case "int4":
    case "date":
      return view.getInt32(row * 4, true);
    case "float4":
      return view.getFloat32(row * 4, true);
    case "float8":
      return view.getFloat64(row * 8, true);
    case "text":
      return Buffer.from(vector.data).toString(
        "utf8",
        vector.offsets?.[row],
        vector.offsets?.[row + 1],
      );
    default:
      return view.getBigInt64(row * 8, true);
  }
}
