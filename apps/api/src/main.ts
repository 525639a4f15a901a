import { openLog } from "@quern/runtime/log";
import { announceReady, runProcess } from "@quern/runtime/running";
import { readSettings } from "@quern/runtime/settings";
import { start } from "./server.ts";
import { ApiSettings } from "./settings.ts";

const settings = readSettings(ApiSettings, process.env);
const log = openLog("api", settings.LOG_LEVEL);

await runProcess(log, async () => {
  const running = await start(settings, log);
  log.info({ address: running.address }, "serving");
  if (process.send)
    announceReady({
      address: running.address,
      url: running.base_url,
      setup_link: running.setup_link,
    });
  else if (running.setup_link) console.log(`Make the first admin: ${running.setup_link}`);
  return running;
});
