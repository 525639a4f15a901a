import {
  changePlaylist,
  createPlaylist,
  deletePlaylist,
  listPlaylists,
  type Playlist,
  type PlaylistItem,
} from "@quern/contract/display";
import { useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed } from "vue";
import { api } from "../api.ts";
import { useAction } from "./action.ts";

export type PlaylistDraft = { id: string | null; name: string; items: PlaylistItem[] };

export function usePlaylists() {
  const queries = useQueryClient();
  const reread = () => queries.invalidateQueries({ queryKey: ["playlists"] });
  const list = useQuery({
    queryKey: ["playlists"],
    queryFn: ({ signal }) => api.call(listPlaylists, { signal }),
  });
  const save = useAction(async ({ id, name, items }: PlaylistDraft): Promise<Playlist> => {
    const body = { name, items };
    const saved =
      id === null
        ? await api.call(createPlaylist, { body })
        : await api.call(changePlaylist, { params: { id }, body });
    await reread();
    return saved;
  });
  const remove = useAction(async (id: string) => {
    await api.call(deletePlaylist, { params: { id } });
    await reread();
    return true;
  });
  return { ...list, playlists: computed(() => list.data.value?.items ?? []), save, remove };
}
