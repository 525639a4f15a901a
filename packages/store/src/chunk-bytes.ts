/**
 * Reads chunks of files as the bytes they are, by COPY. As values of a query they come as text that is twice as long, which is most of
 * what reading a large file costs, and pg does not read binary values.
 */
import type { Connection, Submittable } from "pg";
import { type Database, poolOf } from "./db.ts";

/** Before the first row: a signature of 11 bytes, flags, and the length of nothing more. */
const HEADER = 19;
/** Of each row: how many columns it has, and the length of its only one. */
const ROW_HEADER = 6;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Chunks `from` to before `to` of a content, in order; fewer when some are not there. `db` is no transaction. */
export async function readChunks(
  db: Database,
  contentId: string,
  from: number,
  to: number,
): Promise<Buffer[]> {
  if (!UUID.test(contentId)) throw new TypeError(`no id of a content: ${contentId}`);
  // COPY takes no parameters: these are an id and numbers.
  const sql = `copy (select bytes from blob_chunks where content_id = '${contentId}' and n >= ${Number(from)} and n < ${Number(to)}
    order by n) to stdout (format binary)`;
  const client = await poolOf(db).connect();
  let broken: Error | undefined;
  try {
    const copied = await new Promise<Buffer>((resolve, reject) => {
      client.query(new BinaryCopy(sql, resolve, reject));
    });
    return rowsIn(copied);
  } catch (error) {
    // What the session is in the middle of is not known: it is not used again.
    broken = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    client.release(broken);
  }
}

/** What a client of pg is told of a statement that it sends. */
class BinaryCopy implements Submittable {
  readonly #pieces: Buffer[] = [];
  readonly #sql: string;
  readonly #done: (copied: Buffer) => void;
  readonly #failed: (error: Error) => void;

  constructor(sql: string, done: (copied: Buffer) => void, failed: (error: Error) => void) {
    this.#sql = sql;
    this.#done = done;
    this.#failed = failed;
  }

  submit(connection: Connection): void {
    connection.query(this.#sql);
  }
  handleCopyData({ chunk }: { chunk: Buffer }): void {
    // A view of the connection's buffer, which it uses again.
    this.#pieces.push(Buffer.from(chunk));
  }
  handleCommandComplete(): void {}
  handleReadyForQuery(): void {
    this.#done(Buffer.concat(this.#pieces));
  }
  handleError(error: Error): void {
    this.#failed(error);
  }
}

/** The values of the one column of COPY's rows. */
function rowsIn(copied: Buffer): Buffer[] {
  const rows: Buffer[] = [];
  for (let at = HEADER; copied.readInt16BE(at) === 1; ) {
    const start = at + ROW_HEADER;
    at = start + copied.readInt32BE(at + 2);
    rows.push(copied.subarray(start, at));
  }
  return rows;
}
