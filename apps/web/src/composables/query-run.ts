import { explainSql } from "@quern/contract/explains";
import { cancelRun, createRun, type Run, type RunInput, readRun } from "@quern/contract/runs";
import { useQueryClient } from "@tanstack/vue-query";
import { computed, onScopeDispose, type Ref, reactive, watch } from "vue";
import { api } from "../api.ts";
import { randomId } from "../random-id.ts";
import { isTrouble } from "../words/problems.ts";
import { isTerminal } from "../words/runs.ts";
import { useAction } from "./action.ts";
import { noteOwnRun } from "./own-runs.ts";
import { refreshRuns, useRun } from "./runs.ts";
import { noteBegun, supersede } from "./supersede.ts";

/** Where in the editor's text the runs of this tab began: only a part of it may have been sent. */
const offsets = new Map<string, number>();

/** Runs of this tab that had answered already when they were asked for: nothing was executed. */
const reusedRuns = reactive(new Set<string>());

/** Where `run`'s SQL begins in `text` as it is now; null when the text has changed too much to tell. */
export function offsetInText(run: Pick<Run, "id" | "sql">, text: string): number | null {
  if (run.sql === null || run.sql === "") return null;
  const known = offsets.get(run.id);
  if (known !== undefined && text.startsWith(run.sql, known)) return known;
  const found = text.indexOf(run.sql);
  return found === -1 ? null : found;
}

/** Starts, follows and cancels the run that the page shows, whose id is `runId`. */
export function useQueryRun(runId: Ref<string | null>) {
  const queries = useQueryClient();
  const { data: run, error: readError, refetch } = useRun(runId);
  let following = new AbortController();

  /** `explain`: only how it would be executed. */
  const start = useAction(async (body: RunInput, offset: number, explain = false) => {
    const before = runId.value;
    const { id, reused } = explain
      ? await api.call(explainSql, { body })
      : await api.call(createRun, { body, idempotencyKey: randomId() });
    offsets.set(id, offset);
    if (reused) reusedRuns.add(id);
    else {
      reusedRuns.delete(id);
      noteBegun(id, body.query_id === undefined);
      noteOwnRun(id);
    }
    if (before !== id) void supersede(queries, before);
    runId.value = id;
    refreshRuns(queries);
    return { id, offset };
  });

  const cancel = useAction(async () => {
    // Pressed before the new run has an id: that one is meant, not the one before it.
    const id = start.busy.value ? ((await start.outcome())?.id ?? null) : runId.value;
    if (id === null) return;
    queries.setQueryData(["run", id], await api.call(cancelRun, { params: { id }, body: {} }));
  });

  /** Waits at the server for the end: events tell of progress, but this is as quick as the run itself. */
  async function follow(id: string): Promise<void> {
    following.abort();
    following = new AbortController();
    const { signal } = following;
    for (;;) {
      const known = queries.getQueryData<Run>(["run", id]);
      if (known !== undefined && isTerminal(known.status)) return;
      try {
        const read = await api.call(readRun, { params: { id }, query: { wait: 20 }, signal });
        queries.setQueryData(["run", id], read);
      } catch (error) {
        // Left for another run, or the server is away: reading at intervals and events carry on.
        if (signal.aborted || isTrouble(error)) return;
        throw error;
      }
    }
  }
  watch(
    runId,
    (id) => {
      if (id === null) following.abort();
      else void follow(id);
    },
    { immediate: true },
  );
  onScopeDispose(() => following.abort());

  const busy = computed(
    () => start.busy.value || (run.value !== undefined && !isTerminal(run.value.status)),
  );
  const reused = computed(() => runId.value !== null && reusedRuns.has(runId.value));
  return { run, reused, readError, refetch, start, cancel, busy };
}
