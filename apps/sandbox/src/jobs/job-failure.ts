import type { JobPhase } from "@quern/contract/job-error";
import { type JobErrorCode, type JobErrorFacts, jobError } from "@quern/contract/job-error";
import { MissingBlobError } from "@quern/store/blobs";
import { Conflict } from "@quern/store/conflict";
import { CacheError, LayerRefused } from "../layers/cache-error.ts";
import { LayerGone } from "../layers/leases.ts";
import { ImportRefused } from "../layers/shared-fetch.ts";
import { NothingToExport } from "../layers/sharing.ts";
import { PlanError } from "../planner/plan-error.ts";
import { SandboxError, type SandboxErrorCode } from "../sandbox-error.ts";

/** Ends a job with an error that a person is shown. */
export class JobFailure extends Error {
  override name = "JobFailure";
  readonly facts: JobErrorFacts;

  constructor(facts: JobErrorFacts) {
    super(facts.message);
    this.facts = facts;
  }
}

/** A state was named by a key that leads nowhere. */
export function unknownState(message: string): JobFailure {
  return new JobFailure(jobError("state_unknown", "lookup", message));
}

const OF_SANDBOX: Record<Exclude<SandboxErrorCode, "aborted">, JobErrorCode> = {
  unsupported_engine: "unsupported_engine",
  unknown_extension: "unknown_extension",
  setting_not_allowed: "setting_not_allowed",
  superuser_unavailable: "superuser_unavailable",
  instance_failed: "instance_lost",
  instance_lost: "instance_lost",
  disk_full: "cache_full_unreclaimable",
  no_free_uid: "instance_limit",
  too_many_instances: "instance_limit",
};

/** What a person is told of whatever ended the work in `phase`; null when that was not foreseen, and only the log may say it. */
export function failureOf(error: unknown, phase: JobPhase): JobErrorFacts | null {
  if (error instanceof JobFailure) return error.facts;
  if (error instanceof PlanError) {
    const { code, message, ...place } = error.problem;
    return jobError(code, phase, message, place);
  }
  if (error instanceof CacheError) return jobError(error.code, phase, error.message);
  if (error instanceof LayerRefused || error instanceof LayerGone)
    return jobError(
      "instance_lost",
      phase,
      `The state was lost while it was made: ${error.message}.`,
    );
  if (error instanceof NothingToExport || error instanceof ImportRefused)
    return jobError("state_unknown", phase, error.message);
  if (error instanceof SandboxError && error.code !== "aborted")
    return jobError(OF_SANDBOX[error.code], phase, error.message);
  // An instance that a person may not have: one too many, or by a name that is taken.
  if (error instanceof Conflict) return jobError("instance_limit", phase, error.message);
  if (error instanceof MissingBlobError) {
    const hint = "Send the file again: files that nothing names are deleted after a day.";
    return jobError("source_inputs_missing", phase, `A file is gone: ${error.message}.`, { hint });
  }
  return null;
}

export const UNFORESEEN =
  "The sandbox failed at this job in a way that was not foreseen; its log says more. Run the job again.";
