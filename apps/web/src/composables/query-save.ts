import {
  changeQuery,
  createQuery,
  type Query,
  type QueryInput,
  readQuery,
} from "@quern/contract/queries";
import { useQueryClient } from "@tanstack/vue-query";
import { ref } from "vue";
import { api } from "../api.ts";
import { randomId } from "../random-id.ts";
import { hasCode } from "../words/problems.ts";
import { useAction } from "./action.ts";

export type Conflict = { theirs: Query };

/** Saving of queries: every save is a version. `conflict` is set when somebody else saved in between. */
export function useQuerySave() {
  const queries = useQueryClient();
  const conflict = ref<Conflict | null>(null);
  let createKey = randomId();

  function remember(saved: Query): Query {
    queries.setQueryData(["query", saved.id], saved);
    void queries.invalidateQueries({ queryKey: ["queries"] });
    void queries.invalidateQueries({ queryKey: ["versions", saved.id] });
    return saved;
  }

  const create = useAction(async (input: QueryInput) => {
    const saved = await api.call(createQuery, { body: input, idempotencyKey: createKey });
    createKey = randomId();
    return remember(saved);
  });

  const change = useAction(
    async (id: string, version: number, input: Partial<QueryInput>): Promise<Query | null> => {
      try {
        const body = { ...input, version };
        const saved = remember(await api.call(changeQuery, { params: { id }, body }));
        conflict.value = null;
        return saved;
      } catch (error) {
        if (!hasCode(error, "version_conflict")) throw error;
        const theirs = await api.call(readQuery, { params: { id } });
        queries.setQueryData(["query", id], theirs);
        conflict.value = { theirs };
        return null;
      }
    },
  );
  return { create, change, conflict };
}
