/** Projects' jobs for tests. Only tests may import this file. */
import { randomUUID } from "node:crypto";
import { DEFAULT_LIMITS } from "@quern/contract/datasources";
import type { Actor } from "./actor.ts";
import { type Database, inTransaction } from "./db.ts";
import { claimJobs } from "./job-queue.ts";
import type { ClaimedJob } from "./job-spec.ts";
import { createJob, type MadeJob, type NewJob } from "./jobs.ts";
import { storeTree } from "./trees.ts";

/** A job of a small tree. */
export async function makeJob(
  db: Database,
  actor: Actor,
  change: Partial<NewJob> = {},
  files: Record<string, string> = { "init/a.sql": "create table a ();", "test/x.sql": "select 1" },
): Promise<MadeJob> {
  return inTransaction(db, async (trx) => {
    const input = Object.entries(files).map(([path, content]) => [path, { content }]);
    const tree = await storeTree(trx, actor, Object.fromEntries(input));
    return createJob(trx, actor, {
      type: "run",
      assembled: true,
      user_id: actor.user_id,
      request_id: null,
      project: null,
      tree: tree.digest,
      left_tree: null,
      right_tree: null,
      manifest: null,
      head_path: "test/x.sql",
      head_sql: null,
      variables: {},
      environment: {},
      policy: { volatile: null, no_cache: false, keep: "auto", order: null },
      spec: {},
      limits: DEFAULT_LIMITS,
      job_ttl_s: 86_400,
      snapshot_ttl_s: 604_800,
      telemetry_context: {},
      traceparent: null,
      http_request_id: randomUUID(),
      trigger: "user",
      asked: {},
      ...change,
    });
  });
}

export const STORE_ID = "00000000-0000-4000-8000-00000000000a";

export function claimSome(
  db: Database,
  max = 10,
  sandbox = "sandbox-1",
  lease_ms = 30_000,
  engines: readonly number[] = [18],
): Promise<ClaimedJob[]> {
  return claimJobs(db, sandbox, { max, lease_ms, store_id: STORE_ID, engines });
}
