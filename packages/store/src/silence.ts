import { Socket } from "node:net";

/** Longer than any statement may take: a server that is there has answered by then. */
const SILENCE_MS = 45_000;

/**
 * A socket for a database client that breaks when nothing came or went for `silenceMs`, whether somebody waits or not.
 * Without it a client whose other end vanished without a word waits for the operating system, many minutes, and its
 * connection is used again.
 */
export function impatientSocket(silenceMs = SILENCE_MS): Socket {
  const socket = new Socket();
  socket.setTimeout(silenceMs, () => {
    const seconds = silenceMs / 1000;
    socket.destroy(new Error(`Connection terminated: the database was silent for ${seconds} s`));
  });
  return socket;
}
