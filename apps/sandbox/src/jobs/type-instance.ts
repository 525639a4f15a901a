import { jobError } from "@quern/contract/job-error";
import { makeState } from "./build-state.ts";
import { JobFailure } from "./job-failure.ts";
import { planJob } from "./plan-job.ts";
import { snapshotOf, timesOf } from "./type-run.ts";
import type { TypeWork } from "./types.ts";

const EVICTED = "The state was evicted before an instance could be made of it. Run the job again.";

/** The state that the files make, kept running for a person. */
export const openInstance: TypeWork = async (shop, work) => {
  const { job } = work;
  const chain = await planJob(shop, work);
  const state = await makeState(shop, work, { ...chain, private_from: null });
  const snapshot = snapshotOf(chain, state);
  const facts = { tail_hash: chain.tail_hash, state_key: state.key, snapshot };
  await work.progress.beginNoted("booting", "running", facts);
  // The job's own lease ends with the job.
  const holder = { kind: "instance", id: job.id } as const;
  const { layer } = await shop.layers.find(job.org_id, [state.key], holder);
  if (layer === null) throw new JobFailure(jobError("state_unknown", "booting", EVICTED));
  const { instance_id, name, timings } = await shop.people.keep({
    org_id: job.org_id,
    owner_id: (job.user_id ?? job.created_by)!,
    name: job.spec.instance?.name ?? null,
    project_id: job.project_id,
    job_id: job.id,
    state_key: state.key,
    environment: chain.environment,
    ttl_s: job.spec.instance?.ttl_s ?? null,
    layer,
    signal: work.signal,
  });
  const { clone, warm } = timings;
  return {
    ...facts,
    instance_id,
    result: { type: "instance", instance_id, name },
    metrics: { ...timesOf(work), clone, warm },
  };
};
