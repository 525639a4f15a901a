import type { IngestAnswer } from "@quern/contract/agent/answers";
import type { AgentPayload } from "@quern/contract/agent/payload";
import type { Packed } from "./json-pieces.ts";
import type { LargePart } from "./packed.ts";

/** Parts of a payload that have a pace of their own. Activity is sampled between payloads instead. */
export const SECTIONS = [
  "statements",
  "tables",
  "indexes",
  "sequences",
  "bloat",
  "schema",
  "column_statistics",
  "settings",
  "server",
  "plans",
  "custom_metrics",
] as const;
export type Section = (typeof SECTIONS)[number];

/** A payload whose largest parts are packed. Its JSON is that of an `AgentPayload`. */
export type CollectedPayload = Omit<AgentPayload, LargePart> & {
  [Part in LargePart]?: AgentPayload[Part] | Packed;
};

/** One line of `--test-connection`: an aspect, how it is, and what to do about it. */
export type Aspect = {
  aspect: string;
  status: "ok" | "warning" | "failed";
  detail: string;
  hint: string | null;
};

/**
 * Reads one server, whatever its engine: an engine is a folder that makes one of these. A section that fails is a result
 * in the payload's `collectors`, never an error; `collect` fails only when the server cannot be reached at all, with
 * `UnreachableError`.
 */
export type Collector = {
  /** Connects, says what works and what is missing. Never throws for what the server or the network does. */
  testConnection(): Promise<{ ok: boolean; aspects: Aspect[] }>;
  /** One payload for each monitored database, with the sections of `due`, and what `sample` has gathered since. */
  collect(due: ReadonlySet<Section>): Promise<CollectedPayload[]>;
  /** Takes one sample of sessions and locks; kept, up to a limit, until the next `collect`. */
  sample(): Promise<void>;
  /** What the server that receives payloads has said to the one of `instance_id`. */
  learn(instance_id: string, answer: Pick<IngestAnswer, "want_texts" | "want_schema">): void;
  /** Where the database runs, from its host, settings, extensions and roles. `generic` before the first connection. */
  provider(): string;
  /** The full text of `version()`; null before the first connection. */
  version(): string | null;
  /** What its own statements took at the server since it was opened, by its own clock, and what it holds open now. */
  cost(): { database_time_ms: number; connections: number };
  /** Ends all connections within a second, answered or not. */
  close(): Promise<void>;
};

/** Nothing can be read: refused, silent, not signed in. `code` is the SQLSTATE or the system's. */
export class UnreachableError extends Error {
  override name = "UnreachableError";
  readonly code: string;
  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
