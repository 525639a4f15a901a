/** The long form of the crash test (e2e/src/crash): its own process, since it starts everything itself. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Measure } from "./main.ts";

const MAIN = fileURLToPath(new URL("../../e2e/dist/crash/main.js", import.meta.url));
/** QUERN_CRASH_RUNS and QUERN_CRASH_SEED change it; `node e2e/dist/crash/main.js` takes more flags. */
const RUNS = process.env.QUERN_CRASH_RUNS ?? "10000";

type Report = {
  seed: number;
  runs: number;
  lost: number;
  duplicated: number;
  unexpected: number;
  seconds: number;
  harms: Record<string, number>;
};

/** Runs that were lost, done twice or ended otherwise than they may, of all; there is no peer. */
export async function crash(): Promise<Measure[]> {
  const seed = process.env.QUERN_CRASH_SEED;
  const child = spawn(
    process.execPath,
    [MAIN, "--runs", RUNS, "--harm-every", "4", ...(seed ? ["--seed", seed] : [])],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const closed = once(child, "close");
  const report = JSON.parse(await text(child.stdout)) as Report;
  const [code] = await closed;
  if (code !== 0) process.exitCode = 1;
  const harms = Object.values(report.harms).reduce((sum, count) => sum + count, 0);
  return [
    {
      what: `crash test: ${report.runs} runs, ${harms} × harm, seed ${report.seed}, ${report.seconds} s`,
      quern: `lost ${report.lost}, duplicated ${report.duplicated}, unexpected ${report.unexpected}`,
      peer: "–",
      ratio: "–",
    },
  ];
}
