import { useToast } from "@nuxt/ui/composables";
import {
  addFavorite,
  changeFolder,
  createFolder,
  deleteFolder,
  type LibraryItem,
  listFavorites,
  listFolders,
  listRecent,
  listTags,
  noteRecent,
  type Placed,
  placeInLibrary,
  removeFavorite,
} from "@quern/contract/library";
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/vue-query";
import { computed, type MaybeRefOrGetter, toValue, watch } from "vue";
import { api } from "../api.ts";
import { t } from "../i18n/language.ts";
import { type Placing, undoOf } from "../library/undo.ts";
import { isTrouble } from "../words/problems.ts";
import { useCan } from "./session.ts";
import { useTroubleToast } from "./trouble-toast.ts";

/** All folders by name, with how many things in each the person may see. */
export function useFolders() {
  const can = useCan();
  const list = useQuery({
    queryKey: ["library", "folders"],
    queryFn: ({ signal }) => api.call(listFolders, { signal }),
    enabled: () => can("library.read"),
  });
  return { ...list, folders: computed(() => list.data.value?.items ?? []) };
}

/** The tags that are used, the most used first. */
export function useTags() {
  const can = useCan();
  const list = useQuery({
    queryKey: ["library", "tags"],
    queryFn: ({ signal }) => api.call(listTags, { signal }),
    enabled: () => can("library.read"),
  });
  return computed(() => list.data.value?.items ?? []);
}

export function useFavorites() {
  const can = useCan();
  const list = useQuery({
    queryKey: ["library", "favorites"],
    queryFn: ({ signal }) => api.call(listFavorites, { signal }),
    enabled: () => can("favorites.own"),
  });
  return { ...list, favorites: computed(() => list.data.value?.items ?? []) };
}

/** What the person opened or changed lately, the newest first. */
export function useRecent(limit: number) {
  const can = useCan();
  const list = useQuery({
    queryKey: ["library", "recent", limit],
    queryFn: ({ signal }) => api.call(listRecent, { query: { limit }, signal }),
    enabled: () => can("favorites.own"),
    staleTime: 0,
  });
  return { ...list, recent: computed(() => list.data.value?.items ?? []) };
}

/** Tells the server which query or dashboard is open now; null while there is none. */
export function useNoteRecent(item: MaybeRefOrGetter<LibraryItem | null>): void {
  const can = useCan();
  const queries = useQueryClient();
  const key = computed(() => {
    const opened = toValue(item);
    return opened && can("favorites.own") ? `${opened.type}/${opened.id}` : null;
  });
  watch(
    key,
    async (now) => {
      const opened = toValue(item);
      if (now === null || opened === null) return;
      try {
        await api.call(noteRecent, { params: opened });
        void queries.invalidateQueries({ queryKey: ["library", "recent"] });
      } catch (error) {
        // A list of recent things is not worth a word when the server is away; the page says that by itself.
        if (!isTrouble(error)) throw error;
      }
    },
    { immediate: true },
  );
}

/** Reads anew whatever shows where things are kept. */
export function rereadLibrary(queries: QueryClient): void {
  for (const key of ["library", "queries", "query", "dashboards", "dashboard"])
    void queries.invalidateQueries({ queryKey: [key] });
}

/** Marks or unmarks one, shown at once; taken back when the server refuses. */
export function useStar() {
  const queries = useQueryClient();
  const guard = useTroubleToast();
  return async (item: LibraryItem, on: boolean): Promise<void> => {
    showStar(queries, item, on);
    await guard(() =>
      api.call(on ? addFavorite : removeFavorite, { params: item }).then(() => undefined),
    );
    rereadLibrary(queries);
  };
}

type Starred = { id: string; favorite: boolean };

function showStar(queries: QueryClient, { type, id }: LibraryItem, favorite: boolean): void {
  const lists = type === "query" ? "queries" : "dashboards";
  queries.setQueryData<Starred>([type, id], (one) => (one ? { ...one, favorite } : one));
  queries.setQueriesData<{ pages?: { items: Starred[] }[] }>({ queryKey: [lists] }, (list) => {
    if (list?.pages === undefined) return list;
    const pages = list.pages.map((page) => ({
      ...page,
      items: page.items.map((each) => (each.id === id ? { ...each, favorite } : each)),
    }));
    return { ...list, pages };
  });
}

/** The deeds on folders; each throws when the server refuses, for its dialog to say why. */
export function useFolderDeeds() {
  const queries = useQueryClient();
  const then = <T>(deed: Promise<T>): Promise<T> =>
    deed.finally(() => {
      rereadLibrary(queries);
    });
  return {
    create: (name: string, parent_id: string | null) =>
      then(api.call(createFolder, { body: { name, parent_id } })),
    change: (id: string, change: { name?: string; parent_id?: string | null }) =>
      then(api.call(changeFolder, { params: { id }, body: change })),
    remove: (id: string) => then(api.call(deleteFolder, { params: { id } })),
  };
}

/** Moves and tags, and offers to take it back. True when it was done. */
export function usePlace() {
  const queries = useQueryClient();
  const toast = useToast();
  const guard = useTroubleToast();

  async function undo(placed: readonly Placed[]): Promise<void> {
    await guard(async () => {
      for (const body of undoOf(placed)) await api.call(placeInLibrary, { body });
    });
    rereadLibrary(queries);
  }
  return async (body: Placing, title: (n: number) => string): Promise<boolean> => {
    let placed: Placed[] = [];
    const done = await guard(async () => {
      placed = (await api.call(placeInLibrary, { body })).items;
    });
    rereadLibrary(queries);
    if (!done) return false;
    const gone = body.items.length - placed.length;
    toast.add({
      title: title(placed.length),
      ...(gone > 0
        ? {
            description: t(
              "{n} was deleted meanwhile or is not yours to see. | {n} were deleted meanwhile or are not yours to see.",
              { n: gone },
            ),
          }
        : {}),
      icon: "i-lucide-folder-check",
      color: "neutral",
      duration: 12_000,
      actions: [
        {
          label: t("Undo"),
          color: "neutral",
          variant: "outline",
          onClick: () => void undo(placed),
        },
      ],
    });
    return true;
  };
}
