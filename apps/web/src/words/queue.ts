import type { QueuePlace } from "@quern/contract/run-queue";
import { countOf } from "./count.ts";

/** What a queued run waits for, in a few words; null when it may start at any moment or has started. */
export function waitingWords(place: QueuePlace): string | null {
  if (place.position === null) return null;
  const exactly = place.position_is_exact ? "" : "at least ";
  const ahead =
    place.position === 1
      ? "next in the queue"
      : `${exactly}${countOf(place.position - 1, "run")} ahead`;
  switch (place.blocked_by) {
    case "no_runner":
      return "no runner is at work: an admin has to start one";
    case "datasource_concurrency":
      return `${ahead}; this datasource takes ${countOf(place.datasource_max_concurrency ?? 0, "run")} at a time`;
    case "runner_slots":
      return `${ahead}; all ${countOf(place.slots, "slot")} of the runners are busy`;
    case null:
      return ahead;
  }
}
