/** Makes states of jobs that are sent in parts while parts arrive, so that the run finds them. A guess: its errors are nobody's. */
import { DEFAULT_LIMITS } from "@quern/contract/datasources";
import { claimPrebuilds, endPrebuild, type Prebuild, renewPrebuild } from "@quern/store/job-parts";
import type { ClaimedJob } from "@quern/store/job-spec";
import { makeState } from "./build-state.ts";
import { JobStopped } from "./job-lease.ts";
import { silentProgress } from "./job-progress.ts";
import type { JobShop, JobWork } from "./job-work.ts";
import { planJob } from "./plan-job.ts";

/** Looks for such a job once. Says whether there was one. */
export async function prebuildOne(shop: JobShop, stopping: AbortSignal): Promise<boolean> {
  const lease_ms = shop.times.lease_ms;
  const [job] = await claimPrebuilds(shop.db, shop.sandbox, { max: 1, lease_ms });
  if (!job) return false;
  const control = new AbortController();
  const stop = () => control.abort(new JobStopped("shutting_down"));
  stopping.addEventListener("abort", stop, { once: true });
  const renewing = setInterval(() => {
    renewPrebuild(shop.db, job, lease_ms).then(
      (goesOn) => {
        if (!goesOn) stop();
      },
      (error: unknown) => shop.log.debug({ err: error }, "could not renew a prebuild"),
    );
  }, shop.times.renew_ms);
  const work = workOn(shop, job, control.signal);
  try {
    await buildSoFar(shop, work, job);
  } catch (error) {
    work.log.debug({ err: error }, "states could not be made ahead of need");
  } finally {
    clearInterval(renewing);
    stopping.removeEventListener("abort", stop);
    await shop.layers.release(work.holder);
  }
  await endPrebuild(shop.db, job, job.parts);
  return true;
}

async function buildSoFar(shop: JobShop, work: JobWork, job: Prebuild): Promise<void> {
  // Which head is meant may be said only when the job is run.
  const head_path = job.head_path !== null && job.tree[job.head_path] ? job.head_path : null;
  const chain = await planJob(shop, { ...work, job: { ...work.job, head_path } });
  if (chain.private_from === null) await makeState(shop, work, chain);
}

function workOn(shop: JobShop, job: Prebuild, signal: AbortSignal): JobWork {
  const asClaimed: ClaimedJob = {
    ...job,
    ...{ attempt: 0, lease_token: job.token, type: "run", spec: {}, head_sql: null },
    ...{ created_by: null, token_id: null, user_id: null, request_id: null, trigger: "api" },
    ...{ project_id: null, project_version: null, left_tree: null, right_tree: null },
    ...{ limits: DEFAULT_LIMITS, snapshot_ttl_s: PREBUILT_TTL_S, telemetry_context: {} },
    ...{ cancel_requested: false, waited_ms: 0 },
  };
  return {
    job: asClaimed,
    holder: { kind: "build", id: job.id },
    progress: silentProgress(),
    signal,
    ended: Promise.resolve(),
    span: { traceparent: job.traceparent, end: () => {} },
    log: shop.log.child({ job_id: job.id }),
  };
}

/** Long enough for the parts that follow; the run then says how long its state is kept. */
const PREBUILT_TTL_S = 3_600;
