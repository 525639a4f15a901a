/** Runs the head of a job in a fresh instance of its state. The head is a run like any other: its result, limits, cancel and history are those of runs. */
import { startJob as startRun } from "@quern/run-work/job";
import { beginHead, readHeadEnd } from "@quern/store/head-runs";
import type { StageNote } from "@quern/store/job-progress";
import type { Instance } from "../instances/instances.ts";
import type { Chain, Head } from "../planner/plan.ts";
import type { ReadyState, RunningState } from "./build-state.ts";
import { JobFailure } from "./job-failure.ts";
import { JobStopped } from "./job-lease.ts";
import type { JobShop, JobWork } from "./job-work.ts";
import { growToStatistics } from "./planned-sizes.ts";
import { failureOfScript, scriptRequest, tellOutput } from "./script-step.ts";

export type HeadDone = { run_id: string; instance: Pick<Instance, "timings"> };

/** Throws JobFailure when the head fails, whose run says the same; rejects with the reason of the job's signal when that stopped it. */
export async function runHead(
  shop: JobShop,
  work: JobWork,
  chain: Chain,
  state: ReadyState | RunningState,
  head: Head,
  note: StageNote,
): Promise<HeadDone> {
  work.progress.begin("booting", "running");
  const instance =
    "instance" in state
      ? state.instance
      : await shop.instances.start({
          from: state.directory,
          key: state.key,
          environment: chain.environment,
          purpose: "head",
          holder: { kind: "job", id: work.job.id },
          signal: work.signal,
        });
  try {
    await state.layer?.assertHeld();
    if (work.job.spec.planned_sizes) await growToStatistics(instance);
    return await runIn(instance, shop, work, head, note);
  } finally {
    // Nobody waits for it to be gone.
    instance.destroy().catch((error: unknown) => {
      work.log.warn({ err: error }, "an instance could not be destroyed");
    });
  }
}

async function runIn(
  instance: Instance,
  shop: JobShop,
  work: JobWork,
  head: Head,
  note: StageNote,
): Promise<HeadDone> {
  const { job } = work;
  await work.progress.beginNoted("head", "running", note);
  const asked = performance.now();
  const run = await beginHead(
    shop.db,
    {
      job,
      sql: head.text,
      limits: job.limits,
      trigger: job.trigger,
      request_id: job.http_request_id,
      traceparent: work.span.traceparent,
    },
    shop.sandbox,
    shop.times.lease_ms,
  );
  const atWork = startRun(
    shop,
    run,
    async (_, __, directory) => scriptRequest(shop, work, instance, head, "result", directory),
    {
      claim_ms: performance.now() - asked,
      onPlace: ({ file, line, statement }) => work.progress.at({ path: file, line, statement }),
    },
  );
  const stop = () => atWork.cancel();
  if (work.signal.aborted) stop();
  work.signal.addEventListener("abort", stop, { once: true });
  // Its run can be canceled as any run can.
  shop.heads.set(run.id, stop);
  await atWork.over;
  shop.heads.delete(run.id);
  work.signal.removeEventListener("abort", stop);
  const executed = atWork.executed();
  if (executed !== null) tellOutput(work, head.path, executed);
  work.signal.throwIfAborted();
  const end = await readHeadEnd(shop.db, run.id);
  if (end?.status === "succeeded") return { run_id: run.id, instance };
  if (end?.status === "canceled") throw new JobStopped("canceled");
  const script = executed?.script ?? null;
  throw new JobFailure(
    await failureOfScript(instance, "head", head.path, end?.error ?? null, script),
  );
}
