/** Runs one section and says how it went. What it throws costs that section, not the payload. */
import type { CollectorResult } from "@quern/contract/agent/payload";
import type { z } from "zod";
import { UnreachableError } from "../collector.ts";
import { type Failure, failureOf, type SectionError } from "./failure.ts";

type Result = z.infer<typeof CollectorResult>;

export type Read<T> = {
  value: T;
  rows: number | null;
  truncated?: boolean;
  /** Something is missing in it that an operator can mend. */
  problem?: SectionError | null;
  /** What is worth saying although nothing is wrong: `unchanged`, `locked`. */
  note?: string | null;
};

/** The results of one database, and whether it can still be reached: the rest is not tried then. */
export type Outcomes = { results: Result[]; unreachable: UnreachableError | null };

/** The value of `read`, or null when it failed. */
export async function section<T>(
  outcomes: Outcomes,
  name: string,
  read: () => Promise<Read<T>>,
): Promise<T | null> {
  const began = performance.now();
  const note = (part: Partial<Result> & Pick<Result, "status">) =>
    outcomes.results.push({
      ...{ name, code: null, sqlstate: null, hint: null, rows: null, truncated: false, ...part },
      duration_ms: Math.round((performance.now() - began) * 100) / 100,
    });
  if (outcomes.unreachable !== null) {
    note({ status: "skipped", ...failureOf(outcomes.unreachable) });
    return null;
  }
  try {
    const { value, rows, truncated = false, problem, note: said } = await read();
    if (problem) note({ status: "error", ...failureOf(problem), rows, truncated });
    else note({ status: "ok", code: said ?? null, rows, truncated });
    return value;
  } catch (error) {
    if (error instanceof UnreachableError) outcomes.unreachable = error;
    const failure = failureOf(error);
    note({ status: statusOf(failure), ...failure });
    return null;
  }
}

/** A lock passes, and what a version does not have is nobody's fault. */
function statusOf({ code }: Failure): Result["status"] {
  return code === "locked" || code === "not_supported" ? "skipped" : "error";
}
