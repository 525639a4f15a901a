import { route } from "./route.ts";
import { RunStarted } from "./run-started.ts";
import { RunInput } from "./runs.ts";

export const explainSql = route({
  operation: "explainSql",
  summary:
    "Ask the engine how it would execute a saved query or SQL, without executing it; the plans are those of the run",
  tag: "runs",
  method: "POST",
  path: "/api/v1/explains",
  body: RunInput,
  replies: { 202: RunStarted },
});
