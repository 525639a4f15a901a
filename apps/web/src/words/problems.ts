import { ProblemError, UnreachableError } from "@quern/contract/client";
import type { Problem } from "@quern/contract/problem";
import { t } from "../i18n/language.ts";

/** Something that a person may be told: what happened, what to do, and the small print for support. */
export type Trouble = { title: string; detail: string; code: string; requestId: string | null };

const TITLES: Partial<Record<Problem["code"], string>> = {
  not_allowed: t("You may not do this"),
  not_found: t("There is no such thing here"),
  version_conflict: t("Somebody saved in between"),
  name_taken: t("This name is taken"),
  engine_mismatch: t("It is of another engine"),
  instance_ended: t("The instance has ended"),
  link_expired: t("This link no longer works"),
  already_set_up: t("Quern is already set up"),
  last_admin: t("This is the last admin"),
  secret_required: t("The password is needed again"),
  limit_above_maximum: t("This limit is too high"),
  run_not_finished: t("The run has not ended yet"),
  no_result: t("This run has no rows"),
  result_expired: t("The rows of this run are gone"),
  rate_limited: t("Too many tries"),
  wrong_credentials: t("You are not signed in"),
  not_signed_in: t("You are signed out"),
  payload_too_large: t("This is too large to send"),
};

/** Words for what the API or the network said. Rethrow anything that this does not know: it is our own mistake. */
export function describeTrouble(error: unknown): Trouble {
  if (error instanceof ProblemError) {
    const { problem } = error;
    const fields = (problem.errors ?? []).map((each) => `${each.path}: ${each.message}`);
    return {
      title:
        TITLES[problem.code] ?? (problem.status >= 500 ? t("The server failed") : problem.title),
      detail: fields.length > 0 ? `${problem.detail} ${fields.join("; ")}` : problem.detail,
      code: problem.code,
      requestId: problem.request_id || null,
    };
  }
  if (error instanceof UnreachableError) {
    return {
      title: t("The server does not answer"),
      detail: t(
        "Check your network, or ask whoever runs Quern whether it is up. Nothing you wrote is lost.",
      ),
      code: "unreachable",
      requestId: null,
    };
  }
  return {
    title: t("This page failed"),
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
