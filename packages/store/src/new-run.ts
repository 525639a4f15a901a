import type { Limits } from "@quern/contract/datasources";
import type { RunParameter } from "@quern/contract/parameters";
import type { RunKind, RunPriority, RunTrigger } from "@quern/contract/runs";

/** A run that is to be made. */
export type NewRun = {
  kind: RunKind;
  datasource_id: string | null;
  /** Of a test of an unsaved form: type, config and the secret, sealed to this run. */
  id?: string;
  connection?: unknown;
  query?: { id: string; version: number };
  sql: string | null;
  /** What was given and bound for each parameter. */
  params?: RunParameter[];
  /** The run that this one explains, or whose stored result it works on, and what to do with it. */
  source?: { run_id: string; statement?: number | null; spec: unknown };
  /** The run that this one does again. */
  retry_of?: string;
  limits: Limits;
  /** Seconds that the result is kept; a week when left out. */
  result_ttl_s?: number;
  /** Another run of the same work that goes on, or ended well within so many seconds, answers instead; 0: always a new run. */
  max_age_s?: number;
  priority: RunPriority;
  trigger: RunTrigger;
  request_id: string;
  /** W3C trace context that the runner continues. */
  traceparent?: string | null;
  /** A repeat with the same key and the same request answers with the first run. */
  idempotency?: { key: string; request: string };
};

/** Who a run is for: a person, by token or not, or Quern itself. */
export type RunOwner = { org_id: string; user_id: string | null; token_id: string | null };
