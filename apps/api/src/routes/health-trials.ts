import { listTrials, readTrial, tryFix } from "@quern/contract/health/trials";
import type { Job } from "@quern/contract/jobs";
import { readFinding } from "@quern/health/findings";
import { type HeadRows, trialAnswer } from "@quern/health/trial/answer";
import { findTrial, keepTrial, listTrialJobs } from "@quern/health/trial/facts";
import { NoTrial, prepareTrial, TRIAL_ENGINE } from "@quern/health/trial/prepare";
import type { Offered } from "@quern/health/trial/schema-ddl";
import { readRows } from "@quern/results/read/rows";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as history from "@quern/store/job-history";
import * as jobs from "@quern/store/jobs";
import { readRun } from "@quern/store/run-history";
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

  serve(app, api, readTrial, read, async ({ actor, params: { job_id } }) => {
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
  });
}

async function start(
  api: Api,
  { actor, params: { id }, body, request, origin }: Call<typeof tryFix>,
) {
  await demand(api, actor, "jobs.create_sql");
  const finding = await readFinding(api.db, actor.org_id, id);
  if (finding === undefined) throw notFound("finding");
  const row = await theDatabase(api.db, actor, finding.database.id);
  const rows = body.sample_rows ?? null;
  const datasource_id = rows === null ? null : await demandDatasource(api, actor, row);
  if (rows !== null) await refuseFlood(api, actor);
  const extensions = await offered(api);
  const prepared = await prepareTrial(api.db, row, finding, extensions, rows).catch(refuse);
  const { facts, project_tree, head_path, environment, sampled: tables } = prepared;
  const settings = await readSettings(api.db, actor.org_id);
  const span = spanOf(request).child("create job", { kind: "producer" });
  const made = await inTransaction(api.db, async (trx) => {
    const asked = { project_tree, head_path, environment, order: "phases" as const };
    // Rows are one person's: the job waits for them, and no state that has them is kept for others.
    const withRows = rows === null ? {} : { assemble: true, no_cache: true };
    const job = await jobs.createJob(trx, actor, {
      ...(await resolveJob(trx, actor, settings, { ...asked, ...withRows })),
      spec: rows === null ? { planned_sizes: true } : {},
      traceparent: span.traceparent,
      http_request_id: origin.request_id,
      trigger: triggerOf(actor, request),
    });
    const database_id = row.id;
    if (rows !== null && datasource_id !== null)
      facts.sample = await readSample(
        api,
        trx,
        { actor, origin, request },
        { datasource_id, tables, rows },
      );
    await keepTrial(trx, actor.org_id, { job_id: job.id, finding_id: id, database_id, facts });
    await recordAudit(trx, actor, origin, {
      action: "finding.tried",
      resource_type: "finding",
      resource_id: id,
      details: {
        ...{ job_id: job.id, rule: finding.rule, object: finding.object, database_id },
        ...(rows === null
          ? {}
          : { sample_rows: rows, datasource_id, tables: tables.map(({ table }) => table) }),
      },
    });
    return job;
  }).finally(() => span.end());
  return { job_id: made.id };
}

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
