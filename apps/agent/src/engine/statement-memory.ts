/** What the agent remembers of statements between two readings: bounded, and lost without harm when it restarts. */
import type { NormalisedStatement } from "../text/statement.ts";

/** Of a statement whose text was read. */
type KnownStatement = Pick<NormalisedStatement, "fingerprint" | "kind" | "command" | "run_id">;

export type LastReading = {
  /** The server's clock then. */
  at: string | null;
  /** Calls and milliseconds by key. */
  numbers: Map<string, { calls: number; total_ms: number }>;
};

export type StatementMemory = {
  /** By the oid of a database. */
  readings: Map<string, LastReading>;
  /** By key: their texts have been sent. */
  known: Map<string, KnownStatement>;
  /** By key, of statements of the agent's role: whether they are the agent's. */
  own: Map<string, boolean>;
  /** By query_hash, for sessions that run them. */
  by_hash: Map<string, KnownStatement>;
  /** By the oid of a database: query_hash of texts that the receiver asks for. */
  wanted: Map<string, Set<string>>;
};

const MOST = 20_000;

export function newStatementMemory(): StatementMemory {
  return {
    ...{ readings: new Map(), known: new Map(), own: new Map() },
    ...{ by_hash: new Map(), wanted: new Map() },
  };
}

export function remember(
  memory: StatementMemory,
  key: string,
  hash: string,
  statement: KnownStatement,
): void {
  put(memory.known, key, statement);
  put(memory.by_hash, hash, statement);
}

/** The oldest goes first; a forgotten text is read and sent once more. */
export function put<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MOST) map.delete(map.keys().next().value ?? "");
}
