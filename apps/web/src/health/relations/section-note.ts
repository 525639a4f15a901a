import type { MonitoredDatabaseDetails } from "@quern/contract/health/databases";
import type { SectionState } from "@quern/contract/health/ranges";
import { computed } from "vue";
import { useServerNow } from "../../composables/clock.ts";
import { isStale } from "../scores.ts";

/** The state of a section when there is something to say of it: the page says itself that the whole database is stale. */
export function useSectionNote(
  database: () => MonitoredDatabaseDetails,
  state: () => SectionState | undefined,
) {
  const now = useServerNow(10_000);
  return computed(() => {
    const of = state();
    if (of === undefined || of.state === "ok") return null;
    return of.state === "stale" && isStale(database(), now.value) ? null : of;
  });
}
