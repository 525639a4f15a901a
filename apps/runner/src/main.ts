import { openLog } from "@quern/runtime/log";
import { announceReady, runProcess } from "@quern/runtime/running";
import { readSettings, SettingsError } from "@quern/runtime/settings";
import { start } from "./runner.ts";
import { RunnerSettings } from "./settings.ts";

if (process.env.QUERN_FAIL_POINTS)
  throw new SettingsError("QUERN_FAIL_POINTS is for the runner of the tests only: unset it.");

const settings = readSettings(RunnerSettings, process.env);
const log = openLog("runner", settings.LOG_LEVEL);

if (process.env.DATABASE_URL) {
  log.warn(
    "DATABASE_URL is in the environment, where a run's process of the same user could read it; use DATABASE_URL_FILE",
  );
}

await runProcess(log, async () => {
  const running = await start(settings, log);
  log.info({ slots: settings.QUERN_RUNNER_SLOTS }, "claiming runs");
  announceReady();
  return running;
});
