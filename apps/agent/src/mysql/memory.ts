/** What a collector remembers between two collections. All of it can be lost: then more is sent than is needed. */
import type { ActivitySample } from "@quern/contract/agent/activity";
import type { Sent } from "../engine/sent.ts";
import { newStatementMemory, type StatementMemory } from "../engine/statement-memory.ts";
import type { DetectedProvider } from "./provider.ts";

type DatabaseMemory = {
  schema: Sent;
  want_schema: boolean;
  /** When each was last read, by its name. */
  custom_metrics: Map<string, number>;
};

export type Memory = {
  of(database: string): DatabaseMemory;
  statements: StatementMemory;
  /** Digests by the fingerprint of their text: what a session runs is found by its own. */
  digests: Map<string, string>;
  settings: Sent;
  /** Sums over the tables of a database, which are asked for less often than the rest. */
  sizes: { at: number; bytes: Map<string, string | null> };
  /** Names of databases by instance_id. */
  instances: Map<string, string>;
  provider: { found: DetectedProvider; at: number } | null;
  version: string | null;
  samples: ActivitySample[];
};

export function newMemory(): Memory {
  const databases = new Map<string, DatabaseMemory>();
  return {
    of(database) {
      const known = databases.get(database);
      if (known !== undefined) return known;
      const made: DatabaseMemory = { schema: null, want_schema: false, custom_metrics: new Map() };
      databases.set(database, made);
      return made;
    },
    statements: newStatementMemory(),
    digests: new Map(),
    settings: null,
    sizes: { at: Number.NEGATIVE_INFINITY, bytes: new Map() },
    instances: new Map(),
    provider: null,
    version: null,
    samples: [],
  };
}
