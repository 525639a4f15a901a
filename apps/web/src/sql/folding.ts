import { splitStatements } from "./statements.ts";
import { tokenize } from "./tokens.ts";

/** Lines that fold into their first, counted from 1: statements, brackets and comments that span several. */
export type Fold = { start: number; end: number; kind: "code" | "comment" };

const MOST_FOLDS = 5000;

export function foldsOf(sql: string): Fold[] {
  const lineAt = lineCounter(sql);
  const folds: Fold[] = [];
  const add = (start: number, end: number, kind: Fold["kind"]) => {
    if (end > start && folds.length < MOST_FOLDS) folds.push({ start, end, kind });
  };
  const open: number[] = [];
  for (const { kind, text, start, end } of tokenize(sql)) {
    if (kind === "comment") add(lineAt(start), lineAt(end - 1), "comment");
    else if (text === "(") open.push(lineAt(start));
    else if (text === ")") {
      const from = open.pop();
      // The line of the closing bracket stays in sight.
      if (from !== undefined) add(from, lineAt(start) - 1, "code");
    }
  }
  for (const { start, end } of splitStatements(sql)) add(lineAt(start), lineAt(end), "code");
  return folds;
}

/** The line of an offset, by halving. */
function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
