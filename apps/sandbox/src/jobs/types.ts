import type { JobType } from "@quern/contract/job-status";
import type { JobOutcome } from "@quern/store/job-ends";
import type { JobShop, JobWork } from "./job-work.ts";
import { compareStates } from "./type-diff.ts";
import { exportState, importState } from "./type-export.ts";
import { openInstance } from "./type-instance.ts";
import { planOnly } from "./type-plan.ts";
import { runJob } from "./type-run.ts";
import { verifyState } from "./type-verify.ts";

/** What a job that completes gives. Anything thrown fails it, see `failureOf`. */
export type TypeWork = (
  shop: JobShop,
  work: JobWork,
) => Promise<Omit<JobOutcome, "status" | "error" | "stages">>;

export const workOf: Record<JobType, TypeWork> = {
  run: runJob,
  plan: planOnly,
  instance: openInstance,
  diff: compareStates,
  verify: verifyState,
  export: exportState,
  import: importState,
};
