/** The data of a COPY … FROM STDIN on its way to the server. */
import { setImmediate } from "node:timers/promises";
import type { QueryRequest } from "@quern/psql/session";
import { copyDataHeader, copyDone, copyFail } from "./messages.ts";
import type { ScriptWire } from "./script-wire.ts";

/** Pieces of data go out together up to this, and a bigger one in parts. */
const COPY_PIECE = 256 * 1024;

/** Gives the server what it asked for, while it listens. `next` reads on; what it says meanwhile is returned. */
export async function feedCopy<T>(
  wire: ScriptWire,
  request: Pick<QueryRequest, "copyData">,
  next: () => Promise<T>,
): Promise<T> {
  let over = false;
  const answer = next().finally(() => {
    over = true;
  });
  // It is awaited below, whatever happens in between.
  answer.catch(() => {});
  try {
    for await (const piece of inPieces(request.copyData())) {
      wire.send(copyDataHeader(piece.length), piece);
      await wire.drained();
      // A socket that takes everything at once would leave no time to hear the server's refusal.
      await setImmediate();
      if (over) break;
    }
    if (!over) wire.send(copyDone());
  } catch (error) {
    if (!over) wire.send(copyFail("the data could not be read"));
    await answer;
    throw error;
  }
  return await answer;
}

/** Neither many small messages nor a huge one. A piece that is big enough goes on as it is: it is a view of the file's bytes. */
async function* inPieces(data: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let gathered: Uint8Array[] = [];
  let size = 0;
  for await (const bytes of data) {
    for (let at = 0; at < bytes.length; at += COPY_PIECE) {
      const part = bytes.subarray(at, at + COPY_PIECE);
      gathered.push(part);
      size += part.length;
      if (size < COPY_PIECE) continue;
      yield joined(gathered, size);
      gathered = [];
      size = 0;
    }
  }
  if (size > 0) yield joined(gathered, size);
}

function joined(parts: Uint8Array[], size: number): Buffer {
  const [only, ...more] = parts;
  if (only === undefined || more.length > 0) return Buffer.concat(parts, size);
  return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
}
