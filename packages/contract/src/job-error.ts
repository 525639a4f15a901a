import { z } from "zod";
import { id, text } from "./text.ts";

export const JobPhase = z
  .enum([
    "request",
    "parsing",
    "planning",
    "lookup",
    "building",
    "publishing",
    "booting",
    "head",
    "storing",
  ])
  .meta({ id: "JobPhase" });
export type JobPhase = z.infer<typeof JobPhase>;

/** What each error of a job means, and whether the same job may do better when it is sent again as it is. A closed list. */
export const JOB_ERRORS = {
  invalid_tree: { retryable: false, meaning: "The paths of the project's files are not sound" },
  invalid_manifest: { retryable: false, meaning: "quern.project.json cannot be read" },
  missing_step: {
    retryable: false,
    meaning: "The manifest's chain names a file that the project does not have",
  },
  missing_head: { retryable: false, meaning: "The head is not one of the project's files" },
  source_inputs_missing: { retryable: true, meaning: "Bytes of a file are not on the server" },
  unsupported_meta_command: { retryable: false, meaning: "A psql command that Quern does not do" },
  refused_command: {
    retryable: false,
    meaning: "A psql command that Quern refuses: \\!, backticks",
  },
  include_cycle: { retryable: false, meaning: "A file includes itself, by way of others" },
  include_depth: { retryable: false, meaning: "Includes are nested too deeply" },
  include_missing: {
    retryable: false,
    meaning: "An included or copied file is not in the project",
  },
  path_escape: { retryable: false, meaning: "An include names a file outside of the project" },
  invalid_utf8: { retryable: false, meaning: "A file is not UTF-8" },
  unterminated: { retryable: false, meaning: "A string, comment or quote is not ended" },
  unbalanced_if: { retryable: false, meaning: "\\if, \\else and \\endif do not match" },
  script_too_large: { retryable: false, meaning: "A file is larger than a script may be" },
  invalid_argument: {
    retryable: false,
    meaning: "A psql command has an argument that it cannot have",
  },
  unsupported_encoding: {
    retryable: false,
    meaning: "A script asks for an encoding other than UTF-8",
  },
  too_many_rows: {
    retryable: false,
    meaning: "\\gset or \\gexec got more rows than it may",
  },
  script_error: { retryable: false, meaning: "The script cannot be run as it stands" },
  variable_undefined: { retryable: false, meaning: "A variable is used that has no value" },
  volatile_denied: {
    retryable: false,
    meaning: "The tail calls something volatile, and the job denies it",
  },
  unsupported_engine: { retryable: false, meaning: "No sandbox has this version of PostgreSQL" },
  unknown_extension: { retryable: false, meaning: "The extension is not there, or not allowed" },
  setting_not_allowed: {
    retryable: false,
    meaning: "The setting may not be changed, or not so far",
  },
  superuser_unavailable: {
    retryable: false,
    meaning: "Superuser is not allowed on this installation",
  },
  sql_error: { retryable: false, meaning: "PostgreSQL refused a statement" },
  open_transaction_at_boundary: {
    retryable: false,
    meaning: "A file ends inside of a transaction",
  },
  timeout: { retryable: false, meaning: "A file took longer than the job allows" },
  disk_limit: {
    retryable: false,
    meaning: "The instance used more disk than it may, or all that there was",
  },
  memory_limit: { retryable: false, meaning: "The instance used more memory than it may" },
  instance_lost: { retryable: true, meaning: "The PostgreSQL of the job went away" },
  instance_limit: { retryable: true, meaning: "There are as many instances as there may be" },
  cache_full_unreclaimable: {
    retryable: true,
    meaning: "The cache is full, and all of it is in use or pinned",
  },
  cache_limit_too_small: { retryable: false, meaning: "The cache is too small for this state" },
  cache_enforcement_unavailable: {
    retryable: true,
    meaning: "Whether the cache has room cannot be told",
  },
  executor_oom: { retryable: true, meaning: "The process that ran the script ran out of memory" },
  executor_crashed: { retryable: true, meaning: "The process that ran the script crashed" },
  oversized_row: { retryable: false, meaning: "A row is larger than a result may hold" },
  result_store_unavailable: { retryable: true, meaning: "The result could not be stored" },
  sandbox_lost: { retryable: true, meaning: "The sandbox process that held the job went away" },
  no_sandbox: { retryable: true, meaning: "No sandbox process is running" },
  state_unknown: { retryable: false, meaning: "The state is in no cache" },
  expired: { retryable: false, meaning: "The job was not run within its job_ttl" },
  internal: { retryable: true, meaning: "Something failed inside Quern; the log has it" },
} as const satisfies Record<string, { retryable: boolean; meaning: string }>;

export type JobErrorCode = keyof typeof JOB_ERRORS;
const CODES = Object.keys(JOB_ERRORS) as [JobErrorCode, ...JobErrorCode[]];
export const JobErrorCode = z.enum(CODES).meta({
  id: "JobErrorCode",
  description: Object.entries(JOB_ERRORS)
    .map(([code, { meaning }]) => `\`${code}\`: ${meaning}`)
    .join(". "),
});

/** Why a job failed, and where: `file` is a path of the tree. */
export const JobError = z
  .strictObject({
    code: JobErrorCode,
    phase: JobPhase,
    message: z.string().describe("What happened, for people"),
    hint: z.string().nullable().describe("What to do"),
    file: z.string().nullable(),
    line: z.number().int().nullable().describe("From 1"),
    statement_index: z.number().int().nullable().describe("Of the file's statements, from 0"),
    position: z.number().int().nullable().describe("Offset in the file, UTF-16 code units, from 0"),
    sqlstate: z.string().nullable(),
    detail: z.string().nullable(),
    retryable: z.boolean().describe("Whether the same job may do better when sent again as it is"),
    request_id: text(200).nullable().describe("Of the HTTP request that made the job, for the log"),
    job_id: id,
  })
  .meta({ id: "JobError" });
export type JobError = z.infer<typeof JobError>;

/** A `JobError` of this code, with null for whatever is not said; `retryable` as the code has it. */
export function jobError(
  code: JobErrorCode,
  phase: JobPhase,
  message: string,
  more: Partial<Omit<JobErrorFacts, "code" | "phase" | "message">> = {},
): JobErrorFacts {
  return {
    hint: null,
    file: null,
    line: null,
    statement_index: null,
    position: null,
    sqlstate: null,
    detail: null,
    retryable: JOB_ERRORS[code].retryable,
    ...more,
    code,
    phase,
    message,
  };
}

/** What is stored of an error: whose it is, its row says. */
export type JobErrorFacts = Omit<JobError, "request_id" | "job_id">;
