import type { JobStage, JobStatus, JobType, SnapshotHit } from "@quern/contract/job-status";
import type { Job, JobSummary } from "@quern/contract/jobs";
import { t } from "../i18n/language.ts";
import { baseName } from "../projects/paths.ts";

export const JOB_STATUS_WORDS: Record<JobStatus, string> = {
  pending: t("Waiting", { as: "job" }),
  preparing: t("Preparing"),
  running: t("Running"),
  publishing: t("Keeping the state"),
  completed: t("Completed"),
  failed: t("Failed"),
  canceled: t("Canceled"),
};

export const JOB_TYPE_WORDS: Record<JobType, string> = {
  run: t("Run", { as: "noun" }),
  plan: t("Plan"),
  instance: t("Instance"),
  diff: t("Diff of two states"),
  verify: t("Verification"),
  export: t("Export"),
  import: t("Import"),
};

export const STAGE_WORDS: Record<JobStage, string> = {
  queued: t("Queued"),
  parsing: t("Reading the files"),
  planning: t("Planning"),
  lookup: t("Looking in the cache"),
  building: t("Replaying files"),
  publishing: t("Keeping the state"),
  booting: t("Starting PostgreSQL"),
  head: t("Running the head"),
  storing: t("Storing the rows"),
  done: t("Done"),
};

export const HIT_WORDS: Record<SnapshotHit, { name: string; why: string }> = {
  full: { name: t("Full hit"), why: t("The state was in the cache: no file had to be replayed.") },
  prefix: {
    name: t("Prefix hit"),
    why: t("A part of the chain was in the cache: only the files after it were replayed."),
  },
  miss: {
    name: t("Miss"),
    why: t("Nothing of the chain was in the cache: all files were replayed."),
  },
};

export function jobEnded(status: JobStatus): boolean {
  return status === "completed" || status === "failed" || status === "canceled";
}

/** What the job runs, in a word or two: its head, or what else it is about. */
export function jobTitle(
  job: Pick<JobSummary, "type" | "head_path"> & { head_sql?: string | null },
): string {
  if (job.type !== "run") return JOB_TYPE_WORDS[job.type];
  if (job.head_path !== null) return baseName(job.head_path);
  return t("SQL typed in");
}

/** Milliseconds since the job was queued, until its end or `now`; null before it could be claimed. */
export function jobDuration(
  job: Pick<JobSummary, "queued_at" | "finished_at" | "duration_ms">,
  now: number,
): number | null {
  if (job.duration_ms !== null) return job.duration_ms;
  if (job.queued_at === null) return null;
  const end = job.finished_at === null ? now : Date.parse(job.finished_at);
  return Math.max(0, end - Date.parse(job.queued_at));
}

/** How the head's state came to be, or would by a plan: `Prefix hit, 3 files replayed`. */
export function hitWords(snapshot: NonNullable<Job["snapshot"]>, type: JobType): string {
  const { name } = HIT_WORDS[snapshot.hit];
  if (snapshot.replayed_steps === 0) return name;
  if (type === "plan")
    return t("{hit}, {n} file to replay | {hit}, {n} files to replay", {
      hit: name,
      n: snapshot.replayed_steps,
    });
  return t("{hit}, {n} file replayed | {hit}, {n} files replayed", {
    hit: name,
    n: snapshot.replayed_steps,
  });
}

/** The first digits of a key, enough to tell states apart by eye. */
export const shortKey = (key: string): string => key.slice(0, 12);
