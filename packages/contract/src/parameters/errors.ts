/** Why a value does not fit its parameter: a sentence about the value. */
export class ValueError extends Error {
  override name = "ValueError";
}

/**
 * `path` is `sql`, `params.<name>` for a value, or `<list>.<index>.<field>` for a definition. `start` and `end` are
 * offsets in the SQL, where the problem has a place.
 */
export type ParameterProblem = { path: string; message: string; start?: number; end?: number };

/** A text that cannot run with these parameters; everything that is wrong with it at once. */
export class ParametersError extends Error {
  override name = "ParametersError";
  readonly problems: ParameterProblem[];
  constructor(problems: ParameterProblem[]) {
    super(problems.map(({ message }) => message).join(" "));
    this.problems = problems;
  }
}
