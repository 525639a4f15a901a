/** What a job is to do, as its row keeps it and as a sandbox gets it. */
import type { Limits } from "@quern/contract/datasources";
import type { Environment } from "@quern/contract/environment";
import type { JobTrigger, JobType } from "@quern/contract/job-status";
import type { TreeFiles } from "./trees.ts";

export type JobClaim = { id: string; attempt: number; lease_token: string };

export type JobPolicy = {
  /** null: as the manifest says, else pin. */
  volatile: "pin" | "deny" | "nocache" | null;
  no_cache: boolean;
  keep: "auto" | "all" | "tail";
  /** null: as the manifest says, else phases. */
  order: "phases" | "linear" | null;
};

/** One side of a diff. */
export type SideSpec = {
  /** Hex; a known state, which has no files. */
  state_key: string | null;
  project_id: string | null;
  project_version: number | null;
  manifest: Record<string, unknown> | null;
  head_path: string | null;
  variables: Record<string, string>;
  environment: Environment;
};

export type JobSpec = {
  /** Hex. */
  state_key?: string;
  instance?: { name: string | null; ttl_s: number | null };
  left?: SideSpec;
  right?: SideSpec;
  /** The head sees relations as large as their statistics say, though they have no rows: for plans. */
  planned_sizes?: true;
  /** Its files have rows that one person let be copied: no state of them is kept, and the job is gone soon. */
  rows_copied?: true;
};

/** A job that a sandbox holds by its lease. */
export type ClaimedJob = JobClaim & {
  org_id: string;
  type: JobType;
  created_by: string | null;
  token_id: string | null;
  user_id: string | null;
  project_id: string | null;
  project_version: number | null;
  /** By path: SHA-256 in hex, and bytes. null: it begins with a known state, or is a diff. */
  tree: TreeFiles | null;
  left_tree: TreeFiles | null;
  right_tree: TreeFiles | null;
  manifest: Record<string, unknown> | null;
  head_path: string | null;
  head_sql: string | null;
  variables: Record<string, string>;
  environment: Environment;
  policy: JobPolicy;
  spec: JobSpec;
  limits: Limits;
  snapshot_ttl_s: number;
  telemetry_context: Record<string, string>;
  traceparent: string | null;
  /** Of the HTTP request that made it, for logs and traces. */
  http_request_id: string | null;
  request_id: string | null;
  trigger: JobTrigger;
  cancel_requested: boolean;
  /** Milliseconds from queued to claimed. */
  waited_ms: number;
};

/** The lease was lost: another attempt may hold the job, and nothing of this one may be written any more. */
export class JobLeaseLostError extends Error {
  override name = "JobLeaseLostError";
  constructor(claim: JobClaim) {
    super(`attempt ${claim.attempt} of job ${claim.id} outlived its lease`);
  }
}
