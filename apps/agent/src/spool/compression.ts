/** Payloads as the spool has them. None is ever in memory as a whole before compression, but where it is asked for. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { constants, createGunzip, createGzip, gunzip } from "node:zlib";
import { noteBuffer } from "../garbage.ts";

const MAX_PAYLOAD_BYTES = 512 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;

const decompressWhole = promisify(gunzip);

/** The content is not what was written. */
export class BrokenContentError extends Error {
  override name = "BrokenContentError";
}

/** The pieces of a text. */
export type Pieces = Iterable<string> | AsyncIterable<string | Buffer>;

export async function compress(
  pieces: Pieces,
  level: number = constants.Z_DEFAULT_COMPRESSION,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const gzip = createGzip({ level });
  await pipeline(Readable.from(pieces, { highWaterMark: 1 }), gzip, async (compressed) => {
    for await (const chunk of compressed) chunks.push(chunk as Buffer);
  });
  return Buffer.concat(chunks);
}

/** What was compressed piece by piece; throws zlib's errors. */
export async function* decompressing(content: Buffer): AsyncIterable<Buffer> {
  const pieces = createGunzip({ chunkSize: PIECE_BYTES });
  pieces.end(content);
  for await (const piece of pieces as AsyncIterable<Buffer>) {
    yield piece;
    noteBuffer(piece.length);
  }
}

/** Shows what was compressed piece by piece. Throws BrokenContentError. */
export async function decompress(content: Buffer, see: (piece: Buffer) => void): Promise<void> {
  let bytes = 0;
  try {
    for await (const piece of decompressing(content)) {
      bytes += piece.length;
      if (bytes > MAX_PAYLOAD_BYTES) throw new BrokenContentError("too large");
      see(piece);
    }
  } catch (error) {
    throw brokenBy(error);
  }
}

/** All of it. Throws BrokenContentError. */
export async function decompressed(content: Buffer): Promise<Buffer> {
  try {
    return await decompressWhole(content, { maxOutputLength: MAX_PAYLOAD_BYTES });
  } catch (error) {
    throw brokenBy(error);
  }
}

/** zlib's errors have codes of their own. */
function brokenBy(error: unknown): unknown {
  if (!/^Z_|^ERR_/.test(String((error as NodeJS.ErrnoException).code))) return error;
  return new BrokenContentError("no whole gzip", { cause: error });
}
