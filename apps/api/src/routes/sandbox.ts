import { readSandbox, type SandboxEngine } from "@quern/contract/sandbox";
import { countJobs, listSandboxes } from "@quern/store/sandboxes";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { serve } from "../serve.ts";

/** What there is to run projects on: pages say so when it is nothing. */
export function addSandboxRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, readSandbox, { action: "jobs.read" }, async ({ actor }) => {
    const [processes, counts] = await Promise.all([
      listSandboxes(api.db),
      countJobs(api.db, actor.org_id),
    ]);
    const alive = processes.filter((each) => each.alive);
    const engines = new Map<number, SandboxEngine>();
    for (const engine of alive.flatMap((each) => each.engines)) engines.set(engine.major, engine);
    const sorted = [...engines.values()].sort((one, other) => other.major - one.major);
    return {
      available: alive.length > 0,
      engines: sorted,
      default_engine: sorted[0]?.major ?? null,
      processes,
      ...counts,
    };
  });
}
