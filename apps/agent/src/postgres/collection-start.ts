import type { AgentConfig } from "../config/agent-config.ts";
import type { Identity } from "../engine/identity.ts";
import type { Connections } from "./connections.ts";
import { discoverDatabases, type Monitored } from "./databases.ts";
import { readFacts } from "./facts.ts";
import { readIdentity } from "./identity.ts";
import type { Memory } from "./memory.ts";
import { detectProvider, readSigns } from "./provider.ts";
import type { Session } from "./session.ts";
import { codeOf, endsSession, unreachable } from "./unreachable.ts";

const PROVIDER_EVERY_MS = 60 * 60_000;

/** How a session ends that was at rest: by the administrator, for idleness, by a proxy or a restart. */
const ENDED = new Set(["57P01", "57P05", "ECONNRESET", "EPIPE"]);

/** Who the server is, and which databases are to be read. Throws UnreachableError: without these there is no payload. */
export async function startCollection(
  config: Pick<AgentConfig, "name" | "collection">,
  connections: Connections,
  memory: Memory,
  now: number,
): Promise<{ identity: Identity; databases: Monitored[] }> {
  const begin = async () => {
    const session = await connections.of(connections.address.database);
    try {
      return await readStart(session, config, memory, now);
    } catch (error) {
      if (endsSession(error)) await session.close();
      throw error;
    }
  };
  try {
    return await begin().catch((error: unknown) => {
      // The session was kept since the last time, and somebody ended it meanwhile: a new one tells how the server is.
      if (ENDED.has(codeOf(error))) return begin();
      throw error;
    });
  } catch (error) {
    if (codeOf(error) === "unknown") throw error;
    throw unreachable(error, connections.address);
  }
}

async function readStart(
  session: Session,
  config: Pick<AgentConfig, "name" | "collection">,
  memory: Memory,
  now: number,
): Promise<{ identity: Identity; databases: Monitored[] }> {
  const facts = await readFacts(session);
  memory.version = facts.version;
  if (memory.provider === null || now - memory.provider.at >= PROVIDER_EVERY_MS) {
    memory.provider = { found: detectProvider(await readSigns(session, facts)), at: now };
  }
  const identity = await readIdentity(session, config.name);
  memory.databases = await databasesOf(session, config, memory);
  return { identity, databases: memory.databases };
}

/** The last list that could be read stands in for one that cannot. */
async function databasesOf(
  session: Session,
  config: Pick<AgentConfig, "collection">,
  memory: Memory,
): Promise<Monitored[]> {
  const first = session.address.database;
  try {
    return await discoverDatabases(session, first, config.collection.databases);
  } catch (error) {
    if (endsSession(error) || memory.databases === null) throw error;
    return memory.databases;
  }
}
