/**
 * The crash test from a terminal: node e2e/dist/crash/main.js --runs 10000 --seed 7 --harm-every 3. Prints a table and,
 * on the last line, the report as JSON; exits with 1 when anything was lost, done twice or not as expected.
 */
import { parseArgs } from "node:util";
import { runCrashTest, SHORT_TIMES } from "./harness.ts";
import { countsOf } from "./report.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    runners: { type: "string", default: "2" },
    slots: { type: "string", default: "6" },
    /** Seconds. */
    "harm-every": { type: "string", default: "3" },
    /** A lease of 5 s instead of 15 s. */
    short: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
  },
});

const report = await runCrashTest({
  seed: Number(values.seed),
  runs: Number(values.runs),
  runners: Number(values.runners),
  slots: Number(values.slots),
  harm_every_ms: Number(values["harm-every"]) * 1000,
  harms: Math.ceil(Number(values.runs) / 60),
  times: values.short ? SHORT_TIMES : {},
  log: values.quiet ? () => {} : (line) => console.error(line),
});
const bad = countsOf(report);
console.error(`seed ${report.seed}, ${report.seconds} s`);
console.error("harm done:", report.harms);
if (!values.quiet) console.table(report.ends);
console.error(bad);
for (const line of [...report.lost, ...report.duplicated, ...report.unexpected].slice(0, 50))
  console.error(`  ${line}`);
console.log(JSON.stringify({ ...report, ...bad }));
process.exitCode = bad.lost + bad.duplicated + bad.unexpected === 0 ? 0 : 1;
