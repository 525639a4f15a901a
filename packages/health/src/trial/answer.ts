/** A trial as it stands: what it was made of, and what its job's head gave. */

import type {
  Trial,
  TrialGap,
  TrialPlan,
  TrialStatement,
  TrialTiming,
} from "@quern/contract/health/trials";
import type { Job } from "@quern/contract/jobs";
import type { Cell, Column } from "@quern/contract/results";
import type { TrialRow } from "./facts.ts";

/** The rows of a statement of the head, in its order. */
export type HeadRows = { columns: readonly Pick<Column, "name">[]; rows: readonly Cell[][] };

type TrialJob = Pick<
  Job,
  "id" | "status" | "error" | "created_at" | "created_by" | "finished_at" | "snapshot" | "progress"
>;

const GAPS = 200;

/** `heads`: what each statement of the head returned; null when it cannot be read, or any more. */
export function trialAnswer(
  { job_id, finding_id, database_id, facts }: TrialRow,
  job: TrialJob,
  heads: readonly HeadRows[] | null,
): Trial {
  const hasFix = facts.fix !== null;
  const [before = [], ...rest] = (heads ?? []).map(recordsOf);
  const [after = [], gaps = [], fixed = []] = hasFix ? rest : [before, ...rest];
  const [applied] = fixed;
  const all = together([...facts.gaps, ...gaps.map(gapOf)]);
  return {
    ...{ job_id, finding_id, database_id, rows_copied: facts.sample !== undefined },
    sample: facts.sample
      ? {
          ...{ rows: facts.sample.rows, tables: facts.sample.tables },
          reading: !facts.sample.taken && job.status === "pending",
        }
      : null,
    ...{ created_at: job.created_at, created_by: job.created_by, finished_at: job.finished_at },
    ...{ status: job.status, stage: job.progress.stage, error: job.error },
    hit: job.snapshot?.hit ?? null,
    result: resultOf(job.status, heads !== null),
    ...{ engine: facts.engine, schema_at: facts.schema_at, settings: facts.settings },
    ...{ statistics: facts.statistics, statistics_at: facts.statistics_at },
    fix: {
      sql: facts.fix,
      applied: typeof applied?.applied === "boolean" ? applied.applied : null,
      error: typeof applied?.error === "string" ? applied.error : null,
    },
    statements: facts.statements.map(
      (statement): TrialStatement => ({
        ...statement,
        reads: statement.reads ?? [],
        before: planOf(before, statement.n),
        after: hasFix ? planOf(after, statement.n) : null,
      }),
    ),
    gaps: all.slice(0, GAPS),
    gaps_total: all.length,
  };
}

function resultOf(status: Job["status"], answered: boolean): Trial["result"] {
  if (status === "failed" || status === "canceled") return status;
  if (status !== "completed") return "pending";
  return answered ? "answered" : "expired";
}

type Record_ = Record<string, Cell | undefined>;

function recordsOf({ columns, rows }: HeadRows): Record_[] {
  return rows.map((row) =>
    Object.fromEntries(columns.map(({ name }, place) => [name, row[place]])),
  );
}

function planOf(rows: readonly Record_[], n: number): TrialPlan | null {
  const row = rows.find((each) => Number(each.n) === n);
  if (row === undefined) return null;
  const text = textOf(row.plan);
  return {
    ...{ cost: numberOf(row.cost), rows: numberOf(row.rows) },
    plan: text === null ? null : JSON.parse(text),
    ...{ error: textOf(row.error), sqlstate: textOf(row.state), timing: timingOf(row) },
    ...{ untimed: untimedOf(row.untimed), untimed_detail: textOf(row.why) },
  };
}

function timingOf(row: Record_): TrialTiming | null {
  const [ms, lowest_ms, highest_ms] = [row.ms, row.lowest, row.highest].map(numberOf);
  if (ms == null || lowest_ms == null || highest_ms == null) return null;
  return { ms, lowest_ms, highest_ms, runs: numberOf(row.runs) ?? 1 };
}

const UNTIMED = ["parameters", "no_rows", "no_values", "failed", "no_time"] as const;

function untimedOf(cell: Cell | undefined): TrialPlan["untimed"] {
  return UNTIMED.find((each) => each === cell) ?? null;
}

const KINDS: ReadonlySet<string> = new Set<TrialGap["kind"]>([
  ...(["schema", "extension", "type", "table", "column", "default", "check"] as const),
  ...(["constraint", "index", "view", "partition", "sequence", "statistics"] as const),
]);

const NAMED = 3;

/** What is missing for one reason in many places is said once; indexes are named, since plans hang on them. */
function together(gaps: readonly TrialGap[]): TrialGap[] {
  const alike = new Map<string, TrialGap[]>();
  for (const each of gaps) {
    const { kind, how, reason, detail, object } = each;
    const key = kind === "index" ? object : JSON.stringify([kind, how, reason, detail]);
    alike.set(key, [...(alike.get(key) ?? []), each]);
  }
  const told = [...alike.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length <= NAMED) return group;
    return [{ ...first, object: "", count: group.reduce((sum, { count }) => sum + count, 0) }];
  });
  const first = (each: TrialGap) => (each.kind === "index" ? 0 : 1);
  return told.sort((one, other) => first(one) - first(other));
}

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
  return cell === null || cell === undefined ? null : Number(cell);
}
