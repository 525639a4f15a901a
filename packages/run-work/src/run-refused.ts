import type { RunError } from "@quern/contract/run-error";

/** An error of our own, about no place in the SQL. */
export function runError(
  code: RunError["code"],
  message: string,
  hint: string | null = null,
): RunError {
  return { code, message, sqlstate: null, position: null, detail: null, hint };
}

/** A run that cannot be started; `error` is what its row will say. */
export class RunRefused extends Error {
  override name = "RunRefused";
  readonly error: RunError;
  constructor(code: RunError["code"], message: string) {
    super(message);
    this.error = runError(code, message);
  }
}
