/** All settings of the agent after reading: every duration in milliseconds, nothing left to look up. */
import type { PROVIDERS } from "@quern/contract/agent/providers";
import type { Section } from "../collector.ts";

export type Provider = (typeof PROVIDERS)[number];

export const SSL_MODES = [
  "disable",
  "allow",
  "prefer",
  "require",
  "verify-ca",
  "verify-full",
] as const;

/** libpq's meanings: require encrypts and verifies nothing, verify-ca verifies the chain, verify-full the name, too. */
export type TlsConfig = {
  sslmode: (typeof SSL_MODES)[number];
  /** Paths of PEM files. */
  sslrootcert: string | null;
  sslcert: string | null;
  sslkey: string | null;
};

export type DatabaseConfig = {
  /** As configured, with the password; without the TLS parameters, which are in `tls`. Never log it. */
  url: string;
  type: "postgres" | "mysql" | "mariadb";
  /** What the operator says; `auto` leaves it to detection. */
  provider: "auto" | Provider;
  tls: TlsConfig;
  /** Connections that stay open between two collections: 0 closes all of them. */
  min_connections: number;
  connect_timeout_ms: number;
};

export type CustomMetricConfig = {
  name: string;
  sql: string;
  /** Where it runs; null: in the database that the URL names. */
  database: string | null;
  interval_ms: number;
  type: "gauge" | "counter";
};

export type PlansConfig = {
  enabled: boolean;
  /** Statements whose mean is below are not explained. */
  min_mean_ms: number;
  /** At most so many statements for each collection. */
  max_per_collection: number;
};

/** Sections, and the samples of sessions and locks. */
export type Pace = Section | "activity";

export type CollectionConfig = {
  /** Between two payloads. */
  interval_ms: number;
  /** What is collected at all. */
  metrics: ReadonlySet<Pace>;
  /** How often each section is read; never more often than payloads are sent, but for `activity`. */
  paces: Readonly<Record<Pace, number>>;
  /** Globs (`*`, `?`) over names of databases. */
  databases: { include: string[]; exclude: string[] };
  max_statements: number;
  max_tables: number;
  /** Connections of this agent in all. */
  connection_budget: number;
  plans: PlansConfig;
  custom_metrics: CustomMetricConfig[];
  /** Comments of tables are free text: only when asked for. */
  comments: boolean;
  /** Collect less often while nobody else uses the database, so that a serverless one can go to sleep. */
  idle_backoff: boolean;
  /** Of one statement of the agent, at the server. */
  statement_timeout_ms: number;
};

export type SpoolConfig = { dir: string; max_bytes: number; max_age_ms: number };

export type UploadConfig = {
  /** Where payloads are posted, …/ingest. */
  endpoint: string;
  api_key: string;
  signing_secret: string;
  /** Of one attempt. */
  timeout_ms: number;
  /** Attempts after the first one, before the payload waits in the spool for its next turn. */
  retries: number;
  gzip: boolean;
  /** PEM file of certificate authorities to trust beside Node's own. */
  ca_file: string | null;
  /** URL of an HTTP proxy that leads to the endpoint. */
  proxy: string | null;
};

export type AgentConfig = {
  /** Stands for host and port in node_id and node_name; null: those are used. */
  name: string | null;
  /** Null where nothing is to be sent: `--dry-run` without a key. */
  upload: UploadConfig | null;
  database: DatabaseConfig;
  collection: CollectionConfig;
  spool: SpoolConfig;
  logging: { level: string; format: "json" | "pretty" };
  health: { enabled: boolean; bind_address: string; port: number; path: string };
};
