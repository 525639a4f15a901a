/**
 * The sandbox as tests of deaths start it, as a process of its own: the product's, with leases that lapse soon. With
 * QUERN_TEST_TIMES=product they lapse as the product's do, which lets a busy machine stall for longer.
 */
import { openLog } from "@quern/runtime/log";
import { announceReady, runProcess } from "@quern/runtime/running";
import { readSettings } from "@quern/runtime/settings";
import { LAYER_TIMES } from "@quern/sandbox/layers/start-layer-store";
import { start } from "@quern/sandbox/sandbox";
import { SandboxSettings } from "@quern/sandbox/settings";
import { TIMES } from "@quern/sandbox/times";

const settings = readSettings(SandboxSettings, process.env);
const log = openLog("sandbox", settings.LOG_LEVEL);
const soon =
  process.env.QUERN_TEST_TIMES === "product"
    ? {}
    : { lease_ms: 3_000, renew_ms: 500, sweep_ms: 500 };

await runProcess(log, async () => {
  const running = await start(settings, log, { ...TIMES, ...soon }, { ...LAYER_TIMES, ...soon });
  announceReady();
  return running;
});
