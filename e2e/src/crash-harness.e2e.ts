/** The short form of the crash test; the long one is `make bench`, or node e2e/dist/crash/main.js. */
import { expect, test } from "vitest";
import { runCrashTest, SHORT_TIMES } from "./crash/harness.ts";
import { HARMS } from "./crash/nemesis.ts";

/** Another one for each day, said when it fails: the same number does the same harm to the same runs. */
const SEED = Number(process.env.QUERN_CRASH_SEED ?? Math.floor(Date.now() / 86_400_000));

test(`no run is lost, done twice or left behind, whatever dies (QUERN_CRASH_SEED=${SEED})`, async () => {
  const report = await runCrashTest({
    seed: SEED,
    runs: 250,
    runners: 2,
    slots: 4,
    harm_every_ms: 1_500,
    harms: HARMS.length,
    times: SHORT_TIMES,
  });
  console.log(`seed ${report.seed}:`, JSON.stringify(report.ends), JSON.stringify(report.harms));
  expect(report).toMatchObject({ runs: 250, lost: [], duplicated: [], unexpected: [] });
  expect(HARMS.filter((harm) => report.harms[harm] === 0)).toEqual([]);
});
