import type { Job } from "@quern/contract/jobs";
import { streamRows } from "@quern/results/read/rows";
import type { Actor } from "@quern/store/actor";
import type { Api } from "./api.ts";
import { ApiError } from "./problems.ts";
import { openWholeResult, rethrowUnreadable } from "./stored-result.ts";

const ROWS = 100;
/** Rows until they fill this much, at least one; the rest is to be had from the run. */
const MAX_CHARACTERS = 1024 ** 2;

/** The first rows of what the head gave; null when it gave none, or they are not to be had any more. */
export async function readJobRows(
  api: Api,
  actor: Actor,
  job: Pick<Job, "status" | "run_id">,
): Promise<Job["rows"]> {
  if (job.status !== "completed" || job.run_id === null) return null;
  try {
    const { statement, manifest, openPart } = await openWholeResult(
      api,
      actor,
      job.run_id,
      undefined,
    );
    const rows: NonNullable<Job["rows"]>["rows"] = [];
    let characters = 0;
    reading: for await (const chunk of streamRows(manifest, openPart, { offset: 0, limit: ROWS })) {
      for (const row of chunk) {
        for (const cell of row) characters += typeof cell === "string" ? cell.length : 8;
        if (rows.length > 0 && characters > MAX_CHARACTERS) break reading;
        rows.push(row);
      }
    }
    const { columns, rows: total, truncated } = statement;
    return { run_id: job.run_id, columns, rows, total, truncated };
  } catch (error) {
    if (error instanceof ApiError && NO_ROWS.has(error.code)) return null;
    return rethrowUnreadable(error);
  }
}

const NO_ROWS = new Set(["no_result", "result_expired", "not_found", "run_not_finished"]);
