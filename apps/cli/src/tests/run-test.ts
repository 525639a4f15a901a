import type { Job } from "@quern/contract/jobs";
import { readRun } from "@quern/contract/runs";
import type { Context } from "../commands/command.ts";
import { readRows } from "../formats/rows.ts";
import type { Source } from "../jobs/asked.ts";
import { type Asked, startJob } from "../jobs/create.ts";
import { followJob } from "../jobs/follow.ts";
import { placesOf } from "../jobs/show.ts";
import type { TestOutcome } from "./report.ts";
import { type Checked, judge } from "./verdict.ts";

export type TestCase = { name: string; head_path: string; asked: Asked };

/** Rows beyond this are not looked at, and said not to have been. */
const LOOKED_AT = 5_000;
/** What is nobody's fault who wrote SQL. */
const NOT_THE_TEST = new Set([
  "executor_crashed",
  "executor_oom",
  "instance_lost",
  "internal",
  "no_sandbox",
  "result_store_unavailable",
  "sandbox_lost",
]);

/** Runs one test file on a state of its own, and judges what it gave. */
export async function runTest(
  context: Context,
  source: Source,
  { name, head_path, asked }: TestCase,
): Promise<TestOutcome> {
  const id = await startJob(context, source, { ...asked, head_path });
  const job = await followJob(context, id);
  const places = placesOf(source, context.folder);
  const common = {
    name,
    file: places(job.error?.file ?? head_path),
    line: job.error?.line ?? null,
    sqlstate: job.error?.sqlstate ?? null,
    duration_ms: job.metrics?.latency_ms ?? job.progress.duration_ms,
    job_id: id,
    timed_out: job.error?.code === "timeout",
  };
  if (job.status !== "completed") {
    const status = job.error !== null && !NOT_THE_TEST.has(job.error.code) ? "failed" : "error";
    return { ...common, status, message: failureWords(job), faults: [], checks: 0 };
  }
  const { checks, faults, skipped } = judge(await resultsOf(context, job));
  if (faults.length > 0) {
    const message = faults.length === 1 ? "1 check failed" : `${faults.length} checks failed`;
    return { ...common, status: "failed", message, faults, checks };
  }
  const status = skipped === null ? "passed" : "skipped";
  return { ...common, status, message: skipped ?? "", faults: [], checks };
}

function failureWords({ error, status }: Job): string {
  if (error === null) return status === "canceled" ? "canceled" : "failed without saying why";
  return [error.message, error.detail, error.hint].filter((words) => words !== null).join("\n");
}

/** What the statements of the file gave, as far as it is looked at. */
async function resultsOf({ client }: Context, job: Job): Promise<Checked[]> {
  if (job.run_id === null) return [];
  const { statements } = await client.call(readRun, { params: { id: job.run_id } });
  const withRows = statements.filter(({ columns }) => columns !== null);
  if (withRows.length === 1 && job.rows !== null && job.rows.rows.length === job.rows.total) {
    const { columns, rows, truncated } = job.rows;
    return [{ columns, rows, truncated: truncated !== null }];
  }
  const results: Checked[] = [];
  for (const { index } of withRows) {
    const { columns, total, truncated, chunks } = await readRows(client, job.run_id, {
      statement: index,
    });
    const first: Checked = {
      columns,
      rows: [],
      truncated: truncated !== null || total > LOOKED_AT,
    };
    for await (const rows of chunks) {
      first.rows.push(...rows);
      if (first.rows.length >= LOOKED_AT) break;
    }
    results.push(first);
  }
  return results;
}
