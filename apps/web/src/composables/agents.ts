import {
  type Agent,
  createAgent,
  listAgents,
  renameAgent,
  revokeAgent,
  rotateAgentKey,
} from "@quern/contract/health/agents";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { useAction } from "./action.ts";
import { useCan } from "./session.ts";

const LOOK_EVERY_MS = 10_000;
const KEY = ["agents"];

export function useAgents() {
  const can = useCan();
  return useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api.call(listAgents, { signal }),
    enabled: () => can("agents.read"),
    refetchInterval: LOOK_EVERY_MS,
  });
}

/** One of them; `agent` is null when there is none with this id. */
export function useAgent(id: MaybeRefOrGetter<string>) {
  const list = useAgents();
  const agent = computed<Agent | null | undefined>(() =>
    list.data.value === undefined
      ? undefined
      : (list.data.value.items.find((each) => each.id === toValue(id)) ?? null),
  );
  return { ...list, agent };
}

function useReread() {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: KEY });
}

/** Makes an agent: its key and secret are in this answer and nowhere else. */
export function useAgentMaking() {
  const reread = useReread();
  return useAction(async (name: string) => {
    const made = await api.call(createAgent, { body: { name } });
    await reread();
    return made;
  });
}

export function useAgentRenaming() {
  const reread = useReread();
  return useAction(async (id: string, name: string) => {
    const renamed = await api.call(renameAgent, { params: { id }, body: { name } });
    await reread();
    return renamed;
  });
}

/** Gives an agent a new key and secret; the ones before hold for `overlap_hours` more. */
export function useKeyRotation() {
  const reread = useReread();
  return useAction(async (id: string, overlap_hours: number) => {
    const made = await api.call(rotateAgentKey, { params: { id }, body: { overlap_hours } });
    await reread();
    return made;
  });
}

/** Resolves to true when it is revoked. */
export function useAgentRevoking() {
  const reread = useReread();
  return useAction(async (id: string) => {
    await api.call(revokeAgent, { params: { id } });
    await reread();
    return true;
  });
}
