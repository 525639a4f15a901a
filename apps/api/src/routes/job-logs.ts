import { type JobStatusEvent, readJobLogs } from "@quern/contract/job-logs";
import type { Actor } from "@quern/store/actor";
import * as history from "@quern/store/job-history";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { findActor } from "../actors.ts";
import type { Api } from "../api.ts";
import { ApiError } from "../problems.ts";
import { serve } from "../serve.ts";
import type { Mount } from "./jobs.ts";

const PAGE = 200;
const KEEP_ALIVE_MS = 15_000;
/** Notifications may be lost: a stream looks by itself this often, too. */
const LOOK_EVERY_MS = 2_000;
/** Changes are gathered this long, so that a burst of lines is one statement. */
const GATHER_MS = 40;
/** A reader that is this far behind is cut off; it goes on after the last line that it got. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Streams of one person. */
const MAX_STREAMS = 50;

/** The log of a job, by polling or as server-sent events that can be resumed. */
export function addJobLogRoutes(app: FastifyInstance, api: Api, mount: Mount): void {
  const open = new Map<AbortController, string>();
  app.addHook("preClose", async () => {
    for (const stop of open.keys()) stop.abort();
  });

  serve(
    app,
    api,
    mount(readJobLogs),
    ({ params }) => ({ action: "jobs.read", on: { type: "job", id: params.id } }),
    async ({ actor, params: { id }, query, request, reply }) => {
      const { accept = "" } = request.headers;
      if (!accept.includes("text/event-stream"))
        return history.readJobLogs(api.db, id, query.after ?? 0, query.limit ?? PAGE);
      refuseFlood(open, actor);
      const stop = new AbortController();
      open.set(stop, actor.user_id);
      const after = resumeAfter(request) ?? query.after ?? 0;
      // Not awaited: the request stays open as long as the stream does.
      void streamLog(api, { request, reply, id, after, stop }).finally(() => open.delete(stop));
      // The stream has the reply: nothing else is to be sent.
      return { items: [], next_after: after, finished: false };
    },
  );
}

function refuseFlood(open: ReadonlyMap<AbortController, string>, actor: Actor): void {
  const streams = [...open.values()].filter((each) => each === actor.user_id).length;
  if (streams < MAX_STREAMS) return;
  throw new ApiError("rate_limited", `You have ${streams} logs open. Close some of them.`);
}

function resumeAfter(request: FastifyRequest): number | undefined {
  const id = request.headers["last-event-id"];
  return typeof id === "string" && /^\d{1,9}$/.test(id) ? Number(id) : undefined;
}

type Stream = {
  request: FastifyRequest;
  reply: FastifyReply;
  id: string;
  after: number;
  stop: AbortController;
};

/** Sends lines and changes of status until the job has ended, the reader leaves or lags, or `stop` aborts. Never throws. */
async function streamLog(api: Api, { request, reply, id, after, stop }: Stream): Promise<void> {
  reply.hijack();
  const stream = reply.raw;
  const end = () => stop.abort();
  stream.on("close", end);
  stream.on("error", end);
  stream.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    // So that the end of the stream is the end of its connection, which else holds up a stop.
    connection: "close",
  });
  stream.write(": log of a job\n\n");
  const keepAlive = setInterval(() => stream.write(": keep-alive\n\n"), KEEP_ALIVE_MS);
  try {
    const write = (text: string) => {
      stream.write(text);
      if (stream.writableLength > MAX_BUFFERED_BYTES) stream.destroy();
    };
    await follow(api, { request, id, after, signal: stop.signal, write });
  } catch (error) {
    request.log.warn({ err: error, job_id: id }, "log stream ended by an error");
  } finally {
    clearInterval(keepAlive);
    stream.end();
  }
}

type Following = {
  request: FastifyRequest;
  id: string;
  after: number;
  signal: AbortSignal;
  write: (text: string) => void;
};

async function follow(api: Api, { request, id, after, signal, write }: Following): Promise<void> {
  let last = after;
  let told = "";
  while (!signal.aborted) {
    // Listen before looking: what comes in between is not missed.
    const seen = new AbortController();
    const change = api.runChanges.next(id, LOOK_EVERY_MS, AbortSignal.any([signal, seen.signal]));
    // Rights are read anew each time: a person who lost them sees nothing more.
    const actor = await findActor(api, request);
    const job = actor && (await history.readJob(api.db, actor, id, false));
    if (!job) {
      seen.abort();
      return;
    }
    const page = await history.readJobLogs(api.db, id, last, PAGE);
    for (const line of page.items)
      write(`id: ${line.id}\nevent: log\ndata: ${JSON.stringify(line)}\n\n`);
    last = page.next_after;
    const { stage, steps_done } = job.progress;
    const status: JobStatusEvent = { id, status: job.status, stage, steps_done };
    const text = JSON.stringify(status);
    if (text !== told) write(`event: status\ndata: ${text}\n\n`);
    told = text;
    if (page.items.length === PAGE) {
      seen.abort();
      continue;
    }
    if (page.finished && job.finished_at !== null) {
      write(`event: end\ndata: ${text}\n\n`);
      seen.abort();
      return;
    }
    await change;
    await gathered(signal);
  }
}

function gathered(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, GATHER_MS);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
