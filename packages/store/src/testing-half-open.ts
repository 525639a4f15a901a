/**
 * A TCP proxy whose connections can go half-open: it goes on accepting and reading, and passes nothing on, no end
 * either. So it looks to both sides when a cable is cut or a firewall forgets. Only tests may import this file.
 */
import { connect, createServer, type Socket } from "node:net";

export type Direction = "to_server" | "to_client";

export type HalfOpenProxy = {
  port: number;
  /** From now on, open and new connections pass nothing in these directions. */
  silence(...directions: Direction[]): void;
  /**
   * Once the client sends these bytes, its connection is silent for good: `request` is swallowed too, `answer` lets it
   * through and swallows what comes back. Resolves when that has happened; rejects when it does not within 30 s.
   */
  silenceAt(text: string, swallow: "request" | "answer"): Promise<void>;
  /** New connections pass everything; those that were silenced stay so. */
  heal(): void;
  /** Ended by the client, or still open. */
  connections(): { open: number; silenced: number; ended_by_client: number };
  stop(): Promise<void>;
};

type Pair = { client: Socket; server: Socket; silent: Set<Direction>; ended: boolean };

const TRAP_MS = 30_000;
const BOTH: Direction[] = ["to_server", "to_client"];

/** Listens on a free port of the loopback and connects to `host`:`port`. */
export async function startHalfOpenProxy(host: string, port: number): Promise<HalfOpenProxy> {
  const pairs = new Set<Pair>();
  let fresh = new Set<Direction>();
  let trap: { text: string; swallow: "request" | "answer"; sprung: () => void } | null = null;

  const silencePair = (pair: Pair, directions: Direction[]) => {
    for (const direction of directions) pair.silent.add(direction);
  };
  const carry = (pair: Pair, direction: Direction) => {
    const [from, to] =
      direction === "to_server" ? [pair.client, pair.server] : [pair.server, pair.client];
    from.on("data", (bytes) => {
      if (direction === "to_server" && trap !== null && bytes.includes(trap.text)) {
        const { swallow, sprung } = trap;
        trap = null;
        // What the server is told before it goes silent arrives.
        if (swallow === "answer") to.write(bytes);
        silencePair(pair, BOTH);
        sprung();
      } else if (!pair.silent.has(direction)) to.write(bytes);
    });
    from.on("end", () => {
      if (direction === "to_server") pair.ended = true;
      if (!pair.silent.has(direction)) to.end();
    });
    // A reset is an end, too; the other side hears of it unless it is cut off.
    from.on("error", () => {
      if (direction === "to_server") pair.ended = true;
      if (!pair.silent.has(direction)) to.destroy();
    });
    from.on("close", () => {
      if (direction === "to_server") pair.ended = true;
    });
  };
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ host, port, allowHalfOpen: true });
    const pair: Pair = { client, server, silent: new Set(fresh), ended: false };
    pairs.add(pair);
    carry(pair, "to_server");
    carry(pair, "to_client");
  });
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(0, "127.0.0.1", resolve);
  });
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");

  return {
    port: address.port,
    silence(...directions) {
      fresh = new Set(directions);
      for (const pair of pairs) silencePair(pair, directions);
    },
    silenceAt(text, swallow) {
      return new Promise((resolve, reject) => {
        const unsprung = new Error(`nobody sent ${text}`);
        const late = setTimeout(() => reject(unsprung), TRAP_MS);
        const sprung = () => {
          clearTimeout(late);
          resolve();
        };
        trap = { text, swallow, sprung };
      });
    },
    heal() {
      fresh = new Set();
    },
    connections() {
      const all = [...pairs];
      return {
        open: all.filter(({ ended }) => !ended).length,
        silenced: all.filter(({ silent }) => silent.size > 0).length,
        ended_by_client: all.filter(({ ended }) => ended).length,
      };
    },
    async stop() {
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
