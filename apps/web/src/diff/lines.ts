export type DiffLine = {
  change: "same" | "added" | "removed";
  text: string;
  left: number | null;
  right: number | null;
};

/** More edits than this are told as one block: the table of the search would grow with their square. */
const MAX_EDITS = 500;

/**
 * The lines of `left` and `right` in one order, each marked as kept, added or removed; line numbers count from 1. The
 * fewest changes (Myers, An O(ND) Difference Algorithm, 1986); removed lines stand before those that replace them.
 */
export function diffLines(left: string, right: string): DiffLine[] {
  const a = left.split("\n");
  const b = right.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const middle = editScript(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const kept = (lines: string[]) => lines.map((text) => ({ change: "same" as const, text }));
  return numbered([...kept(a.slice(0, start)), ...middle, ...kept(end === 0 ? [] : a.slice(-end))]);
}

type Edit = Pick<DiffLine, "change" | "text">;

function editScript(a: string[], b: string[]): Edit[] {
  const trace = searchPath(a, b);
  if (trace === null) {
    return [
      ...a.map((text): Edit => ({ change: "removed", text })),
      ...b.map((text): Edit => ({ change: "added", text })),
    ];
  }
  const edits: Edit[] = [];
  let [x, y] = [a.length, b.length];
  for (let d = trace.length - 1; d >= 0; d -= 1) {
    const reach = trace[d]!;
    const k = x - y;
    const down = k === -d || (k !== d && reachOf(reach, k - 1) < reachOf(reach, k + 1));
    const from = down ? k + 1 : k - 1;
    const [startX, startY] = d === 0 ? [0, 0] : [reachOf(reach, from), reachOf(reach, from) - from];
    while (x > startX && y > startY && a[x - 1] === b[y - 1]) {
      edits.push({ change: "same", text: a[x - 1]! });
      [x, y] = [x - 1, y - 1];
    }
    if (d === 0) break;
    edits.push(
      down ? { change: "added", text: b[y - 1]! } : { change: "removed", text: a[x - 1]! },
    );
    [x, y] = [startX, startY];
  }
  return edits.reverse();
}

const reachOf = (reach: Map<number, number>, k: number): number => reach.get(k) ?? -1;

/** How far each diagonal reached before every round of the search; null when there are too many edits. */
function searchPath(a: string[], b: string[]): Map<number, number>[] | null {
  const trace: Map<number, number>[] = [];
  const reach = new Map<number, number>([[1, 0]]);
  for (let d = 0; d <= Math.min(MAX_EDITS, a.length + b.length); d += 1) {
    trace.push(new Map(reach));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && reachOf(reach, k - 1) < reachOf(reach, k + 1));
      let x = down ? reachOf(reach, k + 1) : reachOf(reach, k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach.set(k, x);
      if (x >= a.length && x - k >= b.length) return trace;
    }
  }
  return null;
}

function numbered(edits: Edit[]): DiffLine[] {
  let [left, right] = [0, 0];
  return edits.map(({ change, text }) => {
    if (change !== "added") left += 1;
    if (change !== "removed") right += 1;
    return {
      change,
      text,
      left: change === "added" ? null : left,
      right: change === "removed" ? null : right,
    };
  });
}
