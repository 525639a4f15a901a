import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { JOB_ERRORS, JobError, jobError } from "./job-error.ts";

test("every code of a job's error is explained on the page for people", async () => {
  const page = await readFile(join(import.meta.dirname, "../../../docs/jobs.md"), "utf8");
  for (const [code, { meaning, retryable }] of Object.entries(JOB_ERRORS))
    expect(page).toContain(`| \`${code}\` | ${meaning} | ${retryable ? "yes" : ""} |`);
});

test("an error says null for what is not known, and whether to try again as its code has it", () => {
  const id = "00000000-0000-4000-8000-000000000000";
  const error = { ...jobError("executor_oom", "head", "m"), request_id: null, job_id: id };
  expect(JobError.parse(error)).toMatchObject({ retryable: true, file: null, sqlstate: null });
  expect(jobError("timeout", "head", "m", { file: "a.sql", line: 2 })).toMatchObject({
    retryable: false,
    file: "a.sql",
    line: 2,
  });
});
