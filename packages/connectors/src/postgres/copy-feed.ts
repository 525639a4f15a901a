/** The data of a COPY … FROM STDIN on its way to the server. */
import { setImmediate } from "node:timers/promises";
import type { QueryRequest } from "@quern/psql/session";
import { copyData, copyDone, copyFail } from "./messages.ts";
import type { ScriptWire } from "./script-wire.ts";

/** Pieces of data go out together up to this, and a bigger one in parts, so that none stands in memory twice. */
const COPY_PIECE = 64 * 1024;

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
      wire.send(copyData(piece));
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

async function* inPieces(data: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let size = 0;
  for await (const bytes of data) {
    for (let at = 0; at < bytes.length; at += COPY_PIECE) {
      const part = bytes.subarray(at, at + COPY_PIECE);
      gathered.push(part);
      size += part.length;
      if (size < COPY_PIECE) continue;
      yield Buffer.concat(gathered);
      gathered = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(gathered);
}
