import {
  extendInstance,
  type Instance,
  listInstances,
  makeInstancePassword,
  openInstanceDatasource,
  resetInstance,
  stopInstance,
} from "@quern/contract/instances";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { useAction } from "./action.ts";

export type InstanceFilters = {
  status?: "live" | "ended" | "all";
  owner?: "me" | "all";
  project_id?: string;
};

/** Instances, the newest first; read often while one is being made or reset. */
export function useInstances(
  filters: MaybeRefOrGetter<InstanceFilters>,
  enabled: MaybeRefOrGetter<boolean> = true,
) {
  const list = useQuery({
    queryKey: computed(() => ["instances", toValue(filters)] as const),
    queryFn: ({ signal }) =>
      api.call(listInstances, { query: { ...toValue(filters), limit: 200 }, signal }),
    enabled: computed(() => toValue(enabled)),
    refetchInterval: (query) =>
      query.state.data?.items.some(({ status }) => status === "starting" || status === "resetting")
        ? 1000
        : 10_000,
  });
  return { ...list, items: computed(() => list.data.value?.items ?? []) };
}

/** What is done with an instance that is there. */
export function useInstanceDeeds() {
  const queries = useQueryClient();
  const reread = () => queries.invalidateQueries({ queryKey: ["instances"] });
  const of = ({ id }: Pick<Instance, "id">) => ({ params: { id } });
  return {
    reset: useAction(async (instance: Instance) => {
      await api.call(resetInstance, of(instance));
      await reread();
    }),
    extend: useAction(async (instance: Instance, ttl: number) => {
      await api.call(extendInstance, { ...of(instance), body: { ttl } });
      await reread();
    }),
    stop: useAction(async (instance: Instance) => {
      await api.call(stopInstance, of(instance));
      await reread();
    }),
    /** Makes it a datasource, or says which one it is. */
    open: useAction(async (instance: Instance) => {
      const opened = await api.call(openInstanceDatasource, of(instance));
      await Promise.all([reread(), queries.invalidateQueries({ queryKey: ["datasources"] })]);
      return opened;
    }),
    /** Makes a password, which only this answer has. */
    login: useAction(async (instance: Instance) => {
      const login = await api.call(makeInstancePassword, of(instance));
      await reread();
      return login;
    }),
  };
}
