/** Runs the benchmarks, or those that are named, and prints one table. Each measures a peer in the same run. */
import { agentCost } from "./agent-cost.ts";
import { cancel } from "./cancel.ts";
import { crash } from "./crash.ts";
import { dashboardPaint } from "./dashboard-paint.ts";
import { dashboardViewers } from "./dashboard-viewers.ts";
import { firstRows } from "./first-rows.ts";
import { gridScroll } from "./grid-scroll.ts";
import { healthIngest } from "./health-ingest.ts";
import { healthPages } from "./health-pages.ts";
import { history } from "./history.ts";
import { keystroke } from "./keystroke.ts";
import { noOpRuns } from "./no-op-runs.ts";
import { pollers } from "./pollers.ts";
import { projectChain } from "./project-chain.ts";
import { projectEdit } from "./project-edit.ts";
import { projectHits } from "./project-hits.ts";
import { projectParallel } from "./project-parallel.ts";
import { projectSeeds } from "./project-seeds.ts";
import { resultReading } from "./result-reading.ts";
import { schedules } from "./schedules.ts";
import { searching } from "./search.ts";
import { selectOne } from "./select-one.ts";
import { storedRows } from "./stored-rows.ts";

export type Measure = { what: string; quern: string; peer: string; ratio: string };

const BENCHMARKS: Record<string, () => Promise<Measure[]>> = {
  "select-one": selectOne,
  cancel,
  "no-op-runs": noOpRuns,
  "stored-rows": storedRows,
  "first-rows": firstRows,
  "result-reading": resultReading,
  "grid-scroll": gridScroll,
  keystroke,
  pollers,
  search: searching,
  "dashboard-paint": dashboardPaint,
  "dashboard-viewers": dashboardViewers,
  history,
  schedules,
  "project-hits": projectHits,
  "project-chain": projectChain,
  "project-edit": projectEdit,
  "project-seeds": projectSeeds,
  "project-parallel": projectParallel,
  crash,
  "health-pages": healthPages,
  "health-ingest": healthIngest,
  "agent-cost": agentCost,
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in BENCHMARKS));
if (unknown.length > 0) {
  console.error(
    `No such benchmark: ${unknown.join(", ")}. There is: ${Object.keys(BENCHMARKS).join(", ")}.`,
  );
  process.exit(1);
}
const measures: Measure[] = [];
for (const [name, run] of Object.entries(BENCHMARKS)) {
  if (named.length === 0 || named.includes(name)) measures.push(...(await run()));
}
console.table(Object.fromEntries(measures.map(({ what, ...figures }) => [what, figures])));
