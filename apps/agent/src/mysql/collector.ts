/**
 * MySQL 5.7 and later and MariaDB 10.6 and later, as one server with its databases. One statement at a time, none of
 * which reads a table of a user.
 */
import { VERSION } from "@quern/runtime/version";
import type { CollectedPayload, Collector } from "../collector.ts";
import type { AgentConfig, Provider } from "../config/agent-config.ts";
import { instanceId } from "../engine/identity.ts";
import { type Start, startCollection } from "./collection-start.ts";
import { openConnections } from "./connections.ts";
import { type Draft, type Reading, readDatabase, readWholeServer } from "./database-payload.ts";
import { openFacts } from "./known-facts.ts";
import { type Memory, newMemory } from "./memory.ts";
import { openSampler } from "./sampler.ts";
import { GRACE_MS } from "./session.ts";
import { readStatementsOfAll } from "./statement-section.ts";
import { testConnection } from "./test-connection.ts";

export type MysqlConfig = Pick<AgentConfig, "name" | "database" | "collection">;

export type MysqlEffects = {
  now: () => number;
  /** How much longer than the server's statement timeout an answer is waited for. */
  grace_ms: number;
};

/** Connects when it is first asked. Throws AddressError for a URL that is none. */
export function openMysqlCollector(
  config: MysqlConfig,
  { now = Date.now, grace_ms = GRACE_MS }: Partial<MysqlEffects> = {},
): Collector {
  const connections = openConnections(config, grace_ms);
  const memory = newMemory();
  const factsOf = openFacts();
  const sampler = openSampler(connections, memory, factsOf);
  const configured = config.database.provider === "auto" ? null : config.database.provider;
  return {
    testConnection: () => testConnection(config, grace_ms),
    async collect(due) {
      const at = now();
      const start = await startCollection(config, connections, memory, factsOf, at);
      const { facts, databases } = start;
      const reading: Reading = { config, connections, memory, facts, databases, due, now: at };
      const drafts: Draft[] = [];
      for (const database of databases) drafts.push(await readDatabase(database, reading));
      const [first] = drafts;
      if (first !== undefined) {
        await readWholeServer(first, reading);
        first.outcomes.results.push(...sampler.results());
      }
      if (due.has("statements")) await readStatementsOfAll(drafts, reading);
      await connections.rest();
      return drafts.map((draft) => payloadOf(draft, start, memory, configured, at));
    },
    sample: () => sampler.sample(),
    learn(instance_id, { want_texts, want_schema }) {
      const database = memory.instances.get(instance_id);
      if (database === undefined) return;
      if (want_texts.length > 0) memory.statements.wanted.set(database, new Set(want_texts));
      if (want_schema) memory.of(database).want_schema = true;
    },
    provider: () => configured ?? memory.provider?.found.provider ?? "generic",
    version: () => memory.version,
    cost: () => ({
      database_time_ms: connections.spentMs(),
      connections: connections.pids().size,
    }),
    close: () => connections.close(),
  };
}

function payloadOf(
  { database, outcomes, parts }: Draft,
  { identity, facts }: Start,
  memory: Memory,
  configured: Provider | null,
  now: number,
): CollectedPayload {
  const instance_id = instanceId(identity.node_id, database);
  memory.instances.set(instance_id, database);
  const found = memory.provider?.found;
  return {
    agent_version: VERSION,
    timestamp: new Date(now).toISOString(),
    instance_id,
    database: {
      type: facts.type,
      version: facts.version,
      provider: configured ?? found?.provider ?? "generic",
      provider_metadata: {
        evidence: found?.evidence ?? {},
        detected: found?.provider ?? "generic",
      },
      name: database,
      version_num: facts.version_num,
    },
    ...identity,
    ...parts,
    collectors: outcomes.results.slice(0, 200),
  };
}
