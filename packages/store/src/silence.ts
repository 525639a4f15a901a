import { Socket } from "node:net";

/** Longer than any statement may take: a server that is there has answered by then. */
const SILENCE_MS = 45_000;

/**
 * A socket for a database client that breaks when nothing came for 45 s. Without it a client whose other end vanished
 * without a word waits for the operating system, many minutes, and its connection is used again.
 */
export function impatientSocket(): Socket {
  const socket = new Socket();
  socket.setTimeout(SILENCE_MS, () => {
    socket.destroy(new Error("Connection terminated: the database was silent for 45 s"));
  });
  return socket;
}
