import type { Duplex } from "node:stream";

/** The client went away, or was silent for too long. */
export class ClientGone extends Error {
  override name = "ClientGone";
}

/** Reads so many bytes at a time; for the beginning of a session only. */
export type Reader = {
  /** Exactly `size` bytes. Throws ClientGone when they do not come. */
  take(size: number): Promise<Buffer>;
  /** Bytes that came and were not taken. */
  waiting(): number;
  /** Gives the stream back, with what was not taken in it. */
  release(): void;
};

/** More than any packet before the session; what comes beyond waits in the network. */
const MOST_HELD_BYTES = 32_768;

export function openReader(stream: Duplex): Reader {
  let held: Buffer = Buffer.alloc(0);
  let ended = stream.destroyed;
  let wake = () => {};
  const onData = (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    if (held.length > MOST_HELD_BYTES) stream.pause();
    wake();
  };
  const onEnd = () => {
    ended = true;
    wake();
  };
  const ENDS = ["end", "close", "error"] as const;
  stream.on("data", onData);
  for (const event of ENDS) stream.on(event, onEnd);
  return {
    async take(size) {
      while (held.length < size) {
        if (ended) throw new ClientGone("the connection ended");
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const taken = held.subarray(0, size);
      held = held.subarray(size);
      if (held.length <= MOST_HELD_BYTES) stream.resume();
      return taken;
    },
    waiting: () => held.length,
    release() {
      stream.off("data", onData);
      for (const event of ENDS) stream.off(event, onEnd);
      stream.pause();
      if (held.length > 0 && !ended) stream.unshift(held);
    },
  };
}
