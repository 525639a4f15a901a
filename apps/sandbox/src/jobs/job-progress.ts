/**
 * How far a job has come: its stages and log, kept here and written to the database when they are worth a statement. A job that takes
 * some milliseconds writes its stages once, at its end.
 */
import type { JobStage } from "@quern/contract/job-status";
import type { JobProgress as Shown } from "@quern/contract/jobs";
import type { Span } from "@quern/runtime/spans";
import type { Database } from "@quern/store/db";
import { appendLogs, type NewLogLine, noteStage, type StageNote } from "@quern/store/job-progress";
import type { ClaimedJob } from "@quern/store/job-spec";

export type WorkStage = Exclude<JobStage, "queued" | "done">;
type Status = NonNullable<StageNote["status"]>;
type LineFacts = Partial<Omit<NewLogLine, "at" | "stage" | "level" | "message">>;

export type JobProgress = {
  /** The stage before ends now. */
  begin(stage: WorkStage, status: Status): void;
  /** The same, and the database knows it when this resolves. */
  beginNoted(stage: WorkStage, status: Status, note?: StageNote): Promise<void>;
  stage(): WorkStage;
  /** Milliseconds in that stage so far, all its times together. */
  spent(stage: WorkStage): number;
  log(level: NewLogLine["level"], message: string, facts?: LineFacts): void;
  /** Where the work is, for those who look at the job. */
  at(place: { path: string; line: number | null; statement: number | null } | null): void;
  place(): { path: string; line: number | null; statement: number | null } | null;
  stages(): Shown["stages"];
  /** Writes what is not written yet, and nothing after. */
  close(): Promise<void>;
};

/** A stage that is over sooner is told with the next one, or at the end. */
const NOTE_AFTER_MS = 150;
const LOG_EVERY_MS = 150;

/** `span` gets a child for each stage. */
export function openJobProgress(
  db: Database,
  job: ClaimedJob,
  span: Pick<Span, "child">,
  onError: (error: unknown) => void,
): JobProgress {
  const now = Date.now();
  let stageSpan: Span | undefined;
  const times: { stage: JobStage; from: number; to: number | null }[] = [
    { stage: "queued", from: now - job.waited_ms, to: now },
  ];
  let stage: WorkStage = "parsing";
  let lines: NewLogLine[] = [];
  let place: ReturnType<JobProgress["place"]> = null;
  let noting: NodeJS.Timeout | undefined;
  let logging: NodeJS.Timeout | undefined;
  /** Statements follow each other, so that lines stay in order and the last stage wins. */
  let last: Promise<unknown> = Promise.resolve();
  const after = (work: () => Promise<unknown>) => {
    last = last.then(work).catch(onError);
    return last;
  };

  function move(to: WorkStage): void {
    const at = Date.now();
    const current = times.at(-1)!;
    current.to ??= at;
    times.push({ stage: to, from: at, to: null });
    stageSpan?.end();
    stageSpan = span.child(to);
    stage = to;
    clearTimeout(noting);
  }

  function flushLines(): void {
    clearTimeout(logging);
    logging = undefined;
    if (lines.length === 0) return;
    const batch = lines;
    lines = [];
    after(() => appendLogs(db, job, batch));
  }

  return {
    begin(to, status) {
      move(to);
      noting = setTimeout(
        () => after(() => noteStage(db, job, to, { status })),
        NOTE_AFTER_MS,
      ).unref();
    },
    async beginNoted(to, status, note = {}) {
      move(to);
      await last;
      await noteStage(db, job, to, { ...note, status });
    },
    stage: () => stage,
    spent: (asked) =>
      times
        .filter((time) => time.stage === asked)
        .reduce((sum, { from, to }) => sum + (to ?? Date.now()) - from, 0),
    log(level, message, facts = {}) {
      lines.push({ at: new Date(), stage, level, message, ...facts });
      logging ??= setTimeout(flushLines, LOG_EVERY_MS).unref();
    },
    at: (at) => {
      place = at;
    },
    place: () => place,
    stages: () =>
      times.map(({ stage: name, from, to }) => ({
        stage: name,
        started_at: new Date(from).toISOString(),
        duration_ms: (to ?? Date.now()) - from,
      })),
    async close() {
      clearTimeout(noting);
      stageSpan?.end();
      flushLines();
      await last;
    },
  };
}

/** Of work that nobody looks at. */
export function silentProgress(): JobProgress {
  let stage: WorkStage = "parsing";
  return {
    begin: (to) => {
      stage = to;
    },
    beginNoted: async (to) => {
      stage = to;
    },
    stage: () => stage,
    spent: () => 0,
    log: () => {},
    at: () => {},
    place: () => null,
    stages: () => [],
    close: async () => {},
  };
}
