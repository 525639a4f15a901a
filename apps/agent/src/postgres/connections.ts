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
  /** By database, the least recently used first. */
  const open = new Map<string, Session>();
  const most = Math.max(collection.connection_budget - 1, 1);
  let samples: Session | null = null;
  let closed = false;
  const connect = async (to: Address) => {
    if (closed) throw new UnreachableError("The agent is stopping.", "stopping");
    return await openSession(to, options);
  };
  let spentBefore = 0;
  const ended = (session: Session) => {
    spentBefore += session.spent_ms;
  };
  const drop = async (name: string, session: Session) => {
    open.delete(name);
    await session.close();
    ended(session);
  };
  const all = () => (samples === null ? [...open.values()] : [...open.values(), samples]);
  return {
    address,
    async of(name) {
      const known = open.get(name);
      open.delete(name);
      if (known?.open) {
        open.set(name, known);
        return known;
      }
      if (known !== undefined) ended(known);
      while (open.size >= most) {
        const last = byUse(open, address.database).at(-1);
        if (last !== undefined) await drop(...last);
      }
      const session = await connect({ ...address, database: name });
      open.set(name, session);
      return session;
    },
    async ofSamples() {
      if (samples?.open) return samples;
      if (samples !== null) ended(samples);
      samples = null;
      samples = await connect(address);
      return samples;
    },
    async rest() {
      const stay = Math.min(database.min_connections, most);
      for (const [name, session] of byUse(open, address.database).slice(stay)) {
        await drop(name, session);
      }
      if (database.min_connections === 0 && samples !== null) {
        await samples.close();
        ended(samples);
        samples = null;
      }
    },
    count: () => all().filter((session) => session.open).length,
    spentMs: () => all().reduce((sum, session) => sum + session.spent_ms, spentBefore),
    async close() {
      closed = true;
      await Promise.all(all().map((session) => session.close()));
    },
  };
}

/** The URL's database first, then those used last. */
function byUse(open: ReadonlyMap<string, Session>, first: string): [string, Session][] {
  return [...open].reverse().toSorted(([a], [b]) => Number(b === first) - Number(a === first));
}
