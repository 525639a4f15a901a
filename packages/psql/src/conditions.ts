/** The stack of \if, \elif, \else and \endif of one file. */
import type { Scanner } from "./scan-state.ts";

/**
 * `maybe` is a branch of which it is not known, before the script runs, whether it is taken. `done` is a branch that
 * is not taken because an earlier one was.
 */
export type Branch = "taken" | "maybe" | "waiting" | "done" | "outer";

export type Condition = {
  branch: Branch;
  isElse: boolean;
  /** Line of its \if. */
  line: number;
  offset: number;
  /** What the query buffer held when the branch began: a branch that is not taken leaves no text. */
  length: number;
  parens: number;
};

export type Test = boolean | "unknown";

/** Whether what stands here is carried out, or may be. */
export function isActive(conditions: Condition[]): boolean {
  const branch = conditions.at(-1)?.branch;
  return branch === undefined || branch === "taken" || branch === "maybe";
}

/** Whether it is known that what stands here is carried out. */
export function isCertain(conditions: Condition[]): boolean {
  return conditions.every(({ branch }) => branch === "taken");
}

/** Whether the expression of an \if or \elif that stands here is evaluated. */
export function isEvaluated(conditions: Condition[], kind: "if" | "elif"): boolean {
  if (kind === "if") return isActive(conditions);
  const branch = conditions.at(-1)?.branch;
  return branch === "waiting" || branch === "maybe";
}

/** `test` is called only if the answer matters. */
export function beginIf(
  conditions: Condition[],
  scanner: Scanner,
  place: { line: number; offset: number },
  test: () => Test,
): void {
  const branch = isActive(conditions) ? branchOf(test()) : "outer";
  const { length } = scanner.text;
  conditions.push({ branch, isElse: false, ...place, length, parens: scanner.parens });
}

/** \elif and \else: null, or what is wrong with it. */
export function nextBranch(
  conditions: Condition[],
  scanner: Scanner,
  test: (() => Test) | "else",
): string | null {
  const name = test === "else" ? "\\else" : "\\elif";
  const condition = conditions.at(-1);
  if (condition === undefined) return `There is no \\if before this ${name}.`;
  if (condition.isElse) return `This ${name} comes after the \\else of its \\if.`;
  leaveBranch(condition, scanner);
  condition.isElse = test === "else";
  const { branch } = condition;
  if (branch === "taken") condition.branch = "done";
  else if (branch === "waiting") condition.branch = test === "else" ? "taken" : branchOf(test());
  return null;
}

/** \endif: null, or what is wrong with it. */
export function endIf(conditions: Condition[], scanner: Scanner): string | null {
  const condition = conditions.pop();
  if (condition === undefined) return "There is no \\if before this \\endif.";
  leaveBranch(condition, scanner);
  return null;
}

function branchOf(test: Test): Branch {
  if (test === "unknown") return "maybe";
  return test ? "taken" : "waiting";
}

function leaveBranch(condition: Condition, scanner: Scanner): void {
  if (condition.branch === "taken") {
    condition.length = scanner.text.length;
    condition.parens = scanner.parens;
  } else {
    scanner.text = scanner.text.slice(0, condition.length);
    scanner.parens = condition.parens;
  }
}
