import type { RunStarted } from "@quern/contract/run-started";
import { cancelRun, type Run } from "@quern/contract/runs";
import { useQuery } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, ref, toValue, watch } from "vue";
import { api } from "../api.ts";
import { isTrouble } from "../words/problems.ts";
import { isTerminal } from "../words/runs.ts";
import { useAction } from "./action.ts";
import { awaitRun } from "./await-run.ts";
import { useRun } from "./runs.ts";

/** A run that nobody looks at any more is ended: its rows would be for nobody. */
async function abandon(id: string): Promise<void> {
  try {
    await api.call(cancelRun, { params: { id }, body: {} });
  } catch (error) {
    // It has ended by itself, or the server is away: then there is nothing to end.
    if (!isTrouble(error)) throw error;
  }
}

/**
 * A run on top of another one's result (a view, statistics, an explain), started when `key` says which one is wanted and
 * kept under that key: the same wish is not run twice while the tab lives. A `key` of null wants none.
 */
export function useDerivedRun(
  key: MaybeRefOrGetter<unknown[] | null>,
  start: () => Promise<RunStarted>,
) {
  const id = ref<string | null>(null);
  let starting: Promise<RunStarted> | null = null;
  const wanted = computed(() => toValue(key));
  const query = useQuery({
    queryKey: computed(() => ["derived", ...(wanted.value ?? [])]),
    enabled: computed(() => wanted.value !== null),
    queryFn: async ({ signal }): Promise<Run> => {
      starting = start();
      const started = await starting;
      id.value = started.id;
      try {
        return await awaitRun(started.id, signal);
      } catch (error) {
        if (signal.aborted) void abandon(started.id);
        throw error;
      }
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 300_000,
    retry: false,
  });
  watch(wanted, () => {
    id.value = null;
    starting = null;
  });
  const progress = useRun(id);
  const cancel = useAction(async () => {
    // Pressed before it has an id.
    const wished = id.value ?? (await starting)?.id;
    if (wished !== undefined) await api.call(cancelRun, { params: { id: wished }, body: {} });
  });

  const ended = computed(() => (wanted.value === null ? null : (query.data.value ?? null)));
  return {
    /** The run when it has succeeded. */
    done: computed(() => (ended.value?.status === "succeeded" ? ended.value : null)),
    /** The run when it has failed or was canceled. */
    failed: computed(() =>
      ended.value !== null && ended.value.status !== "succeeded" ? ended.value : null,
    ),
    /** The run while it goes on; null also before it has an id. */
    underway: computed(() => {
      const run = progress.data.value;
      return ended.value === null && run !== undefined && !isTerminal(run.status) ? run : null;
    }),
    busy: computed(() => wanted.value !== null && query.isFetching.value),
    error: computed(() => (wanted.value === null ? null : query.error.value)),
    canceling: cancel.busy,
    cancel: () => cancel.run(),
    again: () => query.refetch(),
  };
}
