import { hostname } from "node:os";
import type { AgentConfig } from "../config/agent-config.ts";
import { type Identity, identityOf } from "../engine/identity.ts";
import type { Address } from "./address.ts";
import type { Connections } from "./connections.ts";
import { discoverDatabases } from "./databases.ts";
import type { Facts } from "./facts.ts";
import type { FactsOf } from "./known-facts.ts";
import type { Memory } from "./memory.ts";
import { detectProvider, readSigns } from "./provider.ts";
import type { Session } from "./session.ts";
import { codeOf, endsSession, unreachable } from "./unreachable.ts";

const PROVIDER_EVERY_MS = 60 * 60_000;

export type Start = { identity: Identity; databases: string[]; facts: Facts };

/** Who the server is, and which databases are to be read. Throws UnreachableError: without these there is no payload. */
export async function startCollection(
  config: Pick<AgentConfig, "name" | "collection">,
  connections: Connections,
  memory: Memory,
  factsOf: FactsOf,
  now: number,
): Promise<Start> {
  const begin = async () => {
    const session = await connections.main();
    try {
      return await readStart(session, config, memory, factsOf, now);
    } catch (error) {
      if (!endsSession(error)) throw error;
      await session.close();
      // One that was kept since the last time may have been ended meanwhile: a new one tells how the server is.
      if (codeOf(error) === "ETIMEDOUT") throw error;
      return null;
    }
  };
  try {
    const start = (await begin()) ?? (await begin());
    if (start === null) throw Object.assign(new Error("ended twice"), { code: "ECONNRESET" });
    return start;
  } catch (error) {
    if (codeOf(error) === "unknown") throw error;
    throw unreachable(error, connections.address);
  }
}

async function readStart(
  session: Session,
  config: Pick<AgentConfig, "name" | "collection">,
  memory: Memory,
  factsOf: FactsOf,
  now: number,
): Promise<Start> {
  const facts = await factsOf(session);
  memory.version = facts.version;
  if (memory.provider === null || now - memory.provider.at >= PROVIDER_EVERY_MS) {
    memory.provider = { found: detectProvider(await readSigns(session)), at: now };
  }
  const { databases } = config.collection;
  return {
    facts,
    identity: identityOfAddress(session.address, config.name),
    databases: await discoverDatabases(session, session.address, databases),
  };
}

/** Neither server has an identifier that its replicas share: it is known by where it is. */
function identityOfAddress({ host, port, socket }: Address, name: string | null): Identity {
  if (socket === null) return identityOf({ host, port }, null, name);
  const where = `${hostname()}:${socket}`;
  return identityOf({ host: "localhost", port: 0 }, null, name ?? where.slice(0, 200));
}
