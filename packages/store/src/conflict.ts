import type { Problem, ProblemCode } from "@quern/contract/problem";

/** The change does not fit what is stored. `message` says what to do, for people; `code` is for programs, `errors` name the fields. */
export class Conflict extends Error {
  override name = "Conflict";
  readonly code: ProblemCode;
  readonly errors: Problem["errors"];
  readonly missing: Problem["missing"];
  constructor(
    code: ProblemCode,
    message: string,
    errors?: Problem["errors"],
    missing?: Problem["missing"],
  ) {
    super(message);
    this.code = code;
    this.errors = errors;
    this.missing = missing;
  }
}
