import { type RunEvent, RunEvent as RunEventSchema, streamEvents } from "@quern/contract/events";
import type { RunSummary } from "@quern/contract/runs";
import { readRunSummaries } from "@quern/store/runs";
import type { FastifyInstance } from "fastify";
import { findActor } from "../actors.ts";
import type { Api } from "../api.ts";
import { serve } from "../serve.ts";

const KEEP_ALIVE_MS = 15_000;
/** Changes are gathered this long, so that a burst costs one statement for each stream. */
const GATHER_MS = 50;
/** A reader that is this far behind is cut off; it reconnects and reads anew. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

export function addEventRoutes(app: FastifyInstance, api: Api): void {
  const open = new Set<() => void>();
  app.addHook("preClose", async () => {
    for (const close of open) close();
  });

  serve(app, api, streamEvents, { action: "self.read" }, async ({ request, reply }) => {
    reply.hijack();
    const stream = reply.raw;
    stream.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    const send = (event: string, data: unknown) => {
      stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      if (stream.writableLength > MAX_BUFFERED_BYTES) close();
    };
    const changed = new Set<string>();
    let timer: NodeJS.Timeout | undefined;

    // Rights are read anew for each batch: a person who lost them sees nothing more.
    const flush = async () => {
      timer = undefined;
      const ids = [...changed];
      changed.clear();
      const actor = await findActor(api, request);
      if (!actor) return close();
      for (const run of await readRunSummaries(api.db, actor, ids)) send("run", toEvent(run));
    };
    const unsubscribe = api.runChanges.subscribe((runId) => {
      if (runId === undefined) return send("hello", {});
      changed.add(runId);
      timer ??= setTimeout(() => flush().catch(fail), GATHER_MS);
    });
    const keepAlive = setInterval(() => stream.write(": keep-alive\n\n"), KEEP_ALIVE_MS);
    const fail = (error: unknown) => {
      request.log.warn({ err: error }, "event stream ended by an error");
      close();
    };
    function close() {
      unsubscribe();
      clearInterval(keepAlive);
      clearTimeout(timer);
      open.delete(close);
      stream.end();
    }
    open.add(close);
    stream.on("close", close);
    send("hello", {});
  });
}

function toEvent(run: RunSummary): RunEvent {
  return Object.fromEntries(
    Object.keys(RunEventSchema.shape).map((key) => [key, run[key as keyof RunEvent]]),
  ) as RunEvent;
}
