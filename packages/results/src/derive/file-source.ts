import { open } from "node:fs/promises";
import type { PartSource } from "../read/source.ts";

/** A part that is a file here. */
export async function openFileSource(path: string): Promise<PartSource> {
  const file = await open(path, "r");
  const { size } = await file.stat();
  return {
    id: path,
    byteLength: size,
    async slice(start, end = size) {
      const buffer = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      for (let done = 0; done < buffer.length; ) {
        const { bytesRead } = await file.read(buffer, done, buffer.length - done, start + done);
        if (bytesRead === 0) throw new Error(`${path} is shorter than it was`);
        done += bytesRead;
      }
      return buffer.buffer;
    },
    close: () => file.close(),
  };
}
