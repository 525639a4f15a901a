import { createRun, readRun } from "@quern/contract/runs";
import { useRouter } from "vue-router";
import { api } from "../api.ts";
import { paths } from "../paths.ts";
import { randomId } from "../random-id.ts";
import { useAction } from "./action.ts";
import { awaitRun } from "./await-run.ts";

/** A result of the own datasource that is no older than this stands beside the other one; else it is made anew. */
const MAX_AGE_S = 300;

/**
 * Puts a result of another datasource beside one of the saved query on its own, with the same values, on the page for that.
 * The query is said: a run that several share may be of another one with the same text.
 */
export function useElsewhereComparison() {
  const router = useRouter();
  return useAction(async (runId: string, query_id: string): Promise<void> => {
    const mine = await api.call(readRun, { params: { id: runId } });
    const params = Object.fromEntries(mine.params.map(({ name, given }) => [name, given]));
    const { id } = await api.call(createRun, {
      body: { query_id, params, max_age_s: MAX_AGE_S },
      idempotencyKey: randomId(),
    });
    await awaitRun(id);
    await router.push(paths.compare(mine.id, id));
  });
}
