/** Follows a job until it ends: its log as it comes, over broken connections, and Ctrl-C as its cancel. */
import { setTimeout as delay } from "node:timers/promises";
import { ProblemError, UnreachableError } from "@quern/contract/client";
import { type JobStatusEvent, type LogLine, readJobLogs } from "@quern/contract/job-logs";
import { ENDED } from "@quern/contract/job-status";
import { type Job, readJob } from "@quern/contract/jobs";
import { Problem } from "@quern/contract/problem";
import { readSandbox } from "@quern/contract/sandbox";
import type { Context } from "../commands/command.ts";
import { CliError, EXIT } from "../faults.ts";
import { readEvents, SilentStreamError } from "../sse.ts";
import { cancel } from "./create.ts";

export type Followed = {
  log?: (line: LogLine) => void;
  status?: (status: JobStatusEvent) => void;
  /** Lines up to this one are known already. */
  after?: number;
  /** Milliseconds after which nobody waits any more: the job is canceled, and `CliError` says so. */
  patience_ms?: number | undefined;
};

/** How long it goes on trying to reach Quern again. */
const LOST_MS = 120_000;
/** A job that is not begun by then waits for something. */
const IDLE_MS = 3_000;

/** The job when it has ended. The first Ctrl-C cancels it, and it is followed to its end still. */
export async function followJob(
  context: Context,
  id: string,
  followed: Followed = {},
): Promise<Job> {
  const { signal } = context.interrupts;
  let gaveUp = false;
  const canceling = new AbortController();
  const stop = () => {
    cancel(context, id).catch((error: unknown) => canceling.abort(error));
  };
  const interrupted = () => {
    context.terminal.progress(null);
    context.terminal.say("Canceling; Ctrl-C once more leaves at once");
    stop();
  };
  const timer =
    followed.patience_ms === undefined
      ? undefined
      : setTimeout(() => {
          gaveUp = true;
          stop();
        }, followed.patience_ms);
  let begun = false;
  const idle = setTimeout(() => {
    if (!begun) void sayWhatItWaitsFor(context);
  }, IDLE_MS);
  const heeded: Followed = {
    ...followed,
    status(event) {
      begun ||= event.stage !== "queued";
      followed.status?.(event);
    },
  };
  if (signal.aborted) interrupted();
  else signal.addEventListener("abort", interrupted);
  try {
    await readToEnd(context, id, heeded, canceling.signal);
    const job = await endedJob(context, id);
    if (gaveUp && job.status === "canceled")
      throw new CliError(`The job ${id} took too long and was canceled.`, EXIT.timed_out);
    return job;
  } finally {
    clearTimeout(timer);
    clearTimeout(idle);
    signal.removeEventListener("abort", interrupted);
  }
}

/** A job that nobody claims: the reason is worth a word, once, and no reason to fail. */
async function sayWhatItWaitsFor({ client, terminal }: Context): Promise<void> {
  const sandbox = await client.call(readSandbox, {}).catch((error: unknown) => {
    if (error instanceof ProblemError || error instanceof UnreachableError) return null;
    throw error;
  });
  if (sandbox?.available === false)
    terminal.say("No sandbox process is running: the job waits until one is started.");
}

async function endedJob({ client }: Context, id: string): Promise<Job> {
  for (;;) {
    const job = await client.call(readJob, { params: { id }, query: { wait: 30 } });
    if (ENDED.includes(job.status)) return job;
  }
}

async function readToEnd(
  context: Context,
  id: string,
  followed: Followed,
  failed: AbortSignal,
): Promise<void> {
  let after = followed.after ?? 0;
  let heard = Date.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      for await (const { event, data } of await openLog(context, id, after, failed)) {
        heard = Date.now();
        attempt = 0;
        if (event === "log") {
          const line = JSON.parse(data) as LogLine;
          // A line that came before the connection broke may come again.
          if (line.id <= after) continue;
          after = line.id;
          followed.log?.(line);
        } else if (event === "status") followed.status?.(JSON.parse(data) as JobStatusEvent);
        else if (event === "end") return;
      }
    } catch (error) {
      if (failed.aborted) throw failed.reason;
      if (!isBroken(error)) throw error;
      if (Date.now() - heard > LOST_MS) {
        const words = `The connection to Quern is lost. The job goes on: quern jobs logs -f ${id}`;
        throw new CliError(words, EXIT.unreachable);
      }
    }
    await delay(Math.min(5_000, 100 * 2 ** attempt), undefined, { signal: failed });
  }
}

/** Whether trying again may help: a connection that broke, or a server that restarts. */
function isBroken(error: unknown): boolean {
  if (error instanceof ProblemError)
    return error.problem.status >= 500 || error.problem.status === 429;
  // What a stream breaks by is a system error, or undici's TypeError.
  return (
    error instanceof UnreachableError ||
    error instanceof SilentStreamError ||
    (error instanceof Error &&
      ("code" in error || error.message === "terminated" || error.message === "aborted"))
  );
}

async function openLog({ client, fetch }: Context, id: string, after: number, signal: AbortSignal) {
  const url = client.url(readJobLogs, { params: { id }, query: after > 0 ? { after } : {} });
  let response: Response;
  try {
    response = await fetch(url, {
      headers: {
        accept: "text/event-stream",
        ...(after > 0 ? { "last-event-id": String(after) } : {}),
      },
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new UnreachableError("the log broke off", { cause: error });
  }
  if (response.ok && response.body) return readEvents(response.body);
  const problem = Problem.safeParse(await response.json().catch(() => null));
  if (problem.success) throw new ProblemError(problem.data);
  throw new UnreachableError(`the log cannot be read: status ${response.status}`);
}
