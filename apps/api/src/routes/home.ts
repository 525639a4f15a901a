import { readPulse, readTour, writeTour } from "@quern/contract/library";
import { countRunners, countRuns } from "@quern/store/system";
import * as tours from "@quern/store/tours";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { serve } from "../serve.ts";

/** What the home page says of Quern itself, and how far its reader came in getting to know it. */
export function addHomeRoutes(app: FastifyInstance, api: Api): void {
  serve(app, api, readPulse, { action: "self.read" }, async () => {
    const [counts, runners] = await Promise.all([countRuns(api.db), countRunners(api.db)]);
    const countOf = (status: string) => counts.find((each) => each.status === status)?.count ?? 0;
    return { queued: countOf("queued"), running: countOf("running"), ...runners };
  });

  serve(app, api, readTour, { action: "self.read" }, async ({ actor }) =>
    tours.readTour(api.db, actor),
  );

  serve(app, api, writeTour, { action: "self.read" }, async ({ actor, body }) => {
    await tours.writeTour(api.db, actor, body);
    return tours.readTour(api.db, actor);
  });
}
