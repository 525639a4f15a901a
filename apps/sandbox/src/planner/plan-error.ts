import type { JobErrorCode } from "@quern/contract/job-error";

/** Why a job cannot be planned: what is wrong with its tree, where, and what to do. */
export type PlanProblem = {
  code: JobErrorCode;
  message: string;
  hint?: string | null;
  file?: string | null;
  line?: number | null;
  position?: number | null;
};

export class PlanError extends Error {
  override name = "PlanError";
  readonly problem: PlanProblem;

  constructor(problem: PlanProblem) {
    super(problem.message);
    this.problem = problem;
  }
}
