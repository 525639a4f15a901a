import { ConnectorError, safeText } from "@quern/connectors/errors";
import type { ExecutorError } from "./messages.ts";

/** A failure of which the run error is known. */
export class RunFailure extends Error {
  override name = "RunFailure";
  readonly error: ExecutorError;
  constructor(error: ExecutorError) {
    super(error.message);
    this.error = error;
  }
}

/** Any failure as a run error that may be stored and shown; the secret never is in it. */
export function executorError(error: unknown, secret: string): ExecutorError {
  const plain = toError(error);
  const clean = <T extends string | null>(text: T): T | string =>
    text === null || secret.length < 4 ? text : text.replaceAll(secret, "●●●");
  return {
    ...plain,
    message: clean(plain.message),
    detail: clean(plain.detail),
    hint: clean(plain.hint),
  };
}

function toError(error: unknown): ExecutorError {
  if (error instanceof RunFailure) return error.error;
  if (error instanceof ConnectorError) {
    const { code, message, sqlstate, position, detail, hint } = error;
    return { code, message, sqlstate, position, detail, hint };
  }
  const text = error instanceof Error ? error.message : String(error);
  if (
    /Out of Memory Error|Array buffer allocation failed|Invalid array length|bad_alloc/i.test(text)
  ) {
    return failure("executor_oom", OOM_MESSAGE, OOM_HINT);
  }
  if (/ENOSPC|EDQUOT|No space left|EROFS|EIO\b|IO Error/i.test(text)) {
    return failure(
      "result_store_unavailable",
      `The result could not be written: ${safeText(text, 500)}`,
      "The runner's disk may be full.",
    );
  }
  return failure("internal", `The executor failed: ${safeText(text, 1000)}`, null);
}

export const OOM_MESSAGE = "The run needed more memory than an executor may use.";
export const OOM_HINT = "Select fewer or smaller columns, or aggregate in SQL.";

export function failure(
  code: ExecutorError["code"],
  message: string,
  hint: string | null,
): ExecutorError {
  return { code, message, sqlstate: null, position: null, detail: null, hint };
}
