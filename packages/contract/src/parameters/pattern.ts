/** Patterns of text parameters: RE2 syntax, whose matching takes linear time whatever pattern and value are. */
import { RE2JS, RE2JSException } from "re2js";
import { ValueError } from "./errors.ts";

/** Linear, but for each character as slow as the pattern is long. */
const MAX_MATCHED = 10_000;

/** What is wrong with a pattern; null when nothing is. */
export function patternProblem(pattern: string): string | null {
  try {
    RE2JS.compile(pattern);
    return null;
  } catch (error) {
    if (error instanceof RE2JSException) return error.message;
    throw error;
  }
}

/** Throws unless the whole value matches. */
export function demandMatch(pattern: string, value: string): void {
  if (value.length > MAX_MATCHED) {
    throw new ValueError(`must have at most ${MAX_MATCHED} characters, as it has a pattern`);
  }
  if (!RE2JS.compile(pattern).matches(value)) throw new ValueError(`must match ${pattern}`);
}
