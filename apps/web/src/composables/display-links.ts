import {
  createDashboardDisplayLink,
  createPlaylistDisplayLink,
  deleteDisplayLink,
  listDashboardDisplayLinks,
  listPlaylistDisplayLinks,
} from "@quern/contract/display";
import type { ParameterValues } from "@quern/contract/parameters";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed } from "vue";
import { api } from "../api.ts";
import { useAction } from "./action.ts";

export type DisplayTarget = { type: "dashboard" | "playlist"; id: string; name: string };
type LinkWish = { name: string; expires_in_days: number; params: ParameterValues };

/** The display links of a dashboard or a playlist, and how to make and end them. */
export function useDisplayLinks(target: () => DisplayTarget) {
  const queries = useQueryClient();
  const queryKey = computed(() => ["display-links", target().type, target().id] as const);
  const reread = () => queries.invalidateQueries({ queryKey: ["display-links"] });
  const list = useQuery({
    queryKey,
    queryFn: ({ signal }) => {
      const params = { id: target().id };
      return target().type === "dashboard"
        ? api.call(listDashboardDisplayLinks, { params, signal })
        : api.call(listPlaylistDisplayLinks, { params, signal });
    },
  });
  const create = useAction(async ({ name, expires_in_days, params: values }: LinkWish) => {
    const params = { id: target().id };
    const made =
      target().type === "dashboard"
        ? await api.call(createDashboardDisplayLink, {
            params,
            body: { name, expires_in_days, params: values },
          })
        : await api.call(createPlaylistDisplayLink, { params, body: { name, expires_in_days } });
    await reread();
    return made;
  });
  const revoke = useAction(async (id: string) => {
    await api.call(deleteDisplayLink, { params: { id } });
    await reread();
  });
  return { list, links: computed(() => list.data.value?.items ?? []), create, revoke };
}
