/** The agent's connections: one for samples, at most one for each database, and no more than the budget in all. */
import { UnreachableError } from "../collector.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import { type Address, addressOf } from "./address.ts";
import { openSession, type Session } from "./session.ts";

export type Connections = {
  /** Of the URL. */
  address: Address;
  /** The open session of a database, or a new one. Throws UnreachableError. */
  of(database: string): Promise<Session>;
  /** The session of samples, which never waits behind a collection. Throws UnreachableError. */
  ofSamples(): Promise<Session>;
  /** After a collection: closes all but as many as are to stay, the URL's database first. */
  rest(): Promise<void>;
  /** Open ones. */
  count(): number;
  /** Milliseconds for which statements were waited for, since the agent started. */
  spentMs(): number;
  close(): Promise<void>;
};

type ConnectionEffects = { search_path: string; grace_ms: number };

export function openConnections(
  { database, collection }: Pick<AgentConfig, "database" | "collection">,
  effects: ConnectionEffects,
): Connections {
  const address = addressOf(database.url);
  const { statement_timeout_ms } = collection;
  const options = { ...database, statement_timeout_ms, ...effects };
  const most = Math.max(collection.connection_budget - 1, 1);
  let samples: Session | null = null;
  let samplesSpent = 0;
  let closed = false;
  const connect = async (to: Address) => {
    if (closed) throw new UnreachableError("The agent is stopping.", "stopping");
    return await openSession(to, options);
  };
  const sessions = sessionsByDatabase(most, address, connect);
  const all = () => (samples === null ? sessions.all() : [...sessions.all(), samples]);
  const endSamples = () => {
    samplesSpent += samples?.spent_ms ?? 0;
    samples = null;
  };
  return {
    address,
    of: sessions.of,
    async ofSamples() {
      if (samples?.open) return samples;
      endSamples();
      samples = await connect(address);
      return samples;
    },
    async rest() {
      await sessions.keep(Math.min(database.min_connections, most));
      if (database.min_connections > 0) return;
      const ending = samples;
      // Before it is closed: a sample that begins meanwhile opens its own.
      endSamples();
      await ending?.close();
    },
    count: () => all().filter((session) => session.open).length,
    spentMs: () =>
      all().reduce((sum, session) => sum + session.spent_ms, samplesSpent + sessions.spentBefore()),
    async close() {
      closed = true;
      await Promise.all(all().map((session) => session.close()));
    },
  };
}

type SessionsByDatabase = Pick<Connections, "of"> & {
  all(): Session[];
  /** Closes all but `number` of them, those that the next collection most likely wants last. */
  keep(number: number): Promise<void>;
  /** Milliseconds of those that have ended. */
  spentBefore(): number;
};

/** At most `most` sessions, each for its database; a further one ends the one that was not used for longest. */
function sessionsByDatabase(
  most: number,
  address: Address,
  connect: (to: Address) => Promise<Session>,
): SessionsByDatabase {
  /** The least recently used first. */
  const open = new Map<string, Session>();
  let spentBefore = 0;
  const drop = async (name: string, session: Session) => {
    open.delete(name);
    await session.close();
    spentBefore += session.spent_ms;
  };
  const keep = async (number: number) => {
    for (const dropped of byUse(open, address.database).slice(number)) await drop(...dropped);
  };
  return {
    async of(name) {
      const known = open.get(name);
      open.delete(name);
      if (known?.open) {
        open.set(name, known);
        return known;
      }
      spentBefore += known?.spent_ms ?? 0;
      await keep(most - 1);
      const session = await connect({ ...address, database: name });
      open.set(name, session);
      return session;
    },
    all: () => [...open.values()],
    keep,
    spentBefore: () => spentBefore,
  };
}

/** The URL's database first, then those used last. */
function byUse(open: ReadonlyMap<string, Session>, first: string): [string, Session][] {
  return [...open].reverse().toSorted(([a], [b]) => Number(b === first) - Number(a === first));
}
