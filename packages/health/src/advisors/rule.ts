/**
 * What an advisor rule is. Each is one file in `rules/`, named `<id>.ts`, that exports it as `rule`; adding one is adding
 * a file. A judgement is of one evaluation: opening, keeping and resolving findings is the engine's work.
 */
import type { Category } from "@quern/contract/health/databases";
import type { Evidence, Message, RuleState, Severity } from "@quern/contract/health/findings";
import type { Database } from "@quern/store/db";

/** Whom a rule judges, and as of when. All it may know is in the store. */
export type Subject = {
  db: Database;
  org_id: string;
  database_id: string;
  server_id: string;
  database_name: string;
  type: "postgres" | "mysql" | "mariadb";
  /** server_version_num, 180004; null where an agent does not say. */
  version_num: number | null;
  provider: string;
  in_recovery: boolean | null;
  /** The other databases of the server that are monitored are judged for themselves. */
  is_main: boolean;
  now: Date;
};

export type Fix = {
  /** Statements to run by hand, identifiers quoted; null where words alone help. */
  sql: string | null;
  words: string;
  /** What the words were made of, where they hold values. Findings of before have none. */
  message?: Message | null;
  /** Whether it can be tried on a sandbox that has the schema and its statistics. */
  sandbox: boolean;
};

/** One thing that a rule found. `object` is the key by which it is the same thing again. */
export type Found = {
  object: string;
  severity: Severity;
  evidence: Evidence[];
  confidence: "high" | "medium" | "low";
  window: { from: Date; to: Date } | null;
  statement_id: number | null;
  fix: Fix | null;
};

export type Judgement =
  /** `noted` comes back at the next evaluation (`notedBy`): what a rule has to have seen by itself. */
  | { state: "judged"; found: Found[]; noted?: Readonly<Record<string, string>> }
  | {
      state: Exclude<RuleState, "finding" | "ok">;
      /** In words, for the page. */
      reason: string;
      /** What the reason was made of, where it holds values. */
      message?: Message | null;
      /** What mends it: the GRANT, the setting. */
      hint: string | null;
    };

/** What an agent reads, by the names of its collectors. */
export type Section =
  | "statements"
  | "tables"
  | "indexes"
  | "schema"
  | "sequences"
  | "bloat"
  | "column_statistics"
  | "settings"
  | "server"
  | "activity";

export type Rule = {
  /** kebab-case, as the file is named; it is in the addresses of pages and never changes. */
  id: string;
  title: string;
  category: Category;
  /** What it means and why it matters, for somebody who has not met it before. */
  explanation: string;
  /** Where the thresholds come from. */
  source: string;
  /** Points that a finding costs its category, by severity, at most 100 in all. */
  weight: Record<Severity, number>;
  /** A critical finding is a fact that caps the whole score at 30. */
  caps: boolean;
  /** Its findings begin muted: lints for whoever asks for them. */
  quiet?: boolean;
  /** `server`: said once, for the database by which the server's own numbers come; not applicable to its others. */
  of: "database" | "server";
  /** Seconds between two evaluations. */
  every_s: number;
  /** Sections without which nothing can be said. Where one is missing or failed, the engine says so and does not ask. */
  needs: readonly Section[];
  engines: readonly Subject["type"][];
  judge(subject: Subject): Promise<Judgement>;
};
