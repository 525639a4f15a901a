/** The agent's connections: one that reads all databases, one for samples, and short ones for metrics of users. */
import { UnreachableError } from "../collector.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import { type Address, addressOf } from "./address.ts";
import { openSession, type Session } from "./session.ts";

export type Connections = {
  address: Address;
  /** The open session, or a new one. Throws UnreachableError. */
  main(): Promise<Session>;
  /** The session of samples, which never waits behind a collection. Throws UnreachableError. */
  ofSamples(): Promise<Session>;
  /** Gives `work` a session of its own in `database`, whose statements take at most `timeoutMs`; it ends with it. */
  inDatabase<T>(
    database: string,
    timeoutMs: number,
    work: (session: Session) => Promise<T>,
  ): Promise<T>;
  /** After a collection: closes both unless one is to stay. */
  rest(): Promise<void>;
  /** What the server calls the open ones. */
  pids(): ReadonlySet<number>;
  /** Milliseconds for which statements were waited for, since the agent started. */
  spentMs(): number;
  close(): Promise<void>;
};

type Place = "main" | "samples";

export function openConnections(
  { database, collection }: Pick<AgentConfig, "database" | "collection">,
  grace_ms: number,
): Connections {
  const address = addressOf(database.url);
  const { statement_timeout_ms } = collection;
  const open = new Map<Place | symbol, Session>();
  let closed = false;
  let spentBefore = 0;
  const drop = async (place: Place | symbol) => {
    const session = open.get(place);
    if (session === undefined) return;
    open.delete(place);
    await session.close();
    spentBefore += session.spent_ms;
  };
  const at = async (place: Place | symbol, name?: string, timeoutMs = statement_timeout_ms) => {
    const known = open.get(place);
    if (known?.open) return known;
    await drop(place);
    if (closed) throw new UnreachableError("The agent is stopping.", "stopping");
    const limits = { statement_timeout_ms: Math.min(timeoutMs, statement_timeout_ms), grace_ms };
    const session = await openSession(address, { ...database, ...limits }, name);
    open.set(place, session);
    return session;
  };
  const all = () => [...open.values()];
  return {
    address,
    main: () => at("main"),
    ofSamples: () => at("samples"),
    async inDatabase(name, timeoutMs, work) {
      const place = Symbol(name);
      try {
        return await work(await at(place, name, timeoutMs));
      } finally {
        await drop(place);
      }
    },
    async rest() {
      if (database.min_connections > 0) return;
      await drop("main");
      await drop("samples");
    },
    pids: () => new Set(all().flatMap((session) => (session.open ? [session.pid] : []))),
    spentMs: () => all().reduce((sum, session) => sum + session.spent_ms, spentBefore),
    async close() {
      closed = true;
      await Promise.all(all().map((session) => session.close()));
    },
  };
}
