import { ProblemError, UnreachableError } from "@quern/contract/client";
import type { Problem } from "@quern/contract/problem";

/** Something that a person may be told: what happened, what to do, and the small print for support. */
export type Trouble = { title: string; detail: string; code: string; requestId: string | null };

const TITLES: Partial<Record<Problem["code"], string>> = {
  not_allowed: "You may not do this",
  not_found: "There is no such thing here",
  version_conflict: "Somebody saved in between",
  name_taken: "This name is taken",
  link_expired: "This link no longer works",
  already_set_up: "Quern is already set up",
  last_admin: "This is the last admin",
  secret_required: "The password is needed again",
  limit_above_maximum: "This limit is too high",
  run_not_finished: "The run has not ended yet",
  no_result: "This run has no rows",
  result_expired: "The rows of this run are gone",
  rate_limited: "Too many tries",
  wrong_credentials: "You are not signed in",
  not_signed_in: "You are signed out",
  payload_too_large: "This is too large to send",
};

/** Words for what the API or the network said. Rethrow anything that this does not know: it is our own mistake. */
export function describeTrouble(error: unknown): Trouble {
  if (error instanceof ProblemError) {
    const { problem } = error;
    const fields = (problem.errors ?? []).map((each) => `${each.path}: ${each.message}`);
    return {
      title: TITLES[problem.code] ?? (problem.status >= 500 ? "The server failed" : problem.title),
      detail: fields.length > 0 ? `${problem.detail} ${fields.join("; ")}` : problem.detail,
      code: problem.code,
      requestId: problem.request_id || null,
    };
  }
  if (error instanceof UnreachableError) {
    return {
      title: "The server does not answer",
      detail:
        "Check your network, or ask whoever runs Quern whether it is up. Nothing you wrote is lost.",
      code: "unreachable",
      requestId: null,
    };
  }
  return {
    title: "This page failed",
    detail: error instanceof Error ? error.message : String(error),
    code: "page_error",
    requestId: null,
  };
}

/** True when `error` is one that the server or the network gave, not a mistake of this page. */
export function isTrouble(error: unknown): error is ProblemError | UnreachableError {
  return error instanceof ProblemError || error instanceof UnreachableError;
}

export function hasCode(error: unknown, code: Problem["code"]): error is ProblemError {
  return error instanceof ProblemError && error.problem.code === code;
}
