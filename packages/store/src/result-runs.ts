/** Runs that work on the stored result of another run. */
import type { Column } from "@quern/contract/results";
import type { Filter, SortKey } from "@quern/contract/run-results";
import type { RunStarted, RunStatus } from "@quern/contract/run-started";
import { sql } from "kysely";
import type { Actor } from "./actor.ts";
import type { Database } from "./db.ts";
import { visibleRun } from "./grants.ts";
import { listParts, type StoredPart } from "./result-parts.ts";

export type ResultRunKind = "result_view" | "result_statistics" | "result_comparison";

/** What to do with the source, as it is kept in `runs.spec`. */
export type ResultSpec =
  | { kind: "result_view"; sort: SortKey[]; filters: Filter[] }
  | { kind: "result_statistics" }
  | { kind: "result_comparison"; other_run_id: string; other_statement: number };

export type ResultRun = { source_run_id: string; source_statement: number; spec: ResultSpec };

/** A derived result is kept no longer than what it was made of, but long enough to look at it. */
const MIN_TTL_S = 3_600;

/** An equal run that the actor may see: one that goes on, or whose result is still there. */
export async function findResultRun(
  db: Database,
  actor: Actor,
  run: ResultRun,
): Promise<RunStarted | undefined> {
  const { rows } = await sql<{ id: string; status: RunStatus }>`
    select id, status from runs
    where source_run_id = ${run.source_run_id} and source_statement = ${run.source_statement}
      and kind = ${run.spec.kind} and spec = ${JSON.stringify(run.spec)}::jsonb and ${visibleRun(actor)}
      and (status in ('queued', 'running') or (status = 'succeeded' and result_deleted_at is null))
      and cancel_requested_at is null
    order by id desc limit 1`.execute(db);
  return rows[0] && { ...rows[0], reused: true };
}

/** Keeps the result of a queued run about as long as that of its source. */
export async function expireWithSource(db: Database, runId: string): Promise<void> {
  await sql`
    update runs set result_ttl_s = greatest(${MIN_TTL_S}, coalesce(
      ceil(extract(epoch from source.result_expires_at - now())), source.result_ttl_s))::integer
    from runs as source
    where runs.id = ${runId} and runs.status = 'queued' and source.id = runs.source_run_id`.execute(
    db,
  );
}

/** The stored result of one statement. */
export type StoredResult = {
  columns: Column[];
  rows: number;
  parts: (StoredPart & { run_id: string })[];
};

/** What a claimed run works on. A result that is gone is undefined. */
export async function readResultWork(
  db: Database,
  runId: string,
): Promise<{
  spec: ResultSpec;
  source: StoredResult | undefined;
  other: StoredResult | undefined;
}> {
  const { rows } = await sql<{ source_run_id: string; source_statement: number; spec: ResultSpec }>`
    select source_run_id, source_statement, spec from runs where id = ${runId}`.execute(db);
  const { source_run_id, source_statement, spec } = rows[0]!;
  return {
    spec,
    source: await readStoredResult(db, source_run_id, source_statement),
    other:
      spec.kind === "result_comparison"
        ? await readStoredResult(db, spec.other_run_id, spec.other_statement)
        : undefined,
  };
}

async function readStoredResult(
  db: Database,
  runId: string,
  statement: number,
): Promise<StoredResult | undefined> {
  const { rows } = await sql<{ columns: Column[]; rows: number }>`
    select run_statements.columns, run_statements.rows from run_statements
    join runs on runs.id = run_statements.run_id
    where run_id = ${runId} and index = ${statement} and columns is not null
      and runs.finished_at is not null and runs.result_deleted_at is null`.execute(db);
  if (!rows[0]) return undefined;
  const parts = await listParts(db, runId, statement);
  return { ...rows[0], parts: parts.map((part) => ({ ...part, run_id: runId })) };
}
