import { cancelRun, createRun, type Run, type RunInput, readRun } from "@quern/contract/runs";
import { useQueryClient } from "@tanstack/vue-query";
import { computed, onScopeDispose, type Ref, watch } from "vue";
import { api } from "../api.ts";
import { randomId } from "../random-id.ts";
import { isTrouble } from "../words/problems.ts";
import { isTerminal } from "../words/runs.ts";
import { useAction } from "./action.ts";
import { refreshRuns, useRun } from "./runs.ts";

export type StartedRun = { id: string; offset: number };

/** Where in the editor's text the runs of this tab began: only a part of it may have been sent. */
const offsets = new Map<string, number>();

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

  const start = useAction(async (body: RunInput, offset: number): Promise<StartedRun> => {
    const { id } = await api.call(createRun, { body, idempotencyKey: randomId() });
    offsets.set(id, offset);
    runId.value = id;
    refreshRuns(queries);
    return { id, offset };
  });

  const cancel = useAction(async () => {
    if (runId.value === null) return;
    queries.setQueryData(
      ["run", runId.value],
      await api.call(cancelRun, { params: { id: runId.value } }),
    );
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
  return { run, readError, refetch, start, cancel, busy };
}
