/** A trial as it stands: what it was made of, and what its job's head gave. */
import type { Trial, TrialGap, TrialStatement } from "@quern/contract/health/trials";
import type { Job } from "@quern/contract/jobs";
import type { TrialRow } from "./facts.ts";
import { type HeadAnswer, type HeadRows, NoTrialAnswer, readHeadRows } from "./head-rows.ts";

type TrialJob = Pick<Job, "id" | "status" | "error" | "snapshot" | "progress" | "created_by"> &
  Pick<Job, "created_at" | "finished_at" | "expires_at">;

const GAPS = 200;

/** `heads`: what each statement of the head returned; null when it cannot be read, or any more. */
export function trialAnswer(
  { job_id, finding_id, database_id, facts }: TrialRow,
  job: TrialJob,
  heads: readonly HeadRows[] | null,
): Trial {
  const hasFix = facts.fix !== null;
  const numbers = facts.statements.map(({ n }) => n);
  const answer = heads === null ? null : answerOf(heads, hasFix, numbers);
  const given = answer === "unreadable" ? null : answer;
  const refused = (given?.gaps ?? []).filter(({ kind }) => kind === "setting").length;
  const all = together([...facts.gaps, ...(given?.gaps ?? [])]);
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
    ...{ hit: job.snapshot?.hit ?? null, expires_at: job.expires_at },
    result: resultOf(job.status, answer),
    ...{ engine: facts.engine, schema_at: facts.schema_at, settings: facts.settings - refused },
    ...{ statistics: facts.statistics, statistics_at: facts.statistics_at },
    fix: { sql: facts.fix, ...(given?.fix ?? { applied: null, error: null }) },
    statements: facts.statements.map(
      (statement): TrialStatement => ({
        ...statement,
        reads: statement.reads ?? [],
        before: given?.before.get(statement.n) ?? null,
        after: given?.after.get(statement.n) ?? null,
      }),
    ),
    gaps: all.slice(0, GAPS),
    gaps_total: all.length,
  };
}

type Answer = HeadAnswer | "unreadable" | null;

function answerOf(
  heads: readonly HeadRows[],
  hasFix: boolean,
  numbers: readonly number[],
): Exclude<Answer, null> {
  try {
    return readHeadRows(heads, hasFix, numbers);
  } catch (error) {
    if (error instanceof NoTrialAnswer) return "unreadable";
    throw error;
  }
}

function resultOf(status: Job["status"], answer: Answer): Trial["result"] {
  if (status === "failed" || status === "canceled") return status;
  if (status !== "completed") return "pending";
  if (answer === null) return "expired";
  return answer === "unreadable" ? "unreadable" : "answered";
}

const NAMED = 3;

/** What is missing for one reason in many places is said once; indexes are named, since plans hang on them. */
function together(gaps: readonly TrialGap[]): TrialGap[] {
  const alike = new Map<string, TrialGap[]>();
  for (const each of gaps) {
    const { kind, how, reason, detail, object } = each;
    const key = kind === "index" ? object : JSON.stringify([kind, how, reason, detail]);
    const group = alike.get(key);
    if (group === undefined) alike.set(key, [each]);
    else group.push(each);
  }
  const told = [...alike.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length <= NAMED) return group;
    return [{ ...first, object: "", count: group.reduce((sum, { count }) => sum + count, 0) }];
  });
  const first = (each: TrialGap) => (each.kind === "index" ? 0 : 1);
  return told.sort((one, other) => first(one) - first(other));
}
