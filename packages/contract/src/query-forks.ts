import { z } from "zod";
import { Query } from "./queries.ts";
import { route } from "./route.ts";
import { id, name } from "./text.ts";

export const forkQuery = route({
  operation: "forkQuery",
  summary: "Duplicate a query as one of your own, with its charts, beside the first",
  tag: "queries",
  method: "POST",
  path: "/api/v1/queries/:id/fork",
  params: z.strictObject({ id }),
  body: z.strictObject({ name: name.optional().describe("`Copy of …` when left out") }),
  replies: { 201: Query },
});
