/** What a collector remembers between two collections. All of it can be lost: then more is sent than is needed. */
import type { ActivitySample } from "@quern/contract/agent/activity";
import type { Sent } from "../engine/sent.ts";
import { newStatementMemory, type StatementMemory } from "../engine/statement-memory.ts";
import type { Monitored } from "./databases.ts";
import type { PlanMemory } from "./plans.ts";
import type { DetectedProvider } from "./provider.ts";
import type { DatabaseSizes } from "./server.ts";

type DatabaseMemory = {
  schema: Sent;
  want_schema: boolean;
  column_statistics: Sent;
  /** How many it was. */
  columns_sent: number;
  plans: PlanMemory;
  /** When each was last read, by its name. */
  custom_metrics: Map<string, number>;
};

export type Memory = {
  of(database: string): DatabaseMemory;
  statements: StatementMemory;
  settings: Sent;
  sizes: DatabaseSizes;
  /** The last list that could be read. */
  databases: Monitored[] | null;
  /** By instance_id. */
  instances: Map<string, Monitored>;
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
      const made: DatabaseMemory = {
        ...{
          schema: null,
          want_schema: false,
          column_statistics: null,
          columns_sent: 0,
          plans: new Map(),
          custom_metrics: new Map(),
        },
      };
      databases.set(database, made);
      return made;
    },
    statements: newStatementMemory(),
    settings: null,
    sizes: { at: Number.NEGATIVE_INFINITY, bytes: new Map() },
    databases: null,
    instances: new Map(),
    provider: null,
    version: null,
    samples: [],
  };
}
