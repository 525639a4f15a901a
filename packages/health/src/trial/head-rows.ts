/** What the head of a trial's job returned, read again: plans of both sides, gaps, and what became of the fix. */
import type { TrialGap, TrialPlan, TrialTiming } from "@quern/contract/health/trials";
import type { Cell, Column } from "@quern/contract/results";

/** The rows of a statement of the head, in its order. */
export type HeadRows = { columns: readonly Pick<Column, "name">[]; rows: readonly Cell[][] };

export type HeadAnswer = {
  /** By the number of the statement. */
  before: ReadonlyMap<number, TrialPlan>;
  after: ReadonlyMap<number, TrialPlan>;
  gaps: TrialGap[];
  fix: { applied: boolean | null; error: string | null };
};

/**
 * The job gave something else than the head of a trial does: it was sent files or a head of somebody's own, or its result was
 * cut off.
 */
export class NoTrialAnswer extends Error {
  override name = "NoTrialAnswer";
}

/** Throws NoTrialAnswer where these are not the rows of `numbers`, the statements of the trial. */
export function readHeadRows(
  heads: readonly HeadRows[],
  hasFix: boolean,
  numbers: readonly number[],
): HeadAnswer {
  const [before = [], ...rest] = heads.map(recordsOf);
  const [after = [], gaps = [], fixed = []] = hasFix ? rest : [[], ...rest];
  const [applied] = fixed;
  return {
    before: plansOf(before, numbers),
    after: plansOf(after, hasFix ? numbers : []),
    gaps: gaps.map(gapOf),
    fix: {
      applied: typeof applied?.applied === "boolean" ? applied.applied : null,
      error: textOf(applied?.error),
    },
  };
}

type Record_ = Record<string, Cell | undefined>;

function recordsOf({ columns, rows }: HeadRows): Record_[] {
  return rows.map((row) =>
    Object.fromEntries(columns.map(({ name }, place) => [name, row[place]])),
  );
}

function plansOf(rows: readonly Record_[], numbers: readonly number[]): Map<number, TrialPlan> {
  const plans = new Map(rows.map((row) => [numberOf(row.n), planOf(row)]));
  return new Map(
    numbers.map((n) => {
      const plan = plans.get(n);
      if (plan === undefined) throw new NoTrialAnswer(`statement ${n} has no answer`);
      return [n, plan];
    }),
  );
}

function planOf(row: Record_): TrialPlan {
  return {
    ...{ cost: numberOf(row.cost), rows: numberOf(row.rows), plan: treeOf(textOf(row.plan)) },
    ...{ error: textOf(row.error), sqlstate: textOf(row.state), timing: timingOf(row) },
    ...{ untimed: untimedOf(row.untimed), untimed_detail: textOf(row.why) },
  };
}

function treeOf(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new NoTrialAnswer("a plan is not JSON");
    throw error;
  }
}

function timingOf(row: Record_): TrialTiming | null {
  const [ms, lowest_ms, highest_ms] = [row.ms, row.lowest, row.highest].map(numberOf);
  if (ms == null || lowest_ms == null || highest_ms == null) return null;
  return { ms, lowest_ms, highest_ms, runs: numberOf(row.runs) ?? 1 };
}

const UNTIMED = ["parameters", "no_rows", "no_values", "failed", "no_time", "too_long"] as const;

function untimedOf(cell: Cell | undefined): TrialPlan["untimed"] {
  return UNTIMED.find((each) => each === cell) ?? null;
}

const KINDS: ReadonlySet<string> = new Set<TrialGap["kind"]>([
  ...(["schema", "extension", "type", "table", "column", "default", "check"] as const),
  ...(["constraint", "index", "view", "partition", "sequence", "statistics"] as const),
  ...(["setting"] as const),
]);

function gapOf(row: Record_): TrialGap {
  const kind = textOf(row.kind) ?? "";
  return {
    kind: KINDS.has(kind) ? (kind as TrialGap["kind"]) : "table",
    object: textOf(row.object) ?? "",
    how: row.how === "replaced" ? "replaced" : "left_out",
    reason: row.reason === "type_unknown" ? "type_unknown" : "refused",
    ...{ detail: textOf(row.detail), count: 1 },
  };
}

const textOf = (cell: Cell | undefined) => (typeof cell === "string" ? cell : null);

function numberOf(cell: Cell | undefined): number | null {
  if (cell === null || cell === undefined) return null;
  const number = Number(cell);
  if (!Number.isFinite(number)) throw new NoTrialAnswer("a number is none");
  return number;
}
