import { type Action, readMe, signOut } from "@quern/contract/session";
import type { QueryClient } from "@tanstack/vue-query";
import { useQuery } from "@tanstack/vue-query";
import { computed } from "vue";
import { api } from "../api.ts";

export const meQuery = {
  queryKey: ["me"],
  queryFn: ({ signal }: { signal: AbortSignal }) => api.call(readMe, { signal }),
  staleTime: 60_000,
};

/** Who is signed in, or undefined while that is being asked. */
export function useMe() {
  const { data } = useQuery(meQuery);
  return data;
}

/** What the person's role allows at all: deny while it is not known. */
export function useCan() {
  const me = useMe();
  const actions = computed(() => new Set<Action>(me.value?.actions ?? []));
  return (action: Action): boolean => actions.value.has(action);
}

/** Ends the session on the server and forgets everything that was read with it. */
export async function endSession(queries: QueryClient): Promise<void> {
  await api.call(signOut, {});
  queries.clear();
}
