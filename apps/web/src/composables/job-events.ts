import type { JobEvent } from "@quern/contract/events";
import type { Job } from "@quern/contract/jobs";
import type { QueryClient } from "@tanstack/vue-query";
import { jobEnded } from "../words/jobs.ts";

let refresh: ReturnType<typeof setTimeout> | null = null;

/** Has what shows jobs read anew: the job itself at once, lists at most once in half a second. */
export function applyJobEvent(queries: QueryClient, event: JobEvent): void {
  const known = queries.getQueryData<Job>(["job", event.id]);
  if (known !== undefined && !jobEnded(known.status))
    void queries.invalidateQueries({ queryKey: ["job", event.id] });
  if (refresh !== null) return;
  refresh = setTimeout(() => {
    refresh = null;
    for (const key of ["jobs", "projects", "instances", "layers"])
      void queries.invalidateQueries({ queryKey: [key] });
  }, 500);
}
