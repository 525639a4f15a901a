/** What a trial was made of, as it is kept beside its job. */
import type { Trial, TrialGap } from "@quern/contract/health/trials";
import type { Database } from "@quern/store/db";
import { sql } from "kysely";
import type { KeptSample } from "./sample.ts";
import type { ChosenStatement } from "./statements.ts";

export type TrialFacts = Pick<
  Trial,
  "engine" | "schema_at" | "statistics" | "statistics_at" | "settings"
> & {
  fix: string | null;
  statements: ChosenStatement[];
  gaps: TrialGap[];
  /** Rows that are copied; not there where none are. */
  sample?: KeptSample;
};

export type TrialRow = {
  job_id: string;
  finding_id: string;
  database_id: string;
  facts: TrialFacts;
};

/** In the transaction that makes its job. */
export async function keepTrial(db: Database, org_id: string, row: TrialRow): Promise<void> {
  await sql`
    insert into health_trials (job_id, org_id, finding_id, database_id, facts)
    values (${row.job_id}, ${org_id}, ${row.finding_id}, ${row.database_id}, ${JSON.stringify(row.facts)}::jsonb)`.execute(
    db,
  );
}

/** What became of the rows that were to be copied. In the transaction that puts the job into the queue. */
export async function keepSample(db: Database, job_id: string, sample: KeptSample): Promise<void> {
  await sql`
    update health_trials set facts = facts || jsonb_build_object('sample', ${JSON.stringify(sample)}::jsonb)
    where job_id = ${job_id}`.execute(db);
}

/** The trial that is this job; undefined for other jobs and those of other organisations. */
export async function findTrial(
  db: Database,
  org_id: string,
  job_id: string,
): Promise<TrialRow | undefined> {
  const { rows } = await sql<TrialRow>`
    select job_id, finding_id, database_id, facts from health_trials
    where org_id = ${org_id} and job_id = ${job_id}`.execute(db);
  return rows[0];
}

const LISTED = 20;

/** Jobs of the trials of a finding, the newest first. */
export async function listTrialJobs(
  db: Database,
  org_id: string,
  finding_id: string,
): Promise<string[]> {
  const { rows } = await sql<{ job_id: string }>`
    select job_id from health_trials where org_id = ${org_id} and finding_id = ${finding_id}
    order by created_at desc limit ${LISTED}`.execute(db);
  return rows.map(({ job_id }) => job_id);
}
