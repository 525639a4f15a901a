import type { QueuePlace } from "@quern/contract/run-queue";
import { expect, test } from "vitest";
import { waitingWords } from "./queue.ts";

const PLACE: QueuePlace = {
  status: "queued",
  position: 3,
  position_is_exact: true,
  blocked_by: null,
  runners: 1,
  slots: 4,
  running: 4,
  datasource_running: 2,
  datasource_max_concurrency: 2,
};

test("a queued run says how many are ahead and which cap holds it", () => {
  expect(waitingWords(PLACE)).toBe("2 runs ahead");
  expect(waitingWords({ ...PLACE, position_is_exact: false })).toBe("at least 2 runs ahead");
  expect(waitingWords({ ...PLACE, position: 1 })).toBe("next in the queue");
  expect(waitingWords({ ...PLACE, blocked_by: "datasource_concurrency" })).toBe(
    "2 runs ahead; this datasource takes 2 runs at a time",
  );
  expect(waitingWords({ ...PLACE, blocked_by: "runner_slots" })).toBe(
    "2 runs ahead; all 4 slots of the runners are busy",
  );
  expect(waitingWords({ ...PLACE, blocked_by: "no_runner" })).toMatch(/no runner/);
  expect(waitingWords({ ...PLACE, position: null, status: "running" })).toBeNull();
});
