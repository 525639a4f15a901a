import type { Limits } from "@quern/contract/datasources";
import type { Finding } from "@quern/contract/health/findings";
import { listTrials, readTrial, type Trial, tryFix } from "@quern/contract/health/trials";
import type { Job } from "@quern/contract/jobs";
import type { Settings } from "@quern/contract/settings";
import { readFinding } from "@quern/health/findings";
import { trialAnswer } from "@quern/health/trial/answer";
import { findTrial, keepTrial, listTrialJobs } from "@quern/health/trial/facts";
import type { HeadRows } from "@quern/health/trial/head-rows";
import {
  NoTrial,
  type PreparedTrial,
  prepareTrial,
  TRIAL_ENGINE,
} from "@quern/health/trial/prepare";
import type { Offered } from "@quern/health/trial/schema-ddl";
import { readRows } from "@quern/results/read/rows";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as history from "@quern/store/job-history";
import { COPIED_TTL_S } from "@quern/store/job-limits";
import * as jobs from "@quern/store/jobs";
import { readRun } from "@quern/store/run-history";
import { withinMaximum } from "@quern/store/run-limits";
import { listSandboxes } from "@quern/store/sandboxes";
import { readSettings } from "@quern/store/settings";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { resolveJob } from "../job-request.ts";
import { theDatabase } from "../monitored-database.ts";
import { ApiError, notFound } from "../problems.ts";
import { spanOf } from "../request-span.ts";
import { triggerOf } from "../run-trigger.ts";
import { type Call, demand, serve } from "../serve.ts";
import { openWholeResult, rethrowUnreadable } from "../stored-result.ts";
import { demandDatasource, readSample, takeSample } from "../trial-rows.ts";
import { refuseFlood } from "./runs.ts";

/** Fixes of findings, tried on a sandbox. Each is a job like any other; here is what it means. */
export function addHealthTrialRoutes(app: FastifyInstance, api: Api): void {
  const read = { action: "health.read" as const };

  serve(app, api, tryFix, read, (call) => start(api, call));

  serve(app, api, listTrials, read, async ({ actor, params: { id } }) => {
    if ((await readFinding(api.db, actor.org_id, id)) === undefined) throw notFound("finding");
    const ids = await listTrialJobs(api.db, actor.org_id, id);
    const found = await history.readJobSummaries(api.db, actor, ids);
    const byId = new Map(found.map((job) => [job.id, job]));
    const items = ids.flatMap((job_id) => {
      const job = byId.get(job_id);
      return job ? [{ job_id, status: job.status, created_at: job.created_at }] : [];
    });
    return { items, next_cursor: null };
  });

  serve(app, api, readTrial, read, ({ actor, params: { job_id } }) => look(api, actor, job_id));
}

async function look(api: Api, actor: Actor, job_id: string): Promise<Trial> {
  const readBoth = async () => {
    const trial = await findTrial(api.db, actor.org_id, job_id);
    return { trial, job: trial && (await history.readJob(api.db, actor, job_id, false)) };
  };
  let { trial, job } = await readBoth();
  if (trial && job && (await takeSample(api, actor, trial, job).catch(rethrowUnreadable)))
    ({ trial, job } = await readBoth());
  if (trial === undefined || job === undefined) throw notFound("trial");
  const heads = job.status === "completed" ? await readHeads(api, actor, job) : null;
  return trialAnswer(trial, job, heads);
}

/** Of which database and finding, and how many rows of each table; null: none. */
type Asked = {
  finding: Finding;
  rows: number | null;
  datasource_id: string | null;
};

async function start(api: Api, call: Call<typeof tryFix>) {
  const { actor, params, body } = call;
  await demand(api, actor, "jobs.create_sql");
  const finding = await readFinding(api.db, actor.org_id, params.id);
  if (finding === undefined) throw notFound("finding");
  const row = await theDatabase(api.db, actor, finding.database.id);
  const rows = body.sample_rows ?? null;
  const datasource_id = rows === null ? null : await demandDatasource(api, actor, row);
  if (rows !== null) await refuseFlood(api, actor);
  const extensions = await offered(api);
  const prepared = await prepareTrial(api.db, row, finding, extensions, rows).catch(refuse);
  return { job_id: await makeJob(api, call, prepared, { finding, rows, datasource_id }) };
}

