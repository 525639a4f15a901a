import { appendToJob, runJob } from "@quern/contract/jobs";
import type { Actor } from "@quern/store/actor";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import { readJobSummaries } from "@quern/store/job-history";
import * as parts from "@quern/store/job-parts";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError, notFound } from "../problems.ts";
import { serve } from "../serve.ts";
import { demandOwn, type Mount } from "./jobs.ts";
import { TREE_BODY } from "./projects.ts";

/** Jobs that are sent in parts. */
export function addJobPartRoutes(app: FastifyInstance, api: Api, mount: Mount): void {
  const on = (id: string) => ({
    action: "jobs.create_sql" as const,
    on: { type: "job" as const, id },
  });

  serve(
    app,
    api,
    mount(appendToJob),
    ({ params }) => on(params.id),
    async ({ actor, params: { id }, body, origin }) => {
      await demandOwnJob(api, actor, id, "append to it");
      return inTransaction(api.db, async (trx) => {
        const { seq, project_tree, last = false } = body;
        const sums = await parts.appendPart(trx, actor, id, { seq, project_tree, last });
        if (!sums) throw notFound("job");
        if (sums.parts === seq) {
          await recordAudit(trx, actor, origin, {
            action: "job.appended",
            resource_type: "job",
            resource_id: id,
            details: { seq, files: Object.keys(project_tree).length },
          });
        }
        return { job_id: id, ...sums };
      });
    },
    TREE_BODY,
  );

  serve(
    app,
    api,
    mount(runJob),
    ({ params }) => on(params.id),
    async ({ actor, params: { id }, body, origin }) => {
      const { head_path, head_sql, variables } = body ?? {};
      if (head_path !== undefined && head_sql !== undefined)
        throw new ApiError("invalid_request", "Send head_path or head_sql, not both.");
      await demandOwnJob(api, actor, id, "run it");
      return inTransaction(api.db, async (trx) => {
        const status = await parts.runAssembled(trx, id, { head_path, head_sql, variables });
        if (status === undefined) throw notFound("job");
        await recordAudit(trx, actor, origin, {
          action: "job.run",
          resource_type: "job",
          resource_id: id,
        });
        return { job_id: id, status };
      });
    },
  );
}

async function demandOwnJob(api: Api, actor: Actor, id: string, deed: string): Promise<void> {
  const [job] = await readJobSummaries(api.db, actor, [id]);
  if (!job) throw notFound("job");
  demandOwn(actor, job, deed);
}
