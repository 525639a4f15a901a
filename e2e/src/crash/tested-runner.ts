/**
 * The runner as tests start it, as a process of its own: the product's, with fail points (QUERN_FAIL_POINTS, see
 * fail-point-actions.ts) and other times (QUERN_TEST_TIMES, some of `Times` as JSON). The product's own entry knows
 * neither, and refuses to start when fail points are asked for.
 */
import { pass } from "@quern/run-work/fail-points";
import { start } from "@quern/runner/runner";
import { RunnerSettings } from "@quern/runner/settings";
import { TIMES } from "@quern/runner/times";
import { openLog } from "@quern/runtime/log";
import { announceReady, runProcess } from "@quern/runtime/running";
import { readSettings } from "@quern/runtime/settings";
import { failPointActions } from "./fail-point-actions.ts";

const settings = readSettings(RunnerSettings, process.env);
const { QUERN_FAIL_POINTS: failPoints, QUERN_TEST_TIMES: changed } = process.env;
const times = { ...TIMES, ...(changed ? (JSON.parse(changed) as Partial<typeof TIMES>) : {}) };
const log = openLog("runner", settings.LOG_LEVEL);

await runProcess(log, async () => {
  const running = await start(
    settings,
    log,
    times,
    failPoints ? failPointActions(failPoints) : pass,
  );
  announceReady();
  return running;
});
