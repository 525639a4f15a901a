import type { JobInput } from "@quern/contract/job-input";
import type { JobStatus, JobType, SnapshotHit } from "@quern/contract/job-status";
import { cancelJob, createJob, extendJob, type Job, listJobs, readJob } from "@quern/contract/jobs";
import { readSandbox } from "@quern/contract/sandbox";
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, onScopeDispose, toValue, watch } from "vue";
import { api } from "../api.ts";
import { jobEnded } from "../words/jobs.ts";
import { isTrouble } from "../words/problems.ts";
import { useAction } from "./action.ts";

export type JobFilters = {
  status?: JobStatus;
  type?: JobType;
  project_id?: string;
  created_by?: string;
  hit?: SnapshotHit;
  active?: "true";
};

/** Jobs, the newest first, a page at a time; read again as long as one of those shown goes on. */
export function useJobList(
  filters: MaybeRefOrGetter<JobFilters>,
  limit: number,
  enabled: MaybeRefOrGetter<boolean> = true,
) {
  const list = useInfiniteQuery({
    queryKey: computed(() => ["jobs", toValue(filters), limit] as const),
    queryFn: ({ pageParam, signal }) =>
      api.call(listJobs, {
        query: { ...toValue(filters), limit, ...(pageParam === "" ? {} : { cursor: pageParam }) },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    enabled: computed(() => toValue(enabled)),
    refetchInterval: (query) => {
      const pages = query.state.data?.pages ?? [];
      return pages.some(({ items }) => items.some(({ status }) => !jobEnded(status)))
        ? 2000
        : 15_000;
    },
  });
  return {
    ...list,
    items: computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []),
  };
}

/** One job. While it goes on it is read again every half second for its steps, and the server is asked for its end. */
export function useJob(id: MaybeRefOrGetter<string | null>) {
  const queries = useQueryClient();
  const read = useQuery({
    queryKey: computed(() => ["job", toValue(id)] as const),
    queryFn: ({ signal }) => api.call(readJob, { params: { id: toValue(id) ?? "" }, signal }),
    enabled: computed(() => toValue(id) !== null),
    refetchInterval: (query) => {
      const job = query.state.data;
      return job === undefined || jobEnded(job.status) ? false : paceOf(job);
    },
    staleTime: (query) => (query.state.data && jobEnded(query.state.data.status) ? 300_000 : 0),
  });
  let following = new AbortController();
  async function follow(jobId: string): Promise<void> {
    following.abort();
    following = new AbortController();
    const { signal } = following;
    for (;;) {
      const known = queries.getQueryData<Job>(["job", jobId]);
      if (known !== undefined && jobEnded(known.status)) return;
      try {
        const job = await api.call(readJob, { params: { id: jobId }, query: { wait: 20 }, signal });
        queries.setQueryData(["job", jobId], job);
        if (jobEnded(job.status)) refreshProjects();
      } catch (error) {
        // Left for another job, or the server is away: reading at intervals goes on.
        if (signal.aborted || isTrouble(error)) return;
        throw error;
      }
    }
  }
  function refreshProjects(): void {
    for (const key of ["projects", "jobs", "layers"])
      void queries.invalidateQueries({ queryKey: [key] });
  }
  watch(
    () => toValue(id),
    (jobId) => {
      if (jobId === null) following.abort();
      else void follow(jobId);
    },
    { immediate: true },
  );
  onScopeDispose(() => following.abort());
  return read;
}

/** A job with thousands of steps is large: it is read less often. */
const paceOf = (job: Job): number => (job.steps.length > 1000 ? 2000 : 600);

/** Starts, cancels and extends jobs. */
export function useJobDeeds() {
  const queries = useQueryClient();
  const start = useAction(async (input: JobInput) => {
    const { job_id } = await api.call(createJob, { body: input });
    for (const key of ["projects", "jobs"]) void queries.invalidateQueries({ queryKey: [key] });
    return job_id;
  });
  const cancel = useAction(async (id: string) => {
    queries.setQueryData(["job", id], await api.call(cancelJob, { params: { id } }));
  });
  const extend = useAction(
    async (id: string, body: { job_ttl?: number; snapshot_ttl?: number }) => {
      const job = await api.call(extendJob, { params: { id }, body });
      queries.setQueryData(["job", id], job);
      return job;
    },
  );
  return { start, cancel, extend };
}

/** The processes that run projects. */
export function useSandbox(enabled: MaybeRefOrGetter<boolean> = true) {
  return useQuery({
    queryKey: ["sandbox"],
    queryFn: ({ signal }) => api.call(readSandbox, { signal }),
    refetchInterval: 10_000,
    enabled: computed(() => toValue(enabled)),
  });
}
