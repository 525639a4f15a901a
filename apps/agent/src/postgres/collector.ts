/**
 * PostgreSQL 13 and later, as one server with its databases. One statement at a time; everything that differs between
 * versions is asked of the server, so that one of tomorrow costs at most the sections that it changed.
 */
import { VERSION } from "@quern/runtime/version";
import type { Collector } from "../collector.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import { loadParser } from "../text/parser.ts";
import { startCollection } from "./collection-start.ts";
import { openConnections } from "./connections.ts";
import { type Draft, type Reading, readDatabase } from "./database-payload.ts";
import { newMemory } from "./memory.ts";
import { payloadOf } from "./payload.ts";
import { openSampler } from "./sampler.ts";
import { GRACE_MS } from "./session.ts";
import { readStatementsOfAll } from "./statement-section.ts";
import { testConnection } from "./test-connection.ts";
import { readWholeServer } from "./whole-server.ts";

export type PostgresConfig = Pick<AgentConfig, "name" | "database" | "collection">;

export type PostgresEffects = {
  now: () => number;
  /** What the agent's sessions look names up in: tests put views of a server of tomorrow before pg_catalog. */
  search_path: string;
  /** How much longer than the server's statement timeout an answer is waited for. */
  grace_ms: number;
};

/** Connects when it is first asked. Throws AddressError for a URL that is none. */
export function openPostgresCollector(
  config: PostgresConfig,
  {
    now = Date.now,
    search_path = "pg_catalog",
    grace_ms = GRACE_MS,
  }: Partial<PostgresEffects> = {},
): Collector {
  const connections = openConnections(config, { search_path, grace_ms });
  const memory = newMemory();
  const sampler = openSampler(connections, memory);
  const configured = config.database.provider === "auto" ? null : config.database.provider;
  return {
    testConnection: () => testConnection(config, { search_path, grace_ms }),
    async collect(due) {
      await loadParser();
      const at = now();
      const { identity, databases } = await startCollection(config, connections, memory, at);
      const reading: Reading = { config, connections, memory, due, now: at };
      const drafts: Draft[] = [];
      for (const database of databases) drafts.push(await readDatabase(database, reading));
      const [first] = drafts;
      if (first !== undefined) {
        await readWholeServer(first, reading);
        first.outcomes.results.push(...sampler.results());
      }
      if (due.has("statements")) await readStatementsOfAll(drafts, reading);
      await connections.rest();
      return drafts.flatMap((draft) => payloadOf(draft, memory, identity, configured, VERSION, at));
    },
    sample: () => sampler.sample(),
    learn(instance_id, { want_texts, want_schema }) {
      const database = memory.instances.get(instance_id);
      if (database === undefined) return;
      if (want_texts.length > 0) memory.statements.wanted.set(database.oid, new Set(want_texts));
      if (want_schema) memory.of(database.name).want_schema = true;
    },
    provider: () => configured ?? memory.provider?.found.provider ?? "generic",
    version: () => memory.version,
    cost: () => ({ database_time_ms: connections.spentMs(), connections: connections.count() }),
    close: () => connections.close(),
  };
}