/** The job, the runs that read rows for it, and what is kept of the trial: all of it or nothing. */
async function makeJob(
  api: Api,
  { actor, request, origin }: Call<typeof tryFix>,
  { facts, sampled: tables, ...asked }: PreparedTrial,
  { finding, rows, datasource_id }: Asked,
): Promise<string> {
  const settings = await readSettings(api.db, actor.org_id);
  const limits = trialLimits(settings);
  const span = spanOf(request).child("create job", { kind: "producer" });
  const database_id = finding.database.id;
  // Rows are one person's: the job waits for them, and no state that has them is kept for others.
  const withRows =
    rows === null ? {} : { assemble: true, no_cache: true, job_ttl: copiedTtl(settings) };
  return inTransaction(api.db, async (trx) => {
    const job = await jobs.createJob(trx, actor, {
      ...(await resolveJob(trx, actor, settings, {
        ...asked,
        order: "phases",
        limits,
        ...withRows,
      })),
      spec: rows === null ? { planned_sizes: true } : { rows_copied: true },
      traceparent: span.traceparent,
      http_request_id: origin.request_id,
      trigger: triggerOf(actor, request),
    });
    const sample =
      rows === null || datasource_id === null
        ? null
        : await readSample(api, trx, { actor, origin, request }, { datasource_id, tables, rows });
    await keepTrial(trx, actor.org_id, {
      ...{ job_id: job.id, finding_id: finding.id, database_id },
      facts: sample === null ? facts : { ...facts, sample },
    });
    await recordAudit(trx, actor, origin, {
      action: "finding.tried",
      resource_type: "finding",
      resource_id: finding.id,
      details: {
        ...{ job_id: job.id, rule: finding.rule, object: finding.object, database_id },
        ...(sample === null
          ? {}
          : { sample_rows: rows, datasource_id, tables: tables.map(({ table }) => table) }),
      },
    });
    return job.id;
  }).finally(() => span.end());
}

/** Each file of a trial, whose answer is plans: two dozen of a megabyte each at most, and what could not be made. */
const LIMITS: Limits = { timeout_ms: 300_000, max_rows: 20_000, max_bytes: 32 * 1024 ** 2 };

function trialLimits({ limits, jobs }: Settings): Limits {
  const timeout_ms = Math.min(LIMITS.timeout_ms, jobs.timeout_ms.maximum);
  return { ...withinMaximum(LIMITS, limits, {}), timeout_ms };
}

const copiedTtl = ({ jobs }: Settings) => Math.min(COPIED_TTL_S, jobs.job_ttl_s.maximum);

/** Extensions of the sandboxes that are alive and have the engine. Throws no_sandbox where there is none. */
async function offered({ db }: Api): Promise<Offered> {
  const engines = (await listSandboxes(db))
    .filter(({ alive }) => alive)
    .flatMap((each) => each.engines)
    .filter(({ major }) => major === TRIAL_ENGINE);
  if (engines.length === 0)
    throw new ApiError(
      "no_sandbox",
      `No sandbox with PostgreSQL ${TRIAL_ENGINE} is running. Start one (\`make sandbox\`, or \`make up\`), then try again.`,
    );
  return new Map(
    engines.flatMap(({ extensions }) => extensions.map(({ name, trusted }) => [name, { trusted }])),
  );
}

function refuse(error: unknown): never {
  if (error instanceof NoTrial) throw new ApiError("not_triable", error.message);
  throw error;
}

const MOST_ROWS = 10_000;

/** What each statement of the head returned; null when it is not to be had any more. */
async function readHeads(
  api: Api,
  actor: Actor,
  { run_id }: Pick<Job, "run_id">,
): Promise<HeadRows[] | null> {
  const run = run_id === null ? undefined : await readRun(api.db, actor, run_id);
  if (run_id === null || run === undefined || run.result_expired) return null;
  const heads: HeadRows[] = [];
  try {
    for (const { index, columns } of run.statements) {
      if (columns === null) continue;
      const { manifest, openPart } = await openWholeResult(api, actor, run_id, index);
      heads.push({ columns, rows: await readRows(manifest, openPart, 0, MOST_ROWS) });
    }
  } catch (error) {
    if (error instanceof ApiError && EXPIRED.has(error.code)) return null;
    return rethrowUnreadable(error);
  }
  return heads;
}

const EXPIRED = new Set(["no_result", "result_expired", "not_found"]);
