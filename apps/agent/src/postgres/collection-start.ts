import type { AgentConfig } from "../config/agent-config.ts";
import type { Connections } from "./connections.ts";
import { discoverDatabases, type Monitored } from "./databases.ts";
import { readFacts } from "./facts.ts";
import { type Identity, readIdentity } from "./identity.ts";
import type { Memory } from "./memory.ts";
import { detectProvider, readSigns } from "./provider.ts";
import type { Session } from "./session.ts";
import { codeOf, endsSession, unreachable } from "./unreachable.ts";

const PROVIDER_EVERY_MS = 60 * 60_000;

/** Who the server is, and which databases are to be read. Throws UnreachableError: without these there is no payload. */
export async function startCollection(
  config: Pick<AgentConfig, "name" | "collection">,
  connections: Connections,
  memory: Memory,
  now: number,
): Promise<{ identity: Identity; databases: Monitored[] }> {
  const session = await connections.of(connections.address.database);
  try {
    const facts = await readFacts(session);
    memory.version = facts.version;
    if (memory.provider === null || now - memory.provider.at >= PROVIDER_EVERY_MS) {
      memory.provider = { found: detectProvider(await readSigns(session, facts)), at: now };
    }
    const identity = await readIdentity(session, config.name);
    memory.databases = await databasesOf(session, config, memory);
    return { identity, databases: memory.databases };
  } catch (error) {
    if (codeOf(error) === "unknown") throw error;
    throw unreachable(error, connections.address);
  }
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
