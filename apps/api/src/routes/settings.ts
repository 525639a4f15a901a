import {
  changeSettings,
  type JobLimitName,
  type LimitName,
  readSettings,
  type Settings,
} from "@quern/contract/settings";
import { recordAudit } from "@quern/store/audit";
import { inTransaction } from "@quern/store/db";
import * as stored from "@quern/store/settings";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { ApiError } from "../problems.ts";
import { serve } from "../serve.ts";

/** What holds for the whole organisation. Everybody may read it, so that forms can say what may be asked for. */
export function addSettingsRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, readSettings, { action: "settings.read" }, async ({ actor }) =>
    stored.readSettings(api.db, actor.org_id),
  );

  serve(app, api, changeSettings, { action: "settings.write" }, async ({ actor, body, origin }) =>
    inTransaction(api.db, async (trx) => {
      const before = await stored.readSettings(trx, actor.org_id, true);
      const after = stored.mergeSettings(before, body);
      refuseDefaultAboveMaximum(after);
      await stored.writeSettings(trx, actor.org_id, after);
      await recordAudit(trx, actor, origin, {
        action: "settings.changed",
        resource_type: "settings",
        resource_id: null,
        details: { before, after },
      });
      return after;
    }),
  );
}

const OF_JOBS: readonly JobLimitName[] = ["timeout_ms", "job_ttl_s", "snapshot_ttl_s"];

function refuseDefaultAboveMaximum({ limits, jobs, instances }: Settings): void {
  const bounds = [
    ...(Object.keys(limits) as LimitName[]).map((name) => ({
      path: `body.limits.${name}.default`,
      ...limits[name],
    })),
    ...OF_JOBS.map((name) => ({ path: `body.jobs.${name}.default`, ...jobs[name] })),
    { path: "body.instances.ttl_s.default", ...instances.ttl_s },
  ];
  const errors = bounds
    .filter((bound) => bound.default > bound.maximum)
    .map(({ path, maximum }) => ({ path, message: `must be at most the maximum, ${maximum}` }));
  if (errors.length === 0) return;
  throw new ApiError(
    "invalid_request",
    "A default may not be above its maximum. Lower the default, or raise the maximum with it.",
    errors,
  );
}
