import { z } from "zod";

export const JobStatus = z
  .enum(["pending", "preparing", "running", "publishing", "completed", "failed", "canceled"])
  .meta({ id: "JobStatus" });
export type JobStatus = z.infer<typeof JobStatus>;

/** Statuses that stay. */
export const ENDED: readonly JobStatus[] = ["completed", "failed", "canceled"];

/**
 * `run`: the head on the state that its tail makes. `plan`: only what would be done. `instance`: the state is kept running for a
 * person. `diff`: two states side by side. `verify`: the tail is built twice and compared. `export`, `import`: a state to and from
 * the shared store.
 */
export const JobType = z
  .enum(["run", "plan", "instance", "diff", "verify", "export", "import"])
  .meta({ id: "JobType" });
export type JobType = z.infer<typeof JobType>;

export const JobStage = z
  .enum([
    "queued",
    "parsing",
    "planning",
    "lookup",
    "building",
    "publishing",
    "booting",
    "head",
    "storing",
    "done",
  ])
  .meta({ id: "JobStage" });
export type JobStage = z.infer<typeof JobStage>;

/** What asked for it: a person's page, a program, or `quern` in a terminal. */
export const JobTrigger = z.enum(["user", "api", "cli"]).meta({ id: "JobTrigger" });
export type JobTrigger = z.infer<typeof JobTrigger>;

/** Of the tail: all of it was there, a part, or nothing. */
export const SnapshotHit = z.enum(["full", "prefix", "miss"]).meta({ id: "SnapshotHit" });
export type SnapshotHit = z.infer<typeof SnapshotHit>;
