/** Runs one section and says how it went. What it throws costs that section, not the payload. */
import type { CollectorResult } from "@quern/contract/agent/payload";
import { UnreachableError } from "../collector.ts";

/** A state of the server that a section knows by itself, with what mends it. */
export class SectionError extends Error {
  override name = "SectionError";
  readonly code: string;
  readonly hint: string | null;
  readonly sqlstate: string | null;
  constructor(code: string, hint: string | null, sqlstate: string | null = null) {
    super(code);
    this.code = code;
    this.hint = hint;
    this.sqlstate = sqlstate;
  }
}

export type Failure = { code: string; sqlstate: string | null; hint: string | null };

export type Read<T> = {
  value: T;
  rows: number | null;
  truncated?: boolean;
  /** Something is missing in it that an operator can mend. */
  problem?: SectionError | null;
  /** What is worth saying although nothing is wrong: `unchanged`, `locked`; and what would give more. */
  note?: string | null;
  hint?: string | null;
};

/** The results of one database, and whether it can still be reached: the rest is not tried then. */
export type Outcomes = { results: CollectorResult[]; unreachable: UnreachableError | null };

/** The value of `read`, or null when it failed; `failureOf` names what it threw, in the words of its engine. */
export async function runSection<T>(
  failureOf: (error: unknown) => Failure,
  outcomes: Outcomes,
  name: string,
  read: () => Promise<Read<T>>,
): Promise<T | null> {
  const began = performance.now();
  const note = (part: Partial<CollectorResult> & Pick<CollectorResult, "status">) =>
    outcomes.results.push({
      ...{ name, code: null, sqlstate: null, hint: null, rows: null, truncated: false, ...part },
      duration_ms: Math.round((performance.now() - began) * 100) / 100,
    });
  if (outcomes.unreachable !== null) {
    note({ status: "skipped", ...failureOf(outcomes.unreachable) });
    return null;
  }
  try {
    const { value, rows, truncated = false, problem, note: said, hint = null } = await read();
    if (problem) note({ status: "error", ...failureOf(problem), rows, truncated });
    else note({ status: "ok", code: said ?? null, hint, rows, truncated });
    return value;
  } catch (error) {
    if (error instanceof UnreachableError) outcomes.unreachable = error;
    const failure = failureOf(error);
    note({ status: statusOf(failure), ...failure });
    return null;
  }
}

/** A lock passes, and what a version does not have is nobody's fault. */
function statusOf({ code }: Failure): CollectorResult["status"] {
  return code === "locked" || code === "not_supported" ? "skipped" : "error";
}
