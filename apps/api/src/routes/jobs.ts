import {
  cancelJob,
  createJob,
  deleteJob,
  extendJob,
  type Job,
  listJobs,
  readJob,
} from "@quern/contract/jobs";
import type { Route } from "@quern/contract/route";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as ends from "@quern/store/job-ends";
import * as history from "@quern/store/job-history";
import { resolveTtls } from "@quern/store/job-limits";
import * as retention from "@quern/store/job-retention";
import * as jobs from "@quern/store/jobs";
import { extendLayers } from "@quern/store/layers";
import { readSettings } from "@quern/store/settings";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { neededForJob, resolveJob } from "../job-request.ts";
import { readJobRows } from "../job-rows.ts";
import { ApiError, notFound } from "../problems.ts";
import { spanOf } from "../request-span.ts";
import { triggerOf } from "../run-trigger.ts";
import { serve } from "../serve.ts";
import { giveUpSample } from "../trial-rows.ts";
import { readAtEnd } from "../waiting.ts";
import { TREE_BODY } from "./projects.ts";

const PAGE = 50;

/** The same operations stand under `/api/v1/jobs` and, for programs that know only jobs, under `/v1/jobs`. */
export type Mount = <R extends Route>(route: R) => R;

export function underV1<R extends Route>(route: R): R {
  return {
    ...route,
    path: route.path.replace("/api/v1/", "/v1/"),
    operation: `${route.operation}V1`,
    summary: `${route.summary} (as ${route.path})`,
  };
}

export function addJobRoutes(app: FastifyInstance, api: Api, mount: Mount): void {
  const stopping = new AbortController();
  app.addHook("preClose", async () => stopping.abort());
  const on = (id: string) => ({ type: "job" as const, id });

  serve(
    app,
    api,
    mount(createJob),
    ({ body }) => neededForJob(body),
    async ({ actor, body, request, origin }) => {
      const span = spanOf(request).child("create job", { kind: "producer" });
      const settings = await readSettings(api.db, actor.org_id);
      const made = await inTransaction(api.db, async (trx) => {
        const job = await jobs.createJob(trx, actor, {
          ...(await resolveJob(trx, actor, settings, body)),
          traceparent: span.traceparent,
          http_request_id: origin.request_id,
          trigger: triggerOf(actor, request),
        });
        if (!job.repeated) {
          const { type = "run", project_id } = body;
          await recordAudit(trx, actor, origin, {
            action: "job.created",
            resource_type: "job",
            resource_id: job.id,
            details: { type, ...(project_id === undefined ? {} : { project_id }) },
          });
        }
        return job;
      }).catch((error: unknown) => {
        span.end(error instanceof Error ? error.name : "error");
        throw error;
      });
      span.set({ "quern.job_id": made.id });
      span.end();
      request.log.info({ job_id: made.id }, made.repeated ? "an earlier job answers" : "job made");
      return { job_id: made.id, status: made.status };
    },
    TREE_BODY,
  );

  serve(app, api, mount(listJobs), { action: "jobs.read" }, async ({ actor, query }) =>
    history.listJobs(api.db, actor, { ...query, limit: query.limit ?? PAGE }),
  );

  serve(
    app,
    api,
    mount(readJob),
    // What reads the job asks whether the actor may see it: once is enough.
    { action: "jobs.read" },
    async ({ actor, params: { id }, query, request }) => {
      const read = () => existing(api, actor, id, query.steps !== "false");
      return withRows(
        api,
        actor,
        await readAtEnd(api, id, (query.wait ?? 0) * 1000, request, stopping.signal, read),
      );
    },
  );

  serve(
    app,
    api,
    mount(cancelJob),
    ({ params }) => ({ action: "jobs.cancel", on: on(params.id) }),
    async ({ actor, params: { id }, origin }) => {
      const before = await existing(api, actor, id, false);
      demandOwn(actor, before, "cancel it");
      await inTransaction(api.db, async (trx) => {
        if (!(await ends.cancelJob(trx, actor, id))) return;
        await giveUpSample(trx, actor, id);
        await recordAudit(trx, actor, origin, {
          action: "job.cancel_requested",
          resource_type: "job",
          resource_id: id,
        });
      });
      return withRows(api, actor, await existing(api, actor, id));
    },
  );

  serve(
    app,
    api,
    mount(extendJob),
    ({ params }) => ({ action: "jobs.create", on: on(params.id) }),
    async ({ actor, params: { id }, body, origin }) => {
      demandOwn(actor, await existing(api, actor, id, false), "extend it");
      const settings = await readSettings(api.db, actor.org_id);
      const ttls = resolveTtls(body, settings, await history.hasCopiedRows(api.db, id));
      await inTransaction(api.db, async (trx) => {
        const extended = await retention.extendJob(trx, actor, id, {
          job_ttl_s: body.job_ttl === undefined ? undefined : ttls.job_ttl_s,
          snapshot_ttl_s: body.snapshot_ttl === undefined ? undefined : ttls.snapshot_ttl_s,
        });
        if (extended?.state_key && body.snapshot_ttl !== undefined)
          await extendLayers(trx, actor.org_id, extended.state_key, ttls.snapshot_ttl_s);
        await recordAudit(trx, actor, origin, {
          action: "job.extended",
          resource_type: "job",
          resource_id: id,
          details: body,
        });
      });
      return withRows(api, actor, await existing(api, actor, id));
    },
  );

  serve(
    app,
    api,
    mount(deleteJob),
    ({ params }) => ({ action: "jobs.create", on: on(params.id) }),
    async ({ actor, params: { id }, origin }) => {
      demandOwn(actor, await existing(api, actor, id, false), "delete it");
      return inTransaction(api.db, async (trx) => {
        if (!(await retention.deleteJob(trx, id))) {
          throw new ApiError(
            "job_not_finished",
            "The job has not ended. Cancel it, and delete it when it has.",
          );
        }
        await recordAudit(trx, actor, origin, {
          action: "job.deleted",
          resource_type: "job",
          resource_id: id,
        });
        return null;
      });
    },
  );
}

/** To see somebody's job is not to end it. */
export function demandOwn(
  actor: Actor,
  job: { created_by: { id: string } | null; user: { id: string } | null },
  deed: string,
): void {
  const people = [job.created_by?.id, job.user?.id];
  if (actor.role === "admin" || people.includes(actor.user_id)) return;
  throw new ApiError("not_allowed", `Only the person whose job this is, or an admin, may ${deed}.`);
}

async function existing(api: Api, actor: Actor, id: string, steps = true) {
  const job = await history.readJob(api.db, actor, id, steps);
  if (!job) throw notFound("job");
  return job;
}

async function withRows(api: Api, actor: Actor, facts: history.JobFacts): Promise<Job> {
  const { last_logs, ...job } = facts;
  const rows = await readJobRows(api, actor, job);
  return { ...job, rows, logs: { last: last_logs, url: `/api/v1/jobs/${job.id}/logs` } };
}
