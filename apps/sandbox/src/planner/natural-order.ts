/**
 * Compares two paths as people number files: folder by folder, digits as numbers, all else by bytes of UTF-8. `V2` comes
 * before `V10`, and `0009-a` before `00010-b`. What is equal so far (`1` and `01`) is told apart by its bytes, so that no two
 * different paths are equal.
 */
export function naturalOrder(a: string, b: string): number {
  const left = a.split("/");
  const right = b.split("/");
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const order = compareNames(left[at]!, right[at]!);
    if (order !== 0) return order;
  }
  return left.length - right.length || compareBytes(a, b);
}

function compareNames(a: string, b: string): number {
  const left = a.match(RUNS) ?? [];
  const right = b.match(RUNS) ?? [];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const order = compareRuns(left[at]!, right[at]!);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

const RUNS = /[0-9]+|[^0-9]+/g;

function compareRuns(a: string, b: string): number {
  if (!isDigits(a) || !isDigits(b)) return compareBytes(a, b);
  const left = a.replace(/^0+(?=.)/, "");
  const right = b.replace(/^0+(?=.)/, "");
  return left.length - right.length || compareBytes(left, right);
}

function isDigits(run: string): boolean {
  return run >= "0" && run < ":";
}

function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}
