import type { RunStarted } from "@quern/contract/run-started";
import type { Origin } from "@quern/store/audit";
import type { Database } from "@quern/store/db";
import type { NewRun, RunOwner } from "@quern/store/new-run";
import { enqueueRun } from "@quern/store/runs";
import type { FastifyRequest } from "fastify";
import type { Api } from "./api.ts";
import { spanOf } from "./request-span.ts";

type Call = { origin: Origin; request: FastifyRequest };

/**
 * Puts a run into the queue for a request: its row, and the runner's log and spans, name the request and continue its
 * trace. `db` may be the transaction of a change that the run belongs to. Throws what `enqueueRun` throws.
 */
export async function enqueue(
  api: Api,
  { origin, request }: Call,
  owner: RunOwner,
  run: NewRun,
  db: Database = api.db,
): Promise<RunStarted> {
  const span = spanOf(request).child("enqueue", {
    kind: "producer",
    attributes: {
      "quern.kind": run.kind,
      ...(run.datasource_id === null ? {} : { "quern.datasource_id": run.datasource_id }),
    },
  });
  try {
    const started = await enqueueRun(db, owner, {
      ...run,
      request_id: origin.request_id,
      traceparent: span.traceparent,
    });
    span.set({ "quern.run_id": started.id, "quern.reused": started.reused });
    const { runsEnqueued, runsReused } = api.instruments;
    (started.reused ? runsReused : runsEnqueued).inc({ kind: run.kind, trigger: run.trigger });
    request.log.info(
      { run_id: started.id, kind: run.kind, datasource_id: run.datasource_id },
      started.reused ? "an earlier run answers" : "run queued",
    );
    span.end();
    return started;
  } catch (error) {
    span.end(error instanceof Error ? error.name : "error");
    throw error;
  }
}
