import { listTrials, readTrial, type Trial, tryFix } from "@quern/contract/health/trials";
import { cancelJob } from "@quern/contract/jobs";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../../api.ts";
import { useAction } from "../../composables/action.ts";
import { useCan, useMe } from "../../composables/session.ts";

const LOOK_EVERY_MS = 700;

/** The newest trial of a finding's fix, as it goes; `null` when there was none that this person may see. */
export function useTrial(findingId: MaybeRefOrGetter<string>) {
  const can = useCan();
  const me = useMe();
  const queries = useQueryClient();
  const listKey = computed(() => ["health", "trials", toValue(findingId)] as const);
  const list = useQuery({
    queryKey: listKey,
    queryFn: ({ signal }) => api.call(listTrials, { params: { id: toValue(findingId) }, signal }),
    enabled: () => can("health.read"),
  });
  const jobId = computed(() => list.data.value?.items[0]?.job_id ?? null);
  const trialKey = computed(() => ["health", "trial", jobId.value] as const);
  const read = useQuery({
    queryKey: trialKey,
    queryFn: ({ signal }) => api.call(readTrial, { params: { job_id: jobId.value ?? "" }, signal }),
    enabled: computed(() => jobId.value !== null),
    refetchInterval: (query) => (query.state.data?.result === "pending" ? LOOK_EVERY_MS : false),
  });
  const start = useAction(async (sample_rows: number | null) => {
    const body = sample_rows === null ? {} : { sample_rows };
    await api.call(tryFix, { params: { id: toValue(findingId) }, body });
    await queries.invalidateQueries({ queryKey: listKey.value });
  });
  const cancel = useAction(async (trial: Pick<Trial, "job_id">) => {
    await api.call(cancelJob, { params: { id: trial.job_id } });
    await queries.invalidateQueries({ queryKey: trialKey.value });
  });
  const trial = computed(() => (jobId.value === null ? null : (read.data.value ?? undefined)));
  /** Whose job it is, and admins, as on the page of the job. */
  const mine = computed(
    () =>
      me.value?.role === "admin" ||
      (me.value !== undefined && trial.value?.created_by?.id === me.value.user.id),
  );
  return {
    trial,
    canCancel: computed(() => mine.value && can("jobs.cancel")),
    known: computed(
      () => list.data.value !== undefined && (jobId.value === null || !read.isPending.value),
    ),
    trouble: computed(() => list.error.value ?? read.error.value),
    reread: () => Promise.all([list.refetch(), jobId.value === null ? null : read.refetch()]),
    ...{ start, cancel, canTry: computed(() => can("jobs.create_sql")) },
  };
}
