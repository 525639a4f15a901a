/** COPY … FROM STDIN over a `pg` connection: rows go to the server as fast as it takes them. */
import { once } from "node:events";
import type { Client, Connection, Submittable } from "pg";

export type CopyValue = string | number | bigint | boolean | Date | null;

/** What `pg`'s connection has for COPY, which its type definitions leave out. */
type CopyConnection = Connection & {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
};

const CHUNK_CHARACTERS = 65_536;

/**
 * Copies `rows` into `target`, such as `flights.airports (iata, name)`. A Date is sent as an instant.
 * Rejects with the server's error, or with what `rows` threw; then nothing was copied.
 */
export async function copyRows(
  client: Client,
  target: string,
  rows: Iterable<CopyValue[]> | AsyncIterable<CopyValue[]>,
): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    client.query(copyQuery(target, rows, resolve, reject));
  });
  await done;
}

function copyQuery(
  target: string,
  rows: Iterable<CopyValue[]> | AsyncIterable<CopyValue[]>,
  resolve: () => void,
  reject: (error: unknown) => void,
): Submittable {
  const ended = new AbortController();
  let failure: unknown;
  const query = {
    submit(connection: Connection) {
      (connection as CopyConnection).query(`copy ${target} from stdin`);
    },
    handleCopyInResponse(connection: CopyConnection) {
      send(connection, rows, ended.signal).then(
        () => connection.endCopyFrom(),
        (error: unknown) => {
          if (ended.signal.aborted) return;
          failure = error;
          connection.sendCopyFail("the rows could not be made");
        },
      );
    },
    handleCommandComplete() {},
    handleError(error: unknown) {
      ended.abort();
      reject(failure ?? error);
    },
    handleReadyForQuery() {
      resolve();
    },
  };
  return query;
}

async function send(
  connection: CopyConnection,
  rows: Iterable<CopyValue[]> | AsyncIterable<CopyValue[]>,
  signal: AbortSignal,
): Promise<void> {
  let chunk = "";
  for await (const row of rows) {
    chunk += `${row.map(field).join("\t")}\n`;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    signal.throwIfAborted();
    connection.sendCopyFromChunk(Buffer.from(chunk));
    chunk = "";
    if (connection.stream.writableNeedDrain) await once(connection.stream, "drain", { signal });
  }
  if (chunk !== "") connection.sendCopyFromChunk(Buffer.from(chunk));
}

const ESCAPES: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function field(value: CopyValue): string {
  if (value === null) return "\\N";
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== "string") return String(value);
  return value.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}
