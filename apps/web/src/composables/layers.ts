import { deleteLayerName, nameState } from "@quern/contract/layer-names";
import {
  changeLayer,
  evictLayer,
  type Layer,
  listLayers,
  pinLayer,
  readLayerCapacity,
  unpinLayer,
} from "@quern/contract/layers";
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue } from "vue";
import { api } from "../api.ts";
import { useAction } from "./action.ts";

export type LayerFilters = {
  status?: "ready" | "evicted";
  pinned?: "true";
  search?: string;
  key?: string;
  store_id?: string;
};

/** Layers, the last used first, a page at a time. */
export function useLayers(
  filters: MaybeRefOrGetter<LayerFilters>,
  enabled: MaybeRefOrGetter<boolean> = true,
) {
  const list = useInfiniteQuery({
    queryKey: computed(() => ["layers", "list", toValue(filters)] as const),
    queryFn: ({ pageParam, signal }) =>
      api.call(listLayers, {
        query: {
          ...toValue(filters),
          limit: 200,
          ...(pageParam === "" ? {} : { cursor: pageParam }),
        },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    enabled: computed(() => toValue(enabled)),
    refetchInterval: 15_000,
  });
  return {
    ...list,
    items: computed(() => list.data.value?.pages.flatMap((page) => page.items) ?? []),
  };
}

/** What each machine's cache holds and may hold. */
export function useCaches(enabled: MaybeRefOrGetter<boolean> = true) {
  const read = useQuery({
    queryKey: ["layers", "capacity"],
    queryFn: ({ signal }) => api.call(readLayerCapacity, { signal }),
    enabled: computed(() => toValue(enabled)),
    refetchInterval: 10_000,
  });
  return { ...read, caches: computed(() => read.data.value?.caches ?? []) };
}

/** Pins, tags, names and evicts. */
export function useLayerDeeds() {
  const queries = useQueryClient();
  const reread = () => queries.invalidateQueries({ queryKey: ["layers"] });
  const of = ({ id }: Pick<Layer, "id">) => ({ params: { id } });
  return {
    pin: useAction(async (layer: Layer) => {
      await api.call(layer.pinned ? unpinLayer : pinLayer, of(layer));
      await reread();
    }),
    /** Gives the layer exactly these names and tags. */
    describe: useAction(async (layer: Layer, names: string[], tags: string[]) => {
      for (const name of names.filter((each) => !layer.names.includes(each)))
        await api.call(nameState, { params: { name }, body: { layer_id: layer.id } });
      for (const name of layer.names.filter((each) => !names.includes(each)))
        await api.call(deleteLayerName, { params: { name } });
      if (tags.join("\n") !== layer.tags.join("\n"))
        await api.call(changeLayer, { ...of(layer), body: { tags } });
      await reread();
      return layer.id;
    }),
    evict: useAction(async (layer: Layer, subtree: boolean, dry_run: boolean) => {
      const eviction = await api.call(evictLayer, { ...of(layer), body: { subtree, dry_run } });
      if (!dry_run) await reread();
      return eviction;
    }),
  };
}
