import { openLog } from "@quern/runtime/log";
import { announceReady, runProcess } from "@quern/runtime/running";
import { readSettings } from "@quern/runtime/settings";
import { start } from "./sandbox.ts";
import { SandboxSettings } from "./settings.ts";

const settings = readSettings(SandboxSettings, process.env);
const log = openLog("sandbox", settings.LOG_LEVEL);

if (process.env.DATABASE_URL) {
  log.warn(
    "DATABASE_URL is in the environment, where a process of the same user could read it; use DATABASE_URL_FILE",
  );
}

await runProcess(log, async () => {
  const running = await start(settings, log);
  log.info({ slots: settings.QUERN_SANDBOX_SLOTS }, "claiming jobs");
  announceReady();
  return running;
});
