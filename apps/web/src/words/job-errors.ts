import { JOB_ERRORS, type JobError, type JobErrorCode } from "@quern/contract/job-error";
import { t } from "../i18n/language.ts";

/** What happened, for each code; the message of the error says the particulars. */
const TITLES: Partial<Record<JobErrorCode, string>> = {
  invalid_manifest: t("The manifest cannot be taken as it is"),
  missing_step: t("The manifest names a file that is not there"),
  invalid_tree: t("The files cannot be taken as they are"),
  missing_head: t("The head is not one of the files"),
  source_inputs_missing: t("Bytes of a file are not on the server"),
  unsupported_meta_command: t("Quern does not know this psql command"),
  refused_command: t("This psql command is refused"),
  include_cycle: t("A file includes itself"),
  include_depth: t("Includes are nested too deeply"),
  include_missing: t("An included file is missing"),
  path_escape: t("A path leads outside of the project"),
  invalid_utf8: t("The file is no UTF-8"),
  unterminated: t("A quote or comment is not closed"),
  unbalanced_if: t("An if is not closed, or was never opened"),
  script_too_large: t("The script is too large"),
  script_error: t("The script cannot be run"),
  variable_undefined: t("A variable has no value"),
  volatile_denied: t("The outcome of the chain may differ, and the job allows that not"),
  unsupported_engine: t("This version of PostgreSQL is not there"),
  unknown_extension: t("This extension is not there"),
  setting_not_allowed: t("This setting may not be changed"),
  superuser_unavailable: t("Superuser is not to be had here"),
  sql_error: t("PostgreSQL refused a statement"),
  open_transaction_at_boundary: t("A file ended inside a transaction"),
  timeout: t("A file took longer than its limit"),
  disk_limit: t("The instance needed more disk than it may use"),
  memory_limit: t("The instance needed more memory than it may use"),
  instance_lost: t("The instance went away"),
  instance_limit: t("There are as many instances as there may be"),
  cache_full_unreclaimable: t("The cache is full, and nothing in it may be evicted"),
  cache_limit_too_small: t("The cache is too small for this state"),
  cache_enforcement_unavailable: t("The size of the cache cannot be told"),
  executor_oom: t("The head needed more memory than it may use"),
  executor_crashed: t("The process that ran the head ended unexpectedly"),
  oversized_row: t("A row is too large to be kept"),
  result_store_unavailable: t("The rows could not be kept"),
  sandbox_lost: t("The sandbox process went away"),
  no_sandbox: t("No sandbox process is running"),
  state_unknown: t("This state is not known any more"),
  expired: t("The job was not run in time"),
  internal: t("Quern failed"),
};

export function jobErrorTitle(error: Pick<JobError, "code">): string {
  return TITLES[error.code] ?? JOB_ERRORS[error.code].meaning;
}

/** `seed/2.sql, line 14`, or null when the error has no place. */
export function placeWords(error: Pick<JobError, "file" | "line">): string | null {
  if (error.file === null) return null;
  return error.line === null
    ? error.file
    : t("{file}, line {line}", { file: error.file, line: String(error.line) });
}

/** The whole error as text, to paste into a ticket. */
export function jobErrorText(error: JobError): string {
  const lines = [
    error.message,
    placeWords(error),
    error.detail && t("Detail: {detail}", { detail: error.detail }),
    error.hint && t("Hint: {hint}", { hint: error.hint }),
    error.sqlstate && t("SQLSTATE: {sqlstate}", { sqlstate: error.sqlstate }),
    t("Code: {code}", { code: error.code }),
    t("Job: {id}", { id: error.job_id }),
    error.request_id && t("Request: {requestId}", { requestId: error.request_id }),
  ];
  return lines.filter((line) => line).join("\n");
}
