import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";

/** What replies under way get when the server has to stop, such as long downloads. */
const GRACE_MS = 10_000;

/**
 * Lets a stop be quick. Node closes idle connections by itself, but neither those that browsers open ahead and have not
 * used yet, nor those that fall idle after the stop began.
 */
export function endConnectionsAtStop(app: FastifyInstance): void {
  const unused = new Set<Socket>();
  let stopping = false;
  app.server.on("connection", (socket: Socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  app.server.on("request", ({ socket }) => unused.delete(socket));
  app.addHook("onSend", async (_request, reply) => {
    if (stopping) reply.header("connection", "close");
  });
  app.addHook("preClose", async () => {
    stopping = true;
    for (const socket of unused) socket.destroy();
    setTimeout(() => app.server.closeAllConnections(), GRACE_MS).unref();
  });
}
