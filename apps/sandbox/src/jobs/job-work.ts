import type { Workshop } from "@quern/run-work/job";
import type { Log } from "@quern/runtime/log";
import type { Span } from "@quern/runtime/spans";
import type { ClaimedJob } from "@quern/store/job-spec";
import type { Instances } from "../instances/instances.ts";
import type { People } from "../instances/people.ts";
import type { Instruments } from "../instruments.ts";
import type { Holder, LayerStore } from "../layers/layer-store.ts";
import type { ScriptBook } from "../planner/script-book.ts";
import type { Times } from "../times.ts";
import type { Behind } from "./behind.ts";
import type { EnvironmentBook } from "./environment-book.ts";
import type { FileCache } from "./file-cache.ts";
import type { JobProgress } from "./job-progress.ts";

/** What work on jobs uses; the executors run tails and heads alike. */
export type JobShop = Workshop & {
  times: Times;
  instruments: Instruments;
  /** Name of this process in leases of jobs and of runs. */
  sandbox: string;
  layers: LayerStore;
  instances: Instances;
  /** Instances that people keep. */
  people: People;
  files: FileCache;
  scripts: ScriptBook;
  environments: EnvironmentBook;
  /** States that are made after the answers for which they were needed. */
  behind: Behind;
  /** Cancels the run of a head that is at work, by its id. */
  heads: Map<string, () => void>;
};

/** One job at work. */
export type JobWork = {
  job: ClaimedJob;
  holder: Holder;
  progress: JobProgress;
  /** Aborted with a JobStopped: the job was canceled, its lease is lost, or this process stops. */
  signal: AbortSignal;
  /** Resolved when its row is final, or not this process's any more. */
  ended: Promise<void>;
  log: Log;
  /** What its statements are part of. */
  span: Pick<Span, "traceparent" | "end">;
};
