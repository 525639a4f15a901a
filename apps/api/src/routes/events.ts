import {
  type JobEvent,
  JobEvent as JobEventSchema,
  type RunEvent,
  RunEvent as RunEventSchema,
  streamEvents,
} from "@quern/contract/events";
import type { JobSummary } from "@quern/contract/jobs";
import type { RunSummary } from "@quern/contract/runs";
import type { Actor } from "@quern/store/actor";
import { readDashboardEvents } from "@quern/store/dashboards";
import { withShownTiles } from "@quern/store/display-links";
import { readJobSummaries } from "@quern/store/job-history";
import { readRunSummaries } from "@quern/store/run-history";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { findActor } from "../actors.ts";
import type { Api } from "../api.ts";
import { ApiError } from "../problems.ts";
import { serve } from "../serve.ts";

const KEEP_ALIVE_MS = 15_000;
/** Changes are gathered this long, so that a burst costs one statement for each stream. */
const GATHER_MS = 50;
/** A reader that is this far behind is cut off; it reconnects and reads anew. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Tabs of one person, or screens of one link. */
const MAX_STREAMS = 50;

export function addEventRoutes(app: FastifyInstance, api: Api): void {
  const open = new Map<() => void, string>();
  app.addHook("preClose", async () => {
    for (const close of open.keys()) close();
  });

  serve(
    app,
    api,
    streamEvents,
    { action: "self.read" },
    async ({ actor, request, reply }) => {
      const whose = actor.display?.link_id ?? actor.user_id;
      const streams = [...open.values()].filter((each) => each === whose).length;
      if (streams >= MAX_STREAMS) {
        throw new ApiError(
          "rate_limited",
          `You have ${streams} event streams open. Close some tabs.`,
        );
      }
      const close = streamChanges(api, request, reply, () => open.delete(close));
      open.set(close, whose);
      if (reply.raw.destroyed || request.raw.socket.destroyed) close();
    },
    { forDisplays: true },
  );
}

/** Sends what changes until the reader leaves or lags, or the returned function is called. */
function streamChanges(
  api: Api,
  request: FastifyRequest,
  reply: FastifyReply,
  onClose: () => void,
): () => void {
  reply.hijack();
  const stream = reply.raw;
  const changed = new Set<string>();
  const saved = new Set<string>();
  const worked = new Set<string>();
  let closed = false;
  let flushing: NodeJS.Timeout | true | undefined;

  const release = () => {
    if (closed) return false;
    closed = true;
    unsubscribe();
    unsubscribeDashboards();
    unsubscribeJobs();
    clearInterval(keepAlive);
    if (flushing !== true) clearTimeout(flushing);
    onClose();
    return true;
  };
  const close = () => {
    if (release()) stream.end();
  };
  const write = (text: string) => {
    if (closed) return;
    stream.write(text);
    if (stream.writableLength > MAX_BUFFERED_BYTES && release()) stream.destroy();
  };
  // Rights are read anew for each batch: a person who lost them sees nothing more.
  const flush = async () => {
    const [runs, dashboards, jobs] = [[...changed], [...saved], [...worked]];
    for (const each of [changed, saved, worked]) each.clear();
    const found = await findActor(api, request);
    if (!found) return close();
    if (runs.length > 0) {
      const actor = await withShownTiles(api.db, found, runs);
      for (const run of await readRunSummaries(api.db, actor, runs))
        write(eventOf("run", toEvent(run, actor)));
    }
    if (dashboards.length > 0) {
      for (const event of await readDashboardEvents(api.db, found, dashboards))
        write(eventOf("dashboard", event));
    }
    if (jobs.length > 0 && !found.display) {
      for (const job of await readJobSummaries(api.db, found, jobs))
        write(eventOf("job", toJobEvent(job)));
    }
  };
  const gather = () => {
    if (closed || flushing !== undefined || changed.size + saved.size + worked.size === 0) return;
    flushing = setTimeout(() => {
      flushing = true;
      flush()
        .catch((error: unknown) => {
          request.log.warn({ err: error }, "event stream ended by an error");
          close();
        })
        .finally(() => {
          flushing = undefined;
          gather();
        });
    }, GATHER_MS);
  };
  const unsubscribe = api.runChanges.subscribe((runId) => {
    if (runId === undefined) return write(eventOf("hello", {}));
    changed.add(runId);
    gather();
  });
  const unsubscribeDashboards = api.runChanges.subscribeDashboards((dashboardId) => {
    saved.add(dashboardId);
    gather();
  });
  const unsubscribeJobs = api.runChanges.subscribeJobs((jobId) => {
    if (jobId === undefined) return;
    worked.add(jobId);
    gather();
  });
  const keepAlive = setInterval(() => write(": keep-alive\n\n"), KEEP_ALIVE_MS);
  stream.on("close", close);
  stream.on("error", close);
  stream.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    // So that the end of the stream is the end of its connection, which else holds up a stop.
    connection: "close",
  });
  write(eventOf("hello", {}));
  return close;
}

function eventOf(type: string, data: unknown): string {
  return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function toJobEvent(job: JobSummary): JobEvent {
  const keys = Object.keys(JobEventSchema.shape) as (keyof JobEvent)[];
  return Object.fromEntries(keys.map((key) => [key, job[key]])) as JobEvent;
}

function toEvent(run: RunSummary, { display }: Actor): RunEvent {
  const event = Object.fromEntries(
    Object.keys(RunEventSchema.shape).map((key) => [key, run[key as keyof RunEvent]]),
  ) as RunEvent;
  return display ? { ...event, created_by: null } : event;
}
