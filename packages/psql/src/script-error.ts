import type { Place } from "./session.ts";

/** Why a script cannot go on. `sql_error` is the server's; the others are found before anything is sent. */
export type ScriptErrorCode =
  | "sql_error"
  | "unsupported_meta_command"
  | "refused_command"
  | "invalid_argument"
  | "include_missing"
  | "include_cycle"
  | "include_depth"
  | "path_escape"
  | "invalid_utf8"
  | "unterminated"
  | "unbalanced_if"
  | "open_transaction_at_boundary"
  | "variable_undefined"
  | "unsupported_encoding"
  | "too_many_rows"
  | "script_too_large";

export type ScriptProblem = {
  code: ScriptErrorCode;
  /** What happened and what to do. */
  message: string;
  place: Place;
  sqlstate: string | null;
  /** Where the error is in the file, in bytes from its start; null when that is not known or not in a file. */
  position: number | null;
  detail: string | null;
  hint: string | null;
};

/** Ends a script. `problem` is what a person is shown. */
export class ScriptError extends Error {
  override name = "ScriptError";
  problem: ScriptProblem;

  constructor(problem: Pick<ScriptProblem, "code" | "message" | "place"> & Partial<ScriptProblem>) {
    super(problem.message);
    this.problem = { sqlstate: null, position: null, detail: null, hint: null, ...problem };
  }
}
