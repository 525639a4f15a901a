/** Limits of jobs: what is asked for, what holds when nothing is, and the most there may be. */
import type { Limits } from "@quern/contract/datasources";
import type { JobLimitName, Settings } from "@quern/contract/settings";
import { Conflict } from "./conflict.ts";
import { resolveLimits } from "./run-limits.ts";

export type AskedOfJob = {
  timeout_ms?: number | undefined;
  limits?: { [K in keyof Limits]?: number | undefined } | undefined;
  job_ttl?: number | undefined;
  snapshot_ttl?: number | undefined;
};

/** Seconds that a job is kept whose files have copied rows, at most: its answer quotes values of them. */
export const COPIED_TTL_S = 3_600;

/** Throws `Conflict` (`limit_above_maximum`) that names the field and the maximum. `copied`: its files have copied rows. */
export function resolveJobLimits(
  asked: AskedOfJob,
  settings: Settings,
  copied = false,
): { limits: Limits; job_ttl_s: number; snapshot_ttl_s: number } {
  const { timeout_ms: inLimits, ...rows } = asked.limits ?? {};
  const at = asked.timeout_ms === undefined ? "body.limits.timeout_ms" : "body.timeout_ms";
  const timeout_ms = within("timeout_ms", asked.timeout_ms ?? inLimits, settings, at);
  const { limits } = resolveLimits(rows, settings.limits, {});
  return { limits: { ...limits, timeout_ms }, ...resolveTtls(asked, settings, copied) };
}

/** The same of how long things are kept. */
export function resolveTtls(
  asked: Pick<AskedOfJob, "job_ttl" | "snapshot_ttl">,
  settings: Settings,
  copied = false,
): { job_ttl_s: number; snapshot_ttl_s: number } {
  if (copied) refuseLongCopies(asked.job_ttl);
  const job_ttl_s = within("job_ttl_s", asked.job_ttl, settings, "body.job_ttl");
  return {
    job_ttl_s: copied ? Math.min(job_ttl_s, COPIED_TTL_S) : job_ttl_s,
    snapshot_ttl_s: within("snapshot_ttl_s", asked.snapshot_ttl, settings, "body.snapshot_ttl"),
  };
}

function refuseLongCopies(job_ttl: number | undefined): void {
  if (job_ttl === undefined || job_ttl <= COPIED_TTL_S) return;
  throw new Conflict(
    "limit_above_maximum",
    `job_ttl may be at most ${COPIED_TTL_S} seconds for a job whose files have rows that were copied from a database, and this asks for ${job_ttl}. Ask for less, or keep what you need of its answer.`,
    [{ path: "body.job_ttl", message: `must be at most ${COPIED_TTL_S}` }],
  );
}

const UNITS = { timeout_ms: "milliseconds", job_ttl_s: "seconds", snapshot_ttl_s: "seconds" };

function within(
  name: JobLimitName,
  value: number | undefined,
  { jobs }: Settings,
  path: string,
): number {
  const { default: usual, maximum } = jobs[name];
  if (value === undefined) return Math.min(usual, maximum);
  if (value <= maximum) return value;
  throw new Conflict(
    "limit_above_maximum",
    `${path.replace("body.", "")} may be at most ${maximum} ${UNITS[name]} by the settings of the organisation, and this asks for ${value}. Ask for less; an admin can raise it.`,
    [{ path, message: `must be at most ${maximum}` }],
  );
}
