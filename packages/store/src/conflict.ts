import type { ProblemCode } from "@quern/contract/problem";

/** The change does not fit what is stored. `message` says what to do, for people; `code` is for programs. */
export class Conflict extends Error {
  override name = "Conflict";
  readonly code: ProblemCode;
  constructor(code: ProblemCode, message: string) {
    super(message);
    this.code = code;
  }
}
