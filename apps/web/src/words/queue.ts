import type { QueuePlace } from "@quern/contract/run-queue";
import { t } from "../i18n/language.ts";

/** What a queued run waits for, in a few words; null when it may start at any moment or has started. */
export function waitingWords(place: QueuePlace): string | null {
  if (place.position === null) return null;
  const n = place.position - 1;
  const ahead =
    n === 0
      ? t("next in the queue")
      : place.position_is_exact
        ? t("{n} run ahead | {n} runs ahead", { n })
        : t("at least {n} run ahead | at least {n} runs ahead", { n });
  switch (place.blocked_by) {
    case "no_runner":
      return t("no runner is at work: an admin has to start one");
    case "datasource_concurrency":
      return t(
        "{ahead}; this datasource takes {n} run at a time | {ahead}; this datasource takes {n} runs at a time",
        { ahead, n: place.datasource_max_concurrency ?? 0 },
      );
    case "runner_slots":
      return t(
        "{ahead}; all {n} slot of the runners are busy | {ahead}; all {n} slots of the runners are busy",
        { ahead, n: place.slots },
      );
    case null:
      return ahead;
  }
}
