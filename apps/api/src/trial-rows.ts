/** Rows for the trial of a fix: runs on the linked datasource read them, and the job that waits for them gets them as files. */
import type { Job } from "@quern/contract/jobs";
import type { Cell } from "@quern/contract/results";
import type { Run } from "@quern/contract/runs";
import type { DatabaseRow } from "@quern/health/read-databases";
import { findTrial, keepSample, type TrialRow } from "@quern/health/trial/facts";
import { HEAD } from "@quern/health/trial/files";
import { type KeptSample, rowFiles, type SampleTable } from "@quern/health/trial/sample";
import { readRows } from "@quern/results/read/rows";
import type { Actor } from "@quern/store/actor";
import type { Origin } from "@quern/store/audit";
import { Conflict } from "@quern/store/conflict";
import { type Database, inTransaction } from "@quern/store/db";
import { appendPart, runAssembled } from "@quern/store/job-parts";
import { cancelFor } from "@quern/store/run-cancel";
import { readRun } from "@quern/store/run-history";
import { withinMaximum } from "@quern/store/run-limits";
import { readLimitScope } from "@quern/store/settings";
import type { FastifyRequest } from "fastify";
import { sql } from "kysely";
import type { Api } from "./api.ts";
import { enqueue } from "./enqueue.ts";
import { ApiError, notFound } from "./problems.ts";
import { triggerOf } from "./run-trigger.ts";
import { demand } from "./serve.ts";
import { openWholeResult } from "./stored-result.ts";

/** Of one table, in memory while the files are made. */
const MAX_BYTES = 4 * 1024 ** 2;
const TIMEOUT_MS = 60_000;
/** The rows are read within seconds, and then deleted; this is for a trial that nobody looks at again. */
const ROWS_TTL_S = 3_600;

/** The datasource that rows may be copied of. Throws the problem where there is none, or the actor may not. */
export async function demandDatasource(
  api: Api,
  actor: Actor,
  { datasource }: Pick<DatabaseRow, "datasource">,
): Promise<string> {
  if (datasource === null)
    throw new ApiError(
      "not_triable",
      "Rows are read by way of a datasource, and this database is linked to none. Link it on the database's page, or try the fix without rows.",
    );
  const { id } = datasource;
  await demand(api, actor, "runs.create_sql", { type: "datasource", id });
  return id;
}

/** Puts a run for each table into the queue, in the transaction that makes the job. */
export async function readSample(
  api: Api,
  trx: Database,
  call: { actor: Actor; origin: Origin; request: FastifyRequest },
  of: { datasource_id: string; tables: readonly SampleTable[]; rows: number },
): Promise<KeptSample> {
  const { actor, origin, request } = call;
  const scope = await readLimitScope(trx, of.datasource_id);
  if (scope === undefined) throw notFound("datasource");
  const limits = { timeout_ms: TIMEOUT_MS, max_rows: of.rows, max_bytes: MAX_BYTES };
  const kept: KeptSample = { rows: of.rows, tables: [], taken: false };
  for (const { table, sql: text, of: size } of of.tables) {
    const run = {
      ...{ datasource_id: of.datasource_id, kind: "query" as const, sql: text, params: [] },
      limits: withinMaximum(limits, scope.settings.limits, scope.datasource),
      ...{ result_ttl_s: ROWS_TTL_S, max_age_s: 0, priority: "interactive" as const },
      ...{ trigger: triggerOf(actor, request), request_id: origin.request_id },
    };
    const { id } = await enqueue(api, { origin, request }, actor, run, trx);
    kept.tables.push({ table, run_id: id, rows: null, of: size, error: null });
  }
  return kept;
}

/** Jobs whose rows are being taken by this process: their files are in memory once, however many ask. */
const taking = new Map<string, Promise<boolean>>();

/**
 * Gives a job that waits for its rows those that have been read, and puts it into the queue. Whoever asks how the trial goes does
 * it, several at once do it once; a job that nobody asks for ends by itself when its time is up. False: nothing has changed.
 */
export async function takeSample(
  api: Api,
  actor: Actor,
  trial: TrialRow,
  job: Pick<Job, "status" | "assembled" | "cancel">,
): Promise<boolean> {
  const { sample } = trial.facts;
  if (sample === undefined || sample.taken) return false;
  if (job.status !== "pending" || job.assembled || job.cancel !== null) return false;
  const begun = taking.get(trial.job_id);
  if (begun !== undefined) return begun;
  const taken = takeRows(api, actor, trial.job_id, sample).finally(() =>
    taking.delete(trial.job_id),
  );
  taking.set(trial.job_id, taken);
  return taken;
}

async function takeRows(
  api: Api,
  actor: Actor,
  job_id: string,
  sample: KeptSample,
): Promise<boolean> {
  const runs: (Run | undefined)[] = [];
  for (const { run_id } of sample.tables) {
    const run = await readRun(api.db, actor, run_id);
    if (run !== undefined && run.finished_at === null) return false;
    runs.push(run);
  }
  const read: { rows: Cell[][]; error: string | null }[] = [];
  for (const run of runs) read.push(await rowsOf(api, actor, run));
  const tables = sample.tables.map((table, place) => {
    const { rows, error } = read[place]!;
    return { ...table, rows: rows.length, error };
  });
  const project_tree = rowFiles(read.map(({ rows }) => rows));
  try {
    await inTransaction(api.db, async (trx) => {
      await appendPart(trx, actor, job_id, { seq: 1, project_tree, last: true });
      await runAssembled(trx, job_id, { head_path: HEAD });
      await keepSample(trx, job_id, { ...sample, tables, taken: true });
      await dropRows(
        trx,
        sample.tables.map(({ run_id }) => run_id),
      );
    });
  } catch (error) {
    // Another request was first.
    if (error instanceof Conflict && TAKEN.has(error.code)) return true;
    throw error;
  }
  return true;
}

const TAKEN = new Set(["job_started", "part_mismatch", "part_out_of_order"]);

async function rowsOf(
  api: Api,
  actor: Actor,
  run: Run | undefined,
): Promise<{ rows: Cell[][]; error: string | null }> {
  if (run === undefined) return { rows: [], error: "The run is not there any more." };
  if (run.status !== "succeeded")
    return { rows: [], error: run.error?.message ?? `The run was ${run.status}.` };
  try {
    const { manifest, openPart } = await openWholeResult(api, actor, run.id, undefined);
    return { rows: await readRows(manifest, openPart, 0, manifest.rows), error: null };
  } catch (error) {
    if (error instanceof ApiError && error.code === "result_expired")
      return { rows: [], error: error.message };
    throw error;
  }
}

/**
 * Ends the runs that read rows for a trial whose job was canceled, and gives up what they read. In the transaction that
 * cancels the job; other jobs have none.
 */
export async function giveUpSample(trx: Database, actor: Actor, job_id: string): Promise<void> {
  const sample = (await findTrial(trx, actor.org_id, job_id))?.facts.sample;
  if (sample === undefined || sample.taken) return;
  const ids = sample.tables.map(({ run_id }) => run_id);
  for (const id of ids) await cancelFor(trx, actor, id, true);
  await dropRows(trx, ids);
}

/** The results of these runs: the job has the rows now, and nobody else should. */
async function dropRows(db: Database, ids: readonly string[]): Promise<void> {
  await sql`
    update runs set result_expires_at = least(result_expires_at, now()), cache_key = null
    where id = any (${ids}::uuid[]) and result_expires_at is not null`.execute(db);
}
